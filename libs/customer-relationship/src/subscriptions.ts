import type { Frozen, Rejection } from '#event-sourcing';
import {
  commitmentEndFault,
  current,
  effectiveFault,
  effectiveTime,
  endFault,
  known,
  refuseFaults,
  requireNew,
  requirePurchase,
} from './admission.js';
import { cancellation, step, windowEnd } from './boundaries.js';
import {
  addDays,
  anchorDayOf,
  firstInstantAfter,
  hasPassed,
  termEnd,
  type Instant,
  type TermDuration,
} from './calendar.js';
import type { CommandTable } from './command.js';
import type { Context, Steps } from './context.js';
import { event, present } from './event.js';
import type {
  BillingCycle,
  RelationshipEvents,
  ScheduledChange,
  SubscriptionKind,
  SuspensionReason,
} from './events.js';
import type { Buyer, Money } from './parties.js';
import type { Policy } from './policy.js';
import { reject } from './rejections.js';
import { byAnyRole, byUser } from './rights.js';
import { rulesOfLateFacts, rulesOfSale } from './rules.js';
import type { CustomerRelationship, Subscription, SubscriptionStatus } from './state.js';
import { passingTime, type ItemRef } from './settling.js';
import { hasEnded } from './statuses.js';
import { assignDefaultContact, designatedWhereFull, withdrawDesignation } from './support-contacts.js';

export interface SubscriptionCommands {
  /** Buys a subscription of any kind. */
  PurchaseSubscription: {
    readonly subscriptionId: string;
    readonly kind: SubscriptionKind;
    readonly offerId: string;
    readonly name: string;
    readonly quantity: number;
    /** Required, except for an Azure plan, which has no term. A trial lasts 30 days, whatever term follows it. */
    readonly termDuration?: TermDuration;
    readonly trial?: boolean;
    /** Default: true for new commerce and marketplace, false for legacy; an Azure plan has none. */
    readonly autoRenew?: boolean;
    readonly baseSubscriptionId?: string;
    readonly billingCycle?: BillingCycle;
    readonly price?: Money;
    readonly boughtBy?: Buyer;
    /** The end of the term that runs, or of the trial (inclusive), where it is not the computed one (rule T3). */
    readonly commitmentEndDate?: Instant;
    /** The end of the cancellation window; without it, the policy's window counts. */
    readonly cancellationAllowedUntil?: Instant;
    /** Already provisioned: activates it in the same append. */
    readonly provisioned?: boolean;
    readonly effectiveAt?: Instant;
  };
  /** Records that a pending subscription has been provisioned. */
  ActivateSubscription: { readonly subscriptionId: string; readonly effectiveAt?: Instant };
  /** Records that a pending subscription could not be provisioned: it will never be active. */
  FailSubscriptionProvisioning: {
    readonly subscriptionId: string;
    readonly reason?: string;
    readonly effectiveAt?: Instant;
  };
  /** Records that the provisioning of a pending subscription was cancelled: it will never be active. */
  CancelSubscriptionProvisioning: { readonly subscriptionId: string; readonly effectiveAt?: Instant };
  /** Suspends an active subscription, and its add-ons with it. */
  SuspendSubscription: {
    readonly subscriptionId: string;
    readonly reason: SuspensionReason;
    readonly effectiveAt?: Instant;
  };
  /** Makes a suspended subscription active again. */
  ReactivateSubscription: { readonly subscriptionId: string; readonly effectiveAt?: Instant };
  /** Cancels a subscription within its window; one of the marketplace past it is cancelled at the end of its term. */
  CancelSubscription: { readonly subscriptionId: string; readonly effectiveAt?: Instant };
  /** Sets whether the subscription renews at the end of its term. */
  SetAutoRenew: { readonly subscriptionId: string; readonly autoRenew: boolean; readonly effectiveAt?: Instant };
  /** Changes the number of seats. */
  ChangeSubscriptionQuantity: {
    readonly subscriptionId: string;
    readonly quantity: number;
    readonly effectiveAt?: Instant;
  };
  /** Schedules changes for the next term; replaces what was scheduled before. */
  ScheduleSubscriptionChange: {
    readonly subscriptionId: string;
    readonly change?: ScheduledChange;
    readonly billingCycle?: BillingCycle;
  };
  /** Records what time has brought about for a subscription, such as a renewal; not before it is due. */
  RenewSubscription: { readonly subscriptionId: string };
  /** Records what time has brought about for a subscription, such as the end of its term; not before it is due. */
  EndSubscriptionTerm: { readonly subscriptionId: string };
  /** Records what time has brought about for a subscription, such as its deletion; not before it is due. */
  AdvanceSubscriptionRetention: { readonly subscriptionId: string };
  /** Creates an Azure subscription under an active Azure plan. */
  AddAzureSubscription: {
    readonly subscriptionId: string;
    readonly azureSubscriptionId: string;
    readonly name: string;
  };
  /** Cancels an Azure subscription under an Azure plan. */
  CancelAzureSubscription: {
    readonly subscriptionId: string;
    readonly azureSubscriptionId: string;
    /** One that the policy lists (rules S19, S19a); for an ordinary end, `other` or `customerRequest`. */
    readonly reason: string;
    readonly effectiveAt?: Instant;
  };
}

