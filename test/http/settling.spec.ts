import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { establish, newCustomer, runServer, subscription, type RunningServer } from './running-server.js';

// T1: a subscription that was bought a while ago, and reported now. Its terms have renewed since, whether or not anybody has reported it.
describe('what dates have brought about of a subscription', () => {
  let server: RunningServer;
  let path: string;
  const boughtAt = '2025-10-01T00:00:00.000Z';
  const old = (id: string) =>
    subscription(id, { termDuration: 'P1M', effectiveAt: boughtAt, provisioned: true, autoRenew: true });
  const history = async (ofSubscription: string) => {
    const { body } = await server.get(`${path}/events?limit=200`);
    return body.filter(({ data }: any) => data.subscriptionId === ofSubscription);
  };

  beforeAll(async () => {
    // Nobody reports anything by itself.
    server = await runServer({ env: { TIMEKEEPER: 'off' } });
    path = await establish(server, newCustomer());
    for (const id of ['read', 'renewed', 'suspended', 'tried'])
      expect((await server.post(`${path}/subscriptions`, old(id))).status).toBe(201);
  });
  afterAll(() => server.end());

  it('is shown by a single read, with a tag of its own, and recorded by none', async () => {
    const first = await server.get(`${path}/subscriptions/read`);
    expect(first.body).toMatchObject({ status: 'active' });
    expect(first.body.termEndsAt > '2026-11-01').toBe(true);
    expect(first.headers.get('etag')).toMatch(/^"\d+\.\d+\.[\w-]+@20.*-01T00:00:00.000Z"$/);
    expect(await history('read')).toHaveLength(2);
    // As it stood then, too.
    const then = await server.get(`${path}/subscriptions/read?asOfRevision=${first.body.revision}`);
    expect(then.body.termEndsAt).toBe(first.body.termEndsAt);
  });

  it('opens no window, however late its renewals are reported', async () => {
    const renewed = await server.post(`${path}/subscriptions/renewed/renew`);
    expect(renewed.status).toBe(200);
    expect(new Set(renewed.body.events)).toEqual(new Set(['SubscriptionRenewed']));
    const { body } = await server.get(`${path}/subscriptions/renewed`);
    // Seven days from the start of the current term: in its first week the cancellation would be right.
    expect(body.cancellationAllowedUntil.slice(8)).toBe('08T00:00:00.000Z');
    expect(await server.post(`${path}/subscriptions/renewed/renew`)).toMatchObject({
      status: 409,
      code: 'NotDue',
      body: { details: { dueAt: body.termEndsAt.replace('000Z', '001Z') } },
    });
  });

  it('stands before what a command does, as of the clock and not of the sender', async () => {
    const tried = await server.post(`${path}/subscriptions/suspended/suspend?dryRun=true`, { reason: 'nonPayment' });
    expect(tried.status).toBe(200);
    expect(await history('suspended')).toHaveLength(2);

    const body = { reason: 'nonPayment', comment: 'Two invoices open' };
    const suspended = await server.post(`${path}/subscriptions/suspended/suspend`, body, { key: 'suspend-it' });
    expect(suspended.body.events.slice(-2)).toEqual(['SubscriptionSuspended', 'AutoRenewDisabled']);
    expect(suspended.body.events[0]).toBe('SubscriptionRenewed');
    const again = await server.post(`${path}/subscriptions/suspended/suspend`, body, { key: 'suspend-it' });
    expect(again.body).toEqual(suspended.body);

    const events = await history('suspended');
    const renewals = events.filter(({ type }: any) => type === 'SubscriptionRenewed');
    expect(renewals).toHaveLength(suspended.body.events.length - 2);
    for (const renewal of renewals) {
      expect(renewal).toMatchObject({ actorkind: 'system', command: 'RenewSubscription' });
      expect(renewal).not.toHaveProperty('comment');
      expect(renewal.data.renewedAt).toBe(renewal.data.termStartsAt);
    }
    expect(events.find(({ type }: any) => type === 'SubscriptionSuspended')).toMatchObject({
      actorkind: 'partnerUser',
      command: 'SuspendSubscription',
      comment: 'Two invoices open',
    });
    const explained = await server.get(`${path}/explanations/items/subscription/suspended?limit=200`);
    const shown = (type: string) => explained.body.events.find((event: any) => event.type === type);
    expect(shown('SubscriptionRenewed')).toMatchObject({ comment: null, cause: null, actor: { kind: 'system' } });
    expect(shown('SubscriptionSuspended')).toMatchObject({ comment: 'Two invoices open', cause: null });
  });

  it('is not recorded by what is refused', async () => {
    const before = await history('tried');
    expect(await server.post(`${path}/subscriptions/tried/reactivate`)).toMatchObject({
      status: 409,
      code: 'InvalidTransition',
    });
    expect(await history('tried')).toEqual(before);
  });

  it('T1a: goes on from a fact that is reported late, which is not before the last that is on record', async () => {
    expect((await server.post(`${path}/subscriptions`, old('late'))).status).toBe(201);
    const quantity = (effectiveAt: string, seats = 9) => ({ quantity: seats, effectiveAt });
    const to = `${path}/subscriptions/late/quantity`;
    const changed = await server.post(to, quantity('2026-03-15T00:00:00.000Z'), { key: 'late' });
    expect(changed).toMatchObject({ status: 200 });
    const events = await history('late');
    const at = events.findIndex(({ type }: any) => type === 'SubscriptionQuantityChanged');
    expect(events[at]).toMatchObject({ actorkind: 'partnerUser', data: { changedAt: '2026-03-15T00:00:00.000Z' } });
    expect(events[at - 1]).toMatchObject({ data: { renewedAt: '2026-03-01T00:00:00.000Z', quantity: 5 } });
    expect(events[at + 1]).toMatchObject({
      actorkind: 'system',
      data: { renewedAt: '2026-04-01T00:00:00.000Z', quantity: 9 },
    });
    expect((await server.post(to, quantity('2026-03-15T00:00:00.000Z'), { key: 'late' })).body).toEqual(changed.body);

    const lastEvent = { type: 'SubscriptionRenewed', at: events.at(-1).data.renewedAt };
    const tooEarly = await server.post(to, quantity('2026-03-16T00:00:00.000Z', 10));
    expect(tooEarly).toMatchObject({ status: 409, code: 'EffectiveTooEarly' });
    expect(tooEarly.body.details).toEqual({ itemId: 'late', effectiveAt: '2026-03-16T00:00:00.000Z', lastEvent });
    expect(tooEarly.body.detail).toContain(lastEvent.at);
    expect(await server.post(to, quantity('2035-01-01T00:00:00.000Z', 10))).toMatchObject({
      status: 422,
      code: 'EffectiveInFuture',
      body: { errors: [{ pointer: '/effectiveAt' }] },
    });
    expect(await history('late')).toEqual(events);
  });
});
