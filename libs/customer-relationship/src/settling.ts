import type { Decided, EventMetadata, Frozen, MessageOf, Settled } from '#event-sourcing';
import { addDays, addHours, dayOfMonth, hasPassed, termEnd, type Instant, type TermDuration } from './calendar.js';
import type { CommandName } from './commands.js';
import type { Context, Steps } from './context.js';
import { event, present, type EventOf } from './event.js';
import type { RelationshipEvents, SubscriptionKind } from './events.js';
import { policies, type Policy } from './policy.js';
import type { CustomerRelationship, Subscription } from './state.js';
import { supportContactSteps, withdrawDesignation } from './support-contacts.js';

// What time alone brings about for subscriptions: renewals, the end of terms and of retention periods, scheduled
// cancellations. The facts and the policy of that date decide; neither the sender nor a delay matters.

type State = Frozen<CustomerRelationship>;
type Item = Frozen<Subscription>;

/** The commands that record what time has brought about. */
export const subscriptionClockCommands = [
  'RenewSubscription',
  'EndSubscriptionTerm',
  'AdvanceSubscriptionRetention',
] as const satisfies readonly CommandName[];
export type SubscriptionClockCommand = (typeof subscriptionClockCommands)[number];

/** What has happened at one boundary of one subscription. */
export interface Due {
  /** The end that has passed; everything below is dated to it. */
  readonly at: Instant;
  readonly command: SubscriptionClockCommand;
  /** The policy of that time, as the stream names it; absent where the present one counts. */
  readonly policy?: EventMetadata['policy'];
  readonly events: readonly MessageOf<RelationshipEvents>[];
}

/** The next end after which time alone changes the subscription; undefined if there is none. */
export function nextBoundary({ kind, status, termEndsAt, retainedUntil }: Item): Instant | undefined {
  switch (status) {
    // Terms do not run before it is provisioned.
    case 'pending':
    case 'provisioningFailed':
    case 'provisioningCancelled':
    case 'deleted':
      return undefined;
    case 'active':
      return termEndsAt;
    // A suspended legacy subscription is kept for a while from its suspension on, whatever its term (rule S15).
    case 'suspended':
      return kind === 'legacy' ? retainedUntil : termEndsAt;
    case 'expired':
    case 'disabled':
      return retainedUntil;
  }
}

/** What time has brought about for these subscriptions until an instant, oldest first, and the state that results. */
export function settle(
  state: State,
  subscriptionIds: Iterable<string>,
  until: Instant,
  present: Policy,
): { readonly due: readonly Due[]; readonly state: State } {
  const overdue = new Set<string>();
  for (const id of subscriptionIds) {
    const subscription = state.subscriptions.get(id);
    const boundary = subscription && nextBoundary(subscription);
    if (boundary !== undefined && hasPassed(boundary, until)) overdue.add(id);
  }
  if (overdue.size === 0) return { due: [], state };

  // A copy of the state; it shares what the steps below do not write to.
  const settled = { ...state, subscriptions: new Map(state.subscriptions), designations: new Map(state.designations) };
  const writable = settled as CustomerRelationship;
  const due: Due[] = [];
  for (const id of overdue) {
    const subscription = { ...writable.subscriptions.get(id)! };
    writable.subscriptions.set(id, subscription);
    let at: Instant | undefined;
    while ((at = nextBoundary(subscription)) !== undefined && hasPassed(at, until)) {
      const { policy, recordedAs } = policyAt(state, at, present);
      const { command, events } = atBoundary(writable, id, subscription, at, policy);
      apply(writable, events);
      due.push({ at, command, ...(recordedAs ? { policy: recordedAs } : {}), events });
    }
  }
  return { due: due.toSorted((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0)), state: settled };
}

/** Every subscription as it stands at an instant, whether or not that has been recorded. */
export function settledState(state: State, now: Instant, present: Policy): State {
  return settle(state, state.subscriptions.keys(), now, present).state;
}

