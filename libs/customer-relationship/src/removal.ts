import type { Frozen, MessageOf } from '#event-sourcing';
import { requireKnown } from './admission.js';
import { firstInstantAfter, hasPassed, type Instant } from './calendar.js';
import type { CommandName } from './commands.js';
import type { Context } from './context.js';
import { revokeGrants } from './delegated-admin.js';
import { event, present } from './event.js';
import type { RelationshipEvents, SubscriptionKind } from './events.js';
import type { PartnerType, Role } from './parties.js';
import type { Policy } from './policy.js';
import { reject } from './rejections.js';
import { refundCapExceeded, reservationCommands } from './reservations.js';
import type { Right } from './rights.js';
import { settle, settledState } from './settling.js';
import {
  inCurrentTerm,
  type CustomerRelationship,
  type Reservation,
  type ReservationStatus,
  type SavingsPlanStatus,
  type SoftwarePurchase,
  type SoftwareStatus,
  type Subscription,
  type SubscriptionStatus,
} from './state.js';
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

/** Refusals recorded by earlier releases may name `endTerm` too. */
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

/** Who may send the command of a remedy. */
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

/** One active item, with the reason why it blocks and the remedy. */
export interface RemovalBlocker {
  readonly kind: BlockerKind;
  readonly itemId: string;
  readonly displayName: string;
  readonly state: string;
  readonly reason: string;
  readonly remedy: Remedy;
  /** The command to send. */
  readonly remedyCommand?: CommandName;
  /** The item to send the command to, if it is not the one that blocks. */
  readonly remedyItemId?: string;
  /** The first instant at which the command is accepted; absent if that is now. */
  readonly remedyFrom?: Instant;
  readonly remedyBy?: RemedyBy;
  /** The first instant at which the item can stop blocking, if the remedy is followed; absent if it never ends. */
  readonly earliestClearableAt?: Instant;
}

const rulesOfBlockers = ['R6', 'R7', 'R8', 'R9', 'R10', 'R11', 'R12', 'R13', 'R14'] as const;
const rulesOfPermission = ['R1', 'R2', 'R3', 'R4', 'R5'] as const;
const rulesOfConsequences = ['R15', 'R16', 'R17', 'R18', 'R21', 'R27', 'R28', 'S16', 'G12'] as const;
export const rulesOfRemoval = [...rulesOfBlockers, ...rulesOfPermission, ...rulesOfConsequences] as const;

/** What decides whether an item blocks, with its status as time has left it; a row of the items view has it too. */
export type BlockingFacts =
  | { readonly item: 'subscription'; readonly kind: SubscriptionKind; readonly status: SubscriptionStatus }
  | { readonly item: 'reservation'; readonly status: ReservationStatus }
  | {
      readonly item: 'softwarePurchase';
      readonly status: SoftwareStatus;
      readonly cancellationAllowedUntil: Instant;
    }
  | { readonly item: 'savingsPlan'; readonly status: SavingsPlanStatus };

/** The kind of blocker that an item is under a policy; undefined if it does not block removal (rules R6–R13). */
export function blocksAs(facts: BlockingFacts, { removal }: Policy, now: Instant): BlockerKind | undefined {
  switch (facts.item) {
    case 'subscription':
      if (facts.status === 'pending') return 'pending';
      if (facts.status === 'active') return 'activeSubscription';
      if (facts.status === 'suspended' && facts.kind === 'newCommerce' && removal.suspendedNewCommerceBlocks)
        return 'suspendedNewCommerce';
      return undefined;
    case 'reservation':
      if (facts.status === 'active') return 'reservation';
      return facts.status === 'cancellationRequested' ? 'reservationCancellationPending' : undefined;
    case 'softwarePurchase':
      if (facts.status !== 'completed') return undefined;
      if (!removal.softwarePastWindowBlocks && hasPassed(facts.cancellationAllowedUntil, now)) return undefined;
      return 'softwarePurchase';
    case 'savingsPlan':
      return removal.savingsPlansBlock && facts.status === 'active' ? 'savingsPlan' : undefined;
  }
}

/**
 * Every active item of the current term, ordered by kind and id (rules R6–R14), as it stands now, whether or not that
 * has been recorded.
 */
