import type { Instant, TermDuration } from './calendar.js';
import type { Buyer, Money, PartnerType, SupportContact } from './parties.js';

// Stored for ever and read by auditors: never rename an event or a field, never change a meaning. A changed payload gets
// a schema number and an upcast step in event-codec.ts. The partner and the customer stand in the stream's name.

export const subscriptionKinds = ['legacy', 'newCommerce', 'azurePlan', 'marketplace'] as const;
export type SubscriptionKind = (typeof subscriptionKinds)[number];
export const suspensionReasons = ['customerRequest', 'nonPayment', 'fraud', 'migration'] as const;
export type SuspensionReason = (typeof suspensionReasons)[number];
export const billingCycles = ['monthly', 'annual', 'triennial', 'oneTime'] as const;
export type BillingCycle = (typeof billingCycles)[number];
/** `databricks` to `sentinelPrePurchase` are never refundable (rule V4). */
export const reservationProducts = [
  'virtualMachine',
  'sqlDatabase',
  'cosmosDb',
  'appService',
  'storage',
  'other',
  'databricks',
  'synapsePrePurchase',
  'cloudSimple',
  'redHatOpenShift',
  'redHatPlan',
  'susePlan',
  'defenderPrePurchase',
  'sentinelPrePurchase',
] as const;
export type ReservationProduct = (typeof reservationProducts)[number];
export const softwareKinds = ['perpetual', 'subscription'] as const;
export type SoftwareKind = (typeof softwareKinds)[number];
export const softwarePublishers = ['microsoft', 'redHat', 'suse', 'other'] as const;
export type SoftwarePublisher = (typeof softwarePublishers)[number];

/** What changes at the next term; a billing instruction survives a suspension, the rest does not (rule S3). */
export interface ScheduledChange {
  readonly quantity?: number;
  readonly termDuration?: TermDuration;
  readonly offerId?: string;
}

export interface SoftwareLineItem {
  readonly lineItemId: string;
  readonly name: string;
  readonly quantity: number;
  readonly price?: Money;
}

/** Who accepted or approved for the customer. */
export interface CustomerSignature {
  readonly userId: string;
  /** The partner app that relayed it; absent when the customer's admin did it directly. */
  readonly relayedBy?: string;
}

export interface RelationshipEvents {
  // The relationship
  ResellerRelationshipRequested: {
    readonly partnerId: string;
    readonly customerId: string;
    readonly partner: SupportContact & { readonly type: PartnerType };
    readonly customer: { readonly name: string; readonly domain?: string };
    readonly market: string;
    readonly delegatedAdmin: boolean;
    /** The reseller in a two-tier invitation: available as a support contact beside the partner. */
    readonly indirectReseller?: SupportContact;
    readonly requestedAt: Instant;
    readonly expiresAt: Instant;
  };
  ResellerRelationshipRequestDeclined: { readonly declinedBy: CustomerSignature; readonly declinedAt: Instant };
  ResellerRelationshipRequestWithdrawn: { readonly withdrawnAt: Instant };
  ResellerRelationshipRequestExpired: { readonly expiredAt: Instant };
  ResellerRelationshipEstablished: {
    /** 1 for the first time, one more each time the relationship is re-established. */
    readonly relationshipTerm: number;
    readonly acceptedBy: CustomerSignature;
    readonly establishedAt: Instant;
  };
  CustomerAgreementConfirmed: {
    readonly confirmedBy: 'partner' | 'customer';
    readonly agreedAt: Instant;
    readonly confirmedAt: Instant;
  };
  CustomerProfileUpdated: { readonly name?: string; readonly domain?: string; readonly updatedAt: Instant };
  ResellerRelationshipRemoved: {
    readonly relationshipTerm: number;
    readonly removedAt: Instant;
    readonly noticeGiven?: boolean;
    /** The policy that allowed it, so that old decisions stay explicable. */
    readonly policy: string;
  };

