import type { ViewQueries, ViewQuery } from '#event-sourcing';
import type { BlockerKind, BlockingFacts, Instant, Policy } from '#customer-relationship';
import { sql, type Expression, type Kysely, type SelectQueryBuilder } from 'kysely';
import type { Columns, RowOf } from './columns.js';
import type { FiltersInQuery, Filters, FilterValues } from './filters.js';
import { tenant, type Pair } from './pair.js';
import { bound, viewQuery } from './query.js';

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
  /** `next` of the previous page of the same query. */
  readonly after?: Cursor;
}

export const maxPageSize = 200;

/** The cursor is not from an answer to this query. */
export class InvalidCursor extends Error {
  override readonly name = 'InvalidCursor';
}

/** Sorts after every instant: open-ended rows come last. */
export const never = '9999-12-31T23:59:59.999Z';

/** The facts besides the view that an answer depends on. */
export interface Circumstances {
  readonly now: Instant;
  /** The kind of blocker that an item is, if it blocks a removal under the policy in force. */
  readonly blockerOf: (facts: BlockingFacts) => BlockerKind | undefined;
  /** What that policy says of removals. */
  readonly removal: Policy['removal'];
}

export interface ListRequest<F extends Filters = Filters, Sort extends string = string> extends PageRequest {
  readonly partnerId: string;
  /** Default: the first sort of the list. */
  readonly sort?: Sort | undefined;
  readonly filter?: FilterValues<F>;
}

/** A route of a list. */
export interface ListRoute {
  /** Below `/v1`, or below a customer. */
  readonly path: string;
  /** The name of the operation: a verb first. */
  readonly operation: string;
  readonly summary: string;
  /** Describes the answer, in a sentence. */
  readonly answer: string;
}

/** Fields of a page of one customer besides its rows. */
export interface Beside {
  /** The name of the page's schema. */
  readonly page: string;
  readonly fields: Columns;
  readonly read: (queries: ViewQueries, pair: Pair) => object;
}

/** A view besides its own whose tables a list reads. */
export interface ReadView {
  readonly name: string;
  readonly version: number;
}

/** A list, as the server serves it. */
export interface List {
  /** The schema of a row: its name in the document and its fields. */
  readonly row: { readonly name: string; readonly fields: Columns };
  /** The name of a page's schema. */
  readonly page: string;
  /** Over all customers of a partner. */
  readonly partnerWide: ListRoute;
  /** Of one customer: the filter `customerId` is then part of the path. */
  readonly ofCustomer?: ListRoute & { readonly beside?: Beside };
  /** The other views whose tables it reads. An answer holds as of the one that is furthest behind. */
  readonly reads: readonly ReadView[];
  /** Rows change by the clock alone, so an entity tag of the view's position would be wrong. */
  readonly dependsOnClock: boolean;
  /** Rows depend on the policy in force. */
  readonly dependsOnPolicy: boolean;
  readonly filters: Filters;
  /** The first is the default. */
  readonly sorts: readonly string[];
  /**
   * A page of the list.
   * @throws InvalidCursor
   * @throws RangeError for a limit outside 1 to 200
   */
  read(queries: ViewQueries, request: ListRequest, at: Circumstances): Page<object>;
}

/** The request that a query is built for. */
export interface Asked<F extends Filters = Filters, Sort extends string = string> {
  readonly partnerId: Expression<string>;
  readonly now: Expression<Instant>;
  /** What the policy in force says of removals. */
  readonly removal: Readonly<Record<(typeof removalValues)[number], Expression<boolean>>>;
  readonly sort: Sort;
  readonly filter: FiltersInQuery<F>;
  /** For a further page: the cursor is where the search begins. */
  readonly hasCursor: boolean;
}

export const removalValues = ['suspendedNewCommerceBlocks', 'savingsPlansBlock', 'softwarePastWindowBlocks'] as const;
export const boundRemoval = Object.fromEntries(removalValues.map((name) => [name, bound(name)])) as Asked['removal'];

type ColumnsOf<Tables> = { [T in keyof Tables]: keyof Tables[T] & string }[keyof Tables];

interface Declaration<
  Tables,
  F extends Filters,
  Sort extends string,
  DB,
  TB extends keyof DB,
  Row,
  Fields extends Columns,
> extends Pick<List, 'partnerWide' | 'ofCustomer'> {
  readonly row: { readonly name: string; readonly fields: Fields };
  /** The name of a page's schema; default: the row's and `Page`. */
  readonly page?: string;
  readonly reads?: readonly ReadView[];
  readonly dependsOnClock?: true;
  readonly dependsOnPolicy?: true;
  /** The parameters of the list's routes besides those that all lists have. */
  readonly filters: F;
  /** Each by columns that an index has and that together are unique, none of them null. */
  readonly sorts: Readonly<Record<Sort, readonly ColumnsOf<Tables>[]>>;
  readonly direction?: 'asc' | 'desc';
  /** The alias of the table that the columns of the sorts are in, where the query joins others. */
  readonly sortedTable?: string;
  /** One query, or several with the same columns, which share no row: each is read along its index, and they are merged. */
  readonly query: (
    tables: Kysely<Tables>,
    asked: Asked<F, Sort>,
  ) => SelectQueryBuilder<DB, TB, Row> | readonly SelectQueryBuilder<DB, TB, Row>[];
  /** The rows as they are answered. */
  readonly show: (rows: readonly Row[], at: Circumstances, queries: ViewQueries) => readonly RowOf<Fields>[];
}

