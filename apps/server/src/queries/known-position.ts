import { parseLedgerPosition, parsePosition } from '#http';
import type { Ledger } from '../ledger.js';
import type { Asked } from './asked.js';

/**
 * The position that the caller must be able to read, what it has written, say; 0 when it asks for none.
 * @throws Problem 400 for a position of another or a restored ledger, or beyond the head
 */
export async function wantedPosition(
  { store, id }: Pick<Ledger, 'store' | 'id'>,
  headers: Asked['headers'],
  atLeast?: string,
): Promise<number> {
  if (headers['ledger-position'] === undefined && atLeast === undefined) return 0;
  return knownPosition(id, headers, atLeast, await store.head());
}

/** The same where the head is known. @throws Problem 400 */
export function knownPosition(
  ledgerId: string,
  headers: Asked['headers'],
  atLeast: string | undefined,
  head: number,
): number {
  const header = headers['ledger-position'];
  return Math.max(
    header === undefined ? 0 : parseLedgerPosition(String(header), ledgerId, head),
    atLeast === undefined ? 0 : parsePosition(atLeast, head),
  );
}
