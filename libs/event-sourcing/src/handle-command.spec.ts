import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import type { Decider } from './decider.js';
import { eventCodec, UnreadableEvent } from './event-codec.js';
import {
  OutcomeUnknown,
  RevisionConflict,
  StoreUnavailable,
  type EventStore,
  type RecordedEvent,
} from './event-store.js';
import { exactly, type CommandOutcome, type CommandRequest } from './command.js';
import { largestAppend } from './decision-append.js';
import { FoldedStreams, streamWeight, type FoldedStreamsOptions } from './folded-streams.js';
import { CommandLoop, type CommandLoopParts } from './handle-command.js';
import { expectedHash, idOf, InvalidEvent, noPreviousHash, sealer } from './hash-chain.js';
import { inMemoryEventStore } from './in-memory-event-store.js';
import type { MessageOf } from './message.js';
import { Rejection } from './rejection.js';
import { seal } from './testing-events.js';

// A counter with a limit: small, and yet every answer of the loop can be had from it.
interface Commands {
  Increase: { readonly by: number };
  IncreaseTwice: { readonly by: number };
  DoNothing: Record<string, never>;
  Crash: Record<string, never>;
}

interface Events {
  Increased: { readonly by: number; readonly at: string };
  Doubled: { readonly by: number };
}

interface Counter {
  value: number;
}

interface Context {
  readonly now: string;
  readonly limit: number;
}

const counter: Decider<Commands, Events, Counter, Context> = {
  initialState: () => ({ value: 0 }),
  decide: {
    Increase({ value }, { by }, { now, limit }) {
      if (value + by > limit) throw new Rejection('LimitReached', { value, limit });
      return [{ type: 'Increased', data: { by, at: now } }];
    },
    IncreaseTwice: (_, { by }, { now }) => [
      { type: 'Increased', data: { by, at: now } },
      { type: 'Doubled', data: { by } },
    ],
    DoNothing: () => [],
    Crash() {
      throw new RangeError('a bug in a decision');
    },
  },
  evolve: {
    Increased: (state, { by }) => void (state.value += by),
    Doubled: (state, { by }) => void (state.value += by),
  },
};

/** What receipts say of a counter. */
interface Summary {
  readonly value: number;
}

const catalogue = { events: { Increased: null, Doubled: null } };
const codec = eventCodec<Events>(catalogue);
const now = '2026-03-01T12:00:00.000Z';

describe('a command', () => {
  it('is decided on the state of its stream and appended after it', async () => {
    const { handle, store, value } = handlerOn();

    expect(await handle(increase(2))).toMatchObject({
      outcome: 'accepted',
      replayed: false,
      revision: 0,
      position: await store.head(),
      events: ['Increased'],
      correlationId: 'journey-1',
    });
    expect(await handle(increase(3))).toMatchObject({ outcome: 'accepted', revision: 1 });
    expect(await handle(request({ type: 'IncreaseTwice', data: { by: 10 } }))).toMatchObject({
      revision: 3,
      id: await store.idAt(await store.head()),
      events: ['Increased', 'Doubled'],
      summary: { value: 25 },
    });
    expect(await value()).toBe(25);
    expect((await store.read('counter-1')).map(({ type, data }) => ({ type, data }))).toEqual([
      { type: 'Increased', data: { by: 2, at: now } },
      { type: 'Increased', data: { by: 3, at: now } },
      { type: 'Increased', data: { by: 10, at: now } },
      { type: 'Doubled', data: { by: 10 } },
    ]);
  });

  it('is known by the fingerprint of an earlier release, and by no other', async () => {
    const { handle, store } = handlerOn();
    const sent = increase(2);
    await handle({ ...sent, metadata: { ...sent.metadata, commandHash: 'before' } });

    const again = { ...sent, metadata: { ...sent.metadata, commandHash: 'now' } };
    expect(await handle({ ...again, formerCommandHash: 'before' })).toMatchObject({
      outcome: 'accepted',
      replayed: true,
    });
    expect(await handle({ ...again, formerCommandHash: 'other' })).toMatchObject({ outcome: 'commandIdReused' });
    expect(await handle(again)).toMatchObject({ outcome: 'commandIdReused' });
    expect(await store.read('counter-1')).toHaveLength(1);
  });

  it('appends nothing when an event of it is not what its schema says, and leaves state and stream to the next', async () => {
    const { handle, store, value, appends } = handlerOn({
      seal: sealer(({ type, data }) =>
        type === 'Doubled' && (data as { by: number }).by === 7
          ? { pointer: '/data/by', message: 'is odd' }
          : undefined,
      ),
    });
    await handle(increase(2));
    const before = await store.read('counter-1');

    const refused = handle(request({ type: 'IncreaseTwice', data: { by: 7 } }));

    await expect(refused).rejects.toThrow(InvalidEvent);
    await expect(refused).rejects.toThrow(
      'Event Doubled (schema 1) for stream counter-1 is refused at /data/by: is odd',
    );
    expect(await store.read('counter-1')).toEqual(before);
    expect(appends()).toBe(1);
    expect(await value()).toBe(2);
    expect(await handle(request({ type: 'IncreaseTwice', data: { by: 1 } }))).toMatchObject({
      outcome: 'accepted',
      revision: 2,
      summary: { value: 4 },
    });
  });

  it('is recorded with who sent it, why, by which policy, and in the chain', async () => {
    const { handle, store } = handlerOn();
    await handle(increase(1));
    const sent = request({ type: 'IncreaseTwice', data: { by: 1 } });
    await handle({ ...sent, metadata: { ...sent.metadata, comment: 'as agreed by telephone' } });

    const recorded = await store.read('counter-1');

    expectWholeChain(recorded);
    for (const { metadata } of recorded.slice(1))
      expect(metadata).toMatchObject({
        ...sent.metadata,
        recordedAt: now,
        schema: 1,
      });
    // The comment stands on the first event of a command only.
    expect(recorded.map(({ metadata }) => metadata.comment)).toEqual([undefined, 'as agreed by telephone', undefined]);
    expect(recorded[2]?.metadata).not.toHaveProperty('comment');
  });

  it('is refused with the data of the domain, and nothing is written', async () => {
    const { handle, store } = handlerOn();
    const { position } = (await handle(increase(60))) as { position: number };

    expect(await handle(increase(60))).toEqual({
      outcome: 'refused',
      rejection: new Rejection('LimitReached', { value: 60, limit: 100 }),
      revision: 0,
      position,
    });
    expect(await store.head()).toBe(position);
  });

  it('that decides nothing is a bug: every answered command must have a memory in the log', async () => {
    const { handle, store } = handlerOn();

    await expect(handle(request({ type: 'DoNothing', data: {} }))).rejects.toThrow('DoNothing decided nothing');
    expect(await store.head()).toBe(0);
  });

  it('that crashes is a bug, and the next one is decided as if nothing had happened', async () => {
    const { handle, value } = handlerOn();
    await handle(increase(1));

    await expect(handle(request({ type: 'Crash', data: {} }))).rejects.toThrow('a bug in a decision');
    expect(await handle(increase(1))).toMatchObject({ outcome: 'accepted', revision: 1 });
    expect(await value()).toBe(2);
  });

  it('waits for the one before it in the same stream, so that none of them meets a conflict', async () => {
    const { handle, value, appends } = handlerOn();

    const outcomes = await Promise.all(Array.from({ length: 30 }, () => handle(increase(1))));

    expect(outcomes.map(({ outcome, revision }) => [outcome, revision])).toEqual(
      outcomes.map((_, revision) => ['accepted', revision]),
    );
    expect(await value()).toBe(30);
    expect(appends()).toBe(30);
  });

  it('does not wait for other streams', async () => {
    const { handle } = handlerOn({}, { appendAfter: (stream) => (stream === 'slow' ? blocked : undefined) });
    let release = () => {};
    const blocked = new Promise<void>((resolve) => (release = resolve));
    const slow = handle(increase(1, { stream: 'slow' }));

    expect(await handle(increase(1, { stream: 'fast' }))).toMatchObject({ outcome: 'accepted' });
    release();
    expect(await slow).toMatchObject({ outcome: 'accepted' });
  });
});

