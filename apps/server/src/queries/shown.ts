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
import type { Answers, RemovalReadinessAnswer, WithoutPlace } from '../contract/answers.js';
import type { Place } from '../contract/answer-words.js';
import type { Shown } from './read-relationship.js';

// How a relationship and its items are shown. A change here needs the next number in representation.ts.

type State = Frozen<CustomerRelationship>;
type ShownAs<Name extends keyof Answers> = Shown<WithoutPlace<Answers[Name]>>;
type Ids<Name extends string> = Readonly<Record<Name, string>>;

export const relationshipShown: ShownAs<'Relationship'> = {
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

/** As dates have left it, recorded or not (T1). */
export const subscriptionShown = ({ subscriptionId }: Ids<'subscriptionId'>): ShownAs<'Subscription'> => ({
  body: (recorded, _, { now }) => {
    const { state } = settle(recorded, [{ noun: 'subscription', id: subscriptionId }], now, defaultPolicy);
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
  passed: (recorded, now) =>
    settle(recorded, [{ noun: 'subscription', id: subscriptionId }], now, defaultPolicy).due.at(-1)?.at,
});

export const azureSubscriptionShown = ({
  subscriptionId,
  azureSubscriptionId,
}: Ids<'subscriptionId' | 'azureSubscriptionId'>): ShownAs<'AzureSubscription'> => ({
  body: (state) => {
    const { azureSubscriptions } = found(state.subscriptions, 'subscription', subscriptionId);
    const azureSubscription = found(azureSubscriptions, 'azureSubscription', azureSubscriptionId);
    return { subscriptionId, azureSubscriptionId, ...azureSubscription };
  },
});

export const reservationShown = ({ reservationId }: Ids<'reservationId'>): ShownAs<'Reservation'> =>
  withStatusOf(
    (state) => found(state.reservations, 'reservation', reservationId),
    reservationAt,
    (reservation) => ({ reservationId, ...reservation }),
  );

export const softwareShown = ({ purchaseId }: Ids<'purchaseId'>): ShownAs<'SoftwarePurchase'> =>
  withStatusOf(
    (state) => found(state.software, 'softwarePurchase', purchaseId),
    softwareAt,
    ({ lineItems, ...purchase }) => ({
      purchaseId,
      ...purchase,
      lineItems: [...lineItems].map(([lineItemId, cancelled]) => ({ lineItemId, cancelled })),
    }),
  );

export const savingsPlanShown = ({ savingsPlanId }: Ids<'savingsPlanId'>): ShownAs<'SavingsPlan'> =>
  withStatusOf(
    (state) => found(state.savingsPlans, 'savingsPlan', savingsPlanId),
    savingsPlanAt,
    (plan) => ({ savingsPlanId, ...plan }),
  );

export const grantShown = ({ grantId }: Ids<'grantId'>): ShownAs<'Grant'> =>
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

export const accessAssignmentShown = ({
  grantId,
  assignmentId,
}: Ids<'grantId' | 'assignmentId'>): ShownAs<'AccessAssignment'> => ({
  body: (state, _, { now }) => {
    const grant = found(state.grants, 'grant', grantId);
    if (grant.kind === 'dap') throw new Rejection('ItemNotFound', { kind: 'accessAssignment', itemId: assignmentId });
    const assignment = found(grant.accessAssignments, 'accessAssignment', assignmentId);
    return { grantId, assignmentId, ...assignment, status: accessAssignmentStatusAt(assignment, grant, now) };
  },
  passed: (state, now) => grantAt(found(state.grants, 'grant', grantId), now).endedAt,
});

/** For an item that ends by time: it is shown with its status at the time of the question. */
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

/** The item, if it belongs to the current term. */
function ofTerm<Item extends { readonly relationshipTerm: number }>(state: State, item: Item | undefined) {
  return state.status === 'active' && item?.relationshipTerm === state.relationshipTerm ? item : undefined;
}
