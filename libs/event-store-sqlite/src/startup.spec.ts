import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { toStored } from './event-rows.js';
import {
  checkIntegrity,
  lockDirectory,
  openSqliteEventStore,
  StoreStartupError,
  type StartupProblem,
} from './index.js';
import { migrations } from './schema.js';
import { appendTo, sealedAt, temporaryDirectory } from './testing.js';

let directory: ReturnType<typeof temporaryDirectory>;
let path: string;

beforeEach(() => {
  directory = temporaryDirectory();
  path = directory.events;
});
afterEach(() => directory.remove());

describe('opening a store', () => {
  it('creates the file with its version and its owner', async () => {
    await openSqliteEventStore({ path }).close();

    expect(
      inSqlite((database) => [
        database.pragma('user_version', { simple: true }),
        database.pragma('journal_mode', { simple: true }),
      ]),
    ).toEqual([2, 'wal']);
    expect(
      inSqlite((database) =>
        database.prepare(`SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name`).pluck().all(),
      ),
    ).toEqual(['events', 'events_are_never_changed', 'events_are_never_deleted', 'events_are_only_appended']);
  });

  it('takes an empty file for a new one', async () => {
    writeFileSync(path, '');
    const store = openSqliteEventStore({ path });
    expect(await store.head()).toBe(0);
    await store.close();
  });

  it('goes on with a file of the first version, and keeps what is in it', async () => {
    inSqlite((database) => {
      database.pragma('journal_mode = WAL');
      database.exec(migrations[0]!);
      database.pragma('user_version = 1');
      database
        .prepare('INSERT INTO events (stream, revision, id, type, data, metadata) VALUES (?, 0, ?, ?, ?, ?)')
        .run('a', ...toStored(sealedAt('a', 0, 1)[0]!));
    });
    // A tool that only reads does not bring it up to date.
    const reader = openSqliteEventStore({ path, readOnly: true });
    expect(await reader.read('a')).toHaveLength(1);
    await reader.close();
    expect((await checkIntegrity(path)).findings).toEqual([]);
    expect(inSqlite((database) => database.pragma('user_version', { simple: true }))).toBe(1);

    const store = openSqliteEventStore({ path });
    expect(await appendTo(store, 'a', 2)).toEqual({ revision: 1, position: 2 });
    await store.close();
    expect(inSqlite((database) => database.pragma('user_version', { simple: true }))).toBe(2);
    expect((await checkIntegrity(path)).findings).toEqual([]);
  });

  it('takes a log for whole after appends that failed: what is rolled back gives its positions back', async () => {
    const store = openSqliteEventStore({ path });
    await appendTo(store, 'a', 1);
    await expect(store.append('a', sealedAt('a', 0, 2), -1)).rejects.toThrow();
    await store.close();
    const rolledBack = new Database(path);
    rolledBack.exec(
      `BEGIN; INSERT INTO events SELECT NULL, 'z', 0, id, type, data, metadata FROM events LIMIT 1; ROLLBACK`,
    );
    rolledBack.close();

    const again = openSqliteEventStore({ path });
    expect(await appendTo(again, 'd', 1)).toMatchObject({ position: 2 });
    await again.close();
    expect((await checkIntegrity(path)).findings).toEqual([]);
  });

  it('goes on with a write-ahead log that was left over', async () => {
    const store = openSqliteEventStore({ path, checkpointInterval: 1_000_000 });
    await appendTo(store, 'a', 1, 2, 3);
    const left = join(directory.path, 'left');
    for (const suffix of ['', '-wal']) copyFileSync(path + suffix, left + suffix);
    await store.close();

    const again = openSqliteEventStore({ path: left });
    expect(await again.read('a')).toHaveLength(3);
    await again.close();
  });
});

