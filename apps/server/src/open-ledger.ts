import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyObject } from 'node:crypto';
import type { Partner } from '#customer-relationship';
import { AnotherLedgerSecret, FileUnusable, fileUnusable, LogDamaged, openLedger, readLedger } from '#event-sourcing';
import { lockDirectory, StoreStartupError } from '#event-store-sqlite';
import { ForeignViews, openViews, refuseForeignViews, viewsFileIn } from '#projector';
import { relationshipViews } from '#read-models';
import type { Logger } from 'pino';
import { pastThreads, startRestartedProjector } from '#relationship-projector';
import { openEventLog, placeOf, type OpenEventLog, type StoreMetrics } from '#event-log';
import { badConfiguration, exitCodeOf, StartupFailure } from '#program';
import { occasionally } from '#pacing';
import { ProjectedPastViews } from './as-of/past-views.js';
import { unreachable, type ServerHealth } from './health/server-health.js';
import { ledgerSecret, ledgerSecretPath, sharedLedgerSecret, type Configuration } from '#configuration';
import { sealOfRelease } from './event-check.js';
import type { ServedLedger } from './served-ledger.js';
import { ledgerOf } from './server.module.js';

export interface LedgerToOpen {
  /**
   * Opens the ledger. Waits for a database that is not there; meanwhile the server's health says so.
   * @throws StartupFailure; the signal's reason when it has ended the waiting
   */
  readonly open: (signal: AbortSignal) => Promise<ServedLedger>;
  /** Of the server, and of its projector's own connection where it has one. */
  readonly storeMetrics: () => { readonly server: StoreMetrics; readonly projector: StoreMetrics | undefined };
  readonly isClientBroken: OpenEventLog['isClientBroken'];
  readonly close: () => Promise<void>;
}

export interface LedgerSurroundings {
  readonly partners: ReadonlyMap<string, Partner>;
  readonly health: ServerHealth;
  readonly logger: Logger;
}

const troubleLoggedEveryMs = 30_000;

/**
 * Takes the data directory and the store, with the adapters that the configuration names; nothing is asked of a database yet.
 * @throws StartupFailure; what was opened is closed again
 */
export async function takeLedger(settings: Configuration, surroundings: LedgerSurroundings): Promise<LedgerToOpen> {
  const { dataDirectory, keysDirectory, log } = settings;
  const { health, logger } = surroundings;
  const closing = new AsyncDisposableStack();
  try {
    const shared = log.store === 'kurrentdb' ? sharedLedgerSecret(settings) : undefined;
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    const lock = lockDirectory(dataDirectory);
    closing.defer(() => lock.release());
    if (log.store === 'sqlite')
      requireLog(log.eventsFile, [ledgerSecretPath(keysDirectory), viewsFileIn(dataDirectory)]);
    const opened = await openEventLog(log, {
      onNotice: (message, details) => logger.warn(details, message),
      onDamage: () => (health.damaged = true),
      onDenied: (denied) => (health.denied = denied),
      isDamaged: () => health.damaged,
    });
    closing.defer(() => opened.store.close());
    const projector: { metrics: StoreMetrics | undefined } = { metrics: undefined };
    return {
      open: (signal) =>
        openTaken({
          settings,
          surroundings,
          opened,
          shared,
          closing,
          signal,
          onMetrics: (of) => (projector.metrics = of),
        }),
      storeMetrics: () => ({ server: opened.metrics(), projector: projector.metrics }),
      isClientBroken: opened.isClientBroken,
      close: () => closing.disposeAsync(),
    };
  } catch (error) {
    await closing.disposeAsync();
    throw explained(error, settings);
  }
}

interface Taken {
  readonly settings: Configuration;
  readonly surroundings: LedgerSurroundings;
  readonly opened: OpenEventLog;
  /** The secret that all servers of the log have; undefined where this server has the log for itself. */
  readonly shared: KeyObject | undefined;
  readonly closing: AsyncDisposableStack;
  readonly signal: AbortSignal;
  readonly onMetrics: (metrics: StoreMetrics) => void;
}

