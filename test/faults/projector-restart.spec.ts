import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { openLedger } from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import { eventsFileIn, openSqliteEventStore, type SqliteEventStore } from '#event-store-sqlite';
import { openViews, openViewsFile, viewsFileIn } from '#projector';
import { relationshipViews } from '#read-models';
import { randomFrom, randomHistory } from '../random-history.js';
import { contents, replay, said, startScript } from './projector-process.js';

let dataDirectory: string;
let store: SqliteEventStore;
let ledgerId: string;

beforeEach(async () => {
  dataDirectory = mkdtempSync(join(tmpdir(), 'projector-restart-'));
  store = openSqliteEventStore({ path: eventsFileIn(dataDirectory) });
  ({ ledgerId } = await openLedger(store, seal));
});
afterEach(async () => {
  await store.close();
  rmSync(dataDirectory, { recursive: true });
});

/** A process with a projector in a thread, which is ended `crashes` times as if memory had run out; and prints what happens. */
const script = (crashes: number) => `
  import { startRestartedProjector } from ${JSON.stringify(resolve('dist/libs/relationship-projector/src/index.js'))};
  const say = (...words) => console.log(words.join(' '));
  let crashes = 0;
  process.on('worker', (worker) =>
    worker.on('message', ({ news }) => {
      if (news === 'started' && ++crashes <= ${crashes}) setTimeout(() => worker.terminate(), 100);
    }));
  const projector = await startRestartedProjector({
    log: { store: 'sqlite', eventsFile: ${JSON.stringify(eventsFileIn(dataDirectory))} },
    viewsFile: ${JSON.stringify(viewsFileIn(dataDirectory))},
    onStopped: () => say('stopped'),
    onTrouble: (message) => say('trouble', message),
    onCrashed: (error, restartInMs) => say('crashed', restartInMs, error.message),
    onRestarted: () => say('restarted'),
    restarts: { first: 50, most: 150, calm: 60_000 },
  });
  say('begun');
  process.on('SIGTERM', () => projector.stop().then(() => say('ended')));`;

it('a projector that crashes is started again, later each time, and the views miss nothing', async () => {
  const history = randomHistory(store, randomFrom(4));
  await history.append(200);
  const running = startScript(dataDirectory, script(4));
  for (let restart = 0; restart < 4; restart++) {
    await history.append(50);
    await new Promise((wake) => setTimeout(wake, 200));
  }
  while ((running.output().match(/^restarted$/gm) ?? []).length < 4 && running.child.exitCode === null)
    await new Promise((wake) => setTimeout(wake, 20));
  await history.append(50);
  const views = openViews({ path: viewsFileIn(dataDirectory), projections: relationshipViews });
  for (const { name } of relationshipViews) expect(await views.reached(name, await store.head(), 20_000)).toBe(true);
  await views.close();

  running.child.kill('SIGTERM');
  await running.exited;
  expect(running.child.exitCode).toBe(0);
  const crashes = running.output().match(/crashed \d+/g);
  expect(crashes).toEqual(['crashed 50', 'crashed 100', 'crashed 150', 'crashed 150']);
  expect(running.output().match(/^restarted$/gm)).toHaveLength(4);
  expect(running.output()).toContain("The projector's thread has ended");
  expect(running.output().trim().split('\n').at(-1)).toBe('ended');
  const control = join(dataDirectory, 'control.sqlite');
  await replay(store, control, await store.head(), ledgerId);
  expect(contents(viewsFileIn(dataDirectory))).toEqual(contents(control));
});

it('a projector that cannot be started again goes on trying, and ends when it is asked to', async () => {
  const running = startScript(dataDirectory, script(1));
  await said(running, 'begun');
  // Another process has taken the views before it is back.
  let other: ReturnType<typeof openViewsFile> | undefined;
  while (!other)
    try {
      other = openViewsFile({ path: viewsFileIn(dataDirectory), projections: relationshipViews });
    } catch {
      await new Promise((wake) => setTimeout(wake, 2));
    }
  await said(running, 'crashed 150 Another projector writes');
  expect(running.output()).not.toContain('restarted');
  other.close();
  await said(running, 'restarted');
  running.child.kill('SIGTERM');
  await running.exited;
  expect(running.child.exitCode).toBe(0);
  expect(running.output()).toContain('ended');
});

it('a projector that cannot begin at all is refused, not tried for ever', async () => {
  const views = openViewsFile({ path: viewsFileIn(dataDirectory), projections: relationshipViews });
  views.claim('22222222-2222-4222-8222-222222222222', 0);
  views.close();
  const running = startScript(dataDirectory, script(0));
  await running.exited;
  expect(running.child.exitCode).toBe(1);
  expect(running.output()).toContain('shows ledger 22222222-2222-4222-8222-222222222222');
  expect(running.output()).not.toMatch(/^(crashed|begun)/m);
});