describe('the same command once more', () => {
  it('is answered with the original receipt, with nothing written', async () => {
    const { handle, store } = handlerOn();
    const sent = request({ type: 'IncreaseTwice', data: { by: 1 } });
    const original = await handle(sent);
    await handle(increase(5));
    const head = await store.head();

    for (const again of [sent, { ...sent, now: '2027-01-01T00:00:00.000Z' }])
      expect(await handle(again)).toEqual({ ...original, replayed: true });
    expect(await store.head()).toBe(head);
  });

  it('is answered from the log after a restart, with the correlation id of the first time', async () => {
    const { handle, store } = handlerOn();
    const sent = request({ type: 'IncreaseTwice', data: { by: 1 } });
    const original = await handle(sent);
    await handle(increase(5));
    const restarted = handlerOn({ store });

    const again = { ...sent, metadata: { ...sent.metadata, correlationId: 'journey-2' } };
    expect(await restarted.handle(again)).toEqual({ ...original, replayed: true, correlationId: 'journey-1' });
  });

  it('is answered even where the state would now refuse it, or another revision is asked for', async () => {
    const { handle } = handlerOn();
    const sent = increase(100);
    const original = await handle(sent);

    expect(await handle({ ...sent, ifRevision: exactly(17) })).toEqual({ ...original, replayed: true });
    expect(await handle(sent)).toEqual({ ...original, replayed: true });
  });

  it('is answered when another process has accepted it', async () => {
    const { handle, store } = handlerOn();
    await handle(increase(1));
    const other = handlerOn({ store });
    const sent = increase(2);
    const original = await other.handle(sent);

    expect(await handle({ ...sent, now: '2026-03-01T12:00:09.000Z' })).toEqual({ ...original, replayed: true });
    expect(await store.read('counter-1')).toHaveLength(2);
  });

  it('sent twice at the same time is accepted once', async () => {
    const store = inMemoryEventStore();
    const [one, other] = [handlerOn({ store }), handlerOn({ store })];
    const sent = increase(1);

    // Another process reads its own clock, so its events are others though the command is the same.
    const there = { ...sent, now: '2026-03-01T12:00:00.001Z' };
    const outcomes = await Promise.all([one.handle(sent), one.handle(sent), other.handle(there), other.handle(there)]);

    expect(outcomes.filter((outcome) => outcome.outcome === 'accepted' && !outcome.replayed)).toHaveLength(1);
    expect(outcomes.every(({ outcome, revision }) => outcome === 'accepted' && revision === 0)).toBe(true);
    expect(await store.read('counter-1')).toHaveLength(1);
  });

  it('is refused when the id was used by another command', async () => {
    const { handle, store } = handlerOn();
    const sent = increase(1);
    await handle(sent);
    const { revision, position } = await handle(increase(2));

    const reused = { ...increase(7), metadata: { ...sent.metadata, commandHash: 'f'.repeat(64) } };
    expect(await handle(reused)).toEqual({ outcome: 'commandIdReused', revision, position });
    expect(await handlerOn({ store }).handle(reused)).toEqual({ outcome: 'commandIdReused', revision, position });
    expect(await store.read('counter-1')).toHaveLength(2);
  });
});

describe('a command for a certain revision', () => {
  it('is decided there and refused elsewhere, with the place where the stream is', async () => {
    const { handle } = handlerOn();
    await handle(increase(1, { ifRevision: exactly(-1) }));
    const { position } = await handle(increase(1, { ifRevision: exactly(0) }));

    for (const other of [-1, 0, 2])
      expect(await handle(increase(1, { ifRevision: exactly(other) }))).toEqual({
        outcome: 'preconditionFailed',
        failed: 'match',
        revision: 1,
        position,
      });
  });

  it('is refused when another process gets in between: it is not decided again', async () => {
    const { handle, store } = handlerOn();
    await handle(increase(1));
    await handlerOn({ store }).handle(increase(1));

    expect(await handle(increase(1, { ifRevision: exactly(0) }))).toMatchObject({
      outcome: 'preconditionFailed',
      revision: 1,
    });
    expect(await handle(increase(1, { ifRevision: exactly(1) }))).toMatchObject({ outcome: 'accepted', revision: 2 });
  });
});

describe('who may send a command', () => {
  const admit = jest.fn(({ type }: MessageOf<Commands>) => {
    if (type === 'Crash') throw new Rejection('NotAllowed');
  });
  const guarded = { ...counter, admit };

  it('is asked once for each attempt, of retries too', async () => {
    const { handle } = handlerOn({ decider: guarded });
    const sent = increase(1);
    for (const attempt of [sent, sent, increase(1, { dryRun: true }), increase(200)]) {
      admit.mockClear();
      await handle(attempt);
      expect(admit).toHaveBeenCalledTimes(1);
    }
  });

  it('is asked before anything is looked up', async () => {
    const { handle, reads } = handlerOn({ decider: guarded });
    await expect(handle(request({ type: 'Crash', data: {} }))).rejects.toThrow(new Rejection('NotAllowed'));
    expect(reads()).toBe(0);
  });
});

