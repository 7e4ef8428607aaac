import { sql, type Kysely, type SqlBool } from 'kysely';
import type { Projection, ViewQueries } from '#event-sourcing';
import type { RelationshipEvents, SupportContact } from '#customer-relationship';
import { described, flag, guid, id, listOf, named, text, time, type RowOf } from './columns.js';
import { dueIn, overdueSince, shownOverdueSince } from './due-columns.js';
import { explained } from './explained.js';
import { by } from './filters.js';
import { itemsProjection, itemTable, type ItemTables } from './items.js';
import { list, never } from './list.js';
import { keyOf, pairColumns, tenant, type Pair } from './pair.js';
import { bound, viewQuery } from './query.js';
import { table } from './tables.js';
import { view } from './view.js';

const version = 1;
const available = `available_support_contacts_v${version}` as const;
const designated = `support_contact_designations_v${version}` as const;

const supportContact = named<SupportContact>('SupportContact');

/** The contacts available to a customer: the partner, and the indirect reseller of its invitation. At most two, so one row holds them. */
const availableColumns = {
  ...pairColumns,
  contacts: listOf(supportContact),
  /** False while the relationship is only requested. */
  available: flag(),
};

/** The contact that is set on a subscription (rule C1). */
const designatedColumns = {
  ...pairColumns,
  subscriptionId: id(),
  contactTenantId: guid(),
  contactPartnerId: text(),
  contactName: text(),
  /** Came with the purchase (rule C4). */
  byDefault: flag(),
  assignedAt: time(),
};

interface SupportContactTables {
  readonly [available]: RowOf<typeof availableColumns>;
  readonly [designated]: RowOf<typeof designatedColumns>;
}

/** Available and designated contacts. They are in one view, so that both are answered as of one position. */
export const supportContactsProjection: Projection<RelationshipEvents, SupportContactTables, Pair> = {
  name: 'support-contacts',
  version,
  tables: {
    [available]: table(availableColumns, { key: ['partnerId', 'customerId'] }),
    [designated]: table(designatedColumns, {
      key: ['partnerId', 'customerId', 'subscriptionId'],
      indexes: [['partnerId', 'contactTenantId', 'customerId', 'subscriptionId']],
    }),
  },
  keys: ({ data }, pair) =>
    'subscriptionId' in data ? { [designated]: [...keyOf(pair), data.subscriptionId] } : { [available]: keyOf(pair) },
  on: {
    ResellerRelationshipRequested: (_, { partner, indirectReseller }, pair) => ({
      [available]: {
        ...pair,
        contacts: [contactOf(partner), ...(indirectReseller ? [contactOf(indirectReseller)] : [])],
        available: false,
      },
    }),
    ResellerRelationshipRequestDeclined: () => none,
    ResellerRelationshipRequestWithdrawn: () => none,
    ResellerRelationshipRequestExpired: () => none,
    ResellerRelationshipEstablished: ({ [available]: row }) => row && { [available]: { ...row, available: true } },
    // Rule R17. Events of their own remove the designations.
    ResellerRelationshipRemoved: () => none,
    SupportContactAssigned: (_, { subscriptionId, contact, byDefault, assignedAt }, pair) => ({
      [designated]: {
        ...pair,
        subscriptionId,
        contactTenantId: contact.tenantId,
        contactPartnerId: contact.partnerId,
        contactName: contact.name,
        byDefault,
        assignedAt,
      },
    }),
    SupportContactWithdrawn: () => ({ [designated]: null }),
  },
};

const none = { [available]: null };

/** Only the fields of a contact; the event's partner has more. */
function contactOf({ tenantId, partnerId, name }: SupportContact): SupportContact {
  return { tenantId, partnerId, name };
}

const availableOfCustomer = viewQuery((tables: Kysely<SupportContactTables>) =>
  tables
    .selectFrom(available)
    .select('contacts')
    .where('partnerId', '=', bound<string>('partnerId'))
    .where('customerId', '=', bound<string>('customerId'))
    .where('available', '=', true),
);

