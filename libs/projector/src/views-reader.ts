import { existsSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { AnyProjection, ViewQueries } from '#event-sourcing';
import type { CheckpointRow, ViewState, ViewStatus } from './checkpoints.js';
import { viewsUnusable } from './foreign-views.js';
import { UnreadableValue, viewQueries } from './view-queries.js';

/** The view does not exist yet: its projector has never run here. */
export class ViewNotBuilt extends Error {
  override readonly name = 'ViewNotBuilt';
  constructor(readonly view: string) {
    super(`The view ${view} has not been built yet`);
  }
}

/** The file of the views is damaged, or not the one that was opened: this view's answers cannot be relied on. */
export class ViewsDamaged extends Error {
  override readonly name = 'ViewsDamaged';
  constructor(
    readonly view: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The names of one view, or of several. */
export type ViewNames = string | readonly string[];

/** An answer of a view, and the position of the log that it holds for: the smallest, where several were asked. */
export interface ViewAnswer<T> {
  readonly result: T;
  readonly position: number;
  /** The id of the event at that position, if the view knows it. */
  readonly eventId: string | undefined;
  /** Names the rows that were asked: the position of each view and the event there. */
  readonly state: string;
  readonly status: ViewState;
}

export interface ViewsReader {
  /**
   * Asks a view, or several together. The query and the position are read in one transaction, so the answer is true as of
   * the position; of several views, those that are further show what came after it too.
   * @throws ViewNotBuilt, ViewsDamaged
   */
  readonly read: <T>(views: ViewNames, ask: (queries: ViewQueries) => T) => Promise<ViewAnswer<T>>;
  /** The status of every view of this release. A view that was never started is at position 0; one that cannot be read has stopped. */
  readonly status: () => readonly ViewStatus[];
  /** Waits until each view has reached a position; false after a timeout. For a view that cannot be read it does not wait. */
  readonly reached: (views: ViewNames, position: number, withinMs: number) => Promise<boolean>;
  readonly close: () => Promise<void>;
}

// A view that was never started has never moved.
const longAgo = new Date(0).toISOString();

// How often waiting queries look at the views' positions.
const lookEveryMs = 4;

/**
 * Opens the views for queries, read-only, while their writer writes. The file may be created later: until then there are no answers.
 */
export function openViews({
  path,
  projections,
  onDamaged,
}: {
  readonly path: string;
  readonly projections: readonly Pick<AnyProjection<never, never>, 'name' | 'version' | 'tables'>[];
  /** Called once for each view that turns out to be damaged. */
  readonly onDamaged?: (damage: ViewsDamaged) => void;
}): ViewsReader {
  const versions = new Map(projections.map(({ name, version }) => [name, version]));
  let opened:
    | {
        readonly database: Database.Database;
        readonly queries: ViewQueries;
        readonly begin: Database.Statement<[]>;
        readonly end: Database.Statement<[]>;
        readonly file: bigint;
        checkpoints?: CheckpointSelects;
      }
    | undefined;
  const damaged = new Map<string, ViewsDamaged>();
  let closed = false;
  const waiting = new Set<{
    readonly names: readonly string[];
    readonly position: number;
    readonly done: () => void;
  }>();
  let looking: NodeJS.Timeout | undefined;

  function open() {
    if (closed) throw new Error('These views are closed');
    if (!opened && existsSync(path)) {
      const database = new Database(path, { readonly: true, fileMustExist: true, timeout: 5_000 });
      opened = {
        database,
        queries: viewQueries(database, projections),
        begin: database.prepare('BEGIN'),
        end: database.prepare('COMMIT'),
        file: fileAt(path) ?? 0n,
      };
    }
    return opened;
  }

  function checkpoint(view: string): CheckpointRow | undefined {
    const version = versions.get(view);
    if (version === undefined) throw new Error(`There is no view ${view}`);
    return selects()?.one.get(view, version);
  }

  function checkpoints(): readonly CheckpointRow[] {
    return selects()?.all.all() ?? [];
  }

  /** Prepared once; undefined until the first transaction of the writer: the file is there before that. */
  function selects(): CheckpointSelects | undefined {
    const views = open();
    if (!views) return undefined;
    const { database } = views;
    const exists = () => database.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'projections'`).get() !== undefined;
    if (!views.checkpoints && exists())
      views.checkpoints = {
        one: database.prepare('SELECT * FROM projections WHERE name = ? AND version = ?'),
        all: database.prepare('SELECT * FROM projections'),
      };
    return views.checkpoints;
  }

  /** A view that has turned out to be damaged is not asked again: its next answer might be wrong and look right. */
  function damage(view: string, error: unknown): ViewsDamaged {
    const known = damaged.get(view);
    if (known) return known;
    const found = new ViewsDamaged(view, `The view ${view}: ${viewsUnusable(path, 'read', error).message}`, {
      cause: error,
    });
    damaged.set(view, found);
    onDamaged?.(found);
    return found;
  }

  /** The answer of views from one transaction, so that it is true as of their position. @throws ViewNotBuilt */
  function answer<T>(names: readonly string[], ask: (queries: ViewQueries) => T): ViewAnswer<T> {
    const views = open();
    if (!views) throw new ViewNotBuilt(names[0]!);
    const { database, queries, begin, end } = views;
    begin.run();
    try {
      // The first read of a transaction chooses the state of the file that all of it sees.
      const marks = names.map(markOf);
      const { position, status, eventId } = marks.reduce((one, other) => (other.position < one.position ? other : one));
      const state = marks.map((mark) => `${mark.position} ${mark.eventId}`).join();
      return { result: ask(queries), position, eventId, state, status };
    } finally {
      // Some errors end the transaction.
      if (database.inTransaction) end.run();
    }
  }

  function markOf(view: string) {
    const row = checkpoint(view);
    if (!row) throw new ViewNotBuilt(view);
    const { position, status, lastEventPosition, lastEventId } = row;
    return { position, status, eventId: (lastEventPosition === position && lastEventId) || undefined };
  }

  function positions(): ReadonlyMap<string, number> {
    const known = checkpoints();
    return new Map(
      projections.map(({ name, version }) => [
        name,
        known.find((row) => row.name === name && row.version === version)?.position ?? 0,
      ]),
    );
  }

  function look(): void {
    let found: ReturnType<typeof positions>;
    try {
      found = positions();
    } catch {
      // Each waiting caller asks the view next, and gets the error.
      for (const waiter of waiting) waiter.done();
      looking = undefined;
      return;
    }
    for (const waiter of waiting) if (waiter.names.every((name) => found.get(name)! >= waiter.position)) waiter.done();
    looking = waiting.size > 0 ? setTimeout(look, lookEveryMs) : undefined;
  }

  return {
    async read(views, ask) {
      const names = [views].flat();
      const known = names.map((name) => damaged.get(name)).find((damage) => damage !== undefined);
      if (known) throw known;
      try {
        return answer(names, ask);
      } catch (error) {
        // Which of their tables it is, SQLite does not say.
        if (isOfTheFile(error)) throw names.map((name) => damage(name, error))[0]!;
        throw error;
      }
    },
    status() {
      let known: readonly CheckpointRow[] = [];
      try {
        known = checkpoints();
        if (opened && fileAt(path) !== opened.file)
          throw new Error('it was deleted or replaced while this process had it open');
      } catch (error) {
        for (const { name } of projections) damage(name, error);
      }
      return projections.map(({ name, version }) => {
        const row = known.find((each) => each.name === name && each.version === version);
        const { position = 0, updatedAt = longAgo, status = 'building', error: message = null } = row ?? {};
        const unreadable = damaged.get(name);
        if (unreadable) {
          const error = { message: unreadable.message, position, type: '' };
          return { name, version, position, status: 'stopped', error, updatedAt };
        }
        const error =
          message === null ? null : { message, position: row?.errorPosition ?? 0, type: row?.errorType ?? '' };
        return { name, version, position, status, error, updatedAt };
      });
    },
    reached(views, position, withinMs) {
      const names = [views].flat();
      if (names.some((name) => damaged.has(name))) return Promise.resolve(true);
      try {
        if (names.every((name) => (checkpoint(name)?.position ?? 0) >= position)) return Promise.resolve(true);
      } catch {
        // The caller asks the view next, and gets the error.
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const finish = (reached: boolean) => {
          waiting.delete(waiter);
          clearTimeout(deadline);
          resolve(reached);
        };
        const waiter = { names, position, done: () => finish(true) };
        const deadline = setTimeout(() => finish(false), withinMs);
        waiting.add(waiter);
        looking ??= setTimeout(look, lookEveryMs);
      });
    },
    async close() {
      closed = true;
      clearTimeout(looking);
      opened?.database.close();
    },
  };
}

interface CheckpointSelects {
  readonly one: Database.Statement<[name: string, version: number], CheckpointRow>;
  readonly all: Database.Statement<[], CheckpointRow>;
}

/** The inode of the file: another file may get the same name. */
function fileAt(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

/** Whether the file is at fault: SQLite refuses it, or a value in it is unreadable. A lock of another process is no fault. */
function isOfTheFile(error: unknown): boolean {
  if (error instanceof UnreadableValue) return true;
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && code.startsWith('SQLITE_') && !/^SQLITE_(BUSY|LOCKED)/.test(code);
}
