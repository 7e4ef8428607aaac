/** Roles that a token may carry; each command names those that may send it. */
export const roles = [
  'GlobalAdmin',
  'AdminAgent',
  'SalesAgent',
  'HelpdeskAgent',
  'BillingAdmin',
  'Auditor',
  'DataProtectionOfficer',
  'CustomerGlobalAdmin',
] as const;
export type Role = (typeof roles)[number];

/** Who sends a command: one of the partner's people or apps, one of the customer's people, or the ledger itself. */
export interface Actor {
  readonly id: string;
  readonly kind: 'partnerUser' | 'partnerApp' | 'customerUser' | 'system';
  readonly roles: readonly Role[];
  readonly tenant: string;
}

/** Who speaks for whom. The keys of one side mean nothing on another. */
export const sides = {
  partner: ['partnerUser', 'partnerApp'],
  customer: ['customerUser'],
  system: ['system'],
} as const satisfies Readonly<Record<string, readonly Actor['kind'][]>>;
export type Side = keyof typeof sides;

export function sideOf(kind: Actor['kind']): Side {
  return kind === 'customerUser' ? 'customer' : kind === 'system' ? 'system' : 'partner';
}

export const partnerTypes = ['directBillPartner', 'indirectProvider', 'indirectReseller'] as const;
export type PartnerType = (typeof partnerTypes)[number];

/** Ids of a directory are GUIDs or user names; both compare without case (rule V5a). */
export function isSameId(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

export const asNamed = (id: string): string => id;

/** Each id once, in its first spelling. */
export function distinctIds(ids: readonly string[]): readonly string[] {
  return ids.filter((id, index) => ids.findIndex((other) => isSameId(other, id)) === index);
}

/** Whether two lists without duplicates name the same principals, in any order. */
export function isSameIds(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((id) => other.some((each) => isSameId(id, each)));
}

/** The nil and the max GUID of RFC 9562 are no tenants. */
export function isTenantId(guid: string): boolean {
  return !/^(0{8}-0{4}-0{4}-0{4}-0{12}|f{8}-f{4}-f{4}-f{4}-f{12})$/i.test(guid);
}

/** A tenant that gives customers support. `partnerId` is the Partner (MPN) id. */
export interface SupportContact {
  readonly tenantId: string;
  readonly partnerId: string;
  readonly name: string;
}

/** What is known of the partner from outside the ledger (configuration). */
export interface Partner extends SupportContact {
  readonly type: PartnerType;
  /** Country or region, ISO 3166-1 alpha-2. */
  readonly market: string;
  readonly standing: 'good' | 'restricted' | 'suspended';
  /** Indirect resellers that have a partnership with this partner. */
  readonly resellers: readonly SupportContact[];
}

/** Integer minor units with an ISO 4217 code. */
export interface Money {
  readonly minorUnits: number;
  readonly currency: string;
}

/** Items bought by the customer under self-buy permission count as the partner's (rule V11). */
export const buyers = ['partner', 'customer'] as const;
export type Buyer = (typeof buyers)[number];
