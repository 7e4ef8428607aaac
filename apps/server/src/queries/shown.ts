import {
  accessAssignmentStatusAt,
  defaultPolicy,
  grantAt,
  relationshipAt,
  removalReadiness,
  reservationAt,
  savingsPlanAt,
  settle,
  softwareAt,
  type CustomerRelationship,
  type StatusAt,
} from '#customer-relationship';
import { Rejection, type Frozen } from '#event-sourcing';
import type {
  AccessAssignmentAnswer,
  AzureSubscriptionAnswer,
  GrantAnswer,
  RelationshipAnswer,
  RemovalReadinessAnswer,
  ReservationAnswer,
  SavingsPlanAnswer,
  SoftwarePurchaseAnswer,
  SubscriptionAnswer,
  WithoutPlace,
} from '../contract/answers.js';
import type { Place } from '../contract/answer-words.js';
import type { Shown } from './read-relationship.js';

// How a relationship and its items are shown. A change of what stands here is the next number in representation.ts.

type State = Frozen<CustomerRelationship>;

export const relationshipShown: Shown<WithoutPlace<RelationshipAnswer>> = {
  body: (state, { partner, customerId }, { now }) => {
    const { relationshipTerm, customer, establishedAt, removedAt, agreementConfirmedAt } = state;
    const { status } = relationshipAt(state, now);
    if (status === 'unknown') throw new Rejection('RelationshipNotFound');
    return {
      partnerId: partner.tenantId,
      customerId,
      status,
      relationshipTerm,
      customer,
      request: status === 'requested' ? requestShown(state) : null,
      establishedAt: establishedAt ?? null,
      agreementConfirmedAt: agreementConfirmedAt ?? null,
      removedAt: removedAt ?? null,
      availableSupportContacts: state.availableSupportContacts,
    };
  },
  passed: (state, now) => relationshipAt(state, now).endedAt,
};

function requestShown({ request }: State) {
  if (!request) return null;
  const { requestedAt, expiresAt, delegatedAdmin } = request;
  return { requestedAt, expiresAt, delegatedAdmin };
}

export const readinessShown: Shown<Omit<RemovalReadinessAnswer, keyof Place>> = {
  body: (state, { partner, customerId }, { now, policy }) => ({
    partnerId: partner.tenantId,
    customerId,
    asOf: now,
    ...removalReadiness(state, policy, now, partner.type),
  }),
};

/** As the dates have left it, whatever has been recorded of that (T1). */
export const subscriptionShown = (subscriptionId: string): Shown<WithoutPlace<SubscriptionAnswer>> => ({
  body: (recorded, _, { now }) => {
    const { state } = settle(recorded, [subscriptionId], now, defaultPolicy);
    // The day on which terms end matters to the next renewal alone; callers get the end itself.
    const {
      azureSubscriptions,
      anchorDay: __,
      ...subscription
    } = found(state.subscriptions, 'subscription', subscriptionId);
    return {
      subscriptionId,
      ...subscription,
      azureSubscriptions: [...azureSubscriptions].map(([azureSubscriptionId, item]) => ({
        azureSubscriptionId,
        ...item,
      })),
      supportContact: ofTerm(state, state.designations.get(subscriptionId))?.contact ?? null,
    };
  },
  passed: (recorded, now) => settle(recorded, [subscriptionId], now, defaultPolicy).due.at(-1)?.at,
});

export const azureSubscriptionShown = (
  subscriptionId: string,
  azureSubscriptionId: string,
): Shown<WithoutPlace<AzureSubscriptionAnswer>> => ({
  body: (state) => {
    const { azureSubscriptions } = found(state.subscriptions, 'subscription', subscriptionId);
    const azureSubscription = found(azureSubscriptions, 'azureSubscription', azureSubscriptionId);
    return { subscriptionId, azureSubscriptionId, ...azureSubscription };
  },
});

export const reservationShown = (reservationId: string): Shown<WithoutPlace<ReservationAnswer>> =>
  withStatusOf(
    (state) => found(state.reservations, 'reservation', reservationId),
    reservationAt,
    (reservation) => ({ reservationId, ...reservation }),
  );

export const softwareShown = (purchaseId: string): Shown<WithoutPlace<SoftwarePurchaseAnswer>> =>
  withStatusOf(
    (state) => found(state.software, 'softwarePurchase', purchaseId),
    softwareAt,
    ({ lineItems, ...purchase }) => ({
      purchaseId,
      ...purchase,
      lineItems: [...lineItems].map(([lineItemId, cancelled]) => ({ lineItemId, cancelled })),
    }),
  );

export const savingsPlanShown = (savingsPlanId: string): Shown<WithoutPlace<SavingsPlanAnswer>> =>
  withStatusOf(
    (state) => found(state.savingsPlans, 'savingsPlan', savingsPlanId),
    savingsPlanAt,
    (plan) => ({ savingsPlanId, ...plan }),
  );

export const grantShown = (grantId: string): Shown<WithoutPlace<GrantAnswer>> =>
  withStatusOf(
    (state) => found(state.grants, 'grant', grantId),
    grantAt,
    (grant, now) => {
      if (grant.kind === 'dap') return { grantId, ...grant };
      const { accessAssignments, ...gdap } = grant;
      const assignments = [...accessAssignments].map(([assignmentId, assignment]) => ({
        assignmentId,
        ...assignment,
        status: accessAssignmentStatusAt(assignment, grant, now),
      }));
      return { grantId, ...gdap, accessAssignments: assignments };
    },
  );

export const accessAssignmentShown = (
  grantId: string,
  assignmentId: string,
): Shown<WithoutPlace<AccessAssignmentAnswer>> => ({
  body: (state, _, { now }) => {
    const grant = found(state.grants, 'grant', grantId);
    if (grant.kind === 'dap') throw new Rejection('ItemNotFound', { kind: 'accessAssignment', itemId: assignmentId });
    const assignment = found(grant.accessAssignments, 'accessAssignment', assignmentId);
    return { grantId, assignmentId, ...assignment, status: accessAssignmentStatusAt(assignment, grant, now) };
  },
  passed: (state, now) => grantAt(found(state.grants, 'grant', grantId), now).endedAt,
});

/** What ends by time is shown with the status that it has at the time of the question. */
function withStatusOf<Item extends object, Status extends string, Body extends object>(
  find: (state: State) => Item,
  statusAt: (item: Item, now: string) => StatusAt<Status>,
  show: (item: Item, now: string) => Body,
): Shown<Body & { readonly status: Status }> {
  return {
    body: (state, _, { now }) => {
      const item = find(state);
      return { ...show(item, now), status: statusAt(item, now).status };
    },
    passed: (state, now) => statusAt(find(state), now).endedAt,
  };
}

function found<Item>(items: ReadonlyMap<string, Item>, kind: string, itemId: string): Item {
  const item = items.get(itemId);
  if (!item) throw new Rejection('ItemNotFound', { kind, itemId });
  return item;
}

/** What belongs to the term that runs now. */
function ofTerm<Item extends { readonly relationshipTerm: number }>(state: State, item: Item | undefined) {
  return state.status === 'active' && item?.relationshipTerm === state.relationshipTerm ? item : undefined;
}
