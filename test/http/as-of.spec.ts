import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { timeOfDay } from '../wall-clock.js';
import {
  establish,
  greatLakes,
  newCustomer,
  runServer,
  subscription,
  type Answered,
  type RunningServer,
} from './running-server.js';

const positionOf = ({ headers }: Answered) => Number.parseInt(headers.get('ledger-position')!);
const later = (time: string, ms: number) => new Date(Date.parse(time) + ms).toISOString();

describe('a relationship as it stood', () => {
  let server: RunningServer;
  let customer: string;
  let path: string;
  /** The answers of three commands, one after the other. */
  let bought: Answered;
  let suspended: Answered;
  let renamed: Answered;
  let recordedAt: string[];

  beforeAll(async () => {
    server = await runServer();
    customer = newCustomer();
    path = await establish(server, customer);
    bought = await server.post(`${path}/subscriptions`, subscription('s'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    suspended = await server.post(`${path}/subscriptions/s/suspend`, { reason: 'nonPayment' });
    await new Promise((resolve) => setTimeout(resolve, 5));
    renamed = await server.post(`${path}/profile/update`, { name: 'Renamed' });
    recordedAt = (await server.get(`${path}/events?limit=200`)).body.map(({ time }: any) => time);
  });
  afterAll(() => server.end());

  const relationship = (query: string, headers = {}) =>
    server.get(`${path}/reseller-relationship?${query}`, { headers });

  it('is told by position, by time and by revision alike', async () => {
    const { revision } = suspended.body;
    const at = recordedAt[revision]!;
    for (const query of [
      `asOfPosition=${positionOf(suspended)}`,
      `asOfRevision=${revision}`,
      `asOf=${at}`,
      // The same instant elsewhere.
      `asOf=${encodeURIComponent(at.replace('Z', '+00:00'))}`,
      `asOf=${encodeURIComponent(later(at, 3_600_000).replace('Z', '+01:00'))}`,
    ]) {
      const then = await relationship(query);
      expect(then.body).toMatchObject({ customer: { name: 'Contoso' }, revision, position: suspended.body.position });
      expect(then.body.asOf).toBe(at);
      expect(then.headers.get('ledger-position')).toBe(suspended.headers.get('ledger-position'));
    }
    expect((await relationship(`asOfRevision=${renamed.body.revision}`)).body.customer.name).toBe('Renamed');
    // A millisecond before it had been recorded.
    expect((await relationship(`asOf=${later(recordedAt[renamed.body.revision]!, -1)}`)).body).toMatchObject({
      customer: { name: 'Contoso' },
      revision,
    });
  });

  it('is told by a date, of which today is now', async () => {
    const today = timeOfDay().toISOString().slice(0, 10);
    for (const address of [
      'reseller-relationship',
      'reseller-relationship/removal-readiness',
      'subscriptions/s',
      'explanations/items/subscription/s',
    ]) {
      const then = await server.get(`${path}/${address}?asOf=${today}`);
      expect({ address, status: then.status }).toEqual({ address, status: 200 });
      expect(then.body.asOf).toMatch(new RegExp(`^${today}T.*Z$`));
      expect(then.body.revision).toBe(renamed.body.revision);
    }
    // The day before, there was nothing.
    const yesterday = later(timeOfDay().toISOString(), -86_400_000).slice(0, 10);
    expect((await relationship(`asOf=${yesterday}`)).code).toBe('RelationshipNotFound');
    const toCome = later(timeOfDay().toISOString(), 2 * 86_400_000).slice(0, 10);
    for (const query of [`asOf=${toCome}`, 'asOf=2026-02-30', 'asOf=2026-2-3'])
      expect(await relationship(query)).toMatchObject({
        status: 400,
        code: 'InvalidQuery',
        body: { errors: [{ pointer: 'asOf' }] },
      });
  });

  it('brings its items with it, and what would have kept it from being removed', async () => {
    const item = (query: string) => server.get(`${path}/subscriptions/s?${query}`);
    expect((await item(`asOfPosition=${positionOf(bought)}`)).body).toMatchObject({ status: 'active' });
    expect((await item(`asOfPosition=${positionOf(suspended)}`)).body).toMatchObject({ status: 'suspended' });
    const readiness = (query: string) => server.get(`${path}/reseller-relationship/removal-readiness?${query}`);
    const before = await readiness(`asOfRevision=${bought.body.revision}`);
    expect(before.body).toMatchObject({
      removable: false,
      policy: 'partner-center-2026-11',
      asOf: recordedAt[bought.body.revision],
      blockers: [{ itemId: 's', kind: 'activeSubscription', earliestClearableAt: recordedAt[bought.body.revision] }],
    });
    expect(before.headers.get('etag')).toBeNull();
    expect((await readiness(`asOfPosition=${positionOf(suspended)}`)).body).toMatchObject({ removable: true });
    expect(await server.get(`${path}/subscriptions/s?asOfRevision=1`)).toMatchObject({
      status: 404,
      code: 'ItemNotFound',
    });
  });

  it('has not been before it began, and is not what has not happened yet', async () => {
    const begun = (await server.get(`${path}/events?limit=1`)).body[0];
    expect(await relationship(`asOfPosition=${Number(begun.position) - 1}`)).toMatchObject({
      status: 404,
      code: 'RelationshipNotFound',
    });
    expect(await relationship(`asOf=${later(begun.time, -1)}`)).toMatchObject({ status: 404 });
    expect(await server.get(`/v1/customers/${newCustomer()}/reseller-relationship?asOfRevision=3`)).toMatchObject({
      status: 404,
    });
    expect(await relationship(`asOfPosition=${positionOf(renamed) + 1_000_000}`)).toMatchObject({
      status: 400,
      code: 'LedgerPositionUnknown',
      body: { reason: 'beyondHead' },
    });
    for (const [query, pointers] of [
      [`asOfRevision=${renamed.body.revision + 1}`, ['asOfRevision']],
      [`asOf=${later(timeOfDay().toISOString(), 60_000)}`, ['asOf']],
      ['asOf=yesterday', ['asOf']],
      ['asOf=2026-02-30T00:00:00Z', ['asOf']],
      ['asOfPosition=-1', ['asOfPosition']],
      ['asOfRevision=1&asOfPosition=2', ['asOfPosition', 'asOfRevision']],
      ['asOfRevision=1&asOfRevision=2', ['asOfRevision']],
    ] as const) {
      const refused = await relationship(query);
      expect({ query, status: refused.status, code: refused.code }).toEqual({
        query,
        status: 400,
        code: 'InvalidQuery',
      });
      expect(refused.body.errors.map(({ pointer }: any) => pointer)).toEqual(pointers);
    }
  });

  it('has a tag of its own, which is never that of the present', async () => {
    const now = await relationship('');
    expect(now.body).not.toHaveProperty('asOf');
    const then = await relationship(`asOfRevision=${renamed.body.revision}`);
    const tag = then.headers.get('etag')!;
    expect(tag).not.toBe(now.headers.get('etag'));
    expect((await relationship(`asOfRevision=${renamed.body.revision}`, { 'if-none-match': tag })).status).toBe(304);
    expect((await relationship('', { 'if-none-match': tag })).status).toBe(200);
    const refused = await server.post(`${path}/profile/update`, { name: 'Never' }, { headers: { 'if-match': tag } });
    expect(refused).toMatchObject({ status: 412, code: 'PreconditionFailed' });
  });

  it('is for those alone who may read it now', async () => {
    const query = `reseller-relationship?asOfRevision=1`;
    expect(await server.get(`${path}/${query}`, { as: { tenant: greatLakes } })).toMatchObject({ status: 404 });
    expect(await server.get(`${path}/${query}`, { as: { roles: ['Auditor'] } })).toMatchObject({ status: 200 });
    expect(await server.get(`${path}/${query}`, { as: null })).toMatchObject({ status: 401 });
  });
});

describe('a server under another policy', () => {
  it('tells what was under the policy of then', async () => {
    const first = await runServer();
    const path = await establish(first);
    await first.post(`${path}/subscriptions`, subscription('s'));
    const suspended = await first.post(`${path}/subscriptions/s/suspend`, { reason: 'customerRequest' });
    await first.stop();
    const server = await runServer({
      dataDirectory: first.dataDirectory,
      store: first.store,
      env: { POLICY: 'partner-center-later' },
    });
    const renamed = await server.post(`${path}/profile/update`, { name: 'Later' });
    const readiness = async (query: string) =>
      (await server.get(`${path}/reseller-relationship/removal-readiness${query}`)).body;
    const blocks = async (query: string) =>
      (await server.get(`${path}/items${query}`, { headers: { prefer: 'wait=30' } })).body.items[0].blocks;

    // Under the later one what is suspended blocks too.
    const later = { removable: false, policy: 'partner-center-later', blockers: [{ kind: 'suspendedNewCommerce' }] };
    for (const query of ['', `?asOfPosition=${positionOf(renamed)}`]) {
      expect(await readiness(query)).toMatchObject(later);
      expect(await blocks(query)).toBe('suspendedNewCommerce');
    }
    const then = `?asOfPosition=${positionOf(suspended)}`;
    expect(await readiness(then)).toMatchObject({ removable: true, policy: 'partner-center-2026-11', blockers: [] });
    expect(await blocks(then)).toBeNull();
    await server.end();
  });
});
