import type { AnyTable, ColumnType } from '#event-sourcing';

// The one place that knows how SQLite stores the values of a view's columns: booleans as 0 and 1, structured values as JSON.
// Another database needs its own version of this file and of views-file.ts; views and queries stay the same.

export function sqliteType(type: ColumnType): string {
  const storage = type.startsWith('integer') || type.startsWith('boolean') ? 'INTEGER' : 'TEXT';
  return type.endsWith('?') ? storage : `${storage} NOT NULL`;
}

/** A value of any column as it is bound. */
export function toSqlite(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
}

/** How a value of a column is read back; undefined where it needs no conversion. */
export function fromSqlite(type: ColumnType): ((value: unknown) => unknown) | undefined {
  if (type.startsWith('boolean')) return (value) => (value === null ? null : value === 1);
  if (type.startsWith('json')) return (value) => (value === null ? null : (JSON.parse(value as string) as unknown));
  return undefined;
}

/** Writes a table's rows as bindable values and reads them back, in the order of its columns. */
export function rowCodec({ columns }: AnyTable) {
  const names = Object.keys(columns);
  const decoders = names.map((name) => fromSqlite(columns[name]!));
  return {
    names,
    /** Appends the values of a row to those that one statement binds. */
    addValues: (row: object, to: unknown[]): void => {
      for (const name of names) to.push(toSqlite((row as Record<string, unknown>)[name]));
    },
    toRow: (values: readonly unknown[]): object => {
      const row: Record<string, unknown> = {};
      for (let index = 0; index < names.length; index++) {
        const decode = decoders[index];
        row[names[index]!] = decode ? decode(values[index]) : values[index];
      }
      return row;
    },
  };
}
