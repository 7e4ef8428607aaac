import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { defaultPolicy, relationshipStream } from '#customer-relationship';
import type { EventStore, RecordedEvent } from '#event-sourcing';
import { openKurrentdbEventStore } from '#event-store-kurrentdb';
import { openSqliteEventStore } from '#event-store-sqlite';
import { startTestPeer } from '../test-peer/index.js';
import { AgedLedger, daysAfter, partner, type Command } from './aged-ledger.js';
import { established } from './life.js';
import { differencesOfReads } from './sameness.js';

// T1, size: what comes before a command and is too much for one append is appended beforehand, in parts.

const customerId = 'c0be0000-0000-4000-8000-000000000001';
const stream = relationshipStream(partner.tenantId, customerId);
const start = '2026-01-31T09:30:00.000Z';
const addOns = defaultPolicy.limits.addOnsPerBase;
const threeYearsLater = daysAfter(start, 3 * 365 + 20);
const suspend: Command = { type: 'SuspendSubscription', data: { subscriptionId: 'base', reason: 'nonPayment' } };

class Crash extends Error {}

/** The store of a server that ends when it would make its append number `lastsFor`, counted from 0. */
function watched(store: EventStore, lastsFor = Infinity) {
  const appends: string[][] = [];
  const watching: EventStore = {
    ...store,
    append: (name, events, revision) => {
      if (name !== stream) return store.append(name, events, revision);
      if (appends.length === lastsFor) return Promise.reject(new Crash());
      appends.push(events.map(({ type }) => type));
      return store.append(name, events, revision);
    },
  };
  return { appends, store: watching };
}

/** A legacy base with as many add-ons as it may have, all renewed every month. */
async function legacyBase(store: EventStore): Promise<void> {
  await using ledger = await AgedLedger.open(defaultPolicy, store);
  const accept = async (command: Command) =>
    expect(await ledger.send(customerId, start, command)).toHaveProperty('accepted');
  for (const { command } of established('Fabrikam')) await accept(command);
  for (let index = 0; index <= addOns; index++)
    await accept({
      type: 'PurchaseSubscription',
      data: {
        ...(index === 0
          ? { subscriptionId: 'base' }
          : { subscriptionId: `add-on-${index}`, baseSubscriptionId: 'base' }),
        kind: 'legacy',
        offerId: 'offer-1',
        name: 'Office 365',
        quantity: 1,
        termDuration: 'P1M',
        autoRenew: true,
        provisioned: true,
      },
    });
}

const places: readonly (readonly [name: string, open: () => Promise<{ store: EventStore; end: () => unknown }>])[] = [
  [
    'KurrentDB (the test peer)',
    async () => {
      const peer = await startTestPeer();
      const { connectionString } = peer;
      return {
        store: openKurrentdbEventStore({ connectionString, allowInsecure: true, streamPrefix: `${randomUUID()}.` }),
        end: () => peer.close(),
      };
    },
  ],
  [
    'SQLite',
    async () => {
      const directory = mkdtempSync(join(tmpdir(), 'size-'));
      return {
        store: openSqliteEventStore({ path: join(directory, 'events.sqlite') }),
        end: () => rmSync(directory, { recursive: true }),
      };
    },
  ],
];

describe.each(places)('a legacy base with all add-ons three years overdue, over %s', (_, open) => {
  it('is suspended in appends of at most 500 events, also over a crash, with one answer', async () => {
    const { store, end } = await open();
    await legacyBase(store);
    const before = await readAll(store);
    const commandId = randomUUID();

    // The server ends between two appends.
    const dying = watched(store, 4);
    await using first = await AgedLedger.open(defaultPolicy, dying.store);
    const wanted = await first.reads(customerId, threeYearsLater);
    await expect(first.handle(customerId, threeYearsLater, suspend, { commandId })).rejects.toThrow(Crash);
    expect(dying.appends.map(({ length }) => length)).toEqual([500, 500, 500, 500]);

    // What it has left is true, and not the command.
    const left = (await readAll(store)).slice(before.length);
    expect(new Set(left.map(({ type }) => type))).toEqual(new Set(['SubscriptionRenewed']));
    expect(left.map(boundaryOf)).toEqual(left.map(boundaryOf).toSorted());
    expect(left.filter(({ metadata }) => metadata.commandId === commandId)).toEqual([]);
    const going = watched(store);
    await using second = await AgedLedger.open(defaultPolicy, going.store);
    expect(differencesOfReads('after the crash', wanted, await second.reads(customerId, threeYearsLater))).toEqual([]);

    // A retry decides it once.
    const later = daysAfter(threeYearsLater, 0, 60_000);
    const answer = await second.handle(customerId, later, suspend, { commandId });
    expect(answer).toMatchObject({ outcome: 'accepted', replayed: false });
    for (const { length } of going.appends) expect(length).toBeLessThanOrEqual(500);
    const all = (await readAll(store)).slice(before.length);
    expect(all.filter(({ type }) => type === 'SubscriptionSuspended')).toHaveLength(1 + addOns);
    expect(all.filter(({ type }) => type === 'SubscriptionRenewed')).toHaveLength(36 * (1 + addOns));
    await using third = await AgedLedger.open(defaultPolicy, store);
    for (const ledger of [second, third])
      expect(await ledger.handle(customerId, later, suspend, { commandId })).toEqual({ ...answer, replayed: true });
    expect(await readAll(store)).toHaveLength(before.length + all.length);

    await store.close();
    await end();
  });
});

const readAll = (store: EventStore) => store.read(stream);

function boundaryOf({ data }: RecordedEvent): string {
  return (data as { readonly renewedAt: string }).renewedAt;
}
