import type { Kysely } from 'kysely';
import type { Projection } from '#event-sourcing';
import type { Instant, RelationshipEvents, SupportContact } from '#customer-relationship';
import { keysetPage, type Page, type PageRequest } from './keyset.js';
import { keyOf, tenant, type Pair } from './pair.js';
import type { Views } from './views.js';

const version = 1;
const available = `available_support_contacts_v${version}` as const;
const designated = `support_contact_designations_v${version}` as const;

/** Who may be picked for a customer: the partner, and the indirect reseller it was invited with. At most two, so one row holds them. */
export interface AvailableContactsRow extends Pair {
  readonly contacts: readonly SupportContact[];
  /** False while the relationship is only asked for. */
  readonly available: boolean;
}

/** Who is set on a subscription (rule C1). */
export interface DesignationRow extends Pair {
  readonly subscriptionId: string;
  readonly contactTenantId: string;
  readonly contactPartnerId: string;
  readonly contactName: string;
  /** Came with the purchase (rule C4). */
  readonly byDefault: boolean;
  readonly assignedAt: Instant;
}

export interface SupportContactTables {
  readonly [available]: AvailableContactsRow;
  readonly [designated]: DesignationRow;
}

/** Two lists in one view, so that both are answered as of one position: who is available, and who is designated. */
export const supportContactsView: Projection<RelationshipEvents, SupportContactTables, Pair> = {
  name: 'support-contacts',
  version,
  tables: {
    [available]: {
      columns: { partnerId: 'text', customerId: 'text', contacts: 'json', available: 'boolean' },
      key: ['partnerId', 'customerId'],
    },
    [designated]: {
      columns: {
        partnerId: 'text',
        customerId: 'text',
        subscriptionId: 'text',
        contactTenantId: 'text',
        contactPartnerId: 'text',
        contactName: 'text',
        byDefault: 'boolean',
        assignedAt: 'text',
      },
      key: ['partnerId', 'customerId', 'subscriptionId'],
      indexes: [['partnerId', 'contactTenantId', 'customerId', 'subscriptionId']],
    },
  },
  keys: ({ data }, pair) =>
    'subscriptionId' in data ? { [designated]: [...keyOf(pair), data.subscriptionId] } : { [available]: keyOf(pair) },
  on: {
    ResellerRelationshipRequested: (_, { partner, indirectReseller }, { partnerId, customerId }) => ({
      [available]: {
        partnerId,
        customerId,
        contacts: [contactOf(partner), ...(indirectReseller ? [contactOf(indirectReseller)] : [])],
        available: false,
      },
    }),
    ResellerRelationshipRequestDeclined: () => nobody,
    ResellerRelationshipRequestWithdrawn: () => nobody,
    ResellerRelationshipRequestExpired: () => nobody,
    ResellerRelationshipEstablished: ({ [available]: row }) => row && { [available]: { ...row, available: true } },
    // Rule R17. The designations go with events of their own.
    ResellerRelationshipRemoved: () => nobody,
    SupportContactAssigned: (_, { subscriptionId, contact, byDefault, assignedAt }, { partnerId, customerId }) => ({
      [designated]: {
        partnerId,
        customerId,
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

const nobody = { [available]: null };

/** Only what a contact is; the event's partner carries more. */
function contactOf({ tenantId, partnerId, name }: SupportContact): SupportContact {
  return { tenantId, partnerId, name };
}

export interface Designation extends Pair {
  readonly subscriptionId: string;
  readonly contact: SupportContact;
  readonly byDefault: boolean;
  readonly assignedAt: Instant;
}

/** Who may be picked for the partner's customer; empty unless the relationship is active. */
export async function findAvailableSupportContacts(db: Kysely<Views>, pair: Pair): Promise<readonly SupportContact[]> {
  const row = await db
    .selectFrom(available)
    .select('contacts')
    .where('partnerId', '=', tenant(pair.partnerId))
    .where('customerId', '=', tenant(pair.customerId))
    .where('available', '=', true)
    .executeTakeFirst();
  return row?.contacts ?? [];
}

export interface DesignationListRequest extends PageRequest {
  readonly partnerId: string;
  readonly filter?: {
    readonly customerId?: string;
    /** Subscriptions on which this tenant is designated. */
    readonly contactTenantId?: string;
  };
}

/** A page of the partner's designated support contacts, by customer and subscription. */
export async function listDesignations(
  db: Kysely<Views>,
  { partnerId, filter = {}, ...page }: DesignationListRequest,
): Promise<Page<Designation>> {
  let query = db.selectFrom(designated).selectAll().where('partnerId', '=', tenant(partnerId));
  if (filter.customerId !== undefined) query = query.where('customerId', '=', tenant(filter.customerId));
  if (filter.contactTenantId !== undefined) query = query.where('contactTenantId', '=', tenant(filter.contactTenantId));
  const { rows, ...rest } = await keysetPage(query, ['customerId', 'subscriptionId'], page);
  return { rows: rows.map(designation), ...rest };
}

function designation({ contactTenantId, contactPartnerId, contactName, ...row }: DesignationRow): Designation {
  return { ...row, contact: { tenantId: contactTenantId, partnerId: contactPartnerId, name: contactName } };
}