/** What time has brought about for the subscriptions that a command reads, as events that precede its own. */
export function settleFor(
  state: State,
  subscriptionIds: readonly string[],
  effectiveAt: Instant | undefined,
  { now, policy, actor }: Context,
): Settled<RelationshipEvents, CustomerRelationship> {
  const until = effectiveAt !== undefined && effectiveAt < now ? effectiveAt : now;
  const settled = settle(state, subscriptionIds, until, policy);
  if (settled.due.length === 0) return { events: [], state };
  const system = { id: actor.id, kind: 'system', roles: [], tenant: actor.tenant };
  return {
    events: settled.due.flatMap((due) => decided(due, { actor: system, command: due.command })),
    state: settled.state,
  };
}

/** The events of a boundary, as a decision returns them. */
export function decided(
  { events, policy }: Due,
  metadata: Decided<RelationshipEvents>['metadata'] = {},
): Decided<RelationshipEvents>[] {
  return events.map((event, index) => ({
    ...event,
    metadata: { ...metadata, ...present({ policy }) },
    ...(index === 0 ? { begins: true } : {}),
  }));
}

/** The legacy add-ons of a base in id order. */
export function addOnIds({ subscriptions }: State, baseId: string): readonly string[] {
  if (subscriptions.get(baseId)?.kind !== 'legacy') return [];
  return [...subscriptions]
    .flatMap(([id, { baseSubscriptionId }]) => (baseSubscriptionId === baseId ? [id] : []))
    .toSorted();
}

/** Once the limit on designations is reached, subscriptions that have ended since make room. */
export function designatedWhereFull({ designations }: State, { limits }: Policy): readonly string[] {
  return designations.size < limits.designations ? [] : [...designations.keys()];
}

/**
 * The policy that counts at a date: that of the stream's last event until then. For a purchase dated back to before the
 * first event, it is the policy of the first event. For a policy that this release does not have, the present one
 * stands in.
 */
function policyAt(
  { policies: recorded }: State,
  at: Instant,
  present: Policy,
): { readonly policy: Policy; readonly recordedAs?: EventMetadata['policy'] } {
  const then = recorded.findLast(({ from }) => from <= at) ?? recorded[0];
  const policy = then && (then.name === present.name ? present : policies[then.name]);
  return policy ? { policy, recordedAs: { name: then.name, hash: then.hash } } : { policy: present };
}

/** What the passing of a boundary means (rules S14, S15, S20). */
function atBoundary(
  state: State,
  subscriptionId: string,
  subscription: Item,
  at: Instant,
  policy: Policy,
): Pick<Due, 'command' | 'events'> {
  const { status, autoRenew, cancellationTakesEffectAt, furtherDisabledPeriod } = subscription;
  const { retention } = policy;
  const atTermEnd = (...events: Due['events']) => ({ command: 'EndSubscriptionTerm' as const, events });
  const afterRetention = (...events: Due['events']) => ({ command: 'AdvanceSubscriptionRetention' as const, events });

  if (status === 'active' || (status === 'suspended' && subscription.kind !== 'legacy')) {
    if (cancellationTakesEffectAt !== undefined) return atTermEnd(...cancellation(state, subscriptionId, at));
    if (status === 'suspended') return atTermEnd(disabled(subscriptionId, at, retention.suspendedAtTermEndDays, true));
    if (autoRenew) return { command: 'RenewSubscription', events: [renewal(subscriptionId, subscription, at, policy)] };
    const retainedUntil = addDays(at, retention.expiredDays);
    return atTermEnd(event('SubscriptionExpired', { subscriptionId, expiredAt: at, retainedUntil }));
  }
  if (status === 'expired' || furtherDisabledPeriod)
    return afterRetention(disabled(subscriptionId, at, retention.disabledDays, false));
  return afterRetention(
    event('SubscriptionDeleted', { subscriptionId, deletedAt: at }),
    ...withdrawDesignation(state, subscriptionId, 'subscriptionDeleted', at),
  );
}

function disabled(
  subscriptionId: string,
  disabledAt: Instant,
  days: number,
  furtherPeriod: boolean,
): EventOf<'SubscriptionDisabled'> {
  const retainedUntil = addDays(disabledAt, days);
  return event('SubscriptionDisabled', { subscriptionId, disabledAt, retainedUntil, furtherPeriod });
}

