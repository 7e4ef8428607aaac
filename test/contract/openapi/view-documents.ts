import { objectSchema, type Columns, type Schema } from '#read-models';
import { explainedRows } from '../../../apps/server/src/explanations/explained-rows.js';
import { foundLists, pathsOf } from '../../../apps/server/src/queries/list-routes.js';
import { relationshipPaths } from '../../../apps/server/src/relationship-paths.js';
import { inDocument, ref } from './json.js';

// What the document says of views, from their registration.

export interface ListDocument {
  readonly operation: string;
  readonly summary: string;
  readonly answer: string;
  /** The name of the page's schema. */
  readonly page: string;
  readonly dependsOnClock: boolean;
  readonly dependsOnPolicy: boolean;
}

/** What is listed at a path of the document; the partner's side of a customer's path is made from it. */
export const listAt: ReadonlyMap<string, ListDocument> = new Map(
  foundLists.map((found) => [
    inDocument(pathsOf(found)[0]!),
    { ...found, dependsOnClock: found.list.dependsOnClock, dependsOnPolicy: found.list.dependsOnPolicy },
  ]),
);

/** The row that is explained at a path of the document. */
export const explainedRowAt: ReadonlyMap<string, { readonly operation: string; readonly summary: string }> = new Map(
  explainedRows.map((row) => [inDocument(relationshipPaths(`explanations/${row.path}`)[0]!), row]),
);

/** What filters mean, by name: one name means one thing, whatever the list. */
export const filterTexts: Readonly<Record<string, string>> = Object.fromEntries(
  foundLists.flatMap(({ list }) => Object.entries(list.filters).map(([name, { description }]) => [name, description])),
);

/** The words that a part of an explanation's path may be. */
export const wordsInPath: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  explainedRows.flatMap(({ words = {} }) => Object.entries(words)),
);

/** Rows and pages of lists, by the names of their schemas. */
export const viewSchemas: Readonly<Record<string, Schema>> = Object.fromEntries(
  foundLists.flatMap(({ list, ofCustomer, page }) => [
    [list.row.name, objectSchema(list.row.fields)],
    [page, pageOf(list.row.name, ofCustomer ? list.ofCustomer?.beside?.fields : undefined)],
  ]),
);

function pageOf(row: string, beside: Columns = {}): Schema {
  const position = {
    type: 'string',
    pattern: '^[0-9]+$',
    description: 'How far the ledger was read. With asOf: of that, what had been recorded by then is in the answer.',
  };
  const asOf = {
    type: 'string',
    format: 'date-time',
    description: 'Everything recorded before this time is in the answer.',
  };
  const { properties, required = [] } = objectSchema(beside) as { readonly properties: object; required?: string[] };
  return {
    type: 'object',
    properties: { items: { type: 'array', items: ref('schemas', row) }, ...properties, position, asOf },
    required: ['items', ...required, 'position', 'asOf'],
  };
}
