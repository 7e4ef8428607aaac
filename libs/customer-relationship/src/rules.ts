import type { CommandName } from './commands.js';
import type { RelationshipEvents } from './events.js';

// Which rules govern what, for whoever asks why something is as it is. The numbers are those of the code and its tests.

/** Every business rule by its number, in a sentence. */
export const businessRules = {
  R1: 'Only an active reseller relationship can be removed.',
  R2: 'A relationship that has been removed is not removed again.',
  R3: 'Only direct-bill partners and indirect providers ask for a relationship, transact with customers and remove it.',
  R4: 'Whoever removes a relationship holds a role that the policy names.',
  R5: 'A relationship is removed by a person, not by an app alone.',
  R6: 'An active subscription keeps a relationship from being removed.',
  R7: 'A reservation that is neither cancelled nor expired keeps a relationship from being removed.',
  R8: 'A software purchase that is not cancelled keeps a relationship from being removed, unless the policy lets it go once its window is closed.',
  R9: 'Whether a suspended new-commerce subscription keeps a relationship from being removed is for the policy to say.',
  R10: 'Whether a savings plan keeps a relationship from being removed is for the policy to say.',
  R11: 'A purchase that is not provisioned yet keeps a relationship from being removed.',
  R12: 'A reservation whose cancellation is not confirmed yet keeps a relationship from being removed.',
  R13: 'What is expired, disabled, deleted or a suspended legacy subscription keeps nothing from being removed.',
  R14: 'Everything that keeps a relationship from being removed is told at once.',
  R15: 'A removal suspends and cancels nothing.',
  R16: 'A removal takes the customer off the list of customers.',
  R17: 'A removal takes the partner off the support contacts that are available.',
  R18: 'A removal revokes all delegated admin privileges of the partner.',
  R19: 'After a removal nothing is bought.',
  R20: 'Without an active relationship nothing is done but a new request and what the clock brings about.',
  R21: 'Notice to the customer is the partner’s; the policy may ask for its acknowledgement.',
  R22: 'A relationship comes back by a new request and its acceptance.',
  R23: 'What a removal has revoked does not come back by itself.',
  R24: 'One request is open at a time.',
  R25: 'Only a Global admin of the customer decides for the customer.',
  R26: 'Partner and customer are in the same market: the sales region of the partner’s country, or the country alone, as the policy says.',
  R27: 'A restricted or suspended partner neither requests nor sells; it may suspend, cancel and remove.',
  R28: 'A customer does not remove the reseller relationship.',
  R29: 'A request that nobody answers lapses.',

  S1: 'A purchase needs an active relationship and a confirmed customer agreement.',
  S2: 'Only what is active is suspended.',
  S3: 'Suspending a new-commerce subscription switches auto-renew off and discards what was scheduled, but not billing instructions.',
  S4: 'Only what is suspended and within its term is reactivated.',
  S5: 'A reactivation brings neither auto-renew nor scheduled changes back.',
  S6: 'What is expired, disabled or deleted is not reactivated.',
  S7: 'A new-commerce subscription is cancelled only within the window after its purchase or renewal.',
  S8: 'A cancellation is final.',
  S9: 'A legacy subscription is not cancelled but suspended.',
  S10: 'A legacy add-on is in use only under a base that is; suspending the base suspends it.',
  S11: 'A new-commerce add-on stands alone.',
  S12: 'During a new-commerce trial status and quantity are fixed; auto-renew may be switched off.',
  S13: 'A suspended subscription takes no change but to be reactivated or cancelled; a deleted one takes none.',
  S14: 'When a term ends, an active subscription renews or expires, and a suspended one is disabled.',
  S15: 'What has ended is kept for a while, then disabled, then deleted.',
  S16: 'A suspended new-commerce subscription goes on being charged.',
  S17: 'A change that meets another one at the same time is refused.',
  S18: 'An Azure plan is neither suspended nor cancelled while an Azure subscription under it is active.',
  S19: 'An Azure subscription is cancelled by a Global admin who is an Admin agent too, for a reason that the policy knows.',
  S20: 'A marketplace subscription past its window is cancelled at the end of its term.',
  S21: 'A command that is sent again acts once.',

  V1: 'A reservation needs an active Azure plan.',
  V2: 'Cancelling a reservation is a request, settled outside and then confirmed or refused.',
  V3: 'What is cancelled of reservations in any twelve months stays within the refund cap.',
  V4: 'Some kinds of reservations are never refunded.',
  V5: 'A reservation is cancelled by an owner of its order.',
  V6: 'A reservation is cancelled once, and not after its end.',
  V7: 'Software is cancelled only within its window.',
  V8: 'Line items are cancelled one by one; the purchase with the last of them.',
  V9: 'Plans of some publishers are never cancelled.',
  V10: 'A savings plan is never cancelled.',
  V11: 'What the customer has bought itself counts as the partner’s.',

  C1: 'A support contact is set for a subscription, by tenant, Partner id and name.',
  C2: 'A support contact is the partner itself or a reseller that is available for the customer.',
  C3: 'A new-commerce subscription takes no support contact.',
  C4: 'A purchase comes with a default support contact.',
  C5: 'A deleted subscription has no support contact.',

  G1: 'A grant lasts between one day and the longest that the policy allows.',
  G2: 'The name of a grant is the only one of its partner, and not too long.',
  G3: 'A grant and its access name at least one role.',
  G4: 'A grant is edited before it is sent to the customer; later, hardly.',
  G5: 'A grant that nobody approves lapses.',
  G6: 'Auto-extend is off or of the one length that the policy names, and never for Global administrators.',
  G7: 'A partner ends a grant that is active.',
  G8: 'Access is assigned under an active grant, within its roles.',
  G8a: 'A security group has one access assignment under a grant.',
  G8b: 'When a grant ends in any way, its access assignments end with it.',
  G9: 'The end of a grant leaves the relationship as it is.',
  G10: 'Privileges of the old kind are not granted any more; those that were may be entered.',
  G11: 'A customer ends any grant at any time.',
  G12: 'A removal does not touch roles in Azure itself.',

  D1: 'A date of business lies between 2010 and ten years ahead; anything else stands for no date in some other system.',
} as const satisfies Readonly<Record<string, string>>;

