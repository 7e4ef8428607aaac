import { describe, expect, it } from '@jest/globals';
import {
  inMemoryEventStore,
  noPreviousHash,
  seal,
  StoreUnavailable,
  type EventStore,
  type RecordedEvent,
} from '#event-sourcing';
import type { ViewsReader, ViewStatus } from '#projector';
import type { Views } from '#read-models';
import { mostCounted, oldestBehind, viewLags } from './view-lags.js';

const metadata = {
  actor: { id: 'a', kind: 'k', roles: [], tenant: 't' },
  causationId: 'c',
  commandHash: '',
  commandId: 'c',
  correlationId: 'c',
  policy: { name: 'none', hash: noPreviousHash },
  schema: 1,
};

/** A log of so many events, a minute between each of them, the last of them now; positions are 1,000 apart. */
async function logOf(count: number): Promise<EventStore> {
  const store = inMemoryEventStore();
  const events = Array.from({ length: count }, (_, index) => ({
    type: 'Counted',
    data: index,
    metadata: { ...metadata, recordedAt: new Date(Date.now() - (count - 1 - index) * 60_000).toISOString() },
  }));
  await store.append('a', seal('a', 0, noPreviousHash, events), -1);
  const spread = (event: RecordedEvent) => ({ ...event, position: event.position * 1_000 });
  return {
    ...store,
    head: async () => (await store.head()) * 1_000,
    async *subscribe({ after, ...options }) {
      for await (const { events, position, caughtUp } of store.subscribe({ ...options, after: after / 1_000 }))
        yield { events: events.map(spread), position: position * 1_000, caughtUp };
    },
  };
}

/** Views at positions. */
const viewsAt = (...positions: number[]) => ({
  status: () =>
    positions.map((position, index): ViewStatus => ({
      name: `view-${index}`,
      version: 1,
      position,
      status: 'running',
      error: null,
      updatedAt: '',
    })),
});
const lagsOf = (store: EventStore, ...positions: number[]) =>
  viewLags({ store, views: viewsAt(...positions) as unknown as ViewsReader<Views> });
const behindOf = async (store: EventStore, ...positions: number[]) =>
  (await lagsOf(store, ...positions)).lags.map(({ behind }) => behind!);

describe('how far views are behind', () => {
  it('is counted in events and in seconds, whatever distance positions have', async () => {
    const lags = await behindOf(await logOf(5), 5_000, 3_000, 0, 3_000);
    expect(lags.map(({ events }) => events)).toEqual([0, 2, 5, 2]);
    expect(lags.map(({ seconds }) => Math.round(seconds / 60))).toEqual([0, 1, 4, 1]);
  });

  it('is counted up to a bound, so that a question of health never reads a whole log', async () => {
    const [lag] = await behindOf(await logOf(mostCounted + 500), 0);
    expect(lag!.events).toBe(mostCounted);
    expect(Math.round(lag!.seconds / 60)).toBe(mostCounted + 499);
  });

  it('is nothing for a view ahead of the head, which has moved meanwhile', async () => {
    expect(await behindOf(await logOf(2), 9_000)).toEqual([{ events: 0, seconds: 0 }]);
  });

  it('is not known of a store that says nothing, and that is said in time', async () => {
    const silent: EventStore = {
      ...(await logOf(1)),
      async *subscribe({ signal }) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        yield* [];
      },
    };
    const { lags, trouble } = await lagsOf(silent, 0);
    expect(trouble).toBeInstanceOf(StoreUnavailable);
    // What the views themselves say is known all the same.
    expect(lags).toEqual([{ name: 'view-0', status: 'running', error: null, position: 0, behind: undefined }]);
    await expect(oldestBehind(silent, 0)).rejects.toThrow('has not answered within 3 s');
  }, 10_000);
});
