import { fileURLToPath } from 'node:url';
import { Presets, SingleBar } from 'cli-progress';
import { pairOf, relationshipCodec } from '#customer-relationship';
import { readLedger } from '#event-sourcing';
import { eventsFileIn, lockDirectory, openSqliteEventStore } from '#event-store-sqlite';
import { openViewsFile, projector, viewsFileIn } from '#projector';
import { relationshipViews } from '#read-models';
import { dataDirectoryAndNames } from './data-directory.js';
import { LedgerNotOpened } from './run-projector.js';

/** More events make a transaction than while queries wait for them. */
const eventsPerTransaction = 10_000;
const cachedRows = 50_000;

export interface Rebuilt {
  readonly events: number;
  /** Rows by view. */
  readonly rows: ReadonlyMap<string, number>;
}

/**
 * Makes views anew from the log, all of them or those that are named. The server must not run: its queries would see
 * half of them.
 * @throws StoreStartupError when it does; Error for a name that is no view, ViewsLocked, ForeignViews
 */
export async function rebuild(
  dataDirectory: string,
  names: readonly string[],
  onProgress: (events: number, of: number) => void,
): Promise<Rebuilt> {
  const unknown = names.filter((name) => !relationshipViews.some((view) => view.name === name));
  if (unknown.length > 0)
    throw new Error(
      `There is no view ${unknown.join(', ')}. The views are ${relationshipViews.map(({ name }) => name).join(', ')}.`,
    );
  const projections =
    names.length === 0 ? relationshipViews : relationshipViews.filter(({ name }) => names.includes(name));

  await using opened = new AsyncDisposableStack();
  const eventsFile = eventsFileIn(dataDirectory);
  const store = openSqliteEventStore({ path: eventsFile, readOnly: true });
  opened.defer(() => store.close());
  const lock = lockDirectory(dataDirectory);
  opened.defer(() => lock.release());
  const ledger = await readLedger(store);
  if (!ledger) throw new LedgerNotOpened(eventsFile);
  const head = await store.head();
  const views = openViewsFile({ path: viewsFileIn(dataDirectory), projections, anew: names.length === 0 });
  opened.defer(() => views.close());
  views.forget(projections.map(({ name }) => name));

  let events = 0;
  const failures: string[] = [];
  const { catchUp } = projector({
    store,
    codec: relationshipCodec,
    subjectOf: pairOf,
    views,
    projections,
    ledgerId: ledger.ledgerId,
    head,
    transactionSize: eventsPerTransaction,
    cachedRows,
    onStopped: (view, { message, position }) => failures.push(`${view} stopped at position ${position}: ${message}`),
    onTrouble: (error) => {
      throw error;
    },
    onProgress(progress) {
      events += progress.events;
      onProgress(events, head);
    },
  });
  await catchUp(new AbortController().signal);
  if (failures.length > 0) throw new Error(failures.join('\n'));
  return { events, rows: new Map(projections.map(({ name }) => [name, views.rowCount(name)])) };
}

/** A bar on a terminal; elsewhere a line for every tenth. */
function progressShown(terminal: boolean) {
  const startedAt = performance.now();
  const rate = (events: number) => Math.round((1000 * events) / (performance.now() - startedAt));
  const bar = terminal
    ? new SingleBar(
        { format: 'Rebuilding {bar} {percentage}% | {value}/{total} events | {rate}/s', hideCursor: true },
        Presets.shades_classic,
      )
    : undefined;
  let begun = false;
  let nextTenth = 1;
  return {
    step: (events: number, of: number) => {
      if (bar) {
        if (!begun) bar.start(of, 0, { rate: 0 });
        begun = true;
        bar.update(events, { rate: rate(events) });
      } else if (events * 10 >= nextTenth * of) {
        nextTenth = Math.floor((events * 10) / of) + 1;
        console.log(`${events} of ${of} events (${rate(events)}/s)`);
      }
    },
    stop: () => bar?.stop(),
  };
}

// Not `import.meta.main`: an older Node does not know it, and would do nothing and call it success.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const progress = progressShown(process.stdout.isTTY);
  try {
    const { dataDirectory, names } = dataDirectoryAndNames();
    const { events, rows } = await rebuild(dataDirectory, names, progress.step);
    progress.stop();
    console.log(`${events} events`);
    for (const [name, count] of rows) console.log(`${name.padEnd(24)} ${count} rows`);
  } catch (error) {
    progress.stop();
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
