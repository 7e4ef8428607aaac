import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { LogDamaged, StoreUnavailable, type EventBatch } from '#event-sourcing';
import {
  appendEach,
  appendOne,
  eventually,
  failureOf,
  follow,
  prefix,
  sealedAt,
  soon,
  storesOverPeer,
} from './testing.js';

const { peer, open, byHand, notices, restore } = storesOverPeer();

function othersWrite(count: number): void {
  for (let index = 0; index < count; index++) byHand('another application', { data: `{"index":${index}}` });
}

const iterated = (batches: AsyncIterable<EventBatch>) => batches[Symbol.asyncIterator]();

describe('a subscription to a log of large events', () => {
  it('takes them in batches of a size', async () => {
    const store = open({ callTimeout: 3_000 });
    for (let index = 0; index < 40; index++)
      await store.append(`large-${index}`, sealedAt(`large-${index}`, 0, 'x'.repeat(900_000)), -1);
    const head = await store.head();
    const sizes: number[] = [];
    for await (const { events, position } of store.subscribe({ after: 0, signal: AbortSignal.timeout(20_000) })) {
      sizes.push(events.length);
      if (position >= head) break;
    }
    expect(Math.max(...sizes)).toBeLessThan(25);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(40);
  });
});

describe('a subscription that the server ends', () => {
  it('because the consumer was too slow is taken up again at once, with nothing lost and nothing twice', async () => {
    const store = open();
    const expected = await appendEach(store, 'a', 3);
    const log = follow(store);
    await log.until(expected.at(-1)!);
    for (let round = 0; round < 10; round++) {
      expected.push(...(await appendEach(store, 'a', 5, expected.length)));
      await log.until(expected.at(-1)!);
      // Every one of them with progress since the one before.
      expect(peer().endSubscriptions()).toBe(1);
    }
    expected.push(...(await appendEach(store, 'a', 2, expected.length)));
    await log.until(expected.at(-1)!);

    expect(log.positions()).toEqual(expected);
    expect(store.metrics().resubscriptions).toBe(10);
    // What is a matter of course on this server is no news.
    expect(notices).toEqual([]);
    await log.stop();
  });

  it('whenever 32 events wait loses nothing of a fast writer', async () => {
    const store = open({ callTimeout: 3_000 });
    const log = follow(store);
    await log.caughtUp();
    const streams = Array.from({ length: 20 }, (_, index) => `s${index}`);
    await Promise.all(
      streams.map(async (stream) => {
        for (let round = 0; round < 5; round++)
          await store.append(
            stream,
            sealedAt(stream, round * 20, ...Array.from({ length: 20 }, () => 0)),
            round * 20 - 1,
          );
      }),
    );
    await log.until(await store.head());

    expect(log.positions()).toHaveLength(2_000);
    expect(log.positions()).toEqual([...new Set(log.positions())].sort((a, b) => a - b));
    expect(peer().counts.tooSlow).toBeGreaterThan(0);
    await log.stop();
  });

  it.each<[string, () => Promise<void>]>([
    ['by being killed', async () => (await peer().kill(), await peer().start())],
    ['by being stopped', async () => (await peer().shutdown({ grace: 20 }), await peer().start())],
    ['with its connections', async () => peer().cutSockets()],
    ['with an unknown error', async () => void peer().endSubscriptions({ code: status.DATA_LOSS, message: 'odd' })],
    ['by cancelling it', async () => void peer().endSubscriptions({ code: status.CANCELLED, message: 'gone' })],
  ])(
    '%s is taken up again after the last event',
    async (_, end) => {
      const store = open();
      const expected = await appendEach(store, 'a', 3);
      const log = follow(store);
      await log.until(expected.at(-1)!);
      await end();
      // Past the store, so that nothing of it helps.
      const [event] = sealedAt('a', 3);
      byHand(`${prefix}a`, { id: event!.id, type: event!.type, metadata: JSON.stringify(event!.metadata) });
      expected.push(peer().log.head());
      await log.until(expected.at(-1)!);

      expect(log.positions()).toEqual(expected);
      expect(store.metrics().resubscriptions).toBeGreaterThan(0);
      expect(notices.map(({ message }) => message)).toContain('a subscription to the event store is taken up again');
      await log.stop();
    },
    15_000,
  );

  it('again and again without progress is tried less and less often, and reported once', async () => {
    const store = open();
    const [position] = await appendEach(store, 'a', 1);
    const log = follow(store);
    await log.until(position!);
    peer().faults.onSubscribe({ do: 'fail', code: status.UNAVAILABLE, message: 'no' }, { times: Infinity });
    const before = peer().counts.subscriptions;
    peer().endSubscriptions();
    // After 100, 200, 400 ms, each with some chance in it.
    await eventually('three attempts', () => peer().counts.subscriptions - before >= 3);

    expect(notices).toHaveLength(1);
    expect(notices[0]?.details).toMatchObject({ position, reason: expect.stringContaining('no') });
    peer().faults.clear();
    await log.until((await appendOne(store, 'a', 1)).position);
    await log.stop();
  });

  it('for a user who is not allowed any more ends with that', async () => {
    const store = open();
    await appendOne(store, 'a');
    const log = follow(store);
    await log.caughtUp();
    peer().faults.onSubscribe({ do: 'fail', code: status.PERMISSION_DENIED, metadata: { exception: 'access-denied' } });
    peer().endSubscriptions();

    const error = await log.failure();
    expect(error).toBeInstanceOf(StoreUnavailable);
    expect(error.message).toContain('denies this user access');
  });
});

