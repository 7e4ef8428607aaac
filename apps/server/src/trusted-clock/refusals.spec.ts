import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { relationshipStream } from '#customer-relationship';
import { inMemoryEventStore } from '#event-sourcing';
import { partner } from '../../../../bench/histories.js';
import { ledgerOver } from '../testing-ledger.js';
import { routesOver } from '../testing-routes.js';
import { TrustedClock } from './trusted-clock.js';

describe('A server whose clock has jumped', () => {
  const start = Date.parse('2026-03-01T00:00:00.000Z');
  const year = 365 * 24 * 60 * 60 * 1_000;
  const customerId = randomUUID();
  const path = `/v1/customers/${customerId}`;
  let store: ReturnType<typeof inMemoryEventStore>;
  let routes: Awaited<ReturnType<typeof routesOver>>;
  let ahead: number;
  let agreed: number | undefined;
  const withdraw = () => routes.post(`${path}/reseller-relationship/withdraw`);
  const events = () => store.read(relationshipStream(partner.tenantId, customerId));

  beforeEach(async () => {
    [ahead, agreed] = [0, undefined];
    const clocks = { wall: () => start + ahead, monotonic: () => 0, uptime: () => 0 };
    const notes = { left: () => undefined, write: () => undefined, agreed: () => agreed, clear: () => undefined };
    store = inMemoryEventStore();
    routes = await routesOver(ledgerOver(store, undefined, new TrustedClock({ clocks, notes })));
    const { market } = partner;
    const { status } = await routes.post(`${path}/reseller-relationship/request`, { customer: { name: 'C' }, market });
    expect(status).toBe(200);
    ahead = year;
  });
  afterEach(() => routes.close());

  it('records nothing, and answers nothing that counts from it', async () => {
    const answers = [
      await withdraw(),
      await routes.post(`${path}/reseller-relationship/withdraw?dryRun=true`),
      await routes.get(`${path}/reseller-relationship`),
      await routes.get(`${path}/reseller-relationship/removal-readiness`),
      await routes.get(`${path}/explanations/customer-list`),
    ];
    for (const { status, body } of answers)
      expect([status, body]).toMatchObject([503, { code: 'ClockNotTrusted', outcome: 'none' }]);
    expect(await events()).toHaveLength(1);
    expect((await routes.get(`${path}/reseller-relationship?asOfRevision=0`)).body.status).toBe('requested');
    expect((await routes.get(`${path}/events`)).status).toBe(200);
  });

  it('goes on once it has been put right', async () => {
    expect((await withdraw()).status).toBe(503);
    ahead = 0;
    expect((await withdraw()).status).toBe(200);
    expect((await events()).at(-1)!.metadata.recordedAt).toBe(new Date(start).toISOString());
  });

  it('goes on once a person has agreed: what time has brought about meanwhile is so (T1, R29)', async () => {
    expect((await withdraw()).status).toBe(503);
    agreed = start + year;
    expect((await routes.get(`${path}/reseller-relationship`)).body.status).toBe('requestExpired');
    expect(await withdraw()).toMatchObject({ status: 409, body: { code: 'RequestExpired' } });
  });
});
