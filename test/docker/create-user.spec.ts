import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { jsonEvent, type EventStoreDBClient } from '@eventstore/db-client';
import { openKurrentdbEventStore } from '#event-store-kurrentdb';
import { certificatesIn } from '../test-peer/certificates.js';
import { startTestPeer, type TestPeer } from '../test-peer/index.js';
import { all, connect, failureOf } from '../test-peer/testing.js';

const directory = mkdtempSync(join(tmpdir(), 'create-user-'));
const tls = certificatesIn(directory);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const passwords = { admin: 'a'.repeat(20), ops: 'b'.repeat(20), ledger: 'c'.repeat(20) };

// The test peer answers about users as the source of the server does, and knows the rights that are used here. It is not the
// server: docs/operating.md says what has not been run.
describe('the script that creates the user of the ledger', () => {
  let peer: TestPeer;
  const clients: EventStoreDBClient[] = [];
  beforeEach(async () => {
    peer = await startTestPeer({ tls, users: { admin: 'changeit', ops: 'changeit', clerk: 'clerk' } });
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.dispose()));
    await peer.close();
  });

  const urlOf = (user: string, password: string) =>
    `esdb://${user}:${password}@${peer.addresses.join(',')}?tlsCAFile=${encodeURIComponent(tls.caFile)}`;
  const as = (user: string, password: string) => {
    const client = connect({ connectionString: urlOf(user, password) });
    clients.push(client);
    return client;
  };
  const environment = () => ({
    LEDGER_EVENT_STORE_URL: urlOf('ledger', passwords.ledger),
    KURRENTDB_ADMIN_PASSWORD: passwords.admin,
    KURRENTDB_OPS_PASSWORD: passwords.ops,
  });
  const run = (env: Record<string, string>, ...args: string[]) =>
    new Promise<{ code: number; said: string }>((resolve) => {
      const command = ['docker/create-user.mjs', ...args];
      const child = execFile(process.execPath, command, { env }, (_, out, err) =>
        resolve({ code: child.exitCode ?? -1, said: out + err }),
      );
    });
  const event = () => jsonEvent({ type: 'counted', data: { n: 1 } });
  /** Makes the user an administrator, as by hand. */
  const promoted = () =>
    new Promise((resolve, reject) => {
      const options = { method: 'PUT', auth: `admin:${passwords.admin}`, ca: readFileSync(tls.caFile), agent: false };
      request(`https://${peer.addresses[0]}/users/ledger`, options, ({ statusCode }) => resolve(statusCode))
        .on('error', reject)
        .end(JSON.stringify({ fullName: 'x', groups: ['$admins'] }));
    });
  const denied = { type: 'access-denied' };

  it('gives it what a server needs, keeps others out, and changes what everybody knows', async () => {
    const { code, said } = await run(environment(), '--alone');
    expect([code, said]).toEqual([0, expect.stringContaining('the user ledger is created')]);
    for (const secret of Object.values(passwords)) expect(said).not.toContain(secret);

    const store = openKurrentdbEventStore({
      connectionString: urlOf('ledger', passwords.ledger),
      allowInsecure: false,
    });
    try {
      await store.connect();
      expect(await store.head()).toBeGreaterThanOrEqual(0);
    } finally {
      await store.close();
    }
    const ledger = as('ledger', passwords.ledger);
    await ledger.appendToStream('stream', event());
    expect(await all(ledger.readStream('stream'))).toHaveLength(1);
    expect(await failureOf(ledger.deleteStream('stream'))).toMatchObject(denied);
    expect(await failureOf(ledger.setStreamMetadata('stream', { maxCount: 1 }))).toMatchObject(denied);
    expect(await failureOf(ledger.appendToStream('$settings', event()))).toMatchObject(denied);
    const clerk = as('clerk', 'clerk');
    expect(await failureOf(all(clerk.readStream('stream')))).toMatchObject(denied);
    expect(await failureOf(clerk.appendToStream('stream', event()))).toMatchObject(denied);
    for (const name of ['admin', 'ops'])
      expect(await failureOf(all(as(name, 'changeit').readStream('stream')))).toMatchObject(denied);
    expect(await all(as('admin', passwords.admin).readAll())).not.toHaveLength(0);
  });

  it('leaves alone what is as it should be, and what other applications may do', async () => {
    await as('clerk', 'clerk').appendToStream('another', event());
    await as('admin', 'changeit').setStreamMetadata('$all', { acl: { readRoles: ['clerk'] }, maxAge: 9_000_000 });
    expect((await run(environment())).code).toBe(0);
    const written = peer.log.records.length;
    expect(await run(environment())).toEqual({ code: 0, said: 'The user ledger is as it should be.\n' });
    expect(peer.log.records).toHaveLength(written);
    expect(await all(as('clerk', 'clerk').readStream('another'))).toHaveLength(1);
    const { metadata } = await as('admin', passwords.admin).getStreamMetadata('$all');
    expect(metadata).toEqual({ acl: { readRoles: ['$admins', 'clerk', 'ledger'] }, maxAge: 9_000_000 });
  });

  it('gives the user the password that the servers have, and takes it out of groups', async () => {
    expect((await run(environment())).code).toBe(0);
    const renewed = 'd'.repeat(20);
    const { said } = await run({ ...environment(), LEDGER_EVENT_STORE_URL: urlOf('ledger', renewed) });
    expect(said).toContain('the user ledger has a new password');
    expect(await all(as('ledger', renewed).readAll())).not.toHaveLength(0);

    expect(await promoted()).toBe(200);
    await as('ledger', renewed).appendToStream('$settings', event());
    const again = await run({ ...environment(), LEDGER_EVENT_STORE_URL: urlOf('ledger', renewed) });
    expect(again.said).toContain('the user ledger is taken out of its groups');
    expect(await failureOf(as('ledger', renewed).appendToStream('$settings', event()))).toMatchObject(denied);
  });

  it('waits for the database, and says for what', async () => {
    await peer.kill();
    const running = run(environment());
    await peer.start();
    expect((await running).code).toBe(0);
    await peer.kill();
    const { code, said } = await run(environment(), '--patience', '0');
    expect([code, said]).toEqual([1, expect.stringContaining('ECONNREFUSED')]);
  });

  it('ends when the password of admin is another', async () => {
    expect((await run(environment())).code).toBe(0);
    const other = { ...environment(), KURRENTDB_ADMIN_PASSWORD: 'e'.repeat(20) };
    expect(await run(other, '--patience', '0')).toEqual({
      code: 1,
      said: 'the database refuses the password of KURRENTDB_ADMIN_PASSWORD\n',
    });
  });

  it.each([
    ['without a password', { KURRENTDB_OPS_PASSWORD: '' }, /^KURRENTDB_OPS_PASSWORD is missing/],
    ['with one that everybody knows', { KURRENTDB_ADMIN_PASSWORD: 'changeit' }, /everybody knows/],
    ['with one for two users', { KURRENTDB_OPS_PASSWORD: passwords.admin }, /a password each/],
    ['for an administrator', { LEDGER_EVENT_STORE_URL: 'esdb://admin:x@localhost:1' }, /a user of its own/],
    ['without TLS', { LEDGER_EVENT_STORE_URL: 'esdb://ledger:x@localhost:1?tls=false' }, /Without TLS/],
    ['without a user', { LEDGER_EVENT_STORE_URL: 'esdb://localhost:1' }, /names no user/],
  ])('asks nothing %s', async (_, changed, reason) => {
    const { code, said } = await run({ ...environment(), ...changed });
    expect([code, said]).toEqual([78, expect.stringMatching(reason)]);
    expect(peer.counts.connections).toBe(0);
  });
});