export function removalBlockers(
  recorded: Frozen<CustomerRelationship>,
  policy: Policy,
  now: Instant,
): readonly RemovalBlocker[] {
  return blockersIn(settledState(recorded, now, policy), policy, now);
}

/** Used by both the command and the readiness query, in a settled state. */
function blockersIn(state: Frozen<CustomerRelationship>, policy: Policy, now: Instant): readonly RemovalBlocker[] {
  const blockers: RemovalBlocker[] = [];
  type Remains = Pick<RemovalBlocker, 'reason' | 'remedy'> & Partial<RemovalBlocker>;
  const block = (kind: BlockerKind, itemId: string, item: { name: string; status: string }, remains: Remains) =>
    blockers.push({ kind, itemId, displayName: item.name, state: item.status, ...remains });

  for (const [itemId, subscription] of inCurrentTerm(state, state.subscriptions)) {
    const { kind, status } = subscription;
    const blocks = blocksAs({ item: 'subscription', kind, status }, policy, now);
    if (!blocks) continue;
    const clearance = clearSubscription(itemId, subscription, blocks, state, policy, now);
    block(blocks, itemId, subscription, withSenders(clearance, policy));
  }
  for (const [itemId, reservation] of inCurrentTerm(state, state.reservations)) {
    const { status, owners } = reservation;
    const kind = blocksAs({ item: 'reservation', status }, policy, now);
    if (!kind) continue;
    const clearance = clearReservation(reservation, kind, state, policy, now);
    block(kind, itemId, reservation, withSenders(clearance, policy, kind === 'reservation' ? owners : undefined));
  }
  for (const [itemId, purchase] of inCurrentTerm(state, state.software)) {
    const { status, cancellationAllowedUntil } = purchase;
    const kind = blocksAs({ item: 'softwarePurchase', status, cancellationAllowedUntil }, policy, now);
    if (kind) block(kind, itemId, purchase, withSenders(clearSoftware(purchase, policy, now), policy));
  }
  for (const [itemId, plan] of inCurrentTerm(state, state.savingsPlans)) {
    const { status, expiresAt } = plan;
    const kind = blocksAs({ item: 'savingsPlan', status }, policy, now);
    if (kind) block(kind, itemId, plan, { reason: 'notCancellable', ...outlasting(expiresAt) });
  }
  return blockers.sort(
    (a, b) => blockerKinds.indexOf(a.kind) - blockerKinds.indexOf(b.kind) || (a.itemId < b.itemId ? -1 : 1),
  );
}

/** Every remedy is one of these commands. */
const clearingCommands = { ...subscriptionCommands, ...reservationCommands, ...softwareCommands };
type ClearingCommand = keyof typeof clearingCommands;

type Clearance = Pick<RemovalBlocker, 'reason' | 'remedy' | 'remedyItemId' | 'remedyFrom' | 'earliestClearableAt'> & {
  readonly remedyCommand?: ClearingCommand;
};

function atOnce(reason: string, remedy: Remedy, remedyCommand: ClearingCommand, now: Instant): Clearance {
  return { reason, remedy, remedyCommand, earliestClearableAt: now };
}

/** Only its end, or a transfer to another partner, clears the item. */
function outlasting(end: Instant | undefined): Pick<Clearance, 'remedy' | 'earliestClearableAt'> & { reason?: string } {
  // This reason replaces the caller's, which does not say that waiting is no use.
  if (end === undefined) return { reason: 'neverEnds', remedy: 'transfer' };
  return { remedy: 'waitOrTransfer', earliestClearableAt: firstInstantAfter(end) };
}

/** Adds who may send the command of the remedy, by the right to that command. */
function withSenders(clearance: Clearance, policy: Policy, owners?: readonly string[]): Clearance {
  const { remedyCommand } = clearance;
  if (!remedyCommand) return clearance;
  const { anyOf, allOf, appOnly }: Right = policy.rights[remedyCommand] ?? clearingCommands[remedyCommand].right;
  const remedyBy: RemedyBy = { side: 'partner', anyOf, ...present({ allOf }), appOnly, ...present({ owners }) };
  return { ...clearance, remedyBy } as Clearance;
}

