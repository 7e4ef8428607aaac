/** The name of a message in a catalogue: a type that maps each message name to its payload. */
export type Name<Catalogue> = Extract<keyof Catalogue, string>;

/** A plain message `{ type, data }`: the form in memory is the form on disk. */
export type MessageOf<Catalogue, N extends Name<Catalogue> = Name<Catalogue>> = {
  [K in N]: { readonly type: K; readonly data: Catalogue[K] };
}[N];

/** The same value with every write removed by type, at any depth. */
export type Frozen<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends Map<infer K, infer V>
    ? ReadonlyMap<K, Frozen<V>>
    : T extends Set<infer V>
      ? ReadonlySet<V>
      : { readonly [K in keyof T]: Frozen<T[K]> };

/** What JSON can carry without loss. Times are ISO strings ending in `At`; there is no `Date` and no `bigint`. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };
