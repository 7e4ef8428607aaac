import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { OutcomeUnknown, StoreUnavailable } from '#event-sourcing';
import { connectionSettings } from './connection-string.js';
import { ClientConnection } from './connection.js';
import { isClientBroken } from './index.js';
import { appendEach, appendOne, eventually, failureOf, follow, prefix, soon, storesOverPeer } from './testing.js';

const { peer, open, notices } = storesOverPeer();
afterEach(() => {
  jest.restoreAllMocks();
});

const goesThrough = (append: () => Promise<unknown>) => () =>
  append().then(
    () => true,
    () => false,
  );

describe('the client', () => {
  it('is rebuilt when the first call of a connection has failed: it would give that answer for ever', async () => {
    const store = open();
    peer().faults.onFeatures({ do: 'fail', code: status.INTERNAL, message: 'odd' });

    const error = await failureOf(appendOne(store, 'a'));
    expect(error).toBeInstanceOf(StoreUnavailable);
    expect(error.message).toContain('odd');
    await eventually(
      'an append goes through',
      goesThrough(() => appendOne(store, 'a')),
    );
    expect(store.metrics()).toMatchObject({ clientsRebuilt: 1 });
    expect(notices).toContainEqual({
      message: 'the client of the event store is rebuilt',
      details: { reason: expect.stringContaining('odd') },
    });
  });

  it('is not rebuilt all the time while that goes on', async () => {
    const store = open();
    const removed = peer().faults.onFeatures(
      { do: 'fail', code: status.INTERNAL, message: 'odd' },
      { times: Infinity },
    );
    const attempts = 20;
    for (let attempt = 0; attempt < attempts; attempt++) {
      expect(await failureOf(appendOne(store, 'a'))).toBeInstanceOf(StoreUnavailable);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    // A second and more lies between two: one is enough, unless the machine takes long for the attempts.
    expect(store.metrics().clientsRebuilt).toBeGreaterThan(0);
    expect(store.metrics().clientsRebuilt).toBeLessThan(attempts);
    removed();
    await eventually(
      'an append goes through',
      goesThrough(() => appendOne(store, 'a')),
    );
  });

  it('is rebuilt when the first call of a connection is never answered, and nothing was sent meanwhile', async () => {
    const store = open();
    peer().faults.onFeatures({ do: 'ignore' });

    const error = await failureOf(appendOne(store, 'a'));
    expect(error).toBeInstanceOf(StoreUnavailable);
    expect(error.message).toContain('has not answered');
    await eventually(
      'an append goes through',
      goesThrough(() => appendOne(store, 'a')),
    );
    expect(await store.read('a')).toHaveLength(1);
    expect(store.metrics()).toMatchObject({ clientsRebuilt: 1, unknownOutcomes: 0 });
  });

  it('is rebuilt when no append is answered any more, though reads are', async () => {
    const store = open({ settleWithin: 10_000 });
    await appendEach(store, 'a', 2);
    const log = follow(store);
    await log.caughtUp();
    // The batch stream of this client is dead; that of another is not.
    const removed = peer().faults.onBatch({ do: 'ignore' }, { times: Infinity });
    const appending = [appendOne(store, 'a', 2), appendOne(store, 'b', 0)];
    await eventually('the client is rebuilt', () => store.metrics().clientsRebuilt > 0);
    removed();
    const placed = await soon(Promise.all(appending), 'the appends');

    await log.until(Math.max(...placed.map(({ position }) => position)));
    expect(log.positions()).toHaveLength(4);
    expect(await store.read('a')).toHaveLength(3);
    expect(store.metrics()).toMatchObject({ clientsRebuilt: 1, unknownOutcomes: 0, appendsInFlight: 0 });
    await log.stop();
  });

  it('that is given up does not make a read of half of a stream look whole', async () => {
    const store = open({ callTimeout: 400, settleWithin: 10_000 });
    await appendEach(store, 'a', 5);
    peer().faults.onRead({ do: 'ignore', after: 2 }, { when: ({ stream }) => stream === `${prefix}a` });
    peer().faults.onBatch({ do: 'ignore' }, { times: Infinity });
    const appending = failureOf(appendOne(store, 'b'));
    await eventually('the client is about to be rebuilt', () => store.metrics().resentAppends === 2);
    const reading = store.read('a').then(
      (events) => events.length,
      () => 'failed',
    );
    await eventually('the client is rebuilt', () => store.metrics().clientsRebuilt > 0);

    expect(['failed', 5]).toContain(await soon(reading, 'the read'));
    peer().faults.clear();
    await soon(appending, 'the append').catch(() => undefined);
  });

  it.each(['dist/streams/appendToStream/batchAppend.js:21:35', 'src/streams/appendToStream/batchAppend.ts:61:37'])(
    'that was broken by a second answer (%s) is distinguished from every other error',
    (place) => {
      const broken = new TypeError('undefined is not iterable');
      broken.stack =
        'TypeError: undefined is not iterable (cannot read property Symbol(Symbol.iterator))\n' +
        `    at ClientDuplexStreamImpl.<anonymous> (/app/node_modules/@eventstore/db-client/${place})\n` +
        '    at ClientDuplexStreamImpl.emit (node:events:508:28)';

      expect(isClientBroken(broken)).toBe(true);
      expect(isClientBroken(new TypeError('undefined is not iterable'))).toBe(false);
      for (const other of [new Error('batchAppend'), undefined, null, 'TypeError', new OutcomeUnknown('x')])
        expect(isClientBroken(other)).toBe(false);
    },
  );
});

describe('a client of which an append is never settled', () => {
  const said: string[] = [];

  async function stuckConnection(callTimeout = 100) {
    said.length = 0;
    const stuck = new ClientConnection({
      settings: connectionSettings(peer().connectionString, true),
      callTimeout,
      verify: () => Promise.resolve(),
      notice: (message) => said.push(message),
      rights: { granted: () => undefined, failed: () => undefined },
    });
    await eventually('it is connected', async () => {
      try {
        (await stuck.ready()).pendingAppends = 1;
        return true;
      } catch {
        return false;
      }
    });
    return stuck;
  }

  it('is waited for only for a while when the store is closed', async () => {
    const stuck = await stuckConnection();
    await soon(stuck.close(), 'the close');
    expect(said).toEqual([]);
  });

  it('is waited for when the store is closed', async () => {
    const stuck = await stuckConnection(600_000);
    const session = await stuck.ready();
    let closed = false;
    const closing = stuck.close().then(() => (closed = true));
    await eventually('it waits', () => session.drained !== undefined);
    expect(closed).toBe(false);
    session.pendingAppends = 0;
    session.drained?.();
    await soon(closing, 'the close');
  });

  it('ends the process when another has to take its place', async () => {
    const thrown: unknown[] = [];
    const { setImmediate: later } = globalThis;
    jest.spyOn(globalThis, 'setImmediate').mockImplementation(((
      run: (...args: unknown[]) => void,
      ...args: unknown[]
    ) =>
      later(() => {
        try {
          run(...args);
        } catch (error) {
          thrown.push(error);
        }
      })) as typeof setImmediate);
    const stuck = await stuckConnection();
    for (let calls = 0; calls < 4; calls++) {
      stuck.timedOut('append');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await eventually('the error outside', () => thrown.length > 0);

    expect(thrown).toEqual([expect.any(StoreUnavailable)]);
    expect(said).toEqual([
      'the client of the event store is rebuilt',
      'the client of the event store cannot be rebuilt: the process ends',
    ]);
    // A process that is kept alive all the same gets no second client.
    expect((await failureOf(Promise.resolve(stuck.ready()))).message).toContain('has to be started again');
    await soon(stuck.close(), 'the close');
  });
});

describe('a frozen server', () => {
  it('is waited for no longer than it may take, and works again when it is thawed', async () => {
    const store = open({ settleWithin: 600 });
    await appendOne(store, 'a');
    peer().freeze();
    const [append, read, head] = await Promise.all([
      failureOf(appendOne(store, 'a', 1)),
      failureOf(store.read('a')),
      failureOf(store.head()),
    ]);

    expect(append).toBeInstanceOf(OutcomeUnknown);
    expect(read).toBeInstanceOf(StoreUnavailable);
    expect(head).toBeInstanceOf(StoreUnavailable);
    peer().thaw();
    await eventually(
      'a read',
      goesThrough(() => store.read('a')),
    );
    // Whichever it was: it is known now.
    const { length } = await store.read('a');
    expect([1, 2]).toContain(length);
    await eventually(
      'an append',
      goesThrough(() => appendOne(store, 'a', length)),
    );
  });
});

describe('closing', () => {
  it('lets what was accepted be answered, ends subscriptions, and then refuses everything', async () => {
    const store = open();
    await appendOne(store, 'a');
    const log = follow(store);
    await log.caughtUp();
    peer().faults.onBatch({ do: 'delay', ms: 200 });
    const appending = appendOne(store, 'a', 1);
    const closing = store.close();

    expect(await appending).toMatchObject({ revision: 1 });
    await soon(closing, 'the close');
    await store.close();
    expect(await log.failure()).toBeUndefined();
    for (const refused of [store.read('a'), appendOne(store, 'a', 2), store.head(), store.connect()]) {
      const error = await failureOf(refused);
      expect(error).toBeInstanceOf(StoreUnavailable);
      expect(error.message).toBe('The event store is closed');
    }
    expect(() => store.subscribe({ after: 0, signal: new AbortController().signal })).toThrow(StoreUnavailable);
  });

  it('of a store that was never used, or whose server is gone, takes no time', async () => {
    await soon(open().close(), 'the close');
    const store = open();
    await appendOne(store, 'a');
    await peer().kill();
    await soon(store.close(), 'the close');
  });
});
