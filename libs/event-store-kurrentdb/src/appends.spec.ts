import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { LogDamaged, OutcomeUnknown, RevisionConflict, StoreUnavailable, type SealedEvent } from '#event-sourcing';
import { appendEach, appendOne, eventually, failureOf, prefix, sealedAt, soon, storesOverPeer } from './testing.js';

const { peer, open, byHand } = storesOverPeer();

describe('an append whose answer does not come', () => {
  it('is sent again and answered with where it was put, once', async () => {
    const store = open();
    await appendOne(store, 'a');
    peer().faults.onBatch({ do: 'loseAnswer' });

    const answer = await appendOne(store, 'a', 1);

    expect(await store.read('a')).toHaveLength(2);
    expect(answer).toEqual({ revision: 1, position: (await store.read('a'))[1]?.position });
    expect(store.metrics()).toMatchObject({ resentAppends: 1, unknownOutcomes: 0, appendedEvents: 2 });
  });

  it('is sent again when the connection broke after the server had stored it', async () => {
    const store = open();
    await appendOne(store, 'a');
    peer().faults.onBatch({ do: 'loseAnswer', then: 'cut' });

    expect(await appendOne(store, 'a', 1)).toMatchObject({ revision: 1 });
    expect(await store.read('a')).toHaveLength(2);
    expect(store.metrics().resentAppends).toBeGreaterThanOrEqual(1);
  });

  it('is sent again when the server has ignored it', async () => {
    const store = open();
    await appendOne(store, 'a');
    peer().faults.onBatch({ do: 'ignore' });

    expect(await appendOne(store, 'a', 1)).toMatchObject({ revision: 1 });
    expect(store.metrics().resentAppends).toBe(1);
  });

  it('is not given up because this process was held up itself', async () => {
    const store = open({ callTimeout: 200 });
    // Every turn of the event loop takes longer than a server may be silent.
    const busy = setInterval(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300), 1);
    try {
      expect(await appendOne(store, 'a')).toMatchObject({ revision: 0 });
    } finally {
      clearInterval(busy);
    }
    expect(store.metrics().resentAppends).toBe(0);
  });

  it('is decided by the late answer to an earlier attempt as well', async () => {
    const store = open();
    await appendOne(store, 'a');
    peer().faults.onBatch({ do: 'delay', ms: 500 });
    peer().faults.onBatch({ do: 'ignore' }, { times: Infinity });

    expect(await appendOne(store, 'a', 1)).toMatchObject({ revision: 1 });
    expect(await store.read('a')).toHaveLength(2);
  });

  it('is a conflict when it was not stored and others took its place meanwhile', async () => {
    const store = open();
    await appendOne(store, 'a');
    peer().faults.onBatch({ do: 'ignore' });
    const appending = failureOf(appendOne(store, 'a', 1));
    await eventually('the first attempt', () => peer().counts.batchAppends === 2);
    byHand(`${prefix}a`, {}, 0);

    const conflict = await appending;
    expect(conflict).toBeInstanceOf(RevisionConflict);
    expect(conflict).toMatchObject({ stream: 'a', expectedRevision: 0, actualRevision: 1 });
  });

  it('is of unknown outcome when no attempt is answered in time', async () => {
    const store = open({ settleWithin: 700 });
    await appendOne(store, 'a');
    peer().faults.onBatch({ do: 'loseAnswer' }, { times: Infinity });

    const error = await failureOf(appendOne(store, 'a', 1));

    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(error.message).toMatch(/Test\.a may or may not have been written \(\d attempts in \d+ ms\): .*not answered/);
    expect(store.metrics()).toMatchObject({ unknownOutcomes: 1 });
    peer().faults.clear();
    expect(await store.read('a')).toHaveLength(2);
  });

  it('sends the bytes of the call, whatever the caller has done to its objects since', async () => {
    const store = open();
    await appendOne(store, 'a');
    peer().faults.onBatch({ do: 'ignore' });
    const [event] = sealedAt('a', 1, { note: 'as appended' });
    const appending = store.append('a', [event!], 0);
    await eventually('the first attempt', () => peer().counts.batchAppends === 2);
    (event!.data as { note: string }).note = 'changed';
    (event!.metadata as { comment?: string }).comment = 'changed';
    await appending;

    const [, stored] = await store.read('a');
    expect(stored?.data).toEqual({ note: 'as appended' });
    expect(stored?.metadata).not.toHaveProperty('comment');
  });
});

