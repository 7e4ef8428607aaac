import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openLedger } from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import { eventsFileIn, openSqliteEventStore, type SqliteEventStore } from '#event-store-sqlite';
import { openViews, viewsFileIn } from '#projector';
import { relationshipViews } from '#read-models';
import { eventually } from '../eventually.js';
import { randomFrom, randomHistory } from '../random-history.js';
import { contents, replay, said, start } from './projector-process.js';

const kills = 8;
let dataDirectory: string;
let store: SqliteEventStore;
let ledgerId: string;

beforeEach(async () => {
  dataDirectory = mkdtempSync(join(tmpdir(), 'projector-kill-'));
  store = openSqliteEventStore({ path: eventsFileIn(dataDirectory) });
  ({ ledgerId } = await openLedger(store, seal));
});
afterEach(async () => {
  await store.close();
  rmSync(dataDirectory, { recursive: true });
});

describe('a projector that is killed again and again while events come in', () => {
  it('leaves rows that are true as of its checkpoint, each time, and catches up in the end', async () => {
    const path = viewsFileIn(dataDirectory);
    const control = join(dataDirectory, 'control.sqlite');
    const history = randomHistory(store, randomFrom(20261122));
    let over = false;
    const appending = (async () => {
      while (!over) await history.append(20);
    })();

    const checkpoints: number[] = [];
    for (let kill = 0; kill < kills; kill++) {
      const running = start('projector', '--data-dir', dataDirectory);
      await said(running, 'projecting');
      const before = checkpoints.at(-1) ?? 0;
      await eventually('it has come further', async () => (await positionsIn(path)).every((each) => each > before));
      await sleep(Math.random() * 350);
      running.child.kill('SIGKILL');
      await running.exited;

      const positions = await positionsIn(path);
      expect(new Set(positions).size).toBe(1);
      checkpoints.push(positions[0]!);
      await replay(store, control, positions[0]!, ledgerId);
      expect(contents(path)).toEqual(contents(control));
    }
    over = true;
    await appending;
    expect(checkpoints).toEqual(checkpoints.toSorted((a, b) => a - b));
    expect(new Set(checkpoints).size).toBe(kills);

    const last = start('projector', '--data-dir', dataDirectory);
    const head = await store.head();
    const views = openViews({ path, projections: relationshipViews });
    for (const { name } of relationshipViews) expect(await views.reached(name, head, 30_000)).toBe(true);
    await views.close();
    last.child.kill('SIGTERM');
    await last.exited;
    expect(last.child.exitCode).toBe(0);
    await replay(store, control, head, ledgerId);
    expect(contents(path)).toEqual(contents(control));
  });
});

async function positionsIn(path: string): Promise<number[]> {
  const views = openViews({ path, projections: relationshipViews });
  try {
    return views.status().map(({ position }) => position);
  } finally {
    await views.close();
  }
}
