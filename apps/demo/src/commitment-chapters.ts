import type { CommandData } from '#client';
import type { Chapter, Author } from './story.js';

// What customers commit to: reservations, software, savings plans.

const reservables = [
  { product: 'virtualMachine', name: 'Virtual machines, 4 cores' },
  { product: 'sqlDatabase', name: 'Managed databases' },
  { product: 'cosmosDb', name: 'Document database throughput' },
  { product: 'appService', name: 'App hosting, isolated' },
  { product: 'storage', name: 'Block storage, 100 TB' },
] as const;

type Reservation = CommandData<'PurchaseReservation'>;

/** Needs an active Azure plan earlier in the story (rule V1). Answers the id. */
function reserve(
  { send, id, oneOf, between, percent, daysAgo, staff }: Author,
  days: number,
  details: Partial<Reservation> = {},
): string {
  const reservationId = id();
  const usdCents = between(2_000, 9_000) * 100;
  send(
    'PurchaseReservation',
    {
      reservationId,
      reservationOrderId: id(),
      ...oneOf(reservables),
      quantity: between(1, 8),
      termDuration: percent(60) ? 'P1Y' : 'P3Y',
      commitmentUsdCents: usdCents,
      price: { minorUnits: usdCents, currency: 'USD' },
      owners: [staff.admin.id, staff.globalAdmin.id],
      ...(percent(15) ? { boughtBy: 'customer' as const } : {}),
      effectiveAt: daysAgo(days),
      ...details,
    },
    staff.admin,
  );
  return reservationId;
}

export const reservation: Chapter = (author) => void reserve(author, author.between(5, 300));
export const reservationCancellationPending: Chapter = (author) => {
  const reservationId = reserve(author, author.between(30, 300));
  author.send('CancelReservation', { reservationId, effectiveAt: author.daysAgo(2) }, author.staff.admin);
};
export const reservationCancelled: Chapter = (author) => {
  const { send, staff, between, percent, daysAgo } = author;
  const reservationId = reserve(author, between(30, 300));
  if (percent(40)) return send('CancelReservation', { reservationId, settled: true }, staff.admin);
  send('CancelReservation', { reservationId, effectiveAt: daysAgo(5) }, staff.admin);
  const refund = { minorUnits: between(500, 1_900) * 100, currency: 'USD' };
  send('ConfirmReservationCancellation', { reservationId, refund }, staff.syncApp);
};
export const reservationCancellationRefused: Chapter = (author) => {
  const { send, staff } = author;
  const reservationId = reserve(author, author.between(30, 300));
  send('CancelReservation', { reservationId }, staff.admin);
  send('RefuseReservationCancellation', { reservationId, reason: 'Order under review by the vendor' }, staff.syncApp);
};
export const reservationExchanged: Chapter = (author) => {
  const { send, staff } = author;
  const reservationId = reserve(author, author.between(30, 300));
  send('CancelReservation', { reservationId, exchange: true, settled: true }, staff.admin);
  reserve(author, 1);
};
export const reservationExpired: Chapter = (author) => {
  const reservationId = reserve(author, author.between(370, 400), { termDuration: 'P1Y' });
  author.send('ExpireReservation', { reservationId }, author.staff.clockApp);
};
export const reservationNotRefundable: Chapter = (author) => {
  const product = author.oneOf(['databricks', 'synapsePrePurchase', 'redHatPlan', 'susePlan'] as const);
  const reservationId = reserve(author, author.between(30, 300), { product, name: 'Pre-purchased units' });
  author.send('CancelReservation', { reservationId }, author.staff.admin, 'ReservationNotRefundable');
};
/** The second cancellation goes over USD 50,000 in twelve months (rule V3). */
export const refundCapExceeded: Chapter = (author) => {
  const { send, staff } = author;
  const details = { commitmentUsdCents: 3_000_000, price: { minorUnits: 3_000_000, currency: 'USD' } };
  const first = reserve(author, author.between(30, 300), details);
  const second = reserve(author, author.between(30, 300), details);
  send('CancelReservation', { reservationId: first, settled: true }, staff.admin);
  send('CancelReservation', { reservationId: second }, staff.admin, 'RefundCapExceeded');
};
/** Its owner has left, so nobody could cancel it (rules V5, V5a). */
export const reservationReassigned: Chapter = (author) => {
  const { send, staff, id, between } = author;
  const reservationId = reserve(author, between(30, 300), { owners: [id()] });
  send('CancelReservation', { reservationId }, staff.admin, 'RoleNotAllowed');
  send('ChangeReservationOwners', { reservationId, owners: [staff.admin.id] }, staff.globalAdmin);
  send('CancelReservation', { reservationId, settled: true }, staff.admin);
};
/** Only an owner of the reservation order may cancel (rule V5). */
export const reservationCancelledByStranger: Chapter = (author) => {
  const reservationId = reserve(author, author.between(30, 300));
  author.send('CancelReservation', { reservationId }, author.staff.sales, 'RoleNotAllowed');
};

