import { StoreUnavailable, type EventStore } from '#event-sourcing';
import type { ViewStatus } from '#projector';
import type { Ledger } from './ledger.js';

export interface ViewLag extends Pick<ViewStatus, 'name' | 'status' | 'error' | 'position'> {
  /** What of the log the view has not taken in; undefined where the store could not say. */
  readonly behind: { readonly events: number; readonly seconds: number } | undefined;
}

/** Positions are no counts, and whoever asks for health must not read a whole log: that many, or more. */
export const mostCounted = 1_000;

// A database that says nothing must not keep the question open: probes ask again.
const answerWithinMs = 3_000;

/**
 * How far every view is behind the head of the store, counted up to {@link mostCounted} events and with the age of the
 * oldest of them; and what kept the store from saying so.
 */
export async function viewLags({
  store,
  views,
}: Pick<Ledger, 'store' | 'views'>): Promise<{ readonly lags: readonly ViewLag[]; readonly trouble?: Error }> {
  // The views first: one that moves meanwhile must not seem to be ahead.
  const statuses = views.status();
  const counted = new Map<number, ViewLag['behind']>();
  let trouble: Error | undefined;
  try {
    const head = await store.head();
    for (const { position } of statuses) {
      if (counted.has(position)) continue;
      const { events, oldest } = position < head ? await behind(store, position, mostCounted) : { events: 0 };
      counted.set(position, { events, seconds: oldest === undefined ? 0 : ageOf(oldest) });
    }
  } catch (error) {
    trouble = error instanceof Error ? error : new Error(String(error));
  }
  const lags = statuses.map(({ name, status, error, position }) => ({
    name,
    status,
    error,
    position,
    behind: counted.get(position),
  }));
  return { lags, ...(trouble ? { trouble } : {}) };
}

/** When the first event behind a position was recorded. @throws StoreUnavailable, LogDamaged */
export async function oldestBehind(store: EventStore, position: number): Promise<string | undefined> {
  return (await behind(store, position, 1)).oldest;
}

interface Backlog {
  readonly events: number;
  /** When the first of them was recorded. */
  readonly oldest?: string;
}

async function behind(store: EventStore, position: number, most: number): Promise<Backlog> {
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