/** How a reservation stops blocking (rules R12, V3, V4). */
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
  const reason = 'refundCapReached';
  if (recoversAt === undefined || recoversAt > expiresAt) return { reason, ...outlast };
  const remedyCommand = 'CancelReservation';
  return { reason, remedy: 'cancel', remedyCommand, remedyFrom: recoversAt, earliestClearableAt: recoversAt };
}

/** How software stops blocking, in a settled state (rules R8, V7, V7a, V9). */
function clearSoftware(
  { publisher, autoRenew, cancellationAllowedUntil, expiresAt }: Frozen<SoftwarePurchase>,
  policy: Policy,
  now: Instant,
): Clearance {
  const cancellable = !policy.nonCancellablePublishers.includes(publisher);
  const windowOpen = !hasPassed(cancellationAllowedUntil, now);
  if (cancellable && windowOpen) return atOnce('notCancelled', 'cancel', 'CancelSoftwarePurchase', now);

  const reason = cancellable ? 'cancellationWindowClosed' : 'notCancellable';
  // Where a purchase past its window does not block, the window's end counts even for one that cannot be cancelled
  // (rule R8).
  const windowClears = !policy.removal.softwarePastWindowBlocks && !isBefore(expiresAt, cancellationAllowedUntil);
  if (windowClears) return { reason, ...outlasting(cancellationAllowedUntil) };
  if (!autoRenew || expiresAt === undefined) return { reason, ...outlasting(expiresAt) };
  return {
    reason,
    remedy: 'switchOffAutoRenewAndWait',
    remedyCommand: 'SetSoftwareAutoRenew',
    earliestClearableAt: firstInstantAfter(expiresAt),
  };
}

function isBefore(one: Instant | undefined, other: Instant): boolean {
  return one !== undefined && one < other;
}

/** How a subscription stops blocking, in a settled state (rules R9, S7, S10, S12, S18, S20). */
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
    // A suspended subscription does not renew, even with auto-renew on (rule S14).
    return {
      reason: why,
      ...(status === 'active' && autoRenew
        ? { remedy: 'switchOffAutoRenewAndWait', remedyCommand: 'SetAutoRenew' }
        : { remedy: 'waitForExpiry', remedyCommand: 'EndSubscriptionTerm', ...present({ remedyFrom: freeFrom }) }),
      ...present({ earliestClearableAt: freeFrom }),
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
      // It is already cancelled as of the end of its term (rule S20).
      return cancellationTakesEffectAt === undefined
        ? suspend
        : outlastTerm('cancellationScheduled', cancellationTakesEffectAt);
    case 'legacy':
      return suspend;
  }
}

/** A pending subscription is activated first; when it then stops blocking depends on its term. */
function clearPending(
  subscriptionId: string,
  subscription: Frozen<Subscription>,
  state: Frozen<CustomerRelationship>,
  policy: Policy,
  now: Instant,
): Clearance {
  const item = { noun: 'subscription', id: subscriptionId } as const;
  const activated = new Map(state.subscriptions).set(subscriptionId, { ...subscription, status: 'active' });
  const settled = settle({ ...state, subscriptions: activated }, [item], now, policy).state;
  const then = settled.subscriptions.get(subscriptionId)!;
  const blocks = blocksAs({ item: 'subscription', kind: then.kind, status: then.status }, policy, now);
  const earliestClearableAt = blocks
    ? clearSubscription(subscriptionId, then, blocks, settled, policy, now).earliestClearableAt
    : now;

  const remedyItemId = suspendedBase(state, subscription, now)?.baseSubscriptionId;
  return {
    ...(remedyItemId === undefined
      ? { reason: 'notProvisioned', remedy: 'activateFirst', remedyCommand: 'ActivateSubscription' }
      : {
          reason: 'baseSuspended',
          remedy: 'reactivateBaseFirst',
          remedyCommand: 'ReactivateSubscription',
          remedyItemId,
        }),
    ...present({ earliestClearableAt }),
  };
}

/** Something to know before a removal that does not block it. */
export interface RemovalWarning {
  readonly kind:
    | 'suspendedNewCommerceCharged'
    | 'savingsPlanContinues'
    | 'softwareContinues'
    | 'softwareMayHaveRenewed'
    | 'noticeIsYours';
  readonly itemId?: string;
  readonly displayName?: string;
  readonly until?: Instant;
}

