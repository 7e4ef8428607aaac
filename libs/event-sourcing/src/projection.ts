import type { RecordedEvent } from './event-store.js';
import type { MessageOf, Name } from './message.js';

type Stored<V> = [V] extends [string]
  ? 'text'
  : [V] extends [number]
    ? 'integer'
    : [V] extends [boolean]
      ? 'boolean'
      : 'json';

/** How a column is stored: `text`, `integer`, `boolean` or `json` (structured values); a `?` admits `null`. */
export type ColumnType<V = unknown> = unknown extends V
  ? `${'text' | 'integer' | 'boolean' | 'json'}${'' | '?'}`
  : `${Stored<NonNullable<V>>}${null extends V ? '?' : ''}`;

/** One table of a view. The columns are derived from the row's type: a column that is missing or wrong does not compile. */
export interface Table<Row extends object> {
  readonly columns: { readonly [C in keyof Row & string]: ColumnType<Row[C]> };
  /** The columns that name a row; texts, or whole numbers. */
  readonly key: readonly (keyof Row & string)[];
  /** Columns by which rows are listed, the key's as tie-break. */
  readonly indexes?: readonly (readonly (keyof Row & string)[])[];
  readonly passing?: Passing<keyof Row & string>;
}

/**
 * Rows that time changes without an event. Once the time in `at` has passed, the projector notes in `noted` what stands in
 * `into`, so that indexes which begin with the first column of the key and with `noted` keep such rows apart. It notes them
 * a while later, and for each server by itself: a query compares times all the same, and its answer never depends on the note.
 */
export interface Passing<Column extends string = string> {
  readonly at: Column;
  readonly into: Column;
  /** Empty until then; every change of the row empties it. There is an index by the first column of the key, this one, and `at`. */
  readonly noted: Column;
}

/** The values of a table's key columns, in their order. */
export type Key = readonly (string | number)[];

/** An event without its data: its place in the log, its id and its metadata. */
export type EventEnvelope = Omit<RecordedEvent, 'data'>;

/** The rows that an event is about, at most one of each table; absent where there is none. */
export type RowsOf<Tables> = { readonly [T in keyof Tables]?: Tables[T] | undefined };

/** The rows after the event: `null` removes a row; an absent table keeps its row. */
export type Changes<Tables> = { readonly [T in keyof Tables]?: Tables[T] | null };

/**
 * A view as pure functions from events to rows. `keys` names the rows that an event is about, at most one of each table, from
 * the event alone; `on[type]` returns them changed. A projection sees only the log, no clock and no policy, so live and
 * replayed rows are equal. `Subject` is parsed from the name of an event's stream, once for all projections.
 */
export interface Projection<Catalogue, Tables extends { readonly [T in keyof Tables]: object }, Subject> {
  /** Names the view; kebab-case. */
  readonly name: string;
  /** A change of shape or meaning gets the next number, and the view is rebuilt. */
  readonly version: number;
  /** By name, which ends in `_v` and the version. */
  readonly tables: { readonly [T in keyof Tables & string]: Table<Tables[T]> };
  readonly keys: (
    event: MessageOf<Catalogue>,
    subject: Subject,
    recorded: EventEnvelope,
  ) => { readonly [T in keyof Tables]?: Key };
  readonly on: {
    readonly [N in Name<Catalogue>]?: (
      rows: RowsOf<Tables>,
      data: Catalogue[N],
      subject: Subject,
      recorded: EventEnvelope,
    ) => Changes<Tables> | undefined;
  };
  /**
   * The step for every event of any name, instead of `on`. It does not get the data, so an event name or a schema of a newer
   * release does not stop the view.
   */
  readonly each?: (rows: RowsOf<Tables>, subject: Subject, recorded: EventEnvelope) => Changes<Tables> | undefined;
  /** Parses the names of the streams that the view is about, if they are not those of all other views. */
  readonly subjectOf?: (stream: string) => Subject | undefined;
}

/** A row of each table, where the tables are not known by type. */
type AnyRows<Absent> = Readonly<Record<string, object | Absent>>;

/** A projection whose tables are not known by type, for code that runs any projection. */
export interface AnyProjection<Catalogue, Subject> {
  readonly name: string;
  readonly version: number;
  readonly tables: Readonly<Record<string, AnyTable>>;
  readonly keys: (
    event: MessageOf<Catalogue>,
    subject: Subject,
    recorded: EventEnvelope,
  ) => Readonly<Record<string, Key>>;
  readonly on: Readonly<
    Record<
      string,
      (rows: AnyRows<undefined>, data: unknown, subject: Subject, recorded: EventEnvelope) => AnyRows<null> | undefined
    >
  >;
  readonly each?: (rows: AnyRows<undefined>, subject: Subject, recorded: EventEnvelope) => AnyRows<null> | undefined;
  readonly subjectOf?: (stream: string) => Subject | undefined;
}

