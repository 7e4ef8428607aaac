import { eventCodec } from '#event-sourcing';
import { customerRelationship } from './customer-relationship.js';
import type { RelationshipEvents } from './events.js';

/**
 * Every event is at schema 1 unless `schemas` says otherwise. A payload that changes gets the next number there, a step
 * `'Name@n'` that lifts n → n + 1, and a frozen JSON example in the spec. Steps are never edited.
 */
export const relationshipCodec = eventCodec<RelationshipEvents>({
  events: customerRelationship.evolve,
  schemas: {},
  upcasts: {},
});
