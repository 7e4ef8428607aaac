import { Rejection, type Frozen } from '#event-sourcing';
import { addMonths, hasPassed, firstInstantAfter, type Instant } from './calendar.js';
import type { CommandName } from './commands.js';
import type { Context } from './context.js';
import type { CustomerSignature } from './events.js';
import { reject } from './rejections.js';
import type { CustomerRelationship } from './state.js';

// What every noun asks before it decides. Order of refusals: who asks (403), is it known (404), what state is it in (409),
// what do the data mean (422, all faults at once).

/** The relationship must have been asked for at some time (rule R1). */
export function requireKnown(state: Frozen<CustomerRelationship>): void {
  if (state.status === 'unknown') throw reject('RelationshipNotFound');
}

/** Commands on a customer need an active relationship (rule R20). */
export function requireActive(state: Frozen<CustomerRelationship>): void {
  requireKnown(state);
  if (state.status !== 'active') throw reject('NoRelationship', { status: state.status });
}

/** The partner may sell (rules R27, R3's reason: only direct-bill partners and indirect providers transact). */
export function requireSeller(context: Context): void {
  requirePartnerType(context);
  requireGoodStanding(context);
}

/** An indirect reseller's provider does it, naming it as the reseller (rules R1a, R3). */
export function requirePartnerType({ partner, policy }: Context): void {
  if (!policy.removal.partnerTypes.includes(partner.type))
    throw reject('PartnerTypeNotAllowed', {
      partnerType: partner.type,
      allowed: policy.removal.partnerTypes,
      hint: 'askTheProvider',
    });
}

/** Restricted and suspended partners may neither request nor sell (rule R27). */
export function requireGoodStanding({ partner }: Pick<Context, 'partner'>): void {
  if (partner.standing !== 'good') throw reject('PartnerRestricted', { standing: partner.standing });
}

/** A purchase needs a selling partner, an active relationship and a confirmed agreement (rules R19, R27, S1). */
export function requirePurchase(state: Frozen<CustomerRelationship>, context: Context): void {
  requireSeller(context);
  requireKnown(state);
  if (state.status !== 'active') {
    if (state.relationshipTerm > 0) throw reject('PurchasesNotAllowed', { removedAt: state.removedAt });
    throw reject('NoRelationship', { status: state.status });
  }
  if (!state.agreementConfirmedAt) throw reject('AgreementNotConfirmed');
}

/** The time a command counts from: its own, else now. Whether its own is one is asked by {@link effectiveFault}. */
export function effectiveTime(effectiveAt: Instant | undefined, now: Instant): Instant {
  return effectiveAt ?? now;
}

/** Rule D1: nothing was resold from a cloud before. */
const earliestBusinessDate: Instant = '2010-01-01T00:00:00.000Z';
/** Rule D1. */
const monthsAhead = 10 * 12;

/**
 * What is wrong with a date of business by itself (rule D1): one from before there was a cloud to resell, or from far
 * ahead, is a sentinel of some other system (the zero date of .NET, the epoch, the year 9999) and not a fact.
 */
function dateFault(field: string, date: Instant | undefined, now: Instant): Rejection | undefined {
  if (date === undefined) return undefined;
  const latest = addMonths(now, monthsAhead);
  const rule = date < earliestBusinessDate ? 'notBefore2010' : date > latest ? 'atMost10YearsAhead' : undefined;
  return rule && reject('DateOutOfRange', { field, rule, date, earliest: earliestBusinessDate, latest });
}

/** The same of a time that a command counts from: it has come, too. */
export function effectiveFault(field: string, effectiveAt: Instant | undefined, now: Instant): Rejection | undefined {
  if (effectiveAt !== undefined && effectiveAt > now) return reject('EffectiveInFuture', { field, effectiveAt, now });
  return dateFault(field, effectiveAt, now);
}

