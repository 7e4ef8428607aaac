import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EventStoreDBClient } from '@eventstore/db-client';
import { relationshipStream } from '#customer-relationship';
import { noPreviousHash } from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import { openKurrentdbEventStore } from '#event-store-kurrentdb';
import { eventually } from '../eventually.js';
import { startTestPeer, type TestPeer } from '../test-peer/index.js';
import { kurrentdbStore } from './journey-store.js';
import { establish, newCustomer, northwind, runServer, subscription, type RunningServer } from './running-server.js';
import { runTool } from './tools.js';

// What others do to the database without the servers’ knowledge, and what the database's client does to a server.

let directory: string;
let peer: TestPeer;
let server: RunningServer;
let prefix: string;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ledger-damage-'));
  peer = await startTestPeer();
  const store = await kurrentdbStore(peer.connectionString, join(directory, 'keys'));
  prefix = store.env['LEDGER_STREAM_PREFIX']!;
  server = await runServer({ dataDirectory: join(directory, 'data'), store });
});
afterEach(async () => {
  await server.killAtOnce();
  await peer.close();
  rmSync(directory, { recursive: true, force: true });
});

/** An attacker with the bare client and the rights to do anything. */
async function byHand<T>(deed: (client: EventStoreDBClient) => Promise<T>): Promise<T> {
  const client = EventStoreDBClient.connectionString(peer.connectionString);
  try {
    return await deed(client);
  } finally {
    await client.dispose();
  }
}

async function readiness(): Promise<{ status: number; body: any }> {
  const { status, body } = await server.get('/health/ready', { as: null });
  return { status, body };
}

const until = (what: string, holds: () => Promise<boolean>) => eventually(() => `${what}\n${server.output()}`, holds);

describe.each<[string, (client: EventStoreDBClient, stream: string) => Promise<unknown>]>([
  ['deleted', (client, stream) => client.deleteStream(stream)],
  ['deleted for good', (client, stream) => client.tombstoneStream(stream)],
  ['truncated', (client, stream) => client.setStreamMetadata(stream, { maxCount: 1 })],
])('a stream that was %s by hand', (_, deed) => {
  it('is never answered for as if nothing were gone; the log of the server names it', async () => {
    const customer = newCustomer();
    const path = await establish(server, customer);
    const other = await establish(server);
    expect((await readiness()).status).toBe(200);
    await byHand((client) => deed(client, `${prefix}${relationshipStream(northwind, customer)}`));

    // The projector meets it, and from then on nothing is appended: what is would be lost when the database is restored.
    await until('damage in the health', async () => (await readiness()).body.status === 'damaged');
    for (const where of [path, other]) {
      const bought = await server.post(`${where}/subscriptions`, subscription('after'));
      expect([bought.status, bought.code]).toEqual([503, 'LogDamaged']);
    }
    // A server that has none of it in memory.
    server = await server.restart('live');
    const refused = await server.get(`${path}/reseller-relationship`);
    expect([refused.status, refused.code, refused.headers.get('retry-after')]).toEqual([503, 'LogDamaged', '3600']);
    expect(refused.body).toMatchObject({ outcome: 'none', retryable: false });
    // What the views hold is answered all the same.
    expect((await server.get('/v1/customers')).status).toBe(200);
    expect(JSON.stringify(refused.body.detail)).not.toContain(customer);
    expect((await server.get(`${other}/reseller-relationship`)).status).toBe(200);

    await until('damage in the health', async () => (await readiness()).body.status === 'damaged');
    const { status: ready, body } = await readiness();
    expect(ready).toBe(503);
    expect(body.missing[0]).toMatch(/^the log is damaged/);
    expect(JSON.stringify(body)).not.toContain(customer);
    await until('the log line', async () =>
      server
        .output()
        .split('\n')
        .some((line) => line.startsWith('{"level":50') && line.includes(customer)),
    );
  });
});

