import type Database from 'better-sqlite3';
import type { RecordedEvent } from '#event-sourcing';

// The checkpoint of each view, in the table `projections` of the file of the views.

/** `building`: it has not caught up yet for the first time; `stopped`: by an event that it could not handle. */
export type ViewState = 'building' | 'running' | 'stopped';

/** Why a view has stopped. */
export interface ViewFailure {
  readonly message: string;
  /** The event that could not be handled. */
  readonly position: number;
  readonly type: string;
}

/** How far a view is, and whether it runs. */
export interface ViewStatus {
  readonly name: string;
  readonly version: number;
  /** The position of the log up to which the view's rows hold. */
  readonly position: number;
  readonly status: ViewState;
  readonly error: ViewFailure | null;
  /** When it last moved. */
  readonly updatedAt: string;
}

/** An event that identifies a history: a log that has another event at this position is another history. */
export type Mark = Pick<RecordedEvent, 'position' | 'id'>;

/** A checkpoint, as the table `projections` keeps it. */
export interface CheckpointRow extends Omit<ViewStatus, 'error'> {
  /** The last event that was read for it, of any stream; absent from files of earlier releases, null until there is one. */
  readonly lastEventPosition?: number | null;
  readonly lastEventId?: string | null;
  readonly ledgerId: string;
  readonly error: string | null;
  readonly errorPosition: number | null;
  readonly errorType: string | null;
  /** Since when the view has been caught up and indexed for the first time. */
  readonly builtAt: string | null;
  /** Its tables (JSON), so that a later release can drop them. */
  readonly tables: string;
}

const firstColumns = {
  name: 'TEXT NOT NULL',
  version: 'INTEGER NOT NULL',
  position: 'INTEGER NOT NULL',
  ledgerId: 'TEXT NOT NULL',
  status: 'TEXT NOT NULL',
  error: 'TEXT',
  errorPosition: 'INTEGER',
  errorType: 'TEXT',
  builtAt: 'TEXT',
  tables: 'TEXT NOT NULL',
  updatedAt: 'TEXT NOT NULL',
};

/** Columns that later releases have added: the files of earlier ones get them when they are opened. */
const laterColumns = { lastEventPosition: 'INTEGER', lastEventId: 'TEXT' };

/** Creates the table, or adds the columns that the table of an earlier release does not have. */
export function createCheckpoints(database: Database.Database): void {
  const columns = Object.entries(firstColumns).map((column) => column.join(' '));
  database.exec(`CREATE TABLE IF NOT EXISTS projections (${columns.join(', ')}, PRIMARY KEY (name, version)) STRICT`);
  const there = columnsIn(database);
  for (const [column, type] of Object.entries(laterColumns))
    if (!there.includes(column)) database.exec(`ALTER TABLE projections ADD COLUMN ${column} ${type}`);
}

/** All checkpoints, from a file that is only read; none where there is no table yet. */
export function readCheckpoints(database: Database.Database): readonly CheckpointRow[] {
  const exists = database.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'projections'`).get();
  if (!exists) return [];
  // A later column may be missing in a file of an earlier release; where a first one is missing, the file is damaged.
  const there = columnsIn(database);
  const later = Object.keys(laterColumns).filter((column) => there.includes(column));
  return database
    .prepare(`SELECT ${[...Object.keys(firstColumns), ...later].join(', ')} FROM projections`)
    .all() as CheckpointRow[];
}

function columnsIn(database: Database.Database): readonly string[] {
  return (database.pragma('table_info(projections)') as { readonly name: string }[]).map(({ name }) => name);
}
