import { StoreUnavailable, type EventStore } from '#event-sourcing';
import type { ViewStatus } from '#projector';
import type { Ledger } from './ledger.js';

export interface ViewLag extends Pick<ViewStatus, 'name' | 'status' | 'error' | 'position'> {
  /** Events of the log that the view has not taken in, counted up to {@link mostCounted}. */
  readonly events: number;
  /** The age of the oldest of them; 0 when there is none. */
  readonly seconds: number;
}

/** Positions are no counts, and whoever asks for health must not read a whole log: that many, or more. */
export const mostCounted = 1_000;

// A database that says nothing must not keep the question open: probes ask again.
const answerWithinMs = 3_000;

/** How far every view is behind the head of the store. @throws StoreUnavailable, LogDamaged */
export async function viewLags({ store, views }: Pick<Ledger, 'store' | 'views'>): Promise<readonly ViewLag[]> {
  // The views first: one that moves meanwhile must not seem to be ahead.
  const statuses = views.status();
  const head = await store.head();
  const counted = new Map<number, Behind>();
  const lags: ViewLag[] = [];
  for (const { name, status, error, position } of statuses) {
    if (!counted.has(position))
      counted.set(position, position < head ? await behind(store, position, mostCounted) : { events: 0 });
    const { events, oldest } = counted.get(position)!;
    lags.push({ name, status, error, position, events, seconds: oldest === undefined ? 0 : ageOf(oldest) });
  }
  return lags;
}

/** When the first event behind a position was recorded. @throws StoreUnavailable, LogDamaged */
export async function oldestBehind(store: EventStore, position: number): Promise<string | undefined> {
  return (await behind(store, position, 1)).oldest;
}

interface Behind {
  readonly events: number;
  /** When the first of them was recorded. */
  readonly oldest?: string;
}

async function behind(store: EventStore, position: number, most: number): Promise<Behind> {
  const enough = new AbortController();
  const late = setTimeout(() => enough.abort(), answerWithinMs);
  let count = 0;
  let oldest: string | undefined;
  try {
    for await (const { events, caughtUp } of store.subscribe({
      after: position,
      signal: enough.signal,
      batchSize: most,
    })) {
      oldest ??= events[0]?.metadata.recordedAt;
      count += events.length;
      if (!caughtUp && count < most) continue;
      return oldest === undefined ? { events: 0 } : { events: Math.min(count, most), oldest };
    }
    throw new StoreUnavailable(`The event store has not answered within ${answerWithinMs / 1000} s`);
  } finally {
    clearTimeout(late);
    enough.abort();
  }
}

function ageOf(recordedAt: string): number {
  return Math.max(0, (Date.now() - Date.parse(recordedAt)) / 1000);
}
