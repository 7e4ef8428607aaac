import {
  billingCycles,
  buyers,
  subscriptionKinds,
  suspensionReasons,
  termDurations,
  type BillingCycle,
  type Buyer,
  type Money,
  type RelationshipCommands,
  type ScheduledChange,
  type SubscriptionKind,
  type SupportContact,
  type SuspensionReason,
  type TermDuration,
} from '#customer-relationship';
import { Flag, Guid, ItemId, Matching, MoneyAmount, Nested, OneOf, Optional, Text, Time, Whole } from '#http';
import { Body } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { CommentedBody } from './commented-body.js';
import { SendCommand } from './send-command.js';
import { Incoming, RelationshipController, Sends, type IncomingCommand } from './sends.js';

const Quantity = () => Whole(1, 1_000_000);
const OfferId = () => Text(100);

class PurchaseSubscriptionBody extends CommentedBody implements PurchaseCommand {
  @ItemId() subscriptionId!: string;
  @OneOf(subscriptionKinds) kind!: SubscriptionKind;
  @OfferId() offerId!: string;
  @Text(200) name!: string;
  @Quantity() quantity!: number;
  @Optional(OneOf(termDurations)) termDuration?: TermDuration;
  @Optional(Flag()) trial?: boolean;
  @Optional(Flag()) autoRenew?: boolean;
  @Optional(ItemId()) baseSubscriptionId?: string;
  @Optional(OneOf(billingCycles)) billingCycle?: BillingCycle;
  @Optional(MoneyAmount()) price?: Money;
  @Optional(OneOf(buyers)) boughtBy?: Buyer;
  @Optional(Time()) cancellationAllowedUntil?: string;
  @Optional(Flag()) provisioned?: boolean;
  @Optional(Time()) effectiveAt?: string;
}
type PurchaseCommand = RelationshipCommands['PurchaseSubscription'];

class SuspendSubscriptionBody extends CommentedBody implements SuspendCommand {
  @OneOf(suspensionReasons) reason!: SuspensionReason;
}
type SuspendCommand = Omit<RelationshipCommands['SuspendSubscription'], 'subscriptionId'>;

class SetAutoRenewBody extends CommentedBody implements AutoRenewCommand {
  @Flag() autoRenew!: boolean;
}
type AutoRenewCommand = Omit<RelationshipCommands['SetAutoRenew'], 'subscriptionId'>;

class ChangeSubscriptionQuantityBody extends CommentedBody implements QuantityCommand {
  @Quantity() quantity!: number;
}
type QuantityCommand = Omit<RelationshipCommands['ChangeSubscriptionQuantity'], 'subscriptionId'>;

class ScheduledChangeFields implements ScheduledChange {
  @Optional(Quantity()) quantity?: number;
  @Optional(OneOf(termDurations)) termDuration?: TermDuration;
  @Optional(OfferId()) offerId?: string;
}

class ScheduleSubscriptionChangeBody extends CommentedBody implements ScheduleCommand {
  @Optional(Nested(ScheduledChangeFields)) change?: ScheduledChangeFields;
  @Optional(OneOf(billingCycles)) billingCycle?: BillingCycle;
}
type ScheduleCommand = Omit<RelationshipCommands['ScheduleSubscriptionChange'], 'subscriptionId'>;

class AddAzureSubscriptionBody extends CommentedBody implements AddAzureCommand {
  @ItemId('azure-0001') azureSubscriptionId!: string;
  @Text(200) name!: string;
}
type AddAzureCommand = Omit<RelationshipCommands['AddAzureSubscription'], 'subscriptionId'>;

class CancelAzureSubscriptionBody extends CommentedBody implements CancelAzureCommand {
  @Text(100) reason!: string;
}
type CancelAzureCommand = Omit<
  RelationshipCommands['CancelAzureSubscription'],
  'subscriptionId' | 'azureSubscriptionId'
>;

class SupportContactFields implements SupportContact {
  @Guid() tenantId!: string;
  @Matching(/^\d{1,20}$/, 'a Partner (MPN) id: digits', '4847383') partnerId!: string;
  @Text(200) name!: string;
}

class AssignSupportContactBody extends CommentedBody implements AssignContactCommand {
  @Nested(SupportContactFields) contact!: SupportContactFields;
}
type AssignContactCommand = Omit<RelationshipCommands['AssignSupportContact'], 'subscriptionId'>;

@RelationshipController('subscriptions')
export class SubscriptionsController {
  constructor(private readonly commands: CommandBus) {}

  @Sends('PurchaseSubscription', '', {
    creates: { event: 'SubscriptionPurchased', at: 'subscriptions/:subscriptionId' },
  })
  purchase(@Incoming() incoming: IncomingCommand, @Body() body: PurchaseSubscriptionBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('ActivateSubscription', ':subscriptionId/activate')
  activate(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('SuspendSubscription', ':subscriptionId/suspend')
  suspend(@Incoming() incoming: IncomingCommand, @Body() body: SuspendSubscriptionBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('ReactivateSubscription', ':subscriptionId/reactivate')
  reactivate(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('CancelSubscription', ':subscriptionId/cancel')
  cancel(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('SetAutoRenew', ':subscriptionId/auto-renew')
  setAutoRenew(@Incoming() incoming: IncomingCommand, @Body() body: SetAutoRenewBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('ChangeSubscriptionQuantity', ':subscriptionId/quantity')
  changeQuantity(@Incoming() incoming: IncomingCommand, @Body() body: ChangeSubscriptionQuantityBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('ScheduleSubscriptionChange', ':subscriptionId/schedule-change')
  scheduleChange(@Incoming() incoming: IncomingCommand, @Body() body: ScheduleSubscriptionChangeBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('RenewSubscription', ':subscriptionId/renew')
  renew(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('EndSubscriptionTerm', ':subscriptionId/end-term')
  endTerm(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('AdvanceSubscriptionRetention', ':subscriptionId/advance-retention')
  advanceRetention(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('AddAzureSubscription', ':subscriptionId/azure-subscriptions', {
    creates: {
      event: 'AzureSubscriptionAdded',
      at: 'subscriptions/:subscriptionId/azure-subscriptions/:azureSubscriptionId',
    },
  })
  addAzureSubscription(@Incoming() incoming: IncomingCommand, @Body() body: AddAzureSubscriptionBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('CancelAzureSubscription', ':subscriptionId/azure-subscriptions/:azureSubscriptionId/cancel')
  cancelAzureSubscription(@Incoming() incoming: IncomingCommand, @Body() body: CancelAzureSubscriptionBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('AssignSupportContact', ':subscriptionId/support-contact/assign')
  assignSupportContact(@Incoming() incoming: IncomingCommand, @Body() body: AssignSupportContactBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }

  @Sends('WithdrawSupportContact', ':subscriptionId/support-contact/withdraw')
  withdrawSupportContact(@Incoming() incoming: IncomingCommand, @Body() body: CommentedBody) {
    return this.commands.execute(new SendCommand(incoming, body));
  }
}
