import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bodyOf, openapi } from './contract.js';
import {
  establish,
  globalAdminOf,
  newCustomer,
  northwind,
  partners,
  runServer,
  type RunningServer,
  type Sent,
} from './running-server.js';

/** Every route that a customer may address, by the partner that it names. */
const routes = Object.entries(openapi['paths'] as Record<string, Record<string, any>>).flatMap(([path, operations]) =>
  path.includes('{partnerId}')
    ? Object.entries(operations).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation }))
    : [],
);

// A customer that could tell partners from other tenants would learn who they are.
describe('a partner that there is not answers like one that has nothing to do with the caller:', () => {
  let server: RunningServer;
  let ofNorthwind: string;
  const customer = newCustomer();
  const foreign = partners.map(({ tenantId }) => tenantId).filter((tenantId) => tenantId !== northwind)[0]!;
  const unknown = randomUUID();
  beforeAll(async () => {
    server = await runServer();
    ofNorthwind = newCustomer();
    await establish(server, ofNorthwind);
  });
  afterAll(() => server.end());

  /** The answer, with its ids blotted out. */
  async function answer(method: string, path: string, partner: string, sent: Sent) {
    const ids: Record<string, string> = { partnerId: partner, item: 'subscription' };
    const address = path.replace(/\{(\w+)\}/g, (_, name: string) =>
      name === 'customerId' ? customer : name === 'operationId' ? northwind : (ids[name] ?? 'none-0001'),
    );
    const { status, headers, body } = await server.send(address, { ...sent, method });
    const { 'x-correlation-id': _, date: __, ratelimit: ___, ...shown } = Object.fromEntries(headers);
    const text = JSON.stringify({ shown, body: { ...body, correlationId: '' } });
    return { status, text: text.replaceAll(partner, 'PARTNER') };
  }

  const callers: readonly (readonly [string, () => Sent['as']])[] = [
    ['the customer itself', () => globalAdminOf(customer)],
    ['another customer', () => globalAdminOf(ofNorthwind)],
    ['a person of another partner', () => ({})],
    ['an app of the customer', () => ({ ...globalAdminOf(customer), app: true })],
    ['a person without a role', () => ({ tenant: customer, roles: [] })],
    ['a stranger', () => null],
  ];

  it.each(callers)('to %s', async (_, as) => {
    const faults: string[] = [];
    for (const { method, path, operation } of routes) {
      const whole = {
        body: method === 'POST' ? (operation.requestBody ? bodyOf(operation)['example'] : {}) : undefined,
      };
      const asked: readonly (readonly [string, string, Omit<Sent, 'as'>])[] =
        method === 'POST'
          ? [
              ['whole', path, { ...whole, headers: { 'if-match': '*' } }],
              ['a trial', `${path}?dryRun=true`, whole],
              ['without a key', path, { ...whole, key: null }],
              ['with a bad body', path, { body: '{' }],
              ['with an unknown field', path, { body: { nonsense: 1 } }],
            ]
          : [
              ['whole', path, {}],
              ['as of then', `${path}?asOfPosition=1`, {}],
              ['with a bad parameter', `${path}?nonsense=1`, {}],
            ];
      for (const [how, address, sent] of asked) {
        const [there, none] = [foreign, unknown].map((partner) =>
          answer(method, address, partner, { ...sent, as: as() } as Sent),
        );
        const [one, other] = [await there!, await none!];
        if (one.status !== other.status || one.text !== other.text)
          faults.push(`${method} ${path} ${how}: ${one.status} ${one.text}, but ${other.status} ${other.text}`);
      }
    }
    expect(faults).toEqual([]);
  });

  it('takes every route that names a partner', () => {
    expect(routes.length).toBeGreaterThan(60);
  });
});
