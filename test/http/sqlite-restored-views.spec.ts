import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { viewsFileIn } from '#projector';
import { launchServer, projectorProcess, untilCaughtUp } from '../server-process.js';
import { establish, partners, runServer, subscription, type RunningServer } from './running-server.js';
import { runTool } from './tools.js';

let directory: string;
let dataDirectory: string;
let server: RunningServer;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ledger-restored-'));
  dataDirectory = join(directory, 'data');
  server = await runServer({ dataDirectory });
});
afterEach(async () => {
  await server.killAtOnce();
  rmSync(directory, { recursive: true, force: true });
});

/** A database, in the place of whatever is there. */
function move(from: string, to: string): void {
  for (const part of ['', '-wal', '-shm']) {
    rmSync(`${to}${part}`, { force: true });
    if (existsSync(`${from}${part}`)) renameSync(`${from}${part}`, `${to}${part}`);
  }
}

async function purchase(path: string, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const { status } = await server.post(`${path}/subscriptions`, subscription(id));
    if (status !== 201) throw new Error(`${id} was answered ${status}`);
  }
}

/** How it ends when it is started. */
async function refusal(program: Partial<typeof projectorProcess>): Promise<{ code: number | null; said: string }> {
  const refused = await launchServer({ dataDirectory, partners, ...program });
  await refused.ended();
  return { code: refused.child.exitCode, said: refused.output() };
}

it('views of lost events are refused after a restore though the log has grown past them, until they are rebuilt', async () => {
  const events = join(dataDirectory, 'events.sqlite');
  const views = viewsFileIn(dataDirectory);
  const path = await establish(server);
  const kept = ['one', 'two', 'three', 'four', 'five'];
  await purchase(path, ...kept);
  const database = new Database(events, { readonly: true });
  await database.backup(join(directory, 'backup'));
  database.close();
  await purchase(path, 'lost-1', 'lost-2', 'lost-3', 'lost-4', 'lost-5');
  await untilCaughtUp(server);
  await server.stop();

  move(join(directory, 'backup'), events);
  move(views, join(directory, 'views'));
  server = await runServer({ dataDirectory, store: server.store });
  const others = Array.from({ length: 10 }, (_, index) => `other-${index}`);
  await purchase(path, ...others);
  await server.stop();

  move(join(directory, 'views'), views);
  const before = readFileSync(events);
  const text =
    /shows [a-z-]+ with event \S+ at position \d+, where the log has \S+: the log is shorter than what was projected from it/;
  for (const program of [{}, projectorProcess]) {
    const { code, said } = await refusal(program);
    expect([code, said]).toEqual([1, expect.stringMatching(text)]);
    expect(said).toMatch(/If the log was put there on purpose[^.]*npm run rebuild -- --accept-lost-events/);
  }
  expect(readFileSync(events)).toEqual(before);

  const rebuild = (...args: readonly string[]) => runTool('rebuild', ['--data-dir', dataDirectory, ...args], {});
  // Nor does the usual tool remove the views that know of a cut log by the usual tool.
  for (const names of [[], ['items']]) {
    const unasked = await rebuild(...names);
    expect([unasked.code, unasked.stderr]).toEqual([1, expect.stringMatching(text)]);
  }
  expect((await rebuild('--accept-lost-events')).code).toBe(0);
  server = await runServer({ dataDirectory, store: server.store });
  const { body } = await server.get('/v1/items');
  const shown = body.items.map(({ itemId }: any) => itemId).sort();
  expect(shown).toEqual([...kept, ...others].sort());
});
