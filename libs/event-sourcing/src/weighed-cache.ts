/** The values that were used last, as many as a bound allows. Whole values go, the least recently used first. */
export class WeighedCache<Value> {
  private readonly kept = new Map<string, { readonly value: Value; readonly weight: number }>();
  private weight = 0;

  constructor(
    private readonly bound: number,
    private readonly weightOf: (value: Value) => number,
  ) {}

  /** Counts as a use. */
  get(key: string): Value | undefined {
    const found = this.kept.get(key);
    if (!found) return undefined;
    this.kept.delete(key);
    this.kept.set(key, found);
    return found.value;
  }

  readonly peek = (key: string): Value | undefined => this.kept.get(key)?.value;

  /** Weighs it as it is now: one that has grown must be set again. The value that is set last stays, whatever its weight. */
  set(key: string, value: Value): void {
    this.delete(key);
    const weight = this.weightOf(value);
    this.kept.set(key, { value, weight });
    this.weight += weight;
    for (const other of this.kept.keys()) {
      if (this.weight <= this.bound || other === key) return;
      this.delete(other);
    }
  }

  delete(key: string): void {
    this.weight -= this.kept.get(key)?.weight ?? 0;
    this.kept.delete(key);
  }
}
