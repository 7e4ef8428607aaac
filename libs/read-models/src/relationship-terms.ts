import type { Table } from '#event-sourcing';
import type { RelationshipEvents } from '#customer-relationship';
import { keyOf, type Pair } from './pair.js';

/**
 * Which term of a relationship runs: events of items and grants do not name it. A removal writes this one row, not all
 * rows of the term.
 */
export interface RelationshipTermRow extends Pair {
  readonly relationshipTerm: number;
  /** The same while the relationship is active; else null. */
  readonly currentTerm: number | null;
}

export const relationshipTermTable: Table<RelationshipTermRow> = {
  columns: { partnerId: 'text', customerId: 'text', relationshipTerm: 'integer', currentTerm: 'integer?' },
  key: ['partnerId', 'customerId'],
};

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
