import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generateKeyPair, SignJWT } from 'jose';
import { listsOfCustomer, partnerWideLists } from '../lists.js';
import {
  customerPath,
  establish,
  globalAdminOf,
  greatLakes,
  harbor,
  idNamed,
  newCustomer,
  northwind,
  pairPath,
  rheinwolke,
  runServer,
  sandbar,
  subscription,
  type RunningServer,
  type Who,
} from './running-server.js';

describe('what belongs to one', () => {
  let server: RunningServer;
  let path: string;
  let customer: string;
  beforeAll(async () => {
    server = await runServer();
    customer = newCustomer();
    path = await establish(server, customer);
    await server.post(`${path}/subscriptions`, subscription('sub-1'));
  });
  afterAll(() => server.end());

  const everything = () => [
    ['GET', `${customerPath(customer)}/reseller-relationship`],
    ['GET', `${customerPath(customer)}/reseller-relationship/removal-readiness`],
    ['GET', `${customerPath(customer)}/subscriptions/sub-1`],
    ['GET', `${customerPath(customer)}/events`],
    ...listsOfCustomer.map((list) => ['GET', `${customerPath(customer)}/${list}`]),
    ['POST', `${customerPath(customer)}/subscriptions/sub-1/suspend`],
    ['POST', `${customerPath(customer)}/reseller-relationship/remove`],
    ['GET', `${pairPath(northwind, customer)}/reseller-relationship`],
    ['GET', `${pairPath(northwind, customer)}/events`],
    ['POST', `${pairPath(northwind, customer)}/subscriptions/sub-1/suspend`],
  ];

  it('partner does not exist for another', async () => {
    const as: Who = { tenant: greatLakes };
    for (const [method, address] of everything()) {
      const body = method === 'POST' ? (address!.endsWith('suspend') ? { reason: 'fraud' } : {}) : undefined;
      const answered = await server.send(address!, { method: method!, as, body });
      expect({ address, status: answered.status, code: answered.code }).toEqual({
        address,
        status: 404,
        code: 'RelationshipNotFound',
      });
    }
    for (const list of partnerWideLists)
      expect([list, (await server.get(list, { as })).body.items]).toEqual([list, []]);
    // A relationship of its own with the same customer is another one.
    await establish(server, customer, { partner: greatLakes });
    expect((await server.get(`${path}/subscriptions/sub-1`, { as })).code).toBe('ItemNotFound');
  });

  it('customer does not exist for another', async () => {
    const as = globalAdminOf(newCustomer());
    for (const address of [
      'reseller-relationship',
      'events',
      'reseller-relationship/removal-readiness',
      ...listsOfCustomer,
    ])
      expect(await server.get(`${pairPath(northwind, customer)}/${address}`, { as })).toMatchObject({
        status: 404,
        code: 'RelationshipNotFound',
      });
  });

  it('customer can be seen by its Global admin, with each partner by name', async () => {
    const as = globalAdminOf(customer);
    expect((await server.get(`${pairPath(northwind, customer)}/reseller-relationship`, { as })).status).toBe(200);
    expect(
      (await server.get(`${pairPath(northwind, customer)}/items`, { as, headers: { prefer: 'wait=10' } })).status,
    ).toBe(200);
    // Its history names the partner's people.
    expect(await server.get(`${pairPath(northwind, customer)}/events`, { as })).toMatchObject({
      status: 403,
      code: 'ActorNotAllowed',
    });
    expect(await server.get(`${path}/reseller-relationship`, { as })).toMatchObject({
      status: 400,
      code: 'PartnerNotNamed',
    });
    expect(await server.get('/v1/customers', { as })).toMatchObject({ status: 400, code: 'PartnerNotNamed' });
    expect(await server.get(`${pairPath(rheinwolke, customer)}/reseller-relationship`, { as })).toMatchObject({
      status: 404,
    });
    expect(await server.get(`${pairPath(randomUUID(), customer)}/reseller-relationship`, { as })).toMatchObject({
      status: 404,
    });
  });

  it('customer cannot be removed by it (rule R28)', async () => {
    const refused = await server.post(
      `${pairPath(northwind, customer)}/reseller-relationship/remove`,
      {},
      {
        as: globalAdminOf(customer),
        headers: { 'if-match': '*' },
      },
    );
    expect(refused).toMatchObject({
      status: 403,
      code: 'ActorNotAllowed',
      body: { details: { hint: 'askThePartner' } },
    });
  });

  it('GUID is the same in any case', async () => {
    const shouted = `/v1/customers/${customer.toUpperCase()}`;
    expect((await server.get(`${shouted}/reseller-relationship`)).body.customerId).toBe(customer);
    const token = await server.tokenOf({ tenant: northwind.toUpperCase() });
    expect((await server.get(`${shouted}/reseller-relationship`, { as: token })).body.partnerId).toBe(northwind);
    const own = `/v1/partners/${northwind.toUpperCase()}/customers/${customer.toUpperCase()}`;
    expect((await server.get(`${own}/subscriptions/sub-1`)).status).toBe(200);
  });
});

