import type { Partner } from '#customer-relationship';
import * as commitments from './commitment-chapters.js';
import { companyAt } from './companies.js';
import * as delegatedAdmin from './delegated-admin-chapters.js';
import { randomFor } from './random.js';
import * as relationship from './relationship-chapters.js';
import { writeStory, type CustomerStory, type Plot } from './story.js';
import * as subscription from './subscription-chapters.js';

const { requestOpen, accepted, established, removed } = relationship;

/** What customers do, and how often. Every plot appears at least once in a book that is long enough. */
const plots: readonly Plot[] = [
  // Requests
  { title: 'request open', weight: 3, chapters: [requestOpen] },
  { title: 'request lapsed', weight: 1, chapters: [relationship.requestLapsed] },
  {
    title: 'request lapsed, asked again',
    weight: 1,
    chapters: [relationship.requestLapsed, established, subscription.newCommerce],
  },
  { title: 'request lapsed unsaid', weight: 1, chapters: [relationship.requestLapsedUnsaid] },
  { title: 'request declined', weight: 1, chapters: [relationship.requestDeclined] },
  { title: 'request declined, asked again', weight: 1, chapters: [relationship.requestDeclined, requestOpen] },
  { title: 'request withdrawn', weight: 1, chapters: [relationship.requestWithdrawn] },
  { title: 'asked while a request is open', weight: 1, chapters: [relationship.requestedTwice] },
  { title: 'agreement missing', weight: 1, chapters: [accepted, subscription.purchaseWithoutAgreement] },
  { title: 'nothing bought yet', weight: 2, chapters: [established] },

  // Small and middling customers
  { title: 'seats', weight: 14, chapters: [established, subscription.newCommerce] },
  {
    title: 'seats of two kinds',
    weight: 10,
    chapters: [established, subscription.newCommerce, subscription.newCommerce],
  },
  {
    title: 'seats, just bought',
    weight: 4,
    chapters: [
      established,
      subscription.newCommerceFresh,
      subscription.newCommercePending,
      subscription.newCommerceActivated,
    ],
  },
  {
    title: 'seats and a change of mind',
    weight: 3,
    chapters: [established, subscription.newCommerceCancelled, subscription.newCommerceCancelledTooLate],
  },
  {
    title: 'trials',
    weight: 4,
    chapters: [
      established,
      subscription.newCommerceTrial,
      subscription.newCommerceTrialEnded,
      subscription.legacyTrial,
    ],
  },
  {
    title: 'does not pay',
    weight: 4,
    chapters: [
      established,
      subscription.newCommerceSuspended,
      subscription.newCommerceReactivated,
      subscription.marketplaceSuspended,
    ],
  },
  {
    title: 'month by month',
    weight: 4,
    chapters: [
      established,
      subscription.newCommerceRenewed,
      subscription.newCommerceSuspendedAfterRenewal,
      subscription.marketplaceMonthly,
    ],
  },
  {
    title: 'fading out',
    weight: 4,
    chapters: [
      established,
      subscription.newCommerceExpired,
      subscription.newCommerceDisabled,
      subscription.newCommerceDeleted,
      subscription.newCommerce,
    ],
  },
  { title: 'renamed', weight: 1, chapters: [established, relationship.renamed, subscription.newCommerce] },
  { title: 'suspends by itself', weight: 1, chapters: [established, subscription.suspensionByCustomer] },
  {
    title: 'marketplace',
    weight: 4,
    chapters: [
      established,
      subscription.marketplace,
      subscription.marketplaceCancelled,
      subscription.marketplaceCancelledTooLate,
    ],
  },
  {
    title: 'legacy',
    weight: 5,
    chapters: [
      established,
      subscription.legacyWithAddOns,
      subscription.legacyReactivated,
      delegatedAdmin.legacyPrivileges,
    ],
  },
  {
    title: 'legacy, moving on',
    weight: 4,
    chapters: [
      established,
      subscription.legacySuspended,
      subscription.legacyExpired,
      subscription.newCommerce,
      delegatedAdmin.grantActive,
    ],
  },
  {
    title: 'support contacts',
    weight: 4,
    chapters: [
      established,
      subscription.contactChosen,
      subscription.contactUnavailable,
      subscription.contactOnNewCommerce,
      delegatedAdmin.legacyPrivilegesTerminated,
    ],
  },
  {
    title: 'software house',
    weight: 4,
    chapters: [
      established,
      commitments.softwarePerpetual,
      commitments.softwarePartlyCancelled,
      commitments.softwareCancelled,
      commitments.softwareSubscription,
    ],
  },
  {
    title: 'server room',
    weight: 3,
    chapters: [
      established,
      commitments.softwarePastWindow,
      commitments.softwareOfOtherPublisher,
      commitments.softwareExpired,
      commitments.softwareUnknownLine,
    ],
  },

  // Cloud
  { title: 'cloud', weight: 6, chapters: [established, subscription.azurePlan, delegatedAdmin.grantActive] },
  {
    title: 'cloud with commitments',
    weight: 6,
    chapters: [
      established,
      subscription.azurePlan,
      commitments.reservation,
      commitments.reservationCancellationPending,
      commitments.savingsPlan,
      commitments.reservationExpired,
      delegatedAdmin.grantExtended,
    ],
  },
  {
    title: 'cloud, trimming down',
    weight: 4,
    chapters: [
      established,
      subscription.azurePlan,
      commitments.reservationCancelled,
      commitments.reservationCancellationRefused,
      commitments.reservationExchanged,
      commitments.savingsPlanExpired,
    ],
  },
  {
    title: 'cloud, bound',
    weight: 2,
    chapters: [
      established,
      subscription.azurePlan,
      commitments.refundCapExceeded,
      commitments.reservationNotRefundable,
      commitments.reservationCancelledByStranger,
      commitments.savingsPlanNotCancelled,
    ],
  },

  // Delegated admin
  {
    title: 'delegated admin under way',
    weight: 3,
    chapters: [
      established,
      delegatedAdmin.grantCreated,
      delegatedAdmin.grantWaiting,
      delegatedAdmin.grantLapsed,
      subscription.newCommerce,
    ],
  },
  {
    title: 'delegated admin, ended',
    weight: 3,
    chapters: [
      established,
      delegatedAdmin.grantTerminatedByPartner,
      delegatedAdmin.grantTerminatedByCustomer,
      delegatedAdmin.grantLapsedUnsaid,
      delegatedAdmin.grantActive,
    ],
  },
  {
    title: 'delegated admin, reduced',
    weight: 2,
    chapters: [
      established,
      delegatedAdmin.grantReduced,
      delegatedAdmin.accessWiderThanGrant,
      delegatedAdmin.legacyPrivilegesTooLate,
    ],
  },

  // Large customers
  {
    title: 'group of companies',
    weight: 3,
    chapters: [
      established,
      subscription.newCommerce,
      subscription.newCommerce,
      subscription.newCommerceTrial,
      subscription.legacyWithAddOns,
      subscription.azurePlan,
      subscription.marketplace,
      commitments.reservation,
      commitments.reservation,
      commitments.softwarePerpetual,
      commitments.savingsPlan,
      delegatedAdmin.grantActive,
      delegatedAdmin.grantWaiting,
    ],
  },

  // Leaving
  {
    title: 'ready to leave',
    weight: 2,
    chapters: [
      established,
      subscription.newCommerceSuspended,
      subscription.legacySuspended,
      subscription.azurePlanCleared,
      commitments.softwareCancelled,
      delegatedAdmin.grantActive,
    ],
  },
  {
    title: 'would leave but cannot',
    weight: 2,
    chapters: [
      established,
      subscription.newCommerce,
      subscription.newCommerceTrial,
      subscription.azurePlan,
      commitments.reservationCancellationPending,
      commitments.softwarePastWindow,
      commitments.savingsPlan,
      relationship.removalBlocked,
    ],
  },
  {
    title: 'removal by the wrong people',
    weight: 1,
    chapters: [established, relationship.removalBySales, relationship.removalByApp],
  },
  {
    title: 'left',
    weight: 4,
    chapters: [
      established,
      subscription.newCommerceSuspended,
      subscription.legacySuspended,
      delegatedAdmin.legacyPrivileges,
      delegatedAdmin.grantActive,
      removed,
      subscription.purchaseAfterRemoval,
    ],
  },
  {
    title: 'left after all was cleared',
    weight: 2,
    chapters: [established, subscription.azurePlanCleared, removed, relationship.removedTwice],
  },
  {
    title: 'came back',
    weight: 3,
    chapters: [
      established,
      subscription.newCommerceExpired,
      subscription.legacySuspended,
      delegatedAdmin.grantWaiting,
      removed,
      established,
      subscription.newCommerce,
      delegatedAdmin.grantActive,
    ],
  },
  {
    title: 'left and asked again',
    weight: 1,
    chapters: [established, subscription.newCommerceDeleted, removed, requestOpen],
  },

  // Partners that may not sell
  // Its provider requests, sells and removes, and names it as the reseller (rule R1a).
  {
    title: 'reseller out of bounds',
    weight: 1,
    byIndirectReseller: true,
    chapters: [relationship.requestByReseller, subscription.purchaseFromReseller],
  },
];

