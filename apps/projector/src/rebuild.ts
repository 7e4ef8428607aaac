import { Presets, SingleBar } from 'cli-progress';
import { requireEventLog } from '#event-log';
import { dataDirectoryAndNames, exitCodeOf } from '#program';
import { rebuild } from '#relationship-projector';

// npm run rebuild [-- --data-dir DIR] [VIEW]…
// Rebuilds views from the log: all of them, or those that are named.

/** A bar on a terminal; elsewhere a line for every tenth. */
function progressShown(terminal: boolean) {
  const startedAt = performance.now();
  const rate = (events: number) => Math.round((1000 * events) / (performance.now() - startedAt));
  const bar = terminal
    ? new SingleBar(
        { format: 'Rebuilding {bar} {percentage}% | {events} events | {rate}/s', hideCursor: true },
        Presets.shades_classic,
      )
    : undefined;
  let begun = false;
  let nextTenth = 1;
  return {
    // Positions in a database do not count events, so the total number of events is not known.
    step: (events: number, part: number) => {
      if (bar) {
        if (!begun) bar.start(100, 0, { events: 0, rate: 0 });
        begun = true;
        bar.update(Math.floor(100 * part), { events, rate: rate(events) });
      } else if (10 * part >= nextTenth) {
        nextTenth = Math.floor(10 * part) + 1;
        console.log(`${events} events, ${Math.floor(100 * part)} % of the log (${rate(events)}/s)`);
      }
    },
    stop: () => bar?.stop(),
  };
}

const progress = progressShown(process.stdout.isTTY);
try {
  const { dataDirectory, names, acceptLostEvents } = dataDirectoryAndNames();
  const log = requireEventLog(process.env, dataDirectory);
  const { events, rows } = await rebuild(dataDirectory, names, progress.step, log, { acceptLostEvents });
  progress.stop();
  console.log(`${events} events`);
  for (const [name, count] of rows) console.log(`${name.padEnd(24)} ${count} rows`);
} catch (error) {
  progress.stop();
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
