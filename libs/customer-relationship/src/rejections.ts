import { Rejection } from '#event-sourcing';
import type { Instant } from './calendar.js';
import type { RemovalBlocker } from './removal.js';

/**
 * What a refusal is about: `who` sends the command (403), an `unknown` thing (404), the `state` of affairs (409), or
 * the `meaning` of the command's data (422).
 */
export type RejectionKind = 'who' | 'unknown' | 'state' | 'meaning';

/** Every refusal by name; names are part of the contract with callers. The numbers are those of the rules. */
export const rejections = {
  // who
  RoleNotAllowed: 'who', // R4, S19, V5
  UserContextRequired: 'who', // R5
  PartnerTypeNotAllowed: 'who', // R1a, R3
  PartnerRestricted: 'who', // R27
  ActorNotAllowed: 'who', // R28
  AcceptorNotGlobalAdmin: 'who', // R25
  // unknown
  RelationshipNotFound: 'unknown', // R1
  ItemNotFound: 'unknown',
  LineItemNotFound: 'unknown', // V8
  // state
  NothingToChange: 'state',
  ConcurrencyConflict: 'state', // S17
  RelationshipNotActive: 'state', // R1
  RelationshipAlreadyRemoved: 'state', // R2
  RemovalBlocked: 'state', // R6–R12
  PurchasesNotAllowed: 'state', // R19
  NoRelationship: 'state', // R20, S1
  AlreadyActive: 'state', // R22
  RequestAlreadyOpen: 'state', // R24
  NoOpenRequest: 'state',
  RequestExpired: 'state', // R29, G5
  AgreementNotConfirmed: 'state', // S1
  ItemAlreadyExists: 'state',
  ItemOfEarlierTerm: 'state',
  LimitReached: 'state',
  /** The clock's command came too early; `dueAt` is its time (S14, S15, R29, G5, V6). */
  NotDue: 'state',
  /** It is reported for a time before the last event of an item that it changes (T1a). */
  EffectiveTooEarly: 'state',
  InvalidTransition: 'state', // S2, S4, S6, S8, V6, G7
  TermEnded: 'state', // S4
  CancellationWindowClosed: 'state', // S7, V7
  CancelNotSupported: 'state', // S9, V9
  ParentNotActive: 'state', // S10
  TrialStatusLocked: 'state', // S12
  SubscriptionSuspended: 'state', // S13
  SubscriptionDeleted: 'state', // S13, C5
  AutoRenewOff: 'state', // S14
  AzurePlanHasActiveSubscriptions: 'state', // S18
  AzurePlanRequired: 'state', // V1
  RefundCapExceeded: 'state', // V3
  ReservationNotRefundable: 'state', // V4
  SavingsPlanNotCancellable: 'state', // V10
  SupportContactNotAvailable: 'state', // C2
  SupportContactNotSupported: 'state', // C3
  NameNotUnique: 'state', // G2
  GrantLocked: 'state', // G4
  GrantNotActive: 'state', // G8
  GroupAlreadyAssigned: 'state', // G8a
  AutoExtendOff: 'state', // G6; only on record: since G6a nothing is refused so
  DapNoLongerOffered: 'state', // G10
  // meaning
  EffectiveInFuture: 'meaning',
  DateOutOfRange: 'meaning', // D1
  InvalidCustomer: 'meaning',
  MarketMismatch: 'meaning', // R26, R26a
  NoticeAcknowledgementMissing: 'meaning', // R21
  InvalidReason: 'meaning', // S19, S19a
  InvalidItem: 'meaning',
  InvalidSupportContact: 'meaning', // C1
  ResellerNotRelated: 'meaning',
  DurationOutOfRange: 'meaning', // G1
  NameTooLong: 'meaning', // G2
  RolesMissing: 'meaning', // G3
  AutoExtendNotAllowed: 'meaning', // G6
  RoleNotGranted: 'meaning', // G8
} as const satisfies Record<string, RejectionKind>;

export type RejectionCode = keyof typeof rejections;

