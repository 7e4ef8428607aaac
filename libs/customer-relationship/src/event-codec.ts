import { eventCodec, type Json } from '#event-sourcing';
import { customerRelationship } from './customer-relationship.js';
import type { RelationshipEvents } from './events.js';

/**
 * Every event has schema 1 unless `schemas` names another number. A changed payload gets the next number there, a step
 * `'Name@n'` that converts n to n + 1, and a frozen JSON example in the spec. Never edit a step.
 */
export const relationshipCodec = eventCodec<RelationshipEvents>({
  events: customerRelationship.evolve,
  schemas: { SoftwarePurchased: 2 },
  upcasts: {
    // Decided under no renewal; a subscription may have renewed all the same (rule V7a).
    'SoftwarePurchased@1': (data) => {
      const purchase = data as Readonly<Record<string, Json>>;
      return { ...purchase, autoRenew: false, ...(purchase.kind === 'subscription' ? { renewalUnknown: true } : {}) };
    },
  },
});
