import { describe, expect, it } from '@jest/globals';
import { defaultPolicy, relationshipStream } from '#customer-relationship';
import { inMemoryEventStore } from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import { AgedLedger, daysAfter, partner, type Command, type Row } from './aged-ledger.js';
import { established, on } from './life.js';

// What goes on past its end by date alone, as callers see it: a grant with auto-extend, and software that was recorded before
// renewals were.

const customerId = 'c0be0000-0000-4000-8000-000000000003';
const customer = `/v1/customers/${customerId}`;
const start = '2026-02-10T08:00:00.000Z';
const at = (day: number, ms = 0) => daysAfter(start, day, ms);

async function establish(ledger: AgedLedger, ...more: readonly Command[]): Promise<void> {
  for (const [index, command] of [...established('Fabrikam').map((each) => each.command), ...more].entries())
    expect(await ledger.send(customerId, at(0, index), command)).toHaveProperty('accepted');
}
const rowOf = (rows: readonly Row[] | undefined, id: string) =>
  rows?.find(({ grantId, itemId }) => grantId === id || itemId === id);
const readiness = (ledger: AgedLedger, when: string) =>
  ledger.get(`${customer}/reseller-relationship/removal-readiness`, when);

describe('a grant with auto-extend (G6a)', () => {
  const role = 'f2ef992c-3afb-46b9-b7cf-a126ee74c451';
  const approvedAt = at(0, 5);
  const firstEnd = daysAfter(approvedAt, 30);
  const secondEnd = daysAfter(approvedAt, 210);
  const request = { grantId: 'g', name: 'Helpdesk', roles: [role], durationDays: 30, autoExtendDays: 180 };
  const begin = (ledger: AgedLedger) =>
    establish(
      ledger,
      on(0, 'RequestDelegatedAdmin', request).command,
      on(0, 'LockDelegatedAdminForApproval', { grantId: 'g' }).command,
      on(0, 'ApproveDelegatedAdmin', { grantId: 'g' }).command,
    );
  const extend = on(0, 'ExtendDelegatedAdmin', { grantId: 'g' }).command;

  it('is in use past its end; its row is marked until that is recorded, and a removal revokes it', async () => {
    await using ledger = await AgedLedger.open();
    await begin(ledger);
    const early = await ledger.send(customerId, at(29), extend);
    expect(early).toEqual({ refused: 'NotDue', details: { dueAt: daysAfter(firstEnd, 0, 1) } });

    const overdue = at(31);
    const row = async () => rowOf((await ledger.lists(overdue)).get('/v1/delegated-admin-grants'), 'g');
    expect(await ledger.get(`${customer}/delegated-admin/g`, overdue)).toMatchObject({
      status: 'active',
      endsAt: secondEnd,
    });
    expect(await row()).toMatchObject({ status: 'active', endsAt: firstEnd, overdueSince: firstEnd });
    expect(await readiness(ledger, overdue)).toMatchObject({ willEnd: { delegatedAdminGrants: ['g'] } });

    const assign = on(0, 'AssignAccess', { grantId: 'g', assignmentId: 'a', groupId: role, roles: [role] }).command;
    expect(await ledger.send(customerId, overdue, assign)).toMatchObject({
      accepted: [{ type: 'AccessAssignmentCreated' }],
    });
    expect(await row()).toMatchObject({ status: 'active', endsAt: secondEnd, overdueSince: null });

    const removed = await ledger.send(customerId, at(400), on(0, 'RemoveResellerRelationship', {}).command);
    expect(removed).toMatchObject({
      accepted: [{ type: 'ResellerRelationshipRemoved' }, { type: 'DelegatedAdminPrivilegesRevoked' }],
    });
    expect(await ledger.get(`${customer}/delegated-admin/g`, at(401))).toMatchObject({ status: 'revoked' });
  });

  it('ends with the period in which auto-extend was switched off, also where that is reported late (T1a)', async () => {
    await using ledger = await AgedLedger.open();
    await begin(ledger);
    const off = { grantId: 'g', autoExtendDays: 0, effectiveAt: secondEnd };
    expect(await ledger.send(customerId, at(400), on(0, 'UpdateDelegatedAdminRequest', off).command)).toMatchObject({
      accepted: [{ type: 'DelegatedAdminUpdated', data: { updatedAt: secondEnd } }],
    });
    expect(await ledger.get(`${customer}/delegated-admin/g`, at(400))).toMatchObject({
      status: 'expired',
      endsAt: secondEnd,
    });
    const history = await ledger.store.read(relationshipStream(partner.tenantId, customerId));
    expect(history.slice(-3).map(({ type }) => type)).toEqual([
      'DelegatedAdminExtended',
      'DelegatedAdminUpdated',
      'DelegatedAdminExpired',
    ]);
  });
});

