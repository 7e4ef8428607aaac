import type { Partner } from '#customer-relationship';
import * as commitments from './commitment-chapters.js';
import { companyAt } from './companies.js';
import * as delegatedAdmin from './delegated-admin-chapters.js';
import { randomFor } from './random.js';
import * as relationship from './relationship-chapters.js';
import { writeStory, type CustomerStory, type Plot } from './story.js';
import * as subscriptions from './subscription-chapters.js';

const chapters = { ...relationship, ...subscriptions, ...commitments, ...delegatedAdmin };
type ChapterName = keyof typeof chapters;

const plot = (title: string, weight: number, ...names: readonly ChapterName[]): Plot => ({
  title,
  weight,
  chapters: names.map((name) => chapters[name]),
});
/** The plot of a customer whose relationship is established first. */
const customer = (title: string, weight: number, ...names: readonly ChapterName[]): Plot =>
  plot(title, weight, 'established', ...names);

/** What customers do, and how often. Every plot appears at least once in a book that is long enough. */
const plots: readonly Plot[] = [
  // Requests
  plot('request open', 3, 'requestOpen'),
  plot('request lapsed', 1, 'requestLapsed'),
  plot('request lapsed, asked again', 1, 'requestLapsed', 'established', 'newCommerce'),
  plot('request lapsed unsaid', 1, 'requestLapsedUnsaid'),
  plot('request declined', 1, 'requestDeclined'),
  plot('request declined, asked again', 1, 'requestDeclined', 'requestOpen'),
  plot('request withdrawn', 1, 'requestWithdrawn'),
  plot('asked while a request is open', 1, 'requestedTwice'),
  plot('agreement missing', 1, 'accepted', 'purchaseWithoutAgreement'),
  customer('nothing bought yet', 2),

  // Small and middling customers
  customer('seats', 14, 'newCommerce'),
  customer('seats of two kinds', 10, 'newCommerce', 'newCommerce'),
  customer('seats, just bought', 4, 'newCommerceFresh', 'newCommercePending', 'newCommerceActivated'),
  customer('seats that never came', 2, 'newCommerceNotProvisioned', 'newCommerceOrderCancelled', 'newCommerce'),
  customer('seats and a change of mind', 3, 'newCommerceCancelled', 'newCommerceCancelledTooLate'),
  customer('trials', 4, 'newCommerceTrial', 'newCommerceTrialEnded', 'legacyTrial'),
  customer('does not pay', 4, 'newCommerceSuspended', 'newCommerceReactivated', 'marketplaceSuspended'),
  customer('month by month', 4, 'newCommerceRenewed', 'newCommerceSuspendedAfterRenewal', 'marketplaceMonthly'),
  customer('fading out', 4, 'newCommerceExpired', 'newCommerceDisabled', 'newCommerceDeleted', 'newCommerce'),
  customer('renamed', 1, 'renamed', 'newCommerce'),
  customer('suspends by itself', 1, 'suspensionByCustomer'),
  customer('marketplace', 4, 'marketplace', 'marketplaceCancelled', 'marketplaceCancelledTooLate'),
  customer('legacy', 5, 'legacyWithAddOns', 'legacyReactivated', 'legacyPrivileges'),
  customer('legacy, moving on', 4, 'legacySuspended', 'legacyExpired', 'newCommerce', 'grantActive'),
  customer(
    'support contacts',
    4,
    'contactChosen',
    'contactUnavailable',
    'contactOnNewCommerce',
    'legacyPrivilegesTerminated',
  ),
  customer(
    'software house',
    4,
    'softwarePerpetual',
    'softwarePartlyCancelled',
    'softwareCancelled',
    'softwareSubscription',
  ),
  customer(
    'server room',
    3,
    'softwarePastWindow',
    'softwareOfOtherPublisher',
    'softwareExpired',
    'softwareRenewed',
    'softwareUnknownLine',
  ),

  // Cloud
  customer('cloud', 6, 'azurePlan', 'grantActive'),
  customer(
    'cloud with commitments',
    6,
    'azurePlan',
    'reservation',
    'reservationCancellationPending',
    'savingsPlan',
    'reservationExpired',
    'grantAutoExtending',
  ),
  customer(
    'cloud, trimming down',
    4,
    'azurePlan',
    'reservationCancelled',
    'reservationCancellationRefused',
    'reservationExchanged',
    'reservationReassigned',
    'savingsPlanExpired',
  ),
  customer(
    'cloud, bound',
    2,
    'azurePlan',
    'refundCapExceeded',
    'reservationNotRefundable',
    'reservationCancelledByStranger',
    'savingsPlanNotCancelled',
  ),

  // Delegated admin
  customer('delegated admin under way', 3, 'grantCreated', 'grantWaiting', 'grantLapsed', 'newCommerce'),
  customer('delegated admin, thought better of', 2, 'grantDraftDeleted', 'grantWithdrawn', 'grantActive'),
  customer(
    'delegated admin, ended',
    3,
    'grantTerminatedByPartner',
    'grantTerminatedByCustomer',
    'grantLapsedUnsaid',
    'grantActive',
  ),
  customer('delegated admin, reduced', 2, 'grantReduced', 'accessWiderThanGrant', 'legacyPrivilegesTooLate'),

  // Large customers
  customer(
    'group of companies',
    3,
    'newCommerce',
    'newCommerce',
    'newCommerceTrial',
    'legacyWithAddOns',
    'azurePlan',
    'marketplace',
    'reservation',
    'reservation',
    'softwarePerpetual',
    'savingsPlan',
    'grantActive',
    'grantWaiting',
  ),

  // Leaving
  customer(
    'ready to leave',
    2,
    'newCommerceSuspended',
    'legacySuspended',
    'azurePlanCleared',
    'softwareCancelled',
    'grantActive',
  ),
  customer(
    'would leave but cannot',
    2,
    'newCommerce',
    'newCommerceTrial',
    'azurePlan',
    'reservationCancellationPending',
    'softwarePastWindow',
    'savingsPlan',
    'removalBlocked',
  ),
  customer('removal by the wrong people', 1, 'removalBySales', 'removalByApp'),
  customer(
    'left',
    4,
    'newCommerceSuspended',
    'legacySuspended',
    'legacyPrivileges',
    'grantActive',
    'removed',
    'purchaseAfterRemoval',
  ),
  customer('left after all was cleared', 2, 'azurePlanCleared', 'removed', 'removedTwice'),
  customer(
    'came back',
    3,
    'newCommerceExpired',
    'legacySuspended',
    'grantWaiting',
    'removed',
    'established',
    'newCommerce',
    'grantActive',
  ),
  customer('left and asked again', 1, 'newCommerceDeleted', 'removed', 'requestOpen'),

  // Partners that may not sell
  // Its provider requests, sells and removes, and names it as the reseller (rule R1a).
  { ...plot('reseller out of bounds', 1, 'requestByReseller', 'purchaseFromReseller'), byIndirectReseller: true },
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
