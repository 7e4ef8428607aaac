import type { MessageOf } from '#event-sourcing';
import type { RefusedRequest } from '#http';
import type { SecurityJournalEvents } from './security-journal-events.js';

/** Who was denied what. Equal denials are recorded as one event with a count. */
export type Denial = Omit<SecurityJournalEvents['AccessDenied'], 'count' | 'firstAt' | 'lastAt'>;

/** What may be kept of a refused request: the ledger's own words, and identifiers. */
export function denialOf(code: string, { call, method, route = 'unknown', namedPartner }: RefusedRequest): Denial {
  const { caller } = call;
  const partnerId = call.partnerId ?? namedPartner?.toLowerCase();
  return {
    code,
    method,
    route,
    ...(caller ? { tenant: caller.tenant, actorId: caller.id } : {}),
    ...(partnerId === undefined ? {} : { partnerId }),
  };
}

type SecurityEvent = MessageOf<SecurityJournalEvents>;

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** How many single denials a server records at most, so that repeated attempts do not fill the log. */
export const mostDenials = { anHour: 60, aDay: 500 };

/**
 * The share of that limit that each kind of denial may use. Repeated denials leave room for new ones; strangers, who can
 * cause denials at no cost, leave room for known callers; and each tenant leaves room for the others. Otherwise an attacker
 * could first exhaust the journal and then act unseen.
 */
const shares = { again: 1 / 2, ofStranger: 3 / 4, ofTenant: 3 / 4, ofCaller: 1 };

interface Count {
  readonly denial: Denial;
  readonly until: number;
  count: number;
  firstAt: number;
  lastAt: number;
}

/** Summarises denials as few events, without a clock or a store of its own. Times are milliseconds since the epoch. */
export function denialTally() {
  const counts = new Map<string, Count>();
  let written = { hour: 0, inHour: 0, day: 0, inDay: 0 };
  /** Events of the day by tenant: never more entries than events. */
  const writtenOf = new Map<string, { inHour: number; inDay: number }>();
  let omitted: { readonly byCode: Map<string, number>; count: number; firstAt: number; lastAt: number } | undefined;

  /** Whether one more event may be written within this share of the limit. */
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
    const data = { count, byCode: Object.fromEntries(byCode), firstAt: iso(firstAt), lastAt: iso(lastAt) };
    return [{ type: 'AccessDenialsOmitted', data }];
  }

  /** The repeats of a minute that is over, if there were any. */
  function repeats({ denial, count, firstAt, lastAt }: Count): SecurityEvent[] {
    if (count === 0) return [];
    if (admitted(shares.again, denial.tenant)) return [accessDenied(denial, count, firstAt, lastAt)];
    omit(denial, count, firstAt, lastAt);
    return [];
  }

  /** The events to write because their minute, hour or day is over. */
  function due(at: number): SecurityEvent[] {
    const events: SecurityEvent[] = [];
    for (const [key, counted] of counts) {
      if (at < counted.until) continue;
      counts.delete(key);
      events.push(...repeats(counted));
      // A denial that keeps repeating is recorded once a minute and does not count as new.
      if (counted.count > 0) counts.set(key, { ...counted, count: 0, until: at + minute });
    }
    const now = { hour: Math.floor(at / hour), day: Math.floor(at / day) };
    if (now.hour !== written.hour) {
      const exhausted = now.day === written.day && written.inDay >= mostDenials.aDay;
      // A full day is closed once.
      if (!exhausted) events.push(...closing());
      if (now.day !== written.day) writtenOf.clear();
      for (const own of writtenOf.values()) own.inHour = 0;
      written = { ...now, inHour: 0, inDay: now.day === written.day ? written.inDay : 0 };
    }
    return events;
  }

  return {
    /** Counts a denial and returns the events to write at once. */
    deny(denial: Denial, at: number): readonly SecurityEvent[] {
      const events = due(at);
      const { code, method, route, tenant, actorId, partnerId } = denial;
      const key = JSON.stringify([code, method, route, tenant, actorId, partnerId]);
      const counted = counts.get(key);
      if (counted) {
        if (counted.count++ === 0) counted.firstAt = at;
        counted.lastAt = at;
      } else if (admitted(actorId === undefined ? shares.ofStranger : shares.ofCaller, tenant)) {
        // Only then: so there are never more counts than events.
        counts.set(key, { denial, until: at + minute, count: 0, firstAt: at, lastAt: at });
        events.push(accessDenied(denial, 1, at, at));
      } else omit(denial, 1, at, at);
      return events;
    },
    due,
    /** Everything that has been counted but not written. */
    rest(): readonly SecurityEvent[] {
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
