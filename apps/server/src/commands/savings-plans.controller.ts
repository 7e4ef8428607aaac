import { buyers, type Buyer, type Money, type RelationshipCommands } from '#customer-relationship';
import { ItemId, MoneyAmount, OneOf, Optional, Text, Time } from '#http';
import { Body } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { CommentedBody } from './commented-body.js';
import { SendCommand } from './send-command.js';
import { Enveloped, RelationshipController, Sends, type Envelope } from './sends.js';

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
  purchase(@Enveloped() envelope: Envelope, @Body() body: PurchaseSavingsPlanBody) {
    return this.commands.execute(new SendCommand(envelope, body));
  }

  @Sends('CancelSavingsPlan', ':savingsPlanId/cancel')
  cancel(@Enveloped() envelope: Envelope, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(envelope, body));
  }

  @Sends('ExpireSavingsPlan', ':savingsPlanId/expire')
  expire(@Enveloped() envelope: Envelope, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(envelope, body));
  }
}
