import { removalReadiness, type CustomerRelationship } from '#customer-relationship';
import { Rejection, type Frozen } from '#event-sourcing';
import type { Party } from '../party.js';
import type { Circumstances } from './read-relationship.js';

// How a relationship and its items are shown. A change of what stands here is the next number in representation.ts.

type State = Frozen<CustomerRelationship>;
type Show = (state: State, party: Party, at: Circumstances) => object;

export const relationshipShown: Show = (state, { partner, customerId }) => {
  const { status, relationshipTerm, customer, request, establishedAt, removedAt, agreementConfirmedAt } = state;
  return {
    partnerId: partner.tenantId,
    customerId,
    status,
    relationshipTerm,
    customer,
    request: request ?? null,
    establishedAt: establishedAt ?? null,
    agreementConfirmedAt: agreementConfirmedAt ?? null,
    removedAt: removedAt ?? null,
    availableSupportContacts: state.availableSupportContacts,
  };
};

export const readinessShown: Show = (state, { partner, customerId }, { now, policy }) => ({
  partnerId: partner.tenantId,
  customerId,
  asOf: now,
  ...removalReadiness(state, policy, now, partner.type),
});

export const subscriptionShown =
  (subscriptionId: string): Show =>
  (state) => {
    // The day on which terms end is for the next renewal to know; callers are told the end itself.
    const {
      azureSubscriptions,
      anchorDay: _,
      ...subscription
    } = found(state.subscriptions, 'subscription', subscriptionId);
    return {
      subscriptionId,
      ...subscription,
      azureSubscriptions: listed(azureSubscriptions, 'azureSubscriptionId'),
      supportContact: ofTerm(state, state.designations.get(subscriptionId))?.contact ?? null,
    };
  };

export const azureSubscriptionShown =
  (subscriptionId: string, azureSubscriptionId: string): Show =>
  (state) => {
    const { azureSubscriptions } = found(state.subscriptions, 'subscription', subscriptionId);
    const azureSubscription = found(azureSubscriptions, 'azureSubscription', azureSubscriptionId);
    return { subscriptionId, azureSubscriptionId, ...azureSubscription };
  };

export const reservationShown =
  (reservationId: string): Show =>
  (state) => ({ reservationId, ...found(state.reservations, 'reservation', reservationId) });

export const softwareShown =
  (purchaseId: string): Show =>
  (state) => {
    const { lineItems, ...purchase } = found(state.software, 'softwarePurchase', purchaseId);
    return {
      purchaseId,
      ...purchase,
      lineItems: [...lineItems].map(([lineItemId, cancelled]) => ({ lineItemId, cancelled })),
    };
  };

export const savingsPlanShown =
  (savingsPlanId: string): Show =>
  (state) => ({ savingsPlanId, ...found(state.savingsPlans, 'savingsPlan', savingsPlanId) });

export const grantShown =
  (grantId: string): Show =>
  (state) => {
    const grant = found(state.grants, 'grant', grantId);
    if (grant.kind === 'dap') return { grantId, ...grant };
    const { accessAssignments, ...gdap } = grant;
    return { grantId, ...gdap, accessAssignments: listed(accessAssignments, 'assignmentId') };
  };

export const accessAssignmentShown =
  (grantId: string, assignmentId: string): Show =>
  (state) => {
    const grant = found(state.grants, 'grant', grantId);
    const assignments = grant.kind === 'gdap' ? grant.accessAssignments : new Map<string, object>();
    return { grantId, assignmentId, ...found(assignments, 'accessAssignment', assignmentId) };
  };

function found<Item>(items: ReadonlyMap<string, Item>, kind: string, itemId: string): Item {
  const item = items.get(itemId);
  if (!item) throw new Rejection('ItemNotFound', { kind, itemId });
  return item;
}

function listed(items: ReadonlyMap<string, object>, idName: string): object[] {
  return [...items].map(([id, item]) => ({ [idName]: id, ...item }));
}

/** What belongs to the term that runs now. */
function ofTerm<Item extends { readonly relationshipTerm: number }>(state: State, item: Item | undefined) {
  return state.status === 'active' && item?.relationshipTerm === state.relationshipTerm ? item : undefined;
}
