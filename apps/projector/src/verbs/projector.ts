import { readFileSync } from 'node:fs';
import { pino, stdTimeFunctions, type Logger } from 'pino';
import { telemetryFrom } from '#configuration';
import { viewsFileIn } from '#projector';
import { BadConfiguration, exitCodeOf, formatted, logFormats, logLevels, logOutput } from '#program';
import { requireEventLog } from '#event-log';
import { occasionally } from '#pacing';
import { runProjector, type ProjectorNews } from '#relationship-projector';
import { openTelemetry, type Telemetry } from '#telemetry';

/**
 * The projector as a process of its own, for servers that run with PROJECTOR=off. On the first signal it ends after the
 * current batch. When it cannot go on, it ends with an exit code other than 0, and a supervisor starts it again.
 */
export async function project(dataDirectory: string): Promise<void> {
  const output = await formatted(logOutput(), chosen('LOG_FORMAT', logFormats, 'auto'));
  process.on('exit', output.flushSync);
  const level = chosen('LOG_LEVEL', logLevels, 'info');
  const logger = pino({ base: { name: 'projector' }, level, timestamp: stdTimeFunctions.isoTime }, output);
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      logger.info({ signal }, 'stopping');
      stopping.abort();
    });
  // Views and checkpoints are committed together, so the process may end at any point without loss.
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'uncaught');
    process.exit(1);
  });
  let telemetry: Telemetry | undefined;
  try {
    const log = requireEventLog(process.env, dataDirectory, (text) => logger.warn(text));
    telemetry = await telemetryTo(logger);
    const places = { log, viewsFile: viewsFileIn(dataDirectory), traced: telemetry?.isTracing === true };
    await runProjector(places, stopping.signal, newsIn(logger, dataDirectory, telemetry));
  } catch (error) {
    logger.fatal({ err: error }, 'the projector cannot go on');
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = exitCodeOf(error);
  } finally {
    await telemetry?.stop();
  }
}

/** The value of a variable; an empty one is not set. */
function chosen<Value extends string>(name: string, values: readonly Value[], otherwise: Value): Value {
  const text = process.env[name] || otherwise;
  const value = values.find((each) => each === text);
  if (!value) throw new BadConfiguration(`${name} must be one of ${values.join(', ')}`);
  return value;
}

/** Of what it projects, where that is to be exported. @throws StartupFailure */
async function telemetryTo(logger: Logger): Promise<Telemetry | undefined> {
  const settings = telemetryFrom(process.env);
  if (!settings) return undefined;
  const manifest = readFileSync(new URL('../../../../../package.json', import.meta.url), 'utf8');
  const logTrouble = occasionally(60_000, (times, message: string) =>
    logger.warn({ times }, `traces and metrics could not be exported: ${message}`),
  );
  return openTelemetry({
    settings,
    service: { name: 'reseller-ledger-projector', version: (JSON.parse(manifest) as { version: string }).version },
    onTrouble: logTrouble,
  });
}

function newsIn(
  logger: Logger,
  dataDirectory: string,
  telemetry: Telemetry | undefined,
): (event: ProjectorNews) => void {
  const logTrouble = occasionally(30_000, (times, retryInMs: number | undefined, message: string) =>
    logger.warn({ retryInMs, times }, message),
  );
  const logDamage = occasionally(60_000, (times, message: string) =>
    logger.error({ times }, `the log is damaged, so no view moves: ${message}`),
  );
  const logViewsTrouble = occasionally(60_000, (times, message: string) =>
    logger.error({ times }, `the views cannot be written, so no view moves: ${message}`),
  );

  return (event) => {
    switch (event.news) {
      case 'started':
        logger.info({ dataDirectory }, 'projecting');
        return;
      case 'projected':
        telemetry?.add(event.spans);
        return;
      case 'stopped':
        logger.error({ view: event.view, ...event.failure }, 'a view has stopped at an event that it cannot handle');
        return;
      case 'allStopped':
        logger.fatal('every view has stopped');
        process.exitCode = 1;
        return;
      case 'trouble':
        if (event.damaged) logDamage(event.message);
        else if (event.viewsDamaged) logViewsTrouble(event.message);
        else logTrouble(event.retryInMs, event.message);
        return;
      case 'notice':
        logger.warn(event.details, event.message);
        return;
      case 'metrics':
        logger.debug(event.metrics, 'connection');
        return;
    }
  };
}
