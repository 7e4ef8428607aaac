import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../eventually.js';
import { customerPath, newCustomer, partners, northwind, runServer, type RunningServer } from './running-server.js';

describe('a server that keeps time', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await runServer({ env: { METRICS_PORT: '0' } });
  });
  afterAll(() => server.end());

  const history = async (path: string) => (await server.get(`${path}/events?limit=200`)).body as any[];

  it('records that a request has lapsed', async () => {
    const path = customerPath(newCustomer());
    const { market } = partners.find(({ tenantId }) => tenantId === northwind)!;
    const body = { customer: { name: 'Contoso' }, market, effectiveAt: '2026-01-10T00:00:00.000Z' };
    expect((await server.post(`${path}/reseller-relationship/request`, body)).status).toBe(200);
    await eventually('the lapse on record', async () => (await history(path)).length > 1);
    expect((await history(path)).at(-1)).toMatchObject({ type: 'ResellerRelationshipRequestExpired' });
  });
});
