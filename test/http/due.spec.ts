import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hence } from '../wall-clock.js';
import { runTool } from './tools.js';
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
  type RunningServer,
} from './running-server.js';

const day = 24 * 60 * 60 * 1000;
const bought = hence(-20 * day).toISOString();

describe('what comes next by time alone', () => {
  let server: RunningServer;
  let seen: { readonly headers: Readonly<Record<string, string>> };
  const asked = newCustomer();
  const customer = newCustomer();
  const due = async (query = '', as = {}) => {
    const { body, headers } = await server.get(`/v1/due${query}`, { ...seen, as });
    return { items: body.items as any[], next: /<(.*)>; rel="next"/.exec(headers.get('link') ?? '')?.[1] };
  };

  beforeAll(async () => {
    server = await runServer();
    await server.post(`${customerPath(asked)}/reseller-relationship/request`, {
      customer: { name: 'Adventure Works' },
      market: 'US',
    });
    const path = await establish(server, customer);
    await server.post(`${path}/delegated-admin`, {
      grantId: 'g',
      name: 'Helpdesk',
      roles: [newCustomer()],
      durationDays: 30,
    });
    const monthly = { name: 'Seats', termDuration: 'P1M', autoRenew: true, effectiveAt: bought };
    const last = await server.post(`${path}/subscriptions`, subscription('monthly', monthly));
    expect(last.status).toBe(201);
    seen = { headers: { 'ledger-position': last.headers.get('ledger-position')!, prefer: 'wait=30' } };
  });
  afterAll(() => server.end());

  it('is told of items, requests and grants in the order of time, with the command and what follows', async () => {
    const { items } = await due();
    expect(items).toMatchObject([
      { item: 'subscription', itemId: 'monthly', name: 'Seats', command: 'RenewSubscription', statusThen: 'active' },
      { item: 'request', itemId: null, name: 'Adventure Works', customerId: asked, statusThen: 'requestExpired' },
      { item: 'grant', itemId: 'g', name: 'Helpdesk', command: 'ExpireDelegatedAdmin', statusThen: 'expired' },
    ]);
    const open = await server.get('/v1/relationship-requests', seen);
    expect(open.body.items).toMatchObject([
      { customerId: asked, status: 'requested', dueAt: items[1].dueAt, dueCommand: items[1].command },
    ]);
    // The same time as in the refusal of the command that comes too early.
    expect(await server.post(`${customerPath(asked)}/reseller-relationship/expire`)).toMatchObject({
      code: 'NotDue',
      body: { details: { dueAt: items[1].dueAt } },
    });
  });

  it('comes page by page, and of one customer, to its people too', async () => {
    const { items } = await due();
    const pages: unknown[] = [];
    for (let query: string | undefined = '?limit=1'; query !== undefined;) {
      const page = await due(query);
      pages.push(...page.items);
      query = page.next?.replace('/v1/due', '');
    }
    expect(pages).toEqual(items);
    const ofCustomer = await server.get(`${customerPath(customer)}/due`, seen);
    expect(ofCustomer.body.items).toEqual([items[0], items[2]]);
    const people = await server.get(`${pairPath(northwind, customer)}/due`, {
      ...seen,
      as: globalAdminOf(customer),
    });
    expect(people.body.items).toEqual(ofCustomer.body.items);
    expect((await due('', { tenant: greatLakes })).items).toEqual([]);
  });

  it('is filtered by item, by time and by whether it is overdue', async () => {
    const { items } = await due();
    const at = encodeURIComponent(items[1].dueAt);
    expect((await due('?item=grant')).items).toEqual([items[2]]);
    expect((await due(`?dueUntil=${at}`)).items).toEqual(items.slice(0, 2));
    expect((await due(`?dueFrom=${at}`)).items).toEqual(items.slice(1));
    expect((await due('?overdue=true')).items).toEqual([]);
    expect((await due('?overdue=false')).items).toEqual(items);
  });

  it('is said of what blocks a removal, in the list of customers as in the readiness itself', async () => {
    const free = newCustomer();
    const last = await server.get(`${await establish(server, free, { name: 'Fabrikam' })}/reseller-relationship`);
    const list = async (query: string) => {
      const headers = { 'ledger-position': last.headers.get('ledger-position')! };
      const { body } = await server.get(`/v1/customers?${query}`, { headers });
      return body.items.map(({ customerId, readiness }: any) => ({ customerId, readiness }));
    };
    const { body: readiness } = await server.get(`${customerPath(customer)}/reseller-relationship/removal-readiness`);
    expect(readiness.blockers.map(({ kind }: any) => kind)).toEqual(['activeSubscription']);
    const blocked = {
      customerId: customer,
      readiness: {
        status: 'blocked',
        blockers: 1,
        byKind: expect.objectContaining({ activeSubscription: 1, reservation: 0 }),
        dueAt: (await due()).items[0].dueAt,
        overdueSince: null,
      },
    };
    const ready = {
      customerId: free,
      readiness: expect.objectContaining({ status: 'ready', blockers: 0, dueAt: null }),
    };
    expect(await list('sort=blockers')).toEqual([ready, blocked]);
    expect(await list('sort=blockersDueAt')).toEqual([blocked, ready]);
    expect(await list('readiness=ready')).toEqual([ready]);
    expect(await list('readiness=blocked')).toEqual([blocked]);
  });

  it('is told as it stood', async () => {
    const { items } = await due(`?asOf=${hence(-10 * day).toISOString()}`);
    expect(items).toEqual([]);
    const now = await due(`?asOf=${hence(0).toISOString()}`);
    expect(now.items).toEqual((await due()).items);
  });

  it('is told from the log itself, while the server runs and where no view is', async () => {
    const { items } = await due();
    const line = (row: any) => [
      row.dueAt,
      row.command,
      row.item,
      row.itemId ?? '',
      row.customerId,
      row.partnerId,
      row.statusThen,
    ];
    const tool = (...args: string[]) => runTool('due', args, { ...server.store.env, DATA_DIR: server.dataDirectory });
    const told = (rows: any[]) => rows.map((row) => `${line(row).join('\t')}\n`).join('');
    expect(await tool()).toEqual({
      code: 0,
      stdout: told(items),
      stderr: '3 come next, 0 of them are overdue.\n',
    });
    expect((await tool('--partner', northwind.toUpperCase(), '--customer', customer)).stdout).toBe(
      told([items[0], items[2]]),
    );
    expect((await tool('--until', items[1].dueAt)).stdout).toBe(told(items.slice(0, 2)));
    expect(await tool('--partner', 'northwind')).toEqual({
      code: 64,
      stdout: '',
      stderr: expect.stringContaining('must be the GUID of a tenant'),
    });
  });
});
