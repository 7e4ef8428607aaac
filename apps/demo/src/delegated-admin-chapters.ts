import type { CommandData } from '#client';
import type { Chapter, Author } from './story.js';

/** Directory roles by their published definition ids. */
const globalAdministrator = '62e90394-69f5-4237-9190-012177145e10';
const globalReader = 'f2ef992c-3afb-46b9-b7cf-a126ee74c451';
const userAdministrator = 'fe930be7-5e62-47db-91af-98c3a49a38b1';
const helpdeskAdministrator = '729827e3-9c14-49f7-bb1b-9608f156bbb8';
const serviceSupport = 'f023fd81-a637-4b56-95fd-791ac0226033';
const licenceAdministrator = '4d6ac14f-3453-41d0-bef9-a3e0c569773a';

const purposes = [
  { purpose: 'Helpdesk', roles: [helpdeskAdministrator, serviceSupport, globalReader] },
  { purpose: 'Onboarding', roles: [userAdministrator, licenceAdministrator, globalReader] },
  { purpose: 'Security', roles: [globalReader, serviceSupport] },
] as const;

/** Names are unique over all of a partner's grants (rule G2), so they carry the customer's and count up. */
function requestGrant(
  { send, id, oneOf, between, daysAgo, customer, staff }: Author,
  details: Partial<CommandData<'RequestDelegatedAdmin'>> = {},
  days = between(1, 40),
) {
  const grantId = id();
  const { purpose, roles } = oneOf(purposes);
  const name = `${purpose} ${grantId.slice(0, 4)} ${customer.name}`.slice(0, 50).trim();
  const wanted = { grantId, name, roles, durationDays: oneOf([90, 180, 365, 730]), ...details };
  send('RequestDelegatedAdmin', { ...wanted, effectiveAt: daysAgo(days) }, staff.admin);
  return wanted;
}

function activate(author: Author, details: Partial<CommandData<'RequestDelegatedAdmin'>> = {}) {
  const { send, staff, customerAdmin, percent } = author;
  const grant = requestGrant(author, details);
  const { grantId } = grant;
  send('LockDelegatedAdminForApproval', { grantId }, staff.admin);
  if (percent(70)) send('ApproveDelegatedAdmin', { grantId }, customerAdmin);
  else
    send(
      'ApproveDelegatedAdmin',
      { grantId, approvedBy: { userId: customerAdmin.id, globalAdmin: true } },
      staff.syncApp,
    );
  return grant;
}

/** Delegated admin privileges from the years in which they were still offered. */
export const legacyPrivileges: Chapter = ({ send, staff, oneOf }) => {
  const effectiveAt = oneOf(['2019-03-04T09:00:00.000Z', '2021-06-17T13:30:00.000Z', '2023-02-01T08:15:00.000Z']);
  send('RecordLegacyDelegatedAdmin', { grantId: 'dap-recorded', effectiveAt }, staff.admin);
};
export const legacyPrivilegesTerminated: Chapter = (author) => {
  const { send, staff, customerAdmin, percent } = author;
  legacyPrivileges(author);
  send('TerminateDelegatedAdmin', { grantId: 'dap-recorded' }, percent(50) ? staff.admin : customerAdmin);
};
export const legacyPrivilegesTooLate: Chapter = ({ send, staff, daysAgo }) =>
  send(
    'RecordLegacyDelegatedAdmin',
    { grantId: 'dap-recorded', effectiveAt: daysAgo(100) },
    staff.admin,
    'DapNoLongerOffered',
  );

export const grantCreated: Chapter = (author) => {
  const { send, staff, percent } = author;
  const { grantId } = requestGrant(author);
  if (percent(40)) send('UpdateDelegatedAdminRequest', { grantId, durationDays: 30, autoExtendDays: 180 }, staff.admin);
};
export const grantWaiting: Chapter = (author) => {
  const { send, staff, percent } = author;
  const { grantId } = requestGrant(author);
  send('LockDelegatedAdminForApproval', { grantId }, staff.admin);
  if (percent(30)) send('UpdateDelegatedAdminRequest', { grantId, durationDays: 30 }, staff.admin, 'GrantLocked');
};
/** The name of a draft that is deleted is free at once, as nobody has seen it (rule G4a). */
export const grantDraftDeleted: Chapter = (author) => {
  const { send, id, staff } = author;
  const draft = requestGrant(author);
  send('DeleteDelegatedAdminRequest', { grantId: draft.grantId }, staff.admin);
  send('RequestDelegatedAdmin', { ...draft, grantId: id() }, staff.admin);
};
export const grantWithdrawn: Chapter = (author) => {
  const { send, staff } = author;
  const { grantId } = requestGrant(author);
  send('LockDelegatedAdminForApproval', { grantId }, staff.admin);
  send('WithdrawDelegatedAdminRequest', { grantId }, staff.admin);
};
export const grantLapsed: Chapter = (author) => {
  const { grantId } = requestGrant(author, {}, author.between(95, 200));
  author.send('ExpireDelegatedAdmin', { grantId }, author.staff.clockApp);
};
export const grantLapsedUnsaid: Chapter = (author) => {
  const { grantId } = requestGrant(author, {}, author.between(95, 200));
  author.send('LockDelegatedAdminForApproval', { grantId }, author.staff.admin, 'RequestExpired');
};
export const grantActive: Chapter = (author) => {
  const { send, id, staff, percent } = author;
  const { grantId, roles } = activate(author);
  const first = { grantId, assignmentId: id(), groupId: id(), roles: roles.slice(0, 1) };
  send('AssignAccess', first, staff.admin);
  if (percent(50)) send('AssignAccess', { ...first, roles: roles.slice(0, 2) }, staff.admin);
  const second = { grantId, assignmentId: id(), groupId: id(), roles };
  if (percent(50)) send('AssignAccess', second, staff.globalAdmin);
  if (percent(30)) send('RemoveAccess', { grantId, assignmentId: first.assignmentId }, staff.admin);
};
/** Extended at its end, again and again (rule G6a); no call moves the end earlier. */
export const grantAutoExtending: Chapter = (author) => {
  const { grantId } = activate(author, { autoExtendDays: 180 });
  author.send('ExtendDelegatedAdmin', { grantId }, author.staff.clockApp, 'NotDue');
};
/** The one change of an active grant's roles: the Global Administrator goes (rule G4). */
export const grantReduced: Chapter = (author) => {
  const { grantId } = activate(author, { roles: [globalAdministrator, globalReader] });
  author.send('UpdateDelegatedAdminRequest', { grantId, roles: [globalReader] }, author.staff.admin);
};
export const grantTerminatedByPartner: Chapter = (author) => {
  const { grantId } = activate(author);
  author.send('TerminateDelegatedAdmin', { grantId }, author.staff.admin);
};
export const grantTerminatedByCustomer: Chapter = (author) => {
  const { grantId } = activate(author);
  author.send('TerminateDelegatedAdmin', { grantId }, author.customerAdmin);
};
export const accessWiderThanGrant: Chapter = (author) => {
  const { send, id, staff } = author;
  const { grantId } = activate(author, { roles: [globalReader] });
  const assignment = { grantId, assignmentId: id(), groupId: id(), roles: [userAdministrator] };
  send('AssignAccess', assignment, staff.admin, 'RoleNotGranted');
};
