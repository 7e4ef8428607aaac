import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hence } from '../wall-clock.js';
import { establish, newCustomer, runServer, subscription, type RunningServer } from './running-server.js';

const day = 24 * 60 * 60 * 1000;
/** At midnight, as bills have it. */
const midnight = (days: number) =>
  `${hence(-days * day)
    .toISOString()
    .slice(0, 10)}T00:00:00.000Z`;

describe('a purchase that brings the end of its term', () => {
  let server: RunningServer;
  let path: string;
  beforeAll(async () => {
    server = await runServer({ env: { TIMEKEEPER: 'off' } });
    path = await establish(server, newCustomer());
  });
  afterAll(() => server.end());

  it('ends with it, and renews from it on without a gap (T3)', async () => {
    const commitmentEndDate = midnight(5);
    const bought = subscription('seats', {
      termDuration: 'P1M',
      autoRenew: true,
      effectiveAt: midnight(20),
      commitmentEndDate,
    });
    expect(await server.post(`${path}/subscriptions`, bought)).toMatchObject({ status: 201 });
    const { body } = await server.post(`${path}/subscriptions/seats/renew`);
    expect(body.events).toEqual(['SubscriptionRenewed']);
    const history = await server.get(`${path}/events`);
    const renewed = history.body.findLast(({ type }: any) => type === 'SubscriptionRenewed').data;
    expect(renewed.termStartsAt).toBe(commitmentEndDate);
    expect(renewed.termEndsAt.slice(10)).toBe('T00:00:00.000Z');
    expect((await server.get(`${path}/subscriptions/seats`)).body.termEndsAt).toBe(renewed.termEndsAt);
  });

  it('shows it in reads and lists; a later one than the term’s is refused by name (T3)', async () => {
    const plan = {
      savingsPlanId: 'plan',
      name: 'Compute',
      termDuration: 'P1Y',
      hourlyCommitment: { minorUnits: 150, currency: 'USD' },
      effectiveAt: midnight(10),
    };
    const refused = await server.post(`${path}/savings-plans`, { ...plan, commitmentEndDate: midnight(-400) });
    expect(refused).toMatchObject({
      status: 422,
      code: 'InvalidItem',
      body: { details: { field: 'commitmentEndDate', rule: 'notAfterTerm' } },
    });
    const bought = await server.post(`${path}/savings-plans`, { ...plan, commitmentEndDate: midnight(-100) });
    expect(bought.status).toBe(201);
    expect((await server.get(`${path}/savings-plans/plan`)).body.expiresAt).toBe(midnight(-100));
    const seen = { headers: { 'ledger-position': bought.headers.get('ledger-position')! } };
    expect((await server.get(`${path}/items?item=savingsPlan`, seen)).body.items).toMatchObject([
      { itemId: 'plan', endsAt: midnight(-100) },
    ]);
  });
});
