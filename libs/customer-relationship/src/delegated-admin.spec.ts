import { describe, expect, it } from '@jest/globals';
import type { MessageOf } from '#event-sourcing';
import { firstInstantAfter } from './calendar.js';
import type { RelationshipCommands } from './commands.js';
import type { RelationshipEvents } from './events.js';
import { grantOfferedWithRelationship, revokeGrants } from './delegated-admin.js';
import { settledState } from './settling.js';
import type { GranularGrant } from './state.js';
import {
  accepted,
  adminActivated,
  adminActive,
  adminApproved,
  adminLocked,
  adminRequested,
  customerUser,
  established,
  legacyAdminGranted,
  now,
  partnerApp,
  partnerUser,
  policyOf2020,
  reestablished,
  removed,
  requested,
  spec,
  openRequest,
} from './testing.js';

type CommandOf<N extends keyof RelationshipCommands> = MessageOf<RelationshipCommands, N>;
type EventOf<N extends keyof RelationshipEvents> = MessageOf<RelationshipEvents, N>;

const { given } = spec;
const globalAdministrator = policyOf2020.delegatedAdmin.globalAdministratorRole;
const customerAdmin = { actor: customerUser('CustomerGlobalAdmin') };

// A request of 1 November lapses on 30 January, its grant would end on 3 November of the year after.
const lapsesAt = '2027-01-30T12:00:00.000Z';
const justLapsed = '2027-01-30T12:00:00.001Z';
const endsAt = '2027-11-03T12:00:00.000Z';
const justEnded = '2027-11-03T12:00:00.001Z';

const request = (
  overrides: Partial<RelationshipCommands['RequestDelegatedAdmin']> = {},
): CommandOf<'RequestDelegatedAdmin'> => ({
  type: 'RequestDelegatedAdmin',
  data: { grantId: 'grant-1', name: 'Helpdesk', roles: ['role-reader'], durationDays: 90, ...overrides },
});
const requestedNow = (overrides: Partial<RelationshipEvents['DelegatedAdminRequested']> = {}) =>
  adminRequested('grant-1', {
    name: 'Helpdesk',
    roles: ['role-reader'],
    durationDays: 90,
    autoExtendDays: 0,
    requestedAt: now,
    expiresAt: '2027-02-20T12:00:00.000Z',
    ...overrides,
  });
const update = (
  changes: Partial<RelationshipCommands['UpdateDelegatedAdminRequest']>,
): CommandOf<'UpdateDelegatedAdminRequest'> => ({
  type: 'UpdateDelegatedAdminRequest',
  data: { grantId: 'grant-1', ...changes },
});
const updated = (
  changes: Omit<RelationshipEvents['DelegatedAdminUpdated'], 'grantId' | 'updatedAt'>,
): EventOf<'DelegatedAdminUpdated'> => ({
  type: 'DelegatedAdminUpdated',
  data: { grantId: 'grant-1', ...changes, updatedAt: now },
});
const record = (
  overrides: Partial<RelationshipCommands['RecordLegacyDelegatedAdmin']> = {},
): CommandOf<'RecordLegacyDelegatedAdmin'> => ({
  type: 'RecordLegacyDelegatedAdmin',
  data: { grantId: 'dap', effectiveAt: '2022-05-01T00:00:00.000Z', ...overrides },
});
const onGrant = <N extends 'Lock' | 'Approve' | 'Extend' | 'Terminate' | 'Expire'>(verb: N, grantId = 'grant-1') =>
  ({
    type: verb === 'Lock' ? 'LockDelegatedAdminForApproval' : `${verb}DelegatedAdmin`,
    data: { grantId },
  }) as MessageOf<RelationshipCommands>;
const deleteRequest: CommandOf<'DeleteDelegatedAdminRequest'> = {
  type: 'DeleteDelegatedAdminRequest',
  data: { grantId: 'grant-1' },
};
const withdrawRequest: CommandOf<'WithdrawDelegatedAdminRequest'> = {
  type: 'WithdrawDelegatedAdminRequest',
  data: { grantId: 'grant-1' },
};
const requestDeleted: EventOf<'DelegatedAdminDeleted'> = {
  type: 'DelegatedAdminDeleted',
  data: { grantId: 'grant-1', deletedAt: now },
};
const requestWithdrawn: EventOf<'DelegatedAdminWithdrawn'> = {
  type: 'DelegatedAdminWithdrawn',
  data: { grantId: 'grant-1', withdrawnAt: now },
};
const assign = (overrides: Partial<RelationshipCommands['AssignAccess']> = {}): CommandOf<'AssignAccess'> => ({
  type: 'AssignAccess',
  data: {
    grantId: 'grant-1',
    assignmentId: 'access-1',
    groupId: 'group-1',
    roles: ['role-reader'],
    ...overrides,
  },
});
const removeAccess: CommandOf<'RemoveAccess'> = {
  type: 'RemoveAccess',
  data: { grantId: 'grant-1', assignmentId: 'access-1' },
};
const terminated = (grantId = 'grant-1'): EventOf<'DelegatedAdminTerminated'> => ({
  type: 'DelegatedAdminTerminated',
  data: { grantId, terminatedAt: now },
});
const lapsed = (expiredAt = lapsesAt): EventOf<'DelegatedAdminExpired'> => ({
  type: 'DelegatedAdminExpired',
  data: { grantId: 'grant-1', expiredAt },
});
const extended = (from: string, until: string): EventOf<'DelegatedAdminExtended'> => ({
  type: 'DelegatedAdminExtended',
  data: { grantId: 'grant-1', endsAt: until, extendedAt: from },
});
const revoked = (grantId: string, grantKind: 'dap' | 'gdap'): EventOf<'DelegatedAdminPrivilegesRevoked'> => ({
  type: 'DelegatedAdminPrivilegesRevoked',
  data: { grantId, grantKind, revokedAt: now },
});
const accessCreated = (roles = ['role-reader']): EventOf<'AccessAssignmentCreated'> => ({
  type: 'AccessAssignmentCreated',
  data: { grantId: 'grant-1', assignmentId: 'access-1', groupId: 'group-1', roles, createdAt: now },
});
const accessDeleted: EventOf<'AccessAssignmentDeleted'> = {
  type: 'AccessAssignmentDeleted',
  data: { grantId: 'grant-1', assignmentId: 'access-1', deletedAt: now },
};

const waiting = [adminRequested('grant-1'), adminLocked('grant-1')];

