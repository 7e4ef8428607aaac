import type { Frozen, MessageOf } from '#event-sourcing';
import { firstInstantAfter, hasPassed, type Instant } from './calendar.js';
import type { CommandName } from './commands.js';
import type { Context } from './context.js';
import { revokeGrants } from './delegated-admin.js';
import type { RelationshipEvents, SubscriptionKind } from './events.js';
import { requireKnown } from './admission.js';
import type { PartnerType, Role } from './parties.js';
import type { Policy } from './policy.js';
import { reject } from './rejections.js';
import { refundCapExceeded, reservationCommands } from './reservations.js';
import type { Right } from './rights.js';
import { settle, settledState } from './settling.js';
import type {
  CustomerRelationship,
  Reservation,
  ReservationStatus,
  SavingsPlanStatus,
  SoftwareStatus,
  Subscription,
  SubscriptionStatus,
} from './state.js';
import { reservationAt, savingsPlanAt, softwareAt, withStatusAt } from './statuses.js';
import { softwareCommands } from './software.js';
import { subscriptionCommands, suspendedBase } from './subscriptions.js';
import { withdrawDesignations } from './support-contacts.js';

/** Kinds of active items, in the order in which blockers are reported. */
export const blockerKinds = [
  'reservation',
  'reservationCancellationPending',
  'savingsPlan',
  'softwarePurchase',
  'pending',
  'activeSubscription',
  'suspendedNewCommerce',
] as const;
export type BlockerKind = (typeof blockerKinds)[number];

/** Refusals that earlier releases have recorded may name `endTerm` too. */
export const remedies = [
  'cancel',
  'settleCancellation',
  'waitForExpiry',
  'waitOrTransfer',
  'transfer',
  'activateFirst',
  'reactivateBaseFirst',
  'suspend',
  'cancelAzureSubscriptionsFirst',
  'switchOffAutoRenewAndWait',
] as const;
export type Remedy = (typeof remedies)[number];

/** Who may send the command that a remedy is. */
export interface RemedyBy {
  readonly side: 'partner';
  /** One of these roles … */
  readonly anyOf: readonly Role[];
  /** … and all of these. */
  readonly allOf?: readonly Role[];
  /** An app without a user may, too. */
  readonly appOnly: boolean;
  /** Only these principals: owners of the reservation order (rule V5). */
  readonly owners?: readonly string[];
}

/** One active item with its reason and remedy. */
export interface RemovalBlocker {
  readonly kind: BlockerKind;
  readonly itemId: string;
  readonly displayName: string;
  readonly state: string;
  readonly reason: string;
  readonly remedy: Remedy;
  /** The command that the remedy is. */
  readonly remedyCommand?: CommandName;
  /** The item that the command is sent to, where it is not the one that blocks. */
  readonly remedyItemId?: string;
  /** The first instant at which the command is accepted; absent where that is now. */
  readonly remedyFrom?: Instant;
  readonly remedyBy?: RemedyBy;
  /** The first instant at which it can have stopped blocking, if the remedy is followed; absent for what never ends. */
  readonly earliestClearableAt?: Instant;
}

export const rulesOfBlockers = ['R6', 'R7', 'R8', 'R9', 'R10', 'R11', 'R12', 'R13', 'R14'] as const;

/** What decides whether an item blocks; a row of the items view has it too. */
export type BlockingFacts =
  | { readonly item: 'subscription'; readonly kind: SubscriptionKind; readonly status: SubscriptionStatus }
  | { readonly item: 'reservation'; readonly status: ReservationStatus; readonly endsAt: Instant }
  | {
      readonly item: 'softwarePurchase';
      readonly status: SoftwareStatus;
      readonly endsAt?: Instant | undefined;
      readonly cancellationAllowedUntil: Instant;
    }
  | { readonly item: 'savingsPlan'; readonly status: SavingsPlanStatus; readonly endsAt: Instant };

