import { policies, policyHash, type Policy } from '#customer-relationship';
import type { EventMetadata } from '#event-sourcing';
import { Problem } from '#http';

/** By name and hash, as metadata have it: a policy whose values have changed is another one. */
const known = new Map(Object.values(policies).map((policy) => [`${policy.name} ${policyHash(policy)}`, policy]));

/**
 * The policy that an event was decided under.
 * @throws Problem 501 for one that this release does not have: an answer under another policy would be a wrong one
 */
export function policyThen({ name, hash }: EventMetadata['policy']): Policy {
  const policy = known.get(`${name} ${hash}`);
  if (!policy) throw new Problem('PolicyUnknown', { details: { policy: name, hash } });
  return policy;
}
