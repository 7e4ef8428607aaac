import type { CommandName } from './commands.js';
import type { Role } from './parties.js';

// Who may send what, written by hand: the rights in the nouns' files must agree with it. A new command needs a row here.

/** The roles of a partner's people: one of the letters is enough; letters joined by + are all needed. */
const letters: Readonly<Record<string, Role>> = {
  G: 'GlobalAdmin',
  A: 'AdminAgent',
  S: 'SalesAgent',
  H: 'HelpdeskAgent',
  B: 'BillingAdmin',
  U: 'Auditor',
};

export type Senders = readonly [
  /** Users of the partner with one of these roles; `-` for none. */
  users: string,
  /** Apps of the partner with one of these roles and without a user; `-` for none. */
  apps: string,
  /** The Global admin of the customer itself, who names the partner. */
  customer: 'customer' | '-',
];

/**
 * Only the customer decides; an app of the partner may relay what it has decided. The right to the command lets everybody
 * of the partner in, and the decision refuses all but these apps.
 */
export const customersDecision: Senders = ['-', 'GA', 'customer'];
const anyOfThePartner: Senders = ['GASHB', 'GASHB', '-'];

/** Under the default policy. */
export const sendersOf: Readonly<Record<CommandName, Senders>> = {
  RequestResellerRelationship: ['GAS', '-', '-'],
  AcceptResellerRelationship: customersDecision,
  DeclineResellerRelationship: customersDecision,
  WithdrawRelationshipRequest: ['GAS', '-', '-'],
  ExpireRelationshipRequest: ['GASHB', 'GASHB', '-'],
  RemoveResellerRelationship: ['G', '-', '-'],
  ConfirmCustomerAgreement: ['GAS', 'GAS', 'customer'],
  UpdateCustomerProfile: ['GAS', 'GAS', '-'],
  PurchaseSubscription: anyOfThePartner,
  ActivateSubscription: anyOfThePartner,
  FailSubscriptionProvisioning: anyOfThePartner,
  CancelSubscriptionProvisioning: anyOfThePartner,
  SuspendSubscription: anyOfThePartner,
  ReactivateSubscription: anyOfThePartner,
  CancelSubscription: anyOfThePartner,
  SetAutoRenew: anyOfThePartner,
  ChangeSubscriptionQuantity: anyOfThePartner,
  ScheduleSubscriptionChange: anyOfThePartner,
  RenewSubscription: anyOfThePartner,
  EndSubscriptionTerm: anyOfThePartner,
  AdvanceSubscriptionRetention: anyOfThePartner,
  AddAzureSubscription: anyOfThePartner,
  // Both roles at once (rule S19).
  CancelAzureSubscription: ['G+A', '-', '-'],
  AssignSupportContact: ['GAH', '-', '-'],
  WithdrawSupportContact: ['GAH', '-', '-'],
  PurchaseReservation: ['GASH', 'GASH', '-'],
  // Both roles at once (rule V5a).
  ChangeReservationOwners: ['G+A', '-', '-'],
  CancelReservation: ['GASH', 'GASH', '-'],
  ConfirmReservationCancellation: ['GASH', 'GASH', '-'],
  RefuseReservationCancellation: ['GASH', 'GASH', '-'],
  ExpireReservation: anyOfThePartner,
  PurchaseSoftware: anyOfThePartner,
  CancelSoftwarePurchase: ['A', 'A', '-'],
  SetSoftwareAutoRenew: anyOfThePartner,
  RenewSoftware: anyOfThePartner,
  ExpireSoftware: anyOfThePartner,
  PurchaseSavingsPlan: ['GASH', 'GASH', '-'],
  CancelSavingsPlan: ['GASH', 'GASH', '-'],
  ExpireSavingsPlan: anyOfThePartner,
  RecordLegacyDelegatedAdmin: ['A', 'A', '-'],
  RequestDelegatedAdmin: ['A', 'A', '-'],
  UpdateDelegatedAdminRequest: ['A', 'A', '-'],
  LockDelegatedAdminForApproval: ['A', 'A', '-'],
  DeleteDelegatedAdminRequest: ['A', 'A', '-'],
  WithdrawDelegatedAdminRequest: ['A', 'A', '-'],
  ApproveDelegatedAdmin: customersDecision,
  ExtendDelegatedAdmin: anyOfThePartner,
  // A Helpdesk agent may end DAP only; the decision checks the kind of the grant.
  TerminateDelegatedAdmin: ['AH', 'AH', 'customer'],
  ExpireDelegatedAdmin: anyOfThePartner,
  AssignAccess: ['GA', 'GA', '-'],
  RemoveAccess: ['GA', 'GA', '-'],
};

/** Whether a sender with these roles is among the users, or the apps, of a row. */
export function isAmong(senders: string, held: readonly Role[]): boolean {
  const holds = (letter: string) => letter !== '-' && held.includes(letters[letter]!);
  return senders.includes('+') ? senders.split('+').every(holds) : [...senders].some(holds);
}
