import {
  buyers,
  softwareKinds,
  softwarePublishers,
  type Buyer,
  type Money,
  type RelationshipCommands,
  type SoftwareKind,
  type SoftwareLineItem,
  type SoftwarePublisher,
} from '#customer-relationship';
import { ItemId, ListOf, MoneyAmount, Nested, OneOf, Optional, Text, Time, Whole } from '#http';
import { Body } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { CommentedBody } from './commented-body.js';
import { SendCommand } from './send-command.js';
import { Incoming, RelationshipController, Sends, type IncomingCommand } from './sends.js';

class LineItemFields implements SoftwareLineItem {
  @ItemId('line-1') lineItemId!: string;
  @Text(200) name!: string;
  @Whole(1, 1_000_000) quantity!: number;
  @Optional(MoneyAmount()) price?: Money;
}

class PurchaseSoftwareBody extends CommentedBody implements PurchaseCommand {
  @ItemId('sw-0001') purchaseId!: string;
  @OneOf(softwareKinds) kind!: SoftwareKind;
  @OneOf(softwarePublishers) publisher!: SoftwarePublisher;
  @Text(200) name!: string;
  @ListOf(Nested(LineItemFields), 1, 100) lineItems!: readonly LineItemFields[];
  @Optional(OneOf(['P1Y', 'P3Y'])) termDuration?: 'P1Y' | 'P3Y';
  @Optional(OneOf(buyers)) boughtBy?: Buyer;
  @Optional(Time()) cancellationAllowedUntil?: string;
  @Optional(Time()) effectiveAt?: string;
}
type PurchaseCommand = RelationshipCommands['PurchaseSoftware'];

class CancelSoftwarePurchaseBody extends CommentedBody implements CancelCommand {
  @Optional(ListOf(ItemId('line-1'), 1, 100)) lineItemIds?: readonly string[];
}
type CancelCommand = Omit<RelationshipCommands['CancelSoftwarePurchase'], 'purchaseId'>;

@RelationshipController('software')
export class SoftwareController {
  constructor(private readonly commands: CommandBus) {}

  @Sends('PurchaseSoftware', '', { creates: { event: 'SoftwarePurchased', at: 'software/:purchaseId' } })
  purchase(@Incoming() incoming: IncomingCommand, @Body() body: PurchaseSoftwareBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('CancelSoftwarePurchase', ':purchaseId/cancel')
  cancel(@Incoming() incoming: IncomingCommand, @Body() body: CancelSoftwarePurchaseBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('ExpireSoftware', ':purchaseId/expire')
  expire(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }
}
