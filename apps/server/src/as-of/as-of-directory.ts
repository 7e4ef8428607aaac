import { mkdirSync, rmSync, statfsSync, type RmOptions } from 'node:fs';
import { join } from 'node:path';
import { fileUnusable } from '#event-sourcing';

/** The directory of temporary files with views as they stood. Its content at the start belongs to a process that has ended. */
export class AsOfDirectory {
  private made = 0;

  /**
   * @param onTrouble called with a file that cannot be removed
   * @throws FileUnusable
   */
  constructor(
    readonly path: string,
    private readonly onTrouble: ((message: string) => void) | undefined,
  ) {
    inFiles(path, () => rmSync(path, { recursive: true, force: true }));
    this.make();
  }

  /** @throws FileUnusable */
  make(): void {
    inFiles(this.path, () => mkdirSync(this.path, { recursive: true, mode: 0o700 }));
  }

  /** A path that no other view uses. */
  newFile(view: string): string {
    return join(this.path, `${view}-${++this.made}.sqlite`);
  }

  /** @throws FileUnusable */
  freeBytes(): number {
    const { bavail, bsize } = inFiles(this.path, () => statfsSync(this.path));
    return bavail * bsize;
  }

  removeFile(path: string): void {
    for (const end of ['', '-wal', '-shm', '.lock']) this.tryToRemove(`${path}${end}`, { force: true });
  }

  remove(): void {
    this.tryToRemove(this.path, { recursive: true, force: true });
  }

  /** A file that cannot be removed stays until the next start, which empties the directory. */
  private tryToRemove(path: string, options: RmOptions): void {
    try {
      inFiles(path, () => rmSync(path, options));
    } catch (error) {
      this.onTrouble?.((error as Error).message);
    }
  }
}

/** @throws FileUnusable when the operating system refuses the call */
function inFiles<T>(path: string, deed: () => T): T {
  try {
    return deed();
  } catch (error) {
    const restore = 'It holds only files that are rebuilt: remove it, or make DATA_DIR writable';
    throw fileUnusable({ what: 'What is kept of lists as they stood', path, purpose: 'write', restore }, error);
  }
}
