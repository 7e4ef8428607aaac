import { createHash } from 'node:crypto';
import { canonicalJson } from '#event-sourcing';
import type { ReservationProduct, SoftwarePublisher } from './events.js';
import type { PartnerType } from './parties.js';
import { byUser, type Rights } from './rights.js';
import { salesRegionsOf2023, type SalesRegions } from './sales-regions.js';

/**
 * What the documentation says differently over time, in one place. A policy is data, immutable by name: change a value
 * and it is another policy with another name. Its hash stands in every event's metadata. A value that a later policy brings
 * for the first time is optional here, so that the ones before, which lack it, stay what they are.
 */
export interface Policy {
  readonly name: string;
  /** Where it differs from the default right of a command. */
  readonly rights: Rights;
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
  /** Rules S19, S19a. */
  readonly azureCancellationReasons: readonly string[];
  /** Where a partner may sell (rule R26a); absent: in its own country alone (rule R26). */
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
  /** Bounds per relationship, so that a removal always fits one append (and a suspension with add-ons too). */
  readonly limits: { readonly designations: number; readonly grants: number; readonly addOnsPerBase: number };
}

/** The remove-a-relationship page of June 2020: suspended is enough, the remover is a Global admin. */
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

/** Later revisions of the page: suspended new commerce and savings plans block, Admin and Sales agents may remove too. */
const partnerCenterLater: Policy = {
  ...partnerCenter2020,
  name: 'partner-center-later',
  rights: { RemoveResellerRelationship: byUser('GlobalAdmin', 'AdminAgent', 'SalesAgent') },
  removal: { ...partnerCenter2020.removal, suspendedNewCommerceBlocks: true, savingsPlansBlock: true },
};

/** What both policies of November 2026 say otherwise than those before. */
const of2026 = {
  salesRegions: salesRegionsOf2023,
  // What Azure takes as a reason for cancelling a subscription (compromise, dispute, other), and what Partner Center takes as
  // one for suspending. An ordinary end says other, or that the customer has asked for it.
  azureCancellationReasons: ['compromise', 'customerRequest', 'dispute', 'fraud', 'migration', 'nonPayment', 'other'],
} as const satisfies Partial<Policy>;

/** That of 2020 with sales regions, and reasons for an ordinary end of an Azure subscription. */
const partnerCenter2026: Policy = { ...partnerCenter2020, name: 'partner-center-2026-11', ...of2026 };

/** The same with what later revisions of the page say of removal. */
const partnerCenter2026Later: Policy = { ...partnerCenterLater, name: 'partner-center-2026-11-later', ...of2026 };

export const defaultPolicy: Policy = partnerCenter2026;
/** By name, the default first. Every policy that was ever published stays: events name it, and so may a configuration. */
export const policies: Readonly<Record<string, Policy>> = Object.fromEntries(
  [partnerCenter2026, partnerCenter2026Later, partnerCenter2020, partnerCenterLater].map((policy) => [
    policy.name,
    policy,
  ]),
);

/** SHA-256 (hex) over the canonical form of a policy: of its values, and of the rights that it overrides. */
export function policyHash(policy: Policy): string {
  return createHash('sha256').update(canonicalJson(policy)).digest('hex');
}

/**
 * Hashes of policies that stand in events and are computed no longer: until release 0.1.0 a policy held the rights of all
 * commands, so that its hash covered them. Frozen: nothing is ever taken out, and nothing else is to be put in.
 */
const formerHashes: Readonly<Record<string, string>> = {
  '1773472860acc5c6cd4eb0e8f683628c7169db3f10cd0f198a747fcbbc7aad70': 'partner-center-2020-06',
  '8a91e5f8adaaabcc3ab6804ce94f462dcab8e0484399a6c0a05892021bf301a6': 'partner-center-later',
};

/** What stands in the metadata of an event: a policy whose values have changed is another one, whatever its name. */
export interface PolicyReference {
  readonly name: string;
  readonly hash: string;
}

/** Finds the policy that an event names, among those that a release has; undefined for one that it does not have. */
export function policyFinder(
  all: Readonly<Record<string, Policy>>,
): (reference: PolicyReference) => Policy | undefined {
  const hashes = new Map(Object.values(all).map((policy) => [policy.name, policyHash(policy)]));
  return ({ name, hash }) => (hashes.get(name) === hash || formerHashes[hash] === name ? all[name] : undefined);
}

export const policyNamed = policyFinder(policies);