type Item = Frozen<Subscription>;

const items = (ids: readonly string[]): readonly ItemRef[] => ids.map((id) => ({ noun: 'subscription', id }));

/** What brings an add-on into use reads its base too. */
const withBase = ({ subscriptionId }: { readonly subscriptionId: string }, state: Frozen<CustomerRelationship>) => {
  const base = state.subscriptions.get(subscriptionId)?.baseSubscriptionId;
  return items([subscriptionId, ...(base === undefined ? [] : [base])]);
};

const endingProvisioning = {
  right: byAnyRole,
  late: true,
  rules: ['R11', 'R20', 'S10', 'S11', 'C5', 'P1', ...rulesOfLateFacts],
  brings: ['SupportContactWithdrawn'],
} as const;

const rulesOfPassingTime = ['S14', 'S15', 'S20'] as const;
/** Each of the clock's commands records all that time has brought about. */
const passingTerms = {
  ...passingTime,
  emits: [
    'SubscriptionRenewed',
    'SubscriptionExpired',
    'SubscriptionDisabled',
    'SubscriptionDeleted',
    'SubscriptionCancelled',
  ],
  brings: ['SupportContactWithdrawn'],
} as const;

export const subscriptionCommands = {
  /** Rules S1, S10, S11; terms, windows and trials S7, S12, S20, T3; the default support contact C4. */
  PurchaseSubscription: {
    right: byAnyRole,
    rules: [...rulesOfSale, 'S7', 'S10', 'S11', 'S12', 'S20', 'C4', 'T3'],
    emits: ['SubscriptionPurchased'],
    brings: ['SubscriptionActivated', 'SupportContactAssigned'],
    settles({ kind, baseSubscriptionId }, state, policy) {
      const base = kind === 'legacy' && baseSubscriptionId !== undefined ? [baseSubscriptionId] : [];
      // New commerce has no designated support contact (rule C3).
      const designated = kind === 'newCommerce' ? [] : designatedWhereFull(state, policy);
      return [...items([...base, ...base.flatMap((id) => addOnIds(state, id))]), ...designated];
    },
    settlesUntil: 'effectiveAt',
    decide(state, data, context) {
      const { now, policy } = context;
      requirePurchase(state, context);
      const purchasedAt = effectiveTime(data.effectiveAt, now);
      requireNew(state.subscriptions, 'subscription', data.subscriptionId);
      const baseFault = requireBase(state, data, context);
      const contact = data.kind === 'newCommerce' ? [] : assignDefaultContact(state, data.subscriptionId, context);
      const termEndsAt = endOfFirstTerm(data, purchasedAt, policy);
      refuseFaults(...faultsOfPurchase(data, purchasedAt, context), baseFault);

      const { subscriptionId, kind, offerId, name, quantity, termDuration, baseSubscriptionId, billingCycle, price } =
        data;
      const trial = data.trial ?? false;
      return [
        event('SubscriptionPurchased', {
          subscriptionId,
          kind,
          offerId,
          name,
          quantity,
          trial,
          autoRenew: data.autoRenew ?? (kind === 'newCommerce' || kind === 'marketplace'),
          boughtBy: data.boughtBy ?? 'partner',
          ...present({
            baseSubscriptionId,
            termDuration,
            termEndsAt: data.commitmentEndDate ?? termEndsAt,
            // The status of a new-commerce trial is locked (rule S12), so it has no cancellation window.
            cancellationAllowedUntil:
              trial && kind === 'newCommerce'
                ? undefined
                : (data.cancellationAllowedUntil ?? windowEnd(kind, termDuration, purchasedAt, policy)),
            billingCycle,
            price,
          }),
          purchasedAt,
        }),
        ...(data.provisioned ? [event('SubscriptionActivated', { subscriptionId, activatedAt: purchasedAt })] : []),
        ...contact,
      ];
    },
  },

  /**
   * Rule S10: a legacy add-on is not provisioned while its base is suspended. If the base can no longer be reactivated,
   * the add-on is activated all the same: otherwise it would stay pending, and block removal, for ever.
   */
  ActivateSubscription: {
    right: byAnyRole,
    late: true,
    rules: ['R11', 'R20', 'S10', ...rulesOfLateFacts],
    emits: ['SubscriptionActivated'],
    settles: withBase,
    decide(state, { subscriptionId }, { now }) {
      const subscription = requirePending(state, subscriptionId, 'active');
      requireNoSuspendedBase(state, subscription, now);
      return [event('SubscriptionActivated', { subscriptionId, activatedAt: now })];
    },
  },

  /**
   * Rule P1, for a subscription of every kind. It leaves no pending add-on behind: a legacy add-on is bought only under a
   * base that is active (rule S10), and one of new commerce stands alone (rule S11).
   */
  FailSubscriptionProvisioning: {
    ...endingProvisioning,
    emits: ['SubscriptionProvisioningFailed'],
    decide(state, { subscriptionId, reason }, { now }) {
      requirePending(state, subscriptionId, 'provisioningFailed');
      return [
        event('SubscriptionProvisioningFailed', { subscriptionId, ...present({ reason }), failedAt: now }),
        ...withdrawDesignation(state, subscriptionId, 'subscriptionNotProvisioned', now),
      ];
    },
  },

  CancelSubscriptionProvisioning: {
    ...endingProvisioning,
    emits: ['SubscriptionProvisioningCancelled'],
    decide(state, { subscriptionId }, { now }) {
      requirePending(state, subscriptionId, 'provisioningCancelled');
      return [
        event('SubscriptionProvisioningCancelled', { subscriptionId, cancelledAt: now }),
        ...withdrawDesignation(state, subscriptionId, 'subscriptionNotProvisioned', now),
      ];
    },
  },

  SuspendSubscription: {
    right: byAnyRole,
    late: true,
    rules: ['R20', 'R27', 'S2', 'S3', 'S10', 'S12', 'S13', 'S15', 'S16', 'S18', ...rulesOfLateFacts],
    emits: ['SubscriptionSuspended'],
    brings: ['AutoRenewDisabled', 'ScheduledChangesDiscarded'],
    settles: ({ subscriptionId }, state) => items([subscriptionId, ...addOnIds(state, subscriptionId)]),
    decide(state, { subscriptionId, reason }, { now, policy }) {
      const subscription = current(state, state.subscriptions, 'subscription', subscriptionId);
      const { kind, status, autoRenew, scheduledChange } = subscription;
      if (status !== 'active') throw invalidTransition(subscriptionId, status, 'suspended');
      requireUnlocked(subscriptionId, subscription);
      requireNoActiveAzureSubscription(subscriptionId, subscription);

      switch (kind) {
        case 'newCommerce':
          return [
            event('SubscriptionSuspended', { subscriptionId, reason, suspendedAt: now }),
            ...(autoRenew ? [event('AutoRenewDisabled', { subscriptionId, disabledAt: now })] : []),
            ...(scheduledChange ? [event('ScheduledChangesDiscarded', { subscriptionId, discardedAt: now })] : []),
          ];
        case 'legacy': {
          const retainedUntil = addDays(now, policy.retention.legacySuspendedDays);
          const suspension = { reason, suspendedAt: now, retainedUntil };
          return [
            event('SubscriptionSuspended', { subscriptionId, ...suspension }),
            ...addOnIds(state, subscriptionId)
              .filter((addOnId) => state.subscriptions.get(addOnId)?.status === 'active')
              .map((addOnId) =>
                event('SubscriptionSuspended', { subscriptionId: addOnId, ...suspension, withBase: subscriptionId }),
              ),
          ];
        }
        case 'azurePlan':
        case 'marketplace':
          return [event('SubscriptionSuspended', { subscriptionId, reason, suspendedAt: now })];
      }
    },
  },

  /** Rules S4–S6, S10, S13. What the suspension switched off stays off. */
  ReactivateSubscription: {
    right: byAnyRole,
    late: true,
    rules: ['R20', 'S4', 'S5', 'S6', 'S10', 'S13', ...rulesOfLateFacts],
    emits: ['SubscriptionReactivated'],
    settles: withBase,
    decide(state, { subscriptionId }, { now }) {
      const subscription = current(state, state.subscriptions, 'subscription', subscriptionId);
      const { status } = subscription;
      if (status !== 'suspended') throw invalidTransition(subscriptionId, status, 'active');
      requireTerm(subscriptionId, subscription, now);
      requireActiveBase(state, subscription, now);
      return [event('SubscriptionReactivated', { subscriptionId, reactivatedAt: now })];
    },
  },

  CancelSubscription: {
    right: byAnyRole,
    late: true,
    rules: ['R20', 'R27', 'S7', 'S8', 'S9', 'S12', 'S13', 'S18', 'S20', 'C5', ...rulesOfLateFacts],
    emits: ['SubscriptionCancelled', 'CancellationScheduled'],
    brings: ['AutoRenewDisabled', 'SupportContactWithdrawn'],
    decide(state, { subscriptionId }, { now }) {
      const subscription = current(state, state.subscriptions, 'subscription', subscriptionId);
      const { kind, status, autoRenew, termEndsAt, cancellationAllowedUntil, cancellationTakesEffectAt } = subscription;
      if (kind === 'legacy')
        throw reject('CancelNotSupported', { subscriptionId, remedyCommand: 'SuspendSubscription' });
      if (status !== 'active' && status !== 'suspended') throw invalidTransition(subscriptionId, status, 'deleted');
      requireUnlocked(subscriptionId, subscription);
      requireNoActiveAzureSubscription(subscriptionId, subscription);

      const windowOpen = cancellationAllowedUntil !== undefined && !hasPassed(cancellationAllowedUntil, now);
      // An Azure plan has no term to wait for.
      if (termEndsAt === undefined || windowOpen) return cancellation(state, subscriptionId, now);
      if (cancellationTakesEffectAt !== undefined)
        throw reject('NothingToChange', { subscriptionId, takesEffectAt: cancellationTakesEffectAt });
      if (kind === 'newCommerce' || status === 'suspended')
        throw reject('CancellationWindowClosed', {
          subscriptionId,
          closedAt: cancellationAllowedUntil,
          termEndsAt,
          // The next window opens with a renewal, which a suspended subscription does not get.
          ...(status === 'active' && autoRenew ? { nextWindowAt: firstInstantAfter(termEndsAt) } : {}),
        });
      return [
        event('CancellationScheduled', { subscriptionId, takesEffectAt: termEndsAt, scheduledAt: now }),
        ...(autoRenew ? [event('AutoRenewDisabled', { subscriptionId, disabledAt: now })] : []),
      ];
    },
  },

  SetAutoRenew: {
    right: byAnyRole,
    late: true,
    rules: ['R20', 'S12', 'S13', ...rulesOfLateFacts],
    emits: ['AutoRenewEnabled', 'AutoRenewDisabled'],
    decide(state, { subscriptionId, autoRenew }, { now }) {
      const subscription = changeable(state, subscriptionId, 'autoRenew');
      const { status, cancellationTakesEffectAt } = subscription;
      if (autoRenew && cancellationTakesEffectAt !== undefined)
        throw reject('InvalidTransition', {
          itemId: subscriptionId,
          from: status,
          requires: 'noScheduledCancellation',
          takesEffectAt: cancellationTakesEffectAt,
        });
      if (autoRenew === subscription.autoRenew) throw reject('NothingToChange', { subscriptionId, autoRenew });
      return [
        autoRenew
          ? event('AutoRenewEnabled', { subscriptionId, enabledAt: now })
          : event('AutoRenewDisabled', { subscriptionId, disabledAt: now }),
      ];
    },
  },

  ChangeSubscriptionQuantity: {
    right: byAnyRole,
    late: true,
    rules: ['R20', 'S12', 'S13', ...rulesOfLateFacts],
    emits: ['SubscriptionQuantityChanged'],
    decide(state, { subscriptionId, quantity }, { now }) {
      const subscription = changeable(state, subscriptionId, 'quantity');
      requireUnlocked(subscriptionId, subscription);
      const previousQuantity = subscription.quantity;
      if (quantity === previousQuantity) throw reject('NothingToChange', { subscriptionId, quantity });
      return [event('SubscriptionQuantityChanged', { subscriptionId, quantity, previousQuantity, changedAt: now })];
    },
  },

  /** Takes effect with the renewal, so a trial may have it too (rules S3, S13). */
  ScheduleSubscriptionChange: {
    right: byAnyRole,
    rules: ['R20', 'S3', 'S13'],
    emits: ['SubscriptionChangeScheduled'],
    decide(state, { subscriptionId, change, billingCycle }, { now }) {
      const subscription = changeable(state, subscriptionId, 'change');
      const named = present({ ...change });
      const changes = { ...(Object.keys(named).length > 0 ? { change: named } : {}), ...present({ billingCycle }) };
      // Compared with the next term as it would be now, with or without scheduled changes.
      if (isSameTerm(nextTermOf(subscription), nextTermOf(subscription, changes)))
        throw reject('NothingToChange', { subscriptionId });
      return [event('SubscriptionChangeScheduled', { subscriptionId, ...changes, scheduledAt: now })];
    },
  },

  RenewSubscription: { ...passingTerms, rules: ['R20', 'S7', ...rulesOfPassingTime] },
  EndSubscriptionTerm: { ...passingTerms, rules: ['R20', ...rulesOfPassingTime, 'C5'] },
  AdvanceSubscriptionRetention: { ...passingTerms, rules: ['R20', ...rulesOfPassingTime, 'C5'] },

  /** An Azure subscription is bought under the customer's Azure plan (rules S1, S13, R19). */
  AddAzureSubscription: {
    right: byAnyRole,
    rules: [...rulesOfSale, 'S13'],
    emits: ['AzureSubscriptionAdded'],
    decide(state, { subscriptionId, azureSubscriptionId, name }, context) {
      requirePurchase(state, context);
      const plan = current(state, state.subscriptions, 'subscription', subscriptionId);
      for (const { azureSubscriptions } of state.subscriptions.values())
        requireNew(azureSubscriptions, 'azureSubscription', azureSubscriptionId);
      requireActiveItem(subscriptionId, plan);
      refuseFaults(plan.kind === 'azurePlan' ? undefined : invalidItem('subscriptionId', 'azurePlanOnly'));
      return [event('AzureSubscriptionAdded', { subscriptionId, azureSubscriptionId, name, addedAt: context.now })];
    },
  },

  /** Rules S19, S19a. Allowed under a suspended plan too. */
  CancelAzureSubscription: {
    right: { ...byUser('GlobalAdmin'), allOf: ['GlobalAdmin', 'AdminAgent'] },
    late: true,
    rules: ['R20', 'S13', 'S19', ...rulesOfLateFacts],
    emits: ['AzureSubscriptionCancelled'],
    decide(state, { subscriptionId, azureSubscriptionId, reason }, { now, policy }) {
      const plan = current(state, state.subscriptions, 'subscription', subscriptionId);
      const { status } = known(state, plan.azureSubscriptions, 'azureSubscription', azureSubscriptionId);
      requireNotDeleted(subscriptionId, plan);
      if (status === 'cancelled') throw reject('NothingToChange', { subscriptionId, azureSubscriptionId });
      refuseFaults(
        policy.azureCancellationReasons.includes(reason)
          ? undefined
          : reject('InvalidReason', { reason, known: policy.azureCancellationReasons }),
      );
      return [event('AzureSubscriptionCancelled', { subscriptionId, azureSubscriptionId, reason, cancelledAt: now })];
    },
  },
} satisfies CommandTable<SubscriptionCommands>;

