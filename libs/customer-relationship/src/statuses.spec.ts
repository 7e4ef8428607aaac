import { describe, expect, it } from '@jest/globals';
import { fold } from '#event-sourcing';
import { customerRelationship } from './customer-relationship.js';
import { removalReadiness } from './removal.js';
import {
  accessAssignmentStatusAt,
  grantAt,
  nextOfGrant,
  nextOfSoftware,
  relationshipAt,
  reservationAt,
  savingsPlanAt,
  softwareAt,
} from './statuses.js';
import { initialState } from './state.js';
import { partner, policyOf2020, refusalOf, requested, spec } from './testing.js';

const end = '2026-11-22T12:00:00.000Z';
const justAfter = '2026-11-22T12:00:00.001Z';
const { given } = spec;

describe('The status of a thing at a time', () => {
  it('holds to the end, which is inclusive, and not a millisecond longer', () => {
    const requestExpiresAt = end;
    for (const [at, statuses] of [
      [end, ['active', 'active', 'cancellationRequested', 'completed', 'active', 'created', 'approvalPending']],
      [justAfter, Array<string>(7).fill('expired')],
    ] as const)
      expect([
        grantAt({ kind: 'gdap', status: 'active', endsAt: end, requestExpiresAt: '2026-01-01T00:00:00.000Z' }, at)
          .status,
        reservationAt({ status: 'active', expiresAt: end }, at).status,
        reservationAt({ status: 'cancellationRequested', expiresAt: end }, at).status,
        softwareAt({ status: 'completed', autoRenew: false, expiresAt: end }, at).status,
        savingsPlanAt({ status: 'active', expiresAt: end }, at).status,
        grantAt({ kind: 'gdap', status: 'created', requestExpiresAt }, at).status,
        grantAt({ kind: 'gdap', status: 'approvalPending', requestExpiresAt }, at).status,
      ]).toEqual(statuses);
  });

  it('says which end has passed, and nothing where the last event made the status', () => {
    expect(reservationAt({ status: 'active', expiresAt: end }, justAfter)).toEqual({ status: 'expired', endedAt: end });
    expect(reservationAt({ status: 'expired', expiresAt: end }, justAfter)).toEqual({ status: 'expired' });
    expect(reservationAt({ status: 'active', expiresAt: end }, end)).toEqual({ status: 'active' });
  });

  it('is not changed by time once it has ended otherwise, nor where there is no end', () => {
    for (const status of ['terminated', 'revoked'] as const)
      expect(grantAt({ kind: 'gdap', status, endsAt: end, requestExpiresAt: end }, justAfter)).toEqual({ status });
    expect(grantAt({ kind: 'dap', status: 'approved' }, justAfter)).toEqual({ status: 'approved' });
    expect(reservationAt({ status: 'cancelled', expiresAt: end }, justAfter)).toEqual({ status: 'cancelled' });
    expect(softwareAt({ status: 'cancelled', autoRenew: false, expiresAt: end }, justAfter)).toEqual({
      status: 'cancelled',
    });
    expect(softwareAt({ status: 'completed', autoRenew: false }, justAfter)).toEqual({ status: 'completed' });
  });

  it('is not changed by an end that a further period follows (V7a, G6a)', () => {
    const software = { status: 'completed', autoRenew: true, expiresAt: end } as const;
    expect(softwareAt(software, justAfter)).toEqual({ status: 'completed' });
    expect(nextOfSoftware(software)).toEqual({ at: end, command: 'RenewSoftware', status: 'completed' });
    const without = { ...software, autoRenew: false };
    expect(nextOfSoftware(without)).toEqual({ at: end, command: 'ExpireSoftware', status: 'expired' });
    expect(nextOfSoftware({ ...software, status: 'cancelled' })).toBeUndefined();

    const grant = { kind: 'gdap', status: 'active', requestExpiresAt: end, endsAt: end, autoExtendDays: 180 } as const;
    expect(grantAt(grant, justAfter)).toEqual({ status: 'active' });
    expect(nextOfGrant(grant)).toEqual({ at: end, command: 'ExtendDelegatedAdmin', status: 'active' });
    const last = { ...grant, autoExtendDays: 0 };
    expect(nextOfGrant(last)).toEqual({ at: end, command: 'ExpireDelegatedAdmin', status: 'expired' });
    // A request lapses whatever it asks for.
    const waiting = { ...grant, status: 'approvalPending' } as const;
    expect(nextOfGrant(waiting)).toEqual({ at: end, command: 'ExpireDelegatedAdmin', status: 'expired' });
    for (const status of ['terminated', 'revoked', 'expired'] as const)
      expect(nextOfGrant({ ...grant, status })).toBeUndefined();
  });

  it('G8b, R18: an access assignment ends with its grant, however that ended', () => {
    const facts = { kind: 'gdap', endsAt: end, requestExpiresAt: end } as const;
    const active = { status: 'active' } as const;
    expect(accessAssignmentStatusAt(active, { ...facts, status: 'active' }, end)).toBe('active');
    expect(accessAssignmentStatusAt(active, { ...facts, status: 'active' }, justAfter)).toBe('deleted');
    for (const status of ['terminated', 'expired', 'revoked'] as const)
      expect(accessAssignmentStatusAt(active, { ...facts, status }, end)).toBe('deleted');
    expect(accessAssignmentStatusAt({ status: 'deleted' }, { ...facts, status: 'active' }, end)).toBe('deleted');
  });
});

describe('A lapsed request for a relationship (R29)', () => {
  const { expiresAt } = requested().data;
  const later = '2026-04-10T09:00:00.001Z';
  const state = fold(customerRelationship, [requested()], initialState());

  it('has the status that the event would give it', () => {
    expect(relationshipAt(state, expiresAt)).toEqual({ status: 'requested' });
    expect(relationshipAt(state, later)).toEqual({ status: 'requestExpired', endedAt: expiresAt });
  });

  it('is named so by decisions and by readiness', () => {
    const command = { type: 'UpdateCustomerProfile', data: { name: 'Other' } } as const;
    given(requested()).when(command, { now: later }).rejects('NoRelationship', { status: 'requestExpired' });
    given(requested()).when(command, { now: expiresAt }).rejects('NoRelationship', { status: 'requested' });
    const refusal = refusalOf(() => removalReadiness(state, policyOf2020, later, partner.type));
    expect(refusal).toEqual({ code: 'RelationshipNotActive', details: { status: 'requestExpired' } });
  });
});
