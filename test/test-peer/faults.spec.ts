import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import { END, NO_STREAM, START } from '@eventstore/db-client';
import { hence } from '../wall-clock.js';
import {
  all,
  connect,
  counted,
  countedUpTo,
  eventually,
  failureOf,
  followed,
  paths,
  peerAndClient,
  until,
} from './testing.js';

const { peer, client } = peerAndClient();
const health = () => fetch(`http://${peer().addresses[0]}/health/live`, { signal: AbortSignal.timeout(2_000) });
const stored = () => peer().log.stream('stream').length;
/** Whether it has settled after a moment. */
const waits = async (action: Promise<unknown>, ms = 150) =>
  Promise.race([
    action.then(
      () => false,
      () => false,
    ),
    sleep(ms, true),
  ]);

describe('A peer that is killed', () => {
  it('breaks every call as a dead server does, and has everything when it is started again on its port', async () => {
    await client().appendToStream('stream', counted(0));
    const follower = followed(client().subscribeToAll({ fromPosition: END }));
    await follower.until('caught up');
    peer().faults.onBatch({ do: 'ignore' });
    const pending = failureOf(client().appendToStream('stream', counted(1)));
    await until(() => peer().counts.batchAppends === 2);
    await peer().kill();

    expect(await pending).toMatchObject({ type: 'unavailable', code: 14 });
    expect(await follower.ended).toMatchObject({ type: 'unavailable', code: 14 });
    // On the batch path a bare error of gRPC, which is none of the client's own.
    const whileDown = await failureOf(client().appendToStream('stream', counted(1)));
    expect(whileDown).toMatchObject({ code: 14 });
    expect(whileDown.type).toBeUndefined();
    expect(await failureOf(all(client().readStream('stream')))).toMatchObject({ type: 'unavailable', code: 14 });
    await expect(health()).rejects.toThrow();

    const [address] = peer().addresses;
    await peer().start();
    expect(peer().addresses).toEqual([address]);
    await eventually(() => client().appendToStream('stream', counted(1), { expectedRevision: 0n }));
    expect(await all(client().readStream('stream'))).toHaveLength(2);
  });

  it('leaves a gap in the positions when it starts again', async () => {
    await client().appendToStream('stream', counted(0));
    const step = async (n: number) => {
      await eventually(() => client().appendToStream('stream', counted(n), { expectedRevision: BigInt(n - 1) }));
      return peer().log.stream('stream')[n]!.position - peer().log.stream('stream')[n - 1]!.position;
    };
    const usual = await step(1);
    await peer().kill();
    await peer().start();

    expect(await step(2)).toBeGreaterThan(usual + 100);
  });
});

describe('A peer that is asked to stop', () => {
  it('goes on taking appends for a while, then ends subscriptions without a status and what is in flight with 14', async () => {
    await client().appendToStream('stream', counted(0));
    const follower = followed(client().subscribeToAll({ fromPosition: END }));
    await follower.until('caught up');
    const grace = Promise.withResolvers<void>();
    const stopping = peer().shutdown({ grace: grace.promise });
    await client().appendToStream('stream', counted(1));
    peer().faults.onBatch({ do: 'ignore' });
    const pending = failureOf(client().appendToStream('stream', counted(2)));
    await until(() => peer().counts.batchAppends === 3);
    grace.resolve();
    await stopping;

    expect(await follower.ended).toMatchObject({
      type: 'unknown',
      code: 13,
      message: expect.stringContaining('Received RST_STREAM with code 0'),
    });
    expect(follower.said).toContain('1');
    expect((await pending).code).toBeDefined();
    expect(stored()).toBe(2);
    await expect(health()).rejects.toThrow();
  });
});

describe('A peer that freezes', () => {
  it.each(paths)('answers nothing until it is thawed, and then what it was sent on %s', async (_path, options) => {
    await client().appendToStream('stream', counted(0), options);
    const follower = followed(client().subscribeToAll({ fromPosition: END }));
    await follower.until('caught up');
    peer().freeze();
    const append = client().appendToStream('stream', counted(1), options);
    const read = all(client().readStream('stream'));
    const connecting = health();

    expect(await Promise.all([append, read, connecting].map((action) => waits(action)))).toEqual([true, true, true]);
    expect(stored()).toBe(1);
    peer().thaw();
    await append;
    await read;
    expect((await connecting).status).toBe(204);
    await follower.until('1');
  });

  it('takes connections, and is silent on them', async () => {
    peer().freeze();
    const connections = peer().counts.connections;
    const append = client().appendToStream('stream', counted(0));

    expect(await waits(append)).toBe(true);
    expect(peer().counts.connections).toBe(connections + 1);
    peer().thaw();
    await append;
  });

  it('answers no ping: only so does a client notice', async () => {
    // So often is more than it recommends, and it says so.
    const warned = jest.spyOn(console, 'warn').mockImplementation(() => {});
    const quiet = connect(peer(), '&keepAliveInterval=200&keepAliveTimeout=200');
    await all(quiet.readAll());
    const reading = quiet.readAll({ maxCount: 0 });
    const failure = failureOf(all(reading));
    peer().freeze();

    expect(await failure).toMatchObject({ type: 'unavailable', code: 14 });
    warned.mockRestore();
    await quiet.dispose();
  });
});

