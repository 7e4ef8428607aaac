import { LogDamaged, OutcomeUnknown, StoreUnavailable } from '#event-sourcing';

/** The result code of SQLite behind an error (`SQLITE_FULL`, `SQLITE_IOERR_FSYNC`, …); empty for any other error. */
export function codeOf(error: unknown): string {
  // By its form: the driver's errors may come from another realm, where `instanceof` says no.
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : '';
}

/** Nothing was written, or read, and why: trying again may help, unless the file is damaged. */
export function unavailable(error: unknown): StoreUnavailable | LogDamaged {
  if (error instanceof LogDamaged || error instanceof StoreUnavailable) return error;
  return new (isDamage(error) ? LogDamaged : StoreUnavailable)(reasonOf(error), { cause: error });
}

export function outcomeUnknown(error: unknown): OutcomeUnknown {
  return new OutcomeUnknown(`The events may or may not have been written: ${reasonOf(error)}`, { cause: error });
}

export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  const text =
    typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
  if (code === 'SQLITE_FULL') return 'The disk of the event store is full: free some space, nothing else is needed';
  if (code.startsWith('SQLITE_BUSY')) return 'Another process holds the write lock of the event store';
  if (code.startsWith('SQLITE_IOERR')) return `The disk of the event store fails (${code}: ${text})`;
  if (isDamage(error))
    return `The event store is damaged (${code}: ${text}): stop the server, run the integrity check, restore a backup`;
  if (code.startsWith('SQLITE_READONLY')) return `The event store may not be written to (${code}: ${text})`;
  return code === '' ? text : `${code}: ${text}`;
}

function isDamage(error: unknown): boolean {
  const code = codeOf(error);
  return code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB';
}