export interface BookOptions {
  readonly seed: string;
  readonly customers: number;
  /** The day that the book's dates count back from, `YYYY-MM-DD`. */
  readonly today: string;
  readonly partners: readonly Partner[];
}

/**
 * A book of business: the same for the same options. A longer one begins with the shorter one, so more customers can be
 * added later.
 * @throws Error when there is no partner in good standing that may sell
 */
export function bookOfBusiness({ seed, customers, today, partners }: BookOptions): readonly CustomerStory[] {
  const inGoodStanding = partners.filter(({ standing }) => standing === 'good');
  const sellers = inGoodStanding.filter(({ type }) => type !== 'indirectReseller');
  const resellers = inGoodStanding.filter(({ type }) => type === 'indirectReseller');
  if (sellers.length === 0)
    throw new Error(
      'No partner in good standing may sell: there must be a direct-bill partner or an indirect provider',
    );
  const possible = plots.filter(({ byIndirectReseller }) => !byIndirectReseller || resellers.length > 0);
  const drawn = possible.flatMap((plot) => Array<Plot>(plot.weight).fill(plot));

  return Array.from({ length: customers }, (_, index) => {
    const random = randomFor(`${seed}/plot/${index}`);
    const plot = possible[index] ?? random.oneOf(drawn);
    const partner = random.oneOf(plot.byIndirectReseller ? resellers : sellers);
    return writeStory(seed, index, today, partner, companyAt(seed, index), plot);
  });
}
