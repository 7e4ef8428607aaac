import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { partnerWideLists } from '../lists.js';
import { timeOfDay } from '../wall-clock.js';
import {
  establish,
  globalAdminOf,
  greatLakes,
  newCustomer,
  northwind,
  pairPath,
  partners,
  runServer,
  subscription,
  type Answered,
  type RunningServer,
} from './running-server.js';
import { startServer } from '../server-process.js';

const began = timeOfDay();

describe('a list', () => {
  let server: RunningServer;
  let written: string;
  const names = Array.from({ length: 7 }, (_, index) => `${index % 2 === 0 ? 'Zinc' : 'amber'} ${index}`);
  const sorted = [...names].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  let customers: string[];
  /** Reads what was written, however far the view is. */
  const list = (path: string, headers: Record<string, string> = {}) =>
    server.get(path, { headers: { 'ledger-position': written, prefer: 'wait=20', ...headers } });
  const next = ({ headers }: Answered) => /<(.*)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];

  beforeAll(async () => {
    server = await runServer();
    customers = names.map(() => newCustomer());
    for (const [index, name] of names.entries()) await establish(server, customers[index], { name });
    await establish(server, newCustomer(), { partner: greatLakes, name: 'Not ours' });
    const path = `/v1/customers/${customers[0]}`;
    for (const id of ['b', 'c', 'a'])
      await server.post(`${path}/subscriptions`, subscription(id, { name: `Seats ${id}` }));
    const last = await server.post(`${path}/subscriptions/b/suspend`, { reason: 'nonPayment' });
    written = last.headers.get('ledger-position')!;
  });
  afterAll(() => server.end());

  it('comes page by page, each row once, in order, without regard to case', async () => {
    const pages: Answered[] = [];
    for (let at: string | undefined = '/v1/customers?limit=3'; at; at = next(pages.at(-1)!)) pages.push(await list(at));
    expect(pages.map(({ body }) => body.items.length)).toEqual([3, 3, 1]);
    expect(pages.flatMap(({ body }) => body.items.map(({ name }: any) => name))).toEqual(sorted);
    // The filters and the length of the page travel in the link.
    expect(next(pages[0]!)).toMatch(/^\/v1\/customers\?limit=3&cursor=/);
  });

  it('is sorted and filtered as asked', async () => {
    const ids = async (query: string) => (await list(`/v1/items?${query}`)).body.items.map(({ itemId }: any) => itemId);
    expect(await ids('')).toEqual(['a', 'b', 'c']);
    expect(await ids('status=suspended')).toEqual(['b']);
    expect(await ids('status=active&nameStartsWith=SEATS')).toEqual(['a', 'c']);
    expect(await ids(`customerId=${customers[0]!.toUpperCase()}`)).toEqual(['a', 'b', 'c']);
    expect(await ids(`customerId=${customers[1]}`)).toEqual([]);
    expect(await ids('current=false')).toEqual([]);
    expect(
      (await list('/v1/customers?sort=establishedAt')).body.items.map(({ customerId }: any) => customerId),
    ).toEqual(customers);
    expect((await list('/v1/customers?nameContains=BER')).body.items).toHaveLength(3);
  });

  it('finds a domain in any case, and finds none that was cleared', async () => {
    const customer = newCustomer();
    const path = await establish(server, customer, { name: 'Zinc with a domain' });
    const update = (domain: string) => server.post(`${path}/profile/update`, { domain });
    const found = async (answered: Answered) => {
      const headers = { 'ledger-position': answered.headers.get('ledger-position')!, prefer: 'wait=20' };
      const { body } = await server.get('/v1/customers?domain=ZINC.example', { headers });
      return body.items.map(({ customerId }: any) => customerId);
    };
    expect(await found(await update('Zinc.EXAMPLE'))).toEqual([customer]);
    expect((await update('zinc.example')).body.code).toBe('NothingToChange');
    const cleared = await update('');
    expect(cleared.status).toBe(200);
    expect(await found(cleared)).toEqual([]);
    expect((await server.get(`${path}/reseller-relationship`)).body.customer).not.toHaveProperty('domain');
    expect((await update('')).body.code).toBe('NothingToChange');
    await server.post(`${path}/reseller-relationship/remove`, {}, { headers: { 'if-match': '*' } });
  });

  it('goes on only as it began: a cursor is for one list, query and partner', async () => {
    const cursor = new URL(next(await list('/v1/customers?limit=2'))!, server.url).searchParams.get('cursor')!;
    expect((await list(`/v1/customers?cursor=${cursor}`)).body.items).toHaveLength(5);
    for (const [address, as] of [
      [`/v1/customers?sort=establishedAt&cursor=${cursor}`, {}],
      [`/v1/items?cursor=${cursor}`, {}],
      [`/v1/customers?cursor=${cursor.slice(0, -4)}AAAA`, {}],
      [`/v1/customers?cursor=${cursor}`, { tenant: greatLakes }],
    ] as const)
      expect(await server.get(address, { as })).toMatchObject({ status: 400, code: 'InvalidCursor' });
  });

  it('says for which place in the ledger it holds, and up to when', async () => {
    const { body, headers } = await list('/v1/items');
    expect(headers.get('ledger-position')).toMatch(
      new RegExp(`^${body.position};ledger="[0-9a-f-]{36}"(;event=".{13}")?$`),
    );
    expect(Number(body.position)).toBeGreaterThanOrEqual(Number.parseInt(written));
    expect(Date.parse(body.asOf)).toBeGreaterThanOrEqual(began.getTime());
  });

  it('has no tag, because rows change by the clock alone', async () => {
    for (const path of partnerWideLists) {
      const { status, headers } = await list(path, { 'if-none-match': '*' });
      expect([path, status, headers.get('etag'), headers.get('cache-control')]).toEqual([path, 200, null, 'no-store']);
    }
    const moved = await server.post(`/v1/customers/${customers[0]}/subscriptions/b/reactivate`);
    const items = await list('/v1/items', {
      'ledger-position': moved.headers.get('ledger-position')!,
      prefer: 'wait=30',
    });
    expect(items.body.items.find(({ itemId }: any) => itemId === 'b').status).toBe('active');
  });

  it('waits for what its reader has written, and for nothing that this ledger has not', async () => {
    const [position, ledger] = written.split(';') as [string, string];
    const patient = { headers: { prefer: 'wait=30' } };
    expect((await server.get(`/v1/items?atLeast=${position}`, patient)).status).toBe(200);
    const beyond = String(Number(position) + 1_000_000);
    for (const sent of [
      { headers: { 'ledger-position': `${beyond};${ledger}` } },
      { headers: { 'ledger-position': `${position};ledger="${newCustomer()}"` } },
    ])
      expect(await server.get('/v1/items', sent)).toMatchObject({ status: 400, code: 'LedgerPositionUnknown' });
    expect(await server.get(`/v1/items?atLeast=${beyond}`)).toMatchObject({
      status: 400,
      code: 'LedgerPositionUnknown',
    });
    expect(await server.get('/v1/items', { headers: { 'ledger-position': 'x' } })).toMatchObject({
      status: 400,
      code: 'InvalidHeader',
    });
    for (const address of [`/v1/items?atLeast=${position}`, '/v1/items', `/v1/items?asOfPosition=${position}`]) {
      // More than it may wait is as much as it may.
      const longest = await server.get(address, { headers: { prefer: 'wait=1000000' } });
      expect([longest.status, longest.headers.get('preference-applied')]).toEqual([200, 'wait=30']);
      // What is not understood is ignored; nothing is left to wait for by now.
      const unsaid = await server.get(address, { headers: { prefer: 'wait=x' } });
      expect([unsaid.status, unsaid.headers.get('preference-applied')]).toEqual([200, null]);
    }
  });

  it('of one customer is for the partner and for the customer', async () => {
    const [customerId] = customers as [string];
    const own = await list(`/v1/customers/${customerId}/items`);
    const theirs = await server.get(`${pairPath(northwind, customerId)}/items`, {
      as: globalAdminOf(customerId),
      headers: { 'ledger-position': written },
    });
    expect(own.body.items).toEqual(theirs.body.items);
    expect(own.body.items.map(({ customerId }: any) => customerId)).toEqual([customerId, customerId, customerId]);
    const contacts = await list(`/v1/customers/${customerId}/support-contacts`);
    expect(contacts.body.available).toEqual([
      { tenantId: northwind, partnerId: '4000001', name: 'Northwind Cloud (direct bill, US)' },
    ]);
  });
});

