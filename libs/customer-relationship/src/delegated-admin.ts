import type { Frozen, Rejection } from '#event-sourcing';
import {
  current,
  customerSignature,
  effectiveFault,
  effectiveTime,
  refuseFaults,
  requireActive,
  requireCustomerGlobalAdmin,
  requireNew,
  type RelayedSignature,
} from './admission.js';
import { addDays, type Instant } from './calendar.js';
import type { CommandTable } from './command.js';
import type { Steps } from './context.js';
import { event, present, type EventOf } from './event.js';
import { isSameId } from './parties.js';
import type { Policy } from './policy.js';
import { reject } from './rejections.js';
import { byUserOrApp, customerDecision } from './rights.js';
import { rulesOfLateFacts } from './rules.js';
import { passingTime, type ItemRef } from './settling.js';
import { inCurrentTerm, type CustomerRelationship, type Grant, type GranularGrant, type GrantStatus } from './state.js';
import { isOpenGrant } from './statuses.js';

export interface DelegatedAdminCommands {
  /** Records delegated admin privileges (DAP) granted before October 2023; one per customer. */
  RecordLegacyDelegatedAdmin: { readonly grantId: string; readonly effectiveAt: Instant };
  /** Draws up a request for granular delegated admin privileges (GDAP). */
  RequestDelegatedAdmin: {
    readonly grantId: string;
    /** Unique over all the partner's grants (rule G2). */
    readonly name: string;
    /** Role definition ids (GUIDs). */
    readonly roles: readonly string[];
    readonly durationDays: number;
    readonly autoExtendDays?: number;
    readonly effectiveAt?: Instant;
  };
  /** Changes a request that has not been sent, or the auto-extension of an active grant; what is not named stays. */
  UpdateDelegatedAdminRequest: {
    readonly grantId: string;
    readonly name?: string;
    readonly roles?: readonly string[];
    readonly durationDays?: number;
    readonly autoExtendDays?: number;
    /** When auto-extension was switched; only with `autoExtendDays`. */
    readonly effectiveAt?: Instant;
  };
  /** Sends the request to the customer; it can no longer be edited. */
  LockDelegatedAdminForApproval: { readonly grantId: string };
  /** Deletes the draft of a request that has not been sent; its name is free again. */
  DeleteDelegatedAdminRequest: { readonly grantId: string };
  /** Withdraws a request that waits for the customer; its name is free again. */
  WithdrawDelegatedAdminRequest: { readonly grantId: string };
  /** Approves the request: the grant is active from now on. */
  ApproveDelegatedAdmin: { readonly grantId: string; readonly approvedBy?: RelayedSignature };
  /** Records what time has brought about for a grant, such as an auto-extension; not before it is due. */
  ExtendDelegatedAdmin: { readonly grantId: string };
  /** Ends a grant. */
  TerminateDelegatedAdmin: { readonly grantId: string };
  /** Records what time has brought about for a grant, such as its end; not before it is due. */
  ExpireDelegatedAdmin: { readonly grantId: string };
  /** Creates the assignment, or gives an existing one other roles. */
  AssignAccess: {
    readonly grantId: string;
    readonly assignmentId: string;
    /** Security group (GUID). */
    readonly groupId: string;
    readonly roles: readonly string[];
  };
  /** Takes the roles of a grant from a security group. */
  RemoveAccess: { readonly grantId: string; readonly assignmentId: string };
}

const right = byUserOrApp('AdminAgent');
const rightToAccess = byUserOrApp('GlobalAdmin', 'AdminAgent');

/** Each of the clock's commands records all that time has brought about. */
const ofGrant = { ...passingTime, emits: ['DelegatedAdminExtended', 'DelegatedAdminExpired'] } as const;

