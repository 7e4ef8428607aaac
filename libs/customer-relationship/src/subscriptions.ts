import type { Instant, TermDuration } from './calendar.js';
import type { BillingCycle, ScheduledChange, SubscriptionKind, SuspensionReason } from './events.js';
import type { Buyer, Money } from './parties.js';

export interface SubscriptionCommands {
  PurchaseSubscription: {
    readonly subscriptionId: string;
    readonly kind: SubscriptionKind;
    readonly offerId: string;
    readonly name: string;
    readonly quantity: number;
    /** Required but for an Azure plan, which has none. A trial lasts 30 days whatever term follows it. */
    readonly termDuration?: TermDuration;
    readonly trial?: boolean;
    /** Default: true for new commerce and marketplace, false for legacy; an Azure plan has none. */
    readonly autoRenew?: boolean;
    readonly baseSubscriptionId?: string;
    readonly billingCycle?: BillingCycle;
    readonly price?: Money;
    readonly boughtBy?: Buyer;
    /** The end of the cancellation window where the item brings one; else the policy's. */
    readonly cancellationAllowedUntil?: Instant;
    /** Provisioned at once: activates it in the same append. */
    readonly provisioned?: boolean;
    readonly effectiveAt?: Instant;
  };
  ActivateSubscription: { readonly subscriptionId: string };
  SuspendSubscription: { readonly subscriptionId: string; readonly reason: SuspensionReason };
  ReactivateSubscription: { readonly subscriptionId: string };
  CancelSubscription: { readonly subscriptionId: string };
  SetAutoRenew: { readonly subscriptionId: string; readonly autoRenew: boolean };
  ChangeSubscriptionQuantity: { readonly subscriptionId: string; readonly quantity: number };
  ScheduleSubscriptionChange: {
    readonly subscriptionId: string;
    readonly change?: ScheduledChange;
    readonly billingCycle?: BillingCycle;
  };
  RenewSubscription: { readonly subscriptionId: string };
  EndSubscriptionTerm: { readonly subscriptionId: string };
  AdvanceSubscriptionRetention: { readonly subscriptionId: string };
  AddAzureSubscription: {
    readonly subscriptionId: string;
    readonly azureSubscriptionId: string;
    readonly name: string;
  };
  CancelAzureSubscription: {
    readonly subscriptionId: string;
    readonly azureSubscriptionId: string;
    /** One that the policy knows (rule S19). */
    readonly reason: string;
  };
}
