import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson } from './canonical-json.js';
import {
  noStream,
  RevisionConflict,
  type AppendResult,
  type EventBatch,
  type EventStore,
  type RecordedEvent,
  type SealedEvent,
} from './event-store.js';
import { noPreviousHash } from './hash-chain.js';
import type { Json } from './message.js';
import { seal } from './testing-events.js';

/** One store for one test: `reopen` gives the same log through a store of its own, as after a restart. */
export interface StoreUnderTest {
  readonly store: EventStore;
  readonly reopen?: () => Promise<EventStore>;
  readonly close: () => Promise<void>;
}

/**
 * What every event store promises, whatever it is made of. Streams have names of their own and positions are taken
 * relative to the head, so a log that other tests have written to will do as well as an empty one.
 */
export function eventStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name} keeps the contract of an event store`, () => {
    let opened: StoreUnderTest;
    let store: EventStore;
    let start: number;

    beforeEach(async () => {
      opened = await open();
      store = opened.store;
      start = await store.head();
    });

    afterEach(() => opened.close());

    describe('append and read', () => {
      it('answers a stream that was never written to with no events', async () => {
        expect(await store.read(newStream())).toEqual([]);
        expect(await store.read(newStream(), { from: 3, to: 7 })).toEqual([]);
      });

      it('numbers the events of a stream from 0, without gaps, over several appends', async () => {
        const stream = newStream();

        const first = await store.append(stream, sealed(stream, 0, 1), noStream);
        const second = await store.append(stream, sealed(stream, 1, 3), 0);
        const third = await store.append(stream, sealed(stream, 4, 1), 3);

        expect([first, second, third].map(({ revision }) => revision)).toEqual([0, 3, 4]);
        expect((await store.read(stream)).map(({ revision }) => revision)).toEqual([0, 1, 2, 3, 4]);
      });

      it('gives back what was appended, in order, with its place', async () => {
        const stream = newStream();
        const events = sealed(stream, 0, 4);
        const { position } = await store.append(stream, events, noStream);

        const recorded = await store.read(stream);

        expect(recorded).toEqual(
          events.map((event, revision) => ({ ...event, stream, revision, position: expect.any(Number) })),
        );
        expect(recorded.at(-1)?.position).toBe(position);
      });

      it('reads ranges, both ends inclusive', async () => {
        const stream = newStream();
        await store.append(stream, sealed(stream, 0, 6), noStream);
        const revisions = async (range: { from?: number; to?: number }) =>
          (await store.read(stream, range)).map(({ revision }) => revision);

        expect(await revisions({})).toEqual([0, 1, 2, 3, 4, 5]);
        expect(await revisions({ from: 4 })).toEqual([4, 5]);
        expect(await revisions({ to: 1 })).toEqual([0, 1]);
        expect(await revisions({ from: 2, to: 3 })).toEqual([2, 3]);
        expect(await revisions({ from: 5, to: 99 })).toEqual([5]);
        expect(await revisions({ from: 6 })).toEqual([]);
        expect(await revisions({ from: 4, to: 3 })).toEqual([]);
        expect(await revisions({ to: -1 })).toEqual([]);
      });

      it('reads a stream that is longer than any page', async () => {
        const stream = newStream();
        for (let revision = 0; revision < 2400; revision += 600)
          await store.append(stream, sealed(stream, revision, 600), revision - 1);

        const revisions = (await store.read(stream, { from: 1 })).map(({ revision }) => revision);

        expect(revisions).toEqual(Array.from({ length: 2399 }, (_, index) => index + 1));
      });

      it('keeps streams apart, however alike their names', async () => {
        const stream = newStream();
        const names = [
          stream,
          `${stream} `,
          stream.toUpperCase(),
          `${stream}-0`,
          `${stream}'"%_`,
          `${stream}é`,
          `${stream}e\u0301`,
        ];
        for (const each of names) await store.append(each, sealed(each, 0, 1), noStream);

        for (const each of names)
          expect((await store.read(each)).map(({ stream: of, revision }) => [of, revision])).toEqual([[each, 0]]);
      });

      it('refuses an append of nothing', async () => {
        const stream = newStream();
        await expect(store.append(stream, [], noStream)).rejects.toThrow('at least one event');
        await expect(store.append(stream, [], 4)).rejects.toThrow('at least one event');
        expect(await store.head()).toBe(start);
      });

      it('stores the bytes of the call, whatever becomes of the objects', async () => {
        const stream = newStream();
        const [event] = sealed(stream, 0, 1, () => ({ note: 'as appended' }));
        const appending = store.append(stream, [event!], noStream);
        (event!.data as { note: string }).note = 'changed afterwards';
        await appending;
        const [read] = await store.read(stream);
        (read!.data as { note: string }).note = 'changed by a reader';

        expect((await store.read(stream))[0]?.data).toEqual({ note: 'as appended' });
      });
    });

    describe('the expected revision', () => {
      it('must be the one of the stream; a conflict says which that is and writes nothing', async () => {
        const stream = newStream();
        await store.append(stream, sealed(stream, 0, 3), noStream);
        const head = await store.head();

        for (const expected of [noStream, 0, 1, 3, 17]) {
          const conflict = await failureOf(store.append(stream, sealed(stream, expected + 1, 2), expected));
          expect(conflict).toBeInstanceOf(RevisionConflict);
          expect(conflict).toMatchObject({ stream, expectedRevision: expected, actualRevision: 2 });
        }
        expect(await store.read(stream)).toHaveLength(3);
        expect(await store.head()).toBe(head);
      });

      it('is noStream for a stream without events, and that is what a conflict says of one', async () => {
        const stream = newStream();
        const conflict = await failureOf(store.append(stream, sealed(stream, 1, 1), 0));

        expect(conflict).toBeInstanceOf(RevisionConflict);
        expect(conflict).toMatchObject({ expectedRevision: 0, actualRevision: noStream });
      });
    });

    describe('repeating an append', () => {
      it('answers the original result and writes nothing', async () => {
        const stream = newStream();
        const events = sealed(stream, 0, 3);
        const original = await store.append(stream, events, noStream);

        expect(await store.append(stream, events, noStream)).toEqual(original);
        expect(await store.append(stream, events, noStream)).toEqual(original);
        expect(await store.read(stream)).toHaveLength(3);
        expect(await store.head()).toBe(original.position);
      });

      it('does so after the stream has moved on', async () => {
        const stream = newStream();
        await store.append(stream, sealed(stream, 0, 2), noStream);
        const events = sealed(stream, 2, 2);
        const original = await store.append(stream, events, 1);
        await store.append(stream, sealed(stream, 4, 5), 3);

        expect(await store.append(stream, events, 1)).toEqual(original);
        expect(await store.read(stream)).toHaveLength(9);
      });

      it('does so when both attempts are under way at once', async () => {
        const stream = newStream();
        const events = sealed(stream, 0, 2);

        const results = await Promise.all(Array.from({ length: 8 }, () => store.append(stream, events, noStream)));

        expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1);
        expect(await store.read(stream)).toHaveLength(2);
      });

      it('is a conflict when only a part overlaps, in other order, or at another revision', async () => {
        const stream = newStream();
        const events = sealed(stream, 0, 3);
        const [first, second, third] = events;
        await store.append(stream, events, noStream);
        const attempts: [readonly SealedEvent[], number][] = [
          [[...events, ...sealed(stream, 3, 1)], noStream],
          [[second!, first!, third!], noStream],
          [[first!, second!, ...sealed(stream, 2, 1)], noStream],
          [events, 0],
          [[third!], 0],
        ];

        for (const [attempt, expected] of attempts)
          expect(await failureOf(store.append(stream, attempt, expected))).toMatchObject({
            name: 'RevisionConflict',
            actualRevision: 2,
          });
        expect(await store.read(stream)).toHaveLength(3);
      });

      it('is a conflict with other ids, though the events say the same', async () => {
        const stream = newStream();
        await store.append(stream, sealed(stream, 0, 1), noStream);

        expect(await failureOf(store.append(stream, sealed(stream, 0, 1), noStream))).toBeInstanceOf(RevisionConflict);
      });
    });

    describe('what is stored', () => {
      it('comes back as the same JSON', async () => {
        const stream = newStream();
        const data: Json = {
          empty: { object: {}, list: [], text: '' },
          nothing: null,
          truth: [true, false],
          numbers: [
            0,
            -1,
            1.5,
            0.1,
            1e21,
            5e-324,
            1.7976931348623157e308,
            Number.MAX_SAFE_INTEGER,
            Number.MIN_SAFE_INTEGER,
          ],
          text: 'Zoë Šťastná 日本語 👩🏽‍🚀 \u0000\u0007\u2028\ufeff "quoted" \\ \'; DROP TABLE events; --',
          'a key with ünïcödé and "quotes"': [[[[{ deep: [null] }]]]],
          __proto__key: 'x',
        };
        await store.append(
          stream,
          sealed(stream, 0, 1, () => data),
          noStream,
        );

        const [recorded] = await store.read(stream);

        expect(recorded?.data).toEqual(data);
        expect(canonicalJson(recorded?.data)).toBe(canonicalJson(data));
      });

      it('comes back as the same JSON, whatever it is', async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(fc.jsonValue(), { minLength: 1, maxLength: 12 }), async (values) => {
            const stream = newStream();
            const wellFormed = values.map((value) => JSON.parse(JSON.stringify(value).toWellFormed()) as Json);
            fc.pre(wellFormed.every((value) => !/\\ud[89a-f]/i.test(JSON.stringify(value))));
            await store.append(
              stream,
              sealed(stream, 0, values.length, (index) => wellFormed[index]!),
              noStream,
            );

            expect((await store.read(stream)).map(({ data }) => canonicalJson(data))).toEqual(
              wellFormed.map(canonicalJson),
            );
          }),
          { numRuns: 25 },
        );
      });

      it('has its metadata back whole, in reads and subscriptions', async () => {
        const stream = newStream();
        const events = sealed(stream, 0, 2);
        await store.append(stream, events, noStream);

        const read = await store.read(stream);
        const { events: followed } = (await firstBatches(store, start, 2)).at(-1)!;

        for (const recorded of [read, followed]) {
          expect(recorded.map(({ metadata }) => metadata)).toEqual(events.map(({ metadata }) => metadata));
          expect(recorded.map(({ id, type }) => ({ id, type }))).toEqual(events.map(({ id, type }) => ({ id, type })));
        }
        expect(read[0]?.metadata.comment).toBe('Opgezegd per brief — één kopie');
        expect(read[1]?.metadata).not.toHaveProperty('comment');
      });
    });

    describe('positions', () => {
      it('grow in commit order and are the same in append, read and subscribe', async () => {
        const [a, b] = [newStream(), newStream()];
        const results: AppendResult[] = [];
        for (let revision = 0; revision < 5; revision++) {
          results.push(await store.append(a, sealed(a, revision, 1), revision - 1));
          results.push(await store.append(b, sealed(b, revision * 2, 2), revision * 2 - 1));
        }

        const followed = await eventsAfter(store, start, 15);
        const read = [...(await store.read(a)), ...(await store.read(b))].sort((x, y) => x.position - y.position);

        expect(followed).toEqual(read);
        expectStrictlyIncreasing(followed.map(({ position }) => position));
        expect(results.map(({ position }) => position)).toEqual(
          followed.filter(({ stream, revision }) => stream === a || revision % 2 === 1).map(({ position }) => position),
        );
        expect(followed.every(({ position }) => Number.isSafeInteger(position) && position > start)).toBe(true);
      });

      it('end at the head', async () => {
        const stream = newStream();
        const { position } = await store.append(stream, sealed(stream, 0, 2), noStream);
        expect(await store.head()).toBe(position);
        const next = await store.append(stream, sealed(stream, 2, 1), 1);
        expect(next.position).toBeGreaterThan(position);
        expect(await store.head()).toBe(next.position);
      });

      it('are as many as the store says, where it says so without reading them', async () => {
        const stream = newStream();
        const start = await store.head();
        await store.append(stream, sealed(stream, 0, 2), noStream);
        // A conflict leaves no gap.
        await failureOf(store.append(stream, sealed(stream, 0, 1), noStream));
        await store.append(stream, sealed(stream, 2, 1), 1);
        expect(store.count?.(start, await store.head()) ?? 3).toBe(3);
      });
    });

    describe('the id at a position', () => {
      it('is that of the event that stands there', async () => {
        const [one, other] = [newStream(), newStream()];
        const appended = [...sealed(one, 0, 2), ...sealed(other, 0, 1), ...sealed(one, 2, 1)];
        await store.append(one, appended.slice(0, 2), noStream);
        await store.append(other, appended.slice(2, 3), noStream);
        await store.append(one, appended.slice(3), 1);
        const recorded = [...(await store.read(one)), ...(await store.read(other))];

        for (const { position, id } of recorded) expect(await store.idAt(position)).toBe(id);
      });

      it('is none where no event stands', async () => {
        const stream = newStream();
        const { position } = await store.append(stream, sealed(stream, 0, 1), noStream);

        expect(await store.idAt(0)).toBeUndefined();
        expect(await store.idAt(position + 1)).toBeUndefined();
        expect(await store.idAt(position + 1_000_000)).toBeUndefined();
      });
    });

    describe('many writers', () => {
      it('of one revision: exactly one wins, every other one learns of the conflict', async () => {
        const stream = newStream();
        const outcomes = await Promise.allSettled(
          Array.from({ length: 40 }, () => store.append(stream, sealed(stream, 0, 1), noStream)),
        );

        const winners = outcomes.filter(({ status }) => status === 'fulfilled');
        const conflicts = outcomes.flatMap((outcome) =>
          outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
        );
        expect(winners).toHaveLength(1);
        expect(conflicts).toHaveLength(39);
        for (const conflict of conflicts)
          expect(conflict).toMatchObject({ name: 'RevisionConflict', actualRevision: 0 });
        expect(await store.read(stream)).toHaveLength(1);
      });

      it('of one stream: nothing is lost, nothing is written twice', async () => {
        const stream = newStream();
        const writers = 12;
        const eventsEach = 5;
        const accepted: (AppendResult & { id: string })[] = [];

        await Promise.all(
          Array.from({ length: writers }, async () => {
            for (let written = 0; written < eventsEach;) {
              const revision = (await store.read(stream)).at(-1)?.revision ?? noStream;
              const [event] = sealed(stream, revision + 1, 1);
              try {
                accepted.push({ ...(await store.append(stream, [event!], revision)), id: event!.id });
                written++;
              } catch (error) {
                if (!(error instanceof RevisionConflict)) throw error;
                expect(error.actualRevision).toBeGreaterThan(revision);
              }
            }
          }),
        );

        const recorded = await store.read(stream);
        expect(recorded.map(({ revision }) => revision)).toEqual(
          Array.from({ length: writers * eventsEach }, (_, i) => i),
        );
        expect(recorded.map(({ id, revision, position }) => ({ id, revision, position }))).toEqual(
          accepted
            .sort((a, b) => a.revision - b.revision)
            .map(({ id, revision, position }) => ({ id, revision, position })),
        );
      });

      it('of many streams: a conflict fails alone', async () => {
        const streams = Array.from({ length: 30 }, () => newStream());
        const taken = new Set(streams.filter((_, index) => index % 3 === 0));
        for (const stream of taken) await store.append(stream, sealed(stream, 0, 1), noStream);

        const outcomes = await Promise.allSettled(
          streams.map((stream) => store.append(stream, sealed(stream, 0, 2), noStream)),
        );

        for (const [index, stream] of streams.entries()) {
          const outcome = outcomes[index]!;
          expect(outcome.status).toBe(taken.has(stream) ? 'rejected' : 'fulfilled');
          if (outcome.status === 'rejected')
            expect(outcome.reason).toMatchObject({ name: 'RevisionConflict', stream, actualRevision: 0 });
          expect(await store.read(stream)).toHaveLength(taken.has(stream) ? 1 : 2);
        }
        const positions = (await eventsAfter(store, start, 50)).map(({ position }) => position);
        expectStrictlyIncreasing(positions);
        expect(new Set(positions).size).toBe(50);
      });

      it('of several events each: an append stays together, all or nothing', async () => {
        const stream = newStream();
        await Promise.allSettled(
          Array.from({ length: 20 }, (_, writer) =>
            store.append(
              stream,
              sealed(stream, 0, 2 + (writer % 4), () => ({ writer })),
              noStream,
            ),
          ),
        );

        const recorded = await store.read(stream);
        const { writer } = recorded[0]!.data as { writer: number };
        expect(recorded.map(({ data }) => data)).toEqual(Array.from({ length: 2 + (writer % 4) }, () => ({ writer })));
      });
    });

    describe('a subscription', () => {
      it('begins with an empty batch that has caught up when there is nothing', async () => {
        const [batch] = await firstBatches(store, start, 0);
        expect(batch).toEqual({ events: [], position: start, caughtUp: true });
      });

      it('reads after its position, exclusively', async () => {
        const stream = newStream();
        await store.append(stream, sealed(stream, 0, 6), noStream);
        const all = await store.read(stream);

        for (const after of [0, 2, 4])
          expect(await eventsAfter(store, all[after]!.position, 5 - after)).toEqual(all.slice(after + 1));
        const [caughtUp] = await firstBatches(store, all[5]!.position, 0);
        expect(caughtUp).toEqual({ events: [], position: all[5]!.position, caughtUp: true });
      });

      it.each([1, 3, 4, 9, 1000])(
        'in batches of at most %i gives every event once and says when it has caught up',
        async (batchSize) => {
          const stream = newStream();
          await store.append(stream, sealed(stream, 0, 9), noStream);

          const batches = await firstBatches(store, start, 9, { batchSize });

          expect(batches.flatMap(({ events }) => events)).toEqual(await store.read(stream));
          for (const { events, position } of batches) {
            expect(events.length).toBeLessThanOrEqual(batchSize);
            if (events.length > 0) expect(position).toBeGreaterThanOrEqual(events.at(-1)!.position);
          }
          expectStrictlyIncreasing(batches.filter(({ events }) => events.length > 0).map(({ position }) => position));
          expect(batches.map(({ caughtUp }) => caughtUp)).toEqual(
            batches.map((_, index) => index === batches.length - 1),
          );
          expect(batches.at(-1)!.position).toBe(await store.head());
        },
      );

      it('goes on with what is appended later', async () => {
        const stream = newStream();
        await store.append(stream, sealed(stream, 0, 1), noStream);
        await using live = follow(store, start);
        await live.until(1);

        await store.append(stream, sealed(stream, 1, 2), 0);
        await live.until(3);
        await store.append(stream, sealed(stream, 3, 1), 2);
        await live.until(4);

        expect(live.events).toEqual(await store.read(stream));
      });

      it('has no gap and no repeat while appends go on, wherever it starts', async () => {
        const streams = Array.from({ length: 6 }, () => newStream());
        const rounds = 25;
        const followers = [follow(store, start), follow(store, start, 7)];
        let written = 0;
        const writing = streams.map(async (stream, lane) => {
          for (let round = 0; round < rounds; round++) {
            const { position } = await store.append(stream, sealed(stream, round * 2, 2), round * 2 - 1);
            written += 2;
            if (lane === 0 && round % 8 === 3) followers.push(follow(store, position, 5));
          }
        });
        await Promise.all(writing);
        const total = written;
        const all = (await Promise.all(streams.map((stream) => store.read(stream))))
          .flat()
          .sort((a, b) => a.position - b.position);
        expect(all).toHaveLength(total);

        for (const follower of followers) {
          const expected = all.filter(({ position }) => position > follower.after);
          await follower.until(expected.length);
          expect(follower.events.map(({ position }) => position)).toEqual(expected.map(({ position }) => position));
          expect(follower.events).toEqual(expected);
          await follower[Symbol.asyncDispose]();
        }
      });

      it('gives every subscriber everything', async () => {
        const stream = newStream();
        const followers = Array.from({ length: 5 }, () => follow(store, start));
        await store.append(stream, sealed(stream, 0, 3), noStream);
        for (const follower of followers) await follower.until(3);

        const expected = await store.read(stream);
        for (const follower of followers) {
          expect(follower.events).toEqual(expected);
          await follower[Symbol.asyncDispose]();
        }
      });

      it('ends without an error when it is aborted while it waits', async () => {
        const ending = new AbortController();
        const batches = store.subscribe({ after: start, signal: ending.signal })[Symbol.asyncIterator]();
        expect(await batches.next()).toMatchObject({ done: false });
        const waiting = batches.next();
        await new Promise((resolve) => setTimeout(resolve, 30));
        ending.abort();

        expect(await soon(waiting)).toMatchObject({ done: true });
      });

      it('ends when it is aborted the very moment it begins to wait', async () => {
        const ending = new AbortController();
        const batches = store.subscribe({ after: start, signal: ending.signal })[Symbol.asyncIterator]();
        expect(await batches.next()).toMatchObject({ done: false });
        const waiting = batches.next();
        ending.abort();

        expect(await soon(waiting)).toMatchObject({ done: true });
      });

      it('ends at once with a signal that was aborted before', async () => {
        const batches = store.subscribe({ after: start, signal: AbortSignal.abort() })[Symbol.asyncIterator]();

        expect(await soon(batches.next())).toMatchObject({ done: true });
      });

      it('ends between batches, however many there are still to come', async () => {
        const stream = newStream();
        await store.append(stream, sealed(stream, 0, 20), noStream);
        const ending = new AbortController();
        let batches = 0;
        for await (const _ of store.subscribe({ after: start, signal: ending.signal, batchSize: 1 }))
          if (++batches === 3) ending.abort();

        expect(batches).toBe(3);
      });

      it('may be left in the middle', async () => {
        const stream = newStream();
        await store.append(stream, sealed(stream, 0, 5), noStream);
        for await (const { events } of store.subscribe({
          after: start,
          signal: new AbortController().signal,
          batchSize: 2,
        })) {
          expect(events).toHaveLength(2);
          break;
        }
        expect(await eventsAfter(store, start, 5)).toHaveLength(5);
      });
    });

    it('lets the other work of the process go on while a long log is read', async () => {
      const stream = newStream();
      for (let revision = 0; revision < 1000; revision += 250)
        await store.append(stream, sealed(stream, revision, 250), revision - 1);
      let turns = 0;
      const ticking = setInterval(() => turns++, 0);
      try {
        await firstBatches(store, start, 1000, { batchSize: 20 });
      } finally {
        clearInterval(ticking);
      }

      expect(turns).toBeGreaterThan(0);
    });

    it('has everything in its place after it was closed and opened again', async () => {
      if (!opened.reopen) return;
      const [a, b] = [newStream(), newStream()];
      const events = sealed(a, 0, 3);
      const original = await store.append(a, events, noStream);
      await store.append(b, sealed(b, 0, 2), noStream);
      await store.append(a, sealed(a, 3, 1), 2);
      const before = { a: await store.read(a), b: await store.read(b), head: await store.head() };
      const log = await eventsAfter(store, start, 6);

      store = await opened.reopen();

      expect({ a: await store.read(a), b: await store.read(b), head: await store.head() }).toEqual(before);
      expect(await eventsAfter(store, start, 6)).toEqual(log);
      expect(await eventsAfter(store, log[2]!.position, 3)).toEqual(log.slice(3));
      expect(await Promise.all(log.map(({ position }) => store.idAt(position)))).toEqual(log.map(({ id }) => id));
      expect(await store.append(a, events, noStream)).toEqual(original);
      expect(await failureOf(store.append(a, sealed(a, 0, 1), noStream))).toMatchObject({
        name: 'RevisionConflict',
        actualRevision: 3,
      });
      const next = await store.append(b, sealed(b, 2, 1), 1);
      expect(next.position).toBeGreaterThan(before.head);
    });
  });
}

