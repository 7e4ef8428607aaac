import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson } from './canonical-json.js';
import { exactly, type CommandOutcome, type CommandRequest } from './command.js';
import type { Decider } from './decider.js';
import { eventCodec } from './event-codec.js';
import { LogDamaged, OutcomeUnknown, StoreUnavailable, type EventStore, type RecordedEvent } from './event-store.js';
import { FoldedStreams } from './folded-streams.js';
import { CommandLoop } from './handle-command.js';
import { expectedHash, idOf, noPreviousHash } from './hash-chain.js';
import { inMemoryEventStore } from './in-memory-event-store.js';
import type { MessageOf } from './message.js';
import {
  journalWeight,
  RefusalMemory,
  type KeptRefusal,
  type RefusalJournal,
  type RefusalMemoryOptions,
} from './refusal-journal.js';
import { Rejection } from './rejection.js';
import { seal } from './testing-events.js';

// A purse that cannot be overdrawn: what was refused today may well be possible tomorrow.
interface Commands {
  Deposit: { readonly amount: number };
  Withdraw: { readonly amount: number };
}

interface Events {
  Deposited: { readonly amount: number };
  Withdrawn: { readonly amount: number };
}

interface Purse {
  amount: number;
}

interface Entries {
  Refused: KeptRefusal;
}

const purse: Decider<Commands, Events, Purse, { readonly longReason?: number }> = {
  initialState: () => ({ amount: 0 }),
  decide: {
    Deposit(_, { amount }) {
      if (amount < 0) throw new Rejection('NotAnAmount', { amount });
      return [{ type: 'Deposited', data: { amount } }];
    },
    Withdraw(state, { amount }, { longReason = 0 }) {
      if (amount > state.amount)
        throw new Rejection('Overdrawn', {
          missing: amount - state.amount,
          of: { purse: state.amount },
          never: undefined,
          why: 'é'.repeat(longReason),
        });
      return [{ type: 'Withdrawn', data: { amount } }];
    },
  },
  evolve: {
    Deposited: (state, { amount }) => void (state.amount += amount),
    Withdrawn: (state, { amount }) => void (state.amount -= amount),
  },
};

const codec = eventCodec<Events>({ events: purse.evolve });
const journal: RefusalJournal<Entries> = {
  journalOf: (stream) => `journal-of-${stream}`,
  keeps: ({ code }) => code === 'Overdrawn',
  codec: eventCodec<Entries>({ events: { Refused: null } }),
  toEntry: (data) => ({ type: 'Refused', data }),
  toRefusal: ({ data }) => data,
};
const stream = 'purse-1';
const journalOf1 = journal.journalOf(stream);
const now = '2026-03-01T12:00:00.000Z';

