import type { Key } from '#event-sourcing';
import type { Instant } from '#customer-relationship';

/** A row of a view that callers may have explained: why it is as it is, or why it is gone. */
export interface Explained {
  /** The table of the row. */
  readonly table: string;
  /** The columns of its key besides the pair. They are parameters of the path. */
  readonly key: readonly string[];
  /** The allowed values of those columns of the key that have only some. */
  readonly words?: Readonly<Record<string, readonly string[]>>;
  /** The name of what is missing in a refusal: a word, or the column of the key that has the word. */
  readonly kind: string;
  /** The tables whose rows the list joins with it. */
  readonly with: readonly string[];
  /** The name of the operation: a verb first. */
  readonly operation: string;
  readonly summary: string;
  /** Whether the list shows such a row. */
  isListed(row: object): boolean;
  /** The row as of a time, where it changes at its end without an event. */
  at?(row: object, now: Instant): object;
}

/** Declares a row that callers may have explained, with the types of its tables. */
export function explained<Tables>() {
  return <T extends keyof Tables & string>({
    key = [],
    with: joined = [],
    isListed = () => true,
    ...rest
  }: {
    readonly table: T;
    readonly key?: readonly (keyof Tables[T] & string)[];
    readonly with?: readonly (keyof Tables & string)[];
    readonly isListed?: (row: Tables[T]) => boolean;
    readonly at?: (row: Tables[T], now: Instant) => Tables[T];
  } & Pick<Explained, 'words' | 'kind' | 'operation' | 'summary'>): Explained =>
    ({ key, with: joined, isListed, ...rest }) as Explained;
}

/** Whether a row belongs to the explanation of the row that `ids` name: it is that row, or is joined with it. */
export function belongsTo({ table, key, with: joined }: Explained, ids: Readonly<Record<string, string>>) {
  return (other: string, [, , ...values]: Key): boolean =>
    joined.includes(other) || (other === table && key.every((name, index) => values[index] === ids[name]));
}
