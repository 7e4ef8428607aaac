import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  establish,
  globalAdminOf,
  idNamed,
  newCustomer,
  northwind,
  pairPath,
  runServer,
  subscription,
  type Answered,
  type RunningServer,
} from './running-server.js';

const role = 'f2ef992c-3afb-46b9-b7cf-a126ee74c451';
const seen = ({ headers }: Answered) => ({ headers: { 'ledger-position': headers.get('ledger-position')! } });

describe('what has reached a dead end finds its way out:', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await runServer();
  });
  afterAll(() => server.end());

  it('a reservation whose owner has left, with new owners (V5, V5a)', async () => {
    const path = await establish(server, newCustomer());
    await server.post(`${path}/subscriptions`, {
      ...{ subscriptionId: 'plan', kind: 'azurePlan', offerId: 'azure', name: 'Azure plan', quantity: 1 },
      provisioned: true,
    });
    await server.post(`${path}/reservations`, {
      ...{ reservationId: 'ri', name: 'VM D2', product: 'virtualMachine', quantity: 1, termDuration: 'P1Y' },
      ...{ commitmentUsdCents: 100, owners: ['Left@contoso.example'] },
    });
    const left = await server.post(`${path}/reservations/ri/cancel`, { settled: true });
    expect(left).toMatchObject({
      status: 403,
      code: 'RoleNotAllowed',
      body: { details: { owners: ['Left@contoso.example'] } },
    });

    const own = idNamed('user-1');
    const change = (owners: readonly string[], as = {}) =>
      server.post(`${path}/reservations/ri/change-owners`, { owners }, { as });
    expect(await change([own], { roles: ['AdminAgent'] })).toMatchObject({ status: 403, code: 'RoleNotAllowed' });
    expect(await change(['LEFT@contoso.example'])).toMatchObject({ status: 409, code: 'NothingToChange' });
    expect(await change([])).toMatchObject({ status: 400 });
    expect(await change([own, 'GRACE', 'grace'])).toMatchObject({
      status: 200,
      body: { events: ['ReservationOwnersChanged'] },
    });
    expect((await server.get(`${path}/reservations/ri`)).body.owners).toEqual([own, 'GRACE']);
    const { body } = await server.get(`${path}/reseller-relationship/removal-readiness`);
    expect(body.blockers).toContainEqual(
      expect.objectContaining({ itemId: 'ri', remedyBy: expect.objectContaining({ owners: [own, 'GRACE'] }) }),
    );
    expect(await server.post(`${path}/reservations/ri/cancel`, { settled: true })).toMatchObject({ status: 200 });
    expect(await change(['grace'])).toMatchObject({ status: 409, code: 'InvalidTransition' });
  });

  it.each([
    ['fail-provisioning', { reason: 'Out of stock' }, 'SubscriptionProvisioningFailed', 'provisioningFailed'],
    ['cancel-provisioning', {}, 'SubscriptionProvisioningCancelled', 'provisioningCancelled'],
  ])('a subscription that is never provisioned, by %s (P1, R11, C5)', async (command, data, event, status) => {
    const path = await establish(server, newCustomer());
    await server.post(`${path}/subscriptions`, subscription('seats', { kind: 'legacy', provisioned: false }));
    const remove = () => server.post(`${path}/reseller-relationship/remove`, {}, { headers: { 'if-match': '*' } });
    expect(await remove()).toMatchObject({
      code: 'RemovalBlocked',
      body: { blockers: [{ kind: 'pending', itemId: 'seats', remedy: 'activateFirst' }] },
    });

    const ended = await server.post(`${path}/subscriptions/seats/${command}`, data);
    expect(ended).toMatchObject({ status: 200, body: { events: [event, 'SupportContactWithdrawn'] } });
    expect((await server.get(`${path}/subscriptions/seats`)).body).toMatchObject({ status, supportContact: null });
    const items = await server.get(`${path}/items?status=${status}`, seen(ended));
    expect(items.body.items).toMatchObject([{ itemId: 'seats', status, blocks: null }]);
    expect((await server.get(`${path}/items?status=pending`, seen(ended))).body.items).toEqual([]);
    expect((await server.get(`${path}/support-contacts`, seen(ended))).body.items).toEqual([]);
    const explained = await server.get(`${path}/explanations/items/subscription/seats`, seen(ended));
    expect(explained.body.events.at(-1)).toMatchObject({ type: event });
    expect(explained.body.rules).toHaveProperty('P1');
    expect(await server.post(`${path}/subscriptions/seats/activate`)).toMatchObject({
      status: 409,
      code: 'InvalidTransition',
      body: { details: { from: status, to: 'active' } },
    });
    expect(await remove()).toMatchObject({ status: 200 });
  });

  it('a drafted request for admin privileges, deleted: its name is free at once (G2, G4a)', async () => {
    const [path, other] = [await establish(server, newCustomer()), await establish(server, newCustomer())];
    const draft = (of: string, grantId: string) =>
      server.post(`${of}/delegated-admin`, { grantId, name: 'Drafted', roles: [role], durationDays: 30 });
    await draft(path, 'draft');
    expect(await draft(other, 'another')).toMatchObject({ status: 409, code: 'NameNotUnique' });
    expect(await server.post(`${path}/delegated-admin/draft/withdraw`)).toMatchObject({
      code: 'InvalidTransition',
      body: { detail: expect.stringContaining('DeleteDelegatedAdminRequest') },
    });

    const deleted = await server.post(`${path}/delegated-admin/draft/delete`);
    expect(deleted).toMatchObject({ status: 200, body: { events: ['DelegatedAdminDeleted'] } });
    expect((await server.get(`${path}/delegated-admin/draft`)).body).toMatchObject({ status: 'deleted' });
    expect((await server.get(`${path}/delegated-admin`, seen(deleted))).body.items).toEqual([]);
    expect((await server.get(`${path}/delegated-admin?status=deleted`, seen(deleted))).body.items).toMatchObject([
      { grantId: 'draft', status: 'deleted', endedAt: expect.any(String) },
    ]);
    expect(await draft(other, 'another')).toMatchObject({ status: 201 });
  });

  it('an unanswered request for admin privileges, withdrawn (G4a, G5)', async () => {
    const customer = newCustomer();
    const path = await establish(server, customer);
    const asked = { name: 'Unanswered', roles: [role], durationDays: 30 };
    await server.post(`${path}/delegated-admin`, { grantId: 'asked', ...asked });
    await server.post(`${path}/delegated-admin/asked/lock`);

    const withdrawn = await server.post(`${path}/delegated-admin/asked/withdraw`);
    expect(withdrawn).toMatchObject({ status: 200, body: { events: ['DelegatedAdminWithdrawn'] } });
    expect(
      await server.post(`${pairPath(northwind, customer)}/delegated-admin/asked/approve`, undefined, {
        as: globalAdminOf(customer),
      }),
    ).toMatchObject({ status: 409, code: 'InvalidTransition', body: { details: { from: 'withdrawn' } } });
    const listed = await server.get(`${path}/delegated-admin?status=withdrawn`, seen(withdrawn));
    expect(listed.body.items).toMatchObject([{ grantId: 'asked', status: 'withdrawn' }]);
    expect(await server.post(`${path}/delegated-admin`, { grantId: 'again', ...asked })).toMatchObject({ status: 201 });
  });
});
