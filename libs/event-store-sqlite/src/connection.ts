import Database from 'better-sqlite3';
import { fileUnusable, lookAt, makePrivate, requireRoomForSharedMemory, type FileFailureCause } from '#event-sourcing';
import { migrate, requireDefinitions, requireEveryPosition, versionOf } from './schema.js';
import { eventsIn } from './sqlite-errors.js';
import { StoreStartupError, type StartupProblem } from './store-startup-error.js';

export interface ConnectionOptions {
  /** Pages of the file mapped into memory, in bytes (default 256 MiB). */
  readonly mmapBytes?: number;
  /** Page cache of each connection, in bytes (default 32 MiB). */
  readonly cacheBytes?: number;
  /** How long a write waits for the lock of another process, in ms (default 2,000). The event loop stands still meanwhile. */
  readonly busyTimeout?: number;
  /** The write-ahead log is cut back to this many bytes when it restarts (default 64 MiB). */
  readonly walBytes?: number;
}

const mebibyte = 1024 * 1024;
export const defaultWalBytes = 64 * mebibyte;

/**
 * Opens the file for appending; creates and migrates it.
 * @throws StoreStartupError
 */
export function openForWriting(path: string, options: ConnectionOptions = {}): Database.Database {
  return explained(path, 'write', () => {
    refuseLostDatabase(path);
    requireRoomForSharedMemory(eventsIn(path, 'write'));
    makePrivate(path);
    const database = new Database(path, { timeout: options.busyTimeout ?? 2_000 });
    return orClose(database, () => {
      // By reading alone, before the first byte is written: the file may belong to another program.
      const version = versionOf(database, path);
      requireDefinitions(database, version, path);
      requireEveryPosition(database, version, path);
      if (database.pragma('journal_mode = WAL', { simple: true }) !== 'wal')
        throw new StoreStartupError('noPermission', `${path} cannot have a write-ahead log: use a local disk.`);
      // Explicitly, although the pragma already reads 2: the driver is compiled with DEFAULT_WAL_SYNCHRONOUS=1, so from
      // the first write on it would be NORMAL, which loses acknowledged commits when the power fails.
      database.pragma('synchronous = FULL');
      // A checkpoint on the way of a request is the tail of its latency: see the checkpoint thread.
      database.pragma('wal_autocheckpoint = 0');
      database.pragma(`journal_size_limit = ${options.walBytes ?? defaultWalBytes}`);
      tune(database, options);
      migrate(database, path);
      return database;
    });
  });
}

/**
 * Opens the file for reading; it must exist and have been written by this release or an earlier one: events stand in every
 * version as they stand in the first. Works while a server writes to it.
 * @throws StoreStartupError
 */
export function openForReading(path: string, options: ConnectionOptions = {}): Database.Database {
  return explained(path, 'read', () => {
    refuseLostDatabase(path);
    requireRoomForSharedMemory(eventsIn(path, 'read'));
    const database = new Database(path, { readonly: true, fileMustExist: true, timeout: options.busyTimeout ?? 2_000 });
    return orClose(database, () => {
      if (versionOf(database, path) === 0)
        throw new StoreStartupError(
          'notInitialised',
          `${path} holds no events yet. Start the server once: it makes the file.`,
        );
      tune(database, options);
      return database;
    });
  });
}

function tune(
  database: Database.Database,
  { mmapBytes = 256 * mebibyte, cacheBytes = 32 * mebibyte }: ConnectionOptions,
) {
  database.pragma(`mmap_size = ${mmapBytes}`);
  database.pragma(`cache_size = ${-Math.ceil(cacheBytes / 1024)}`);
}

/** SQLite takes a write-ahead log without its database for a leftover and deletes it, with every commit in it. */
function refuseLostDatabase(path: string): void {
  const log = lookAt(`${path}-wal`);
  const database = lookAt(path);
  if (log === 'hidden' || database === 'hidden') return;
  if (log && log.size > 0 && !database?.size)
    throw new StoreStartupError(
      'damaged',
      `${path} is ${database ? 'empty' : 'missing'}, but its write-ahead log ${path}-wal is there. ` +
        'Put both files back together, or move the log away to start over; nothing was changed.',
    );
}

function orClose<T>(database: Database.Database, prepare: () => T): T {
  try {
    return prepare();
  } catch (error) {
    database.close();
    throw error;
  }
}

function explained<T>(path: string, purpose: 'read' | 'write', open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (error instanceof StoreStartupError) throw error;
    throw explanation(path, purpose, error);
  }
}

const problems: Partial<Record<FileFailureCause, StartupProblem>> = {
  diskFull: 'diskFull',
  missing: 'missing',
  directoryMissing: 'missing',
  notADatabase: 'notALedger',
  notAFile: 'notALedger',
  forbidden: 'noPermission',
  readOnly: 'noPermission',
  locked: 'busy',
};

function explanation(path: string, purpose: 'read' | 'write', error: unknown): StoreStartupError {
  const { failure, message } = fileUnusable(eventsIn(path, purpose), error);
  return new StoreStartupError(problems[failure] ?? 'damaged', message, { cause: error });
}