let streams = 0;
const run = Math.random().toString(36).slice(2, 8);

function newStream(): string {
  return `contract-${run}-${++streams}`;
}

let commands = 0;

/** Events for a place in a stream. No two calls make the same ids. */
function sealed(
  stream: string,
  revision: number,
  count: number,
  data: (index: number) => Json = (index) => ({ index }),
): readonly SealedEvent[] {
  const commandId = `command-${++commands}`;
  return seal(
    stream,
    revision,
    noPreviousHash,
    Array.from({ length: count }, (_, index) => ({
      type: index % 2 === 0 ? 'CounterIncreased' : 'CounterDecreased',
      data: data(index),
      metadata: {
        actor: { id: 'user-7', kind: 'user', roles: ['agent', 'auditor'], tenant: 'reseller-1' },
        causationId: `cause of ${commandId}`,
        ...(index === 0 ? { comment: 'Opgezegd per brief — één kopie' } : {}),
        commandHash: 'c0ffee'.padEnd(64, '0'),
        commandId,
        correlationId: `journey-${run}`,
        policy: { name: 'standard', hash: 'ab'.padEnd(64, '1') },
        recordedAt: '2026-03-01T12:34:56.789Z',
        schema: 1,
      },
    })),
  );
}

/** The batches up to the one that has caught up with at least this number of events. */
async function firstBatches(
  store: EventStore,
  after: number,
  events: number,
  options: { batchSize?: number } = {},
): Promise<readonly EventBatch[]> {
  const batches: EventBatch[] = [];
  const ending = new AbortController();
  const reading = (async () => {
    let read = 0;
    for await (const batch of store.subscribe({ after, signal: ending.signal, ...options })) {
      batches.push(batch);
      read += batch.events.length;
      if (batch.caughtUp && read >= events) return;
    }
  })();
  try {
    await soon(reading);
  } finally {
    ending.abort();
  }
  return batches;
}