/** The end of a subscription and of its support contact's designation. */
export function cancellation(
  state: State,
  subscriptionId: string,
  cancelledAt: Instant,
): readonly MessageOf<RelationshipEvents>[] {
  return [
    event('SubscriptionCancelled', { subscriptionId, cancelledAt }),
    ...withdrawDesignation(state, subscriptionId, 'subscriptionDeleted', cancelledAt),
  ];
}

/**
 * The next term with what was scheduled for it. It follows the old one without a gap. Its cancellation window counts
 * from its start, however late the renewal is recorded (rules S7, S20).
 */
function renewal(
  subscriptionId: string,
  subscription: Item,
  termStartsAt: Instant,
  policy: Policy,
): EventOf<'SubscriptionRenewed'> {
  const { kind, scheduledChange, scheduledBillingCycle, anchorDay } = subscription;
  // A term that ends has a duration.
  const termDuration = scheduledChange?.termDuration ?? subscription.termDuration!;
  return event('SubscriptionRenewed', {
    subscriptionId,
    quantity: scheduledChange?.quantity ?? subscription.quantity,
    offerId: scheduledChange?.offerId ?? subscription.offerId,
    termDuration,
    ...present({ billingCycle: scheduledBillingCycle ?? subscription.billingCycle }),
    termStartsAt,
    termEndsAt: termEnd(termStartsAt, termDuration, anchorDay),
    ...present({ cancellationAllowedUntil: windowEnd(kind, termDuration, termStartsAt, policy) }),
    renewedAt: termStartsAt,
  });
}

/** The end of the cancellation window of a kind that has one, counted from purchase or renewal (rules S7, S20). */
export function windowEnd(
  kind: SubscriptionKind,
  termDuration: TermDuration | undefined,
  from: Instant,
  { windows }: Policy,
): Instant | undefined {
  switch (kind) {
    case 'newCommerce':
      return addDays(from, windows.newCommerceDays);
    case 'marketplace':
      return termDuration === 'P1M'
        ? addHours(from, windows.marketplaceMonthlyHours)
        : addDays(from, windows.marketplaceLongerDays);
    case 'legacy':
    case 'azurePlan':
      return undefined;
  }
}

/** The steps of the events that time brings about. */
export const settlingSteps = {
  SubscriptionCancelled: step(end),
  SubscriptionRenewed: step((subscription, { quantity, offerId, termDuration, termStartsAt, termEndsAt, ...rest }) => {
    subscription.trial = false;
    subscription.quantity = quantity;
    subscription.offerId = offerId;
    subscription.termDuration = termDuration;
    subscription.termEndsAt = termEndsAt;
    subscription.anchorDay ??= dayOfMonth(termStartsAt);
    if (rest.billingCycle !== undefined) subscription.billingCycle = rest.billingCycle;
    if (rest.cancellationAllowedUntil !== undefined)
      subscription.cancellationAllowedUntil = rest.cancellationAllowedUntil;
    else delete subscription.cancellationAllowedUntil;
    delete subscription.scheduledChange;
    delete subscription.scheduledBillingCycle;
  }),
  SubscriptionExpired: step((subscription, { retainedUntil }) => {
    subscription.status = 'expired';
    subscription.retainedUntil = retainedUntil;
  }),
  SubscriptionDisabled: step((subscription, { retainedUntil, furtherPeriod }) => {
    subscription.status = 'disabled';
    subscription.retainedUntil = retainedUntil;
    subscription.furtherDisabledPeriod = furtherPeriod;
  }),
  SubscriptionDeleted: step(end),
} satisfies Steps;

function apply(state: CustomerRelationship, events: Due['events']): void {
  const steps = { ...settlingSteps, ...supportContactSteps } as Record<
    string,
    (state: CustomerRelationship, data: unknown) => void
  >;
  for (const { type, data } of events) steps[type]!(state, data);
}

/** A step on the subscription that the event names, if there is one. */
export function step<Data extends { readonly subscriptionId: string }>(
  write: (subscription: Subscription, data: Data) => void,
): (state: CustomerRelationship, data: Data) => void {
  return (state, data) => {
    const subscription = state.subscriptions.get(data.subscriptionId);
    if (subscription) write(subscription, data);
  };
}

function end(subscription: Subscription): void {
  subscription.status = 'deleted';
  delete subscription.retainedUntil;
}