export const subscriptionSteps = {
  SubscriptionPurchased(state, data) {
    const { subscriptionId, kind, offerId, name, quantity, trial, autoRenew } = data;
    const { baseSubscriptionId, termDuration, termEndsAt, cancellationAllowedUntil, billingCycle, purchasedAt } = data;
    const anchorDay =
      trial || termDuration === undefined || termEndsAt === undefined
        ? undefined
        : anchorDayOf(purchasedAt, termDuration, termEndsAt);
    state.subscriptions.set(subscriptionId, {
      relationshipTerm: state.relationshipTerm,
      kind,
      name,
      offerId,
      status: 'pending',
      trial,
      quantity,
      autoRenew,
      ...present({ baseSubscriptionId, termDuration, termEndsAt, anchorDay, cancellationAllowedUntil, billingCycle }),
      azureSubscriptions: new Map(),
    });
  },
  SubscriptionActivated: step((subscription) => {
    subscription.status = 'active';
  }),
  SubscriptionProvisioningFailed: step((subscription) => {
    subscription.status = 'provisioningFailed';
  }),
  SubscriptionProvisioningCancelled: step((subscription) => {
    subscription.status = 'provisioningCancelled';
  }),
  SubscriptionSuspended: step((subscription, { retainedUntil }) => {
    subscription.status = 'suspended';
    if (retainedUntil !== undefined) subscription.retainedUntil = retainedUntil;
  }),
  SubscriptionReactivated: step((subscription) => {
    subscription.status = 'active';
    delete subscription.retainedUntil;
  }),
  AutoRenewEnabled: step((subscription) => {
    subscription.autoRenew = true;
  }),
  AutoRenewDisabled: step((subscription) => {
    subscription.autoRenew = false;
  }),
  SubscriptionQuantityChanged: step((subscription, { quantity }) => {
    subscription.quantity = quantity;
  }),
  SubscriptionChangeScheduled: step((subscription, { change, billingCycle }) => {
    if (change !== undefined) subscription.scheduledChange = change;
    if (billingCycle !== undefined) subscription.scheduledBillingCycle = billingCycle;
  }),
  ScheduledChangesDiscarded: step((subscription) => {
    delete subscription.scheduledChange;
  }),
  CancellationScheduled: step((subscription, { takesEffectAt }) => {
    subscription.cancellationTakesEffectAt = takesEffectAt;
  }),
  AzureSubscriptionAdded: step((plan, { azureSubscriptionId, name }) => {
    plan.azureSubscriptions.set(azureSubscriptionId, { name, status: 'active' });
  }),
  AzureSubscriptionCancelled: step((plan, { azureSubscriptionId }) => {
    const azureSubscription = plan.azureSubscriptions.get(azureSubscriptionId);
    if (azureSubscription) azureSubscription.status = 'cancelled';
  }),
} satisfies Steps;

