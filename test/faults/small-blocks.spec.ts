import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { sealedAt } from '#event-sourcing/testing';
import { openSqliteEventStore } from '#event-store-sqlite';
import { start } from './projector-process.js';
import { temporaryDirectory } from './store-process.js';

const directory = temporaryDirectory();
const image = join(directory.path, 'image');
const disk = join(directory.path, 'disk');
mkdirSync(disk);
writeFileSync(image, '');
truncateSync(image, 12 * 1024 * 1024);
const mounted =
  spawnSync('mkfs.ext4', ['-q', '-b', '1024', '-m', '0', image]).status === 0 &&
  spawnSync('mount', ['-o', 'loop', image, disk]).status === 0;
const describeWithMount = mounted ? describe : describe.skip;
afterAll(() => {
  if (mounted) spawnSync('umount', [disk]);
  directory.remove();
});

/** To the last block: how much of what is free goes to the file system itself nobody can say. */
function fill(path: string): void {
  for (const piece of [Buffer.alloc(64 * 1024), Buffer.alloc(1024)])
    try {
      for (;;) appendFileSync(path, piece);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
}

describeWithMount('A full file system of blocks that are smaller than a page (needs the right to mount)', () => {
  it.each([0, 8, 16, 24, 100])('with %i KiB left refuses a start in words, never by a signal', async (left) => {
    const path = join(disk, 'events.sqlite');
    rmSync(path, { force: true });
    const store = openSqliteEventStore({ path });
    await store.append('a', sealedAt('a', 0, { revision: 0 }), -1);
    // As a kill leaves it: the write-ahead log stays, what SQLite maps into memory is rebuilt.
    const running = start('projector', '--data-dir', disk);
    await store.close();
    running.child.kill('SIGKILL');
    await running.exited;
    const ballast = join(disk, 'ballast');
    try {
      fill(ballast);
      truncateSync(ballast, statSync(ballast).size - left * 1024);
      const next = start('projector', '--data-dir', disk);
      await next.exited;
      expect(next.child.signalCode).toBeNull();
      expect(next.child.exitCode).toBe(1);
      expect(next.output()).toContain(`${path} cannot be read: the disk is full. Free some space`);
    } finally {
      rmSync(ballast, { force: true });
    }
  });
});
