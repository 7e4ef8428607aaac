import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { makePrivate, requireRoomForSharedMemory, type AnyProjection, type AnyTable, type Key } from '#event-sourcing';
import { createCheckpoints, type CheckpointRow, type Mark, type ViewFailure } from './checkpoints.js';
import { lockViews } from './exclusive-lock.js';
import { refuseForeign, remedyOfDamage, UnreadableViews, viewsAt, viewsUnusable } from './foreign-views.js';
import { sqliteType } from './sqlite-values.js';
import { quoted, ViewTable } from './view-table.js';

/** The views of a data directory. */
export function viewsFileIn(directory: string): string {
  return join(directory, 'views.sqlite');
}

/** After this number of pages (32 MiB) SQLite restarts its write-ahead log, unless a reader uses it at that moment. */
const usualLogPages = 8_192;
/** A larger log (in bytes) is truncated: under load there may always be a reader. */
const largestLog = 64 * 1024 * 1024;
const commitsBetweenLooks = 32;

type Projections = readonly Pick<AnyProjection<never, never>, 'name' | 'version' | 'tables'>[];

const keptMark = 'lastEventPosition = coalesce(?, lastEventPosition), lastEventId = coalesce(?, lastEventId)';

export interface ViewsFileOptions {
  readonly path: string;
  readonly projections: Projections;
  /** Delete the file that is there, even if it is damaged or another ledger's. */
  readonly anew?: boolean;
  /** The file does not outlive its process and is read only after it was closed: it is not synced and has no log. */
  readonly temporary?: boolean;
  readonly now?: () => string;
  readonly cacheBytes?: number;
}

/**
 * Opens the views for their one writer; creates the file. Commits are not synced (`synchronous=NORMAL`): what a power loss
 * takes is projected again from the log, and a crash of the process loses nothing.
 * @throws ViewsLocked when another projector has them, FileUnusable
 */
export function openViewsFile(options: ViewsFileOptions): ViewsFile {
  const { path, projections } = options;
  requireVersionedNames(projections);
  const unlock = lockViews(path);
  let database: Database.Database | undefined;
  try {
    if (options.anew) for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
    requireRoomForSharedMemory(viewsAt(path, 'write'));
    makePrivate(path);
    database = new Database(path, { timeout: 5_000 });
    prepare(database, options);
  } catch (error) {
    database?.close();
    unlock();
    throw unusable(path, error);
  }
  return new ViewsFile(database, options, unlock);
}

function prepare(database: Database.Database, { temporary, cacheBytes = 64 * 1024 * 1024 }: ViewsFileOptions): void {
  database.pragma(`journal_mode = ${temporary ? 'MEMORY' : 'WAL'}`);
  database.pragma(`synchronous = ${temporary ? 'OFF' : 'NORMAL'}`);
  // A rebuild writes the same pages many times, so they are copied into the database less often (32 MiB).
  database.pragma(`wal_autocheckpoint = ${usualLogPages}`);
  database.pragma(`journal_size_limit = ${largestLog}`);
  database.pragma(`cache_size = ${-Math.ceil(cacheBytes / 1024)}`);
  createCheckpoints(database);
}

function requireVersionedNames(projections: Projections): void {
  for (const { name, version, tables } of projections)
    for (const table of Object.keys(tables))
      if (!table.endsWith(`_v${version}`)) throw new Error(`${table} of ${name} must end in _v${version}`);
}

/**
 * The file of the views, for its one writer. Everything is synchronous, so a transaction is never open across a
 * turn of the event loop.
 */
export class ViewsFile {
  private readonly views: ReadonlyMap<string, Projections[number]>;
  private readonly tables: ReadonlyMap<string, AnyTable>;
  /** Prepared at their first use. */
  private readonly opened = new Map<string, ViewTable>();
  private readonly statements = new Map<string, Database.Statement>();
  private commits = 0;

  constructor(
    private readonly database: Database.Database,
    private readonly options: ViewsFileOptions,
    private readonly unlock: () => void,
  ) {
    const { projections } = options;
    this.views = new Map(projections.map((projection) => [projection.name, projection]));
    this.tables = new Map(projections.flatMap(({ tables }) => Object.entries(tables)));
  }

