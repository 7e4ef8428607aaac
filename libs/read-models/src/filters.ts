import type { Expression } from 'kysely';

/** How the value of a parameter is validated. */
export type Accepts =
  | { readonly kind: 'guid' | 'flag' | 'time' }
  | { readonly kind: 'text'; readonly max: number }
  | { readonly kind: 'oneOf'; readonly words: readonly string[] }
  /** `what` ends the sentence "must be". */
  | { readonly kind: 'matching'; readonly pattern: RegExp; readonly what: string; readonly example: string };

/** A filter of a list: a parameter of its route, and how the query gets its value. */
export interface Filter<Value = unknown, InQuery = unknown> {
  readonly accepts: Accepts;
  readonly description: string;
  /** Prepares the value to be bound. Without it, the value is one of a few and stands in the text of the query. */
  bind?(value: Value): string;
  /** Only the compiler knows them. */
  readonly types?: { readonly value: Value; readonly inQuery: InQuery };
}

export type Filters = Readonly<Record<string, Filter>>;

/** The values of a request; those of filters that are not set are absent. */
export type FilterValues<F extends Filters> = {
  readonly [N in keyof F]?: NonNullable<F[N]['types']>['value'] | undefined;
};

/** The filters as a query gets them. */
export type FiltersInQuery<F extends Filters> = { readonly [N in keyof F]?: NonNullable<F[N]['types']>['inQuery'] };

type Bound = Filter<string, Expression<string>>;
const asItIs = (value: string) => value;

/** The vocabulary of filters. */
export const by = {
  oneOf: <W extends string>(words: readonly W[], description: string): Filter<W, W> => ({
    accepts: { kind: 'oneOf', words },
    description,
  }),
  flag: (description: string): Filter<boolean, boolean> => ({ accepts: { kind: 'flag' }, description }),
  tenant: (description: string): Bound => ({ accepts: { kind: 'guid' }, description, bind: (id) => id.toLowerCase() }),
  customer: (): Bound => by.tenant('The tenant of one customer: a GUID in any case.'),
  time: (description: string, bind: (value: string) => string = asItIs): Bound => ({
    accepts: { kind: 'time' },
    description,
    bind,
  }),
  text: (max: number, description: string, bind: (value: string) => string = asItIs): Bound => ({
    accepts: { kind: 'text', max },
    description,
    bind,
  }),
  matching: (
    form: Omit<Extract<Accepts, { kind: 'matching' }>, 'kind'>,
    description: string,
    bind: (value: string) => string = asItIs,
  ): Bound => ({ accepts: { kind: 'matching', ...form }, description, bind }),
};