async function eventsAfter(store: EventStore, after: number, count: number): Promise<readonly RecordedEvent[]> {
  return (await firstBatches(store, after, count)).flatMap(({ events }) => events);
}

/** Follows the log beside the test. */
function follow(store: EventStore, after: number, batchSize = 1000) {
  const events: RecordedEvent[] = [];
  const ending = new AbortController();
  let arrived = () => {};
  let failure: Error | undefined;
  const ended = (async () => {
    for await (const batch of store.subscribe({ after, signal: ending.signal, batchSize })) {
      events.push(...batch.events);
      arrived();
    }
  })().catch((error: unknown) => {
    failure = error as Error;
    arrived();
  });
  return {
    after,
    events,
    async until(count: number) {
      while (events.length < count && failure === undefined)
        await soon(new Promise<void>((resolve) => (arrived = resolve)), `event ${events.length + 1} of ${count}`);
      if (failure !== undefined) throw failure;
    },
    async [Symbol.asyncDispose]() {
      ending.abort();
      await soon(ended);
      if (failure !== undefined) throw failure;
    },
  };
}

/** The same promise, but one that takes too long fails with a name instead of the whole test. */
async function soon<T>(promise: Promise<T>, what = 'the end'): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited in vain for ${what}`)), 3000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('Expected a failure');
}

function expectStrictlyIncreasing(positions: readonly number[]): void {
  expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
}