/** Of an end that must not lie before the purchase. */
export function endFault(
  field: string,
  end: Instant | undefined,
  purchasedAt: Instant,
  now: Instant,
): Rejection | undefined {
  const fault = dateFault(field, end, now);
  if (fault || end === undefined || end >= purchasedAt) return fault;
  return reject('InvalidItem', { field, rule: 'notBeforePurchase' });
}

/**
 * Refuses a command for all that is wrong with what it says (422), after what the state forbids (409). The answer bears
 * the code and the details of the first fault; where there are several, `faults` has them all, in the order given.
 */
export function refuseFaults(...found: readonly (Rejection | undefined)[]): void {
  const faults = found.filter((fault) => fault !== undefined);
  const [first] = faults;
  if (!first) return;
  if (faults.length === 1) throw first;
  throw new Rejection(first.code, {
    ...first.details,
    faults: faults.map(({ code, details }) => ({ code, ...details })),
  });
}

/** Ids are never used again, not even in a later term. */
export function requireNew(items: ReadonlyMap<string, unknown>, kind: ItemKind, itemId: string): void {
  if (items.has(itemId)) throw reject('ItemAlreadyExists', { kind, itemId });
}

export type ItemKind =
  | 'subscription'
  | 'azureSubscription'
  | 'reservation'
  | 'softwarePurchase'
  | 'savingsPlan'
  | 'grant'
  | 'accessAssignment';

/** An item that the clock may move on, whatever became of the relationship (rule R20). */
export function known<Item>(
  state: Frozen<CustomerRelationship>,
  items: ReadonlyMap<string, Item>,
  kind: ItemKind,
  itemId: string,
): Item {
  requireKnown(state);
  const item = items.get(itemId);
  if (!item) throw reject('ItemNotFound', { kind, itemId });
  return item;
}

/** An item that takes commands: the relationship is active and the item belongs to its current term. */
export function current<Item extends { readonly relationshipTerm: number }>(
  state: Frozen<CustomerRelationship>,
  items: ReadonlyMap<string, Item>,
  kind: ItemKind,
  itemId: string,
): Item {
  requireActive(state);
  const item = known(state, items, kind, itemId);
  if (item.relationshipTerm !== state.relationshipTerm)
    throw reject('ItemOfEarlierTerm', { kind, itemId, relationshipTerm: item.relationshipTerm });
  return item;
}

/** The clock's commands come after the end, never before; `dueAt` is the first instant at which they are accepted. */
export function requireDue(end: Instant, now: Instant): void {
  if (!hasPassed(end, now)) throw reject('NotDue', { dueAt: firstInstantAfter(end) });
}

/** A customer's decision that a partner's app relays: who decided, and whether as Global admin of the customer. */
export interface RelayedSignature {
  readonly userId: string;
  readonly globalAdmin: boolean;
}

/**
 * Who decides for the customer: its Global admin, directly or relayed by a partner's app; never one of the partner's
 * people (rule R25, and the same for declining and for approving delegated admin).
 */
export function customerSignature(relayed: RelayedSignature | undefined, { actor }: Context): CustomerSignature {
  if (actor.kind === 'customerUser') {
    if (!actor.roles.includes('CustomerGlobalAdmin'))
      throw reject('AcceptorNotGlobalAdmin', { requires: 'CustomerGlobalAdmin' });
    return { userId: actor.id };
  }
  if (actor.kind !== 'partnerApp' || !relayed?.globalAdmin)
    throw reject('AcceptorNotGlobalAdmin', { requires: 'CustomerGlobalAdmin' });
  return { userId: relayed.userId, relayedBy: actor.id };
}

/** Where the customer's people may act at all, it takes their Global admin (rules R25, G11). */
export function requireCustomerGlobalAdmin(command: CommandName, { actor }: Context): void {
  if (!actor.roles.includes('CustomerGlobalAdmin'))
    throw reject('RoleNotAllowed', { command, anyOf: ['CustomerGlobalAdmin'] });
}
