import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { listsOfCustomer, partnerWideLists } from '../lists.js';
import { timeOfDay } from '../wall-clock.js';
import {
  establish,
  globalAdminOf,
  greatLakes,
  newCustomer,
  northwind,
  pairPath,
  runServer,
  subscription,
  type Answered,
  type RunningServer,
} from './running-server.js';
import { operationType } from './contract.js';

const positionOf = ({ headers }: Answered) => Number.parseInt(headers.get('ledger-position')!);
const next = ({ headers }: Answered) => /<(.*)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];

describe('a list as it stood', () => {
  let server: RunningServer;
  let customers: string[];
  let bought: Answered;
  let suspended: Answered;
  let last: Answered;
  let suspendedAt: string;
  /** With time enough for it to be made. */
  const list = (path: string, headers: Record<string, string> = {}) =>
    server.get(path, { headers: { prefer: 'wait=30', ...headers } });
  /** The first list as it stood that takes longer than its caller waits. A quick machine may have made some in time. */
  const oneThatTakesLonger = async (path: string, options: Parameters<RunningServer['get']>[1] = {}) => {
    const headers = { prefer: 'wait=0', ...options.headers };
    for (let position = positionOf(last) - 1; position > 0; position--) {
      const begun = await server.get(`${path}?asOfPosition=${position}`, { ...options, headers });
      if (begun.status !== 200) return { begun, path: `${path}?asOfPosition=${position}` };
    }
    throw new Error(`Every moment of ${path} was made in time`);
  };
  const itemIds = ({ body }: Answered) => body.items.map(({ itemId, status }: any) => `${itemId} ${status}`);

  beforeAll(async () => {
    server = await runServer();
    customers = [newCustomer(), newCustomer()];
    for (const [index, customer] of customers.entries()) await establish(server, customer, { name: `C${index}` });
    await establish(server, newCustomer(), { partner: greatLakes, name: 'Not ours' });
    const path = `/v1/customers/${customers[0]}`;
    for (const id of ['a', 'b', 'c']) bought = await server.post(`${path}/subscriptions`, subscription(id));
    suspended = await server.post(`${path}/subscriptions/b/suspend`, { reason: 'nonPayment' });
    suspendedAt = (await server.get(`${path}/events?limit=200`)).body.at(-1).time;
    await new Promise((resolve) => setTimeout(resolve, 10));
    await server.post(`/v1/customers/${customers[1]}/profile/update`, { name: 'Renamed' });
    last = await server.post(`${path}/subscriptions/b/reactivate`);
  });
  afterAll(() => server.end());

  it('holds for a position, and for a time as of the head', async () => {
    for (const path of ['/v1/items', `/v1/customers/${customers[0]}/items`]) {
      const before = await list(`${path}?asOfPosition=${positionOf(bought)}`);
      expect(itemIds(before)).toEqual(['a active', 'b active', 'c active']);
      expect(before.body.position).toBe(String(positionOf(bought)));
      expect(positionOf(before)).toBe(positionOf(bought));
      const then = await list(`${path}?asOf=${suspendedAt}`);
      expect(itemIds(then)).toEqual(['a active', 'b suspended', 'c active']);
      expect(then.body.asOf).toBe(suspendedAt);
      expect(then.body.position).toBe(String(positionOf(last)));
    }
    expect((await list(`/v1/customers?asOf=${suspendedAt}`)).body.items.map(({ name }: any) => name)).toEqual([
      'C0',
      'C1',
    ]);
    expect(itemIds(await list(`/v1/items?status=suspended&asOfPosition=${positionOf(suspended)}`))).toEqual([
      'b suspended',
    ]);
  });

  it('is there for every view', async () => {
    const path = `/v1/customers/${customers[0]}`;
    for (const address of [...partnerWideLists, ...listsOfCustomer.map((below) => `${path}/${below}`)]) {
      const then = await list(`${address}?asOfPosition=${positionOf(suspended)}`);
      expect({ address, status: then.status, position: then.body.position }).toEqual({
        address,
        status: 200,
        position: String(positionOf(suspended)),
      });
    }
    expect((await list(`${path}/support-contacts?asOfPosition=${positionOf(bought)}`)).body.available).toHaveLength(1);
  });

  it('goes on with the same past, page by page, whatever happens meanwhile', async () => {
    const query = `asOf=${suspendedAt}&limit=1`;
    const pages = [await list(`/v1/items?${query}`)];
    await server.post(`/v1/customers/${customers[1]}/subscriptions`, subscription('later'));
    for (let at = next(pages[0]!); at; at = next(pages.at(-1)!)) pages.push(await list(at));
    expect(pages.flatMap(itemIds)).toEqual(['a active', 'b suspended', 'c active']);
    expect(new Set(pages.map(({ body }) => body.position)).size).toBe(1);
    // A cursor of the past is none of the present, nor of another past.
    const cursor = new URL(next(pages[0]!)!, server.url).searchParams.get('cursor')!;
    for (const other of ['limit=1', `limit=1&asOfPosition=${positionOf(last)}`])
      expect(await server.get(`/v1/items?${other}&cursor=${cursor}`)).toMatchObject({
        status: 400,
        code: 'InvalidCursor',
      });
  });

  it('goes on with what was now where a date is today', async () => {
    const today = timeOfDay().toISOString().slice(0, 10);
    const pages = [await list(`/v1/items?asOf=${today}&limit=1`)];
    await server.post(`/v1/customers/${customers[1]}/subscriptions`, subscription('later-today'));
    for (let at = next(pages[0]!); at; at = next(pages.at(-1)!)) pages.push(await list(at));
    expect(pages.flatMap(itemIds)).not.toContain('later-today active');
    expect(pages.length).toBeGreaterThan(2);
    expect(new Set(pages.map(({ body }) => body.asOf)).size).toBe(1);
    expect(pages[0]!.body.asOf).toMatch(new RegExp(`^${today}T.*Z$`));
    expect(itemIds(await list(`/v1/items?asOf=${today}`))).toContain('later-today active');
    // Another now has other tags, even where nothing has happened.
    const tag = pages[0]!.headers.get('etag')!;
    expect((await list(`/v1/items?asOf=${today}&limit=1`, { 'if-none-match': tag })).status).toBe(200);
  });

  it('spares a reader what it has, however far the ledger has come', async () => {
    const first = await list(`/v1/items?asOf=${suspendedAt}`);
    const etag = first.headers.get('etag')!;
    await server.post(`/v1/customers/${customers[1]}/profile/update`, { name: 'Again' });
    expect((await list(`/v1/items?asOf=${suspendedAt}`, { 'if-none-match': etag })).status).toBe(304);
    expect((await list(`/v1/items?asOfPosition=${positionOf(bought)}`, { 'if-none-match': etag })).status).toBe(200);
  });

  it('is nobody else’s', async () => {
    const mine = await list(`/v1/items?asOfPosition=${positionOf(last)}`);
    const theirs = await server.get(`/v1/items?asOfPosition=${positionOf(last)}`, {
      as: { tenant: greatLakes },
      headers: { prefer: 'wait=30' },
    });
    expect([mine.body.items.length, theirs.body.items]).toEqual([3, []]);
    const path = `/v1/customers/${customers[0]}/items?asOfPosition=${positionOf(last)}`;
    expect(await server.get(path, { as: { tenant: greatLakes } })).toMatchObject({ status: 404 });
    const own = await server.get(
      `${pairPath(northwind, customers[0]!)}/items?asOfPosition=${positionOf(last)}&current=true`,
      { as: globalAdminOf(customers[0]!), headers: { prefer: 'wait=30' } },
    );
    expect(itemIds(own)).toEqual(['a active', 'b active', 'c active']);
  });

  it('is refused for what has not happened, and for a customer who was none', async () => {
    const [first] = (await server.get(`/v1/customers/${customers[1]}/events?limit=1`)).body;
    expect(
      await server.get(`/v1/customers/${customers[1]}/items?asOfPosition=${Number(first.position) - 1}`),
    ).toMatchObject({ status: 404, code: 'RelationshipNotFound' });
    expect(await server.get(`/v1/items?asOfPosition=${positionOf(last) + 1_000_000}`)).toMatchObject({
      status: 400,
      code: 'LedgerPositionUnknown',
    });
    for (const query of ['asOf=2999-01-01T00:00:00Z', 'asOfPosition=0', 'asOfRevision=1', 'asOf=x'])
      expect(await server.get(`/v1/items?${query}`)).toMatchObject({ status: 400, code: 'InvalidQuery' });
    // Before there was anything.
    const nothing = await list('/v1/items?asOf=2020-01-01T00:00:00Z');
    expect(nothing.body).toMatchObject({ items: [], asOf: '2020-01-01T00:00:00.000Z' });
    expect((await list('/v1/items?asOfPosition=1')).body).toMatchObject({ items: [], position: '1' });
  });

  it('is an operation for those who do not wait', async () => {
    const { begun, path } = await oneThatTakesLonger('/v1/ended-relationships', {
      headers: { accept: `application/json, ${operationType}` },
    });
    expect(begun.status).toBe(202);
    expect(begun.headers.get('content-type')).toContain(operationType);
    const location = begun.headers.get('location')!;
    expect(location).toBe(`/v1/operations/${begun.body.id}`);
    const ended = await server.get(location, { headers: { prefer: 'wait=30' } });
    expect(ended.body).toMatchObject({
      id: begun.body.id,
      status: 'succeeded',
      steps: [
        { name: 'wait', status: 'succeeded' },
        { name: 'project', status: 'succeeded', view: 'ended-relationships' },
      ],
      error: null,
      result: { href: path },
    });
    expect([begun, ended].map(({ headers }) => headers.get('preference-applied'))).toEqual(['wait=0', 'wait=30']);
    const result = await server.get(ended.body.result.href, { headers: { prefer: 'wait=0' } });
    expect(result).toMatchObject({ status: 200, body: { position: path.split('=').at(-1) } });
    // Nobody else's, and nothing that never was.
    expect(await server.get(location, { as: { tenant: greatLakes } })).toMatchObject({
      status: 404,
      code: 'OperationNotFound',
    });
    expect(await server.get(`/v1/operations/${newCustomer()}`)).toMatchObject({ status: 404 });
    // What has ended is not cancelled.
    expect((await server.send(location, { method: 'DELETE' })).body).toMatchObject({ status: 'succeeded' });
  });

  it('is a problem with the place of the operation for those who have not asked for one', async () => {
    const { begun, path } = await oneThatTakesLonger('/v1/support-contacts');
    expect(begun).toMatchObject({ status: 503, code: 'AsOfInProgress', body: { retryable: true } });
    expect(begun.headers.get('retry-after')).toBe('1');
    const ended = await server.get(begun.headers.get('location')!, { headers: { prefer: 'wait=30' } });
    expect(ended.body).toMatchObject({ status: 'succeeded', result: { href: path } });
    expect(await server.get(path, { headers: { prefer: 'wait=0' } })).toMatchObject({ status: 200 });
  });

  it('has a customer’s people find their operation where they find everything', async () => {
    const as = globalAdminOf(customers[0]!);
    const base = pairPath(northwind, customers[0]!);
    const { begun } = await oneThatTakesLonger(`${base}/delegated-admin`, {
      as,
      headers: { accept: `application/json, ${operationType}` },
    });
    expect(begun.status).toBe(202);
    const location = begun.headers.get('location')!;
    expect(location).toBe(`${base}/operations/${begun.body.id}`);
    expect((await server.get(location, { as, headers: { prefer: 'wait=30' } })).body).toMatchObject({
      status: 'succeeded',
    });
    expect(await server.get(`/v1/operations/${begun.body.id}`)).toMatchObject({ status: 404 });
  });

  it('leaves nothing behind', async () => {
    const directory = join(server.dataDirectory, 'as-of');
    expect(readdirSync(directory).length).toBeGreaterThan(0);
    await server.stop();
    expect(readdirSync(server.dataDirectory)).not.toContain('as-of');
  });
});
