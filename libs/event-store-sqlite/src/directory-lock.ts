import { join } from 'node:path';
import Database from 'better-sqlite3';
import { codeOf, reasonOf } from './sqlite-errors.js';
import { StoreStartupError } from './store-startup-error.js';

/** The events of a data directory. */
export function eventsFileIn(directory: string): string {
  return join(directory, 'events.sqlite');
}

export interface DirectoryLock {
  release(): void;
}

/**
 * Makes this process the only server of a data directory, until it releases the lock or ends, however it ends: the lock
 * is one of the operating system on `server.lock`, not the existence of a file. Tools that only read need none.
 *
 * Never open `server.lock` by other means in the same process: POSIX drops a process's locks on a file as soon as it
 * closes any handle to it.
 * @throws StoreStartupError when another server has it
 */
export function lockDirectory(directory: string): DirectoryLock {
  const path = join(directory, 'server.lock');
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    if (codeOf(error).startsWith('SQLITE_BUSY'))
      throw new StoreStartupError(
        'inUse',
        `Another server uses the data directory ${directory}. End it first, or give this one a directory of its own.`,
        { cause: error },
      );
    throw new StoreStartupError(
      'noPermission',
      `The data directory ${directory} cannot be locked (${reasonOf(error)}). Check that it exists and that this user may write to it.`,
      { cause: error },
    );
  }
  const held = database;
  return { release: () => void held.close() };
}