  /** Runs in a transaction, or in a savepoint of the one that runs. */
  transaction<T>(work: () => T): T {
    const { database } = this;
    const outermost = !database.inTransaction;
    const result = database.transaction(work).immediate();
    if (outermost && !this.options.temporary && ++this.commits % commitsBetweenLooks === 0) this.cutLog();
    return result;
  }

  /**
   * Binds the views to a ledger whose log ends at `head`, creates missing tables and returns every view's checkpoint.
   * @throws ForeignViews
   */
  claim(ledgerId: string, head: number): ReadonlyMap<string, { readonly position: number; readonly built: boolean }> {
    return this.transaction(() => {
      refuseForeign(this.options.path, this.checkpoints(), ledgerId, head);
      for (const projection of this.options.projections) this.claimOne(projection, ledgerId);
      return new Map(
        this.checkpoints()
          .filter(({ name, version }) => this.views.get(name)?.version === version)
          .map(({ name, position, builtAt }) => [name, { position, built: builtAt !== null }]),
      );
    });
  }

  private claimOne({ name, version, tables }: Projections[number], ledgerId: string): void {
    for (const [table, definition] of Object.entries(tables)) this.createTable(table, definition);
    this.database
      .prepare(
        `INSERT INTO projections (name, version, position, ledgerId, status, tables, updatedAt)
           VALUES (?, ?, 0, ?, 'building', ?, ?)
           ON CONFLICT (name, version) DO UPDATE SET
             status = iif(builtAt IS NULL, 'building', 'running'), error = NULL, errorPosition = NULL, errorType = NULL`,
      )
      .run(name, version, ledgerId, JSON.stringify(Object.keys(tables)), this.now());
  }

  /** A row as the last commit, or this transaction, left it. One query for each row: in this process a larger query is no cheaper. */
  load(table: string, key: Key): object | undefined {
    return this.table(table).load(key);
  }

  save(table: string, rows: readonly object[]): void {
    this.table(table).save(rows);
  }

  remove(table: string, keys: readonly Key[]): void {
    this.table(table).remove(keys);
  }

  /** Moves a view's checkpoint; without a mark the earlier one stays. */
  advance(name: string, position: number, last: Mark | undefined): void {
    const { version } = this.view(name);
    this.prepared(`UPDATE projections SET position = ?, updatedAt = ?, ${keptMark} WHERE name = ? AND version = ?`).run(
      position,
      this.now(),
      last?.position,
      last?.id,
      name,
      version,
    );
  }

  /** Records why a view has stopped, and up to which position its rows hold. */
  stop(name: string, position: number, failure: ViewFailure, last: Mark | undefined): void {
    const { message, position: errorPosition, type } = failure;
    const { version } = this.view(name);
    this.prepared(
      `UPDATE projections SET status = 'stopped', position = ?, error = ?, errorPosition = ?, errorType = ?, updatedAt = ?,
         ${keptMark} WHERE name = ? AND version = ?`,
    ).run(position, message, errorPosition, type, this.now(), last?.position, last?.id, name, version);
  }

  /** The view has caught up for the first time: builds its indexes and drops the tables of its other versions. */
  finish(name: string): void {
    this.transaction(() => {
      const { version, tables } = this.view(name);
      // An index that is kept while a table is filled costs more than one that is created afterwards.
      for (const [table, { indexes = [] }] of Object.entries(tables))
        for (const columns of indexes)
          this.database.exec(
            `CREATE INDEX IF NOT EXISTS ${quoted(`${table}_by_${columns.join('_')}`)} ON ${quoted(table)} (${columns.map(quoted).join(', ')})`,
          );
      this.drop(this.checkpoints().filter((other) => other.name === name && other.version !== version));
      this.database.prepare('DELETE FROM projections WHERE name = ? AND version <> ?').run(name, version);
      this.database
        .prepare(
          `UPDATE projections SET status = 'running', builtAt = coalesce(builtAt, ?) WHERE name = ? AND version = ?`,
        )
        .run(this.now(), name, version);
    });
  }

