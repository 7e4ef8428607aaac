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
}

/** The values of a table's key columns, in their order. */
export type Key = readonly (string | number)[];

/** Where an event stands in the log, and what stands there with it: who, when, under which id. */
export type EventEnvelope = Omit<RecordedEvent, 'data'>;

/** Rows that an event is about, each of another table; absent where there is none. */
export type RowsOf<Tables> = { readonly [T in keyof Tables]?: Tables[T] | undefined };

/** What an event makes of them: `null` removes a row, a table left out keeps it. */
export type Changes<Tables> = { readonly [T in keyof Tables]?: Tables[T] | null };

/**
 * A view as a pure table from event to rows. `keys` names the rows that an event is about, at most one of each table, from
 * the event alone, so that the rows of a whole batch are loaded at once; `on[type]` says what becomes of them. It sees
 * the log and nothing else: no clock, no policy, so live and replay are the same thing. `Subject` is what the name of
 * an event's stream says, read once for all projections.
 */
export interface Projection<Catalogue, Tables extends { readonly [T in keyof Tables]: object }, Subject> {
  /** Names the view; kebab-case. */
  readonly name: string;
  /** A change of shape or meaning gets the next number: tables of another version are built anew. */
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
   * For a view of what all events have in common: in place of `on`, the step for every event, whatever its name. The data
   * are not read, so that a name or a schema of a newer release does not stop it.
   */
  readonly each?: (rows: RowsOf<Tables>, subject: Subject, recorded: EventEnvelope) => Changes<Tables> | undefined;
  /** Which streams the view is about, and what their names say, if it is not what all views are about. */
  readonly subjectOf?: (stream: string) => Subject | undefined;
}

/** A projection whose tables are not known by type: what runs projections takes any of them. */
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
      (
        rows: Readonly<Record<string, object | undefined>>,
        data: unknown,
        subject: Subject,
        recorded: EventEnvelope,
      ) => Readonly<Record<string, object | null>> | undefined
    >
  >;
  readonly each?: (
    rows: Readonly<Record<string, object | undefined>>,
    subject: Subject,
    recorded: EventEnvelope,
  ) => Readonly<Record<string, object | null>> | undefined;
  readonly subjectOf?: (stream: string) => Subject | undefined;
}

export interface AnyTable {
  readonly columns: Readonly<Record<string, ColumnType>>;
  readonly key: readonly string[];
  readonly indexes?: readonly (readonly string[])[];
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
 * Applies one event to a view; of an event whose name the view has no step for, nothing. Nothing is changed if it throws.
 * @throws TypeError for a row that its table would refuse. Found here and not by the database, so that where a view stops
 * does not hang on where a batch ends.
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
  const touched = touchedRows(projection.tables);
  touched.begin(keys, rows);
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
  readonly begin: (keys: Readonly<Record<string, Key>>, rows: Rows) => void;
  /** A row is looked up when a step asks for it: one that writes a row without reading it costs no query. */
  readonly rows: Readonly<Record<string, object | undefined>>;
  /** The row, if the step has asked for it. */
  readonly before: (table: string) => object | undefined;
}

const touchedRowsOf = new WeakMap<object, TouchedRows>();

/** One for all events of a view: steps are synchronous, and none keeps it. */
function touchedRows(tables: Readonly<Record<string, AnyTable>>): TouchedRows {
  const made = touchedRowsOf.get(tables);
  if (made) return made;
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
  const touched: TouchedRows = {
    begin(ofEvent, from) {
      keys = ofEvent;
      source = from;
      read = {};
    },
    rows,
    before: (table) => read[table],
  };
  touchedRowsOf.set(tables, touched);
  return touched;
}

const columnsOf = new WeakMap<AnyTable, readonly (readonly [string, ColumnType])[]>();

function requireFits(name: string, table: AnyTable, key: Key, row: object, before: object | undefined): void {
  let columns = columnsOf.get(table);
  if (!columns) {
    columns = Object.entries(table.columns);
    columnsOf.set(table, columns);
  }
  const values = row as Readonly<Record<string, unknown>>;
  const known = before as Readonly<Record<string, unknown>> | undefined;
  for (const [column, type] of columns) {
    const value = values[column];
    // What the row has kept was fit before.
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
