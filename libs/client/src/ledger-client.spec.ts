import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hence } from '../../../test/wall-clock.js';
import {
  ledgerClient,
  ledgerClients,
  LedgerProblem,
  LedgerUnreachable,
  type Command,
  type LedgerClientOptions,
  type LedgerPosition,
} from './index.js';

// Against a server with scripted answers, which make every failure of a connection happen.

type Reply = (response: ServerResponse, request: IncomingMessage) => void;
interface Got {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const ledger = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';
const at = (position: number, of = ledger): LedgerPosition => `${position};ledger="${of}"`;
const accepted = { revision: 1, position: '7', events: ['CustomerAgreementConfirmed'], correlationId: 'c' };

function answer(status: number, body: object, headers: Record<string, string> = {}): Reply {
  return (response) => {
    const type = status < 400 ? 'application/json' : 'application/problem+json';
    response.writeHead(status, { 'Content-Type': type, ...headers }).end(JSON.stringify(body));
  };
}
const bodyOf = (status: number, code: string, retryable: boolean) => ({
  type: '/problems/x',
  title: 'Title',
  detail: 'Detail.',
  status,
  code,
  retryable,
});
function problem(status: number, code: string, headers: Record<string, string> = {}): Reply {
  return answer(status, bodyOf(status, code, false), headers);
}
function passing(status: number, code: string, headers: Record<string, string> = {}): Reply {
  return answer(status, bodyOf(status, code, true), headers);
}
const hangUp: Reply = (response) => response.destroy();
const breakOff: Reply = (response) => {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '100' });
  response.write('{"revi');
  setTimeout(() => response.destroy(), 20);
};
const soon = { 'Retry-After': '0' };

