import type { SubscriptionKind } from '#customer-relationship';
import type { CommandData } from '#client';
import type { Chapter, Author } from './story.js';

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

/** Buys one and returns its id. It is in use at once unless the details say otherwise. */
function buy(
  { send, id, oneOf, percent, between, daysAgo, staff, currency }: Author,
  kind: Exclude<SubscriptionKind, 'azurePlan'>,
  days: number,
  details: Partial<Purchase> = {},
  product = oneOf(products[kind]),
): string {
  const subscriptionId = id();
  const termDuration = details.termDuration ?? 'P1Y';
  const quantity = details.trial ? 25 : oneOf([1, 3, 5, 8, 12, 20, between(21, 60), between(61, 400)]);
  send(
    'PurchaseSubscription',
    {
      subscriptionId,
      kind,
      offerId: product.offerId,
      name: product.name,
      quantity,
      termDuration,
      billingCycle: termDuration === 'P1M' || percent(60) ? 'monthly' : 'annual',
      price: { minorUnits: details.trial ? 0 : product.monthly * quantity, currency },
      ...(percent(10) ? { boughtBy: 'customer' as const } : {}),
      provisioned: true,
      effectiveAt: daysAgo(days),
      ...details,
    },
    staff.sales,
  );
  return subscriptionId;
}

// New commerce

export const newCommerce: Chapter = (author) => {
  const { send, staff, between, percent } = author;
  const subscriptionId = buy(author, 'newCommerce', between(10, 330), percent(15) ? { termDuration: 'P3Y' } : {});
  if (percent(30)) send('ChangeSubscriptionQuantity', { subscriptionId, quantity: between(401, 450) }, staff.billing);
  if (percent(20)) send('SetAutoRenew', { subscriptionId, autoRenew: false }, staff.billing);
  else if (percent(30))
    send('ScheduleSubscriptionChange', { subscriptionId, change: { quantity: between(451, 500) } }, staff.sales);
};
/** Its cancellation window is still open. */
export const newCommerceFresh: Chapter = (author) => void buy(author, 'newCommerce', author.between(1, 3));
export const newCommercePending: Chapter = (author) => void buy(author, 'newCommerce', 1, { provisioned: false });
/** It never came about (rule P1). */
export const newCommerceNotProvisioned: Chapter = (author) => {
  const subscriptionId = buy(author, 'newCommerce', 2, { provisioned: false });
  const reason = 'The vendor has rejected the order';
  author.send('FailSubscriptionProvisioning', { subscriptionId, reason }, author.staff.syncApp);
};
export const newCommerceOrderCancelled: Chapter = (author) => {
  const subscriptionId = buy(author, 'newCommerce', 1, { provisioned: false });
  author.send('CancelSubscriptionProvisioning', { subscriptionId }, author.staff.sales);
};
export const newCommerceActivated: Chapter = (author) => {
  const subscriptionId = buy(author, 'newCommerce', 1, { provisioned: false });
  author.send('ActivateSubscription', { subscriptionId }, author.staff.syncApp);
};
export const newCommerceCancelled: Chapter = (author) => {
  const subscriptionId = buy(author, 'newCommerce', author.between(1, 4));
  author.send('CancelSubscription', { subscriptionId }, author.staff.sales);
};
export const newCommerceCancelledTooLate: Chapter = (author) => {
  const subscriptionId = buy(author, 'newCommerce', author.between(20, 200));
  author.send('CancelSubscription', { subscriptionId }, author.staff.sales, 'CancellationWindowClosed');
};
export const newCommerceSuspended: Chapter = (author) => {
  const { send, staff, between, oneOf, percent } = author;
  const subscriptionId = buy(author, 'newCommerce', between(20, 300));
  if (percent(50))
    send(
      'ScheduleSubscriptionChange',
      { subscriptionId, change: { termDuration: 'P3Y' }, billingCycle: 'annual' },
      staff.sales,
    );
  const reason = oneOf(['customerRequest', 'nonPayment', 'fraud', 'migration'] as const);
  send('SuspendSubscription', { subscriptionId, reason }, reason === 'nonPayment' ? staff.billing : staff.helpdesk);
  if (percent(20))
    send('ChangeSubscriptionQuantity', { subscriptionId, quantity: 500 }, staff.billing, 'SubscriptionSuspended');
};
export const newCommerceReactivated: Chapter = (author) => {
  const { send, staff, between, percent } = author;
  const subscriptionId = buy(author, 'newCommerce', between(20, 300));
  send('SuspendSubscription', { subscriptionId, reason: 'nonPayment' }, staff.billing);
  send('ReactivateSubscription', { subscriptionId }, staff.billing);
  if (percent(50)) send('SetAutoRenew', { subscriptionId, autoRenew: true }, staff.billing);
};
export const newCommerceTrial: Chapter = (author) => {
  const { send, staff, between, percent } = author;
  const subscriptionId = buy(author, 'newCommerce', between(3, 20), { trial: true });
  send('SuspendSubscription', { subscriptionId, reason: 'customerRequest' }, staff.helpdesk, 'TrialStatusLocked');
  if (percent(60)) send('SetAutoRenew', { subscriptionId, autoRenew: false }, staff.sales);
};
export const newCommerceTrialEnded: Chapter = (author) => {
  const subscriptionId = buy(author, 'newCommerce', author.between(40, 55), { trial: true, autoRenew: false });
  author.send('EndSubscriptionTerm', { subscriptionId }, author.staff.clockApp);
};
export const newCommerceRenewed: Chapter = (author) => {
  const subscriptionId = buy(author, 'newCommerce', author.between(35, 50), { termDuration: 'P1M' });
  author.send('RenewSubscription', { subscriptionId }, author.staff.clockApp);
};
export const newCommerceExpired: Chapter = (author) => {
  const subscriptionId = buy(author, 'newCommerce', author.between(370, 390), { autoRenew: false });
  author.send('EndSubscriptionTerm', { subscriptionId }, author.staff.clockApp);
};
// Any command of the clock records all that dates have brought about for its subscription.
export const newCommerceDisabled: Chapter = (author) => {
  const subscriptionId = buy(author, 'newCommerce', author.between(405, 470), { autoRenew: false });
  author.send('AdvanceSubscriptionRetention', { subscriptionId }, author.staff.clockApp);
};
export const newCommerceDeleted: Chapter = (author) => {
  const { send, staff } = author;
  const subscriptionId = buy(author, 'newCommerce', author.between(500, 700), { autoRenew: false });
  send('AdvanceSubscriptionRetention', { subscriptionId }, staff.clockApp);
  if (author.percent(30)) send('ReactivateSubscription', { subscriptionId }, staff.helpdesk, 'InvalidTransition');
};
/** It was due for renewal before it was suspended, and the clock had not recorded that: the suspension records it first. */
export const newCommerceSuspendedAfterRenewal: Chapter = (author) => {
  const { send, staff, between } = author;
  const subscriptionId = buy(author, 'newCommerce', between(35, 85), { termDuration: 'P1M' });
  send('SuspendSubscription', { subscriptionId, reason: 'nonPayment' }, staff.billing);
  send('EndSubscriptionTerm', { subscriptionId }, staff.clockApp, 'NotDue');
};

