import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { relationshipStream } from '#customer-relationship';
import { timeOfDay } from '../wall-clock.js';
import { startServer } from '../server-process.js';
import { establish, newCustomer, northwind, partners, runServer, subscription } from './running-server.js';
import type { RunningServer } from './running-server.js';
import { runTool } from './tools.js';

// What an attacker with the rights of the server does to events.sqlite, by another program.

let server: RunningServer;
let customer: string;
let path: string;

beforeEach(async () => {
  server = await runServer();
  customer = newCustomer();
  path = await establish(server, customer);
  for (const id of ['a', 'b', 'c']) await server.post(`${path}/subscriptions`, subscription(id));
});
afterEach(async () => {
  await server.killAtOnce();
  await server.end();
});

/** Changes the file, and covers it up. */
function tamper(...statements: readonly string[]): void {
  const database = new Database(join(server.dataDirectory, 'events.sqlite'), { timeout: 10_000 });
  const triggers = database.prepare(`SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'`).all() as {
    name: string;
    sql: string;
  }[];
  database.exec('BEGIN IMMEDIATE');
  for (const { name } of triggers) database.exec(`DROP TRIGGER ${name}`);
  for (const statement of statements) expect(database.prepare(statement).run().changes).toBeGreaterThan(0);
  for (const { sql } of triggers) database.exec(sql);
  database.exec('COMMIT');
  database.close();
}

async function expectDamaged(): Promise<void> {
  let ready = await server.get('/health/ready', { as: null });
  // What was found in the store is answered again for a moment.
  for (; ready.status === 200; await sleep(50)) ready = await server.get('/health/ready', { as: null });
  expect([ready.status, ready.body.status]).toEqual([503, 'damaged']);
  expect(ready.body.missing[0]).toBe('the log is damaged: see the log of the server');
  expect(JSON.stringify(ready.body)).not.toContain(customer);
}

/** Of a server that is started on the data as they are. */
async function refusal(): Promise<string> {
  const started = startServer({ dataDirectory: server.dataDirectory, partners });
  return started.then(
    async (running) => {
      await running.killAtOnce();
      throw new Error('It has started');
    },
    (error: Error) => error.message,
  );
}

describe('a log whose newest events were taken away, with the sequence set back', () => {
  const cut = (count: number) =>
    tamper(
      `DELETE FROM events WHERE position > (SELECT max(position) FROM events) - ${count}`,
      `UPDATE sqlite_sequence SET seq = (SELECT max(position) FROM events)`,
    );

  it('takes no command any more, of anybody, and health says so', async () => {
    const other = await establish(server);
    cut(2);
    for (const where of [path, other]) {
      const bought = await server.post(`${where}/subscriptions`, subscription('d'));
      expect([bought.status, bought.code, bought.body.outcome]).toEqual([503, 'LogDamaged', 'none']);
    }
    const bulk = await server.post('/v1/commands', {
      commands: [{ path: `${path}/subscriptions`, idempotencyKey: 'k', body: subscription('e') }],
    });
    expect(JSON.stringify(bulk.body)).not.toMatch(/"status":20/);
    await expectDamaged();
    // Nor after a restart: the views know more than the log.
    await server.killAtOnce();
    const said = await refusal();
    expect(said).toMatch(/the log ends at \d+/);
    expect(said).not.toContain('npm run rebuild"');
    const { code, stdout } = await runTool('integrity', ['--data-dir', server.dataDirectory], {});
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^shorterThanViews: /m)]);
  });

  it('is found by a health check, though no command is sent', async () => {
    cut(1);
    await expectDamaged();
  });
});

