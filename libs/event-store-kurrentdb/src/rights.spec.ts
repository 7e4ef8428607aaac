import { describe, expect, it } from '@jest/globals';
import { StoreUnavailable } from '#event-sourcing';
import type { DeniedRights } from './index.js';
import { appendOne, eventually, follow, prefix, storesOverPeer } from './testing.js';

describe('a right that is taken away while a store is open', () => {
  const { peer, notices, open } = storesOverPeer();

  function openWatched() {
    const reported: DeniedRights[] = [];
    return { reported, store: open({ onDenied: (denied) => reported.push(denied) }) };
  }

  it('to $all is reported by any call that meets it, and so is its return', async () => {
    const { reported, store } = openWatched();
    await appendOne(store, 'a');
    const log = follow(store);
    await log.caughtUp();
    const giveBack = peer().denyAccess('$all');
    peer().endSubscriptions();
    expect(await log.failure()).toBeInstanceOf(StoreUnavailable);
    await expect(store.head()).rejects.toThrow(StoreUnavailable);

    expect(reported).toEqual([{ all: true, streams: 0 }]);
    expect(notices.filter(({ message }) => message.includes('denies'))).toEqual([
      {
        message: 'the event store denies this user the right to read $all',
        details: { name: '$all', reason: expect.stringContaining('it must be allowed to read $all') },
      },
    ]);
    giveBack();
    await eventually('the right', async () => (await store.head().catch(() => 0)) > 0);
    expect(reported.at(-1)).toEqual({ all: false, streams: 0 });
    expect(notices.at(-1)?.message).toBe('the event store lets this user read $all again');
  });

  it('to streams is counted by stream, and named in the notice alone', async () => {
    const { reported, store } = openWatched();
    for (const stream of ['a', 'b', 'c']) await appendOne(store, stream);
    const giveBack = ['a', 'b'].map((stream) => peer().denyAccess(`${prefix}${stream}`));
    for (const stream of ['a', 'b']) {
      await expect(store.read(stream)).rejects.toThrow(StoreUnavailable);
      await expect(appendOne(store, stream, 1)).rejects.toThrow(StoreUnavailable);
    }
    expect(await store.read('c')).toHaveLength(1);

    expect(reported.at(-1)).toEqual({ all: false, streams: 2 });
    expect(notices.map(({ message, details }) => [message, details['name']])).toEqual(
      expect.arrayContaining([
        ['the event store denies this user the right to read a stream', `${prefix}a`],
        ['the event store denies this user the right to append to a stream', `${prefix}a`],
      ]),
    );
    for (const back of giveBack) back();
    for (const stream of ['a', 'b']) {
      expect(await store.read(stream)).toHaveLength(1);
      await appendOne(store, stream, 1);
    }
    expect(reported.at(-1)).toEqual({ all: false, streams: 0 });
  });
});
