import type { SubscriptionKind } from '#customer-relationship';
import type { CommandData } from '#client';
import type { Chapter, Teller } from './story.js';

interface Product {
  readonly offerId: string;
  readonly name: string;
  /** Per unit and month, in minor units. */
  readonly monthly: number;
}

const products: Record<Exclude<SubscriptionKind, 'azurePlan'>, readonly Product[]> = {
  newCommerce: [
    { offerId: 'nce-business-basic', name: 'Business Basic', monthly: 600 },
    { offerId: 'nce-business-premium', name: 'Business Premium', monthly: 2_200 },
    { offerId: 'nce-office-e3', name: 'Office E3', monthly: 2_300 },
    { offerId: 'nce-enterprise-e5', name: 'Enterprise E5', monthly: 5_700 },
    { offerId: 'nce-frontline-f3', name: 'Frontline F3', monthly: 800 },
    { offerId: 'nce-mail-archive', name: 'Mail Archive', monthly: 300 },
    { offerId: 'nce-project-plan-3', name: 'Project Plan 3', monthly: 3_000 },
    { offerId: 'nce-crm-sales', name: 'CRM Sales Professional', monthly: 6_500 },
  ],
  legacy: [
    { offerId: 'legacy-office-e1', name: 'Office E1 (legacy)', monthly: 800 },
    { offerId: 'legacy-business', name: 'Business Standard (legacy)', monthly: 1_250 },
    { offerId: 'legacy-exchange-p1', name: 'Mailbox Plan 1 (legacy)', monthly: 400 },
  ],
  marketplace: [
    { offerId: 'mkt-backup-cloud', name: 'Backup for Cloud Files', monthly: 250 },
    { offerId: 'mkt-signature-manager', name: 'Signature Manager', monthly: 110 },
    { offerId: 'mkt-threat-watch', name: 'Threat Watch', monthly: 490 },
  ],
};
const addOnProducts: readonly Product[] = [
  { offerId: 'legacy-addon-calling', name: 'Calling Plan (legacy add-on)', monthly: 1_200 },
  { offerId: 'legacy-addon-archive', name: 'Archive (legacy add-on)', monthly: 300 },
];

type Purchase = CommandData<'PurchaseSubscription'>;

/** Buys one and answers its id; in use at once unless told otherwise. */
function buy(
  { tell, id, oneOf, percent, between, daysAgo, staff, partner }: Teller,
  kind: Exclude<SubscriptionKind, 'azurePlan'>,
  days: number,
  details: Partial<Purchase> = {},
  product = oneOf(products[kind]),
): string {
  const subscriptionId = id();
  const termDuration = details.termDuration ?? 'P1Y';
  const quantity = details.trial ? 25 : oneOf([1, 3, 5, 8, 12, 20, between(21, 60), between(61, 400)]);
  tell(
    'PurchaseSubscription',
    {
      subscriptionId,
      kind,
      offerId: product.offerId,
      name: product.name,
      quantity,
      termDuration,
      billingCycle: termDuration === 'P1M' || percent(60) ? 'monthly' : 'annual',
      price: { minorUnits: details.trial ? 0 : product.monthly * quantity, currency: currencyOf(partner.market) },
      ...(percent(10) ? { boughtBy: 'customer' as const } : {}),
      provisioned: true,
      effectiveAt: daysAgo(days),
      ...details,
    },
    staff.sales,
  );
  return subscriptionId;
}

export function currencyOf(market: string): string {
  return { US: 'USD', GB: 'GBP', CH: 'CHF', JP: 'JPY', CA: 'CAD', AU: 'AUD' }[market] ?? 'EUR';
}

// New commerce

