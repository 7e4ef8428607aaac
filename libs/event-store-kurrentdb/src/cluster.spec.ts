import { describe, expect, it } from '@jest/globals';
import { StoreUnavailable } from '#event-sourcing';
import { appendEach, appendOne, eventually, follow, prefix, storesOverPeer } from './testing.js';

const { peer, open } = storesOverPeer({ nodes: 3, electionTime: 200 });

describe('a cluster', () => {
  it('is written to, read and followed through its leader, whichever node is named', async () => {
    for (const address of peer().addresses) {
      const store = open({ connectionString: `esdb://${address}?tls=false`, streamPrefix: `At ${address}.` });
      await store.connect();
      const positions = await appendEach(store, 'a', 3);
      const log = follow(store);
      await log.until(positions.at(-1)!);

      expect(await store.read('a')).toHaveLength(3);
      expect(await store.head()).toBe(positions.at(-1));
      expect(store.metrics()).toMatchObject({ unknownOutcomes: 0, clientsRebuilt: 0 });
      await log.stop();
    }
  });

  it('that loses its leader loses nothing and repeats nothing', async () => {
    const store = open({ callTimeout: 1_000, settleWithin: 8_000 });
    const streams = Array.from({ length: 10 }, (_, index) => `s${index}`);
    const log = follow(store);
    let stopping = false;
    const writing = streams.map(async (stream) => {
      for (let revision = 0; !stopping;) {
        try {
          await appendOne(store, stream, revision);
          revision++;
        } catch (error) {
          if (!(error instanceof StoreUnavailable)) throw error;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
      return stream;
    });
    for (let round = 0; round < 2; round++) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      const lost = await peer().killLeader();
      await peer().elected();
      await new Promise((resolve) => setTimeout(resolve, 300));
      await peer().start(lost);
    }
    stopping = true;
    await Promise.all(writing);

    const recorded = (await Promise.all(streams.map((stream) => store.read(stream)))).flat();
    const positions = recorded.map(({ position }) => position).sort((a, b) => a - b);
    await log.until(positions.at(-1)!);
    expect(log.positions()).toEqual(positions);
    expect(new Set(recorded.map(({ id }) => id)).size).toBe(recorded.length);
    expect(store.metrics().unknownOutcomes).toBe(0);
    await log.stop();
  });

  it('whose leader hands over and is killed later loses nothing of what is under way at the next', async () => {
    const store = open({ callTimeout: 2_000, settleWithin: 8_000 });
    await appendOne(store, 'a');
    // It is pending at the former leader while a read hears of the next.
    peer().faults.onBatch({ do: 'delay', ms: 300 }, { when: ({ stream }) => stream === `${prefix}b` });
    const left = appendOne(store, 'b');
    await eventually('it is under way', () => peer().counts.batchAppends === 2);
    const resigned = peer().resign();
    await store.read('a');
    await appendOne(store, 'a', 1);
    expect(await left).toMatchObject({ revision: 0 });
    const { resentAppends } = store.metrics();
    expect(resentAppends).toBe(1);

    const { batchAppends } = peer().counts;
    peer().faults.onBatch({ do: 'delay', ms: 300 }, { times: 10 });
    const appending = Array.from({ length: 10 }, (_, index) => appendOne(store, `c${index}`));
    await eventually('they are under way', () => peer().counts.batchAppends === batchAppends + 10);
    await peer().kill(resigned);
    const placed = await Promise.all(appending);

    // None was sent twice: the end of the former leader is not theirs.
    expect(store.metrics()).toMatchObject({ resentAppends, unknownOutcomes: 0, clientsRebuilt: 0 });
    expect(new Set(placed.map(({ position }) => position)).size).toBe(10);
    const log = follow(store);
    await log.until(Math.max(...placed.map(({ position }) => position)));
    expect(log.positions()).toHaveLength(13);
    await log.stop();
  });

  it('that was gone for a while is used again within seconds', async () => {
    const store = open({
      connectionString: `${peer().connectionString}&maxDiscoverAttempts=1&discoveryInterval=10`,
      settleWithin: 300,
    });
    await appendOne(store, 'a');
    await peer().kill();
    const goesThrough = () =>
      appendOne(store, 'b').then(
        () => true,
        () => false,
      );
    // With pauses of 1, 2 and 4 s, the next one would be of 8 s.
    await eventually(
      'four clients were made in vain',
      async () => !(await goesThrough()) && store.metrics().clientsRebuilt === 4,
    );
    await peer().start();
    await peer().elected();

    await eventually('an append goes through', goesThrough);
  });

  it('without a leader takes nothing, and goes on when there is one', async () => {
    const store = open({ settleWithin: 500 });
    await appendOne(store, 'a');
    await peer().kill(1);
    await peer().kill(2);
    let error: unknown;
    await appendOne(store, 'a', 1).catch((reason: unknown) => (error = reason));
    expect((error as Error).name).toMatch(/StoreUnavailable|OutcomeUnknown/);
    await peer().start(1);
    await peer().elected();

    await eventually('it goes on', async () =>
      store.read('a').then(
        (events) => events.length >= 1,
        () => false,
      ),
    );
  });
});
