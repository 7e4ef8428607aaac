/** A position in the ledger, as answers name it and queries send it back. Treat it as opaque beyond this form. */
export type LedgerPosition = `${string};ledger="${string}"${string}`;

interface Place {
  readonly position: bigint;
  readonly ledger: string;
  readonly header: LedgerPosition;
}

/** The furthest position that answers have named, so that later queries are answered from there on. */
export class SeenPosition {
  private seen: Place | undefined;

  /** Takes the header of an answer. The furthest position of the ledger that answered last counts. */
  note(header: string | null): void {
    const place = placeIn(header);
    if (!place) return;
    if (this.seen?.ledger !== place.ledger || place.position > this.seen.position) this.seen = place;
  }

  /** For a ledger that is another one, or has been restored from a backup: the position no longer holds. */
  forget(): void {
    this.seen = undefined;
  }

  get latest(): LedgerPosition | undefined {
    return this.seen?.header;
  }
}

function placeIn(header: string | null): Place | undefined {
  const match = /^(\d+);\s*ledger="([^"]+)"(?:;|$)/.exec(header ?? '');
  if (!match) return undefined;
  const [, position = '', ledger = ''] = match;
  return { position: BigInt(position), ledger, header: header as LedgerPosition };
}
