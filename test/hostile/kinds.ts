import { randomBytes, randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Who is attacked, and with what. */
export interface Target {
  readonly port: number;
  /** Tokens of callers of one partner. */
  readonly tokens: readonly string[];
  readonly partnerId: string;
  /** The path of a relationship. */
  readonly path: string;
}

/** The status of the answer, and what it holds; 0 where the server has closed the connection without one. */
export interface Got {
  readonly status: number;
  readonly text: string;
}

/** Sends one hostile request, or a handful. What comes of each is what the server may answer. */
export type Kind = (target: Target, nth: number) => Promise<readonly Got[]>;

/** Waits no longer than that for what may never be answered. */
const patienceMs = 5_000;

/** What comes back on a connection of its own for bytes as they are. `until` decides when enough has come. */
async function raw(port: number, bytes: string | Buffer, until = (text: string) => isWhole(text)): Promise<Got[]> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, patienceMs);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (until(text)) done();
    });
    for (const event of ['close', 'error', 'end']) socket.on(event, done);
    socket.write(bytes);
  });
  socket.destroy();
  const answers = text.split(/(?=HTTP\/1\.1 \d{3} )/).filter((part) => part.startsWith('HTTP/1.1 '));
  return answers.map((answer) => ({ status: Number(answer.slice(9, 12)), text: answer }));
}

function isWhole(text: string): boolean {
  const head = text.indexOf('\r\n\r\n');
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, head));
  return head !== -1 && length !== null && text.length >= head + 4 + Number(length[1]);
}

interface Sent {
  readonly method?: string;
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

async function ask({ port }: Target, path: string, { method = 'GET', token, headers = {}, body }: Sent = {}) {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: body as string }),
  });
  return [{ status: answer.status, text: await answer.text() }];
}

const head = (line: string, token: string, more = '') =>
  `${line} HTTP/1.1\r\nHost: ledger\r\nAuthorization: Bearer ${token}\r\n${more}\r\n`;
const tokenFor = ({ tokens }: Target, nth: number) => tokens[nth % tokens.length]!;
const word = (length: number) => randomBytes(length).toString('hex').slice(0, length);
const forged = (token: string) => `${token.slice(0, -43)}${randomBytes(32).toString('base64url')}`;
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const bulkOf = (items: readonly unknown[]) => JSON.stringify({ items });
const command = (target: Target, nth: number, path: string, body: string | Uint8Array, key = `hostile-${nth}`) =>
  ask(target, path, { method: 'POST', token: tokenFor(target, nth), headers: { 'idempotency-key': key }, body });