export interface AnyTable {
  readonly columns: Readonly<Record<string, ColumnType>>;
  readonly key: readonly string[];
  readonly indexes?: readonly (readonly string[])[];
  readonly passing?: Passing;
}

/** Forgets the types of a projection's tables. */
export function anyProjection<Catalogue, Tables extends { readonly [T in keyof Tables]: object }, Subject>(
  projection: Projection<Catalogue, Tables, Subject>,
): AnyProjection<Catalogue, Subject> {
  return projection as unknown as AnyProjection<Catalogue, Subject>;
}

/** A row's name in memory. Only the last part of a key is free text, so no two keys are joined to the same string. */
export function rowName(key: Key): string {
  let name = String(key[0]!);
  for (let index = 1; index < key.length; index++) name += `\u0000${key[index]!}`;
  return name;
}

/** The rows of a view, as the events so far have left them. */
export interface Rows {
  /** `name` is the {@link rowName} of `key`. */
  readonly get: (table: string, key: Key, name: string) => object | undefined;
  /** `null` removes it. */
  readonly set: (table: string, key: Key, name: string, row: object | null) => void;
}

/**
 * Applies one event to a view; an event that the view has no step for changes nothing. Nothing is changed if it throws.
 * @throws TypeError for a row that its table would refuse. It is found here and not by the database, so that the event at which
 * a view stops does not depend on the end of a batch.
 */
export function project<Catalogue, Subject>(
  projection: AnyProjection<Catalogue, Subject>,
  rows: Rows,
  event: MessageOf<Catalogue>,
  subject: Subject,
  recorded: EventEnvelope,
): void {
  const { each } = projection;
  const step = projection.on[event.type];
  if (!step && !each) return;
  const keys = projection.keys(event, subject, recorded);
  const touched = touchedRowsOf.getOrInsertComputed(projection.tables, touchedRows);
  touched.start(keys, rows);
  const changes = each ? each(touched.rows, subject, recorded) : step!(touched.rows, event.data, subject, recorded);
  for (const table in changes) {
    const key = keys[table];
    if (!key) throw new TypeError(`${event.type} does not name the row of ${table} that it changes`);
    const row = changes[table];
    if (row) requireFits(table, projection.tables[table]!, key, row, touched.before(table));
  }
  for (const table in changes) rows.set(table, keys[table]!, rowName(keys[table]!), changes[table]!);
}

interface TouchedRows {
  readonly start: (keys: Readonly<Record<string, Key>>, rows: Rows) => void;
  /** A row is looked up when a step reads it: a step that only writes it costs no query. */
  readonly rows: AnyRows<undefined>;
  /** The row, if the step has read it. */
  readonly before: (table: string) => object | undefined;
}

const touchedRowsOf = new WeakMap<AnyProjection<never, never>['tables'], TouchedRows>();

/** Made once for all events of a view: steps are synchronous, and none keeps it. */
function touchedRows(tables: Readonly<Record<string, AnyTable>>): TouchedRows {
  let keys: Readonly<Record<string, Key>>;
  let source: Rows;
  let read: Record<string, object | undefined> = {};
  const rows = {};
  for (const table of Object.keys(tables))
    Object.defineProperty(rows, table, {
      get() {
        const key = keys[table];
        if (!key) return undefined;
        return (read[table] ??= source.get(table, key, rowName(key)));
      },
    });
  return {
    start(ofEvent, from) {
      keys = ofEvent;
      source = from;
      read = {};
    },
    rows,
    before: (table) => read[table],
  };
}

const columnsOf = new WeakMap<AnyTable, readonly (readonly [string, ColumnType])[]>();

function requireFits(name: string, table: AnyTable, key: Key, row: object, before: object | undefined): void {
  const columns = columnsOf.getOrInsertComputed(table, (known) => Object.entries(known.columns));
  const values = row as Readonly<Record<string, unknown>>;
  const known = before as Readonly<Record<string, unknown>> | undefined;
  for (const [column, type] of columns) {
    const value = values[column];
    // A value that the step has kept was checked before.
    if (known && known[column] === value) continue;
    if (!fits(value, type)) throw new TypeError(`${name}.${column} is ${type}, not ${String(value)}`);
  }
  for (let index = 0; index < key.length; index++)
    if (values[table.key[index]!] !== key[index])
      throw new TypeError(`A row of ${name} has another key than its event names`);
}

function fits(value: unknown, type: ColumnType): boolean {
  if (value === null) return type.endsWith('?');
  switch (type) {
    case 'text':
    case 'text?':
      return typeof value === 'string';
    case 'integer':
    case 'integer?':
      return Number.isSafeInteger(value);
    case 'boolean':
    case 'boolean?':
      return typeof value === 'boolean';
    case 'json':
    case 'json?':
      return typeof value === 'object';
  }
}