export const newCommerce: Chapter = (teller) => {
  const { tell, staff, between, percent } = teller;
  const subscriptionId = buy(teller, 'newCommerce', between(10, 330), percent(15) ? { termDuration: 'P3Y' } : {});
  if (percent(30)) tell('ChangeSubscriptionQuantity', { subscriptionId, quantity: between(401, 450) }, staff.billing);
  if (percent(20)) tell('SetAutoRenew', { subscriptionId, autoRenew: false }, staff.billing);
  else if (percent(30))
    tell('ScheduleSubscriptionChange', { subscriptionId, change: { quantity: between(451, 500) } }, staff.sales);
};
/** Its cancellation window is still open. */
export const newCommerceFresh: Chapter = (teller) => void buy(teller, 'newCommerce', teller.between(1, 3));
export const newCommercePending: Chapter = (teller) => void buy(teller, 'newCommerce', 1, { provisioned: false });
export const newCommerceActivated: Chapter = (teller) => {
  const subscriptionId = buy(teller, 'newCommerce', 1, { provisioned: false });
  teller.tell('ActivateSubscription', { subscriptionId }, teller.staff.syncApp);
};
export const newCommerceCancelled: Chapter = (teller) => {
  const subscriptionId = buy(teller, 'newCommerce', teller.between(1, 4));
  teller.tell('CancelSubscription', { subscriptionId }, teller.staff.sales);
};
export const newCommerceCancelledTooLate: Chapter = (teller) => {
  const subscriptionId = buy(teller, 'newCommerce', teller.between(20, 200));
  teller.tell('CancelSubscription', { subscriptionId }, teller.staff.sales, 'CancellationWindowClosed');
};
export const newCommerceSuspended: Chapter = (teller) => {
  const { tell, staff, between, oneOf, percent } = teller;
  const subscriptionId = buy(teller, 'newCommerce', between(20, 300));
  if (percent(50))
    tell(
      'ScheduleSubscriptionChange',
      { subscriptionId, change: { termDuration: 'P3Y' }, billingCycle: 'annual' },
      staff.sales,
    );
  const reason = oneOf(['customerRequest', 'nonPayment', 'fraud', 'migration'] as const);
  tell('SuspendSubscription', { subscriptionId, reason }, reason === 'nonPayment' ? staff.billing : staff.helpdesk);
  if (percent(20))
    tell('ChangeSubscriptionQuantity', { subscriptionId, quantity: 500 }, staff.billing, 'SubscriptionSuspended');
};
export const newCommerceReactivated: Chapter = (teller) => {
  const { tell, staff, between, percent } = teller;
  const subscriptionId = buy(teller, 'newCommerce', between(20, 300));
  tell('SuspendSubscription', { subscriptionId, reason: 'nonPayment' }, staff.billing);
  tell('ReactivateSubscription', { subscriptionId }, staff.billing);
  if (percent(50)) tell('SetAutoRenew', { subscriptionId, autoRenew: true }, staff.billing);
};
export const newCommerceTrial: Chapter = (teller) => {
  const { tell, staff, between, percent } = teller;
  const subscriptionId = buy(teller, 'newCommerce', between(3, 20), { trial: true });
  tell('SuspendSubscription', { subscriptionId, reason: 'customerRequest' }, staff.helpdesk, 'TrialStatusLocked');
  if (percent(60)) tell('SetAutoRenew', { subscriptionId, autoRenew: false }, staff.sales);
};
export const newCommerceTrialEnded: Chapter = (teller) => {
  const subscriptionId = buy(teller, 'newCommerce', teller.between(40, 55), { trial: true, autoRenew: false });
  teller.tell('EndSubscriptionTerm', { subscriptionId }, teller.staff.clockApp);
};
export const newCommerceRenewed: Chapter = (teller) => {
  const subscriptionId = buy(teller, 'newCommerce', teller.between(35, 50), { termDuration: 'P1M' });
  teller.tell('RenewSubscription', { subscriptionId }, teller.staff.clockApp);
};
export const newCommerceExpired: Chapter = (teller) => {
  const subscriptionId = buy(teller, 'newCommerce', teller.between(370, 390), { autoRenew: false });
  teller.tell('EndSubscriptionTerm', { subscriptionId }, teller.staff.clockApp);
};
// One command of the clock records all that the dates have brought about of its subscription, whichever of them it is.
export const newCommerceDisabled: Chapter = (teller) => {
  const subscriptionId = buy(teller, 'newCommerce', teller.between(405, 470), { autoRenew: false });
  teller.tell('AdvanceSubscriptionRetention', { subscriptionId }, teller.staff.clockApp);
};
export const newCommerceDeleted: Chapter = (teller) => {
  const { tell, staff } = teller;
  const subscriptionId = buy(teller, 'newCommerce', teller.between(500, 700), { autoRenew: false });
  tell('AdvanceSubscriptionRetention', { subscriptionId }, staff.clockApp);
  if (teller.percent(30)) tell('ReactivateSubscription', { subscriptionId }, staff.helpdesk, 'InvalidTransition');
};
/** Renewed before anybody suspended it, though the clock had not recorded that: the suspension records it first. */
export const newCommerceSuspendedAfterRenewal: Chapter = (teller) => {
  const { tell, staff, between } = teller;
  const subscriptionId = buy(teller, 'newCommerce', between(35, 85), { termDuration: 'P1M' });
  tell('SuspendSubscription', { subscriptionId, reason: 'nonPayment' }, staff.billing);
  tell('EndSubscriptionTerm', { subscriptionId }, staff.clockApp, 'NotDue');
};