export const delegatedAdminCommands = {
  /** Rules G10, R23: DAP granted while it was offered can still be recorded; a customer has one at most. */
  RecordLegacyDelegatedAdmin: {
    right,
    rules: ['R20', 'R23', 'G10', 'D1'],
    emits: ['DelegatedAdminPrivilegesGranted'],
    settles: (_, state, policy) => openWhereFull(state, policy),
    decide(state, { grantId, effectiveAt }, { now, policy }) {
      requireActive(state);
      const grantedAt = effectiveTime(effectiveAt, now);
      requireNew(state.grants, 'grant', grantId);
      const { dapOfferedUntil } = policy.delegatedAdmin;
      if (grantedAt >= dapOfferedUntil) throw reject('DapNoLongerOffered', { offeredUntil: dapOfferedUntil });
      // A removal has revoked what was granted before it.
      if (state.removedAt !== undefined && grantedAt <= state.removedAt)
        throw reject('DapNoLongerOffered', { offeredUntil: dapOfferedUntil, removedAt: state.removedAt });
      const existing = openGrants(state).find(([, { kind }]) => kind === 'dap');
      if (existing) throw reject('NothingToChange', { grantId: existing[0] });
      requireRoomForGrant(state, policy);
      refuseFaults(effectiveFault('effectiveAt', effectiveAt, now), grantIdFault(state, grantId));

      return [event('DelegatedAdminPrivilegesGranted', { grantId, grantedAt })];
    },
  },

  RequestDelegatedAdmin: {
    right,
    rules: ['R20', 'G1', 'G2', 'G3', 'G5', 'G6', 'D1'],
    emits: ['DelegatedAdminRequested'],
    settles: (_, state, policy) => openWhereFull(state, policy),
    decide(state, { grantId, name, autoExtendDays = 0, ...data }, { now, policy, grantNameTaken }) {
      requireActive(state);
      const requestedAt = effectiveTime(data.effectiveAt, now);
      const terms = { name, roles: distinct(data.roles), durationDays: data.durationDays, autoExtendDays };
      requireNew(state.grants, 'grant', grantId);
      requireRoomForGrant(state, policy);
      if (grantNameTaken) throw reject('NameNotUnique', { name });
      refuseFaults(
        grantIdFault(state, grantId),
        ...faultsOfTerms(terms, terms, policy),
        effectiveFault('effectiveAt', data.effectiveAt, now),
      );

      const expiresAt = addDays(requestedAt, policy.delegatedAdmin.requestDays);
      return [event('DelegatedAdminRequested', { grantId, ...terms, requestedAt, expiresAt })];
    },
  },

  /** Rule G4: everything can change before it is locked, and almost nothing once it is active. */
  UpdateDelegatedAdminRequest: {
    right,
    late: true,
    rules: ['R20', 'G1', 'G2', 'G3', 'G4', 'G5', 'G6', 'G6a', ...rulesOfLateFacts],
    emits: ['DelegatedAdminUpdated'],
    decide(state, { grantId, roles, effectiveAt, ...data }, { now, policy, grantNameTaken }) {
      const wanted = { ...data, ...present({ roles: roles && distinct(roles) }) };
      const grant = current(state, state.grants, 'grant', grantId);
      requireUnlapsed(grant);
      const { status } = grant;
      if (grant.kind === 'dap' || (status !== 'created' && status !== 'active'))
        throw reject('GrantLocked', { grantId, status, editable: [] });
      const changes = changedTerms(grant, wanted);
      if (status === 'active' && !leavesActiveGrantStanding(grant, changes, policy))
        throw reject('GrantLocked', { grantId, status, editable: editableWhileActive(grant, policy) });
      if (Object.keys(changes).length === 0) throw reject('NothingToChange', { grantId });
      if (changes.name !== undefined && grantNameTaken) throw reject('NameNotUnique', { name: changes.name });
      refuseFaults(
        ...faultsOfTerms(wanted, { ...grant, ...changes }, policy),
        // Nothing else of a grant changes outside this ledger.
        effectiveAt !== undefined && data.autoExtendDays === undefined
          ? reject('InvalidItem', { field: 'effectiveAt', rule: 'withAutoExtendDays' })
          : undefined,
      );

      return [event('DelegatedAdminUpdated', { grantId, ...changes, updatedAt: now })];
    },
  },

  LockDelegatedAdminForApproval: {
    right,
    rules: ['R20', 'G4', 'G5'],
    emits: ['DelegatedAdminLockedForApproval'],
    decide(state, { grantId }, { now }) {
      const grant = current(state, state.grants, 'grant', grantId);
      requireUnlapsed(grant);
      requireStatus(grantId, grant.status, 'created', 'approvalPending');
      return [event('DelegatedAdminLockedForApproval', { grantId, lockedAt: now })];
    },
  },

  /** Rules G4, G4a: nobody at the customer has seen it. */
  DeleteDelegatedAdminRequest: {
    right,
    rules: ['R20', 'G2', 'G4', 'G4a', 'G5'],
    emits: ['DelegatedAdminDeleted'],
    decide(state, { grantId }, { now }) {
      requireRequest(state, grantId, 'created', 'deleted');
      return [event('DelegatedAdminDeleted', { grantId, deletedAt: now })];
    },
  },

  WithdrawDelegatedAdminRequest: {
    right,
    rules: ['R20', 'G2', 'G4', 'G4a', 'G5'],
    emits: ['DelegatedAdminWithdrawn'],
    decide(state, { grantId }, { now }) {
      requireRequest(state, grantId, 'approvalPending', 'withdrawn');
      return [event('DelegatedAdminWithdrawn', { grantId, withdrawnAt: now })];
    },
  },

  /** Rule G5. The grant is active at once and ends after its duration. */
  ApproveDelegatedAdmin: {
    right: customerDecision,
    rules: ['R20', 'R25', 'G5'],
    emits: ['DelegatedAdminApproved'],
    brings: ['DelegatedAdminActivated'],
    decide(state, { grantId, approvedBy }, context) {
      const signature = customerSignature(approvedBy, context);
      const { now } = context;
      const grant = current(state, state.grants, 'grant', grantId);
      requireUnlapsed(grant);
      const { status } = grant;
      if (grant.kind === 'dap') throw invalidTransition(grantId, status, 'active');
      requireStatus(grantId, status, 'approvalPending', 'active');
      return [
        event('DelegatedAdminApproved', { grantId, approvedBy: signature, approvedAt: now }),
        event('DelegatedAdminActivated', { grantId, activatedAt: now, endsAt: addDays(now, grant.durationDays) }),
      ];
    },
  },

  ExtendDelegatedAdmin: { ...ofGrant, rules: ['R20', 'G6', 'G6a'] },

  /** Rules G7, G9, G11: the partner can end an active grant, the customer's Global admin any that has not ended. */
  TerminateDelegatedAdmin: {
    // A Helpdesk agent can end DAP only. The decision checks that, as it knows the grant (rules G7, G11).
    right: { ...byUserOrApp('AdminAgent', 'HelpdeskAgent'), customer: true },
    rules: ['R20', 'G7', 'G9', 'G11'],
    emits: ['DelegatedAdminTerminationRequested', 'DelegatedAdminTerminated'],
    decide(state, { grantId }, context) {
      const { actor, now } = context;
      const requestedBy: 'partner' | 'customer' = actor.kind === 'customerUser' ? 'customer' : 'partner';
      if (requestedBy === 'customer') requireCustomerGlobalAdmin('TerminateDelegatedAdmin', context);
      const grant = current(state, state.grants, 'grant', grantId);
      if (requestedBy === 'partner' && grant.kind === 'gdap' && !actor.roles.includes('AdminAgent'))
        throw reject('RoleNotAllowed', {
          command: 'TerminateDelegatedAdmin',
          anyOf: ['AdminAgent'],
          grantKind: 'gdap',
        });
      const { status } = grant;
      const endable = requestedBy === 'customer' ? isOpenGrant(status) : status === activeStatus[grant.kind];
      if (!endable) throw invalidTransition(grantId, status, 'terminated');

      return [
        ...(status === 'active'
          ? [event('DelegatedAdminTerminationRequested', { grantId, requestedBy, requestedAt: now })]
          : []),
        event('DelegatedAdminTerminated', { grantId, terminatedAt: now }),
      ];
    },
  },

  /** Rule G5: a request lapses; an active grant ends after its duration, unless it is extended (rule G6a). */
  ExpireDelegatedAdmin: { ...ofGrant, rules: ['R20', 'G5', 'G6a', 'G9'] },

  AssignAccess: {
    right: rightToAccess,
    rules: ['R20', 'G3', 'G8', 'G8a', 'G8b'],
    emits: ['AccessAssignmentCreated', 'AccessAssignmentUpdated'],
    decide(state, { grantId, assignmentId, groupId, ...data }, { now }) {
      requireActive(state);
      const roles = distinct(data.roles);
      const grant = activeGrant(grantId, current(state, state.grants, 'grant', grantId));
      const foreign = roles.filter((role) => !grant.roles.includes(role));
      const missing = roles.length === 0 ? reject('RolesMissing', { grantId }) : undefined;
      const fault = foreign.length > 0 ? reject('RoleNotGranted', { grantId, roles: foreign }) : missing;

      const existing = grant.accessAssignments.get(assignmentId);
      if (!existing) {
        const ofGroup = assignmentOfGroup(grant, groupId);
        if (ofGroup !== undefined) throw reject('GroupAlreadyAssigned', { grantId, groupId, assignmentId: ofGroup });
        refuseFaults(fault);
        return [event('AccessAssignmentCreated', { grantId, assignmentId, groupId, roles, createdAt: now })];
      }
      if (existing.status === 'deleted' || !isSameId(existing.groupId, groupId))
        throw reject('ItemAlreadyExists', { kind: 'accessAssignment', itemId: assignmentId });
      if (isSameSet(existing.roles, roles)) throw reject('NothingToChange', { grantId, assignmentId });
      refuseFaults(fault);
      return [event('AccessAssignmentUpdated', { grantId, assignmentId, roles, updatedAt: now })];
    },
  },

  RemoveAccess: {
    right: rightToAccess,
    rules: ['R20', 'G8', 'G8b'],
    emits: ['AccessAssignmentDeleted'],
    decide(state, { grantId, assignmentId }, { now }) {
      const grant = current(state, state.grants, 'grant', grantId);
      const assignment = grant.kind === 'gdap' ? grant.accessAssignments.get(assignmentId) : undefined;
      if (!assignment) throw reject('ItemNotFound', { kind: 'accessAssignment', itemId: assignmentId });
      // It can still be read, so it is not unknown.
      if (assignment.status === 'deleted')
        throw reject('InvalidTransition', { itemId: assignmentId, from: 'deleted', to: 'deleted' });
      activeGrant(grantId, grant);
      return [event('AccessAssignmentDeleted', { grantId, assignmentId, deletedAt: now })];
    },
  },
} satisfies CommandTable<DelegatedAdminCommands>;

