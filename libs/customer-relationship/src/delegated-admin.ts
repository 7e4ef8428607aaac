import type { Frozen, MessageOf, Rejection } from '#event-sourcing';
import {
  current,
  customerSignature,
  effectiveFault,
  effectiveTime,
  known,
  refuseFaults,
  requireActive,
  requireCustomerGlobalAdmin,
  requireDue,
  requireNew,
  type RelayedSignature,
} from './admission.js';
import { addDays, type Instant } from './calendar.js';
import type { CommandTable } from './command.js';
import type { Steps } from './context.js';
import type { RelationshipEvents } from './events.js';
import { isSameId } from './parties.js';
import type { Policy } from './policy.js';
import { reject } from './rejections.js';
import { byUserOrApp, clock, customerDecision } from './rights.js';
import type { CustomerRelationship, Grant, GranularGrant, GrantStatus } from './state.js';
import { endOfGrant, grantAt, isOpenGrant } from './statuses.js';

export interface DelegatedAdminCommands {
  /** Delegated admin privileges (DAP) that exist since before October 2023; one per customer. */
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
  };
  /** Sends the request to the customer; it can no longer be edited. */
  LockDelegatedAdminForApproval: { readonly grantId: string };
  /** Approves the request: the grant is active from now on. */
  ApproveDelegatedAdmin: { readonly grantId: string; readonly approvedBy?: RelayedSignature };
  /** Extends an active grant that was requested with auto-extension. */
  ExtendDelegatedAdmin: { readonly grantId: string };
  /** Ends a grant. */
  TerminateDelegatedAdmin: { readonly grantId: string };
  /** Records that a grant is past its end, or that nobody has approved it in time; not before its time. */
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

type PrivilegesGranted = MessageOf<RelationshipEvents, 'DelegatedAdminPrivilegesGranted'>;
type PrivilegesRevoked = MessageOf<RelationshipEvents, 'DelegatedAdminPrivilegesRevoked'>;

const right = byUserOrApp('AdminAgent');
const rightToAccess = byUserOrApp('GlobalAdmin', 'AdminAgent');

