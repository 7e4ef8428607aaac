import { pairOf, relationshipCodec } from '#customer-relationship';
import { openEventLog, type EventLog } from '#event-log';
import { readLedger } from '#event-sourcing';
import { eventsFileIn, lockDirectory } from '#event-store-sqlite';
import { BadUsage } from '#program';
import { openViewsFile, projector, refuseForeignViews, UnreadableViews, viewsFileIn } from '#projector';
import { relationshipViews } from '#read-models';
import { LedgerNotOpened } from './run-projector.js';

/** Transactions are larger than in a running server, because no query waits for them. */
const eventsPerTransaction = 10_000;
const cachedRows = 50_000;

export interface Rebuilt {
  readonly events: number;
  /** Rows by view. */
  readonly rows: ReadonlyMap<string, number>;
}

/** The progress: events so far, and the part of the log that is read, 0 to 1. */
export type RebuildProgress = (events: number, part: number) => void;

export interface RebuildOptions {
  /**
   * Views may show events that the log has lost, and may be the only trace of them. They are rebuilt only if the caller
   * accepts the loss (default false).
   */
  readonly acceptLostEvents?: boolean;
}

/**
 * Rebuilds views from the log, all of them or those that are named. The server of the directory must not run: its
 * queries would see incomplete views. Servers of other directories may run.
 * @throws StoreStartupError when that server runs; BadUsage for a name that is no view, ViewsLocked, ForeignViews; StoreRefused,
 * StoreUnavailable
 */
export async function rebuild(
  dataDirectory: string,
  names: readonly string[],
  onProgress: RebuildProgress,
  log: EventLog = { store: 'sqlite', eventsFile: eventsFileIn(dataDirectory) },
  { acceptLostEvents = false }: RebuildOptions = {},
): Promise<Rebuilt> {
  const unknown = names.filter((name) => !relationshipViews.some((view) => view.name === name));
  if (unknown.length > 0)
    throw new BadUsage(
      `There is no view ${unknown.join(', ')}. The views are ${relationshipViews.map(({ name }) => name).join(', ')}.`,
    );
  const projections =
    names.length === 0 ? relationshipViews : relationshipViews.filter(({ name }) => names.includes(name));

  await using opened = new AsyncDisposableStack();
  const { store, connect } = await openEventLog(log, { readOnly: true, pastContents: false });
  opened.defer(() => store.close());
  const lock = lockDirectory(dataDirectory);
  opened.defer(() => lock.release());
  await connect();
  const ledger = await readLedger(store);
  if (!ledger) throw new LedgerNotOpened(log);
  const head = await store.head();
  if (!acceptLostEvents) await refuseLostEvents(viewsFileIn(dataDirectory), ledger.ledgerId, store);
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
      // The log may have grown meanwhile.
      onProgress(events, Math.min(1, progress.position / head));
    },
  });
  await catchUp(new AbortController().signal);
  if (failures.length > 0) throw new Error(failures.join('\n'));
  return { events, rows: new Map(projections.map(({ name }) => [name, views.rowCount(name)])) };
}

async function refuseLostEvents(...views: Parameters<typeof refuseForeignViews>): Promise<void> {
  try {
    await refuseForeignViews(...views);
  } catch (error) {
    // Unreadable views cannot be checked, and a rebuild is what they need.
    if (!(error instanceof UnreadableViews)) throw error;
  }
}