describe('a refusal of state', () => {
  it('is on record before it is answered, with who sent what, why it was refused, and what that rests on', async () => {
    const { handle, store } = serverOn();
    await handle(deposit(10));
    const sent = withdraw(12);

    const outcome = await handle({ ...sent, metadata: { ...sent.metadata, comment: 'for the rent' } });

    expect(outcome).toEqual({
      outcome: 'refused',
      rejection: new Rejection('Overdrawn', { missing: 2, of: { purse: 10 }, why: '' }),
      recorded: { replayed: false, correlationId: sent.metadata.correlationId, instance: '/purses/1' },
      revision: 0,
      position: 1,
    });
    // As the log gives it back: the next answer has no other bytes.
    expect(outcome.outcome === 'refused' && Object.keys(outcome.rejection.details)).toEqual(['missing', 'of', 'why']);
    const entries = await store.read(journalOf1);
    expectWholeChain(entries);
    expect(entries).toMatchObject([
      {
        type: 'Refused',
        data: {
          command: 'Withdraw',
          code: 'Overdrawn',
          details: { missing: 2, of: { purse: 10 } },
          instance: '/purses/1',
          revision: 0,
          position: 1,
        },
        metadata: { ...sent.metadata, command: 'Withdraw', comment: 'for the rent', recordedAt: now, schema: 1 },
      },
    ]);
    // The stream that decides does not grow by it.
    expect(await store.read(stream)).toHaveLength(1);
  });

  it('is answered again to the same command, whatever the state says now, and nothing is written', async () => {
    const { handle, store } = serverOn();
    await handle(deposit(10));
    const sent = withdraw(12);
    const first = await handle(sent);
    await handle(deposit(90));
    const head = await store.head();
    const later = {
      ...sent,
      now: '2027-01-01T00:00:00.000Z',
      instance: '/elsewhere',
      metadata: { ...sent.metadata, correlationId: 'another', comment: 'please' },
    };

    for (const server of [handle, serverOn({ store }).handle])
      for (const again of [sent, later, { ...later, ifRevision: exactly(99) }])
        expect(await server(again)).toEqual(replay(first));
    expect(await store.head()).toBe(head);
    expect(await handle(withdraw(12))).toMatchObject({ outcome: 'accepted' });
  });

  it('at another server is found by one that has read the journal before', async () => {
    const { handle, store } = serverOn();
    const other = serverOn({ store });
    await handle(deposit(10));
    await other.handle(withdraw(11));
    await handle(withdraw(12));
    const sent = withdraw(13);
    const first = await other.handle(sent);
    await handle(deposit(90));

    expect(await handle(sent)).toEqual(replay(first));
  });

  it('is no answer to another command under its id', async () => {
    const { handle, store } = serverOn();
    const { position } = await handle(deposit(10));
    const sent = withdraw(12);
    await handle(sent);
    const reused = { ...withdraw(1), metadata: { ...sent.metadata, commandHash: 'f'.repeat(64) } };

    for (const server of [handle, serverOn({ store }).handle])
      for (const another of [
        reused,
        { ...reused, ifRevision: exactly(99) },
        { ...deposit(-1), metadata: reused.metadata },
      ])
        expect(await server(another)).toEqual({ outcome: 'commandIdReused', revision: 0, position });
  });

  it('comes before the precondition only where it is remembered', async () => {
    const { handle, store } = serverOn();
    await handle(deposit(10));
    expect(await handle(withdraw(12, { ifRevision: exactly(7) }))).toMatchObject({ outcome: 'preconditionFailed' });
    expect(await store.read(journalOf1)).toEqual([]);
  });

  it('that is one of a dry run leaves no record, and a dry run is decided again', async () => {
    const { handle, store } = serverOn();
    await handle(deposit(10));
    const dry = withdraw(12, { dryRun: true });
    expect(await handle(dry)).toMatchObject({ outcome: 'refused' });
    expect(await store.read(journalOf1)).toEqual([]);

    await handle({ ...dry, dryRun: false });
    await handle(deposit(90));
    expect(await handle(dry)).toMatchObject({ outcome: 'wouldBeAccepted' });
  });

  it('of a command that asks again by itself is neither recorded nor looked for', async () => {
    const { handle, store, readings } = serverOn();
    await handle(deposit(10));
    const sent = withdraw(12, { refusalsUnrecorded: true });
    const before = readings().length;
    expect(await handle(sent)).toMatchObject({ outcome: 'refused', rejection: { code: 'Overdrawn' } });
    expect([readings().length - before, await store.read(journalOf1)]).toEqual([0, []]);
    await handle(deposit(90));
    expect(await handle(sent)).toMatchObject({ outcome: 'accepted', replayed: false });
    expect(await handle(sent)).toMatchObject({ outcome: 'accepted', replayed: true });
  });

  it('is kept for its own kind alone, and not for what is unknown', async () => {
    const { handle, store } = serverOn();
    const early = withdraw(12);
    expect(await handle(early)).toMatchObject({ outcome: 'refused', revision: -1 });
    await handle(deposit(12));
    const nonsense = deposit(-1);
    expect(await handle(nonsense)).toEqual({
      outcome: 'refused',
      rejection: new Rejection('NotAnAmount', { amount: -1 }),
      revision: 0,
      position: 1,
    });
    expect(await store.read(journalOf1)).toEqual([]);
    expect(await handle(early)).toMatchObject({ outcome: 'accepted', replayed: false });
    expect(await handle({ ...deposit(1), metadata: nonsense.metadata })).toMatchObject({ outcome: 'accepted' });
  });

  it('too large for the log is answered, and decided again the next time', async () => {
    const { handle, store } = serverOn();
    await handle(deposit(10));
    const sent = withdraw(12, { contextAt: () => ({ longReason: 500_001 }) });
    expect(await handle(sent)).toMatchObject({ outcome: 'refused', rejection: { code: 'Overdrawn' } });
    expect(await store.read(journalOf1)).toEqual([]);
    expect(await handle({ ...sent, contextAt: () => ({ longReason: 499_000 }) })).toMatchObject({
      recorded: { replayed: false },
    });
  });

  it('never goes back in time in its journal', async () => {
    const setBack: string[][] = [];
    const { handle, store } = serverOn({ onEarlier: (...told) => setBack.push(told) });
    await handle(deposit(10));
    await handle(withdraw(12));
    await handle(withdraw(12, { now: '2026-03-01T11:00:00.000Z' }));

    const entries = await store.read(journalOf1);
    expectWholeChain(entries);
    expect(entries.map(({ metadata }) => metadata.recordedAt)).toEqual([now, now]);
    expect(setBack).toEqual([[journalOf1, '2026-03-01T11:00:00.000Z', now]]);
  });

  it('does not keep what must be true before an append from being seen to', async () => {
    const { handle } = serverOn();
    const revisions: number[] = [];
    const beforeAppend = (revision: number) => Promise.resolve(void revisions.push(revision));
    await handle(deposit(10, { beforeAppend }));
    await handle(withdraw(12, { beforeAppend }));
    expect(revisions).toEqual([-1]);
  });
});

