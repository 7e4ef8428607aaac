import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../eventually.js';
import { rawSocket, type RawSocket } from './raw-socket.js';
import { establish, runServer, type RunningServer } from './running-server.js';

const requests = 20;
const connections = 50;

describe('an address', () => {
  let server: RunningServer;
  let path: string;
  let token: string;
  beforeAll(async () => {
    server = await runServer({
      env: {
        ADDRESS_REQUESTS: `${requests}`,
        ADDRESS_CONNECTIONS: `${connections}`,
        IN_HAND_MIB: '4',
        TRUSTED_PROXIES: '127.0.0.9',
      },
    });
    path = await establish(server);
    token = await server.tokenOf({});
  });
  afterAll(() => server.end());

  const unfinished = (line: string, length: number, bearer = token) =>
    `${line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${bearer}\r\nIdempotency-Key: k\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n{`;
  async function whileOpen(count: number, text: string, work: (sockets: readonly RawSocket[]) => Promise<void>) {
    const sockets = [];
    for (let opened = 0; opened < count; opened++) {
      const socket = await rawSocket(server.port);
      if (text) socket.write(text);
      sockets.push(socket);
    }
    try {
      await work(sockets);
    } finally {
      for (const { socket } of sockets) socket.destroy();
    }
  }
  const isAnswered = (as: string | null = token, to = '/v1/customers') =>
    eventually(`an answer of ${to}`, async () => (await server.get(to, { as })).status === 200);

  it.each([
    ['commands', () => `POST ${path}/profile/update`],
    ['no route at all', () => 'POST /nothing'],
  ])(
    'has a bounded number of requests in hand, such as unfinished ones to %s, and hears of health',
    async (_, line) => {
      // Those of the test before may still have their places: more than there are.
      await whileOpen(2 * requests, unfinished(line(), 100), async () => {
        for (const to of [
          '/v1/customers',
          '/docs',
          '/openapi.json',
          '/nothing',
          '/%zz',
          `${path}/reseller-relationship`,
        ])
          await eventually(`a refusal by ${to}`, async () => {
            const { status, code, headers } = await server.get(to);
            return status === 429 && code === 'TooManyRequests' && headers.get('retry-after') === '1';
          });
        for (const to of ['/health/live', '/health/ready']) expect((await server.get(to)).status).toBe(200);
      });
      await isAnswered();
    },
  );

  it('may have more connections than that without requests, and then new ones for old ones', async () => {
    await whileOpen(2 * connections, '', async (sockets) => {
      expect((await server.get('/health/live')).status).toBe(200);
      await isAnswered();
      const open = () => sockets.filter(({ socket }) => !socket.destroyed && !socket.readableEnded).length;
      await eventually('no more open than may be', () => open() <= connections);
    });
  });

  it('and a caller have a bounded size of bodies and answers in hand, and keep no other caller out', async () => {
    const bulk = unfinished('POST /v1/commands', 1024 * 1024);
    const others = await server.tokenOf({ id: 'other' });
    const items = [{ command: 'X', customerId: path.split('/').at(-1), comment: 'x'.repeat(20_000) }];
    const send = (as: string) => server.post('/v1/commands', { items }, { as, key: null });
    await whileOpen(2, bulk, async () => {
      await eventually('a refusal', async () => (await send(token)).status === 429);
      expect(await send(others)).toMatchObject({ status: 200 });
      // What is small has its place.
      expect(await server.post(`${path}/profile/update`, { name: 'Small' }, { as: token })).toMatchObject({
        status: 200,
      });
    });
    await eventually('room again', async () => (await send(token)).status === 200);
  });
});

it('a reader that stops reading a stream or a page is cut off in the time that it has', async () => {
  const server = await runServer({ env: { CLIENT_TIMEOUT_SECONDS: '1' } });
  try {
    const customerId = (await establish(server)).split('/').at(-1)!;
    const comment = '長'.repeat(1_000);
    // More than the kernels of both sides take.
    for (let round = 0; round < 6; round++) {
      const items = Array.from({ length: 320 }, (_, index) => ({
        command: 'UpdateCustomerProfile',
        idempotencyKey: `${round}-${index}`,
        customerId,
        body: { name: `Name ${round}-${index}`, comment },
      }));
      expect(await server.post('/v1/commands', { items }, { key: null })).toMatchObject({ status: 200 });
    }
    const token = await server.tokenOf({});
    const ask = (target: string, accept: string) =>
      `GET ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nAccept: ${accept}\r\n\r\n`;
    const stopped = await Promise.all(
      [
        ask('/v1/events', 'text/event-stream'),
        ask('/v1/events', 'application/x-ndjson'),
        ask('/v1/events?limit=200', 'application/json').repeat(200),
      ].map(async (text) => {
        const { socket, write } = await rawSocket(server.port);
        socket.pause();
        write(text);
        return socket;
      }),
    );
    await eventually('the end of every connection', async () => {
      // Who reads nothing learns by writing that the connection was cut. It gives no more time.
      for (const socket of stopped) if (!socket.destroyed) socket.write('\r\n');
      return Promise.resolve(stopped.every(({ destroyed }) => destroyed));
    });
    // And their places are free.
    const { headers } = await server.get('/v1/events', { headers: { accept: 'application/x-ndjson' } });
    expect(headers.get('history-complete')).toBeNull();
  } finally {
    await server.end();
  }
});
