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

/**
 * How many single denials a server records in an hour, of each kind: `one` for each partner (and for what concerns none),
 * whatever happens to others, and more up to `most` while `all` have room together. What is written is bounded by the
 * number of partners, and nobody can use up what another partner is sure of. In a day it is eight times as much.
 */
export const shares = {
  /** By the partner's own people and apps. */
  own: { one: 30, most: 60, all: 600 },
  /** By known callers of other tenants: other partners, and customers. */
  others: { one: 10, most: 30, all: 300 },
  /** Without a token that holds, at no cost: they name partners at will. */
  strangers: { one: 2, most: 15, all: 150 },
} as const;
type Kind = keyof typeof shares;
const hoursOfADay = 8;

/**
 * The part of a share that one caller's tenant may use (of the own people: one person), and that repeats may use. Otherwise an
 * attacker could first exhaust the journal and then act unseen.
 */
const partOfOne = 1 / 2;
const partOfRepeats = 1 / 2;

/** The events of an hour and of a day. */
class Written {
  inHour = 0;
  inDay = 0;

  isBelow(anHour: number, part = 1): boolean {
    return this.inHour < anHour * part && this.inDay < anHour * hoursOfADay * part;
  }

  count(): void {
    this.inHour++;
    this.inDay++;
  }
}

/** What concerns no partner is kept like what concerns one. */
const noPartner = '';

interface Count {
  readonly denial: Denial;
  readonly until: number;
  count: number;
  firstAt: number;
  lastAt: number;
}

/** Denials that are not recorded one by one. */
interface Omitted {
  readonly byCode: Map<string, number>;
  count: number;
  firstAt: number;
  lastAt: number;
}

/**
 * Summarises denials as few events, without a clock or a store of its own. Times are milliseconds since the epoch.
 * `isPartner` knows the partners of the ledger: only they have a share.
 */
export function denialTally(isPartner: (tenant: string) => boolean) {
  const counts = new Map<string, Count>();
  let now = { hour: 0, day: 0 };
  /** Of the day, by name of a share or of a part: never more entries than events. */
  const written = new Map<string, Written>();
  const omitted = new Map<string, Omitted>();

  const writtenOf = (name: string) => written.get(name) ?? new Written();

  /** The shares that a denial counts for: one for each partner that it concerns. */
  function sharesOf({ tenant, actorId, partnerId }: Denial) {
    const found: { readonly partner: string; readonly kind: Kind; readonly who: string | undefined }[] = [];
    const known = actorId !== undefined;
    if (known && tenant !== undefined && isPartner(tenant)) found.push({ partner: tenant, kind: 'own', who: actorId });
    if (partnerId !== undefined && partnerId !== found[0]?.partner && isPartner(partnerId))
      found.push({ partner: partnerId, kind: known ? 'others' : 'strangers', who: known ? tenant : undefined });
    if (found.length === 0)
      found.push({ partner: noPartner, kind: known ? 'others' : 'strangers', who: known ? tenant : undefined });
    return found;
  }

  /** Whether one more event may be written: where it concerns two partners, the share of either is enough. */
  function admitted(denial: Denial, part: number): boolean {
    const names = sharesOf(denial).map(({ partner, kind, who }) => ({
      kind,
      all: kind,
      one: `${kind} ${partner}`,
      of: who === undefined ? undefined : `${kind} ${partner} ${who}`,
    }));
    const found = names.filter(({ kind, all, one, of }) => {
      const share = shares[kind];
      const isBelow = (anHour: number) =>
        writtenOf(one).isBelow(anHour, part) && (of === undefined || writtenOf(of).isBelow(anHour, partOfOne));
      return isBelow(share.one) || (isBelow(share.most) && writtenOf(all).isBelow(share.all, part));
    });
    for (const name of found.flatMap(({ all, one, of }) => (of === undefined ? [all, one] : [all, one, of]))) {
      const own = writtenOf(name);
      own.count();
      written.set(name, own);
    }
    return found.length > 0;
  }

  /** Each partner that it concerns learns of it. */
  function omit(denial: Denial, count: number, firstAt: number, lastAt: number): void {
    for (const { partner } of sharesOf(denial)) {
      const own = omitted.get(partner) ?? { byCode: new Map<string, number>(), count: 0, firstAt, lastAt };
      omitted.set(partner, own);
      own.byCode.set(denial.code, (own.byCode.get(denial.code) ?? 0) + count);
      own.count += count;
      own.firstAt = Math.min(own.firstAt, firstAt);
      own.lastAt = Math.max(own.lastAt, lastAt);
    }
  }

  function closing(): SecurityEvent[] {
    const events = [...omitted].map(([partner, { count, byCode, firstAt, lastAt }]): SecurityEvent => ({
      type: 'AccessDenialsOmitted',
      data: {
        partnerId: partner === noPartner ? null : partner,
        ...{ count, byCode: Object.fromEntries(byCode), firstAt: iso(firstAt), lastAt: iso(lastAt) },
      },
    }));
    omitted.clear();
    return events;
  }

  /** The repeats of a minute that is over, if there were any. */
  function repeats({ denial, count, firstAt, lastAt }: Count): SecurityEvent[] {
    if (count === 0) return [];
    if (admitted(denial, partOfRepeats)) return [accessDenied(denial, count, firstAt, lastAt)];
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
    const then = { hour: Math.floor(at / hour), day: Math.floor(at / day) };
    if (then.hour !== now.hour) {
      events.push(...closing());
      if (then.day !== now.day) written.clear();
      for (const own of written.values()) own.inHour = 0;
      now = then;
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
      } else if (admitted(denial, 1)) {
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

function accessDenied(denial: Denial, count: number, firstAt: number, lastAt: number): SecurityEvent {
  return { type: 'AccessDenied', data: { ...denial, count, firstAt: iso(firstAt), lastAt: iso(lastAt) } };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
