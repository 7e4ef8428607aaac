import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { pairOf, journaledPairOf } from '#customer-relationship';
import {
  chainFaults,
  expectedHash,
  idOf,
  inMemoryEventStore,
  noPreviousHash,
  RevisionConflict,
  StoreUnavailable,
  UnreadableEvent,
  type EventStore,
  type RecordedEvent,
} from '#event-sourcing';
import { sealOfRelease } from '../event-check.js';
import { securityJournal } from './security-journal.js';
import { securityJournalCodec, securityJournalStream } from './security-journal-events.js';

/** One event of each name as production wrote it. Never edit them: they prove that every stored event stays readable. */
const examples = JSON.parse(
  readFileSync(new URL('./security-journal-examples.json', import.meta.url), 'utf8'),
) as readonly RecordedEvent[];

const denial = (actorId: string) => ({
  ...{ code: 'RoleNotAllowed', method: 'GET', route: '/v1/customers' },
  ...{ tenant: 'partner', actorId },
});
const silent = { onDropped: () => undefined };

function faultsOf(events: readonly RecordedEvent[]) {
  return events.flatMap((event, index) => chainFaults(event, events[index - 1]?.metadata.hash ?? noPreviousHash));
}

describe('the security journal', () => {
  it('is chained and sealed, and no view or history takes it for a relationship', async () => {
    const store = inMemoryEventStore();
    const journal = securityJournal({
      seal: sealOfRelease,
      isPartner: (tenant) => tenant === 'partner',
      store: () => store,
      ...silent,
    });
    journal.deny(denial('a'));
    journal.deny(denial('b'));
    journal.deny(denial('b'));
    await journal.close();
    const events = await store.read(securityJournalStream);
    expect(events.map(({ data }) => data)).toMatchObject([
      { actorId: 'a', count: 1 },
      { actorId: 'b', count: 1 },
      { actorId: 'b', count: 1 },
    ]);
    expect(faultsOf(events)).toEqual([]);
    expect([pairOf(securityJournalStream), journaledPairOf(securityJournalStream)]).toEqual([undefined, undefined]);
  });

  it('is shared by all servers', async () => {
    const store = inMemoryEventStore();
    const journals = Array.from({ length: 4 }, () =>
      securityJournal({
        seal: sealOfRelease,
        isPartner: (tenant) => tenant === 'partner',
        store: () => store,
        ...silent,
      }),
    );
    for (let round = 0; round < 5; round++) {
      for (const [index, journal] of journals.entries()) journal.deny(denial(`server-${index}-round-${round}`));
      await sleep(5);
    }
    await Promise.all(journals.map(({ close }) => close()));
    const events = await store.read(securityJournalStream);
    expect(events).toHaveLength(20);
    expect(faultsOf(events)).toEqual([]);
    expect(journals.map(({ dropped }) => dropped())).toEqual([0, 0, 0, 0]);
  });

  it('never goes back in time', async () => {
    const store = inMemoryEventStore();
    const times = ['2026-03-01T12:00:00.000Z', '2026-03-01T11:00:00.000Z'];
    for (const time of times) {
      const journal = securityJournal({
        seal: sealOfRelease,
        isPartner: (tenant) => tenant === 'partner',
        store: () => store,
        now: () => Date.parse(time),
        ...silent,
      });
      journal.deny(denial(time));
      await journal.close();
    }
    expect((await store.read(securityJournalStream)).map(({ metadata }) => metadata.recordedAt)).toEqual([
      times[0],
      times[0],
    ]);
  });

  it('affects no answer when the store is away: it drops and reports what it cannot write, and goes on', async () => {
    const store = inMemoryEventStore();
    let away = true;
    const flaky: EventStore = {
      ...store,
      append: (...args) => (away ? Promise.reject(new StoreUnavailable('away')) : store.append(...args)),
    };
    const lost: unknown[] = [];
    const journal = securityJournal({
      seal: sealOfRelease,
      isPartner: (tenant) => tenant === 'partner',
      store: () => flaky,
      onDropped: (error, events) => lost.push(error, events),
    });
    journal.deny(denial('lost'));
    await sleep(10);
    expect(lost).toEqual([new StoreUnavailable('away'), 1]);
    expect(journal.dropped()).toBe(1);
    away = false;
    journal.deny(denial('kept'));
    await journal.close();
    expect((await store.read(securityJournalStream)).map(({ data }) => data)).toMatchObject([{ actorId: 'kept' }]);
  });

  it('loses only an event that cannot be sealed, not those written with it', async () => {
    const store = inMemoryEventStore();
    const lost: unknown[] = [];
    const journal = securityJournal({
      seal: sealOfRelease,
      isPartner: (tenant) => tenant === 'partner',
      store: () => store,
      onDropped: (error, events) => lost.push(error, events),
    });
    for (const actor of ['first', '\ud800', 'kept']) journal.deny(denial(actor));
    await journal.close();
    expect(lost).toEqual([expect.any(TypeError), 1]);
    expect((await store.read(securityJournalStream)).map(({ data }) => data)).toMatchObject([
      { actorId: 'first' },
      { actorId: 'kept' },
    ]);
  });

  it('keeps little in memory for a store that does not answer, and does not delay the shutdown', async () => {
    const stuck = { ...inMemoryEventStore(), append: () => new Promise<never>(() => undefined) };
    let hour = 0;
    const journal = securityJournal({
      seal: sealOfRelease,
      isPartner: (tenant) => tenant === 'partner',
      store: () => stuck,
      now: () => hour * 3_600_000,
      ...silent,
    });
    for (hour = 1; hour < 10; hour++)
      for (let user = 0; user < 50; user++) journal.deny(denial(`user-${hour}-${user}`));
    // One is under way, and 200 wait for it.
    expect(journal.dropped()).toBe(450 - 201);
    await journal.close();
  });

  it('gives up when other servers always append first, and reports it', async () => {
    const busy: EventStore = {
      ...inMemoryEventStore(),
      append: (stream, _, revision) => Promise.reject(new RevisionConflict(stream, revision, revision + 1)),
    };
    const lost: unknown[] = [];
    const journal = securityJournal({
      seal: sealOfRelease,
      isPartner: (tenant) => tenant === 'partner',
      store: () => busy,
      onDropped: (error) => lost.push(error),
    });
    journal.deny(denial('a'));
    await journal.close();
    expect(lost).toEqual([expect.any(RevisionConflict)]);
  });
});

describe('the examples of its events', () => {
  it('are one for each schema of each event of the catalogue', () => {
    expect(examples.map(({ type, metadata }) => `${type}@${metadata.schema}`)).toEqual([
      'AccessDenied@1',
      'AccessDenialsOmitted@1',
      'AccessDenialsOmitted@2',
    ]);
  });

  it.each(examples.map((example) => [example.type, example] as const))(
    '%s is read, and has the hash and id it asks for',
    (type, example) => {
      expect(securityJournalCodec.decode(example)).toEqual({ type, data: example.data });
      expect(expectedHash(example)).toBe(example.metadata.hash);
      expect(idOf(example.metadata.hash)).toBe(example.id);
      expect(example.stream).toBe(securityJournalStream);
    },
  );

  it('are refused loudly when this release does not know their name or their schema', () => {
    const [example] = examples as readonly [RecordedEvent];
    expect(() => securityJournalCodec.decode({ ...example, type: 'AccessGranted' })).toThrow(UnreadableEvent);
    expect(() => securityJournalCodec.decode({ ...example, metadata: { ...example.metadata, schema: 2 } })).toThrow(
      UnreadableEvent,
    );
  });
});
