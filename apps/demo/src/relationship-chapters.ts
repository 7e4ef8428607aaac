import type { RejectionCode } from '#customer-relationship';
import type { Chapter, Teller } from './story.js';

function request(teller: Teller, days: number, refusedAs?: RejectionCode): void {
  const { tell, partner, customer, staff, daysAgo, percent, oneOf } = teller;
  const reseller = partner.resellers.length > 0 && percent(60) ? oneOf(partner.resellers) : undefined;
  tell(
    'RequestResellerRelationship',
    {
      customer: { name: customer.name, domain: customer.domain },
      market: partner.market,
      ...(reseller ? { indirectResellerId: reseller.tenantId } : {}),
      effectiveAt: daysAgo(days),
    },
    staff.sales,
    refusedAs,
  );
}

function accept({ tell, staff, customerAdmin, percent }: Teller): void {
  // Most customers follow the link themselves; for some the partner's app passes their decision on.
  if (percent(70)) tell('AcceptResellerRelationship', {}, customerAdmin);
  else
    tell('AcceptResellerRelationship', { acceptedBy: { userId: customerAdmin.id, globalAdmin: true } }, staff.syncApp);
}

function confirmAgreement({ tell, staff, customerAdmin, percent, daysAgo }: Teller): void {
  if (percent(40)) tell('ConfirmCustomerAgreement', {}, customerAdmin);
  else tell('ConfirmCustomerAgreement', { agreedAt: daysAgo(1) }, staff.sales);
}

export const requestOpen: Chapter = (teller) => request(teller, teller.between(1, 60));
export const requestLapsed: Chapter = (teller) => {
  request(teller, teller.between(95, 200));
  teller.tell('ExpireRelationshipRequest', {}, teller.staff.clockApp);
};
/** The clock's command has not come yet, and still nothing passes (rule R29). */
export const requestLapsedUnsaid: Chapter = (teller) => {
  request(teller, teller.between(95, 200));
  teller.tell('AcceptResellerRelationship', {}, teller.customerAdmin, 'RequestExpired');
};
export const requestDeclined: Chapter = (teller) => {
  const { tell, customerAdmin, staff, percent } = teller;
  request(teller, teller.between(2, 80));
  if (percent(60)) tell('DeclineResellerRelationship', {}, customerAdmin);
  else
    tell('DeclineResellerRelationship', { declinedBy: { userId: customerAdmin.id, globalAdmin: true } }, staff.syncApp);
};
export const requestWithdrawn: Chapter = (teller) => {
  request(teller, teller.between(2, 80));
  teller.tell('WithdrawRelationshipRequest', {}, teller.staff.sales);
};
export const requestedTwice: Chapter = (teller) => {
  request(teller, teller.between(2, 30));
  request(teller, 1, 'RequestAlreadyOpen');
};
export const requestByReseller: Chapter = (teller) => request(teller, 1, 'PartnerTypeNotAllowed');

export const accepted: Chapter = (teller) => {
  request(teller, teller.between(2, 80));
  accept(teller);
};
export const established: Chapter = (teller) => {
  accepted(teller);
  confirmAgreement(teller);
};
export const renamed: Chapter = ({ tell, staff, customer }) =>
  tell('UpdateCustomerProfile', { name: `${customer.name} Holding` }, staff.sales);

export const removed: Chapter = ({ tell, staff, percent }) =>
  tell('RemoveResellerRelationship', percent(50) ? { noticeGiven: true } : {}, staff.globalAdmin);
export const removalBlocked: Chapter = ({ tell, staff }) =>
  tell('RemoveResellerRelationship', {}, staff.globalAdmin, 'RemovalBlocked');
export const removalBySales: Chapter = ({ tell, staff }) =>
  tell('RemoveResellerRelationship', {}, staff.sales, 'RoleNotAllowed');
export const removalByApp: Chapter = ({ tell, staff }) =>
  tell('RemoveResellerRelationship', {}, staff.syncApp, 'UserContextRequired');
export const removedTwice: Chapter = ({ tell, staff }) =>
  tell('RemoveResellerRelationship', {}, staff.globalAdmin, 'RelationshipAlreadyRemoved');
