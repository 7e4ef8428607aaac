import type { ExpressionBuilder } from 'kysely';
import type { Projection } from '#event-sourcing';
import type { Instant, RelationshipEvents, RelationshipStatus } from '#customer-relationship';
import { nextOfRequest } from '#customer-relationship/statuses';
import { orNull, text, time, word, type RowOf } from './columns.js';
import { dueAtShown, dueColumns, dueOf, overdueSince, shownDueAt } from './due-columns.js';
import { explained } from './explained.js';
import { by } from './filters.js';
import { list } from './list.js';
import { foldedName } from './names.js';
import { keyOf, pairColumns, type Pair } from './pair.js';
import { matches, patternOf, startsWith } from './query.js';
import { blankRow, table, without } from './tables.js';
import { view } from './view.js';

const version = 1;
export const requestTable = `relationship_requests_v${version}` as const;

const statuses = [
  'requested',
  'requestExpired',
  'requestDeclined',
  'requestWithdrawn',
] as const satisfies readonly RelationshipStatus[];
type RequestStatus = (typeof statuses)[number];

/** The last request of a relationship, unless it was accepted, as events have left it. */
const columns = {
  ...pairColumns,
  name: text(),
  sortName: text(),
  domain: orNull(text()),
  market: text(),
  /** The reseller in a two-tier invitation. */
  indirectResellerName: orNull(text()),
  status: word(statuses),
  requestedAt: time(),
  /** The end of the time to answer it (inclusive, rule R29). */
  expiresAt: time(),
  /** When it was declined or withdrawn, or lapsed. */
  closedAt: orNull(time()),
  ...dueColumns(statuses),
};
type RequestRow = RowOf<typeof columns>;

export interface RelationshipRequestTables {
  readonly [requestTable]: RequestRow;
}

/** The change of the row that the event names, if there is one. Each view has its own, so that V8 sees rows of one shape. */
function change<Data>(patch: (data: Data) => Partial<RequestRow>) {
  return ({ [requestTable]: row }: { readonly [requestTable]?: RequestRow | undefined }, data: Data) =>
    row && { [requestTable]: { ...row, ...patch(data) } };
}

function closes<Field extends string>(status: RequestStatus, field: Field) {
  return change((data: { readonly [F in Field]: Instant }) => ({
    status,
    closedAt: data[field],
    ...dueOf<RequestStatus>(undefined),
  }));
}

/** The last request of each relationship. Acceptance takes it off: then the customer list has the customer. */
export const relationshipRequestsProjection: Projection<RelationshipEvents, RelationshipRequestTables, Pair> = {
  name: 'relationship-requests',
  version,
  tables: {
    [requestTable]: table(columns, {
      key: ['partnerId', 'customerId'],
      indexes: [
        ['partnerId', 'status', 'expiresAt', 'customerId'],
        ['partnerId', 'status', 'sortName', 'customerId'],
        ['partnerId', 'status', 'requestedAt', 'customerId'],
        ['partnerId', 'dueAt', 'customerId'],
      ],
    }),
  },
  keys: (_, pair) => ({ [requestTable]: keyOf(pair) }),
  on: {
    ResellerRelationshipRequested: (_, { customer, market, indirectReseller, requestedAt, expiresAt }, pair) => ({
      [requestTable]: {
        ...blank,
        ...pair,
        name: customer.name,
        sortName: foldedName(customer.name),
        domain: customer.domain?.toLowerCase() ?? null,
        market,
        indirectResellerName: indirectReseller?.name ?? null,
        status: 'requested',
        requestedAt,
        expiresAt,
        ...dueOf(nextOfRequest({ expiresAt })),
      },
    }),
    ResellerRelationshipRequestDeclined: closes('requestDeclined', 'declinedAt'),
    ResellerRelationshipRequestWithdrawn: closes('requestWithdrawn', 'withdrawnAt'),
    ResellerRelationshipRequestExpired: closes('requestExpired', 'expiredAt'),
    ResellerRelationshipEstablished: () => ({ [requestTable]: null }),
  },
};

const blank = blankRow(columns);

/** A request as of the time of the request for the list: past its end it has lapsed, even before that is recorded. */
const shown = { ...without(columns, 'sortName', 'dueAt'), dueAt: shownDueAt };

/** The partner's requests that customers have not accepted. */
export const relationshipRequestList = list<RelationshipRequestTables>()({
  row: { name: 'RelationshipRequest', fields: shown },
  partnerWide: {
    path: 'relationship-requests',
    operation: 'listRelationshipRequests',
    summary: 'List relationship requests',
    answer: 'Requests for a relationship that have not been accepted.',
  },
  dependsOnClock: true,
  filters: {
    /** Default `open`: what the customer can still answer. */
    status: by.oneOf(['open', 'all', ...statuses] as const, 'Only those in this state.'),
    customerId: by.customer(),
    nameStartsWith: by.text(200, 'Only names that start so, in any case.', foldedName),
    nameContains: by.text(200, 'Only names that contain this, in any case.', (part) => patternOf(foldedName(part))),
    expiresFrom: by.time('Only what expires at this time or later.'),
    expiresUntil: by.time('Only what expires by then.'),
  },
  sorts: {
    expiresAt: ['expiresAt', 'customerId'],
    name: ['sortName', 'customerId'],
    requestedAt: ['requestedAt', 'customerId'],
  },
  query(tables, { partnerId, now, filter }) {
    const { status = 'open', customerId, nameStartsWith, nameContains, expiresFrom, expiresUntil } = filter;
    let query = tables.selectFrom(requestTable).selectAll().where('partnerId', '=', partnerId);
    if (customerId) query = query.where('customerId', '=', customerId);
    if (nameStartsWith) query = query.where(startsWith('sortName', nameStartsWith));
    if (nameContains) query = query.where(matches('sortName', nameContains));
    if (expiresFrom) query = query.where('expiresAt', '>=', expiresFrom);
    if (expiresUntil) query = query.where('expiresAt', '<=', expiresUntil);
    // Ends are inclusive. A negation is no range to SQLite, so it reads along the index of the sort, from the cursor on.
    const stands = (eb: ExpressionBuilder<RelationshipRequestTables, typeof requestTable>) =>
      eb.not(eb('expiresAt', '<', now));
    switch (status) {
      case 'all':
        return query;
      case 'open':
      case 'requested':
        return query.where('status', '=', 'requested').where(stands);
      case 'requestExpired':
        return query.where((eb) =>
          eb.or([
            eb('status', '=', 'requestExpired'),
            eb.and([eb('status', '=', 'requested'), eb('expiresAt', '<', now)]),
          ]),
        );
      case 'requestDeclined':
      case 'requestWithdrawn':
        return query.where('status', '=', status);
    }
  },
  show: (rows, { now }) =>
    rows.map((row) => {
      const { sortName: _, ...request } = requestRowAt(row, now);
      return { ...request, dueAt: dueAtShown(request.dueAt) };
    }),
});

/** A row of a request as of a time. */
export function requestRowAt(row: RequestRow, now: Instant): RequestRow {
  const closedAt = overdueSince(row, now);
  return closedAt === null ? row : { ...row, status: 'requestExpired', closedAt, ...dueOf<RequestStatus>(undefined) };
}

export const relationshipRequestsView = view({
  projection: relationshipRequestsProjection,
  lists: [relationshipRequestList],
  explains: [
    explained<RelationshipRequestTables>()({
      table: requestTable,
      kind: 'relationshipRequest',
      at: requestRowAt,
      operation: 'explainRelationshipRequest',
      summary: 'Explain a relationship request, or why there is none',
    }),
  ],
});
