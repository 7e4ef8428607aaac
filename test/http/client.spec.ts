import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ledgerClient, LedgerProblem, type LedgerPosition } from '@reseller-ledger/client';
import { newCustomer, northwind, partners, runServer, type RunningServer } from './running-server.js';

const market = partners.find(({ tenantId }) => tenantId === northwind)!.market;

describe('the client of a server', () => {
  let server: RunningServer;
  let token: string;
  let relay: string;
  beforeAll(async () => {
    server = await runServer();
    token = await server.tokenOf({});
    relay = await server.tokenOf({ app: true, id: 'relay' });
  });
  afterAll(() => server.end());

  const request = (customerId: string) => ({
    params: { path: { customerId } },
    body: { customer: { name: 'Contoso' }, market },
  });

  it('does all that its example says', async () => {
    Object.assign(process.env, { LEDGER_URL: server.url, PARTNER_TOKEN: token, RELAY_TOKEN: relay, MARKET: market });
    const said = jest.spyOn(console, 'log').mockImplementation(() => undefined);
    await import('../../libs/client/example/end-a-subscription.js');
    const lines = said.mock.calls.map(([line]) => String(line));
    said.mockRestore();
    expect(lines.slice(0, 2)).toEqual([
      expect.stringMatching(/^Business Basic blocks: /),
      'Business Basic is suspended',
    ]);
    expect(lines.slice(2).map((line) => line.replace(/^\S+ /, ''))).toEqual([
      'ResellerRelationshipRequested',
      'ResellerRelationshipEstablished',
      'CustomerAgreementConfirmed',
      'SubscriptionPurchased',
      'SubscriptionActivated',
      'SubscriptionSuspended',
    ]);
  });

  it('gets the same answer under the same key, refused or not', async () => {
    const ledger = ledgerClient({ baseUrl: server.url, token });
    const asked = request(newCustomer());
    const keyed = { ...asked, params: { ...asked.params, header: { 'Idempotency-Key': 'a-key' } } };
    const path = '/v1/customers/{customerId}/reseller-relationship/request';
    const first = await ledger.POST(path, keyed);
    const again = await ledger.POST(path, keyed);
    expect(again.data).toEqual(first.data);
    expect(again.response.headers.get('Idempotent-Replayed')).toBe('true');

    const refused = await ledger.POST(path, asked).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LedgerProblem);
    expect(refused).toMatchObject({ code: 'RequestAlreadyOpen', status: 409 });
  });

  it('reads at once what it wrote, in lists too', async () => {
    const ledger = ledgerClient({ baseUrl: server.url, token });
    const customerId = newCustomer();
    const path = { params: { path: { customerId } } };
    await ledger.POST('/v1/customers/{customerId}/reseller-relationship/request', request(customerId));
    const acceptance = { body: { acceptedBy: { userId: 'chris', globalAdmin: true } } };
    const { response } = await ledgerClient({ baseUrl: server.url, token: relay }).POST(
      '/v1/customers/{customerId}/reseller-relationship/accept',
      { ...path, ...acceptance },
    );
    // What another client has written is read from where that one says that it is.
    const position = response.headers.get('Ledger-Position') as LedgerPosition;
    const reader = ledgerClient({ baseUrl: server.url, token, position });
    const { data } = await reader.GET('/v1/customers', { params: { query: { customerId } } });
    expect(data.items).toMatchObject([{ customerId, name: 'Contoso' }]);
  });

  it('goes through a history page by page', async () => {
    const ledger = ledgerClient({ baseUrl: server.url, token });
    const customerId = newCustomer();
    const path = { params: { path: { customerId } } };
    for (let times = 0; times < 3; times++) {
      await ledger.POST('/v1/customers/{customerId}/reseller-relationship/request', request(customerId));
      await ledger.POST('/v1/customers/{customerId}/reseller-relationship/withdraw', path);
    }
    const types: string[] = [];
    const query = { limit: 2 };
    for await (const { type } of ledger.items('/v1/customers/{customerId}/events', {
      params: { path: { customerId }, query },
    }))
      types.push(type);
    const once = ['ResellerRelationshipRequested', 'ResellerRelationshipRequestWithdrawn'];
    expect(types).toEqual([...once, ...once, ...once]);
  });
});

describe('the client of a server that comes and goes', () => {
  it('is answered after a while, and follows the feed without gap or repeat', async () => {
    let server = await runServer();
    const { port, store, dataDirectory } = server;
    const token = await server.tokenOf({});
    const ledger = ledgerClient({ baseUrl: server.url, token });
    const customers = Array.from({ length: 12 }, newCustomer);
    const ending = new AbortController();
    const followed: unknown[] = [];
    const following = (async () => {
      const filters = { type: ['ResellerRelationshipRequested'] };
      for await (const { event } of ledger.follow({ filters, signal: ending.signal }))
        if (followed.push(event.data['customerId']) === customers.length) ending.abort();
    })();

    const sending = (async () => {
      for (const customerId of customers)
        await ledger.POST('/v1/customers/{customerId}/reseller-relationship/request', {
          params: { path: { customerId } },
          body: { customer: { name: 'Contoso' }, market },
        });
    })();
    for (let times = 0; times < 2; times++) {
      await server.killAtOnce();
      server = await runServer({ port, store, dataDirectory });
    }
    await sending;
    await following;
    await server.end();
    expect(followed).toEqual(customers);
  });
});
