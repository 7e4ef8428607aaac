import Database from 'better-sqlite3';

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
 * @throws ViewsLocked
 */
export function lockViews(path: string): () => void {
  const lock = new Database(`${path}.lock`, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if ((error as { code?: string }).code === 'SQLITE_BUSY') throw new ViewsLocked(path);
    throw error;
  }
  return () => lock.close();
}
