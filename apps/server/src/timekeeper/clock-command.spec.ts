import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { journalStream, relationshipStream, type Actor, type CommandName } from '#customer-relationship';
import { inMemoryEventStore } from '#event-sourcing';
import type { DueItem } from '#read-models';
import { admin, partner } from '../../../../bench/histories.js';
import { SendCommand, SendCommandHandler } from '../commands/send-command.js';
import { clockOf, ledgerOver } from '../testing-ledger.js';
import '../server.module.js';
import { clockCommand } from './clock-command.js';
import { keyOf } from './due-items.js';

const customerId = 'c0000000-0000-4000-8000-00000000000c';
const stream = relationshipStream(partner.tenantId, customerId);
const now = '2026-11-29T12:00:00.000Z';
const customer: Actor = { id: 'it-lead', kind: 'customerUser', roles: ['CustomerGlobalAdmin'], tenant: customerId };

const monthly = (subscriptionId: string) => ({
  subscriptionId,
  kind: 'newCommerce',
  offerId: 'CFQ7TTC0LH18:0001',
  name: 'Business Basic',
  quantity: 5,
  termDuration: 'P1M',
  billingCycle: 'monthly',
  provisioned: true,
  autoRenew: true,
  effectiveAt: '2026-08-10T00:00:00.000Z',
});
const due: DueItem = {
  partnerId: partner.tenantId,
  customerId,
  noun: 'subscription',
  id: 'sub-1',
  command: 'RenewSubscription',
  dueAt: '2026-09-10T00:00:00.000Z',
};

interface Server {
  readonly keep: (item: DueItem, time?: string) => Promise<{ readonly outcome: string }>;
  readonly ask: (
    type: CommandName,
    data: object,
    options?: { readonly actor?: Actor; readonly key?: string; readonly ids?: object },
  ) => Promise<unknown>;
}

/** Two servers over one log, each with a person's door and a timekeeper's. */
async function servers() {
  const store = inMemoryEventStore();
  const server = (): Server => {
    const ledger = { ...ledgerOver(store, 'a database'), clock: clockOf(() => now) };
    const handler = new SendCommandHandler(ledger);
    return {
      keep: (item: DueItem, time = now) => ledger.relationships.handle(clockCommand(item, ledger, time)),
      async ask(type, data, { actor = admin, key = randomUUID(), ids = {} } = {}) {
        const incoming = {
          route: {},
          command: type,
          requester: { actor, partner, customerId, stream },
          ids,
          key,
          dryRun: false,
          instance: '/',
          call: { correlationId: randomUUID() },
        };
        return handler.execute(new SendCommand(incoming as never, data));
      },
    };
  };
  const [here, there] = [server(), server()];
  await here.ask('RequestResellerRelationship', { customer: { name: 'Adatum' }, market: partner.market });
  await here.ask('AcceptResellerRelationship', {}, { actor: customer });
  await here.ask('ConfirmCustomerAgreement', {});
  await here.ask('PurchaseSubscription', monthly('sub-1'));
  const renewals = async () => (await store.read(stream)).filter(({ type }) => type === 'SubscriptionRenewed');
  return { store, here, there, renewals };
}

describe("a clock's command of the timekeeper", () => {
  it('appends everything that is due for its item, as the ledger itself, dated to the boundaries', async () => {
    const { here, renewals } = await servers();
    expect(await here.keep(due)).toMatchObject({ outcome: 'accepted', replayed: false });
    const events = await renewals();
    expect(events.map(({ data }) => (data as { renewedAt: string }).renewedAt)).toEqual([
      '2026-09-10T00:00:00.000Z',
      '2026-10-10T00:00:00.000Z',
      '2026-11-10T00:00:00.000Z',
    ]);
    for (const { metadata } of events) {
      expect(metadata).toMatchObject({ command: 'RenewSubscription', recordedAt: now });
      expect(metadata.actor).toEqual({ id: 'timekeeper', kind: 'system', roles: [], tenant: partner.tenantId });
    }
  });

  it('counts once, whichever server sends it, at once, later, and beside a person', async () => {
    const { here, there, renewals } = await servers();
    const outcomes = await Promise.all([
      here.keep(due),
      there.keep(due),
      here.ask('RenewSubscription', {}, { ids: { subscriptionId: 'sub-1' } }).catch((error: unknown) => error),
      there.keep(due),
    ]);
    expect(outcomes).toHaveLength(4);
    expect(await renewals()).toHaveLength(3);
    for (const server of [here, there]) await server.keep(due, '2026-11-29T13:00:00.000Z');
    expect(await renewals()).toHaveLength(3);
  });

  it('that has nothing to record is refused, and leaves no trace', async () => {
    const { store, here, renewals } = await servers();
    await here.ask('RenewSubscription', {}, { ids: { subscriptionId: 'sub-1' } });
    const head = await store.head();
    const refused = [
      [due, 'NotDue'],
      [{ ...due, command: 'AdvanceSubscriptionRetention' as const }, 'NotDue'],
      [{ ...due, id: 'gone' }, 'ItemNotFound'],
    ] as const;
    for (const [item, code] of refused)
      expect(await here.keep(item)).toMatchObject({ outcome: 'refused', rejection: { code } });
    expect([await store.head(), await store.read(journalStream(partner.tenantId, customerId))]).toEqual([head, []]);
    // It is decided again when it is due.
    expect(await here.keep(due, '2027-01-01T00:00:00.000Z')).toMatchObject({ outcome: 'accepted' });
    expect(await renewals()).toHaveLength(4);
  });

  it('has an id that no caller can take, whatever its key', async () => {
    const { here, there, renewals } = await servers();
    const key = `clock/${due.id}/${due.command}/${due.dueAt}`;
    for (const taken of [key, keyOf(due), `system/${keyOf(due)}`])
      await here.ask('UpdateCustomerProfile', { name: taken }, { key: taken });
    expect(await there.keep(due)).toMatchObject({ outcome: 'accepted', replayed: false });
    expect(await renewals()).toHaveLength(3);
  });
});