export const delegatedAdminSteps = {
  DelegatedAdminPrivilegesGranted(state, { grantId }) {
    state.grants.set(grantId, { kind: 'dap', relationshipTerm: state.relationshipTerm, status: 'approved' });
  },
  DelegatedAdminRequested(state, { grantId, name, roles, durationDays, autoExtendDays, expiresAt }) {
    state.grants.set(grantId, {
      kind: 'gdap',
      relationshipTerm: state.relationshipTerm,
      name,
      roles,
      durationDays,
      autoExtendDays,
      status: 'created',
      requestExpiresAt: expiresAt,
      accessAssignments: new Map(),
    });
  },
  DelegatedAdminUpdated(state, { grantId, name, roles, durationDays, autoExtendDays }) {
    const grant = granular(state, grantId);
    if (!grant) return;
    if (name !== undefined) grant.name = name;
    if (durationDays !== undefined) grant.durationDays = durationDays;
    if (autoExtendDays !== undefined) grant.autoExtendDays = autoExtendDays;
    if (roles === undefined) return;
    grant.roles = roles;
    // A group keeps no role that its grant has lost.
    for (const assignment of grant.accessAssignments.values())
      assignment.roles = assignment.roles.filter((role) => roles.includes(role));
  },
  DelegatedAdminLockedForApproval(state, { grantId }) {
    const grant = granular(state, grantId);
    if (grant) grant.status = 'approvalPending';
  },
  DelegatedAdminDeleted(state, { grantId }) {
    const grant = granular(state, grantId);
    if (grant) grant.status = 'deleted';
  },
  DelegatedAdminWithdrawn(state, { grantId }) {
    const grant = granular(state, grantId);
    if (grant) grant.status = 'withdrawn';
  },
  DelegatedAdminApproved(state, { grantId }) {
    const grant = granular(state, grantId);
    if (grant) grant.status = 'approved';
  },
  DelegatedAdminActivated(state, { grantId, endsAt }) {
    const grant = granular(state, grantId);
    if (!grant) return;
    grant.status = 'active';
    grant.endsAt = endsAt;
  },
  DelegatedAdminTerminationRequested() {
    // Records who asked for it; the termination follows in the same append.
  },
  DelegatedAdminTerminated(state, { grantId }) {
    const grant = state.grants.get(grantId);
    if (grant) grant.status = 'terminated';
  },
  DelegatedAdminPrivilegesRevoked(state, { grantId }) {
    const grant = state.grants.get(grantId);
    if (grant) grant.status = 'revoked';
  },
  AccessAssignmentCreated(state, { grantId, assignmentId, groupId, roles }) {
    granular(state, grantId)?.accessAssignments.set(assignmentId, { groupId, roles, status: 'active' });
  },
  AccessAssignmentUpdated(state, { grantId, assignmentId, roles }) {
    const assignment = granular(state, grantId)?.accessAssignments.get(assignmentId);
    if (assignment) assignment.roles = roles;
  },
  AccessAssignmentDeleted(state, { grantId, assignmentId }) {
    const assignment = granular(state, grantId)?.accessAssignments.get(assignmentId);
    if (assignment) assignment.status = 'deleted';
  },
} satisfies Steps;

