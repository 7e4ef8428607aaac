import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hence } from '../wall-clock.js';
import {
  customerPath,
  establish,
  globalAdminOf,
  greatLakes,
  newCustomer,
  northwind,
  pairPath,
  runServer,
  subscription,
  type Answered,
  type RunningServer,
} from './running-server.js';

const day = 24 * 60 * 60 * 1000;
const ago = (days: number) => hence(-days * day).toISOString();

// What is entered late has ended by the time that it is recorded, so no clock has to be moved to see an end pass.
describe('what has ended by time', () => {
  let server: RunningServer;
  const customer = newCustomer();
  const path = customerPath(customer);
  const role = 'f2ef992c-3afb-46b9-b7cf-a126ee74c451';
  const group = '0f1f2f3f-000a-4000-8000-000000000001';
  const asCustomer = { as: globalAdminOf(customer) };
  const askFor = (of: string, more: object = {}) =>
    server.post(`${customerPath(of)}/reseller-relationship/request`, {
      customer: { name: 'Fabrikam' },
      market: 'US',
      ...more,
    });
  const seen = ({ headers }: Answered) => ({ headers: { 'ledger-position': headers.get('ledger-position')! } });

  beforeAll(async () => {
    // What time has brought about stands in no event.
    server = await runServer({ env: { TIMEKEEPER: 'off' } });
    await askFor(customer);
    await server.post(`${pairPath(northwind, customer)}/reseller-relationship/accept`, undefined, asCustomer);
    await server.post(`${path}/agreement/confirm`);
    const plan = { kind: 'azurePlan', offerId: 'azure', name: 'Azure plan', quantity: 1, provisioned: true };
    await server.post(`${path}/subscriptions`, { subscriptionId: 'plan', ...plan });
  });
  afterAll(() => server.end());

  it('is an unanswered request: lapsed when it is read, and no contact is available by it (R17, R29)', async () => {
    const [lapsed, open] = [newCustomer(), newCustomer()];
    const asked = await askFor(lapsed, { effectiveAt: ago(100) });
    const read = await server.get(`${customerPath(lapsed)}/reseller-relationship`);
    expect(read.body).toMatchObject({ status: 'requestExpired', request: null, availableSupportContacts: [] });
    // Time has made another of it since: a cache must ask again, while the revision is what it was.
    expect(read.headers.get('etag')).not.toBe(asked.headers.get('etag'));
    const again = await server.get(`${customerPath(lapsed)}/reseller-relationship`, {
      headers: { 'if-none-match': read.headers.get('etag')! },
    });
    expect(again.status).toBe(304);
    expect(await server.get(`${customerPath(lapsed)}/reseller-relationship/removal-readiness`)).toMatchObject({
      code: 'RelationshipNotActive',
      body: { details: { status: 'requestExpired' } },
    });
    const withdrawn = await server.post(`${customerPath(lapsed)}/reseller-relationship/withdraw`, undefined, {
      headers: { 'if-match': read.headers.get('etag')! },
    });
    expect(withdrawn).toMatchObject({ status: 409, code: 'RequestExpired' });

    await askFor(open);
    const waiting = await server.get(`${customerPath(open)}/reseller-relationship`);
    expect(waiting.body).toMatchObject({ status: 'requested', availableSupportContacts: [] });
    await server.post(`${pairPath(northwind, open)}/reseller-relationship/accept`, undefined, {
      as: globalAdminOf(open),
    });
    const active = await server.get(`${customerPath(open)}/reseller-relationship`);
    expect(active.body.availableSupportContacts).toMatchObject([{ tenantId: northwind }]);
    const then = await server.get(`${customerPath(open)}/reseller-relationship?asOfRevision=0`);
    expect(then.body).toMatchObject({ status: 'requested', availableSupportContacts: [] });
  });

  it('is a reservation: expired in the single read, the list under every filter, and the explanation (R7, V6)', async () => {
    const bought = await server.post(`${path}/reservations`, {
      reservationId: 'over',
      name: 'VM D2',
      product: 'virtualMachine',
      quantity: 1,
      termDuration: 'P1Y',
      commitmentUsdCents: 100_000,
      effectiveAt: ago(400),
    });
    const single = await server.get(`${path}/reservations/over`);
    expect(single.body).toMatchObject({ status: 'expired' });
    const ofStatus = async (status: string) => {
      const { body } = await server.get(`${path}/items?status=${status}`, seen(bought));
      return body.items.map(({ itemId, status: is, statusSince }: any) => [itemId, is, statusSince]);
    };
    expect(await ofStatus('expired')).toEqual([['over', 'expired', single.body.expiresAt]]);
    expect((await ofStatus('active')).map(([itemId]: [string]) => itemId)).toEqual(['plan']);
    const { body } = await server.get(`${path}/explanations/items/reservation/over`);
    expect(body).toMatchObject({
      rows: expect.arrayContaining([
        { table: 'items', row: expect.objectContaining({ itemId: 'over', status: 'expired' }) },
      ]),
      byTime: {
        fields: { status: { from: 'active', to: 'expired' } },
        events: [
          {
            type: 'ReservationExpired',
            at: single.body.expiresAt,
            command: 'ExpireReservation',
            rules: expect.arrayContaining(['R7']),
            changes: [{ table: 'items', effect: 'changed' }],
          },
        ],
      },
    });
  });

  it('is a request for delegated admin (G5)', async () => {
    const asked = await server.post(`${path}/delegated-admin`, {
      grantId: 'lapsed',
      name: 'Lapsed',
      roles: [role],
      durationDays: 30,
      effectiveAt: ago(100),
    });
    expect((await server.get(`${path}/delegated-admin/lapsed`)).body).toMatchObject({ status: 'expired' });
    const { body } = await server.get(`${path}/delegated-admin?status=expired`, seen(asked));
    expect(body.items).toMatchObject([{ grantId: 'lapsed', status: 'expired' }]);
    expect(await server.post(`${path}/delegated-admin/lapsed/lock`)).toMatchObject({
      status: 409,
      code: 'RequestExpired',
    });
  });

  it('takes its access assignments along, of which a group has one per grant (G8a, G8b)', async () => {
    await server.post(`${path}/delegated-admin`, { grantId: 'g', name: 'Readers', roles: [role], durationDays: 30 });
    await server.post(`${path}/delegated-admin/g/lock`);
    await server.post(`${pairPath(northwind, customer)}/delegated-admin/g/approve`, {}, asCustomer);
    const assign = (assignmentId: string, groupId: string) =>
      server.post(`${path}/delegated-admin/g/access-assignments`, { assignmentId, groupId, roles: [role] });
    expect((await assign('one', group)).status).toBe(201);
    expect(await assign('two', group.toUpperCase())).toMatchObject({
      status: 409,
      code: 'GroupAlreadyAssigned',
      body: { details: { assignmentId: 'one' }, detail: expect.stringContaining('this one has one') },
    });
    const before = await server.get(`${path}/delegated-admin/g/access-assignments/one`);
    expect(before.body.status).toBe('active');

    const ended = await server.post(`${path}/delegated-admin/g/terminate`);
    expect(ended.status).toBe(200);
    expect((await server.get(`${path}/delegated-admin/g/access-assignments/one`)).body.status).toBe('deleted');
    expect((await server.get(`${path}/delegated-admin/g`)).body).toMatchObject({
      status: 'terminated',
      accessAssignments: [{ assignmentId: 'one', status: 'deleted' }],
    });
    const { body } = await server.get(`${path}/delegated-admin?status=terminated`, seen(ended));
    expect(body.items).toMatchObject([{ grantId: 'g', accessAssignments: [] }]);
    const then = await server.get(
      `${path}/delegated-admin/g/access-assignments/one?asOfRevision=${before.body.revision}`,
    );
    expect(then.body.status).toBe('active');
  });

  it('is answered with all that is wrong with a command at once, each by its place (422)', async () => {
    const refused = await server.post(`${path}/software`, {
      purchaseId: 'zero',
      kind: 'subscription',
      publisher: 'microsoft',
      name: 'Windows Server',
      lineItems: [{ lineItemId: 'line', name: 'Windows Server', quantity: 1 }],
      effectiveAt: '0001-01-01T00:00:00Z',
      cancellationAllowedUntil: '9999-12-31T23:59:59Z',
    });
    expect(refused).toMatchObject({ status: 422, code: 'DateOutOfRange' });
    expect(refused.body.errors).toMatchObject([
      { pointer: '/effectiveAt', code: 'DateOutOfRange' },
      { pointer: '/termDuration', code: 'InvalidItem' },
      { pointer: '/cancellationAllowedUntil', code: 'DateOutOfRange' },
    ]);
  });

  it('is waited for by a list that says how far time has been recorded, and marks what only an event brings', async () => {
    const as = { tenant: greatLakes };
    const own = await establish(server, newCustomer(), { partner: greatLakes });
    const list = async (address: string, after: Answered) => {
      const headers = { ...seen(after).headers, prefer: 'wait=20' };
      const answered = await server.get(address, { as, headers });
      return { ...answered, settledUntil: answered.headers.get('settled-until') };
    };
    const before = await server.post(`${own}/profile/update`, { name: 'Nothing due' }, { as });
    const recent = await list('/v1/customers', before);
    expect(recent.settledUntil! > ago(1)).toBe(true);

    const bought = await server.post(
      `${own}/subscriptions`,
      subscription('seats', { effectiveAt: ago(400), autoRenew: true }),
      { as },
    );
    const [marked] = (await list('/v1/items?overdue=true&status=active&blocks=activeSubscription', bought)).body.items;
    expect(marked).toMatchObject({ itemId: 'seats', status: 'active', overdueSince: marked.endsAt });
    expect((await list('/v1/items?overdue=false', bought)).body.items).toEqual([]);
    // Every list of the partner says so; those of another partner know nothing of it.
    for (const address of ['/v1/customers', `${own}/items`, '/v1/relationship-requests', '/v1/ended-relationships'])
      expect((await list(address, bought)).settledUntil).toBe(marked.endsAt);
    // The list of another customer tells nothing of it.
    const other = await establish(server, newCustomer(), { partner: greatLakes });
    expect((await list(`${other}/items`, bought)).settledUntil! > ago(1)).toBe(true);
    const positionOf = ({ headers }: Answered) => Number.parseInt(headers.get('ledger-position')!);
    const then = await list(`/v1/customers?asOfPosition=${positionOf(before)}`, bought);
    expect(then.settledUntil).toBe(then.body.asOf);
    expect((await list(`/v1/customers?asOfPosition=${positionOf(bought)}`, bought)).settledUntil).toBe(marked.endsAt);

    const renewed = await server.post(`${own}/subscriptions/seats/renew`, {}, { as });
    expect((await list('/v1/items?overdue=true', renewed)).body.items).toEqual([]);
    expect((await list('/v1/items', renewed)).settledUntil! > ago(1)).toBe(true);
  });
});
