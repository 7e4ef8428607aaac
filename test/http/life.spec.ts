import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import {
  customerPath,
  globalAdminOf,
  newCustomer,
  northwind,
  pairPath,
  runServer,
  subscription,
  type Answered,
  type RunningServer,
} from './running-server.js';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

// One relationship from its request to its second life, as upstream systems would lead it.
describe('the life of a relationship', () => {
  let server: RunningServer;
  const customer = newCustomer();
  const path = customerPath(customer);
  const role = 'f2ef992c-3afb-46b9-b7cf-a126ee74c451';
  const group = '0f1f2f3f-0001-4000-8000-000000000001';
  const remove = async (key?: string) => {
    const { headers } = await server.get(`${path}/reseller-relationship`);
    return server.post(
      `${path}/reseller-relationship/remove`,
      {},
      { headers: { 'if-match': headers.get('etag')! }, ...(key ? { key } : {}) },
    );
  };
  /** The three lists as they are after what was answered last. */
  const lists = async ({ headers }: Answered) => {
    const seen = { headers: { 'ledger-position': headers.get('ledger-position')! } };
    const [customers, contacts, grants, ended] = await Promise.all(
      ['customers', 'support-contacts', 'delegated-admin-grants', 'ended-relationships'].map((list) =>
        server.get(`/v1/${list}`, seen),
      ),
    );
    return {
      customers: customers!.body.items.map(({ customerId }: any) => customerId),
      contacts: contacts!.body.items.map(({ subscriptionId }: any) => subscriptionId),
      grants: grants!.body.items.map(({ grantId, status }: any) => [grantId, status]),
      ended: ended!.body.items,
    };
  };

  beforeAll(async () => {
    server = await runServer();
  });
  afterAll(() => server.end());

  it('begins with a request and the customer’s acceptance', async () => {
    const requested = await server.post(`${path}/reseller-relationship/request`, {
      customer: { name: 'Contoso', domain: 'contoso.example' },
      market: 'US',
      comment: 'As agreed on the phone',
    });
    expect(requested).toMatchObject({
      status: 200,
      body: {
        relationship: { partnerId: northwind, customerId: customer, status: 'requested', relationshipTerm: 0 },
        revision: 0,
        events: ['ResellerRelationshipRequested'],
      },
    });
    expect(requested.headers.get('etag')).toMatch(/^"0\.1\.[\w-]+"$/);
    expect(requested.headers.get('ledger-position')).toMatch(
      new RegExp(`^${requested.body.position};ledger="[0-9a-f-]{36}";event="[0-9a-f]{8}-[0-9a-f]{4}"$`),
    );

    // No one at the partner can accept for the customer.
    expect(await server.post(`${path}/reseller-relationship/accept`)).toMatchObject({
      status: 403,
      code: 'AcceptorNotGlobalAdmin',
    });
    const accepted = await server.post(`${pairPath(northwind, customer)}/reseller-relationship/accept`, undefined, {
      as: globalAdminOf(customer),
    });
    expect(accepted.body).toMatchObject({ relationship: { status: 'active', relationshipTerm: 1 }, revision: 1 });
  });

  it('sells nothing before the agreement is confirmed', async () => {
    expect(await server.post(`${path}/subscriptions`, subscription('sub-1'))).toMatchObject({
      status: 409,
      code: 'AgreementNotConfirmed',
    });
    expect((await server.post(`${path}/agreement/confirm`, { agreedAt: '2026-01-01T12:00:00+01:00' })).status).toBe(
      200,
    );
  });

  it('takes purchases of every kind, and says where each is', async () => {
    const purchases: [string, object][] = [
      ['subscriptions', subscription('sub-1')],
      ['subscriptions', subscription('legacy-1', { kind: 'legacy' })],
      [
        'subscriptions',
        {
          subscriptionId: 'plan-1',
          kind: 'azurePlan',
          offerId: 'DZH318Z0BPS6',
          name: 'Azure plan',
          quantity: 1,
          provisioned: true,
        },
      ],
      ['subscriptions/plan-1/azure-subscriptions', { azureSubscriptionId: 'azure-1', name: 'Production' }],
      [
        'reservations',
        {
          reservationId: 'ri-1',
          name: 'VM D2',
          product: 'virtualMachine',
          quantity: 1,
          termDuration: 'P1Y',
          commitmentUsdCents: 100_000,
        },
      ],
      [
        'software',
        {
          purchaseId: 'sw-1',
          kind: 'perpetual',
          publisher: 'microsoft',
          name: 'Windows Server',
          lineItems: [{ lineItemId: 'line-1', name: 'Windows Server 2025', quantity: 2 }],
        },
      ],
      [
        'savings-plans',
        {
          savingsPlanId: 'sp-1',
          name: 'Compute',
          termDuration: 'P1Y',
          hourlyCommitment: { minorUnits: 250, currency: 'USD' },
        },
      ],
      [
        'delegated-admin',
        { grantId: 'gdap-1', name: 'Contoso readers', roles: [role.toUpperCase()], durationDays: 180 },
      ],
    ];
    for (const [noun, body] of purchases) {
      const bought = await server.post(`${path}/${noun}`, body);
      expect(bought).toMatchObject({ status: 201 });
      const found = await server.get(bought.headers.get('location')!);
      expect(found.status).toBe(200);
      expect(found.headers.get('etag')).toBe(bought.headers.get('etag'));
      // Every field that was sent and kept is shown as it was sent.
      const kept = Object.keys(body).filter(
        (field) => field in (found.body as object) && field !== 'lineItems' && field !== 'roles',
      );
      expect(found.body).toMatchObject(Object.fromEntries(kept.map((field) => [field, (body as any)[field]])));
    }
  });

  it('has support contacts and delegated admin', async () => {
    const contact = { tenantId: northwind, partnerId: '4000001', name: 'Northwind Cloud (direct bill, US)' };
    const assign = () => server.post(`${path}/subscriptions/legacy-1/support-contact/assign`, { contact });
    // It came with the purchase (rule C4).
    expect(await assign()).toMatchObject({ status: 409, code: 'NothingToChange' });
    expect((await server.post(`${path}/subscriptions/legacy-1/support-contact/withdraw`)).status).toBe(200);
    expect((await assign()).body.events).toEqual(['SupportContactAssigned']);
    expect((await server.get(`${path}/subscriptions/legacy-1`)).body.supportContact).toEqual(contact);

    expect((await server.post(`${path}/delegated-admin/gdap-1/lock`)).status).toBe(200);
    const approved = await server.post(
      `${pairPath(northwind, customer)}/delegated-admin/gdap-1/approve`,
      {},
      { as: globalAdminOf(customer) },
    );
    expect(approved.body.events).toEqual(['DelegatedAdminApproved', 'DelegatedAdminActivated']);
    const access = await server.post(`${path}/delegated-admin/gdap-1/access-assignments`, {
      assignmentId: 'access-1',
      groupId: group,
      roles: [role],
    });
    expect(access.status).toBe(201);
    expect((await server.get(access.headers.get('location')!)).body).toMatchObject({
      groupId: group,
      roles: [role],
      status: 'active',
    });

    expect(await lists(access)).toMatchObject({
      customers: [customer],
      contacts: ['legacy-1', 'plan-1'],
      grants: [['gdap-1', 'active']],
      ended: [],
    });
    const items = await server.get(`${path}/items`, {
      headers: { 'ledger-position': access.headers.get('ledger-position')! },
    });
    const blocking = items.body.items.map(({ itemId, blocks }: any) => [itemId, blocks]);
    expect(Object.fromEntries(blocking)).toEqual({
      'legacy-1': 'activeSubscription',
      'plan-1': 'activeSubscription',
      'ri-1': 'reservation',
      // Under the default policy a savings plan goes on and does not block.
      'sp-1': null,
      'sub-1': 'activeSubscription',
      'sw-1': 'softwarePurchase',
    });
  });

  it('cannot be removed while items are active: every one of them is named, by the command as by the question', async () => {
    const refused = await remove();
    expect(refused).toMatchObject({ status: 409, code: 'RemovalBlocked' });
    expect(refused.body.type).toBe('/problems/removal-blocked');
    expect(refused.body.blockers.map(({ kind, itemId }: any) => [kind, itemId])).toEqual([
      ['reservation', 'ri-1'],
      ['softwarePurchase', 'sw-1'],
      ['activeSubscription', 'legacy-1'],
      ['activeSubscription', 'plan-1'],
      ['activeSubscription', 'sub-1'],
    ]);
    const readiness = await server.get(`${path}/reseller-relationship/removal-readiness`);
    expect(readiness.body.removable).toBe(false);
    const undated = (blockers: any[]) => blockers.map(({ earliestClearableAt: _, ...blocker }) => blocker);
    expect(undated(readiness.body.blockers)).toEqual(undated(refused.body.blockers));
    expect(readiness.body.willEnd.delegatedAdminGrants).toEqual(['gdap-1']);
    // It can be followed: what the type leads to explains it.
    expect((await server.get(refused.body.type, { as: null })).body).toMatchObject({
      code: 'RemovalBlocked',
      status: 409,
    });
  });

  it('is cleared as the remedies say', async () => {
    const admin = { as: { roles: ['GlobalAdmin', 'AdminAgent'] } } as const;
    const remedies: [string, object][] = [
      ['subscriptions/sub-1/suspend', { reason: 'customerRequest' }],
      ['subscriptions/legacy-1/suspend', { reason: 'customerRequest' }],
      ['subscriptions/plan-1/azure-subscriptions/azure-1/cancel', { reason: 'compromise' }],
      ['subscriptions/plan-1/suspend', { reason: 'customerRequest' }],
      ['reservations/ri-1/cancel', {}],
      ['reservations/ri-1/confirm-cancellation', { refund: { minorUnits: 50_000, currency: 'USD' } }],
      ['software/sw-1/cancel', {}],
    ];
    for (const [command, body] of remedies) {
      const done = await server.post(`${path}/${command}`, body, admin);
      // The buyer of a reservation owns it, and only an owner may cancel it.
      expect({ command, status: done.status, body: done.body }).toMatchObject({ status: 200 });
    }
    expect((await server.get(`${path}/reseller-relationship/removal-readiness`)).body).toMatchObject({
      removable: true,
      blockers: [],
    });
  });

  it('ends for good with its removal: off the three lists, no purchase, one event for each thing that went', async () => {
    const removed = await remove();
    expect(removed.status).toBe(200);
    expect(removed.body.relationship.status).toBe('removed');
    expect([...removed.body.events].sort()).toEqual([
      'DelegatedAdminPrivilegesRevoked',
      'ResellerRelationshipRemoved',
      'SupportContactWithdrawn',
      'SupportContactWithdrawn',
    ]);
    const after = await lists(removed);
    expect(after).toMatchObject({ customers: [], contacts: [], grants: [] });
    expect(after.ended).toMatchObject([{ customerId: customer, customerName: 'Contoso', reestablished: false }]);
    expect(after.ended[0].runningCharges.map(({ itemId }: any) => itemId).sort()).toEqual(['sp-1', 'sub-1']);

    expect(await server.post(`${path}/subscriptions`, subscription('sub-2'))).toMatchObject({
      status: 409,
      code: 'PurchasesNotAllowed',
    });
    expect(await remove()).toMatchObject({ status: 409, code: 'RelationshipAlreadyRemoved' });
    expect(await server.get(`${path}/reseller-relationship/removal-readiness`)).toMatchObject({
      status: 409,
      code: 'RelationshipAlreadyRemoved',
    });
  });

  it('leaves its whole history, each event chained to the one before', async () => {
    const events: any[] = [];
    let next: string | undefined = `${path}/events?limit=7`;
    for (let pages = 0; next; pages++) {
      expect(pages).toBeLessThan(20);
      const page: Answered = await server.get(next, { as: { roles: ['Auditor'] } });
      expect(page.status).toBe(200);
      events.push(...page.body);
      next = /<(.*)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
    }
    expect(events.map(({ revision }) => revision)).toEqual(events.map((_, index) => index));
    expect(events[0]).toMatchObject({ type: 'ResellerRelationshipRequested', comment: 'As agreed on the phone' });
    expect(events.at(-4).type).toBe('ResellerRelationshipRemoved');
    expect(new Set(events.map(({ release }) => release))).toEqual(new Set([version]));
    for (const [index, event] of events.entries())
      expect(event.previoushash).toBe(index === 0 ? '0'.repeat(64) : events[index - 1].hash);
  });

  it('can be established again, and brings nothing back by itself', async () => {
    const again = await server.post(`${path}/reseller-relationship/request`, {
      customer: { name: 'Contoso' },
      market: 'US',
    });
    expect(again.body).toMatchObject({ relationship: { status: 'requested', relationshipTerm: 1 } });
    const accepted = await server.post(
      `${pairPath(northwind, customer)}/reseller-relationship/accept`,
      {},
      { as: globalAdminOf(customer) },
    );
    expect(accepted.body.relationship).toMatchObject({ status: 'active', relationshipTerm: 2 });
    const after = await lists(accepted);
    expect(after).toMatchObject({ customers: [customer], contacts: [], grants: [], ended: [{ reestablished: true }] });
    expect(await server.post(`${path}/subscriptions`, subscription('sub-2'))).toMatchObject({
      status: 409,
      code: 'AgreementNotConfirmed',
    });
    expect(await server.post(`${path}/subscriptions/sub-1/reactivate`)).toMatchObject({
      status: 409,
      code: 'ItemOfEarlierTerm',
    });
  });
});
