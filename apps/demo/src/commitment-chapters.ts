import type { CommandData } from '#client';
import type { Chapter, Teller } from './story.js';
import { currencyOf } from './subscription-chapters.js';

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
  { tell, id, oneOf, between, percent, daysAgo, staff }: Teller,
  days: number,
  details: Partial<Reservation> = {},
): string {
  const reservationId = id();
  const usdCents = between(2_000, 9_000) * 100;
  tell(
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

export const reservation: Chapter = (teller) => void reserve(teller, teller.between(5, 300));
export const reservationCancellationPending: Chapter = (teller) => {
  const reservationId = reserve(teller, teller.between(30, 300));
  teller.tell('CancelReservation', { reservationId, effectiveAt: teller.daysAgo(2) }, teller.staff.admin);
};
export const reservationCancelled: Chapter = (teller) => {
  const { tell, staff, between, percent, daysAgo } = teller;
  const reservationId = reserve(teller, between(30, 300));
  if (percent(40)) return tell('CancelReservation', { reservationId, settled: true }, staff.admin);
  tell('CancelReservation', { reservationId, effectiveAt: daysAgo(5) }, staff.admin);
  const refund = { minorUnits: between(500, 1_900) * 100, currency: 'USD' };
  tell('ConfirmReservationCancellation', { reservationId, refund }, staff.syncApp);
};
export const reservationCancellationRefused: Chapter = (teller) => {
  const { tell, staff } = teller;
  const reservationId = reserve(teller, teller.between(30, 300));
  tell('CancelReservation', { reservationId }, staff.admin);
  tell('RefuseReservationCancellation', { reservationId, reason: 'Order under review by the vendor' }, staff.syncApp);
};
export const reservationExchanged: Chapter = (teller) => {
  const { tell, staff } = teller;
  const reservationId = reserve(teller, teller.between(30, 300));
  tell('CancelReservation', { reservationId, exchange: true, settled: true }, staff.admin);
  reserve(teller, 1);
};
export const reservationExpired: Chapter = (teller) => {
  const reservationId = reserve(teller, teller.between(370, 400), { termDuration: 'P1Y' });
  teller.tell('ExpireReservation', { reservationId }, teller.staff.clockApp);
};
export const reservationNotRefundable: Chapter = (teller) => {
  const product = teller.oneOf(['databricks', 'synapsePrePurchase', 'redHatPlan', 'susePlan'] as const);
  const reservationId = reserve(teller, teller.between(30, 300), { product, name: 'Pre-purchased units' });
  teller.tell('CancelReservation', { reservationId }, teller.staff.admin, 'ReservationNotRefundable');
};
/** The second cancellation goes over USD 50,000 in twelve months (rule V3). */
export const refundCapExceeded: Chapter = (teller) => {
  const { tell, staff } = teller;
  const details = { commitmentUsdCents: 3_000_000, price: { minorUnits: 3_000_000, currency: 'USD' } };
  const first = reserve(teller, teller.between(30, 300), details);
  const second = reserve(teller, teller.between(30, 300), details);
  tell('CancelReservation', { reservationId: first, settled: true }, staff.admin);
  tell('CancelReservation', { reservationId: second }, staff.admin, 'RefundCapExceeded');
};
/** Only an owner of the reservation order may cancel (rule V5). */
export const reservationCancelledByStranger: Chapter = (teller) => {
  const reservationId = reserve(teller, teller.between(30, 300));
  teller.tell('CancelReservation', { reservationId }, teller.staff.sales, 'RoleNotAllowed');
};

// Software

const software = [
  'Server Standard, 16 cores',
  'Database Server Standard',
  'Remote Desktop access',
  'Mail server access',
] as const;

function buySoftware(
  { tell, id, between, daysAgo, staff, partner }: Teller,
  days: number,
  details: Partial<CommandData<'PurchaseSoftware'>> = {},
): string {
  const purchaseId = id();
  tell(
    'PurchaseSoftware',
    {
      purchaseId,
      kind: 'perpetual',
      publisher: 'microsoft',
      name: 'Server licences',
      lineItems: software.slice(0, between(2, software.length)).map((name, index) => {
        const quantity = between(1, 40);
        const price = { minorUnits: quantity * between(30, 900) * 100, currency: currencyOf(partner.market) };
        return { lineItemId: `line-${index + 1}`, name, quantity, price };
      }),
      effectiveAt: daysAgo(days),
      ...details,
    },
    staff.sales,
  );
  return purchaseId;
}

export const softwarePerpetual: Chapter = (teller) => void buySoftware(teller, teller.between(1, 20));
export const softwareSubscription: Chapter = (teller) =>
  void buySoftware(teller, teller.between(40, 330), { kind: 'subscription', termDuration: 'P1Y' });
export const softwarePartlyCancelled: Chapter = (teller) => {
  const purchaseId = buySoftware(teller, teller.between(2, 20));
  teller.tell('CancelSoftwarePurchase', { purchaseId, lineItemIds: ['line-2'] }, teller.staff.admin);
};
/** One line, then what is left. */
export const softwareCancelled: Chapter = (teller) => {
  const { tell, staff, percent } = teller;
  const purchaseId = buySoftware(teller, teller.between(2, 20));
  if (percent(50)) tell('CancelSoftwarePurchase', { purchaseId, lineItemIds: ['line-1'] }, staff.admin);
  tell('CancelSoftwarePurchase', { purchaseId }, staff.admin);
};
export const softwareUnknownLine: Chapter = (teller) => {
  const purchaseId = buySoftware(teller, teller.between(2, 20));
  const { tell, staff } = teller;
  tell('CancelSoftwarePurchase', { purchaseId, lineItemIds: ['line-9'] }, staff.admin, 'LineItemNotFound');
};
/** Past its window nothing but a transfer frees the relationship from it. */
export const softwarePastWindow: Chapter = (teller) => {
  const purchaseId = buySoftware(teller, teller.between(40, 900));
  teller.tell('CancelSoftwarePurchase', { purchaseId }, teller.staff.admin, 'CancellationWindowClosed');
};
export const softwareOfOtherPublisher: Chapter = (teller) => {
  const { tell, staff, oneOf } = teller;
  const purchaseId = buySoftware(teller, teller.between(1, 3), {
    kind: 'subscription',
    termDuration: 'P1Y',
    ...oneOf([
      { publisher: 'redHat', name: 'Linux server plan' },
      { publisher: 'suse', name: 'Linux enterprise plan' },
    ] as const),
  });
  tell('CancelSoftwarePurchase', { purchaseId }, staff.admin, 'CancelNotSupported');
};
export const softwareExpired: Chapter = (teller) => {
  const purchaseId = buySoftware(teller, teller.between(370, 500), { kind: 'subscription', termDuration: 'P1Y' });
  teller.tell('ExpireSoftware', { purchaseId }, teller.staff.clockApp);
};

// Savings plans

function commit({ tell, id, between, daysAgo, staff }: Teller, days: number, termDuration: 'P1Y' | 'P3Y'): string {
  const savingsPlanId = id();
  const hourlyCommitment = { minorUnits: between(50, 900), currency: 'USD' };
  tell(
    'PurchaseSavingsPlan',
    { savingsPlanId, name: 'Compute savings plan', termDuration, hourlyCommitment, effectiveAt: daysAgo(days) },
    staff.admin,
  );
  return savingsPlanId;
}

export const savingsPlan: Chapter = (teller) =>
  void commit(teller, teller.between(10, 300), teller.percent(50) ? 'P1Y' : 'P3Y');
export const savingsPlanNotCancelled: Chapter = (teller) => {
  const savingsPlanId = commit(teller, teller.between(10, 300), 'P3Y');
  teller.tell('CancelSavingsPlan', { savingsPlanId }, teller.staff.admin, 'SavingsPlanNotCancellable');
};
export const savingsPlanExpired: Chapter = (teller) => {
  const savingsPlanId = commit(teller, teller.between(370, 700), 'P1Y');
  teller.tell('ExpireSavingsPlan', { savingsPlanId }, teller.staff.clockApp);
};
