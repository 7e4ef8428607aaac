import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../eventually.js';
import {
  customerPath,
  establish,
  globalAdminOf,
  greatLakes,
  idNamed,
  newCustomer,
  northwind,
  pairPath,
  runServer,
  subscription,
  type RunningServer,
  type Who,
} from './running-server.js';
import { runTool } from './tools.js';

const auditor: Who = { roles: ['Auditor'], id: 'auditor' };

/** Every page, one after the other. */
async function securityEvents(server: RunningServer, as: Who = auditor, limit = 200): Promise<any[]> {
  const items: any[] = [];
  let path: string | undefined = `/v1/security-events?limit=${limit}`;
  while (path) {
    const { status, body, headers } = await server.get(path, { as });
    expect(status).toBe(200);
    items.push(...body.items);
    path = /^<([^>]*)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1];
  }
  return items;
}

async function untilRecorded(server: RunningServer, recorded: (events: any[]) => boolean, as?: Who): Promise<any[]> {
  let events: any[] = [];
  await eventually(
    () => `other events than ${JSON.stringify(events)}`,
    async () => recorded((events = await securityEvents(server, as))),
  );
  return events;
}

describe('the security journal', () => {
  let server: RunningServer;
  let path: string;
  let customer: string;
  beforeAll(async () => {
    server = await runServer();
    customer = newCustomer();
    path = await establish(server, customer);
  });
  afterAll(() => server.end());

  it('shows auditors who was denied, at which route, as whom, and nothing that is personal or secret', async () => {
    const salesman: Who = { roles: ['SalesAgent'], id: 'sales-1' };
    const stranger = newCustomer();
    await server.post(
      `${path}/reseller-relationship/remove`,
      { comment: 'Jane Roe asked' },
      { as: salesman, headers: { 'if-match': '*' } },
    );
    await server.post(
      `${path}/reseller-relationship/remove`,
      {},
      { as: { app: true, id: 'robot' }, headers: { 'if-match': '*' } },
    );
    await server.get(`${customerPath(stranger)}/items`, { as: salesman });
    await server.get(`${pairPath(northwind, customer)}/reseller-relationship?secret=word`, {
      as: { tenant: greatLakes, id: 'spy' },
    });
    await server.get(`${pairPath(northwind, customer)}/items`, { as: globalAdminOf(stranger) });
    await server.get(`${pairPath(northwind, customer)}/items`, { as: null });
    // Not denied: what is not there, what the state does not allow, what cannot be read.
    await server.get(`${path}/subscriptions/none`, { as: salesman });
    await server.get('/v1/nothing');
    await server.post(`${path}/agreement/confirm`, {});
    await server.post(`${path}/subscriptions`, '{');

    const events = await untilRecorded(server, ({ length }) => length >= 6);
    const denied = (code: string, method: string, route: string, who: object = {}) => ({
      type: 'AccessDenied',
      id: expect.any(String),
      recordedAt: expect.stringMatching(/Z$/),
      code,
      method,
      route,
      ...who,
      count: 1,
      firstAt: expect.stringMatching(/Z$/),
      lastAt: expect.stringMatching(/Z$/),
    });
    const [remove, pair] = [
      '/v1/customers/:customerId/reseller-relationship/remove',
      '/v1/partners/:partnerId/customers/:customerId',
    ];
    const ours = { tenant: northwind, partnerId: northwind };
    expect(events).toEqual([
      denied('RoleNotAllowed', 'POST', remove, { ...ours, actorId: idNamed('sales-1') }),
      denied('UserContextRequired', 'POST', remove, { ...ours, actorId: idNamed('robot') }),
      denied('RelationshipNotFound', 'GET', '/v1/customers/:customerId/items', {
        ...ours,
        actorId: idNamed('sales-1'),
      }),
      denied('RelationshipNotFound', 'GET', `${pair}/reseller-relationship`, {
        tenant: greatLakes,
        partnerId: northwind,
        actorId: idNamed('spy'),
      }),
      denied('RelationshipNotFound', 'GET', `${pair}/items`, {
        tenant: stranger,
        partnerId: northwind,
        actorId: idNamed('customer-admin'),
      }),
      denied('Unauthenticated', 'GET', `${pair}/items`, { partnerId: northwind }),
    ]);
    expect(JSON.stringify(events)).not.toMatch(new RegExp(`secret|Jane|127\\.0\\.0\\.1|${customer}`));
  });

  it('shows each partner what concerns it, page by page', async () => {
    const theirs = await untilRecorded(server, ({ length }) => length === 1, {
      tenant: greatLakes,
      roles: ['GlobalAdmin'],
    });
    expect(theirs).toMatchObject([{ actorId: idNamed('spy'), tenant: greatLakes, partnerId: northwind }]);
    const paged = await securityEvents(server, auditor, 1);
    expect(paged).toEqual(await securityEvents(server));
    const times = paged.map(({ recordedAt }) => Date.parse(recordedAt));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    // A cursor is good for its partner alone.
    const { headers } = await server.get('/v1/security-events?limit=1', { as: auditor });
    const next = /cursor=([^&]+)/.exec(headers.get('link')!)![1];
    expect(await server.get(`/v1/security-events?cursor=${next}`, { as: { tenant: greatLakes } })).toMatchObject({
      status: 400,
      code: 'InvalidCursor',
    });
  });

  it('is for Global admins and auditors alone', async () => {
    for (const role of ['AdminAgent', 'SalesAgent', 'HelpdeskAgent', 'BillingAdmin', 'DataProtectionOfficer'] as const)
      expect(await server.get('/v1/security-events', { as: { roles: [role], id: 'curious' } })).toMatchObject({
        status: 403,
        code: 'RoleNotAllowed',
        body: { details: { anyOf: ['GlobalAdmin', 'Auditor'] } },
      });
    expect((await server.get('/v1/security-events', { as: { roles: ['GlobalAdmin'] } })).status).toBe(200);
  });

  it('counts what comes again, and keeps the counts when the server stops', async () => {
    const as: Who = { roles: ['HelpdeskAgent'], id: 'again' };
    const remove = () => server.post(`${path}/reseller-relationship/remove`, {}, { as, headers: { 'if-match': '*' } });
    await Promise.all(Array.from({ length: 50 }, remove));
    const found = await untilRecorded(server, (events) => events.some(({ actorId }) => actorId === idNamed('again')));
    expect(found.filter(({ actorId }) => actorId === idNamed('again'))).toMatchObject([{ count: 1 }]);
    server = await server.restart();
    const counted = (await securityEvents(server)).filter(({ actorId }) => actorId === idNamed('again'));
    expect(counted.map(({ count }) => count)).toEqual([1, 49]);
  });

  it('does not grow by knocking', async () => {
    const before = (await securityEvents(server)).length;
    const knocking = Array.from({ length: 300 }, (_, index) =>
      server.get(`${customerPath(randomUUID())}/items`, { as: { id: `knocking-${index}` } }),
    );
    for (const { status } of await Promise.all(knocking)) expect(status).toBe(404);
    await sleep(500);
    server = await server.restart();
    const events = (await securityEvents(server)).slice(before);
    expect(events.filter(({ type }) => type === 'AccessDenied').length).toBeLessThanOrEqual(60);
    expect(events.at(-1)).toMatchObject({ type: 'AccessDenialsOmitted' });
    const omitted = events.filter(({ type }) => type === 'AccessDenialsOmitted');
    expect(omitted.every(({ partnerId, count }) => partnerId === northwind && count! > 0)).toBe(true);
  });

  it('stands in the log as an event does, where views, relationships and positions are not disturbed by it', async () => {
    const { status, headers: written } = await server.post(`${path}/subscriptions`, subscription('sub-after'));
    expect(status).toBe(201);
    const { body } = await server.get('/v1/items', {
      headers: { 'ledger-position': written.get('ledger-position')!, prefer: 'wait=20' },
    });
    expect(body.items).toMatchObject([{ itemId: 'sub-after' }]);
    expect((await server.get('/v1/events')).body.map(({ subject }: any) => subject)).not.toContain('securityJournal');
    await server.stop();
    const { stdout, code } = await runTool('integrity', [], {
      DATA_DIR: server.dataDirectory,
      ...server.store.env,
    });
    expect([code, stdout]).toEqual([0, expect.stringMatching(/./)]);
  });
});
