import {
  chmodSync,
  closeSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { viewsFileIn } from '#projector';
import { relationshipViews } from '#read-models';
import { launchServer, untilCaughtUp } from '../server-process.js';
import { eventually } from '../eventually.js';
import { establish, partners, runServer, subscription, type RunningServer } from './running-server.js';
import { runTool } from './tools.js';

// What becomes of the file of the views, while a server runs and while none does. The log is whole.

let server: RunningServer;
let path: string;
let views: string;

beforeEach(async () => {
  server = await runServer();
  views = viewsFileIn(server.dataDirectory);
  path = await establish(server);
  for (let index = 0; index < 30; index++)
    await server.post(`${path}/subscriptions`, subscription(`item-${index}`, { name: longName }));
  await untilCaughtUp(server);
});
afterEach(async () => {
  await server.killAtOnce();
  await server.end();
});

const longName = 'x'.repeat(80);
const lists = [
  '/v1/items',
  '/v1/customers',
  '/v1/support-contacts',
  '/v1/delegated-admin-grants',
  '/v1/ended-relationships',
];

/** Every list is right or refused, and where one is refused health names what is wrong. */
async function expectNoneWrong(): Promise<readonly string[]> {
  const refused: string[] = [];
  for (const list of lists) {
    const { status, code, body } = await server.get(list);
    if (status === 503) {
      expect([list, code]).toEqual([list, 'ViewUnavailable']);
      refused.push(list);
    } else if (list === '/v1/items') {
      expect([status, body.items.map(({ name }: any) => name)]).toEqual([200, Array(30).fill(longName)]);
    } else expect([list, status]).toEqual([list, 200]);
  }
  // The history asks the log where its index is of no use, and relationships are no view.
  const history = await server.get(`${path}/events?limit=100`);
  expect([history.status, history.body.length]).toEqual([200, 63]);
  expect((await server.get(`${path}/subscriptions/item-7`)).body.name).toBe(longName);
  const ready = await server.get('/health/ready', { as: null });
  if (refused.length > 0) {
    expect(ready.status).toBe(503);
    expect(ready.body.missing).not.toEqual([]);
  }
  return refused;
}

/** Bytes in the place of every page from one on. */
function garble(from: number): void {
  const file = openSync(views, 'r+');
  for (let page = from; page * 4096 < statSync(views).size; page++)
    writeSync(file, Buffer.alloc(4096, 0xee), 0, 4096, page * 4096);
  closeSync(file);
}

/** Or as a server that runs. */
async function startedOr(): Promise<string | undefined> {
  const started = await launchServer({ dataDirectory: server.dataDirectory, partners, env: { LOG_LEVEL: 'info' } });
  for (;;) {
    if (started.child.exitCode !== null) {
      await started.ended();
      return started.output();
    }
    if (await fetch(`${started.url}/health/live`).catch(() => undefined)) {
      await started.stop();
      return undefined;
    }
    await sleep(50);
  }
}

function inViews(statements: string): void {
  const database = new Database(views);
  database.unsafeMode();
  database.exec(statements);
  database.close();
}

describe('a damaged file of the views', () => {
  it.each<[string, () => void]>([
    ['is no database', () => writeFileSync(views, 'Dear diary, '.repeat(1_000))],
    ['has a damaged header', () => garbleBytes(0, 100)],
    ['has a damaged first page', () => garbleBytes(100, 3_996)],
    ['is of another program', () => inViews('DROP TABLE projections; CREATE TABLE projections (diary TEXT)')],
  ])('that %s ends the start, which says what to do, and a rebuild does it', async (_, damage) => {
    await server.stop();
    damage();
    const said = await startedOr();
    expect(said).toContain(views);
    expect(said).toContain('npm run rebuild');
    expect(said).not.toMatch(/^\s+at /m);
    expect((await runTool('rebuild', ['--data-dir', server.dataDirectory], {})).code).toBe(0);
    server = await server.restart();
    expect(await expectNoneWrong()).toEqual([]);
  });

  it.each<[string, () => void]>([
    ['is cut off in the middle', () => truncateSync(views, Math.floor(statSync(views).size / 8192) * 4096)],
    ['has garbage in all of its pages but the first', () => garble(1)],
    ['has garbage in its last pages', () => garble(statSync(views).size / 4096 - 8)],
    ['has tables of another form', () => inViews(`ALTER TABLE ${tableOf('items')} DROP COLUMN name`)],
    ['has values of another form', () => inViews(`UPDATE ${tableOf('items')} SET price = '{'`)],
  ])('that %s ends the start or stops views: no list is wrong', async (_, damage) => {
    await server.stop();
    damage();
    const said = await startedOr();
    if (said !== undefined) {
      expect(said).toContain(views);
      expect(said).toContain('npm run rebuild');
      return;
    }
    server = await runServer({ dataDirectory: server.dataDirectory, store: server.store, until: 'live' });
    await expectNoneWrong();
    // What is written to it meets the same.
    await server.post(`${path}/subscriptions/item-7/quantity`, { quantity: 9 });
    await server.get('/v1/items', { headers: { prefer: 'wait=1' } });
    await expectNoneWrongNow();
  });

  it.each<[string, () => void]>([
    ['is empty', () => truncateSync(views, 0)],
    ['is gone', () => rmSync(views)],
  ])('that %s is rebuilt at the start', async (_, damage) => {
    await server.stop();
    damage();
    server = await server.restart();
    await untilCaughtUp(server);
    expect(await expectNoneWrong()).toEqual([]);
  });

  it('is noticed while the server runs', async () => {
    garble(1);
    await expectNoneWrong();
    for (const list of lists) expect([200, 503]).toContain((await server.get(list)).status);
  });

  it.each<[string, () => void]>([
    ['deleted', () => ['', '-wal', '-shm'].forEach((end) => rmSync(`${views}${end}`, { force: true }))],
    ['replaced', () => (rmSync(views), new Database(views).exec('CREATE TABLE diary (entry TEXT)').close())],
  ])('that is %s while the server runs stops the views by name, until the next start', async (_, deed) => {
    deed();
    const ready = await server.get('/health/ready', { as: null });
    expect([ready.status, ready.body.missing]).toEqual([
      503,
      relationshipViews.map(({ name }) => `the view ${name} has stopped`),
    ]);
    expect((await expectNoneWrong()).length).toBe(lists.length);
    await eventually('the line of the log', () => server.output().includes('deleted or replaced'));
  });

  (process.getuid?.() === 0 ? it.skip : it)('that may not be written to ends the start, which says so', async () => {
    await server.stop();
    chmodSync(views, 0o400);
    expect(await startedOr()).toMatch(
      /views\.sqlite cannot be written: .*(this user may not write it|read-only|a directory)/,
    );
    chmodSync(views, 0o600);
  });
});

describe('the write-ahead log of the views', () => {
  it('is empty or gone after a clean stop, as that of the events is', async () => {
    const reading = new Database(views, { readonly: true });
    reading.prepare('SELECT count(*) FROM projections').get();
    const events = new Database(`${server.dataDirectory}/events.sqlite`, { readonly: true });
    events.prepare('SELECT count(*) FROM events').get();
    await server.stop();
    for (const file of [views, `${server.dataDirectory}/events.sqlite`])
      expect(statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0).toBe(0);
    reading.close();
    events.close();
  });
});

function garbleBytes(from: number, count: number): void {
  const bytes = readFileSync(views);
  bytes.fill(0xee, from, from + count);
  writeFileSync(views, bytes);
}

/** Lists that were refused stay so. */
async function expectNoneWrongNow(): Promise<void> {
  for (const list of lists) expect([200, 503]).toContain((await server.get(list)).status);
}

function tableOf(view: string): string {
  return Object.keys(relationshipViews.find(({ name }) => name === view)!.tables)[0]!;
}