describe('A GDAP request', () => {
  it('waits 90 days for its approval, counted from when it was made (G5)', () => {
    given(...established)
      .when(request())
      .then(requestedNow());
    given(...established)
      .when(request({ effectiveAt: '2026-11-01T12:00:00.000Z' }))
      .then(requestedNow({ requestedAt: '2026-11-01T12:00:00.000Z', expiresAt: lapsesAt }));
    given(...established)
      .when(request({ effectiveAt: '2026-11-22T12:00:00.001Z' }))
      .rejects('EffectiveInFuture', { effectiveAt: '2026-11-22T12:00:00.001Z', now });
  });

  it('is refused for all that is wrong with it at once, after its state (G1–G3, G6)', () => {
    const wrong = { name: 'x'.repeat(51), roles: [], durationDays: 0, autoExtendDays: 90 };
    given(...established)
      .when(request({ ...wrong, effectiveAt: '0001-01-01T00:00:00.000Z' }))
      .rejects('NameTooLong', {
        maxLength: 50,
        faults: [
          { code: 'NameTooLong', maxLength: 50 },
          { code: 'RolesMissing' },
          { code: 'DurationOutOfRange', min: 1, max: 730 },
          { code: 'AutoExtendNotAllowed', allowed: [0, 180], reason: 'unknownPeriod' },
          expect.objectContaining({ code: 'DateOutOfRange', field: 'effectiveAt' }),
        ],
      });
    given(...established, adminRequested('grant-1'))
      .when(request(wrong))
      .rejects('ItemAlreadyExists');
    given(...established)
      .when(request(wrong), { grantNameTaken: true })
      .rejects('NameNotUnique');
  });

  it.each([1, 730])('may last %d days (G1)', (durationDays) => {
    given(...established)
      .when(request({ durationDays }))
      .then(requestedNow({ durationDays }));
  });

  it.each([0, 731, 1.5, -1, NaN])('may not last %d days (G1)', (durationDays) => {
    given(...established)
      .when(request({ durationDays }))
      .rejects('DurationOutOfRange', { min: 1, max: 730 });
  });

  it('has a name of 50 characters at most, however many code units they take (G2)', () => {
    const fifty = '🔑'.repeat(50);
    given(...established)
      .when(request({ name: fifty }))
      .then(requestedNow({ name: fifty }));
    given(...established)
      .when(request({ name: `${fifty}x` }))
      .rejects('NameTooLong', { maxLength: 50 });
  });

  it('has a name at all (G2)', () => {
    given(...established)
      .when(request({ name: ' \t' }))
      .rejects('InvalidItem', { field: 'name' });
  });

  it('has a name that no other grant of the partner has (G2)', () => {
    given(...established)
      .when(request(), { grantNameTaken: true })
      .rejects('NameNotUnique', { name: 'Helpdesk' });
    given(...established)
      .when(request(), { grantNameTaken: false })
      .then(requestedNow());
  });

  it('asks for one role at least and names each once, in any spelling (G3)', () => {
    given(...established)
      .when(request({ roles: [] }))
      .rejects('RolesMissing');
    given(...established)
      .when(request({ roles: ['role-b', 'ROLE-A', 'role-B', 'role-a'] }))
      .then(requestedNow({ roles: ['role-b', 'role-a'] }));
  });

  it('extends itself by 180 days or not at all (G6)', () => {
    given(...established)
      .when(request({ autoExtendDays: 180 }))
      .then(requestedNow({ autoExtendDays: 180 }));
    given(...established)
      .when(request({ autoExtendDays: 0 }))
      .then(requestedNow());
    for (const autoExtendDays of [1, 179, 181, -180])
      given(...established)
        .when(request({ autoExtendDays }))
        .rejects('AutoExtendNotAllowed', { allowed: [0, 180], reason: 'unknownPeriod' });
  });

  it('does not extend itself with the Global Administrator role, in any spelling (G6)', () => {
    for (const role of [globalAdministrator, globalAdministrator.toUpperCase()])
      given(...established)
        .when(request({ roles: ['role-reader', role], autoExtendDays: 180 }))
        .rejects('AutoExtendNotAllowed', { allowed: [0], reason: 'globalAdministratorRole' });
    given(...established)
      .when(request({ roles: [globalAdministrator] }))
      .then(requestedNow({ roles: [globalAdministrator] }));
  });

  it('needs an active relationship before anything else is looked at (R20)', () => {
    given()
      .when(request({ roles: [] }))
      .rejects('RelationshipNotFound');
    given(openRequest())
      .when(request({ roles: [] }))
      .rejects('NoRelationship', { status: 'requested' });
    given(...established, removed())
      .when(request())
      .rejects('NoRelationship', { status: 'removed' });
  });

  it('never uses an id again, not even in a later term', () => {
    given(...established, adminRequested('grant-1'), lapsed())
      .when(request())
      .rejects('ItemAlreadyExists', { kind: 'grant', itemId: 'grant-1' });
    given(...established, adminRequested('grant-1'), revoked('grant-1', 'gdap'), removed(), ...reestablished)
      .when(request())
      .rejects('ItemAlreadyExists', { kind: 'grant', itemId: 'grant-1' });
  });

  it('leaves alone the ids that later terms will need for the DAP grant they come with', () => {
    given(...established)
      .when(request({ grantId: 'dap-2' }))
      .rejects('InvalidItem', { field: 'grantId' });
    given(...established)
      .when(record({ grantId: 'dap-10' }))
      .rejects('InvalidItem', { field: 'grantId' });
    for (const grantId of ['dap-1', 'dap-02', 'my-dap-2', 'dap-2x'])
      given(...established)
        .when(request({ grantId }))
        .then({ ...requestedNow(), data: { ...requestedNow().data, grantId } });
  });

  it('finds room for no more grants than one removal can revoke', () => {
    const policy = { ...policyOf2020, limits: { ...policyOf2020.limits, grants: 2 } };
    const one = [...established, legacyAdminGranted('dap')];
    given(...one)
      .when(request(), { policy })
      .then(requestedNow());
    given(...one, adminRequested('grant-2'))
      .when(request(), { policy })
      .rejects('LimitReached', { what: 'grants', limit: 2 });
    // Lapsed, it is nothing that a removal would revoke, whether or not the clock has recorded that.
    given(...one, adminRequested('grant-2'))
      .when(request(), { policy, now: justLapsed })
      .thenNames('DelegatedAdminExpired', 'DelegatedAdminRequested');
    for (const ended of [terminated('grant-2'), revoked('grant-2', 'gdap')])
      given(...one, adminRequested('grant-2'), ended)
        .when(request(), { policy })
        .then(requestedNow());
    given(...one, adminRequested('grant-2'), removed(), ...reestablished, adminRequested('grant-3'))
      .when(request(), { policy })
      .then(requestedNow());
  });

  it('is not made by the customer (R28)', () => {
    given(...established)
      .when(request(), customerAdmin)
      .rejects('ActorNotAllowed', { command: 'RequestDelegatedAdmin', hint: 'askThePartner' });
  });
});

