import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hence } from '../wall-clock.js';
import { establish, newCustomer, runServer, type RunningServer } from './running-server.js';

const day = 24 * 60 * 60 * 1000;
const boughtAt = hence(-400 * day).toISOString();
/** The same time of the year some years later; the day before in a year without that day. */
const yearsLater = (years: number, extraDays = 0, ms = 0) => {
  const date = new Date(boughtAt);
  const dayOfMonth = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCFullYear(date.getUTCFullYear() + years);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(dayOfMonth, lastDay));
  return new Date(date.getTime() + extraDays * day + ms).toISOString();
};

// What is entered late has renewed by the time that it is recorded, so no clock has to be moved to see a term pass.
describe('a software subscription that was bought more than a year ago', () => {
  let server: RunningServer;
  let path: string;
  const purchase = (purchaseId: string, more: object = {}) => ({
    purchaseId,
    kind: 'subscription',
    publisher: 'microsoft',
    name: 'Windows Server',
    lineItems: [{ lineItemId: 'line-1', name: 'Windows Server', quantity: 1 }],
    termDuration: 'P1Y',
    effectiveAt: boughtAt,
    ...more,
  });
  const buy = async (purchaseId: string, more?: object) => {
    const bought = await server.post(`${path}/software`, purchase(purchaseId, more));
    expect(bought.status).toBe(201);
    return bought;
  };
  const blockerOf = async (purchaseId: string) => {
    const { body } = await server.get(`${path}/reseller-relationship/removal-readiness`);
    return body.blockers.find(({ itemId }: any) => itemId === purchaseId);
  };

  beforeAll(async () => {
    server = await runServer({ env: { TIMEKEEPER: 'off' } });
    path = await establish(server, newCustomer());
  });
  afterAll(() => server.end());

  it('is in its second term, and blocks until auto-renew is off and that term is over (V7a)', async () => {
    await buy('renews');
    expect(await blockerOf('renews')).toMatchObject({
      kind: 'softwarePurchase',
      reason: 'cancellationWindowClosed',
      remedy: 'switchOffAutoRenewAndWait',
      remedyCommand: 'SetSoftwareAutoRenew',
      earliestClearableAt: yearsLater(2, 0, 1),
    });
    expect(await server.post(`${path}/software/renews/cancel`)).toMatchObject({
      status: 409,
      code: 'CancellationWindowClosed',
      body: { details: { closedAt: yearsLater(1, 7), nextWindowAt: yearsLater(2, 0, 1) } },
    });

    const switchedOff = await server.post(`${path}/software/renews/auto-renew`, { autoRenew: false });
    expect(switchedOff.status).toBe(200);
    expect(switchedOff.body.events.at(-1)).toBe('SoftwareAutoRenewDisabled');
    expect(await server.post(`${path}/software/renews/auto-renew`, { autoRenew: false })).toMatchObject({
      status: 409,
      code: 'NothingToChange',
    });
    expect(await blockerOf('renews')).toMatchObject({
      remedy: 'waitOrTransfer',
      earliestClearableAt: yearsLater(2, 0, 1),
    });
    const history = await server.get(`${path}/events?limit=200`);
    expect(history.body.find(({ type }: any) => type === 'SoftwareRenewed').data).toEqual({
      purchaseId: 'renews',
      termStartsAt: yearsLater(1),
      expiresAt: yearsLater(2),
      cancellationAllowedUntil: yearsLater(1, 7),
      renewedAt: yearsLater(1),
    });
    const { body } = await server.get(`${path}/items?item=softwarePurchase`, {
      headers: { 'ledger-position': switchedOff.headers.get('ledger-position')! },
    });
    expect(body.items).toMatchObject([
      { itemId: 'renews', status: 'completed', autoRenew: false, endsAt: yearsLater(2), blocks: 'softwarePurchase' },
    ]);
    expect(await server.post(`${path}/software/renews/renew`)).toMatchObject({
      status: 409,
      code: 'NotDue',
      body: { details: { dueAt: yearsLater(2, 0, 1) } },
    });
  });

  it('has ended where it was bought without auto-renew, and blocks nothing (V7a, R8)', async () => {
    await buy('ends', { autoRenew: false });
    expect((await server.get(`${path}/software/ends`)).body).toMatchObject({ status: 'expired', autoRenew: false });
    expect(await blockerOf('ends')).toBeUndefined();
    expect(await server.post(`${path}/software/ends/auto-renew`, { autoRenew: true })).toMatchObject({
      status: 409,
      code: 'InvalidTransition',
    });
  });

  it('takes auto-renew as its own value, which perpetual software has not (V7a)', async () => {
    const perpetual = { kind: 'perpetual', termDuration: undefined };
    expect(
      await server.post(`${path}/software`, purchase('perpetual', { ...perpetual, autoRenew: true })),
    ).toMatchObject({ status: 422, code: 'InvalidItem', body: { errors: [{ pointer: '/autoRenew' }] } });
    await buy('perpetual', perpetual);
    expect((await server.get(`${path}/software/perpetual`)).body).toMatchObject({ autoRenew: false });
  });
});
