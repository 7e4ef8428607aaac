import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import {
  inMemoryEventStore,
  noPreviousHash,
  StoreUnavailable,
  type EventStore,
  type RecordedEvent,
} from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import type { ViewsReader, ViewStatus } from '#projector';
import { hence } from '../../../../test/wall-clock.js';
import { pageSize } from './log-count.js';
import { oldestAfter, viewLags } from './view-lags.js';

const metadata = {
  actor: { id: 'a', kind: 'k', roles: [], tenant: 't' },
  causationId: 'c',
  commandHash: '',
  commandId: 'c',
  correlationId: 'c',
  policy: { name: 'none', hash: noPreviousHash },
  schema: 1,
};

const another = { type: 'Counted', data: 0, metadata: { ...metadata, recordedAt: hence(0).toISOString() } };

/** A log of a number of events, one a minute, the last of them now; positions are 1,000 apart. */
async function logOf(count: number): Promise<EventStore> {
  const store = inMemoryEventStore();
  const events = Array.from({ length: count }, (_, index) => ({
    type: 'Counted',
    data: index,
    metadata: { ...metadata, recordedAt: hence((index + 1 - count) * 60_000).toISOString() },
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
  viewLags({ store, views: viewsAt(...positions) as unknown as ViewsReader });
const behindOf = async (store: EventStore, ...positions: number[]) =>
  (await lagsOf(store, ...positions)).lags.map(({ behind }) => behind!);

/** A store that counts its calls. */
function counted(store: EventStore) {
  const asked = { heads: 0, subscriptions: 0 };
  const counting: EventStore = {
    ...store,
    head() {
      asked.heads++;
      return store.head();
    },
    subscribe(options) {
      asked.subscriptions++;
      return store.subscribe(options);
    },
  };
  return { store: counting, asked };
}

describe('how far views lag', () => {
  it('is counted in events and seconds, whatever the distance between positions', async () => {
    const lags = await behindOf(await logOf(5), 5_000, 3_000, 0, 3_000);
    expect(lags.map(({ events }) => events)).toEqual([0, 2, 5, 2]);
    expect(lags.map(({ seconds }) => Math.round(seconds / 60))).toEqual([0, 1, 4, 1]);
  });

  it('is counted however long it is, a few pages at each look, and goes on from there', async () => {
    const { store, asked } = counted(await logOf(13 * pageSize + 500));
    const atOnce = await behindOf(store, 0, 2_500_000);
    expect(atOnce.map(({ events }) => events)).toEqual([10 * pageSize, 7_500]);
    expect(Math.round(atOnce[0]!.seconds / 60)).toBe(13 * pageSize + 499);
    await sleep(600);
    expect((await behindOf(store, 0, 2_500_000)).map(({ events }) => events)).toEqual([13_500, 11_000]);
    const { subscriptions } = asked;
    await store.append('b', seal('b', 0, noPreviousHash, [another]), -1);
    await sleep(600);
    // Views that stand still cost what has been appended since, and one that moves its next page.
    expect((await behindOf(store, 0, 3_000_000)).map(({ events }) => events)).toEqual([13_501, 10_501]);
    expect(asked.subscriptions - subscriptions).toBe(2);
  });

  it('is what the store says, where it knows', async () => {
    const { store, asked } = counted({ ...(await logOf(pageSize)), count: (after, upTo) => upTo - after });
    expect((await behindOf(store, 0))[0]!.events).toBe(pageSize * 1_000);
    expect(asked.subscriptions).toBe(1);
  });

  it('is nothing for a view that has moved past the head read before', async () => {
    expect(await behindOf(await logOf(2), 9_000)).toEqual([{ events: 0, seconds: 0 }]);
  });

  it('is unknown when the store does not answer, and that is reported in time', async () => {
    const silent: EventStore = {
      ...(await logOf(1)),
      async *subscribe({ signal }) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        yield* [];
      },
    };
    const { lags, trouble } = await lagsOf(silent, 0);
    expect(trouble).toBeInstanceOf(StoreUnavailable);
    // The status of the views themselves is known all the same.
    expect(lags).toEqual([{ name: 'view-0', status: 'running', error: null, position: 0, behind: undefined }]);
    await expect(oldestAfter()(silent, 0)).rejects.toThrow('has not answered within 3 s');
  });

  it('is unknown when the store does not say where its log ends, and that is reported in time', async () => {
    const silent: EventStore = { ...(await logOf(1)), head: () => new Promise(() => undefined) };
    const { trouble } = await lagsOf(silent, 0);
    expect(trouble?.message).toContain('has not answered within 3 s');
  });

  it('is looked up once for all callers at the same time or soon after, and then again', async () => {
    const { store, asked } = counted(await logOf(3));
    await Promise.all([lagsOf(store, 0, 1_000), lagsOf(store, 0, 1_000)]);
    await lagsOf(store, 0, 1_000);
    expect(asked).toEqual({ heads: 1, subscriptions: 2 });
    await sleep(600);
    await lagsOf(store, 0);
    expect(asked).toEqual({ heads: 2, subscriptions: 3 });
  });

  it('is reported of views as they are now: those that have moved meanwhile lag no more than before', async () => {
    const { store } = counted(await logOf(3));
    expect((await behindOf(store, 1_000)).map(({ events }) => events)).toEqual([2]);
    expect((await behindOf(store, 2_000, 3_000)).map(({ events }) => events)).toEqual([2, 0]);
    // One that has started over was not looked up.
    expect(await behindOf(store, 0)).toEqual([undefined]);
  });
});

describe('the oldest event after a position', () => {
  it('is looked up once, also for callers that come meanwhile, as long as the position is the same', async () => {
    const { store, asked } = counted(await logOf(3));
    const oldest = oldestAfter();
    const [first, second] = await Promise.all([oldest(store, 1_000), oldest(store, 1_000)]);
    expect([second, await oldest(store, 1_000)]).toEqual([first, first]);
    expect(asked).toEqual({ heads: 1, subscriptions: 1 });
    expect(await oldest(store, 2_000)).not.toBe(first);
    expect(asked).toEqual({ heads: 2, subscriptions: 2 });
  });

  it('is looked up again where there was none yet, or where the store could not say', async () => {
    const { store, asked } = counted(await logOf(3));
    const oldest = oldestAfter();
    expect([await oldest(store, 3_000), await oldest(store, 3_000)]).toEqual([undefined, undefined]);
    expect(asked).toEqual({ heads: 2, subscriptions: 0 });
    const away: EventStore = { ...store, head: () => Promise.reject(new StoreUnavailable('away')) };
    await expect(oldest(away, 1_000)).rejects.toThrow('away');
    expect(await oldest(store, 1_000)).toBeDefined();
  });
});