describe('A GDAP request that is not yet locked', () => {
  const created = [...established, adminRequested('grant-1')];

  it('may be changed in every way, and says only what changes (G4)', () => {
    given(...created)
      .when(update({ name: 'Other', roles: ['role-admin', 'Role-Admin'], durationDays: 30, autoExtendDays: 180 }))
      .then(updated({ name: 'Other', roles: ['role-admin'], durationDays: 30, autoExtendDays: 180 }));
    given(...created)
      .when(update({ name: 'Name of grant-1', durationDays: 366, autoExtendDays: 0 }))
      .then(updated({ durationDays: 366 }));
  });

  it('is not changed by the terms that it already has, in any order (G4)', () => {
    given(...created)
      .when(
        update({
          name: 'Name of grant-1',
          roles: ['role-helpdesk', 'role-reader'],
          durationDays: 365,
          autoExtendDays: 0,
        }),
      )
      .rejects('NothingToChange', { grantId: 'grant-1' });
    given(...created)
      .when(update({}))
      .rejects('NothingToChange', { grantId: 'grant-1' });
  });

  it.each([
    ['a role more', ['role-reader', 'role-helpdesk', 'role-admin']],
    ['a role less', ['role-reader']],
    ['another role', ['role-reader', 'role-admin']],
  ])('may ask for %s (G4)', (_, roles) => {
    given(...created)
      .when(update({ roles }))
      .then(updated({ roles }));
  });

  it('must still be a legal request (G1, G2, G3, G6)', () => {
    given(...created)
      .when(update({ durationDays: 731 }))
      .rejects('DurationOutOfRange', { min: 1, max: 730 });
    given(...created)
      .when(update({ name: 'x'.repeat(51) }))
      .rejects('NameTooLong', { maxLength: 50 });
    given(...created)
      .when(update({ name: ' ' }))
      .rejects('InvalidItem', { field: 'name' });
    given(...created)
      .when(update({ roles: [] }))
      .rejects('RolesMissing');
    given(...created)
      .when(update({ autoExtendDays: 90 }))
      .rejects('AutoExtendNotAllowed', { allowed: [0, 180], reason: 'unknownPeriod' });
  });

  it('must be legal as a whole: auto-extend and the Global Administrator role exclude each other (G6)', () => {
    const refusal = { allowed: [0], reason: 'globalAdministratorRole' };
    given(...established, adminRequested('grant-1', { autoExtendDays: 180 }))
      .when(update({ roles: [globalAdministrator] }))
      .rejects('AutoExtendNotAllowed', refusal);
    given(...established, adminRequested('grant-1', { roles: [globalAdministrator] }))
      .when(update({ autoExtendDays: 180 }))
      .rejects('AutoExtendNotAllowed', refusal);
    given(...established, adminRequested('grant-1', { roles: [globalAdministrator] }))
      .when(update({ autoExtendDays: 180, roles: ['role-reader'] }))
      .then(updated({ autoExtendDays: 180, roles: ['role-reader'] }));
  });

  it('takes no name of another grant, but may keep its own (G2)', () => {
    given(...created)
      .when(update({ name: 'Other' }), { grantNameTaken: true })
      .rejects('NameNotUnique', { name: 'Other' });
    given(...created)
      .when(update({ durationDays: 30 }), { grantNameTaken: true })
      .then(updated({ durationDays: 30 }));
  });

  it('keeps what was changed', () => {
    const changed = updated({ name: 'Other', roles: ['role-admin'], durationDays: 30, autoExtendDays: 180 });
    expect(
      given(...created, changed)
        .state()
        .grants.get('grant-1'),
    ).toEqual({
      kind: 'gdap',
      relationshipTerm: 1,
      status: 'created',
      name: 'Other',
      roles: ['role-admin'],
      durationDays: 30,
      autoExtendDays: 180,
      requestExpiresAt: lapsesAt,
      accessAssignments: new Map(),
    });
    const unchanged = given(...created)
      .state()
      .grants.get('grant-1');
    expect(
      given(...created, updated({}))
        .state()
        .grants.get('grant-1'),
    ).toEqual(unchanged);
  });

  it('checks that the grant exists, then its state, then the data', () => {
    given(...established)
      .when(update({ roles: [] }))
      .rejects('ItemNotFound', { kind: 'grant', itemId: 'grant-1' });
    given(...established, ...waiting)
      .when(update({ roles: [] }))
      .rejects('GrantLocked', { grantId: 'grant-1' });
    given(...created)
      .when(update({ roles: [] }))
      .rejects('RolesMissing');
    given(openRequest())
      .when(update({ roles: [] }))
      .rejects('NoRelationship', { status: 'requested' });
  });

  it('is locked for approval once (G4)', () => {
    given(...created)
      .when(onGrant('Lock'))
      .then({ type: 'DelegatedAdminLockedForApproval', data: { grantId: 'grant-1', lockedAt: now } });
    given(...established, ...waiting)
      .when(onGrant('Lock'))
      .rejects('InvalidTransition', { itemId: 'grant-1', from: 'approvalPending', to: 'approvalPending' });
    given(...established, legacyAdminGranted('grant-1'))
      .when(onGrant('Lock'))
      .rejects('InvalidTransition', { itemId: 'grant-1', from: 'approved', to: 'approvalPending' });
    given(...established, ...adminActive('grant-1'))
      .when(onGrant('Lock'), { now: justEnded })
      .rejects('InvalidTransition', { itemId: 'grant-1', from: 'expired', to: 'approvalPending' });
  });

  it('is not approved before it is locked', () => {
    given(...created)
      .when(onGrant('Approve'), customerAdmin)
      .rejects('InvalidTransition', { itemId: 'grant-1', from: 'created', to: 'active' });
  });
});

