import { existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import {
  fileUnusable,
  makePrivate,
  requireRoomForSharedMemory,
  type AnyProjection,
  type AnyTable,
  type EventStore,
  type FileUnusable,
  type FileUse,
  type Key,
  type RecordedEvent,
} from '#event-sourcing';
import { lockViews } from './exclusive-lock.js';
import { rowCodec, sqliteType } from './sqlite-values.js';

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

/** The views show another ledger's events, or events that this one does not have; or nobody can say what they show. */
export class ForeignViews extends Error {
  override readonly name = 'ForeignViews';
}

/** The views cannot be read: whether they show what the log does not have, nobody can say. */
export class UnreadableViews extends ForeignViews {}

/** A checkpoint, as the table `projections` keeps it. */
export interface CheckpointRow {
  readonly name: string;
  readonly version: number;
  readonly position: number;
  /** The last event that was read for it, of whatever stream; absent from files of before, null until there is one. */
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

/** The views of a data directory. */
export function viewsFileIn(directory: string): string {
  return join(directory, 'views.sqlite');
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

/** After this number of pages (32 MiB) SQLite starts its write-ahead log anew, unless somebody reads it at that moment. */
const usualLogPages = 8_192;
/** A log of more bytes is cut: under load that moment may never come. */
const largestLog = 64 * 1024 * 1024;
const commitsBetweenLooks = 32;

/** Columns that were not there from the beginning: files of earlier releases get them when they are opened. */
const laterColumns = { lastEventPosition: 'INTEGER', lastEventId: 'TEXT' };

type Projections = readonly Pick<AnyProjection<never, never>, 'name' | 'version' | 'tables'>[];

/**
 * The file of the views as its one writer has it. Everything is synchronous, so a transaction is never open across a
 * turn of the event loop.
 */
export interface ViewsFile {
  /** Runs in a transaction, or in a savepoint of the one that runs. */
  readonly transaction: <T>(work: () => T) => T;
  /**
   * Binds the views to a ledger whose log ends at `head`, creates what is missing and answers every view's checkpoint.
   * @throws ForeignViews
   */
  readonly claim: (
    ledgerId: string,
    head: number,
  ) => ReadonlyMap<string, { readonly position: number; readonly built: boolean }>;
  /** A row as the last commit, or this transaction, left it. A query each: in this process it costs what a row of a larger one does. */
  readonly load: (table: string, key: Key) => object | undefined;
  readonly save: (table: string, rows: readonly object[]) => void;
  readonly remove: (table: string, keys: readonly Key[]) => void;
  /** Moves a view's checkpoint; without a mark that of before stays. */
  readonly advance: (view: string, position: number, last: Mark | undefined) => void;
  /** Writes down why a view has stopped, and where its rows hold. */
  readonly stop: (view: string, position: number, failure: ViewFailure, last: Mark | undefined) => void;
  /** The view has caught up for the first time: builds its indexes and drops the tables of its other versions. */
  readonly finish: (view: string) => void;
  /** Forgets views, rows and checkpoints alike, of every version. */
  readonly forget: (views: readonly string[]) => void;
  readonly rowCount: (view: string) => number;
  readonly close: () => void;
}

const keptMark = 'lastEventPosition = coalesce(?, lastEventPosition), lastEventId = coalesce(?, lastEventId)';

// SQLite takes 32,766 parameters in a statement; few enough rows keep each statement's text short.
const rowsPerStatement = 32;

/**
 * Opens the views for their one writer; creates the file. What a power loss takes the log gives back, so commits are not
 * synced (`synchronous=NORMAL`); a crash of the process loses nothing.
 * @throws ViewsLocked when another projector has them, FileUnusable
 */
export function openViewsFile({
  path,
  projections,
  anew = false,
  temporary = false,
  now = () => new Date().toISOString(),
  cacheBytes = 64 * 1024 * 1024,
}: {
  readonly path: string;
  readonly projections: Projections;
  /** Delete what is there, whatever it is: damaged, or another ledger's. */
  readonly anew?: boolean;
  /** It does not outlive its process, and is read only after it was closed: never synced, and no log beside it. */
  readonly temporary?: boolean;
  readonly now?: () => string;
  readonly cacheBytes?: number;
}): ViewsFile {
  const unlock = lockViews(path);
  let database: Database.Database;
  try {
    if (anew) for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
    requireRoomForSharedMemory(viewsAt(path, 'write'));
    makePrivate(path);
    database = new Database(path, { timeout: 5_000 });
  } catch (error) {
    unlock();
    throw unusable(path, error);
  }
  try {
    database.pragma(`journal_mode = ${temporary ? 'MEMORY' : 'WAL'}`);
    database.pragma(`synchronous = ${temporary ? 'OFF' : 'NORMAL'}`);
    // A rebuild writes the same pages again and again: copy them into the database less often (32 MiB).
    database.pragma(`wal_autocheckpoint = ${usualLogPages}`);
    database.pragma(`journal_size_limit = ${largestLog}`);
    database.pragma(`cache_size = ${-Math.ceil(cacheBytes / 1024)}`);
    database.exec(schema);
    const columns = (database.pragma('table_info(projections)') as { readonly name: string }[]).map(({ name }) => name);
    for (const [column, type] of Object.entries(laterColumns))
      if (!columns.includes(column)) database.exec(`ALTER TABLE projections ADD COLUMN ${column} ${type}`);
  } catch (error) {
    database.close();
    unlock();
    throw unusable(path, error);
  }

  const views = new Map(projections.map((projection) => [projection.name, projection]));
  const tables = new Map(projections.flatMap(({ tables }) => Object.entries(tables)));
  for (const { name, version, tables } of projections)
    for (const table of Object.keys(tables))
      if (!table.endsWith(`_v${version}`)) throw new Error(`${table} of ${name} must end in _v${version}`);

  let commits = 0;
  const statements = new Map<string, Database.Statement>();
  function prepared(sql: string): Database.Statement {
    let statement = statements.get(sql);
    if (!statement) {
      statement = database.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  }

  const accesses = new Map<string, ReturnType<typeof tableAccess>>();
  function accessTo(table: string) {
    let access = accesses.get(table);
    if (!access) {
      access = tableAccess(table, tables.get(table)!);
      accesses.set(table, access);
    }
    return access;
  }

  function tableAccess(name: string, table: AnyTable) {
    const codec = rowCodec(table);
    const columns = codec.names.map(quoted).join(', ');
    const rest = codec.names.filter((column) => !table.key.includes(column));
    const byKey = table.key.map((column) => `${quoted(column)} = ?`).join(' AND ');
    const select = prepared(`SELECT ${columns} FROM ${quoted(name)} WHERE ${byKey}`).raw();
    const remove = prepared(`DELETE FROM ${quoted(name)} WHERE ${byKey}`);
    const upsert = (count: number) => {
      const row = `(${codec.names.map(() => '?').join(', ')})`;
      return prepared(
        `INSERT INTO ${quoted(name)} (${columns}) VALUES ${Array<string>(count).fill(row).join(', ')} ` +
          `ON CONFLICT (${table.key.map(quoted).join(', ')}) DO ` +
          (rest.length === 0
            ? 'NOTHING'
            : `UPDATE SET ${rest.map((column) => `${quoted(column)} = excluded.${quoted(column)}`).join(', ')}`),
      );
    };
    const one = upsert(1);
    const many = upsert(rowsPerStatement);
    return {
      load(key: Key) {
        const values = select.get(key) as unknown[] | undefined;
        return values && codec.toRow(values);
      },
      save(rows: readonly object[]) {
        for (let from = 0; from < rows.length;) {
          const left = rows.length - from;
          const count = left >= rowsPerStatement ? rowsPerStatement : 1;
          const values: unknown[] = [];
          for (const row of rows.slice(from, from + count)) codec.addValues(row, values);
          (count === 1 ? one : many).run(values);
          from += count;
        }
      },
      remove(keys: readonly Key[]) {
        for (const key of keys) remove.run(key);
      },
    };
  }

  function view(name: string) {
    const found = views.get(name);
    if (!found) throw new Error(`There is no view ${name}`);
    return found;
  }

  function transaction<T>(work: () => T): T {
    const outermost = !database.inTransaction;
    const result = database.transaction(work).immediate();
    if (outermost && !temporary && ++commits % commitsBetweenLooks === 0) cutLog();
    return result;
  }

  function cutLog(): void {
    if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > largestLog) truncateLog();
  }

  function truncateLog(): void {
    try {
      database.pragma('wal_checkpoint(TRUNCATE)');
    } catch {
      // A full disk, say: the log keeps everything.
    }
  }

  function createTables(name: string): void {
    for (const [table, { columns, key }] of Object.entries(view(name).tables)) {
      const definitions = Object.entries(columns).map(([column, type]) => `${quoted(column)} ${sqliteType(type)}`);
      database.exec(
        `CREATE TABLE IF NOT EXISTS ${quoted(table)} (${[...definitions, `PRIMARY KEY (${key.map(quoted).join(', ')})`].join(', ')}) STRICT`,
      );
      // SQLite takes the quoted name of a column that is not there for a text.
      const there = database.pragma(`table_info(${quoted(table)})`) as {
        readonly name: string;
        readonly type: string;
      }[];
      const found = there.map(({ name: column, type }) => `${column} ${type}`);
      const due = Object.entries(columns).map(([column, type]) => `${column} ${sqliteType(type).split(' ')[0]}`);
      if (found.join() !== due.join())
        throw new UnreadableViews(
          `${path} has a table ${table} of another form than this release makes. ${remedyOfDamage}`,
        );
    }
  }

  function drop(tableNames: readonly string[]): void {
    for (const table of tableNames) database.exec(`DROP TABLE IF EXISTS ${quoted(table)}`);
    statements.clear();
    accesses.clear();
  }

  const checkpoints = () => database.prepare('SELECT * FROM projections').all() as CheckpointRow[];

  return {
    transaction,
    claim: (ledgerId, head) =>
      transaction(() => {
        refuseForeign(path, checkpoints(), ledgerId, head);
        const insert = database.prepare(
          `INSERT INTO projections (name, version, position, ledgerId, status, tables, updatedAt)
             VALUES (?, ?, 0, ?, 'building', ?, ?)
             ON CONFLICT (name, version) DO UPDATE SET
               status = iif(builtAt IS NULL, 'building', 'running'), error = NULL, errorPosition = NULL, errorType = NULL`,
        );
        for (const { name, version, tables } of projections) {
          createTables(name);
          insert.run(name, version, ledgerId, JSON.stringify(Object.keys(tables)), now());
        }
        return new Map(
          checkpoints()
            .filter(({ name, version }) => views.get(name)?.version === version)
            .map(({ name, position, builtAt }) => [name, { position, built: builtAt !== null }]),
        );
      }),
    load: (table, key) => accessTo(table).load(key),
    save: (table, rows) => accessTo(table).save(rows),
    remove: (table, keys) => accessTo(table).remove(keys),
    advance(name, position, last) {
      prepared(`UPDATE projections SET position = ?, updatedAt = ?, ${keptMark} WHERE name = ? AND version = ?`).run(
        position,
        now(),
        last?.position,
        last?.id,
        name,
        view(name).version,
      );
    },
    stop(name, position, { message, position: errorPosition, type }, last) {
      prepared(
        `UPDATE projections SET status = 'stopped', position = ?, error = ?, errorPosition = ?, errorType = ?, updatedAt = ?,
           ${keptMark} WHERE name = ? AND version = ?`,
      ).run(position, message, errorPosition, type, now(), last?.position, last?.id, name, view(name).version);
    },
    finish: (name) =>
      transaction(() => {
        const { version, tables } = view(name);
        // An index kept while a table is filled costs more than one made of what is there.
        for (const [table, { indexes = [] }] of Object.entries(tables))
          for (const columns of indexes)
            database.exec(
              `CREATE INDEX IF NOT EXISTS ${quoted(`${table}_by_${columns.join('_')}`)} ON ${quoted(table)} (${columns.map(quoted).join(', ')})`,
            );
        const others = checkpoints().filter((other) => other.name === name && other.version !== version);
        drop(others.flatMap((other) => JSON.parse(other.tables) as string[]));
        database.prepare('DELETE FROM projections WHERE name = ? AND version <> ?').run(name, version);
        database
          .prepare(
            `UPDATE projections SET status = 'running', builtAt = coalesce(builtAt, ?) WHERE name = ? AND version = ?`,
          )
          .run(now(), name, version);
      }),
    forget: (names) =>
      transaction(() => {
        const known = checkpoints().filter(({ name }) => names.includes(name));
        drop(known.flatMap(({ tables }) => JSON.parse(tables) as string[]));
        for (const { name } of known) database.prepare('DELETE FROM projections WHERE name = ?').run(name);
      }),
    rowCount: (name) =>
      Object.keys(view(name).tables).reduce(
        (sum, table) =>
          sum +
          (database
            .prepare(`SELECT count(*) FROM ${quoted(table)}`)
            .pluck()
            .get() as number),
        0,
      ),
    close() {
      // Not by the driver's own closing: that leaves the log where a reader still has the file open.
      if (!temporary) truncateLog();
      database.close();
      unlock();
    },
  };
}

/** In words that name the file, the cause and what to do. */
function unusable(path: string, error: unknown): Error {
  const { code = '' } = error as NodeJS.ErrnoException;
  return /^(SQLITE_|E[A-Z]+$)/.test(code) ? viewsUnusable(path, 'write', error) : (error as Error);
}

/** What is wrong with the file of the views, and what helps: the log gives back whatever they held. */
export function viewsUnusable(path: string, purpose: FileUse['purpose'], error: unknown): FileUnusable {
  return fileUnusable(viewsAt(path, purpose), error);
}

function viewsAt(path: string, purpose: FileUse['purpose']): FileUse {
  return { what: 'The views', path, purpose, restore: remedyOfDamage };
}

/**
 * Makes sure, by reading alone, that the views that there are, if any, are of this log, and of the history that it holds
 * now; to be asked before anything is written to a log. A log without an identity has had no views.
 * @throws ForeignViews, and what the log throws
 */
export async function refuseForeignViews(
  path: string,
  ledgerId: string | undefined,
  log: Pick<EventStore, 'head' | 'idAt'>,
): Promise<void> {
  if (!existsSync(path)) return;
  let known: readonly CheckpointRow[];
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { readonly: true, fileMustExist: true, timeout: 5_000 });
    const begun = database.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'projections'`).get();
    known = begun
      ? (database.prepare(`SELECT ${checkpointColumns(database)} FROM projections`).all() as CheckpointRow[])
      : [];
  } catch (error) {
    const { message } = viewsUnusable(path, 'read', error);
    throw new UnreadableViews(message, { cause: error });
  } finally {
    database?.close();
  }
  // After the checkpoints: a projector of another process may be moving them.
  refuseForeign(path, known, ledgerId, await log.head());
  await refuseLost(path, known, log);
}

/** A restored log that has grown past the views is known by what stands where their last events stood. */
async function refuseLost(path: string, known: readonly CheckpointRow[], log: Pick<EventStore, 'idAt'>): Promise<void> {
  const ids = new Map<number, string | undefined>();
  for (const { name, lastEventPosition: position, lastEventId: expected } of known) {
    if (position == null || expected == null) continue;
    if (!ids.has(position)) ids.set(position, await log.idAt(position));
    const id = ids.get(position);
    if (id !== expected)
      throw new ForeignViews(
        `${path} shows ${name} with event ${expected} at position ${position}, where the log ${id === undefined ? 'has none' : `has ${id}`}: ${shorter}`,
      );
  }
}

/** What somebody who has cut the log must not be helped with: a rebuild makes the views forget what it has lost. */
const accepted =
  'Only who knows that the log was put there on purpose, and accepts what it does not have, makes the views anew: "npm run rebuild -- --accept-lost-events".';
const shorter =
  'the log is shorter than what was projected from it. Its newest events were taken away, or an older backup was restored. ' +
  `Find out which, and restore the newest backup. ${accepted}`;
const remedyOfDamage =
  'Run "npm run integrity", then make the views anew: "npm run rebuild". What they showed cannot be compared with the log any more; a copy kept elsewhere can.';

/** Those that are not there in a file of an earlier release are none of a damaged one. */
function checkpointColumns(database: Database.Database): string {
  const there = (database.pragma('table_info(projections)') as { readonly name: string }[]).map(({ name }) => name);
  const later = Object.keys(laterColumns).filter((column) => there.includes(column));
  return [...firstColumns, ...later].join(', ');
}

function refuseForeign(
  path: string,
  known: readonly CheckpointRow[],
  ledgerId: string | undefined,
  head: number,
): void {
  const foreign = known.find((row) => row.ledgerId !== ledgerId);
  if (foreign && ledgerId === undefined)
    throw new ForeignViews(
      `${path} shows ledger ${foreign.ledgerId}, but the log holds none: it was emptied, or it is another log. ` +
        'Nothing was written to it. Restore it, or correct where the log is. For a new ledger take a data directory without views.',
    );
  if (foreign)
    throw new ForeignViews(
      `${path} shows ledger ${foreign.ledgerId}, this one is ${ledgerId}: the log was replaced, or this is the data directory of another. Restore the right one. ${accepted}`,
    );
  const beyond = known.find(({ position }) => position > head);
  if (beyond)
    throw new ForeignViews(
      `${path} shows ${beyond.name} at position ${beyond.position}, but the log ends at ${head}: ${shorter}`,
    );
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