// Checks of a purchase

/** Unless the item brings its own (rule T3). */
function endOfFirstTerm(
  { trial, termDuration }: SubscriptionCommands['PurchaseSubscription'],
  purchasedAt: Instant,
  { trialDays }: Policy,
): Instant | undefined {
  return trial ? addDays(purchasedAt, trialDays) : termDuration && termEnd(purchasedAt, termDuration);
}

function faultsOfPurchase(
  data: SubscriptionCommands['PurchaseSubscription'],
  purchasedAt: Instant,
  { now, policy }: Context,
): (Rejection | undefined)[] {
  const { kind, termDuration, trial, autoRenew, baseSubscriptionId, cancellationAllowedUntil, effectiveAt } = data;
  const { commitmentEndDate } = data;
  const licences = kind === 'legacy' || kind === 'newCommerce';
  const isPlan = kind === 'azurePlan';
  const when = (wrong: boolean | undefined, field: string, rule: string) =>
    wrong ? invalidItem(field, rule) : undefined;
  return [
    effectiveFault('effectiveAt', effectiveAt, now),
    when(isPlan && termDuration !== undefined, 'termDuration', 'notForAzurePlan'),
    when(!isPlan && termDuration === undefined, 'termDuration', 'required'),
    when(isPlan && autoRenew, 'autoRenew', 'notForAzurePlan'),
    when(isPlan && commitmentEndDate !== undefined, 'commitmentEndDate', 'notForAzurePlan'),
    isPlan
      ? undefined
      : commitmentEndFault(commitmentEndDate, purchasedAt, (start) => endOfFirstTerm(data, start, policy), now),
    when(trial && !licences, 'trial', 'licencesOnly'),
    when(baseSubscriptionId !== undefined && !licences, 'baseSubscriptionId', 'licencesOnly'),
    endFault('cancellationAllowedUntil', cancellationAllowedUntil, purchasedAt, now),
  ];
}