describe('a list without its projector', () => {
  it('says how far it is, and is not ready, rather than make anybody wait for ever', async () => {
    let server = await runServer();
    const path = await establish(server);
    const before = await server.get('/v1/customers', {
      headers: {
        prefer: 'wait=20',
        'ledger-position': (await server.get(`${path}/reseller-relationship`)).headers.get('ledger-position')!,
      },
    });
    await server.stop();
    // As if the projector of another process had stopped.
    const still = await startServer(
      {
        dataDirectory: server.dataDirectory,
        partners,
        env: { ...server.store.env, PROJECTOR: 'off', VIEW_LAG_LIMIT_SECONDS: '1' },
      },
      'live',
    );
    const authorization = `Bearer ${await server.tokenOf({})}`;
    const renamed = await fetch(`${still.url}${path}/profile/update`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json', 'idempotency-key': 'rename' },
      body: '{"name":"Unseen"}',
    });
    const written = renamed.headers.get('ledger-position')!;
    const behind = await fetch(`${still.url}/v1/customers`, {
      headers: { authorization, 'ledger-position': written, prefer: 'wait=0' },
    });
    expect([behind.status, behind.headers.get('retry-after')]).toEqual([503, '1']);
    const problem = (await behind.json()) as any;
    expect(problem).toMatchObject({ code: 'ViewBehind', retryable: true });
    expect(Number(problem.position)).toBeGreaterThanOrEqual(Number(before.body.position));
    expect(Number(problem.position)).toBeLessThan(Number.parseInt(written));
    // Without a position it answers what it has, and how old that is.
    const stale = (await (await fetch(`${still.url}/v1/customers`, { headers: { authorization } })).json()) as any;
    expect(stale.items).toMatchObject([{ name: 'Contoso' }]);

    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const health = await fetch(`${still.url}/health/ready`);
    expect(health.status).toBe(503);
    expect(((await health.json()) as any).missing).toContainEqual(
      expect.stringMatching(/^the view customer-list is \d+ s behind$/),
    );
    expect((await fetch(`${still.url}/health/live`)).status).toBe(200);
    await still.stop();
    server = await server.restart();
    const seen = await server.get('/v1/customers', { headers: { 'ledger-position': written, prefer: 'wait=20' } });
    expect(seen.body.items).toMatchObject([{ name: 'Unseen' }]);
    await server.end();
  });
});