// Legacy

export const legacyTrial: Chapter = (author) => void buy(author, 'legacy', author.between(3, 20), { trial: true });
export const legacyWithAddOns: Chapter = (author) => {
  const { send, staff, percent } = author;
  const base = buy(author, 'legacy', author.between(100, 330));
  for (const addOn of addOnProducts) buy(author, 'legacy', author.between(20, 90), { baseSubscriptionId: base }, addOn);
  if (percent(40)) send('CancelSubscription', { subscriptionId: base }, staff.sales, 'CancelNotSupported');
};
/** The add-ons go with their base. */
export const legacySuspended: Chapter = (author) => {
  const { send, staff } = author;
  const base = buy(author, 'legacy', author.between(100, 330));
  const addOn = buy(author, 'legacy', author.between(20, 90), { baseSubscriptionId: base }, addOnProducts[0]);
  send('SuspendSubscription', { subscriptionId: base, reason: 'customerRequest' }, staff.helpdesk);
  if (author.percent(50)) send('ReactivateSubscription', { subscriptionId: addOn }, staff.helpdesk, 'ParentNotActive');
};
export const legacyReactivated: Chapter = (author) => {
  const { send, staff } = author;
  const base = buy(author, 'legacy', author.between(100, 330));
  const addOn = buy(author, 'legacy', author.between(20, 90), { baseSubscriptionId: base }, addOnProducts[1]);
  send('SuspendSubscription', { subscriptionId: base, reason: 'migration' }, staff.syncApp);
  send('ReactivateSubscription', { subscriptionId: base }, staff.helpdesk);
  send('ReactivateSubscription', { subscriptionId: addOn }, staff.helpdesk);
};
export const legacyExpired: Chapter = (author) => {
  const subscriptionId = buy(author, 'legacy', author.between(370, 390));
  author.send('EndSubscriptionTerm', { subscriptionId }, author.staff.clockApp);
};

// Marketplace

export const marketplace: Chapter = (author) => void buy(author, 'marketplace', author.between(20, 300));
export const marketplaceMonthly: Chapter = (author) =>
  void buy(author, 'marketplace', author.between(2, 20), { termDuration: 'P1M' });
