import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { establish, runServer, subscription, type RunningServer } from './running-server.js';

/** A command whose body comes in two halves, so that it is in hand for as long as the test wants. */
async function commandInHand(server: RunningServer, path: string) {
  const body = JSON.stringify(subscription('in-hand'));
  const token = await server.tokenOf({});
  const socket = connect(server.port, '127.0.0.1');
  let received = '';
  socket.on('data', (chunk) => (received += String(chunk)));
  const closed = new Promise<string>((resolve) => socket.on('close', () => resolve(received)));
  socket.write(
    `POST ${path}/subscriptions HTTP/1.1\r\nHost: ledger\r\nAuthorization: Bearer ${token}\r\nIdempotency-Key: in-hand\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body.slice(0, 20)}`,
  );
  // Its first half has arrived and been authenticated.
  await sleep(300);
  return { finish: () => socket.write(body.slice(20)), answered: closed };
}

describe('a server that is told to stop', () => {
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
      await sleep(300);
      await expect(fetch(`${server.url}/health/live`)).rejects.toThrow();
      expect(server.child.exitCode).toBeNull();
      finish();
      const stoppedAt = Date.now();
      expect(await answered).toMatch(
        /^HTTP\/1\.1 201 Created[\s\S]*"events":\["SubscriptionPurchased","SubscriptionActivated"\]/,
      );
      await server.exited;
      expect(Date.now() - stoppedAt).toBeLessThan(5_000);
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
    const stoppedAt = Date.now();
    server.child.kill('SIGTERM');
    await answered;
    await server.exited;
    expect(Date.now() - stoppedAt).toBeLessThan(10_000);
    expect(server.child.exitCode).toBe(0);
    await server.end();
  });

  it('ends at once when it is told twice', async () => {
    const server = await runServer();
    await commandInHand(server, await establish(server));
    server.child.kill('SIGTERM');
    await sleep(200);
    const toldAgainAt = Date.now();
    server.child.kill('SIGTERM');
    await server.exited;
    expect(Date.now() - toldAgainAt).toBeLessThan(2_000);
    expect(server.child.exitCode).toBe(1);
    // The log bears it.
    const again = await server.restart();
    expect((await again.get('/v1/customers')).status).toBe(200);
    await again.end();
  });
});