describe('a precondition', () => {
  it('of any revision needs a stream with events', async () => {
    const { handle } = handlerOn();
    const ifRevision = { match: 'exists' } as const;
    expect(await handle(increase(1, { ifRevision }))).toMatchObject({ outcome: 'preconditionFailed', failed: 'match' });
    await handle(increase(1));
    expect(await handle(increase(1, { ifRevision }))).toMatchObject({ outcome: 'accepted' });
  });

  it('of no revision needs a stream without events, and a retry is answered', async () => {
    const { handle, store } = handlerOn();
    const ifRevision = { noneMatch: 'exists' } as const;
    const sent = increase(1, { ifRevision });
    const first = await handle(sent);
    expect(first).toMatchObject({ outcome: 'accepted' });
    expect(await handle(increase(1, { ifRevision }))).toMatchObject({
      outcome: 'preconditionFailed',
      failed: 'noneMatch',
      revision: 0,
    });
    expect(await handle(increase(1, { ifRevision, dryRun: true }))).toMatchObject({ outcome: 'preconditionFailed' });
    expect(await handle(sent)).toEqual({ ...first, replayed: true });
    expect(await store.read('counter-1')).toHaveLength(1);
  });

  it.each([
    [{ match: [0], noneMatch: [1] }, undefined],
    [{ match: [1], noneMatch: [0] }, 'match'],
    [{ match: [0], noneMatch: [7, 0] }, 'noneMatch'],
    [{ match: 'exists', noneMatch: 'exists' }, 'noneMatch'],
    [{ match: 'missing', noneMatch: 'exists' }, 'missing'],
    [{ noneMatch: [] }, undefined],
    [{ match: [] }, 'match'],
  ] as const)(
    'of both kinds is read in the order of RFC 9110, 13.2.2: %j at revision 0',
    async (ifRevision, failed) => {
      const { handle } = handlerOn();
      await handle(increase(1));
      expect(await handle(increase(1, { ifRevision }))).toMatchObject(
        failed ? { outcome: 'preconditionFailed', failed } : { outcome: 'accepted' },
      );
    },
  );

  it('that is missing lets nothing new be decided, and a retry be answered', async () => {
    const { handle } = handlerOn();
    const sent = increase(1);
    const first = await handle(sent);
    const ifRevision = { match: 'missing' } as const;
    expect(await handle(increase(1, { ifRevision }))).toMatchObject({ outcome: 'preconditionFailed' });
    expect(await handle({ ...sent, ifRevision })).toEqual({ ...first, replayed: true });
  });

  it('that no stream could meet is answered with what the command would meet without it', async () => {
    const { handle } = handlerOn();
    for (const ifRevision of [{ match: 'exists' }, { match: 'missing' }, exactly(3)] as const)
      expect(await handle(increase(200, { ifRevision }))).toMatchObject({
        outcome: 'refused',
        rejection: { code: 'LimitReached' },
        revision: -1,
      });
  });
});

describe('a dry run', () => {
  it('says what would happen and writes nothing', async () => {
    const { handle, store } = handlerOn();
    const { position } = await handle(increase(90));

    expect(await handle(increase(5, { dryRun: true }))).toEqual({
      outcome: 'wouldBeAccepted',
      events: [{ type: 'Increased', data: { by: 5, at: now } }],
      summary: { value: 90 },
      revision: 0,
      position,
    });
    expect(await handle(increase(50, { dryRun: true }))).toMatchObject({ outcome: 'refused', revision: 0 });
    expect(await handle(increase(5, { dryRun: true, ifRevision: exactly(3) }))).toMatchObject({
      outcome: 'preconditionFailed',
    });
    expect(await store.head()).toBe(position);
  });

  it('does not wait for the commands before it, nor they for it', async () => {
    const held = Promise.withResolvers<void>();
    const { handle } = handlerOn({}, { appendAfter: () => held.promise });
    const command = handle(increase(1));
    expect(await handle(increase(1, { dryRun: true }))).toMatchObject({ outcome: 'wouldBeAccepted', revision: -1 });
    held.resolve();
    expect(await command).toMatchObject({ outcome: 'accepted', revision: 0 });
  });

  it('is decided again even under the id of an accepted command', async () => {
    const { handle } = handlerOn();
    const sent = increase(60);
    await handle(sent);

    expect(await handle({ ...sent, dryRun: true })).toMatchObject({ outcome: 'refused', revision: 0 });
  });

  it('leaves no trace in the state that is kept', async () => {
    const { handle, value } = handlerOn();
    await handle(increase(1));
    const dry = increase(5, { dryRun: true });
    await handle(dry);
    await handle(dry);

    expect(await value()).toBe(1);
    expect(await handle({ ...dry, dryRun: false })).toMatchObject({
      outcome: 'accepted',
      replayed: false,
      revision: 1,
    });
  });
});

describe('a conflict with another process', () => {
  it('decides again, from the new history and with the same reading of the clock', async () => {
    const { handle, store, value } = handlerOn();
    await handle(increase(1));
    await handlerOn({ store }).handle(increase(50, { now: '2026-03-01T11:59:59.000Z' }));
    const readings: string[] = [];

    const outcome = await handle({
      ...increase(2),
      contextAt: (at) => {
        readings.push(at);
        return { now: at, limit: 100 };
      },
    });

    expect(outcome).toMatchObject({ outcome: 'accepted', revision: 2 });
    expect(readings).toEqual([now, now]);
    expect(await value()).toBe(53);
    expectWholeChain(await store.read('counter-1'));
  });

  it('can turn a yes into a no', async () => {
    const { handle, store } = handlerOn();
    await handle(increase(1));
    await handlerOn({ store }).handle(increase(98));

    expect(await handle(increase(50))).toMatchObject({
      outcome: 'refused',
      revision: 1,
      rejection: { details: { value: 99, limit: 100 } },
    });
  });

  it('ends as ConcurrencyConflict after this number of attempts', async () => {
    const store = inMemoryEventStore();
    const rival = handlerOn({ store });
    const { handle, appends } = handlerOn(
      { store, attempts: 3 },
      { appendAfter: (stream) => rival.handle(increase(1, { stream })).then(() => undefined) },
    );

    const outcome = await handle(increase(1));

    expect(outcome).toEqual({
      outcome: 'refused',
      rejection: new Rejection('ConcurrencyConflict', { revision: 2 }),
      revision: 2,
      position: await store.head(),
    });
    expect(appends()).toBe(3);
    expect(await store.read('counter-1')).toHaveLength(3);
  });

  it.each(['refused', 'preconditionFailed', 'commandIdReused', 'wouldBeAccepted'] as const)(
    'is noticed before an answer that appends nothing: %s rests on the head',
    async (answer) => {
      const { handle, store } = handlerOn();
      const first = increase(60);
      await handle(first);
      await handlerOn({ store }).handle(increase(30));
      const position = await store.head();

      const asked = {
        refused: increase(50),
        preconditionFailed: increase(1, { ifRevision: exactly(7) }),
        commandIdReused: { ...increase(1), metadata: { ...first.metadata, commandHash: 'other' } },
        wouldBeAccepted: increase(1, { dryRun: true }),
      }[answer];
      const outcome = await handle(asked);

      expect(outcome).toMatchObject({ outcome: answer, revision: 1, position });
      if (outcome.outcome === 'refused') expect(outcome.rejection.details).toEqual({ value: 90, limit: 100 });
    },
  );

  it('is noticed before a refusal of a stream that this process has never seen', async () => {
    const store = inMemoryEventStore();
    const rival = handlerOn({ store });
    const { handle } = handlerOn({ store }, { readThen: () => rival.handle(increase(99)).then(() => undefined) });

    // Between the first reading and the refusal the other process has made room impossible in another way.
    expect(await handle(increase(101))).toMatchObject({ rejection: { details: { value: 99 } }, revision: 0 });
  });
});

describe('a failed append', () => {
  it.each([
    ['when nothing was written', new StoreUnavailable('disk full'), false],
    ['when it is not known what was written', new OutcomeUnknown('connection lost'), true],
  ])('drops the state that was kept: %s', async (_, failure, written) => {
    const store = inMemoryEventStore();
    let fail = false;
    const { handle, value, reads } = handlerOn({
      store: {
        ...store,
        async append(...args) {
          if (!fail) return store.append(...args);
          fail = false;
          if (written) await store.append(...args);
          throw failure;
        },
      },
    });
    await handle(increase(1));
    await handle(increase(1));
    const before = reads();
    fail = true;
    const sent = increase(5);

    await expect(handle(sent)).rejects.toBe(failure);
    expect(await handle(sent)).toMatchObject({ outcome: 'accepted', replayed: written, revision: 2 });
    expect(reads()).toBeGreaterThan(before);
    expect(await value()).toBe(7);
    expectWholeChain(await store.read('counter-1'));
  });
});

