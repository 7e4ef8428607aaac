import { pairOf, relationshipCodec } from '#customer-relationship';
import { readLedger } from '#event-sourcing';
import { openSqliteEventStore } from '#event-store-sqlite';
import { openViewsFile, projector, type ViewFailure } from '#projector';
import { relationshipViews } from '#read-models';

export interface ProjectorFiles {
  /** The events, which are only read. */
  readonly eventsFile: string;
  /** The views; created when it does not exist. */
  readonly viewsFile: string;
}

/** What happens to a projector, in words that cross the border of a thread. */
export type ProjectorNews =
  | { readonly news: 'started' }
  | { readonly news: 'stopped'; readonly view: string; readonly failure: ViewFailure }
  | { readonly news: 'allStopped' }
  | { readonly news: 'trouble'; readonly message: string; readonly retryInMs: number };

/** The log has no identity yet that its views could be bound to. */
export class LedgerNotOpened extends Error {
  override readonly name = 'LedgerNotOpened';
  constructor(eventsFile: string) {
    super(`${eventsFile} holds no ledger yet. Start the server once: it opens one.`);
  }
}

/**
 * Keeps the views of a ledger up to date until the signal or until every view has stopped, with a connection of its own
 * to the events.
 * @throws StoreStartupError, LedgerNotOpened, ViewsLocked, ForeignViews
 */
export async function runProjector(
  { eventsFile, viewsFile }: ProjectorFiles,
  signal: AbortSignal,
  tell: (news: ProjectorNews) => void,
): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const store = openSqliteEventStore({ path: eventsFile, readOnly: true });
  opened.defer(() => store.close());
  const ledger = await readLedger(store);
  if (!ledger) throw new LedgerNotOpened(eventsFile);
  const views = openViewsFile({ path: viewsFile, projections: relationshipViews });
  opened.defer(() => views.close());

  const { run } = projector({
    store,
    codec: relationshipCodec,
    subjectOf: pairOf,
    views,
    projections: relationshipViews,
    ledgerId: ledger.ledgerId,
    head: await store.head(),
    onStopped: (view, failure) => tell({ news: 'stopped', view, failure }),
    onTrouble: (error, retryInMs) =>
      tell({ news: 'trouble', message: error instanceof Error ? error.message : String(error), retryInMs }),
  });
  tell({ news: 'started' });
  await run(signal);
  if (!signal.aborted) tell({ news: 'allStopped' });
}
