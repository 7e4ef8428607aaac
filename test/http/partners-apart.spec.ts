import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  customerPath,
  establish,
  globalAdminOf,
  newCustomer,
  northwind,
  pairPath,
  rheinwolke,
  runServer,
  type Answered,
  type RunningServer,
  type Sent,
} from './running-server.js';

let server: RunningServer;
const customerId = newCustomer();
const path = customerPath(customerId);
const customer = globalAdminOf(customerId);
const atRheinwolke = { tenant: rheinwolke };

beforeAll(async () => {
  server = await runServer();
  await establish(server, customerId);
  const request = { customer: { name: 'Contoso' }, market: 'DE' };
  expect((await server.post(`${path}/reseller-relationship/request`, request, { as: atRheinwolke })).status).toBe(200);
  const accept = `${pairPath(rheinwolke, customerId)}/reseller-relationship/accept`;
  expect((await server.post(accept, {}, { as: customer })).status).toBe(200);
  expect((await server.post(`${path}/agreement/confirm`, {}, { as: atRheinwolke })).status).toBe(200);
});
afterAll(() => server.end());

const tagOf = ({ headers }: Answered) => headers.get('etag')!;

describe('A customer of two partners', () => {
  const read = (sent: Sent) => server.get(`${path}/reseller-relationship`, sent);

  it('is shown to each with a tag of its own, though the address and the revision are the same', async () => {
    const [one, other] = [await read({}), await read({ as: atRheinwolke })];
    expect(one.body.revision).toBe(other.body.revision);
    expect([one.body.partnerId, other.body.partnerId]).toEqual([northwind, rheinwolke]);
    expect(tagOf(one)).not.toBe(tagOf(other));
    for (const [as, mine, theirs] of [
      [{}, one, other],
      [atRheinwolke, other, one],
    ] as const) {
      const asked = async (name: string, tag: string) => (await read({ as, headers: { [name]: tag } })).status;
      expect(await asked('if-none-match', tagOf(mine))).toBe(304);
      expect(await asked('if-none-match', tagOf(theirs))).toBe(200);
      expect(await asked('if-match', tagOf(mine))).toBe(200);
      expect(await asked('if-match', tagOf(theirs))).toBe(412);
    }
    // What was, too, and what a tag gives away is the partner alone.
    const then = (as: Sent['as']) => server.get(`${path}/reseller-relationship?asOfRevision=1`, { as: as! });
    expect(tagOf(await then({}))).not.toBe(tagOf(await then(atRheinwolke)));
    expect(tagOf(one)).not.toContain(northwind.slice(0, 8));
  });

  it('is changed by neither with what the other has seen', async () => {
    const [one, other] = [tagOf(await read({})), tagOf(await read({ as: atRheinwolke }))];
    const rename = (as: Sent['as'], headers: Record<string, string>) =>
      server.post(`${path}/profile/update`, { name: `Name ${randomUUID()}` }, { as: as!, headers });
    expect((await rename(atRheinwolke, { 'if-match': one })).status).toBe(412);
    expect((await rename({}, { 'if-match': other })).status).toBe(412);
    expect((await rename({}, { 'if-none-match': other, 'if-match': `${other}, ${one}` })).status).toBe(200);
    expect((await rename(atRheinwolke, { 'if-match': other })).status).toBe(200);
  });

  it('and its partner see the same, so they have one tag', async () => {
    const there = `${pairPath(northwind, customerId)}/reseller-relationship`;
    const [theirs, ours] = [await server.get(there, { as: customer }), await server.get(there)];
    expect(theirs.body).toEqual(ours.body);
    expect(tagOf(theirs)).toBe(tagOf(ours));
  });
});

