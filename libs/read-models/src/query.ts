import { Placeholder, type ViewQuery } from '#event-sourcing';
import { sql, type Expression, type Kysely, type SqlBool } from 'kysely';

/** A query of Kysely's builder, as far as it is needed here. */
interface Select<Row> {
  compile(): ReturnType<ReturnType<ViewQuery<object>['build']>['compile']>;
  execute(): Promise<Row[]>;
}

/** A query that is built once and asked many times. */
export function viewQuery<Tables, Row extends object>(build: (tables: Kysely<Tables>) => Select<Row>): ViewQuery<Row> {
  return { build };
}

/** A value that is bound, under this name, when the query is asked. */
export function bound<V>(name: string): Expression<V> {
  return sql<V>`${new Placeholder(name)}`;
}

/** Texts with this prefix. It is a range, which can use an index everywhere; `like` cannot. */
export function startsWith(column: string, prefix: Expression<string>) {
  // U+10FFFF sorts after every character of a name in UTF-8, which is how both databases compare.
  return sql<SqlBool>`${sql.ref(column)} >= ${prefix} and ${sql.ref(column)} < ${prefix} || ${'\u{10ffff}'}`;
}

/** Texts that match a {@link patternOf}. */
export function matches(column: string, pattern: Expression<string>) {
  return sql<SqlBool>`${sql.ref(column)} like ${pattern} escape '\\'`;
}

/** A `like` pattern for texts that contain a part. */
export function patternOf(part: string): string {
  return `%${part.replace(/[\\%_]/g, '\\$&')}%`;
}