describe('a subscription whose server says nothing', () => {
  it('any more, though the log goes on, is taken up again', async () => {
    const store = open();
    const first = await appendEach(store, 'a', 2);
    peer().faults.onSubscribe({ do: 'ignore', after: 2 });
    const log = follow(store);
    await log.until(first.at(-1)!);
    const { position } = await appendOne(store, 'a', 2);
    await log.until(position);

    expect(log.positions()).toEqual([...first, position]);
    expect(notices[0]?.details['reason']).toMatch(/Nothing arrives at \d+ although the log has gone on to \d+/);
    await log.stop();
  });

  it('from the beginning fails, so that no caller waits for ever for a first batch', async () => {
    const store = open();
    await appendOne(store, 'a');
    peer().faults.onSubscribe({ do: 'ignore' }, { times: Infinity });

    expect(await follow(store).failure()).toBeInstanceOf(StoreUnavailable);
  });

  it('because it cannot be reached fails at once before the first batch, and never after it', async () => {
    const store = open();
    await appendOne(store, 'a');
    const log = follow(store);
    await log.caughtUp();
    await peer().kill();

    expect(await follow(store).failure()).toBeInstanceOf(StoreUnavailable);
    await new Promise((resolve) => setTimeout(resolve, 700));
    await peer().start();
    let position = 0;
    await eventually('an append goes through', () =>
      appendOne(store, 'a', 1).then(
        (result) => (position = result.position) > 0,
        () => false,
      ),
    );
    await log.until(position);
    await log.stop();
  });

  it('is ended on the server as well when it is left', async () => {
    const store = open();
    const { position } = await appendOne(store, 'a');
    const logs = [follow(store), follow(store)];
    for (const log of logs) await log.until(position);
    await logs[0]?.stop();
    await new Promise((resolve) => setTimeout(resolve, 300));

    expect(peer().endSubscriptions()).toBe(1);
    await logs[1]?.stop();
  });

  it('ends as soon as it is aborted', async () => {
    // Were an answer waited for, the test would hang.
    const store = open({ callTimeout: 600_000 });
    await appendOne(store, 'a');
    const log = follow(store);
    await log.caughtUp();
    peer().freeze();
    await log.stop();
    const beginning = follow(store);
    await beginning.stop();
    peer().thaw();
  });
});

