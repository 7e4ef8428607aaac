import { pairOf, relationshipCodec } from '#customer-relationship';
import { LogDamaged, readLedger, StoreUnavailable } from '#event-sourcing';
import {
  openViewsFile,
  projector,
  refuseForeignViews,
  viewsUnusable,
  type Projected,
  type ViewFailure,
} from '#projector';
import { relationshipViews } from '#read-models';
import { isSampled, parentOf, spanKind, type SpanRecord } from '#telemetry';
import { openEventLog, placeOf, type EventLog, type StoreMetrics } from '#event-log';

export interface ProjectorPlaces {
  /** The events, which are only read. */
  readonly log: EventLog;
  /** The views; created when the file does not exist. */
  readonly viewsFile: string;
  /** Whether anybody looks at what is projected of which trace. */
  readonly traced?: boolean;
}

/** What a projector reports, in messages that a thread can post. */
export type ProjectorNews =
  | { readonly news: 'started' }
  /** Events of sampled traces are in the views. Times are in ms since 1970, because a thread has an origin of its own. */
  | { readonly news: 'projected'; readonly spans: readonly SpanRecord[] }
  | { readonly news: 'stopped'; readonly view: string; readonly failure: ViewFailure }
  | { readonly news: 'allStopped' }
  /**
   * The events or the views cannot be used now. `damaged`, `viewsDamaged`: a retry will not help. Without a time the
   * projector ends.
   */
  | {
      readonly news: 'trouble';
      readonly message: string;
      readonly retryInMs: number | undefined;
      readonly damaged: boolean;
      readonly viewsDamaged: boolean;
    }
  | { readonly news: 'notice'; readonly message: string; readonly details: Readonly<Record<string, unknown>> }
  /** The counters of its own connection to a database. */
  | { readonly news: 'metrics'; readonly metrics: StoreMetrics };

/** The log has no identity yet, so views cannot be bound to it. */
export class LedgerNotOpened extends Error {
  override readonly name = 'LedgerNotOpened';
  constructor(log: EventLog) {
    super(`${placeOf(log)} holds no ledger yet. Start the server once: it opens one.`);
  }
}

const metricsEveryMs = 2_000;

/** The store has errors of its own, so SQLite's errors are about the views. */
function viewsTrouble(viewsFile: string, error: unknown): { readonly message: string; readonly viewsDamaged: boolean } {
  const { code = '', message = String(error) } = error as NodeJS.ErrnoException;
  if (!code.startsWith('SQLITE_')) return { message, viewsDamaged: false };
  return {
    message: viewsUnusable(viewsFile, 'write', error).message,
    viewsDamaged: !/^SQLITE_(BUSY|LOCKED|FULL|IOERR|NOMEM)/.test(code),
  };
}

/** One for each sampled trace, below the span that its events name. */
function projectionSpans({ traceparents, views, events, beganAt, endedAt }: Projected): SpanRecord[] {
  const { timeOrigin } = performance;
  const attributes = ['messaging.operation.type', 'process', 'messaging.batch.message_count', events];
  return traceparents.flatMap((traceparent): SpanRecord[] => {
    const parent = parentOf(traceparent);
    if (!parent || !isSampled(parent.flags)) return [];
    return [
      {
        name: 'project events',
        kind: spanKind.consumer,
        beganAt: timeOrigin + beganAt,
        endedAt: timeOrigin + endedAt,
        attributes: [...attributes, 'ledger.views', views],
        error: '',
        traceId: parent.traceId,
        spanId: '',
        parentId: parent.spanId,
        steps: [],
      },
    ];
  });
}

/** An error that leaves a thread keeps only its message. */
function explained<T>(viewsFile: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw code.startsWith('SQLITE_') ? viewsUnusable(viewsFile, 'write', error) : error;
  }
}

/**
 * Keeps the views of a ledger up to date until the signal or until every view has stopped, with a connection of its own
 * to the events.
 * @throws StoreStartupError, StoreRefused, LedgerNotOpened, ViewsLocked, ForeignViews
 */
export async function runProjector(
  { log, viewsFile, traced = false }: ProjectorPlaces,
  signal: AbortSignal,
  report: (news: ProjectorNews) => void,
): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const reportTrouble = (error: unknown, retryInMs?: number) =>
    report({ news: 'trouble', retryInMs, damaged: error instanceof LogDamaged, ...viewsTrouble(viewsFile, error) });
  const { store, reach, metrics } = await openEventLog(log, {
    readOnly: true,
    pastContents: false,
    onNotice: (message, details) => report({ news: 'notice', message, details }),
  });
  opened.defer(() => store.close());
  const read = async () => {
    const ledger = await readLedger(store);
    // A server that was started together with this projector opens the ledger soon. A file has no other server to wait for.
    if (!ledger && log.store !== 'sqlite') throw new StoreUnavailable(new LedgerNotOpened(log).message);
    if (!ledger) throw new LedgerNotOpened(log);
    await refuseForeignViews(viewsFile, ledger.ledgerId, store);
    return { ledgerId: ledger.ledgerId, head: await store.head() };
  };
  let ledger: Awaited<ReturnType<typeof read>>;
  try {
    ledger = await reach(read, { signal, onWaiting: reportTrouble });
  } catch (error) {
    if (signal.aborted) return;
    // An error that leaves a thread loses its class, so damage is reported before.
    if (error instanceof LogDamaged) reportTrouble(error);
    throw error;
  }
  const views = openViewsFile({ path: viewsFile, projections: relationshipViews });
  opened.defer(() => views.close());
  if (log.store === 'kurrentdb') {
    const counting = setInterval(() => report({ news: 'metrics', metrics: metrics() }), metricsEveryMs);
    opened.defer(() => clearInterval(counting));
  }

  const { run } = explained(viewsFile, () =>
    projector({
      store,
      codec: relationshipCodec,
      subjectOf: pairOf,
      views,
      projections: relationshipViews,
      ...ledger,
      onStopped: (view, failure) => report({ news: 'stopped', view, failure }),
      onTrouble: reportTrouble,
      ...(traced
        ? {
            onProjected(projected) {
              const spans = projectionSpans(projected);
              if (spans.length > 0) report({ news: 'projected', spans });
            },
          }
        : {}),
    }),
  );
  report({ news: 'started' });
  await run(signal);
  if (!signal.aborted) report({ news: 'allStopped' });
}
