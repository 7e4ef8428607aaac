import { policyNamed, type Policy, type PolicyReference } from '#customer-relationship';
import { Problem } from '#http';

/**
 * The policy that an event was decided under.
 * @throws Problem 501 for one that this release does not have: an answer under another policy would be a wrong one
 */
export function policyThen(reference: PolicyReference): Policy {
  const policy = policyNamed(reference);
  if (!policy) throw new Problem('PolicyUnknown', { details: { policy: reference.name, hash: reference.hash } });
  return policy;
}
