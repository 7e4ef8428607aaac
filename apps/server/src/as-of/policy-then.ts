import { policyNamed, type Policy, type PolicyReference } from '#customer-relationship';
import { Problem } from '#http';

/**
 * The policy under which an event was decided.
 * @throws Problem 501 for a policy that this release does not have: under another one the answer would be wrong
 */
export function policyThen(reference: PolicyReference): Policy {
  const policy = policyNamed(reference);
  if (!policy) throw new Problem('PolicyUnknown', { details: { policy: reference.name, hash: reference.hash } });
  return policy;
}
