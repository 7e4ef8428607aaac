import { describe, expect, it } from '@jest/globals';
import { fold } from '#event-sourcing';
import { customerRelationship } from './customer-relationship.js';
import { removalReadiness } from './removal.js';
import {
  accessAssignmentStatus,
  nextOfGrant,
  nextOfRequest,
  nextOfReservation,
  nextOfSavingsPlan,
  nextOfSoftware,
  statusAt,
  type NextBoundary,
} from './statuses.js';
import { initialState } from './state.js';
import { partner, policyOf2020, refusalOf, requested, spec } from './testing.js';

const end = '2026-11-22T12:00:00.000Z';
const justAfter = '2026-11-22T12:00:00.001Z';
const { given } = spec;

describe('The status of a thing at a time', () => {
  type Facts = { readonly status: string };
  const at = <Thing extends Facts>(time: string, thing: Thing, next: (thing: Thing) => NextBoundary | undefined) =>
    statusAt(thing.status, next(thing), time);

  it('holds to the end, which is inclusive, and not a millisecond longer', () => {
    const requestExpiresAt = end;
    for (const [time, statuses] of [
      [end, ['active', 'active', 'cancellationRequested', 'completed', 'active', 'created', 'approvalPending']],
      [justAfter, Array<string>(7).fill('expired')],
    ] as const)
      expect([
        at(
          time,
          { kind: 'gdap', status: 'active', endsAt: end, requestExpiresAt: '2026-01-01T00:00:00.000Z' },
          nextOfGrant,
        ),
        at(time, { status: 'active', expiresAt: end }, nextOfReservation),
        // A cancellation that is not settled by the end has no effect (V6).
        at(time, { status: 'cancellationRequested', expiresAt: end }, nextOfReservation),
        at(time, { status: 'completed', autoRenew: false, expiresAt: end }, nextOfSoftware),
        at(time, { status: 'active', expiresAt: end }, nextOfSavingsPlan),
        at(time, { kind: 'gdap', status: 'created', requestExpiresAt }, nextOfGrant),
        at(time, { kind: 'gdap', status: 'approvalPending', requestExpiresAt }, nextOfGrant),
      ]).toEqual(statuses);
  });

  it('is not changed by time once it has ended otherwise, nor where there is no end', () => {
    for (const status of ['terminated', 'revoked'] as const)
      expect(nextOfGrant({ kind: 'gdap', status, endsAt: end, requestExpiresAt: end })).toBeUndefined();
    expect(nextOfGrant({ kind: 'dap', status: 'approved' })).toBeUndefined();
    expect(nextOfReservation({ status: 'cancelled', expiresAt: end })).toBeUndefined();
    expect(nextOfSoftware({ status: 'cancelled', autoRenew: false, expiresAt: end })).toBeUndefined();
    expect(nextOfSoftware({ status: 'completed', autoRenew: false })).toBeUndefined();
    expect(statusAt('completed', undefined, justAfter)).toBe('completed');
  });

  it('is not changed by an end that a further period follows (V7a, G6a)', () => {
    const software = { status: 'completed', autoRenew: true, expiresAt: end } as const;
    expect(at(justAfter, software, nextOfSoftware)).toBe('completed');
    expect(nextOfSoftware(software)).toEqual({ at: end, command: 'RenewSoftware', status: 'completed' });
    const without = { ...software, autoRenew: false };
    expect(nextOfSoftware(without)).toEqual({ at: end, command: 'ExpireSoftware', status: 'expired' });
    expect(nextOfSoftware({ ...software, status: 'cancelled' })).toBeUndefined();

    const grant = { kind: 'gdap', status: 'active', requestExpiresAt: end, endsAt: end, autoExtendDays: 180 } as const;
    expect(at(justAfter, grant, nextOfGrant)).toBe('active');
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
    const active = { status: 'active' } as const;
    expect(accessAssignmentStatus(active, active)).toBe('active');
    for (const status of ['terminated', 'expired', 'revoked'] as const)
      expect(accessAssignmentStatus(active, { status })).toBe('deleted');
    expect(accessAssignmentStatus({ status: 'deleted' }, active)).toBe('deleted');
  });
});

describe('A lapsed request for a relationship (R29)', () => {
  const { expiresAt } = requested().data;
  const later = '2026-04-10T09:00:00.001Z';
  const state = fold(customerRelationship, [requested()], initialState());

  it('has the status that the event would give it', () => {
    expect(statusAt(state.status, nextOfRequest(state.request), expiresAt)).toBe('requested');
    expect(statusAt(state.status, nextOfRequest(state.request), later)).toBe('requestExpired');
  });

  it('is named so by decisions and by readiness', () => {
    const command = { type: 'UpdateCustomerProfile', data: { name: 'Other' } } as const;
    given(requested()).when(command, { now: later }).rejects('NoRelationship', { status: 'requestExpired' });
    given(requested()).when(command, { now: expiresAt }).rejects('NoRelationship', { status: 'requested' });
    const refusal = refusalOf(() => removalReadiness(state, policyOf2020, later, partner.type));
    expect(refusal).toEqual({ code: 'RelationshipNotActive', details: { status: 'requestExpired' } });
  });
});
