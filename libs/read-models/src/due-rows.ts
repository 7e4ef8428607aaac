import type { ViewQueries, ViewQuery } from '#event-sourcing';
import type { Instant } from '#customer-relationship';
import type { ClockCommand } from '#customer-relationship/statuses';
import { sql, type RawBuilder } from 'kysely';
import { never } from './list.js';
import { tenant } from './pair.js';
import { bound, viewQuery } from './query.js';
import { relationshipRequestsProjection, requestTable } from './relationship-requests.js';

// What falls due when, for who records it: the boundaries of every row that has one, whatever it is a row of. Each table has
// them in an index of their own, so nothing is read but what is due.

export type DueNoun = 'request' | 'subscription' | 'reservation' | 'softwarePurchase' | 'savingsPlan' | 'grant';

/** A thing of a relationship with its next boundary in time. */
export interface DueRow {
  readonly customerId: string;
  readonly noun: DueNoun;
  /** Empty for the request: a relationship has one at most. */
  readonly id: string;
  /** What records it. */
  readonly command: ClockCommand;
  /** The boundary; it has passed from the instant after it. */
  readonly dueAt: Instant;
}

/** The boundaries that one view knows. */
export interface DueRows {
  readonly view: string;
  /** Those of a partner that lie before a time, in their order, after one of them; a page, which is not full at the end. */
  readonly before: (queries: ViewQueries, partnerId: string, time: Instant, after?: DueRow) => readonly DueRow[];
  /** The first of a partner, passed or not. */
  readonly earliest: (queries: ViewQueries, partnerId: string) => Instant | undefined;
}

export const duePageSize = 100;

type Tables = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** @param idColumns of the noun and the id, in the order of the table's index after `partnerId`, `dueAt` and `customerId` */
function dueRowsOf(
  view: string,
  table: string,
  { noun, id }: { readonly noun: RawBuilder<DueNoun>; readonly id: RawBuilder<string> },
  idColumns: readonly string[],
): DueRows {
  const order = ['dueAt', 'customerId', ...idColumns];
  const ofPartner = (limit: number) =>
    viewQuery<Tables, DueRow>((tables) => {
      let query = tables
        .selectFrom(table)
        .select(['customerId', 'dueAt', sql.ref<ClockCommand>('dueCommand').as('command')])
        .select([noun.as('noun'), id.as('id')])
        .where('partnerId', '=', bound<string>('partnerId'))
        .where('dueAt', '<', bound<Instant>('time'))
        .where(sql<boolean>`(${columns(order)}) > (${sql.join(order.map((name) => bound(`after ${name}`)))})`);
      for (const name of order) query = query.orderBy(name);
      return query.limit(sql.lit(limit));
    });
  const page: ViewQuery<DueRow> = ofPartner(duePageSize);
  const first: ViewQuery<DueRow> = ofPartner(1);
  // Every text comes after an empty one.
  const valuesOf = (partnerId: string, time: Instant, after?: DueRow) => ({
    partnerId: tenant(partnerId),
    time,
    'after dueAt': after?.dueAt ?? '',
    'after customerId': after?.customerId ?? '',
    'after item': after?.noun ?? '',
    'after itemId': after?.id ?? '',
    'after grantId': after?.id ?? '',
  });
  return {
    view,
    before: (queries, partnerId, time, after) => queries.all(page, valuesOf(partnerId, time, after)),
    earliest: (queries, partnerId) => queries.all(first, valuesOf(partnerId, never))[0]?.dueAt,
  };
}

function columns(names: readonly string[]) {
  return sql.join(names.map((name) => sql.ref(name)));
}

const is = <Text extends string>(text: Text) => sql<Text>`${sql.lit(text)}`;

/** Of all views. */
export const dueRows: readonly DueRows[] = [
  dueRowsOf(relationshipRequestsProjection.name, requestTable, { noun: is('request'), id: is('') }, []),
];
