import {
  billingCycles,
  buyers,
  subscriptionKinds,
  suspensionReasons,
  termDurations,
  type BillingCycle,
  type Buyer,
  type Money,
  type ScheduledChange,
  type SubscriptionKind,
  type SuspensionReason,
  type TermDuration,
  type SubscriptionCommands,
} from '#customer-relationship';
import { Flag, ItemId, MoneyAmount, Nested, OneOf, Optional, Text, Time, Whole } from '#http';
import { routesOf } from './command-route.js';
import { CommentedBody, LateFactBody } from './commented-body.js';

const Quantity = () => Whole(1, 1_000_000);
const OfferId = () => Text(100);

class PurchaseSubscriptionBody extends CommentedBody {
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
  @Optional(Time()) commitmentEndDate?: string;
  @Optional(Time()) cancellationAllowedUntil?: string;
  @Optional(Flag()) provisioned?: boolean;
  @Optional(Time()) effectiveAt?: string;
}

class FailSubscriptionProvisioningBody extends LateFactBody {
  @Optional(Text(200)) reason?: string;
}

class SuspendSubscriptionBody extends LateFactBody {
  @OneOf(suspensionReasons) reason!: SuspensionReason;
}

class SetAutoRenewBody extends LateFactBody {
  @Flag() autoRenew!: boolean;
}

class ChangeSubscriptionQuantityBody extends LateFactBody {
  @Quantity() quantity!: number;
}

class ScheduledChangeFields implements ScheduledChange {
  @Optional(Quantity()) quantity?: number;
  @Optional(OneOf(termDurations)) termDuration?: TermDuration;
  @Optional(OfferId()) offerId?: string;
}

class ScheduleSubscriptionChangeBody extends CommentedBody {
  @Optional(Nested(ScheduledChangeFields)) change?: ScheduledChangeFields;
  @Optional(OneOf(billingCycles)) billingCycle?: BillingCycle;
}

class AddAzureSubscriptionBody extends CommentedBody {
  @ItemId('azure-0001') azureSubscriptionId!: string;
  @Text(200) name!: string;
}

class CancelAzureSubscriptionBody extends LateFactBody {
  @Text(100) reason!: string;
}

export const subscriptionRoutes = routesOf<SubscriptionCommands>()({
  PurchaseSubscription: {
    path: 'subscriptions',
    body: PurchaseSubscriptionBody,
    creates: { event: 'SubscriptionPurchased', at: 'subscriptions/:subscriptionId' },
  },
  ActivateSubscription: { path: 'subscriptions/:subscriptionId/activate', body: LateFactBody },
  FailSubscriptionProvisioning: {
    path: 'subscriptions/:subscriptionId/fail-provisioning',
    body: FailSubscriptionProvisioningBody,
  },
  CancelSubscriptionProvisioning: {
    path: 'subscriptions/:subscriptionId/cancel-provisioning',
    body: LateFactBody,
  },
  SuspendSubscription: { path: 'subscriptions/:subscriptionId/suspend', body: SuspendSubscriptionBody },
  ReactivateSubscription: { path: 'subscriptions/:subscriptionId/reactivate', body: LateFactBody },
  CancelSubscription: { path: 'subscriptions/:subscriptionId/cancel', body: LateFactBody },
  SetAutoRenew: { path: 'subscriptions/:subscriptionId/auto-renew', body: SetAutoRenewBody },
  ChangeSubscriptionQuantity: { path: 'subscriptions/:subscriptionId/quantity', body: ChangeSubscriptionQuantityBody },
  ScheduleSubscriptionChange: {
    path: 'subscriptions/:subscriptionId/schedule-change',
    body: ScheduleSubscriptionChangeBody,
  },
  RenewSubscription: { path: 'subscriptions/:subscriptionId/renew', body: CommentedBody },
  EndSubscriptionTerm: { path: 'subscriptions/:subscriptionId/end-term', body: CommentedBody },
  AdvanceSubscriptionRetention: { path: 'subscriptions/:subscriptionId/advance-retention', body: CommentedBody },
  AddAzureSubscription: {
    path: 'subscriptions/:subscriptionId/azure-subscriptions',
    body: AddAzureSubscriptionBody,
    creates: {
      event: 'AzureSubscriptionAdded',
      at: 'subscriptions/:subscriptionId/azure-subscriptions/:azureSubscriptionId',
    },
  },
  CancelAzureSubscription: {
    path: 'subscriptions/:subscriptionId/azure-subscriptions/:azureSubscriptionId/cancel',
    body: CancelAzureSubscriptionBody,
  },
});
