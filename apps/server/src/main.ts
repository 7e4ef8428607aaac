import 'reflect-metadata';
import { configuration, type Configuration } from './configuration.js';
import { httpServer } from './http-server.js';
import { verifierOf } from './keys.js';
import { metricsOf, serveMetrics, type MetricsServer } from './metrics.js';
import { partnersIn } from './partners-file.js';
import { logRequest, openLog, type Log } from './request-log.js';
import { openLedgerIn, ServerModule } from './server.module.js';
import { StartupFailure } from './startup-failure.js';

/** How long requests in hand may take once the server has been told to stop. */
const drainMs = 8_000;

async function start(settings: Configuration, log: Log): Promise<void> {
  // Closes in the reverse order: first no more requests, last the store.
  const running = new AsyncDisposableStack();
  running.defer(log.flush);
  try {
    const partners = partnersIn(settings.partnersFile);
    const verifier = await verifierOf(settings);
    const opened = await openLedgerIn(settings, partners, log.logger);
    running.defer(opened.close);
    const metrics = metricsOf(opened.ledger, opened.storeMetrics, verifier.cached);
    let metricsServer: MetricsServer | undefined;
    if (settings.metricsPort !== undefined) {
      metricsServer = await serveMetrics(metrics, settings.host, settings.metricsPort);
      running.defer(metricsServer.close);
    }
    const app = await httpServer({
      module: ServerModule.serving(opened.ledger, { viewLagSeconds: settings.viewLagLimitSeconds }),
      verifier,
      bodyLimit: settings.bodyLimit,
      logger: log.logger,
      onAnswered: (request, reply) => {
        logRequest(log.logger, request, reply);
        metrics.observe(request, reply);
      },
    });
    running.defer(async () => {
      const server = app.getHttpServer();
      // Only what is idle now is closed by closing the server; what was in hand becomes idle later.
      const idle = setInterval(() => server.closeIdleConnections(), 50);
      const force = setTimeout(() => server.closeAllConnections(), drainMs);
      await app.close();
      clearInterval(idle);
      clearTimeout(force);
    });
    await app.listen({ port: settings.port, host: settings.host }).catch((error: NodeJS.ErrnoException) => {
      throw new StartupFailure(cannotListen(settings, error));
    });
    stopOnSignal(running, log);
    introduce(await app.getUrl(), settings, metricsServer?.address);
  } catch (error) {
    await running.disposeAsync();
    throw error;
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
      return `${host} is no address of this machine. Set HOST to one that is, such as 127.0.0.1.`;
    default:
      return `The server cannot listen on ${host}:${port}: ${code ?? message}.`;
  }
}

/** The first signal lets what is in hand finish; the second does not wait for it. */
function stopOnSignal(running: AsyncDisposableStack, log: Log): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) {
      log.flush();
      process.exit(1);
    }
    stopping = true;
    log.logger.info({ signal }, 'stopping');
    running.disposeAsync().then(
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

function introduce(url: string, settings: Configuration, metrics: string | undefined): void {
  const lines = [
    `Reseller Ledger listens on ${url}`,
    `Routes to try       ${url}/docs`,
    settings.issuer
      ? `Tokens              of ${settings.issuer.issuer}`
      : 'Tokens              npm run token -- --role GlobalAdmin --role AdminAgent --partner <guid>',
    `Data directory      ${settings.dataDirectory}`,
    `Policy              ${settings.policy.name}`,
    ...(metrics ? [`Metrics             ${metrics}`] : []),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function main(): Promise<void> {
  let log: Log | undefined;
  try {
    const settings = configuration(process.env);
    log = openLog(settings);
    const { logger, flush } = log;
    // A bug that nothing has caught: what has been acknowledged is on the disk, and nobody knows what else still holds.
    process.on('uncaughtException', (error) => {
      logger.fatal({ err: error }, 'uncaught');
      flush();
      process.exit(1);
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
