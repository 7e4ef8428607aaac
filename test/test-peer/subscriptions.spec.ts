import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import {
  END,
  eventTypeFilter,
  excludeSystemEvents,
  jsonEvent,
  START,
  streamNameFilter,
  type AllStreamSubscription,
  type Filter,
  type Position,
} from '@eventstore/db-client';
import { all, counted, countedUpTo, failureOf, followed, peerAndClient, take } from './testing.js';

const { peer, client } = peerAndClient();

const positions = () =>
  peer().log.records.map(({ position }) => ({ commit: BigInt(position), prepare: BigInt(position) }));
const between = ({ commit }: Position) => ({ commit: commit + 1n, prepare: commit + 1n });

describe('A subscription to a stream', () => {
  it('confirms, gives the past, says that it has caught up, and goes on with the present', async () => {
    await client().appendToStream('stream', countedUpTo(3));
    const follower = followed(client().subscribeToStream('stream', { fromRevision: START }));
    await follower.until('caught up');
    await client().appendToStream('other', counted(9));
    await client().appendToStream('stream', [counted(3), counted(4)]);

    expect(await follower.until('4')).toEqual(['confirmed', '0', '1', '2', 'caught up', '3', '4']);
  });

  it('from a revision begins after it, and from the end with what comes', async () => {
    await client().appendToStream('stream', countedUpTo(3));
    const some = followed(client().subscribeToStream('stream', { fromRevision: 1n }));
    const none = followed(client().subscribeToStream('stream', { fromRevision: END }));
    const later = followed(client().subscribeToStream('stream', { fromRevision: 3n }));
    await Promise.all([some, none, later].map((follower) => follower.until('caught up')));
    await client().appendToStream('stream', [counted(3), counted(4)]);

    expect(await some.until('4')).toEqual(['confirmed', '2', 'caught up', '3', '4']);
    expect(await none.until('4')).toEqual(['confirmed', 'caught up', '3', '4']);
    expect(await later.until('4')).toEqual(['confirmed', 'caught up', '4']);
  });

  it('to a missing stream does not catch up until there is one', async () => {
    const follower = followed(client().subscribeToStream('stream', { fromRevision: START }));
    await follower.until('confirmed');
    await sleep(100);
    expect(follower.said).toEqual(['confirmed']);
    await client().appendToStream('stream', counted(0));

    expect(await follower.until('caught up')).toEqual(['confirmed', '0', 'caught up']);
  });

  it('to a deleted stream gives what comes later only', async () => {
    await client().appendToStream('stream', countedUpTo(2));
    await client().deleteStream('stream');
    const follower = followed(client().subscribeToStream('stream', { fromRevision: START }));
    await follower.until('confirmed');
    await client().appendToStream('stream', counted(2));

    expect(await follower.until('2')).toEqual(['confirmed', '2']);
  });

  it('shows what the settings of the stream leave', async () => {
    await client().appendToStream('stream', countedUpTo(5));
    await client().setStreamMetadata('stream', { maxCount: 2 });
    const follower = followed(client().subscribeToStream('stream', { fromRevision: START }));

    expect(await follower.until('caught up')).toEqual(['confirmed', '3', '4', 'caught up']);
  });

  it('misses what was scavenged or has become too old', async () => {
    await client().appendToStream('stream', countedUpTo(3));
    peer().scavenge([peer().log.stream('stream')[1]!.position]);
    const scavenged = followed(client().subscribeToStream('stream', { fromRevision: START }));
    expect(await scavenged.until('caught up')).toEqual(['confirmed', '0', '2', 'caught up']);

    await client().setStreamMetadata('stream', { maxAge: 10 });
    peer().shiftClock(11_000);
    const aged = followed(client().subscribeToStream('stream', { fromRevision: START }));
    expect(await aged.until('caught up')).toEqual(['confirmed', 'caught up']);
  });
});

