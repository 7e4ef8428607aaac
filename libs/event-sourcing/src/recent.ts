/** A map that keeps the keys that were set last, up to a number. */
export class Recent<Key, Value> {
  private readonly values = new Map<Key, Value>();
  hasForgotten = false;

  constructor(private readonly most: number) {}

  get(key: Key): Value | undefined {
    return this.values.get(key);
  }

  set(key: Key, value: Value): void {
    // While there is room their order does not matter, and to move a key costs more than to set it.
    if (this.values.size > this.most / 2) this.values.delete(key);
    this.values.set(key, value);
    if (this.values.size <= this.most) return;
    this.values.delete(this.values.keys().next().value!);
    this.hasForgotten = true;
  }
}