describe('the states that are kept', () => {
  it('stay when a question has read what was appended before the append was answered', async () => {
    const store = inMemoryEventStore();
    const { handle, value, reads } = handlerOn({
      store: {
        ...store,
        async append(...args) {
          const result = await store.append(...args);
          if (args[2] === 0) await value();
          return result;
        },
      },
    });
    await handle(increase(1));
    await handle(increase(1));
    const before = reads();
    await handle(increase(1));

    expect(reads()).toBe(before);
    expect(await value()).toBe(3);
  });

  it('spare the reading', async () => {
    const { handle, reads } = handlerOn();
    await handle(increase(1));
    const before = reads();
    for (let i = 0; i < 20; i++) await handle(increase(1));

    expect(reads()).toBe(before);
  });

  it('are no more than asked for; the one used longest ago goes first', async () => {
    const { handle, reads } = handlerOn({ cachedCommands: 2 * (streamWeight + 5) });
    const touch = async (stream: string) => {
      const before = reads();
      await handle(increase(1, { stream }));
      return reads() - before;
    };
    for (const stream of ['a', 'b']) await touch(stream);

    expect([await touch('a'), await touch('b'), await touch('a')]).toEqual([0, 0, 0]);
    expect([await touch('c'), await touch('c')]).toEqual([1, 0]);
    // b had not been used for the longest time.
    expect([await touch('a'), await touch('b')]).toEqual([0, 1]);
  });

  it('that hold many commands take the room of many streams', async () => {
    const { handle, ask, reads } = handlerOn({ cachedCommands: 3 * (streamWeight + 1) });
    for (const stream of ['a', 'b', 'long']) await handle(increase(1, { stream }));
    for (let i = 0; i < streamWeight + 1; i++) await handle(increase(1, { stream: 'long' }));
    const readsFor = async (stream: string) => {
      const before = reads();
      await ask(stream, ({ value }) => value);
      return reads() - before;
    };

    // A look at the end; the whole of what went is read before.
    expect([await readsFor('long'), await readsFor('b'), await readsFor('a')]).toEqual([1, 1, 2]);
  });

  it('may go while a command is being appended', async () => {
    let during: (() => Promise<unknown>) | undefined;
    const { handle, value } = handlerOn(
      { cachedCommands: 1 },
      {
        async appendAfter() {
          const others = during;
          during = undefined;
          await others?.();
        },
      },
    );
    await handle(increase(2));
    during = () => handle(increase(1, { stream: 'other' }));

    expect(await handle(increase(3))).toMatchObject({ outcome: 'accepted', summary: { value: 5 } });
    expect(await handle(increase(4))).toMatchObject({ outcome: 'accepted', summary: { value: 9 } });
    expect(await value()).toBe(9);
  });

  it('take in every event once, though a question finds an append in the log before the command is answered', async () => {
    const store = inMemoryEventStore();
    const { handle, ask } = handlerOn({
      store: {
        ...store,
        async append(...args) {
          const result = await store.append(...args);
          await ask('counter-1', ({ value }) => value);
          return result;
        },
      },
    });
    for (const by of [1, 10, 30]) await handle(increase(by));

    expect(await ask('counter-1', ({ value }) => value)).toBe(41);
    expect(await handle(increase(100))).toMatchObject({ rejection: { details: { value: 41 } } });
  });

  it('stay when several questions find at once what another process has appended', async () => {
    const store = inMemoryEventStore();
    const rival = handlerOn({ store });
    const { ranges, watched } = watching(store);
    const { handle, value } = handlerOn({ store: watched });
    await handle(increase(1));
    await rival.handle(increase(10));
    ranges.length = 0;

    expect(await Promise.all([value(), value(), value()])).toEqual([11, 11, 11]);
    // Each looks after what is kept, and then whether anything has come since.
    expect(ranges).toEqual([1, 1, 1, 2, 2, 2]);
    await handle(increase(30));
    expect(await value()).toBe(41);
  });

  it('stay after a conflict: only what another process has appended is read', async () => {
    const store = inMemoryEventStore();
    const rival = handlerOn({ store });
    const { ranges, watched } = watching(store);
    let conflicts = 2;
    const { handle, value } = handlerOn(
      { store: watched },
      { appendAfter: async () => void (conflicts-- > 0 && (await rival.handle(increase(1)))) },
    );
    await rival.handle(increase(1));
    expect(await handle(increase(30))).toMatchObject({ outcome: 'accepted', revision: 3 });

    expect(ranges).toEqual([0, 1, 2]);
    expect(await value()).toBe(33);
    expectWholeChain(await store.read('counter-1'));
  });

  it('go after a conflict that nothing in the log accounts for', async () => {
    const store = inMemoryEventStore();
    const lost = new Set<string>();
    const { handle, value } = handlerOn({
      store: {
        ...store,
        // As after a restore from a backup: the end of the stream is gone.
        read: async (...args) => (await store.read(...args)).filter(({ id }) => !lost.has(id)),
        append(...args) {
          const [stream, , expected] = args;
          if (lost.size > 0 && expected === 1) return Promise.reject(new RevisionConflict(stream, 1, 0));
          return store.append(...args);
        },
      },
      attempts: 2,
    });
    for (const by of [1, 10]) await handle(increase(by));
    lost.add((await store.read('counter-1'))[1]!.id);

    await handle(increase(1)).catch(() => undefined);
    expect(await value()).toBe(1);
  });

  it('are not kept for streams that do not exist', async () => {
    const { ask, handle, reads } = handlerOn({ cachedCommands: streamWeight + 5 });
    await handle(increase(1, { stream: 'kept' }));
    for (let i = 0; i < 5; i++) await ask(`nobody-${i}`, ({ value }) => value);
    const before = reads();
    await handle(increase(1, { stream: 'kept' }));

    expect(reads()).toBe(before);
  });
});

describe('the clock', () => {
  it('set back does not set back what is recorded, and is reported', async () => {
    const onEarlier = jest.fn();
    const { handle, store } = handlerOn({ onEarlier });
    await handle(increase(1));
    await handle(increase(1, { now: '2026-03-01T11:00:00.000Z' }));
    await handle(increase(1, { now: '2026-03-01T12:00:00.001Z' }));

    const recorded = await store.read('counter-1');
    expect(recorded.map(({ metadata }) => metadata.recordedAt)).toEqual([now, now, '2026-03-01T12:00:00.001Z']);
    // The decision counts for the same time as its record.
    expect(recorded[1]?.data).toEqual({ by: 1, at: now });
    expect(onEarlier.mock.calls).toEqual([['counter-1', '2026-03-01T11:00:00.000Z', now]]);
  });
});

