/** Stands for a value in the text of a query. The value is bound when the query is asked. */
export class Placeholder {
  constructor(readonly name: string) {}
}

/** What a query builder makes of a query: its text, and what is bound to it in this order. */
export interface QueryText {
  readonly sql: string;
  /** Constants, and a {@link Placeholder} for each value that comes later. */
  readonly parameters: readonly unknown[];
}

/**
 * A query over the tables of a view. What answers queries compiles and prepares it once and asks it with other values each
 * time, so it is made once and kept.
 */
export interface ViewQuery<Row extends object> {
  /** From the query builder of the tables. */
  build(tables: object): { compile(): QueryText };
  /** Only the compiler knows it. */
  readonly row?: Row;
}

/** The rows of a view at one position of the log. */
export interface ViewQueries {
  /** `values` are bound to the placeholders of their names. */
  readonly all: <Row extends object>(
    query: ViewQuery<Row>,
    values: Readonly<Record<string, unknown>>,
  ) => readonly Row[];
}