  // Subscriptions
  SubscriptionPurchased: {
    readonly subscriptionId: string;
    readonly kind: SubscriptionKind;
    readonly offerId: string;
    readonly name: string;
    readonly quantity: number;
    readonly trial: boolean;
    readonly autoRenew: boolean;
    readonly boughtBy: Buyer;
    /** The base of an add-on. */
    readonly baseSubscriptionId?: string;
    /** Absent for an Azure plan, which has no term. */
    readonly termDuration?: TermDuration;
    readonly termEndsAt?: Instant;
    readonly cancellationAllowedUntil?: Instant;
    readonly billingCycle?: BillingCycle;
    readonly price?: Money;
    readonly purchasedAt: Instant;
  };
  SubscriptionActivated: { readonly subscriptionId: string; readonly activatedAt: Instant };
  SubscriptionSuspended: {
    readonly subscriptionId: string;
    readonly reason: SuspensionReason;
    /** The base whose suspension brought this one along (rule S10). */
    readonly withBase?: string;
    readonly suspendedAt: Instant;
    /** When a suspended legacy subscription is deleted (rule S15). */
    readonly retainedUntil?: Instant;
  };
  SubscriptionReactivated: { readonly subscriptionId: string; readonly reactivatedAt: Instant };
  AutoRenewEnabled: { readonly subscriptionId: string; readonly enabledAt: Instant };
  AutoRenewDisabled: { readonly subscriptionId: string; readonly disabledAt: Instant };
  SubscriptionQuantityChanged: {
    readonly subscriptionId: string;
    readonly quantity: number;
    readonly previousQuantity: number;
    readonly changedAt: Instant;
  };
  /** Takes the place of what was scheduled before. */
  SubscriptionChangeScheduled: {
    readonly subscriptionId: string;
    readonly change?: ScheduledChange;
    readonly billingCycle?: BillingCycle;
    readonly scheduledAt: Instant;
  };
  ScheduledChangesDiscarded: { readonly subscriptionId: string; readonly discardedAt: Instant };
  /** A marketplace subscription past its window goes on until its term ends (rule S20). */
  CancellationScheduled: {
    readonly subscriptionId: string;
    readonly takesEffectAt: Instant;
    readonly scheduledAt: Instant;
  };
  SubscriptionCancelled: { readonly subscriptionId: string; readonly cancelledAt: Instant };
  SubscriptionRenewed: {
    readonly subscriptionId: string;
    readonly quantity: number;
    readonly offerId: string;
    readonly termDuration: TermDuration;
    readonly billingCycle?: BillingCycle;
    readonly termStartsAt: Instant;
    readonly termEndsAt: Instant;
    readonly cancellationAllowedUntil?: Instant;
    readonly renewedAt: Instant;
  };
  SubscriptionExpired: {
    readonly subscriptionId: string;
    readonly expiredAt: Instant;
    readonly retainedUntil: Instant;
  };
  SubscriptionDisabled: {
    readonly subscriptionId: string;
    readonly disabledAt: Instant;
    readonly retainedUntil: Instant;
    /** Another disabled period follows this one before deletion (suspended at term end, rule S15). */
    readonly furtherPeriod: boolean;
  };
  SubscriptionDeleted: { readonly subscriptionId: string; readonly deletedAt: Instant };
  AzureSubscriptionAdded: {
    readonly subscriptionId: string;
    readonly azureSubscriptionId: string;
    readonly name: string;
    readonly addedAt: Instant;
  };
  AzureSubscriptionCancelled: {
    readonly subscriptionId: string;
    readonly azureSubscriptionId: string;
    readonly reason: string;
    readonly cancelledAt: Instant;
  };

