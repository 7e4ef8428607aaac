import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { noPreviousHash, type RecordedEvent, type SealedEvent } from '#event-sourcing';
import { checkIntegrity, openSqliteEventStore } from '#event-store-sqlite';
import { storeProcess, temporaryDirectory } from './store-process.js';

const compiler = process.platform === 'linux' && spawnSync('cc', ['--version']).status === 0;
const describeWithCompiler = compiler ? describe : describe.skip;

let shim: ReturnType<typeof temporaryDirectory>;
let directory: ReturnType<typeof temporaryDirectory>;
let child: ReturnType<typeof storeProcess>;

beforeAll(() => {
  shim = temporaryDirectory();
  if (!compiler) return;
  const source = fileURLToPath(new URL('./sync-shim.c', import.meta.url));
  const made = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', join(shim.path, 'shim.so'), source, '-ldl'], {
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(made.stderr);
});
afterAll(() => shim.remove());

beforeEach(async () => {
  directory = temporaryDirectory();
  if (!compiler) return;
  child = storeProcess('obey', directory.events, {
    LD_PRELOAD: join(shim.path, 'shim.so'),
    SYNC_LOG: join(directory.path, 'syncs'),
    SYNC_FAIL: join(directory.path, 'fail'),
  });
  await child.answer();
});
afterEach(async () => {
  if (compiler) await child.kill();
  directory.remove();
});

describeWithCompiler('an append (needs cc)', () => {
  it('has been synced to the disk when it is acknowledged, every single one', async () => {
    const before = logSyncs();
    for (let revision = 0; revision < 40; revision++) {
      await append('a', await sealed('a', revision), revision - 1);
      expect(logSyncs() - before).toBeGreaterThanOrEqual(revision + 1);
    }
    // And not many times over.
    expect(logSyncs() - before).toBeLessThan(80);
  });
});

describeWithCompiler('a sync that fails (needs cc)', () => {
  it('once: nothing was written, for certain, and the same append succeeds later', async () => {
    await append('a', await sealed('a', 0), -1);
    const events = await sealed('a', 1);
    fail('once');

    await expect(append('a', events, 0)).rejects.toMatchObject({
      name: 'StoreUnavailable',
      message: expect.stringContaining('IOERR'),
    });
    expect(existsSync(join(directory.path, 'fail'))).toBe(false);
    expect(await read('a')).toHaveLength(1);
    expect(await append('a', events, 0)).toEqual({ revision: 1, position: 2 });
    expect(await child.tell('metrics')).toMatchObject({ failedCommits: 1, commits: 2 });
  });

  it('once, with the process killed right after: what was said not to be written does not come back', async () => {
    await append('a', await sealed('a', 0), -1);
    const [lost] = await sealed('a', 1);
    fail('once');
    await expect(append('a', [lost!], 0)).rejects.toMatchObject({ name: 'StoreUnavailable' });
    await child.kill();

    // The pages of the failed commit are in the log, complete with their checksums, or were until another commit
    // was written over them.
    const store = openSqliteEventStore({ path: directory.events });
    expect((await store.read('a')).map(({ id }) => id)).not.toContain(lost!.id);
    expect(await store.head()).toBe(1);
    await store.close();
    expect((await checkIntegrity(directory.events)).findings).toEqual([]);
  });

  it('again and again: the outcome is unknown until the disk works again', async () => {
    await append('a', await sealed('a', 0), -1);
    const events = await sealed('a', 1);
    fail('always');

    for (let attempt = 0; attempt < 2; attempt++)
      await expect(append('a', events, 0)).rejects.toMatchObject({ name: 'OutcomeUnknown' });
    rmSync(join(directory.path, 'fail'));

    expect(await append('a', events, 0)).toEqual({ revision: 1, position: 2 });
    expect((await read('a')).map(({ id }) => id)).toContain(events[0]!.id);
    await child.tell('close');
    expect((await checkIntegrity(directory.events)).findings).toEqual([]);
  });
});

/** How often the write-ahead log was synced. */
function logSyncs(): number {
  return readFileSync(join(directory.path, 'syncs'), 'utf8')
    .split('\n')
    .filter((path) => path.endsWith('-wal')).length;
}

function fail(how: 'once' | 'always'): void {
  writeFileSync(join(directory.path, 'fail'), how);
}

async function sealed(stream: string, revision: number): Promise<readonly SealedEvent[]> {
  const previousHash = (await read(stream)).at(-1)?.metadata.hash ?? noPreviousHash;
  return child.tell('sealed', stream, revision, previousHash, 1);
}

function append(stream: string, events: readonly SealedEvent[], expectedRevision: number) {
  return child.tell('append', stream, events, expectedRevision);
}

function read(stream: string): Promise<readonly RecordedEvent[]> {
  return child.tell('read', stream);
}