describe('A grant that is locked', () => {
  const refusal = (status: string, editable: string[] = []) => ({ grantId: 'grant-1', status, editable });

  it('is not changed while it waits, not even to what it says already (G4)', () => {
    for (const changes of [{ name: 'Other' }, { autoExtendDays: 0 }])
      given(...established, ...waiting)
        .when(update(changes))
        .rejects('GrantLocked', refusal('approvalPending'));
  });

  it('is not changed once it has ended, as soon as its time is over (G4)', () => {
    const active = [...established, ...adminActive('grant-1')];
    given(...active, terminated())
      .when(update({ autoExtendDays: 180 }))
      .rejects('GrantLocked', refusal('terminated'));
    given(...active)
      .when(update({ autoExtendDays: 180 }), { now: justEnded })
      .rejects('GrantLocked', refusal('expired'));
    given(...active)
      .when(update({ autoExtendDays: 180 }), { now: endsAt })
      .thenNames('DelegatedAdminUpdated');
    given(...active, lapsed(endsAt))
      .when(update({ autoExtendDays: 180 }), { now: justEnded })
      .rejects('GrantLocked', refusal('expired'));
  });

  it('is never changed if it is DAP (G4)', () => {
    given(...established, legacyAdminGranted('grant-1'))
      .when(update({ autoExtendDays: 180 }))
      .rejects('GrantLocked', refusal('approved'));
  });

  it('takes another auto-extend while it is active (G4)', () => {
    const active = [...established, ...adminActive('grant-1')];
    given(...active)
      .when(update({ autoExtendDays: 180 }))
      .then(updated({ autoExtendDays: 180 }));
    given(...active)
      .when(update({ autoExtendDays: 0 }))
      .rejects('NothingToChange', { grantId: 'grant-1' });
    for (const changes of [{ name: 'Other' }, { durationDays: 30 }, { roles: ['role-reader'] }])
      given(...active)
        .when(update({ autoExtendDays: 180, ...changes }))
        .rejects('GrantLocked', refusal('active', ['autoExtendDays']));
  });

  it('loses the Global Administrator role while it is active, and no other (G4)', () => {
    const active = [...established, ...adminActive('grant-1', { roles: ['role-reader', globalAdministrator] })];
    given(...active)
      .when(update({ roles: ['role-reader'] }))
      .then(updated({ roles: ['role-reader'] }));
    given(...active)
      .when(update({ roles: ['role-reader'], autoExtendDays: 180 }))
      .then(updated({ roles: ['role-reader'], autoExtendDays: 180 }));
    given(...active)
      .when(update({ autoExtendDays: 180 }))
      .rejects('AutoExtendNotAllowed', { allowed: [0], reason: 'globalAdministratorRole' });
    for (const roles of [[globalAdministrator], ['role-other'], ['role-reader', 'role-other']])
      given(...active)
        .when(update({ roles }))
        .rejects('GrantLocked', refusal('active', ['roles', 'autoExtendDays']));
  });

  it('keeps one role at least (G3, G4)', () => {
    const active = [...established, ...adminActive('grant-1', { roles: [globalAdministrator] })];
    given(...active)
      .when(update({ roles: [] }))
      .rejects('RolesMissing');
  });

  it('takes the role that it loses from its access assignments (G8)', () => {
    const roles = ['role-reader', globalAdministrator];
    const state = given(
      ...established,
      ...adminActive('grant-1', { roles }),
      accessCreated(roles),
      updated({ roles: ['role-reader'] }),
    ).state();
    const { accessAssignments } = state.grants.get('grant-1') as GranularGrant;
    expect(accessAssignments.get('access-1')).toEqual({
      groupId: 'group-1',
      roles: ['role-reader'],
      status: 'active',
    });
  });
});

describe('A GDAP request that was not approved in time', () => {
  const open = [adminRequested('grant-1')];

  it.each([
    ['changed', update({ name: 'Other' }), open, ['DelegatedAdminUpdated']],
    ['locked', onGrant('Lock'), open, ['DelegatedAdminLockedForApproval']],
    ['deleted', deleteRequest, open, ['DelegatedAdminDeleted']],
    ['withdrawn', withdrawRequest, waiting, ['DelegatedAdminWithdrawn']],
    ['approved', onGrant('Approve'), waiting, ['DelegatedAdminApproved', 'DelegatedAdminActivated']],
  ] as const)('cannot be %s, however late the clock (G5)', (_, command, history, inTime) => {
    const actor = command.type === 'ApproveDelegatedAdmin' ? customerAdmin.actor : partnerUser('AdminAgent');
    given(...established, ...history)
      .when(command, { now: justLapsed, actor })
      .rejects('RequestExpired', { expiredAt: lapsesAt });
    given(...established, ...history, lapsed())
      .when(command, { now: justLapsed, actor })
      .rejects('RequestExpired', { expiredAt: lapsesAt });
    given(...established, ...history)
      .when(command, { now: lapsesAt, actor })
      .thenNames(...inTime);
  });

  it.each([
    ['created', open],
    ['waiting', waiting],
  ])('expires by the clock while it is %s, not before its time (G5)', (_, history) => {
    given(...established, ...history)
      .when(onGrant('Expire'), { now: justLapsed, actor: partnerApp('BillingAdmin') })
      .then(lapsed());
    given(...established, ...history)
      .when(onGrant('Expire'), { now: lapsesAt })
      .rejects('NotDue', { dueAt: firstInstantAfter(lapsesAt) });
  });

  it('cannot be terminated any more (G7, G11)', () => {
    given(...established, ...waiting)
      .when(onGrant('Terminate'), { ...customerAdmin, now: justLapsed })
      .rejects('InvalidTransition', { itemId: 'grant-1', from: 'expired', to: 'terminated' });
  });
});

describe('A GDAP request that the partner takes back', () => {
  const draft = [adminRequested('grant-1')];
  const ways = [
    ['deleted', deleteRequest, requestDeleted, draft],
    ['withdrawn', withdrawRequest, requestWithdrawn, waiting],
  ] as const;

  it.each(ways)('is %s in its own stage only (G4, G4a)', (to, command, ended, history) => {
    const requires = to === 'deleted' ? 'created' : 'approvalPending';
    given(established, history).when(command).then(ended);
    const others = [
      ['created', draft],
      ['approvalPending', waiting],
      ['active', adminActive('grant-1')],
      ['terminated', [...draft, terminated()]],
      ['deleted', [...draft, requestDeleted]],
      ['withdrawn', [...waiting, requestWithdrawn]],
      ['approved', [legacyAdminGranted('grant-1')]],
    ] as const;
    for (const [from, otherHistory] of others)
      if (from !== requires)
        given(established, otherHistory)
          .when(command)
          .rejects('InvalidTransition', { itemId: 'grant-1', from, to, requires });
    given(established, adminActive('grant-1'))
      .when(command, { now: justEnded })
      .rejects('InvalidTransition', { from: 'expired', to });
  });

  it.each(ways)('takes no command once it is %s, and time does not end it again (G4a)', (from, _, ended, history) => {
    const gone = [...established, ...history, ended];
    given(gone)
      .when(update({ name: 'Other' }))
      .rejects('GrantLocked', { grantId: 'grant-1', status: from, editable: [] });
    for (const verb of ['Lock', 'Approve', 'Terminate', 'Expire'] as const)
      given(gone)
        .when(onGrant(verb), {
          now: justLapsed,
          ...(verb === 'Approve' || verb === 'Terminate' ? customerAdmin : {}),
        })
        .rejects('InvalidTransition', { itemId: 'grant-1', from });
    given(gone).when(assign()).rejects('GrantNotActive', { grantId: 'grant-1', status: from });
  });

  it.each(ways)('makes room once it is %s, and a removal leaves it alone (G4a, R18)', (_, __, ended, history) => {
    const policy = { ...policyOf2020, limits: { ...policyOf2020.limits, grants: 1 } };
    const another = request({ grantId: 'grant-2' });
    given(established, history).when(another, { policy }).rejects('LimitReached', { what: 'grants', limit: 1 });
    given(established, history, ended).when(another, { policy }).thenNames('DelegatedAdminRequested');
    expect(revokeGrants(given(established, history, ended).state(), now)).toEqual([]);
  });

  it('keeps its id to itself (G4a)', () => {
    given(established, draft, requestDeleted)
      .when(request())
      .rejects('ItemAlreadyExists', { kind: 'grant', itemId: 'grant-1' });
  });

  it.each(ways)('is not the customer’s to be %s (R28)', (_, command, __, history) => {
    given(established, history).when(command, customerAdmin).rejects('ActorNotAllowed', { command: command.type });
  });
});

