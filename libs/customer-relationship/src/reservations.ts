import type { Instant, TermDuration } from './calendar.js';
import type { ReservationProduct } from './events.js';
import type { Buyer, Money } from './parties.js';

export interface ReservationCommands {
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
  CancelReservation: {
    readonly reservationId: string;
    /** Exchanged for another one: not counted by the refund cap. */
    readonly exchange?: boolean;
    /** Settled at once: requests and confirms in one append. */
    readonly settled?: boolean;
    readonly effectiveAt?: Instant;
  };
  ConfirmReservationCancellation: {
    readonly reservationId: string;
    readonly fee?: Money;
    readonly refund?: Money;
  };
  RefuseReservationCancellation: { readonly reservationId: string; readonly reason?: string };
  ExpireReservation: { readonly reservationId: string };
}