// Legacy

export const legacy: Chapter = (teller) => void buy(teller, 'legacy', teller.between(60, 330));
export const legacyTrial: Chapter = (teller) => void buy(teller, 'legacy', teller.between(3, 20), { trial: true });
export const legacyWithAddOns: Chapter = (teller) => {
  const { tell, staff, percent } = teller;
  const base = buy(teller, 'legacy', teller.between(100, 330));
  for (const addOn of addOnProducts) buy(teller, 'legacy', teller.between(20, 90), { baseSubscriptionId: base }, addOn);
  if (percent(40)) tell('CancelSubscription', { subscriptionId: base }, staff.sales, 'CancelNotSupported');
};
/** The add-ons go with their base. */
export const legacySuspended: Chapter = (teller) => {
  const { tell, staff } = teller;
  const base = buy(teller, 'legacy', teller.between(100, 330));
  const addOn = buy(teller, 'legacy', teller.between(20, 90), { baseSubscriptionId: base }, addOnProducts[0]);
  tell('SuspendSubscription', { subscriptionId: base, reason: 'customerRequest' }, staff.helpdesk);
  if (teller.percent(50)) tell('ReactivateSubscription', { subscriptionId: addOn }, staff.helpdesk, 'ParentNotActive');
};
export const legacyReactivated: Chapter = (teller) => {
  const { tell, staff } = teller;
  const base = buy(teller, 'legacy', teller.between(100, 330));
  const addOn = buy(teller, 'legacy', teller.between(20, 90), { baseSubscriptionId: base }, addOnProducts[1]);
  tell('SuspendSubscription', { subscriptionId: base, reason: 'migration' }, staff.syncApp);
  tell('ReactivateSubscription', { subscriptionId: base }, staff.helpdesk);
  tell('ReactivateSubscription', { subscriptionId: addOn }, staff.helpdesk);
};
export const legacyExpired: Chapter = (teller) => {
  const subscriptionId = buy(teller, 'legacy', teller.between(370, 390));
  teller.tell('EndSubscriptionTerm', { subscriptionId }, teller.staff.clockApp);
};

// Marketplace

export const marketplace: Chapter = (teller) => void buy(teller, 'marketplace', teller.between(20, 300));
export const marketplaceMonthly: Chapter = (teller) =>
  void buy(teller, 'marketplace', teller.between(2, 20), { termDuration: 'P1M' });
export const marketplaceCancelled: Chapter = (teller) => {
  const subscriptionId = buy(teller, 'marketplace', teller.between(2, 9));
  teller.tell('CancelSubscription', { subscriptionId }, teller.staff.sales);
};
/** Past its window it goes on until its term ends, and blocks until then (rule S20). */
export const marketplaceCancelledTooLate: Chapter = (teller) => {
  const subscriptionId = buy(teller, 'marketplace', teller.between(30, 300));
  teller.tell('CancelSubscription', { subscriptionId }, teller.staff.sales);
};
export const marketplaceSuspended: Chapter = (teller) => {
  const subscriptionId = buy(teller, 'marketplace', teller.between(30, 300));
  teller.tell('SuspendSubscription', { subscriptionId, reason: 'nonPayment' }, teller.staff.billing);
};

// Azure plan

const workloads = ['production', 'test', 'analytics', 'web shop', 'backup', 'sandbox'] as const;

function buyAzurePlan({ tell, id, between, daysAgo, staff }: Teller): string {
  const subscriptionId = id();
  tell(
    'PurchaseSubscription',
    {
      subscriptionId,
      kind: 'azurePlan',
      offerId: 'azure-plan',
      name: 'Azure plan',
      quantity: 1,
      provisioned: true,
      effectiveAt: daysAgo(between(410, 900)),
    },
    staff.sales,
  );
  return subscriptionId;
}