/**
 * A legacy add-on needs a base that is in use (rule S10). A new-commerce add-on stands alone, so its base only has to
 * be known (rule S11). The limit keeps the suspension of a base with its add-ons in one append.
 * @returns what is wrong with naming this base, whatever its status
 */
function requireBase(
  state: Frozen<CustomerRelationship>,
  { kind, baseSubscriptionId }: SubscriptionCommands['PurchaseSubscription'],
  { policy: { limits }, now }: Context,
): Rejection | undefined {
  if (baseSubscriptionId === undefined) return undefined;
  if (known(state, state.subscriptions, 'subscription', baseSubscriptionId).kind !== kind)
    return invalidItem('baseSubscriptionId', 'baseOfSameKind');
  if (kind !== 'legacy') return undefined;

  const base = current(state, state.subscriptions, 'subscription', baseSubscriptionId);
  // The suspension of a base would not reach add-ons of add-ons.
  if (base.baseSubscriptionId !== undefined) return invalidItem('baseSubscriptionId', 'baseIsAddOn');
  if (base.status !== 'active') throw parentNotActive(baseSubscriptionId, base, now);
  const limit = limits.addOnsPerBase;
  const addOns = addOnIds(state, baseSubscriptionId).filter((id) => !hasEnded(state.subscriptions.get(id)!.status));
  if (addOns.length >= limit) throw reject('LimitReached', { what: 'addOns', limit });
  return undefined;
}

