import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { answerTo } from './raw-socket.js';
import { establish, runServer, subscription, type RunningServer, type Sent } from './running-server.js';

describe('a request that cannot be followed', () => {
  let server: RunningServer;
  let path: string;
  beforeAll(async () => {
    server = await runServer();
    path = await establish(server);
  });
  afterAll(() => server.end());

  const good = subscription('sub-1');
  const text = JSON.stringify(good);
  const bodies: [string, unknown, number, string, string | null][] = [
    ['no JSON', '{"subscriptionId":', 400, 'MalformedBody', null],
    ['a list', [], 400, 'MalformedBody', null],
    ['null', 'null', 400, 'MalformedBody', null],
    ['nothing', '', 400, 'InvalidBody', '/subscriptionId'],
    ['bytes that are no UTF-8', new Uint8Array([0x7b, 0xff, 0x7d]), 400, 'MalformedBody', null],
    ['a field twice', text.replace('{', '{"name":"other",'), 400, 'MalformedBody', null],
    ['too many levels', text.replace('{', `{"price":${'['.repeat(50)}${']'.repeat(50)},`), 400, 'MalformedBody', null],
    ['a prototype', text.replace('{', '{"__proto__":{"trial":true},'), 400, 'MalformedBody', null],
    ['an unknown field', { ...good, colour: 'red' }, 400, 'InvalidBody', '/colour'],
    ['a field of the path', { ...good, customerId: 'x' }, 400, 'InvalidBody', '/customerId'],
    ['a field missing', { ...good, name: undefined }, 400, 'InvalidBody', '/name'],
    ['null for a field that is needed', { ...good, name: null }, 400, 'InvalidBody', '/name'],
    ['an invisible name', { ...good, name: '\u200b' }, 400, 'InvalidBody', '/name'],
    ['a name of marks', { ...good, name: '\u0301' }, 400, 'InvalidBody', '/name'],
    [
      'a currency that has gone',
      { ...good, price: { minorUnits: 1, currency: 'DEM' } },
      400,
      'InvalidBody',
      '/price/currency',
    ],
    ['a list for an object', { ...good, price: [] }, 400, 'InvalidBody', '/price'],
    ['text for a number', { ...good, quantity: '5' }, 400, 'InvalidBody', '/quantity'],
    ['a number that is too large', { ...good, quantity: 1e9 }, 400, 'InvalidBody', '/quantity'],
    ['a word that is none of those', { ...good, kind: 'perpetual' }, 400, 'InvalidBody', '/kind'],
    ['an id with a slash', { ...good, subscriptionId: 'a/b' }, 400, 'InvalidBody', '/subscriptionId'],
    ['a null character', { ...good, name: 'a\0b' }, 400, 'InvalidBody', '/name'],
    ['half a character', text.replace('Business', '\\ud800'), 400, 'InvalidBody', '/name'],
    ['a blank name', { ...good, name: '  ' }, 400, 'InvalidBody', '/name'],
    ['a name that is too long', { ...good, name: 'x'.repeat(201) }, 400, 'InvalidBody', '/name'],
    ['a comment that is too long', { ...good, comment: 'x'.repeat(1001) }, 400, 'InvalidBody', '/comment'],
    ['a day that is none', { ...good, effectiveAt: '2026-02-30T00:00:00Z' }, 400, 'InvalidBody', '/effectiveAt'],
    ['a time to come', { ...good, effectiveAt: '2999-01-01T00:00:00Z' }, 422, 'EffectiveInFuture', null],
    [
      'a wrong thing within',
      { ...good, price: { minorUnits: 1.5, currency: 'USD' } },
      400,
      'InvalidBody',
      '/price/minorUnits',
    ],
    ['more than fits', { ...good, name: 'x'.repeat(70_000) }, 413, 'BodyTooLarge', null],
  ];

  it.each(bodies)('for %s in the body', async (_, body, status, code, pointer) => {
    const refused = await server.post(`${path}/subscriptions`, body);
    expect(refused).toMatchObject({ status, code });
    expect(refused.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(refused.body).toMatchObject({
      status,
      code,
      retryable: false,
      correlationId: refused.headers.get('x-correlation-id'),
    });
    if (pointer) expect(refused.body.errors.map((error: any) => error.pointer)).toContain(pointer);
  });

  it('for a list where an object belongs in a list, alone and in a bulk, and records nothing', async () => {
    const software = { purchaseId: 'sw-1', kind: 'perpetual', publisher: 'microsoft', name: 'Server', lineItems: [[]] };
    const before = (await server.get(`${path}/reseller-relationship`)).body.revision as number;
    const alone = await server.post(`${path}/software`, software);
    expect(alone).toMatchObject({ status: 400, code: 'InvalidBody' });
    expect(alone.body.errors).toEqual([{ pointer: '/lineItems/0', detail: 'must be an object' }]);

    const item = {
      command: 'PurchaseSoftware',
      customerId: path.split('/').at(-1)!,
      idempotencyKey: 'array-for-object',
      body: software,
    };
    const { body } = await server.post('/v1/commands', { items: [item] }, { key: null });
    expect(body.items[0]).toMatchObject({ status: 400, body: { code: 'InvalidBody', errors: alone.body.errors } });
    expect((await server.get(`${path}/reseller-relationship`)).body.revision).toBe(before);
  });

  it('names everything at once', async () => {
    const refused = await server.post(`${path}/subscriptions`, { quantity: 0, colour: 'red', price: {} });
    expect(refused.body.errors.map(({ pointer }: any) => pointer).sort()).toEqual([
      '/colour',
      '/kind',
      '/name',
      '/offerId',
      '/price/currency',
      '/price/minorUnits',
      '/quantity',
      '/subscriptionId',
    ]);
  });

  const requests: [string, string, Sent, number, string][] = [
    ['without a key', 'POST /subscriptions', { key: null, body: good }, 400, 'IdempotencyKeyMissing'],
    ['with a key of spaces', 'POST /subscriptions', { key: 'a b', body: good }, 400, 'InvalidHeader'],
    ['with a key that is too long', 'POST /subscriptions', { key: 'x'.repeat(256), body: good }, 400, 'InvalidHeader'],
    [
      'in another media type',
      'POST /subscriptions',
      { body: text, headers: { 'content-type': 'text/plain' } },
      415,
      'MediaTypeNotSupported',
    ],
    [
      'in another charset',
      'POST /subscriptions',
      { body: text, headers: { 'content-type': 'application/json; charset=utf-16' } },
      415,
      'MediaTypeNotSupported',
    ],
    [
      'in latin-1 by a quoted word',
      'POST /subscriptions',
      { body: text, headers: { 'content-type': 'application/json;x=y; Charset="ISO-8859-1"' } },
      415,
      'MediaTypeNotSupported',
    ],
    [
      'compressed',
      'POST /subscriptions',
      { body: gzipSync(text), headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } },
      415,
      'MediaTypeNotSupported',
    ],
    [
      'for a form that the route does not have',
      'GET /items',
      { headers: { accept: 'text/csv, application/xml;q=0.9' } },
      406,
      'NotAcceptable',
    ],
    [
      'for a form that a command does not answer in',
      'POST /subscriptions',
      { body: good, headers: { accept: 'application/json;q=0, text/html' } },
      406,
      'NotAcceptable',
    ],
    [
      'as a form',
      'POST /subscriptions',
      { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
      'MediaTypeNotSupported',
    ],
    ['for an id that is none', 'POST /subscriptions/a%2Fb/cancel', { body: {} }, 400, 'InvalidPath'],
    ['for an id that starts with a dot', 'POST /subscriptions/.a/cancel', { body: {} }, 400, 'InvalidPath'],
    ['for an id of 65 characters', `GET /subscriptions/${'a'.repeat(65)}`, {}, 400, 'InvalidPath'],
    ['for an id of hundreds', `GET /subscriptions/${'a'.repeat(300)}`, {}, 414, 'AddressTooLong'],
    [
      'with a parameter that a command does not take',
      'POST /subscriptions?force=true',
      { body: good },
      400,
      'InvalidQuery',
    ],
    ['with a dry run of another kind', 'POST /subscriptions?dryRun=1', { body: good }, 400, 'InvalidQuery'],
    ['with a parameter that a route does not take', 'GET /reseller-relationship?asOf=now', {}, 400, 'InvalidQuery'],
    ['with a parameter that a list does not take', 'GET /items?colour=red', {}, 400, 'InvalidQuery'],
    ['with a parameter of every object', 'GET /items?constructor=1', {}, 400, 'InvalidQuery'],
    ['with a parameter twice', 'GET /items?limit=1&limit=2', {}, 400, 'InvalidQuery'],
    ['for too long a page', 'GET /items?limit=201', {}, 400, 'InvalidQuery'],
    ['for no page at all', 'GET /items?limit=0', {}, 400, 'InvalidQuery'],
    ['with a foreign cursor', 'GET /items?cursor=WyJhIl0', {}, 400, 'InvalidCursor'],
    ['with half a cursor', 'GET /items?cursor=!', {}, 400, 'InvalidQuery'],
    ['with a sort of another list', 'GET /items?sort=establishedAt', {}, 400, 'InvalidQuery'],
    ['for events after a bad position', 'GET /events?after=-2', {}, 400, 'InvalidQuery'],
    ['for an address that is none', 'GET /nothing', {}, 404, 'RouteNotFound'],
    ['for a method that an address does not take', 'DELETE /reseller-relationship', {}, 405, 'MethodNotAllowed'],
    [
      'with a method that a command does not take',
      'PUT /subscriptions/sub-1/suspend',
      { body: {} },
      405,
      'MethodNotAllowed',
    ],
  ];

  it.each(requests)('%s: %s', async (_, request, sent, status, code) => {
    const [method, below] = request.split(' ') as [string, string];
    const refused = await server.send(`${path}${below}`, { method, ...sent });
    expect(refused).toMatchObject({ status, code });
    expect(refused.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    if (status === 405) expect(refused.headers.get('allow')).toMatch(below.endsWith('suspend') ? /POST/ : /GET, HEAD/);
  });

  it('for a customer that is no GUID', async () => {
    expect(await server.get('/v1/customers/contoso/reseller-relationship')).toMatchObject({
      status: 400,
      code: 'InvalidPath',
      body: { errors: [{ pointer: 'customerId' }] },
    });
  });

  const v1 = (line: string, headers = '') => `${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`;
  const unreadable: [string, string, number, string][] = [
    ['that is nonsense', 'NONSENSE\r\n\r\n', 400, 'BadRequest'],
    ['in HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'BadRequest'],
    ['in TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'BadRequest'],
    ['for no host', 'GET /v1/customers HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'InvalidHeader'],
    ['with a null byte in its address', v1('GET /v1/customers\0'), 400, 'BadRequest'],
    ['with a null byte in a header', v1('GET /v1/customers', 'X-Other: a\0b\r\n'), 400, 'BadRequest'],
    ['with a header of two lines', v1('GET /v1/customers', 'X-Other: a\r\n b\r\n'), 400, 'BadRequest'],
    ['with two lengths', v1('POST /v1/nothing', 'Content-Length: 1\r\nContent-Length: 2\r\n'), 400, 'BadRequest'],
    [
      'with a length and chunks',
      v1('POST /v1/nothing', 'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'),
      400,
      'BadRequest',
    ],
    ['with a negative length', v1('POST /v1/nothing', 'Content-Length: -1\r\n'), 400, 'BadRequest'],
    ['with a chunk of no size', `${v1('POST /nothing', 'Transfer-Encoding: chunked\r\n')}zz\r\n`, 400, 'BadRequest'],
    ['with half an escape', v1('GET /v1/%E0%A4%A'), 400, 'BadRequest'],
    ['with an address without end', v1(`GET /v1/customers?${'x'.repeat(20_000)}`), 414, 'AddressTooLong'],
    ['with an id without end', v1(`GET /v1/customers/${'x'.repeat(300)}/items`), 414, 'AddressTooLong'],
    ['with a header without end', v1('GET /v1/customers', `X-Long: ${'x'.repeat(20_000)}\r\n`), 431, 'HeadersTooLarge'],
    ['with headers without end', v1('GET /v1/customers', 'X-Many: x\r\n'.repeat(3_000)), 431, 'HeadersTooLarge'],
    // By whatever name a route is found, it is known before who asks for it.
    ['for a route by another name', v1('GET /%76%31/customers'), 401, 'Unauthenticated'],
    ['for a route by its whole name', v1('GET http://x/v1/customers'), 401, 'Unauthenticated'],
    ['with an unknown method', v1('BREW /v1/customers'), 501, 'MethodNotImplemented'],
    ['with a method that is none', v1('B(EW /v1/customers'), 400, 'BadRequest'],
    ['in a version to come', 'GET /v1/customers HTTP/4.0\r\nHost: x\r\n\r\n', 505, 'VersionNotSupported'],
    ['with lines that end without a CR', 'GET /v1/customers HTTP/1.1\nHost: x\n\n', 400, 'BadRequest'],
    ['in what is no version', 'GET /v1/customers HTTP/1.x\r\nHost: x\r\n\r\n', 400, 'BadRequest'],
    ['for two hosts', v1('GET /v1/customers', 'Host: y\r\n'), 400, 'InvalidHeader'],
    ['for one host twice', v1('GET /health/live', 'host: x\r\n'), 400, 'InvalidHeader'],
    ['for a host and a user', v1('GET /v1/customers').replace('Host: x', 'Host: a@x'), 400, 'InvalidHeader'],
    ['for a host with a path', v1('GET /v1/customers').replace('Host: x', 'Host: x/y'), 400, 'InvalidHeader'],
    ['for half an address', v1('GET /v1/customers').replace('Host: x', 'Host: [::1'), 400, 'InvalidHeader'],
    [
      'for an address that is none',
      v1('GET /v1/customers').replace('Host: x', 'Host: [1::2::3]'),
      400,
      'InvalidHeader',
    ],
    ['for a port that is none', v1('GET /v1/customers').replace('Host: x', 'Host: x:http'), 400, 'InvalidHeader'],
    ['with two tokens', v1('GET /v1/customers', 'Authorization: a\r\nAuthorization: b\r\n'), 400, 'InvalidHeader'],
    [
      'with two tokens far apart',
      v1('GET /v1/customers', `Authorization: a\r\n${'a:\r\n'.repeat(2_500)}Authorization: b\r\n`),
      400,
      'InvalidHeader',
    ],
    ['with two keys', v1('POST /v1/commands', 'Idempotency-Key: a\r\nidempotency-key: a\r\n'), 400, 'InvalidHeader'],
    ['of two types', v1('POST /v1/commands', 'Content-Type: a/b\r\nContent-Type: a/b\r\n'), 400, 'InvalidHeader'],
    [
      'in a coding of its own',
      v1('POST /health/live', 'Transfer-Encoding: gzip, chunked\r\n'),
      501,
      'TransferCodingNotImplemented',
    ],
    [
      'in chunks, as HTTP/1.0 has none',
      v1('POST /health/live', 'Transfer-Encoding: chunked\r\n').replace('1.1', '1.0'),
      400,
      'InvalidHeader',
    ],
    ['that expects too much', v1('GET /health/live', 'Expect: 100-continue, more\r\n'), 417, 'ExpectationFailed'],
    ['to become a tunnel', 'CONNECT ledger:443 HTTP/1.1\r\nHost: ledger:443\r\n\r\n', 501, 'MethodNotImplemented'],
    ['that asks for its own echo', v1('TRACE /v1/customers'), 401, 'Unauthenticated'],
    ['with a method of its own', v1('PURGE /health/live'), 405, 'MethodNotAllowed'],
    ['with a QUERY that has no body', v1('QUERY /health/live'), 405, 'MethodNotAllowed'],
    ['with a QUERY to no route', v1('QUERY /nothing'), 404, 'RouteNotFound'],
    ['for what there is nowhere', v1('OPTIONS /nowhere'), 404, 'RouteNotFound'],
    ['for two slashes', v1('GET //v1/customers'), 404, 'RouteNotFound'],
  ];

  it.each(unreadable)('%s', async (_, request, status, code) => {
    const answer = await answerTo(server.port, request);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toMatch(/\r\nContent-Type: application\/problem\+json; charset=utf-8\r\n/i);
    expect(answer).toMatch(/\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/i);
    const { code: answered, correlationId } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as Record<
      string,
      string
    >;
    expect(answered).toBe(code);
    expect(answer.toLowerCase()).toContain(`x-correlation-id: ${correlationId}`);
  });

  it.each([
    ['/health/live', 'GET, HEAD, OPTIONS'],
    ['/v1/commands', 'POST, OPTIONS'],
    ['/v1/operations/1', 'GET, HEAD, DELETE, OPTIONS'],
    ['*', 'GET, HEAD, POST, DELETE, OPTIONS'],
  ])('for what %s takes', async (path, allowed) => {
    const answer = await answerTo(server.port, v1(`OPTIONS ${path}`));
    expect(answer).toMatch(/^HTTP\/1\.1 204 /);
    const allow = /\r\nallow: (.*)\r\n/i.exec(answer)![1]!;
    expect(allow.split(', ').sort()).toEqual(allowed.split(', ').sort());
  });

  it.each(['x', 'x:', 'x:80', '[::1]:3000', '127.0.0.1', 'a%20b', ''])('for host %j is answered', async (host) => {
    const request = v1('GET /health/live').replace('Host: x', `Host: ${host}`);
    expect(await answerTo(server.port, request)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('in HTTP/1.0 needs no host', async () => {
    expect(await answerTo(server.port, 'GET /health/live HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('for another protocol is answered in this one', async () => {
    const answer = await answerTo(
      server.port,
      v1('GET /health/live').replace('Connection: close', 'Connection: close, Upgrade\r\nUpgrade: h2c'),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
  });

  it('for the head alone gets it', async () => {
    const authorization = `Bearer ${await server.tokenOf({})}`;
    const head = await fetch(`${server.url}/v1/customers`, { method: 'HEAD', headers: { authorization } });
    expect([head.status, await head.text(), head.headers.has('ledger-position')]).toEqual([200, '', true]);
  });

  it('changes nothing', async () => {
    const { body } = await server.get(`${path}/reseller-relationship`);
    expect(body.revision).toBe(2);
  });
});