describe('The approval of a GDAP request', () => {
  const approval = (approvedBy: RelationshipEvents['DelegatedAdminApproved']['approvedBy']) =>
    [
      { type: 'DelegatedAdminApproved', data: { grantId: 'grant-1', approvedBy, approvedAt: now } },
      // 365 days from now.
      {
        type: 'DelegatedAdminActivated',
        data: { grantId: 'grant-1', activatedAt: now, endsAt: '2027-11-22T12:00:00.000Z' },
      },
    ] as const;
  const relayed = (globalAdmin: boolean): CommandOf<'ApproveDelegatedAdmin'> => ({
    type: 'ApproveDelegatedAdmin',
    data: { grantId: 'grant-1', approvedBy: { userId: 'chris', globalAdmin } },
  });

  it("comes from the customer's Global admin, directly or through the partner's app, and starts the grant (G1, R25)", () => {
    given(...established, ...waiting)
      .when(onGrant('Approve'), customerAdmin)
      .then(...approval({ userId: 'chris' }));
    given(...established, ...waiting)
      .when(relayed(true), { actor: partnerApp('AdminAgent') })
      .then(...approval({ userId: 'chris', relayedBy: 'sync-app' }));
  });

  it('is refused from every other sender, before the grant is looked up (R25)', () => {
    const refusal = { requires: 'CustomerGlobalAdmin' };
    given(requested()).when(onGrant('Approve'), { actor: customerUser() }).rejects('AcceptorNotGlobalAdmin', refusal);
    given(requested())
      .when(relayed(false), { actor: partnerApp('AdminAgent') })
      .rejects('AcceptorNotGlobalAdmin', refusal);
    given(requested())
      .when(onGrant('Approve'), { actor: partnerApp('AdminAgent') })
      .rejects('AcceptorNotGlobalAdmin', refusal);
    given(requested())
      .when(relayed(true), { actor: partnerUser('AdminAgent') })
      .rejects('AcceptorNotGlobalAdmin', refusal);
  });

  it('is given once', () => {
    given(...established, ...adminActive('grant-1'))
      .when(onGrant('Approve'), customerAdmin)
      .rejects('InvalidTransition', { itemId: 'grant-1', from: 'active', to: 'active' });
    given(...established, legacyAdminGranted('grant-1'))
      .when(onGrant('Approve'), customerAdmin)
      .rejects('InvalidTransition', { itemId: 'grant-1', from: 'approved', to: 'active' });
  });

  it('leads from approved to active within one append', () => {
    const between = given(...established, ...waiting, adminApproved('grant-1')).state();
    expect(between.grants.get('grant-1')).toMatchObject({ status: 'approved' });
    const after = given(...established, ...adminActive('grant-1')).state();
    expect(after.grants.get('grant-1')).toMatchObject({ status: 'active', endsAt });
  });
});

describe('An active GDAP grant', () => {
  const active = [...established, ...adminActive('grant-1')];
  const extending = [...established, ...adminActive('grant-1', { autoExtendDays: 180 })];

  const secondEnd = '2028-05-01T12:00:00.000Z';
  const thirdEnd = '2028-10-28T12:00:00.000Z';
  const duringThirdPeriod = '2028-06-01T00:00:00.000Z';

  it('is extended by 180 days at its end, and at each end after that; no call moves it earlier (G6a)', () => {
    given(...extending)
      .when(onGrant('Extend'))
      .rejects('NotDue', { dueAt: justEnded });
    given(...extending)
      .when(onGrant('Extend'), { now: endsAt })
      .rejects('NotDue', { dueAt: justEnded });
    given(...extending)
      .when(onGrant('Extend'), { now: justEnded })
      .then(extended(endsAt, secondEnd));
    given(...extending, extended(endsAt, secondEnd))
      .when(onGrant('Extend'), { now: justEnded })
      .rejects('NotDue', { dueAt: firstInstantAfter(secondEnd) });
    for (const recording of [onGrant('Extend'), onGrant('Expire')])
      given(...extending)
        .when(recording, { now: duringThirdPeriod })
        .then(extended(endsAt, secondEnd), extended(secondEnd, thirdEnd));
  });

  it('keeps an end that earlier releases moved before it came (G6a)', () => {
    const movedEarly = extended(now, secondEnd);
    given(...extending, movedEarly)
      .when(onGrant('Extend'), { now: justEnded })
      .rejects('NotDue', { dueAt: firstInstantAfter(secondEnd) });
    given(...extending, movedEarly)
      .when(onGrant('Extend'), { now: duringThirdPeriod })
      .then(extended(secondEnd, thirdEnd));
  });

  it('is extended only while auto-extend is on; it can be switched while the grant is active (G6a)', () => {
    const switched = (autoExtendDays: number, updatedAt = now) =>
      ({ type: 'DelegatedAdminUpdated', data: { grantId: 'grant-1', autoExtendDays, updatedAt } }) as const;
    const switching = (autoExtendDays: number) =>
      ({ type: 'UpdateDelegatedAdminRequest', data: { grantId: 'grant-1', autoExtendDays } }) as const;
    given(...active)
      .when(onGrant('Extend'))
      .rejects('NotDue', { dueAt: justEnded });
    given(...active)
      .when(onGrant('Extend'), { now: justEnded })
      .then(lapsed(endsAt));
    given(...extending)
      .when(switching(0))
      .then(switched(0));
    given(...extending, switched(0))
      .when(onGrant('Extend'), { now: justEnded })
      .then(lapsed(endsAt));
    given(...active, switched(180))
      .when(onGrant('Expire'), { now: justEnded })
      .then(extended(endsAt, secondEnd));
    // The first end has passed with auto-extend on, recorded or not.
    given(...extending)
      .when(switching(0), { now: justEnded })
      .then(extended(endsAt, secondEnd), switched(0, justEnded));
  });

  it('is switched as of when that happened; what followed from it comes after it (G6a, T1a)', () => {
    const late = (autoExtendDays: number, effectiveAt: string) =>
      ({ type: 'UpdateDelegatedAdminRequest', data: { grantId: 'grant-1', autoExtendDays, effectiveAt } }) as const;
    const switched = (autoExtendDays: number, updatedAt: string) =>
      ({ type: 'DelegatedAdminUpdated', data: { grantId: 'grant-1', autoExtendDays, updatedAt } }) as const;
    given(...active)
      .when(late(180, endsAt), { now: duringThirdPeriod })
      .then(switched(180, endsAt), extended(endsAt, secondEnd), extended(secondEnd, thirdEnd));
    given(...extending)
      .when(late(0, secondEnd), { now: duringThirdPeriod })
      .then(extended(endsAt, secondEnd), switched(0, secondEnd), lapsed(secondEnd));
    given(...extending, extended(endsAt, secondEnd))
      .when(late(0, now), { now: duringThirdPeriod })
      .rejects('EffectiveTooEarly', { itemId: 'grant-1', lastEvent: { type: 'DelegatedAdminExtended', at: endsAt } });
  });

  it('stays in use past its end while auto-extend is on, recorded or not (G6a, G8)', () => {
    given(...extending)
      .when(assign(), { now: justEnded })
      .thenNames('DelegatedAdminExtended', 'AccessAssignmentCreated');
    given(...extending)
      .when(onGrant('Terminate'), { now: justEnded })
      .thenNames('DelegatedAdminExtended', 'DelegatedAdminTerminationRequested', 'DelegatedAdminTerminated');
  });

  it('is revoked by a removal that comes after its recorded end (G6a, R18)', () => {
    given(...extending)
      .when({ type: 'RemoveResellerRelationship', data: {} }, { now: justEnded })
      .thenNames('ResellerRelationshipRemoved', 'DelegatedAdminPrivilegesRevoked');
  });

  it('is not extended as DAP, nor before it is active (G6a)', () => {
    for (const [history, from] of [
      [[legacyAdminGranted('grant-1')], 'approved'],
      [[...waiting, adminApproved('grant-1')], 'approved'],
      [[...adminActive('grant-1', { autoExtendDays: 180 }), terminated()], 'terminated'],
    ] as const)
      given(...established, ...history)
        .when(onGrant('Extend'), { now: justEnded })
        .rejects('InvalidTransition', { itemId: 'grant-1', from });
  });

  it('expires by the clock after its end, never before, and no earlier for having been extended', () => {
    given(...active)
      .when(onGrant('Expire'), { now: justEnded })
      .then(lapsed(endsAt));
    given(...active)
      .when(onGrant('Expire'), { now: endsAt })
      .rejects('NotDue', { dueAt: firstInstantAfter(endsAt) });
    given(...extending, extended(endsAt, secondEnd))
      .when(onGrant('Expire'), { now: justEnded })
      .rejects('NotDue', { dueAt: firstInstantAfter(secondEnd) });
  });

  it('expires by the clock even after the end of the relationship (R20)', () => {
    given(...active, removed())
      .when(onGrant('Expire'), { now: justEnded })
      .then(lapsed(endsAt));
    given(...active, removed(), ...reestablished)
      .when(onGrant('Expire'), { now: justEnded })
      .then(lapsed(endsAt));
    given().when(onGrant('Expire')).rejects('RelationshipNotFound');
    given(...established)
      .when(onGrant('Expire'))
      .rejects('ItemNotFound', { kind: 'grant', itemId: 'grant-1' });
  });

  it('expires once, and only as a GDAP grant that is open', () => {
    for (const [history, from] of [
      [[...adminActive('grant-1'), lapsed(endsAt)], 'expired'],
      [[...adminActive('grant-1'), terminated()], 'terminated'],
      [[...adminActive('grant-1'), revoked('grant-1', 'gdap')], 'revoked'],
      [[...waiting, adminApproved('grant-1')], 'approved'],
      [[legacyAdminGranted('grant-1')], 'approved'],
    ] as const)
      given(...established, ...history)
        .when(onGrant('Expire'), { now: justEnded })
        .rejects('InvalidTransition', { itemId: 'grant-1', from, to: 'expired' });
  });
});