/** The DAP grant of an accepted request with delegated admin, from when DAP was offered (rule G10). */
export function grantOfferedWithRelationship(
  relationshipTerm: number,
  now: Instant,
): readonly [EventOf<'DelegatedAdminPrivilegesGranted'>] {
  return [event('DelegatedAdminPrivilegesGranted', { grantId: `dap-${relationshipTerm}`, grantedAt: now })];
}

/**
 * A removal revokes every open grant of the current term (rule R18), by grant id. In a settled state, one that time has
 * ended is not among them.
 */
export function revokeGrants(
  state: Frozen<CustomerRelationship>,
  now: Instant,
): readonly EventOf<'DelegatedAdminPrivilegesRevoked'>[] {
  return openGrants(state)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([grantId, { kind }]) =>
      event('DelegatedAdminPrivilegesRevoked', { grantId, grantKind: kind, revokedAt: now }),
    );
}

const activeStatus = { dap: 'approved', gdap: 'active' } as const satisfies Record<Grant['kind'], GrantStatus>;

/** The open grants where there is no room for another: those that time has ended make it. */
function openWhereFull(state: Frozen<CustomerRelationship>, { limits }: Policy): readonly ItemRef[] {
  const open = openGrants(state);
  return open.length < limits.grants ? [] : open.map(([id]) => ({ noun: 'grant', id }));
}