/** As what an item blocks removal under a policy, if it does (rules R6–R13). */
export function blocksAs(facts: BlockingFacts, { removal }: Policy, now: Instant): BlockerKind | undefined {
  switch (facts.item) {
    case 'subscription':
      if (facts.status === 'pending') return 'pending';
      if (facts.status === 'active') return 'activeSubscription';
      if (facts.status === 'suspended' && facts.kind === 'newCommerce' && removal.suspendedNewCommerceBlocks)
        return 'suspendedNewCommerce';
      return undefined;
    case 'reservation': {
      const { status } = reservationAt({ status: facts.status, expiresAt: facts.endsAt }, now);
      if (status === 'active') return 'reservation';
      return status === 'cancellationRequested' ? 'reservationCancellationPending' : undefined;
    }
    case 'softwarePurchase':
      if (softwareAt({ status: facts.status, expiresAt: facts.endsAt }, now).status !== 'completed') return undefined;
      if (!removal.softwarePastWindowBlocks && hasPassed(facts.cancellationAllowedUntil, now)) return undefined;
      return 'softwarePurchase';
    case 'savingsPlan':
      return removal.savingsPlansBlock &&
        savingsPlanAt({ status: facts.status, expiresAt: facts.endsAt }, now).status === 'active'
        ? 'savingsPlan'
        : undefined;
  }
}

/**
 * Every active item of the current term, ordered by kind and id (rules R6–R14): as the dates have left them, whatever has
 * been recorded of that. The command and the question both ask here.
 */
export function removalBlockers(
  recorded: Frozen<CustomerRelationship>,
  policy: Policy,
  now: Instant,
): readonly RemovalBlocker[] {
  const state = settledState(recorded, now, policy);
  const ofTerm = <Item extends { readonly relationshipTerm: number }>(items: ReadonlyMap<string, Item>) =>
    [...items].filter(([, { relationshipTerm }]) => relationshipTerm === state.relationshipTerm);
  const blockers: RemovalBlocker[] = [];

  for (const [itemId, subscription] of ofTerm(state.subscriptions)) {
    const { kind, status, name: displayName } = subscription;
    const blocks = blocksAs({ item: 'subscription', kind, status }, policy, now);
    if (blocks)
      blockers.push({
        kind: blocks,
        itemId,
        displayName,
        state: status,
        ...withSenders(clearSubscription(itemId, subscription, blocks, state, policy, now), policy),
      });
  }
  for (const [itemId, reservation] of ofTerm(state.reservations)) {
    const { status, name: displayName, expiresAt } = reservation;
    const kind = blocksAs({ item: 'reservation', status, endsAt: expiresAt }, policy, now);
    if (kind)
      blockers.push({
        kind,
        itemId,
        displayName,
        state: status,
        ...withSenders(
          clearReservation(reservation, kind, state, policy, now),
          policy,
          kind === 'reservation' ? reservation.owners : undefined,
        ),
      });
  }
  for (const [itemId, purchase] of ofTerm(state.software)) {
    const { status, name: displayName, publisher, cancellationAllowedUntil, expiresAt } = purchase;
    const kind = blocksAs(
      { item: 'softwarePurchase', status, endsAt: expiresAt, cancellationAllowedUntil },
      policy,
      now,
    );
    if (!kind) continue;
    const blocker = { kind, itemId, displayName, state: status };
    // Where a closed window frees the relationship, its end counts even for what cannot be cancelled (rule R8).
    const ends = [expiresAt, policy.removal.softwarePastWindowBlocks ? undefined : cancellationAllowedUntil];
    const outlast = outlasting(ends.filter((end) => end !== undefined).toSorted()[0]);
    if (policy.nonCancellablePublishers.includes(publisher))
      blockers.push({ ...blocker, reason: 'notCancellable', ...outlast });
    else if (hasPassed(cancellationAllowedUntil, now))
      blockers.push({ ...blocker, reason: 'cancellationWindowClosed', ...outlast });
    else
      blockers.push({
        ...blocker,
        ...withSenders(atOnce('notCancelled', 'cancel', 'CancelSoftwarePurchase', now), policy),
      });
  }
  for (const [itemId, { status, name: displayName, expiresAt }] of ofTerm(state.savingsPlans)) {
    const kind = blocksAs({ item: 'savingsPlan', status, endsAt: expiresAt }, policy, now);
    if (kind)
      blockers.push({ kind, itemId, displayName, state: status, reason: 'notCancellable', ...outlasting(expiresAt) });
  }
  return blockers.sort(
    (a, b) => blockerKinds.indexOf(a.kind) - blockerKinds.indexOf(b.kind) || (a.itemId < b.itemId ? -1 : 1),
  );
}

/** What has no end is never over. */
function isOver(end: Instant | undefined, now: Instant): boolean {
  return end !== undefined && hasPassed(end, now);
}

/** The commands among which the remedies are. */
const clearingCommands = { ...subscriptionCommands, ...reservationCommands, ...softwareCommands };
type ClearingCommand = keyof typeof clearingCommands;

