import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openLedger } from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import { eventsFileIn, openSqliteEventStore } from '#event-store-sqlite';
import { openViews, viewsFileIn } from '#projector';
import { relationshipViews } from '#read-models';
import { freePort } from '../server-process.js';

// The reader of a process's output may go, or stop reading: the process must still work, and still end.

let directory: string;
let pipe: string;
let ours: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stopped-reader-'));
  pipe = join(directory, 'output');
  mkdirSync(join(directory, 'data'));
  execFileSync('mkfifo', [pipe]);
  ours = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
});
afterEach(() => rmSync(directory, { recursive: true }));

function fill(): void {
  for (const chunk of [Buffer.alloc(4_096), Buffer.alloc(1)])
    try {
      for (;;) writeSync(ours, chunk);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
}

/** What the reader does, before the process writes its first line. */
const readers = {
  'has stopped reading': fill,
  'has gone': () => closeSync(ours),
};

function start(verb: string, env: Readonly<Record<string, string>>) {
  const output = openSync(pipe, constants.O_WRONLY);
  const child = spawn(process.execPath, [resolve('dist/apps/ledger/src/main.js'), verb], {
    stdio: ['ignore', output, output],
    env: {
      PATH: process.env['PATH'],
      DATA_DIR: join(directory, 'data'),
      LOG_LEVEL: 'debug',
      PARTNERS_FILE: resolve('partners.json'),
      ...env,
    },
  });
  closeSync(output);
  return { child, closed: once(child, 'close') };
}

describe.each(Object.entries(readers))('When the reader of the output %s', (_, reader) => {
  it('a server answers, and ends when it is asked to', async () => {
    const port = await freePort();
    const { child, closed } = start('start', { PORT: String(port), HOST: '127.0.0.1' });
    reader();
    const ask = () => fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => undefined);
    while (child.exitCode === null && !(await ask())?.ok) await sleep(50);
    expect(child.exitCode).toBeNull();
    for (let request = 0; request < 400; request++) await (await ask())?.text();
    child.kill('SIGTERM');
    await closed;
    expect([child.exitCode, child.signalCode]).toEqual([0, null]);
  });

  it('a projector projects, and ends when it is asked to', async () => {
    const dataDirectory = join(directory, 'data');
    const store = openSqliteEventStore({ path: eventsFileIn(dataDirectory) });
    await openLedger(store, seal);
    const head = await store.head();
    await store.close();
    const { child, closed } = start('projector', {});
    reader();
    const views = openViews({ path: viewsFileIn(dataDirectory), projections: relationshipViews });
    for (const { name } of relationshipViews) expect(await views.reached(name, head, 60_000)).toBe(true);
    await views.close();
    child.kill('SIGTERM');
    await closed;
    expect([child.exitCode, child.signalCode]).toEqual([0, null]);
  });
});
