import { createHash } from 'node:crypto';
import { canonicalJson } from '#event-sourcing';
import type { CommandName } from './commands.js';
import type { ReservationProduct, SoftwarePublisher } from './events.js';
import type { PartnerType, Role } from './parties.js';

/** Who may send a command. */
export interface Right {
  /** The partner's people and apps with one of these roles; empty: only the customer's. */
  readonly anyOf: readonly Role[];
  /** All of these roles, on top (rule S19). */
  readonly allOf?: readonly Role[];
  /** Also app-only, without a user (rule R5). */
  readonly appOnly: boolean;
  /** Also the customer's Global admin. */
  readonly customer: boolean;
}

/**
 * What the documentation says differently over time, in one place. A policy is data, immutable by name: change a value
 * and it is another policy with another name. Its hash stands in every event's metadata.
 */
export interface Policy {
  readonly name: string;
  readonly rights: Readonly<Record<CommandName, Right>>;
  readonly removal: {
    readonly partnerTypes: readonly PartnerType[];
    /** Suspended new-commerce subscriptions block (rule R9). */
    readonly suspendedNewCommerceBlocks: boolean;
    /** Savings plans block (rule R10). */
    readonly savingsPlansBlock: boolean;
    /** Software past its window blocks too; otherwise it is only reported (rule R8). */
    readonly softwarePastWindowBlocks: boolean;
    /** The sender must say that notice was given to the customer (rule R21). */
    readonly noticeAcknowledgementRequired: boolean;
  };
  /** Cancellation windows for items that do not bring their own (rules S7, S20, V7). */
  readonly windows: {
    readonly newCommerceDays: number;
    readonly marketplaceMonthlyHours: number;
    readonly marketplaceLongerDays: number;
    readonly perpetualSoftwareDays: number;
    readonly softwareSubscriptionDays: number;
  };
  readonly trialDays: number;
  /** Rule V3. */
  readonly refundCap: { readonly usdCents: number; readonly months: number };
  /** Rule V4. */
  readonly nonRefundableReservations: readonly ReservationProduct[];
  /** Rule V9. */
  readonly nonCancellablePublishers: readonly SoftwarePublisher[];
  /** Rule S19. */
  readonly azureCancellationReasons: readonly string[];
  /** Rule S15. */
  readonly retention: {
    readonly expiredDays: number;
    readonly suspendedAtTermEndDays: number;
    readonly disabledDays: number;
    readonly legacySuspendedDays: number;
  };
  /** Rule R29. */
  readonly relationshipRequestDays: number;
  readonly delegatedAdmin: {
    /** No new DAP from then on (rule G10). */
    readonly dapOfferedUntil: string;
    /** Rule G5. */
    readonly requestDays: number;
    /** Rule G1. */
    readonly maxDurationDays: number;
    /** Rule G2. */
    readonly maxNameLength: number;
    /** Rule G6. */
    readonly autoExtendDays: number;
    readonly globalAdministratorRole: string;
  };
  /** Bounds per relationship, so that a removal always fits one append (and a suspension with add-ons too). */
  readonly limits: { readonly designations: number; readonly grants: number; readonly addOnsPerBase: number };
}

const partnerRoles: readonly Role[] = ['GlobalAdmin', 'AdminAgent', 'SalesAgent', 'HelpdeskAgent', 'BillingAdmin'];

/** What the clock brings about; any of the partner's people or apps may report it. */
const clock: Right = { anyOf: partnerRoles, appOnly: true, customer: false };
/** A customer's Global admin, or the partner's app that relays the decision (rule R25). */
const customerDecision: Right = { anyOf: partnerRoles, appOnly: true, customer: true };
const byUser = (...anyOf: Role[]): Right => ({ anyOf, appOnly: false, customer: false });
const byUserOrApp = (...anyOf: Role[]): Right => ({ anyOf, appOnly: true, customer: false });

const subscriptions = byUserOrApp('GlobalAdmin', 'AdminAgent', 'SalesAgent', 'HelpdeskAgent', 'BillingAdmin');
const reservations = byUserOrApp('GlobalAdmin', 'AdminAgent', 'SalesAgent', 'HelpdeskAgent');
const supportContacts = byUser('GlobalAdmin', 'AdminAgent', 'HelpdeskAgent');
const delegatedAdmin = byUserOrApp('AdminAgent');
const accessAssignments = byUserOrApp('GlobalAdmin', 'AdminAgent');

