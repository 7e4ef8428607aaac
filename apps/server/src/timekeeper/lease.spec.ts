import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { journaledPairOf, pairOf } from '#customer-relationship';
import {
  chainFaults,
  expectedHash,
  idOf,
  inMemoryEventStore,
  noPreviousHash,
  OutcomeUnknown,
  UnreadableEvent,
  type EventStore,
  type RecordedEvent,
} from '#event-sourcing';
import { sealOfRelease } from '../event-check.js';
import { leaseOn } from './lease.js';
import { timekeeperCodec, timekeeperStream } from './timekeeper-events.js';

/** One event of each name as production wrote it. Never edit them: they prove that every stored event stays readable. */
const examples = JSON.parse(
  readFileSync(new URL('./timekeeper-examples.json', import.meta.url), 'utf8'),
) as readonly RecordedEvent[];

const at = (seconds: number) => new Date(Date.parse('2026-11-29T00:00:00.000Z') + seconds * 1000).toISOString();
const seconds = 300;

function servers(store: EventStore = inMemoryEventStore()) {
  const lease = (holder: string) => leaseOn({ store, seal: sealOfRelease, holder, seconds });
  const events = async () => (await store.read(timekeeperStream)).map(({ type, data }) => ({ type, data }));
  return { store, here: lease('here'), there: lease('there'), lease, events };
}

describe('the lease of the timekeeper', () => {
  it('has one holder at a time, and is written once for as long as it lasts', async () => {
    const { here, there, events } = servers();
    expect(await here.take(at(0))).toBe(true);
    for (const second of [1, 100, 300])
      expect([await here.take(at(second)), await there.take(at(second))]).toEqual([true, false]);
    expect(await events()).toEqual([{ type: 'TimekeeperElected', data: { holder: 'here', until: at(300) } }]);
  });

  it('goes to the first server that asks after its end', async () => {
    const { here, there, events } = servers();
    await here.take(at(0));
    expect(here.isHeld(at(301))).toBe(false);
    expect([await there.take(at(301)), await here.take(at(302)), there.isHeld(at(601))]).toEqual([true, false, true]);
    expect(await events()).toHaveLength(2);
  });

  it('goes to another at once when its holder gives it back', async () => {
    const { here, there, events } = servers();
    await here.take(at(0));
    await here.release(at(10));
    expect([here.isHeld(at(10)), await there.take(at(11)), await here.take(at(12))]).toEqual([false, true, false]);
    expect((await events()).map(({ type }) => type)).toEqual([
      'TimekeeperElected',
      'TimekeeperReleased',
      'TimekeeperElected',
    ]);
    // Who has none gives none back.
    await here.release(at(13));
    expect(await events()).toHaveLength(3);
  });

  it('goes to one of many that ask at once', async () => {
    const { store, lease } = servers();
    const many = Array.from({ length: 8 }, (_, index) => lease(`server-${index}`));
    for (const round of [0, 1, 2]) {
      const now = at(round * 400);
      const taken = await Promise.all(many.map((each) => each.take(now)));
      expect(taken.filter(Boolean)).toHaveLength(1);
      expect(await store.read(timekeeperStream)).toHaveLength(round + 1);
    }
  });

  it('is known to be held after an append whose outcome was unknown', async () => {
    const { store, lease } = servers();
    let isLost = true;
    const { take } = leaseOn({
      seal: sealOfRelease,
      holder: 'here',
      seconds,
      store: {
        ...store,
        async append(...args) {
          const result = await store.append(...args);
          if (isLost) throw new OutcomeUnknown('the answer was lost');
          return result;
        },
      },
    });
    await expect(take(at(0))).rejects.toThrow(OutcomeUnknown);
    isLost = false;
    expect([await take(at(1)), await lease('there').take(at(2))]).toEqual([true, false]);
    expect(await store.read(timekeeperStream)).toHaveLength(1);
  });

  it('is chained and sealed, and no view or history takes it for a relationship', async () => {
    const { store, here, there } = servers();
    await here.take(at(0));
    await here.release(at(1));
    await there.take(at(2));
    const events = await store.read(timekeeperStream);
    expect(
      events.flatMap((event, index) => chainFaults(event, events[index - 1]?.metadata.hash ?? noPreviousHash)),
    ).toEqual([]);
    expect([pairOf(timekeeperStream), journaledPairOf(timekeeperStream)]).toEqual([undefined, undefined]);
  });
});

describe('the examples of its events', () => {
  it('are one for each event of the catalogue', () => {
    expect(examples.map(({ type }) => type)).toEqual(['TimekeeperElected', 'TimekeeperReleased']);
  });

  it.each(examples.map((example) => [example.type, example] as const))(
    '%s is read, and has the hash and id it asks for',
    (type, example) => {
      expect(timekeeperCodec.decode(example)).toEqual({ type, data: example.data });
      expect(expectedHash(example)).toBe(example.metadata.hash);
      expect(idOf(example.metadata.hash)).toBe(example.id);
      expect(example.stream).toBe(timekeeperStream);
    },
  );

  it('are refused loudly when this release does not know their name or their schema', () => {
    const [example] = examples as readonly [RecordedEvent];
    expect(() => timekeeperCodec.decode({ ...example, type: 'TimekeeperDeposed' })).toThrow(UnreadableEvent);
    expect(() => timekeeperCodec.decode({ ...example, metadata: { ...example.metadata, schema: 2 } })).toThrow(
      UnreadableEvent,
    );
  });
});
