import { hasPassed, type Instant } from './calendar.js';
import type { CommandName } from './commands.js';
import type { SubscriptionKind } from './events.js';
import type { GrantStatus, ReservationStatus, SavingsPlanStatus, SoftwareStatus, SubscriptionStatus } from './state.js';

export { firstInstantAfter } from './calendar.js';

// What time alone brings about next. An end counts from the instant after it, whether or not it has been recorded.
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

/** The status at a time of what time alone changes once, recorded or not. What it changes more than once is settled. */
export function statusAt<Status extends string>(
  status: Status,
  next: NextBoundary<Status> | undefined,
  now: Instant,
): Status {
  return next && hasPassed(next.at, now) ? next.status : status;
}

/** The access assignments of a grant end with it, however it ends (rules R18, G8b). */
export function accessAssignmentStatus(
  { status }: { readonly status: 'active' | 'deleted' },
  grant: { readonly status: GrantStatus },
): 'active' | 'deleted' {
  return isOpenGrant(grant.status) ? status : 'deleted';
}

/** Whether a grant is active or can still become so. */
export function isOpenGrant(status: GrantStatus): boolean {
  return status === 'created' || status === 'approvalPending' || status === 'approved' || status === 'active';
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

export interface SoftwareFacts {
  readonly status: SoftwareStatus;
  /** Perpetual software has no end. */
  readonly expiresAt?: End;
  readonly autoRenew: boolean | null;
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

export interface GrantFacts {
  readonly kind: 'dap' | 'gdap';
  readonly status: GrantStatus;
  readonly requestExpiresAt?: End;
  readonly endsAt?: End;
  readonly autoExtendDays?: number | null;
}

/**
 * A request lapses unless it is approved (rule G5), an active grant ends unless it is extended at its end (rule G6a). DAP has
 * no end.
 */
export function nextOfGrant({
  kind,
  status,
  requestExpiresAt,
  endsAt,
  autoExtendDays,
}: GrantFacts): NextBoundary<GrantStatus> | undefined {
  if (kind === 'dap') return undefined;
  if (status === 'created' || status === 'approvalPending')
    return boundary(requestExpiresAt, 'ExpireDelegatedAdmin', 'expired');
  if (status !== 'active') return undefined;
  return autoExtendDays
    ? boundary(endsAt, 'ExtendDelegatedAdmin', 'active')
    : boundary(endsAt, 'ExpireDelegatedAdmin', 'expired');
}

/** Rule R29. */
export function nextOfRequest(
  request: { readonly expiresAt: End } | undefined,
): NextBoundary<'requestExpired'> | undefined {
  return request && boundary(request.expiresAt, 'ExpireRelationshipRequest', 'requestExpired');
}