// Checks of a subscription

function requirePending(state: Frozen<CustomerRelationship>, subscriptionId: string, to: SubscriptionStatus): Item {
  const subscription = current(state, state.subscriptions, 'subscription', subscriptionId);
  if (subscription.status !== 'pending') throw invalidTransition(subscriptionId, subscription.status, to);
  return subscription;
}

/** A deleted subscription takes no change (rule S13). */
function requireNotDeleted(subscriptionId: string, { status }: Item): void {
  if (status === 'deleted') throw reject('SubscriptionDeleted', { subscriptionId });
}

/** A suspended subscription takes no change but to be reactivated or cancelled (rule S13). */
function requireTakesChanges(subscriptionId: string, subscription: Item): void {
  requireNotDeleted(subscriptionId, subscription);
  if (subscription.status === 'suspended') throw reject('SubscriptionSuspended', { subscriptionId });
}

function requireActiveItem(subscriptionId: string, subscription: Item): void {
  requireTakesChanges(subscriptionId, subscription);
  const { status } = subscription;
  if (status !== 'active')
    throw reject('InvalidTransition', { itemId: subscriptionId, from: status, requires: 'active' });
}

/** An active subscription; an Azure plan has neither term nor quantity to change. */
function changeable(state: Frozen<CustomerRelationship>, subscriptionId: string, field: string): Item {
  const subscription = current(state, state.subscriptions, 'subscription', subscriptionId);
  requireActiveItem(subscriptionId, subscription);
  refuseFaults(subscription.kind === 'azurePlan' ? invalidItem(field, 'notForAzurePlan') : undefined);
  return subscription;
}

