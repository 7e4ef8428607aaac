import { sql, type Expression, type Kysely } from 'kysely';
import type { ViewQueries } from '#event-sourcing';
import type { BlockerKind, Instant } from '#customer-relationship';
import { described, object, orNull, time, whole, word, type Column } from './columns.js';
import { dueAtShown, dueIn } from './due-columns.js';
import { blockerKinds, blockingIn, itemTable, itemTermTable, type ItemTables } from './items.js';
import { boundRemoval, never, removalValues, type Asked, type Circumstances } from './list.js';
import type { Pair } from './pair.js';
import { bound, viewQuery } from './query.js';

// What blocks the removal of a relationship at a time, counted over the rows of its items: the single read of the readiness
// names each of them and says what to do.

const perKind = Object.fromEntries(blockerKinds.map((kind) => [kind, whole()])) as Record<BlockerKind, Column<number>>;

export const readiness = object({
  status: word(['ready', 'blocked'] as const),
  blockers: described(whole(), 'How many items block the removal.'),
  byKind: described(object(perKind), 'As what they block it.'),
  dueAt: described(
    orNull(time()),
    'The first instant at which time alone has changed one of them; null where it changes none.',
  ),
  overdueSince: described(
    orNull(time()),
    'The end of one of them that has passed while what follows from it has not been recorded.',
  ),
});
type Readiness = NonNullable<(typeof readiness)['value']>;

/** Under these names, a query that sorts by blockers has the columns that it sorts by. */
export interface ReadinessOrder {
  readonly blockerOrder: string;
  readonly blockersDueAt: string;
}

type Removal = Asked['removal'];

/** Items with the terms of their relationship, as `i` and `t`. */
function itemsIn(tables: Kysely<ItemTables>) {
  return tables
    .selectFrom(`${itemTable} as i`)
    .innerJoin(`${itemTermTable} as t`, (join) =>
      join.onRef('t.partnerId', '=', 'i.partnerId').onRef('t.customerId', '=', 'i.customerId'),
    );
}

/** The end after which an item blocks no more, or as something else. Software may block until its window closes (rule R8). */
function endOf({ softwarePastWindowBlocks }: Removal) {
  return sql<Instant>`iif(i.item = 'softwarePurchase' and not ${softwarePastWindowBlocks},
    min(i.dueAt, i.cancellationAllowedUntil), i.dueAt)`;
}

/** The first end of the items that is still to come. */
function nextEnd(now: Expression<Instant>, removal: Removal) {
  return sql<Instant | null>`min(iif(${dueIn('i', now).passed}, null, ${endOf(removal)}))`;
}

/** The condition of a query with a customer `c`. */
export function hasBlockers(tables: Kysely<ItemTables>, now: Expression<Instant>, removal: Removal, has: boolean) {
  const blockers = itemsIn(tables)
    .select(sql.lit(1).as('one'))
    .where(sql<boolean>`i.partnerId = c.partnerId and i.customerId = c.customerId`)
    .where(blockingIn(now, removal).any);
  return has ? sql<boolean>`exists ${blockers}` : sql<boolean>`not exists ${blockers}`;
}

// A cursor has texts only, and these sort as their numbers do.
const digits = 9;
const asText = (count: Expression<number>) => sql<string>`printf(${sql.lit(`%0${digits}d`)}, ${count})`;

/** By customer, what a list is sorted by; customers without blockers are missing. */
export function blockersBy(
  tables: Kysely<ItemTables>,
  partnerId: Expression<string>,
  now: Expression<Instant>,
  removal: Removal,
) {
  return itemsIn(tables)
    .where('i.partnerId', '=', partnerId)
    .where(blockingIn(now, removal).any)
    .groupBy('i.customerId')
    .select(['i.customerId', asText(sql`count(*)`).as('blockerOrder'), nextEnd(now, removal).as('dueAt')]);
}

export const noBlockers = '0'.repeat(digits);

const now = bound<Instant>('now');
const blocking = blockingIn(now, boundRemoval);
const counts = viewQuery((tables: Kysely<ItemTables>) =>
  itemsIn(tables)
    .where('i.partnerId', '=', bound<string>('partnerId'))
    .where(sql<boolean>`i.customerId in (select value from json_each(${bound('customerIds')}))`)
    .where(blocking.any)
    .groupBy('i.customerId')
    .select('i.customerId')
    .select(blockerKinds.map((kind) => sql<number>`sum(${blocking.kinds[kind]})`.as(kind)))
    .select([
      nextEnd(now, boundRemoval).as('dueAt'),
      sql<Instant | null>`min(iif(${dueIn('i', now).passed}, i.dueAt, null))`.as('overdueSince'),
    ]),
);

/** The readiness of the customers of a page, which are a partner's. */
export function readinessOf(
  queries: ViewQueries,
  pairs: readonly Pair[],
  at: Circumstances,
): (pair: Pair) => Readiness {
  const [first] = pairs;
  if (!first) return () => ready;
  const { partnerId } = first;
  const customerIds = JSON.stringify(pairs.map(({ customerId }) => customerId));
  const removal = Object.fromEntries(removalValues.map((name) => [name, at.removal[name]]));
  const found = queries.all(counts, { partnerId, customerIds, now: at.now, ...removal });
  const known = new Map(found.map((row) => [row.customerId, blockedBy(row)]));
  return ({ customerId }) => known.get(customerId) ?? ready;
}

type Counted = Readonly<Record<BlockerKind, number>> & {
  readonly dueAt: Instant | null;
  readonly overdueSince: Instant | null;
};

function blockedBy({ dueAt, overdueSince, ...row }: Counted): Readiness {
  const byKind = Object.fromEntries(blockerKinds.map((kind) => [kind, row[kind]])) as Record<BlockerKind, number>;
  const blockers = Object.values(byKind).reduce((sum, count) => sum + count);
  return { status: 'blocked', blockers, byKind, dueAt: dueAtShown(dueAt ?? never), overdueSince };
}

const ready: Readiness = {
  status: 'ready',
  blockers: 0,
  byKind: Object.fromEntries(blockerKinds.map((kind) => [kind, 0])) as Record<BlockerKind, number>,
  dueAt: null,
  overdueSince: null,
};