describe('who asks', () => {
  let server: RunningServer;
  let path: string;
  beforeAll(async () => {
    server = await runServer();
    path = await establish(server);
  });
  afterAll(() => server.end());
  const relationship = () => `${path}/reseller-relationship`;
  const remove = (as: Who) => server.post(`${relationship()}/remove`, {}, { as, headers: { 'if-match': '*' } });

  it('must be known', async () => {
    const missing = await server.get(relationship(), { as: null });
    expect(missing).toMatchObject({ status: 401, code: 'Unauthenticated' });
    expect(missing.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(await server.get('/v1/nothing/there', { as: null })).toMatchObject({ status: 401 });
    // Before the body is looked at, or anything else.
    expect(await server.post(`${path}/subscriptions`, '{', { as: null, key: null })).toMatchObject({ status: 401 });
  });

  it('is known by a token of this server’s key, meant for it and still good', async () => {
    const { privateKey } = await generateKeyPair('Ed25519');
    const foreign = await new SignJWT({ tid: northwind, oid: 'x', roles: ['GlobalAdmin'] })
      .setProtectedHeader({ alg: 'EdDSA' })
      .setIssuer('reseller-ledger')
      .setAudience('reseller-ledger')
      .setExpirationTime('1h')
      .sign(privateKey);
    for (const token of [foreign, 'a.b.c', `${await server.tokenOf({})}x`]) {
      const refused = await server.get(relationship(), { as: token });
      expect(refused).toMatchObject({ status: 401, code: 'InvalidToken' });
      expect(refused.headers.get('www-authenticate')).toContain('invalid_token');
    }
  });

  it('must be one of the server’s partners, or a customer', async () => {
    const tenant = randomUUID();
    expect(await server.get(relationship(), { as: { tenant } })).toMatchObject({
      status: 403,
      code: 'PartnerUnknown',
      body: { tenant },
    });
  });

  it('must hold a role that may', async () => {
    expect(await remove({ roles: ['AdminAgent'] })).toMatchObject({
      status: 403,
      code: 'RoleNotAllowed',
      body: { details: { anyOf: ['GlobalAdmin'] } },
    });
    expect(await remove({ roles: ['GlobalAdmin'], app: true })).toMatchObject({
      status: 403,
      code: 'UserContextRequired',
    });
    expect(await server.get(relationship(), { as: { roles: [] } })).toMatchObject({
      status: 403,
      code: 'RoleNotAllowed',
    });
    expect(await server.get('/v1/customers', { as: { roles: ['DataProtectionOfficer'] } })).toMatchObject({
      status: 403,
    });
  });

  it('only audits with the role for it', async () => {
    const as: Who = { roles: ['Auditor'] };
    for (const address of [relationship(), `${path}/events`, '/v1/customers'])
      expect((await server.get(address, { as })).status).toBe(200);
    expect(await server.post(`${path}/subscriptions`, subscription('audited'), { as })).toMatchObject({
      status: 403,
      code: 'RoleNotAllowed',
    });
  });

  it('may be an app of the partner’s that relays what the customer’s Global admin has decided', async () => {
    const relayed = customerPath(newCustomer());
    await server.post(`${relayed}/reseller-relationship/request`, { customer: { name: 'Relayed' }, market: 'US' });
    const accept = (globalAdmin: boolean) =>
      server.post(
        `${relayed}/reseller-relationship/accept`,
        { acceptedBy: { userId: 'their-admin', globalAdmin } },
        { as: { app: true, id: 'portal' } },
      );
    expect(await accept(false)).toMatchObject({ status: 403, code: 'AcceptorNotGlobalAdmin' });
    expect((await accept(true)).status).toBe(200);
    const [, established] = (await server.get(`${relayed}/events`)).body;
    const portal = idNamed('portal');
    // No form tells a name from an opaque id, so only GUIDs stay as they are.
    expect(established.data.acceptedBy).toEqual({ userId: expect.stringMatching(/^\w{8}-\w{4}-8/), relayedBy: portal });
    expect(established).toMatchObject({ actorkind: 'partnerApp', actorid: portal });
  });

  it('may be of a type or standing that may not', async () => {
    const request = (tenant: string) =>
      server.post(
        `${customerPath(newCustomer())}/reseller-relationship/request`,
        { customer: { name: 'X' }, market: 'US' },
        { as: { tenant } },
      );
    expect(await request(sandbar)).toMatchObject({ status: 403, code: 'PartnerRestricted' });
    // Rule R1a: nobody could use or end such a relationship.
    expect(await request(harbor)).toMatchObject({
      status: 403,
      code: 'PartnerTypeNotAllowed',
      body: { details: { hint: 'askTheProvider' } },
    });
  });
});
