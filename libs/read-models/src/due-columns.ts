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

/** A row that the projector notes once its boundary has passed: under the status that follows. */
export interface Noted {
  readonly passedInto: string;
}

/** Notes nothing of a row. */
const notNoted = '';

/** How the projector notes rows with such columns. */
export const passing = { at: 'dueAt', into: 'statusThen', noted: 'passedInto' } as const;

export function dueOf<Status extends string>(next: NextBoundary<Status> | undefined): Due<Status> {
  return next
    ? { dueAt: next.at, statusThen: next.status, dueCommand: next.command }
    : { dueAt: never, statusThen: null, dueCommand: null };
}

/**
 * A row that has just been made, with what time brings about next. Every step of a view with such rows ends here.
 * @param apart keeps the row apart in the indexes from the beginning, as one that time changes no more
 */
export function withDue<Status extends string, Row extends Due<Status> & Noted>(
  row: Omit<Row, keyof Due | keyof Noted>,
  next: NextBoundary<Status> | undefined,
  apart = notNoted,
): Row {
  // Written into the row: one more copy of its columns for every event would be slower.
  return Object.assign(row, dueOf(next), { passedInto: apart }) as unknown as Row;
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

/** What a query knows of a row at a time. */
export function dueIn(alias: string, now: Expression<Instant>) {
  const column = (name: string) => sql.ref(`${alias}.${name}`);
  const passed = sql<SqlBool>`${column('dueAt')} < ${now}`;
  return {
    passed,
    statusAt: sql<string>`iif(${passed}, ${column('statusThen')}, ${column('status')})`,
  };
}

/** How the rows of a table are kept apart in its indexes. */
export interface Parted {
  readonly table: string;
  /** Of the table in the query. */
  readonly alias: string;
  /** The statuses that time takes rows into. */
  readonly into: readonly string[];
  /** The statuses whose rows are kept apart from the beginning, and how that is noted. */
  readonly apart?: { readonly noted: string; readonly statuses: readonly string[] };
}

/** What is noted of rows that time may still change, or has changed. */
export function notedOf({ into }: Parted): readonly string[] {
  return [notNoted, ...into];
}

/**
 * The rows of a partner in parts, each of them read along an index that begins with the partner and `passedInto`: a page does
 * not look at rows that time has taken into another status.
 */
export function partsOf(parted: Parted, partnerId: Expression<string>, now: Expression<Instant>) {
  const { table, alias, into, apart } = parted;
  const column = (name: string) => sql.ref(`${alias}.${name}`);
  const isNoted = (noted: string) =>
    sql<SqlBool>`${column('partnerId')} = ${partnerId} and ${column('passedInto')} = ${noted}`;
  // Negations are no ranges, so SQLite reads along the index of the sort.
  const [stands, passed] = [
    sql<SqlBool>`not (${column('dueAt')} < ${now})`,
    sql<SqlBool>`not (${column('dueAt')} >= ${now})`,
  ];
  const { statusAt } = dueIn(alias, now);
  /**
   * Rows that have passed since the projector last looked, or that are noted although the clock says otherwise: few, if any.
   * By SQLite's own name of a row, and without the partner: otherwise SQLite would look at all rows of the partner.
   */
  const stale = sql<SqlBool>`${column('rowid')} in (${sql.join(
    notedOf(parted).map(
      (noted) => sql`select rowid from ${sql.table(table)} where "partnerId" = ${partnerId} and "passedInto" = ${noted}
        and "dueAt" ${noted === notNoted ? sql`<` : sql`>=`} ${now}`,
    ),
    sql` union all `,
  )})`;

  /** Conditions of parts that share no row: all rows, or those in some statuses at the time. */
  return (statuses?: readonly string[]): readonly Expression<SqlBool>[] => {
    if (!statuses) return [notNoted, ...into, ...(apart ? [apart.noted] : [])].map(isNoted);
    const [ended, standing] = [statuses.filter(isApart), statuses.filter((status) => !isApart(status))];
    const recorded = (noted: string, among: readonly string[]) =>
      among.length > 0 ? [sql<SqlBool>`${isNoted(noted)} and ${column('status')} in (${sql.join(among)})`] : [];
    return [
      ...recorded(notNoted, standing).map((part) => sql<SqlBool>`(${part} and ${stands})`),
      ...recorded(apart?.noted ?? notNoted, ended),
      ...into
        .filter((status) => statuses.includes(status))
        .map((status) => sql<SqlBool>`(${isNoted(status)} and ${passed})`),
      sql`(${stale} and ${statusAt} in (${sql.join(statuses)}))`,
    ];
  };

  function isApart(status: string): boolean {
    return apart?.statuses.includes(status) ?? false;
  }
}
