import type { MessageOf } from '#event-sourcing';
import type { SecurityJournalEvents } from './security-journal-events.js';

/** Who was denied what; equal ones are recorded as one with a count. */
export interface Denial {
  readonly code: string;
  readonly method: string;
  readonly route: string;
  readonly tenant?: string;
  readonly actorId?: string;
  readonly partnerId?: string;
}

type SecurityEvent = MessageOf<SecurityJournalEvents>;

export interface DenialTally {
  /** Counts a denial; what is to be written at once. Times are milliseconds since the epoch. */
  readonly deny: (denial: Denial, at: number) => readonly SecurityEvent[];
  /** What is to be written because its minute, hour or day is over. */
  readonly due: (at: number) => readonly SecurityEvent[];
  /** Everything that has been counted and not been written. */
  readonly rest: () => readonly SecurityEvent[];
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** How many single denials a server writes down, so that nobody fills the log by knocking. */
export const mostDenials = { anHour: 60, aDay: 500 };

/**
 * Who may use how much of that. A repeated denial yields to a new one. Strangers, who can make up denials at no cost, yield to
 * callers who are known. Those of one tenant leave something to all others. Otherwise an attacker would first exhaust the
 * journal, and then do the deed.
 */
const shares = { again: 1 / 2, ofStranger: 3 / 4, ofTenant: 3 / 4, ofCaller: 1 };

interface Count {
  readonly denial: Denial;
  readonly until: number;
  count: number;
  firstAt: number;
  lastAt: number;
}

/** Turns denials into few events, without a clock or a store of its own. */
export function denialTally(): DenialTally {
  const counts = new Map<string, Count>();
  let written = { hour: 0, inHour: 0, day: 0, inDay: 0 };
  /** Of the day, by tenant; never more of them than events. */
  const writtenOf = new Map<string, { inHour: number; inDay: number }>();
  let omitted: { readonly byCode: Map<string, number>; count: number; firstAt: number; lastAt: number } | undefined;

  /** Whether one more may be written by a claim to so much of the whole. */
  function admitted(share: number, tenant: string | undefined): boolean {
    const own = (tenant !== undefined && writtenOf.get(tenant)) || { inHour: 0, inDay: 0 };
    if (isSpent(written, share) || isSpent(own, shares.ofTenant)) return false;
    for (const counted of [written, own]) {
      counted.inHour++;
      counted.inDay++;
    }
    if (tenant !== undefined) writtenOf.set(tenant, own);
    return true;
  }

  function omit({ code }: Denial, count: number, firstAt: number, lastAt: number): void {
    omitted ??= { byCode: new Map(), count: 0, firstAt, lastAt };
    omitted.byCode.set(code, (omitted.byCode.get(code) ?? 0) + count);
    omitted.count += count;
    omitted.firstAt = Math.min(omitted.firstAt, firstAt);
    omitted.lastAt = Math.max(omitted.lastAt, lastAt);
  }

  function closing(): SecurityEvent[] {
    if (!omitted) return [];
    const { count, byCode, firstAt, lastAt } = omitted;
    omitted = undefined;
    return [
      {
        type: 'AccessDenialsOmitted',
        data: { count, byCode: Object.fromEntries(byCode), firstAt: iso(firstAt), lastAt: iso(lastAt) },
      },
    ];
  }

  /** The repeats of a minute that is over, if there were any. */
  function repeats({ denial, count, firstAt, lastAt }: Count): SecurityEvent[] {
    if (count === 0) return [];
    if (admitted(shares.again, denial.tenant)) return [accessDenied(denial, count, firstAt, lastAt)];
    omit(denial, count, firstAt, lastAt);
    return [];
  }

  function due(at: number): SecurityEvent[] {
    const events: SecurityEvent[] = [];
    for (const [key, counted] of counts) {
      if (at < counted.until) continue;
      counts.delete(key);
      events.push(...repeats(counted));
      // What goes on is recorded minute by minute, and does not count as new.
      if (counted.count > 0) counts.set(key, { ...counted, count: 0, until: at + minute });
    }
    const now = { hour: Math.floor(at / hour), day: Math.floor(at / day) };
    if (now.hour !== written.hour) {
      const exhausted = now.day === written.day && written.inDay >= mostDenials.aDay;
      // A day that is full is closed once.
      if (!exhausted) events.push(...closing());
      if (now.day !== written.day) writtenOf.clear();
      for (const own of writtenOf.values()) own.inHour = 0;
      written = { ...now, inHour: 0, inDay: now.day === written.day ? written.inDay : 0 };
    }
    return events;
  }

  return {
    deny(denial, at) {
      const events = due(at);
      const key = JSON.stringify([
        denial.code,
        denial.method,
        denial.route,
        denial.tenant,
        denial.actorId,
        denial.partnerId,
      ]);
      const counted = counts.get(key);
      if (counted) {
        if (counted.count++ === 0) counted.firstAt = at;
        counted.lastAt = at;
      } else if (admitted(denial.actorId === undefined ? shares.ofStranger : shares.ofCaller, denial.tenant)) {
        // So that there are never more of them than events.
        counts.set(key, { denial, until: at + minute, count: 0, firstAt: at, lastAt: at });
        events.push(accessDenied(denial, 1, at, at));
      } else omit(denial, 1, at, at);
      return events;
    },
    due,
    rest() {
      const events = [...counts.values()].flatMap(repeats);
      counts.clear();
      return [...events, ...closing()];
    },
  };
}

function isSpent({ inHour, inDay }: { readonly inHour: number; readonly inDay: number }, share: number): boolean {
  return inHour >= mostDenials.anHour * share || inDay >= mostDenials.aDay * share;
}

function accessDenied(denial: Denial, count: number, firstAt: number, lastAt: number): SecurityEvent {
  return { type: 'AccessDenied', data: { ...denial, count, firstAt: iso(firstAt), lastAt: iso(lastAt) } };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