describe('a question', () => {
  it('is answered at the head, with its place, whichever server has written there', async () => {
    const { handle, ask, store } = handlerOn();
    await handle(increase(1));
    await handlerOn({ store }).handle(increase(10));

    expect(await ask('counter-1', ({ value }, place) => ({ value, ...place }))).toEqual({
      value: 11,
      revision: 1,
      position: await store.head(),
    });
  });

  it('is answered as of an old revision', async () => {
    const { handle, ask, store } = handlerOn();
    for (const by of [1, 10, 100 - 11]) await handle(increase(by));
    const positions = (await store.read('counter-1')).map(({ position }) => position);

    const answers = [];
    for (const revision of [0, 1, 2])
      answers.push(await ask('counter-1', ({ value }, place) => ({ value, ...place }), revision));

    expect(answers).toEqual([
      { value: 1, revision: 0, position: positions[0] },
      { value: 11, revision: 1, position: positions[1] },
      { value: 100, revision: 2, position: positions[2] },
    ]);
    // Looking back has not moved the state that is kept.
    expect(await handle(increase(1))).toMatchObject({ outcome: 'refused' });
  });

  it('of a stream without events is answered from the initial state', async () => {
    const { ask } = handlerOn();

    expect(await ask('nobody', ({ value }, place) => ({ value, ...place }))).toEqual({
      value: 0,
      revision: -1,
      position: 0,
    });
  });

  it('asked while commands go on never sees half a command', async () => {
    const { handle, ask } = handlerOn();
    const seen: [number, number][] = [];
    await Promise.all([
      (async () => {
        for (let i = 0; i < 20; i++) await handle(request({ type: 'IncreaseTwice', data: { by: 1 } }));
      })(),
      (async () => {
        for (let i = 0; i < 60; i++) seen.push(await ask('counter-1', ({ value }, { revision }) => [value, revision]));
      })(),
    ]);

    for (const [value, revision] of seen) expect([value, value % 2]).toEqual([revision + 1, 0]);
    expect(await ask('counter-1', ({ value }) => value)).toBe(40);
  });
});