describe('an append that is rejected', () => {
  it.each<[string, Parameters<ReturnType<typeof peer>['faults']['onBatch']>[0]]>([
    ['with the connection', { do: 'fail', code: status.UNAVAILABLE, message: 'Connection dropped' }],
    [
      'by a server that is being stopped',
      { do: 'fail', code: status.INTERNAL, message: 'Received RST_STREAM with code 0' },
    ],
    ['by a server that has cancelled', { do: 'fail', code: status.CANCELLED, message: 'gone' }],
    ['while a leader is elected', { do: 'refuse', message: 'Server Is Not Ready' }],
    ['with something unknown', { do: 'fail', code: status.DATA_LOSS, message: 'odd' }],
  ])('%s is sent again', async (_, fault) => {
    const store = open();
    await appendOne(store, 'a');
    peer().faults.onBatch(fault);

    expect(await appendOne(store, 'a', 1)).toMatchObject({ revision: 1 });
    expect(await store.read('a')).toHaveLength(2);
    expect(store.metrics()).toMatchObject({ resentAppends: 1 });
  });

  it('because its deadline has passed on the server is sent again, and of unknown outcome in the end', async () => {
    const store = open({ settleWithin: 500 });
    await appendOne(store, 'a');
    peer().shiftClock(60_000);

    expect(await failureOf(appendOne(store, 'a', 1))).toBeInstanceOf(OutcomeUnknown);
    peer().shiftClock(0);
    expect(await appendOne(store, 'a', 1)).toMatchObject({ revision: 1 });
  });

  it('while the server is being killed and started again is stored exactly once', async () => {
    const store = open({ settleWithin: 5_000 });
    const streams = Array.from({ length: 30 }, (_, index) => `s${index}`);
    await Promise.all(streams.map((stream) => appendOne(store, stream)));
    let stopping = false;
    const acknowledged = new Map<string, number>();
    const writing = streams.map(async (stream) => {
      for (let revision = 1; !stopping;) {
        try {
          acknowledged.set(stream, (await appendOne(store, stream, revision)).revision);
          revision++;
        } catch (error) {
          // Nothing was sent: the same revision again.
          if (!(error instanceof StoreUnavailable)) throw error;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    });
    for (let round = 0; round < 3; round++) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      await peer().kill();
      await new Promise((resolve) => setTimeout(resolve, 50));
      await peer().start();
    }
    stopping = true;
    await soon(Promise.all(writing), 'the writers');

    for (const stream of streams) {
      const recorded = await store.read(stream);
      expect(recorded.map(({ revision }) => revision)).toEqual(recorded.map((_, index) => index));
      expect(new Set(recorded.map(({ id }) => id)).size).toBe(recorded.length);
      expect(recorded.at(-1)?.revision).toBe(acknowledged.get(stream));
    }
    expect(store.metrics().unknownOutcomes).toBe(0);
  });

  it('at a server that cannot be reached has written nothing', async () => {
    const store = open();
    await peer().kill();

    const error = await failureOf(appendOne(store, 'a'));

    expect(error).toBeInstanceOf(StoreUnavailable);
    expect(error.message).toContain('(code 14)');
    expect(store.metrics()).toMatchObject({ unknownOutcomes: 0, resentAppends: 0 });
    await peer().start();
    await eventually('it can be reached again', () =>
      appendOne(store, 'a').then(
        () => true,
        () => false,
      ),
    );
    expect(await store.read('a')).toHaveLength(1);
  });

  it('as malformed is not sent again: every refusal of that kind is answered twice', async () => {
    const store = open();
    await appendOne(store, 'a');
    peer().faults.onBatch({ do: 'refuse', message: 'BadRequest' }, { times: Infinity });

    expect(await failureOf(appendOne(store, 'a', 1))).toBeInstanceOf(StoreUnavailable);
    expect(peer().counts.batchAppends).toBe(2);
  });

  it('as malformed is unknown when an attempt before may have been stored', async () => {
    const store = open({ callTimeout: 400 });
    await appendOne(store, 'a');
    peer().faults.onBatch({ do: 'loseAnswer' });
    peer().faults.onBatch({ do: 'refuse', message: 'BadRequest' }, { times: Infinity });

    expect(await failureOf(appendOne(store, 'a', 1))).toBeInstanceOf(OutcomeUnknown);
    expect(peer().counts.batchAppends).toBe(3);
    expect(await store.read('a')).toHaveLength(2);
  });
});

describe('what the server cannot take', () => {
  const good = () => sealedAt('a', 0, { n: 1 })[0]!;
  it.each<[string, () => SealedEvent, ErrorConstructor, RegExp]>([
    ['an empty type', () => ({ ...good(), type: '' }), TypeError, /Event 1 \(without type\).* type that is empty/],
    ['a type with a lone surrogate', () => ({ ...good(), type: 'A\ud800' }), TypeError, /Event 1 .* type/],
    ['a type of the server', () => ({ ...good(), type: '$metadata' }), TypeError, /Event 1 .* begins with \$/],
    ['an id that is no UUID', () => ({ ...good(), id: 'event-1' }), TypeError, /Event 1 \(CounterIncreased\).* id/],
    [
      'an id in upper case',
      () => ({ ...good(), id: good().id.toUpperCase().replace(/^./, 'A') }),
      TypeError,
      /Event 1 .* id/,
    ],
    ['a bigint in its data', () => ({ ...good(), data: { n: 1n as never } }), TypeError, /Event 1 .* data that JSON/],
    ['no data', () => ({ ...good(), data: undefined as never }), TypeError, /Event 1 .* data that JSON/],
    [
      'a bigint in its metadata',
      () => ({ ...good(), metadata: { ...good().metadata, schema: 1, policy: { name: 1n as never, hash: '' } } }),
      TypeError,
      /Event 1 .* metadata that JSON/,
    ],
    [
      'metadata that lack a field',
      () => ({ ...good(), metadata: { ...good().metadata, hash: undefined as never } }),
      TypeError,
      /Event 1 .* metadata that lack a field/,
    ],
    [
      'more than 1 MiB',
      () => ({ ...good(), data: 'x'.repeat(1024 * 1024) }),
      RangeError,
      /2 events .* take|make \d+ bytes/,
    ],
  ])('%s is refused before it is sent, by name', async (_, event, type, message) => {
    const store = open();
    const error = await failureOf(store.append('a', [good(), event()], -1));

    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(message);
    expect(peer().counts.batchAppends).toBe(0);
  });

  it.each([
    ['', 0],
    ['a\ud800', 0],
    ['a', 0.5],
    ['a', -2],
    ['a', Number.MAX_SAFE_INTEGER + 1],
  ])('an append to %j after %d is refused before it is sent', async (stream, revision) => {
    expect(await failureOf(open().append(stream, sealedAt('a', 0), revision))).toBeInstanceOf(TypeError);
    expect(peer().counts.batchAppends).toBe(0);
  });

  it('is counted as the stricter of the servers counts: data, metadata and types', async () => {
    const store = open();
    const [event] = sealedAt('a', 0, 'x');
    const around = Buffer.byteLength(JSON.stringify(event!.metadata)) + 2 * event!.type.length + 2;
    const filled = (bytes: number) => ({
      ...event!,
      data: 'é'.repeat((bytes - around) / 2) + 'x'.repeat((bytes - around) % 2),
    });

    expect(await failureOf(store.append('a', [filled(1024 * 1024 + 1)], -1))).toBeInstanceOf(RangeError);
    expect(await store.append('a', [filled(1024 * 1024)], -1)).toMatchObject({ revision: 0 });
  });
});

describe('a stream that was deleted by hand', () => {
  it('and that goes on with its old numbers is damage', async () => {
    const store = open();
    await appendEach(store, 'a', 3);
    peer().log.softDelete(`${prefix}a`, -2);

    const error = await failureOf(appendOne(store, 'a', 0));

    expect(error).toBeInstanceOf(LogDamaged);
    expect(error.message).toMatch(/Test\.a .* revision 3: .*deleted by hand/);
  });

  it('is damage when a repeat is answered without a position', async () => {
    const store = open();
    const events = sealedAt('a', 0);
    await store.append('a', events, -1);
    await appendOne(store, 'a', 1);
    peer().log.softDelete(`${prefix}a`, -2);

    expect(await failureOf(store.append('a', events, -1))).toBeInstanceOf(LogDamaged);
  });

  it('for good is damage', async () => {
    const store = open();
    await appendOne(store, 'a');
    peer().log.tombstone(`${prefix}a`, -2);

    const error = await failureOf(appendOne(store, 'a', 1));
    expect(error).toBeInstanceOf(LogDamaged);
    expect(error.message).toContain('Test.a was deleted by hand, for good');
  });
});

describe('many appends at once', () => {
  it('to a server that has stopped reading do not end the process when the connection is lost', async () => {
    const store = open({ settleWithin: 1_200, callTimeout: 500 });
    await appendOne(store, 'warm');
    peer().freeze();
    const appending = Array.from({ length: 300 }, (_, index) =>
      failureOf(appendOne(store, `s${index}`, 0, 'x'.repeat(20_000))),
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    peer().cutSockets();
    // The test framework takes an unhandled rejection for a failure of the test.
    const failures = await soon(Promise.all(appending), 'the appends');

    // What waited in this process has written nothing, and of what was under way the outcome is unknown.
    const names = failures.map(({ name }) => name as string);
    expect(new Set(names)).toEqual(new Set(['OutcomeUnknown', 'StoreUnavailable']));
    expect(names.filter((name) => name === 'StoreUnavailable').length).toBeGreaterThan(200);
  });

  it('are all answered, however many and however large', async () => {
    const store = open({ callTimeout: 10_000 });
    const answers = await Promise.all(
      Array.from({ length: 150 }, (_, index) => appendOne(store, `s${index}`, 0, 'x'.repeat(30_000))),
    );

    expect(new Set(answers.map(({ position }) => position)).size).toBe(150);
    expect(store.metrics()).toMatchObject({ appendedEvents: 150, appendsInFlight: 0, resentAppends: 0 });
  });
});
