import {
  fileUnusable,
  LogDamaged,
  OutcomeUnknown,
  StoreUnavailable,
  systemCodeOf,
  type FileUse,
} from '#event-sourcing';

/** The result code of SQLite in an error (`SQLITE_FULL`, `SQLITE_IOERR_FSYNC`, …); empty for any other error. */
export function codeOf(error: unknown): string {
  const code = systemCodeOf(error);
  return code.startsWith('SQLITE_') ? code : '';
}

/** The file of the events, as an operator knows it. */
export function eventsIn(path: string, purpose: FileUse['purpose']): FileUse {
  const restore = 'Stop the server, run the integrity check, restore a backup, or correct the data directory';
  const missing = 'Check the data directory, or start the server once: it makes the file';
  return { what: 'The event store', path, purpose, restore, missing };
}

/** Nothing was written, or read, and why: trying again may help, unless the file is damaged. */
export function unavailable(error: unknown, path: string): StoreUnavailable | LogDamaged {
  if (error instanceof LogDamaged || error instanceof StoreUnavailable) return error;
  return new (isDamage(error) ? LogDamaged : StoreUnavailable)(reasonOf(error, path), { cause: error });
}

export function outcomeUnknown(error: unknown, path: string): OutcomeUnknown {
  return new OutcomeUnknown(`The events may or may not have been written: ${reasonOf(error, path)}`, { cause: error });
}

/** What has become of the file, or of what was done with it, in a sentence. */
export function reasonOf(error: unknown, path: string): string {
  if (codeOf(error) !== '') return fileUnusable(eventsIn(path, 'write'), error).message;
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
}

function isDamage(error: unknown): boolean {
  const code = codeOf(error);
  return code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB';
}