/** The grants of the current term that have not ended. */
function openGrants(state: Frozen<CustomerRelationship>): [string, Frozen<Grant>][] {
  return inCurrentTerm(state, state.grants).filter(([, grant]) => isOpenGrant(grant.status));
}

/** Refuses a request that was not approved in time (rule G5). */
function requireUnlapsed(grant: Frozen<Grant>): void {
  if (grant.kind === 'gdap' && grant.endsAt === undefined && grant.status === 'expired')
    throw reject('RequestExpired', { expiredAt: grant.requestExpiresAt });
}

/** A GDAP grant that is active now (rule G8). */
function activeGrant(grantId: string, grant: Frozen<Grant>): Frozen<GranularGrant> {
  const { kind, status } = grant;
  if (kind === 'dap' || status !== 'active') throw reject('GrantNotActive', { grantId, status });
  return grant;
}

/** A request in this stage, which it leaves before the customer has approved it; `requires` tells it from an end by time. */
function requireRequest(
  state: Frozen<CustomerRelationship>,
  grantId: string,
  requires: 'created' | 'approvalPending',
  to: GrantStatus,
): void {
  const grant = current(state, state.grants, 'grant', grantId);
  requireUnlapsed(grant);
  const { status: from } = grant;
  if (from !== requires) throw reject('InvalidTransition', { itemId: grantId, from, to, requires });
}

function requireStatus(grantId: string, from: GrantStatus, required: GrantStatus, to: GrantStatus): void {
  if (from !== required) throw invalidTransition(grantId, from, to);
}

function invalidTransition(grantId: string, from: GrantStatus, to: GrantStatus) {
  return reject('InvalidTransition', { itemId: grantId, from, to });
}

/** Refuses an id that a later term will give to its DAP grant. */
function grantIdFault(state: Frozen<CustomerRelationship>, grantId: string): Rejection | undefined {
  const laterTerm = Number(/^dap-([1-9]\d*)$/.exec(grantId)?.[1] ?? 0);
  if (laterTerm <= state.relationshipTerm) return undefined;
  return reject('InvalidItem', { field: 'grantId', rule: 'reservedForLaterTerm' });
}