describe('opening a store is refused, with nothing changed, when', () => {
  it('its directory does not exist', () => {
    expectRefusal({ path: join(directory.path, 'nowhere', 'events.sqlite') }, 'missing', 'Create it');
  });

  it('its path is a directory', () => {
    mkdirSync(path);
    expectRefusal({ path }, 'notALedger', 'not a file');
  });

  it('it is to be read and there is none', () => {
    expectRefusal({ path, readOnly: true }, 'missing', 'start the server once');
  });

  it('it is to be read and it was never written to', () => {
    writeFileSync(path, '');
    expectRefusal({ path, readOnly: true }, 'notInitialised', 'Start the server once');
  });

  it.each([false, true])('the file is no database (read only: %s)', (readOnly) => {
    writeFileSync(path, 'Dear diary, '.repeat(1_000));
    expectRefusal({ path, readOnly }, 'notALedger', 'it is not a database');
  });

  it.each([false, true])('the database is of another program (read only: %s)', (readOnly) => {
    inSqlite((database) => database.exec('CREATE TABLE diary (entry TEXT)'));
    expectRefusal({ path, readOnly }, 'notALedger', 'database of another program');
  });

  it.each([false, true])('a newer release has written it (read only: %s)', async (readOnly) => {
    await openSqliteEventStore({ path }).close();
    inSqlite((database) => database.pragma('user_version = 3'));
    expectRefusal({ path, readOnly }, 'newerRelease', 'newer release (file version 3, this release knows 2)');
  });

  it.each([
    [
      'a trigger was added',
      'CREATE TRIGGER swallow BEFORE INSERT ON events BEGIN SELECT RAISE(IGNORE); END',
      'The trigger swallow',
    ],
    ['a trigger is gone', 'DROP TRIGGER events_are_only_appended', 'The trigger events_are_only_appended'],
    [
      'a trigger does something else',
      `DROP TRIGGER events_are_never_changed;
       CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events BEGIN SELECT 1; END`,
      'The trigger events_are_never_changed is not as a ledger makes it',
    ],
    ['the table has another column', 'ALTER TABLE events ADD COLUMN note TEXT', 'The table events'],
  ])('%s', async (_, statement, text) => {
    await openSqliteEventStore({ path }).close();
    inSqlite((database) => database.exec(statement));
    expectRefusal({ path }, 'damaged', text);
  });

  it.each([
    ['in the middle of a stream', ['DELETE FROM events WHERE position = 2'], '1 to 6 were handed out, but 5 events'],
    ['at the end of a stream', ['DELETE FROM events WHERE position = 3'], '1 to 6 were handed out, but 5 events'],
    ['at its beginning', ['DELETE FROM events WHERE position = 1'], '1 to 6 were handed out, but 5 events'],
    ['at its end', ['DELETE FROM events WHERE position > 4'], '1 to 6 were handed out, but 4 events'],
    ['wholly', ['DELETE FROM events'], '1 to 6 were handed out, but 0 events'],
    [
      'with another put in to make up the number',
      ['DELETE FROM events WHERE position = 3', 'UPDATE events SET position = -1 WHERE position = 1'],
      '-1 to 6 were handed out',
    ],
    ['not, but the sequence was set back', ['DELETE FROM sqlite_sequence'], 'position 6 has an event, but only 0 were'],
  ])('events were taken away %s', async (_, statements, text) => {
    const store = openSqliteEventStore({ path });
    for (const stream of ['a', 'b']) await appendTo(store, stream, 1, 2, 3);
    await store.close();
    inSqlite((database) => {
      database.exec('DROP TRIGGER events_are_never_deleted; DROP TRIGGER events_are_never_changed');
      for (const statement of statements) database.exec(statement);
      for (const trigger of migrations[0]!.match(/CREATE TRIGGER[^]*?END;/g)!) database.exec(trigger);
    });
    expectRefusal({ path }, 'damaged', text);
  });

  it('it is damaged', async () => {
    const store = openSqliteEventStore({ path });
    await appendTo(store, 'a', 'x'.repeat(50_000));
    await store.close();
    const bytes = readFileSync(path);
    bytes.fill(0xff, 100, 4096);
    writeFileSync(path, bytes);
    expectRefusal({ path }, 'damaged', 'restore a backup');
  });

  it.each(['missing', 'empty'])('it is %s, but its write-ahead log is there', async (state) => {
    const store = openSqliteEventStore({ path, checkpointInterval: 1_000_000 });
    await appendTo(store, 'a', 1);
    const log = readFileSync(`${path}-wal`);
    await store.close();
    writeFileSync(`${path}-wal`, log);
    if (state === 'missing') rmSync(path);
    else truncateSync(path, 0);

    expectRefusal({ path }, 'damaged', `is ${state}, but its write-ahead log`);
    expect(readFileSync(`${path}-wal`).equals(log)).toBe(true);
  });

  it('another process is in the middle of changing all of it', async () => {
    await openSqliteEventStore({ path }).close();
    const other = new Database(path);
    other.pragma('locking_mode = EXCLUSIVE');
    other.exec('BEGIN EXCLUSIVE');
    try {
      expectRefusal({ path, busyTimeout: 20 }, 'busy', 'locked by another process');
    } finally {
      other.close();
    }
  });

  it.each([
    ['the file', () => chmodSync(path, 0o400)],
    ['the directory', () => chmodSync(directory.path, 0o500)],
  ])('this user may not write to %s', async (_, take) => {
    chmodSync(directory.path, 0o777);
    await openSqliteEventStore({ path }).close();
    chmodSync(path, 0o666);
    take();
    // Root may write anywhere, so it is another user for a moment.
    const root = process.geteuid?.() === 0;
    if (root) process.seteuid?.(65_534);
    try {
      expectRefusal({ path }, 'noPermission', 'may not write it');
    } finally {
      if (root) process.seteuid?.(0);
      chmodSync(directory.path, 0o700);
    }
  });

  function expectRefusal(options: Parameters<typeof openSqliteEventStore>[0], problem: StartupProblem, text: string) {
    const bytes = bytesOf(options.path);
    let refusal: unknown;
    try {
      void openSqliteEventStore(options).close();
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(StoreStartupError);
    expect(refusal).toMatchObject({ problem, message: expect.stringContaining(text) });
    expect((refusal as Error).message).toContain(directory.path);
    expect(bytesOf(options.path)).toEqual(bytes);
  }

  function bytesOf(file: string): string | undefined {
    try {
      return readFileSync(file).toString('base64');
    } catch {
      return undefined;
    }
  }
});

describe('the lock of a data directory', () => {
  it('is held by one server at a time', () => {
    const lock = lockDirectory(directory.path);
    expect(() => lockDirectory(directory.path)).toThrow(StoreStartupError);
    expect(() => lockDirectory(directory.path)).toThrow('Another server uses the data directory');
    lock.release();
    lock.release();

    lockDirectory(directory.path).release();
  });

  it('does not keep tools from reading', async () => {
    const lock = lockDirectory(directory.path);
    const store = openSqliteEventStore({ path });
    const reading = openSqliteEventStore({ path, readOnly: true });
    expect(await reading.head()).toBe(0);
    await reading.close();
    await store.close();
    lock.release();
  });

  it('that is no lock is named, and holds nothing that would have to be restored', () => {
    const lock = join(directory.path, 'server.lock');
    writeFileSync(lock, 'garbage '.repeat(200));
    expect(() => lockDirectory(directory.path)).toThrow(
      `${lock} cannot be written: it is not a database, or its beginning was overwritten. It was left as it is. It holds nothing: remove it`,
    );
    expect(() => lockDirectory(directory.path)).not.toThrow(/backup/);
  });

  it('and the events are files for their owner alone, with all that SQLite makes beside them', async () => {
    chmodSync(directory.path, 0o777);
    const umask = process.umask(0);
    const lock = lockDirectory(directory.path);
    const store = openSqliteEventStore({ path });
    process.umask(umask);
    await store.append('a', sealedAt('a', 0), -1);
    for (const name of ['server.lock', 'events.sqlite', 'events.sqlite-wal', 'events.sqlite-shm'])
      expect([name, statSync(join(directory.path, name)).mode & 0o777]).toEqual([name, 0o600]);
    await store.close();
    lock.release();
  });

  it('cannot be had in a directory that does not exist', () => {
    expect(() => lockDirectory(join(directory.path, 'nowhere'))).toThrow('does not exist');
  });
});

function inSqlite<T>(use: (database: Database.Database) => T): T {
  const database = new Database(path);
  try {
    return use(database);
  } finally {
    database.close();
  }
}
