import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { boundPipelining, type Pipelining } from './pipelining.js';

const most = 8;
/** The shortest piece holds some of the shortest requests, and the last piece that is let in may have been one. */
const slack = 7;

let server: Server;
let pipelining: Pipelining;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
/** What has been let in, in order. */
let begun: string[];
let inHand: number;
let mostInHand: number;
let accepted: Promise<Socket>;

beforeEach(async () => {
  begun = [];
  inHand = mostInHand = 0;
  answer = (request, response) => response.end(request.url);
  server = createServer((request, response) => {
    begun.push(request.url!);
    mostInHand = Math.max(mostInHand, ++inHand);
    response.once('close', () => inHand--);
    answer(request, response);
  });
  pipelining = boundPipelining(server, most);
  accepted = once(server, 'connection').then(([socket]) => socket as Socket);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

interface Client {
  readonly socket: Socket;
  readonly received: () => string;
  readonly until: (what: (text: string) => boolean) => Promise<void>;
}

async function client(): Promise<Client> {
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  return {
    socket,
    received: () => text,
    async until(what) {
      while (!what(text)) await once(socket, 'data');
    },
  };
}

const get = (path: string | number) => `GET /${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
const post = (path: string | number, body: string) =>
  `POST /${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const many = (count: number, request: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => request(index)).join('');
const paths = (count: number) => Array.from({ length: count }, (_, index) => `/${index}`);
const answers = (text: string) => text.match(/HTTP\/1\.1 200 OK/g)?.length ?? 0;
/** What has come in has been read by then, more than once. */
async function turns(count = 50): Promise<void> {
  for (let left = count; left > 0; left--) await turn();
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

describe('a connection that sends many requests at once', () => {
  it('has all of them answered, in their order', async () => {
    const { socket, received, until } = await client();
    socket.write(many(3_000, get));
    await until((text) => answers(text) === 3_000);
    expect(begun).toEqual(paths(3_000));
    expect(
      received()
        .match(/\/\d+/g)!
        .filter((path) => path !== '/1'),
    ).toEqual(paths(3_000).filter((path) => path !== '/1'));
    expect(mostInHand).toBeLessThanOrEqual(most + slack);
  });

  it('has no more in hand than it may while they are not answered, and then has the others', async () => {
    const waiting: ServerResponse[] = [];
    answer = (_, response) => void waiting.push(response);
    const { socket, until } = await client();
    socket.write(many(3_000, get));
    await once(server, 'request');
    await turns();
    expect(begun.length).toBeGreaterThanOrEqual(most);
    expect(begun.length).toBeLessThanOrEqual(most + slack);
    expect(pipelining.isHeld(await accepted)).toBe(true);
    answer = (_, response) => response.end('late');
    for (const response of waiting) response.end('late');
    await until((text) => answers(text) === 3_000);
    await turns();
    expect(pipelining.isHeld(await accepted)).toBe(false);
  });

  it('leaves others their turns: not one waits for a hundred of its requests', async () => {
    const flood = await client();
    const other = await client();
    let floodedBefore = Infinity;
    answer = (request, response) => {
      if (request.url === '/health') floodedBefore = begun.length - 1;
      response.end(request.url);
    };
    flood.socket.write(many(1_400, get));
    await once(server, 'request');
    other.socket.write(get('health'));
    await other.until((text) => answers(text) === 1);
    expect(floodedBefore).toBeLessThan(100);
    await flood.until((text) => answers(text) === 1_400);
  });

  it('and does not read holds few answers in the memory of the server', async () => {
    answer = (_, response) => response.end('x'.repeat(100_000));
    const { socket } = await client();
    socket.pause();
    socket.write(many(1_400, get));
    await once(server, 'request');
    await turns(500);
    // What the kernel takes has been answered, and a few more; nothing else is let in.
    const begunWhileUnread = begun.length;
    expect(mostInHand).toBeLessThanOrEqual(most + slack);
    expect(begunWhileUnread).toBeLessThan(1_400);
    await turns(500);
    expect(begun).toHaveLength(begunWhileUnread);
    socket.resume();
    while (begun.length < 1_400) await once(server, 'request');
  });

  it('may send bodies with them', async () => {
    answer = (request, response) => void bodyOf(request).then((body) => response.end(`${body.length}!`));
    const { socket, received, until } = await client();
    const bodies = Array.from(
      { length: 300 },
      (_, index) => ['', '\r\n\r\n'.repeat(index), 'x'.repeat(index)][index % 3]!,
    );
    socket.write(bodies.map((body, index) => post(index, body)).join(''));
    await until((text) => answers(text) === 300);
    expect(received().match(/\d+!/g)).toEqual(bodies.map(({ length }) => `${length}!`));
    expect(mostInHand).toBeLessThanOrEqual(most + slack);
  });

  it('may send them byte by byte', async () => {
    answer = (request, response) => void bodyOf(request).then((body) => response.end(body));
    const { socket, received, until } = await client();
    socket.setNoDelay(true);
    for (const byte of get('first') + post('second', 'hello') + get('third')) {
      socket.write(byte);
      await turn();
    }
    await until((text) => answers(text) === 3);
    expect(begun).toEqual(['/first', '/second', '/third']);
    expect(received()).toContain('hello');
  });

  it('gets its answers when it has ended its own side', async () => {
    const { socket, received } = await client();
    socket.end(many(500, get));
    await once(socket, 'end');
    expect(answers(received())).toBe(500);
  });

  it('is heard no further after what is no request', async () => {
    const { socket, received, until } = await client();
    socket.write(get('one'));
    await until((text) => answers(text) === 1);
    socket.write(`NONSENSE\r\n\r\n${many(100, get)}`);
    await once(socket, 'end');
    expect(begun).toEqual(['/one']);
    expect(received()).toMatch(/HTTP\/1\.1 400 Bad Request/);
  });

  it('is forgotten when it goes', async () => {
    const waiting: ServerResponse[] = [];
    answer = (_, response) => void waiting.push(response);
    const { socket } = await client();
    socket.write(many(1_000, get));
    await once(server, 'request');
    await turns();
    socket.destroy();
    const peer = await accepted;
    // A write to a reader who has gone fails, which is no failure here.
    const gone = new Promise((resolve) => peer.once('close', resolve));
    answer = (_, response) => response.end('x'.repeat(100_000));
    for (const response of waiting) response.end('late');
    await gone;
    expect(pipelining.isHeld(await accepted)).toBe(false);
  });
});

describe('a connection with one request at a time', () => {
  it('never waits', async () => {
    const { socket, until } = await client();
    for (let index = 0; index < 50; index++) {
      socket.write(get(index));
      await until((text) => answers(text) === index + 1);
      expect(pipelining.isHeld(await accepted)).toBe(false);
    }
  });

  it('has a large body read to its end', async () => {
    answer = (request, response) => void bodyOf(request).then((body) => response.end(`${body.length}!`));
    const { socket, received, until } = await client();
    socket.write(post('large', 'x\r\n\r\n'.repeat(200_000)));
    await until((text) => answers(text) === 1);
    expect(received()).toContain('1000000!');
  });
});
