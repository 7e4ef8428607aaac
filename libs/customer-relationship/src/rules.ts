// The business rules, as explanations quote them. Each command lists the rules that govern it, in its noun's file.

/** Every business rule by its number. */
export const businessRules = {
  R1: 'Only an active reseller relationship can be removed.',
  R2: 'A relationship that has been removed cannot be removed again.',
  R3: 'Only direct-bill partners and indirect providers can ask for a relationship, sell to customers and remove the relationship.',
  R4: 'The sender of a removal must hold a role that the policy names.',
  R5: 'A relationship is removed by a person, not by an app alone.',
  R6: 'An active subscription blocks the removal of a relationship.',
  R7: 'A reservation that is neither cancelled nor expired blocks the removal of a relationship.',
  R8: 'A software purchase that is not cancelled blocks the removal of a relationship. A policy may say that it no longer does so once its cancellation window has closed.',
  R9: 'The policy says whether a suspended new-commerce subscription blocks the removal of a relationship.',
  R10: 'The policy says whether a savings plan blocks the removal of a relationship.',
  R11: 'A purchase that is not provisioned yet blocks the removal of a relationship.',
  R12: 'A reservation whose cancellation is not confirmed yet blocks the removal of a relationship.',
  R13: 'Items that are expired, disabled or deleted, and suspended legacy subscriptions, do not block the removal of a relationship.',
  R14: 'A refused removal names everything that blocks it at once.',
  R15: 'A removal suspends nothing and cancels nothing.',
  R16: 'A removal takes the customer off the list of customers.',
  R17: 'A removal takes the partner off the support contacts available for the customer.',
  R18: 'A removal revokes all delegated admin privileges of the partner.',
  R19: 'Nothing can be bought after a removal.',
  R20: 'Without an active relationship only two things are possible: a new request, and recording what time has brought about.',
  R21: 'Giving notice to the customer is up to the partner; the policy may ask the partner to confirm it.',
  R22: 'A removed relationship comes back by a new request that the customer accepts.',
  R23: 'What a removal has revoked does not come back by itself.',
  R24: 'Only one request can be open at a time.',
  R25: 'Only a Global admin of the customer decides for the customer.',
  R26: 'Partner and customer must be in the same market: the sales region of the partner’s country, or only the country itself, as the policy says.',
  R27: 'A restricted or suspended partner can neither send requests nor sell; it can suspend, cancel and remove.',
  R28: 'A customer cannot remove the reseller relationship.',
  R29: 'A request lapses when it is not answered in time.',

  S1: 'A purchase needs an active relationship and a confirmed customer agreement.',
  S2: 'Only an active subscription can be suspended.',
  S3: 'Suspending a new-commerce subscription switches auto-renew off and discards scheduled changes, but not billing instructions.',
  S4: 'Only a subscription that is suspended and within its term can be reactivated.',
  S5: 'A reactivation brings back neither auto-renew nor scheduled changes.',
  S6: 'A subscription that is expired, disabled or deleted cannot be reactivated.',
  S7: 'A new-commerce subscription can be cancelled only within the window after its purchase or renewal.',
  S8: 'A cancellation is final.',
  S9: 'A legacy subscription cannot be cancelled; it is suspended instead.',
  S10: 'A legacy add-on can be in use only while its base is; suspending the base suspends the add-on.',
  S11: 'A new-commerce add-on does not depend on its base.',
  S12: 'During a new-commerce trial, status and quantity cannot change; auto-renew can be switched off.',
  S13: 'A suspended subscription can only be reactivated or cancelled; a deleted one cannot be changed at all.',
  S14: 'When a term ends, an active subscription renews or expires, and a suspended one is disabled.',
  S15: 'A subscription that has ended is kept for a while, then disabled, then deleted.',
  S16: 'A suspended new-commerce subscription is still charged.',
  S17: 'A change that collides with another change made at the same time is refused.',
  S18: 'An Azure plan can be neither suspended nor cancelled while an Azure subscription under it is active.',
  S19: 'An Azure subscription is cancelled by a user who is both Global admin and Admin agent, for a reason that the policy lists.',
  S20: 'A marketplace subscription that is past its window is cancelled at the end of its term.',
  S21: 'A command that is sent more than once takes effect once.',

  V1: 'A reservation needs an active Azure plan.',
  V2: 'Cancelling a reservation starts with a request; it is settled outside this ledger and then confirmed or refused.',
  V3: 'The reservations cancelled in any twelve months stay within the refund cap.',
  V4: 'Some kinds of reservations are never refunded.',
  V5: 'A reservation is cancelled by an owner of its reservation order.',
  V5a: 'The owners of a reservation order can change; a user of the partner who is both Global admin and Admin agent records it.',
  V6: 'A reservation can be cancelled only once, and not after its end.',
  V7: 'Software can be cancelled only within its cancellation window.',
  V7a: 'A software subscription with auto-renew gets another term at its end, with a window of its own. One bought since 14 October 2021 has it unless it says otherwise.',
  V8: 'Line items can be cancelled one by one; the purchase is cancelled with the last of them.',
  V9: 'Plans of some publishers can never be cancelled.',
  V10: 'A savings plan can never be cancelled.',
  V11: 'Items that the customer has bought itself count as the partner’s.',

  C1: 'A subscription’s support contact is given by tenant, Partner id and name.',
  C2: 'A support contact is the partner itself or a reseller that is available for the customer.',
  C3: 'A new-commerce subscription has no support contact.',
  C4: 'A purchase sets a default support contact.',
  C5: 'A deleted subscription has no support contact.',

  G1: 'A grant lasts at least one day and at most as long as the policy allows.',
  G2: 'The name of a grant is unique among the partner’s grants, and not too long.',
  G3: 'A grant, and each access assignment under it, names at least one role.',
  G4: 'A grant can be edited until it is sent to the customer; after that, almost nothing can be changed.',
  G4a: 'A request for a grant can be deleted before it is sent, and withdrawn until it is approved; its name is free again at once.',
  G5: 'A grant lapses when it is not approved in time.',
  G6: 'Auto-extend is off, or has the one length that the policy names; it is never on for Global administrators.',
  G6a: 'A grant with auto-extend is extended at its end, and at each end after that; nothing moves its end earlier.',
  G7: 'A partner can end a grant that is active.',
  G8: 'Access is assigned under an active grant, and only for roles of the grant.',
  G8a: 'A security group has at most one access assignment under a grant.',
  G8b: 'When a grant ends in any way, its access assignments end with it.',
  G9: 'The end of a grant does not change the relationship.',
  G10: 'Delegated admin privileges of the old kind (DAP) are no longer granted; those granted earlier can still be recorded.',
  G11: 'A customer can end any grant at any time.',
  G12: 'A removal does not change role assignments in Azure itself.',

  P1: 'A subscription whose provisioning has failed or was cancelled never becomes active: it blocks nothing and takes no change.',

  T1a: 'A fact can be reported late, but not for a time before the last recorded event of an item that it changes; it is decided by what held then.',
  T3: 'An item may bring the end of its term, which comes no later than a term from now on would end; later terms end on the same day of the month.',
  D1: 'A business date lies between 2010 and ten years from now; any other date is taken for another system’s way of saying “no date”.',
} as const satisfies Readonly<Record<string, string>>;

export type RuleNumber = keyof typeof businessRules;

/** Every command obeys these before it is decided. */
export const rulesOfEveryCommand = ['S17', 'S21'] as const satisfies readonly RuleNumber[];

/** These govern what can be reported late. */
export const rulesOfLateFacts = ['T1a', 'D1'] as const satisfies readonly RuleNumber[];

/** These govern every sale. */
export const rulesOfSale = ['R3', 'R19', 'R20', 'R27', 'S1', 'V11', 'D1'] as const satisfies readonly RuleNumber[];
