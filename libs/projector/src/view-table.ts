import type Database from 'better-sqlite3';
import type { AnyTable, Key } from '#event-sourcing';
import { rowCodec } from './sqlite-values.js';

// SQLite takes 32,766 parameters in a statement; few enough rows keep each statement's text short.
const rowsPerStatement = 32;

/** The statements for the rows of one table, prepared once. */
export class ViewTable {
  private readonly codec: ReturnType<typeof rowCodec>;
  private readonly selecting: Database.Statement;
  private readonly removing: Database.Statement;
  private readonly savingOne: Database.Statement;
  private readonly savingMany: Database.Statement;

  constructor(database: Database.Database, name: string, table: AnyTable) {
    this.codec = rowCodec(table);
    const { names } = this.codec;
    const columns = names.map(quoted).join(', ');
    const rest = names.filter((column) => !table.key.includes(column));
    const byKey = table.key.map((column) => `${quoted(column)} = ?`).join(' AND ');
    const conflict =
      rest.length === 0
        ? 'NOTHING'
        : `UPDATE SET ${rest.map((column) => `${quoted(column)} = excluded.${quoted(column)}`).join(', ')}`;
    const upsert = (rows: number) =>
      database.prepare(
        `INSERT INTO ${quoted(name)} (${columns}) VALUES ` +
          Array<string>(rows)
            .fill(`(${names.map(() => '?').join(', ')})`)
            .join(', ') +
          ` ON CONFLICT (${table.key.map(quoted).join(', ')}) DO ${conflict}`,
      );
    this.selecting = database.prepare(`SELECT ${columns} FROM ${quoted(name)} WHERE ${byKey}`).raw();
    this.removing = database.prepare(`DELETE FROM ${quoted(name)} WHERE ${byKey}`);
    this.savingOne = upsert(1);
    this.savingMany = upsert(rowsPerStatement);
  }

  load(key: Key): object | undefined {
    const values = this.selecting.get(key) as unknown[] | undefined;
    return values && this.codec.toRow(values);
  }

  save(rows: readonly object[]): void {
    for (let from = 0; from < rows.length;) {
      const count = rows.length - from >= rowsPerStatement ? rowsPerStatement : 1;
      const values: unknown[] = [];
      for (const row of rows.slice(from, from + count)) this.codec.addValues(row, values);
      (count === 1 ? this.savingOne : this.savingMany).run(values);
      from += count;
    }
  }

  remove(keys: readonly Key[]): void {
    for (const key of keys) this.removing.run(key);
  }
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
