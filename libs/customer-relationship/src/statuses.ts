import type { Frozen } from '#event-sourcing';
import { hasPassed, type Instant } from './calendar.js';
import type {
  CustomerRelationship,
  GrantStatus,
  ReservationStatus,
  SavingsPlanStatus,
  SoftwareStatus,
  RelationshipStatus,
} from './state.js';

// The status of a thing at a time. An end counts from the instant after it, whether or not it has been recorded.
// Decisions, single reads, lists and explanations all use these functions, so they cannot disagree. Each takes the
// facts that the state, or a row of a view, keeps from the events.

type End = Instant | null | undefined;

/** The status at a time, and the end that made it so, if it was not the last event. */
export interface StatusAt<Status> {
  readonly status: Status;
  /** The end (inclusive) that has passed and has not been recorded. */
  readonly endedAt?: Instant;
}

function expiredIfOver<Status extends string>(status: Status, end: End, now: Instant): StatusAt<Status | 'expired'> {
  return end !== null && end !== undefined && hasPassed(end, now) ? { status: 'expired', endedAt: end } : { status };
}

export interface GrantFacts {
  readonly kind: 'dap' | 'gdap';
  readonly status: GrantStatus;
  readonly requestExpiresAt?: End;
  readonly endsAt?: End;
}

/** When time ends a grant: a request unless it is approved (rule G5), an active grant in any case; DAP never. */
export function endOfGrant({ kind, status, requestExpiresAt, endsAt }: GrantFacts): Instant | undefined {
  if (kind === 'dap') return undefined;
  if (status === 'active') return endsAt ?? undefined;
  return status === 'created' || status === 'approvalPending' ? (requestExpiresAt ?? undefined) : undefined;
}

export function grantAt(grant: GrantFacts, now: Instant): StatusAt<GrantStatus> {
  return expiredIfOver(grant.status, endOfGrant(grant), now);
}

/** The access assignments of a grant end with it, however it ends (rules R18, G8b). */
export function accessAssignmentStatusAt(
  { status }: { readonly status: 'active' | 'deleted' },
  grant: GrantFacts,
  now: Instant,
): 'active' | 'deleted' {
  return isOpenGrant(grantAt(grant, now).status) ? status : 'deleted';
}

/** Whether a grant is active or can still become so. */
export function isOpenGrant(status: GrantStatus): boolean {
  return status === 'created' || status === 'approvalPending' || status === 'approved' || status === 'active';
}

/** A cancellation that is not settled by the end has no effect: the reservation has expired (rule V6). */
export function reservationAt(
  { status, expiresAt }: { readonly status: ReservationStatus; readonly expiresAt: End },
  now: Instant,
): StatusAt<ReservationStatus> {
  return status === 'active' || status === 'cancellationRequested' ? expiredIfOver(status, expiresAt, now) : { status };
}

/** Perpetual software has no end. */
export function softwareAt(
  { status, expiresAt }: { readonly status: SoftwareStatus; readonly expiresAt?: End },
  now: Instant,
): StatusAt<SoftwareStatus> {
  return status === 'completed' ? expiredIfOver(status, expiresAt, now) : { status };
}

export function savingsPlanAt(
  { status, expiresAt }: { readonly status: SavingsPlanStatus; readonly expiresAt: End },
  now: Instant,
): StatusAt<SavingsPlanStatus> {
  return status === 'active' ? expiredIfOver(status, expiresAt, now) : { status };
}

/** A request that was not answered in time has lapsed (rule R29). */
export function relationshipAt(
  { status, request }: Frozen<Pick<CustomerRelationship, 'status' | 'request'>>,
  now: Instant,
): StatusAt<RelationshipStatus> {
  return status === 'requested' && request !== undefined && hasPassed(request.expiresAt, now)
    ? { status: 'requestExpired', endedAt: request.expiresAt }
    : { status };
}

/**
 * The relationship as decisions and queries see it: with a lapsed request its status is `requestExpired`. The request
 * itself stays in the state, to be closed, and to answer when it lapsed.
 */
export function withStatusAt(state: Frozen<CustomerRelationship>, now: Instant): Frozen<CustomerRelationship> {
  const { status } = relationshipAt(state, now);
  return status === state.status ? state : { ...state, status };
}
