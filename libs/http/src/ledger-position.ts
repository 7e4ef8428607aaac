import { parametersForm, parametersOf } from './field-values.js';
import { badRequest, Problem } from './problem.js';

// Positions leave the process as strings of digits: callers compare them and never calculate with them.

/** A position that a caller sends. */
export interface NamedPlace {
  readonly position: number;
  /** The first digits of the id of the event at that position when it was answered; absent if there was none. */
  readonly event: string | undefined;
}

/**
 * The header's value: a position in one ledger, and which event is there. It distinguishes the position from that of
 * another ledger, and from one in a history that was lost when this ledger was restored from a backup.
 */
export function ledgerPosition(position: number, ledgerId: string, eventId: string | undefined): string {
  const place = `${position};ledger="${ledgerId}"`;
  return eventId === undefined ? place : `${place};event="${beginOf(eventId)}"`;
}

/** 48 bits of a hash: enough to distinguish events at the same position in different histories of a ledger. */
export function beginOf(eventId: string): string {
  return eventId.slice(0, 13);
}

// An Item of RFC 8941: the order of parameters has no meaning, and those that are not known are not looked at.
const item = new RegExp(String.raw`^(0|[1-9]\d{0,15})(${parametersForm})$`);
const ledgerForm = /^"([\da-f-]{36})"$/;
const eventForm = /^"([\da-f]{8}-[\da-f]{4})"$/;

/**
 * Reads a `Ledger-Position` header, or another of the same form.
 * @throws Problem 400 for another form, another ledger, or a position beyond the head
 */
export function parseLedgerPosition(
  header: string,
  ledgerId: string,
  head: number,
  name = 'Ledger-Position',
): NamedPlace {
  const [, digits, rest = ''] = item.exec(header.trim()) ?? [];
  const parameters = parametersOf(rest);
  const ledger = ledgerForm.exec(parameters.get('ledger') ?? '')?.[1];
  const named = parameters.get('event');
  const event = named === undefined ? undefined : eventForm.exec(named)?.[1];
  if (digits === undefined || ledger === undefined || (named !== undefined && event === undefined))
    throw badRequest('InvalidHeader', name, 'must be digits;ledger="id";event="start of id", as answers bring it');
  if (ledger !== ledgerId) throw new Problem('LedgerPositionUnknown', { reason: 'anotherLedger', ledger: ledgerId });
  return { position: reached(Number(digits), head), event };
}

/** Reads a bare position, such as `?atLeast=`. @throws Problem 400 */
export function parsePosition(text: string, head: number, name = 'atLeast'): number {
  if (!/^(0|[1-9]\d{0,15})$/.test(text)) throw badRequest('InvalidQuery', name, 'must be a position: digits');
  return reached(Number(text), head);
}

function reached(position: number, head: number): number {
  // A request that waits for it would wait for ever: the ledger was restored from a backup after it had answered this position.
  if (position > head) throw new Problem('LedgerPositionUnknown', { reason: 'beyondHead', head: String(head) });
  return position;
}
