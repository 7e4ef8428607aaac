/** The form of a position in the ledger, as answers bring it and queries send it: opaque, but for what stands here. */
export type LedgerPosition = `${string};ledger="${string}"${string}`;

interface Place {
  readonly position: bigint;
  readonly ledger: string;
  readonly header: LedgerPosition;
}

/** How far the ledger has been seen to have come, so that later questions are answered from there on. */
export class SeenPosition {
  private seen: Place | undefined;

  /** Of what any answer has said; the furthest counts, and the ledger that answered last. */
  note(header: string | null): void {
    const place = placeIn(header);
    if (!place) return;
    if (this.seen?.ledger !== place.ledger || place.position > this.seen.position) this.seen = place;
  }

  /** Nothing of it is true any more: the ledger is another one, or has been restored from a backup. */
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