describe('a software subscription that was recorded before renewals were (V7a)', () => {
  const endsAt = at(365);
  /** As a release before this one has written it: schema 1 of the event. */
  async function begin() {
    const store = inMemoryEventStore();
    {
      await using ledger = await AgedLedger.open(defaultPolicy, store);
      await establish(ledger);
    }
    const stream = relationshipStream(partner.tenantId, customerId);
    const last = (await store.read(stream)).at(-1)!;
    const { hash, previousHash: _, ...metadata } = last.metadata;
    const data = {
      purchaseId: 'sw',
      kind: 'subscription',
      publisher: 'microsoft',
      name: 'Windows Server',
      lineItems: [{ lineItemId: 'line-1', name: 'Windows Server', quantity: 1 }],
      boughtBy: 'partner',
      cancellationAllowedUntil: at(7),
      purchasedAt: at(0),
      termDuration: 'P1Y',
      expiresAt: endsAt,
    };
    const bought = { type: 'SoftwarePurchased', data, metadata: { ...metadata, commandId: 'of-then', schema: 1 } };
    await store.append(stream, seal(stream, last.revision + 1, hash, [bought]), last.revision);
    return AgedLedger.open(defaultPolicy, store);
  }
  const warning = { kind: 'softwareMayHaveRenewed', itemId: 'sw', displayName: 'Windows Server' };

  it('ends with its term, and readiness says that it may have renewed', async () => {
    await using ledger = await begin();
    expect((await readiness(ledger, endsAt))['warnings']).not.toContainEqual(warning);
    expect(await readiness(ledger, at(366))).toMatchObject({ removable: true });
    expect((await readiness(ledger, at(366)))['warnings']).toContainEqual(warning);
    expect(await ledger.get(`${customer}/software/sw`, at(366))).toMatchObject({ status: 'expired', autoRenew: false });
    await ledger.keepTime(customerId, at(366));
    expect((await readiness(ledger, at(800)))['warnings']).toContainEqual(warning);
  });

  it('has renewed once somebody says so before its end is on record', async () => {
    await using ledger = await begin();
    const say = on(0, 'SetSoftwareAutoRenew', { purchaseId: 'sw', autoRenew: true, effectiveAt: endsAt }).command;
    expect(await ledger.send(customerId, at(400), say)).toMatchObject({
      accepted: [{ type: 'SoftwareAutoRenewEnabled', data: { enabledAt: endsAt } }],
    });
    expect(await ledger.get(`${customer}/software/sw`, at(400))).toMatchObject({
      status: 'completed',
      autoRenew: true,
      expiresAt: at(730),
    });
    expect(rowOf((await ledger.lists(at(400))).get('/v1/items'), 'sw')).toMatchObject({
      status: 'completed',
      autoRenew: true,
      endsAt: at(730),
      overdueSince: null,
    });
    expect(await readiness(ledger, at(400))).toMatchObject({
      blockers: [{ itemId: 'sw', remedy: 'switchOffAutoRenewAndWait', earliestClearableAt: daysAfter(at(730), 0, 1) }],
    });
    expect((await readiness(ledger, at(400)))['warnings']).not.toContainEqual(warning);
  });
});

describe('a subscription that was suspended at the end of its term (S15)', () => {
  it('is disabled for two periods; past the first its row says not until when, under any filter', async () => {
    await using ledger = await AgedLedger.open();
    const seats = { kind: 'newCommerce', offerId: 'offer-1', name: 'Seats', quantity: 5, provisioned: true } as const;
    await establish(
      ledger,
      on(0, 'PurchaseSubscription', { ...seats, subscriptionId: 's', termDuration: 'P1M' }).command,
      on(0, 'SuspendSubscription', { subscriptionId: 's', reason: 'nonPayment' }).command,
    );
    await ledger.keepTime(customerId, at(31));
    const row = async (when: string) => rowOf((await ledger.lists(when)).get('/v1/items'), 's');
    const first = await row(at(31));
    expect(first).toMatchObject({ status: 'disabled', overdueSince: null });

    const overdue = at(70);
    const retainedUntil = first!['retainedUntil'] as string;
    expect(await row(overdue)).toMatchObject({
      status: 'disabled',
      retainedUntil: null,
      overdueSince: retainedUntil,
    });
    for (const filter of [`retainedUntil=${overdue}`, `retainedFrom=${at(31)}`])
      expect(await ledger.rowsOf(`/v1/items?${filter}`, overdue)).toEqual([]);
  });
});
