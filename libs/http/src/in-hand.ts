export interface InHandBounds {
  /** The most that one name may have in hand. */
  readonly ofOne: number;
  /** Beyond it in all, only names that have nothing in hand get room; unlimited by default. */
  readonly ofAll?: number;
}

/**
 * Counts what the server holds for each name, such as requests or bytes, until it is given back. A name that fills what is
 * meant for all keeps out itself, and no name that has nothing in hand.
 */
export class InHand {
  private readonly amounts = new Map<string, number>();
  private all = 0;

  constructor(private readonly bounds: InHandBounds) {}

  hasRoom(name: string, amount: number): boolean {
    const { ofOne, ofAll = Infinity } = this.bounds;
    const own = this.amounts.get(name) ?? 0;
    // One that is larger than the bound itself would otherwise be refused for ever.
    return own === 0 || (own + amount <= ofOne && this.all + amount <= ofAll);
  }

  /** Counts an amount, whether there is room or not; one below 0 gives back. */
  add(name: string, amount: number): void {
    this.all += amount;
    const own = (this.amounts.get(name) ?? 0) + amount;
    if (own > 0) this.amounts.set(name, own);
    else this.amounts.delete(name);
  }

  /** In all, or for one name. */
  amount(name?: string): number {
    return name === undefined ? this.all : (this.amounts.get(name) ?? 0);
  }
}
