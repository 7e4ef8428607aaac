import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { pairOf, relationshipCodec } from '#customer-relationship';
import { inMemoryEventStore, LogDamaged, type EventStore } from '#event-sourcing';
import { openViews, openViewsFile, projector, type ViewsReader } from '#projector';
import { historyPlaces, isAskedFor, relationshipViews, type HistoryFilter } from '#read-models';
import { serialiserOf } from './cloud-event.js';
import { pastEvents, type PastEvents } from './past-events.js';
import { guid, instant, wholeLog, writing, type Written } from './testing-history.js';

const views = relationshipViews.filter(({ name }) => name === 'history');
const { signal } = new AbortController();

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'history-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** A store that counts how often the log itself is read. */
function counted(inner: EventStore) {
  const counts = { through: 0 };
  const store: EventStore = {
    ...inner,
    subscribe(options) {
      counts.through++;
      return inner.subscribe(options);
    },
  };
  return { store, counts };
}

/** Brings the index up to the end of the log. */
async function index(path: string, store: EventStore): Promise<void> {
  const file = openViewsFile({ path, projections: views });
  try {
    await projector({
      store,
      codec: relationshipCodec,
      subjectOf: pairOf,
      views: file,
      projections: views,
      ledgerId: guid('f', 1),
      head: await store.head(),
      onTrouble: (error) => {
        throw error;
      },
      onStopped: (_, { message }) => {
        throw new Error(message);
      },
    }).catchUp(signal);
  } finally {
    file.close();
  }
}

async function positionsOf(
  past: PastEvents,
  filter: HistoryFilter,
  range: { after: number; until: number; batchSize?: number },
) {
  const positions: number[] = [];
  let at = range.after;
  for await (const { events, position } of past(filter, { ...range, signal })) {
    for (const { recorded } of events) {
      expect(recorded.position).toBeGreaterThan(at);
      expect(recorded.position).toBeLessThanOrEqual(position);
      positions.push(recorded.position);
    }
    expect(position).toBeGreaterThanOrEqual(at);
    expect(events.length).toBeLessThanOrEqual(range.batchSize ?? 256);
    at = position;
  }
  expect(at).toBe(Math.max(range.after, range.until));
  return positions;
}

const few = (max: number) => fc.integer({ min: 1, max });
const actors = fc.constantFrom('ada', 'grace', 'joan');
const types = fc.constantFrom('SubscriptionSuspended', 'SubscriptionDeleted', 'CustomerProfileUpdated');
const commands = fc.constantFrom('SuspendSubscription', 'DeleteSubscription');
const correlations = fc.constantFrom('one', 'two', 'three');
const event: fc.Arbitrary<Written> = fc.record(
  {
    partner: few(2),
    customer: few(4),
    journal: fc.boolean(),
    type: types,
    actor: actors,
    command: commands,
    commandId: few(20),
    correlationId: correlations,
    // Clocks of several servers: times are not in the order of the log.
    recordedAt: few(60),
  },
  { requiredKeys: ['partner', 'customer', 'recordedAt'] },
);
const possible = fc.record({
  customerId: few(4).map((number) => guid('c', number)),
  types: fc.uniqueArray(fc.oneof(types, fc.constant('CommandRejected')), { minLength: 1, maxLength: 3 }),
  actor: actors,
  command: commands,
  commandId: few(20).map((number) => guid('d', number)),
  correlationId: correlations,
  recordedFrom: few(60).map(instant),
  recordedUntil: few(60).map(instant),
});
// A few at once: all of them together would find nothing.
const filter: fc.Arbitrary<HistoryFilter> = fc
  .record({
    possible,
    names: fc.subarray(
      [
        'customerId',
        'types',
        'actor',
        'command',
        'commandId',
        'correlationId',
        'recordedFrom',
        'recordedUntil',
      ] as const,
      { maxLength: 2 },
    ),
    partner: few(2),
    journals: fc.boolean(),
  })
  .map(({ possible, names, partner, journals }) => ({
    ...Object.fromEntries(names.map((name) => [name, possible[name]])),
    partnerId: guid('a', partner),
    journals,
  }));

