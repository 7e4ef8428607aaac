import type { Frozen, MessageOf } from '#event-sourcing';
import { addDays, addHours, dayOfMonth, termEnd, type Instant, type TermDuration } from './calendar.js';
import type { Steps } from './context.js';
import { event, present, type EventOf } from './event.js';
import type { RelationshipEvents, SubscriptionKind } from './events.js';
import type { Policy } from './policy.js';
import type { RefusalDetails } from './rejections.js';
import type { CustomerRelationship, SoftwarePurchase, Subscription } from './state.js';
import {
  nextOfGrant,
  nextOfRequest,
  nextOfReservation,
  nextOfSavingsPlan,
  nextOfSoftware,
  nextOfSubscription,
  type NextBoundary,
} from './statuses.js';
import { withdrawDesignation } from './support-contacts.js';

// What the passing of a boundary means, noun by noun: the events that it brings about, and their steps. What held at the
// boundary and the policy of that date decide; neither the sender nor a delay matters.

type State = Frozen<CustomerRelationship>;
type Item = Frozen<Subscription>;
type Events = readonly MessageOf<RelationshipEvents>[];

/** What settles the items of one noun, whatever the noun. */
export interface Boundaries {
  readonly ids: (state: State) => Iterable<string>;
  /** Undefined where the item is not known, too. */
  readonly next: (state: State, id: string) => NextBoundary | undefined;
  readonly events: (state: State, id: string, boundary: NextBoundary, policy: Policy) => Events;
  /** Gives a copy of the state an item of its own, which steps may then write to. */
  readonly separate: (copy: CustomerRelationship, original: State, id: string) => void;
}

interface ItemBoundaries extends Boundaries {
  /** What the refusal of a clock's command says where no boundary will ever come. */
  readonly never: Pick<RefusalDetails, 'to' | 'requires'>;
  readonly items: (
    state: State,
  ) => ReadonlyMap<string, Frozen<{ readonly status: string; readonly relationshipTerm: number }>>;
}

/** By the names that refusals and rows have for the nouns. */
export const boundaries = {
  request: {
    ids: ({ request }) => (request ? [''] : []),
    next: ({ request }) => nextOfRequest(request),
    events: (_, __, { at }) => [event('ResellerRelationshipRequestExpired', { expiredAt: at })],
    separate() {
      // It is taken off the relationship as a whole, and not written to.
    },
  },
  subscription: itemsOf(
    'subscriptions',
    ({ kind, status, autoRenew, termEndsAt: endsAt, retainedUntil, cancellationTakesEffectAt, ...rest }) =>
      nextOfSubscription({
        kind,
        status,
        autoRenew,
        endsAt,
        retainedUntil,
        cancellationTakesEffectAt,
        furtherDisabledPeriod: rest.furtherDisabledPeriod,
      }),
    ofSubscription,
    { requires: 'termOrRetention' },
  ),
  // A cancellation that is still pending at the end of the term was not refused: it still counts for the cap (rule V6).
  reservation: itemsOf('reservations', nextOfReservation, (reservationId, { at }) => [
    event('ReservationExpired', { reservationId, expiredAt: at }),
  ]),
  softwarePurchase: itemsOf('software', nextOfSoftware, (purchaseId, { at, command }, purchase, policy) => [
    command === 'RenewSoftware'
      ? softwareRenewal(purchaseId, purchase, at, policy)
      : event('SoftwareExpired', { purchaseId, expiredAt: at }),
  ]),
  savingsPlan: itemsOf('savingsPlans', nextOfSavingsPlan, (savingsPlanId, { at }) => [
    event('SavingsPlanExpired', { savingsPlanId, expiredAt: at }),
  ]),
  // Its access assignments end with it, which needs no event (rule G8b).
  grant: itemsOf('grants', nextOfGrant, (grantId, { at, command }, grant) => [
    grant.kind === 'gdap' && command === 'ExtendDelegatedAdmin'
      ? event('DelegatedAdminExtended', { grantId, endsAt: addDays(at, grant.autoExtendDays), extendedAt: at })
      : event('DelegatedAdminExpired', { grantId, expiredAt: at }),
  ]),
} satisfies Record<string, Boundaries>;

/** The items that the state keeps by their ids. */
type Items = 'subscriptions' | 'reservations' | 'software' | 'savingsPlans' | 'grants';
type ItemOf<Field extends Items> = CustomerRelationship[Field] extends Map<string, infer Item> ? Item : never;