/** A suspended legacy subscription is kept beyond its term, but cannot be reactivated then (rule S4). */
function requireTerm(subscriptionId: string, { termEndsAt, retainedUntil }: Item, now: Instant): void {
  if (termEndsAt === undefined || !hasPassed(termEndsAt, now)) return;
  throw reject('TermEnded', { subscriptionId, termEndsAt, ...present({ retainedUntil }) });
}

/** Status and quantity are fixed while a new-commerce trial lasts (rule S12). */
function requireUnlocked(subscriptionId: string, { kind, trial, termEndsAt }: Item): void {
  if (kind === 'newCommerce' && trial) throw reject('TrialStatusLocked', { subscriptionId, trialEndsAt: termEndsAt });
}

/** A legacy add-on is in use only under a base that is (rule S10); a new-commerce one stands alone (rule S11). */
function requireActiveBase(
  state: Frozen<CustomerRelationship>,
  { kind, baseSubscriptionId }: Item,
  now: Instant,
): void {
  if (kind !== 'legacy' || baseSubscriptionId === undefined) return;
  const base = state.subscriptions.get(baseSubscriptionId);
  if (base?.status !== 'active') throw parentNotActive(baseSubscriptionId, base, now);
}

/** The suspended base of a legacy add-on, if it can still be reactivated; its add-on waits for that (rule S10). */
export function suspendedBase(
  state: Frozen<CustomerRelationship>,
  { kind, baseSubscriptionId }: Item,
  now: Instant,
): { readonly baseSubscriptionId: string; readonly base: Item } | undefined {
  if (kind !== 'legacy' || baseSubscriptionId === undefined) return undefined;
  const base = state.subscriptions.get(baseSubscriptionId);
  return base && canBeReactivated(base, now) ? { baseSubscriptionId, base } : undefined;
}