describe('A key', () => {
  const atCustomer = pairPath(northwind, customerId);
  // Never possible again, so the refusal is remembered.
  const accept = (key: string, body = {}) =>
    server.post(`${atCustomer}/reseller-relationship/accept`, body, { key, as: customer });
  const rename = (key: string, name: string, as: Sent['as'] = {}) =>
    server.post(`${path}/profile/update`, { name }, { key, as });
  const replayed = ({ headers }: Answered) => headers.get('idempotent-replayed');

  it('that the one side has used is the other’s all the same', async () => {
    const uses = (key: string) => [() => accept(key), () => rename(key, `Name ${key}`)] as const;
    for (const order of [
      [0, 1],
      [1, 0],
    ] as const) {
      const key = randomUUID();
      const sides = uses(key);
      const first: Answered[] = [];
      for (const side of order) first[side] = await sides[side]();
      expect(first.map((answer) => [answer.status, replayed(answer)])).toEqual([
        [409, null],
        [200, null],
      ]);
      for (const side of order) {
        const again = await sides[side]();
        expect([again.status, replayed(again), again.body]).toEqual([first[side]!.status, 'true', first[side]!.body]);
      }
      for (const another of [await accept(key, { comment: 'Another' }), await rename(key, 'Another')])
        expect(another).toMatchObject({ status: 422, code: 'IdempotencyKeyReused' });
    }
  });

  it('is its side’s in a bulk too', async () => {
    const key = randomUUID();
    const item = { command: 'UpdateCustomerProfile', customerId, idempotencyKey: key, body: { name: `Bulk ${key}` } };
    expect((await accept(key)).status).toBe(409);
    for (const header of [undefined, 'true']) {
      const { body } = await server.post('/v1/commands', { items: [item] }, { key: null });
      expect([body.items[0].status, body.items[0].headers['Idempotent-Replayed']]).toEqual([200, header]);
    }
  });

  it('is one for all who act for a side', async () => {
    const key = randomUUID();
    const first = await rename(key, `By a person ${key}`);
    const again = await rename(key, `By a person ${key}`, { id: 'another' });
    expect([replayed(again), again.body]).toEqual(['true', first.body]);
  });
});

describe('What is answered under /v1', () => {
  const expectKeptByNobody = ({ headers }: Answered) => {
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('vary')?.split(', ')).toContain('Authorization');
  };

  it('is kept by nobody: found, unchanged, refused or recorded', async () => {
    const read = await server.get(`${path}/reseller-relationship`);
    const list = await server.get('/v1/support-contacts');
    const answers = [
      read,
      await server.get(`${path}/reseller-relationship`, { headers: { 'if-none-match': tagOf(read) } }),
      await server.get(`${path}/reseller-relationship/removal-readiness`),
      list,
      await server.get('/v1/support-contacts', { headers: { 'if-none-match': tagOf(list) } }),
      await server.get('/v1/customers'),
      await server.get('/v1/customers?asOfPosition=1', { headers: { prefer: 'wait=30' } }),
      await server.get(`${path}/explanations/customer-list`),
      await server.get(`${path}/events`),
      await server.get('/v1/events', { headers: { accept: 'application/x-ndjson' } }),
      await server.get('/v1/security-events'),
      await server.get(`/v1/operations/${randomUUID()}`),
      await server.get('/v1/nothing'),
      await server.get('/v1/customers', { as: null }),
      await server.get('/v1/customers', { as: 'no token' }),
      await server.get('/v1/customers', { headers: { accept: 'text/html' } }),
      await server.get('/v1/customers?limit=no'),
      await server.get(`${customerPath(newCustomer())}/reseller-relationship`),
      await server.post(`${path}/profile/update`, { name: `Name ${randomUUID()}` }),
      await server.post(`${path}/profile/update`, { name: '' }),
      await server.post(`${path}/reseller-relationship/remove`),
      await server.post(`${path}/agreement/confirm`),
      await server.post('/v1/commands', { items: [{}] }, { key: null }),
    ];
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 304, 400, 401, 404, 406, 409, 428]));
    for (const answer of answers) expectKeptByNobody(answer);
    // These forms are chosen by Accept, and may be compressed.
    for (const url of ['/v1/events', `${path}/events`])
      expect((await server.get(url)).headers.get('vary')).toBe('Authorization, Accept, Accept-Encoding');
    const aborting = new AbortController();
    const live = await fetch(`${server.url}/v1/events`, {
      headers: { accept: 'text/event-stream', authorization: `Bearer ${await server.tokenOf({})}` },
      signal: aborting.signal,
    });
    expectKeptByNobody({ headers: live.headers } as Answered);
    aborting.abort();
  });

  it('is not what is the same for everybody: that may be kept, but not its refusals', async () => {
    for (const url of ['/openapi.json', '/problems', '/schemas/events/SubscriptionSuspended/1']) {
      const { headers } = await server.get(url, { as: null });
      expect(headers.get('cache-control')).toMatch(/^public, max-age=\d+$/);
      expect(headers.get('vary')).toBe('Accept-Encoding');
      const tag = headers.get('etag')!;
      for (const [sent, status] of [
        [{ 'if-none-match': 'odd' }, 400],
        [{ 'if-match': '"other"' }, 412],
        [{ 'if-match': tag }, 200],
      ] as const) {
        const answer = await server.get(url, { as: null, headers: sent });
        expect(answer.status).toBe(status);
        if (status !== 200) expect(answer.headers.get('cache-control')).toBe('no-store');
      }
    }
    for (const url of ['/health/live', '/health/ready'])
      expect((await server.get(url, { as: null })).headers.get('cache-control')).toBe('no-store');
  });
});
