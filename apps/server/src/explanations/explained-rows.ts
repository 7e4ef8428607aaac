import { views, type Explained, type View } from '#read-models';

/** A row that callers may ask about, of a view. */
export interface ExplainedRow extends Explained {
  readonly projection: View['projection'];
  /** Below `explanations`, ids by the names that they have in the row: `items/:item/:itemId`. */
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
