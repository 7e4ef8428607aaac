import { badRequest, isItemId, normalItemId } from '#http';
import { Controller } from '@nestjs/common';

/** The two forms of a path below a relationship: the partner's, and the customer's, which names the partner. */
export function relationshipPaths(below: string): string[] {
  const suffix = below && `/${below}`;
  return [`v1/customers/:customerId${suffix}`, `v1/partners/:partnerId/customers/:customerId${suffix}`];
}

/** A controller below a relationship, under both forms of its path. */
export function RelationshipController(below: string): ClassDecorator {
  return Controller(relationshipPaths(below));
}

/** The ids in the path other than the partner's and the customer's. @throws Problem 400 */
export function itemIds(params: Readonly<Record<string, string>>): Record<string, string> {
  const ids: Record<string, string> = {};
  for (const [name, value] of Object.entries(params)) {
    if (name === 'partnerId' || name === 'customerId') continue;
    if (!isItemId(value))
      throw badRequest(
        'InvalidPath',
        name,
        'must be an id of 1 to 64 letters, digits, ".", "_" or "-", starting with a letter or digit',
      );
    ids[name] = normalItemId(value);
  }
  return ids;
}
