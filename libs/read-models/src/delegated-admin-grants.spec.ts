import { describe, expect, it } from '@jest/globals';
import { delegatedAdminGrantsProjection, grantRowAt } from './delegated-admin-grants.js';
import { never } from './list.js';
import { again, customerId, established, partnerId, rowsOf, type Story } from './testing.js';

const grants = (past: Story) => rowsOf(delegatedAdminGrantsProjection, past).delegated_admin_grants_v2;

const wanted = { grantId: 'g-1', name: 'Helpdesk Überall', roles: ['reader', 'helpdesk'], durationDays: 10 };
const created = (autoExtendDays = 180) => established().does('RequestDelegatedAdmin', { ...wanted, autoExtendDays });
const active = (autoExtendDays = 0) =>
  created(autoExtendDays)
    .at('2026-01-12T09:00:00.000Z')
    .does('LockDelegatedAdminForApproval', { grantId: 'g-1' })
    .at('2026-01-13T09:00:00.000Z')
    .customerDoes('ApproveDelegatedAdmin', { grantId: 'g-1' });

describe('Delegated-admin grants', () => {
  it('start as a request that lapses', () => {
    expect(grants(created())).toEqual([
      {
        partnerId,
        customerId,
        grantId: 'g-1',
        relationshipTerm: 1,
        kind: 'gdap',
        name: 'Helpdesk Überall',
        sortName: 'helpdesk überall',
        roles: ['reader', 'helpdesk'],
        status: 'created',
        passedInto: '',
        dueAt: '2026-04-10T09:00:00.000Z',
        statusThen: 'expired',
        dueCommand: 'ExpireDelegatedAdmin',
        durationDays: 10,
        autoExtendDays: 180,
        requestedAt: '2026-01-10T09:00:00.000Z',
        requestExpiresAt: '2026-04-10T09:00:00.000Z',
        approvedAt: null,
        activatedAt: null,
        endsAt: null,
        terminationRequestedBy: null,
        endedAt: null,
        accessAssignments: [],
      },
    ]);
  });

  it('change before they are locked', () => {
    const past = created().does('UpdateDelegatedAdminRequest', {
      grantId: 'g-1',
      name: 'Readers',
      roles: ['reader'],
      durationDays: 20,
      autoExtendDays: 0,
    });
    expect(grants(past)).toMatchObject([
      {
        name: 'Readers',
        sortName: 'readers',
        roles: ['reader'],
        durationDays: 20,
        autoExtendDays: 0,
        status: 'created',
      },
    ]);
    expect(grants(past.does('LockDelegatedAdminForApproval', { grantId: 'g-1' }))).toMatchObject([
      { status: 'approvalPending', dueAt: '2026-04-10T09:00:00.000Z' },
    ]);
  });

  it('are active from the approval until their end', () => {
    expect(grants(active())).toMatchObject([
      {
        status: 'active',
        approvedAt: '2026-01-13T09:00:00.000Z',
        activatedAt: '2026-01-13T09:00:00.000Z',
        endsAt: '2026-01-23T09:00:00.000Z',
        dueAt: '2026-01-23T09:00:00.000Z',
      },
    ]);
  });

  it('do not lapse while auto-extend is on: an extension follows the end (G6a)', () => {
    const past = active(180);
    const extends180 = { status: 'active', dueCommand: 'ExtendDelegatedAdmin', statusThen: 'active' };
    const ends = { status: 'active', dueCommand: 'ExpireDelegatedAdmin', statusThen: 'expired' };
    const [first, second] = ['2026-01-23T09:00:00.000Z', '2026-07-22T09:00:00.000Z'];
    expect(grants(past)).toMatchObject([{ ...extends180, endsAt: first, dueAt: first }]);
    const overdue = '2026-02-01T00:00:00.000Z';
    expect(grantRowAt(grants(past)[0]!, overdue)).toMatchObject({ status: 'active', endedAt: null });
    past.at(overdue).does('ExtendDelegatedAdmin', { grantId: 'g-1' });
    expect(grants(past)).toMatchObject([{ ...extends180, endsAt: second, dueAt: second }]);
    past.does('UpdateDelegatedAdminRequest', { grantId: 'g-1', autoExtendDays: 0 });
    expect(grants(past)).toMatchObject([{ ...ends, dueAt: second }]);
    past.does('UpdateDelegatedAdminRequest', { grantId: 'g-1', autoExtendDays: 180 });
    expect(grants(past)).toMatchObject([{ ...extends180, dueAt: second }]);
  });

  it('do not lapse between approval and activation', () => {
    const { events, ...past } = active();
    const approved = events.slice(0, -1);
    expect(approved.at(-1)?.type).toBe('DelegatedAdminApproved');
    expect(grants({ ...past, events: approved })).toMatchObject([{ status: 'approved', dueAt: never }]);
  });

  it('carry access assignments, which lose the roles that the grant loses', () => {
    const globalAdmin = '62e90394-69f5-4237-9190-012177145e10';
    const past = established()
      .does('RequestDelegatedAdmin', { ...wanted, roles: ['reader', globalAdmin] })
      .does('LockDelegatedAdminForApproval', { grantId: 'g-1' })
      .customerDoes('ApproveDelegatedAdmin', { grantId: 'g-1' })
      .does('AssignAccess', { grantId: 'g-1', assignmentId: 'a-1', groupId: 'group-1', roles: [globalAdmin] })
      .does('AssignAccess', { grantId: 'g-1', assignmentId: 'a-2', groupId: 'group-2', roles: ['reader'] })
      .does('AssignAccess', {
        grantId: 'g-1',
        assignmentId: 'a-1',
        groupId: 'group-1',
        roles: ['reader', globalAdmin],
      });
    expect(grants(past)).toMatchObject([
      {
        accessAssignments: [
          { assignmentId: 'a-1', groupId: 'group-1', roles: ['reader', globalAdmin] },
          { assignmentId: 'a-2', groupId: 'group-2', roles: ['reader'] },
        ],
      },
    ]);
    past.does('UpdateDelegatedAdminRequest', { grantId: 'g-1', roles: ['reader'] });
    past.does('RemoveAccess', { grantId: 'g-1', assignmentId: 'a-2' });
    expect(grants(past)).toMatchObject([
      { roles: ['reader'], accessAssignments: [{ assignmentId: 'a-1', groupId: 'group-1', roles: ['reader'] }] },
    ]);
  });

  it('end by termination, naming who wanted it', () => {
    expect(grants(active().does('TerminateDelegatedAdmin', { grantId: 'g-1' }))).toMatchObject([
      {
        status: 'terminated',
        passedInto: 'ended',
        dueAt: never,
        terminationRequestedBy: 'partner',
        endedAt: '2026-01-13T09:00:00.000Z',
      },
    ]);
    expect(grants(active().customerDoes('TerminateDelegatedAdmin', { grantId: 'g-1' }))).toMatchObject([
      { status: 'terminated', terminationRequestedBy: 'customer' },
    ]);
  });

  it('end by the word of the clock', () => {
    const past = active().at('2026-03-01T00:00:00.000Z').does('ExpireDelegatedAdmin', { grantId: 'g-1' });
    expect(grants(past)).toMatchObject([
      { status: 'expired', passedInto: 'ended', endedAt: '2026-01-23T09:00:00.000Z' },
    ]);
  });

  it('are revoked by the removal, DAP too, and stay readable in a later term (R18, R23)', () => {
    const past = active()
      .does('RecordLegacyDelegatedAdmin', { grantId: 'dap', effectiveAt: '2022-05-01T00:00:00.000Z' })
      .at('2026-01-20T00:00:00.000Z');
    expect(grants(past)).toMatchObject([
      { grantId: 'g-1' },
      {
        grantId: 'dap',
        kind: 'dap',
        name: '',
        status: 'approved',
        passedInto: '',
        dueAt: never,
        activatedAt: '2022-05-01T00:00:00.000Z',
      },
    ]);
    again(past.does('RemoveResellerRelationship', {})).does('RequestDelegatedAdmin', { ...wanted, grantId: 'g-2' });
    expect(grants(past)).toMatchObject([
      {
        grantId: 'g-1',
        relationshipTerm: 1,
        status: 'revoked',
        passedInto: 'ended',
        endedAt: '2026-01-20T00:00:00.000Z',
      },
      { grantId: 'dap', relationshipTerm: 1, status: 'revoked', passedInto: 'ended' },
      { grantId: 'g-2', relationshipTerm: 2, status: 'created', passedInto: '' },
    ]);
  });

  it('stay expired when the removal comes after their end, recorded or not (R18)', () => {
    const now = '2026-02-01T00:00:00.000Z';
    const [row] = grants(active().at(now).does('RemoveResellerRelationship', {}));
    expect(grantRowAt(row!, now)).toMatchObject({ status: 'expired', endedAt: '2026-01-23T09:00:00.000Z' });
  });
});