export const marketplaceCancelled: Chapter = (author) => {
  const subscriptionId = buy(author, 'marketplace', author.between(2, 9));
  author.send('CancelSubscription', { subscriptionId }, author.staff.sales);
};
/** After its window it runs until its term ends, and blocks until then (rule S20). */
export const marketplaceCancelledTooLate: Chapter = (author) => {
  const subscriptionId = buy(author, 'marketplace', author.between(30, 300));
  author.send('CancelSubscription', { subscriptionId }, author.staff.sales);
};
export const marketplaceSuspended: Chapter = (author) => {
  const subscriptionId = buy(author, 'marketplace', author.between(30, 300));
  author.send('SuspendSubscription', { subscriptionId, reason: 'nonPayment' }, author.staff.billing);
};

// Azure plan

const workloads = ['production', 'test', 'analytics', 'web shop', 'backup', 'sandbox'] as const;

function buyAzurePlan({ send, id, between, daysAgo, staff }: Author): string {
  const subscriptionId = id();
  send(
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

function addAzureSubscriptions({ send, id, between, staff }: Author, subscriptionId: string): string[] {
  return workloads.slice(0, between(1, workloads.length)).map((name) => {
    const azureSubscriptionId = id();
    send('AddAzureSubscription', { subscriptionId, azureSubscriptionId, name }, staff.syncApp);
    return azureSubscriptionId;
  });
}

export const azurePlan: Chapter = (author) => {
  const { send, staff, percent } = author;
  const subscriptionId = buyAzurePlan(author);
  const azureSubscriptions = addAzureSubscriptions(author, subscriptionId);
  if (percent(30))
    send(
      'SuspendSubscription',
      { subscriptionId, reason: 'customerRequest' },
      staff.helpdesk,
      'AzurePlanHasActiveSubscriptions',
    );
  if (azureSubscriptions.length > 2)
    send(
      'CancelAzureSubscription',
      { subscriptionId, azureSubscriptionId: azureSubscriptions[1]!, reason: 'compromise' },
      staff.globalAdmin,
    );
};
export const azurePlanCleared: Chapter = (author) => {
  const { send, staff } = author;
  const subscriptionId = buyAzurePlan(author);
  for (const azureSubscriptionId of addAzureSubscriptions(author, subscriptionId))
    send(
      'CancelAzureSubscription',
      { subscriptionId, azureSubscriptionId, reason: 'customerRequest' },
      staff.globalAdmin,
    );
  send('SuspendSubscription', { subscriptionId, reason: 'customerRequest' }, staff.helpdesk);
};

// Support contacts: legacy subscriptions have one, and it may be changed (rules C1–C4)

export const contactChosen: Chapter = (author) => {
  const { send, staff, partner } = author;
  const subscriptionId = buy(author, 'legacy', author.between(60, 330));
  send('WithdrawSupportContact', { subscriptionId }, staff.helpdesk);
  const { tenantId, partnerId, name } = partner;
  if (author.percent(60))
    send('AssignSupportContact', { subscriptionId, contact: { tenantId, partnerId, name } }, staff.helpdesk);
};
/** A contact that was not invited cannot be designated (rule C2). */
export const contactUnavailable: Chapter = (author) => {
  const { send, staff, id } = author;
  const subscriptionId = buy(author, 'legacy', author.between(60, 330));
  const contact = { tenantId: id(), partnerId: '9999999', name: 'Elsewhere Support' };
  send('AssignSupportContact', { subscriptionId, contact }, staff.helpdesk, 'SupportContactNotAvailable');
};
export const contactOnNewCommerce: Chapter = (author) => {
  const { send, staff, partner } = author;
  const subscriptionId = buy(author, 'newCommerce', author.between(20, 200));
  const { tenantId, partnerId, name } = partner;
  const contact = { tenantId, partnerId, name };
  send('AssignSupportContact', { subscriptionId, contact }, staff.helpdesk, 'SupportContactNotSupported');
};

// Refused purchases

function refusedPurchase(
  by: 'sales' | 'globalAdmin',
  refusedAs: 'AgreementNotConfirmed' | 'PartnerTypeNotAllowed' | 'PurchasesNotAllowed',
): Chapter {
  return ({ send, id, staff }) => {
    const { offerId, name } = products.newCommerce[0]!;
    send(
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
/** People of the customer may not suspend a subscription (rule R28). */
export const suspensionByCustomer: Chapter = (author) => {
  const subscriptionId = buy(author, 'newCommerce', author.between(20, 200));
  const { send, customerAdmin } = author;
  send('SuspendSubscription', { subscriptionId, reason: 'customerRequest' }, customerAdmin, 'ActorNotAllowed');
};