describe('A subscription to $all', () => {
  it('gives all events there are and will be, each once, from after its position', async () => {
    await client().appendToStream('stream', countedUpTo(3));
    const [, first] = positions();
    const whole = followed(client().subscribeToAll());
    const part = followed(client().subscribeToAll({ fromPosition: first! }));
    const end = followed(client().subscribeToAll({ fromPosition: END }));
    await Promise.all([whole, part, end].map((follower) => follower.until('caught up')));
    await client().appendToStream('other', counted(3));

    expect(await whole.until('3')).toEqual(['confirmed', '$metadata', '0', '1', '2', 'caught up', '3']);
    expect(await part.until('3')).toEqual(['confirmed', '1', '2', 'caught up', '3']);
    expect(await end.until('3')).toEqual(['confirmed', 'caught up', '3']);
  });

  it('from between two events fails before it is confirmed', async () => {
    await client().appendToStream('stream', countedUpTo(2));
    const follower = followed(client().subscribeToAll({ fromPosition: between(positions()[1]!) }));

    expect(await follower.ended).toMatchObject({
      type: 'unknown',
      code: 2,
      message: expect.stringContaining('Exception was thrown by handler.'),
    });
    expect(follower.said).toEqual(['failed with unknown']);
  });

  it('from beyond the end is accepted without a word, and gives what is new though it lies before', async () => {
    const far = { commit: 10n ** 9n, prepare: 10n ** 9n };
    const follower = followed(client().subscribeToAll({ fromPosition: far }));
    await follower.until('caught up');
    await client().appendToStream('stream', counted(0));

    expect(await follower.until('0')).toEqual(['confirmed', 'caught up', '0']);
    expect(peer().log.head()).toBeLessThan(10 ** 9);
  });

  it.each([
    ['unfiltered', {}],
    ['filtered', { filter: streamNameFilter({ prefixes: ['stream'] }) }],
  ])('from the position of a scavenged event loses the next event (%s)', async (_how, options) => {
    await client().appendToStream('stream', countedUpTo(5));
    const [, , second, third] = positions();
    peer().scavenge([Number(second!.commit)]);
    const trapped = followed(client().subscribeToAll({ fromPosition: second!, ...options }));
    const exact = followed(client().subscribeToAll({ fromPosition: third!, ...options }));

    expect(await trapped.until('caught up')).toEqual(['confirmed', '3', '4', 'caught up']);
    expect(await exact.until('caught up')).toEqual(['confirmed', '3', '4', 'caught up']);
  });

  it('loses nobody anything when the next event is one that it does not want', async () => {
    await client().appendToStream('stream', counted(0));
    await client().appendToStream('other', counted(1));
    await client().appendToStream('stream', counted(2));
    const [, first] = positions();
    peer().scavenge([Number(first!.commit)]);
    const filter = streamNameFilter({ prefixes: ['stream'] });
    const follower = followed(client().subscribeToAll({ fromPosition: first!, filter }));

    expect(await follower.until('caught up')).toEqual(['confirmed', '2', 'caught up']);
  });

  describe('with a filter', () => {
    async function matching(filter: Filter) {
      const follower = followed(client().subscribeToAll({ filter }));
      const said = await follower.until('caught up');
      return said.slice(1, -1);
    }

    it('gives what begins with a prefix or is like a pattern, by the name of the stream or the type', async () => {
      await client().appendToStream('a-1', jsonEvent({ type: 'opened', data: {} }));
      await client().appendToStream('b-1', jsonEvent({ type: 'closed', data: {} }));
      await client().appendToStream('$c-1', jsonEvent({ type: 'odd', data: {} }));

      expect(await matching(streamNameFilter({ prefixes: ['a-'] }))).toEqual(['opened']);
      expect(await matching(streamNameFilter({ prefixes: ['a-', '$c'] }))).toEqual(['opened', 'odd']);
      expect(await matching(streamNameFilter({ regex: '^(b|\\$c)-\\d+$' }))).toEqual(['closed', 'odd']);
      expect(await matching(eventTypeFilter({ prefixes: ['clo'] }))).toEqual(['closed']);
      expect(await matching(eventTypeFilter({ regex: 'ed$' }))).toEqual(['opened', 'closed']);
      // By the type: what a user wrote into a stream of the system passes.
      expect(await matching(excludeSystemEvents())).toEqual(['opened', 'closed', 'odd']);
    });

    it('gives of the present, too, what it is like only', async () => {
      const filter = streamNameFilter({ prefixes: ['wanted'] });
      const follower = followed(client().subscribeToAll({ filter }));
      await follower.until('caught up');
      for (const [n, stream] of ['wanted', 'other', 'wanted'].entries())
        await client().appendToStream(stream, counted(n));

      expect(await follower.until('2')).toEqual(['confirmed', 'caught up', '0', '2']);
    });

    it('that is no pattern fails', async () => {
      const filter = streamNameFilter({ regex: '(' });

      expect(await failureOf(all(client().subscribeToAll({ filter })))).toMatchObject({ type: 'unknown', code: 2 });
    });

    /** Markers and events in the order they were handed over. */
    function markersOf(window: number | undefined, interval: number, fromPosition?: Position) {
      const markers: Position[] = [];
      const filter = streamNameFilter({
        prefixes: ['wanted'],
        checkpointInterval: interval,
        ...(window !== undefined && { maxSearchWindow: window }),
        checkpointReached: async (_: AllStreamSubscription, position: Position) => void markers.push(position),
      } as never);
      const follower = followed(client().subscribeToAll({ filter, ...(fromPosition && { fromPosition }) }));
      return { markers, follower };
    }

    it('marks its way through the past once in window times interval events: at the last match of a page', async () => {
      // With the system event: a page of ten has nine, ten and eleven of these.
      for (let n = 0; n < 39; n++) await client().appendToStream(n % 4 === 0 ? 'wanted' : 'other', counted(n));
      const { markers, follower } = markersOf(10, 2);
      await follower.until('caught up');

      // Records 0 to 9, 10 to 19, and so on; n is at record n + 1.
      expect(markers).toEqual([positions()[17], positions()[37]]);
    });

    it('marks a page without a match at its first event, the prepare position being 0', async () => {
      for (let n = 0; n < 79; n++) await client().appendToStream('other', counted(n));
      const { markers, follower } = markersOf(undefined, 1);
      await follower.until('caught up');

      const at = (index: number) => ({ commit: positions()[index]!.commit, prepare: 0n });
      expect(markers).toEqual([at(0), at(32)]);
    });

    it('can be taken up again from any of its markers without losing or repeating an event', async () => {
      for (let n = 0; n < 100; n++) await client().appendToStream(n % 7 === 0 ? 'wanted' : 'other', counted(n));
      const { markers, follower } = markersOf(4, 1);
      await follower.until('caught up');
      expect(markers.length).toBeGreaterThan(20);

      for (const marker of markers) {
        const again = markersOf(4, 1, marker).follower;
        const expected = peer()
          .log.records.filter(({ stream, position }) => stream === 'wanted' && BigInt(position) > marker.commit)
          .map(({ position }) => String(peer().log.records.findIndex((record) => record.position === position) - 1));
        expect(await again.until('caught up')).toEqual(['confirmed', ...expected, 'caught up']);
      }
    });

    it('marks the present exactly every window times interval events, at the last one, wanted or not', async () => {
      const { markers, follower } = markersOf(3, 2, positions()[0]);
      await follower.until('caught up');
      for (let n = 0; n < 13; n++) await client().appendToStream(n === 12 ? 'wanted' : 'other', counted(n));
      await follower.until('12');

      expect(markers).toEqual([positions()[6], positions()[12]]);
    });
  });
});

