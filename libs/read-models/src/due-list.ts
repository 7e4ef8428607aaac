import { sql, type AliasableExpression, type Expression, type Kysely } from 'kysely';
import type { ViewQueries } from '#event-sourcing';
import type { Instant } from '#customer-relationship';
import { clockCommands, type ClockCommand } from '#customer-relationship/statuses';
import { described, id, orNull, text, time, word } from './columns.js';
import { delegatedAdminGrantsProjection, grantParts, grantTable, type GrantTables } from './delegated-admin-grants.js';
import { boundaryBefore, dueAtShown, notedOf } from './due-columns.js';
import { by } from './filters.js';
import { itemParts, itemsProjection, itemTable, itemTypes, type ItemTables } from './items.js';
import { list, never } from './list.js';
import { pairColumns, tenant, type Pair } from './pair.js';
import { bound, viewQuery } from './query.js';
import {
  relationshipRequestsProjection,
  requestTable,
  type RelationshipRequestTables,
} from './relationship-requests.js';

// What comes next by time alone. Every row of three views has its next boundary, so nothing more is projected for it.

const nouns = [...itemTypes, 'grant', 'request'] as const;
type Noun = (typeof nouns)[number];

type DueTables = ItemTables & GrantTables & RelationshipRequestTables;

/** A thing with its next boundary. */
interface DueRow extends Pair {
  readonly item: Noun;
  /** Empty for a request: a relationship has one at most. */
  readonly itemId: string;
  readonly name: string;
  readonly dueAt: Instant;
  readonly statusThen: string;
  readonly dueCommand: ClockCommand;
}

interface Part {
  readonly table: typeof itemTable | typeof grantTable | typeof requestTable;
  /** Keeps rows apart in its indexes, so each of these is read by itself. */
  readonly noted?: readonly string[];
  readonly nouns: readonly Noun[];
  readonly item: AliasableExpression<Noun>;
  readonly itemId: AliasableExpression<string>;
}

// Cast, because the parts must agree in the affinity of each column: otherwise SQLite does not merge them along their
// indexes, but collects all that is due and sorts it.
const constant = <V extends string>(value: V) => sql<V>`cast(${sql.lit(value)} as text)`;

const parts: readonly Part[] = [
  { table: itemTable, noted: notedOf(itemParts), nouns: itemTypes, item: sql.ref('item'), itemId: sql.ref('itemId') },
  {
    table: grantTable,
    noted: notedOf(grantParts),
    nouns: ['grant'],
    item: constant('grant'),
    itemId: sql.ref('grantId'),
  },
  { table: requestTable, nouns: ['request'], item: constant('request'), itemId: constant('') },
];

/** A partner's things that time changes: of all customers along the indexes by boundary, or of one. */
function dueRows(
  tables: Kysely<DueTables>,
  { partnerId, customerId, item, end: [operator, end] = ['<', sql.val(never)] }: DueFilter,
) {
  // What one customer has is found by key and sorted: the cast hides the boundary from the planner, which would read
  // along the index through what all customers have.
  const dueAt = customerId ? sql<Instant>`cast("dueAt" as text)` : sql.ref<Instant>('dueAt');
  const rows = parts
    .filter((part) => item === undefined || part.nouns.includes(item))
    .flatMap((part) => {
      // The parts differ in the table alone.
      const of = tables.selectFrom(part.table as typeof itemTable);
      const ofPartner = of.where('partnerId', '=', partnerId).where(dueAt, operator, end);
      const read = customerId
        ? [ofPartner.where('customerId', '=', customerId)]
        : (part.noted?.map((noted) => ofPartner.where('passedInto', '=', noted)) ?? [ofPartner]);
      return read.map((rows) =>
        rows
          .select(['partnerId', 'customerId', 'name', 'statusThen', 'dueCommand'])
          .select([part.item.as('item'), part.itemId.as('itemId'), dueAt.as('dueAt')])
          .$castTo<DueRow>(),
      );
    })
    .reduce((all, more) => all.unionAll(more));
  const query = tables.selectFrom(rows.as('due')).selectAll();
  return item ? query.where('item', '=', item) : query;
}

interface DueFilter {
  readonly partnerId: Expression<string>;
  readonly customerId?: Expression<string> | undefined;
  readonly item?: Noun | undefined;
  /** Boundaries before it, or up to it. Only one end: with two, SQLite may take the later one to search by. */
  readonly end?: readonly ['<' | '<=', Expression<Instant>] | undefined;
}

const shown = {
  ...pairColumns,
  item: word(nouns),
  itemId: described(orNull(id()), 'Null for a request.'),
  name: described(orNull(text()), 'Of a request, the customer’s. Null for DAP, which has no name.'),
  dueAt: described(time(), 'The first instant at which the clock’s command is accepted.'),
  command: word(clockCommands),
  statusThen: text(),
};