describe('the past of a history', () => {
  it('is what reading the whole log finds, by every filter, however far the index lags', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 20, maxLength: 80 }),
        fc.array(event, { maxLength: 6 }),
        fc.array(filter, { minLength: 12, maxLength: 12 }),
        few(5),
        fc.constantFrom(0, 4),
        async (indexed, later, filters, batchSize, sparse) => {
          const store = inMemoryEventStore();
          const write = writing(store);
          const path = join(directory, `${++runs}.sqlite`);
          await write(...indexed);
          await index(path, store);
          await write(...later);
          const reader = openViews({ path, projections: views });
          const past = pastEvents({ store, views: reader, serialise: serialiserOf('ledger'), sparse });
          const log = await wholeLog(store);
          for (const asked of filters) {
            const after = Math.floor(log.length / 3);
            for (const range of [
              { after: 0, until: log.length },
              { after, until: log.length - 1 },
            ]) {
              const due = log.filter(({ position }) => position > range.after && position <= range.until);
              expect(await positionsOf(past, asked, { ...range, batchSize })).toEqual(
                due.filter((each) => isAskedFor(asked, each)).map(({ position }) => position),
              );
            }
          }
          await reader.close();
        },
      ),
      { numRuns: 40, endOnFailure: true },
    );
  });

  describe('of a log of thousands of events', () => {
    const size = 9_000;
    let reader: ViewsReader;
    let store: EventStore;
    let past: PastEvents;
    let counts: { through: number };
    beforeAll(async () => {
      const inner = inMemoryEventStore();
      await writing(inner)(
        ...Array.from({ length: size }, (_, at) => ({
          partner: 1 + (at % 100 === 0 ? 1 : 0),
          customer: at % 50,
          actor: at % 1_000 === 7 ? 'rare' : 'ada',
          type: at === 8_990 ? 'CustomerProfileUpdated' : 'SubscriptionSuspended',
          journal: at % 2 === 1,
        })),
      );
      const path = join(directory, 'views.sqlite');
      await index(path, inner);
      ({ store, counts } = counted(inner));
      reader = openViews({ path, projections: views });
      past = pastEvents({ store, views: reader, serialise: serialiserOf('ledger') });
    });
    beforeEach(() => {
      counts.through = 0;
    });
    afterAll(() => reader.close());

    it('is found without reading the log where little of it is asked for', async () => {
      const range = { after: 0, until: size };
      expect(await positionsOf(past, { partnerId: guid('a', 2) }, range)).toHaveLength(90);
      expect(await positionsOf(past, { partnerId: guid('a', 1), actor: 'rare', journals: true }, range)).toHaveLength(
        9,
      );
      // After more entries of the sender than are read at once.
      const once = { partnerId: guid('a', 1), actor: 'ada', types: ['CustomerProfileUpdated'] };
      expect(await positionsOf(past, once, range)).toEqual([8_991]);
      const nothing = { partnerId: guid('a', 1), journals: true, actor: 'ada', types: ['SubscriptionDeleted'] };
      expect(await positionsOf(past, nothing, range)).toEqual([]);
      expect(await positionsOf(past, { ...nothing, actor: 'rare' }, range)).toEqual([]);
      const times = { recordedFrom: instant(8_000), recordedUntil: instant(8_009) };
      expect(await positionsOf(past, { partnerId: guid('a', 1), ...times }, range)).toEqual([8003, 8005, 8007, 8009]);
      expect(counts.through).toBe(0);
    });

    it('is searched without blocking other requests', async () => {
      let turns = 0;
      let searching = true;
      const others = () => {
        turns++;
        if (searching) setImmediate(others);
      };
      setImmediate(others);
      const nothing = { partnerId: guid('a', 1), journals: true, actor: 'ada', types: ['SubscriptionDeleted'] };
      await positionsOf(past, nothing, { after: 0, until: size });
      searching = false;
      // 2,000 entries of each 4,500 at once.
      expect(turns).toBeGreaterThanOrEqual(3);
    });

    it('is fetched in pieces, however many places were found', async () => {
      const sizes: number[] = [];
      const filter = { partnerId: guid('a', 2) };
      for await (const { events } of past(filter, { after: 0, until: size, signal })) sizes.push(events.length);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(32);
      expect(sizes.reduce((sum, each) => sum + each, 0)).toBe(90);
    });

    it('is searched in a bounded number of entries at once, however many names are asked for', async () => {
      const filter = { partnerId: guid('a', 1), journals: true, types: ['SubscriptionSuspended', 'CommandRejected'] };
      const range = { after: 0, until: size, limit: 1_000 };
      const bounds = { entries: 8, sectionsAtOnce: 2, sections: 3 };
      const { result } = await reader.read('history', (db) => historyPlaces(db, filter, range, bounds));
      expect(result.places.length).toBeLessThanOrEqual(8);
      expect(result.examined).toBeGreaterThan(0);
    });

    it('is read through once where much of it is asked for, and by the index again where it gets rare', async () => {
      expect(
        await positionsOf(past, { partnerId: guid('a', 1), journals: true }, { after: 0, until: size }),
      ).toHaveLength(size - 90);
      expect(counts.through).toBe(1);
      const latest = { partnerId: guid('a', 1), recordedUntil: instant(1_000) };
      expect((await positionsOf(past, latest, { after: 0, until: size })).length).toBe(490);
      expect(counts.through).toBe(2);
    });

    it('is found in pieces of any size', async () => {
      const log = await wholeLog(store);
      const bounds = { entries: 7, sectionsAtOnce: 2, sections: 3 };
      for (const asked of [
        { customerId: guid('c', 7) },
        { customerId: guid('c', 8), journals: true, types: ['SubscriptionSuspended'] },
        { commandId: guid('d', 8_500) },
        { correlationId: 'unknown' },
        { correlationId: 'correlation', actor: 'rare', journals: true },
        { actor: 'rare', journals: true },
        { customerId: guid('c', 6), recordedFrom: instant(3_000), recordedUntil: instant(7_000) },
      ]) {
        const filter = { partnerId: guid('a', 1), ...asked };
        const positions: number[] = [];
        const until = size - 5;
        for (let after = 5, ended = false; !ended;) {
          const range = { after, until, limit: 4 };
          const { result } = await reader.read('history', (db) => historyPlaces(db, filter, range, bounds));
          expect(result.examined).toBeGreaterThan(after);
          positions.push(...result.places.map(({ position }) => position));
          ({ examined: after, ended } = result);
        }
        const due = log.filter(({ position }) => position > 5 && position <= until);
        expect(positions).toEqual(due.filter((each) => isAskedFor(filter, each)).map(({ position }) => position));
      }
    });

    it('is refused where the index has an event that the log has lost', async () => {
      const lossy = pastEvents({
        store: {
          ...store,
          read: async (stream, range) => (await store.read(stream, range)).filter(({ position }) => position !== 5_001),
        },
        views: reader,
        serialise: serialiserOf('ledger'),
      });
      await expect(positionsOf(lossy, { partnerId: guid('a', 2) }, { after: 0, until: size })).rejects.toThrow(
        LogDamaged,
      );
    });
  });
});
