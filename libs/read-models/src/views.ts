import { anyProjection, type AnyProjection } from '#event-sourcing';
import type { RelationshipEvents } from '#customer-relationship';
import { customerListView, type CustomerListTables } from './customer-list.js';
import { delegatedAdminGrantsView, type DelegatedAdminGrantTables } from './delegated-admin-grants.js';
import { endedRelationshipsView, type EndedRelationshipTables } from './ended-relationships.js';
import { historyView, type HistoryTables } from './history.js';
import { itemsView, type ItemTables } from './items.js';
import type { Pair } from './pair.js';
import { supportContactsView, type SupportContactTables } from './support-contacts.js';

/** Every table of every view, as queries see them. */
export interface Views
  extends
    CustomerListTables,
    SupportContactTables,
    DelegatedAdminGrantTables,
    ItemTables,
    EndedRelationshipTables,
    HistoryTables {}

/** Every view of relationships: what the projector runs and the server answers from. */
export const relationshipViews: readonly AnyProjection<RelationshipEvents, Pair>[] = [
  anyProjection(customerListView),
  anyProjection(supportContactsView),
  anyProjection(delegatedAdminGrantsView),
  anyProjection(itemsView),
  anyProjection(endedRelationshipsView),
  anyProjection(historyView),
];

export const viewNames = [
  'customer-list',
  'support-contacts',
  'delegated-admin-grants',
  'items',
  'ended-relationships',
  'history',
] as const;
export type ViewName = (typeof viewNames)[number];
