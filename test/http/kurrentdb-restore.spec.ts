import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { eventually } from '../eventually.js';
import { launchServer } from '../server-process.js';
import { startTestPeer, type TestPeer } from '../test-peer/index.js';
import { restore } from '../test-peer/restore.js';
import { kurrentdbStore } from './journey-store.js';
import { establish, partners, runServer, subscription, type RunningServer } from './running-server.js';
import { runTool } from './tools.js';

let directory: string;
let peer: TestPeer;
let server: RunningServer;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ledger-restored-'));
  peer = await startTestPeer();
  const store = await kurrentdbStore(peer.connectionString, join(directory, 'keys'));
  server = await runServer({ dataDirectory: join(directory, 'first'), store });
});
afterEach(async () => {
  await server.killAtOnce();
  await peer.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Of another application, in the same database. */
function othersWrite(): void {
  const event = { id: randomUUID(), type: 'Theirs', json: true, data: Buffer.from('{}'), metadata: Buffer.from('') };
  for (let count = 0; count < 100; count++) peer.log.append('theirs', [{ ...event, id: randomUUID() }], -2);
}

it('a database that is restored under a running server is damage for it, and its views are refused until they are rebuilt', async () => {
  const path = await establish(server);
  let written: string;
  const buy = (id: string) => server.post(`${path}/subscriptions`, subscription(id), { key: id });
  const purchase = async (id: string) => {
    const { status, headers } = await buy(id);
    expect(status).toBe(201);
    written = headers.get('ledger-position')!;
  };
  const shown = async () => {
    const { body } = await server.get('/v1/items', { headers: { 'ledger-position': written, prefer: 'wait=20' } });
    return body.items.map(({ itemId }: any) => itemId);
  };
  const backup = peer.log.head();
  await purchase('lost');
  expect(await shown()).toEqual(['lost']);
  const end = peer.log.head();
  await restore(peer, backup, othersWrite);
  expect(peer.log.head()).toBeGreaterThan(end);

  // By itself, before anybody has asked it anything.
  const lines = /no view moves: The event at position \d+ was .*restored from a backup/;
  await eventually(
    () => `that it notices the restore:\n${server.output()}`,
    () => lines.test(server.output()),
  );
  const { status, body: health } = await server.get('/health/ready', { as: null });
  expect([status, health.status]).toEqual([503, 'damaged']);
  const bought = await buy('other');
  expect([bought.status, bought.code, bought.body.outcome]).toEqual([503, 'LogDamaged', 'none']);
  await server.stop();

  // Another server of the ledger, which begins with the restored log and makes it longer than the first has seen it.
  const first = server;
  server = await runServer({ dataDirectory: join(directory, 'second'), store: first.store });
  await purchase('other');
  expect(await shown()).toEqual(['other']);
  const { dataDirectory, store } = first;
  const refused = await launchServer({ dataDirectory, partners, env: store.env });
  await refused.ended();
  expect([refused.child.exitCode, refused.output()]).toEqual([
    1,
    expect.stringMatching(
      /shows [a-z-]+ with event \S+ at position \d+, where the log has none: .*--accept-lost-events/,
    ),
  ]);
  expect((await runTool('rebuild', ['--data-dir', dataDirectory, '--accept-lost-events'], store.env)).code).toBe(0);
  await server.stop();
  server = await runServer({ dataDirectory, store });
  expect(await shown()).toEqual(['other']);
});
