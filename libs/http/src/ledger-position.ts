import { badRequest, Problem } from './problem.js';

// Positions leave the process as strings of digits: they are compared, never counted.

/** A place that a caller names. */
export interface NamedPlace {
  readonly position: number;
  /** The begin of the id of the event that stood there when the place was told; absent where none did. */
  readonly event: string | undefined;
}

/**
 * The header's value: a place in one ledger, and which event stands there, so that a place in another ledger, or in a
 * history that was lost when this one was restored from a backup, is not mistaken for it.
 */
export function ledgerPosition(position: number, ledgerId: string, eventId: string | undefined): string {
  const place = `${position};ledger="${ledgerId}"`;
  return eventId === undefined ? place : `${place};event="${beginOf(eventId)}"`;
}

/** 48 bits of a hash: no two events of a ledger's histories that stand at one place share them. */
export function beginOf(eventId: string): string {
  return eventId.slice(0, 13);
}

const form = /^(0|[1-9]\d{0,15});\s*ledger="([0-9a-f-]{36})"(?:;\s*event="([0-9a-f]{8}-[0-9a-f]{4})")?$/;

/**
 * Reads a `Ledger-Position` header, or another of the same form.
 * @throws Problem 400 for another form, another ledger, or a place beyond the head
 */
export function parseLedgerPosition(
  header: string,
  ledgerId: string,
  head: number,
  name = 'Ledger-Position',
): NamedPlace {
  const match = form.exec(header.trim());
  if (!match)
    throw badRequest('InvalidHeader', name, 'must be digits;ledger="id";event="begin of id", as answers bring it');
  const [, digits, ledger, event] = match;
  if (ledger !== ledgerId) throw new Problem('LedgerPositionUnknown', { reason: 'anotherLedger', ledger: ledgerId });
  return { position: reached(Number(digits), head), event };
}

/** Reads a bare position, such as `?atLeast=`. @throws Problem 400 */
export function parsePosition(text: string, head: number, name = 'atLeast'): number {
  if (!/^(0|[1-9]\d{0,15})$/.test(text)) throw badRequest('InvalidQuery', name, 'must be a position: digits');
  return reached(Number(text), head);
}

function reached(position: number, head: number): number {
  // Waiting for it would be waiting for ever: it was handed out by a ledger that has since been restored from a backup.
  if (position > head) throw new Problem('LedgerPositionUnknown', { reason: 'beyondHead', head: String(head) });
  return position;
}
