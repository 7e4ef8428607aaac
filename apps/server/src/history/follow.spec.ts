import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { inMemoryEventStore, LogDamaged, StoreUnavailable, type EventStore } from '#event-sourcing';
import { openViews } from '#projector';
import { isAskedFor, relationshipViews, type HistoryFilter } from '#read-models';
import { serialiserOf, type HistoryBatch } from './cloud-event.js';
import { follow } from './follow.js';
import { liveTail } from './live-tail.js';
import { pastEvents } from './past-events.js';
import { guid, wholeLog, writing } from './testing-history.js';

// There is no index: the past is read from the log.
const views = openViews({ path: 'never-made', projections: relationshipViews });
const serialise = serialiserOf('ledger');
const never = new AbortController().signal;

function parts(
  store: EventStore,
  bounds: { readonly keptEvents?: number; readonly keptCharacters?: number; readonly batchSize?: number } = {},
) {
  return { past: pastEvents({ store, views, serialise, ...bounds }), tail: liveTail({ store, serialise, ...bounds }) };
}

const positions = (batches: readonly HistoryBatch[]) =>
  batches.flatMap(({ events }) => events.map(({ recorded }) => recorded.position));

async function taken(stream: AsyncGenerator<HistoryBatch>, until: number): Promise<readonly HistoryBatch[]> {
  const batches: HistoryBatch[] = [];
  for await (const batch of stream) {
    batches.push(batch);
    if (batch.position >= until) break;
  }
  return batches;
}

const partner = fc.integer({ min: 1, max: 2 });
const customer = fc.integer({ min: 1, max: 2 });
const filter: fc.Arbitrary<HistoryFilter> = fc.record(
  {
    partnerId: partner.map((index) => guid('a', index)),
    customerId: customer.map((index) => guid('c', index)),
    types: fc.constantFrom(['SubscriptionSuspended'], ['SubscriptionDeleted', 'CommandRejected']),
    journals: fc.boolean(),
  },
  { requiredKeys: ['partnerId'] },
);
const happening = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('append' as const),
      events: fc.array(
        fc.record({
          partner,
          customer,
          journal: fc.boolean(),
          type: fc.constantFrom('SubscriptionSuspended', 'SubscriptionDeleted'),
        }),
        { minLength: 1, maxLength: 8 },
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ what: fc.constant('take' as const), reader: fc.nat(3), wait: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('comeAgain' as const), reader: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('turns' as const), turns: fc.integer({ min: 1, max: 4 }) }) },
);

