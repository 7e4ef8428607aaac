import { badRequest, Problem } from './problem.js';

// Positions leave the process as strings of digits: they are compared, never counted.

/** The header's value: a place in one ledger, so that a token of another or a restored one is not mistaken for it. */
export function ledgerPosition(position: number, ledgerId: string): string {
  return `${position};ledger="${ledgerId}"`;
}

const form = /^(0|[1-9]\d{0,15});\s*ledger="([0-9a-f-]{36})"$/;

/**
 * Reads a `Ledger-Position` header, or another of the same form.
 * @throws Problem 400 for another form, another ledger, or a place beyond the head
 */
export function parseLedgerPosition(header: string, ledgerId: string, head: number, name = 'Ledger-Position'): number {
  const match = form.exec(header.trim());
  if (!match) throw badRequest('InvalidHeader', name, 'must be digits;ledger="id", as answers bring it');
  return knownPosition(Number(match[1]), match[2], ledgerId, head);
}

/** Reads a bare position, such as `?atLeast=`. @throws Problem 400 */
export function parsePosition(text: string, head: number, name = 'atLeast'): number {
  if (!/^(0|[1-9]\d{0,15})$/.test(text)) throw badRequest('InvalidQuery', name, 'must be a position: digits');
  return knownPosition(Number(text), undefined, '', head);
}

function knownPosition(position: number, ledger: string | undefined, ledgerId: string, head: number): number {
  if (ledger !== undefined && ledger !== ledgerId)
    throw new Problem('LedgerPositionUnknown', { reason: 'anotherLedger', ledger: ledgerId });
  // Waiting for it would be waiting for ever: it was handed out by a ledger that has since been restored from a backup.
  if (position > head) throw new Problem('LedgerPositionUnknown', { reason: 'beyondHead', head: String(head) });
  return position;
}
