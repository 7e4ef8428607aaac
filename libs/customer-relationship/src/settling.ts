import type { Decided, EventMetadata, Frozen, MessageOf, Settled } from '#event-sourcing';
import { addDays, addHours, dayOfMonth, hasPassed, termEnd, type Instant, type TermDuration } from './calendar.js';
import type { CommandName } from './commands.js';
import type { Context, Steps } from './context.js';
import type { RelationshipEvents, SubscriptionKind } from './events.js';
import { policies, type Policy } from './policy.js';
import type { CustomerRelationship, Subscription } from './state.js';
import { supportContactSteps, withdrawDesignation } from './support-contacts.js';

// What dates alone bring about for subscriptions: renewals, the end of terms and of retention periods, scheduled
// cancellations. What held at the date decides, under the policy of that time; neither the sender nor a delay matters.

type State = Frozen<CustomerRelationship>;
type Item = Frozen<Subscription>;
type EventOf<N extends keyof RelationshipEvents> = MessageOf<RelationshipEvents, N>;

/** The commands that report what dates have brought about. */
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
  /** As the stream names the policy of that time; absent where it does not, and the present one counts. */
  readonly policy?: EventMetadata['policy'];
  readonly events: readonly MessageOf<RelationshipEvents>[];
}

/** Where a subscription stands when only time passes: the end after which something happens; undefined if nothing will. */
export function nextBoundary({ kind, status, termEndsAt, retainedUntil }: Item): Instant | undefined {
  switch (status) {
    // Not provisioned, it does not run through its terms.
    case 'pending':
    case 'deleted':
      return undefined;
    case 'active':
      return termEndsAt;
    // Suspended legacy is kept for a while from its suspension on, whatever its term (rule S15).
    case 'suspended':
      return kind === 'legacy' ? retainedUntil : termEndsAt;
    case 'expired':
    case 'disabled':
      return retainedUntil;
  }
}

/** What the dates have brought about of these subscriptions until an instant, oldest first, and the state it leads to. */
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

  // A state of its own, which shares what the steps below do not write to.
  const settled = { ...state, subscriptions: new Map(state.subscriptions), designations: new Map(state.designations) };
  const writable = settled as CustomerRelationship;
  const due: Due[] = [];
  for (const id of overdue) {
    const subscription = { ...writable.subscriptions.get(id)! };
    writable.subscriptions.set(id, subscription);
    for (
      let at = nextBoundary(subscription);
      at !== undefined && hasPassed(at, until);
      at = nextBoundary(subscription)
    ) {
      const { policy, recordedAs } = policyAt(state, at, present);
      const { command, events } = atBoundary(writable, id, subscription, at, policy);
      apply(writable, events);
      due.push({ at, command, ...(recordedAs ? { policy: recordedAs } : {}), events });
    }
  }
  return { due: due.toSorted((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0)), state: settled };
}

/** Every subscription as it stands at an instant, whatever has been recorded of it. */
export function settledState(state: State, now: Instant, present: Policy): State {
  return settle(state, state.subscriptions.keys(), now, present).state;
}

/** What dates have brought about of what a command looks at, as events that stand before its own. */
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

/** As a decision answers them. */
export function decided(
  { events, policy }: Due,
  metadata: Decided<RelationshipEvents>['metadata'] = {},
): Decided<RelationshipEvents>[] {
  return events.map((event, index) => ({
    ...event,
    metadata: { ...metadata, ...(policy ? { policy } : {}) },
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

/** Where the bound on designations is reached, what has ended since makes room. */
export function designatedWhereFull({ designations }: State, { limits }: Policy): readonly string[] {
  return designations.size < limits.designations ? [] : [...designations.keys()];
}

/**
 * The policy that counts at a date: the one that the stream's last event before it carries. A purchase may be dated back to
 * before the first event; then it is that one's. For a policy that this release does not have, the present one stands in.
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
    return atTermEnd({ type: 'SubscriptionExpired', data: { subscriptionId, expiredAt: at, retainedUntil } });
  }
  if (status === 'expired' || furtherDisabledPeriod)
    return afterRetention(disabled(subscriptionId, at, retention.disabledDays, false));
  return afterRetention(
    { type: 'SubscriptionDeleted', data: { subscriptionId, deletedAt: at } },
    ...withdrawDesignation(state, subscriptionId, at),
  );
}

function disabled(
  subscriptionId: string,
  disabledAt: Instant,
  days: number,
  furtherPeriod: boolean,
): EventOf<'SubscriptionDisabled'> {
  const retainedUntil = addDays(disabledAt, days);
  return { type: 'SubscriptionDisabled', data: { subscriptionId, disabledAt, retainedUntil, furtherPeriod } };
}

/** The end of a subscription and of its support contact's designation. */
export function cancellation(
  state: State,
  subscriptionId: string,
  cancelledAt: Instant,
): readonly MessageOf<RelationshipEvents>[] {
  return [
    { type: 'SubscriptionCancelled', data: { subscriptionId, cancelledAt } },
    ...withdrawDesignation(state, subscriptionId, cancelledAt),
  ];
}

/**
 * The next term with what was scheduled for it. It follows on the old one without a gap, and its cancellation window counts
 * from its start, however late the renewal is reported (rules S7, S20).
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
  return {
    type: 'SubscriptionRenewed',
    data: {
      subscriptionId,
      quantity: scheduledChange?.quantity ?? subscription.quantity,
      offerId: scheduledChange?.offerId ?? subscription.offerId,
      termDuration,
      ...present({ billingCycle: scheduledBillingCycle ?? subscription.billingCycle }),
      termStartsAt,
      termEndsAt: termEnd(termStartsAt, termDuration, anchorDay),
      ...present({ cancellationAllowedUntil: windowEnd(kind, termDuration, termStartsAt, policy) }),
      renewedAt: termStartsAt,
    },
  };
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

/** The steps of what dates bring about. */
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

/** Events and states leave out what is not there; `undefined` would not survive as JSON. */
export function present<Fields extends object>(
  fields: Fields,
): { [F in keyof Fields]?: Exclude<Fields[F], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [F in keyof Fields]?: Exclude<Fields[F], undefined>;
  };
}