const rights = {
  RequestResellerRelationship: byUser('GlobalAdmin', 'AdminAgent', 'SalesAgent'),
  AcceptResellerRelationship: customerDecision,
  DeclineResellerRelationship: customerDecision,
  WithdrawRelationshipRequest: byUser('GlobalAdmin', 'AdminAgent', 'SalesAgent'),
  ExpireRelationshipRequest: clock,
  ConfirmCustomerAgreement: { ...byUserOrApp('GlobalAdmin', 'AdminAgent', 'SalesAgent'), customer: true },
  UpdateCustomerProfile: byUserOrApp('GlobalAdmin', 'AdminAgent', 'SalesAgent'),
  RemoveResellerRelationship: byUser('GlobalAdmin'),

  PurchaseSubscription: subscriptions,
  ActivateSubscription: subscriptions,
  SuspendSubscription: subscriptions,
  ReactivateSubscription: subscriptions,
  CancelSubscription: subscriptions,
  SetAutoRenew: subscriptions,
  ChangeSubscriptionQuantity: subscriptions,
  ScheduleSubscriptionChange: subscriptions,
  RenewSubscription: clock,
  EndSubscriptionTerm: clock,
  AdvanceSubscriptionRetention: clock,
  AddAzureSubscription: subscriptions,
  CancelAzureSubscription: {
    anyOf: ['GlobalAdmin'],
    allOf: ['GlobalAdmin', 'AdminAgent'],
    appOnly: false,
    customer: false,
  },

  PurchaseReservation: reservations,
  CancelReservation: reservations,
  ConfirmReservationCancellation: reservations,
  RefuseReservationCancellation: reservations,
  ExpireReservation: clock,
  PurchaseSoftware: subscriptions,
  CancelSoftwarePurchase: byUserOrApp('AdminAgent'),
  ExpireSoftware: clock,
  PurchaseSavingsPlan: reservations,
  CancelSavingsPlan: reservations,
  ExpireSavingsPlan: clock,

  AssignSupportContact: supportContacts,
  WithdrawSupportContact: supportContacts,

  RecordLegacyDelegatedAdmin: delegatedAdmin,
  RequestDelegatedAdmin: delegatedAdmin,
  UpdateDelegatedAdminRequest: delegatedAdmin,
  LockDelegatedAdminForApproval: delegatedAdmin,
  ApproveDelegatedAdmin: customerDecision,
  ExtendDelegatedAdmin: delegatedAdmin,
  TerminateDelegatedAdmin: { ...delegatedAdmin, customer: true },
  ExpireDelegatedAdmin: clock,
  AssignAccess: accessAssignments,
  RemoveAccess: accessAssignments,
} as const satisfies Record<CommandName, Right>;

/** The remove-a-relationship page of June 2020: suspended is enough, the remover is a Global admin. */
const partnerCenter2020: Policy = {
  name: 'partner-center-2020-06',
  rights,
  removal: {
    partnerTypes: ['directBillPartner', 'indirectProvider'],
    suspendedNewCommerceBlocks: false,
    savingsPlansBlock: false,
    softwarePastWindowBlocks: true,
    noticeAcknowledgementRequired: false,
  },
  windows: {
    newCommerceDays: 7,
    marketplaceMonthlyHours: 24,
    marketplaceLongerDays: 14,
    perpetualSoftwareDays: 30,
    softwareSubscriptionDays: 7,
  },
  trialDays: 30,
  refundCap: { usdCents: 5_000_000, months: 12 },
  nonRefundableReservations: [
    'databricks',
    'synapsePrePurchase',
    'cloudSimple',
    'redHatOpenShift',
    'redHatPlan',
    'susePlan',
    'defenderPrePurchase',
    'sentinelPrePurchase',
  ],
  nonCancellablePublishers: ['redHat', 'suse'],
  azureCancellationReasons: ['compromise'],
  retention: { expiredDays: 30, suspendedAtTermEndDays: 30, disabledDays: 90, legacySuspendedDays: 90 },
  relationshipRequestDays: 90,
  delegatedAdmin: {
    dapOfferedUntil: '2023-10-09T00:00:00.000Z',
    requestDays: 90,
    maxDurationDays: 730,
    maxNameLength: 50,
    autoExtendDays: 180,
    globalAdministratorRole: '62e90394-69f5-4237-9190-012177145e10',
  },
  limits: { designations: 400, grants: 100, addOnsPerBase: 200 },
};

/** Later revisions of the page: suspended new commerce and savings plans block, Admin and Sales agents may remove too. */
const partnerCenterLater: Policy = {
  ...partnerCenter2020,
  name: 'partner-center-later',
  rights: { ...rights, RemoveResellerRelationship: byUser('GlobalAdmin', 'AdminAgent', 'SalesAgent') },
  removal: { ...partnerCenter2020.removal, suspendedNewCommerceBlocks: true, savingsPlansBlock: true },
};

export const policies: Readonly<Record<string, Policy>> = {
  [partnerCenter2020.name]: partnerCenter2020,
  [partnerCenterLater.name]: partnerCenterLater,
};
export const defaultPolicy: Policy = partnerCenter2020;

/** SHA-256 (hex) over the canonical form of a policy. */
export function policyHash(policy: Policy): string {
  return createHash('sha256').update(canonicalJson(policy)).digest('hex');
}
