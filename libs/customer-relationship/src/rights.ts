import type { CommandName } from './commands.js';
import type { Role } from './parties.js';

// Who may send what: a default for every command, which a policy may override.

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

/** What a policy says otherwise of single commands (rule R4). */
export type Rights = Readonly<Partial<Record<CommandName, Right>>>;

const partnerRoles: readonly Role[] = ['GlobalAdmin', 'AdminAgent', 'SalesAgent', 'HelpdeskAgent', 'BillingAdmin'];

/** What the clock brings about; any of the partner's people or apps may report it. */
const clock: Right = { anyOf: partnerRoles, appOnly: true, customer: false };
/** A customer's Global admin, or the partner's app that relays the decision (rule R25). */
const customerDecision: Right = { anyOf: partnerRoles, appOnly: true, customer: true };
/** The partner's people with one of these roles. */
export const byUser = (...anyOf: Role[]): Right => ({ anyOf, appOnly: false, customer: false });
const byUserOrApp = (...anyOf: Role[]): Right => ({ anyOf, appOnly: true, customer: false });

const subscriptions = byUserOrApp('GlobalAdmin', 'AdminAgent', 'SalesAgent', 'HelpdeskAgent', 'BillingAdmin');
const reservations = byUserOrApp('GlobalAdmin', 'AdminAgent', 'SalesAgent', 'HelpdeskAgent');
const supportContacts = byUser('GlobalAdmin', 'AdminAgent', 'HelpdeskAgent');
const delegatedAdmin = byUserOrApp('AdminAgent');
const accessAssignments = byUserOrApp('GlobalAdmin', 'AdminAgent');

/**
 * The right that each command asks for unless the policy in force overrides it. Not part of a policy, whose hash stands in
 * events: a new command, or another default, leaves every policy what it is. Which defaults held when an event was
 * decided, the release in its metadata says.
 */
export const defaultRights = {
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
  // A Helpdesk agent ends legacy privileges only: the decision asks, as it knows the grant (rules G7, G11).
  TerminateDelegatedAdmin: { ...byUserOrApp('AdminAgent', 'HelpdeskAgent'), customer: true },
  ExpireDelegatedAdmin: clock,
  AssignAccess: accessAssignments,
  RemoveAccess: accessAssignments,
} as const satisfies Record<CommandName, Right>;

/** Who may send a command under a policy. */
export function rightTo(command: CommandName, { rights }: { readonly rights: Rights }): Right {
  return rights[command] ?? defaultRights[command];
}