describe('a right of the database’s user that is taken away while the server runs', () => {
  it('is named in the log and in the answer of health, until it is given back', async () => {
    const customer = newCustomer();
    const path = await establish(server, customer);
    const stream = `${prefix}${relationshipStream(northwind, customer)}`;
    const missing = async () => JSON.stringify((await readiness()).body.missing);
    for (const [id, name, named, said] of [
      ['a', '$all', 'right to read $all', 'the right to read $all'],
      ['b', stream, 'right to 1 stream:', 'the right to append to a stream'],
    ] as const) {
      const giveBack = peer.denyAccess(name);
      const bought = await server.post(`${path}/subscriptions`, subscription(id), { key: id });
      if (name === stream) expect([bought.status, bought.code]).toEqual([503, 'StoreUnavailable']);
      await until(named, async () => (await missing()).includes(named));
      expect((await readiness()).body.status).toBe('notReady');
      expect(await missing()).not.toContain(customer);
      await until('the log line', async () =>
        server
          .output()
          .split('\n')
          .some((line) => line.includes(`denies this user ${said}`) && line.includes(name)),
      );
      giveBack();
      // Of a stream it is noticed with the next request for it.
      await until('the right', async () => {
        await server.post(`${path}/subscriptions`, subscription(id), { key: id });
        return (await readiness()).status === 200;
      });
    }
  });
});

describe('an event of an unknown name, in one of our streams', () => {
  it('stops the views that read its meaning, loudly, and health says so', async () => {
    const customer = newCustomer();
    const store = openKurrentdbEventStore({
      connectionString: peer.connectionString,
      allowInsecure: true,
      streamPrefix: prefix,
    });
    const stream = relationshipStream(northwind, customer);
    await store.append(
      stream,
      seal(stream, 0, noPreviousHash, [
        {
          type: 'RelationshipSung',
          data: {},
          metadata: {
            actor: { id: 'a', kind: 'k', roles: [], tenant: 't' },
            causationId: 'c',
            commandHash: 'h',
            commandId: 'c',
            correlationId: 'c',
            policy: { name: 'p', hash: 'h' },
            recordedAt: '2026-11-22T12:00:00.000Z',
            schema: 1,
          },
        },
      ]),
      -1,
    );
    await store.close();

    await until('stopped views', async () => (await readiness()).status === 503);
    const { body } = await readiness();
    expect(body.status).toBe('notReady');
    expect(body.missing).toContain('the view customer-list has stopped');
    // The history asks no event for its meaning.
    expect(body.views.map(({ name, status }: any) => [name, status])).toEqual(
      body.views.map(({ name }: any) => [name, name === 'history' ? 'running' : 'stopped']),
    );
    await until('the log line', async () =>
      /"view":"items".*RelationshipSung.*a view has stopped at an event/.test(server.output()),
    );
    // The write side goes on for all others.
    expect((await server.get(`${await establish(server)}/reseller-relationship`)).status).toBe(200);
  });

  it('that is no event of a ledger at all, is damage', async () => {
    const streams = [1, 2].map(() => relationshipStream(northwind, newCustomer()));
    const write = (stream: string, id: string) => (client: EventStoreDBClient) =>
      client.appendToStream(`${prefix}${stream}`, [
        {
          id,
          contentType: 'application/json',
          type: 'Stranger',
          data: { is: 'here' },
          metadata: undefined,
        },
      ]);
    await byHand(write(streams[0]!, '6f9619ff-8b86-4d01-b42d-00cf4fc964ff'));
    await byHand(write(streams[1]!, '6f9619ff-8b86-4d01-b42d-00cf4fc96400'));
    await until('damage in the health', async () => (await readiness()).body.status === 'damaged');
    const { code, stdout } = await runTool('integrity', [], server.store.env);
    // Every one of them, not the first.
    for (const stream of streams) expect([code, stdout]).toEqual([1, expect.stringContaining(stream)]);
  });
});

describe('a client whose shared state is broken', () => {
  it('ends the server, which says why and may be started again', async () => {
    const path = await establish(server);
    peer.faults.onBatch({ do: 'answerTwice', ms: 50 });
    const bought = await server.post(`${path}/subscriptions`, subscription('last'));
    expect(bought.status).toBe(201);
    await server.exited;
    expect(server.child.exitCode).toBe(75);
    expect(server.output()).toContain('the server ends, so that it is started again');

    server = await server.restart();
    expect((await server.get(`${path}/subscriptions/last`)).body.status).toBe('active');
  });
});