describe('a subscription that is begun or taken up again', () => {
  it('where the event of its position was scavenged loses nothing', async () => {
    const store = open();
    const positions = await appendEach(store, 'a', 3);
    const others = [peer().log.head()];
    othersWrite(2);
    others.push(peer().log.head());
    const more = await appendEach(store, 'b', 3);
    peer().scavenge([others[1]!]);

    // A position as a marker leaves it: on an event of others.
    const log = follow(store, others[1]);
    await log.until(more.at(-1)!);
    expect(log.positions()).toEqual(more);
    expect(positions).toHaveLength(3);
    await log.stop();
  });

  it('where one of ours was scavenged after the position loses nothing that is there', async () => {
    const store = open();
    const positions = await appendEach(store, 'a', 4);
    peer().scavenge([positions[1]!]);
    const log = follow(store, positions[1]);
    await log.until(positions[3]!);

    expect(log.positions()).toEqual(positions.slice(2));
    await log.stop();
  });

  it('between two events begins earlier and leaves out what comes again', async () => {
    const store = open();
    const positions = await appendEach(store, 'a', 4);
    const log = follow(store, positions[1]! + 1);
    await log.until(positions[3]!);

    expect(log.positions()).toEqual(positions.slice(2));
    await log.stop();
  });

  it('begins at the first event of the log where there is one', async () => {
    othersWrite(3_000);
    const store = open({ firstStream: 'ledger' });
    const log = follow(store);
    await log.caughtUp();
    expect(log.batches).toEqual([{ events: [], position: 0, caughtUp: true }]);
    const first = await appendOne(store, 'ledger');
    const { position } = await appendOne(store, 'a');
    await log.until(position);
    const fromTheStart = follow(open({ firstStream: 'ledger' }));
    await fromTheStart.until(position);

    expect(log.positions()).toEqual([first.position, position]);
    expect(fromTheStart.positions()).toEqual([first.position, position]);
    await log.stop();
    await fromTheStart.stop();
  });

  it('goes past what is not ours, by the position of its batches, and never beyond the head', async () => {
    const store = open();
    const { position: before } = await appendOne(store, 'a');
    othersWrite(3_000);
    const { position: behind } = await appendOne(store, 'a', 1);
    othersWrite(3_000);
    peer().faults.onSubscribe({ do: 'fail', code: status.UNAVAILABLE, message: 'dropped', after: 1 });
    const log = follow(store);
    await log.until(behind);
    await log.caughtUp();

    const [first, last] = log.batches;
    expect(log.batches).toHaveLength(2);
    expect(first).toMatchObject({ events: [{ position: before }], caughtUp: false });
    expect(first!.position).toBeGreaterThan(before);
    expect(last).toMatchObject({ events: [{ position: behind }], position: behind, caughtUp: true });
    expect(await store.head()).toBe(behind);
    // A position that only others have given is as good as any to go on from.
    const again = follow(store, first!.position);
    await again.until(behind);
    expect(again.positions()).toEqual([behind]);
    await log.stop();
    await again.stop();
  });

  it('refuses what is no position and no size of a batch', async () => {
    const store = open();
    for (const options of [{ after: -1 }, { after: 0.5 }, { after: 0, batchSize: 0 }])
      expect(
        await failureOf(iterated(store.subscribe({ signal: new AbortController().signal, ...options })).next()),
      ).toBeInstanceOf(TypeError);
  });
});

describe('a subscription that meets damage', () => {
  it.each<[string, (storedName: string) => void, RegExp]>([
    ['the deletion of a stream', (name) => void peer().log.softDelete(name, -2), /Test\.a are hidden.*\$tb/],
    [
      'the deletion of a stream for good',
      (name) => void peer().log.tombstone(name, -2),
      /Test\.a was deleted by hand, for good/,
    ],
    [
      'the truncation of a stream',
      (name) => void byHand(`$$${name}`, { type: '$metadata', data: '{"$maxCount":1}' }),
      /Test\.a are hidden.*\$maxCount/,
    ],
    [
      'a foreign event in a stream',
      (name) => void byHand(name, {}),
      /revision 2 of Test\.a .* was not written by a ledger/,
    ],
  ])('%s ends with its name, live and from the start', async (_, damage, message) => {
    const store = open();
    const positions = await appendEach(store, 'a', 2);
    const live = follow(store);
    await live.until(positions[1]!);
    await live.caughtUp();
    damage(`${prefix}a`);

    for (const log of [live, follow(store), follow(open(), positions[1])]) {
      const error = await log.failure();
      expect(error).toBeInstanceOf(LogDamaged);
      expect(error.message).toMatch(message);
    }
  });

  it('that was repaired goes past it', async () => {
    const store = open();
    const positions = await appendEach(store, 'a', 2);
    byHand(`$$${prefix}a`, { type: '$metadata', data: '{"$tb":1}' });
    byHand(`$$${prefix}a`, { type: '$metadata', data: '{}' });
    positions.push(...(await appendEach(store, 'a', 1, 2)));
    const log = follow(open());
    await log.until(positions[2]!);

    expect(log.positions()).toEqual(positions);
    await log.stop();
  });

  it('of streams that are none of ours, or of metadata that hide nothing, does not mind', async () => {
    const store = open();
    byHand('another application', {});
    const log = follow(store);
    await log.caughtUp();
    peer().log.softDelete('another application', -2);
    byHand('$$another application', { type: '$metadata', data: '{"$maxCount":1}' });
    for (const data of ['{"$acl":{}}', '{"$maxAge":null,"$tb":0}']) byHand(`$$${prefix}a`, { type: '$metadata', data });
    const { position } = await appendOne(store, 'a');
    await log.until(position);
    await log.stop();
  });

  it('at the same address: an emptied database', async () => {
    const store = open();
    await appendEach(store, 'a', 3);
    const log = follow(store);
    await log.caughtUp();
    await peer().wipe();

    const error = await log.failure();
    expect(error).toBeInstanceOf(LogDamaged);
    expect(error.message).toContain('emptied');
  });

  it('at the same address: another ledger, longer than this one', async () => {
    const store = open({ firstStream: 'ledger' });
    await appendOne(store, 'ledger');
    const log = follow(store);
    await log.caughtUp();
    await peer().kill();
    peer().log.wipe();
    othersWrite(30);
    const [event] = sealedAt('ledger', 0);
    byHand(`${prefix}ledger`, { id: event!.id, type: event!.type, metadata: JSON.stringify(event!.metadata) });
    await peer().start();

    const error = await log.failure();
    expect(error).toBeInstanceOf(LogDamaged);
    expect(error.message).toContain('another or an emptied database');
  });
});

