import { badRequest, Matching, Optional, Problem, Time, WholeText } from '#http';
import { newestRecording } from '../newest-recording.js';
import type { ServedLedger } from '../served-ledger.js';

/** The parameters by which a list or a relationship is read as it stood. */
export class AsOfParameters {
  /** As it stood at this time: what had been recorded by then counts. Any offset. */
  @Optional(Time()) asOf?: string;
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
  | { readonly kind: 'time'; readonly at: string }
  | { readonly kind: 'position'; readonly position: number }
  | { readonly kind: 'revision'; readonly revision: number };

/**
 * The moment that a query names; undefined for the present.
 * @throws Problem 400 for more than one moment, and for a time in the future
 */
export async function momentOf(
  { asOf, asOfPosition, asOfRevision }: RelationshipAsOfParameters,
  ledger: Pick<ServedLedger, 'clock' | 'views'>,
): Promise<Moment | undefined> {
  const given = Object.entries({ asOf, asOfPosition, asOfRevision }).filter(([, value]) => value !== undefined);
  const names = given.map(([name]) => name);
  const others = (name: string) => names.filter((other) => other !== name).join(' and ');
  if (names.length > 1)
    throw new Problem('InvalidQuery', {
      errors: names.map((name) => ({ pointer: name, detail: `cannot stand beside ${others(name)}: name one moment` })),
    });
  if (asOf !== undefined) {
    await requirePast(asOf, ledger);
    return { kind: 'time', at: asOf };
  }
  if (asOfPosition !== undefined) return { kind: 'position', position: Number(asOfPosition) };
  return asOfRevision === undefined ? undefined : { kind: 'revision', revision: asOfRevision };
}

/** What is recorded is past, also where a clock was ahead when it was written: such a log can be read to its end. */
async function requirePast(asOf: string, ledger: Pick<ServedLedger, 'clock' | 'views'>): Promise<void> {
  const now = new Date(ledger.clock.estimate()).toISOString();
  if (asOf <= now) return;
  const newest = (await newestRecording(ledger)) ?? now;
  if (asOf > newest)
    throw badRequest('InvalidQuery', 'asOf', `must not lie in the future: it is ${newest > now ? newest : now}`);
}

/** @throws Problem 400 for a position that the ledger has not reached, as after a restore from a backup */
export function requireReached(position: number, head: number): void {
  if (position > head) throw new Problem('LedgerPositionUnknown', { reason: 'beyondHead', head: String(head) });
}
