import {
  accessAssignmentStatus,
  removalReadiness,
  requestItem,
  type CustomerRelationship,
  type ItemRef,
} from '#customer-relationship';
import { Rejection, type Frozen } from '#event-sourcing';
import type { Answers, RemovalReadinessAnswer, WithoutPlace } from '../contract/answers.js';
import type { Place } from '../contract/answer-words.js';
import type { Shown } from './read-relationship.js';

// How a relationship and its items are shown, as time has left them. A change here needs the next number in representation.ts.

type State = Frozen<CustomerRelationship>;
type ShownAs<Name extends keyof Answers> = Shown<WithoutPlace<Answers[Name]>>;
type Ids<Name extends string> = Readonly<Record<Name, string>>;

export const relationshipShown: ShownAs<'Relationship'> = {
  items: [requestItem],
  body: (state, { partner, customerId }) => {
    const { status, relationshipTerm, customer, establishedAt, removedAt, agreementConfirmedAt } = state;
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
};

function requestShown({ request }: State) {
  if (!request) return null;
  const { requestedAt, expiresAt, delegatedAdmin } = request;
  return { requestedAt, expiresAt, delegatedAdmin };
}

/** Time may have changed every item: the readiness settles them all itself. */
export const readinessShown: Shown<Omit<RemovalReadinessAnswer, keyof Place>> = {
  items: [],
  body: (state, { partner, customerId }, { now, policy }) => ({
    partnerId: partner.tenantId,
    customerId,
    asOf: now,
    ...removalReadiness(state, policy, now, partner.type),
  }),
};

export const subscriptionShown = ({ subscriptionId }: Ids<'subscriptionId'>): ShownAs<'Subscription'> => ({
  items: [subscriptionOf(subscriptionId)],
  body: (state) => {
    const item = found(state.subscriptions, 'subscription', subscriptionId);
    // The anchor day matters to the next renewal alone: callers get the end of the term itself.
    const { azureSubscriptions, anchorDay: __, ...subscription } = item;
    return {
      subscriptionId,
      ...subscription,
      azureSubscriptions: [...azureSubscriptions].map(([azureSubscriptionId, azureSubscription]) => ({
        azureSubscriptionId,
        ...azureSubscription,
      })),
      supportContact: ofTerm(state, state.designations.get(subscriptionId))?.contact ?? null,
    };
  },
});

export const azureSubscriptionShown = ({
  subscriptionId,
  azureSubscriptionId,
}: Ids<'subscriptionId' | 'azureSubscriptionId'>): ShownAs<'AzureSubscription'> => ({
  items: [subscriptionOf(subscriptionId)],
  body: (state) => {
    const { azureSubscriptions } = found(state.subscriptions, 'subscription', subscriptionId);
    const azureSubscription = found(azureSubscriptions, 'azureSubscription', azureSubscriptionId);
    return { subscriptionId, azureSubscriptionId, ...azureSubscription };
  },
});

export const reservationShown = ({ reservationId }: Ids<'reservationId'>): ShownAs<'Reservation'> => ({
  items: [{ noun: 'reservation', id: reservationId }],
  body: (state) => ({ reservationId, ...found(state.reservations, 'reservation', reservationId) }),
});

export const softwareShown = ({ purchaseId }: Ids<'purchaseId'>): ShownAs<'SoftwarePurchase'> => ({
  items: [{ noun: 'softwarePurchase', id: purchaseId }],
  body: (state) => {
    // As for a subscription, callers get the end of the term itself.
    const { lineItems, anchorDay: _, ...purchase } = found(state.software, 'softwarePurchase', purchaseId);
    return {
      purchaseId,
      ...purchase,
      lineItems: [...lineItems].map(([lineItemId, cancelled]) => ({ lineItemId, cancelled })),
    };
  },
});

export const savingsPlanShown = ({ savingsPlanId }: Ids<'savingsPlanId'>): ShownAs<'SavingsPlan'> => ({
  items: [{ noun: 'savingsPlan', id: savingsPlanId }],
  body: (state) => ({ savingsPlanId, ...found(state.savingsPlans, 'savingsPlan', savingsPlanId) }),
});

export const grantShown = ({ grantId }: Ids<'grantId'>): ShownAs<'Grant'> => ({
  items: [{ noun: 'grant', id: grantId }],
  body: (state) => {
    const grant = found(state.grants, 'grant', grantId);
    if (grant.kind === 'dap') return { grantId, ...grant };
    const { accessAssignments, ...gdap } = grant;
    const assignments = [...accessAssignments].map(([assignmentId, assignment]) => ({
      assignmentId,
      ...assignment,
      status: accessAssignmentStatus(assignment, grant),
    }));
    return { grantId, ...gdap, accessAssignments: assignments };
  },
});

export const accessAssignmentShown = ({
  grantId,
  assignmentId,
}: Ids<'grantId' | 'assignmentId'>): ShownAs<'AccessAssignment'> => ({
  items: [{ noun: 'grant', id: grantId }],
  body: (state) => {
    const grant = found(state.grants, 'grant', grantId);
    if (grant.kind === 'dap') throw new Rejection('ItemNotFound', { kind: 'accessAssignment', itemId: assignmentId });
    const assignment = found(grant.accessAssignments, 'accessAssignment', assignmentId);
    return { grantId, assignmentId, ...assignment, status: accessAssignmentStatus(assignment, grant) };
  },
});

function subscriptionOf(id: string): ItemRef {
  return { noun: 'subscription', id };
}

function found<Item>(items: ReadonlyMap<string, Item>, kind: string, itemId: string): Item {
  const item = items.get(itemId);
  if (!item) throw new Rejection('ItemNotFound', { kind, itemId });
  return item;
}

/** The item, if it belongs to the current term. */
function ofTerm<Item extends { readonly relationshipTerm: number }>(state: State, item: Item | undefined) {
  return state.status === 'active' && item?.relationshipTerm === state.relationshipTerm ? item : undefined;
}
