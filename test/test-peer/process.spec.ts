import { appendFileSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { END, type Position } from '@eventstore/db-client';
import { startTestPeer } from './index.js';
import { launchTestPeer, type TestPeerProcess, type TestPeerProcessOptions } from './process.js';
import { all, connect, counted, countedUpTo, eventually, failureOf, followed, take, until } from './testing.js';

const directory = mkdtempSync(join(tmpdir(), 'test-peer-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let files = 0;
const file = () => join(directory, `log-${++files}`);

const running: TestPeerProcess[] = [];
const clients: ReturnType<typeof connect>[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.dispose()));
  await Promise.all(running.splice(0).map((peer) => peer.kill()));
});

async function launched(options?: TestPeerProcessOptions) {
  const peer = await launchTestPeer(options);
  const client = connect(peer);
  running.push(peer);
  clients.push(client);
  return { peer, client };
}

describe('The log of a test peer', () => {
  it('has what was acknowledged after SIGKILL under load, each event once when it is sent again', async () => {
    const { peer, client } = await launched({ data: file() });
    const acknowledged = new Map<string, bigint>();
    const writers = 16;
    let resent = 0;
    let writing = true;
    const working = Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        for (let n = 0; writing; n++) {
          const event = counted(n);
          const expectedRevision = n === 0 ? 'no_stream' : BigInt(n - 1);
          for (;;)
            try {
              const { position } = await client.appendToStream(`writer-${writer}`, event, { expectedRevision });
              acknowledged.set(event.id, position!.commit);
              break;
            } catch (error) {
              expect((error as { type?: string }).type).not.toBe('wrong-expected-version');
              resent++;
              await new Promise((resolve) => setTimeout(resolve, 20));
            }
        }
      }),
    );
    const written = async (more: number) => {
      const enough = acknowledged.size + more;
      await until(() => acknowledged.size >= enough);
    };
    for (let kill = 0; kill < 3; kill++) {
      await written(60);
      await peer.kill();
      await peer.restart();
    }
    await written(60);
    writing = false;
    await working;

    const stored = (await all(client.readAll())).filter(({ event }) => event?.type === 'counted');
    expect(resent).toBeGreaterThan(0);
    expect(new Map(stored.map(({ event }) => [event!.id, event!.position.commit]))).toEqual(acknowledged);
    expect(stored).toHaveLength(acknowledged.size);
  });

  it('in a file survives with its scavenged events, its deletions and its settings', async () => {
    const data = file();
    const before = await startTestPeer({ data });
    const client = connect(before);
    clients.push(client);
    await client.appendToStream('kept', countedUpTo(6));
    await client.setStreamMetadata('kept', { maxCount: 4 });
    await client.appendToStream('deleted', countedUpTo(2));
    await client.deleteStream('deleted');
    await client.tombstoneStream('buried');
    expect(before.scavenge()).toBeGreaterThan(3);
    const records = before.log.records.map(({ position, stream, revision, scavenged }) => ({
      position,
      stream,
      revision,
      scavenged,
    }));
    await before.close();

    const after = await startTestPeer({ data });
    expect(after.log.records).toMatchObject(records);
    const again = connect(after);
    clients.push(again);
    expect((await all(again.readStream('kept'))).map(({ event }) => event?.revision)).toEqual([2n, 3n, 4n, 5n]);
    expect(await failureOf(all(again.readStream('deleted')))).toMatchObject({ type: 'stream-not-found' });
    expect(await failureOf(all(again.readStream('buried')))).toMatchObject({ type: 'stream-deleted' });
    const { position } = await again.appendToStream('kept', counted(6), { expectedRevision: 5n });
    expect(position!.commit).toBeGreaterThan(BigInt(records.at(-1)!.position));
    await after.close();
  });

  it('forgets an append that was written in part, whole', async () => {
    const data = file();
    const first = await startTestPeer({ data });
    first.log.append('stream', [event('a')], -1);
    const whole = statSync(data).size;
    first.log.append('stream', [event('b'), event('c')], 0);
    await first.close();
    truncateSync(data, statSync(data).size - 1);

    const second = await startTestPeer({ data });
    expect(second.log.stream('stream').map(({ type }) => type)).toEqual(['a']);
    // What is written next follows what was whole.
    second.log.append('stream', [event('d')], 0);
    await second.close();
    const third = await startTestPeer({ data });
    expect(third.log.stream('stream').map(({ type }) => type)).toEqual(['a', 'd']);
    await third.close();
    expect(statSync(data).size).toBeGreaterThan(whole);
  });

  it('is not made of any file', async () => {
    const data = file();
    appendFileSync(data, Buffer.from([1, 0, 0, 0, 9, 0]));

    await expect(startTestPeer({ data })).rejects.toThrow('not the log of a test peer');
  });
});

