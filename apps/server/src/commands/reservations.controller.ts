import {
  buyers,
  reservationProducts,
  type Buyer,
  type Money,
  type RelationshipCommands,
  type ReservationProduct,
} from '#customer-relationship';
import { Flag, ItemId, ListOf, MoneyAmount, OneOf, Optional, PrincipalId, Text, Time, Whole } from '#http';
import { Body } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { CommentedBody } from './commented-body.js';
import { SendCommand } from './send-command.js';
import { Enveloped, RelationshipController, Sends, type Envelope } from './sends.js';

class PurchaseReservationBody extends CommentedBody implements PurchaseCommand {
  @ItemId('ri-0001') reservationId!: string;
  @Optional(ItemId('order-0001')) reservationOrderId?: string;
  @Text(200) name!: string;
  @OneOf(reservationProducts) product!: ReservationProduct;
  @Whole(1, 1_000_000) quantity!: number;
  @OneOf(['P1Y', 'P3Y']) termDuration!: 'P1Y' | 'P3Y';
  @Whole(0, 1_000_000_000_000) commitmentUsdCents!: number;
  @Optional(MoneyAmount()) price?: Money;
  @Optional(ListOf(PrincipalId(), 1, 50)) owners?: readonly string[];
  @Optional(OneOf(buyers)) boughtBy?: Buyer;
  @Optional(Time()) effectiveAt?: string;
}
type PurchaseCommand = RelationshipCommands['PurchaseReservation'];

class CancelReservationBody extends CommentedBody implements CancelCommand {
  @Optional(Flag()) exchange?: boolean;
  @Optional(Flag()) settled?: boolean;
  @Optional(Time()) effectiveAt?: string;
}
type CancelCommand = Omit<RelationshipCommands['CancelReservation'], 'reservationId'>;

class ConfirmReservationCancellationBody extends CommentedBody implements ConfirmCommand {
  @Optional(MoneyAmount()) fee?: Money;
  @Optional(MoneyAmount()) refund?: Money;
}
type ConfirmCommand = Omit<RelationshipCommands['ConfirmReservationCancellation'], 'reservationId'>;

class RefuseReservationCancellationBody extends CommentedBody implements RefuseCommand {
  @Optional(Text(200)) reason?: string;
}
type RefuseCommand = Omit<RelationshipCommands['RefuseReservationCancellation'], 'reservationId'>;

@RelationshipController('reservations')
export class ReservationsController {
  constructor(private readonly commands: CommandBus) {}

  @Sends('PurchaseReservation', '', { creates: { event: 'ReservationPurchased', at: 'reservations/:reservationId' } })
  purchase(@Enveloped() envelope: Envelope, @Body() body: PurchaseReservationBody) {
    return this.commands.execute(new SendCommand(envelope, body));
  }

  @Sends('CancelReservation', ':reservationId/cancel')
  cancel(@Enveloped() envelope: Envelope, @Body() body: CancelReservationBody) {
    return this.commands.execute(new SendCommand(envelope, body));
  }

  @Sends('ConfirmReservationCancellation', ':reservationId/confirm-cancellation')
  confirmCancellation(@Enveloped() envelope: Envelope, @Body() body: ConfirmReservationCancellationBody) {
    return this.commands.execute(new SendCommand(envelope, body));
  }

  @Sends('RefuseReservationCancellation', ':reservationId/refuse-cancellation')
  refuseCancellation(@Enveloped() envelope: Envelope, @Body() body: RefuseReservationCancellationBody) {
    return this.commands.execute(new SendCommand(envelope, body));
  }

  @Sends('ExpireReservation', ':reservationId/expire')
  expire(@Enveloped() envelope: Envelope, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(envelope, body));
  }
}