type Clearance = Pick<RemovalBlocker, 'reason' | 'remedy' | 'remedyItemId' | 'remedyFrom' | 'earliestClearableAt'> & {
  readonly remedyCommand?: ClearingCommand;
};

function atOnce(reason: string, remedy: Remedy, remedyCommand: ClearingCommand, now: Instant): Clearance {
  return { reason, remedy, remedyCommand, earliestClearableAt: now };
}

/** Nothing but its end, or another partner who takes it over, clears the item. */
function outlasting(end: Instant | undefined): Pick<Clearance, 'remedy' | 'earliestClearableAt'> & { reason?: string } {
  // It says that waiting is no way, which the reason before it would not.
  if (end === undefined) return { reason: 'neverEnds', remedy: 'transfer' };
  return { remedy: 'waitOrTransfer', earliestClearableAt: firstInstantAfter(end) };
}

/** Advice names who may follow it: those whom the right to the command names. */
function withSenders(clearance: Clearance, policy: Policy, owners?: readonly string[]): Clearance {
  const { remedyCommand } = clearance;
  if (!remedyCommand) return clearance;
  const { anyOf, allOf, appOnly }: Right = policy.rights[remedyCommand] ?? clearingCommands[remedyCommand].right;
  const remedyBy: RemedyBy = {
    side: 'partner',
    anyOf,
    ...(allOf ? { allOf } : {}),
    appOnly,
    ...(owners ? { owners } : {}),
  };
  return { ...clearance, remedyBy } as Clearance;
}

/** How a reservation stops blocking, by the rules that bind it (R12, V3, V4). */
function clearReservation(
  { product, commitmentUsdCents, expiresAt }: Frozen<Reservation>,
  blocks: BlockerKind,
  state: Frozen<CustomerRelationship>,
  policy: Policy,
  now: Instant,
): Clearance {
  if (blocks === 'reservationCancellationPending')
    return atOnce('cancellationNotConfirmed', 'settleCancellation', 'ConfirmReservationCancellation', now);
  const outlast = outlasting(expiresAt);
  if (policy.nonRefundableReservations.includes(product)) return { reason: 'notRefundable', ...outlast };

  const exceeded = refundCapExceeded(state, policy, commitmentUsdCents, now);
  if (!exceeded) return atOnce('notCancelled', 'cancel', 'CancelReservation', now);
  const { recoversAt } = exceeded;
  const expiresFirst = recoversAt === undefined || recoversAt > expiresAt;
  return {
    reason: 'refundCapReached',
    ...(expiresFirst
      ? outlast
      : {
          remedy: 'cancel',
          remedyCommand: 'CancelReservation',
          remedyFrom: recoversAt,
          earliestClearableAt: recoversAt,
        }),
  };
}

/** How a subscription stops blocking, by the rules that bind it (R9, S7, S10, S12, S18, S20). The state is a settled one. */
function clearSubscription(
  subscriptionId: string,
  subscription: Frozen<Subscription>,
  blocks: BlockerKind,
  state: Frozen<CustomerRelationship>,
  policy: Policy,
  now: Instant,
): Clearance {
  const { kind, status, trial, autoRenew, termEndsAt, cancellationAllowedUntil, cancellationTakesEffectAt } =
    subscription;
  if (blocks === 'pending') return clearPending(subscriptionId, subscription, state, policy, now);

  const reason = blocks === 'activeSubscription' ? 'active' : 'suspendedNewCommerceMustEnd';
  const outlastTerm = (why: string, end = termEndsAt): Clearance => {
    const freeFrom = end === undefined ? undefined : firstInstantAfter(end);
    const clearable = freeFrom === undefined ? {} : { earliestClearableAt: freeFrom };
    // What is suspended does not renew, whatever its switch says (rule S14).
    return status === 'active' && autoRenew
      ? {
          reason: why,
          remedy: 'switchOffAutoRenewAndWait',
          remedyCommand: 'SetAutoRenew',
          ...clearable,
        }
      : {
          reason: why,
          remedy: 'waitForExpiry',
          remedyCommand: 'EndSubscriptionTerm',
          ...(freeFrom === undefined ? {} : { remedyFrom: freeFrom }),
          ...clearable,
        };
  };
  const suspend = atOnce(reason, 'suspend', 'SuspendSubscription', now);

  switch (kind) {
    case 'azurePlan':
      return [...subscription.azureSubscriptions.values()].some(({ status }) => status === 'active')
        ? atOnce('azureSubscriptionsActive', 'cancelAzureSubscriptionsFirst', 'CancelAzureSubscription', now)
        : suspend;
    case 'newCommerce':
      if (trial) return outlastTerm('trialStatusLocked');
      if (!policy.removal.suspendedNewCommerceBlocks) return suspend;
      return cancellationAllowedUntil !== undefined && !hasPassed(cancellationAllowedUntil, now)
        ? atOnce(reason, 'cancel', 'CancelSubscription', now)
        : outlastTerm(reason);
    case 'marketplace':
      // Its end has been asked for, and comes with the term (rule S20).
      return cancellationTakesEffectAt === undefined
        ? suspend
        : outlastTerm('cancellationScheduled', cancellationTakesEffectAt);
    case 'legacy':
      return suspend;
  }
}

