import type { Frozen } from '#event-sourcing';
import {
  current,
  effectiveFault,
  effectiveTime,
  known,
  refuseFaults,
  requireActive,
  requireDue,
  requireNew,
  requirePurchase,
} from './admission.js';
import { addMonths, termEnd, type Instant, type TermDuration } from './calendar.js';
import type { CommandTable } from './command.js';
import type { Steps } from './context.js';
import type { ReservationProduct } from './events.js';
import { isSameId, type Buyer, type Money } from './parties.js';
import type { Policy } from './policy.js';
import { reject } from './rejections.js';
import { byUserOrApp, clock } from './rights.js';
import { rulesOfSale } from './rules.js';
import type { CustomerRelationship, ReservationStatus } from './state.js';
import { reservationAt } from './statuses.js';

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
    readonly effectiveAt?: Instant;
  };
  /** Returns a reservation, as far as the refund cap allows. */
  CancelReservation: {
    readonly reservationId: string;
    /** Exchanged for another one: not counted by the refund cap. */
    readonly exchange?: boolean;
    /** Settled at once: requests and confirms in one append. */
    readonly settled?: boolean;
    readonly effectiveAt?: Instant;
  };
  /** Records that the return of a reservation has been confirmed. */
  ConfirmReservationCancellation: {
    readonly reservationId: string;
    readonly fee?: Money;
    readonly refund?: Money;
  };
  /** Records that the return of a reservation has been refused. */
  RefuseReservationCancellation: { readonly reservationId: string; readonly reason?: string };
  /** Records that the term of a reservation has ended; not before its time. */
  ExpireReservation: { readonly reservationId: string };
}

const right = byUserOrApp('GlobalAdmin', 'AdminAgent', 'SalesAgent', 'HelpdeskAgent');

