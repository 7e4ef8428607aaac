import 'reflect-metadata';
import { lookup } from 'node:dns/promises';
import { placeOf } from '#event-log';
import { occasionally } from '#pacing';
import { ServerHealth } from './health/server-health.js';
import { configuration, partnersIn, shownIssuers, verifierOf, type Configuration } from '#configuration';
import { usualStreamBounds } from './history/open-streams.js';
import { sealOfRelease } from './event-check.js';
import { httpServer } from './http-server.js';
import type { ServedLedger } from './served-ledger.js';
import { metricsOf, serveMetrics, type MetricsServer } from './health/metrics.js';
import { takeLedger } from './open-ledger.js';
import { logRequest, openLog, type Log } from './request-log.js';
import { securityJournal } from './security-journal/security-journal.js';
import { collectWhenQuiet } from './quiet-collection.js';
import { release } from './release.js';
import { ServerModule } from './server.module.js';
import { endRequestSpan } from './traced.js';
import { timekeeperOf } from './timekeeper/keep-time.js';
import { signInLink } from './sign-in-link.js';
import { clockNotesIn } from './trusted-clock/clock-files.js';
import { machineClocks } from './trusted-clock/machine-clocks.js';
import { reportTimeOff } from './trusted-clock/time-off.js';
import { TrustedClock, type ClockJump } from './trusted-clock/trusted-clock.js';
import { startAgain, StartupFailure } from '#program';
import { openTelemetry, type Telemetry, type TelemetrySettings } from '#telemetry';

/** How long requests in hand may take once the server has to stop. */
const drainMs = 8_000;

/** Whether an uncaught exception has broken the database's client. Set once there is a store. */
let isClientBroken: (error: unknown) => boolean = () => false;

async function start(settings: Configuration, log: Log): Promise<void> {
  // Disposed in reverse order: requests end first, the store closes last.
  const running = new AsyncDisposableStack();
  running.defer(log.flush);
  const stopping = new AbortController();
  try {
    const { logger } = log;
    const partners = partnersIn(settings.partnersFile);
    const clock = clockOf(settings, logger);
    // Filled by `open`. No request reaches it before: see `ServerHealth.waitingFor`.
    const ledger = {} as ServedLedger;
    const verifier = await verifierOf(settings, {
      now: () => clock.estimate(),
      actorId: (named) => ledger.actorId(named),
      logger,
    });
    const health = new ServerHealth();
    const telemetry = settings.telemetry && (await telemetryOf(settings.telemetry, logger));
    if (telemetry) running.defer(telemetry.stop);
    const taken = await takeLedger(settings, { partners, health, logger, clock, telemetry });
    ({ isClientBroken } = taken);
    running.defer(taken.close);
    const open = async () => {
      Object.assign(ledger, await taken.open(stopping.signal));
      await reportTimeOff(ledger, settings.clockJumpMaxSeconds * 1_000, logger);
      health.waitingFor = undefined;
    };
    // A file is there or not. A database may start after the server, which waits for it and says so meanwhile.
    const waits = settings.log.store === 'kurrentdb';
    if (!waits) await open();
    const logDropped = occasionally(60_000, (times, error: unknown) =>
      logger.warn({ err: error, times }, 'denials could not be written to the security journal'),
    );
    const journal = securityJournal({
      store: () => ledger.store,
      seal: sealOfRelease,
      isPartner: (tenant) => partners.has(tenant),
      now: () => clock.estimate(),
      onDropped: logDropped,
    });
    // After the last denial, and before the store closes.
    running.defer(() => journal.close());
    const metrics = metricsOf({
      ledger,
      health,
      clock,
      storeMetrics: taken.storeMetrics,
      cachedTokens: () => verifier.cached(),
      droppedDenials: journal.dropped,
      dataDirectory: settings.dataDirectory,
    });
    telemetry?.exportMetrics(() => metrics.collected());
    const host = await addressOf(settings);
    let metricsServer: MetricsServer | undefined;
    if (settings.metricsPort !== undefined) {
      metricsServer = await serveMetrics(metrics, settings.metricsHost, settings.metricsPort);
      running.defer(metricsServer.close);
    }
    const app = await httpServer({
      module: ServerModule.serving(
        ledger,
        health,
        { viewLagSeconds: settings.viewLagLimitSeconds },
        { ...usualStreamBounds, streams: settings.limits.liveStreams },
      ),
      verifier,
      tracer: telemetry,
      limits: settings.limits,
      web: settings.web,
      logger,
      health,
      onAnswered: (request, reply) => {
        logRequest(log, request, reply);
        metrics.observe(request, reply);
        endRequestSpan(request, reply);
      },
      onDenied(denial) {
        // The caller may have made up a partner that this ledger does not know.
        const { partnerId, ...rest } = denial;
        journal.deny(partnerId !== undefined && partners.has(partnerId) ? denial : rest);
      },
    });
    metrics.watch(app.getHttpServer());
    running.defer(async () => {
      const server = app.getHttpServer();
      // Closing the server closes only connections that are idle now; busy ones become idle later.
      const idle = setInterval(() => server.closeIdleConnections(), 50);
      const force = setTimeout(() => server.closeAllConnections(), drainMs);
      await app.close();
      clearInterval(idle);
      clearTimeout(force);
    });
    // Connections wait in the kernel until the event loop accepts them. One that finds no room is tried again after a second.
    await app.listen({ port: settings.port, host, backlog: 4096 }).catch((error: NodeJS.ErrnoException) => {
      throw new StartupFailure(cannotListen(settings, error));
    });
    running.defer(collectWhenQuiet());
    // Before requests end: another server may take over meanwhile.
    running.defer(() => health.timekeeper?.stop());
    const opening = waits ? open() : Promise.resolve();
    stopOnSignal(async () => {
      stopping.abort();
      // Everything that it opens must be registered before it is closed. How it ended no longer matters.
      await opening.catch(() => undefined);
      await running.disposeAsync();
    }, log);
    const url = await app.getUrl();
    const link = await signInLink(url, settings, partners);
    log.print(introduction(url, settings, { link, metrics: metricsServer?.address }));
    await opening;
    if (waits) logger.info({ ledger: ledger.id }, 'the ledger is open');
    if (settings.timekeeper && !stopping.signal.aborted) {
      health.timekeeper = timekeeperOf(ledger, settings.timekeeper, health, logger, telemetry);
      health.timekeeper.start();
    }
  } catch (error) {
    // The handler of the signal does the rest.
    if (stopping.signal.aborted) return;
    await running.disposeAsync();
    throw error;
  }
}

