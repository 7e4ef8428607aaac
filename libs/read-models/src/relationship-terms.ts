import type { RelationshipEvents } from '#customer-relationship';
import { guid, orNull, table, whole, type RowOf } from './columns.js';
import { keyOf, type Pair } from './pair.js';

/**
 * Which term of a relationship runs: events of items and grants do not name it. A removal writes this one row, not all
 * rows of the term.
 */
const columns = {
  partnerId: guid(),
  customerId: guid(),
  relationshipTerm: whole(),
  /** The same while the relationship is active; else null. */
  currentTerm: orNull(whole()),
};
export type RelationshipTermRow = RowOf<typeof columns>;

export const relationshipTermTable = table(columns, { key: ['partnerId', 'customerId'] });

export const termKey = keyOf;

/** The steps of a view that keeps terms in a table of its own. */
export function relationshipTermSteps<T extends string>(table: T) {
  const row = (pair: Pair, relationshipTerm: number, currentTerm: number | null) =>
    ({ [table]: { ...pair, relationshipTerm, currentTerm } }) as { readonly [K in T]: RelationshipTermRow };
  return {
    ResellerRelationshipEstablished: (
      _: unknown,
      { relationshipTerm }: RelationshipEvents['ResellerRelationshipEstablished'],
      { partnerId, customerId }: Pair,
    ) => row({ partnerId, customerId }, relationshipTerm, relationshipTerm),
    ResellerRelationshipRemoved: (
      _: unknown,
      { relationshipTerm }: RelationshipEvents['ResellerRelationshipRemoved'],
      { partnerId, customerId }: Pair,
    ) => row({ partnerId, customerId }, relationshipTerm, null),
  };
}