describe('a long stream', () => {
  const twice = () => request({ type: 'IncreaseTwice', data: { by: 1 } });
  /** Each of its events adds one; it answers at once, as an embedded database does. */
  async function storeOf(events: number): Promise<EventStore> {
    const store = inMemoryEventStore();
    const { handle } = handlerOn({ store });
    for (let written = 0; written < events; written += 2) await handle(twice());
    const all = [...(await store.read('counter-1'))];
    return {
      ...store,
      read: async (_, { from = 0, to = Infinity } = {}) => {
        if ((await store.head()) > all.length) all.push(...(await store.read('counter-1', { from: all.length })));
        return all.slice(from, to + 1);
      },
    };
  }

  it.each([254, 256, 258, 512, 514, 770])(
    'of %i events is folded whole, now and as of any revision',
    async (events) => {
      const store = await storeOf(events);
      const answered = (revision?: number) =>
        handlerOn({ store }).ask('counter-1', ({ value }, place) => [value, place.revision], revision);

      expect(await answered()).toEqual([events, events - 1]);
      for (const revision of [0, 1, 253, 254, 255, 256, 257, 511, 512].filter((each) => each < events))
        expect(await answered(revision)).toEqual([revision + 1, revision]);
      expect(await answered(events + 1_000)).toEqual([events, events - 1]);
      expect(await handlerOn({ store }).handle(twice())).toMatchObject({ outcome: 'accepted', revision: events + 1 });
    },
  );

  it('is folded page by page: the other work of the process goes on', async () => {
    const store = await storeOf(2_560);
    let turns = 0;
    const roundsOf = async (work: () => Promise<unknown>) => {
      const before = turns;
      let going = true;
      const ticking = (async () => {
        for (; going; turns++) await turn();
      })();
      await work();
      going = false;
      await ticking;
      return turns - before;
    };

    expect(await roundsOf(() => handlerOn({ store }).value())).toBeGreaterThanOrEqual(10);
    expect(await roundsOf(() => handlerOn({ store }).handle(twice()))).toBeGreaterThanOrEqual(10);
  });

  it('is read once for all questions that wait for it, which then have turns of their own', async () => {
    const store = await storeOf(600);
    const pauses: string[] = [];
    const betweenPages = async (stream: string) => {
      pauses.push(stream);
      await turn();
    };
    const { value, reads } = handlerOn({ store, betweenPages });

    expect(new Set(await Promise.all(Array.from({ length: 20 }, value)))).toEqual(new Set([600]));
    // Three pages, and for each answer a look whether it rests on the head.
    expect(reads()).toBe(3 + 20);
    expect(pauses).toEqual(Array.from({ length: 2 + 19 }, () => 'counter-1'));
  });

  it('that is being folded for questions keeps no command waiting, and what that appends is in the answers', async () => {
    const store = await storeOf(600);
    const held = Promise.withResolvers<void>();
    const { handle, value, reads } = handlerOn({ store, betweenPages: () => held.promise });
    const answers = [value(), value()];
    expect(await handle(twice())).toMatchObject({ outcome: 'accepted', revision: 601 });
    held.resolve();

    expect(await Promise.all(answers)).toEqual([602, 602]);
    const before = reads();
    await handle(twice());
    expect(reads()).toBe(before);
  });

  it('is read for the answer to a command without waiting for the turns of questions', async () => {
    const store = await storeOf(600);
    const { ask, value } = handlerOn({ store, betweenPages: () => Promise.withResolvers<void>().promise });
    void value();

    expect(await ask('counter-1', (state, { revision }) => [state.value, revision], 299)).toEqual([300, 299]);
  });

  it('that cannot be read fails all who have asked, and none who ask afterwards', async () => {
    const store = await storeOf(600);
    let isAway = true;
    const { value } = handlerOn({
      store: {
        ...store,
        async read(...args) {
          if (isAway && args[1]?.from === 256) throw new StoreUnavailable('away');
          return store.read(...args);
        },
      },
    });
    const failed = await Promise.allSettled([value(), value()]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isAway = false;
    expect(await value()).toBe(600);
  });
});

describe('what must be true elsewhere before an append', () => {
  it('is awaited for every decision, with the revision that the append expects', async () => {
    const store = inMemoryEventStore();
    const rival = handlerOn({ store });
    const { handle } = handlerOn({ store });
    await handle(increase(1));
    const asked: number[] = [];

    const outcome = await handle({
      ...increase(1),
      async beforeAppend(revision) {
        asked.push(revision);
        if (asked.length < 3) await rival.handle(increase(1));
      },
    });

    expect(asked).toEqual([0, 1, 2]);
    expect(outcome).toMatchObject({ outcome: 'accepted', revision: 3 });
    expectWholeChain(await store.read('counter-1'));
  });

  it('may bring the state that is kept up to date meanwhile: the append expects what was decided on', async () => {
    const store = inMemoryEventStore();
    const rival = handlerOn({ store });
    const { handle, ask, value } = handlerOn({ store });
    await handle(increase(1));
    let times = 0;

    const outcome = await handle({
      ...increase(60),
      async beforeAppend() {
        if (++times > 1) return;
        await rival.handle(increase(50));
        expect(await ask('counter-1', (state) => state.value)).toBe(51);
      },
    });

    expect(outcome).toMatchObject({ outcome: 'refused', rejection: { details: { value: 51 } }, revision: 1 });
    expect(await value()).toBe(51);
    expectWholeChain(await store.read('counter-1'));
  });

  it('refuses the command when it is not, at the head', async () => {
    const store = inMemoryEventStore();
    const rival = handlerOn({ store });
    const { handle } = handlerOn({ store });
    await handle(increase(1));
    const refusedAt: number[] = [];
    const taken = new Rejection('Taken', { by: 'another' });

    const outcome = await handle({
      ...increase(1),
      async beforeAppend(revision) {
        refusedAt.push(revision);
        if (refusedAt.length === 1) await rival.handle(increase(1));
        throw taken;
      },
    });

    expect(refusedAt).toEqual([0, 1]);
    expect(outcome).toEqual({ outcome: 'refused', rejection: taken, revision: 1, position: await store.head() });
  });

  it('is not asked where nothing will be appended', async () => {
    const { handle } = handlerOn();
    const first = increase(60);
    await handle(first);
    const asking = { beforeAppend: () => Promise.reject(new Error('asked')) };

    for (const [sent, outcome] of [
      [first, 'accepted'],
      [increase(50), 'refused'],
      [increase(1, { ifRevision: exactly(7) }), 'preconditionFailed'],
      [increase(1, { dryRun: true }), 'wouldBeAccepted'],
    ] as const)
      expect(await handle({ ...sent, ...asking })).toMatchObject({ outcome });
  });

  it('that fails is a failure, and the next command is decided as if nothing had happened', async () => {
    const { handle, value } = handlerOn();
    await handle(increase(1));
    const failure = new StoreUnavailable('disk full');

    await expect(handle({ ...increase(1), beforeAppend: () => Promise.reject(failure) })).rejects.toBe(failure);
    expect(await handle(increase(1))).toMatchObject({ outcome: 'accepted', revision: 1 });
    expect(await value()).toBe(2);
  });
});

describe('two servers over one log', () => {
  it('answer the receipt of the one to the other, even where its last attempt met that very command', async () => {
    const store = inMemoryEventStore();
    const there = handlerOn({ store });
    const sent = request({ type: 'IncreaseTwice', data: { by: 1 } });
    const original: unknown[] = [];
    const here = handlerOn(
      { store, attempts: 1 },
      { appendAfter: async () => void original.push(await there.handle({ ...sent, now: laterBy(1) })) },
    );

    expect(await here.handle(sent)).toEqual({ ...(original[0] as object), replayed: true });
    expect(original).toMatchObject([{ outcome: 'accepted', replayed: false, events: ['Increased', 'Doubled'] }]);
    expect(await store.read('counter-1')).toHaveLength(2);
  });

  it('say of a key that met another command in its last attempt that it was used', async () => {
    const store = inMemoryEventStore();
    const there = handlerOn({ store });
    const sent = increase(1);
    const other = { ...increase(2), metadata: { ...sent.metadata, commandHash: 'other' } };
    const here = handlerOn({ store, attempts: 1 }, { appendAfter: () => there.handle(other).then(() => undefined) });

    expect(await here.handle(sent)).toMatchObject({ outcome: 'commandIdReused', revision: 0 });
  });

  it('count conflicts, and not how often the head moved before a refusal was sure', async () => {
    const store = inMemoryEventStore();
    const there = handlerOn({ store });
    let rivals = 1;
    const here = handlerOn(
      { store, attempts: 2 },
      { appendAfter: async () => void (rivals-- > 0 && (await there.handle(increase(1)))) },
    );
    await there.handle(increase(99));
    await here.ask('counter-1', () => undefined);
    await there.handle(increase(-50));

    // Refused on the state that is kept, possible at the head, and then a conflict.
    expect(await here.handle(increase(5))).toMatchObject({ outcome: 'accepted', revision: 3 });
  });

  it('have one of them accept a command whose append was still under way when it was tried again', async () => {
    for (const arrives of ['before', 'after'] as const) {
      const store = inMemoryEventStore();
      let arrive: (() => Promise<unknown>) | undefined;
      const here = handlerOn({
        store: {
          ...store,
          append(...args) {
            arrive = () => store.append(...args);
            return Promise.reject(new OutcomeUnknown('connection lost'));
          },
        },
      });
      const there = handlerOn({ store });
      const sent = request({ type: 'IncreaseTwice', data: { by: 1 } });
      await expect(here.handle(sent)).rejects.toThrow(OutcomeUnknown);

      if (arrives === 'before') await arrive!();
      const retried = await there.handle({ ...sent, now: laterBy(1) });
      if (arrives === 'after') await expect(arrive!()).rejects.toThrow(RevisionConflict);

      expect(retried).toMatchObject({ outcome: 'accepted', replayed: arrives === 'before', revision: 1 });
      expect(await here.handle(sent)).toEqual({ ...retried, replayed: true });
      expect(await store.read('counter-1')).toHaveLength(2);
    }
  });

  it('do not put an older state in the place of a newer one when a question was slow to read', async () => {
    const store = inMemoryEventStore();
    await handlerOn({ store }).handle(increase(1));
    const slow = Promise.withResolvers<void>();
    const { handle, ask, appends, reads } = handlerOn({ store }, { readThen: () => slow.promise });
    const answer = ask('counter-1', ({ value }, { revision }) => [value, revision], 0);
    await handle(increase(1));
    slow.resolve();

    expect(await answer).toEqual([1, 0]);
    const before = reads();
    await handle(increase(1));
    expect([appends(), reads() - before]).toEqual([2, 0]);
  });

  it('never answer with half a receipt, though one of them cannot read all that the other wrote', async () => {
    const store = inMemoryEventStore();
    // As during a deployment: the newer server writes what the older does not know yet.
    const newer = handlerOn({ store, codec: eventCodec<Events>({ ...catalogue, schemas: { Doubled: 2 } }) });
    const older = handlerOn({ store });
    await older.handle(increase(1));
    const sent = request({ type: 'IncreaseTwice', data: { by: 1 } });
    const original = await newer.handle(sent);

    // The question comes upon the events first, with a state that is kept.
    await expect(older.value()).rejects.toThrow(UnreadableEvent);
    for (const command of [sent, increase(1)]) await expect(older.handle(command)).rejects.toThrow(UnreadableEvent);
    expect(await newer.handle(sent)).toEqual({ ...original, replayed: true });
  });

  it('answer a question as of a revision that only the other has seen', async () => {
    const store = inMemoryEventStore();
    const [here, there] = [handlerOn({ store }), handlerOn({ store })];
    await here.handle(increase(1));
    for (const by of [2, 3]) await there.handle(increase(by));
    const answer = (revision: number) =>
      here.ask('counter-1', (state, place) => [state.value, place.revision], revision);

    expect(await answer(1)).toEqual([3, 1]);
    expect(await answer(2)).toEqual([6, 2]);
    // Nothing is known of the future: the place shows that this is the head.
    expect(await answer(9)).toEqual([6, 2]);
    expect(await answer(-1)).toEqual([0, -1]);
  });
});

it('Any number of servers and callers that try again: every command once, every receipt the same, every answer from a head', async () => {
  const caller = fc.record({
    /** Few keys, so that callers meet; the command depends on the key but for the reused one. */
    key: fc.nat(7),
    reused: fc.boolean(),
    ifRevision: fc.option(fc.integer({ min: -1, max: 6 }), { nil: undefined }),
    dryRun: fc.boolean(),
    servers: fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }),
  });
  const trouble = fc.constantFrom('none', 'none', 'unavailable', 'lost', 'stored', 'late');
  await fc.assert(
    fc.asyncProperty(
      fc.array(caller, { minLength: 1, maxLength: 12 }),
      fc.array(fc.nat(6), { minLength: 1, maxLength: 40 }),
      fc.array(trouble, { maxLength: 20 }),
      async (callers, delays, troubles) => {
        const log = inMemoryEventStore();
        const head = async () => (await log.read('counter-1')).length - 1;
        let calls = 0;
        const delay = async () => {
          for (let turns = delays[calls++ % delays.length]!; turns > 0; turns--) await turn();
        };
        const underWay: Promise<unknown>[] = [];
        const store: EventStore = {
          ...log,
          async read(...args) {
            await delay();
            const events = await log.read(...args);
            await delay();
            return events;
          },
          async append(...args) {
            const what = troubles.shift() ?? 'none';
            await delay();
            if (what === 'unavailable') throw new StoreUnavailable('disk full');
            if (what === 'late')
              underWay.push(
                delay()
                  .then(delay)
                  .then(() => log.append(...args))
                  .catch(() => undefined),
              );
            if (what === 'lost' || what === 'late') throw new OutcomeUnknown('connection lost');
            const result = await log.append(...args);
            await delay();
            if (what === 'stored') throw new OutcomeUnknown('connection lost');
            return result;
          },
        };
        const servers = [0, 1, 2, 3].map((clock) => ({ ...handlerOn({ store, attempts: 2 }), now: laterBy(clock) }));
        const receipts = new Map<string, CommandOutcome<Events, Summary>>();
        const answers: { outcome: CommandOutcome<Events, Summary>; since: number; until: number }[] = [];

        const send = async ({ key, reused, ifRevision, dryRun }: (typeof callers)[number], where: number) => {
          const server = servers[where]!;
          const by = (key + (reused ? 1 : 0)) * 7 - 10;
          const command = { type: key % 2 === 0 ? 'Increase' : 'IncreaseTwice', data: { by } } as const;
          const sent = request(command, {
            now: server.now,
            dryRun,
            ...(ifRevision === undefined ? {} : { ifRevision: exactly(ifRevision) }),
          });
          const commandId = `key-${key}`;
          const since = await head();
          try {
            const outcome = await server.handle({
              ...sent,
              contextAt: (at) => ({ now: at, limit: 40 }),
              metadata: { ...sent.metadata, commandId },
            });
            if (outcome.outcome !== 'accepted') return void answers.push({ outcome, since, until: await head() });
            const id = `${commandId} ${sent.metadata.commandHash}`;
            const { replayed: _, ...receipt } = outcome;
            expect({ ...(receipts.get(id) ?? outcome), replayed: true }).toEqual({ ...receipt, replayed: true });
            receipts.set(id, outcome);
          } catch (error) {
            if (!(error instanceof StoreUnavailable || error instanceof OutcomeUnknown)) throw error;
          }
        };
        await Promise.all([
          ...callers.map(async (each) => {
            // At two servers at once, then at others.
            const [first, ...others] = each.servers;
            await Promise.all([send(each, first!), send(each, (first! + 1) % 4)]);
            for (const where of others) await send(each, where);
          }),
          ...servers.map(async ({ ask }) => {
            for (let i = 0; i < 5; i++) {
              const since = await head();
              const [value, revision] = await ask('counter-1', (state, place) => [state.value, place.revision]);
              expect(revision).toBeGreaterThanOrEqual(since);
              expect(value).toBe(valueAt(await log.read('counter-1'), revision));
            }
          }),
        ]);
        await Promise.all(underWay);

        const recorded = await log.read('counter-1');
        expectWholeChain(recorded);
        const appended = recorded.filter(
          ({ metadata }, index) => recorded[index - 1]?.metadata.commandId !== metadata.commandId,
        );
        expect(new Set(appended.map(({ metadata }) => metadata.commandId)).size).toBe(appended.length);
        for (const { outcome, since, until } of answers) {
          expect(outcome.revision).toBeGreaterThanOrEqual(since);
          expect(outcome.revision).toBeLessThanOrEqual(until);
          if (outcome.outcome === 'refused' && outcome.rejection.code === 'LimitReached')
            expect(outcome.rejection.details).toEqual({ value: valueAt(recorded, outcome.revision), limit: 40 });
        }
        for (const [id, receipt] of receipts)
          expect(recorded[receipt.revision]).toMatchObject({
            position: receipt.position,
            metadata: { commandId: id.slice(0, id.indexOf(' ')) },
          });
        // Once more at each server, in peace: what was accepted is answered by its receipt, by all of them.
        for (const each of callers) if (!each.dryRun) for (const where of servers.keys()) await send(each, where);
      },
    ),
    { numRuns: 200 },
  );
});

