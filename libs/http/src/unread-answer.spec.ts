import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from '@jest/globals';
import { endUnreadAnswers } from './unread-answer.js';

const afterMs = 200;
/** More than the kernels of both sides hold. */
const tooMuch = 32 * 1024 * 1024;

let server: Server;
let answer: (response: ServerResponse) => void;
beforeEach(async () => {
  server = createServer((_, response) => answer(response));
  endUnreadAnswers(server, afterMs);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function asking(): Promise<{ readonly client: Socket; readonly cut: Promise<unknown> }> {
  const accepted = once(server, 'connection').then(([socket]) => once(socket as Socket, 'close'));
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => undefined);
  await once(client, 'connect');
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  return { client, cut: accepted };
}

describe('a reader that takes nothing of its answer', () => {
  it('is cut off, whatever it still sends', async () => {
    answer = (response) => response.end(Buffer.alloc(tooMuch));
    const { client, cut } = await asking();
    client.pause();
    const sending = setInterval(() => client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 20);
    await cut;
    clearInterval(sending);
    client.destroy();
  });

  it('is cut off, whatever is still written to it', async () => {
    answer = (response) => {
      response.write(Buffer.alloc(tooMuch));
      const writing = setInterval(() => response.write(': still here\n\n'), 20);
      response.once('close', () => clearInterval(writing));
    };
    const { client, cut } = await asking();
    client.pause();
    await cut;
    client.destroy();
  });
});

it('leaves a stream alone that has nothing to say', async () => {
  answer = (response) => {
    response.write('first');
    setTimeout(() => response.end('last'), 5 * afterMs);
  };
  const { client } = await asking();
  let received = '';
  client.on('data', (chunk) => (received += String(chunk)));
  while (!received.includes('last')) await once(client, 'data');
  client.destroy();
});

it('leaves a reader alone that is slow with one large piece', async () => {
  answer = (response) => response.end(Buffer.alloc(tooMuch, 'x'));
  for (;;) {
    const { client } = await asking();
    let received = 0;
    client.on('data', (chunk) => {
      received += chunk.length;
      client.pause();
      setTimeout(() => client.resume(), 1);
    });
    const isWhole = async () => {
      while (received < tooMuch && !client.destroyed) await sleep(afterMs / 4);
      return received >= tooMuch;
    };
    const whole = await isWhole();
    client.destroy();
    // A machine that keeps this process from reading for so long says nothing: again until it does not.
    if (whole) break;
  }
});
