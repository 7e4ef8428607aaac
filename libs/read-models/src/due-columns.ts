import {
  clockCommands,
  firstInstantAfter,
  type ClockCommand,
  type NextBoundary,
} from '#customer-relationship/statuses';
import type { Instant } from '#customer-relationship';
import { described, orNull, time, word } from './columns.js';
import { never } from './list.js';

/** What time alone brings about next, as every row that has it keeps it. */
export function dueColumns<Status extends string>(statuses: readonly Status[]) {
  return {
    /** The next boundary (inclusive); a time in the far future where there is none. */
    dueAt: time(),
    /** The status from then on. */
    statusThen: orNull(word(statuses)),
    /** The clock's command that records it. */
    dueCommand: orNull(word(clockCommands)),
  };
}

export function dueOf<Status extends string>(
  next: NextBoundary<Status> | undefined,
): { readonly dueAt: Instant; readonly statusThen: Status | null; readonly dueCommand: ClockCommand | null } {
  return next
    ? { dueAt: next.at, statusThen: next.status, dueCommand: next.command }
    : { dueAt: never, statusThen: null, dueCommand: null };
}

/** The same in answers. */
export const shownDueAt = described(
  orNull(time()),
  'The first instant at which the clock’s command is accepted; null where time alone changes nothing.',
);

/** A boundary as answers show it, and as the refusal `NotDue` does: the end itself still belongs to the period. */
export function dueAtShown(dueAt: Instant): Instant | null {
  return dueAt === never ? null : firstInstantAfter(dueAt);
}
