import {
  buyers,
  reservationProducts,
  type Buyer,
  type Money,
  type ReservationProduct,
  type ReservationCommands,
} from '#customer-relationship';
import { Flag, ItemId, ListOf, MoneyAmount, OneOf, Optional, PrincipalId, Text, Time, Whole } from '#http';
import { routesOf } from './command-route.js';
import { CommentedBody, LateFactBody } from './commented-body.js';

const Owners = () => ListOf(PrincipalId(), 1, 50);

class PurchaseReservationBody extends CommentedBody {
  @ItemId('ri-0001') reservationId!: string;
  @Optional(ItemId('order-0001')) reservationOrderId?: string;
  @Text(200) name!: string;
  @OneOf(reservationProducts) product!: ReservationProduct;
  @Whole(1, 1_000_000) quantity!: number;
  @OneOf(['P1Y', 'P3Y']) termDuration!: 'P1Y' | 'P3Y';
  @Whole(0, 1_000_000_000_000) commitmentUsdCents!: number;
  @Optional(MoneyAmount()) price?: Money;
  @Optional(Owners()) owners?: readonly string[];
  @Optional(OneOf(buyers)) boughtBy?: Buyer;
  @Optional(Time()) commitmentEndDate?: string;
  @Optional(Time()) effectiveAt?: string;
}

class ChangeReservationOwnersBody extends LateFactBody {
  @Owners() owners!: readonly string[];
}

class CancelReservationBody extends CommentedBody {
  @Optional(Flag()) exchange?: boolean;
  @Optional(Flag()) settled?: boolean;
  @Optional(Time()) effectiveAt?: string;
}

class ConfirmReservationCancellationBody extends CommentedBody {
  @Optional(MoneyAmount()) fee?: Money;
  @Optional(MoneyAmount()) refund?: Money;
}

class RefuseReservationCancellationBody extends CommentedBody {
  @Optional(Text(200)) reason?: string;
}

export const reservationRoutes = routesOf<ReservationCommands>()({
  PurchaseReservation: {
    path: 'reservations',
    body: PurchaseReservationBody,
    creates: { event: 'ReservationPurchased', at: 'reservations/:reservationId' },
  },
  ChangeReservationOwners: {
    path: 'reservations/:reservationId/change-owners',
    body: ChangeReservationOwnersBody,
  },
  CancelReservation: { path: 'reservations/:reservationId/cancel', body: CancelReservationBody },
  ConfirmReservationCancellation: {
    path: 'reservations/:reservationId/confirm-cancellation',
    body: ConfirmReservationCancellationBody,
  },
  RefuseReservationCancellation: {
    path: 'reservations/:reservationId/refuse-cancellation',
    body: RefuseReservationCancellationBody,
  },
  ExpireReservation: { path: 'reservations/:reservationId/expire', body: CommentedBody },
});
