import { blocksAs, defaultPolicy, type Instant, type Policy } from '#customer-relationship';
import type { ViewQueries } from '#event-sourcing';
import {
  customerList,
  designationList,
  dueList,
  endedRelationshipList,
  grantList,
  itemList,
  relationshipRequestList,
  views,
  type Circumstances,
} from '#read-models';

// The lists as specifications ask for them: at a time, and under a policy.

type RequestOf<L extends { read(...parameters: never[]): unknown }> = Parameters<L['read']>[1];

export const at = (now: Instant, policy = defaultPolicy): Circumstances => ({
  now,
  blockerOf: (facts) => blocksAs(facts, policy, now),
  removal: policy.removal,
});
const anyTime = at('2026-01-01T00:00:00.000Z');

export const listCustomers = (
  queries: ViewQueries,
  { now, policy, ...request }: RequestOf<typeof customerList> & { readonly now?: Instant; readonly policy?: Policy },
) => customerList.read(queries, request, now === undefined ? anyTime : at(now, policy));

export const listDesignations = (
  queries: ViewQueries,
  { now, ...request }: RequestOf<typeof designationList> & { readonly now?: Instant },
) => designationList.read(queries, request, now === undefined ? anyTime : at(now));

export const listGrants = (
  queries: ViewQueries,
  { now, ...request }: RequestOf<typeof grantList> & { readonly now: Instant },
) => grantList.read(queries, request, at(now));

export const listItems = (
  queries: ViewQueries,
  { now, policy, ...request }: RequestOf<typeof itemList> & { readonly now: Instant; readonly policy?: Policy },
) => itemList.read(queries, request, at(now, policy));

export const listEndedRelationships = (
  queries: ViewQueries,
  { now, ...request }: RequestOf<typeof endedRelationshipList> & { readonly now: Instant },
) => endedRelationshipList.read(queries, request, at(now));

export const listRequests = (
  queries: ViewQueries,
  { now, ...request }: RequestOf<typeof relationshipRequestList> & { readonly now: Instant },
) => relationshipRequestList.read(queries, request, at(now));

export const listDue = (
  queries: ViewQueries,
  { now, ...request }: RequestOf<typeof dueList> & { readonly now: Instant },
) => dueList.read(queries, request, at(now));

const registered = views.flatMap(({ lists }) => lists);

/** Where every list over all customers of a partner is found. */
export const partnerWideLists = registered.map(({ partnerWide }) => `/v1/${partnerWide.path}`);

/** Where every list of one customer is found, below the customer. */
export const listsOfCustomer = registered.flatMap(({ ofCustomer }) => (ofCustomer ? [ofCustomer.path] : []));