/** A pending subscription is activated first; when it then stops blocking hangs on the term that it comes into. */
function clearPending(
  subscriptionId: string,
  subscription: Frozen<Subscription>,
  state: Frozen<CustomerRelationship>,
  policy: Policy,
  now: Instant,
): Clearance {
  const activated = new Map(state.subscriptions).set(subscriptionId, { ...subscription, status: 'active' });
  const settled = settle({ ...state, subscriptions: activated }, [subscriptionId], now, policy).state;
  const then = settled.subscriptions.get(subscriptionId)!;
  const blocks = blocksAs({ item: 'subscription', kind: then.kind, status: then.status }, policy, now);
  const clearableAt = blocks
    ? clearSubscription(subscriptionId, then, blocks, settled, policy, now).earliestClearableAt
    : now;
  const clearable = clearableAt === undefined ? {} : { earliestClearableAt: clearableAt };

  const suspended = suspendedBase(state, subscription, now);
  if (suspended)
    return {
      reason: 'baseSuspended',
      remedy: 'reactivateBaseFirst',
      remedyCommand: 'ReactivateSubscription',
      remedyItemId: suspended.baseSubscriptionId,
      ...clearable,
    };
  return {
    reason: 'notProvisioned',
    remedy: 'activateFirst',
    remedyCommand: 'ActivateSubscription',
    ...clearable,
  };
}

/** Something that does not block but ought to be known before a removal. */
export interface RemovalWarning {
  readonly kind: 'suspendedNewCommerceCharged' | 'savingsPlanContinues' | 'softwareContinues' | 'noticeIsYours';
  readonly itemId?: string;
  readonly displayName?: string;
  readonly until?: Instant;
}

/** Charges that go on after the removal, and access that it does not touch (rules S16, G12). */
export interface RunningCharge {
  readonly item: 'subscription' | 'savingsPlan';
  readonly itemId: string;
  readonly until?: Instant;
}
export interface ResidualAccess {
  readonly kind: 'azureRoleAssignments';
  readonly azureSubscriptionId: string;
  readonly name: string;
}

export interface RemovalReadiness {
  readonly removable: boolean;
  readonly policy: string;
  readonly blockers: readonly RemovalBlocker[];
  readonly warnings: readonly RemovalWarning[];
  readonly willEnd: {
    readonly availableSupportContacts: readonly string[];
    readonly supportContactDesignations: readonly string[];
    readonly delegatedAdminGrants: readonly string[];
  };
  readonly willNotEnd: {
    readonly residualAccess: readonly ResidualAccess[];
    readonly runningCharges: readonly RunningCharge[];
  };
}

/**
 * Whether the relationship could be removed now, and what that would and would not end; who asks plays no part.
 * @throws Rejection as the command would for a relationship that is not active, or a partner type that may not remove
 */
