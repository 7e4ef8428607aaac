import Database from 'better-sqlite3';
import { fileUnusable, makePrivate } from '#event-sourcing';

/** Somebody else writes these views. */
export class ViewsLocked extends Error {
  override readonly name = 'ViewsLocked';
  constructor(path: string) {
    super(
      `Another projector writes ${path}. Only one may: stop the other one, or start this server without its own projector.`,
    );
  }
}

/**
 * A lock of the operating system, held through SQLite on a file of its own until it is released or the process ends,
 * however it ends. (Not on the views themselves: they are read meanwhile.)
 * @throws ViewsLocked, FileUnusable
 */
export function lockViews(path: string): () => void {
  const lockPath = `${path}.lock`;
  makePrivate(lockPath);
  let lock: Database.Database | undefined;
  try {
    lock = new Database(lockPath, { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    if ((error as { code?: string }).code === 'SQLITE_BUSY') throw new ViewsLocked(path);
    const restore = 'It holds nothing: remove it while no projector uses the directory, and start again';
    throw fileUnusable({ what: 'The lock of the views', path: lockPath, purpose: 'write', restore }, error);
  }
  const held = lock;
  return () => held.close();
}