let server: Server;
let replies: Reply[];
let got: Got[];
beforeEach(async () => {
  [replies, got] = [[], []];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      got.push({
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      });
      (replies.shift() ?? problem(500, 'InternalError'))(response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function client(options: Partial<LedgerClientOptions> = {}) {
  const { port } = server.address() as AddressInfo;
  return ledgerClient({ baseUrl: `http://127.0.0.1:${port}`, token: 'token', ...options });
}
const path = { customerId: '00000000-0000-4000-8000-000000000001' };
const confirm = (by = client(), more: object = {}) =>
  by.POST('/v1/customers/{customerId}/agreement/confirm', { params: { path }, body: { comment: 'x' }, ...more });

describe('A command by its name', () => {
  const { customerId } = path;
  const fields = { assignmentId: 'access-1', groupId: customerId, roles: [customerId] };
  const assign: Command = { type: 'AssignAccess', data: { grantId: 'a/b', ...fields } };

  it('is posted at its route, with what the path names taken out of the body', async () => {
    replies = [answer(200, accepted), answer(200, accepted)];
    const ledger = client();
    const { data } = await ledger.send(assign, {
      customerId,
      idempotencyKey: 'key-1',
      ifMatch: '"7.1"',
      ifNoneMatch: '"8.1"',
      comment: 'x',
    });
    await ledger.send({ type: 'SetAutoRenew', data: { subscriptionId: 'sub-1', autoRenew: false } }, { customerId });

    expect(data).toEqual(accepted);
    expect(got.map(({ method, url, body }) => [method, url, JSON.parse(body)])).toEqual([
      ['POST', `/v1/customers/${customerId}/delegated-admin/a%2Fb/access-assignments`, { ...fields, comment: 'x' }],
      ['POST', `/v1/customers/${customerId}/subscriptions/sub-1/auto-renew`, { autoRenew: false }],
    ]);
    expect(got[0]!.headers).toMatchObject({
      'idempotency-key': 'key-1',
      'if-match': '"7.1"',
      'if-none-match': '"8.1"',
    });
    expect(got[1]!.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('names the partner where one is named, and is only tried as a dry run', async () => {
    replies = [answer(200, { ...accepted, dryRun: true })];
    const partnerId = '00000000-0000-4000-8000-000000000002';
    await client().send({ type: 'AcceptResellerRelationship', data: {} }, { customerId, partnerId, dryRun: true });

    expect(got[0]).toMatchObject({
      url: `/v1/partners/${partnerId}/customers/${customerId}/reseller-relationship/accept?dryRun=true`,
      body: '{}',
    });
    expect(got[0]!.headers).not.toHaveProperty('idempotency-key');
  });
});

describe('Clients of several senders', () => {
  it('have a token each, and read what one of them has written', async () => {
    replies = [answer(200, accepted, { 'Ledger-Position': at(7) }), answer(200, { items: [] })];
    const { port } = server.address() as AddressInfo;
    const clientWith = ledgerClients({ baseUrl: `http://127.0.0.1:${port}` });
    await confirm(clientWith('writer'));
    await clientWith(() => 'reader').GET('/v1/customers');

    expect(got.map(({ headers }) => headers.authorization)).toEqual(['Bearer writer', 'Bearer reader']);
    expect(got[1]!.headers['ledger-position']).toBe(at(7));
  });
});

describe('A bulk', () => {
  const item = (idempotencyKey: string) =>
    ({ command: 'ConfirmCustomerAgreement', ...path, idempotencyKey, body: {} }) as const;
  const answered = (index: number, body: object, headers = {}) => ({
    index,
    status: 'status' in body ? body.status : 200,
    headers,
    body,
  });
  const send = (by = client()) =>
    by.POST('/v1/commands', { body: { items: [item('first'), item('second'), item('third')] } });
  const keysOf = ({ body }: Got) =>
    (JSON.parse(body) as { items: { idempotencyKey: string }[] }).items.map(({ idempotencyKey }) => idempotencyKey);

  it('is answered when every item is: those that say that they may be sent again are, under their keys', async () => {
    const refused = bodyOf(409, 'RemovalBlocked', false);
    replies = [
      passing(503, 'StoreUnavailable', soon),
      answer(200, {
        items: [
          answered(0, bodyOf(503, 'OutcomeUnknown', true), soon),
          answered(1, accepted),
          answered(2, bodyOf(429, 'TooManyRequests', true)),
        ],
      }),
      answer(200, { items: [answered(0, { ...accepted }), answered(1, bodyOf(409, 'ConcurrencyConflict', true))] }),
      answer(200, { items: [answered(0, refused)] }),
    ];
    const { data } = await send();
    expect(got.map(keysOf)).toEqual([
      ['first', 'second', 'third'],
      ['first', 'second', 'third'],
      ['first', 'third'],
      ['third'],
    ]);
    expect(data.items).toEqual([answered(0, accepted), answered(1, accepted), answered(2, refused)]);
  });

  it('keeps its answers when the rest is not answered in all the time there was', async () => {
    const busy = answered(1, bodyOf(503, 'StoreUnavailable', true));
    replies = [
      answer(200, { items: [answered(0, accepted), busy, answered(2, accepted)] }),
      ...Array.from({ length: 50 }, () => hangUp),
    ];
    const { data } = await send(client({ patienceMs: 400 }));
    expect(data.items).toEqual([answered(0, accepted), busy, answered(2, accepted)]);
  });
});

describe('A command', () => {
  it('is sent again under the same key until it is answered', async () => {
    replies = [
      passing(503, 'StoreUnavailable', soon),
      passing(408, 'RequestTimeout'),
      passing(409, 'CommandInProgress'),
      passing(409, 'ConcurrencyConflict'),
      hangUp,
      breakOff,
      passing(429, 'TooManyRequests', soon),
      passing(500, 'OfANewerRelease'),
      answer(200, accepted),
    ];
    const retries: unknown[] = [];
    const { data } = await confirm(client({ onRetry: ({ because }) => retries.push(because) }));
    expect(data).toEqual(accepted);
    expect(retries).toHaveLength(8);
    expect(got).toHaveLength(9);
    expect(new Set(got.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(got[0]!.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
    expect(new Set(got.map(({ body }) => body))).toEqual(new Set(['{"comment":"x"}']));
  });

  it('has a key of its own, or the one that is given', async () => {
    replies = [answer(200, accepted), answer(200, accepted), answer(200, accepted)];
    await confirm();
    await confirm();
    await confirm(client(), { params: { path, header: { 'Idempotency-Key': 'mine' } } });
    const keys = got.map(({ headers }) => headers['idempotency-key']);
    expect(new Set(keys).size).toBe(3);
    expect(keys[2]).toBe('mine');
  });

  it('has none when it is only rehearsed', async () => {
    replies = [answer(200, { dryRun: true, revision: 1, events: [] })];
    await confirm(client(), { params: { path, query: { dryRun: true } } });
    expect(got[0]!.headers).not.toHaveProperty('idempotency-key');
  });

  it.each([
    [400, 'InvalidBody', {}],
    [401, 'InvalidToken', {}],
    [403, 'RoleNotAllowed', {}],
    [404, 'RelationshipNotFound', {}],
    [409, 'RemovalBlocked', { 'Retry-After': '0' }],
    [412, 'PreconditionFailed', {}],
    [422, 'IdempotencyKeyReused', {}],
    [500, 'InternalError', {}],
    [503, 'LogDamaged', {}],
    [503, 'LogDamaged', { 'Retry-After': '0' }],
  ])('is not sent again when that would not help: %i %s', async (status, code, headers) => {
    replies = [problem(status, code, headers)];
    const refused = await confirm().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LedgerProblem);
    expect(refused).toMatchObject({ status, code, problem: { detail: 'Detail.' }, message: `${code}: Title. Detail.` });
    expect((refused as LedgerProblem).idempotencyKey).toBe(got[0]!.headers['idempotency-key']);
    expect(got).toHaveLength(1);
  });

  it('waits for as long as it is asked to', async () => {
    replies = [passing(503, 'StoreUnavailable', { 'Retry-After': '1' }), answer(200, accepted)];
    const pauses: number[] = [];
    await confirm(client({ onRetry: ({ pauseMs }) => pauses.push(pauseMs) }));
    expect(pauses).toEqual([1_000]);
  });

  it('is given up with what was answered last when patience has run out', async () => {
    replies = [hangUp, passing(503, 'OutcomeUnknown', { 'Retry-After': '5' })];
    await expect(confirm(client({ patienceMs: 1_000 }))).rejects.toMatchObject({ code: 'OutcomeUnknown' });
    expect(got).toHaveLength(2);
  });

  it('is given up with its key when nothing was answered', async () => {
    replies = Array.from({ length: 50 }, () => hangUp);
    const gaveUp = await confirm(client({ patienceMs: 500 })).catch((error: unknown) => error);
    expect(gaveUp).toBeInstanceOf(LedgerUnreachable);
    expect((gaveUp as LedgerUnreachable).idempotencyKey).toBe(got[0]!.headers['idempotency-key']);
    expect((gaveUp as Error).cause).toMatchObject({ name: 'TypeError' });
  });

  it('tries again when a try takes too long', async () => {
    replies = [() => undefined, answer(200, accepted)];
    await confirm(client({ attemptMs: 100 }));
    expect(got).toHaveLength(2);
  });

  it('ends when it is given up by the caller, in the middle of a try and of a pause', async () => {
    for (const reply of [() => undefined, passing(503, 'StoreUnavailable', { 'Retry-After': '20' })] as Reply[]) {
      replies = [reply];
      const giveUp = new AbortController();
      const sent = confirm(client(), { signal: giveUp.signal });
      setTimeout(() => giveUp.abort(new Error('enough')), 100);
      await expect(sent).rejects.toThrow();
    }
    expect(got).toHaveLength(2);
  });

  it('takes no pause for none when the time is named by what stands before the ledger', async () => {
    const later = hence(3_600_000).toUTCString();
    replies = [passing(503, 'StoreUnavailable', { 'Retry-After': later })];
    const giveUp = new AbortController();
    const pauses: number[] = [];
    const onRetry = ({ pauseMs }: { readonly pauseMs: number }) => {
      pauses.push(pauseMs);
      giveUp.abort(new Error('It waits'));
    };
    const patient = client({ patienceMs: 7_200_000, onRetry });
    await expect(confirm(patient, { signal: giveUp.signal })).rejects.toThrow('It waits');
    expect(pauses).toHaveLength(1);
    expect(pauses[0]).toBeGreaterThan(1_800_000);
    expect(pauses[0]).toBeLessThanOrEqual(3_600_000);
  });

  it('is sent again when what stands before the ledger could not reach it, and says so when it never could', async () => {
    const gateway =
      (status: number): Reply =>
      (response) =>
        response.writeHead(status, { 'Content-Type': 'text/html' }).end('<h1>No</h1>');
    replies = [...[408, 429, 502, 503, 504].map(gateway), answer(200, accepted)];
    await confirm();
    expect(new Set(got.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    replies = Array.from({ length: 50 }, () => gateway(502));
    await expect(confirm(client({ patienceMs: 300 }))).rejects.toMatchObject({ code: 'NotOfALedger', status: 502 });
    const cutOff: Reply = (response) =>
      response.writeHead(404, { 'Content-Type': 'application/problem+json' }).end('{"code":');
    for (const reply of [gateway(404), cutOff]) {
      replies = [reply];
      await expect(confirm()).rejects.toMatchObject({ code: 'NotOfALedger', status: 404 });
    }
  });

  it('asks for a token before every try', async () => {
    replies = [hangUp, answer(200, accepted)];
    let asked = 0;
    await confirm(client({ token: () => Promise.resolve(`token-${++asked}`) }));
    expect(got.map(({ headers }) => headers.authorization)).toEqual(['Bearer token-1', 'Bearer token-2']);
  });
});

describe('A question', () => {
  const page = (items: readonly object[], headers: Record<string, string> = {}) =>
    answer(200, { items, position: '7', asOf: '2026-11-22T16:00:00.000Z' }, headers);
  const positionsSent = () => got.map(({ headers }) => headers['ledger-position']);

  it('is asked of the furthest that any answer has come from', async () => {
    replies = [
      answer(200, accepted, { 'Ledger-Position': at(9) }),
      problem(409, 'NothingToChange', { 'Ledger-Position': at(4) }),
      page([], { 'Ledger-Position': at(10) }),
      page([]),
    ];
    const by = client();
    await confirm(by);
    await confirm(by).catch(() => undefined);
    await by.GET('/v1/customers');
    await by.GET('/v1/customers');
    expect(positionsSent()).toEqual([undefined, undefined, at(9), at(10)]);
    expect(by.position()).toBe(at(10));
  });

  it('starts at the position of an earlier client, unless it is about the past', async () => {
    replies = [page([]), page([])];
    const by = client({ position: at(3) });
    await by.GET('/v1/customers');
    await by.GET('/v1/customers', { params: { query: { asOfPosition: '2' } } });
    expect(positionsSent()).toEqual([at(3), undefined]);
  });

  it('compares positions as numbers, however large', async () => {
    replies = [page([], { 'Ledger-Position': at(999) }), page([], { 'Ledger-Position': at(1000) }), page([])];
    const by = client();
    for (let times = 0; times < 3; times++) await by.GET('/v1/customers');
    expect(positionsSent()).toEqual([undefined, at(999), at(1000)]);
  });

  it('forgets what another ledger has said', async () => {
    const other = '00000000-0000-4000-8000-000000000002';
    replies = [problem(400, 'LedgerPositionUnknown'), page([], { 'Ledger-Position': at(2, other) }), page([])];
    const by = client({ position: at(9) });
    await expect(by.GET('/v1/customers')).rejects.toMatchObject({ code: 'LedgerPositionUnknown' });
    await by.GET('/v1/customers');
    await by.GET('/v1/customers');
    expect(positionsSent()).toEqual([at(9), undefined, at(2, other)]);
  });

  it('is asked again while its answer is being made', async () => {
    replies = [passing(503, 'AsOfInProgress', soon), page([{ name: 'Contoso' }])];
    const { data } = await client().GET('/v1/customers', { params: { query: { asOf: '2026-01-01T00:00:00Z' } } });
    expect(data.items).toEqual([{ name: 'Contoso' }]);
    expect(got).toHaveLength(2);
  });

  it('goes through all pages', async () => {
    replies = [
      page([{ name: 'a' }, { name: 'b' }], { Link: '</v1/customers?limit=2&cursor=next>; rel="next"' }),
      page([{ name: 'c' }]),
    ];
    const names: string[] = [];
    for await (const { name } of client().items('/v1/customers', { params: { query: { limit: 2 } } })) names.push(name);
    expect(names).toEqual(['a', 'b', 'c']);
    expect(got.map(({ url }) => url)).toEqual(['/v1/customers?limit=2', '/v1/customers?limit=2&cursor=next']);
  });

  it('requests no page that the caller does not read', async () => {
    replies = [page([{ name: 'a' }], { Link: '</v1/customers?cursor=next>; rel="next"' })];
    for await (const _ of client().pages('/v1/customers')) break;
    expect(got).toHaveLength(1);
  });
});

describe('The feed', () => {
  const event = (position: number) =>
    `id: ${at(position)}\nevent: E\ndata: ${JSON.stringify({ type: 'E', position: String(position) })}\n\n`;
  const stream =
    (text: string, then: 'hangs up' | 'ends' | 'falls silent' = 'ends'): Reply =>
    (response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(`retry: 10\n\n${text}`);
      if (then === 'ends') response.end();
      if (then === 'hangs up') setTimeout(() => response.destroy(), 20);
    };
  const idsSent = () => got.map(({ headers }) => headers['last-event-id']);

  it('is found where the server has a path of its own', async () => {
    const { port } = server.address() as AddressInfo;
    for (const baseUrl of [`http://127.0.0.1:${port}/ledger`, `http://127.0.0.1:${port}/ledger/`]) {
      const events = client({ baseUrl }).follow({ filters: { type: ['SubscriptionSuspended'] } });
      await expect(events.next()).rejects.toMatchObject({ code: 'InternalError' });
    }
    expect(new Set(got.map(({ url }) => url))).toEqual(new Set(['/ledger/v1/events?type=SubscriptionSuspended']));
  });

  async function followed(count: number, options: object = {}): Promise<string[]> {
    const positions: string[] = [];
    for await (const { id, event } of client().follow(options)) {
      expect(event.type).toBe('E');
      positions.push(id);
      if (positions.length === count) break;
    }
    return positions;
  }

  it('goes on after the last event that was handled, over connections that end, break and fall silent', async () => {
    replies = [
      stream(event(1) + event(2)),
      stream(event(3) + event(4).slice(0, 30), 'hangs up'),
      hangUp,
      passing(503, 'ShuttingDown', soon),
      stream(event(4), 'falls silent'),
      stream(event(5)),
    ];
    expect(await followed(5, { silenceMs: 200 })).toEqual([1, 2, 3, 4, 5].map((position) => at(position)));
    expect(idsSent()).toEqual([undefined, at(2), at(3), at(3), at(3), at(4)]);
  });

  it('starts after the given event, and moves on where no event passes the filters', async () => {
    replies = [stream(`id: ${at(8)}\n:\n\n`), stream(event(9))];
    const passed: string[] = [];
    const options = { after: at(5), filters: { type: ['E', 'F'] }, onProgress: (id: string) => passed.push(id) };
    expect(await followed(1, options)).toEqual([at(9)]);
    expect(idsSent()).toEqual([at(5), at(8)]);
    expect(passed).toEqual([at(8)]);
    expect(got[0]!.url).toBe('/v1/events?type=E&type=F');
    expect(got[0]!.headers.accept).toBe('text/event-stream');
  });

  it('is not asked for again what the ledger has refused', async () => {
    replies = [problem(400, 'LedgerPositionUnknown')];
    await expect(followed(1)).rejects.toMatchObject({ code: 'LedgerPositionUnknown' });
    expect(got).toHaveLength(1);
  });

  it('ends when it is given up', async () => {
    replies = [stream(event(1) + event(2), 'falls silent')];
    const ending = new AbortController();
    const positions: string[] = [];
    for await (const { id } of client().follow({ signal: ending.signal })) {
      positions.push(id);
      ending.abort();
    }
    expect(positions).toEqual([at(1)]);
  });
});
