import { describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { appendOne, eventually, follow, storesOverPeer } from './testing.js';

const { peer, open, notices } = storesOverPeer({ marksTheEnd: true });
const gone = { code: status.UNAVAILABLE, message: 'gone' };
const revisions = ({ batches }: ReturnType<typeof follow>) =>
  batches.flatMap(({ events }) => events.map(({ revision }) => revision));

describe('A marker where the next event will stand', () => {
  it('does not hide that event when the subscription is taken up again', async () => {
    const store = open();
    const { position } = await appendOne(store, 'a');
    const log = follow(store);
    await log.until(position);
    const undo = peer().faults.onSubscribe({ do: 'fail', code: status.UNAVAILABLE }, { times: 3 });
    peer().endSubscriptions(gone);
    await appendOne(store, 'a', 1);
    undo();
    await appendOne(store, 'a', 2);

    await eventually('the third event', () => revisions(log).includes(2));
    expect(revisions(log)).toEqual([0, 1, 2]);
    await log.stop();
  });

  it('is no sign of a log that has been emptied', async () => {
    const store = open();
    const { position } = await appendOne(store, 'a');
    const log = follow(store);
    await log.until(position);
    peer().endSubscriptions(gone);
    await eventually('another subscription', () => notices.length > 0 && peer().counts.subscriptions > 1);

    const next = await appendOne(store, 'a', 1);
    await log.until(next.position);
    expect(revisions(log)).toEqual([0, 1]);
    await log.stop();
  });

  it('does not stand for what was appended while it waited after events that a slow consumer had not taken', async () => {
    const store = open();
    for (let revision = 0; revision < 40; revision++) await appendOne(store, 'a', revision);
    const ending = new AbortController();
    const seen: number[] = [];
    for await (const { events } of store.subscribe({ after: 0, signal: ending.signal, batchSize: 3 })) {
      seen.push(...events.map(({ revision }) => revision));
      if (seen.length === 21) for (let revision = 40; revision < 45; revision++) await appendOne(store, 'a', revision);
      if (seen.at(-1) === 44) ending.abort();
    }

    expect(seen).toEqual(Array.from({ length: 45 }, (_, revision) => revision));
  });
});