function requireNoSuspendedBase(state: Frozen<CustomerRelationship>, addOn: Item, now: Instant): void {
  const found = suspendedBase(state, addOn, now);
  if (found) throw parentNotActive(found.baseSubscriptionId, found.base, now);
}

function canBeReactivated({ status, termEndsAt }: Item, now: Instant): boolean {
  return status === 'suspended' && (termEndsAt === undefined || !hasPassed(termEndsAt, now));
}

function parentNotActive(baseSubscriptionId: string, base: Item | undefined, now: Instant): Rejection {
  return reject('ParentNotActive', {
    baseSubscriptionId,
    status: base?.status,
    ...(base && canBeReactivated(base, now) ? { remedyCommand: 'ReactivateSubscription' } : {}),
    // It cannot be reactivated any more, which the status does not say.
    ...(base?.status === 'suspended' && !canBeReactivated(base, now) ? present({ termEndsAt: base.termEndsAt }) : {}),
  });
}

/** Rule S18; only an Azure plan has Azure subscriptions. */
function requireNoActiveAzureSubscription(subscriptionId: string, { azureSubscriptions }: Item): void {
  const azureSubscriptionIds = [...azureSubscriptions]
    .filter(([, { status }]) => status === 'active')
    .map(([id]) => id)
    .toSorted();
  if (azureSubscriptionIds.length > 0)
    throw reject('AzurePlanHasActiveSubscriptions', { subscriptionId, azureSubscriptionIds });
}

// Shared by several decisions

/** The legacy add-ons of a base in id order. */
function addOnIds({ subscriptions }: Frozen<CustomerRelationship>, baseId: string): readonly string[] {
  if (subscriptions.get(baseId)?.kind !== 'legacy') return [];
  return [...subscriptions]
    .flatMap(([id, { baseSubscriptionId }]) => (baseSubscriptionId === baseId ? [id] : []))
    .toSorted();
}

/** What the next term brings, or would bring with other scheduled changes. */
function nextTermOf(
  { quantity, offerId, termDuration, billingCycle, scheduledChange, scheduledBillingCycle }: Item,
  scheduling: Pick<RelationshipEvents['SubscriptionChangeScheduled'], 'change' | 'billingCycle'> = {},
) {
  return {
    quantity,
    offerId,
    termDuration,
    ...(scheduling.change ?? scheduledChange),
    billingCycle: scheduling.billingCycle ?? scheduledBillingCycle ?? billingCycle,
  };
}

function isSameTerm(one: ReturnType<typeof nextTermOf>, other: ReturnType<typeof nextTermOf>): boolean {
  return (['quantity', 'offerId', 'termDuration', 'billingCycle'] as const).every(
    (field) => one[field] === other[field],
  );
}

function invalidItem(field: string, rule: string): Rejection {
  return reject('InvalidItem', { field, rule });
}

function invalidTransition(itemId: string, from: SubscriptionStatus, to: SubscriptionStatus): Rejection {
  return reject('InvalidTransition', { itemId, from, to });
}
