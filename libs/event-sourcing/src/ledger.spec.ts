import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  adoptLedgerSecret,
  AnotherLedgerSecret,
  expectedHash,
  idOf,
  inMemoryEventStore,
  LogDamaged,
  openLedger,
  readLedger,
  secretFingerprint,
  type EventStore,
  type SealedEvent,
} from './index.js';
import { seal } from './testing-events.js';

describe('a ledger', () => {
  it('gets its identity when it is first opened, and keeps it', async () => {
    const store = inMemoryEventStore();

    const { ledgerId } = await openLedger(store, seal);

    expect(ledgerId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(await openLedger(store, seal)).toEqual({ ledgerId });
    expect(await store.head()).toBe(1);
  });

  it('has one identity, however many open it at once', async () => {
    const store = inMemoryEventStore();

    const opened = await Promise.all(Array.from({ length: 5 }, () => openLedger(store, seal)));

    expect(new Set(opened.map(({ ledgerId }) => ledgerId)).size).toBe(1);
    expect(await store.read('ledger')).toHaveLength(1);
  });

  it('is opened by an event that is sealed like every other', async () => {
    const store = inMemoryEventStore();
    const { ledgerId } = await openLedger(store, seal, '2026-11-22T16:00:00.000Z');

    const [event] = await store.read('ledger');

    expect(event).toMatchObject({
      type: 'LedgerOpened',
      data: { ledgerId, openedAt: '2026-11-22T16:00:00.000Z' },
      revision: 0,
    });
    expect(event!.metadata.hash).toBe(expectedHash(event!));
    expect(event!.id).toBe(idOf(event!.metadata.hash));
  });

  it('has none before it is opened, and is not given one by reading', async () => {
    const store = inMemoryEventStore();

    expect(await readLedger(store)).toBeUndefined();
    expect(await store.head()).toBe(0);
  });

  it('is not taken from a stream that starts with something else', async () => {
    const named = inMemoryEventStore();
    await openLedger(named, seal);
    const renamed: EventStore = {
      ...named,
      read: async (stream, range) =>
        (await named.read(stream, range)).map((event) => ({ ...event, type: 'SomethingElse' })),
    };

    for (const attempt of [openLedger(renamed, seal), readLedger(renamed)]) {
      await expect(attempt).rejects.toThrow(LogDamaged);
      await expect(attempt).rejects.toThrow(/SomethingElse.*LEDGER_STREAM_PREFIX/);
    }
    expect(await named.head()).toBe(1);
  });
});

describe('the secret of a ledger', () => {
  const [secret, other] = ['5a', 'a5'].map((byte) => createSecretKey(byte.repeat(32), 'hex')) as [never, never];
  const now = '2026-11-22T16:00:00.000Z';

  it('is adopted with the ledger in one append, and known by its fingerprint', async () => {
    const store = inMemoryEventStore();

    const opened = await openLedger(store, seal, now, secret);

    const events = await store.read('ledger');
    expect(events.map(({ type }) => type)).toEqual(['LedgerOpened', 'LedgerSecretAdopted']);
    expect(events[1]!.data).toEqual({ fingerprint: secretFingerprint(secret, opened.ledgerId), adoptedAt: now });
    expect(events[1]!.metadata.commandId).toBe(events[0]!.metadata.commandId);
    expect(await readLedger(store)).toEqual(opened);
    expect(await openLedger(store, seal, now, secret)).toEqual(opened);
    expect(await store.head()).toBe(2);
  });

  it('is adopted by the first server that brings one, and then no other is taken', async () => {
    const store = inMemoryEventStore();
    const { ledgerId } = await openLedger(store, seal, now);

    // All of them read the log before any of them writes to it.
    let readers = 0;
    const together = Promise.withResolvers<void>();
    const racing: EventStore = {
      ...store,
      async read(stream, range) {
        const events = await store.read(stream, range);
        if (++readers === 3) together.resolve();
        await together.promise;
        return events;
      },
    };
    const outcomes = await Promise.allSettled(
      [secret, other, secret].map((each) => openLedger(racing, seal, now, each)),
    );

    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((outcomes[1] as PromiseRejectedResult).reason).toBeInstanceOf(AnotherLedgerSecret);
    expect(await store.read('ledger')).toHaveLength(2);
    expect((await readLedger(store))!.secretFingerprint).toBe(secretFingerprint(secret, ledgerId));
    // Who brings none is not asked for it.
    expect((await openLedger(store, seal, now)).ledgerId).toBe(ledgerId);
  });

  it('gives way to another when an operator says so, once', async () => {
    const store = inMemoryEventStore();
    await openLedger(store, seal, now, secret);

    expect(await adoptLedgerSecret(store, seal, other, now)).toBe('adopted');
    expect(await adoptLedgerSecret(store, seal, other, now)).toBe('adoptedBefore');

    await expect(openLedger(store, seal, now, secret)).rejects.toThrow(AnotherLedgerSecret);
    expect(await openLedger(store, seal, now, other)).toEqual(await readLedger(store));
    const events = await store.read('ledger');
    expect(events).toHaveLength(3);
    for (const event of events) expect(event.metadata.hash).toBe(expectedHash(event));
    expect(events.map(({ metadata }) => metadata.previousHash).slice(1)).toEqual(
      events.map(({ metadata }) => metadata.hash).slice(0, -1),
    );
  });

  it('is not taken from an event that does not name one', async () => {
    const store = inMemoryEventStore();
    await openLedger(store, seal, now, secret);
    const emptied: EventStore = {
      ...store,
      read: async (stream, range) =>
        (await store.read(stream, range)).map((event) => (event.revision === 1 ? { ...event, data: {} } : event)),
    };
    await expect(openLedger(emptied, seal, now, secret)).rejects.toThrow(LogDamaged);
  });

  it('is not shown by its fingerprint, which is another in another ledger', () => {
    const [a, b] = ['a', 'b'].map((id) => secretFingerprint(secret, id));
    expect(a).toMatch(/^[0-9a-f]{64}$/);
    expect(a).not.toBe(b);
    expect(a).not.toContain('5a5a');
  });

  it('needs a ledger that could adopt it', async () => {
    const store = inMemoryEventStore();
    await expect(adoptLedgerSecret(store, seal, secret)).rejects.toThrow('no ledger yet');
    expect(await store.head()).toBe(0);
  });

  it('is never recorded as earlier than what is in the stream', async () => {
    const store = inMemoryEventStore();
    await openLedger(store, seal, now, secret);
    await adoptLedgerSecret(store, seal, other, '2026-11-22T15:00:00.000Z');
    expect((await store.read('ledger')).at(-1)!.metadata.recordedAt).toBe(now);
  });
});

/** As production wrote them, never to be edited: what is in the log can be read for ever. */
const examples: readonly SealedEvent[] = [
  {
    id: 'df867431-a334-82b5-a8f3-2b4ac44243e3',
    type: 'LedgerOpened',
    data: {
      ledgerId: '8ee3ee0d-942c-49ba-b3b5-63d8d575b465',
      openedAt: '2026-11-22T16:00:00.000Z',
    },
    metadata: {
      actor: {
        id: 'ledger',
        kind: 'system',
        roles: [],
        tenant: '',
      },
      causationId: '3dc7b23d-25f2-436b-b4a0-24fcc7156dd4',
      commandHash: '',
      commandId: '3dc7b23d-25f2-436b-b4a0-24fcc7156dd4',
      correlationId: '3dc7b23d-25f2-436b-b4a0-24fcc7156dd4',
      policy: {
        name: 'none',
        hash: '0000000000000000000000000000000000000000000000000000000000000000',
      },
      recordedAt: '2026-11-22T16:00:00.000Z',
      schema: 1,
      previousHash: '0000000000000000000000000000000000000000000000000000000000000000',
      hash: 'df867431a33472b5a8f32b4ac44243e36504e66022da471ebeb3b01c3ed183cb',
    },
  },
  {
    id: 'd1d04382-69be-8e79-9b40-0bbb71ee8559',
    type: 'LedgerSecretAdopted',
    data: {
      fingerprint: '2b367188ed6aad1f8aa09d10c3efa4c618a6a630f623252b49d33dfcbecd88c9',
      adoptedAt: '2026-11-22T16:00:00.000Z',
    },
    metadata: {
      actor: {
        id: 'ledger',
        kind: 'system',
        roles: [],
        tenant: '',
      },
      causationId: '3dc7b23d-25f2-436b-b4a0-24fcc7156dd4',
      commandHash: '',
      commandId: '3dc7b23d-25f2-436b-b4a0-24fcc7156dd4',
      correlationId: '3dc7b23d-25f2-436b-b4a0-24fcc7156dd4',
      policy: {
        name: 'none',
        hash: '0000000000000000000000000000000000000000000000000000000000000000',
      },
      recordedAt: '2026-11-22T16:00:00.000Z',
      schema: 1,
      previousHash: 'df867431a33472b5a8f32b4ac44243e36504e66022da471ebeb3b01c3ed183cb',
      hash: 'd1d0438269be2e795b400bbb71ee8559dda7d4e96ea36c945705ae3367f7eb31',
    },
  },
];

describe('the examples of events of a ledger', () => {
  it('are read, with the hash and the id that they ask for', async () => {
    const store = inMemoryEventStore();
    await store.append('ledger', examples, -1);

    const events = await store.read('ledger');
    for (const event of events) {
      expect(expectedHash(event)).toBe(event.metadata.hash);
      expect(idOf(event.metadata.hash)).toBe(event.id);
    }
    expect(await readLedger(store)).toEqual({
      ledgerId: events[0]!.data!['ledgerId' as never],
      secretFingerprint: events[1]!.data!['fingerprint' as never],
    });
    expect(await openLedger(store, seal, undefined, createSecretKey('5a'.repeat(32), 'hex'))).toBeDefined();
  });
});