/** How many forms of one query are kept. The text of a form is compiled and prepared once, not for every request. */
const keptForms = 200;

/**
 * A list of a view. A page has the rows after a cursor (keyset pagination). So every page costs the same, and rows that are
 * added or removed meanwhile do not shift it.
 */
export function list<Tables>() {
  return <F extends Filters, Sort extends string, DB, TB extends keyof DB, Row extends object, Fields extends Columns>(
    declared: Declaration<Tables, F, Sort, DB, TB, Row, Fields>,
  ) => {
    const { filters, row, direction = 'asc', sortedTable, query: queryFor, show, sorts: orders, ...rest } = declared;
    const sorts = Object.keys(orders) as Sort[];
    const forms = new Map<string, ViewQuery<Row>>();

    /** Names a form of the query: its limit, its sort, whether it has a cursor, which filters are set, and the values in its text. */
    function formOf(sort: Sort, filter: FilterValues<F>, after: Cursor | undefined, limit: number): string {
      let form = `${limit} ${sort}${after ? '>' : ''}`;
      for (const name in filters) {
        const value = filter[name];
        if (value !== undefined) form += filters[name]!.bind ? ` ${name}` : ` ${name}=${String(value)}`;
      }
      return form;
    }

    function queryOf(sort: Sort, filter: FilterValues<F>, after: Cursor | undefined, limit: number): ViewQuery<Row> {
      const form = formOf(sort, filter, after, limit);
      let query = forms.get(form);
      if (!query) {
        if (forms.size >= keptForms) forms.clear();
        forms.set(form, (query = made(sort, filter, after !== undefined, limit)));
      }
      return query;
    }

    function made(sort: Sort, filter: FilterValues<F>, hasCursor: boolean, limit: number): ViewQuery<Row> {
      const set = Object.keys(filters).filter((name) => filter[name] !== undefined);
      const inQuery = set.map((name) => [name, filters[name]!.bind ? bound<string>(name) : filter[name]]);
      const asked: Asked<F, Sort> = {
        partnerId: bound<string>('partnerId'),
        now: bound<Instant>('now'),
        removal: boundRemoval,
        sort,
        filter: Object.fromEntries(inQuery) as FiltersInQuery<F>,
        hasCursor,
      };
      const columns = orders[sort].map((name) => sql.ref(sortedTable ? `${sortedTable}.${name}` : name));
      return viewQuery((tables: Kysely<Tables>) => {
        const beyond = direction === 'asc' ? sql`>` : sql`<`;
        const last = columns.map((_, index) => bound(`after ${index}`));
        const from = sql<boolean>`(${sql.join(columns)}) ${beyond} (${sql.join(last)})`;
        const parts = [queryFor(tables, asked)].flat().map((part) => (hasCursor ? part.where(from) : part));
        let query = parts.reduce((all, more) => all.unionAll(more));
        // What is merged is sorted by the columns of the result.
        const order = parts.length > 1 ? orders[sort].map((name) => sql.ref(name)) : columns;
        for (const column of order) query = query.orderBy(column, direction);
        // SQLite would prepare a statement with a bound limit again at every execution.
        return query.limit(sql.lit(limit + 1));
      });
    }

    return {
      page: `${row.name}Page`,
      reads: [],
      dependsOnClock: false,
      dependsOnPolicy: false,
      ...rest,
      row,
      filters,
      sorts,
      read(
        queries: ViewQueries,
        { partnerId, sort = sorts[0]!, filter = {}, limit = 50, after }: ListRequest<F, Sort>,
        at: Circumstances,
      ): Page<RowOf<Fields>> {
        if (!Number.isInteger(limit) || limit < 1 || limit > maxPageSize)
          throw new RangeError(`A page has 1 to ${maxPageSize} rows, not ${limit}`);
        const columns = orders[sort];
        if (after && (after.length !== columns.length || !after.every((value) => typeof value === 'string')))
          throw new InvalidCursor(`Expected ${columns.length} texts`);
        const values: Record<string, unknown> = { partnerId: tenant(partnerId), now: at.now };
        // Read only where the query has it: a past policy may be unknown.
        for (const name of removalValues) Object.defineProperty(values, name, { get: () => at.removal[name] });
        after?.forEach((value, index) => (values[`after ${index}`] = value));
        for (const name in filters) {
          const value = filter[name];
          if (value !== undefined) values[name] = filters[name]!.bind?.(value);
        }
        const found = queries.all(queryOf(sort, filter, after, limit), values);
        const rows = found.length > limit ? found.slice(0, limit) : found;
        const shown = show(rows, at, queries);
        if (found.length <= limit) return { rows: shown };
        const last = rows.at(-1) as Readonly<Record<string, unknown>>;
        return { rows: shown, next: columns.map((column) => String(last[column])) };
      },
    };
  };
}