describe('what has come about by itself', () => {
  const system = { id: 'grace', kind: 'system', roles: [], tenant: 'tenant' };
  /** Grows by one until it has reached the limit, two at a time. */
  const growing: typeof counter = {
    ...counter,
    settle({ value }, _, { limit, now: at }) {
      const events = Array.from({ length: Math.max(0, limit - value) }, (_, index) => ({
        type: 'Increased' as const,
        data: { by: 1, at },
        metadata: { command: 'Grow', actor: system },
        ...(index % 2 === 0 ? { begins: true as const } : {}),
      }));
      return { events, state: { value: value + events.length } };
    },
  };
  const twice = (limit: number, options: Partial<Request> = {}) => {
    const sent = request(
      { type: 'IncreaseTwice', data: { by: 1 } },
      { contextAt: (at) => ({ now: at, limit }), ...options },
    );
    return { ...sent, metadata: { ...sent.metadata, commandId: 'twice', comment: 'why' } };
  };

  it('is appended with a command, before its own events, and says whose it is', async () => {
    const { handle, store, value, appends } = handlerOn({ decider: growing });
    const outcome = await handle(twice(2));
    expect(outcome).toMatchObject({ outcome: 'accepted', events: ['Increased', 'Increased', 'Increased', 'Doubled'] });
    expect(appends()).toBe(1);
    expect(await value()).toBe(4);
    const events = await store.read('counter-1');
    expectWholeChain(events);
    const [grown, , own] = events.map(({ metadata }) => metadata);
    expect(grown).toMatchObject({ command: 'Grow', actor: system, causationId: own?.commandId, recordedAt: now });
    expect(own).toMatchObject({ command: 'IncreaseTwice', comment: 'why', causationId: 'journey-1' });
    expect(grown).not.toHaveProperty('comment');
    expect(await handle(twice(2))).toMatchObject({ ...outcome, replayed: true });
  });

  it('is not appended where the command is refused or only tried, nor kept in memory', async () => {
    const { handle, store, value } = handlerOn({ decider: growing });
    const full = { contextAt: (at: string) => ({ now: at, limit: 3 }) };
    expect(await handle(increase(1, full))).toMatchObject({ outcome: 'refused', rejection: { details: { value: 3 } } });
    expect(await handle(twice(1, { dryRun: true }))).toEqual({
      outcome: 'wouldBeAccepted',
      revision: -1,
      position: 0,
      events: [
        { type: 'Increased', data: { by: 1, at: now } },
        { type: 'Increased', data: { by: 1, at: now } },
        { type: 'Doubled', data: { by: 1 } },
      ],
      summary: { value: 0 },
    });
    expect(await value()).toBe(0);
    expect(await store.read('counter-1')).toEqual([]);
  });

  it('beyond what one append takes is appended beforehand, in appends that each end where they may', async () => {
    const sizes: number[] = [];
    const store = inMemoryEventStore();
    const measured: EventStore = {
      ...store,
      append(stream, events, expected) {
        sizes.push(events.length);
        return store.append(stream, events, expected);
      },
    };
    const { handle, value } = handlerOn({ decider: growing, store: measured });
    expect(await handle(twice(1201, { ifRevision: exactly(-1) }))).toMatchObject({
      outcome: 'accepted',
      replayed: false,
      revision: 1202,
      events: [...Array.from({ length: 202 }, () => 'Increased'), 'Doubled'],
    });
    expect(sizes).toEqual([largestAppend, largestAppend, 203]);
    expect(await value()).toBe(1203);
    const events = await store.read('counter-1');
    expectWholeChain(events);
    expect(new Set(events.map(({ metadata }) => metadata.commandId)).size).toBe(3);
    expect(events.filter(({ metadata }) => metadata.comment !== undefined)).toHaveLength(1);
    expect(await handle(twice(1201))).toMatchObject({ outcome: 'accepted', replayed: true, revision: 1202 });
  });

  it('also follows a command, and stays for the next where one append has no room for it', async () => {
    const followed: typeof counter = {
      ...counter,
      decide: {
        ...counter.decide,
        IncreaseTwice: (state, data, context) => [
          ...counter.decide.IncreaseTwice(state, data, context),
          ...growing.settle!(state, { type: 'IncreaseTwice', data }, context).events,
        ],
      },
    };
    const { handle, store, appends } = handlerOn({ decider: followed });
    expect(await handle(twice(3))).toMatchObject({ events: ['Increased', 'Doubled', ...Array(3).fill('Increased')] });
    const [own, , grown] = (await store.read('counter-1')).map(({ metadata }) => metadata);
    expect(own).toMatchObject({ command: 'IncreaseTwice', comment: 'why' });
    expect(grown).toMatchObject({ command: 'Grow', actor: system, causationId: own?.commandId });
    expect(grown).not.toHaveProperty('comment');

    const crowded = { ...twice(900), metadata: { ...twice(900).metadata, commandId: 'crowded' } };
    const outcome = await handle(crowded);
    expect(outcome).toMatchObject({ outcome: 'accepted', revision: 4 + largestAppend });
    expect(appends()).toBe(2);
    expect(await handle(crowded)).toMatchObject({ ...outcome, replayed: true });
  });

  it('does not count as the command when that is refused on the way', async () => {
    const store = inMemoryEventStore();
    let before = 0;
    const stops = { beforeAppend: () => Promise.reject(new Rejection('RefusedBefore', { before: ++before })) };
    const { handle } = handlerOn({ decider: growing, store });
    expect(await handle(twice(1000, stops))).toMatchObject({
      outcome: 'refused',
      rejection: { code: 'RefusedBefore' },
    });
    expect(await store.read('counter-1')).toEqual([]);
    expect(await handle(twice(1000))).toMatchObject({ outcome: 'accepted', replayed: false });
  });
});

