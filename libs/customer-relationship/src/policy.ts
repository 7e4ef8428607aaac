import { createHash } from 'node:crypto';
import { canonicalJson } from '#event-sourcing';
import type { ReservationProduct, SoftwarePublisher } from './events.js';
import type { PartnerType } from './parties.js';
import { byUser, type Rights } from './rights.js';
import { salesRegionsOf2023, type SalesRegions } from './sales-regions.js';

/**
 * All values that the documentation has changed over time. A policy is data and never changes: other values are another
 * policy with another name. Its hash stands in every event's metadata. A value that a later policy introduces is
 * optional here, so that earlier policies, which lack it, keep their hash.
 */
export interface Policy {
  readonly name: string;
  /** The rights that differ from the command's default. */
  readonly rights: Rights;
  readonly removal: {
    readonly partnerTypes: readonly PartnerType[];
    /** Suspended new-commerce subscriptions block (rule R9). */
    readonly suspendedNewCommerceBlocks: boolean;
    /** Savings plans block (rule R10). */
    readonly savingsPlansBlock: boolean;
    /** Software past its window blocks too; otherwise it is only reported (rule R8). */
    readonly softwarePastWindowBlocks: boolean;
    /** The sender must confirm that the customer was given notice (rule R21). */
    readonly noticeAcknowledgementRequired: boolean;
  };
  /** Cancellation windows of items that have none of their own (rules S7, S20, V7). */
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
  /** Rules S19, S19a. */
  readonly azureCancellationReasons: readonly string[];
  /** Where a partner may sell (rule R26a); if absent, only in its own country (rule R26). */
  readonly salesRegions?: SalesRegions;
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
  /** Limits per relationship, so that a removal, or a suspension with add-ons, always fits into one append. */
  readonly limits: { readonly designations: number; readonly grants: number; readonly addOnsPerBase: number };
}

/**
 * The remove-a-relationship page of June 2020: suspended subscriptions do not block, only a Global admin may remove.
 */
const partnerCenter2020: Policy = {
  name: 'partner-center-2020-06',
  rights: {},
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

/**
 * Later revisions of the page: suspended new commerce and savings plans block, Admin and Sales agents may remove too.
 */
const partnerCenterLater: Policy = {
  ...partnerCenter2020,
  name: 'partner-center-later',
  rights: { RemoveResellerRelationship: byUser('GlobalAdmin', 'AdminAgent', 'SalesAgent') },
  removal: { ...partnerCenter2020.removal, suspendedNewCommerceBlocks: true, savingsPlansBlock: true },
};

/** The values that the policies of November 2026 change. */
const of2026 = {
  salesRegions: salesRegionsOf2023,
  // The reasons that Azure accepts for cancelling a subscription (compromise, dispute, other), and those that Partner
  // Center accepts for suspending one. An ordinary end uses `other` or `customerRequest`.
  azureCancellationReasons: ['compromise', 'customerRequest', 'dispute', 'fraud', 'migration', 'nonPayment', 'other'],
} as const satisfies Partial<Policy>;

/** The policy of 2020 with sales regions, and with reasons for an ordinary end of an Azure subscription. */
const partnerCenter2026: Policy = { ...partnerCenter2020, name: 'partner-center-2026-11', ...of2026 };

/** The same with the later revisions of the page on removal. */
const partnerCenter2026Later: Policy = { ...partnerCenterLater, name: 'partner-center-2026-11-later', ...of2026 };

export const defaultPolicy: Policy = partnerCenter2026;
/** By name, the default first. Never remove a published policy: events name it, and so may a configuration. */
export const policies: Readonly<Record<string, Policy>> = Object.fromEntries(
  [partnerCenter2026, partnerCenter2026Later, partnerCenter2020, partnerCenterLater].map((policy) => [
    policy.name,
    policy,
  ]),
);

/** SHA-256 (hex) over the canonical form of a policy: its values and the rights that it overrides. */
export function policyHash(policy: Policy): string {
  return createHash('sha256').update(canonicalJson(policy)).digest('hex');
}

/**
 * Hashes in events of release 0.1.0, whose policies held the rights of all commands; they can no longer be computed.
 * Frozen: never add or remove one.
 */
const formerHashes: Readonly<Record<string, string>> = {
  '1773472860acc5c6cd4eb0e8f683628c7169db3f10cd0f198a747fcbbc7aad70': 'partner-center-2020-06',
  '8a91e5f8adaaabcc3ab6804ce94f462dcab8e0484399a6c0a05892021bf301a6': 'partner-center-later',
};

/** A policy in an event's metadata: the hash distinguishes policies of one name and other values. */
export interface PolicyReference {
  readonly name: string;
  readonly hash: string;
}

/** Finds the policy that an event names among those of a release; undefined if the release does not have it. */
export function policyFinder(
  all: Readonly<Record<string, Policy>>,
): (reference: PolicyReference) => Policy | undefined {
  const hashes = new Map(Object.values(all).map((policy) => [policy.name, policyHash(policy)]));
  return ({ name, hash }) => (hashes.get(name) === hash || formerHashes[hash] === name ? all[name] : undefined);
}

export const policyNamed = policyFinder(policies);