function requireRoomForGrant(state: Frozen<CustomerRelationship>, { limits }: Policy): void {
  if (openGrants(state).length >= limits.grants) throw reject('LimitReached', { what: 'grants', limit: limits.grants });
}

/** What a GDAP request asks for. */
type GrantTerms = Pick<GranularGrant, 'name' | 'roles' | 'durationDays' | 'autoExtendDays'>;

/**
 * All faults of a grant's terms (rules G1–G3, G6): of the fields sent, and of the grant as it would be, because
 * auto-extend and the Global Administrator role exclude each other.
 */
function faultsOfTerms(
  { name, roles, durationDays, autoExtendDays }: Partial<GrantTerms>,
  whole: Frozen<GrantTerms>,
  { delegatedAdmin }: Policy,
): Rejection[] {
  const { maxDurationDays: max, maxNameLength: maxLength, globalAdministratorRole } = delegatedAdmin;
  const faults: Rejection[] = [];
  if (name?.trim() === '') faults.push(reject('InvalidItem', { field: 'name', rule: 'notBlank' }));
  // Characters, not UTF-16 units.
  if (name !== undefined && [...name].length > maxLength) faults.push(reject('NameTooLong', { maxLength }));
  if (roles?.length === 0) faults.push(reject('RolesMissing'));
  if (durationDays !== undefined && !(Number.isInteger(durationDays) && durationDays >= 1 && durationDays <= max))
    faults.push(reject('DurationOutOfRange', { min: 1, max }));
  const allowed = [0, delegatedAdmin.autoExtendDays];
  if (autoExtendDays !== undefined && !allowed.includes(autoExtendDays))
    faults.push(reject('AutoExtendNotAllowed', { allowed, reason: 'unknownPeriod' }));
  else if (whole.autoExtendDays > 0 && whole.roles.includes(globalAdministratorRole))
    faults.push(reject('AutoExtendNotAllowed', { allowed: [0], reason: 'globalAdministratorRole' }));
  return faults;
}

function editableWhileActive({ roles }: Frozen<GranularGrant>, { delegatedAdmin }: Policy): (keyof GrantTerms)[] {
  return roles.includes(delegatedAdmin.globalAdministratorRole) ? ['roles', 'autoExtendDays'] : ['autoExtendDays'];
}

/** Only what differs; roles in another order are the same roles. */
function changedTerms(grant: Frozen<GranularGrant>, wanted: Partial<GrantTerms>): Partial<GrantTerms> {
  const { name, roles, durationDays, autoExtendDays } = wanted;
  return present({
    name: name === grant.name ? undefined : name,
    roles: roles && isSameSet(roles, grant.roles) ? undefined : roles,
    durationDays: durationDays === grant.durationDays ? undefined : durationDays,
    autoExtendDays: autoExtendDays === grant.autoExtendDays ? undefined : autoExtendDays,
  });
}

/** An active grant can change its auto-extend, and lose the Global Administrator role but no other role (rule G4). */
function leavesActiveGrantStanding(
  grant: Frozen<GranularGrant>,
  { name, roles, durationDays }: Partial<GrantTerms>,
  { delegatedAdmin }: Policy,
): boolean {
  if (name !== undefined || durationDays !== undefined) return false;
  const withoutGlobalAdministrator = grant.roles.filter((role) => role !== delegatedAdmin.globalAdministratorRole);
  return roles === undefined || isSameSet(roles, withoutGlobalAdministrator);
}

/** Each role once; ids are GUIDs, so upper and lower case are the same role (rule G6 must not depend on spelling). */
function distinct(roles: readonly string[]): readonly string[] {
  return [...new Set(roles.map((role) => role.toLowerCase()))];
}

/** Both without duplicates. */
function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((role) => other.includes(role));
}

/** The id of the group's assignment under a grant (rule G8a). */
function assignmentOfGroup({ accessAssignments }: Frozen<GranularGrant>, groupId: string): string | undefined {
  const taken = [...accessAssignments].find(([, each]) => each.status === 'active' && isSameId(each.groupId, groupId));
  return taken?.[0];
}

function granular(state: CustomerRelationship, grantId: string): GranularGrant | undefined {
  const grant = state.grants.get(grantId);
  return grant?.kind === 'gdap' ? grant : undefined;
}