describe('an event that was edited', () => {
  const edit = () =>
    tamper(
      `UPDATE events SET data = json_replace(data, '$.quantity', 500)
       WHERE type = 'SubscriptionPurchased' AND json_extract(data, '$.subscriptionId') = 'b'`,
    );

  it('is shown in no form, whether its stream is in memory or not', async () => {
    edit();
    const seen: string[] = [];
    for (const restarted of [false, true]) {
      if (restarted) {
        await server.killAtOnce();
        server = await runServer({ dataDirectory: server.dataDirectory, store: server.store, until: 'live' });
      }
      for (const url of [
        `${path}/reseller-relationship`,
        `${path}/reseller-relationship?asOfRevision=5`,
        `${path}/subscriptions/b`,
        `${path}/subscriptions/b?asOf=${timeOfDay().toISOString()}`,
        `${path}/reseller-relationship/removal-readiness`,
        `${path}/explanations/items/subscription/b`,
        `${path}/events`,
        '/v1/events',
        '/v1/items',
        `${path}/items`,
      ]) {
        const { status, code, body } = await server.get(url);
        seen.push(`${status}`);
        expect([url, JSON.stringify(body)]).toEqual([url, expect.not.stringContaining('"quantity":500')]);
        if (status !== 200) expect([url, status, code]).toEqual([url, 503, 'LogDamaged']);
        if (restarted && /subscriptions|reseller|events|explanations/.test(url))
          expect([url, status]).toEqual([url, 503]);
      }
      const bought = await server.post(`${path}/subscriptions`, subscription('d'));
      expect([bought.status, bought.code]).toEqual([503, 'LogDamaged']);
      await expectDamaged();
    }
    expect(seen).toContain('503');
  });
});

describe('an event that was taken out of the middle', () => {
  it('leaves no history that looks whole, and no state without it', async () => {
    tamper(`DELETE FROM events WHERE type = 'SubscriptionPurchased' AND json_extract(data, '$.subscriptionId') = 'b'`);
    for (const url of [`${path}/events`, '/v1/events', `${path}/explanations/items/subscription/c`])
      expect([url, (await server.get(url)).code]).toEqual([url, 'LogDamaged']);
    await expectDamaged();

    await server.killAtOnce();
    expect(await refusal()).toMatch(/positions 1 to \d+ were handed out, but \d+ events stand there/);
    const { code, stdout } = await runTool('integrity', ['--data-dir', server.dataDirectory], {});
    expect([code, stdout]).toEqual([1, expect.stringContaining(relationshipStream(northwind, customer))]);
  });
});

describe('a file in which something swallows inserts', () => {
  const trigger = 'CREATE TRIGGER swallow BEFORE INSERT ON events BEGIN SELECT RAISE(IGNORE); END';
  const add = () => {
    const database = new Database(join(server.dataDirectory, 'events.sqlite'), { timeout: 10_000 });
    database.exec(trigger);
    database.close();
  };

  it('acknowledges nothing, and is not started with again', async () => {
    add();
    const bought = await server.post(`${path}/subscriptions`, subscription('d'), { key: 'd' });
    expect([bought.status, bought.code]).toEqual([503, 'LogDamaged']);
    await expectDamaged();
    await server.killAtOnce();
    expect(await refusal()).toContain('The trigger swallow is none of a ledger');
  });
});

describe('a secret that is not the ledger’s', () => {
  it('is refused at the start, until the ledger adopts it', async () => {
    await server.stop();
    const secret = join(server.dataDirectory, 'keys', 'ledger-secret');
    const own = readFileSync(secret, 'utf8');
    writeFileSync(secret, `${'ab'.repeat(32)}\n`);
    const said = await refusal();
    expect(said).toMatch(/ledger-secret is not the ledger's secret[\s\S]*--adopt-ledger-secret/);

    writeFileSync(secret, own);
    server = await server.restart();
    await server.stop();
    writeFileSync(secret, `${'ab'.repeat(32)}\n`);
    const adopted = await runTool('keys', ['--adopt-ledger-secret'], { DATA_DIR: server.dataDirectory });
    expect([adopted.code, adopted.stdout]).toEqual([0, expect.stringContaining('The ledger has adopted')]);
    server = await server.restart();
    expect((await server.get(`${path}/subscriptions/b`)).status).toBe(200);
  });
});
