import Database from 'better-sqlite3';
import { fileUnusable, makePrivate } from '#event-sourcing';

/** Another projector writes these views. */
export class ViewsLocked extends Error {
  override readonly name = 'ViewsLocked';
  constructor(path: string) {
    const remedy = 'Only one may: stop the other one, or start this server without its own projector.';
    super(`Another projector writes ${path}. ${remedy}`);
  }
}

/**
 * A lock of the operating system, held through SQLite until it is released or the process ends or crashes. It is on a file of
 * its own, because the views are read meanwhile.
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
