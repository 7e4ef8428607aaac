import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { operationType } from './contract.js';
import { answerTo } from './raw-socket.js';
import { establish, greatLakes, newCustomer, runServer, subscription, type RunningServer } from './running-server.js';

const page = 'https://app.example';

describe('an answer on its way through proxies and browsers', () => {
  let server: RunningServer;
  let customer: string;
  let path: string;
  let token: string;

  /** The answer to the byte: fetch would decode it. */
  async function raw(target: string, headers: Record<string, string> = {}, method = 'GET') {
    const fields = Object.entries({ Host: 'x', Connection: 'close', Authorization: `Bearer ${token}`, ...headers });
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const answer = await answerTo(server.port, `${method} ${target} HTTP/1.1\r\n${lines}\r\n`);
    const end = answer.indexOf('\r\n\r\n');
    const [status = '', ...rest] = answer.slice(0, end).split('\r\n');
    const answered = new Headers(rest.map((line) => line.split(/: (.*)/, 2) as [string, string]));
    return {
      status: Number(status.split(' ')[1]),
      headers: answered,
      bytes: Buffer.from(answer.slice(end + 4), 'latin1'),
    };
  }

  beforeAll(async () => {
    server = await runServer({ env: { PUBLIC_PATH: '/tools/ledger', CORS_ORIGINS: `${page},http://localhost:5173` } });
    customer = newCustomer();
    path = await establish(server, customer);
    for (let count = 0; count < 8; count++) await server.post(`${path}/subscriptions`, subscription(`s${count}`));
    await server.get('/v1/items', { headers: { prefer: 'wait=20', 'ledger-position': await position() } });
    token = await server.tokenOf({});
  });
  afterAll(() => server.end());
  const position = async () => (await server.get(`${path}/reseller-relationship`)).headers.get('ledger-position')!;

  describe('names addresses as they are seen from outside', () => {
    it.each(['', '/tools/ledger'])('whether they are asked for below %j', async (prefix) => {
      const key = `created${prefix}`;
      const bought = subscription(`new${prefix.length}`);
      const created = await server.post(`${prefix}${path}/subscriptions`, bought, { key });
      expect(created.status).toBe(201);
      expect(created.headers.get('location')).toBe(`/tools/ledger${path}/subscriptions/${bought.subscriptionId}`);
      // A retry may come by the other way.
      const again = await server.post(`${prefix ? '' : '/tools/ledger'}${path}/subscriptions`, bought, { key });
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      expect(again.headers.get('location')).toBe(created.headers.get('location'));
      expect((await server.get(created.headers.get('location')!)).status).toBe(200);

      for (const list of ['/v1/items?limit=2', `${path}/events?limit=2`, '/v1/events?limit=2']) {
        const first = await server.get(`${prefix}${list}`);
        const next = /^<(\/tools\/ledger\/v1\/[^>]*)>; rel="next"$/.exec(first.headers.get('link')!)![1]!;
        expect((await server.get(next)).status).toBe(200);
        expect((await server.get(next.replace('/tools/ledger', ''))).status).toBe(200);
      }

      const missing = await server.get(`${prefix}/v1/nowhere`);
      expect(missing.body).toMatchObject({
        type: '/tools/ledger/problems/route-not-found',
        instance: '/tools/ledger/v1/nowhere',
      });
      expect((await server.get(missing.body.type as string, { as: null })).body).toMatchObject({
        type: missing.body.type,
        code: 'RouteNotFound',
      });
      const refused = await server.post(`${prefix}${path}/subscriptions/s0/suspend`, {}, { key: `refused${prefix}` });
      expect(refused.body.instance).toBe(`/tools/ledger${path}/subscriptions/s0/suspend`);
    });

    it('in operations, bulks and documents', async () => {
      // A quick machine may make some lists in time.
      let begun = await server.get('/v1/items');
      for (let at = Number.parseInt(await position()) - 1; begun.status === 200 && at > 0; at--)
        begun = await server.get(`/v1/items?asOfPosition=${at}`, {
          headers: { prefer: 'wait=0', accept: `application/json, ${operationType}` },
        });
      expect(begun.status).toBe(202);
      const location = begun.headers.get('location')!;
      expect(location).toBe(`/tools/ledger/v1/operations/${begun.body.id}`);
      const ended = await server.get(location, { headers: { prefer: 'wait=30' } });
      expect(ended.body.result.href).toMatch(/^\/tools\/ledger\/v1\/items\?asOfPosition=/);
      const item = { command: 'PurchaseSubscription', customerId: customer, idempotencyKey: 'b' };
      const body = subscription('in-bulk');
      const bulk = await server.post('/v1/commands', { items: [{ ...item, body }] }, { key: null });
      expect(bulk.body.items[0].headers.Location).toBe(`/tools/ledger${path}/subscriptions/in-bulk`);
      const schemas = await server.get('/schemas/commands', { as: null });
      expect(schemas.body[0].href).toMatch(/^\/tools\/ledger\/schemas\/commands\//);
      expect((await server.get('/tools/ledger/openapi.json', { as: null })).body.servers).toEqual([
        { url: '/tools/ledger', description: 'This server.' },
      ]);
      const root = await fetch(`${server.url}/tools/ledger`, { redirect: 'manual' });
      expect([root.status, root.headers.get('location')]).toEqual([302, '/tools/ledger/docs']);
      // Not a part of a name.
      expect((await server.get('/tools/ledgers/health/live', { as: null })).status).toBe(404);
      const unreadable = await answerTo(server.port, 'BREW / HTTP/1.1\r\n\r\n');
      expect(unreadable).toContain('"type":"/tools/ledger/problems/method-not-implemented"');
    });
  });

  describe('is shared with pages of the origins that are named', () => {
    const asked = { Origin: page, 'Access-Control-Request-Method': 'POST' };

    it('after a preflight, which needs no token and counts for its address', async () => {
      const preflight = await fetch(`${server.url}${path}/subscriptions`, {
        method: 'OPTIONS',
        headers: { ...asked, 'Access-Control-Request-Headers': 'authorization,idempotency-key' },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get('access-control-allow-origin')).toBe(page);
      expect(preflight.headers.get('access-control-allow-methods')).toContain('POST');
      expect(preflight.headers.get('access-control-allow-headers')).toMatch(/Authorization.*Idempotency-Key.*If-Match/);
      expect(preflight.headers.get('access-control-allow-credentials')).toBeNull();
      expect(preflight.headers.get('access-control-max-age')).toBe('7200');
      expect(preflight.headers.get('vary')).toContain('Origin');
      expect(preflight.headers.get('ratelimit-policy') ?? '"address"').toContain('address');
      // The page learns from the request itself that there is nothing.
      expect((await fetch(`${server.url}/v1/nowhere`, { method: 'OPTIONS', headers: asked })).status).toBe(204);
    });

    it.each([
      ['a list', () => '/v1/items', {}, 200],
      ['no token', () => '/v1/items', { Authorization: '' }, 401],
      ['a bad token', () => '/v1/items', { Authorization: 'Bearer x.y.z' }, 401],
      ['nothing', () => '/v1/nowhere', {}, 404],
      ['a bad address', () => '/v1/%E0%A4%A', {}, 400],
      ['a document', () => '/openapi.json', {}, 200],
      ['health', () => '/health/live', {}, 200],
    ])('for %s', async (_, target, headers: Record<string, string>, status) => {
      const answer = await raw(target(), { ...headers, Origin: page });
      expect(answer.status).toBe(status);
      expect(answer.headers.get('access-control-allow-origin')).toBe(page);
      expect(answer.headers.get('access-control-expose-headers')).toMatch(/ETag.*Ledger-Position.*Link.*Location/);
      expect(answer.headers.get('vary')).toContain('Origin');
      // Another page cannot read it, and no cache gives it what was meant for this one.
      for (const other of ['https://evil.example', 'null', `${page}.evil.example`, 'HTTPS://APP.EXAMPLE']) {
        const theirs = await raw(target(), { ...headers, Origin: other });
        expect(theirs.headers.get('access-control-allow-origin')).toBeNull();
        expect(theirs.headers.get('vary')).toContain('Origin');
      }
    });

    it('for a live stream', async () => {
      const ending = new AbortController();
      const stream = await fetch(`${server.url}/v1/events`, {
        headers: { accept: 'text/event-stream', authorization: `Bearer ${token}`, origin: page },
        signal: ending.signal,
      });
      expect(stream.headers.get('access-control-allow-origin')).toBe(page);
      expect(stream.headers.get('content-encoding')).toBeNull();
      ending.abort();
    });
  });

  describe('is compressed where nothing can be guessed by its length', () => {
    const decoded: Readonly<Record<string, (bytes: Buffer) => Buffer>> = { gzip: gunzipSync, br: brotliDecompressSync };
    const listed = async (coding: string, target = '/v1/items') => {
      const answer = await raw(target, { 'Accept-Encoding': coding, Prefer: 'wait=30' });
      const used = answer.headers.get('content-encoding');
      return { ...answer, used, text: (used ? decoded[used]!(answer.bytes) : answer.bytes).toString() };
    };

    it.each(['/v1/items', '/v1/events?limit=200', '/v1/customers?asOfPosition=1', '/openapi.json'])(
      '%s',
      async (target) => {
        const plain = await listed('identity', target);
        expect([plain.status, plain.used]).toEqual([200, null]);
        expect(plain.headers.get('vary')).toContain('Accept-Encoding');
        const isLarge = plain.bytes.length >= 1024;
        for (const [accepted, used] of [
          ['gzip', 'gzip'],
          ['br', 'br'],
          ['gzip, deflate, br', 'br'],
          ['gzip;q=1, br;q=0.5', 'gzip'],
          ['deflate', null],
          ['', null],
        ] as const) {
          const coded = await listed(accepted, target);
          expect([accepted, coded.used]).toEqual([accepted, isLarge ? used : null]);
          expect(coded.text.length).toBe(plain.text.length);
          expect(Number(coded.headers.get('content-length'))).toBe(coded.bytes.length);
          if (coded.used) expect(coded.bytes.length).toBeLessThan(plain.bytes.length / 2);
          const head = await raw(target, { 'Accept-Encoding': accepted }, 'HEAD');
          expect([head.status, head.bytes.length, head.headers.get('content-encoding')]).toEqual([200, 0, coded.used]);
          expect(head.headers.get('vary')).toBe(coded.headers.get('vary'));
        }
      },
    );

    it('never what says again what the request said, nor a page with a comment', async () => {
      const long = 'x'.repeat(2_000);
      const offered = { 'Accept-Encoding': 'gzip, br' };
      const problem = await raw(`/v1/nowhere/${long}`, offered);
      expect([problem.status, problem.headers.get('content-encoding')]).toEqual([404, null]);
      expect(problem.bytes.length).toBeGreaterThan(2_000);
      const dry = subscription('dry', { comment: 'x'.repeat(900) });
      const tried = await server.post(`${path}/subscriptions?dryRun=true`, dry, { key: null, headers: offered });
      expect([tried.status, tried.headers.get('content-encoding')]).toEqual([200, null]);
      const other = await establish(server, newCustomer(), { partner: greatLakes });
      const as = { tenant: greatLakes };
      const renamed = { name: 'Renamed', comment: 'x'.repeat(900) };
      expect((await server.post(`${other}/profile/update`, renamed, { as })).status).toBe(200);
      const history = await raw(`${other}/events`, { ...offered, Authorization: `Bearer ${await server.tokenOf(as)}` });
      expect([history.status, history.headers.get('content-encoding')]).toEqual([200, null]);
      expect(history.bytes.length).toBeGreaterThan(2_000);
    });
  });
});
