import { hash } from 'node:crypto';
import type { Partner } from '#customer-relationship';

/** The version of the form of relationships and lists. A change of form takes the next number, so that caches of the old one ask again. */
export const representation = 1;

const forms = new WeakMap<Partner, string>();

/**
 * The form in which a partner's relationships are shown, for their tags. One address shows each partner its own relationship
 * with the customer, so it names the partner, by a hash of its tenant.
 */
export function formFor(partner: Partner): string {
  const known = forms.get(partner);
  if (known !== undefined) return known;
  const form = `${representation}.${hash('sha256', partner.tenantId, 'base64url').slice(0, 10)}`;
  forms.set(partner, form);
  return form;
}
