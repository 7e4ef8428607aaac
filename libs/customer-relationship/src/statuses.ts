import { hasPassed, type Instant } from './calendar.js';
import type { CommandName } from './commands.js';
import type { SubscriptionKind } from './events.js';
import type {
  GrantStatus,
  ReservationStatus,
  SavingsPlanStatus,
  SoftwareStatus,
  RelationshipStatus,
  SubscriptionStatus,
} from './state.js';

export { firstInstantAfter } from './calendar.js';

// The status of a thing at a time. An end counts from the instant after it, whether or not it has been recorded.
// Decisions, single reads, lists and explanations all use these functions, so they cannot disagree. Each takes the
// facts that the state, or a row of a view, keeps from the events.

type End = Instant | null | undefined;

/** The commands that record what time has brought about. */
export const clockCommands = [
  'ExpireRelationshipRequest',
  'RenewSubscription',
  'EndSubscriptionTerm',
  'AdvanceSubscriptionRetention',
  'ExpireReservation',
  'RenewSoftware',
  'ExpireSoftware',
  'ExpireSavingsPlan',
  'ExtendDelegatedAdmin',
  'ExpireDelegatedAdmin',
] as const satisfies readonly CommandName[];
export type ClockCommand = (typeof clockCommands)[number];

/** The next end after which time alone changes a thing. */
export interface NextBoundary<Status extends string = string> {
  /** Inclusive: the change counts from the instant after it. */
  readonly at: Instant;
  /** The command that records it. */
  readonly command: ClockCommand;
  /** The status from then on; the present one where only a new term begins. */
  readonly status: Status;
}

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
  readonly autoExtendDays?: number | null;
}

/**
 * When time ends a grant: a request unless it is approved (rule G5), an active grant unless it is extended at its end
 * (rule G6a); DAP never.
 */
export function endOfGrant({
  kind,
  status,
  requestExpiresAt,
  endsAt,
  autoExtendDays,
}: GrantFacts): Instant | undefined {
  if (kind === 'dap') return undefined;
  if (status === 'active') return autoExtendDays ? undefined : (endsAt ?? undefined);
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

export interface SoftwareFacts {
  readonly status: SoftwareStatus;
  /** Perpetual software has no end. */
  readonly expiresAt?: End;
  readonly autoRenew: boolean | null;
}

/** With auto-renew, the end of a term is followed by another one (rule V7a). */
export function softwareAt({ status, expiresAt, autoRenew }: SoftwareFacts, now: Instant): StatusAt<SoftwareStatus> {
  return status === 'completed' && !autoRenew ? expiredIfOver(status, expiresAt, now) : { status };
}

export function savingsPlanAt(
  { status, expiresAt }: { readonly status: SavingsPlanStatus; readonly expiresAt: End },
  now: Instant,
): StatusAt<SavingsPlanStatus> {
  return status === 'active' ? expiredIfOver(status, expiresAt, now) : { status };
}

/** A request that was not answered in time has lapsed (rule R29). */
export function relationshipAt(
  { status, request }: { readonly status: RelationshipStatus; readonly request?: { readonly expiresAt: Instant } },
  now: Instant,
): StatusAt<RelationshipStatus> {
  return status === 'requested' && request !== undefined && hasPassed(request.expiresAt, now)
    ? { status: 'requestExpired', endedAt: request.expiresAt }
    : { status };
}

function boundary<Status extends string>(
  at: End,
  command: ClockCommand,
  status: Status,
): NextBoundary<Status> | undefined {
  return at === null || at === undefined ? undefined : { at, command, status };
}

/** Whether a subscription takes no command any more: it is deleted, or was never provisioned (rules S8, P1). */
export function hasEnded(status: SubscriptionStatus): boolean {
  return status === 'deleted' || status === 'provisioningFailed' || status === 'provisioningCancelled';
}

export interface SubscriptionFacts {
  readonly kind: SubscriptionKind;
  readonly status: SubscriptionStatus;
  readonly autoRenew: boolean | null;
  /** Of the term. */
  readonly endsAt?: End;
  readonly retainedUntil?: End;
  readonly cancellationTakesEffectAt?: End;
  /** Disabled at the end of its term while it was suspended: it is disabled once more (rule S15). */
  readonly furtherDisabledPeriod?: boolean | null | undefined;
}

/** Rules S14, S15, S20. A pending subscription does not run through its terms (rule T1). */
export function nextOfSubscription(facts: SubscriptionFacts): NextBoundary<SubscriptionStatus> | undefined {
  const { kind, status, autoRenew, endsAt, retainedUntil, cancellationTakesEffectAt, furtherDisabledPeriod } = facts;
  switch (status) {
    case 'pending':
    case 'provisioningFailed':
    case 'provisioningCancelled':
    case 'deleted':
      return undefined;
    case 'active':
      if (cancellationTakesEffectAt) return boundary(endsAt, 'EndSubscriptionTerm', 'deleted');
      return autoRenew
        ? boundary(endsAt, 'RenewSubscription', 'active')
        : boundary(endsAt, 'EndSubscriptionTerm', 'expired');
    case 'suspended':
      // A suspended legacy subscription is kept for a while from its suspension on, whatever its term (rule S15).
      if (kind === 'legacy') return boundary(retainedUntil, 'AdvanceSubscriptionRetention', 'deleted');
      return boundary(endsAt, 'EndSubscriptionTerm', cancellationTakesEffectAt ? 'deleted' : 'disabled');
    case 'expired':
      return boundary(retainedUntil, 'AdvanceSubscriptionRetention', 'disabled');
    case 'disabled':
      return boundary(retainedUntil, 'AdvanceSubscriptionRetention', furtherDisabledPeriod ? 'disabled' : 'deleted');
  }
}

export function nextOfReservation(facts: {
  readonly status: ReservationStatus;
  readonly expiresAt: End;
}): NextBoundary<ReservationStatus> | undefined {
  const stands = facts.status === 'active' || facts.status === 'cancellationRequested';
  return stands ? boundary(facts.expiresAt, 'ExpireReservation', 'expired') : undefined;
}

/** Rules V7a, S14. */
export function nextOfSoftware({
  status,
  expiresAt,
  autoRenew,
}: SoftwareFacts): NextBoundary<SoftwareStatus> | undefined {
  if (status !== 'completed') return undefined;
  return autoRenew
    ? boundary(expiresAt, 'RenewSoftware', 'completed')
    : boundary(expiresAt, 'ExpireSoftware', 'expired');
}

export function nextOfSavingsPlan(facts: {
  readonly status: SavingsPlanStatus;
  readonly expiresAt: End;
}): NextBoundary<SavingsPlanStatus> | undefined {
  return facts.status === 'active' ? boundary(facts.expiresAt, 'ExpireSavingsPlan', 'expired') : undefined;
}

/** Rules G5, G6a; DAP has no end. */
export function nextOfGrant(facts: GrantFacts): NextBoundary<GrantStatus> | undefined {
  const { kind, status, autoExtendDays, endsAt } = facts;
  return kind === 'gdap' && status === 'active' && autoExtendDays
    ? boundary(endsAt, 'ExtendDelegatedAdmin', 'active')
    : boundary(endOfGrant(facts), 'ExpireDelegatedAdmin', 'expired');
}

/** Rule R29. */
export function nextOfRequest(
  request: { readonly expiresAt: End } | undefined,
): NextBoundary<'requestExpired'> | undefined {
  return request && boundary(request.expiresAt, 'ExpireRelationshipRequest', 'requestExpired');
}
