import type { Frozen, Rejection } from '#event-sourcing';
import {
  commitmentEndFault,
  current,
  effectiveFault,
  effectiveTime,
  refuseFaults,
  requireActive,
  requireNew,
  requirePurchase,
} from './admission.js';
import { addMonths, termEnd, type Instant, type TermDuration } from './calendar.js';
import type { CommandTable } from './command.js';
import type { Steps } from './context.js';
import { event, present } from './event.js';
import type { ReservationProduct } from './events.js';
import { asNamed, distinctIds, isSameId, isSameIds, type Buyer, type Money } from './parties.js';
import type { Policy } from './policy.js';
import { reject } from './rejections.js';
import { byUser, byUserOrApp } from './rights.js';
import { rulesOfLateFacts, rulesOfSale } from './rules.js';
import { passingTime } from './settling.js';
import { inCurrentTerm, type CustomerRelationship, type ReservationStatus } from './state.js';

export interface ReservationCommands {
  /** Buys a reservation; it needs an active Azure plan. */
  PurchaseReservation: {
    readonly reservationId: string;
    readonly reservationOrderId?: string;
    readonly name: string;
    readonly product: ReservationProduct;
    readonly quantity: number;
    /** One or three years. */
    readonly termDuration: Exclude<TermDuration, 'P1M'>;
    readonly commitmentUsdCents: number;
    readonly price?: Money;
    /** Principals that own the reservation order; default: the sender. */
    readonly owners?: readonly string[];
    readonly boughtBy?: Buyer;
    /** Its end (inclusive), where it is not the computed one: co-termed (rule T3). */
    readonly commitmentEndDate?: Instant;
    readonly effectiveAt?: Instant;
  };
  /** Records the present owners of the reservation order, who alone may cancel its reservations. */
  ChangeReservationOwners: {
    readonly reservationId: string;
    readonly owners: readonly string[];
    readonly effectiveAt?: Instant;
  };
  /** Returns a reservation, as far as the refund cap allows. */
  CancelReservation: {
    readonly reservationId: string;
    /** Exchanged for another one: not counted by the refund cap. */
    readonly exchange?: boolean;
    /** Already settled: requests and confirms in one append. */
    readonly settled?: boolean;
    readonly effectiveAt?: Instant;
  };
  /** Records that the return of a reservation has been confirmed. */
  ConfirmReservationCancellation: { readonly reservationId: string; readonly fee?: Money; readonly refund?: Money };
  /** Records that the return of a reservation has been refused. */
  RefuseReservationCancellation: { readonly reservationId: string; readonly reason?: string };
  /** Records that the term of a reservation has ended; not before it is due. */
  ExpireReservation: { readonly reservationId: string };
}

const right = byUserOrApp('GlobalAdmin', 'AdminAgent', 'SalesAgent', 'HelpdeskAgent');