/** The exporter of traces and metrics. Its trouble is no trouble of the ledger. */
function telemetryOf(settings: TelemetrySettings, logger: Log['logger']): Promise<Telemetry> {
  const logTrouble = occasionally(60_000, (times, message: string) =>
    logger.warn({ times }, `traces and metrics could not be exported: ${message}`),
  );
  return openTelemetry({
    settings,
    service: { name: 'reseller-ledger', version: release },
    onTrouble: logTrouble,
  });
}

/** The clock of this machine, as long as it can be trusted. */
function clockOf({ dataDirectory, clockJumpMaxSeconds }: Configuration, logger: Log['logger']): TrustedClock {
  const logJump = occasionally(60_000, (times, jump: ClockJump) =>
    logger.error(
      { ...jump, times },
      'the clock is not trusted: commands and what depends on the time are refused until it is set right, or a person agrees by npm run clock -- agree',
    ),
  );
  const logTrouble = occasionally(60_000, (times, error: Error) =>
    logger.error(
      { err: error, times },
      'what the clock has done cannot be written down for the people who run this server',
    ),
  );
  return new TrustedClock({
    clocks: machineClocks,
    jumpMax: clockJumpMaxSeconds * 1_000,
    notes: clockNotesIn(dataDirectory, logTrouble),
    onJump: logJump,
    onTrusted: (jump, because) =>
      logger.warn(
        jump,
        because === 'agreed'
          ? 'the clock is trusted again: a person has agreed to the jump'
          : 'the clock is trusted again: it reads what was expected',
      ),
  });
}

/**
 * One address of the host. For `localhost` Fastify would make a server for each further address, without the bounds of the
 * first.
 */
async function addressOf(settings: Configuration): Promise<string> {
  try {
    return (await lookup(settings.host, { order: 'ipv4first' })).address;
  } catch (error) {
    throw new StartupFailure(cannotListen(settings, error as NodeJS.ErrnoException));
  }
}

function cannotListen({ host, port }: Configuration, { code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is in use. Stop what uses it, or set PORT to another (0 for any).`;
    case 'EACCES':
      return `This user may not listen on port ${port}. Set PORT to one from 1024 on.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${host} is no address of this machine. Set HOST to one that is, such as 127.0.0.1.`;
    default:
      return `The server cannot listen on ${host}:${port}: ${code ?? message}.`;
  }
}

/** The first signal lets requests in hand finish; the second does not wait for them. */
function stopOnSignal(end: () => Promise<void>, log: Log): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) {
      log.flush();
      process.exit(1);
    }
    stopping = true;
    log.logger.info({ signal }, 'stopping');
    end().then(
      () => process.exit(0),
      (error: unknown) => {
        log.logger.error({ err: error }, 'not stopped cleanly');
        log.flush();
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

interface Addresses {
  /** It signs in to the docs page. */
  readonly link: string | undefined;
  readonly metrics: string | undefined;
}

function introduction(url: string, settings: Configuration, { link, metrics }: Addresses): string {
  const lines = [
    `Reseller Ledger listens on ${url}`,
    ...(settings.web.docs ? [`Routes to try       ${link ?? `${url}/docs`}`] : []),
    settings.identity
      ? `Tokens              of ${shownIssuers(settings.identity)}`
      : 'Tokens              npm run token -- --role GlobalAdmin --role AdminAgent --partner <guid>',
    `Data directory      ${settings.dataDirectory}`,
    ...(settings.log.store === 'kurrentdb'
      ? [`Event store         ${placeOf(settings.log)}, streams ${settings.log.streamPrefix}…`]
      : []),
    `Policy              ${settings.policy.name}`,
    ...(metrics ? [`Metrics             ${metrics}`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

async function main(): Promise<void> {
  let log: Log | undefined;
  try {
    const settings = configuration(process.env);
    log = await openLog(settings);
    const { logger, flush } = log;
    for (const notice of settings.notices) logger.warn(notice);
    // A bug: what has been acknowledged is on the disk, and the state in memory cannot be trusted.
    process.on('uncaughtException', (error) => {
      const broken = isClientBroken(error);
      logger.fatal(
        { err: error },
        broken
          ? 'the client of the database has lost the state that its connections share: the server ends, so that it is started again'
          : 'uncaught',
      );
      flush();
      process.exit(broken ? startAgain : 1);
    });
    await start(settings, log);
  } catch (error) {
    if (error instanceof StartupFailure) {
      process.stderr.write(`${error.message}\n`);
      process.exit(error.exitCode);
    }
    log?.logger.fatal({ err: error }, 'not started');
    log?.flush();
    process.stderr.write(`The server cannot start: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

await main();