  // Reservations, software, savings plans
  ReservationPurchased: {
    readonly reservationId: string;
    readonly reservationOrderId?: string;
    readonly name: string;
    readonly product: ReservationProduct;
    readonly quantity: number;
    readonly termDuration: TermDuration;
    readonly boughtBy: Buyer;
    /** Principals that own the reservation order and may cancel (rule V5). */
    readonly owners: readonly string[];
    /** The commitment in US cents that the refund cap counts (rule V3). */
    readonly commitmentUsdCents: number;
    readonly price?: Money;
    readonly purchasedAt: Instant;
    readonly expiresAt: Instant;
  };
  ReservationCancellationRequested: {
    readonly reservationId: string;
    /** 0 for an exchange, which the cap does not count. */
    readonly countedUsdCents: number;
    readonly exchange: boolean;
    /** When the request counts from; not after `recordedAt`. */
    readonly requestedAt: Instant;
  };
  ReservationCancelled: {
    readonly reservationId: string;
    readonly fee?: Money;
    readonly refund?: Money;
    readonly cancelledAt: Instant;
  };
  ReservationCancellationRefused: {
    readonly reservationId: string;
    readonly reason?: string;
    readonly refusedAt: Instant;
  };
  ReservationExpired: { readonly reservationId: string; readonly expiredAt: Instant };
  SoftwarePurchased: {
    readonly purchaseId: string;
    readonly kind: SoftwareKind;
    readonly publisher: SoftwarePublisher;
    readonly name: string;
    readonly lineItems: readonly SoftwareLineItem[];
    readonly boughtBy: Buyer;
    readonly termDuration?: TermDuration;
    readonly cancellationAllowedUntil: Instant;
    readonly purchasedAt: Instant;
    /** Absent for perpetual software. */
    readonly expiresAt?: Instant;
  };
  SoftwareLineItemCancelled: {
    readonly purchaseId: string;
    readonly lineItemId: string;
    readonly cancelledAt: Instant;
  };
  SoftwarePurchaseCancelled: { readonly purchaseId: string; readonly cancelledAt: Instant };
  SoftwareExpired: { readonly purchaseId: string; readonly expiredAt: Instant };
  SavingsPlanPurchased: {
    readonly savingsPlanId: string;
    readonly name: string;
    readonly termDuration: TermDuration;
    readonly hourlyCommitment: Money;
    readonly boughtBy: Buyer;
    readonly purchasedAt: Instant;
    readonly expiresAt: Instant;
  };
  SavingsPlanExpired: { readonly savingsPlanId: string; readonly expiredAt: Instant };

  // Support contacts
  SupportContactAssigned: {
    readonly subscriptionId: string;
    readonly contact: SupportContact;
    /** Came with the purchase (rule C4) rather than by choice. */
    readonly byDefault: boolean;
    readonly assignedAt: Instant;
  };
  SupportContactWithdrawn: {
    readonly subscriptionId: string;
    readonly contact: SupportContact;
    readonly reason: 'withdrawn' | 'subscriptionDeleted' | 'relationshipRemoved';
    readonly withdrawnAt: Instant;
  };

  // Delegated admin: DAP (DelegatedAdminPrivileges…) and GDAP (DelegatedAdmin…)
  DelegatedAdminPrivilegesGranted: {
    readonly grantId: string;
    readonly grantedAt: Instant;
  };
  DelegatedAdminRequested: {
    readonly grantId: string;
    readonly name: string;
    readonly roles: readonly string[];
    readonly durationDays: number;
    readonly autoExtendDays: number;
    readonly requestedAt: Instant;
    readonly expiresAt: Instant;
  };
  /** Only what changes is named. */
  DelegatedAdminUpdated: {
    readonly grantId: string;
    readonly name?: string;
    readonly roles?: readonly string[];
    readonly durationDays?: number;
    readonly autoExtendDays?: number;
    readonly updatedAt: Instant;
  };
  DelegatedAdminLockedForApproval: { readonly grantId: string; readonly lockedAt: Instant };
  DelegatedAdminApproved: {
    readonly grantId: string;
    readonly approvedBy: CustomerSignature;
    readonly approvedAt: Instant;
  };
  DelegatedAdminActivated: { readonly grantId: string; readonly activatedAt: Instant; readonly endsAt: Instant };
  DelegatedAdminExtended: { readonly grantId: string; readonly endsAt: Instant; readonly extendedAt: Instant };
  DelegatedAdminTerminationRequested: {
    readonly grantId: string;
    readonly requestedBy: 'partner' | 'customer';
    readonly requestedAt: Instant;
  };
  /** Ends a DAP or a GDAP grant. */
  DelegatedAdminTerminated: { readonly grantId: string; readonly terminatedAt: Instant };
  /** A grant past its end, or a request that nobody approved in time. */
  DelegatedAdminExpired: { readonly grantId: string; readonly expiredAt: Instant };
  /** The removal of the relationship ended this DAP or GDAP grant (rule R18). */
  DelegatedAdminPrivilegesRevoked: {
    readonly grantId: string;
    readonly grantKind: 'dap' | 'gdap';
    readonly revokedAt: Instant;
  };
  AccessAssignmentCreated: {
    readonly grantId: string;
    readonly assignmentId: string;
    readonly groupId: string;
    readonly roles: readonly string[];
    readonly createdAt: Instant;
  };
  AccessAssignmentUpdated: {
    readonly grantId: string;
    readonly assignmentId: string;
    readonly roles: readonly string[];
    readonly updatedAt: Instant;
  };
  AccessAssignmentDeleted: { readonly grantId: string; readonly assignmentId: string; readonly deletedAt: Instant };
}
