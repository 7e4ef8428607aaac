import { customerListView } from './customer-list.js';
import { delegatedAdminGrantsView } from './delegated-admin-grants.js';
import { dueList } from './due-list.js';
import { endedRelationshipsView } from './ended-relationships.js';
import { historyView } from './history.js';
import { itemsView } from './items.js';
import { relationshipRequestsView } from './relationship-requests.js';
import { supportContactsView } from './support-contacts.js';
import type { View } from './view.js';

/** Every view. The projector, list routes, explanations, the document and their tests are derived from this list. */
export const views: readonly View[] = [
  customerListView,
  supportContactsView,
  delegatedAdminGrantsView,
  itemsView,
  // What is due stands in the tables of three views; the requests' view serves it.
  { ...relationshipRequestsView, lists: [...relationshipRequestsView.lists, dueList] },
  endedRelationshipsView,
  historyView,
];

/** What the projector runs. */
export const relationshipViews = views.map(({ projection }) => projection);