  /** Notes rows of a view whose time has passed, at most that many of each table. @returns whether there may be more */
  notePassed(name: string, now: string, most: number): boolean {
    let full = false;
    for (const [table, { key, passing }] of Object.entries(this.view(name).tables)) {
      if (!passing) continue;
      const [part, at, into, noted] = [key[0]!, passing.at, passing.into, passing.noted].map(quoted);
      const rows = quoted(table);
      // Part by part, because the index begins with the part. No row is read that has been noted.
      const { changes } = this.prepared(
        `WITH RECURSIVE parts (part) AS (
           SELECT min(${part}) FROM ${rows}
           UNION ALL SELECT (SELECT min(${part}) FROM ${rows} WHERE ${part} > parts.part) FROM parts WHERE part IS NOT NULL
         )
         UPDATE ${rows} SET ${noted} = ${into} WHERE rowid IN (
           SELECT passed.rowid FROM parts CROSS JOIN ${rows} AS passed
             ON passed.${part} = parts.part AND passed.${noted} = '' AND passed.${at} < ? LIMIT ${most}
         )`,
      ).run(now);
      full ||= changes === most;
    }
    return full;
  }

  /** Removes the rows and checkpoints of views, of every version. */
  forget(names: readonly string[]): void {
    this.transaction(() => {
      const known = this.checkpoints().filter(({ name }) => names.includes(name));
      this.drop(known);
      for (const { name } of known) this.database.prepare('DELETE FROM projections WHERE name = ?').run(name);
    });
  }

  rowCount(name: string): number {
    const counting = (table: string) => this.database.prepare(`SELECT count(*) FROM ${quoted(table)}`).pluck();
    const count = (table: string) => counting(table).get() as number;
    return Object.keys(this.view(name).tables).reduce((sum, table) => sum + count(table), 0);
  }

  close(): void {
    // The driver's own closing would leave the log there while a reader still has the file open.
    if (!this.options.temporary) this.truncateLog();
    this.database.close();
    this.unlock();
  }

  private createTable(table: string, { columns, key }: AnyTable): void {
    const definitions = Object.entries(columns).map(([column, type]) => `${quoted(column)} ${sqliteType(type)}`);
    this.database.exec(
      `CREATE TABLE IF NOT EXISTS ${quoted(table)} (${[...definitions, `PRIMARY KEY (${key.map(quoted).join(', ')})`].join(', ')}) STRICT`,
    );
    // SQLite reads the quoted name of a missing column as a text, so a query would not fail.
    const there = this.database.pragma(`table_info(${quoted(table)})`) as Readonly<Record<'name' | 'type', string>>[];
    const found = there.map(({ name, type }) => `${name} ${type}`);
    const due = Object.entries(columns).map(([column, type]) => `${column} ${sqliteType(type).split(' ')[0]}`);
    if (found.join() !== due.join())
      throw new UnreadableViews(
        `${this.options.path} has a table ${table} of another form than this release makes. ${remedyOfDamage}`,
      );
  }

  private drop(checkpoints: readonly CheckpointRow[]): void {
    for (const table of checkpoints.flatMap(({ tables }) => JSON.parse(tables) as string[]))
      this.database.exec(`DROP TABLE IF EXISTS ${quoted(table)}`);
    this.statements.clear();
    this.opened.clear();
  }

  private checkpoints(): CheckpointRow[] {
    return this.database.prepare('SELECT * FROM projections').all() as CheckpointRow[];
  }

  private view(name: string): Projections[number] {
    const found = this.views.get(name);
    if (!found) throw new Error(`There is no view ${name}`);
    return found;
  }

  private table(name: string): ViewTable {
    return this.opened.getOrInsertComputed(name, () => new ViewTable(this.database, name, this.tables.get(name)!));
  }

  private prepared(sql: string): Database.Statement {
    return this.statements.getOrInsertComputed(sql, () => this.database.prepare(sql));
  }

  private cutLog(): void {
    if ((statSync(`${this.options.path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > largestLog) this.truncateLog();
  }

  private truncateLog(): void {
    try {
      this.database.pragma('wal_checkpoint(TRUNCATE)');
    } catch {
      // A full disk, say: the log keeps everything.
    }
  }

  private now(): string {
    return this.options.now?.() ?? new Date().toISOString();
  }
}

/** An error that names the file, the cause and what to do. */
function unusable(path: string, error: unknown): Error {
  const { code = '' } = error as NodeJS.ErrnoException;
  return /^(SQLITE_|E[A-Z]+$)/.test(code) ? viewsUnusable(path, 'write', error) : (error as Error);
}
