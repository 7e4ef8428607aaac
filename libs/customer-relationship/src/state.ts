import type { Frozen } from '#event-sourcing';
import type { Instant, TermDuration } from './calendar.js';
import type {
  BillingCycle,
  ReservationProduct,
  ScheduledChange,
  SoftwareKind,
  SoftwarePublisher,
  SubscriptionKind,
} from './events.js';
import type { SupportContact } from './parties.js';
import { nextOfRequest, statusAt } from './statuses.js';

export type RelationshipStatus =
  'unknown' | 'requested' | 'requestDeclined' | 'requestWithdrawn' | 'requestExpired' | 'active' | 'removed';
export type SubscriptionStatus =
  | 'pending'
  | 'provisioningFailed'
  | 'provisioningCancelled'
  | 'active'
  | 'suspended'
  | 'expired'
  | 'disabled'
  | 'deleted';
export type ReservationStatus = 'active' | 'cancellationRequested' | 'cancelled' | 'expired';
export type SoftwareStatus = 'completed' | 'cancelled' | 'expired';
export type SavingsPlanStatus = 'active' | 'expired';
export type GrantStatus =
  | 'created'
  | 'deleted'
  | 'approvalPending'
  | 'withdrawn'
  | 'approved'
  | 'active'
  | 'terminated'
  | 'expired'
  | 'revoked';

/** Every item, designation and grant belongs to one term of the relationship; only those of the current term count. */
interface OfTerm {
  readonly relationshipTerm: number;
}

export interface Subscription extends OfTerm {
  readonly kind: SubscriptionKind;
  readonly name: string;
  readonly baseSubscriptionId?: string;
  offerId: string;
  status: SubscriptionStatus;
  trial: boolean;
  quantity: number;
  autoRenew: boolean;
  termDuration?: TermDuration;
  termEndsAt?: Instant;
  /** The day of the month on which its first term after a trial started, and on which terms end. */
  anchorDay?: number;
  cancellationAllowedUntil?: Instant;
  billingCycle?: BillingCycle;
  scheduledChange?: ScheduledChange;
  scheduledBillingCycle?: BillingCycle;
  cancellationTakesEffectAt?: Instant;
  /** The end of the retention period that runs now. */
  retainedUntil?: Instant;
  furtherDisabledPeriod?: boolean;
  readonly azureSubscriptions: Map<string, { readonly name: string; status: 'active' | 'cancelled' }>;
}

export interface Reservation extends OfTerm {
  readonly name: string;
  readonly product: ReservationProduct;
  owners: readonly string[];
  readonly commitmentUsdCents: number;
  readonly purchasedAt: Instant;
  readonly expiresAt: Instant;
  status: ReservationStatus;
}

export interface SoftwarePurchase extends OfTerm {
  readonly kind: SoftwareKind;
  readonly publisher: SoftwarePublisher;
  readonly name: string;
  readonly termDuration?: TermDuration;
  /** The day of the month on which terms end. */
  readonly anchorDay?: number;
  cancellationAllowedUntil: Instant;
  /** The end of the term that runs now. */
  expiresAt?: Instant;
  autoRenew: boolean;
  /** It was recorded before renewals were, so it may have renewed (rule V7a). */
  renewalUnknown?: true;
  /** Line item id → cancelled. */
  readonly lineItems: Map<string, boolean>;
  status: SoftwareStatus;
}

export interface SavingsPlan extends OfTerm {
  readonly name: string;
  readonly expiresAt: Instant;
  status: SavingsPlanStatus;
}

export interface DelegatedAdminPrivileges extends OfTerm {
  readonly kind: 'dap';
  status: Extract<GrantStatus, 'approved' | 'terminated' | 'revoked'>;
}

export interface GranularGrant extends OfTerm {
  readonly kind: 'gdap';
  name: string;
  roles: readonly string[];
  durationDays: number;
  autoExtendDays: number;
  status: GrantStatus;
  /** When the request lapses unless it is approved. */
  readonly requestExpiresAt: Instant;
  /** When the active grant ends. */
  endsAt?: Instant;
  /** Deleted ones stay, because an id is never used again. */
  readonly accessAssignments: Map<
    string,
    { readonly groupId: string; roles: readonly string[]; status: 'active' | 'deleted' }
  >;
}

export type Grant = DelegatedAdminPrivileges | GranularGrant;

export interface Designation extends OfTerm {
  readonly contact: SupportContact;
}

/** The event of an item that counts from the latest time. */
export interface LastEvent {
  type: string;
  at: Instant;
}

/** One partner's relationship with one customer, folded from its events. */
export interface CustomerRelationship {
  /** The policies that events were decided under, each with its start: they apply to what time brings about. */
  readonly policies: { readonly from: Instant; readonly name: string; readonly hash: string }[];
  status: RelationshipStatus;
  /** How often the relationship has been established; the current term while it is active. */
  relationshipTerm: number;
  customer: { name: string; domain?: string };
  request?: {
    readonly requestedAt: Instant;
    readonly expiresAt: Instant;
    readonly delegatedAdmin: boolean;
    /** Available only once the customer accepts: a request is not yet a relationship (rules R17, R22). */
    readonly supportContacts: readonly SupportContact[];
  };
  /** When the last request lapsed, while there has been no other. */
  requestExpiredAt?: Instant;
  establishedAt?: Instant;
  /** The last removal. */
  removedAt?: Instant;
  /** Holds for the current term only. */
  agreementConfirmedAt?: Instant;
  /** The possible support contacts while the relationship is active. */
  availableSupportContacts: SupportContact[];
  readonly subscriptions: Map<string, Subscription>;
  readonly reservations: Map<string, Reservation>;
  /** What the refund cap counts, over all terms: reservation id → amount and time (rule V3). */
  readonly cancelledCommitments: Map<string, { readonly usdCents: number; readonly at: Instant }>;
  readonly software: Map<string, SoftwarePurchase>;
  readonly savingsPlans: Map<string, SavingsPlan>;
  /** Subscription id → designated support contact. */
  readonly designations: Map<string, Designation>;
  readonly grants: Map<string, Grant>;
  /** Of each item, by noun and id: what happened to it last (rule T1a). */
  readonly lastEvents: Map<string, LastEvent>;
}

/** The relationship, in the answer to a command. */
export type RelationshipSummary = Pick<CustomerRelationship, 'status' | 'relationshipTerm'>;

/** As of a time, like every other answer about the relationship (rule R29). */
export function relationshipSummary(state: Frozen<CustomerRelationship>, at: Instant): RelationshipSummary {
  return { status: statusAt(state.status, nextOfRequest(state.request), at), relationshipTerm: state.relationshipTerm };
}

/** Those of a relationship's items that belong to its current term. */
export function inCurrentTerm<Item extends OfTerm>(
  { relationshipTerm }: Pick<CustomerRelationship, 'relationshipTerm'>,
  items: ReadonlyMap<string, Item>,
): [string, Item][] {
  return [...items].filter(([, item]) => item.relationshipTerm === relationshipTerm);
}

export function initialState(): CustomerRelationship {
  return {
    policies: [],
    status: 'unknown',
    relationshipTerm: 0,
    customer: { name: '' },
    availableSupportContacts: [],
    subscriptions: new Map(),
    reservations: new Map(),
    cancelledCommitments: new Map(),
    software: new Map(),
    savingsPlans: new Map(),
    designations: new Map(),
    grants: new Map(),
    lastEvents: new Map(),
  };
}
