import { describe, expect, it } from '@jest/globals';
import { NO_STREAM } from '@eventstore/db-client';
import { all, connect, counted, failureOf, followed, paths, peerAndClient } from './testing.js';

const { peer, client } = peerAndClient({ nodes: 3, electionTime: 300 });
const nodeAt = (number: number) => connect({ connectionString: `esdb://${peer().addresses[number - 1]}?tls=false` });

async function withNode(number: number, action: (node: ReturnType<typeof connect>) => Promise<void>) {
  const node = nodeAt(number);
  try {
    await action(node);
  } finally {
    await node.dispose();
  }
}

describe('Three nodes', () => {
  it('tell a client who leads', async () => {
    expect(peer().connectionString).toBe(`esdb://${peer().addresses.join(',')}?tls=false`);
    await client().appendToStream('stream', counted(0), { requiresLeader: true });

    expect(peer().counts.gossip).toBeGreaterThan(0);
    expect(peer().leader()).toBe(1);
  });

  it('hold one log: a follower passes an append on, and gives what the leader took', async () => {
    await client().appendToStream('stream', counted(0), { expectedRevision: NO_STREAM });
    await withNode(2, async (follower) => {
      for (const [, options] of paths) await follower.appendToStream('stream', counted(1), options);
      expect(await all(follower.readStream('stream'))).toHaveLength(3);
    });
    expect(await all(client().readStream('stream'))).toHaveLength(3);
  });

  it.each(paths)(
    'refuse on %s what requires the leader, name the leader, and the client finds it',
    async (_path, options) => {
      await withNode(3, async (follower) => {
        const append = () => follower.appendToStream('stream', counted(0), { ...options, requiresLeader: true });
        const [host, port] = peer().addresses[0]!.split(':');
        expect(await failureOf(append())).toMatchObject({
          type: 'not-leader',
          leader: { address: host, port: Number(port) },
        });
        expect(await failureOf(all(nodeAt(2).readStream('stream', { requiresLeader: true })))).toMatchObject({
          type: 'not-leader',
        });
        expect(peer().log.stream('stream')).toHaveLength(0);
        expect(await append()).toMatchObject({ nextExpectedRevision: 0n });
      });
    },
  );

  it('are not ready while they have no leader, and have another one after a while', async () => {
    // One client only on batch streams: the client shares what is in flight between all there are in a process.
    const follower = nodeAt(2);
    await follower.appendToStream('stream', counted(0));
    await follower.appendToStream('stream', counted(1));
    const lost = await peer().killLeader();
    // For as long as it is looked at.
    peer().loseMajority(2 ** 30);

    expect(lost).toBe(1);
    expect(peer().leader()).toBeUndefined();
    expect(await failureOf(follower.appendToStream('stream', counted(2)))).toMatchObject({
      type: 'unknown',
      message: 'Could not recognize Server Is Not Ready',
    });
    const notReady = { type: 'unavailable', code: 14, message: expect.stringContaining('Server Is Not Ready') };
    for (const attempt of [
      () => nodeAt(2).appendToStream('stream', counted(2), paths[1]![1]),
      () => all(nodeAt(2).readStream('stream')),
      () => followed(nodeAt(2).subscribeToAll()).ended.then((error: Error) => Promise.reject(error)),
    ])
      expect(await failureOf(attempt())).toMatchObject(notReady);
    expect(peer().leader()).toBeUndefined();

    await peer().regainMajority();
    expect(peer().leader()).toBe(2);
    await follower.appendToStream('stream', counted(2), { expectedRevision: 1n });
    await follower.dispose();
    await client().appendToStream('stream', counted(3), { expectedRevision: 2n });
  });

  it('go on without a follower, and stop without two', async () => {
    await peer().kill(2);
    expect(peer().leader()).toBe(1);
    await peer().kill(3);
    expect(peer().leader()).toBeUndefined();
    const waiting = new Promise((resolve) => setTimeout(resolve, 400));
    await waiting;
    expect(peer().leader()).toBeUndefined();
    await withNode(1, async (left) =>
      expect(await failureOf(left.appendToStream('stream', counted(0)))).toMatchObject({
        message: 'Could not recognize Server Is Not Ready',
      }),
    );
    await peer().start(3);
    await peer().elected();
    await client().appendToStream('stream', counted(0));
  });

  it('that lose their majority run on, are not ready, and end their open streams one by one', async () => {
    const first = followed(client().subscribeToAll());
    const second = followed(client().subscribeToAll());
    await client().appendToStream('stream', counted(0));
    peer().loseMajority(10);

    for (const { ended } of [first, second])
      expect(await ended).toMatchObject({
        type: 'unavailable',
        message: expect.stringContaining('Server Is Not Ready'),
      });
    expect(peer().leader()).toBeUndefined();
    await withNode(1, async (node) =>
      expect(await failureOf(node.appendToStream('stream', counted(1)))).toMatchObject({
        message: 'Could not recognize Server Is Not Ready',
      }),
    );
    await peer().regainMajority();
    await withNode(peer().leader()!, async (node) => void (await node.appendToStream('stream', counted(1))));
  });

  it('take a lost leader back as a follower', async () => {
    await peer().killLeader();
    await peer().elected();
    await peer().start(1);

    expect(peer().leader()).toBe(2);
    await withNode(1, async (returned) => {
      expect(await failureOf(returned.appendToStream('stream', counted(0), { requiresLeader: true }))).toMatchObject({
        type: 'not-leader',
      });
    });
  });

  it('change the leader without a loss: the former one keeps its open streams, and refuses what requires the leader', async () => {
    await client().appendToStream('stream', counted(0), { requiresLeader: true });
    const { connections } = peer().counts;
    expect(peer().resign()).toBe(1);

    expect(peer().leader()).toBe(2);
    expect(await failureOf(client().appendToStream('stream', counted(1), { requiresLeader: true }))).toMatchObject({
      type: 'not-leader',
      leader: { port: Number(peer().addresses[1]!.split(':')[1]) },
    });
    // It was notified over the connection that it had.
    expect(peer().counts.connections).toBe(connections);
    await client().appendToStream('stream', counted(1), { requiresLeader: true });
    expect(peer().log.stream('stream')).toHaveLength(2);
    await peer().kill(2);
    await peer().kill(3);
    expect(() => peer().resign()).toThrow('There is no leader to resign');
  });

  it('are silent one by one', async () => {
    peer().freeze(2);
    await withNode(1, async (node) => void (await node.appendToStream('stream', counted(0))));
    const frozen = nodeAt(2);
    const waiting = frozen.appendToStream('stream', counted(1));
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(peer().log.stream('stream')).toHaveLength(1);
    peer().thaw(2);
    await waiting;
    await frozen.dispose();
  });

  it('that are all gone cannot be found', async () => {
    await peer().kill();

    expect((await failureOf(client().appendToStream('stream', counted(0)))).message).toBe(
      'Failed to discover after 10 attempts.',
    );
  });
});