describe('a subscription whose database was restored from a backup and has grown past it', () => {
  it('ends with damage, and so does a reader that goes on from there', async () => {
    const store = open();
    const positions = await appendEach(store, 'a', 4);
    const follower = open();
    const log = follow(follower);
    await log.until(positions[3]!);
    await log.caughtUp();
    // It knows of it by what it follows alone.
    positions.push(...(await appendEach(store, 'a', 1, 4)));
    await log.until(positions[4]!);
    const batches = log.batches.length;
    await restore(positions[2]!, () => othersWrite(30));

    for (const subscription of [log, follow(follower, positions[4]), follow(follower)]) {
      const error = await subscription.failure();
      expect(error).toBeInstanceOf(LogDamaged);
      expect(error.message).toMatch(new RegExp(`event at position ${positions[4]} was .*restored from a backup`));
    }
    expect(log.batches).toHaveLength(batches);
  });

  it('goes on when nothing of ours is lost, and misses nothing where it had seen events of others alone', async () => {
    const store = open();
    // From here on positions have as many bytes in an event as any other.
    othersWrite(100);
    const positions = await appendEach(store, 'a', 3);
    const follower = open();
    const log = follow(follower);
    await log.until(positions[2]!);
    await log.caughtUp();
    let others = 0;
    const sized = (size: number) =>
      byHand(`another application ${1_000 + others++}`, { data: JSON.stringify('x'.repeat(size)) });
    const begin = peer().log.end();
    sized(200);
    const each = peer().log.end() - begin;
    for (let count = 1; count < 700; count++) sized(200);
    const looked = peer().log.head();
    // The server reports that it has found nothing of ours; afterwards it is asked to go on after that.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const [event] = sealedAt('a', 3);
    await restore(positions[2]!, () => {
      byHand(`${prefix}a`, { id: event!.id, type: event!.type, metadata: JSON.stringify(event!.metadata) });
      // Events begin again where events began before, as happens now and then by chance.
      sized(200 + each - ((peer().log.end() - begin) % each));
      for (let count = 0; count < 1_000; count++) sized(200);
    });
    positions.push(peer().log.stream(`${prefix}a`)[3]!.position);
    expect(positions[3]).toBeLessThan(looked);
    expect(peer().log.records.some(({ position }) => position === looked)).toBe(true);
    await log.until(positions[3]!);

    expect(log.positions()).toEqual(positions);
    await log.stop();
  });
});

describe('a slow consumer', () => {
  it('gets everything in the end, and holds up no other meanwhile', async () => {
    const store = open({ callTimeout: 3_000 });
    await store.append('a', sealedAt('a', 0, 'first'), -1);
    const slow = iterated(store.subscribe({ after: 0, signal: new AbortController().signal, batchSize: 50 }));
    const slowly = [...((await slow.next()).value?.events ?? [])];
    const fast = follow(store);
    for (let revision = 1; revision < 3_001; revision += 500)
      await store.append(
        'a',
        sealedAt('a', revision, ...Array.from({ length: 500 }, () => 'x'.repeat(500))),
        revision - 1,
      );
    const head = await store.head();
    await fast.until(head);
    expect(fast.positions()).toHaveLength(3_001);

    while (slowly.length < 3_001) slowly.push(...((await soon(slow.next(), 'the next batch')).value?.events ?? []));
    expect(slowly.map(({ position }) => position)).toEqual(fast.positions());
    await slow.return?.();
    await fast.stop();
  });
});
