import { pino } from 'pino';
import { eventsFileIn } from '#event-store-sqlite';
import { viewsFileIn } from '#projector';
import { dataDirectoryAndNames } from './data-directory.js';
import { runProjector, type ProjectorNews } from './run-projector.js';

// The projector as a process of its own, beside servers that run with PROJECTOR=off. It ends with the first signal after
// the batch in hand, and with exit code 1 when it cannot go on: a supervisor starts it again, and it tries again.

const log = pino({ name: 'projector', level: process.env['LOG_LEVEL'] ?? 'info' });
const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    log.info({ signal }, 'stopping');
    stopping.abort();
  });

function tell(event: ProjectorNews): void {
  switch (event.news) {
    case 'started':
      log.info({ dataDirectory }, 'projecting');
      return;
    case 'stopped':
      log.error({ view: event.view, ...event.failure }, 'a view has stopped at an event that it cannot handle');
      return;
    case 'allStopped':
      log.fatal('every view has stopped');
      process.exitCode = 1;
      return;
    case 'trouble':
      log.warn({ retryInMs: event.retryInMs }, event.message);
      return;
  }
}

const { dataDirectory } = dataDirectoryAndNames();
try {
  const files = { eventsFile: eventsFileIn(dataDirectory), viewsFile: viewsFileIn(dataDirectory) };
  await runProjector(files, stopping.signal, tell);
} catch (error) {
  log.fatal({ err: error }, 'the projector cannot go on');
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