function addAzureSubscriptions({ tell, id, between, staff }: Teller, subscriptionId: string): string[] {
  return workloads.slice(0, between(1, workloads.length)).map((name) => {
    const azureSubscriptionId = id();
    tell('AddAzureSubscription', { subscriptionId, azureSubscriptionId, name }, staff.syncApp);
    return azureSubscriptionId;
  });
}

export const azurePlan: Chapter = (teller) => {
  const { tell, staff, percent } = teller;
  const subscriptionId = buyAzurePlan(teller);
  const azureSubscriptions = addAzureSubscriptions(teller, subscriptionId);
  if (percent(30))
    tell(
      'SuspendSubscription',
      { subscriptionId, reason: 'customerRequest' },
      staff.helpdesk,
      'AzurePlanHasActiveSubscriptions',
    );
  if (azureSubscriptions.length > 2)
    tell(
      'CancelAzureSubscription',
      { subscriptionId, azureSubscriptionId: azureSubscriptions[1]!, reason: 'compromise' },
      staff.globalAdmin,
    );
};
export const azurePlanCleared: Chapter = (teller) => {
  const { tell, staff } = teller;
  const subscriptionId = buyAzurePlan(teller);
  for (const azureSubscriptionId of addAzureSubscriptions(teller, subscriptionId))
    tell(
      'CancelAzureSubscription',
      { subscriptionId, azureSubscriptionId, reason: 'customerRequest' },
      staff.globalAdmin,
    );
  tell('SuspendSubscription', { subscriptionId, reason: 'customerRequest' }, staff.helpdesk);
};

// Support contacts: legacy subscriptions have one, and it may be changed (rules C1–C4)

export const contactChosen: Chapter = (teller) => {
  const { tell, staff, partner } = teller;
  const subscriptionId = buy(teller, 'legacy', teller.between(60, 330));
  tell('WithdrawSupportContact', { subscriptionId }, staff.helpdesk);
  const { tenantId, partnerId, name } = partner;
  if (teller.percent(60))
    tell('AssignSupportContact', { subscriptionId, contact: { tenantId, partnerId, name } }, staff.helpdesk);
};
/** Somebody whom nobody has invited cannot be picked (rule C2). */
export const contactUnavailable: Chapter = (teller) => {
  const { tell, staff, id } = teller;
  const subscriptionId = buy(teller, 'legacy', teller.between(60, 330));
  const contact = { tenantId: id(), partnerId: '9999999', name: 'Elsewhere Support' };
  tell('AssignSupportContact', { subscriptionId, contact }, staff.helpdesk, 'SupportContactNotAvailable');
};
export const contactOnNewCommerce: Chapter = (teller) => {
  const { tell, staff, partner } = teller;
  const subscriptionId = buy(teller, 'newCommerce', teller.between(20, 200));
  const { tenantId, partnerId, name } = partner;
  const contact = { tenantId, partnerId, name };
  tell('AssignSupportContact', { subscriptionId, contact }, staff.helpdesk, 'SupportContactNotSupported');
};

// Refused purchases

function refusedPurchase(
  by: 'sales' | 'globalAdmin',
  refusedAs: 'AgreementNotConfirmed' | 'PartnerTypeNotAllowed' | 'PurchasesNotAllowed',
): Chapter {
  return ({ tell, id, staff }) => {
    const { offerId, name } = products.newCommerce[0]!;
    tell(
      'PurchaseSubscription',
      { subscriptionId: id(), kind: 'newCommerce', offerId, name, quantity: 5, termDuration: 'P1Y' },
      staff[by],
      refusedAs,
    );
  };
}
export const purchaseWithoutAgreement = refusedPurchase('sales', 'AgreementNotConfirmed');
export const purchaseFromReseller = refusedPurchase('globalAdmin', 'PartnerTypeNotAllowed');
export const purchaseAfterRemoval = refusedPurchase('sales', 'PurchasesNotAllowed');
/** The customer's people may ask for many things, but not suspend what they have (rule R28). */
export const suspensionByCustomer: Chapter = (teller) => {
  const subscriptionId = buy(teller, 'newCommerce', teller.between(20, 200));
  const { tell, customerAdmin } = teller;
  tell('SuspendSubscription', { subscriptionId, reason: 'customerRequest' }, customerAdmin, 'ActorNotAllowed');
};
