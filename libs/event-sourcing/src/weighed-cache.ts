/** The values that were used last, as many as a bound allows. */
export interface WeighedCache<Value> {
  /** Counts as a use. */
  readonly get: (key: string) => Value | undefined;
  readonly peek: (key: string) => Value | undefined;
  /** Weighs it as it is now. The value that is set last stays, even if it is more than the bound by itself. */
  readonly set: (key: string, value: Value) => void;
  readonly delete: (key: string) => void;
}

/** Whole values go, the least recently used first. One that has grown must be set again. */
export function weighedCache<Value>(bound: number, weightOf: (value: Value) => number): WeighedCache<Value> {
  const kept = new Map<string, { readonly value: Value; readonly weight: number }>();
  let all = 0;

  function remove(key: string): void {
    all -= kept.get(key)?.weight ?? 0;
    kept.delete(key);
  }

  return {
    get(key) {
      const found = kept.get(key);
      if (!found) return undefined;
      kept.delete(key);
      kept.set(key, found);
      return found.value;
    },
    peek: (key) => kept.get(key)?.value,
    set(key, value) {
      remove(key);
      const weight = weightOf(value);
      kept.set(key, { value, weight });
      all += weight;
      for (const other of kept.keys()) {
        if (all <= bound || other === key) return;
        remove(other);
      }
    },
    delete: remove,
  };
}
