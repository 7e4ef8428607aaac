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
import type { Telemetry } from '#telemetry';
import { ProjectedPastViews } from './as-of/past-views.js';
import { unreachable, type ServerHealth } from './health/server-health.js';
import { ledgerSecret, ledgerSecretPath, sharedLedgerSecret, type Configuration } from '#configuration';
import { sealOfRelease } from './event-check.js';
import type { ServedLedger } from './served-ledger.js';
import { ledgerOf } from './server.module.js';
import type { TrustedClock } from './trusted-clock/trusted-clock.js';

export interface LedgerSurroundings {
  readonly partners: ReadonlyMap<string, Partner>;
  readonly health: ServerHealth;
  readonly logger: Logger;
  readonly clock: TrustedClock;
  /** Absent where nothing is exported. */
  readonly telemetry: Telemetry | undefined;
}

const troubleLoggedEveryMs = 30_000;

/**
 * Takes the data directory and the store, with the adapters that the configuration names. Nothing is asked of a database yet.
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
    return new LedgerToOpen(settings, surroundings, opened, shared, closing);
  } catch (error) {
    await closing.disposeAsync();
    throw explained(error, settings);
  }
}

export class LedgerToOpen {
  private projectorMetrics: StoreMetrics | undefined;

  constructor(
    private readonly settings: Configuration,
    private readonly surroundings: LedgerSurroundings,
    private readonly opened: OpenEventLog,
    /** The secret that all servers of the log share; undefined where this server alone has the log. */
    private readonly shared: KeyObject | undefined,
    private readonly closing: AsyncDisposableStack,
  ) {}

  readonly isClientBroken: OpenEventLog['isClientBroken'] = (error) => this.opened.isClientBroken(error);
  readonly close = () => this.closing.disposeAsync();
  /** Of the server, and of its projector's own connection where it has one. */
  readonly storeMetrics = () => ({ server: this.opened.metrics(), projector: this.projectorMetrics });

  /**
   * Opens the ledger. Waits for a database that cannot be reached; meanwhile the server's health says so.
   * @throws StartupFailure; the signal's reason when the signal has ended the wait
   */
  async open(signal: AbortSignal): Promise<ServedLedger> {
    const { dataDirectory, policy, salesRegions, log, projector } = this.settings;
    const { partners, health, logger, clock } = this.surroundings;
    const { store } = this.opened;
    const viewsFile = viewsFileIn(dataDirectory);
    const logTrouble = occasionally(troubleLoggedEveryMs, (times, message: string) => logger.warn({ times }, message));
    const warnOf = (what: string) =>
      occasionally(troubleLoggedEveryMs, (times, error: Error) => logger.warn({ err: error, times }, what));
    health.logTrouble = warnOf('the event store could not say how far views lag');
    health.logStreamTrouble = warnOf('streams of the history cannot go on');
    try {
      const { ledgerId, secret, head } = await this.reach(viewsFile, signal);
      health.headAtStart = head;
      if (projector === 'thread') await this.startProjector(viewsFile, signal, logTrouble);
      const views = openViews({
        path: viewsFile,
        projections: relationshipViews,
        onDamaged: ({ view, message }) => logger.error({ view }, message),
      });
      this.closing.defer(() => views.close());
      const onNotice = (message: string, details: object) => logger.warn(details, `as of: ${message}`);
      const pastViews = new ProjectedPastViews({
        directory: join(dataDirectory, 'as-of'),
        store,
        threads: pastThreads({ log, ledgerId, onNotice }),
        bounds: this.settings.pastViews,
        onFailed: (view, error) => logger.error({ view, err: error }, 'a view could not be projected as it stood'),
        onTrouble: logTrouble,
      });
      this.closing.defer(() => pastViews.close());
      return ledgerOf({
        id: ledgerId,
        secret: secret.export(),
        place: this.place(),
        store,
        views,
        pastViews,
        policy,
        salesRegions,
        partners,
        logger,
        clock,
      });
    } catch (error) {
      signal.throwIfAborted();
      throw explained(error, this.settings);
    }
  }

  /** Hosts of the database, if the log is in one. */
  private place(): string | undefined {
    return this.settings.log.store === 'sqlite' ? undefined : this.opened.place;
  }

  /** Reaches the store, and opens the ledger in it or begins one. */
  private async reach(viewsFile: string, signal: AbortSignal) {
    const { log, keysDirectory } = this.settings;
    const { health, logger } = this.surroundings;
    const { store } = this.opened;
    const logWaiting = occasionally(troubleLoggedEveryMs, (times, { message }: Error) =>
      logger.warn(
        { attempts: times },
        `the event store at ${placeOf(log)} cannot be reached: ${message}; the server waits for it`,
      ),
    );
    let waitedSince: number | undefined;
    const onWaiting = (error: Error) => {
      waitedSince ??= performance.now();
      health.waitingFor = unreachable(this.place(), error);
      logWaiting(error);
    };
    const reached = await this.opened.reach(
      async () => {
        // Only reads until the first byte is written: the log may belong to another ledger.
        const known = await readLedger(store);
        await refuseForeignViews(viewsFile, known?.ledgerId, store);
        const secret = this.shared ?? (await ledgerSecret(keysDirectory, (await store.head()) === 0));
        const { ledgerId } = await openLedger(store, sealOfRelease, undefined, secret);
        return { ledgerId, secret, head: await store.head() };
      },
      { signal, onWaiting },
    );
    if (waitedSince !== undefined)
      // At the level of the warning that it ends.
      logger.warn({ waitedSeconds: Math.round((performance.now() - waitedSince) / 1000) }, 'the event store is there');
    return reached;
  }

  private async startProjector(
    viewsFile: string,
    signal: AbortSignal,
    logTrouble: (message: string) => void,
  ): Promise<void> {
    const { health, logger, telemetry } = this.surroundings;
    const logError = (what: string) =>
      occasionally(60_000, (times, message: string) =>
        logger.error({ times }, `${what}, so no view moves: ${message}`),
      );
    const logDamage = logError('the log is damaged');
    const logViewsTrouble = logError('the views cannot be written');
    const notBegun = 'the projector has not begun yet';
    let begun = false;
    health.waitingFor = notBegun;
    const thread = await startRestartedProjector({
      log: this.settings.log,
      viewsFile,
      traced: telemetry?.isTracing === true,
      signal,
      onProjected: (spans) => telemetry?.add(spans),
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
      onMetrics: (metrics) => (this.projectorMetrics = metrics),
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
      // The thread does not pass on the error's class; the message says what to do.
      throw new StartupFailure((error as Error).message);
    });
    begun = true;
    this.closing.defer(() => thread.stop());
  }
}

/** The error in words that say what to do, if it is a known one. */
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
  // The path is the directory itself, or a temporary file in it.
  const restore = 'Check DATA_DIR, and that this user may write there';
  return new StartupFailure(
    fileUnusable({ what: 'The data directory', path, purpose: 'write', restore }, error).message,
  );
}

/** A lost log must not pass for a new ledger: it would know no customer, and take commands sent again for new ones. */
function requireLog(eventsFile: string, leftOver: readonly string[]): void {
  // The log is made before the secret and the views, so a first start that was cut short does not look like this.
  const traces = leftOver.filter((path) => existsSync(path));
  if (traces.length > 0 && !existsSync(eventsFile))
    throw new StartupFailure(
      `${eventsFile} is missing, but ${traces.join(' and ')} show that there has been a ledger here.\n` +
        'Restore the events from your backup. For a new ledger set DATA_DIR to another directory.',
    );
}