describe('A peer whose connections are cut', () => {
  it('takes new ones at once', async () => {
    const follower = followed(client().subscribeToAll({ fromPosition: END }));
    await follower.until('caught up');
    const before = peer().counts.connections;
    peer().cutSockets();

    expect(await follower.ended).toMatchObject({ type: 'unavailable', code: 14 });
    await eventually(() => client().appendToStream('stream', counted(0)));
    expect(peer().counts.connections).toBeGreaterThan(before);
  });
});

describe('A peer that is wiped', () => {
  it('is another, empty database on the same port', async () => {
    await client().appendToStream('stream', countedUpTo(20));
    const head = peer().log.head();
    await peer().wipe();
    const events = await eventually(() => all(client().readAll()));

    expect(events.map(({ event }) => event?.streamId)).toEqual(['$$$scavenges']);
    await eventually(() => client().appendToStream('stream', counted(0), { expectedRevision: NO_STREAM }));
    expect(peer().log.head()).toBeLessThan(head);
  });
});

describe('The health check', () => {
  it('answers on the port of the wire protocol, with the time of the server', async () => {
    // Its header has no milliseconds.
    const [before, dateOf] = [hence(-1_000), (answer: Response) => Date.parse(answer.headers.get('date')!)];
    const response = await health();
    expect(response.status).toBe(204);
    expect(dateOf(response)).toBeGreaterThan(before.getTime());
    expect(dateOf(response)).toBeLessThanOrEqual(hence(0).getTime());

    peer().shiftClock(-3_600_000);
    const shifted = await health();
    expect(dateOf(shifted)).toBeGreaterThan(before.getTime() - 3_600_000);
    expect(dateOf(shifted)).toBeLessThanOrEqual(hence(-3_600_000).getTime());
    expect((await fetch(`http://${peer().addresses[0]}/anything`)).status).toBe(404);
  });

  it('can fail', async () => {
    peer().faults.onHealth({ do: 'fail', code: 14 });

    expect((await health()).status).toBe(503);
    expect((await health()).status).toBe(204);
  });
});

