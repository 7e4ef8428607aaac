import type { RefusedRequest } from '#http';
import type { Denial } from './denial-tally.js';

/** What may be kept of what was asked: words of ours, and identifiers. */
export function denialOf(code: string, { call, method, route = 'unknown', namedPartner }: RefusedRequest): Denial {
  const { caller } = call;
  const partnerId = call.partnerId ?? namedPartner?.toLowerCase();
  return {
    code,
    method,
    route,
    ...(caller ? { tenant: caller.tenant, actorId: caller.id } : {}),
    ...(partnerId === undefined ? {} : { partnerId }),
  };
}
