import { StoreUnavailable, type EventStore } from '#event-sourcing';
import type { ViewStatus } from '#projector';
import type { ServedLedger } from '../served-ledger.js';

export interface ViewLag extends Pick<ViewStatus, 'name' | 'status' | 'error' | 'position'> {
  /** What of the log the view has not taken in; undefined where the store could not say. */
  readonly behind: { readonly events: number; readonly seconds: number } | undefined;
}

/** Positions are no counts, and a health check must not read a whole log: a lag of this number of events means that many, or more. */
export const mostCounted = 1_000;

// A database that says nothing must not keep the question open: probes ask again.
const answerWithinMs = 3_000;
// Anybody may ask for health without a token: however often, the store is asked twice a second at most.
const foundHoldsMs = 500;

/** What was found in the store, for everybody who asks meanwhile. */
interface Found {
  /** What stood after each of the positions, up to {@link mostCounted} events. */
  readonly after: ReadonlyMap<number, Backlog>;
  /** Undefined where the store could not say. */
  readonly head: number | undefined;
  readonly trouble: Error | undefined;
}

// By store, because health and metrics ask independently of each other.
const lastFound = new WeakMap<EventStore, Promise<Found>>();

/**
 * How far every view lags after the head of the store, counted up to {@link mostCounted} events and with the age of the
 * oldest of them; and what kept the store from saying so. Where the views are is as of now, what the store says up to
 * half a second old: a view that has moved meanwhile is reported with the lag that it had before.
 */
export async function viewLags({
  store,
  views,
}: Pick<ServedLedger, 'store' | 'views'>): Promise<{ readonly lags: readonly ViewLag[]; readonly trouble?: Error }> {
  let finding = lastFound.get(store);
  if (!finding) {
    finding = find(
      store,
      views.status().map(({ position }) => position),
    );
    lastFound.set(store, finding);
    // From its end: a slow store is asked once, too.
    void finding.then(() => setTimeout(() => lastFound.delete(store), foundHoldsMs).unref());
  }
  const found = await finding;
  const lags = views.status().map(({ name, status, error, position }) => {
    const backlog = backlogAt(position, found);
    const behind = backlog && {
      events: backlog.events,
      seconds: backlog.oldest === undefined ? 0 : ageOf(backlog.oldest),
    };
    return { name, status, error, position, behind };
  });
  return { lags, ...(found.trouble ? { trouble: found.trouble } : {}) };
}

const nothing: Backlog = { events: 0 };

function backlogAt(position: number, { after, head }: Found): Backlog | undefined {
  if (head !== undefined && position >= head) return nothing;
  // No more stands after a position than after an earlier one.
  const before = Math.max(...[...after.keys()].filter((known) => known <= position));
  return after.get(before);
}

/** Never rejects. */
async function find(store: EventStore, positions: readonly number[]): Promise<Found> {
  const after = new Map<number, Backlog>();
  let head: number | undefined;
  try {
    await inTime(async (late) => {
      head = await store.head();
      for (const position of new Set(positions))
        if (position < head) after.set(position, await backlogAfter(store, position, mostCounted, late));
    });
    return { after, head, trouble: undefined };
  } catch (error) {
    return { after, head, trouble: error instanceof Error ? error : new Error(String(error)) };
  }
}

/**
 * When the first event after a position was recorded; undefined when there is none. What comes first after a position
 * never changes, and lists ask for it while their view lags a little: the last answer is kept.
 * @throws StoreUnavailable, LogDamaged
 */
export function oldestBehind(): (store: EventStore, position: number) => Promise<string | undefined> {
  let last: { readonly position: number; readonly oldest: Promise<string | undefined> } | undefined;
  return async (store, position) => {
    // That there is nothing yet is not shared: by the next question something may have come.
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
  return inTime(async (late) =>
    (await store.head()) > position ? (await backlogAfter(store, position, 1, late)).oldest : undefined,
  );
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

interface Backlog {
  readonly events: number;
  /** When the first of them was recorded. */
  readonly oldest?: string;
}

async function backlogAfter(store: EventStore, position: number, most: number, late: AbortSignal): Promise<Backlog> {
  const enough = new AbortController();
  let events = 0;
  let oldest: string | undefined;
  try {
    for await (const batch of store.subscribe({
      after: position,
      signal: AbortSignal.any([enough.signal, late]),
      batchSize: most,
    })) {
      oldest ??= batch.events[0]?.metadata.recordedAt;
      events += batch.events.length;
      if (!batch.caughtUp && events < most) continue;
      return oldest === undefined ? nothing : { events: Math.min(events, most), oldest };
    }
    throw noAnswer();
  } finally {
    enough.abort();
  }
}

function noAnswer(): StoreUnavailable {
  return new StoreUnavailable(`The event store has not answered within ${answerWithinMs / 1000} s`);
}

function ageOf(recordedAt: string): number {
  return Math.max(0, (Date.now() - Date.parse(recordedAt)) / 1000);
}
