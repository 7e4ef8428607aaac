import { join } from 'node:path';
import Database from 'better-sqlite3';
import { fileUnusable, makePrivate } from '#event-sourcing';
import { codeOf } from './sqlite-errors.js';
import { StoreStartupError } from './store-startup-error.js';

/** The events of a data directory. */
export function eventsFileIn(directory: string): string {
  return join(directory, 'events.sqlite');
}

/** Referred to until they are released: the collector of garbage would close the handle, and with it end the lock. */
const held = new Set<Database.Database>();

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
  makePrivate(path);
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
    // A new one is made, so nothing is lost with it.
    const restore = 'It holds nothing: remove it while no server uses the directory, and start again';
    const { message } = fileUnusable(
      { what: 'The lock of the data directory', path, purpose: 'write', restore },
      error,
    );
    throw new StoreStartupError('noPermission', message, { cause: error });
  }
  const lock = database;
  held.add(lock);
  return {
    release() {
      held.delete(lock);
      lock.close();
    },
  };
}
