import { Presets, SingleBar } from 'cli-progress';
import { requireEventLog } from '#event-log';
import { rebuild } from '#relationship-projector';

/** A bar on a terminal; elsewhere a line for every tenth, or nothing where a program reads. */
function progressShown(terminal: boolean, json: boolean) {
  if (json) return { step: () => undefined, stop: () => undefined };
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

export interface RebuildAsked {
  /** Views that show events which the log does not have are rebuilt all the same. */
  readonly acceptLostEvents: boolean;
  readonly json: boolean;
}

/** Rebuilds views from the log: all of them, or those that are named. */
export async function rebuildViews(
  dataDirectory: string,
  names: readonly string[],
  { acceptLostEvents, json }: RebuildAsked,
): Promise<void> {
  const log = requireEventLog(process.env, dataDirectory);
  const progress = progressShown(process.stdout.isTTY, json);
  const { events, rows } = await rebuild(dataDirectory, names, progress.step, log, { acceptLostEvents }).finally(
    progress.stop,
  );
  if (json) return console.log(JSON.stringify({ events, rows: Object.fromEntries(rows) }));
  console.log(`${events} events`);
  for (const [name, count] of rows) console.log(`${name.padEnd(24)} ${count} rows`);
}
