import type Database from 'better-sqlite3';
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import { Placeholder, type AnyTable, type ViewQueries, type ViewQuery } from '#event-sourcing';
import { fromSqlite, toSqlite } from './sqlite-values.js';

/** A stored value is not in the form in which its column is written. */
export class UnreadableValue extends Error {
  override readonly name = 'UnreadableValue';
}

// It has no connection: queries are only compiled.
const builder = new Kysely<never>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

interface Prepared {
  readonly statement: Database.Statement<unknown[]>;
  readonly parameters: readonly unknown[];
  readonly decoders: readonly { readonly name: string; readonly decode: (value: unknown) => unknown }[];
}

/** Answers the queries of views over a database. Each is compiled and prepared when it is first asked. */
export function viewQueries(
  database: Pick<Database.Database, 'prepare'>,
  projections: readonly { readonly tables: Readonly<Record<string, AnyTable>> }[],
): ViewQueries {
  const tables = new Map(projections.flatMap((projection) => Object.entries(projection.tables)));
  const known = new WeakMap<ViewQuery<object>, Prepared>();

  function prepare(query: ViewQuery<object>): Prepared {
    const { sql, parameters } = query.build(builder).compile();
    const statement = database.prepare<unknown[]>(sql);
    const decoders = statement.columns().flatMap(({ name, column, table }) => {
      const type = tables.get(table ?? '')?.columns[column ?? ''];
      const decode = type && fromSqlite(type);
      return decode ? [{ name, decode }] : [];
    });
    return { statement, parameters, decoders };
  }

  return {
    all<Row extends object>(query: ViewQuery<Row>, values: Readonly<Record<string, unknown>>): readonly Row[] {
      const { statement, parameters, decoders } = known.getOrInsertComputed(query, prepare);
      const bound = parameters.map((each) => toSqlite(each instanceof Placeholder ? values[each.name] : each));
      const rows = statement.all(bound) as Record<string, unknown>[];
      if (decoders.length > 0) for (const row of rows) decodeRow(row, decoders);
      return rows as Row[];
    },
  };
}

function decodeRow(row: Record<string, unknown>, decoders: Prepared['decoders']): void {
  try {
    for (const { name, decode } of decoders) row[name] = decode(row[name]);
  } catch (error) {
    throw new UnreadableValue((error as Error).message, { cause: error });
  }
}