describe('several at once', () => {
  it('refused by one server are recorded one after the other without a conflict', async () => {
    const { handle, store, appends } = serverOn();
    await handle(deposit(10));
    const sent = Array.from({ length: 40 }, (_, index) => withdraw(11 + index));
    const first = await Promise.all(sent.map(handle));

    const entries = await store.read(journalOf1);
    expectWholeChain(entries);
    expect(new Set(entries.map(({ metadata }) => metadata.commandId))).toEqual(
      new Set(sent.map(({ metadata }) => metadata.commandId)),
    );
    expect(appends()).toBe(1 + sent.length);
    expect(await Promise.all(sent.map(serverOn({ store }).handle))).toEqual(first.map(replay));
  });

  it('under one id make one entry, and all get the answer of that one', async () => {
    const store = inMemoryEventStore();
    const servers = [serverOn({ store }), serverOn({ store })];
    await servers[0]!.handle(deposit(10));
    const sent = withdraw(12);
    const outcomes = await Promise.all(
      servers.flatMap(({ handle }, index) =>
        [0, 1, 2].map((attempt) =>
          handle({ ...sent, metadata: { ...sent.metadata, correlationId: `attempt ${index}.${attempt}` } }),
        ),
      ),
    );

    const [entry, ...others] = await store.read(journalOf1);
    expect(others).toEqual([]);
    const told = outcomes.map((outcome) => (outcome.outcome === 'refused' ? outcome.recorded : undefined));
    expect(told.filter((each) => each?.replayed === false)).toHaveLength(1);
    expect(new Set(told.map((each) => each?.correlationId))).toEqual(new Set([entry!.metadata.correlationId]));
    expect(new Set(outcomes.map(({ position }) => position))).toEqual(new Set([1]));
  });

  it('refused by two servers are all recorded, whichever comes first', async () => {
    const store = inMemoryEventStore();
    const servers = [serverOn({ store, attempts: 50 }), serverOn({ store, attempts: 50 })];
    await servers[0]!.handle(deposit(10));
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, (_, index) => servers[index % 2]!.handle(withdraw(11 + index))),
    );
    expect(outcomes).toMatchObject(outcomes.map(() => ({ recorded: { replayed: false } })));
    const entries = await store.read(journalOf1);
    expect(entries).toHaveLength(30);
    expectWholeChain(entries);
  });

  it('of which others always come first end as ConcurrencyConflict, which is not on record', async () => {
    const store = inMemoryEventStore();
    const rival = serverOn({ store });
    await rival.handle(deposit(10));
    const { handle, appends } = serverOn(
      { store, attempts: 3 },
      { append: async () => void (await rival.handle(withdraw(99))) },
    );
    const sent = withdraw(12);

    expect(await handle(sent)).toEqual({
      outcome: 'refused',
      rejection: new Rejection('ConcurrencyConflict', { revision: 0 }),
      revision: 0,
      position: 1,
    });
    expect(appends()).toBe(3);
    expect(await serverOn({ store }).handle(sent)).toMatchObject({ recorded: { replayed: false } });
  });
});