/** Charges that continue after the removal, and access that it does not end (rules S16, G12). */
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
 * Whether the relationship can be removed now, and what that would and would not end; independent of who asks.
 * @throws Rejection as the command does for a relationship that is not active, or a partner type that may not remove
 */
export function removalReadiness(
  recorded: Frozen<CustomerRelationship>,
  policy: Policy,
  now: Instant,
  partnerType: PartnerType,
): RemovalReadiness {
  const state = settledState(recorded, now, policy);
  requireRemovable(state, policy, partnerType);
  const blockers = blockersIn(state, policy, now);
  const subscriptions = inCurrentTerm(state, state.subscriptions);
  const suspendedNewCommerce = subscriptions.filter(
    ([, { kind, status }]) => kind === 'newCommerce' && status === 'suspended',
  );
  const savingsPlans = inCurrentTerm(state, state.savingsPlans).filter(([, { status }]) => status === 'active');
  const software = inCurrentTerm(state, state.software);
  const pastWindow = policy.removal.softwarePastWindowBlocks
    ? []
    : software.filter(
        ([, { status, cancellationAllowedUntil }]) =>
          status === 'completed' && hasPassed(cancellationAllowedUntil, now),
      );
  const mayHaveRenewed = software.filter(([, { status, renewalUnknown }]) => status === 'expired' && renewalUnknown);

  return {
    removable: blockers.length === 0,
    policy: policy.name,
    blockers,
    warnings: [
      ...suspendedNewCommerce.map(([itemId, { name, termEndsAt }]) => ({
        kind: 'suspendedNewCommerceCharged' as const,
        itemId,
        displayName: name,
        ...present({ until: termEndsAt }),
      })),
      ...savingsPlans.map(([itemId, { name, expiresAt }]) => ({
        kind: 'savingsPlanContinues' as const,
        itemId,
        displayName: name,
        until: expiresAt,
      })),
      ...pastWindow.map(([itemId, { name, autoRenew, expiresAt }]) => ({
        kind: 'softwareContinues' as const,
        itemId,
        displayName: name,
        ...(autoRenew ? {} : present({ until: expiresAt })),
      })),
      ...mayHaveRenewed.map(([itemId, { name }]) => ({
        kind: 'softwareMayHaveRenewed' as const,
        itemId,
        displayName: name,
      })),
      { kind: 'noticeIsYours' },
    ],
    willEnd: {
      availableSupportContacts: state.availableSupportContacts.map(({ tenantId }) => tenantId),
      supportContactDesignations: withdrawDesignations(state, now).map(({ data }) => data.subscriptionId),
      delegatedAdminGrants: revokeGrants(state, now).map(({ data }) => data.grantId),
    },
    willNotEnd: {
      residualAccess: subscriptions.flatMap(([, { azureSubscriptions }]) =>
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
          ...present({ until: termEndsAt }),
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
 * Removes the relationship (rules R1–R18, R21). The same append withdraws the support contacts and revokes every
 * delegated admin grant. It suspends no subscription and cancels nothing (rule R15).
 */
export function decideRemoval(
  recorded: Frozen<CustomerRelationship>,
  { noticeGiven }: { readonly noticeGiven?: boolean },
  { now, policy, partner }: Context,
): readonly MessageOf<RelationshipEvents>[] {
  const state = settledState(recorded, now, policy);
  requireRemovable(state, policy, partner.type);
  const blockers = blockersIn(state, policy, now);
  if (blockers.length > 0) throw reject('RemovalBlocked', { blockers });
  if (policy.removal.noticeAcknowledgementRequired && noticeGiven !== true)
    throw reject('NoticeAcknowledgementMissing');

  return [
    event('ResellerRelationshipRemoved', {
      relationshipTerm: state.relationshipTerm,
      removedAt: now,
      ...present({ noticeGiven }),
      policy: policy.name,
    }),
    ...withdrawDesignations(recorded, now),
    ...revokeGrants(state, now),
  ];
}

/** The term is over; its items can still be read, and the clock's commands still apply to them. */
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