/**
 * The facts that a refusal rests on; each code has some of them. They are part of the contract with callers, and
 * recorded refusals are answered with the ones that they have: add fields, but never change one.
 */
export interface RefusalDetails {
  readonly command?: string;
  /** What would help: a role, a state, or who may send the command. */
  readonly requires?: string;
  readonly hint?: string;
  readonly role?: string;
  /** One of these roles is needed. */
  readonly anyOf?: readonly string[];
  /** All of these roles are needed. */
  readonly allOf?: readonly string[];
  readonly owners?: readonly string[];
  readonly partnerType?: string;
  readonly standing?: string | undefined;
  /** Which kind of item, or of subscription. */
  readonly kind?: string;
  readonly itemId?: string;
  readonly subscriptionId?: string;
  readonly azureSubscriptionId?: string;
  readonly azureSubscriptionIds?: readonly string[];
  readonly baseSubscriptionId?: string;
  readonly reservationId?: string;
  readonly purchaseId?: string;
  readonly lineItemIds?: readonly string[];
  readonly grantId?: string;
  readonly grantKind?: string;
  readonly groupId?: string;
  readonly assignmentId?: string;
  readonly tenantId?: string;
  readonly customerId?: string;
  readonly indirectResellerId?: string;
  readonly relationshipTerm?: number;
  readonly revision?: number;
  readonly status?: string | undefined;
  /** The status that the item has. */
  readonly from?: string;
  /** The status that the command would bring about. */
  readonly to?: string;
  readonly establishedAt?: Instant | undefined;
  readonly confirmedAt?: Instant | undefined;
  readonly removedAt?: Instant | undefined;
  readonly requestedAt?: Instant;
  readonly expiresAt?: Instant;
  readonly expiredAt?: Instant | undefined;
  /** The first instant at which the same command is accepted. */
  readonly dueAt?: Instant;
  readonly termEndsAt?: Instant | undefined;
  readonly trialEndsAt?: Instant | undefined;
  readonly retainedUntil?: Instant;
  readonly takesEffectAt?: Instant | undefined;
  readonly closedAt?: Instant | undefined;
  readonly nextWindowAt?: Instant;
  readonly recoversAt?: Instant;
  readonly offeredUntil?: Instant;
  readonly effectiveAt?: Instant;
  /** The event of the item that counts from the latest time. */
  readonly lastEvent?: { readonly type: string; readonly at: Instant };
  readonly now?: Instant;
  readonly date?: Instant | undefined;
  readonly earliest?: Instant;
  readonly latest?: Instant;
  /** The field of the command that is wrong. */
  readonly field?: string;
  /** The rule that the field breaks. */
  readonly rule?: string;
  readonly reason?: string;
  readonly missing?: readonly string[];
  /** The known value or values, where another was sent. */
  readonly known?: unknown;
  /** The values that are allowed. */
  readonly allowed?: readonly unknown[];
  readonly available?: readonly string[];
  readonly editable?: readonly string[];
  readonly roles?: readonly string[];
  readonly name?: string | undefined;
  readonly claimedBy?: string;
  readonly what?: string;
  readonly limit?: number;
  readonly min?: number;
  readonly max?: number;
  readonly maxLength?: number;
  readonly quantity?: number;
  readonly autoRenew?: boolean;
  readonly capUsdCents?: number;
  readonly remainingUsdCents?: number;
  readonly partnerMarket?: string;
  readonly customerMarket?: string;
  readonly partnerRegion?: string | undefined;
  readonly customerRegion?: string | undefined;
  readonly remedy?: string;
  readonly remedyCommand?: string;
  readonly remedyItemId?: string;
  readonly policy?: string;
}

/** A refusal of this domain: its code is one of {@link rejections}, its details are JSON. */
export function reject(
  code: RejectionCode,
  details: RefusalDetails & { readonly blockers?: readonly RemovalBlocker[] } = {},
): Rejection {
  return new Rejection(code, { ...details });
}
