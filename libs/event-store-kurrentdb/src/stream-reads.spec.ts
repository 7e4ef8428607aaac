import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { LogDamaged, StoreUnavailable } from '#event-sourcing';
import { appendEach, appendOne, failureOf, prefix, sealedAt, storesOverPeer } from './testing.js';

const { peer, open, byHand } = storesOverPeer();
const storedName = `${prefix}a`;

/** As an operator writes it with the tools of the database. */
const setMetadata = (json: string) => byHand(`$$${storedName}`, { type: '$metadata', data: json });

describe('a read', () => {
  it('that is never answered is given up with an error', async () => {
    const store = open();
    await appendOne(store, 'a');
    peer().faults.onRead({ do: 'ignore' }, { times: Infinity });

    const error = await failureOf(store.read('a'));

    expect(error).toBeInstanceOf(StoreUnavailable);
    expect(error.message).toContain('has not answered a read of Test.a');
  });

  it('is not given up because this process was held up itself', async () => {
    const store = open({ callTimeout: 200 });
    await appendOne(store, 'a');
    // Every turn of the event loop takes longer than a server may be silent.
    const busy = setInterval(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300), 1);
    try {
      expect(await store.read('a')).toHaveLength(1);
    } finally {
      clearInterval(busy);
    }
  });

  it('that stops in the middle is given up', async () => {
    const store = open();
    await store.append('a', sealedAt('a', 0, 1, 2, 3), -1);
    peer().faults.onRead({ do: 'ignore', after: 2 });

    expect(await failureOf(store.read('a'))).toBeInstanceOf(StoreUnavailable);
    expect(await store.read('a')).toHaveLength(3);
  });

  it.each([
    [status.UNAVAILABLE, 'Server Is Not Ready'],
    [status.CANCELLED, 'gone'],
    [status.INTERNAL, 'Received RST_STREAM with code 0'],
  ])('that fails with code %d is tried once more', async (code, message) => {
    const store = open();
    await appendOne(store, 'a');
    peer().faults.onRead({ do: 'fail', code, message });
    expect(await store.read('a')).toHaveLength(1);

    peer().faults.onRead({ do: 'fail', code, message }, { times: Infinity });
    const error = await failureOf(store.read('a'));
    expect(error).toBeInstanceOf(StoreUnavailable);
    expect(error.message).toContain(message);
  });

  it('that breaks after some events gives all of them or none', async () => {
    const store = open();
    await store.append('a', sealedAt('a', 0, 1, 2, 3), -1);
    peer().faults.onRead({ do: 'fail', code: status.UNAVAILABLE, message: 'dropped', after: 2 });

    expect(await store.read('a')).toHaveLength(3);
  });

  it('of a stream that is there asks the server once', async () => {
    const store = open();
    await appendEach(store, 'a', 3);
    const before = peer().counts.reads;
    await store.read('a');
    await store.read('a', { from: 2 });
    await store.read('a', { from: 3 });

    expect(peer().counts.reads - before).toBe(3);
  });

  it('of something that is no name of a stream is refused', async () => {
    for (const stream of ['', 'a\udc00']) expect(await failureOf(open().read(stream))).toBeInstanceOf(TypeError);
  });
});

describe('a stream that is not what was written', () => {
  it('is damage when it was deleted by hand', async () => {
    const store = open();
    await appendEach(store, 'a', 2);
    peer().log.softDelete(storedName, -2);

    for (const range of [{}, { from: 1 }, { to: 0 }]) {
      const error = await failureOf(store.read('a', range));
      expect(error).toBeInstanceOf(LogDamaged);
      expect(error.message).toMatch(
        /Test\.a are hidden: its metadata have \$tb, .*deleted or truncated.*scavenge.*backup/s,
      );
    }
  });

  it('is damage when it was deleted by hand for good', async () => {
    const store = open();
    await appendOne(store, 'a');
    peer().log.tombstone(storedName, -2);

    const error = await failureOf(store.read('a'));
    expect(error).toBeInstanceOf(LogDamaged);
    expect(error.message).toMatch(/Test\.a was deleted by hand, for good .*backup/);
  });

  it.each(['{"$tb":2}', '{"$maxCount":1}', '{"$tb":3}', '{"$maxAge":1}'])(
    'is damage when its metadata are %s',
    async (json) => {
      const store = open();
      await appendEach(store, 'a', 3);
      setMetadata(json);
      peer().shiftClock(60_000);

      const error = await failureOf(store.read('a'));
      expect(error).toBeInstanceOf(LogDamaged);
      expect(error.message).toContain(`its metadata have ${json.slice(2, -4)}`);
    },
  );

  it('is read as ever when its metadata hide nothing, or no more', async () => {
    const store = open();
    await appendEach(store, 'a', 3);
    setMetadata('{"$acl":{"$r":"$admins"}}');
    expect(await store.read('a')).toHaveLength(3);

    setMetadata('{"$tb":2}');
    expect(await failureOf(store.read('a'))).toBeInstanceOf(LogDamaged);
    setMetadata('{}');
    expect(await store.read('a')).toHaveLength(3);
  });

  it('is damage when an event in the middle is gone', async () => {
    const store = open();
    const positions = await appendEach(store, 'a', 4);
    peer().scavenge([positions[1]!]);

    const error = await failureOf(store.read('a'));
    expect(error).toBeInstanceOf(LogDamaged);
    expect(error.message).toMatch(/Test\.a should go on with revision 1, but 2 comes next/);
  });

  it('is damage when the first events are gone', async () => {
    const store = open();
    const positions = await appendEach(store, 'a', 3);
    peer().scavenge(positions.slice(0, 2));

    expect(await failureOf(store.read('a'))).toBeInstanceOf(LogDamaged);
    expect(await failureOf(store.read('a', { from: 1 }))).toBeInstanceOf(LogDamaged);
    expect(await store.read('a', { from: 2 })).toHaveLength(1);
  });

  it.each<[string, Parameters<typeof byHand>[1]]>([
    ['without metadata', {}],
    ['with metadata of another writer', { metadata: '{"user":"somebody"}' }],
    ['with metadata that are not JSON', { metadata: 'oops' }],
  ])('is damage with an event %s in it', async (_, event) => {
    const store = open();
    await appendOne(store, 'a');
    byHand(storedName, event);

    const error = await failureOf(store.read('a'));
    expect(error).toBeInstanceOf(LogDamaged);
    expect(error.message).toMatch(/revision 1 of Test\.a \(position \d+\) was not written by a ledger.*by hand/s);
  });

  it('is damage with data in it that are not JSON', async () => {
    const store = open();
    const [event] = sealedAt('a', 0, 'a string is fine');
    await store.append('a', [event!], -1);
    expect((await store.read('a'))[0]?.data).toBe('a string is fine');
    const [next] = sealedAt('a', 1, { n: 1 });
    byHand(storedName, { id: next!.id, type: next!.type, data: '{"n":', metadata: JSON.stringify(next!.metadata) });

    const error = await failureOf(store.read('a'));
    expect(error).toBeInstanceOf(LogDamaged);
    expect(error.message).toMatch(/revision 1 of Test\.a .*not JSON/);
  });
});
