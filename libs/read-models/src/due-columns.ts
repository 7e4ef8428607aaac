import { sql, type Expression, type SqlBool } from 'kysely';
import {
  clockCommands,
  firstInstantAfter,
  type ClockCommand,
  type NextBoundary,
} from '#customer-relationship/statuses';
import type { Instant } from '#customer-relationship';
import { described, orNull, time, word } from './columns.js';
import { never } from './list.js';

// What time alone brings about next in a row. A projection knows no clock: it writes the next boundary. A question
// compares that with its time, in the query and in the row that is shown, so that filters see the status that is shown.

/** What time alone brings about next, as every row that has it keeps it. */
export function dueColumns<Status extends string>(statuses: readonly Status[]) {
  return {
    /** The next boundary (inclusive); a time in the far future where there is none. */
    dueAt: time(),
    /** The status from then on: the present one where a new term begins. */
    statusThen: orNull(word(statuses)),
    /** The clock's command that records it. */
    dueCommand: orNull(word(clockCommands)),
  };
}

export interface Due<Status extends string = string> {
  readonly dueAt: Instant;
  readonly statusThen: Status | null;
  readonly dueCommand: ClockCommand | null;
}

export function dueOf<Status extends string>(next: NextBoundary<Status> | undefined): Due<Status> {
  return next
    ? { dueAt: next.at, statusThen: next.status, dueCommand: next.command }
    : { dueAt: never, statusThen: null, dueCommand: null };
}

/** A row that has just been made, with what time brings about next. Every step of a view with such rows ends here. */
export function withDue<Status extends string, Row extends Due<Status>>(
  row: Omit<Row, keyof Due>,
  next: NextBoundary<Status> | undefined,
): Row {
  // Written into the row: one more copy of its columns for every event would be slower.
  return Object.assign(row, dueOf(next)) as unknown as Row;
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

/** The boundary of a `dueAt` in a request, as rows keep it. */
export function boundaryBefore(dueAt: Instant): Instant {
  return new Date(Date.parse(dueAt) - 1).toISOString();
}

/** A mark in answers: what follows from a boundary is a new term, or a date, that only the event of its command brings. */
export const shownOverdueSince = described(
  orNull(time()),
  'The end that has passed while its command has not been recorded; but for the status, the row is as it was before.',
);

/** The boundary that a row, as of a time, still waits for although it has passed. */
export function overdueSince({ dueAt }: Pick<Due, 'dueAt'>, now: Instant): Instant | null {
  return dueAt < now ? dueAt : null;
}

/** Conditions at a time on the rows of a table, or of its alias. */
export function dueIn(table: string, now: Expression<Instant>) {
  const column = (name: string) => sql.ref(`${table}.${name}`);
  const passed = sql<SqlBool>`${column('dueAt')} < ${now}`;
  return {
    passed,
    // A negation is no range, so SQLite reads along the index of the sort. That index has all these columns: a row in
    // another status is passed over without a look into the table.
    hasStatus: (status: string) =>
      sql<SqlBool>`((${column('status')} = ${status} and not (${passed}))
        or (${column('statusThen')} = ${status} and ${passed}))`,
  };
}
