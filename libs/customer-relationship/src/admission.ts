import { Rejection, type Frozen } from '#event-sourcing';
import { addMonths, type Instant } from './calendar.js';
import type { CommandName } from './commands.js';
import type { Context } from './context.js';
import type { CustomerSignature } from './events.js';
import { asNamed } from './parties.js';
import { reject, rejections, type RejectionCode } from './rejections.js';
import { relays } from './rights.js';
import type { CustomerRelationship } from './state.js';

// Checks that the nouns share. Order of refusals: sender (403), unknown thing (404), state (409), meaning of the data
// (422, all faults at once).

/** The relationship must have been requested at some time (rule R1). */
export function requireKnown(state: Frozen<CustomerRelationship>): void {
  if (state.status === 'unknown') throw reject('RelationshipNotFound');
}

/** Commands on a customer need an active relationship (rule R20). */
export function requireActive(state: Frozen<CustomerRelationship>): void {
  requireKnown(state);
  if (state.status !== 'active') throw reject('NoRelationship', { status: state.status });
}

/** The partner may sell (rules R3, R27). */
export function requireSeller(context: Context): void {
  requirePartnerType(context);
  requireGoodStanding(context);
}

/** An indirect reseller's provider acts in its place and names it as the reseller (rules R1a, R3). */
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

/** When a command takes effect: the time it gives, else now. {@link effectiveFault} checks the given time. */
export function effectiveTime(effectiveAt: Instant | undefined, now: Instant): Instant {
  return effectiveAt ?? now;
}

/** Rule D1: there was no cloud to resell before. */
const earliestBusinessDate: Instant = '2010-01-01T00:00:00.000Z';
const monthsAhead = 10 * 12;

/**
 * The fault of a business date (rule D1): a date from before the cloud, or far ahead, is another system's sentinel (the
 * zero date of .NET, the epoch, the year 9999) and not a fact.
 */
function dateFault(field: string, date: Instant | undefined, now: Instant): Rejection | undefined {
  if (date === undefined) return undefined;
  const latest = addMonths(now, monthsAhead);
  const rule = date < earliestBusinessDate ? 'notBefore2010' : date > latest ? 'atMost10YearsAhead' : undefined;
  return rule && reject('DateOutOfRange', { field, rule, date, earliest: earliestBusinessDate, latest });
}

/** The fault of the time when a command takes effect: it must not be in the future either. */
export function effectiveFault(field: string, effectiveAt: Instant | undefined, now: Instant): Rejection | undefined {
  if (effectiveAt !== undefined && effectiveAt > now) return reject('EffectiveInFuture', { field, effectiveAt, now });
  return dateFault(field, effectiveAt, now);
}

/** The fault of an end, which must not be before the purchase. */
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
 * The fault of the end of a term that an item brings (rule T3). The term may end early, so that it ends with others or as
 * the bill has it, often the day before at midnight. Of something bought long ago it may be the end of the term that runs
 * now, so only an end is too late that not even a term from now on would have.
 */
export function commitmentEndFault(
  commitmentEndDate: Instant | undefined,
  purchasedAt: Instant,
  endOfTermFrom: (start: Instant) => Instant | undefined,
  now: Instant,
): Rejection | undefined {
  const field = 'commitmentEndDate';
  const fault = endFault(field, commitmentEndDate, purchasedAt, now);
  if (fault || commitmentEndDate === undefined) return fault;
  const latest = endOfTermFrom(now);
  return latest !== undefined && commitmentEndDate > latest
    ? reject('InvalidItem', { field, rule: 'notAfterTerm' })
    : undefined;
}

/**
 * Refuses a command for all faults of its data (422), after the checks of state (409). The refusal has the code and the
 * details of the first fault; if there are several, `faults` has them all, in the given order.
 */
export function refuseFaults(...found: readonly (Rejection | undefined)[]): void {
  const faults = found.filter((fault) => fault !== undefined);
  if (faults.length > 0) throw refusalFor(faults);
}

function refusalFor(faults: readonly Rejection[]): Rejection {
  const first = faults[0]!;
  if (faults.length === 1) return first;
  return new Rejection(first.code, {
    ...first.details,
    faults: faults.map(({ code, details }) => ({ code, ...details })),
  });
}

/** A decision, refused for a fault besides all that it finds itself; what it refuses before the data counts alone. */
export function refusingAlso<Answer>(fault: Rejection | undefined, decide: () => Answer): Answer {
  if (!fault) return decide();
  let found: readonly Rejection[] = [];
  try {
    decide();
  } catch (error) {
    if (!(error instanceof Rejection) || rejections[error.code as RejectionCode] !== 'meaning') throw error;
    found = faultsIn(error as Rejection);
  }
  throw refusalFor([fault, ...found]);
}

function faultsIn(refusal: Rejection): readonly Rejection[] {
  const { faults } = refusal.details as { readonly faults?: readonly { readonly code: string }[] };
  return faults?.map(({ code, ...details }) => new Rejection(code, details)) ?? [refusal];
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

/** An item that the clock's commands may change, also after the end of the relationship (rule R20). */
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

/** A customer's decision that a partner's app relays: who decided, and whether that user is a Global admin. */
export interface RelayedSignature {
  readonly userId: string;
  readonly globalAdmin: boolean;
}

/**
 * Only a Global admin decides for the customer, directly or relayed by a partner's app; never one of the partner's
 * people (rule R25, also for declining and for approving delegated admin). The app vouches for what nobody can check here,
 * so it must be one that may act for the partner, not any that may sell.
 */
export function customerSignature(
  relayed: RelayedSignature | undefined,
  { actor, actorIdOf = asNamed }: Context,
): CustomerSignature {
  if (actor.kind === 'customerUser') {
    if (!actor.roles.includes('CustomerGlobalAdmin'))
      throw reject('AcceptorNotGlobalAdmin', { requires: 'CustomerGlobalAdmin' });
    return { userId: actor.id };
  }
  if (actor.kind !== 'partnerApp' || !relayed?.globalAdmin)
    throw reject('AcceptorNotGlobalAdmin', { requires: 'CustomerGlobalAdmin' });
  if (!actor.roles.some((role) => relays.includes(role))) throw reject('RoleNotAllowed', { anyOf: relays });
  return { userId: actorIdOf(relayed.userId), relayedBy: actor.id };
}

/** Of the customer's people, only a Global admin may act (rules R25, G11). */
export function requireCustomerGlobalAdmin(command: CommandName, { actor }: Context): void {
  if (!actor.roles.includes('CustomerGlobalAdmin'))
    throw reject('RoleNotAllowed', { command, anyOf: ['CustomerGlobalAdmin'] });
}
