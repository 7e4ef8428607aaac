import type { ColumnType } from '#event-sourcing';

// The vocabulary of columns. Each says how a column is stored, its type for the compiler, and its schema in the document.

/** A JSON Schema, as far as columns and fields of answers need one. */
export type Schema = Readonly<Record<string, unknown>>;

/** A column of a table, or a field of an answer. */
export interface Column<V = unknown> {
  readonly stored: ColumnType;
  readonly schema: Schema;
  /** Only the compiler knows it. */
  readonly value?: V;
}

export type Columns = Readonly<Record<string, Column>>;

/** A row, or an answer, with these columns. */
export type RowOf<C extends Columns> = { readonly [N in keyof C]: C[N] extends Column<infer V> ? V : never };

export function text<V extends string = string>(): Column<V> {
  return { stored: 'text', schema: { type: 'string' } };
}

/** The id of an item, as the caller has chosen it. */
export function id(): Column<string> {
  return { stored: 'text', schema: { type: 'string', minLength: 1 } };
}

export function guid(): Column<string> {
  return { stored: 'text', schema: { type: 'string', format: 'uuid' } };
}

/** An instant: RFC 3339 in UTC with milliseconds. */
export function time(): Column<string> {
  return { stored: 'text', schema: { type: 'string', format: 'date-time' } };
}

/** One of some words. The document lists them as examples, not as an enumeration: later releases may add words. */
export function word<W extends string>(words: readonly W[]): Column<W> {
  return { stored: 'text', schema: { type: 'string', examples: words } };
}

export function whole(): Column<number> {
  return { stored: 'integer', schema: { type: 'integer' } };
}

export function flag(): Column<boolean> {
  return { stored: 'boolean', schema: { type: 'boolean' } };
}

export function listOf<V>({ schema }: Column<V>): Column<readonly V[]> {
  return { stored: 'json', schema: { type: 'array', items: schema } };
}

/** An object with some fields. Those that `optional` names may be absent. */
export function object<C extends Columns, O extends keyof C & string = never>(
  fields: C,
  optional: readonly O[] = [],
): Column<{ readonly [N in Exclude<keyof C, O>]: RowOf<C>[N] } & { readonly [N in O]?: RowOf<C>[N] }> {
  return { stored: 'json', schema: objectSchema(fields, optional) };
}

/** An object whose schema the document knows by a name. */
export function named<V extends object>(name: string): Column<V> {
  return { stored: 'json', schema: { $ref: `#/components/schemas/${name}` } };
}

export function orNull<V>({ stored, schema }: Column<V>): Column<V | null> {
  const nullable =
    typeof schema['type'] === 'string'
      ? { ...schema, type: [schema['type'], 'null'] }
      : { oneOf: [schema, { type: 'null' }] };
  return { stored: `${stored}?` as ColumnType, schema: nullable };
}

/** The same column with a description for the document. */
export function described<V>({ stored, schema }: Column<V>, description: string): Column<V> {
  return { stored, schema: { ...schema, description } };
}

/** All words of a type. A missing word or a wrong one does not compile. */
export function allOf<W extends string>() {
  return <const L extends readonly W[]>(words: L & ([W] extends [L[number]] ? unknown : never)): L => words;
}

/** The JSON Schema of an object with these fields. */
export function objectSchema(fields: Columns, optional: readonly string[] = []): Schema {
  const required = Object.keys(fields).filter((name) => !optional.includes(name));
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(fields).map(([name, { schema }]) => [name, schema])),
    ...(required.length > 0 ? { required } : {}),
  };
}
