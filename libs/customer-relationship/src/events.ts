import type { Instant, TermDuration } from './calendar.js';
import type { Buyer, Money, PartnerType, SupportContact } from './parties.js';

// Stored for ever and read by auditors: never rename an event or a field, never change a meaning. A changed payload
// gets a schema number and an upcast step in event-codec.ts. The stream's name holds the partner and the customer.

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
  /** The partner has asked the customer for a reseller relationship; the request is open until `expiresAt`. */
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
  /** The customer has declined the request. */
  ResellerRelationshipRequestDeclined: { readonly declinedBy: CustomerSignature; readonly declinedAt: Instant };
  /** The partner has withdrawn the request. */
  ResellerRelationshipRequestWithdrawn: { readonly withdrawnAt: Instant };
  /** The request was not answered in time. */
  ResellerRelationshipRequestExpired: { readonly expiredAt: Instant };
  /** The customer has accepted: the relationship is active. */
  ResellerRelationshipEstablished: {
    /** 1 for the first time, one more each time the relationship is re-established. */
    readonly relationshipTerm: number;
    readonly acceptedBy: CustomerSignature;
    readonly establishedAt: Instant;
  };
  /** The customer has agreed to the customer agreement, without which nothing can be bought. */
  CustomerAgreementConfirmed: {
    readonly confirmedBy: 'partner' | 'customer';
    readonly agreedAt: Instant;
    readonly confirmedAt: Instant;
  };
  /** The name or the domain of the customer has changed; only what changes is named. */
  CustomerProfileUpdated: { readonly name?: string; readonly domain?: string; readonly updatedAt: Instant };
  /** The reseller relationship has ended. */
  ResellerRelationshipRemoved: {
    readonly relationshipTerm: number;
    readonly removedAt: Instant;
    readonly noticeGiven?: boolean;
    /** The policy that allowed it, so that old decisions stay explicable. */
    readonly policy: string;
  };

  // Subscriptions
  /** A subscription of any kind has been bought; it is pending until it is activated. */
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
  /** A pending subscription has been provisioned and is active. */
  SubscriptionActivated: { readonly subscriptionId: string; readonly activatedAt: Instant };
  /** A pending subscription could not be provisioned: it will never be active (rule P1). */
  SubscriptionProvisioningFailed: {
    readonly subscriptionId: string;
    readonly reason?: string;
    readonly failedAt: Instant;
  };
  /** The provisioning of a pending subscription was cancelled: it will never be active (rule P1). */
  SubscriptionProvisioningCancelled: { readonly subscriptionId: string; readonly cancelledAt: Instant };
  /** The subscription cannot be used until it is reactivated. */
  SubscriptionSuspended: {
    readonly subscriptionId: string;
    readonly reason: SuspensionReason;
    /** The base whose suspension brought this one along (rule S10). */
    readonly withBase?: string;
    readonly suspendedAt: Instant;
    /** When a suspended legacy subscription is deleted (rule S15). */
    readonly retainedUntil?: Instant;
  };
  /** A suspended subscription is active again. */
  SubscriptionReactivated: { readonly subscriptionId: string; readonly reactivatedAt: Instant };
  /** The subscription renews at the end of its term. */
  AutoRenewEnabled: { readonly subscriptionId: string; readonly enabledAt: Instant };
  /** The subscription ends with its term. */
  AutoRenewDisabled: { readonly subscriptionId: string; readonly disabledAt: Instant };
  /** The subscription has another number of seats. */
  SubscriptionQuantityChanged: {
    readonly subscriptionId: string;
    readonly quantity: number;
    readonly previousQuantity: number;
    readonly changedAt: Instant;
  };
  /** Changes have been scheduled for the next term; they replace those scheduled before. */
  SubscriptionChangeScheduled: {
    readonly subscriptionId: string;
    readonly change?: ScheduledChange;
    readonly billingCycle?: BillingCycle;
    readonly scheduledAt: Instant;
  };
  /** The changes scheduled for the next term have been discarded. */
  ScheduledChangesDiscarded: { readonly subscriptionId: string; readonly discardedAt: Instant };
  /** A marketplace subscription past its window goes on until its term ends (rule S20). */
  CancellationScheduled: {
    readonly subscriptionId: string;
    readonly takesEffectAt: Instant;
    readonly scheduledAt: Instant;
  };
  /** The subscription has been cancelled, at once or as it was scheduled. */
  SubscriptionCancelled: { readonly subscriptionId: string; readonly cancelledAt: Instant };
  /** Another term has started, with the changes scheduled for it. */
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
  /** The term has ended without a renewal; what the subscription holds is kept for a while. */
  SubscriptionExpired: {
    readonly subscriptionId: string;
    readonly expiredAt: Instant;
    readonly retainedUntil: Instant;
  };
  /** The subscription is closed to its users; what it holds is kept for a while. */
  SubscriptionDisabled: {
    readonly subscriptionId: string;
    readonly disabledAt: Instant;
    readonly retainedUntil: Instant;
    /** Another disabled period follows this one before deletion (suspended at term end, rule S15). */
    readonly furtherPeriod: boolean;
  };
  /** The subscription and what it held are gone. */
  SubscriptionDeleted: { readonly subscriptionId: string; readonly deletedAt: Instant };
  /** An Azure subscription has been created under an Azure plan. */
  AzureSubscriptionAdded: {
    readonly subscriptionId: string;
    readonly azureSubscriptionId: string;
    readonly name: string;
    readonly addedAt: Instant;
  };
  /** An Azure subscription under an Azure plan has been cancelled. */
  AzureSubscriptionCancelled: {
    readonly subscriptionId: string;
    readonly azureSubscriptionId: string;
    readonly reason: string;
    readonly cancelledAt: Instant;
  };

  // Reservations, software, savings plans
  /** A reservation has been bought. */
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
  /** The reservation order has other owners than before (rule V5a). */
  ReservationOwnersChanged: {
    readonly reservationId: string;
    readonly owners: readonly string[];
    readonly previousOwners: readonly string[];
    readonly changedAt: Instant;
  };
  /** A reservation is being returned; it is not cancelled before that is confirmed. */
  ReservationCancellationRequested: {
    readonly reservationId: string;
    /** 0 for an exchange, which the cap does not count. */
    readonly countedUsdCents: number;
    readonly exchange: boolean;
    /** When the request counts from; not after `recordedAt`. */
    readonly requestedAt: Instant;
  };
  /** The return of a reservation has been confirmed. */
  ReservationCancelled: {
    readonly reservationId: string;
    readonly fee?: Money;
    readonly refund?: Money;
    readonly cancelledAt: Instant;
  };
  /** The return of a reservation has been refused: it is active as before. */
  ReservationCancellationRefused: {
    readonly reservationId: string;
    readonly reason?: string;
    readonly refusedAt: Instant;
  };
  /** The term of a reservation has ended. */
  ReservationExpired: { readonly reservationId: string; readonly expiredAt: Instant };
  /** Software has been bought, perpetual or by subscription. */
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
    /** The end of the term; absent for perpetual software. */
    readonly expiresAt?: Instant;
    /** Another term follows the end (rule V7a); never of perpetual software. */
    readonly autoRenew: boolean;
    /** Only of a subscription that was recorded before renewals were: it may have renewed since. */
    readonly renewalUnknown?: true;
  };
  /** One line of a software purchase has been cancelled. */
  SoftwareLineItemCancelled: {
    readonly purchaseId: string;
    readonly lineItemId: string;
    readonly cancelledAt: Instant;
  };
  /** Every line of a software purchase has been cancelled. */
  SoftwarePurchaseCancelled: { readonly purchaseId: string; readonly cancelledAt: Instant };
  /** The software subscription renews at the end of its term. */
  SoftwareAutoRenewEnabled: { readonly purchaseId: string; readonly enabledAt: Instant };
  /** The software subscription ends with its term. */
  SoftwareAutoRenewDisabled: { readonly purchaseId: string; readonly disabledAt: Instant };
  /** Another term of a software subscription has started. */
  SoftwareRenewed: {
    readonly purchaseId: string;
    readonly termStartsAt: Instant;
    readonly expiresAt: Instant;
    readonly cancellationAllowedUntil: Instant;
    readonly renewedAt: Instant;
  };
  /** The term of a software subscription has ended without a renewal. */
  SoftwareExpired: { readonly purchaseId: string; readonly expiredAt: Instant };
  /** A savings plan has been bought. */
  SavingsPlanPurchased: {
    readonly savingsPlanId: string;
    readonly name: string;
    readonly termDuration: TermDuration;
    readonly hourlyCommitment: Money;
    readonly boughtBy: Buyer;
    readonly purchasedAt: Instant;
    readonly expiresAt: Instant;
  };
  /** The term of a savings plan has ended. */
  SavingsPlanExpired: { readonly savingsPlanId: string; readonly expiredAt: Instant };

  // Support contacts
  /** A subscription has a new support contact. */
  SupportContactAssigned: {
    readonly subscriptionId: string;
    readonly contact: SupportContact;
    /** Came with the purchase (rule C4) rather than by choice. */
    readonly byDefault: boolean;
    readonly assignedAt: Instant;
  };
  /** A subscription has lost its support contact. */
  SupportContactWithdrawn: {
    readonly subscriptionId: string;
    readonly contact: SupportContact;
    readonly reason: 'withdrawn' | 'subscriptionDeleted' | 'subscriptionNotProvisioned' | 'relationshipRemoved';
    readonly withdrawnAt: Instant;
  };

  // Delegated admin: DAP (DelegatedAdminPrivileges…) and GDAP (DelegatedAdmin…)
  /** The partner has delegated admin privileges (DAP) at the customer. */
  DelegatedAdminPrivilegesGranted: { readonly grantId: string; readonly grantedAt: Instant };
  /** The partner has drawn up a request for granular delegated admin privileges (GDAP). */
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
  /** The request has been sent to the customer and can no longer be edited. */
  DelegatedAdminLockedForApproval: { readonly grantId: string; readonly lockedAt: Instant };
  /** The draft of a request has been deleted before it was sent; its name is free again (rule G4a). */
  DelegatedAdminDeleted: { readonly grantId: string; readonly deletedAt: Instant };
  /** The partner has withdrawn a request that waited for the customer; its name is free again (rule G4a). */
  DelegatedAdminWithdrawn: { readonly grantId: string; readonly withdrawnAt: Instant };
  /** The customer has approved the request. */
  DelegatedAdminApproved: {
    readonly grantId: string;
    readonly approvedBy: CustomerSignature;
    readonly approvedAt: Instant;
  };
  /** The approved grant is active. */
  DelegatedAdminActivated: { readonly grantId: string; readonly activatedAt: Instant; readonly endsAt: Instant };
  /** An active grant goes on past its end (rule G6a); `endsAt` is the next one. */
  DelegatedAdminExtended: { readonly grantId: string; readonly endsAt: Instant; readonly extendedAt: Instant };
  /** One side has asked for the end of the grant. */
  DelegatedAdminTerminationRequested: {
    readonly grantId: string;
    readonly requestedBy: 'partner' | 'customer';
    readonly requestedAt: Instant;
  };
  /** A DAP or GDAP grant has been ended. */
  DelegatedAdminTerminated: { readonly grantId: string; readonly terminatedAt: Instant };
  /** A grant has ended, or a request was not approved in time. */
  DelegatedAdminExpired: { readonly grantId: string; readonly expiredAt: Instant };
  /** The removal of the relationship ended this DAP or GDAP grant (rule R18). */
  DelegatedAdminPrivilegesRevoked: {
    readonly grantId: string;
    readonly grantKind: 'dap' | 'gdap';
    readonly revokedAt: Instant;
  };
  /** A security group has been given roles of an active grant. */
  AccessAssignmentCreated: {
    readonly grantId: string;
    readonly assignmentId: string;
    readonly groupId: string;
    readonly roles: readonly string[];
    readonly createdAt: Instant;
  };
  /** A security group has other roles of the grant than before. */
  AccessAssignmentUpdated: {
    readonly grantId: string;
    readonly assignmentId: string;
    readonly roles: readonly string[];
    readonly updatedAt: Instant;
  };
  /** A security group has no roles of the grant any more. */
  AccessAssignmentDeleted: { readonly grantId: string; readonly assignmentId: string; readonly deletedAt: Instant };
}