// Software

const software = [
  'Server Standard, 16 cores',
  'Database Server Standard',
  'Remote Desktop access',
  'Mail server access',
] as const;

function buySoftware(
  { send, id, between, daysAgo, staff, currency }: Author,
  days: number,
  details: Partial<CommandData<'PurchaseSoftware'>> = {},
): string {
  const purchaseId = id();
  send(
    'PurchaseSoftware',
    {
      purchaseId,
      kind: 'perpetual',
      publisher: 'microsoft',
      name: 'Server licences',
      lineItems: software.slice(0, between(2, software.length)).map((name, index) => {
        const quantity = between(1, 40);
        const price = { minorUnits: quantity * between(30, 900) * 100, currency };
        return { lineItemId: `line-${index + 1}`, name, quantity, price };
      }),
      effectiveAt: daysAgo(days),
      ...details,
    },
    staff.sales,
  );
  return purchaseId;
}

export const softwarePerpetual: Chapter = (author) => void buySoftware(author, author.between(1, 20));
export const softwareSubscription: Chapter = (author) =>
  void buySoftware(author, author.between(40, 330), { kind: 'subscription', termDuration: 'P1Y' });
export const softwarePartlyCancelled: Chapter = (author) => {
  const purchaseId = buySoftware(author, author.between(2, 20));
  author.send('CancelSoftwarePurchase', { purchaseId, lineItemIds: ['line-2'] }, author.staff.admin);
};
/** One line, then what is left. */
export const softwareCancelled: Chapter = (author) => {
  const { send, staff, percent } = author;
  const purchaseId = buySoftware(author, author.between(2, 20));
  if (percent(50)) send('CancelSoftwarePurchase', { purchaseId, lineItemIds: ['line-1'] }, staff.admin);
  send('CancelSoftwarePurchase', { purchaseId }, staff.admin);
};
export const softwareUnknownLine: Chapter = (author) => {
  const purchaseId = buySoftware(author, author.between(2, 20));
  const { send, staff } = author;
  send('CancelSoftwarePurchase', { purchaseId, lineItemIds: ['line-9'] }, staff.admin, 'LineItemNotFound');
};
/** After its window only a transfer frees the relationship from it. */
export const softwarePastWindow: Chapter = (author) => {
  const purchaseId = buySoftware(author, author.between(40, 900));
  author.send('CancelSoftwarePurchase', { purchaseId }, author.staff.admin, 'CancellationWindowClosed');
};
export const softwareOfOtherPublisher: Chapter = (author) => {
  const { send, staff, oneOf } = author;
  const purchaseId = buySoftware(author, author.between(1, 3), {
    kind: 'subscription',
    termDuration: 'P1Y',
    ...oneOf([
      { publisher: 'redHat', name: 'Linux server plan' },
      { publisher: 'suse', name: 'Linux enterprise plan' },
    ] as const),
  });
  send('CancelSoftwarePurchase', { purchaseId }, staff.admin, 'CancelNotSupported');
};
export const softwareExpired: Chapter = (author) => {
  const subscription = { kind: 'subscription', termDuration: 'P1Y', autoRenew: false } as const;
  const purchaseId = buySoftware(author, author.between(370, 500), subscription);
  author.send('ExpireSoftware', { purchaseId }, author.staff.clockApp);
};
/** In its second term, and not to have a third. */
export const softwareRenewed: Chapter = (author) => {
  const purchaseId = buySoftware(author, author.between(380, 700), { kind: 'subscription', termDuration: 'P1Y' });
  author.send('RenewSoftware', { purchaseId }, author.staff.clockApp);
  author.send('SetSoftwareAutoRenew', { purchaseId, autoRenew: false }, author.staff.sales);
};

// Savings plans

function commit({ send, id, between, daysAgo, staff }: Author, days: number, termDuration: 'P1Y' | 'P3Y'): string {
  const savingsPlanId = id();
  const hourlyCommitment = { minorUnits: between(50, 900), currency: 'USD' };
  send(
    'PurchaseSavingsPlan',
    { savingsPlanId, name: 'Compute savings plan', termDuration, hourlyCommitment, effectiveAt: daysAgo(days) },
    staff.admin,
  );
  return savingsPlanId;
}

export const savingsPlan: Chapter = (author) =>
  void commit(author, author.between(10, 300), author.percent(50) ? 'P1Y' : 'P3Y');
export const savingsPlanNotCancelled: Chapter = (author) => {
  const savingsPlanId = commit(author, author.between(10, 300), 'P3Y');
  author.send('CancelSavingsPlan', { savingsPlanId }, author.staff.admin, 'SavingsPlanNotCancellable');
};
export const savingsPlanExpired: Chapter = (author) => {
  const savingsPlanId = commit(author, author.between(370, 700), 'P1Y');
  author.send('ExpireSavingsPlan', { savingsPlanId }, author.staff.clockApp);
};