export const reservationCommands = {
  PurchaseReservation: {
    right,
    rules: [...rulesOfSale, 'V1', 'T3'],
    emits: ['ReservationPurchased'],
    decide(state, data, context) {
      requirePurchase(state, context);
      const { reservationId, reservationOrderId, name, product, quantity, termDuration, commitmentUsdCents, price } =
        data;
      const { owners = [context.actor.id], boughtBy = 'partner', commitmentEndDate } = data;
      const purchasedAt = effectiveTime(data.effectiveAt, context.now);
      const termEndsAt = termEnd(purchasedAt, termDuration);
      requireNew(state.reservations, 'reservation', reservationId);
      if (!hasActiveAzurePlan(state)) throw reject('AzurePlanRequired', { reservationId });
      refuseFaults(
        effectiveFault('effectiveAt', data.effectiveAt, context.now),
        ownersFault(owners),
        // The cap adds these up: a negative amount would make room for others.
        commitmentUsdCents < 0
          ? reject('InvalidItem', { field: 'commitmentUsdCents', rule: 'notNegative' })
          : undefined,
        commitmentEndFault(commitmentEndDate, purchasedAt, (start) => termEnd(start, termDuration), context.now),
      );

      return [
        event('ReservationPurchased', {
          reservationId,
          ...present({ reservationOrderId }),
          name,
          product,
          quantity,
          termDuration,
          boughtBy,
          owners,
          commitmentUsdCents,
          ...present({ price }),
          purchasedAt,
          expiresAt: commitmentEndDate ?? termEndsAt,
        }),
      ];
    },
  },

  /** Rule V5a: the directory's administrators may reassign an order whose owners have left; the partner records it. */
  ChangeReservationOwners: {
    right: { ...byUser('GlobalAdmin'), allOf: ['GlobalAdmin', 'AdminAgent'] },
    late: true,
    rules: ['R12', 'R20', 'V5', 'V5a', 'V6', ...rulesOfLateFacts],
    emits: ['ReservationOwnersChanged'],
    decide(state, { reservationId, ...data }, { now }) {
      const reservation = current(state, state.reservations, 'reservation', reservationId);
      const { status: from, owners: previousOwners } = reservation;
      if (from !== 'active' && from !== 'cancellationRequested')
        throw reject('InvalidTransition', { itemId: reservationId, from, requires: 'active' });
      const owners = distinctIds(data.owners);
      if (isSameIds(owners, distinctIds(previousOwners))) throw reject('NothingToChange', { reservationId, owners });
      refuseFaults(ownersFault(owners));
      return [event('ReservationOwnersChanged', { reservationId, owners, previousOwners, changedAt: now })];
    },
  },

  /** Rules V2–V6, V5a. The request is settled outside this ledger; `settled` says that this has been done. */
  CancelReservation: {
    right,
    rules: ['R20', 'R27', 'V2', 'V3', 'V4', 'V5', 'V5a', 'V6', 'D1'],
    emits: ['ReservationCancellationRequested'],
    brings: ['ReservationCancelled'],
    decide(state, { reservationId, exchange = false, settled = false, effectiveAt }, context) {
      const { actor, policy, now, actorIdOf = asNamed } = context;
      requireActive(state);
      const requestedAt = effectiveTime(effectiveAt, now);
      const reservation = current(state, state.reservations, 'reservation', reservationId);
      const { owners, product, status: from, commitmentUsdCents, purchasedAt, expiresAt } = reservation;
      if (!owners.some((owner) => isSameId(actorIdOf(owner), actor.id)))
        throw reject('RoleNotAllowed', { requires: 'reservationOrderOwner', owners });
      if (from !== 'active') throw reject('InvalidTransition', { itemId: reservationId, from, to: 'cancelled' });
      if (policy.nonRefundableReservations.includes(product))
        throw reject('ReservationNotRefundable', { remedy: 'waitOrTransfer', expiresAt });
      // A request dated back to before the purchase could find every window of the cap empty.
      const fault =
        effectiveFault('effectiveAt', effectiveAt, now) ??
        (requestedAt < purchasedAt
          ? reject('InvalidItem', { field: 'effectiveAt', rule: 'notBeforePurchase' })
          : undefined);
      // The cap depends on the date, so it is checked only for a valid one.
      const exceeded =
        exchange || fault ? undefined : refundCapExceeded(state, policy, commitmentUsdCents, requestedAt);
      if (exceeded) throw reject('RefundCapExceeded', { ...exceeded });
      refuseFaults(fault);

      const countedUsdCents = exchange ? 0 : commitmentUsdCents;
      return [
        event('ReservationCancellationRequested', { reservationId, countedUsdCents, exchange, requestedAt }),
        ...(settled ? [event('ReservationCancelled', { reservationId, cancelledAt: now })] : []),
      ];
    },
  },

  /** Rule V2: the request has been settled outside this ledger. */
  ConfirmReservationCancellation: {
    right,
    rules: ['R12', 'R20', 'V2', 'V6'],
    emits: ['ReservationCancelled'],
    decide(state, { reservationId, fee, refund }, { now }) {
      requireCancellationPending(state, reservationId, 'cancelled');
      return [event('ReservationCancelled', { reservationId, ...present({ fee, refund }), cancelledAt: now })];
    },
  },

  /** Rules V2, V3: the reservation is active again and its commitment no longer counts. */
  RefuseReservationCancellation: {
    right,
    rules: ['R12', 'R20', 'V2', 'V3', 'V6'],
    emits: ['ReservationCancellationRefused'],
    decide(state, { reservationId, reason }, { now }) {
      requireCancellationPending(state, reservationId, 'active');
      return [event('ReservationCancellationRefused', { reservationId, ...present({ reason }), refusedAt: now })];
    },
  },

  ExpireReservation: {
    ...passingTime,
    rules: ['R7', 'R20', 'V6'],
    emits: ['ReservationExpired'],
  },
} satisfies CommandTable<ReservationCommands>;

