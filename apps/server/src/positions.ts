import type { EventStore } from '#event-sourcing';
import { beginOf, ledgerPosition, parseLedgerPosition, parsePosition, Problem } from '#http';

/** Positions of this ledger, as answers name them and callers send them back. */
export interface Positions {
  /** Takes the id of the event at the position, if there is one. */
  readonly of: (place: { readonly position: number; readonly id: string | undefined }) => string;
  /**
   * Throws rather than leave out the event when the store cannot say which one stands there: a retry would be answered with
   * another header, and a reader that goes on from there would not notice a restore.
   * @throws StoreUnavailable, LogDamaged
   */
  readonly at: (position: number) => Promise<string>;
  /**
   * The position in a header of the form of `Ledger-Position`.
   * @throws Problem 400 for another form, for a position of another ledger or after the head, and for one whose event was
   * lost when this ledger was restored from a backup
   */
  readonly read: (header: string, head: number, name?: string) => Promise<number>;
  /**
   * The position that a query must see, such as that of its sender's last command; 0 when it names none.
   * @throws Problem 400, as `read`
   */
  readonly asked: (
    headers: Readonly<Record<string, string | string[] | undefined>>,
    atLeast?: string,
    head?: number,
  ) => Promise<number>;
}

export function positionsIn(store: Pick<EventStore, 'head' | 'idAt'>, ledgerId: string): Positions {
  async function read(header: string, head: number, name?: string): Promise<number> {
    const { position, event } = parseLedgerPosition(header, ledgerId, head, name);
    if (event === undefined) return position;
    const id = await store.idAt(position);
    if (id === undefined || beginOf(id) !== event) throw lostInRestore(head);
    return position;
  }

  return {
    of: ({ position, id }) => ledgerPosition(position, ledgerId, id),
    at: async (position) => ledgerPosition(position, ledgerId, await store.idAt(position)),
    read,
    async asked(headers, atLeast, head) {
      const header = headers['ledger-position'];
      if (header === undefined && atLeast === undefined) return 0;
      const end = head ?? (await store.head());
      return Math.max(
        header === undefined ? 0 : await read(String(header), end),
        atLeast === undefined ? 0 : parsePosition(atLeast, end),
      );
    },
  };
}

/** For a caller that names an event which is not there: it was written before a restore. */
export function lostInRestore(head: number): Problem {
  return new Problem('LedgerPositionUnknown', { reason: 'lostInRestore', head: String(head) });
}
