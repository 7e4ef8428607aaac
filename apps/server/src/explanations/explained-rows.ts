import { views, type Explained, type View } from '#read-models';

/** A row of a view that callers may ask about. */
export interface ExplainedRow extends Explained {
  readonly projection: View['projection'];
  /** The path below `explanations`; ids have the names of the row's fields: `items/:item/:itemId`. */
  readonly path: string;
}

/** Every row that callers may ask about. */
export const explainedRows: readonly ExplainedRow[] = views.flatMap(({ projection, explains }) =>
  explains.map((row) => ({
    ...row,
    projection,
    path: [projection.name, ...row.key.map((name) => `:${name}`)].join('/'),
  })),
);
