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
import { Incoming, RelationshipController, Sends, type IncomingCommand } from './sends.js';

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
  purchase(@Incoming() incoming: IncomingCommand, @Body() body: PurchaseReservationBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('CancelReservation', ':reservationId/cancel')
  cancel(@Incoming() incoming: IncomingCommand, @Body() body: CancelReservationBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('ConfirmReservationCancellation', ':reservationId/confirm-cancellation')
  confirmCancellation(@Incoming() incoming: IncomingCommand, @Body() body: ConfirmReservationCancellationBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('RefuseReservationCancellation', ':reservationId/refuse-cancellation')
  refuseCancellation(@Incoming() incoming: IncomingCommand, @Body() body: RefuseReservationCancellationBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('ExpireReservation', ':reservationId/expire')
  expire(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }
}