/** What comes next for a partner by time alone: each thing with its next boundary, overdue ones first. */
export const dueList = list<DueTables>()({
  row: { name: 'DueItem', fields: shown },
  partnerWide: {
    path: 'due',
    operation: 'listDue',
    summary: 'List what comes next by time alone',
    answer: 'What time brings about next, of all customers.',
  },
  ofCustomer: {
    path: 'due',
    operation: 'listDueOfCustomer',
    summary: 'List what comes next for a customer by time alone',
    answer: 'What time brings about next, of the customer.',
  },
  reads: [itemsProjection, delegatedAdminGrantsProjection],
  dependsOnClock: true,
  filters: {
    item: by.oneOf(nouns, 'Only items of this type.'),
    overdue: by.flag('Only those that are overdue, or only those that are not.'),
    dueFrom: by.time('Only what falls due then or later.', boundaryBefore),
    dueUntil: by.time('Only what falls due by then.', boundaryBefore),
    customerId: by.customer(),
  },
  sorts: { dueAt: ['dueAt', 'customerId', 'item', 'itemId'] },
  query(tables, { partnerId, now, hasCursor, filter: { item, overdue, dueFrom, dueUntil, customerId } }) {
    const end = dueUntil ? (['<=', dueUntil] as const) : overdue ? (['<', now] as const) : undefined;
    let query = dueRows(tables, { partnerId, customerId, item, end });
    if (dueUntil && overdue) query = query.where('dueAt', '<', now);
    // A negation is no range: SQLite then searches from the cursor on, and not from here.
    const from = (start: Expression<Instant>) =>
      hasCursor ? sql<boolean>`not "dueAt" < ${start}` : sql<boolean>`"dueAt" >= ${start}`;
    if (overdue === false) query = query.where(from(now));
    return dueFrom ? query.where(from(dueFrom)) : query;
  },
  show: (rows) =>
    rows.map(({ partnerId, customerId, item, itemId, name, dueAt, dueCommand, statusThen }) => ({
      partnerId,
      customerId,
      item,
      itemId: itemId || null,
      name: name || null,
      dueAt: dueAtShown(dueAt)!,
      command: dueCommand,
      statusThen,
    })),
});

/** A thing whose boundary comes up, for the timekeeper. */
export interface DueItem extends Pair {
  readonly noun: Noun;
  /** Empty for a request. */
  readonly id: string;
  readonly command: ClockCommand;
  /** The boundary (inclusive). */
  readonly dueAt: Instant;
}

const order = ['dueAt', 'customerId', 'item', 'itemId'] as const;
const start = order.map(() => '');

function first(limit: number, ofCustomer = false) {
  return viewQuery((tables: Kysely<DueTables>) => {
    const columns = sql.join(order.map((name) => sql.ref(name)));
    const last = sql.join(order.map((name) => bound(`after ${name}`)));
    let query = dueRows(tables, {
      partnerId: bound<string>('partnerId'),
      customerId: ofCustomer ? bound<string>('customerId') : undefined,
      end: ['<', bound<Instant>('before')],
    }).where(sql<boolean>`(${columns}) > (${last})`);
    for (const name of order) query = query.orderBy(name);
    return query.limit(sql.lit(limit));
  });
}

const atOnce = 100;
const nextOnes = first(atOnce);
const nextOne = first(1);
const nextOneOfCustomer = first(1, true);

function asked(partnerId: string, before: Instant, after: readonly string[]) {
  return {
    partnerId: tenant(partnerId),
    before,
    ...Object.fromEntries(order.map((name, index) => [`after ${name}`, after[index]])),
  };
}

/**
 * What of a partner has a boundary before a time, in due order: the first hundred, or the first hundred after one of
 * them. The cost does not depend on the size of the book.
 */
export function dueBefore(
  queries: ViewQueries,
  { partnerId, before, after }: { readonly partnerId: string; readonly before: Instant; readonly after?: DueItem },
): readonly DueItem[] {
  const last = after ? [after.dueAt, after.customerId, after.noun, after.id] : start;
  return queries
    .all(nextOnes, asked(partnerId, before, last))
    .map(({ partnerId, customerId, item, itemId, dueCommand, dueAt }) => ({
      partnerId,
      customerId,
      noun: item,
      id: itemId,
      command: dueCommand,
      dueAt,
    }));
}

/** The first boundary of a partner, or of one of its customers, passed or not; undefined where time changes nothing. */
export function earliestDue(queries: ViewQueries, partnerId: string, customerId?: string): Instant | undefined {
  const values = asked(partnerId, never, start);
  const [found] = customerId
    ? queries.all(nextOneOfCustomer, { ...values, customerId: tenant(customerId) })
    : queries.all(nextOne, values);
  return found?.dueAt;
}

/** The views that these questions read. */
export const dueViews = [
  relationshipRequestsProjection.name,
  itemsProjection.name,
  delegatedAdminGrantsProjection.name,
] as const;
