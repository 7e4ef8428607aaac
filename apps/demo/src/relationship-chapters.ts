import type { RejectionCode } from '#customer-relationship';
import type { Chapter, Author } from './story.js';

function request(author: Author, days: number, refusedAs?: RejectionCode): void {
  const { send, partner, customer, staff, daysAgo, percent, oneOf } = author;
  const reseller = partner.resellers.length > 0 && percent(60) ? oneOf(partner.resellers) : undefined;
  send(
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

function accept({ send, staff, customerAdmin, percent }: Author): void {
  // Most customers follow the link themselves; for some the partner's app passes their decision on.
  if (percent(70)) send('AcceptResellerRelationship', {}, customerAdmin);
  else
    send('AcceptResellerRelationship', { acceptedBy: { userId: customerAdmin.id, globalAdmin: true } }, staff.syncApp);
}

function confirmAgreement({ send, staff, customerAdmin, percent, daysAgo }: Author): void {
  if (percent(40)) send('ConfirmCustomerAgreement', {}, customerAdmin);
  else send('ConfirmCustomerAgreement', { agreedAt: daysAgo(1) }, staff.sales);
}

export const requestOpen: Chapter = (author) => request(author, author.between(1, 60));
export const requestLapsed: Chapter = (author) => {
  request(author, author.between(95, 200));
  author.send('ExpireRelationshipRequest', {}, author.staff.clockApp);
};
/** The request has lapsed, though no command of the clock has recorded it: it can no longer be accepted (rule R29). */
export const requestLapsedUnsaid: Chapter = (author) => {
  request(author, author.between(95, 200));
  author.send('AcceptResellerRelationship', {}, author.customerAdmin, 'RequestExpired');
};
export const requestDeclined: Chapter = (author) => {
  const { send, customerAdmin, staff, percent } = author;
  request(author, author.between(2, 80));
  if (percent(60)) send('DeclineResellerRelationship', {}, customerAdmin);
  else
    send('DeclineResellerRelationship', { declinedBy: { userId: customerAdmin.id, globalAdmin: true } }, staff.syncApp);
};
export const requestWithdrawn: Chapter = (author) => {
  request(author, author.between(2, 80));
  author.send('WithdrawRelationshipRequest', {}, author.staff.sales);
};
export const requestedTwice: Chapter = (author) => {
  request(author, author.between(2, 30));
  request(author, 1, 'RequestAlreadyOpen');
};
export const requestByReseller: Chapter = (author) => request(author, 1, 'PartnerTypeNotAllowed');

export const accepted: Chapter = (author) => {
  request(author, author.between(2, 80));
  accept(author);
};
export const established: Chapter = (author) => {
  accepted(author);
  confirmAgreement(author);
};
export const renamed: Chapter = ({ send, staff, customer }) =>
  send('UpdateCustomerProfile', { name: `${customer.name} Holding` }, staff.sales);

export const removed: Chapter = ({ send, staff, percent }) =>
  send('RemoveResellerRelationship', percent(50) ? { noticeGiven: true } : {}, staff.globalAdmin);
export const removalBlocked: Chapter = ({ send, staff }) =>
  send('RemoveResellerRelationship', {}, staff.globalAdmin, 'RemovalBlocked');
export const removalBySales: Chapter = ({ send, staff }) =>
  send('RemoveResellerRelationship', {}, staff.sales, 'RoleNotAllowed');
export const removalByApp: Chapter = ({ send, staff }) =>
  send('RemoveResellerRelationship', {}, staff.syncApp, 'UserContextRequired');
export const removedTwice: Chapter = ({ send, staff }) =>
  send('RemoveResellerRelationship', {}, staff.globalAdmin, 'RelationshipAlreadyRemoved');