function itemsOf<Field extends Items>(
  field: Field,
  next: (item: Frozen<ItemOf<Field>>) => NextBoundary | undefined,
  events: (id: string, boundary: NextBoundary, item: Frozen<ItemOf<Field>>, policy: Policy, state: State) => Events,
  never: ItemBoundaries['never'] = { to: 'expired' },
): ItemBoundaries {
  const itemsIn = (state: State) => state[field] as ReadonlyMap<string, Frozen<ItemOf<Field>>>;
  return {
    never,
    items: (state) => state[field],
    ids: (state) => itemsIn(state).keys(),
    next(state, id) {
      const item = itemsIn(state).get(id);
      return item && next(item);
    },
    events: (state, id, boundary, policy) => events(id, boundary, itemsIn(state).get(id)!, policy, state),
    separate(copy, original, id) {
      if (copy[field] === original[field]) Object.assign(copy, { [field]: new Map<string, unknown>(copy[field]) });
      const items = copy[field] as Map<string, object>;
      items.set(id, copyOf(items.get(id)!));
    },
  };
}

/** With maps of its own, which steps write to as well. */
function copyOf(item: object): object {
  return Object.fromEntries(
    Object.entries(item).map(([field, value]: [string, unknown]) => [
      field,
      value instanceof Map
        ? new Map(
            Array.from(value, ([id, each]: [unknown, unknown]) => [id, typeof each === 'object' ? { ...each } : each]),
          )
        : value,
    ]),
  );
}

// Subscriptions

/** What the passing of a boundary means (rules S14, S15, S20). */
function ofSubscription(
  subscriptionId: string,
  { at, command, status: then }: NextBoundary,
  subscription: Item,
  policy: Policy,
  state: State,
): Events {
  const { retention } = policy;
  switch (command) {
    case 'RenewSubscription':
      return [renewal(subscriptionId, subscription, at, policy)];
    case 'EndSubscriptionTerm':
      if (then === 'deleted') return cancellation(state, subscriptionId, at);
      if (then === 'disabled') return [disabled(subscriptionId, at, retention.suspendedAtTermEndDays, true)];
      return [
        event('SubscriptionExpired', {
          subscriptionId,
          expiredAt: at,
          retainedUntil: addDays(at, retention.expiredDays),
        }),
      ];
    default:
      if (then === 'disabled') return [disabled(subscriptionId, at, retention.disabledDays, false)];
      return [
        event('SubscriptionDeleted', { subscriptionId, deletedAt: at }),
        ...withdrawDesignation(state, subscriptionId, 'subscriptionDeleted', at),
      ];
  }
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

/** The next term, without a gap and with a window of its own (rules T2, V7, V7a). */
function softwareRenewal(
  purchaseId: string,
  { termDuration, anchorDay }: Frozen<SoftwarePurchase>,
  termStartsAt: Instant,
  { windows }: Policy,
): EventOf<'SoftwareRenewed'> {
  return event('SoftwareRenewed', {
    purchaseId,
    termStartsAt,
    // A term that ends has a duration.
    expiresAt: termEnd(termStartsAt, termDuration!, anchorDay),
    cancellationAllowedUntil: addDays(termStartsAt, windows.softwareSubscriptionDays),
    renewedAt: termStartsAt,
  });
}

/** The steps of the events that boundaries bring about. */
export const boundarySteps = {
  ResellerRelationshipRequestExpired(state, { expiredAt }) {
    state.status = 'requestExpired';
    state.requestExpiredAt = expiredAt;
    delete state.request;
  },
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
  ReservationExpired({ reservations }, { reservationId }) {
    const reservation = reservations.get(reservationId);
    if (reservation) reservation.status = 'expired';
  },
  SoftwareRenewed({ software }, { purchaseId, expiresAt, cancellationAllowedUntil }) {
    const purchase = software.get(purchaseId);
    if (purchase) Object.assign(purchase, { expiresAt, cancellationAllowedUntil });
  },
  SoftwareExpired({ software }, { purchaseId }) {
    const purchase = software.get(purchaseId);
    if (purchase) purchase.status = 'expired';
  },
  SavingsPlanExpired({ savingsPlans }, { savingsPlanId }) {
    const plan = savingsPlans.get(savingsPlanId);
    if (plan) plan.status = 'expired';
  },
  DelegatedAdminExtended({ grants }, { grantId, endsAt }) {
    const grant = grants.get(grantId);
    if (grant?.kind === 'gdap') grant.endsAt = endsAt;
  },
  DelegatedAdminExpired({ grants }, { grantId }) {
    const grant = grants.get(grantId);
    if (grant?.kind === 'gdap') grant.status = 'expired';
  },
} satisfies Steps;

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