describe('A fault', () => {
  it('happens once by default, or until it is removed', async () => {
    peer().faults.onRead({ do: 'fail', code: 14 });
    const reads = async () =>
      all(client().readAll()).then(
        () => 'read',
        ({ code }: { code: number }) => code,
      );

    expect([await reads(), await reads()]).toEqual([14, 'read']);
    peer().faults.onRead({ do: 'fail', code: 9 }, { times: 2 });
    expect([await reads(), await reads(), await reads()]).toEqual([9, 9, 'read']);
    const remove = peer().faults.onRead({ do: 'fail', code: 9 }, { times: Infinity });
    expect([await reads(), await reads(), await reads()]).toEqual([9, 9, 9]);
    remove();
    expect(await reads()).toBe('read');
    peer().faults.onRead({ do: 'fail', code: 9 }, { times: Infinity });
    peer().faults.clear();
    expect(await reads()).toBe('read');
  });

  it('can be for calls of one kind only', async () => {
    const event = counted(0);
    peer().faults.onBatch({ do: 'refuse', message: 'Server Is Busy' }, { when: ({ stream }) => stream === 'other' });
    peer().faults.onBatch(
      { do: 'refuse', message: 'Server Is Not Ready' },
      { when: ({ eventIds }) => eventIds?.includes(event.id) ?? false },
    );

    await client().appendToStream('stream', counted(1));
    expect(await failureOf(client().appendToStream('stream', event))).toMatchObject({
      type: 'unknown',
      message: 'Could not recognize Server Is Not Ready',
    });
    expect(await failureOf(client().appendToStream('other', counted(2)))).toMatchObject({
      message: 'Could not recognize Server Is Busy',
    });
    expect(stored()).toBe(1);
  });

  it('of an append: nothing is done and the call fails', async () => {
    peer().faults.onBatch({ do: 'fail', code: 14, message: 'gone' });
    expect(await failureOf(client().appendToStream('stream', counted(0)))).toMatchObject({ type: 'unavailable' });
    peer().faults.onAppend({ do: 'fail', code: 4 });
    expect(await failureOf(client().appendToStream('stream', counted(0), paths[1]![1]))).toMatchObject({
      type: 'deadline-exceeded',
    });
    expect(stored()).toBe(0);
  });

  it('of an append: nothing is done and no answer comes, which the client of the batch path waits for without end', async () => {
    peer().faults.onBatch({ do: 'ignore' });
    const forgotten = client().appendToStream('stream', counted(0), { deadline: 50 });
    forgotten.catch(() => {});

    expect(await waits(forgotten, 500)).toBe(true);
    expect(stored()).toBe(0);
    await client().appendToStream('stream', counted(1));
  });

  it.each(paths)(
    'of an append on %s: it is stored and the answer is lost; the repeat gives it',
    async (_path, options) => {
      const events = countedUpTo(2);
      const append = () => client().appendToStream('stream', events, { ...options, expectedRevision: NO_STREAM });
      peer().faults.onBatch({ do: 'loseAnswer', then: 'cut' });
      peer().faults.onAppend({ do: 'loseAnswer', then: 'cut' });

      expect(await failureOf(append())).toMatchObject({ type: 'unavailable' });
      expect(stored()).toBe(2);
      expect(await eventually(append)).toMatchObject({ nextExpectedRevision: 1n });
      expect(stored()).toBe(2);
    },
  );

  it('of an append: it is stored and the server dies', async () => {
    peer().faults.onBatch({ do: 'loseAnswer', then: 'kill' });

    expect(await failureOf(client().appendToStream('stream', counted(0)))).toMatchObject({ code: 14 });
    await until(() => peer().leader() === undefined);
    await peer().start();
    expect(stored()).toBe(1);
  });

  it('of a call: it takes a while', async () => {
    for (const hook of ['onFeatures', 'onBatch', 'onRead', 'onSubscribe', 'onDelete'] as const)
      peer().faults[hook]({ do: 'delay', ms: 100 });
    // Of two timers in one process, the earlier one that takes no longer ends first, whatever the machine does.
    for (const [action, ms] of [
      [() => client().appendToStream('stream', counted(0)), 200],
      [() => all(client().readAll()), 100],
      [() => followed(client().subscribeToAll()).until('caught up'), 100],
      [() => client().deleteStream('stream'), 100],
    ] as const) {
      const done = action();
      expect(await waits(done, ms - 2)).toBe(true);
      await done;
    }
    await client().appendToStream('stream', counted(1));
  });

  it('of a read or subscription: it stops or fails after a number of events', async () => {
    await client().appendToStream('stream', countedUpTo(5));
    peer().faults.onRead({ do: 'fail', code: 14, after: 2 });
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const { event } of client().readStream('stream')) seen.push(event?.revision);
    })();
    expect(await failureOf(reading)).toMatchObject({ code: 14 });

    peer().faults.onSubscribe({ do: 'fail', code: 14, after: 3 });
    const failing = followed(client().subscribeToStream('stream', { fromRevision: START }));
    expect(await failing.ended).toMatchObject({ code: 14 });

    peer().faults.onSubscribe({ do: 'ignore', after: 3 });
    const stalling = followed(client().subscribeToStream('stream', { fromRevision: START }));
    await stalling.length(4);
    await sleep(50);
    expect(stalling.said).toEqual(['confirmed', '0', '1', '2']);
    peer().faults.onRead({ do: 'ignore', after: 2 });
    expect(await waits(all(client().readStream('stream')))).toBe(true);
  });

  it('of the question what the server can do: the client keeps the failure, and asks no second time', async () => {
    peer().faults.onFeatures({ do: 'fail', code: 13 });

    for (let attempt = 0; attempt < 3; attempt++)
      expect(await failureOf(client().appendToStream('stream', counted(0)))).toMatchObject({ code: 13 });
    expect(peer().counts.features).toBe(1);
    const fresh = connect(peer());
    await fresh.appendToStream('stream', counted(0));
    await fresh.dispose();
  });

  it('of the question what the server can do: without an answer an append waits without end', async () => {
    peer().faults.onFeatures({ do: 'ignore' });

    expect(await waits(client().appendToStream('stream', counted(0), { deadline: 50 }), 500)).toBe(true);
  });
});
