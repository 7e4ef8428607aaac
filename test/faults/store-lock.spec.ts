import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { lockDirectory, openSqliteEventStore } from '#event-store-sqlite';
import { storeProcess, temporaryDirectory } from './store-process.js';

let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(() => void (directory = temporaryDirectory()));
afterEach(() => directory.remove());

describe('a data directory', () => {
  it('has one server, until that one ends, however it ends', async () => {
    const first = storeProcess('lock', directory.path);
    expect(await first.answer()).toBe('locked');

    const second = storeProcess('lock', directory.path);
    await expect(second.answer()).rejects.toThrow(`Another server uses the data directory ${directory.path}`);
    expect(() => lockDirectory(directory.path)).toThrow('Another server uses');

    // Nothing is tidied up: the lock must go with the process, not with a file.
    await first.kill();
    expect(existsSync(join(directory.path, 'server.lock'))).toBe(true);
    const third = storeProcess('lock', directory.path);
    expect(await third.answer()).toBe('locked');
    await third.kill('SIGTERM');
    lockDirectory(directory.path).release();
  });
});

describe('stores that nobody has closed', () => {
  it('do not keep a process alive', async () => {
    const child = storeProcess('idle', directory.events);
    expect([await child.ended, child.errors()]).toEqual([0, '']);
    const store = openSqliteEventStore({ path: directory.events });
    expect(await store.head()).toBe(0);
    await store.close();
  });
});

describe('a subscription in another thread', () => {
  it('hears of a commit without looking for it', async () => {
    const child = storeProcess('thread', directory.events);
    // It would look every thousand seconds: longer than a test may take.
    expect(await child.answer<number[]>()).toEqual(Array.from({ length: 20 }, () => 1));
    expect(await child.ended).toBe(0);
  });
});
