import { orNull, whole, type RowOf } from './columns.js';
import { pairColumns, type Pair } from './pair.js';
import { table } from './tables.js';

/**
 * The term of a relationship that runs: events of items and grants do not name it. A removal writes this one row, not all
 * rows of the term.
 */
const columns = {
  ...pairColumns,
  relationshipTerm: whole(),
  /** The same while the relationship is active; else null. */
  currentTerm: orNull(whole()),
};
export type RelationshipTermRow = RowOf<typeof columns>;

export const relationshipTermTable = table(columns, { key: ['partnerId', 'customerId'] });

/** The steps of a view that keeps terms in a table of its own. */
export function relationshipTermSteps<T extends string>(table: T) {
  const step =
    (active: boolean) =>
    (_: unknown, { relationshipTerm }: Pick<RelationshipTermRow, 'relationshipTerm'>, pair: Pair) =>
      ({ [table]: { ...pair, relationshipTerm, currentTerm: active ? relationshipTerm : null } }) as {
        readonly [K in T]: RelationshipTermRow;
      };
  return { ResellerRelationshipEstablished: step(true), ResellerRelationshipRemoved: step(false) };
}