describe('an acceptance elsewhere', () => {
  it('wins over a recorded refusal for ever', async () => {
    const { handle, store } = serverOn();
    await handle(deposit(10));
    const sent = withdraw(12);
    await handle(sent);
    await handle(deposit(90));
    // By a server that looked into the journal before the refusal was there.
    const blind = new CommandLoop({ streams: new FoldedStreams({ store, decider: purse, codec, summaryOf }), seal });
    const accepted = await blind.handle(sent);
    expect(accepted.outcome).toBe('accepted');

    for (const server of [handle, serverOn({ store }).handle])
      expect(await server({ ...sent, ifRevision: exactly(99) })).toEqual({ ...accepted, replayed: true });
  });

  it('between decision and record is the answer', async () => {
    const store = inMemoryEventStore();
    const blind = new CommandLoop({ streams: new FoldedStreams({ store, decider: purse, codec, summaryOf }), seal });
    const sent = withdraw(12);
    const { handle } = serverOn(
      { store },
      {
        async append(name) {
          if (name !== journalOf1) return;
          await blind.handle(deposit(90));
          await blind.handle(sent);
        },
      },
    );
    await handle(deposit(10));

    expect(await handle(sent)).toMatchObject({ outcome: 'accepted', replayed: true, revision: 2 });
    expect(await store.read(journalOf1)).toHaveLength(1);
  });

  it('is not added by a server that lost a race to what made the other refuse', async () => {
    const store = inMemoryEventStore();
    const other = serverOn({ store });
    await other.handle(deposit(20));
    const sent = withdraw(12);
    let refused: Outcome | undefined;
    const { handle, appends } = serverOn(
      { store },
      {
        times: 1,
        async append() {
          await other.handle(withdraw(20));
          refused = await other.handle(sent);
          await other.handle(deposit(90));
        },
      },
    );

    const outcome = await handle(sent);
    expect(refused).toMatchObject({ recorded: { replayed: false } });
    expect(outcome).toEqual(replay(refused!));
    expect(appends()).toBe(1);
  });
});

describe('a fault of the store', () => {
  it.each([
    ['before anything was written', new StoreUnavailable('disk full'), false, false],
    ['before anything was written by the only writer', new StoreUnavailable('disk full'), false, true],
    ['when it is not known what was written', new OutcomeUnknown('connection lost'), true, false],
    ['when it is not known what was written by the only writer', new OutcomeUnknown('connection lost'), true, true],
  ])(
    '%s, at the record, is reported, and the next attempt gets one answer for good',
    async (_, failure, written, soleWriter) => {
      const store = inMemoryEventStore();
      const { handle } = serverOn(
        { store, soleWriter },
        {
          async append(name, again) {
            if (name !== journalOf1) return;
            if (written) await again();
            throw failure;
          },
          times: 2,
        },
      );
      await handle(deposit(10));
      const sent = withdraw(12);

      await expect(handle(sent)).rejects.toBe(failure);
      const second = await handle(sent);
      expect(second).toMatchObject({ outcome: 'refused', recorded: { replayed: written } });
      expect(await handle(sent)).toEqual(replay(second));
      expect(await store.read(journalOf1)).toHaveLength(1);
    },
  );

  it('at the look-up keeps no acceptance from its answer, and decides nothing', async () => {
    const store = inMemoryEventStore();
    let away = false;
    const { handle } = serverOn({
      store: {
        ...store,
        read: (name, range) =>
          away && name === journalOf1 ? Promise.reject(new StoreUnavailable('away')) : store.read(name, range),
      },
    });
    const sent = deposit(10);
    const accepted = await handle(sent);
    away = true;

    expect(await handle(sent)).toEqual({ ...accepted, replayed: true });
    await expect(handle(deposit(5))).rejects.toThrow('away');
    await expect(handle(withdraw(50))).rejects.toThrow('away');
    away = false;
    expect(await store.head()).toBe(1);
    expect(await handle(deposit(5))).toMatchObject({ outcome: 'accepted', revision: 1 });
  });

  it('after the record does not take the answer back', async () => {
    const store = inMemoryEventStore();
    let recorded = false;
    const { handle } = serverOn({
      store: {
        ...store,
        async append(name, ...rest) {
          const place = await store.append(name, ...rest);
          recorded = name === journalOf1;
          return place;
        },
        read: (name, range) => (recorded ? Promise.reject(new StoreUnavailable('away')) : store.read(name, range)),
      },
    });
    await handle(deposit(10));
    expect(await handle(withdraw(12))).toMatchObject({ outcome: 'refused', recorded: { replayed: false } });
  });

  it('that has lost an entry is damage', async () => {
    const store = inMemoryEventStore();
    const { handle } = serverOn({
      store: {
        ...store,
        read: async (name, range) =>
          name === journalOf1 && range?.from === 0 && range.to === 0 ? [] : store.read(name, range),
      },
    });
    await handle(deposit(10));
    const sent = withdraw(12);
    await handle(sent);
    await expect(handle(sent)).rejects.toBeInstanceOf(LogDamaged);
  });
});

