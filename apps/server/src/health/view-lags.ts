import { StoreUnavailable, type EventStore } from '#event-sourcing';
import type { ViewStatus } from '#projector';
import type { ServedLedger } from '../served-ledger.js';
import { firstAfter, LogCount, noBacklog, type Backlog } from './log-count.js';

export interface ViewLag extends Pick<ViewStatus, 'name' | 'status' | 'error' | 'position'> {
  /** The part of the log that the view has not taken in; undefined where the store could not say. */
  readonly behind: { readonly events: number; readonly seconds: number } | undefined;
}

// A database that does not answer must not keep a probe waiting: probes ask again.
const answerWithinMs = 3_000;
// Health needs no token: however often it is asked for, the store is asked at most twice a second.
const foundHoldsMs = 500;

/** What was found in the store, for all callers meanwhile. */
interface Found {
  /** The events after each of the positions. */
  readonly after: ReadonlyMap<number, Backlog>;
  /** Undefined where the store could not say. */
  readonly head: number | undefined;
  readonly trouble: Error | undefined;
}

// By store, because health and metrics ask independently of each other.
const lastFound = new WeakMap<EventStore, Promise<Found>>();
const counts = new WeakMap<EventStore, LogCount>();

/**
 * How far every view lags after the head of the store, in events and by the age of the oldest of
 * them; and the error that kept the store from answering. The answer of the store may be half a second old: a view that has
 * advanced meanwhile is reported with the lag that it had before.
 */
export async function viewLags({ store, views }: Pick<ServedLedger, 'store' | 'views'>) {
  let finding = lastFound.get(store);
  if (!finding) {
    const positions = views.status().map(({ position }) => position);
    finding = find(store, positions);
    lastFound.set(store, finding);
    // From the end of the search, so that a slow store is asked once, too.
    void finding.then(() => setTimeout(() => lastFound.delete(store), foundHoldsMs).unref());
  }
  const found = await finding;
  const lags = views.status().map(({ name, status, error, position }): ViewLag => {
    const backlog = backlogAt(position, found);
    const behind = backlog && { events: backlog.events, seconds: ageOf(backlog.oldest) };
    return { name, status, error, position, behind };
  });
  return { lags, trouble: found.trouble };
}

function backlogAt(position: number, { after, head }: Found): Backlog | undefined {
  if (head !== undefined && position >= head) return noBacklog;
  // After a position there are no more events than after an earlier one.
  const before = Math.max(...[...after.keys()].filter((known) => known <= position));
  return after.get(before);
}

/** Never rejects. */
async function find(store: EventStore, positions: readonly number[]): Promise<Found> {
  let after: ReadonlyMap<number, Backlog> = new Map();
  let head: number | undefined;
  let count = counts.get(store);
  if (!count) counts.set(store, (count = new LogCount(store)));
  try {
    await inTime(async (late) => {
      const end = (head = await store.head());
      after = await count.after(
        [...new Set(positions)].filter((position) => position < end),
        end,
        late,
      );
    });
    return { after, head, trouble: undefined };
  } catch (error) {
    return { after, head, trouble: error instanceof Error ? error : new Error(String(error)) };
  }
}

/**
 * When the first event after a position was recorded; undefined when there is none. The first event after a position never
 * changes, and lists ask for it while their view lags a little, so the last answer is kept.
 * @throws StoreUnavailable, LogDamaged
 */
export function oldestAfter(): (store: EventStore, position: number) => Promise<string | undefined> {
  let last: { readonly position: number; readonly oldest: Promise<string | undefined> } | undefined;
  return async (store, position) => {
    // Only an event is shared: where there was none, one may have been appended since.
    const known = last?.position === position ? await last.oldest : undefined;
    if (known !== undefined) return known;
    const asked = { position, oldest: oldestOf(store, position) };
    last = asked;
    const forget = () => {
      if (last === asked) last = undefined;
    };
    asked.oldest.then((oldest) => oldest ?? forget(), forget);
    return asked.oldest;
  };
}

function oldestOf(store: EventStore, position: number): Promise<string | undefined> {
  return inTime(async (late) => ((await store.head()) > position ? firstAfter(store, position, late) : undefined));
}

/** @throws StoreUnavailable when it has taken too long */
async function inTime<T>(work: (late: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const tooLong = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    tooLong.reject(noAnswer());
    late.abort();
  }, answerWithinMs);
  try {
    return await Promise.race([work(late.signal), tooLong.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function noAnswer(): StoreUnavailable {
  return new StoreUnavailable(`The event store has not answered within ${answerWithinMs / 1000} s`);
}

function ageOf(recordedAt: string | undefined): number {
  return recordedAt === undefined ? 0 : Math.max(0, (Date.now() - Date.parse(recordedAt)) / 1000);
}
