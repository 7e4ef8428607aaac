import { Rejection } from '#event-sourcing';
import { specification } from '#event-sourcing/testing';
import { customerRelationship } from './customer-relationship.js';
import { context } from './test-kit.js';

export * from './test-kit.js';

/** Given events, when a command, then events or a rejection: over the whole aggregate, in the default context. */
export const spec = specification(customerRelationship, context);

/** Code and details of a refusal, to be compared exactly (`rejects` allows further details); else undefined. */
export function refusalOf(act: () => unknown): Pick<Rejection, 'code' | 'details'> | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof Rejection) return { code: error.code, details: error.details };
    throw error;
  }
  return undefined;
}