/** The contacts available to the partner's customer; none unless the relationship is active. */
export function findAvailableSupportContacts(queries: ViewQueries, pair: Pair): readonly SupportContact[] {
  const [row] = queries.all(availableOfCustomer, {
    partnerId: tenant(pair.partnerId),
    customerId: tenant(pair.customerId),
  });
  return row?.contacts ?? [];
}

const { subscriptionId, byDefault, assignedAt } = designatedColumns;
const shown = {
  ...pairColumns,
  subscriptionId,
  contact: supportContact,
  byDefault,
  assignedAt,
  overdueSince: shownOverdueSince,
};

/**
 * The partner's designated support contacts, by customer and subscription. A designation ends with its subscription
 * (rule C5), recorded or not. Where only an event says whether the subscription still has a retention period, it is marked.
 */
export const designationList = list<SupportContactTables & ItemTables>()({
  row: { name: 'Designation', fields: shown },
  partnerWide: {
    path: 'support-contacts',
    operation: 'listSupportContacts',
    summary: 'List the support contacts of all customers',
    answer: 'Who is designated on which subscription.',
  },
  ofCustomer: {
    path: 'support-contacts',
    operation: 'listSupportContactsOfCustomer',
    summary: 'List the support contacts of a customer',
    answer: 'Who is designated, and who may be.',
    beside: {
      page: 'CustomerSupportContacts',
      fields: { available: described(listOf(supportContact), 'Who may be picked for this customer.') },
      read: (queries, pair) => ({ available: findAvailableSupportContacts(queries, pair) }),
    },
  },
  filters: { contactTenantId: by.tenant('Only designations of this support contact.'), customerId: by.customer() },
  sorts: { customer: ['customerId', 'subscriptionId'] },
  reads: [itemsProjection],
  dependsOnClock: true,
  sortedTable: 'designation',
  query(tables, { partnerId, now, filter: { contactTenantId, customerId } }) {
    const { passed } = dueIn('subscription', now);
    const then = sql.ref<string | null>('subscription.statusThen');
    let query = tables
      .selectFrom(`${designated} as designation`)
      .leftJoin(`${itemTable} as subscription`, (join) =>
        join
          .onRef('subscription.partnerId', '=', 'designation.partnerId')
          .onRef('subscription.customerId', '=', 'designation.customerId')
          .on('subscription.item', '=', 'subscription')
          .onRef('subscription.itemId', '=', 'designation.subscriptionId'),
      )
      .selectAll('designation')
      .select(
        sql<string>`iif(${then} in ('expired', 'disabled'), ${sql.ref('subscription.dueAt')}, ${never})`.as('dueAt'),
      )
      .where('designation.partnerId', '=', partnerId)
      .where(sql<SqlBool>`(${passed} and ${then} = 'deleted') is not true`);
    if (customerId) query = query.where('designation.customerId', '=', customerId);
    if (contactTenantId) query = query.where('designation.contactTenantId', '=', contactTenantId);
    return query;
  },
  show: (rows, { now }) =>
    rows.map(({ contactTenantId, contactPartnerId, contactName, dueAt, ...row }) => ({
      ...row,
      contact: { tenantId: contactTenantId, partnerId: contactPartnerId, name: contactName },
      overdueSince: overdueSince({ dueAt }, now),
    })),
});

export const supportContactsView = view({
  projection: supportContactsProjection,
  lists: [designationList],
  explains: [
    explained<SupportContactTables>()({
      table: available,
      kind: 'availableSupportContacts',
      isListed: (row) => row.available,
      operation: 'explainAvailableSupportContacts',
      summary: 'Explain who may be picked as a support contact',
    }),
    explained<SupportContactTables>()({
      table: designated,
      key: ['subscriptionId'],
      kind: 'supportContact',
      operation: 'explainDesignation',
      summary: 'Explain a designated support contact',
    }),
  ],
});