describe('following a history', () => {
  it('brings every event after the id once and in order, whatever is appended, taken or cut off meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(filter, { minLength: 1, maxLength: 4 }),
        fc.array(happening, { minLength: 5, maxLength: 80 }),
        fc.integer({ min: 1, max: 12 }),
        async (filters, happenings, keptEvents) => {
          const store = inMemoryEventStore();
          const write = writing(store);
          const { past, tail } = parts(store, { keptEvents, batchSize: 2 });
          const readers = filters.map((asked) => {
            const reader = {
              asked,
              received: [] as number[],
              position: 0,
              pending: undefined as Promise<unknown> | undefined,
              ending: new AbortController(),
              stream: undefined as AsyncGenerator<HistoryBatch, void> | undefined,
              begin() {
                reader.ending = new AbortController();
                const { signal } = reader.ending;
                reader.stream = follow({
                  past,
                  tail,
                  filter: asked,
                  after: reader.position,
                  saysSomethingWithin: 0,
                  signal,
                });
              },
              take(): Promise<unknown> {
                const { stream } = reader;
                const taking = (reader.pending ?? Promise.resolve()).then(async () => {
                  const { value } = await stream!.next();
                  // Events after the cut are lost on the way, and come again.
                  if (!value || stream !== reader.stream) return;
                  reader.received.push(...positions([value]));
                  reader.position = value.position;
                });
                reader.pending = taking;
                return taking;
              },
              async comeAgain() {
                const { stream } = reader;
                reader.ending.abort();
                await reader.pending;
                await stream?.return();
                reader.begin();
              },
            };
            reader.begin();
            return reader;
          });
          for (const each of happenings)
            if (each.what === 'append') await write(...each.events);
            else if (each.what === 'turns') for (let left = each.turns; left > 0; left--) await nextTurn();
            else {
              const reader = readers[each.reader % readers.length]!;
              if (each.what === 'comeAgain') await reader.comeAgain();
              else {
                const taking = reader.take();
                if (each.wait) await taking;
              }
            }
          const head = await store.head();
          const log = await wholeLog(store);
          for (const reader of readers) {
            while (reader.position < head) await reader.take();
            await reader.comeAgain();
            await reader.stream!.return();
            expect(reader.received).toEqual(
              log.filter((event) => isAskedFor(reader.asked, event)).map(({ position }) => position),
            );
          }
          expect(tail.seats()).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('reads the log once for any number of readers, and not at all when there is none', async () => {
    const inner = inMemoryEventStore();
    let open = 0;
    let opened = 0;
    const store: EventStore = {
      ...inner,
      async *subscribe(options) {
        open++;
        opened++;
        try {
          yield* inner.subscribe(options);
        } finally {
          open--;
        }
      },
    };
    const write = writing(inner);
    await write({ partner: 1, customer: 1 });
    const { past, tail } = parts(store);
    const head = await store.head();
    const ending = new AbortController();
    const readers = Array.from({ length: 20 }, () =>
      follow({
        past,
        tail,
        filter: { partnerId: guid('a', 1) },
        after: head,
        saysSomethingWithin: 10_000,
        signal: ending.signal,
      }),
    );
    for (const reader of readers) await reader.next();
    const coming = readers.map((reader) => taken(reader, head + 1));
    await write({ partner: 1, customer: 1 });
    for (const batches of await Promise.all(coming)) expect(positions(batches)).toEqual([head + 1]);
    expect(opened).toBe(1);
    await nextTurn();
    expect([open, tail.seats()]).toEqual([0, 0]);
  });

  it('lets a slow reader delay no other, keeps recent events within bounds, and has the slow one go on from the past', async () => {
    const store = inMemoryEventStore();
    const write = writing(store);
    const { past, tail } = parts(store, { keptCharacters: 5_000 });
    const shared = {
      past,
      tail,
      filter: { partnerId: guid('a', 1) },
      after: 0,
      saysSomethingWithin: 10_000,
      signal: never,
    };
    const slow = follow(shared);
    await slow.next();
    const quick = follow(shared);
    await quick.next();
    const quickly = taken(quick, 50);
    for (let index = 0; index < 50; index++) await write({ partner: 1, customer: 1 });
    expect(positions(await quickly)).toHaveLength(50);
    const seat = await tail.join();
    // An event has about 700 characters: of 50 only the last few are kept.
    expect([40, 49].map((position) => seat.covers(position))).toEqual([false, true]);
    seat.leave();
    expect(positions(await taken(slow, 50))).toHaveLength(50);
  });

  it('reports how far there is no event, so that a reader of few events need not search the same part again', async () => {
    const store = inMemoryEventStore();
    const write = writing(store);
    const reader = follow({
      ...parts(store),
      filter: { partnerId: guid('a', 1) },
      after: 0,
      saysSomethingWithin: 20,
      signal: never,
    });
    expect(await reader.next()).toEqual({ done: false, value: { events: [], position: 0 } });
    await write({ partner: 2, customer: 1 }, { partner: 2, customer: 1 });
    const batches = await taken(reader, 2);
    expect(positions(batches)).toEqual([]);
    expect(batches.at(-1)!.position).toBe(2);
  });

  it('starts at the given position, even if the tail of the log has not reached it', async () => {
    const inner = inMemoryEventStore();
    const write = writing(inner);
    let held = Promise.withResolvers<void>();
    const store: EventStore = {
      ...inner,
      async *subscribe(options) {
        for await (const batch of inner.subscribe(options)) {
          if (batch.events.length > 0) await held.promise;
          yield batch;
        }
      },
    };
    const { past, tail } = parts(store);
    const shared = { past, tail, filter: { partnerId: guid('a', 1) }, saysSomethingWithin: 10_000, signal: never };
    const first = follow({ ...shared, after: 0 });
    await first.next();
    await write(...Array.from({ length: 3 }, () => ({ partner: 1, customer: 1 })));
    const second = follow({ ...shared, after: 3 });
    await second.next();
    const coming = taken(second, 4);
    await nextTurn();
    held.resolve();
    held = Promise.withResolvers();
    held.resolve();
    await write({ partner: 1, customer: 1 });
    expect(positions(await coming)).toEqual([4]);
    expect(positions(await taken(first, 4))).toEqual([1, 2, 3, 4]);
  });

  it('continues after an outage of the store, and ends where the log is damaged', async () => {
    const inner = inMemoryEventStore();
    const write = writing(inner);
    const faults: Error[] = [new StoreUnavailable('away'), new StoreUnavailable('still away')];
    const troubles: Error[] = [];
    const store: EventStore = {
      ...inner,
      async *subscribe(options) {
        const fault = faults.shift();
        if (fault) throw fault;
        for await (const batch of inner.subscribe(options)) {
          if (batch.events.some(({ type }) => type === 'Garbage')) throw new LogDamaged('garbage');
          yield batch;
        }
      },
    };
    const tail = liveTail({ store, serialise, onTrouble: (error) => troubles.push(error) });
    const past = pastEvents({ store, views, serialise });
    const follower = () =>
      follow({ past, tail, filter: { partnerId: guid('a', 1) }, after: 0, saysSomethingWithin: 10_000, signal: never });
    const reader = follower();
    await reader.next();
    const coming = taken(reader, 1);
    await write({ partner: 1, customer: 1 });
    expect(positions(await coming)).toEqual([1]);
    expect(troubles).toHaveLength(2);
    const second = follow({
      past,
      tail,
      filter: { partnerId: guid('a', 1) },
      after: 1,
      saysSomethingWithin: 10_000,
      signal: never,
    });
    await second.next();
    const broken = taken(second, 2);
    await write({ partner: 1, customer: 1, type: 'Garbage' });
    await expect(broken).rejects.toThrow(LogDamaged);
    expect(tail.seats()).toBe(0);
  });
});
