import type { Key, Rows } from '#event-sourcing';
import type { ViewsFile } from './views-file.js';

/**
 * The rows of a view in memory, read from the file when an event is about them, and written back together. The projector
 * is their only writer, so the rows in memory stay valid between transactions.
 */
export interface ViewRows extends Rows {
  /** Writes the changed rows, in the open transaction. */
  readonly write: () => void;
  /** The transaction is committed: the list of changed rows is dropped, and the cache may be emptied. */
  readonly committed: () => void;
  /** The transaction was rolled back: the rows in memory are wrong. */
  readonly forget: () => void;
}

export function viewRows(file: Pick<ViewsFile, 'load' | 'save' | 'remove'>, cachedRows: number): ViewRows {
  const known = new Map<string, Map<string, object>>();
  let changed = new Map<string, Map<string, { readonly key: Key; readonly row: object | null }>>();
  let count = 0;

  function forget(): void {
    known.clear();
    count = 0;
    changed = new Map();
  }

  function keep(table: string, name: string, row: object): void {
    const ofTable = tableIn(known, table);
    if (!ofTable.has(name)) count++;
    ofTable.set(name, row);
  }

  return {
    get(table, key, name) {
      const row = known.get(table)?.get(name);
      if (row) return row;
      // It is removed here, but not in the file yet.
      if (changed.get(table)?.has(name)) return undefined;
      const loaded = file.load(table, key);
      if (loaded) keep(table, name, loaded);
      return loaded;
    },
    set(table, key, name, row) {
      tableIn(changed, table).set(name, { key, row });
      if (row) keep(table, name, row);
      else if (known.get(table)?.delete(name)) count--;
    },
    write() {
      for (const [table, rows] of changed) {
        const kept: object[] = [];
        const gone: Key[] = [];
        for (const { key, row } of rows.values())
          if (row) kept.push(row);
          else gone.push(key);
        file.save(table, kept);
        file.remove(table, gone);
      }
    },
    committed() {
      changed = new Map();
      if (count > cachedRows) forget();
    },
    forget,
  };
}

function tableIn<Row>(tables: Map<string, Map<string, Row>>, table: string): Map<string, Row> {
  return tables.getOrInsertComputed(table, () => new Map());
}