describe('the memory', () => {
  it('is bounded: the journals that were not asked for longest are read again', async () => {
    const { handle, store, readings } = serverOn({ cachedRefusals: 2 * (3 + journalWeight) });
    const names = ['a', 'b', 'c', 'd'];
    const sent = names.map((name) => [11, 12, 13].map((amount) => withdraw(amount, { stream: name })));
    const first: Outcome[][] = [];
    for (const [index, name] of names.entries()) {
      await handle(deposit(10, { stream: name }));
      first.push(await Promise.all(sent[index]!.map(handle)));
    }
    const readAgain = async (index: number) => {
      const before = readings().length;
      expect(await Promise.all(sent[index]!.map(handle))).toEqual(first[index]!.map(replay));
      return readings()
        .slice(before)
        .some(({ from, to }) => from === 0 && to !== 0);
    };

    // The last two are there; a third takes the place of the one of them that was used first.
    expect([await readAgain(3), await readAgain(2), await readAgain(3)]).toEqual([false, false, false]);
    expect([await readAgain(0), await readAgain(3), await readAgain(2)]).toEqual([true, false, true]);
    for (const name of names) expectWholeChain(await store.read(journal.journalOf(name)));
  });

  it('of the journal used last stays, even when it is more than the bound', async () => {
    const { handle, readings } = serverOn({ cachedRefusals: 2 });
    await handle(deposit(10));
    const sent = Array.from({ length: 5 }, (_, index) => withdraw(11 + index));
    for (const each of sent) await handle(each);
    const before = readings().length;
    await handle(sent[0]!);
    // The end of the journal and the entry itself.
    expect(readings().slice(before)).toContainEqual({ from: 5, to: 104 });
    expect(readings().slice(before)).not.toContainEqual({ from: 0, to: 99 });
  });

  it('keeps nothing of streams that do not exist, or made-up names would fill it', async () => {
    const { handle, readings } = serverOn({ soleWriter: true });
    const asked = async () => {
      const before = readings().length;
      expect(await handle(withdraw(11, { stream: 'made up' }))).toMatchObject({ outcome: 'refused' });
      return readings().length - before;
    };
    expect([await asked(), await asked()]).toEqual([1, 1]);
  });

  it('is filled a page at a time', async () => {
    const { handle, store } = serverOn();
    await handle(deposit(10));
    const sent = Array.from({ length: 101 }, (_, index) => withdraw(11 + index));
    await Promise.all(sent.map(handle));
    const other = serverOn({ store });

    const answered = other.handle(sent[100]!);
    // Of a store that answers at once, too: what waits for its turn gets it in between.
    const readBefore = await new Promise((resolve) => setImmediate(() => resolve(other.readings())));
    expect(readBefore).toEqual([{ from: 0, to: 99 }]);
    expect(await answered).toMatchObject({ recorded: { replayed: true } });
    expect(other.readings()).toEqual([
      { from: 0, to: 99 },
      { from: 100, to: 199 },
      { from: 100, to: 100 },
    ]);
  });

  it('is as fresh as the command: a reading that began before it is not enough', async () => {
    const store = inMemoryEventStore();
    const other = serverOn({ store });
    await other.handle(deposit(10));
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    let holding = true;
    const { handle } = serverOn({
      store: {
        ...store,
        async read(name, range) {
          const events = await store.read(name, range);
          if (holding && name === journalOf1) {
            holding = false;
            await held;
          }
          return events;
        },
      },
    });
    const early = handle(deposit(1));
    while (holding) await new Promise((resolve) => setImmediate(resolve));
    const sent = withdraw(12);
    const first = await other.handle(sent);
    await other.handle(deposit(90));
    const again = handle(sent);
    release();

    expect(await again).toEqual(replay(first));
    expect(await early).toMatchObject({ outcome: 'accepted' });
  });

  it('of the only writer needs no look at the journal after the first', async () => {
    const { handle, store, readings } = serverOn({ soleWriter: true });
    await handle(deposit(10));
    const before = readings().length;
    const sent = withdraw(12);
    const first = await handle(sent);
    await handle(deposit(90));
    expect(readings().slice(before)).toEqual([]);
    expect(await handle(sent)).toEqual(replay(first));
    // The entry itself.
    expect(readings().slice(before)).toEqual([{ from: 0, to: 0 }]);
    expectWholeChain(await store.read(journalOf1));
  });

  it('of the only writer is not used before it is whole', async () => {
    const { handle, store } = serverOn();
    await handle(deposit(10));
    const sent = Array.from({ length: 150 }, (_, index) => withdraw(11 + index));
    const first = await Promise.all(sent.map(handle));
    await handle(deposit(990));

    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { promise: atNextPage, resolve: reached } = Promise.withResolvers<void>();
    const started = serverOn({
      soleWriter: true,
      store: {
        ...store,
        async read(name, range) {
          if (name === journalOf1 && range?.from === 100) {
            reached();
            await held;
          }
          return store.read(name, range);
        },
      },
    });
    const early = started.handle(sent[0]!);
    await atNextPage;
    // What it asks for stands on that page.
    const late = started.handle(sent[149]!);
    await new Promise((resolve) => setImmediate(resolve));
    release();
    expect(await early).toEqual(replay(first[0]!));
    expect(await late).toEqual(replay(first[149]!));
  });

  it('of the only writer is bounded too, and forgets nothing by that', async () => {
    const { handle, readings } = serverOn({ soleWriter: true, cachedRefusals: 2 * journalWeight });
    const sent = withdraw(12, { stream: 'a' });
    await handle(deposit(10, { stream: 'a' }));
    const first = await handle(sent);
    for (const name of ['b', 'c', 'd']) await handle(deposit(10, { stream: name }));
    const before = readings().length;
    expect(await handle(sent)).toEqual(replay(first));
    expect(readings().slice(before)).toEqual([
      { from: 0, to: 99 },
      { from: 0, to: 0 },
    ]);
  });

  it('is brought up to date by one reading for all who ask at the same time', async () => {
    const { handle, store } = serverOn();
    await handle(deposit(10));
    await handle(withdraw(12));
    const other = serverOn({ store });
    await Promise.all(Array.from({ length: 50 }, () => other.handle(deposit(1))));
    expect(other.readings().length).toBeLessThanOrEqual(2);
  });
});

