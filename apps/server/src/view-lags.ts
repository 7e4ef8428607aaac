import type { EventStore } from '#event-sourcing';
import type { ViewStatus } from '#projector';
import type { Ledger } from './ledger.js';

export interface ViewLag extends Pick<ViewStatus, 'name' | 'status' | 'error' | 'position'> {
  /** Positions between the view and the head of the log. */
  readonly events: number;
  /** The age of the oldest event that the view has not taken in; 0 when there is none. */
  readonly seconds: number;
}

/** How far every view is behind the head of the store. @throws StoreUnavailable */
export async function viewLags({ store, views }: Pick<Ledger, 'store' | 'views'>): Promise<readonly ViewLag[]> {
  // The views first: one that moves meanwhile must not seem to be ahead.
  const statuses = views.status();
  const head = await store.head();
  const ages = new Map<number, number>();
  const lags: ViewLag[] = [];
  for (const { name, status, error, position } of statuses) {
    const events = Math.max(0, head - position);
    if (events > 0 && !ages.has(position)) ages.set(position, ageOf(await oldestBehind(store, position)));
    lags.push({ name, status, error, position, events, seconds: events === 0 ? 0 : ages.get(position)! });
  }
  return lags;
}

/** When the first event behind a position was recorded. */
export async function oldestBehind(store: EventStore, position: number): Promise<string | undefined> {
  const enough = new AbortController();
  for await (const { events } of store.subscribe({ after: position, signal: enough.signal, batchSize: 1 })) {
    enough.abort();
    return events[0]?.metadata.recordedAt;
  }
  return undefined;
}

function ageOf(recordedAt: string | undefined): number {
  return recordedAt === undefined ? 0 : Math.max(0, (Date.now() - Date.parse(recordedAt)) / 1000);
}
