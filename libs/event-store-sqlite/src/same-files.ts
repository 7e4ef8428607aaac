import { statSync } from 'node:fs';
import { LogDamaged } from '#event-sourcing';

/**
 * Makes sure that the files that are open are those that the next start will open: what is written to one that was taken
 * away, or replaced, is gone when it is closed, and SQLite says nothing of it.
 * @returns a function that throws LogDamaged
 */
export function sameFilesGuard(path: string, realPath: string): () => void {
  // SQLite removes the write-ahead log only with its last connection.
  const opened = [path, `${realPath}-wal`].flatMap((file) => {
    const identity = identityOf(file);
    return identity === undefined ? [] : [{ file, identity }];
  });
  return () => {
    for (const { file, identity } of opened) {
      const now = identityOf(file);
      if (now === identity) continue;
      throw new LogDamaged(
        `${file} was ${now === undefined ? 'taken away' : 'replaced'} while it was open, and what is written would be lost. ` +
          'Stop the server, run the integrity check, restore a backup; nothing is written meanwhile.',
      );
    }
  };
}

function identityOf(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}
