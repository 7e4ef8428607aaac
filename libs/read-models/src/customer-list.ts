import { sql } from 'kysely';
import type { Projection } from '#event-sourcing';
import type { RelationshipEvents } from '#customer-relationship';
import { described, flag, orNull, text, time, whole, word, type RowOf } from './columns.js';
import { explained } from './explained.js';
import { by } from './filters.js';
import { itemsProjection, type ItemTables } from './items.js';
import { list, never } from './list.js';
import { foldedName } from './names.js';
import { keyOf, pairColumns, type Pair } from './pair.js';
import { matches, patternOf, startsWith } from './query.js';
import { blockersBy, hasBlockers, noBlockers, readiness, readinessOf, type ReadinessOrder } from './readiness.js';
import { table, without } from './tables.js';
import { view } from './view.js';

const version = 1;
const customers = `customer_list_v${version}` as const;

/** A customer of a partner: its relationship is active, or requested and not answered yet. Requested ones are not listed. */
const columns = {
  ...pairColumns,
  name: text(),
  sortName: text(),
  domain: orNull(text()),
  market: text(),
  status: word(['requested', 'active']),
  /** 0 before the first acceptance. */
  relationshipTerm: whole(),
  /** Null while it is only requested. */
  establishedAt: orNull(time()),
  agreementConfirmed: flag(),
};

type CustomerRow = RowOf<typeof columns>;

interface CustomerListTables {
  readonly [customers]: CustomerRow;
}

/** The change of the row that the event names, if there is one. Each view has its own, so that V8 sees rows of one shape. */
function change<Data>(patch: (data: Data, row: CustomerRow) => Partial<CustomerRow>) {
  return ({ [customers]: row }: { readonly [customers]?: CustomerRow | undefined }, data: Data) =>
    row && { [customers]: { ...row, ...patch(data, row) } };
}

/** A partner's customers. A removal takes the customer off the list (rule R16), and so does a request that is not accepted. */
export const customerListProjection: Projection<RelationshipEvents, CustomerListTables, Pair> = {
  name: 'customer-list',
  version,
  tables: {
    [customers]: table(columns, {
      key: ['partnerId', 'customerId'],
      indexes: [
        ['partnerId', 'status', 'sortName', 'customerId'],
        ['partnerId', 'status', 'establishedAt', 'customerId'],
        ['partnerId', 'status', 'domain', 'sortName', 'customerId'],
      ],
    }),
  },
  keys: (_, pair) => ({ [customers]: keyOf(pair) }),
  on: {
    ResellerRelationshipRequested: (_, { customer: { name, domain }, market }, pair) => ({
      [customers]: {
        ...pair,
        name,
        sortName: foldedName(name),
        domain: domain?.toLowerCase() ?? null,
        market,
        status: 'requested',
        relationshipTerm: 0,
        establishedAt: null,
        agreementConfirmed: false,
      },
    }),
    ResellerRelationshipRequestDeclined: () => gone,
    ResellerRelationshipRequestWithdrawn: () => gone,
    ResellerRelationshipRequestExpired: () => gone,
    ResellerRelationshipEstablished: change(({ relationshipTerm, establishedAt }) => ({
      status: 'active',
      relationshipTerm,
      establishedAt,
    })),
    CustomerAgreementConfirmed: change(() => ({ agreementConfirmed: true })),
    CustomerProfileUpdated: change(({ name, domain }) => ({
      ...(name === undefined ? {} : { name, sortName: foldedName(name) }),
      ...(domain === undefined ? {} : { domain: domain.toLowerCase() || null }),
    })),
    ResellerRelationshipRemoved: () => gone,
  },
};

const gone = { [customers]: null };

// Only active relationships are listed, and each of them was established.
const shown = {
  ...without(columns, 'sortName', 'status', 'establishedAt'),
  establishedAt: time(),
  readiness: described(readiness, 'Whether the relationship can be removed now, under the policy in force.'),
};

/** A partner's active customers, each with what blocks the removal of its relationship now. */
export const customerList = list<CustomerListTables & ItemTables & { readonly order: ReadinessOrder }>()({
  row: { name: 'Customer', fields: shown },
  partnerWide: {
    path: 'customers',
    operation: 'listCustomers',
    summary: 'List customers',
    answer: 'Customers with an active relationship.',
  },
  reads: [itemsProjection],
  dependsOnClock: true,
  dependsOnPolicy: true,
  filters: {
    customerId: by.customer(),
    nameStartsWith: by.text(200, 'Only names that start so, in any case.', foldedName),
    nameContains: by.text(200, 'Only names that contain this, in any case.', (part) => patternOf(foldedName(part))),
    domain: by.matching(
      { pattern: /^[A-Za-z0-9.-]{1,253}$/, what: 'a domain name', example: 'contoso.example' },
      'Only the customer with this domain.',
      (domain) => domain.toLowerCase(),
    ),
    readiness: by.oneOf(['ready', 'blocked'] as const, 'Only those whose removal nothing blocks, or something.'),
  },
  sorts: {
    name: ['sortName', 'customerId'],
    establishedAt: ['establishedAt', 'customerId'],
    /** Those with the fewest come first. */
    blockers: ['blockerOrder', 'customerId'],
    /** By when time alone changes what blocks; where it does not, last. */
    blockersDueAt: ['blockersDueAt', 'customerId'],
  },
  sortedTable: 'customer',
  query(tables, { partnerId, now, removal, sort, filter }) {
    const { customerId, nameStartsWith, nameContains, domain, readiness } = filter;
    let query = tables
      .selectFrom(`${customers} as c`)
      .selectAll('c')
      .where('c.partnerId', '=', partnerId)
      .where('c.status', '=', 'active');
    if (customerId) query = query.where('c.customerId', '=', customerId);
    if (domain) query = query.where('c.domain', '=', domain);
    if (nameStartsWith) query = query.where(startsWith('c.sortName', nameStartsWith));
    if (nameContains) query = query.where(matches('c.sortName', nameContains));
    if (readiness) query = query.where(hasBlockers(tables, now, removal, readiness === 'blocked'));
    // Only these sorts count the blockers of all customers. The others count those of the rows of the page.
    const isByBlockers = sort === 'blockers' || sort === 'blockersDueAt';
    const ordered = isByBlockers
      ? query
          .leftJoin(blockersBy(tables, partnerId, now, removal).as('b'), 'b.customerId', 'c.customerId')
          .select([sql<string>`coalesce(b.blockerOrder, ${noBlockers})`.as('blockerOrder')])
          .select([sql<string>`coalesce(b.dueAt, ${never})`.as('blockersDueAt')])
      : query.select([sql<string>`''`.as('blockerOrder'), sql<string>`''`.as('blockersDueAt')]);
    return tables.selectFrom(ordered.as('customer')).selectAll();
  },
  show: (rows, at, queries) => {
    const readiness = readinessOf(queries, rows, at);
    return rows.map(({ sortName: _, status: __, blockerOrder: ___, blockersDueAt: ____, establishedAt, ...row }) => ({
      ...row,
      establishedAt: establishedAt!,
      readiness: readiness(row),
    }));
  },
});

export const customerListView = view({
  projection: customerListProjection,
  lists: [customerList],
  explains: [
    explained<CustomerListTables>()({
      table: customers,
      kind: 'customer',
      isListed: ({ status }) => status === 'active',
      operation: 'explainCustomer',
      summary: 'Explain a customer in the list, or why it is in none',
    }),
  ],
});
