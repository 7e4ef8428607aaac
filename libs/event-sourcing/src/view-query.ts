/** A parameter of a query. Its value is bound when the query is asked. */
export class Placeholder {
  constructor(readonly name: string) {}
}

/** A compiled query: its text, and its parameters in order. */
export interface QueryText {
  readonly sql: string;
  /** Constants, and a {@link Placeholder} for each value that is bound later. */
  readonly parameters: readonly unknown[];
}

/**
 * A query over the tables of a view. It is compiled and prepared at its first use, and asked with other values each time. So it
 * is created once and kept.
 */
export interface ViewQuery<Row extends object> {
  /** Builds it with the query builder of the tables. */
  build(tables: object): { compile(): QueryText };
  /** For the compiler only. */
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