export const reservationCommands = {
  PurchaseReservation: {
    right,
    rules: [...rulesOfSale, 'V1'],
    emits: ['ReservationPurchased'],
    decide(state, data, context) {
      requirePurchase(state, context);
      const { reservationId, reservationOrderId, name, product, quantity, termDuration, commitmentUsdCents, price } =
        data;
      const { owners = [context.actor.id], boughtBy = 'partner' } = data;
      const purchasedAt = effectiveTime(data.effectiveAt, context.now);
      requireNew(state.reservations, 'reservation', reservationId);
      if (!hasActiveAzurePlan(state)) throw reject('AzurePlanRequired', { reservationId });
      refuseFaults(
        effectiveFault('effectiveAt', data.effectiveAt, context.now),
        owners.length === 0 ? reject('InvalidItem', { field: 'owners', rule: 'notEmpty' }) : undefined,
        // The cap adds these up: a negative one would make room for the others.
        commitmentUsdCents < 0
          ? reject('InvalidItem', { field: 'commitmentUsdCents', rule: 'notNegative' })
          : undefined,
      );

      return [
        {
          type: 'ReservationPurchased',
          data: {
            reservationId,
            ...(reservationOrderId === undefined ? {} : { reservationOrderId }),
            name,
            product,
            quantity,
            termDuration,
            boughtBy,
            owners,
            commitmentUsdCents,
            ...(price ? { price } : {}),
            purchasedAt,
            expiresAt: termEnd(purchasedAt, termDuration),
          },
        },
      ];
    },
  },

  /** Rules V2–V6, V5a. A request that is settled outside; `settled` says that it already is. */
  CancelReservation: {
    right,
    rules: ['R20', 'R27', 'V2', 'V3', 'V4', 'V5', 'V6', 'D1'],
    emits: ['ReservationCancellationRequested'],
    brings: ['ReservationCancelled'],
    decide(state, { reservationId, exchange = false, settled = false, effectiveAt }, context) {
      const { actor, policy, now } = context;
      requireActive(state);
      const requestedAt = effectiveTime(effectiveAt, now);
      const reservation = current(state, state.reservations, 'reservation', reservationId);
      const { owners, product, commitmentUsdCents, purchasedAt, expiresAt } = reservation;
      if (!owners.some((owner) => isSameId(owner, actor.id)))
        throw reject('RoleNotAllowed', { requires: 'reservationOrderOwner', owners });
      const { status: from } = reservationAt(reservation, now);
      if (from !== 'active') throw reject('InvalidTransition', { itemId: reservationId, from, to: 'cancelled' });
      if (policy.nonRefundableReservations.includes(product))
        throw reject('ReservationNotRefundable', { remedy: 'waitOrTransfer', expiresAt });
      // Before its purchase a request dated back far enough would find every window of the cap empty.
      const fault =
        effectiveFault('effectiveAt', effectiveAt, now) ??
        (requestedAt < purchasedAt
          ? reject('InvalidItem', { field: 'effectiveAt', rule: 'notBeforePurchase' })
          : undefined);
      // The cap is a question of the date, so it is asked of a sound one only.
      const exceeded =
        exchange || fault ? undefined : refundCapExceeded(state, policy, commitmentUsdCents, requestedAt);
      if (exceeded) throw reject('RefundCapExceeded', { ...exceeded });
      refuseFaults(fault);

      const countedUsdCents = exchange ? 0 : commitmentUsdCents;
      return [
        {
          type: 'ReservationCancellationRequested',
          data: { reservationId, countedUsdCents, exchange, requestedAt },
        },
        ...(settled ? [{ type: 'ReservationCancelled' as const, data: { reservationId, cancelledAt: now } }] : []),
      ];
    },
  },

  /** Rule V2: what was requested has been settled outside. */
  ConfirmReservationCancellation: {
    right,
    rules: ['R12', 'R20', 'V2', 'V6'],
    emits: ['ReservationCancelled'],
    decide(state, { reservationId, fee, refund }, { now }) {
      requireCancellationPending(state, reservationId, 'cancelled', now);
      return [
        {
          type: 'ReservationCancelled',
          data: { reservationId, ...(fee ? { fee } : {}), ...(refund ? { refund } : {}), cancelledAt: now },
        },
      ];
    },
  },

  /** Rules V2, V3: the reservation is active again and its commitment no longer counts. */
  RefuseReservationCancellation: {
    right,
    rules: ['R12', 'R20', 'V2', 'V3', 'V6'],
    emits: ['ReservationCancellationRefused'],
    decide(state, { reservationId, reason }, { now }) {
      requireCancellationPending(state, reservationId, 'active', now);
      return [
        {
          type: 'ReservationCancellationRefused',
          data: { reservationId, ...(reason === undefined ? {} : { reason }), refusedAt: now },
        },
      ];
    },
  },

  /** Reports the end of the term. A cancellation that is still pending then was not refused: it keeps counting for the cap. */
  ExpireReservation: {
    right: clock,
    rules: ['R7', 'R20', 'V6'],
    emits: ['ReservationExpired'],
    decide(state, { reservationId }, { now }) {
      const { status, expiresAt } = known(state, state.reservations, 'reservation', reservationId);
      if (status !== 'active' && status !== 'cancellationRequested')
        throw reject('InvalidTransition', { itemId: reservationId, from: status, to: 'expired' });
      requireDue(expiresAt, now);
      return [{ type: 'ReservationExpired', data: { reservationId, expiredAt: expiresAt } }];
    },
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
  ReservationExpired(state, { reservationId }) {
    become(state, reservationId, 'expired');
  },
} satisfies Steps;

function become({ reservations }: CustomerRelationship, reservationId: string, status: ReservationStatus): void {
  const reservation = reservations.get(reservationId);
  if (reservation) reservation.status = status;
}

function hasActiveAzurePlan({ subscriptions, relationshipTerm }: Frozen<CustomerRelationship>): boolean {
  return [...subscriptions.values()].some(
    (subscription) =>
      subscription.kind === 'azurePlan' &&
      subscription.status === 'active' &&
      subscription.relationshipTerm === relationshipTerm,
  );
}

function requireCancellationPending(
  state: Frozen<CustomerRelationship>,
  reservationId: string,
  to: ReservationStatus,
  now: Instant,
): void {
  const { status: from } = reservationAt(current(state, state.reservations, 'reservation', reservationId), now);
  if (from !== 'cancellationRequested') throw reject('InvalidTransition', { itemId: reservationId, from, to });
}

export interface RefundCapExceeded {
  readonly capUsdCents: number;
  readonly remainingUsdCents: number;
  /** From when on the same cancellation is within the cap; absent where it alone exceeds it. */
  readonly recoversAt?: Instant;
}

/**
 * The commitments whose cancellation was requested within any rolling window stay within the cap (rule V3), over all
 * terms of the relationship: undefined if they still would with one more, else what remains and when there is room. A request counts from its instant until, exclusively, so many months later; said of the
 * request and not of the window's start, because counted back from 29 February a window would grow again.
 *
 * A request may be dated back, so every window that would contain it is looked at: the one that ends with it and those
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

  // Windows only become emptier when a request stops counting.
  const recoversAt = counted
    .map(({ until }) => until)
    .filter((until) => until > requestedAt)
    .sort()
    .find(fits);
  return {
    capUsdCents,
    remainingUsdCents: Math.max(0, capUsdCents - fullestWindow(requestedAt)),
    ...(recoversAt === undefined ? {} : { recoversAt }),
  };
}
