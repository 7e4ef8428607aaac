/**
 * Times are RFC 3339 in UTC with milliseconds (`2026-11-22T16:00:00.000Z`), so that comparing the strings compares the
 * times. Ends are inclusive (domain fact: "all dates UTC; end dates inclusive").
 * @format date-time
 */
export type Instant = string;

const dayInMs = 24 * 60 * 60 * 1000;

export function addDays(at: Instant, days: number): Instant {
  return new Date(Date.parse(at) + days * dayInMs).toISOString();
}

export function addHours(at: Instant, hours: number): Instant {
  return new Date(Date.parse(at) + hours * 60 * 60 * 1000).toISOString();
}

/** Adds months; keeps the day of the month, or a given one, or takes the month's last day if it is shorter. */
export function addMonths(at: Instant, months: number, day: number = dayOfMonth(at)): Instant {
  const date = new Date(at);
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, lastDay));
  return date.toISOString();
}

/** In UTC, from 1 to 31. */
export function dayOfMonth(at: Instant): number {
  return new Date(at).getUTCDate();
}

/** Ends are inclusive, so this is a millisecond after the end. */
export function firstInstantAfter(end: Instant): Instant {
  return new Date(Date.parse(end) + 1).toISOString();
}

/** The end itself still belongs to the period. */
export function hasPassed(end: Instant, now: Instant): boolean {
  return now > end;
}

export const termDurations = ['P1M', 'P1Y', 'P3Y'] as const;
export type TermDuration = (typeof termDurations)[number];
const monthsOf: Record<TermDuration, number> = { P1M: 1, P1Y: 12, P3Y: 36 };

/**
 * The end of a term. Renewed terms pass the day of the month on which the first term started: otherwise a monthly term
 * of the 31st would end on the 28th for ever after one February.
 */
export function termEnd(startsAt: Instant, duration: TermDuration, day?: number): Instant {
  return addMonths(startsAt, monthsOf[duration], day);
}

/**
 * The day of the month on which terms end: that on which the first one started, unless the item has brought an end of its
 * own (rule T3), which then gives it. What it has brought, the event of the purchase does not say apart.
 */
export function anchorDayOf(startsAt: Instant, duration: TermDuration, endsAt: Instant): number {
  return dayOfMonth(endsAt === termEnd(startsAt, duration) ? startsAt : endsAt);
}