describe('A live subscription', () => {
  const tooSlow = {
    type: 'timeout',
    code: 10,
    message:
      '10 ABORTED: Operation timed out: Consumer too slow to handle event while live. Client resubscription required.',
  };

  it('takes 33 events at once: one is sent and 32 wait', async () => {
    const follower = followed(client().subscribeToAll({ fromPosition: END }));
    await follower.until('caught up');
    for (let round = 0; round < 5; round++) {
      await client().appendToStream('stream', countedUpTo(33));
      await follower.length(2 + 33 * (round + 1));
    }

    expect(follower.said.slice(-2)).toEqual(['31', '32']);
    expect(peer().counts.tooSlow).toBe(0);
  });

  it('is ended by one more, after those that waited', async () => {
    const follower = followed(client().subscribeToAll({ fromPosition: END }));
    await follower.until('caught up');
    await client().appendToStream('stream', countedUpTo(34));

    expect(await follower.ended).toMatchObject(tooSlow);
    expect(follower.said.slice(0, 35)).toEqual([
      'confirmed',
      'caught up',
      ...Array.from({ length: 33 }, (_, n) => String(n)),
    ]);
    expect(peer().counts.tooSlow).toBe(1);
  });

  it('is ended when its consumer is slower than the writer', async () => {
    const reading = (async () => {
      for await (const _ of client().subscribeToStream('stream', { fromRevision: START }, { highWaterMark: 1 }))
        await sleep(5);
    })();
    const failed = failureOf(reading);
    let ended = false;
    void failed.then(() => (ended = true));
    const padding = 'x'.repeat(2_000);
    for (let n = 0; n < 3_000 && !ended; n++)
      await client().appendToStream('stream', jsonEvent({ type: 'counted', data: { n, padding } }));

    expect(await failed).toMatchObject(tooSlow);
  });

  it('can be ended on demand, with these words or others', async () => {
    const followers = [followed(client().subscribeToAll()), followed(client().subscribeToStream('stream'))];
    await followers[0]!.until('caught up');
    await followers[1]!.until('confirmed');
    expect(peer().endSubscriptions()).toBe(2);
    for (const { ended } of followers) expect(await ended).toMatchObject(tooSlow);

    const other = followed(client().subscribeToAll());
    await other.until('caught up');
    expect(peer().endSubscriptions({ code: 13, message: 'broken' })).toBe(1);
    expect(await other.ended).toMatchObject({ type: 'unknown', code: 13 });
  });

  it('that is cancelled leaves nothing open', async () => {
    const subscription = client().subscribeToAll();
    await followed(subscription).until('caught up');
    await subscription.unsubscribe();
    await sleep(50);

    expect(peer().endSubscriptions()).toBe(0);
    // Nor does anybody go on collecting events for it.
    await client().appendToStream('stream', countedUpTo(50));
    expect(peer().counts.tooSlow).toBe(0);
  });

  it('taken up again whenever it ends gives every event once, with 32 appends in flight', async () => {
    const total = 4_000;
    const seen: bigint[] = [];
    const following = (async () => {
      let after: Position | undefined;
      while (seen.length < total + 1)
        try {
          for await (const { event } of client().subscribeToAll(after ? { fromPosition: after } : {})) {
            seen.push(event!.position.commit);
            after = event!.position;
            if (seen.length === total + 1) break;
          }
        } catch (error) {
          expect(error).toMatchObject(tooSlow);
        }
    })();
    let left = total;
    await Promise.all(
      Array.from({ length: 32 }, async (_, writer) => {
        while (left-- > 0) await client().appendToStream(`stream-${writer}`, counted(left));
      }),
    );
    await following;

    expect(seen).toEqual(peer().log.records.map(({ position }) => BigInt(position)));
  });
});

describe('By the rules of 24.10', () => {
  const { peer, client } = peerAndClient({ rules: '24.10' });

  it('a live subscription is never too slow', async () => {
    const subscription = client().subscribeToAll({ fromPosition: END });
    await followed(subscription).until('caught up');
    const seen = take(3_000, subscription);
    for (let batch = 0; batch < 6; batch++) await client().appendToStream('stream', countedUpTo(500));

    expect(await seen).toHaveLength(3_000);
    expect(peer().counts.tooSlow).toBe(0);
  });

  it('the position of a scavenged event loses nothing', async () => {
    await client().appendToStream('stream', countedUpTo(4));
    const position = peer().log.records[2]!.position;
    peer().scavenge([position]);
    const fromPosition = { commit: BigInt(position), prepare: BigInt(position) };
    const follower = followed(client().subscribeToAll({ fromPosition }));

    expect(await follower.until('caught up')).toEqual(['confirmed', '2', '3', 'caught up']);
  });
});