export type RuleNumber = keyof typeof businessRules;

/** Those that every command obeys, before it is decided. */
export const rulesOfEveryCommand = ['S17', 'S21'] as const satisfies readonly RuleNumber[];

interface Governed {
  readonly rules: readonly RuleNumber[];
  /** The events that the command is about; others of the same command are their consequence. */
  readonly says: readonly (keyof RelationshipEvents)[];
}

const blocking = ['R6', 'R7', 'R8', 'R9', 'R10', 'R11', 'R12', 'R13', 'R14'] as const;
const removal = ['R1', 'R2', 'R3', 'R4', 'R5', 'R15', 'R16', 'R17', 'R18', 'R21', 'R27', 'R28', 'S16', 'G12'] as const;
const sale = ['R3', 'R19', 'R20', 'R27', 'S1', 'V11', 'D1'] as const;

/** Whichever of the clock's commands comes, it says all that the dates have brought about. */
const passingTime = ['S14', 'S15', 'S20'] as const;
const passed = [
  'SubscriptionRenewed',
  'SubscriptionExpired',
  'SubscriptionDisabled',
  'SubscriptionDeleted',
  'SubscriptionCancelled',
] as const;

/** The rules that govern each command, whether a person or the clock brings it about. */
export const governedBy = {
  RequestResellerRelationship: {
    rules: ['R3', 'R22', 'R24', 'R26', 'R27', 'R29', 'G10', 'D1'],
    says: ['ResellerRelationshipRequested'],
  },
  AcceptResellerRelationship: {
    rules: ['R3', 'R22', 'R23', 'R25', 'R29', 'G10'],
    says: ['ResellerRelationshipEstablished'],
  },
  DeclineResellerRelationship: { rules: ['R25', 'R29'], says: ['ResellerRelationshipRequestDeclined'] },
  WithdrawRelationshipRequest: { rules: ['R24', 'R29'], says: ['ResellerRelationshipRequestWithdrawn'] },
  ExpireRelationshipRequest: { rules: ['R29'], says: ['ResellerRelationshipRequestExpired'] },
  ConfirmCustomerAgreement: { rules: ['R20', 'R25', 'S1', 'D1'], says: ['CustomerAgreementConfirmed'] },
  UpdateCustomerProfile: { rules: ['R20'], says: ['CustomerProfileUpdated'] },
  RemoveResellerRelationship: {
    rules: [...blocking, ...removal],
    says: ['ResellerRelationshipRemoved'],
  },

  PurchaseSubscription: {
    rules: [...sale, 'S7', 'S10', 'S11', 'S12', 'S20', 'C4'],
    says: ['SubscriptionPurchased'],
  },
  ActivateSubscription: { rules: ['R11', 'R20', 'S10'], says: ['SubscriptionActivated'] },
  SuspendSubscription: {
    rules: ['R20', 'R27', 'S2', 'S3', 'S10', 'S12', 'S13', 'S15', 'S16', 'S18'],
    says: ['SubscriptionSuspended'],
  },
  ReactivateSubscription: { rules: ['R20', 'S4', 'S5', 'S6', 'S10', 'S13'], says: ['SubscriptionReactivated'] },
  CancelSubscription: {
    rules: ['R20', 'R27', 'S7', 'S8', 'S9', 'S12', 'S13', 'S18', 'S20', 'C5'],
    says: ['SubscriptionCancelled', 'CancellationScheduled'],
  },
  SetAutoRenew: { rules: ['R20', 'S12', 'S13'], says: ['AutoRenewEnabled', 'AutoRenewDisabled'] },
  ChangeSubscriptionQuantity: { rules: ['R20', 'S12', 'S13'], says: ['SubscriptionQuantityChanged'] },
  ScheduleSubscriptionChange: { rules: ['R20', 'S3', 'S13'], says: ['SubscriptionChangeScheduled'] },
  RenewSubscription: { rules: ['R20', 'S7', ...passingTime], says: passed },
  EndSubscriptionTerm: { rules: ['R20', ...passingTime, 'C5'], says: passed },
  AdvanceSubscriptionRetention: { rules: ['R20', ...passingTime, 'C5'], says: passed },
  AddAzureSubscription: { rules: [...sale, 'S13'], says: ['AzureSubscriptionAdded'] },
  CancelAzureSubscription: { rules: ['R20', 'S13', 'S19'], says: ['AzureSubscriptionCancelled'] },

  PurchaseReservation: { rules: [...sale, 'V1'], says: ['ReservationPurchased'] },
  CancelReservation: {
    rules: ['R20', 'R27', 'V2', 'V3', 'V4', 'V5', 'V6', 'D1'],
    says: ['ReservationCancellationRequested'],
  },
  ConfirmReservationCancellation: { rules: ['R12', 'R20', 'V2', 'V6'], says: ['ReservationCancelled'] },
  RefuseReservationCancellation: {
    rules: ['R12', 'R20', 'V2', 'V3', 'V6'],
    says: ['ReservationCancellationRefused'],
  },
  ExpireReservation: { rules: ['R7', 'R20', 'V6'], says: ['ReservationExpired'] },
  PurchaseSoftware: { rules: [...sale, 'V7'], says: ['SoftwarePurchased'] },
  CancelSoftwarePurchase: { rules: ['R20', 'R27', 'V7', 'V8', 'V9'], says: ['SoftwareLineItemCancelled'] },
  ExpireSoftware: { rules: ['R8', 'R20'], says: ['SoftwareExpired'] },
  PurchaseSavingsPlan: { rules: [...sale, 'V10'], says: ['SavingsPlanPurchased'] },
  // Always refused.
  CancelSavingsPlan: { rules: ['R20', 'V10'], says: [] },
  ExpireSavingsPlan: { rules: ['R10', 'R20'], says: ['SavingsPlanExpired'] },

  AssignSupportContact: { rules: ['R20', 'C1', 'C2', 'C3', 'C5'], says: ['SupportContactAssigned'] },
  WithdrawSupportContact: { rules: ['R20', 'C1'], says: ['SupportContactWithdrawn'] },

  RecordLegacyDelegatedAdmin: { rules: ['R20', 'R23', 'G10', 'D1'], says: ['DelegatedAdminPrivilegesGranted'] },
  RequestDelegatedAdmin: { rules: ['R20', 'G1', 'G2', 'G3', 'G5', 'G6', 'D1'], says: ['DelegatedAdminRequested'] },
  UpdateDelegatedAdminRequest: {
    rules: ['R20', 'G1', 'G2', 'G3', 'G4', 'G5', 'G6'],
    says: ['DelegatedAdminUpdated'],
  },
  LockDelegatedAdminForApproval: { rules: ['R20', 'G4', 'G5'], says: ['DelegatedAdminLockedForApproval'] },
  ApproveDelegatedAdmin: { rules: ['R20', 'R25', 'G5'], says: ['DelegatedAdminApproved'] },
  ExtendDelegatedAdmin: { rules: ['R20', 'G6'], says: ['DelegatedAdminExtended'] },
  TerminateDelegatedAdmin: {
    rules: ['R20', 'G7', 'G9', 'G11'],
    says: ['DelegatedAdminTerminationRequested', 'DelegatedAdminTerminated'],
  },
  ExpireDelegatedAdmin: { rules: ['R20', 'G5', 'G9'], says: ['DelegatedAdminExpired'] },
  AssignAccess: {
    rules: ['R20', 'G3', 'G8', 'G8a', 'G8b'],
    says: ['AccessAssignmentCreated', 'AccessAssignmentUpdated'],
  },
  RemoveAccess: { rules: ['R20', 'G8', 'G8b'], says: ['AccessAssignmentDeleted'] },
} as const satisfies Readonly<Record<CommandName, Governed>>;

/** What governs a command by its name; undefined for one that events of an older or newer release name. */
export function governance(command: string): Governed | undefined {
  return (governedBy as Readonly<Record<string, Governed>>)[command];
}