export function removalReadiness(
  recorded: Frozen<CustomerRelationship>,
  policy: Policy,
  now: Instant,
  partnerType: PartnerType,
): RemovalReadiness {
  requireRemovable(withStatusAt(recorded, now), policy, partnerType);
  const state = settledState(recorded, now, policy);
  const blockers = removalBlockers(state, policy, now);
  const inTerm = <Item extends { readonly relationshipTerm: number }>(items: ReadonlyMap<string, Item>) =>
    [...items].filter(([, item]) => item.relationshipTerm === state.relationshipTerm);

  const suspendedNewCommerce = inTerm(state.subscriptions).filter(
    ([, { kind, status, termEndsAt }]) => kind === 'newCommerce' && status === 'suspended' && !isOver(termEndsAt, now),
  );
  const savingsPlans = inTerm(state.savingsPlans).filter(([, plan]) => savingsPlanAt(plan, now).status === 'active');
  const software = policy.removal.softwarePastWindowBlocks
    ? []
    : inTerm(state.software).filter(
        ([, { status, cancellationAllowedUntil, expiresAt }]) =>
          status === 'completed' && hasPassed(cancellationAllowedUntil, now) && !isOver(expiresAt, now),
      );
  const until = (end: Instant | undefined) => (end === undefined ? {} : { until: end });

  return {
    removable: blockers.length === 0,
    policy: policy.name,
    blockers,
    warnings: [
      ...suspendedNewCommerce.map(([itemId, { name, termEndsAt }]) => ({
        kind: 'suspendedNewCommerceCharged' as const,
        itemId,
        displayName: name,
        ...until(termEndsAt),
      })),
      ...savingsPlans.map(([itemId, { name, expiresAt }]) => ({
        kind: 'savingsPlanContinues' as const,
        itemId,
        displayName: name,
        until: expiresAt,
      })),
      ...software.map(([itemId, { name, expiresAt }]) => ({
        kind: 'softwareContinues' as const,
        itemId,
        displayName: name,
        ...until(expiresAt),
      })),
      { kind: 'noticeIsYours' },
    ],
    willEnd: {
      availableSupportContacts: state.availableSupportContacts.map(({ tenantId }) => tenantId),
      supportContactDesignations: withdrawDesignations(recorded, now).map(({ data }) => data.subscriptionId),
      delegatedAdminGrants: revokeGrants(state, now).map(({ data }) => data.grantId),
    },
    willNotEnd: {
      residualAccess: inTerm(state.subscriptions).flatMap(([, { azureSubscriptions }]) =>
        [...azureSubscriptions].map(([azureSubscriptionId, { name }]) => ({
          kind: 'azureRoleAssignments' as const,
          azureSubscriptionId,
          name,
        })),
      ),
      runningCharges: [
        ...suspendedNewCommerce.map(([itemId, { termEndsAt }]) => ({
          item: 'subscription' as const,
          itemId,
          ...until(termEndsAt),
        })),
        ...savingsPlans.map(([itemId, { expiresAt }]) => ({ item: 'savingsPlan' as const, itemId, until: expiresAt })),
      ],
    },
  };
}

function requireRemovable(state: Frozen<CustomerRelationship>, { removal }: Policy, partnerType: PartnerType): void {
  if (!removal.partnerTypes.includes(partnerType))
    throw reject('PartnerTypeNotAllowed', { partnerType, allowed: removal.partnerTypes, hint: 'askTheProvider' });
  requireKnown(state);
  if (state.status === 'removed') throw reject('RelationshipAlreadyRemoved', { removedAt: state.removedAt });
  if (state.status !== 'active') throw reject('RelationshipNotActive', { status: state.status });
}

/**
 * Removes the relationship (rules R1–R18, R21): the support contacts and every delegated admin grant go in the same
 * append; no subscription is suspended and nothing is cancelled by it (rule R15).
 */
export function decideRemoval(
  state: Frozen<CustomerRelationship>,
  { noticeGiven }: { readonly noticeGiven?: boolean },
  { now, policy, partner }: Context,
): readonly MessageOf<RelationshipEvents>[] {
  requireRemovable(state, policy, partner.type);
  const blockers = removalBlockers(state, policy, now);
  if (blockers.length > 0) throw reject('RemovalBlocked', { blockers });
  if (policy.removal.noticeAcknowledgementRequired && noticeGiven !== true)
    throw reject('NoticeAcknowledgementMissing');

  return [
    {
      type: 'ResellerRelationshipRemoved',
      data: {
        relationshipTerm: state.relationshipTerm,
        removedAt: now,
        ...(noticeGiven === undefined ? {} : { noticeGiven }),
        policy: policy.name,
      },
    },
    ...withdrawDesignations(state, now),
    ...revokeGrants(state, now),
  ];
}

/** The term is over; its items stay to be read and to be moved on by the clock. */
export function endTerm(
  state: CustomerRelationship,
  { removedAt }: RelationshipEvents['ResellerRelationshipRemoved'],
): void {
  state.status = 'removed';
  state.removedAt = removedAt;
  state.availableSupportContacts = [];
  delete state.establishedAt;
  delete state.agreementConfirmedAt;
}
