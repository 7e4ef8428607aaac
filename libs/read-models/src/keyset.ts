import { sql, type SelectQueryBuilder } from 'kysely';

/** The values of a list's sort columns and key in the last row of a page. */
export type Cursor = readonly string[];

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Asks for the next page; absent on the last one. */
  readonly next?: Cursor;
}

export interface PageRequest {
  /** 1 to 200; default 50. */
  readonly limit?: number;
  /** `next` of the page before, of the same query. */
  readonly after?: Cursor;
}

export const maxPageSize = 200;

/** The cursor is not one that this query gave out. */
export class InvalidCursor extends Error {
  override readonly name = 'InvalidCursor';
}

/**
 * One page by keyset: rows behind the cursor in the order of columns that an index has and that together are unique,
 * none of them null. A page anywhere in a list costs the same, and rows that come and go meanwhile shift nothing.
 * @throws InvalidCursor
 * @throws RangeError for a limit outside 1 to 200
 */
export async function keysetPage<DB, TB extends keyof DB, O extends object>(
  query: SelectQueryBuilder<DB, TB, O>,
  columns: readonly (keyof O & string)[],
  { limit = 50, after }: PageRequest,
  { direction = 'asc', table }: { readonly direction?: 'asc' | 'desc'; readonly table?: string } = {},
): Promise<Page<O>> {
  if (!Number.isInteger(limit) || limit < 1 || limit > maxPageSize)
    throw new RangeError(`A page has 1 to ${maxPageSize} rows, not ${limit}`);
  const refs = columns.map((column) => sql.ref<string>(table ? `${table}.${column}` : column));
  let page = query;
  if (after) {
    if (after.length !== columns.length || !after.every((value) => typeof value === 'string'))
      throw new InvalidCursor(`Expected ${columns.length} texts`);
    const beyond = direction === 'asc' ? sql`>` : sql`<`;
    page = page.where(sql<boolean>`(${sql.join(refs)}) ${beyond} (${sql.join(after)})`);
  }
  for (const ref of refs) page = page.orderBy(ref, direction);
  const found = await page.limit(limit + 1).execute();
  if (found.length <= limit) return { rows: found };
  const rows = found.slice(0, limit);
  const last = rows.at(-1)!;
  return { rows, next: columns.map((column) => String(last[column])) };
}

/** Sorts behind every instant: what has no end ends last. */
export const never = '9999-12-31T23:59:59.999Z';

/** Texts that start so: a range, which an index serves (and `like` does not everywhere). */
export function startsWith(column: string, prefix: string) {
  // U+10FFFF sorts behind every character of a name in UTF-8, which is how both databases compare.
  return sql<boolean>`${sql.ref(column)} >= ${prefix} and ${sql.ref(column)} < ${`${prefix}\u{10ffff}`}`;
}

export function contains(column: string, part: string) {
  const pattern = `%${part.replace(/[\\%_]/g, '\\$&')}%`;
  return sql<boolean>`${sql.ref(column)} like ${pattern} escape '\\'`;
}
