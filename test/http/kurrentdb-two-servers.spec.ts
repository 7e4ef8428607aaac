import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { launchTestPeer, type TestPeerProcess } from '../test-peer/process.js';
import { kurrentdbStore } from './journey-store.js';
import { customerPath, establish, newCustomer, runServer, subscription, type RunningServer } from './running-server.js';

// Two servers over one log, which is in a database (the test peer), each with views of its own.

const directory = mkdtempSync(join(tmpdir(), 'ledger-two-servers-'));
let peer: TestPeerProcess;
let here: RunningServer;
let there: RunningServer;

beforeAll(async () => {
  peer = await launchTestPeer();
  const store = await kurrentdbStore(peer.connectionString, join(directory, 'keys'));
  [here, there] = (await Promise.all(
    ['here', 'there'].map((name) => runServer({ dataDirectory: join(directory, name), store })),
  )) as [RunningServer, RunningServer];
});
afterAll(async () => {
  await Promise.all([here, there].map((server) => server.stop()));
  await peer.kill();
  rmSync(directory, { recursive: true, force: true });
});

const etagAt = async (server: RunningServer, path: string) =>
  (await server.get(`${path}/reseller-relationship`)).headers.get('etag')!;

describe('two servers over one log', () => {
  it('started at the same time have opened one ledger', async () => {
    const [mine, theirs] = await Promise.all([here, there].map((server) => server.get('/v1/customers')));
    const ledgerOf = (headers: Headers) => /ledger="([^"]*)"/.exec(headers.get('ledger-position')!)![1];
    expect(ledgerOf(mine!.headers)).toMatch(/^[0-9a-f-]{36}$/);
    expect(ledgerOf(mine!.headers)).toBe(ledgerOf(theirs!.headers));
  });

  it('show at once what the other has recorded: relationship, readiness, refusals and preconditions', async () => {
    const path = await establish(here);
    // What it has seen it keeps in memory; that must not be all it goes by.
    const before = await etagAt(there, path);
    expect((await there.get(`${path}/reseller-relationship/removal-readiness`)).body.blockers).toEqual([]);
    for (let round = 0; round < 5; round++) {
      const [writer, reader] = round % 2 === 0 ? [here, there] : [there, here];
      const id = `item-${round}`;
      const bought = await writer.post(`${path}/subscriptions`, subscription(id));
      expect(bought.status).toBe(201);

      const relationship = await reader.get(`${path}/reseller-relationship`);
      expect(relationship.body.revision).toBe(bought.body.revision);
      expect(relationship.headers.get('etag')).toBe(bought.headers.get('etag'));
      const { blockers } = (await reader.get(`${path}/reseller-relationship/removal-readiness`)).body;
      expect(blockers.map(({ itemId }: any) => itemId)).toContain(id);
      expect(await reader.post(`${path}/subscriptions`, subscription(id))).toMatchObject({
        status: 409,
        code: 'ItemAlreadyExists',
      });
      const dry = await reader.post(`${path}/subscriptions?dryRun=true`, subscription(id), { key: null });
      expect([dry.status, dry.code]).toEqual([409, 'ItemAlreadyExists']);
      const stale = await reader.post(`${path}/reseller-relationship/remove`, {}, { headers: { 'if-match': before } });
      expect([stale.status, stale.body.revision]).toEqual([412, bought.body.revision]);
      const blocked = await reader.post(
        `${path}/reseller-relationship/remove`,
        {},
        { headers: { 'if-match': bought.headers.get('etag')! } },
      );
      expect([blocked.status, blocked.code, blocked.body.blockers.length]).toEqual([409, 'RemovalBlocked', round + 1]);
    }
  });

  it('wait for what the other has written when they are asked for it, and list it', async () => {
    for (const [writer, reader] of [
      [here, there],
      [there, here],
    ] as const) {
      const name = `Waited ${randomUUID()}`;
      const path = await establish(writer, newCustomer(), { name });
      const written = (await writer.get(`${path}/reseller-relationship`)).headers.get('ledger-position')!;
      const listed = await reader.get(`/v1/customers?nameContains=${encodeURIComponent(name)}`, {
        headers: { 'ledger-position': written, prefer: 'wait=20' },
      });
      expect([listed.status, listed.body.items.length]).toEqual([200, 1]);
    }
  });

  it('take a command once that is sent to both under one key, and answer both callers alike', async () => {
    const path = await establish(here);
    for (let round = 0; round < 10; round++) {
      const key = `both-${round}`;
      const body = subscription(`both-${round}`);
      const answers = await Promise.all(
        [here, there, here, there].map(async (server) => {
          // As a caller does: in progress means once more with the same key.
          for (;;) {
            const answered = await server.post(`${path}/subscriptions`, body, { key });
            if (answered.code !== 'CommandInProgress') return answered;
          }
        }),
      );
      expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
      expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
      expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null)).toHaveLength(1);
      // Another command under that key is refused by whichever server is asked.
      expect(await there.post(`${path}/subscriptions`, subscription('other'), { key })).toMatchObject({
        status: 422,
        code: 'IdempotencyKeyReused',
      });
    }
    const { body } = await here.get(`${path}/reseller-relationship`);
    expect(body.revision).toBe(2 + 2 * 10);
    expect((await there.get(`${path}/events?limit=200`)).body).toHaveLength(body.revision + 1);
  });

  it('refuse a command once that is sent to both under one key, and go on saying so when it would be accepted', async () => {
    const path = await establish(here);
    for (let round = 0; round < 5; round++) {
      const key = `refused-${round}`;
      const id = `refused-${round}`;
      await here.post(`${path}/subscriptions`, subscription(id));
      await there.post(`${path}/subscriptions/${id}/suspend`, { reason: 'fraud' });
      const suspend = async (server: RunningServer) => {
        for (;;) {
          const answered = await server.post(`${path}/subscriptions/${id}/suspend`, { reason: 'fraud' }, { key });
          if (answered.body.retryable !== true) return answered;
        }
      };
      const answers = await Promise.all([here, there, here, there].map(suspend));
      await here.post(`${path}/subscriptions/${id}/reactivate`);
      // From here on it would be accepted.
      answers.push(await suspend(here), await suspend(there));
      expect(answers.map(({ status }) => status)).toEqual([409, 409, 409, 409, 409, 409]);
      expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
      expect(new Set(answers.map(({ headers }) => headers.get('ledger-position'))).size).toBe(1);
      expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null)).toHaveLength(1);
    }
  });

  it('decide one after the other what is sent to both for one relationship, and lose nothing', async () => {
    const path = await establish(there);
    const sent = await Promise.all(
      Array.from({ length: 24 }, async (_, index) => {
        const server = index % 2 === 0 ? here : there;
        for (let attempt = 0; attempt < 20; attempt++) {
          const answered = await server.post(`${path}/subscriptions`, subscription(`lane-${index}`), {
            key: `lane-${index}`,
          });
          if (answered.status !== 409) return answered.status;
          expect(answered.code).toBe('ConcurrencyConflict');
        }
        return 0;
      }),
    );
    expect(sent).toEqual(sent.map(() => 201));
    expect((await here.get(`${path}/reseller-relationship`)).body.revision).toBe(2 + 2 * 24);
  });

  it('take what was removed at one of them for removed at the other', async () => {
    const path = await establish(here);
    expect(await etagAt(there, path)).toBe(await etagAt(here, path));
    const removed = await here.post(
      `${path}/reseller-relationship/remove`,
      {},
      { headers: { 'if-match': await etagAt(here, path) } },
    );
    expect(removed.status).toBe(200);
    expect(await there.post(`${path}/subscriptions`, subscription('late'))).toMatchObject({
      status: 409,
      code: 'PurchasesNotAllowed',
    });
    expect((await there.get(`${customerPath(path.split('/').at(-1)!)}/reseller-relationship`)).body.status).toBe(
      'removed',
    );
  });
});
