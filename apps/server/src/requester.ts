import { relationshipStream, roles, type Actor, type Partner, type Role } from '#customer-relationship';
import { badRequest, isGuid, Problem, type Caller } from '#http';
import { Rejection } from '#event-sourcing';

/** Who asks, for which partner, and about which customer; the customer is empty for all of them. */
export interface Requester {
  readonly actor: Actor;
  readonly partner: Partner;
  readonly customerId: string;
  readonly stream: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    requester: Requester;
  }
}

/** The requester for a caller and the ids of a path. @throws Problem 400, 403; Rejection for what the caller must not know of */
export function requesterOf(
  caller: Caller,
  { partnerId, customerId }: PathIds,
  partners: ReadonlyMap<string, Partner>,
): Requester {
  const named = partnerId === undefined ? undefined : pathGuid('partnerId', partnerId);
  const customer = customerId === undefined ? '' : pathGuid('customerId', customerId);
  const actsAsCustomer =
    caller.roles.includes('CustomerGlobalAdmin') &&
    (named === undefined ? !partners.has(caller.tenant) : named !== caller.tenant);
  // Rule R25: a person decides for the customer, so the role gives a program no right.
  if (actsAsCustomer && caller.app) throw new Rejection('UserContextRequired', { role: 'CustomerGlobalAdmin' });
  if (actsAsCustomer && named === undefined) throw new Problem('PartnerNotNamed');

  const partner = actsAsCustomer ? (partners.get(named!) ?? nobody(named!)) : partners.get(caller.tenant);
  if (!partner) throw new Problem('PartnerUnknown', { tenant: caller.tenant });
  if (actsAsCustomer ? customer !== caller.tenant : named !== undefined && named !== caller.tenant) throw notFound();
  return {
    actor: {
      id: caller.id,
      kind: actsAsCustomer ? 'customerUser' : caller.app ? 'partnerApp' : 'partnerUser',
      roles: caller.roles,
      tenant: caller.tenant,
    },
    partner,
    customerId: customer,
    stream: customer && relationshipStream(partner.tenantId, customer),
  };
}

/**
 * Stands for a partner that there is not. A customer must not learn who is a partner, so its question takes the same way, to
 * the relationship that is not there.
 */
function nobody(tenantId: string): Partner {
  return {
    ...{ tenantId, partnerId: '', name: '', type: 'directBillPartner', market: 'US', standing: 'good' },
    resellers: [],
  };
}

export interface PathIds {
  readonly partnerId?: string;
  readonly customerId?: string;
}

function pathGuid(name: string, value: string): string {
  if (!isGuid(value)) throw badRequest('InvalidPath', name, 'must be a GUID');
  return value.toLowerCase();
}

function notFound(): Rejection {
  return new Rejection('RelationshipNotFound');
}

const readers: readonly Role[] = roles.filter(
  (role) => role !== 'DataProtectionOfficer' && role !== 'CustomerGlobalAdmin',
);

/** Answers that name the partner's people are for the partner's side alone. */
export function requirePartnersSide({ actor }: Requester): void {
  if (actor.kind === 'customerUser') throw new Rejection('ActorNotAllowed', { hint: 'askThePartner' });
}

/** The partner's roles and its auditors may read, and the customer's Global admin may read its own relationship. */
export function requireReader({ actor }: Requester): void {
  if (actor.kind === 'customerUser' || actor.roles.some((role) => readers.includes(role))) return;
  throw new Rejection('RoleNotAllowed', { anyOf: readers });
}