/** By name. Each is a way to make a server keep something: names, bytes, connections, work, threads. */
export const kinds: Readonly<Record<string, Kind>> = {
  'forged token': (target, nth) => ask(target, '/v1/customers', { token: forged(tokenFor(target, nth)) }),
  'no token': (target) => ask(target, `/v1/customers/${randomUUID()}/reseller-relationship`),
  'long nonsense for a token': (target) => ask(target, '/v1/customers', { token: word(8_000) }),
  'random path': (target) => ask(target, `/${word(20)}/${word(20)}`),
  'random path with a token': (target, nth) =>
    ask(target, `/v1/${word(10)}/${word(40)}`, { token: tokenFor(target, nth) }),
  'malformed address': ({ port }) => raw(port, `GET /%${word(2)}%zz HTTP/1.1\r\nHost: x\r\n\r\n`),
  'unknown method': (target, nth) => raw(target.port, head(`BREW ${target.path}`, tokenFor(target, nth))),
  'known method in the wrong place': (target, nth) =>
    ask(target, `${target.path}/reseller-relationship`, { method: 'DELETE', token: tokenFor(target, nth) }),
  'deep JSON': (target, nth) => command(target, nth, `${target.path}/profile/update`, `{"name":${nested(5_000)}}`),
  'a large body of JSON': (target, nth) =>
    command(target, nth, `${target.path}/profile/update`, JSON.stringify({ name: word(60_000) })),
  'a body of many names': (target, nth) =>
    command(
      target,
      nth,
      `${target.path}/profile/update`,
      JSON.stringify(Object.fromEntries(Array.from({ length: 2_000 }, () => [word(12), 1]))),
    ),
  'bad UTF-8': (target, nth) =>
    command(
      target,
      nth,
      `${target.path}/profile/update`,
      Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
    ),
  'a key never used before': (target, nth) =>
    command(target, nth, `${target.path}/subscriptions/none/suspend`, '{"reason":"fraud"}', randomUUID()),
  'a key used before': (target, nth) =>
    command(target, nth, `${target.path}/profile/update`, JSON.stringify({ name: word(8) }), 'the same'),
  'a correlation id': (target, nth) =>
    ask(target, '/v1/customers?limit=1', { token: tokenFor(target, nth), headers: { 'x-correlation-id': word(60) } }),
  'a trace': (target, nth) =>
    ask(target, '/v1/customers?limit=1', {
      token: tokenFor(target, nth),
      headers: { traceparent: `00-${word(32)}-${word(16)}-01`, tracestate: word(200) },
    }),
  'a query never seen': (target, nth) =>
    ask(target, `/v1/items?${word(8)}=${word(40)}`, { token: tokenFor(target, nth) }),
  'a search never seen': (target, nth) =>
    ask(target, `/v1/customers?search=${word(10)}`, { token: tokenFor(target, nth) }),
  'a cursor made up': (target, nth) =>
    ask(target, `/v1/customers?cursor=${word(100)}`, { token: tokenFor(target, nth) }),
  'a tag made up': (target, nth) =>
    ask(target, `${target.path}/reseller-relationship`, {
      token: tokenFor(target, nth),
      headers: { 'if-none-match': Array.from({ length: 100 }, () => `"${word(16)}"`).join(', ') },
    }),
  'a position made up': (target, nth) =>
    ask(target, `/v1/customers`, {
      token: tokenFor(target, nth),
      headers: { 'ledger-position': `${nth};${word(20)}` },
    }),
  'many header fields': (target, nth) =>
    ask(target, '/v1/customers?limit=1', {
      token: tokenFor(target, nth),
      headers: Object.fromEntries(Array.from({ length: 150 }, () => [`x-${word(10)}`, word(20)])),
    }),
  'header fields beyond the bound': ({ port }) =>
    raw(port, `GET / HTTP/1.1\r\nHost: x\r\n${`X-A: ${word(1_000)}\r\n`.repeat(40)}\r\n`),
  'no HTTP at all': ({ port }) => raw(port, randomBytes(500)),
  'a bad chunk': (target, nth) =>
    raw(
      target.port,
      `${head(`POST ${target.path}/profile/update`, tokenFor(target, nth), 'Transfer-Encoding: chunked\r\n')}zz\r\n`,
    ),
  pipelining: (target, nth) =>
    raw(
      target.port,
      head('GET /v1/customers?limit=1', tokenFor(target, nth)).repeat(9) +
        head('GET /v1/customers?limit=1', tokenFor(target, nth), 'Connection: close\r\n'),
      () => false,
    ),
  'an upload that stops': async (target, nth) => {
    const socket = connect(target.port, '127.0.0.1').on('error', () => undefined);
    socket.write(
      `${head(`POST ${target.path}/profile/update`, tokenFor(target, nth), 'Content-Length: 60000\r\n')}${word(30_000)}`,
    );
    await pause(20);
    socket.destroy();
    return [];
  },
  'a bulk that stops': async (target, nth) => {
    const socket = connect(target.port, '127.0.0.1').on('error', () => undefined);
    const more = 'Content-Type: application/json\r\nContent-Length: 1000000\r\n';
    socket.write(`${head('POST /v1/commands', tokenFor(target, nth), more)}${word(100_000)}`);
    await pause(20);
    socket.destroy();
    return [];
  },
  'a half-closed connection': async (target, nth) => {
    const socket = connect({ port: target.port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => undefined);
    socket.end(head('GET /v1/items', tokenFor(target, nth)).slice(0, 60));
    await pause(20);
    socket.destroy();
    return [];
  },
  'an answer that is not read': async (target) => {
    const socket = connect(target.port, '127.0.0.1').on('error', () => undefined);
    socket.pause();
    socket.write('GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(8));
    await pause(50);
    socket.destroy();
    return [];
  },
  'a live stream that is left': async (target, nth) => {
    const socket = connect(target.port, '127.0.0.1').on('error', () => undefined);
    socket.write(head('GET /v1/events', tokenFor(target, nth), 'Accept: text/event-stream\r\n'));
    await pause(50);
    socket.destroy();
    return [];
  },
  'a relationship as it stood': (target, nth) =>
    ask(
      target,
      `${target.path}/reseller-relationship?asOf=2026-01-${String(1 + (nth % 28)).padStart(2, '0')}T00:00:00Z`,
      {
        token: tokenFor(target, nth),
      },
    ),
  'a list as it stood': (target, nth) =>
    ask(target, `/v1/customers?asOf=${new Date(1_700_000_000_000 + nth * 1_000).toISOString()}`, {
      token: tokenFor(target, nth),
    }),
  'a customer never seen': (target, nth) =>
    command(target, nth, `/v1/customers/${randomUUID()}/profile/update`, '{"name":"X"}', randomUUID()),
  'a partner never seen': (target, nth) =>
    ask(target, `/v1/partners/${randomUUID()}/customers/${randomUUID()}/reseller-relationship`, {
      token: tokenFor(target, nth),
    }),
  'a dry run': (target, nth) => command(target, nth, `${target.path}/reseller-relationship/remove?dryRun=true`, '{}'),
  'a bulk of nonsense': (target, nth) =>
    ask(target, '/v1/commands', {
      method: 'POST',
      token: tokenFor(target, nth),
      body: bulkOf(Array.from({ length: 50 }, () => ({ command: word(10), customerId: randomUUID(), body: {} }))),
    }),
  'a bulk for customers never seen': (target, nth) =>
    ask(target, '/v1/commands', {
      method: 'POST',
      token: tokenFor(target, nth),
      body: bulkOf(
        Array.from({ length: 50 }, () => ({
          command: 'UpdateCustomerProfile',
          customerId: randomUUID(),
          idempotencyKey: randomUUID(),
          body: { name: 'X' },
        })),
      ),
    }),
  'a bulk of a megabyte that is none': (target, nth) =>
    ask(target, '/v1/commands', {
      method: 'POST',
      token: tokenFor(target, nth),
      body: `{"items":[${Array.from({ length: 20_000 }, () => '{"a":[1,2,3],"b":"c"}').join(',')}]}`,
    }),
};
