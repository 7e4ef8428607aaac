import type { CommandData } from '#client';
import type { Chapter, Teller } from './story.js';

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
  { tell, id, oneOf, between, daysAgo, customer, staff }: Teller,
  details: Partial<CommandData<'RequestDelegatedAdmin'>> = {},
  days = between(1, 40),
) {
  const grantId = id();
  const { purpose, roles } = oneOf(purposes);
  const name = `${purpose} ${grantId.slice(0, 4)} ${customer.name}`.slice(0, 50).trim();
  const wanted = { grantId, name, roles, durationDays: oneOf([90, 180, 365, 730]), ...details };
  tell('RequestDelegatedAdmin', { ...wanted, effectiveAt: daysAgo(days) }, staff.admin);
  return wanted;
}

function activate(teller: Teller, details: Partial<CommandData<'RequestDelegatedAdmin'>> = {}) {
  const { tell, staff, customerAdmin, percent } = teller;
  const grant = requestGrant(teller, details);
  const { grantId } = grant;
  tell('LockDelegatedAdminForApproval', { grantId }, staff.admin);
  if (percent(70)) tell('ApproveDelegatedAdmin', { grantId }, customerAdmin);
  else
    tell(
      'ApproveDelegatedAdmin',
      { grantId, approvedBy: { userId: customerAdmin.id, globalAdmin: true } },
      staff.syncApp,
    );
  return grant;
}

/** Delegated admin privileges of the years before they were done away with. */
export const legacyPrivileges: Chapter = ({ tell, staff, oneOf }) => {
  const effectiveAt = oneOf(['2019-03-04T09:00:00.000Z', '2021-06-17T13:30:00.000Z', '2023-02-01T08:15:00.000Z']);
  tell('RecordLegacyDelegatedAdmin', { grantId: 'dap-recorded', effectiveAt }, staff.admin);
};
export const legacyPrivilegesTerminated: Chapter = (teller) => {
  const { tell, staff, customerAdmin, percent } = teller;
  legacyPrivileges(teller);
  tell('TerminateDelegatedAdmin', { grantId: 'dap-recorded' }, percent(50) ? staff.admin : customerAdmin);
};
export const legacyPrivilegesTooLate: Chapter = ({ tell, staff, daysAgo }) =>
  tell(
    'RecordLegacyDelegatedAdmin',
    { grantId: 'dap-recorded', effectiveAt: daysAgo(100) },
    staff.admin,
    'DapNoLongerOffered',
  );

export const grantCreated: Chapter = (teller) => {
  const { tell, staff, percent } = teller;
  const { grantId } = requestGrant(teller);
  if (percent(40)) tell('UpdateDelegatedAdminRequest', { grantId, durationDays: 30, autoExtendDays: 180 }, staff.admin);
};
export const grantWaiting: Chapter = (teller) => {
  const { tell, staff, percent } = teller;
  const { grantId } = requestGrant(teller);
  tell('LockDelegatedAdminForApproval', { grantId }, staff.admin);
  if (percent(30)) tell('UpdateDelegatedAdminRequest', { grantId, durationDays: 30 }, staff.admin, 'GrantLocked');
};
export const grantLapsed: Chapter = (teller) => {
  const { grantId } = requestGrant(teller, {}, teller.between(95, 200));
  teller.tell('ExpireDelegatedAdmin', { grantId }, teller.staff.clockApp);
};
export const grantLapsedUnsaid: Chapter = (teller) => {
  const { grantId } = requestGrant(teller, {}, teller.between(95, 200));
  teller.tell('LockDelegatedAdminForApproval', { grantId }, teller.staff.admin, 'RequestExpired');
};
export const grantActive: Chapter = (teller) => {
  const { tell, id, staff, percent } = teller;
  const { grantId, roles } = activate(teller);
  const first = { grantId, assignmentId: id(), groupId: id(), roles: roles.slice(0, 1) };
  tell('AssignAccess', first, staff.admin);
  if (percent(50)) tell('AssignAccess', { ...first, roles: roles.slice(0, 2) }, staff.admin);
  const second = { grantId, assignmentId: id(), groupId: id(), roles };
  if (percent(50)) tell('AssignAccess', second, staff.globalAdmin);
  if (percent(30)) tell('RemoveAccess', { grantId, assignmentId: first.assignmentId }, staff.admin);
};
/** Auto-extend has come due once. */
export const grantExtended: Chapter = (teller) => {
  const { grantId } = activate(teller, { autoExtendDays: 180 });
  teller.tell('ExtendDelegatedAdmin', { grantId }, teller.staff.syncApp);
};
/** The one change of an active grant's roles: the Global Administrator goes (rule G4). */
export const grantReduced: Chapter = (teller) => {
  const { grantId } = activate(teller, { roles: [globalAdministrator, globalReader] });
  teller.tell('UpdateDelegatedAdminRequest', { grantId, roles: [globalReader] }, teller.staff.admin);
};
export const grantTerminatedByPartner: Chapter = (teller) => {
  const { grantId } = activate(teller);
  teller.tell('TerminateDelegatedAdmin', { grantId }, teller.staff.admin);
};
export const grantTerminatedByCustomer: Chapter = (teller) => {
  const { grantId } = activate(teller);
  teller.tell('TerminateDelegatedAdmin', { grantId }, teller.customerAdmin);
};
export const accessWiderThanGrant: Chapter = (teller) => {
  const { tell, id, staff } = teller;
  const { grantId } = activate(teller, { roles: [globalReader] });
  const assignment = { grantId, assignmentId: id(), groupId: id(), roles: [userAdministrator] };
  tell('AssignAccess', assignment, staff.admin, 'RoleNotGranted');
};