export const delegatedAdminCommands = {
  /** Rules G10, R23: what was granted while DAP was offered may still be entered; the customer has one at most. */
  RecordLegacyDelegatedAdmin: {
    right,
    rules: ['R20', 'R23', 'G10', 'D1'],
    emits: ['DelegatedAdminPrivilegesGranted'],
    decide(state, { grantId, effectiveAt }, { now, policy }) {
      requireActive(state);
      const grantedAt = effectiveTime(effectiveAt, now);
      requireNew(state.grants, 'grant', grantId);
      const { dapOfferedUntil } = policy.delegatedAdmin;
      if (grantedAt >= dapOfferedUntil) throw reject('DapNoLongerOffered', { offeredUntil: dapOfferedUntil });
      // What was granted before the removal has been revoked with it.
      if (state.removedAt !== undefined && grantedAt <= state.removedAt)
        throw reject('DapNoLongerOffered', { offeredUntil: dapOfferedUntil, removedAt: state.removedAt });
      const existing = openGrants(state, now).find(([, { kind }]) => kind === 'dap');
      if (existing) throw reject('NothingToChange', { grantId: existing[0] });
      requireRoomForGrant(state, now, policy);
      refuseFaults(effectiveFault('effectiveAt', effectiveAt, now), grantIdFault(state, grantId));

      return [{ type: 'DelegatedAdminPrivilegesGranted', data: { grantId, grantedAt } }];
    },
  },

  RequestDelegatedAdmin: {
    right,
    rules: ['R20', 'G1', 'G2', 'G3', 'G5', 'G6', 'D1'],
    emits: ['DelegatedAdminRequested'],
    decide(state, { grantId, name, autoExtendDays = 0, ...data }, { now, policy, grantNameTaken }) {
      requireActive(state);
      const requestedAt = effectiveTime(data.effectiveAt, now);
      const terms = { name, roles: distinct(data.roles), durationDays: data.durationDays, autoExtendDays };
      requireNew(state.grants, 'grant', grantId);
      requireRoomForGrant(state, now, policy);
      if (grantNameTaken) throw reject('NameNotUnique', { name });
      refuseFaults(
        grantIdFault(state, grantId),
        ...faultsOfTerms(terms, terms, policy),
        effectiveFault('effectiveAt', data.effectiveAt, now),
      );

      const expiresAt = addDays(requestedAt, policy.delegatedAdmin.requestDays);
      return [{ type: 'DelegatedAdminRequested', data: { grantId, ...terms, requestedAt, expiresAt } }];
    },
  },

  /** Rule G4: all of it before it is locked, hardly anything once it is active. */
  UpdateDelegatedAdminRequest: {
    right,
    rules: ['R20', 'G1', 'G2', 'G3', 'G4', 'G5', 'G6'],
    emits: ['DelegatedAdminUpdated'],
    decide(state, { grantId, roles, ...data }, { now, policy, grantNameTaken }) {
      const wanted = { ...data, ...(roles === undefined ? {} : { roles: distinct(roles) }) };
      const grant = current(state, state.grants, 'grant', grantId);
      requireUnlapsed(grant, now);
      const { status } = grantAt(grant, now);
      if (grant.kind === 'dap' || (status !== 'created' && status !== 'active'))
        throw reject('GrantLocked', { grantId, status, editable: [] });
      const changes = changedTerms(grant, wanted);
      if (status === 'active' && !leavesActiveGrantStanding(grant, changes, policy))
        throw reject('GrantLocked', { grantId, status, editable: editableWhileActive(grant, policy) });
      if (Object.keys(changes).length === 0) throw reject('NothingToChange', { grantId });
      if (changes.name !== undefined && grantNameTaken) throw reject('NameNotUnique', { name: changes.name });
      refuseFaults(...faultsOfTerms(wanted, { ...grant, ...changes }, policy));

      return [{ type: 'DelegatedAdminUpdated', data: { grantId, ...changes, updatedAt: now } }];
    },
  },

  LockDelegatedAdminForApproval: {
    right,
    rules: ['R20', 'G4', 'G5'],
    emits: ['DelegatedAdminLockedForApproval'],
    decide(state, { grantId }, { now }) {
      const grant = current(state, state.grants, 'grant', grantId);
      requireUnlapsed(grant, now);
      requireStatus(grantId, grantAt(grant, now).status, 'created', 'approvalPending');
      return [{ type: 'DelegatedAdminLockedForApproval', data: { grantId, lockedAt: now } }];
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
      requireUnlapsed(grant, now);
      const { status } = grantAt(grant, now);
      if (grant.kind === 'dap') throw invalidTransition(grantId, status, 'active');
      requireStatus(grantId, status, 'approvalPending', 'active');
      return [
        { type: 'DelegatedAdminApproved', data: { grantId, approvedBy: signature, approvedAt: now } },
        {
          type: 'DelegatedAdminActivated',
          data: { grantId, activatedAt: now, endsAt: addDays(now, grant.durationDays) },
        },
      ];
    },
  },

  /** Rule G6: what auto-extend brings about, before the end. */
  ExtendDelegatedAdmin: {
    right,
    rules: ['R20', 'G6'],
    emits: ['DelegatedAdminExtended'],
    decide(state, { grantId }, { now }) {
      const { autoExtendDays, endsAt } = activeGrant(grantId, current(state, state.grants, 'grant', grantId), now);
      if (autoExtendDays === 0) throw reject('AutoExtendOff', { grantId });
      return [
        { type: 'DelegatedAdminExtended', data: { grantId, endsAt: addDays(endsAt, autoExtendDays), extendedAt: now } },
      ];
    },
  },

  /** Rules G7, G9, G11: the partner ends what is active, the customer's Global admin whatever has not ended. */
  TerminateDelegatedAdmin: {
    // A Helpdesk agent ends legacy privileges only: the decision asks, as it knows the grant (rules G7, G11).
    right: { ...byUserOrApp('AdminAgent', 'HelpdeskAgent'), customer: true },
    rules: ['R20', 'G7', 'G9', 'G11'],
    emits: ['DelegatedAdminTerminationRequested', 'DelegatedAdminTerminated'],
    decide(state, { grantId }, context) {
      const { actor, now } = context;
      const requestedBy: 'partner' | 'customer' = actor.kind === 'customerUser' ? 'customer' : 'partner';
      if (requestedBy === 'customer') requireCustomerGlobalAdmin('TerminateDelegatedAdmin', context);
      const grant = current(state, state.grants, 'grant', grantId);
      // The right to the command is that to end legacy privileges, which a Helpdesk agent may; granular ones take more.
      if (requestedBy === 'partner' && grant.kind === 'gdap' && !actor.roles.includes('AdminAgent'))
        throw reject('RoleNotAllowed', {
          command: 'TerminateDelegatedAdmin',
          anyOf: ['AdminAgent'],
          grantKind: 'gdap',
        });
      const { status } = grantAt(grant, now);
      const endable = requestedBy === 'customer' ? isOpenGrant(status) : status === activeStatus[grant.kind];
      if (!endable) throw invalidTransition(grantId, status, 'terminated');

      return [
        ...(status === 'active'
          ? [{ type: 'DelegatedAdminTerminationRequested' as const, data: { grantId, requestedBy, requestedAt: now } }]
          : []),
        { type: 'DelegatedAdminTerminated', data: { grantId, terminatedAt: now } },
      ];
    },
  },

  /** Reports that nobody approved a request in time (rule G5), or that an active grant is past its end. */
  ExpireDelegatedAdmin: {
    right: clock,
    rules: ['R20', 'G5', 'G9'],
    emits: ['DelegatedAdminExpired'],
    decide(state, { grantId }, { now }) {
      const grant = known(state, state.grants, 'grant', grantId);
      const expiredAt = endOfGrant(grant);
      if (expiredAt === undefined) throw invalidTransition(grantId, grant.status, 'expired');
      requireDue(expiredAt, now);
      return [{ type: 'DelegatedAdminExpired', data: { grantId, expiredAt } }];
    },
  },

  AssignAccess: {
    right: rightToAccess,
    rules: ['R20', 'G3', 'G8', 'G8a', 'G8b'],
    emits: ['AccessAssignmentCreated', 'AccessAssignmentUpdated'],
    decide(state, { grantId, assignmentId, groupId, ...data }, { now }) {
      requireActive(state);
      const roles = distinct(data.roles);
      const grant = activeGrant(grantId, current(state, state.grants, 'grant', grantId), now);
      const foreign = roles.filter((role) => !grant.roles.includes(role));
      const fault =
        roles.length === 0
          ? reject('RolesMissing', { grantId })
          : foreign.length > 0
            ? reject('RoleNotGranted', { grantId, roles: foreign })
            : undefined;

      const existing = grant.accessAssignments.get(assignmentId);
      if (!existing) {
        const ofGroup = assignmentOfGroup(grant, groupId);
        if (ofGroup !== undefined) throw reject('GroupAlreadyAssigned', { grantId, groupId, assignmentId: ofGroup });
        refuseFaults(fault);
        return [{ type: 'AccessAssignmentCreated', data: { grantId, assignmentId, groupId, roles, createdAt: now } }];
      }
      if (existing.status === 'deleted' || !isSameId(existing.groupId, groupId))
        throw reject('ItemAlreadyExists', { kind: 'accessAssignment', itemId: assignmentId });
      if (isSameSet(existing.roles, roles)) throw reject('NothingToChange', { grantId, assignmentId });
      refuseFaults(fault);
      return [{ type: 'AccessAssignmentUpdated', data: { grantId, assignmentId, roles, updatedAt: now } }];
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
      activeGrant(grantId, grant, now);
      return [{ type: 'AccessAssignmentDeleted', data: { grantId, assignmentId, deletedAt: now } }];
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
  DelegatedAdminExtended(state, { grantId, endsAt }) {
    const grant = granular(state, grantId);
    if (grant) grant.endsAt = endsAt;
  },
  DelegatedAdminTerminationRequested() {
    // Says who wanted it; the termination stands in the same append.
  },
  DelegatedAdminTerminated(state, { grantId }) {
    const grant = state.grants.get(grantId);
    if (grant) grant.status = 'terminated';
  },
  DelegatedAdminExpired(state, { grantId }) {
    const grant = granular(state, grantId);
    if (grant) grant.status = 'expired';
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

/** The DAP grant that a request with delegated admin brings along, as long as DAP was offered (rule G10). */
export function grantOfferedWithRelationship(relationshipTerm: number, now: Instant): readonly [PrivilegesGranted] {
  return [{ type: 'DelegatedAdminPrivilegesGranted', data: { grantId: `dap-${relationshipTerm}`, grantedAt: now } }];
}

/**
 * What a removal means for the grants (rule R18): every one of the current term that is open then is revoked, by grant
 * id. What time has ended gives nothing any more and stays expired, whether or not the clock's command has come.
 */
export function revokeGrants(state: Frozen<CustomerRelationship>, now: Instant): readonly PrivilegesRevoked[] {
  return openGrants(state, now)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([grantId, { kind }]) => ({
      type: 'DelegatedAdminPrivilegesRevoked',
      data: { grantId, grantKind: kind, revokedAt: now },
    }));
}

const activeStatus = { dap: 'approved', gdap: 'active' } as const satisfies Record<Grant['kind'], GrantStatus>;

/** The grants of the current term that neither an event nor time has ended. */
function openGrants(
  { grants, relationshipTerm }: Frozen<CustomerRelationship>,
  now: Instant,
): [string, Frozen<Grant>][] {
  return [...grants].filter(
    ([, grant]) => grant.relationshipTerm === relationshipTerm && isOpenGrant(grantAt(grant, now).status),
  );
}

/** Refuses a request that nobody approved in time, whether or not the clock's command has come (rule G5). */
function requireUnlapsed(grant: Frozen<Grant>, now: Instant): void {
  if (grant.kind === 'gdap' && grant.endsAt === undefined && grantAt(grant, now).status === 'expired')
    throw reject('RequestExpired', { expiredAt: grant.requestExpiresAt });
}

/** A GDAP grant that gives something now (rule G8). */
function activeGrant(grantId: string, grant: Frozen<Grant>, now: Instant): Frozen<GranularGrant> & { endsAt: Instant } {
  const { status } = grantAt(grant, now);
  if (grant.kind === 'dap' || status !== 'active' || grant.endsAt === undefined)
    throw reject('GrantNotActive', { grantId, status });
  return { ...grant, endsAt: grant.endsAt };
}

function requireStatus(grantId: string, from: GrantStatus, required: GrantStatus, to: GrantStatus): void {
  if (from !== required) throw invalidTransition(grantId, from, to);
}

function invalidTransition(grantId: string, from: GrantStatus, to: GrantStatus) {
  return reject('InvalidTransition', { itemId: grantId, from, to });
}

/** No grant has an id that a later term would give to the DAP grant it comes with. */
function grantIdFault(state: Frozen<CustomerRelationship>, grantId: string): Rejection | undefined {
  const laterTerm = Number(/^dap-([1-9]\d*)$/.exec(grantId)?.[1] ?? 0);
  if (laterTerm <= state.relationshipTerm) return undefined;
  return reject('InvalidItem', { field: 'grantId', rule: 'reservedForLaterTerm' });
}

function requireRoomForGrant(state: Frozen<CustomerRelationship>, now: Instant, { limits }: Policy): void {
  if (openGrants(state, now).length >= limits.grants)
    throw reject('LimitReached', { what: 'grants', limit: limits.grants });
}

/** What a GDAP request asks for. */
type GrantTerms = Pick<GranularGrant, 'name' | 'roles' | 'durationDays' | 'autoExtendDays'>;

/**
 * All that is wrong with what a grant is to be (rules G1–G3, G6): with the fields named, and with the grant as it would be,
 * because auto-extend and the Global Administrator role exclude each other.
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
  return {
    ...(name !== undefined && name !== grant.name ? { name } : {}),
    ...(roles !== undefined && !isSameSet(roles, grant.roles) ? { roles } : {}),
    ...(durationDays !== undefined && durationDays !== grant.durationDays ? { durationDays } : {}),
    ...(autoExtendDays !== undefined && autoExtendDays !== grant.autoExtendDays ? { autoExtendDays } : {}),
  };
}

/** An active grant takes another auto-extend, and loses the Global Administrator role but no other (rule G4). */
function leavesActiveGrantStanding(
  grant: Frozen<GranularGrant>,
  { name, roles, durationDays }: Partial<GrantTerms>,
  { delegatedAdmin }: Policy,
): boolean {
  if (name !== undefined || durationDays !== undefined) return false;
  const withoutGlobalAdministrator = grant.roles.filter((role) => role !== delegatedAdmin.globalAdministratorRole);
  return roles === undefined || isSameSet(roles, withoutGlobalAdministrator);
}

/** Each role once; ids are GUIDs, so upper and lower case are the same role (rule G6 must not hang on spelling). */
function distinct(roles: readonly string[]): readonly string[] {
  return [...new Set(roles.map((role) => role.toLowerCase()))];
}

/** Both without duplicates. */
function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((role) => other.includes(role));
}

/** The assignment that gives a security group its roles of a grant (rule G8a). */
function assignmentOfGroup({ accessAssignments }: Frozen<GranularGrant>, groupId: string): string | undefined {
  const taken = [...accessAssignments].find(([, each]) => each.status === 'active' && isSameId(each.groupId, groupId));
  return taken?.[0];
}

function granular(state: CustomerRelationship, grantId: string): GranularGrant | undefined {
  const grant = state.grants.get(grantId);
  return grant?.kind === 'gdap' ? grant : undefined;
}