async function openTaken({
  settings,
  surroundings,
  opened,
  shared,
  closing,
  signal,
  onMetrics,
}: Taken): Promise<ServedLedger> {
  const { dataDirectory, keysDirectory, policy, salesRegions, log } = settings;
  const { partners, health, logger } = surroundings;
  const { store } = opened;
  const place = log.store === 'sqlite' ? undefined : opened.place;
  const viewsFile = viewsFileIn(dataDirectory);
  const logWaiting = occasionally(troubleLoggedEveryMs, (times, { message }: Error) =>
    logger.warn(
      { attempts: times },
      `the event store at ${placeOf(log)} cannot be reached: ${message}; the server waits for it`,
    ),
  );
  const logTrouble = occasionally(troubleLoggedEveryMs, (times, message: string) => logger.warn({ times }, message));
  health.logTrouble = occasionally(troubleLoggedEveryMs, (times, error: Error) =>
    logger.warn({ err: error, times }, 'the event store could not say how far views are behind'),
  );
  health.logStreamTrouble = occasionally(troubleLoggedEveryMs, (times, error: Error) =>
    logger.warn({ err: error, times }, 'streams of the history cannot go on'),
  );
  const logDamage = occasionally(60_000, (times, message: string) =>
    logger.error({ times }, `the log is damaged, so no view moves: ${message}`),
  );
  const logViewsTrouble = occasionally(60_000, (times, message: string) =>
    logger.error({ times }, `the views cannot be written, so no view moves: ${message}`),
  );
  let waitedSince: number | undefined;
  const onWaiting = (error: Error) => {
    waitedSince ??= performance.now();
    health.waitingFor = unreachable(place, error);
    logWaiting(error);
  };
  try {
    const { ledgerId, secret, head } = await opened.reach(
      async () => {
        // By reading alone, before the first byte is written: it may be the log of somebody else.
        const known = await readLedger(store);
        await refuseForeignViews(viewsFile, known?.ledgerId, store);
        const secret = shared ?? (await ledgerSecret(keysDirectory, (await store.head()) === 0));
        const { ledgerId } = await openLedger(store, sealOfRelease, undefined, secret);
        return { ledgerId, secret, head: await store.head() };
      },
      { signal, onWaiting },
    );
    if (waitedSince !== undefined)
      // At the level of the complaint that it answers.
      logger.warn({ waitedSeconds: Math.round((performance.now() - waitedSince) / 1000) }, 'the event store is there');
    health.headAtStart = head;
    if (settings.projector === 'thread') {
      const notBegun = 'the projector has not begun yet';
      let begun = false;
      health.waitingFor = notBegun;
      const thread = await startRestartedProjector({
        log,
        viewsFile,
        signal,
        onStopped: (view, failure) => logger.error({ view, failure }, 'a view has stopped at an event'),
        onTrouble(message, _, { damaged, viewsDamaged }) {
          health.damaged ||= damaged;
          health.viewsDamaged ||= viewsDamaged;
          if (!begun) health.waitingFor = `${notBegun}: see the log of the server`;
          if (damaged) logDamage(message);
          else if (viewsDamaged) logViewsTrouble(message);
          else logTrouble(`projector: ${message}`);
        },
        onNotice: (message, details) => logger.warn(details, `projector: ${message}`),
        onMetrics,
        onCrashed(error, restartInMs) {
          health.projectorDown = true;
          logger.error({ err: error, restartInMs }, 'the projector has ended and is started again');
        },
        onRestarted() {
          health.projectorDown = false;
          health.projectorRestarts++;
          logger.info('the projector runs again');
        },
      }).catch((error: unknown) => {
        signal.throwIfAborted();
        // Its class is lost on the way from the thread; the message says what to do.
        throw new StartupFailure((error as Error).message);
      });
      begun = true;
      closing.defer(() => thread.stop());
    }
    const views = openViews({
      path: viewsFile,
      projections: relationshipViews,
      onDamaged: ({ view, message }) => logger.error({ view }, message),
    });
    closing.defer(() => views.close());
    const past = new ProjectedPastViews({
      directory: join(dataDirectory, 'as-of'),
      store,
      threads: pastThreads({
        log,
        ledgerId,
        onNotice: (message, details) => logger.warn(details, `as of: ${message}`),
      }),
      bounds: settings.pastViews,
      onFailed: (view, error) => logger.error({ view, err: error }, 'a view could not be projected as it stood'),
      onTrouble: logTrouble,
    });
    closing.defer(() => past.close());
    return ledgerOf({
      id: ledgerId,
      place,
      store,
      views,
      pastViews: past,
      secret: secret.export(),
      policy,
      salesRegions,
      partners,
      logger,
    });
  } catch (error) {
    signal.throwIfAborted();
    throw explained(error, settings);
  }
}

/** In words that say what to do, where there are any. */
function explained(error: unknown, { dataDirectory, keysDirectory, log }: Configuration): unknown {
  if (!(error instanceof Error) || error instanceof StartupFailure) return error;
  if (error instanceof StoreStartupError || error instanceof ForeignViews) return new StartupFailure(error.message);
  if (error instanceof LogDamaged) return new StartupFailure(`${placeOf(log)}: ${error.message}`);
  if (error instanceof AnotherLedgerSecret)
    return new StartupFailure(
      `${ledgerSecretPath(keysDirectory)} is not the ledger's secret. ${error.message}.\n` +
        (log.store === 'sqlite'
          ? 'Set KEYS_DIR to the directory that this ledger was started with, or restore the file from your backup. If it is lost for good, with the server stopped:\n'
          : 'Set KEYS_DIR to the secrets of the other servers, or restore them from your backup. If they are lost for good: stop every server, then\n') +
        `npm run keys -- --adopt-ledger-secret; from then on a retry of a command sent before is refused (IdempotencyKeyReused).`,
      badConfiguration,
    );
  if (exitCodeOf(error) === badConfiguration) return new StartupFailure(error.message, badConfiguration);
  const { code, path = dataDirectory } = error as NodeJS.ErrnoException;
  if (error instanceof FileUnusable) return new StartupFailure(error.message);
  if (code === undefined || !/^(E[A-Z]+|SQLITE_\w+)$/.test(code)) return error;
  // Of the directory itself, or of what is kept in it for a moment.
  const restore = 'Check DATA_DIR, and that this user may write there';
  return new StartupFailure(
    fileUnusable({ what: 'The data directory', path, purpose: 'write', restore }, error).message,
  );
}

/** A log that is gone must not be taken for a ledger that begins: its customers would be unknown, and their commands new. */
function requireLog(eventsFile: string, leftBehind: readonly string[]): void {
  // The log is made before the secret and the views, so a first start that was cut short does not look like this.
  const traces = leftBehind.filter((path) => existsSync(path));
  if (traces.length > 0 && !existsSync(eventsFile))
    throw new StartupFailure(
      `${eventsFile} is missing, but ${traces.join(' and ')} show that there has been a ledger here.\n` +
        'Restore the events from your backup. For a new ledger set DATA_DIR to another directory.',
    );
}