export const reservationSteps = {
  ReservationPurchased(state, { reservationId, name, product, owners, commitmentUsdCents, purchasedAt, expiresAt }) {
    state.reservations.set(reservationId, {
      relationshipTerm: state.relationshipTerm,
      name,
      product,
      owners,
      commitmentUsdCents,
      purchasedAt,
      expiresAt,
      status: 'active',
    });
  },
  ReservationOwnersChanged(state, { reservationId, owners }) {
    const reservation = state.reservations.get(reservationId);
    if (reservation) reservation.owners = owners;
  },
  ReservationCancellationRequested(state, { reservationId, countedUsdCents, requestedAt }) {
    become(state, reservationId, 'cancellationRequested');
    state.cancelledCommitments.set(reservationId, { usdCents: countedUsdCents, at: requestedAt });
  },
  ReservationCancelled(state, { reservationId }) {
    become(state, reservationId, 'cancelled');
  },
  ReservationCancellationRefused(state, { reservationId }) {
    become(state, reservationId, 'active');
    state.cancelledCommitments.delete(reservationId);
  },
} satisfies Steps;

function become({ reservations }: CustomerRelationship, reservationId: string, status: ReservationStatus): void {
  const reservation = reservations.get(reservationId);
  if (reservation) reservation.status = status;
}

/** Nobody could cancel a reservation without owners. */
function ownersFault(owners: readonly string[]): Rejection | undefined {
  return owners.length === 0 ? reject('InvalidItem', { field: 'owners', rule: 'notEmpty' }) : undefined;
}

function hasActiveAzurePlan(state: Frozen<CustomerRelationship>): boolean {
  return inCurrentTerm(state, state.subscriptions).some(
    ([, { kind, status }]) => kind === 'azurePlan' && status === 'active',
  );
}

function requireCancellationPending(
  state: Frozen<CustomerRelationship>,
  reservationId: string,
  to: ReservationStatus,
): void {
  const { status: from } = current(state, state.reservations, 'reservation', reservationId);
  if (from !== 'cancellationRequested') throw reject('InvalidTransition', { itemId: reservationId, from, to });
}

export interface RefundCapExceeded {
  readonly capUsdCents: number;
  readonly remainingUsdCents: number;
  /** When the same cancellation is within the cap again; absent if it exceeds the cap on its own. */
  readonly recoversAt?: Instant;
}

/**
 * Whether one more cancellation would exceed the cap (rule V3), over all terms of the relationship: what remains then,
 * and when there is room; undefined if it is within the cap. The commitments cancelled in any rolling window stay
 * within the cap.
 *
 * A request counts from its instant until the given number of months later, exclusively. This is measured from the
 * request and not back from the window's end, because a window counted back from 29 February would grow again.
 *
 * A request may be dated back, so every window that would contain it is checked: the one that ends with it and those
 * that end with a later request.
 */
export function refundCapExceeded(
  { cancelledCommitments }: Frozen<CustomerRelationship>,
  { refundCap: { usdCents: capUsdCents, months } }: Policy,
  usdCents: number,
  requestedAt: Instant,
): RefundCapExceeded | undefined {
  const counted = [...cancelledCommitments.values()].map((request) => ({
    ...request,
    until: addMonths(request.at, months),
  }));
  const sumOfWindow = (end: Instant) =>
    counted.reduce((sum, request) => (request.at <= end && end < request.until ? sum + request.usdCents : sum), 0);
  const fullestWindow = (at: Instant) => {
    const until = addMonths(at, months);
    const ends = [at, ...counted.map((request) => request.at).filter((end) => at < end && end < until)];
    return Math.max(...ends.map(sumOfWindow));
  };
  const fits = (at: Instant) => fullestWindow(at) + usdCents <= capUsdCents;
  if (fits(requestedAt)) return undefined;

  // A window has more room only after a request stops counting.
  const recoversAt = counted
    .map(({ until }) => until)
    .filter((until) => until > requestedAt)
    .sort()
    .find(fits);
  return {
    capUsdCents,
    remainingUsdCents: Math.max(0, capUsdCents - fullestWindow(requestedAt)),
    ...present({ recoversAt }),
  };
}