describe('The termination of a grant', () => {
  const active = [...established, ...adminActive('grant-1')];
  const terminationRequested = (requestedBy: 'partner' | 'customer') =>
    ({
      type: 'DelegatedAdminTerminationRequested',
      data: { grantId: 'grant-1', requestedBy, requestedAt: now },
    }) as const;

  it('of an active GDAP grant comes from either side (G7, G11)', () => {
    given(...active)
      .when(onGrant('Terminate'))
      .then(terminationRequested('partner'), terminated());
    given(...active)
      .when(onGrant('Terminate'), customerAdmin)
      .then(terminationRequested('customer'), terminated());
    given(...active)
      .when(onGrant('Terminate'), { actor: partnerApp('AdminAgent') })
      .then(terminationRequested('partner'), terminated());
  });

  it('of DAP comes from either side (G10, G11)', () => {
    for (const context of [{}, customerAdmin])
      given(...established, legacyAdminGranted('grant-1'))
        .when(onGrant('Terminate'), context)
        .then(terminated());
  });

  it.each([
    ['created', [adminRequested('grant-1')]],
    ['approvalPending', waiting],
    ['approved', [...waiting, adminApproved('grant-1')]],
  ])('of one that is %s comes from the customer only (G7, G11)', (from, history) => {
    given(...established, ...history)
      .when(onGrant('Terminate'))
      .rejects('InvalidTransition', { itemId: 'grant-1', from, to: 'terminated' });
    given(...established, ...history)
      .when(onGrant('Terminate'), customerAdmin)
      .then(terminated());
  });

  it('of one that has ended is refused, as soon as its time is over (G7)', () => {
    for (const context of [{}, customerAdmin]) {
      given(...active)
        .when(onGrant('Terminate'), { ...context, now: justEnded })
        .rejects('InvalidTransition', { itemId: 'grant-1', from: 'expired', to: 'terminated' });
      given(...active)
        .when(onGrant('Terminate'), { ...context, now: endsAt })
        .thenNames('DelegatedAdminTerminationRequested', 'DelegatedAdminTerminated');
      for (const [ended, from] of [
        [terminated(), 'terminated'],
        [revoked('grant-1', 'gdap'), 'revoked'],
      ] as const)
        given(...active, ended)
          .when(onGrant('Terminate'), context)
          .rejects('InvalidTransition', { itemId: 'grant-1', from, to: 'terminated' });
    }
    given(...established, legacyAdminGranted('grant-1'), terminated())
      .when(onGrant('Terminate'))
      .rejects('InvalidTransition', { itemId: 'grant-1', from: 'terminated', to: 'terminated' });
  });

  it('is ended by a Helpdesk agent of the partner where it is legacy, by an Admin agent always (§1.8)', () => {
    for (const actor of [partnerUser('HelpdeskAgent'), partnerApp('HelpdeskAgent'), partnerUser('AdminAgent')])
      given(...established, legacyAdminGranted('grant-1'))
        .when(onGrant('Terminate'), { actor })
        .thenNames('DelegatedAdminTerminated');
    given(...established, ...adminActive('grant-1'))
      .when(onGrant('Terminate'), { actor: partnerUser('HelpdeskAgent') })
      .rejects('RoleNotAllowed', { command: 'TerminateDelegatedAdmin', anyOf: ['AdminAgent'], grantKind: 'gdap' });
    given(...established)
      .when(onGrant('Terminate'), { actor: partnerUser('HelpdeskAgent') })
      .rejects('ItemNotFound', { kind: 'grant', itemId: 'grant-1' });
  });

  it("comes, on the customer's side, from a Global admin, which is said before the grant is looked up (G11)", () => {
    given(requested())
      .when(onGrant('Terminate'), { actor: customerUser() })
      .rejects('RoleNotAllowed', { command: 'TerminateDelegatedAdmin', anyOf: ['CustomerGlobalAdmin'] });
  });

  it('leaves the relationship untouched, as the expiry does (G9)', () => {
    for (const ended of [terminated(), lapsed(endsAt)]) {
      const { status, relationshipTerm } = given(...active, ended).state();
      expect({ status, relationshipTerm }).toEqual({ status: 'active', relationshipTerm: 1 });
      given(...active, ended)
        .when(request({ grantId: 'grant-2' }))
        .thenNames('DelegatedAdminRequested');
    }
  });
});

