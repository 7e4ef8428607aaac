import type { Kysely } from 'kysely';
import type { Projection } from '#event-sourcing';
import type { Instant, RelationshipEvents } from '#customer-relationship';
import { contains, keysetPage, startsWith, type Page, type PageRequest } from './keyset.js';
import { foldedName } from './names.js';
import { keyOf, tenant, type Pair } from './pair.js';
import type { Views } from './views.js';

const version = 1;
const table = `customer_list_v${version}` as const;

/** A customer of a partner: a relationship that is active, or asked for and not yet answered (not listed then). */
export interface CustomerRow extends Pair {
  readonly name: string;
  readonly sortName: string;
  readonly domain: string | null;
  readonly market: string;
  readonly status: 'requested' | 'active';
  /** 0 before the first acceptance of this pair that the row has seen. */
  readonly relationshipTerm: number;
  /** Null while it is only asked for. */
  readonly establishedAt: Instant | null;
  readonly agreementConfirmed: boolean;
}

export interface CustomerListTables {
  readonly [table]: CustomerRow;
}

/** Who a partner's customers are. A removal takes the customer off the list (rule R16), and so does a request that leads nowhere. */
export const customerListView: Projection<RelationshipEvents, CustomerListTables, Pair> = {
  name: 'customer-list',
  version,
  tables: {
    [table]: {
      columns: {
        partnerId: 'text',
        customerId: 'text',
        name: 'text',
        sortName: 'text',
        domain: 'text?',
        market: 'text',
        status: 'text',
        relationshipTerm: 'integer',
        establishedAt: 'text?',
        agreementConfirmed: 'boolean',
      },
      key: ['partnerId', 'customerId'],
      indexes: [
        ['partnerId', 'status', 'sortName', 'customerId'],
        ['partnerId', 'status', 'establishedAt', 'customerId'],
        ['partnerId', 'status', 'domain', 'sortName', 'customerId'],
      ],
    },
  },
  keys: (_, pair) => ({ [table]: keyOf(pair) }),
  on: {
    ResellerRelationshipRequested: (_, { customer: { name, domain }, market }, { partnerId, customerId }) => ({
      [table]: {
        partnerId,
        customerId,
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
    ResellerRelationshipEstablished: ({ [table]: row }, { relationshipTerm, establishedAt }) =>
      row && { [table]: { ...row, status: 'active', relationshipTerm, establishedAt } },
    CustomerAgreementConfirmed: ({ [table]: row }) => row && { [table]: { ...row, agreementConfirmed: true } },
    CustomerProfileUpdated: ({ [table]: row }, { name, domain }) =>
      row && {
        [table]: {
          ...row,
          ...(name === undefined ? {} : { name, sortName: foldedName(name) }),
          ...(domain === undefined ? {} : { domain: domain.toLowerCase() || null }),
        },
      },
    ResellerRelationshipRemoved: () => gone,
  },
};

const gone = { [table]: null };

/** A customer as the list answers it. */
export interface Customer extends Omit<CustomerRow, 'sortName' | 'status' | 'establishedAt'> {
  readonly establishedAt: Instant;
}

export const customerSorts = ['name', 'establishedAt'] as const;
export type CustomerSort = (typeof customerSorts)[number];

export interface CustomerListRequest extends PageRequest {
  readonly partnerId: string;
  /** Default: name, without regard to case. */
  readonly sort?: CustomerSort;
  readonly filter?: {
    readonly customerId?: string;
    readonly nameStartsWith?: string;
    readonly nameContains?: string;
    readonly domain?: string;
  };
}

/** A page of the partner's active customers. */
export async function listCustomers(
  db: Kysely<Views>,
  { partnerId, sort = 'name', filter = {}, ...page }: CustomerListRequest,
): Promise<Page<Customer>> {
  let query = db
    .selectFrom(table)
    .selectAll()
    .where('partnerId', '=', tenant(partnerId))
    .where('status', '=', 'active');
  if (filter.customerId !== undefined) query = query.where('customerId', '=', tenant(filter.customerId));
  if (filter.domain !== undefined) query = query.where('domain', '=', filter.domain.toLowerCase());
  if (filter.nameStartsWith !== undefined)
    query = query.where(startsWith('sortName', foldedName(filter.nameStartsWith)));
  if (filter.nameContains !== undefined) query = query.where(contains('sortName', foldedName(filter.nameContains)));
  const { rows, ...rest } = await keysetPage(
    query,
    [sort === 'name' ? 'sortName' : 'establishedAt', 'customerId'],
    page,
  );
  return { rows: rows.map(customer), ...rest };
}

function customer({ sortName: _, status: __, establishedAt, ...row }: CustomerRow): Customer {
  // Only active relationships are listed, and each of them was established.
  return { ...row, establishedAt: establishedAt! };
}
