import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { views } from '#read-models';
import {
  establish,
  globalAdminOf,
  greatLakes,
  idNamed,
  newCustomer,
  northwind,
  pairPath,
  runServer,
  subscription,
  type Answered,
  type RunningServer,
} from './running-server.js';

const positionOf = ({ headers }: Answered) => Number.parseInt(headers.get('ledger-position')!);

describe('an explanation', () => {
  let server: RunningServer;
  let customer: string;
  let path: string;
  let suspended: Answered;
  let removed: Answered;
  const asked = new Set<string>();
  const explained = (row: string, query = '') => {
    asked.add(row);
    return server.get(`${path}/explanations/${row}${query}`);
  };
  const types = ({ body }: Answered) => body.events.map(({ type }: any) => type);

  beforeAll(async () => {
    server = await runServer();
    customer = newCustomer();
    path = await establish(server, customer);
    await server.post(`${path}/subscriptions`, subscription('base', { kind: 'legacy', name: 'Base' }));
    await server.post(
      `${path}/subscriptions`,
      subscription('extra', { kind: 'legacy', name: 'Extra', baseSubscriptionId: 'base' }),
    );
    await server.post(`${path}/delegated-admin`, {
      grantId: 'g',
      name: 'Helpdesk',
      roles: [newCustomer()],
      durationDays: 30,
    });
    suspended = await server.post(`${path}/subscriptions/base/suspend`, {
      reason: 'nonPayment',
      comment: 'Two invoices open',
    });
    removed = await server.post(`${path}/reseller-relationship/remove`, {}, { headers: { 'if-match': '*' } });
    expect(removed.status).toBe(200);
  });
  afterAll(() => server.end());

  it('names the events that made an item what it is, who sent what, and the rules', async () => {
    const { body, headers } = await explained('items/subscription/base');
    expect(body).toMatchObject({
      view: 'items',
      version: 2,
      key: { partnerId: northwind, customerId: customer, item: 'subscription', itemId: 'base' },
      listed: true,
      revision: removed.body.revision,
    });
    expect(headers.get('ledger-position')).toBe(removed.headers.get('ledger-position'));
    expect(body.events.map(({ type }: any) => type)).toEqual([
      'ResellerRelationshipEstablished',
      'SubscriptionPurchased',
      'SubscriptionActivated',
      'SubscriptionSuspended',
      'ResellerRelationshipRemoved',
    ]);
    const suspension = body.events[3];
    expect(suspension).toMatchObject({
      command: 'SuspendSubscription',
      actor: { id: idNamed('user-1'), kind: 'partnerUser', tenant: northwind },
      comment: 'Two invoices open',
      schema: 1,
      policy: { name: 'partner-center-2026-11' },
      release: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      cause: null,
      changes: [
        {
          table: 'items',
          effect: 'changed',
          fields: {
            status: { from: 'active', to: 'suspended' },
            suspensionReason: { from: null, to: 'nonPayment' },
          },
        },
      ],
    });
    expect(suspension.rules).toContain('S2');
    expect(body.rules['S2']).toBe('Only an active subscription can be suspended.');
    // The end of the relationship is why it is not current any more.
    expect(body.events[4].changes).toMatchObject([
      { table: 'item_terms', fields: { currentTerm: { from: 1, to: null } } },
    ]);
  });

  it('names the event that another is a consequence of', async () => {
    const addOn = await explained('items/subscription/extra');
    const went = addOn.body.events.find(({ type }: any) => type === 'SubscriptionSuspended');
    expect(went).toMatchObject({
      comment: 'Two invoices open',
      cause: { type: 'SubscriptionSuspended', revision: went.revision - 1 },
    });
    const contact = await explained('support-contacts/base');
    expect(contact.body).toMatchObject({ listed: false, rows: [{ table: 'support_contact_designations', row: null }] });
    expect(contact.body.events.map(({ type, cause }: any) => [type, cause?.type])).toEqual([
      ['SupportContactAssigned', 'SubscriptionPurchased'],
      ['SupportContactWithdrawn', 'ResellerRelationshipRemoved'],
    ]);
    const grant = await explained('delegated-admin-grants/g');
    expect(grant.body.events.at(-1)).toMatchObject({
      type: 'DelegatedAdminPrivilegesRevoked',
      command: 'RemoveResellerRelationship',
      cause: { type: 'ResellerRelationshipRemoved' },
      changes: [{ fields: { status: { from: 'created', to: 'revoked' } } }],
    });
    expect(grant.body.events.at(-1).rules).toContain('R18');
  });

  it('says why a customer is on no list any more', async () => {
    const answered = await explained('customer-list');
    expect(answered.body).toMatchObject({ listed: false, rows: [{ table: 'customer_list', row: null }] });
    expect(types(answered)).toEqual([
      'ResellerRelationshipRequested',
      'ResellerRelationshipEstablished',
      'CustomerAgreementConfirmed',
      'ResellerRelationshipRemoved',
    ]);
    expect(answered.body.events.at(-1)).toMatchObject({ changes: [{ effect: 'removed' }] });
    expect(answered.body.events.at(-1).rules).toContain('R16');
    expect((await explained('ended-relationships')).body).toMatchObject({ listed: true });
    expect((await explained('support-contacts')).body).toMatchObject({ listed: false });
    // It was accepted.
    const request = await explained('relationship-requests');
    expect(request.body).toMatchObject({ listed: false });
    expect(types(request)).toEqual(['ResellerRelationshipRequested', 'ResellerRelationshipEstablished']);
  });

  it('is told as of then, too', async () => {
    const then = await explained('items/subscription/base', `?asOfPosition=${positionOf(suspended)}`);
    expect(then.body.position).toBe(String(positionOf(suspended)));
    expect(types(then).at(-1)).toBe('SubscriptionSuspended');
    expect((await explained('customer-list', `?asOfPosition=${positionOf(suspended)}`)).body).toMatchObject({
      listed: true,
    });
    const requested = await explained('customer-list', '?asOfRevision=0');
    // Asked for and not listed yet.
    expect(requested.body).toMatchObject({ listed: false, rows: [{ row: { status: 'requested' } }], revision: 0 });
    expect(await explained('items/subscription/base', '?asOfRevision=2')).toMatchObject({
      status: 404,
      code: 'ItemNotFound',
    });
  });

  it('comes page by page', async () => {
    const whole = await explained('items/subscription/base');
    const pages: Answered[] = [];
    for (let at: string | undefined = `${path}/explanations/items/subscription/base?limit=2`; at;) {
      pages.push(await server.get(at));
      at = /<(.*)>; rel="next"/.exec(pages.at(-1)!.headers.get('link') ?? '')?.[1];
    }
    expect(pages.map(({ body }) => body.events.length)).toEqual([2, 2, 1]);
    expect(pages.flatMap(({ body }) => body.events)).toEqual(whole.body.events);
  });

  it('is for the partner’s side, of what there is', async () => {
    for (const [row, details] of [
      ['items/subscription/nowhere', { kind: 'subscription', itemId: 'nowhere' }],
      ['support-contacts/extra-1', { kind: 'supportContact', itemId: 'extra-1' }],
      ['delegated-admin-grants/h', { kind: 'grant', itemId: 'h' }],
    ] as const)
      expect(await explained(row)).toMatchObject({ status: 404, code: 'ItemNotFound', body: { details } });
    expect(await explained('items/anything/base')).toMatchObject({ status: 400, code: 'InvalidPath' });
    expect(await explained('no-such-view')).toMatchObject({ status: 404, code: 'RouteNotFound' });
    const address = `${path}/explanations/customer-list`;
    expect(await server.get(address, { as: { tenant: greatLakes } })).toMatchObject({ status: 404 });
    expect(await server.get(address, { as: { roles: ['Auditor'] } })).toMatchObject({ status: 200 });
    expect(
      await server.get(`${pairPath(northwind, customer)}/explanations/customer-list`, { as: globalAdminOf(customer) }),
    ).toMatchObject({ status: 403, code: 'ActorNotAllowed' });
    expect(await server.get(`/v1/customers/${newCustomer()}/explanations/customer-list`)).toMatchObject({
      status: 404,
      code: 'RelationshipNotFound',
    });
  });

  it('is there of every row that a view explains: a story above asks for each', () => {
    for (const { projection, explains } of views)
      for (const { key } of explains) {
        const form = new RegExp(`^${[projection.name, ...key.map(() => '[^/]+')].join('/')}$`);
        expect([projection.name, [...asked].filter((row) => form.test(row))]).not.toEqual([projection.name, []]);
      }
  });
});
