import type Database from 'better-sqlite3';
import type { RecordedEvent } from '#event-sourcing';

// Where each view is, in the table `projections` of the file of the views.

/** `building`: on its way through the past for the first time; `stopped`: by an event it could not handle. */
export type ViewState = 'building' | 'running' | 'stopped';

/** Why a view has stopped. */
export interface ViewFailure {
  readonly message: string;
  /** The event that could not be handled. */
  readonly position: number;
  readonly type: string;
}

/** How far a view is and how it does. */
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

/** An event by which a history is known again, however far another one has grown. */
export type Mark = Pick<RecordedEvent, 'position' | 'id'>;

/** A checkpoint, as the table `projections` keeps it. */
export interface CheckpointRow {
  readonly name: string;
  readonly version: number;
  readonly position: number;
  /** The last event that was read for it, of whatever stream; absent from files of earlier releases, null until there is one. */
  readonly lastEventPosition?: number | null;
  readonly lastEventId?: string | null;
  readonly ledgerId: string;
  readonly status: ViewState;
  readonly error: string | null;
  readonly errorPosition: number | null;
  readonly errorType: string | null;
  /** Since when the view has been caught up and indexed for the first time. */
  readonly builtAt: string | null;
  /** Its tables (JSON), so that a later release can drop them. */
  readonly tables: string;
  readonly updatedAt: string;
}

const schema = `
  CREATE TABLE IF NOT EXISTS projections (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    ledgerId TEXT NOT NULL,
    status TEXT NOT NULL,
    error TEXT,
    errorPosition INTEGER,
    errorType TEXT,
    builtAt TEXT,
    tables TEXT NOT NULL,
    updatedAt TEXT NOT NULL,
    PRIMARY KEY (name, version)
  ) STRICT`;

const firstColumns = [
  'name',
  'version',
  'position',
  'ledgerId',
  'status',
  'error',
  'errorPosition',
  'errorType',
  'builtAt',
  'tables',
  'updatedAt',
];

/** Columns that were not there from the beginning: files of earlier releases get them when they are opened. */
const laterColumns = { lastEventPosition: 'INTEGER', lastEventId: 'TEXT' };

/** Creates the table, or gives that of an earlier release the columns that it does not have. */
export function createCheckpoints(database: Database.Database): void {
  database.exec(schema);
  const there = columnsIn(database);
  for (const [column, type] of Object.entries(laterColumns))
    if (!there.includes(column)) database.exec(`ALTER TABLE projections ADD COLUMN ${column} ${type}`);
}

/** All checkpoints, by reading alone; none where there is no table yet. */
export function readCheckpoints(database: Database.Database): readonly CheckpointRow[] {
  const begun = database.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'projections'`).get();
  if (!begun) return [];
  // A later column may be missing in a file of an earlier release; where a first one is missing, the file is damaged.
  const there = columnsIn(database);
  const later = Object.keys(laterColumns).filter((column) => there.includes(column));
  return database.prepare(`SELECT ${[...firstColumns, ...later].join(', ')} FROM projections`).all() as CheckpointRow[];
}

function columnsIn(database: Database.Database): readonly string[] {
  return (database.pragma('table_info(projections)') as { readonly name: string }[]).map(({ name }) => name);
}
