import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { boundConnections } from './connections.js';
import { boundPipelining } from './pipelining.js';

const ofAddress = 3;
let server: Server;
let clients: Socket[];
/** Requests are answered at once unless they are to wait. */
let waiting: ServerResponse[];

async function serve(except: readonly string[] = []): Promise<void> {
  clients = [];
  waiting = [];
  server = createServer((request, response) => {
    if (request.url === '/waits') waiting.push(response);
    else response.end('answered');
  });
  boundConnections(server, boundPipelining(server), { ofAddress, except });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}
afterEach(() => {
  for (const client of clients) client.destroy();
  server.closeAllConnections();
  server.close();
});

async function connected(): Promise<Socket> {
  const accepted = once(server, 'connection');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => undefined);
  client.setEncoding('latin1');
  clients.push(client);
  await accepted;
  return client;
}

async function answered(client: Socket): Promise<boolean> {
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const [got] = await Promise.race([once(client, 'data'), once(client, 'close').then(() => [''])]);
  return String(got).includes('answered');
}

async function waits(client: Socket): Promise<void> {
  const before = waiting.length;
  client.write('GET /waits HTTP/1.1\r\nHost: x\r\n\r\n');
  while (waiting.length === before) await once(server, 'request');
}

it('a new connection of an address that has too many takes the place of the one unused for longest', async () => {
  await serve();
  const [silent, used, other] = [await connected(), await connected(), await connected()];
  expect(await answered(used)).toBe(true);
  const gone = once(silent, 'close');
  const fourth = await connected();
  await gone;
  expect(await Promise.all([used, other, fourth].map(answered))).toEqual([true, true, true]);
});

it('and is closed itself where all others have a request in hand', async () => {
  await serve();
  for (let count = 0; count < ofAddress; count++) await waits(await connected());
  const late = await connected();
  if (!late.closed) await once(late, 'close');
  const finished = waiting.map((response) => once(response, 'finish'));
  for (const response of waiting) response.end('answered');
  await Promise.all(finished);
  expect(clients.slice(0, ofAddress).map(({ destroyed }) => destroyed)).toEqual([false, false, false]);
});

it.each([['127.0.0.1'], ['127.0.0.0/8'], ['::ffff:127.0.0.1']])('an address is not bounded as %s', async (network) => {
  await serve([network]);
  const all = [];
  for (let count = 0; count < 3 * ofAddress; count++) all.push(await connected());
  expect(await Promise.all(all.map(answered))).toEqual(all.map(() => true));
});
