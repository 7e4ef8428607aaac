import { describe, expect, it } from '@jest/globals';
import { expectedHash, idOf, inMemoryEventStore, openLedger, readLedger, type EventStore } from './index.js';

describe('a ledger', () => {
  it('gets its identity when it is first opened, and keeps it', async () => {
    const store = inMemoryEventStore();

    const { ledgerId } = await openLedger(store);

    expect(ledgerId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(await openLedger(store)).toEqual({ ledgerId });
    expect(await store.head()).toBe(1);
  });

  it('has one identity, however many open it at once', async () => {
    const store = inMemoryEventStore();

    const opened = await Promise.all(Array.from({ length: 5 }, () => openLedger(store)));

    expect(new Set(opened.map(({ ledgerId }) => ledgerId)).size).toBe(1);
    expect(await store.read('ledger')).toHaveLength(1);
  });

  it('is opened by an event that is sealed like every other', async () => {
    const store = inMemoryEventStore();
    const { ledgerId } = await openLedger(store, '2026-11-22T16:00:00.000Z');

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
    await openLedger(named);
    const renamed: EventStore = {
      ...named,
      read: async (stream, range) =>
        (await named.read(stream, range)).map((event) => ({ ...event, type: 'SomethingElse' })),
    };

    await expect(openLedger(renamed)).rejects.toThrow('SomethingElse');
  });
});