/** What the counter stood at after a revision. */
function valueAt(recorded: readonly RecordedEvent[], revision: number): number {
  return recorded.slice(0, revision + 1).reduce((sum, { data }) => sum + (data as { readonly by: number }).by, 0);
}

function laterBy(milliseconds: number): string {
  return new Date(Date.parse(now) + milliseconds).toISOString();
}

type Request = CommandRequest<Commands, Context> & {
  /** What its claim in other streams does. */
  readonly beforeAppend?: (revision: number) => Promise<void>;
};

const claimOf = ({ beforeAppend }: Request) =>
  beforeAppend && { facts: () => Promise.resolve({}), make: beforeAppend, conclude: () => Promise.resolve() };

let commands = 0;

function request(command: MessageOf<Commands>, options: Partial<Request> = {}): Request {
  return {
    stream: 'counter-1',
    command,
    now,
    contextAt: (at) => ({ now: at, limit: 100 }),
    metadata: {
      actor: { id: 'user-7', kind: 'user', roles: ['agent'], tenant: 'reseller-1' },
      causationId: 'journey-1',
      commandHash: JSON.stringify(command),
      commandId: `command-${++commands}`,
      correlationId: 'journey-1',
      policy: { name: 'standard', hash: 'a'.repeat(64) },
    },
    ...options,
  };
}

function increase(by: number, options: Partial<Request> = {}) {
  return request({ type: 'Increase', data: { by } }, options);
}

/** A handler on a store of its own or a shared one; counts what it asks of it and can be held up on the way. */
function handlerOn(
  options: Partial<
    FoldedStreamsOptions<Commands, Events, Counter, Context, Summary> &
      Omit<CommandLoopParts<Commands, Events, Counter, Context, Summary>, 'streams'>
  > = {},
  holdUp: {
    appendAfter?: (stream: string) => Promise<void> | undefined;
    readThen?: () => Promise<void>;
  } = {},
) {
  const store = options.store ?? inMemoryEventStore();
  let reads = 0;
  let appends = 0;
  const watched: EventStore = {
    ...store,
    async read(...args) {
      const first = ++reads === 1;
      const events = await store.read(...args);
      if (first) await holdUp.readThen?.();
      return events;
    },
    async append(...args) {
      appends++;
      await holdUp.appendAfter?.(args[0]);
      return store.append(...args);
    },
  };
  const streams = new FoldedStreams<Commands, Events, Counter, Context, Summary>({
    decider: counter,
    codec,
    summaryOf: ({ value }) => ({ value }),
    ...options,
    store: watched,
  });
  const handler = new CommandLoop({ seal, claimOf, ...options, streams });
  return {
    handle: (sent: Request) => handler.handle(sent),
    ask: handler.ask,
    store,
    value: () => handler.ask('counter-1', ({ value }) => value),
    reads: () => reads,
    appends: () => appends,
  };
}

/** A store of which it is known from where it was read. */
function watching(store: EventStore) {
  const ranges: (number | undefined)[] = [];
  const watched: EventStore = {
    ...store,
    read(stream, range) {
      ranges.push(range?.from);
      return store.read(stream, range);
    },
  };
  return { ranges, watched };
}

function expectWholeChain(events: readonly RecordedEvent[]): void {
  let previousHash = noPreviousHash;
  for (const [revision, event] of events.entries()) {
    expect(event.revision).toBe(revision);
    expect(event.metadata.previousHash).toBe(previousHash);
    expect(event.metadata.hash).toBe(expectedHash(event));
    expect(event.id).toBe(idOf(event.metadata.hash));
    previousHash = event.metadata.hash;
  }
}