describe('The process of a test peer', () => {
  it('is empty after a kill without a file', async () => {
    const { peer, client } = await launched();
    await client.appendToStream('stream', countedUpTo(3));
    await peer.kill();
    await peer.restart();

    expect((await eventually(() => all(client.readAll()))).map(({ event }) => event?.streamId)).toEqual([
      '$$$scavenges',
    ]);
  });

  it('answers nothing while it is stopped, and everything when it goes on', async () => {
    const { peer, client } = await launched();
    await client.appendToStream('stream', counted(0));
    peer.freeze();
    const append = client.appendToStream('stream', counted(1));
    const waited = new Promise((resolve) => setTimeout(resolve, 300, 'waits'));
    expect(await Promise.race([append, waited])).toBe('waits');
    peer.thaw();

    expect(await append).toMatchObject({ nextExpectedRevision: 1n });
    peer.freeze();
    await peer.kill();
    expect(peer.child().signalCode).toBe('SIGKILL');
  });

  it('stops on SIGTERM as a server does', async () => {
    const { peer, client } = await launched({ grace: 150 });
    const follower = followed(client.subscribeToAll());
    await follower.until('caught up');
    await peer.stop();

    expect(await follower.ended).toMatchObject({ code: 13, message: expect.stringContaining('RST_STREAM') });
    expect(peer.child().exitCode).toBe(0);
  });

  it('carries out commands, and says what it does', async () => {
    const { peer, client } = await launched({ nodes: 3, electionTime: 50, data: file() });
    expect(await peer.send('leader')).toBe('node 1 leads');
    expect(await peer.send('kill leader')).toBe('killed node 1');
    expect(await peer.send('elected')).toBe('node 2 leads');
    expect(await peer.send('start node 1')).toBe('started node 1');
    await client.appendToStream('stream', countedUpTo(3));
    expect(await peer.send('freeze node 3')).toBe('froze node 3');
    expect(await peer.send('thaw node 3')).toBe('thawed node 3');
    expect(await peer.send('fault batch {"do":"refuse","message":"Server Is Busy"} 2')).toBe(
      'planned for batch: refuse',
    );
    for (let time = 0; time < 2; time++)
      expect(await failureOf(client.appendToStream('stream', counted(3)))).toMatchObject({
        message: 'Could not recognize Server Is Busy',
      });
    expect(await peer.send('fault read {"do":"ignore"} always')).toBe('planned for read: ignore');
    expect(await peer.send('faults clear')).toBe('no faults are planned');
    const follower = followed(client.subscribeToAll({ fromPosition: END }));
    await follower.until('caught up');
    expect(await peer.send('drop')).toBe('ended 1 subscriptions');
    expect(await follower.ended).toMatchObject({ code: 10 });
    expect(await peer.send('clock 3000')).toBe('the clock is 3000 ms ahead');
    const [, first] = await all(client.readAll());
    expect(await peer.send(`scavenge ${first!.event!.position.commit}`)).toBe('scavenged 1 events');
    expect(JSON.parse(await peer.send('counts'))).toMatchObject({ batchAppends: 3, subscriptions: 1 });
    expect(Number(await peer.send('head'))).toBeGreaterThan(345);
    expect(await peer.send('cut')).toBe('cut the connections of all nodes');
    expect(await peer.send('wipe')).toBe('wiped');
    expect(await eventually(() => all(client.readAll()))).toHaveLength(1);
    expect(await peer.send('shutdown node 3')).toBe('shut down node 3');
    await expect(peer.send('start node 4')).rejects.toThrow('There is no node 4, only 1 to 3');
    await expect(peer.send('dance')).rejects.toThrow(
      'unknown command; one of kill [leader | node N], resign, start [node N]',
    );
    await expect(peer.send('clock soon')).rejects.toThrow('"soon" is not a whole number');
    await expect(peer.send('fault lunch {"do":"ignore"}')).rejects.toThrow('"lunch" is no place for a fault');
  });

  it('comes back with all its nodes on their ports', async () => {
    const { peer, client } = await launched({ nodes: 3, data: file() });
    await client.appendToStream('stream', counted(0));
    await peer.kill();
    await peer.restart();

    expect(await eventually(() => client.appendToStream('stream', counted(1), { expectedRevision: 0n }))).toMatchObject(
      {
        nextExpectedRevision: 1n,
      },
    );
  });

  it('serves TLS with certificates of its own', async () => {
    const { peer, client } = await launched({ tls: join(directory, 'tls'), users: { admin: 'secret' } });

    expect(peer.connectionString).toMatch(/^esdb:\/\/admin:secret@localhost:\d+\?tls=true&tlsCAFile=/);
    await client.appendToStream('stream', counted(0));
    expect(await all(client.readAll())).toHaveLength(2);
  });

  it.each([
    [{ nodes: 2 as never }, '--nodes is 1 or 3'],
    [{ rules: '26.1' as never }, '--rules is 23.10 or 24.10'],
    [{ electionTime: -1 }, "cannot start: Option '--election-time'"],
  ])('with %j says what is wrong and ends', async (options, message) => {
    await expect(launchTestPeer(options)).rejects.toThrow(message);
  });

  it('says that its port is taken, and ends', async () => {
    const { peer } = await launched();
    const port = Number(/:(\d+)\?/.exec(peer.connectionString)?.[1]);

    await expect(launchTestPeer({ port })).rejects.toThrow('EADDRINUSE');
  });

  it('gives a subscriber that comes back every event once, while 32 appends are in flight', async () => {
    const { peer, client } = await launched();
    const total = 6_000;
    const seen: bigint[] = [];
    let after: Position | undefined;
    const following = (async () => {
      while (seen.length < total)
        try {
          const left = total - seen.length;
          await take(
            left,
            (async function* () {
              for await (const { event } of client.subscribeToAll(
                after ? { fromPosition: after } : { fromPosition: END },
              )) {
                after = event!.position!;
                yield seen.push(after.commit);
              }
            })(),
          );
        } catch (error) {
          expect(error).toMatchObject({ code: 10 });
        }
    })();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const written: bigint[] = [];
    let left = total;
    await Promise.all(
      Array.from({ length: 32 }, async (_, writer) => {
        while (left-- > 0)
          written.push((await client.appendToStream(`stream-${writer}`, counted(left))).position!.commit);
      }),
    );
    await following;

    expect(seen).toEqual(written.sort((a, b) => Number(a - b)));
    expect(JSON.parse(await peer.send('counts'))).toMatchObject({ tooSlow: expect.any(Number) });
  });
});

const event = (type: string) => ({
  id: crypto.randomUUID(),
  type,
  json: true,
  data: Buffer.from('{}'),
  metadata: Buffer.alloc(0),
});
