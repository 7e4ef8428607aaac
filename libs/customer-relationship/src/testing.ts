import { specification } from '#event-sourcing/testing';
import { customerRelationship } from './customer-relationship.js';
import { context } from './test-scenarios.js';

export * from './test-scenarios.js';

/** Given events, when a command, then events or a rejection: over the whole aggregate, in the default context. */
export const spec = specification(customerRelationship, context);
