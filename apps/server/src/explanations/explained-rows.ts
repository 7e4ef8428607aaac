import type { RelationshipEvents } from '#customer-relationship';
import { anyProjection, rowName, type AnyProjection, type Key } from '#event-sourcing';
import {
  customerListView,
  delegatedAdminGrantsView,
  endedRelationshipsView,
  grantRowAt,
  itemRowAt,
  itemsView,
  supportContactsView,
  type DelegatedAdminGrantRow,
  type ItemRow,
  type ItemType,
  type Pair,
} from '#read-models';
import type { RowThen } from './explain.js';

/** A row of a list as it can be asked about: which rows of its view it is made of, and when the list shows it. */
export interface ExplainedRow {
  readonly projection: AnyProjection<RelationshipEvents, Pair>;
  /** As other refusals name what is missing. */
  readonly kind: string;
  /** As the list names it. */
  readonly key: Readonly<Record<string, string>>;
  /** The table that it stands in; what it is joined with stands in others. */
  readonly table: string;
  readonly isAsked: (table: string, key: Key) => boolean;
  readonly isListed: (row: Readonly<Record<string, unknown>>) => boolean;
  /** The row as it stands at a time, where an end that has passed makes another of it without an event. */
  readonly at?: (row: object, now: string) => object;
}

const always = () => true;

/** The customer in the list of customers; one who has only been asked is not listed. */
export function customerRow(): ExplainedRow {
  return {
    projection: anyProjection(customerListView),
    kind: 'customer',
    key: {},
    table: 'customer_list',
    isAsked: always,
    isListed: ({ status }) => status === 'active',
  };
}

/** An item with the term that runs, which says whether it is current. */
export function itemRow({ partnerId, customerId }: Pair, item: ItemType, itemId: string): ExplainedRow {
  const name = rowName([partnerId, customerId, item, itemId]);
  return {
    projection: anyProjection(itemsView),
    kind: item,
    key: { item, itemId },
    table: 'items',
    isAsked: (table, key) => table.startsWith('item_terms_') || rowName(key) === name,
    isListed: always,
    at: (row, now) => itemRowAt(row as ItemRow, now),
  };
}

/** Who may be picked as the customer's support contact. */
export function availableContactsRow(): ExplainedRow {
  return {
    projection: anyProjection(supportContactsView),
    kind: 'availableSupportContacts',
    key: {},
    table: 'available_support_contacts',
    isAsked: (table) => table.startsWith('available_support_contacts_'),
    isListed: ({ available }) => available === true,
  };
}

/** Who is set on a subscription. */
export function designationRow(subscriptionId: string): ExplainedRow {
  return {
    projection: anyProjection(supportContactsView),
    kind: 'supportContact',
    key: { subscriptionId },
    table: 'support_contact_designations',
    isAsked: (table, key) => table.startsWith('support_contact_designations_') && key[2] === subscriptionId,
    isListed: always,
  };
}

export function grantRow(grantId: string): ExplainedRow {
  return {
    projection: anyProjection(delegatedAdminGrantsView),
    kind: 'grant',
    key: { grantId },
    table: 'delegated_admin_grants',
    isAsked: (table, key) => table.startsWith('delegated_admin_grants_') && key[2] === grantId,
    isListed: always,
    at: (row, now) => grantRowAt(row as DelegatedAdminGrantRow, now),
  };
}

/** The relationship with all that its end has left; listed once it has ended. */
export function endedRow(): ExplainedRow {
  return {
    projection: anyProjection(endedRelationshipsView),
    kind: 'endedRelationship',
    key: {},
    table: 'ended_relationships',
    isAsked: always,
    isListed: ({ lastRemovedAt }) => lastRemovedAt !== null,
  };
}

/** The row itself among those that it is made of; undefined when it has never been there. */
export function ownRow(rows: readonly RowThen[], { table }: ExplainedRow): RowThen | undefined {
  return rows.find((each) => each.table === table);
}
