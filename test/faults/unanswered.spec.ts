import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { journalStream, relationshipStream, type Actor } from '#customer-relationship';
import type { EventStore } from '#event-sourcing';
import { openKurrentdbEventStore } from '#event-store-kurrentdb';
import { eventsFileIn, openSqliteEventStore } from '#event-store-sqlite';
import { embeddedKey } from '#http';
import { tokensOf } from '../../apps/demo/src/tokens.js';
import { admin, partner } from '../../bench/histories.js';
import { freePort, startServer, type ServerProcess } from '../server-process.js';
import { launchTestPeer, type TestPeerProcess } from '../test-peer/process.js';

// The moment that matters: what was asked for is in the log, and the server dies before it has said so. Whoever asks again
// under the same key must hear what is on record, whether that is an acceptance or a refusal.

const customerId = randomUUID();
const streams = {
  accepted: relationshipStream(partner.tenantId, customerId),
  refused: journalStream(partner.tenantId, customerId),
};
const profile = `/v1/customers/${customerId}/profile/update`;
/** What the state allows, and what it does not: the name that the customer has. */
const kinds = [
  { kind: 'accepted', status: 200, name: () => `Name ${randomUUID()}` },
  { kind: 'refused', status: 409, name: () => 'Adatum' },
] as const;

const directory = mkdtempSync(join(tmpdir(), 'unanswered-'));
let server: ServerProcess;
let token: (actor: Actor) => Promise<string>;
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function post(path: string, body: object, key: string, by = admin): Promise<Response> {
  return fetch(`${server.url}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: {
      Authorization: `Bearer ${await token(by)}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': key,
    },
  });
}

async function establish(): Promise<void> {
  const customer: Actor = { id: 'it-lead', kind: 'customerUser', roles: ['CustomerGlobalAdmin'], tenant: customerId };
  const own = `/v1/partners/${partner.tenantId}/customers/${customerId}`;
  const request = { customer: { name: 'Adatum' }, market: partner.market };
  for (const answered of [
    await post(`/v1/customers/${customerId}/reseller-relationship/request`, request, 'request'),
    await post(`${own}/reseller-relationship/accept`, {}, 'accept', customer),
    // So that the refused one has nothing to change.
    await post(profile, { name: 'Other' }, 'first'),
    await post(profile, { name: 'Adatum' }, 'second'),
  ])
    if (!answered.ok) throw new Error(await answered.text());
}

/** The command of a key that died with the server: what is on record is the answer, and stays the only record. */
async function expectOnRecord(
  store: EventStore,
  { kind, status }: (typeof kinds)[number],
  { name, key }: { readonly name: string; readonly key: string },
): Promise<void> {
  const recorded = await store.read(streams[kind]);
  for (let attempt = 0; attempt < 2; attempt++) {
    const answered = await post(profile, { name }, key);
    const { correlationId } = (await answered.json()) as { correlationId: string };
    expect([answered.status, answered.headers.get('Idempotent-Replayed')]).toEqual([status, 'true']);
    expect(correlationId).toBe(recorded.at(-1)!.metadata.correlationId);
  }
  expect(await store.read(streams[kind])).toHaveLength(recorded.length);
}

describe('a server over SQLite', () => {
  const dataDirectory = join(directory, 'data');
  let port: number;
  let store: EventStore;
  beforeAll(async () => {
    port = await freePort();
    server = await startServer({ dataDirectory, partners: [partner], port }, 'live');
    token = await tokensOf(join(dataDirectory, 'keys', 'token-key.json'));
    await establish();
    store = openSqliteEventStore({ path: eventsFileIn(dataDirectory), readOnly: true });
  });
  afterAll(async () => {
    await store.close();
    await server.killAtOnce();
  });

  it.each(kinds)('that dies between record and answer: $kind', async (each) => {
    for (let tries = 0; ; tries++) {
      if (tries === 300) throw new Error('Every answer was faster than the signal that stops the server');
      const sent = { name: each.name(), key: randomUUID() };
      const from = (await store.read(streams[each.kind])).length;
      let answered = false;
      const answer = post(profile, { name: sent.name }, sent.key).then(
        () => (answered = true),
        () => undefined,
      );
      while (!answered && (await store.read(streams[each.kind], { from })).length === 0) await turn();
      // Stopped first: the kernel delivers what was answered before, and then nothing more comes.
      server.child.kill('SIGSTOP');
      await sleep(20);
      if (answered) server.child.kill('SIGCONT');
      else await server.killAtOnce();
      await answer;
      if (answered) {
        // What the state refuses must go on being refused, and so must be what was accepted last.
        if (each.kind === 'accepted') await (await post(profile, { name: 'Adatum' }, randomUUID())).text();
        continue;
      }
      server = await startServer({ dataDirectory, partners: [partner], port }, 'live');
      await expectOnRecord(store, each, sent);
      if (each.kind === 'accepted') await (await post(profile, { name: 'Adatum' }, randomUUID())).text();
      return;
    }
  });
});

describe('a server over KurrentDB', () => {
  const keys = join(directory, 'keys');
  let port: number;
  let peer: TestPeerProcess;
  let store: EventStore;
  let start: () => Promise<ServerProcess>;
  beforeAll(async () => {
    mkdirSync(keys);
    await embeddedKey(join(keys, 'token-key.json'));
    writeFileSync(join(keys, 'ledger-secret'), 'ab'.repeat(32));
    token = await tokensOf(join(keys, 'token-key.json'));
    peer = await launchTestPeer();
    port = await freePort();
    const database = { connectionString: peer.connectionString, streamPrefix: 'Unanswered.', allowInsecure: true };
    const env = {
      EVENT_STORE: 'kurrentdb',
      LEDGER_EVENT_STORE_URL: database.connectionString,
      LEDGER_STREAM_PREFIX: database.streamPrefix,
      ALLOW_INSECURE_EVENTSTORE: 'true',
      KEYS_DIR: keys,
    };
    const dataDirectory = join(directory, 'over-kurrentdb');
    start = () => startServer({ dataDirectory, partners: [partner], port, env }, 'live');
    server = await start();
    await establish();
    store = openKurrentdbEventStore(database);
  });
  afterAll(async () => {
    await store.close();
    await server.killAtOnce();
    await peer.kill();
  });

  it.each(kinds)('that dies while the answer of the database is lost: $kind', async (each) => {
    const sent = { name: each.name(), key: randomUUID() };
    const from = (await store.read(streams[each.kind])).length;
    expect(await peer.send('fault batch {"do":"loseAnswer"}')).toBe('planned for batch: loseAnswer');
    const answer = post(profile, { name: sent.name }, sent.key).then(
      () => true,
      () => false,
    );
    while ((await store.read(streams[each.kind], { from })).length === 0) await sleep(1);
    await server.killAtOnce();
    expect(await answer).toBe(false);
    server = await start();
    await expectOnRecord(store, each, sent);
    if (each.kind === 'accepted') await (await post(profile, { name: 'Adatum' }, randomUUID())).text();
  });
});
