import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fileUnusable, FileUnusable, makePrivate } from './file-failure.js';

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'file-failure-'))));
afterEach(() => rmSync(directory, { recursive: true }));

const coded = (code: string) => Object.assign(new Error('as the driver says it'), { code });

describe('A file that cannot be used is named with the cause and the remedy', () => {
  const use = (name: string, purpose: 'read' | 'write' = 'write') =>
    ({ what: 'The views', path: join(directory, name), purpose, restore: 'Make them anew' }) as const;

  it.each([
    ['ENOSPC', 'diskFull', 'the disk is full. Free some space; nothing else is needed.'],
    ['EDQUOT', 'diskFull', 'the disk is full. Free some space'],
    ['SQLITE_FULL', 'diskFull', 'the disk is full. Free some space'],
    ['EIO', 'diskFails', 'the disk fails (EIO). Check the disk and the log of the system. Make them anew.'],
    ['SQLITE_IOERR_FSYNC', 'diskFails', 'the disk fails (SQLITE_IOERR_FSYNC)'],
    ['SQLITE_CORRUPT_INDEX', 'damaged', 'it is damaged (SQLITE_CORRUPT_INDEX). Keep a copy of it. Make them anew.'],
    ['SQLITE_NOTADB', 'notADatabase', 'it is not a database, or its beginning was overwritten'],
    ['SQLITE_BUSY', 'locked', 'it is locked by another process. End that process'],
    ['EROFS', 'readOnly', 'it, or its file system, is read-only. Make it and'],
    ['EACCES', 'forbidden', 'this user may not write it, or not write beside it. Change the owner or the mode'],
    ['SQLITE_PERM', 'forbidden', 'this user may not write it'],
    ['EMFILE', 'tooManyOpen', 'no more files may be opened. Raise the limit'],
    ['ELOOP', 'other', 'ELOOP: as the driver says it. Make them anew.'],
  ])('%s: %s', (code, failure, text) => {
    writeFileSync(join(directory, 'there'), '');
    const unusable = fileUnusable(use('there'), coded(code));
    expect(unusable).toMatchObject({ failure, cause: { code } });
    expect(unusable.message).toContain(`The views ${join(directory, 'there')} cannot be written: ${text}`);
  });

  it('whatever SQLite calls it when the place is what is wrong', () => {
    mkdirSync(join(directory, 'kind'));
    writeFileSync(join(directory, 'file'), '');
    const cantOpen = coded('SQLITE_CANTOPEN');
    const failures = [
      fileUnusable(use('gone', 'read'), cantOpen),
      fileUnusable(use('gone/below'), cantOpen),
      fileUnusable(use('kind'), cantOpen),
      fileUnusable(use('file/below'), coded('ENOTDIR')),
      fileUnusable(use('kind', 'read'), coded('EISDIR')),
    ].map(({ failure }) => failure);
    expect(failures).toEqual(['missing', 'directoryMissing', 'notAFile', 'notAFile', 'notAFile']);
  });

  it('only once: what has its words already keeps them', () => {
    const first = new FileUnusable('locked', 'in its own words');
    expect(fileUnusable(use('there'), first)).toBe(first);
  });
});

describe('A file that is made', () => {
  it('is for its owner alone, whatever the mode of the directory and the umask', () => {
    chmodSync(directory, 0o777);
    const path = join(directory, 'made');
    const umask = process.umask(0);
    try {
      makePrivate(path);
    } finally {
      process.umask(umask);
    }
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is not touched when it is there', () => {
    const path = join(directory, 'there');
    writeFileSync(path, 'kept', { mode: 0o640 });
    chmodSync(path, 0o640);
    makePrivate(path);
    expect([statSync(path).mode & 0o777, statSync(path).size]).toEqual([0o640, 4]);
  });
});
