import { badRequest, isDate, Matching, Optional, Problem, TimeOrDate, WholeText } from '#http';
import { newestRecording } from '../newest-recording.js';
import type { ServedLedger } from '../served-ledger.js';

/** The parameters by which a list or a relationship is read as it stood. */
export class AsOfParameters {
  /** As it stood at this time: what had been recorded by then counts. Any offset. A date means its end in UTC; today, now. */
  @Optional(TimeOrDate()) asOf?: string;
  /** As it stood at this place in the ledger. */
  @Optional(Matching(/^[1-9]\d{0,15}$/, 'a position: digits', '42')) asOfPosition?: string;
}

/** The further parameter of one relationship. */
export class RelationshipAsOfParameters extends AsOfParameters {
  /** As it stood at this revision of the relationship. */
  @Optional(WholeText(0, Number.MAX_SAFE_INTEGER)) asOfRevision?: number;
}

/** Up to which event the log counts. */
export type Moment =
  | {
      readonly kind: 'time';
      readonly at: string;
      /** It was named by a date. The date of today is another instant for each request. */
      readonly byDate?: true;
    }
  | { readonly kind: 'position'; readonly position: number }
  | { readonly kind: 'revision'; readonly revision: number };

/**
 * The moment that a query names; undefined for the present.
 * @throws Problem 400 for more than one moment, and for a time in the future
 */
export async function momentOf(
  { asOf, asOfPosition, asOfRevision }: RelationshipAsOfParameters,
  ledger: Clocked,
): Promise<Moment | undefined> {
  const given = Object.entries({ asOf, asOfPosition, asOfRevision }).filter(([, value]) => value !== undefined);
  const names = given.map(([name]) => name);
  const others = (name: string) => names.filter((other) => other !== name).join(' and ');
  if (names.length > 1)
    throw new Problem('InvalidQuery', {
      errors: names.map((name) => ({ pointer: name, detail: `cannot stand beside ${others(name)}: name one moment` })),
    });
  if (asOf !== undefined) {
    if (isDate(asOf)) return { kind: 'time', at: await endOf(asOf, ledger), byDate: true };
    await requirePast(asOf, ledger);
    return { kind: 'time', at: asOf };
  }
  if (asOfPosition !== undefined) return { kind: 'position', position: Number(asOfPosition) };
  return asOfRevision === undefined ? undefined : { kind: 'revision', revision: asOfRevision };
}

type Clocked = Pick<ServedLedger, 'clock' | 'views'>;

/** The last millisecond of a date in UTC. Of today it is now. @throws Problem 400 for a date in the future */
async function endOf(date: string, ledger: Clocked): Promise<string> {
  const end = `${date}T23:59:59.999Z`;
  const today = new Date(ledger.clock.estimate()).toISOString().slice(0, 10);
  if (date < today) return end;
  if (date === today) return ledger.clock.now();
  const latest = await latestPast(ledger);
  if (date > latest.slice(0, 10)) throw inTheFuture(latest);
  return end < latest ? end : latest;
}

async function requirePast(asOf: string, ledger: Clocked): Promise<void> {
  if (asOf <= new Date(ledger.clock.estimate()).toISOString()) return;
  const latest = await latestPast(ledger);
  if (asOf > latest) throw inTheFuture(latest);
}

/** What is recorded is past, also where a clock was ahead when it was written: such a log can be read to its end. */
async function latestPast(ledger: Clocked): Promise<string> {
  const now = new Date(ledger.clock.estimate()).toISOString();
  const newest = (await newestRecording(ledger)) ?? now;
  return newest > now ? newest : now;
}

function inTheFuture(latest: string): Problem {
  return badRequest('InvalidQuery', 'asOf', `must not lie in the future: it is ${latest}`);
}

/** @throws Problem 400 for a position that the ledger has not reached, as after a restore from a backup */
export function requireReached(position: number, head: number): void {
  if (position > head) throw new Problem('LedgerPositionUnknown', { reason: 'beyondHead', head: String(head) });
}
