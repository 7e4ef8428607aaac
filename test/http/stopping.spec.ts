import { connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { eventually } from '../eventually.js';
import { establish, runServer, subscription, type RunningServer } from './running-server.js';

/** A command whose body comes in two halves, so that it is in hand for as long as the test wants. */
async function commandInHand(server: RunningServer, path: string) {
  const body = JSON.stringify(subscription('in-hand'));
  const token = await server.tokenOf({});
  const socket = connect(server.port, '127.0.0.1');
  const goOn = 'HTTP/1.1 100 Continue\r\n\r\n';
  let received = '';
  socket.on('data', (chunk) => (received += String(chunk)));
  const closed = new Promise<string>((resolve) => socket.on('close', () => resolve(received.replace(goOn, ''))));
  socket.write(
    `POST ${path}/subscriptions HTTP/1.1\r\nHost: ledger\r\nAuthorization: Bearer ${token}\r\nIdempotency-Key: in-hand\r\nExpect: 100-continue\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`,
  );
  // It has been authenticated, and its body is wanted.
  await eventually('the word to go on', () => received === goOn);
  socket.write(body.slice(0, 20));
  return { finish: () => socket.write(body.slice(20)), answered: closed };
}

/** It has heard that it is to stop. */
const takesNothingMore = ({ url }: RunningServer) =>
  eventually('the end of its listening', () =>
    fetch(`${url}/health/live`).then(
      () => false,
      () => true,
    ),
  );

describe('a server that is asked to stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'finishes what it has in hand, takes nothing more, and ends well: %s',
    async (signal) => {
      const server = await runServer();
      const path = await establish(server);
      // An idle connection that is kept alive must not keep it from ending.
      const idle = await fetch(`${server.url}/health/live`);
      await idle.text();
      const { finish, answered } = await commandInHand(server, path);

      server.child.kill(signal);
      await takesNothingMore(server);
      expect(server.child.exitCode).toBeNull();
      finish();
      expect(await answered).toMatch(
        /^HTTP\/1\.1 201 Created[\s\S]*"events":\["SubscriptionPurchased","SubscriptionActivated"\]/,
      );
      await server.exited;
      expect([server.child.exitCode, server.child.signalCode]).toEqual([0, null]);

      const again = await server.restart();
      const { headers, body } = await again.get(`${path}/subscriptions/in-hand`);
      expect(body.status).toBe('active');
      // The log was closed in order: nothing is left to be recovered.
      const seen = { headers: { 'ledger-position': headers.get('ledger-position')!, prefer: 'wait=20' } };
      expect((await again.get('/v1/items', seen)).body.items).toMatchObject([{ itemId: 'in-hand' }]);
      await again.end();
    },
  );

  it('does not wait for ever for a sender that says nothing more', async () => {
    const server = await runServer();
    const { answered } = await commandInHand(server, await establish(server));
    server.child.kill('SIGTERM');
    await answered;
    await server.exited;
    expect(server.child.exitCode).toBe(0);
    await server.end();
  });

  it('ends at once when it is asked twice', async () => {
    const server = await runServer();
    await commandInHand(server, await establish(server));
    server.child.kill('SIGTERM');
    await takesNothingMore(server);
    server.child.kill('SIGTERM');
    await server.exited;
    // Not 0: it has not waited for what it has in hand.
    expect(server.child.exitCode).toBe(1);
    // The log bears it.
    const again = await server.restart();
    expect((await again.get('/v1/customers')).status).toBe(200);
    await again.end();
  });
});