describe('whatever happens at several servers at once', () => {
  it('no command has two answers, and each refusal that was answered is on record once', async () => {
    const attempt = fc.record({
      server: fc.nat(2),
      command: fc.nat(7),
      fault: fc.constantFrom('none', 'none', 'none', 'lost before', 'lost after', 'restart'),
      together: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(attempt, { minLength: 10, maxLength: 60 }), async (attempts) => {
        const store = inMemoryEventStore();
        await serverOn({ store }).handle(deposit(3));
        // Some can only be refused at first, some always, and the purse fills and empties meanwhile.
        const commands = [4, 2, 50, 6, 1]
          .map((amount) => withdraw(amount))
          .concat([2, 5, 1].map((amount) => deposit(amount)));
        const faults = new Map<number, string>();
        const start = (index: number) =>
          serverOn(
            { store },
            {
              async append(_, again) {
                const fault = faults.get(index);
                faults.delete(index);
                if (fault === 'lost after') await again();
                if (fault?.startsWith('lost')) throw new OutcomeUnknown(fault);
              },
              times: Infinity,
            },
          );
        const servers = [0, 1, 2].map(start);
        const answers: Outcome[][] = commands.map(() => []);
        let running: Promise<unknown>[] = [];
        for (const { server, command, fault, together } of attempts) {
          if (fault === 'restart') servers[server] = start(server);
          else if (fault !== 'none') faults.set(server, fault);
          running.push(
            servers[server]!.handle(commands[command]!).then(
              (outcome) => answers[command]!.push(outcome),
              (error: unknown) => expect(error).toBeInstanceOf(OutcomeUnknown),
            ),
          );
          if (together) continue;
          await Promise.all(running);
          running = [];
        }
        await Promise.all(running);

        const accepted = Map.groupBy(await store.read(stream), ({ metadata }) => metadata.commandId);
        const entries = await store.read(journalOf1);
        const refused = Map.groupBy(entries, ({ metadata }) => metadata.commandId);
        expectWholeChain(await store.read(stream));
        expectWholeChain(entries);
        for (const [index, { metadata }] of commands.entries()) {
          const told = answers[index]!.filter(
            (each) => !(each.outcome === 'refused' && each.rejection.code === 'ConcurrencyConflict'),
          );
          expect(accepted.get(metadata.commandId)?.length ?? 0).toBeLessThan(2);
          expect(refused.get(metadata.commandId)?.length ?? 0).toBeLessThan(2);
          for (const outcome of ['accepted', 'refused'])
            expect(
              new Set(told.filter((each) => each.outcome === outcome).map((each) => canonicalJson(replay(each)))).size,
            ).toBeLessThan(2);
          if (told.some(({ outcome }) => outcome === 'accepted')) expect(accepted.has(metadata.commandId)).toBe(true);
          if (told.some(({ outcome }) => outcome === 'refused')) expect(refused.has(metadata.commandId)).toBe(true);
          // From now on there is one answer, and the acceptance has won.
          const final = await serverOn({ store }).handle(commands[index]!);
          if (accepted.has(metadata.commandId)) expect(final.outcome).toBe('accepted');
          else if (refused.has(metadata.commandId)) expect(final).toMatchObject({ recorded: { replayed: true } });
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('a log in which the sides shared their ids', () => {
  const kinds = { buyer: ['person', 'program'], seller: ['owner'] } as const;
  const commands: readonly MessageOf<Commands>[] = [
    { type: 'Deposit', data: { amount: 2 } },
    { type: 'Withdraw', data: { amount: 50 } },
    { type: 'Withdraw', data: { amount: 4 } },
    { type: 'Deposit', data: { amount: 1 } },
  ];

  it('answers each side what it was answered, and no side is in the way of another, at any server', async () => {
    const attempt = fc.record({
      server: fc.nat(2),
      side: fc.constantFrom('buyer', 'seller'),
      kind: fc.nat(1),
      key: fc.nat(3),
      command: fc.nat(commands.length - 1),
      restart: fc.boolean(),
    });
    const attempts = fc.array(attempt, { minLength: 1, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(attempts, attempts, fc.boolean(), async (before, after, soleWriter) => {
        const store = inMemoryEventStore();
        await serverOn({ store }).handle(deposit(3));
        const start = () => serverOn({ store, soleWriter });
        let servers = [start(), start(), start()];
        // Only one of them writes where it takes itself for the only one.
        const serverFor = ({ server, restart }: (typeof after)[number]) => {
          if (restart) servers = servers.map(start);
          return servers[soleWriter ? 0 : server]!;
        };
        const sent = (
          { side, kind, command }: (typeof after)[number],
          ids: Pick<Request, 'formerId'> & { id: string },
        ) => {
          const { id, ...former } = ids;
          const { metadata, ...rest } = request(commands[command]!, former);
          const actor = { ...metadata.actor, kind: kinds[side][kind] ?? kinds[side][0] };
          return { ...rest, metadata: { ...metadata, actor, commandId: id } };
        };
        /** By id, what was answered first, whose it was, and the fingerprint that it was sent with. */
        const known = new Map<string, { readonly side: string; readonly hash: string; readonly answer: Outcome }>();
        const expectAnswer = (found: ReturnType<typeof known.get>, hash: string, answer: Outcome) => {
          if (!found) expect([answer.outcome, isReplay(answer)]).toEqual([expect.stringMatching(/^(acc|ref)/), false]);
          else if (found.hash !== hash) expect(answer.outcome).toBe('commandIdReused');
          else expect(answer).toEqual(replay(found.answer));
        };

        for (const each of before) {
          const id = `key ${each.key}`;
          const asked = sent(each, { id });
          const answer = await serverFor(each).handle(asked);
          const found = known.get(id);
          expectAnswer(found, asked.metadata.commandHash, answer);
          if (!found) known.set(id, { side: each.side, hash: asked.metadata.commandHash, answer });
        }
        for (const each of after) {
          const [id, commandId] = [`${each.side} ${each.key}`, `key ${each.key}`];
          const asked = sent(each, { id, formerId: { commandId, actorKinds: kinds[each.side] } });
          const answer = await serverFor(each).handle(asked);
          const formerly = known.get(commandId);
          const found = known.get(id) ?? (formerly?.side === each.side ? formerly : undefined);
          expectAnswer(found, asked.metadata.commandHash, answer);
          if (!found) known.set(id, { side: each.side, hash: asked.metadata.commandHash, answer });
        }
        const recorded = [...(await store.read(stream)).slice(1), ...(await store.read(journalOf1))];
        expect(recorded.map(({ metadata }) => metadata.commandId).toSorted()).toEqual([...known.keys()].toSorted());
      }),
      { numRuns: 150 },
    );
  });

  it('costs the journal no reading for an id that it does not hold, and one for an id of another side', async () => {
    const { handle, readings } = serverOn({ soleWriter: true });
    await handle(deposit(3));
    const squatting = withdraw(50);
    await handle(squatting);
    const before = readings().length;
    const { metadata } = squatting;
    const as = (kind: string, formerId: string) => ({
      metadata: { ...metadata, actor: { ...metadata.actor, kind }, commandId: `of ${kind} ${formerId}` },
      formerId: { commandId: formerId, actorKinds: [kind] },
    });

    expect(await handle(deposit(1, as('owner', 'nobody has sent it')))).toMatchObject({ outcome: 'accepted' });
    expect(readings().length).toBe(before);
    expect(await handle(deposit(1, as('owner', metadata.commandId)))).toMatchObject({ outcome: 'accepted' });
    expect(readings().length).toBe(before + 1);
  });
});

function isReplay(answer: Outcome): boolean {
  return canonicalJson(answer) === canonicalJson(replay(answer));
}

type Context = { readonly longReason?: number };
type Request = CommandRequest<Commands, Context> & {
  /** What its claim in other streams does. */
  readonly beforeAppend?: (revision: number) => Promise<void>;
};
const claimOf = ({ beforeAppend }: Request) =>
  beforeAppend && { facts: () => Promise.resolve({}), make: beforeAppend, conclude: () => Promise.resolve() };
type Outcome = CommandOutcome<Events>;
const summaryOf = () => undefined;

let requests = 0;

function request(command: MessageOf<Commands>, options: Partial<Request>): Request {
  requests++;
  return {
    stream,
    command,
    metadata: {
      actor: { id: 'ada', kind: 'person', roles: ['Owner'], tenant: 'contoso' },
      causationId: `cause ${requests}`,
      correlationId: `correlation ${requests}`,
      commandId: `command ${requests}`,
      commandHash: `hash of ${JSON.stringify(command)}`,
      policy: { name: 'thrift', hash: '0'.repeat(64) },
    },
    now,
    contextAt: () => ({}),
    instance: '/purses/1',
    ...options,
  };
}

const deposit = (amount: number, options: Partial<Request> = {}) =>
  request({ type: 'Deposit', data: { amount } }, options);
const withdraw = (amount: number, options: Partial<Request> = {}) =>
  request({ type: 'Withdraw', data: { amount } }, options);

/** The same answer, given once more. */
function replay(outcome: Outcome): Outcome {
  if (outcome.outcome === 'accepted') return { ...outcome, replayed: true };
  if (outcome.outcome !== 'refused' || !outcome.recorded) return outcome;
  return { ...outcome, recorded: { ...outcome.recorded, replayed: true } };
}

/** A server with memories of its own; what happens before one of its appends may hold it up, or make it fail. */
function serverOn(
  options: Partial<RefusalMemoryOptions<Entries> & { readonly attempts: number }> = {},
  before: {
    readonly append?: (stream: string, again: () => Promise<unknown>) => Promise<void>;
    /** How many appends it happens before. */
    readonly times?: number;
  } = {},
) {
  const store = options.store ?? inMemoryEventStore();
  const readings: { readonly from?: number; readonly to?: number }[] = [];
  let appends = 0;
  let left = before.times ?? Infinity;
  const watched: EventStore = {
    ...store,
    read(name, range) {
      if (name.startsWith('journal-')) readings.push(range ?? {});
      return store.read(name, range);
    },
    async append(...args) {
      appends++;
      if (left-- > 0) await before.append?.(args[0], () => store.append(...args));
      return store.append(...args);
    },
  };
  const { attempts, ...memory } = options;
  const { handle } = new CommandLoop({
    streams: new FoldedStreams({ store: watched, decider: purse, codec, summaryOf }),
    seal,
    claimOf,
    refusals: new RefusalMemory({ seal, journal, ...memory, store: watched }),
    ...(attempts === undefined ? {} : { attempts }),
  });
  return { handle, store, appends: () => appends, readings: () => readings };
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
