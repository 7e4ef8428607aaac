import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { noPreviousHash, StoreUnavailable, type RecordedEvent } from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import { checkIntegrity, openSqliteEventStore, type SqliteEventStore } from '#event-store-sqlite';
import { temporaryDirectory } from './store-process.js';

const directory = temporaryDirectory();
const disk = join(directory.path, 'disk');
mkdirSync(disk);
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]).status === 0;
if (mounted) spawnSync('umount', [disk]);
const describeWithMount = mounted ? describe : describe.skip;

beforeEach(() => void spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]));
afterEach(() => void spawnSync('umount', [disk]));
afterAll(() => directory.remove());

describeWithMount('a disk that is full (needs the right to mount)', () => {
  it('refuses appends with nothing written, and takes them again when there is space', async () => {
    const path = join(disk, 'events.sqlite');
    const ballast = join(disk, 'ballast');
    writeFileSync(ballast, Buffer.alloc(1024 * 1024));
    const store = openSqliteEventStore({ path, checkpointInterval: 20 });
    const accepted = await fill(store);
    const last = accepted.at(-1)!;

    for (let attempt = 0; attempt < 3; attempt++) {
      const refused = [next(last, 300_000), next(undefined, 300_000)].map(({ stream, events, expectedRevision }) =>
        store.append(stream, events, expectedRevision),
      );
      for (const each of refused) {
        await expect(each).rejects.toBeInstanceOf(StoreUnavailable);
        await expect(each).rejects.toThrow('cannot be written: the disk is full');
      }
    }
    // Reading goes on, and nothing of what was refused is there.
    expect((await store.read('a')).map(({ id }) => id)).toEqual(accepted.map(({ id }) => id));
    expect(await store.read('b')).toEqual([]);
    expect(store.metrics().failedCommits).toBeGreaterThanOrEqual(3);

    rmSync(ballast);
    const { stream, events, expectedRevision } = next(last, 50_000);
    expect(await store.append(stream, events, expectedRevision)).toMatchObject({ revision: last.revision + 1 });
    await store.close();
    expect(await checkIntegrity(path)).toMatchObject({ events: accepted.length + 1, findings: [] });
  });

  it('is named when the store is opened', () => {
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(2 * 1024 * 1024 - 4096));
    expect(() => openSqliteEventStore({ path: join(disk, 'events.sqlite') })).toThrow('Free some space');
  });
});

/** Appends to stream a until the disk is full. */
async function fill(store: SqliteEventStore): Promise<readonly RecordedEvent[]> {
  for (;;) {
    const { stream, events, expectedRevision } = next((await store.read('a')).at(-1), 50_000);
    try {
      await store.append(stream, events, expectedRevision);
    } catch (error) {
      expect(error).toBeInstanceOf(StoreUnavailable);
      return store.read('a');
    }
  }
}

/** What comes next in stream a, or first in stream b. */
function next(last: RecordedEvent | undefined, bytes: number) {
  const stream = last?.stream ?? (bytes > 100_000 ? 'b' : 'a');
  const expectedRevision = last?.revision ?? -1;
  const events = seal(stream, expectedRevision + 1, last?.metadata.hash ?? noPreviousHash, [
    {
      type: 'CounterIncreased',
      data: 'x'.repeat(bytes),
      metadata: {
        actor: { id: 'user-7', kind: 'user', roles: [], tenant: 'reseller-1' },
        causationId: '',
        commandHash: '',
        commandId: `command-${Math.random()}`,
        correlationId: '',
        policy: { name: '', hash: '' },
        recordedAt: '2026-03-01T12:34:56.789Z',
        schema: 1,
      },
    },
  ]);
  return { stream, events, expectedRevision };
}