describe('An access assignment', () => {
  it('is the only one of its security group under a grant, in any spelling (G8a)', () => {
    const assigned = [...active, accessCreated()];
    given(...assigned)
      .when(assign({ assignmentId: 'access-2', groupId: 'GROUP-1' }))
      .rejects('GroupAlreadyAssigned', { grantId: 'grant-1', groupId: 'GROUP-1', assignmentId: 'access-1' });
    given(...assigned)
      .when(assign({ assignmentId: 'access-2', groupId: 'group-2' }))
      .thenNames('AccessAssignmentCreated');
    given(...assigned, accessDeleted)
      .when(assign({ assignmentId: 'access-2' }))
      .thenNames('AccessAssignmentCreated');
    given(...assigned)
      .when(assign({ groupId: 'GROUP-1', roles: ['role-helpdesk'] }))
      .thenNames('AccessAssignmentUpdated');
  });

  const active = [...established, ...adminActive('grant-1')];

  it('gives a group some of the roles of an active grant (G8)', () => {
    given(...active)
      .when(assign())
      .then(accessCreated());
    given(...active)
      .when(assign({ roles: ['Role-Reader', 'role-reader', 'role-helpdesk'] }))
      .then(accessCreated(['role-reader', 'role-helpdesk']));
  });

  it('gives no role that the grant has not (G8)', () => {
    given(...active)
      .when(assign({ roles: ['role-x', 'role-reader', 'role-y'] }))
      .rejects('RoleNotGranted', { grantId: 'grant-1', roles: ['role-x', 'role-y'] });
  });

  it('gives a role at all (G8)', () => {
    given(...active)
      .when(assign({ roles: [] }))
      .rejects('RolesMissing', { grantId: 'grant-1' });
    given(...active, accessCreated())
      .when(assign({ roles: [] }))
      .rejects('RolesMissing', { grantId: 'grant-1' });
    given(...established, ...waiting)
      .when(assign({ roles: [] }))
      .rejects('GrantNotActive', { grantId: 'grant-1', status: 'approvalPending' });
    given(openRequest())
      .when(assign({ roles: [] }))
      .rejects('NoRelationship', { status: 'requested' });
  });

  it.each([
    ['created', [adminRequested('grant-1')]],
    ['approvalPending', waiting],
    ['terminated', [...adminActive('grant-1'), terminated()]],
    ['approved', [legacyAdminGranted('grant-1')]],
  ])('needs an active GDAP grant, not one that is %s (G8)', (status, history) => {
    given(...established, ...history)
      .when(assign())
      .rejects('GrantNotActive', { grantId: 'grant-1', status });
  });

  it('needs a grant that has not ended, even if the end is not recorded yet (G8)', () => {
    given(...active)
      .when(assign(), { now: endsAt })
      .thenNames('AccessAssignmentCreated');
    given(...active)
      .when(assign(), { now: justEnded })
      .rejects('GrantNotActive', { grantId: 'grant-1', status: 'expired' });
    given(...active, accessCreated())
      .when(removeAccess, { now: justEnded })
      .rejects('GrantNotActive', { grantId: 'grant-1', status: 'expired' });
  });

  it('takes other roles, for the same group (G8)', () => {
    const changed: EventOf<'AccessAssignmentUpdated'> = {
      type: 'AccessAssignmentUpdated',
      data: { grantId: 'grant-1', assignmentId: 'access-1', roles: ['role-helpdesk'], updatedAt: now },
    };
    given(...active, accessCreated())
      .when(assign({ roles: ['role-helpdesk'] }))
      .then(changed);
    given(...active, accessCreated(['role-reader', 'role-helpdesk']))
      .when(assign({ roles: ['role-helpdesk', 'role-reader'] }))
      .rejects('NothingToChange', { grantId: 'grant-1', assignmentId: 'access-1' });
    given(...active, accessCreated(), changed)
      .when(assign({ roles: ['role-helpdesk'] }))
      .rejects('NothingToChange', { grantId: 'grant-1', assignmentId: 'access-1' });
    given(...active, accessCreated())
      .when(assign({ groupId: 'group-2', roles: ['role-helpdesk'] }))
      .rejects('ItemAlreadyExists', { kind: 'accessAssignment', itemId: 'access-1' });
  });

  it('is removed, and its id not used again (G8)', () => {
    given(...active, accessCreated())
      .when(removeAccess)
      .then(accessDeleted);
    given(...active, accessCreated(), accessDeleted)
      .when(removeAccess)
      .rejects('InvalidTransition', { itemId: 'access-1', from: 'deleted', to: 'deleted' });
    for (const roles of [['role-reader'], ['role-helpdesk']])
      given(...active, accessCreated(), accessDeleted)
        .when(assign({ roles }))
        .rejects('ItemAlreadyExists', { kind: 'accessAssignment', itemId: 'access-1' });
  });

  it('is not found where there is none', () => {
    given(...active)
      .when(removeAccess)
      .rejects('ItemNotFound', { kind: 'accessAssignment', itemId: 'access-1' });
    given(...established, legacyAdminGranted('grant-1'))
      .when(removeAccess)
      .rejects('ItemNotFound', { kind: 'accessAssignment', itemId: 'access-1' });
    given(...established)
      .when(removeAccess)
      .rejects('ItemNotFound', { kind: 'grant', itemId: 'grant-1' });
  });

  it("is the Global admin's or the Admin agent's to give", () => {
    for (const role of ['GlobalAdmin', 'AdminAgent'] as const)
      given(...active)
        .when(assign(), { actor: partnerUser(role) })
        .then(accessCreated());
    given(...active)
      .when(assign(), { actor: partnerUser('HelpdeskAgent') })
      .rejects('RoleNotAllowed', { command: 'AssignAccess', anyOf: ['GlobalAdmin', 'AdminAgent'] });
  });
});

