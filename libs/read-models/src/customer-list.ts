import type { Projection } from '#event-sourcing';
import type { RelationshipEvents } from '#customer-relationship';
import { flag, orNull, text, time, whole, word, type RowOf } from './columns.js';
import { explained } from './explained.js';
import { by } from './filters.js';
import { list } from './list.js';
import { foldedName } from './names.js';
import { keyOf, pairColumns, type Pair } from './pair.js';
import { matches, patternOf, startsWith } from './query.js';
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
const shown = { ...without(columns, 'sortName', 'status', 'establishedAt'), establishedAt: time() };

/** A partner's active customers. */
export const customerList = list<CustomerListTables>()({
  row: { name: 'Customer', fields: shown },
  partnerWide: {
    path: 'customers',
    operation: 'listCustomers',
    summary: 'List customers',
    answer: 'Customers with an active relationship.',
  },
  filters: {
    customerId: by.customer(),
    nameStartsWith: by.text(200, 'Only names that start so, in any case.', foldedName),
    nameContains: by.text(200, 'Only names that contain this, in any case.', (part) => patternOf(foldedName(part))),
    domain: by.matching(
      { pattern: /^[A-Za-z0-9.-]{1,253}$/, what: 'a domain name', example: 'contoso.example' },
      'Only the customer with this domain.',
      (domain) => domain.toLowerCase(),
    ),
  },
  sorts: { name: ['sortName', 'customerId'], establishedAt: ['establishedAt', 'customerId'] },
  query(tables, { partnerId, filter: { customerId, nameStartsWith, nameContains, domain } }) {
    let query = tables
      .selectFrom(customers)
      .selectAll()
      .where('partnerId', '=', partnerId)
      .where('status', '=', 'active');
    if (customerId) query = query.where('customerId', '=', customerId);
    if (domain) query = query.where('domain', '=', domain);
    if (nameStartsWith) query = query.where(startsWith('sortName', nameStartsWith));
    if (nameContains) query = query.where(matches('sortName', nameContains));
    return query;
  },
  show: (rows) =>
    rows.map(({ sortName: _, status: __, establishedAt, ...row }) => ({ ...row, establishedAt: establishedAt! })),
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
