import { buyers, type Buyer, type Money, type RelationshipCommands } from '#customer-relationship';
import { ItemId, MoneyAmount, OneOf, Optional, Text, Time } from '#http';
import { Body } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { CommentedBody } from './commented-body.js';
import { SendCommand } from './send-command.js';
import { Incoming, RelationshipController, Sends, type IncomingCommand } from './sends.js';

class PurchaseSavingsPlanBody extends CommentedBody implements PurchaseCommand {
  @ItemId('plan-0001') savingsPlanId!: string;
  @Text(200) name!: string;
  @OneOf(['P1Y', 'P3Y']) termDuration!: 'P1Y' | 'P3Y';
  @MoneyAmount() hourlyCommitment!: Money;
  @Optional(OneOf(buyers)) boughtBy?: Buyer;
  @Optional(Time()) effectiveAt?: string;
}
type PurchaseCommand = RelationshipCommands['PurchaseSavingsPlan'];

@RelationshipController('savings-plans')
export class SavingsPlansController {
  constructor(private readonly commands: CommandBus) {}

  @Sends('PurchaseSavingsPlan', '', { creates: { event: 'SavingsPlanPurchased', at: 'savings-plans/:savingsPlanId' } })
  purchase(@Incoming() incoming: IncomingCommand, @Body() body: PurchaseSavingsPlanBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('CancelSavingsPlan', ':savingsPlanId/cancel')
  cancel(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('ExpireSavingsPlan', ':savingsPlanId/expire')
  expire(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }
}