describe('Delegated admin privileges (DAP)', () => {
  const offeredUntil = '2023-10-09T00:00:00.000Z';
  const granted = (grantedAt: string): EventOf<'DelegatedAdminPrivilegesGranted'> => ({
    type: 'DelegatedAdminPrivilegesGranted',
    data: { grantId: 'dap', grantedAt },
  });

  it('are recorded when they date from before 9 October 2023 (G10)', () => {
    given(...established)
      .when(record({ effectiveAt: '2023-10-08T23:59:59.999Z' }))
      .then(granted('2023-10-08T23:59:59.999Z'));
    for (const effectiveAt of [offeredUntil, now])
      given(...established)
        .when(record({ effectiveAt }))
        .rejects('DapNoLongerOffered', { offeredUntil });
    given(...established)
      .when(record({ effectiveAt: '2026-11-22T12:00:00.001Z' }))
      .rejects('DapNoLongerOffered', { offeredUntil });
    given(...established)
      .when(record({ effectiveAt: '0001-01-01T00:00:00.000Z' }))
      .rejects('DateOutOfRange', { field: 'effectiveAt', rule: 'notBefore2010' });
  });

  it('exist once per customer, whatever GDAP grants there are', () => {
    given(...established, legacyAdminGranted('dap-0'))
      .when(record())
      .rejects('NothingToChange', { grantId: 'dap-0' });
    given(...established, ...adminActive('grant-1'))
      .when(record())
      .then(granted('2022-05-01T00:00:00.000Z'));
    given(...established, legacyAdminGranted('dap-0'), terminated('dap-0'))
      .when(record())
      .then(granted('2022-05-01T00:00:00.000Z'));
  });

  it('do not come back after a removal, which has revoked what was granted before it (R23)', () => {
    for (const history of [[legacyAdminGranted('dap-0')], []])
      given(...established, ...history, removed(), ...reestablished)
        .when(record())
        .rejects('DapNoLongerOffered', { removedAt: '2026-11-21T12:00:00.000Z' });
    // Of the later term, because granted in it.
    given(...established, removed(1, '2022-04-30T23:59:59.999Z'), ...reestablished)
      .when(record())
      .then(granted('2022-05-01T00:00:00.000Z'));
  });

  it('have an id of their own', () => {
    given(...established, adminRequested('dap'))
      .when(record())
      .rejects('ItemAlreadyExists', { kind: 'grant', itemId: 'dap' });
  });

  it('count among the grants that a removal revokes', () => {
    const policy = { ...policyOf2020, limits: { ...policyOf2020.limits, grants: 1 } };
    given(...established, adminRequested('grant-1'))
      .when(record(), { policy })
      .rejects('LimitReached', { what: 'grants', limit: 1 });
  });

  it('need an active relationship (R20)', () => {
    given().when(record()).rejects('RelationshipNotFound');
    given(openRequest()).when(record()).rejects('NoRelationship', { status: 'requested' });
  });

  it('come with the relationship under an id of its term', () => {
    expect(grantOfferedWithRelationship(3, now)).toEqual([
      { type: 'DelegatedAdminPrivilegesGranted', data: { grantId: 'dap-3', grantedAt: now } },
    ]);
    const state = given(requested(), accepted(), ...grantOfferedWithRelationship(1, now)).state();
    expect(state.grants.get('dap-1')).toEqual({ kind: 'dap', relationshipTerm: 1, status: 'approved' });
  });
});

describe('Grants of an earlier term', () => {
  const earlier = [...established, ...adminActive('grant-1'), removed(), ...reestablished];
  const refusal = { kind: 'grant', itemId: 'grant-1', relationshipTerm: 1 };

  it.each([
    ['UpdateDelegatedAdminRequest', update({ autoExtendDays: 180 })],
    ['LockDelegatedAdminForApproval', onGrant('Lock')],
    ['TerminateDelegatedAdmin', onGrant('Terminate')],
    ['AssignAccess', assign()],
    ['RemoveAccess', removeAccess],
  ])('take no %s (R23)', (_, command) => {
    given(...earlier)
      .when(command)
      .rejects('ItemOfEarlierTerm', refusal);
  });

  it('take no approval (R23)', () => {
    given(...earlier)
      .when(onGrant('Approve'), customerAdmin)
      .rejects('ItemOfEarlierTerm', refusal);
  });

  it('take no command while the relationship is not active (R20)', () => {
    given(...established, ...adminActive('grant-1'), removed())
      .when(onGrant('Terminate'))
      .rejects('NoRelationship', { status: 'removed' });
  });
});

describe('What a removal revokes', () => {
  it('is every grant of the current term that neither an event nor time has ended, by id (R18)', () => {
    const state = given(
      ...established,
      adminRequested('of-term-1'),
      removed(),
      ...reestablished,
      ...adminActive('g-active'),
      adminRequested('g-created'),
      adminRequested('g-pending'),
      adminLocked('g-pending'),
      adminRequested('g-approved'),
      adminLocked('g-approved'),
      adminApproved('g-approved'),
      adminRequested('g-terminated'),
      terminated('g-terminated'),
      legacyAdminGranted('dap-2'),
      adminRequested('B'),
      adminRequested('g-revoked'),
      revoked('g-revoked', 'gdap'),
      adminRequested('g-ended'),
      adminActivated('g-ended', { endsAt: '2026-11-22T11:59:59.999Z' }),
      adminRequested('g-last-instant'),
      adminActivated('g-last-instant', { endsAt: now }),
      adminRequested('g-lapsed', { expiresAt: '2026-11-22T11:59:59.999Z' }),
      adminRequested('g-lapsed-pending', { expiresAt: '2026-11-22T11:59:59.999Z' }),
      adminLocked('g-lapsed-pending'),
      adminRequested('grant-1'),
      lapsed(),
    ).state();
    expect(revokeGrants(settledState(state, now, policyOf2020), now)).toEqual([
      revoked('B', 'gdap'),
      revoked('dap-2', 'dap'),
      revoked('g-active', 'gdap'),
      revoked('g-approved', 'gdap'),
      revoked('g-created', 'gdap'),
      revoked('g-last-instant', 'gdap'),
      revoked('g-pending', 'gdap'),
    ]);
  });

  it('is nothing where there are no grants (R18)', () => {
    expect(revokeGrants(given(...established).state(), now)).toEqual([]);
  });
});

describe('Events of unknown grants', () => {
  it('are folded without an error', () => {
    const before = given(...established).state();
    const after = given(
      ...established,
      updated({ name: 'Other' }),
      adminLocked('grant-1'),
      adminApproved('grant-1'),
      adminActivated('grant-1'),
      extended(endsAt, endsAt),
      terminated(),
      lapsed(),
      revoked('grant-1', 'gdap'),
      accessCreated(),
      accessDeleted,
      {
        type: 'AccessAssignmentUpdated',
        data: { grantId: 'grant-1', assignmentId: 'access-1', roles: [], updatedAt: now },
      },
    ).state();
    expect(after).toEqual(before);
  });
});
