import type { Database } from 'better-sqlite3';
import { StoreStartupError } from './store-startup-error.js';

/** Marks the file as ours ("RLED"), so that no other database is ever written to. */
export const applicationId = 0x52_4c_45_44;

/**
 * What has been done to the file, in order; the count stands in `user_version`. A step that has run in production is
 * never edited, only followed by another one.
 */
export const migrations: readonly string[] = [
  // AUTOINCREMENT: without it the position of a tail that was taken away would be handed out again.
  // Ids have no index of their own. It takes half the rate of grouped appends and makes the log 2.9 times as long (measured
  // at 200,000 events: every event dirties a page of its own), and an id follows from stream, revision and content (see the
  // hash chain), which the integrity check verifies.
  `CREATE TABLE events (
     position INTEGER PRIMARY KEY AUTOINCREMENT,
     stream TEXT NOT NULL,
     revision INTEGER NOT NULL,
     id TEXT NOT NULL,
     type TEXT NOT NULL,
     data TEXT NOT NULL,
     metadata TEXT NOT NULL,
     UNIQUE (stream, revision)
   ) STRICT;
   CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
   BEGIN SELECT RAISE(ABORT, 'Events are never changed'); END;
   CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
   BEGIN SELECT RAISE(ABORT, 'Events are never deleted'); END;
   PRAGMA application_id = ${applicationId};`,
];

/** The triggers without which an event could be changed or deleted by mistake. */
export const triggers: readonly string[] = ['events_are_never_changed', 'events_are_never_deleted'];

/**
 * Makes sure, by reading alone, that the file is a ledger of this release or an earlier one, or empty.
 * @returns how many migrations the file has seen
 */
export function versionOf(database: Database, path: string): number {
  const version = database.pragma('user_version', { simple: true }) as number;
  const owner = database.pragma('application_id', { simple: true }) as number;
  const objects = database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() as number;
  if (owner !== applicationId && (owner !== 0 || version !== 0 || objects > 0))
    throw new StoreStartupError(
      'notALedger',
      `${path} is a database of another program. Point the data directory somewhere else; the file was left as it is.`,
    );
  if (version > migrations.length)
    throw new StoreStartupError(
      'newerRelease',
      `${path} was written by a newer release (file version ${version}, this release knows ${migrations.length}). ` +
        'Run that release or a later one; the file was left as it is.',
    );
  return version;
}

/** Brings the file to this release, each step in a transaction of its own. */
export function migrate(database: Database, path: string): void {
  for (;;) {
    database.exec('BEGIN IMMEDIATE');
    try {
      // Read inside the transaction: another process may have taken the step meanwhile.
      const version = versionOf(database, path);
      const step = migrations[version];
      if (step === undefined) return;
      database.exec(`${step}; PRAGMA user_version = ${version + 1}; COMMIT`);
    } finally {
      if (database.inTransaction) database.exec('ROLLBACK');
    }
  }
}
