import type {
  Actor,
  BillingCycle,
  CommandName,
  RejectionCode,
  RelationshipCommands,
  RelationshipEvents,
  Role,
  SubscriptionKind,
  SupportContact,
  TermDuration,
} from '#customer-relationship';

// The rules R, S, V, C and G a second time, as plainly as possible: arrays and objects that are changed in place, times in
// milliseconds, one function per command. Only types and names come from the domain, so for both to get a rule wrong in the
// same way, it has to be misread twice. The model ignores performance, reasons and remedies.

/** Milliseconds since 1970. */
type Time = number;

/** The facts from outside that a command needs, besides the policy. */
export interface Situation {
  readonly now: Time;
  readonly actor: Actor;
  readonly partner: SupportContact & {
    readonly type: string;
    readonly market: string;
    readonly standing: string;
    readonly resellers: readonly SupportContact[];
  };
  readonly nameTaken: boolean;
  /** The customer's tenant. */
  readonly customer: string;
  readonly house: HouseRules;
}

/** Where policies differ, or may. */
export interface HouseRules {
  /** The later revisions of the remove-a-relationship page. */
  readonly later: boolean;
  /** Those of November 2026: sales regions (R26a), and more reasons than fraud (S19a). */
  readonly of2026: boolean;
  readonly noticeRequired: boolean;
  readonly softwarePastWindowBlocks: boolean;
  readonly designations: number;
  readonly grants: number;
  readonly addOns: number;
}

/** An expected event, with the fields of its payload to check; `undefined` means that the field must be absent. */
export type Fact = {
  [N in keyof RelationshipEvents]: readonly [N, Partial<Record<keyof RelationshipEvents[N], unknown>>];
}[keyof RelationshipEvents];

export type Verdict =
  | { readonly accepted: readonly Fact[] }
  | { readonly refused: RejectionCode; readonly because: Readonly<Record<string, unknown>> };

interface Subscription {
  readonly id: string;
  readonly term: number;
  readonly kind: SubscriptionKind;
  readonly base: string | undefined;
  status:
    | 'pending'
    | 'provisioningFailed'
    | 'provisioningCancelled'
    | 'active'
    | 'suspended'
    | 'expired'
    | 'disabled'
    | 'deleted';
  trial: boolean;
  quantity: number;
  offer: string;
  renews: boolean;
  length: TermDuration | undefined;
  ends: Time | undefined;
  /** The first instant of its terms, a trial apart. */
  since: Time | undefined;
  window: Time | undefined;
  cycle: BillingCycle | undefined;
  planned: { quantity?: number; termDuration?: TermDuration; offerId?: string } | undefined;
  plannedCycle: BillingCycle | undefined;
  leavesAt: Time | undefined;
  keptUntil: Time | undefined;
  disabledAgain: boolean;
  azure: { readonly id: string; cancelled: boolean }[];
}

interface Reservation {
  readonly id: string;
  readonly term: number;
  readonly product: string;
  owners: readonly string[];
  readonly cents: number;
  readonly bought: Time;
  readonly ends: Time;
  status: 'active' | 'cancellationRequested' | 'cancelled' | 'expired';
}

interface Software {
  readonly id: string;
  readonly term: number;
  readonly publisher: string;
  readonly perpetual: boolean;
  readonly length: TermDuration | undefined;
  /** The day on which its terms end (T3). */
  readonly since: Time | undefined;
  renews: boolean;
  window: Time;
  ends: Time | undefined;
  readonly lines: { readonly id: string; cancelled: boolean }[];
  status: 'completed' | 'cancelled' | 'expired';
}

interface SavingsPlan {
  readonly id: string;
  readonly term: number;
  readonly ends: Time;
  expired: boolean;
}

interface Grant {
  readonly id: string;
  readonly term: number;
  readonly kind: 'dap' | 'gdap';
  status:
    | 'created'
    | 'deleted'
    | 'approvalPending'
    | 'withdrawn'
    | 'approved'
    | 'active'
    | 'terminated'
    | 'expired'
    | 'revoked';
  name: string;
  roles: string[];
  days: number;
  extend: number;
  readonly lapses: Time;
  ends: Time | undefined;
  groups: { readonly id: string; readonly group: string; roles: string[]; deleted: boolean }[];
}

export interface World {
  stage: 'never' | 'asked' | 'declined' | 'withdrawn' | 'lapsed' | 'on' | 'off';
  term: number;
  /** When the relationship was last removed. */
  lastEnd: Time | undefined;
  request: { readonly lapses: Time; readonly dap: boolean; readonly contacts: string[] } | undefined;
  agreed: boolean;
  profile: { name: string; domain: string | undefined };
  contacts: string[];
  subscriptions: Subscription[];
  reservations: Reservation[];
  /** One for each cancellation asked for and not refused. */
  refunds: { readonly reservation: string; readonly cents: number; readonly at: Time }[];
  software: Software[];
  savingsPlans: SavingsPlan[];
  designations: { readonly subscription: string; readonly term: number; contact: SupportContact }[];
  grants: Grant[];
  /** When the last recorded event of each thing counts from. */
  last: Record<string, Time>;
}

export function newWorld(): World {
  return {
    stage: 'never',
    term: 0,
    lastEnd: undefined,
    request: undefined,
    agreed: false,
    profile: { name: '', domain: undefined },
    contacts: [],
    subscriptions: [],
    reservations: [],
    refunds: [],
    software: [],
    savingsPlans: [],
    designations: [],
    grants: [],
    last: {},
  };
}

type Command = { [N in CommandName]: { readonly type: N; readonly data: RelationshipCommands[N] } }[CommandName];

/** The verdict of the rules on a command; if they accept it, the world is changed. */
export function judge(world: World, command: Command, situation: Situation): Verdict {
  const { type, data } = command;
  const { now } = situation;
  try {
    checkWhoAsks(type, situation);
    // A refusal leaves the world as it was, and what time has brought about still unrecorded.
    const next = structuredClone(world);
    const isLate = lateFacts.includes(type);
    const effectiveAt = 'effectiveAt' in data ? data.effectiveAt : undefined;
    const then = isLate || type === 'PurchaseSubscription' ? Math.min(countsFrom(effectiveAt, now), now) : now;
    const things = thingsReadBy(next, command, situation);
    const before = isOfTheClock(type) ? [] : letPass(things, then);
    if (isLate) checkNotTooEarly(next, data, effectiveAt);
    const rule = rules[type] as (world: World, data: unknown, situation: Situation) => Fact[];
    const own = isLate
      ? withFault(effectiveAt !== undefined && wrongStart(Date.parse(effectiveAt), now), () =>
          rule(next, data, { ...situation, now: then }),
        )
      : rule(next, data, situation);
    if (isLate) for (const [, facts] of own) checkNotTooEarly(next, facts, effectiveAt);
    const after = isLate && effectiveAt !== undefined ? letPass(things, now) : [];
    const accepted = [...before, ...own, ...after];
    for (const fact of accepted) remember(next, fact);
    Object.assign(world, next);
    return { accepted };
  } catch (refusal) {
    if (refusal instanceof Refusal) return { refused: refusal.code, because: refusal.because };
    throw refusal;
  }
}

/** The world as dates alone have left it, recorded or not (T1). */
export function settledWorld(world: World, now: Time): World {
  const settled = structuredClone(world);
  letPass(everyThing(settled), now);
  return settled;
}

/** Every instant that matters to some rule: ends, windows, retentions, and when refunds stop counting. */
export function boundaries(world: World): Time[] {
  return [
    world.request?.lapses,
    dapOfferedUntil,
    ...world.subscriptions.flatMap(({ ends, window, keptUntil }) => [ends, window, keptUntil]),
    ...world.reservations.map(({ ends }) => ends),
    ...world.refunds.flatMap(({ at }) => [at, monthsLater(at, 12)]),
    ...world.software.flatMap(({ ends, window }) => [ends, window]),
    ...world.savingsPlans.map(({ ends }) => ends),
    ...world.grants.flatMap(({ lapses, ends }) => [lapses, ends]),
  ]
    .filter((time) => time !== undefined)
    .sort((a, b) => a - b);
}

class Refusal extends Error {
  constructor(
    readonly code: RejectionCode,
    readonly because: Readonly<Record<string, unknown>> = {},
  ) {
    super(code);
  }
}

function no(code: RejectionCode, because: Readonly<Record<string, unknown>> = {}): never {
  throw new Refusal(code, because);
}

/** A fault of a command's data (422); all are found, in no order. */
type Fault = RejectionCode | false | undefined;

function noneOf(...faults: readonly Fault[]): void {
  const found = faults.filter((fault) => fault !== undefined && fault !== false).toSorted();
  if (found.length > 0) no(found[0]!, { faultCodes: found });
}

// Time

const hour = 60 * 60 * 1000;
const day = 24 * hour;
const dapOfferedUntil = Date.UTC(2023, 9, 9);
const monthsIn = { P1M: 1, P1Y: 12, P3Y: 36 };

/** The same day and time the given number of months later, or the last day of a month without such a day. */
export function monthsLater(time: Time, months: number, dayWanted = new Date(time).getUTCDate()): Time {
  const from = new Date(time);
  const count = from.getUTCFullYear() * 12 + from.getUTCMonth() + months;
  const year = Math.floor(count / 12);
  const month = count - year * 12;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const lastDay = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month]!;
  const midnight = Date.UTC(year, month, Math.min(dayWanted, lastDay));
  return midnight + (time % day);
}

export const iso = (time: Time | undefined) => (time === undefined ? undefined : new Date(time).toISOString());
const over = (end: Time | undefined, now: Time) => end !== undefined && now > end;

const countsFrom = (effectiveAt: string | undefined, now: Time): Time =>
  effectiveAt === undefined ? now : Date.parse(effectiveAt);

/** D1: before the cloud, or more than ten years ahead. */
const isSentinel = (time: Time, now: Time) => time < Date.UTC(2010, 0, 1) || time > monthsLater(now, 120);

function wrongStart(time: Time, now: Time): Fault {
  if (time > now) return 'EffectiveInFuture';
  return isSentinel(time, now) && 'DateOutOfRange';
}

function wrongEnd(time: Time | undefined, bought: Time, now: Time): Fault {
  if (time === undefined) return undefined;
  if (isSentinel(time, now)) return 'DateOutOfRange';
  return time < bought && 'InvalidItem';
}

/** T3: what an item brings goes before its term. */
function firstEnd(own: string | undefined, termEnds: Time | undefined): Time | undefined {
  return own === undefined ? termEnds : Date.parse(own);
}

/** T3: not even a term from now on would last that long. */
function wrongFirstEnd(own: string | undefined, bought: Time, latest: Time | undefined, now: Time): Fault {
  if (own === undefined) return undefined;
  const end = Date.parse(own);
  return wrongEnd(end, bought, now) || (latest !== undefined && end > latest && 'InvalidItem');
}

// Who asks (R4, R5, R25, R28, S19)

const anyone: readonly Role[] = ['GlobalAdmin', 'AdminAgent', 'SalesAgent', 'HelpdeskAgent', 'BillingAdmin'];
const sellers: readonly Role[] = ['GlobalAdmin', 'AdminAgent', 'SalesAgent'];
const reservationKeepers: readonly Role[] = ['GlobalAdmin', 'AdminAgent', 'SalesAgent', 'HelpdeskAgent'];
const contactKeepers: readonly Role[] = ['GlobalAdmin', 'AdminAgent', 'HelpdeskAgent'];

const usersOnly: readonly CommandName[] = [
  'RequestResellerRelationship',
  'WithdrawRelationshipRequest',
  'RemoveResellerRelationship',
  'CancelAzureSubscription',
  'ChangeReservationOwners',
  'AssignSupportContact',
  'WithdrawSupportContact',
];
const customersToo: readonly CommandName[] = [
  'AcceptResellerRelationship',
  'DeclineResellerRelationship',
  'ConfirmCustomerAgreement',
  'ApproveDelegatedAdmin',
  'TerminateDelegatedAdmin',
];

/** Which of the partner's roles may send what. A command in no line may not be sent at all. */
const senders: readonly (readonly [roles: readonly Role[], commands: readonly CommandName[]])[] = [
  // What is sold, and what becomes of subscriptions
  [anyone, ['PurchaseSubscription', 'AddAzureSubscription', 'PurchaseSoftware', 'SetSoftwareAutoRenew']],
  [anyone, ['ActivateSubscription', 'SuspendSubscription', 'ReactivateSubscription', 'CancelSubscription']],
  [anyone, ['FailSubscriptionProvisioning', 'CancelSubscriptionProvisioning']],
  [anyone, ['SetAutoRenew', 'ChangeSubscriptionQuantity', 'ScheduleSubscriptionChange']],
  // The customer decides; the partner's apps relay it
  [anyone, ['AcceptResellerRelationship', 'DeclineResellerRelationship', 'ApproveDelegatedAdmin']],
  // The clock
  [anyone, ['RenewSubscription', 'EndSubscriptionTerm', 'AdvanceSubscriptionRetention', 'ExpireReservation']],
  [anyone, ['ExpireSoftware', 'ExpireSavingsPlan', 'ExpireDelegatedAdmin', 'ExpireRelationshipRequest']],
  [anyone, ['RenewSoftware', 'ExtendDelegatedAdmin']],
  [sellers, ['RequestResellerRelationship', 'WithdrawRelationshipRequest']],
  [sellers, ['ConfirmCustomerAgreement', 'UpdateCustomerProfile']],
  [reservationKeepers, ['PurchaseReservation', 'CancelReservation', 'PurchaseSavingsPlan', 'CancelSavingsPlan']],
  [reservationKeepers, ['ConfirmReservationCancellation', 'RefuseReservationCancellation']],
  [['AdminAgent'], ['CancelSoftwarePurchase', 'RecordLegacyDelegatedAdmin', 'RequestDelegatedAdmin']],
  [['AdminAgent'], ['UpdateDelegatedAdminRequest', 'LockDelegatedAdminForApproval']],
  [['AdminAgent'], ['DeleteDelegatedAdminRequest', 'WithdrawDelegatedAdminRequest']],
  [['AdminAgent', 'HelpdeskAgent'], ['TerminateDelegatedAdmin']],
  [
    ['GlobalAdmin', 'AdminAgent'],
    ['AssignAccess', 'RemoveAccess'],
  ],
  [contactKeepers, ['AssignSupportContact', 'WithdrawSupportContact']],
];

function rolesFor(command: CommandName, { house }: Situation): readonly Role[] {
  if (command === 'RemoveResellerRelationship') return house.later ? sellers : ['GlobalAdmin'];
  return senders.flatMap(([roles, commands]) => (commands.includes(command) ? roles : []));
}

function checkWhoAsks(command: CommandName, situation: Situation): void {
  const { kind, roles } = situation.actor;
  if (kind === 'customerUser') {
    if (!customersToo.includes(command)) no('ActorNotAllowed');
    return;
  }
  if (kind === 'partnerApp' && usersOnly.includes(command)) no('UserContextRequired');
  if (command === 'CancelAzureSubscription' || command === 'ChangeReservationOwners') {
    if (!roles.includes('GlobalAdmin') || !roles.includes('AdminAgent')) no('RoleNotAllowed');
  } else if (!rolesFor(command, situation).some((role) => roles.includes(role))) no('RoleNotAllowed');
}

/** R25: the customer's Global admin decides, directly or through a partner's app that says so. */
function checkSignature(signature: { readonly globalAdmin: boolean } | undefined, { actor }: Situation): void {
  const signed =
    actor.kind === 'customerUser'
      ? actor.roles.includes('CustomerGlobalAdmin')
      : actor.kind === 'partnerApp' && signature?.globalAdmin === true;
  if (!signed) no('AcceptorNotGlobalAdmin');
  const mayRelay = actor.roles.includes('GlobalAdmin') || actor.roles.includes('AdminAgent');
  if (actor.kind === 'partnerApp' && !mayRelay) no('RoleNotAllowed');
}

function checkCustomersAdmin({ actor }: Situation): void {
  if (actor.kind === 'customerUser' && !actor.roles.includes('CustomerGlobalAdmin')) no('RoleNotAllowed');
}

// Checks before a command's own rules

function checkOn(world: World): void {
  if (world.stage === 'never') no('RelationshipNotFound');
  if (world.stage !== 'on') no('NoRelationship');
}

/** R3, R19, R27, S1. */
function checkSale(world: World, { partner }: Situation): void {
  if (partner.type === 'indirectReseller') no('PartnerTypeNotAllowed');
  if (partner.standing !== 'good') no('PartnerRestricted');
  if (world.stage === 'never') no('RelationshipNotFound');
  if (world.stage !== 'on') no(world.term > 0 ? 'PurchasesNotAllowed' : 'NoRelationship');
  if (!world.agreed) no('AgreementNotConfirmed');
}

/** For the clock: of any term, also after the end of the relationship (R20). */
function ofAnyTerm<Item extends { readonly id: string }>(world: World, items: readonly Item[], id: string): Item {
  if (world.stage === 'never') no('RelationshipNotFound');
  return items.find((item) => item.id === id) ?? no('ItemNotFound');
}

function ofThisTerm<Item extends { readonly id: string; readonly term: number }>(
  world: World,
  items: readonly Item[],
  id: string,
): Item {
  checkOn(world);
  const item = ofAnyTerm(world, items, id);
  return item.term === world.term ? item : no('ItemOfEarlierTerm');
}

function checkUnused(items: readonly { readonly id: string }[], id: string): void {
  if (items.some((item) => item.id === id)) no('ItemAlreadyExists');
}

// The relationship (R)

const ordinaryReasons = ['other', 'customerRequest', 'nonPayment', 'fraud', 'dispute', 'migration'];

/** R26, R26a: for the countries that the tests use. */
function isOneMarket(one: string, other: string, { of2026 }: HouseRules): boolean {
  const regions = ['US UM GU', 'DE AT NO GB', 'NG KE'];
  return one === other || (of2026 && regions.some((region) => region.includes(one) && region.includes(other)));
}

/** The request that can be answered (R29). */
function answerable(world: World) {
  if (world.stage === 'never') no('RelationshipNotFound');
  if (!world.request) {
    if (world.stage === 'on') no('AlreadyActive');
    no(world.stage === 'lapsed' ? 'RequestExpired' : 'NoOpenRequest');
  }
  return world.request;
}

function close(world: World, stage: World['stage']): void {
  world.stage = stage;
  world.request = undefined;
  world.contacts = [];
}

/** R6–R14, as `kind:id`, of a settled world. */
export function blockers(world: World, { house, now }: Pick<Situation, 'house' | 'now'>): string[] {
  const found: [rank: number, text: string][] = [];
  const kinds = [
    'reservation',
    'reservationCancellationPending',
    'savingsPlan',
    'softwarePurchase',
    'pending',
    'activeSubscription',
    'suspendedNewCommerce',
  ];
  const block = (kind: string, id: string) => found.push([kinds.indexOf(kind), `${kind}:${id}`]);
  for (const { id, term, status, kind } of world.subscriptions) {
    if (term !== world.term) continue;
    if (status === 'pending') block('pending', id);
    if (status === 'active') block('activeSubscription', id);
    if (status === 'suspended' && kind === 'newCommerce' && house.later) block('suspendedNewCommerce', id);
  }
  for (const { id, term, status } of world.reservations) {
    if (term !== world.term) continue;
    if (status === 'active') block('reservation', id);
    if (status === 'cancellationRequested') block('reservationCancellationPending', id);
  }
  for (const { id, term, status, window } of world.software) {
    if (term !== world.term || status !== 'completed') continue;
    if (house.softwarePastWindowBlocks || now <= window) block('softwarePurchase', id);
  }
  for (const { id, term, expired } of world.savingsPlans)
    if (term === world.term && house.later && !expired) block('savingsPlan', id);
  return found.sort(([a, one], [b, other]) => a - b || (one < other ? -1 : 1)).map(([, text]) => text);
}

// Subscriptions (S)

function purchaseWindow(kind: SubscriptionKind, length: TermDuration | undefined, from: Time): Time | undefined {
  if (kind === 'newCommerce') return from + 7 * day;
  if (kind === 'marketplace') return length === 'P1M' ? from + 24 * hour : from + 14 * day;
  return undefined;
}

/** S8, P1. */
const isNeverProvisioned = ({ status }: Pick<Subscription, 'status'>) =>
  status === 'provisioningFailed' || status === 'provisioningCancelled';
const isGone = ({ status }: Subscription) => status === 'deleted' || isNeverProvisioned({ status });

function checkNotDeleted({ status }: Subscription): void {
  if (status === 'deleted') no('SubscriptionDeleted');
}

function checkNoTrialLock({ kind, trial }: Subscription): void {
  if (kind === 'newCommerce' && trial) no('TrialStatusLocked');
}

function checkNoAzure({ azure }: Subscription): void {
  if (azure.some(({ cancelled }) => !cancelled)) no('AzurePlanHasActiveSubscriptions');
}

/** S10: legacy only, S11. */
function checkBaseInUse(world: World, { kind, base }: Subscription): void {
  if (kind !== 'legacy' || base === undefined) return;
  if (world.subscriptions.find(({ id }) => id === base)?.status !== 'active') no('ParentNotActive');
}

/** S13. */
function toChange(world: World, id: string): Subscription {
  const subscription = ofThisTerm(world, world.subscriptions, id);
  checkNotDeleted(subscription);
  if (subscription.status === 'suspended') no('SubscriptionSuspended');
  if (subscription.status !== 'active') no('InvalidTransition');
  noneOf(subscription.kind === 'azurePlan' && 'InvalidItem');
  return subscription;
}

/** S8, S20 and what it means for the support contact (C5). */
function cancelNow(world: World, subscription: Subscription, at: Time): Fact[] {
  subscription.status = 'deleted';
  subscription.keptUntil = undefined;
  return [
    ['SubscriptionCancelled', { subscriptionId: subscription.id, cancelledAt: iso(at) }],
    ...withdraw(world, ({ subscription: id }) => id === subscription.id, 'subscriptionDeleted', at),
  ];
}

/** P1, and what it means for the support contact (C5). */
function neverProvisioned(
  world: World,
  id: string,
  status: 'provisioningFailed' | 'provisioningCancelled',
  now: Time,
): Fact[] {
  const subscription = ofThisTerm(world, world.subscriptions, id);
  if (subscription.status !== 'pending') no('InvalidTransition');
  subscription.status = status;
  return withdraw(world, ({ subscription: wanted }) => wanted === id, 'subscriptionNotProvisioned', now);
}

/** S14; the window counts from the start of the term (T2). */
function renew(subscription: Subscription): Fact[] {
  const { planned, kind } = subscription;
  const starts = subscription.ends!;
  subscription.trial = false;
  subscription.quantity = planned?.quantity ?? subscription.quantity;
  subscription.offer = planned?.offerId ?? subscription.offer;
  subscription.length = planned?.termDuration ?? subscription.length!;
  subscription.cycle = subscription.plannedCycle ?? subscription.cycle;
  subscription.since ??= starts;
  subscription.ends = monthsLater(starts, monthsIn[subscription.length], new Date(subscription.since).getUTCDate());
  subscription.window = purchaseWindow(kind, subscription.length, starts);
  subscription.planned = undefined;
  subscription.plannedCycle = undefined;
  return [
    [
      'SubscriptionRenewed',
      {
        subscriptionId: subscription.id,
        quantity: subscription.quantity,
        offerId: subscription.offer,
        termDuration: subscription.length,
        billingCycle: subscription.cycle,
        termStartsAt: iso(starts),
        termEndsAt: iso(subscription.ends),
        cancellationAllowedUntil: iso(subscription.window),
        renewedAt: iso(starts),
      },
    ],
  ];
}

/** S15. */
function disable(subscription: Subscription, from: Time, days: number, again: boolean): Fact[] {
  subscription.status = 'disabled';
  subscription.keptUntil = from + days * day;
  subscription.disabledAgain = again;
  return [
    [
      'SubscriptionDisabled',
      {
        subscriptionId: subscription.id,
        disabledAt: iso(from),
        retainedUntil: iso(subscription.keptUntil),
        furtherPeriod: again,
      },
    ],
  ];
}

// What time has brought about (T1)

/** What time changes: at which instant next, and what happens then. */
interface Thing {
  readonly end: () => Time | undefined;
  readonly pass: (at: Time) => Fact[];
}

/** Lets time pass for some things, end by end, and answers what happened, oldest first. Ends are inclusive. */
function letPass(things: readonly Thing[], until: Time): Fact[] {
  const happened: { at: Time; facts: Fact[] }[] = [];
  for (const { end, pass } of things)
    for (let at = end(); at !== undefined && at < until; at = end()) happened.push({ at, facts: pass(at) });
  return happened.sort((one, other) => one.at - other.at).flatMap(({ facts }) => facts);
}

const everyThing = (world: World): Thing[] => [
  theRequest(world),
  ...world.subscriptions.map((subscription) => aSubscription(world, subscription)),
  ...world.reservations.map(aReservation),
  ...world.software.map(aPurchase),
  ...world.savingsPlans.map(aSavingsPlan),
  ...world.grants.map(aGrant),
];

/** R29. */
const theRequest = (world: World): Thing => ({
  end: () => world.request?.lapses,
  pass: (at) => {
    close(world, 'lapsed');
    return [['ResellerRelationshipRequestExpired', { expiredAt: iso(at) }]];
  },
});

const aSubscription = (world: World, subscription: Subscription): Thing => {
  const inTerm = () =>
    subscription.status === 'active' || (subscription.status === 'suspended' && subscription.kind !== 'legacy');
  return {
    // Terms do not run before it is provisioned.
    end: () => {
      if (inTerm()) return subscription.ends;
      return ['suspended', 'expired', 'disabled'].includes(subscription.status) ? subscription.keptUntil : undefined;
    },
    pass: (at) => (inTerm() ? termEnds(world, subscription, at) : keptLongEnough(world, subscription, at)),
  };
};

/** S14, S20. */
function termEnds(world: World, subscription: Subscription, at: Time): Fact[] {
  const { id: subscriptionId, leavesAt, status, renews } = subscription;
  if (leavesAt !== undefined) return cancelNow(world, subscription, leavesAt);
  if (status === 'suspended') return disable(subscription, at, 30, true);
  if (renews) return renew(subscription);
  subscription.status = 'expired';
  subscription.keptUntil = at + 30 * day;
  return [['SubscriptionExpired', { subscriptionId, expiredAt: iso(at), retainedUntil: iso(subscription.keptUntil) }]];
}

/** S15, C5. */
function keptLongEnough(world: World, subscription: Subscription, at: Time): Fact[] {
  const { id: subscriptionId, status, disabledAgain } = subscription;
  if (status === 'expired' || (status === 'disabled' && disabledAgain)) return disable(subscription, at, 90, false);
  subscription.status = 'deleted';
  subscription.keptUntil = undefined;
  return [
    ['SubscriptionDeleted', { subscriptionId, deletedAt: iso(at) }],
    ...withdraw(world, ({ subscription: id }) => id === subscriptionId, 'subscriptionDeleted', at),
  ];
}

/** V6: a cancellation that is not settled by then has no effect. */
const aReservation = (reservation: Reservation): Thing => ({
  end: () => (/active|cancellationRequested/.test(reservation.status) ? reservation.ends : undefined),
  pass: (at) => {
    reservation.status = 'expired';
    return [['ReservationExpired', { reservationId: reservation.id, expiredAt: iso(at) }]];
  },
});

/** V7a, T2: the window counts from the start of the term. */
const aPurchase = (purchase: Software): Thing => ({
  end: () => (purchase.status === 'completed' ? purchase.ends : undefined),
  pass: (at) => {
    const purchaseId = purchase.id;
    if (!purchase.renews) {
      purchase.status = 'expired';
      return [['SoftwareExpired', { purchaseId, expiredAt: iso(at) }]];
    }
    purchase.ends = monthsLater(at, monthsIn[purchase.length!], new Date(purchase.since!).getUTCDate());
    purchase.window = at + 7 * day;
    return [
      [
        'SoftwareRenewed',
        {
          purchaseId,
          termStartsAt: iso(at),
          expiresAt: iso(purchase.ends),
          cancellationAllowedUntil: iso(purchase.window),
          renewedAt: iso(at),
        },
      ],
    ];
  },
});

const aSavingsPlan = (plan: SavingsPlan): Thing => ({
  end: () => (plan.expired ? undefined : plan.ends),
  pass: (at) => {
    plan.expired = true;
    return [['SavingsPlanExpired', { savingsPlanId: plan.id, expiredAt: iso(at) }]];
  },
});

/** G5, G6a; DAP has no end. */
const aGrant = (grant: Grant): Thing => ({
  end: () => {
    if (grant.kind === 'dap') return undefined;
    if (grant.status === 'active') return grant.ends;
    return isUnanswered(grant) ? grant.lapses : undefined;
  },
  pass: (at) => {
    if (grant.status === 'active' && grant.extend > 0) {
      grant.ends = at + 180 * day;
      return [['DelegatedAdminExtended', { grantId: grant.id, endsAt: iso(grant.ends), extendedAt: iso(at) }]];
    }
    grant.status = 'expired';
    return [['DelegatedAdminExpired', { grantId: grant.id, expiredAt: iso(at) }]];
  },
});

const isOfTheClock = (type: CommandName) =>
  /^(Renew|Expire|EndSubscriptionTerm$|AdvanceSubscriptionRetention$|ExtendDelegatedAdmin$)/.test(type);

/** The things that a command reads or writes, in the order in which what happened to them is recorded. */
function thingsReadBy(world: World, { type, data }: Command, { house }: Situation): Thing[] {
  const { subscriptionId, baseSubscriptionId, reservationId, purchaseId, savingsPlanId, grantId, kind } = data as {
    readonly [id: string]: string | undefined;
  };
  const addOns = (base: string | undefined) =>
    world.subscriptions
      .filter((other) => other.kind === 'legacy' && base !== undefined && other.base === base)
      .map(({ id }) => id)
      .sort();
  const full = world.designations.length >= house.designations ? world.designations : [];
  const designated = full.map(({ subscription }) => subscription);
  let subscriptions: (string | undefined)[] = [subscriptionId];
  if (type === 'PurchaseSubscription')
    subscriptions = [
      ...(kind === 'legacy' ? [baseSubscriptionId, ...addOns(baseSubscriptionId)] : []),
      ...(kind === 'newCommerce' ? [] : designated),
    ];
  if (type === 'AssignSupportContact') subscriptions.push(...designated);
  if (type === 'SuspendSubscription') subscriptions.push(...addOns(subscriptionId));
  if (type === 'ActivateSubscription' || type === 'ReactivateSubscription')
    subscriptions.push(world.subscriptions.find(({ id }) => id === subscriptionId)?.base);

  const wantsRoom = type === 'RequestDelegatedAdmin' || type === 'RecordLegacyDelegatedAdmin';
  return [
    ...(/Relationship(Request)?$/.test(type) && type !== 'RemoveResellerRelationship' ? [theRequest(world)] : []),
    ...[...new Set(subscriptions)]
      .flatMap((wanted) => world.subscriptions.filter(({ id }) => id === wanted))
      .map((subscription) => aSubscription(world, subscription)),
    ...world.reservations.filter(({ id }) => id === reservationId).map(aReservation),
    ...world.software.filter(({ id }) => id === purchaseId).map(aPurchase),
    ...world.savingsPlans.filter(({ id }) => id === savingsPlanId).map(aSavingsPlan),
    ...(wantsRoom ? grantsWhereFull(world, house) : world.grants.filter(({ id }) => id === grantId)).map(aGrant),
  ];
}

/** Where the limit is reached, those of the term: some may be over. */
function grantsWhereFull(world: World, house: HouseRules): Grant[] {
  const ofTerm = world.grants.filter((grant) => grant.term === world.term && isOpen(grant));
  return ofTerm.length < house.grants ? [] : ofTerm;
}

/** T1: the clock's commands record all that time has brought about for one thing; there must be something. */
function timePasses(thing: Thing, now: Time): Fact[] {
  const facts = letPass([thing], now);
  if (facts.length > 0) return facts;
  const end = thing.end();
  return end === undefined ? no('InvalidTransition') : no('NotDue', { dueAt: iso(end + 1) });
}

function passTime(world: World, { subscriptionId }: { readonly subscriptionId: string }, { now }: Situation): Fact[] {
  return timePasses(aSubscription(world, ofAnyTerm(world, world.subscriptions, subscriptionId)), now);
}

// Facts that are reported late (T1a)

const lateFacts: readonly CommandName[] = [
  'ActivateSubscription',
  'SuspendSubscription',
  'ReactivateSubscription',
  'CancelSubscription',
  'SetAutoRenew',
  'ChangeSubscriptionQuantity',
  'UpdateDelegatedAdminRequest',
  'ChangeReservationOwners',
  'FailSubscriptionProvisioning',
  'CancelSubscriptionProvisioning',
  'SetSoftwareAutoRenew',
  'CancelSoftwarePurchase',
  'CancelAzureSubscription',
];

/** Which thing an id names; the same id may name things of several kinds. */
function keysIn(data: object): string[] {
  const ids = ['subscriptionId', 'reservationId', 'purchaseId', 'savingsPlanId', 'grantId'];
  return ids.flatMap((name) => {
    const id = (data as Record<string, unknown>)[name];
    return typeof id === 'string' ? [`${name} ${id}`] : [];
  });
}

/** Not before the last recorded event of a thing that it changes. */
function checkNotTooEarly(world: World, data: object, effectiveAt: string | undefined): void {
  if (effectiveAt === undefined) return;
  for (const key of keysIn(data)) {
    checkOfThisTerm(world, key);
    if (Date.parse(effectiveAt) < (world.last[key] ?? -Infinity)) no('EffectiveTooEarly');
  }
}

function checkOfThisTerm(world: World, key: string): void {
  const [field, id] = key.split(' ', 2) as [keyof typeof things, string];
  const things = {
    subscriptionId: world.subscriptions,
    reservationId: world.reservations,
    purchaseId: world.software,
    savingsPlanId: world.savingsPlans,
    grantId: world.grants,
  };
  ofThisTerm<{ id: string; term: number }>(world, things[field], id);
}

/** The fault of the time is named with the other faults of the data. */
function withFault<Answer>(fault: Fault, decide: () => Answer): Answer {
  if (!fault) return decide();
  try {
    decide();
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    if (!('faultCodes' in refusal.because)) throw refusal;
    return noneOf(fault, ...(refusal.because['faultCodes'] as RejectionCode[])) as never;
  }
  return noneOf(fault) as never;
}

/** The field of an event that says when it counts from: not its ends. */
const isWhen = (field: string) =>
  /At$/.test(field) && !/^(termStarts|termEnds|expires|ends|takesEffect)At$/.test(field);

function remember(world: World, [type, facts]: Fact): void {
  // The contact is a thing of its own.
  if (type.startsWith('SupportContact')) return;
  const when = Object.entries(facts).find(([field, value]) => isWhen(field) && typeof value === 'string');
  if (!when) return;
  const at = Date.parse(when[1] as string);
  // One that counts from an earlier time than another is not the last.
  for (const key of keysIn(facts)) world.last[key] = Math.max(world.last[key] ?? at, at);
}

// Reservations, software, savings plans (V)

const neverRefunded = [
  'databricks',
  'synapsePrePurchase',
  'cloudSimple',
  'redHatOpenShift',
  'redHatPlan',
  'susePlan',
  'defenderPrePurchase',
  'sentinelPrePurchase',
];
const capCents = 50_000 * 100;

/** V3: the requests of the twelve months before an instant. */
function countedAt(refunds: World['refunds'], time: Time): number {
  let sum = 0;
  for (const { cents, at } of refunds) if (at <= time && time < monthsLater(at, 12)) sum += cents;
  return sum;
}

/** V3: the highest count at any instant of the twelve months in which a request made at `at` would count. */
function mostCountedFrom(refunds: World['refunds'], at: Time): number {
  const instants = [at, ...refunds.map((refund) => refund.at)];
  return Math.max(
    ...instants.filter((time) => time >= at && time < monthsLater(at, 12)).map((time) => countedAt(refunds, time)),
  );
}

function checkCap({ refunds }: World, cents: number, at: Time): void {
  if (mostCountedFrom(refunds, at) + cents <= capCents) return;
  const recovers = refunds
    .map((refund) => monthsLater(refund.at, 12))
    .filter((time) => time > at && mostCountedFrom(refunds, time) + cents <= capCents);
  no('RefundCapExceeded', {
    remainingUsdCents: capCents - mostCountedFrom(refunds, at),
    recoversAt: iso(recovers.length === 0 ? undefined : Math.min(...recovers)),
  });
}

/** A cancellation that waits for its settlement (V2, V6). */
function waiting(world: World, id: string): Reservation {
  const reservation = ofThisTerm(world, world.reservations, id);
  return reservation.status === 'cancellationRequested' ? reservation : no('InvalidTransition');
}

// Support contacts (C)

type Withdrawal = RelationshipEvents['SupportContactWithdrawn']['reason'];

function withdraw(
  world: World,
  which: (designation: World['designations'][number]) => boolean,
  reason: Withdrawal,
  now: Time,
): Fact[] {
  const gone = world.designations.filter(which);
  world.designations = world.designations.filter((designation) => !which(designation));
  return gone
    .sort((a, b) => (a.subscription < b.subscription ? -1 : 1))
    .map(({ subscription, contact }) => [
      'SupportContactWithdrawn',
      { subscriptionId: subscription, contact, reason, withdrawnAt: iso(now) },
    ]);
}

function designate(world: World, subscription: string, contact: SupportContact, house: HouseRules): void {
  const there = world.designations.find((designation) => designation.subscription === subscription);
  if (there) {
    there.contact = contact;
    return;
  }
  checkDesignationRoom(world, house);
  world.designations.push({ subscription, term: world.term, contact });
}

function checkDesignationRoom(world: World, house: HouseRules): void {
  if (world.designations.filter(({ term }) => term === world.term).length >= house.designations) no('LimitReached');
}

const itself = ({ tenantId, partnerId, name }: SupportContact): SupportContact => ({ tenantId, partnerId, name });
const sameContact = (a: SupportContact, b: SupportContact) =>
  a.tenantId === b.tenantId && a.partnerId === b.partnerId && a.name === b.name;

// Delegated admin (G)

const globalAdministrator = '62e90394-69f5-4237-9190-012177145e10';
const once = (roles: readonly string[]) => [...new Set(roles.map((role) => role.toLowerCase()))];
const sameRoles = (a: readonly string[], b: readonly string[]) => [...a].sort().join() === [...b].sort().join();
const isOpen = ({ status }: Grant) => ['created', 'approvalPending', 'approved', 'active'].includes(status);
const isLive = ({ kind, status }: Grant) => kind === 'gdap' && status === 'active';
const isUnanswered = ({ kind, status }: Grant) =>
  kind === 'gdap' && (status === 'created' || status === 'approvalPending');

function wrongTerms(terms: {
  readonly name?: string | undefined;
  readonly roles?: readonly string[] | undefined;
  readonly durationDays?: number | undefined;
  readonly autoExtendDays?: number | undefined;
}): Fault[] {
  const { name, roles, durationDays, autoExtendDays } = terms;
  return [
    name !== undefined && name.trim() === '' && 'InvalidItem',
    name !== undefined && Array.from(name).length > 50 && 'NameTooLong',
    roles !== undefined && roles.length === 0 && 'RolesMissing',
    durationDays !== undefined &&
      (durationDays % 1 !== 0 || durationDays < 1 || durationDays > 730) &&
      'DurationOutOfRange',
    autoExtendDays !== undefined && autoExtendDays !== 0 && autoExtendDays !== 180 && 'AutoExtendNotAllowed',
  ];
}

/** G5: it was not approved in time. */
function checkNotLapsed(grant: Grant): void {
  if (grant.status === 'expired' && grant.ends === undefined) no('RequestExpired');
}

/** G4a. */
function takeBack(world: World, id: string, from: Grant['status'], to: Grant['status']): void {
  const grant = ofThisTerm(world, world.grants, id);
  checkNotLapsed(grant);
  if (grant.status !== from) no('InvalidTransition');
  grant.status = to;
}

function checkGrantRoom(world: World, house: HouseRules, now: Time): void {
  const { grants } = settledWorld(world, now);
  if (grants.filter((grant) => grant.term === world.term && isOpen(grant)).length >= house.grants) no('LimitReached');
}

/** The ids `dap-1`, `dap-2`… belong to the DAP that comes with the relationship. */
function wrongGrantId(world: World, id: string): Fault {
  const reserved = /^dap-(\d+)$/.exec(id);
  return reserved && Number(reserved[1]) > world.term ? 'InvalidItem' : undefined;
}

function dap(world: World, id: string, at: Time): Fact {
  world.grants.push({
    id,
    term: world.term,
    kind: 'dap',
    status: 'approved',
    name: '',
    roles: [],
    days: 0,
    extend: 0,
    lapses: at,
    ends: undefined,
    groups: [],
  });
  return ['DelegatedAdminPrivilegesGranted', { grantId: id, grantedAt: iso(at) }];
}

// The rules, command by command

const rules: { [N in CommandName]: (world: World, data: RelationshipCommands[N], situation: Situation) => Fact[] } = {
  RequestResellerRelationship(world, data, { partner, now, house, customer }) {
    if (partner.type === 'indirectReseller') no('PartnerTypeNotAllowed');
    if (partner.standing !== 'good') no('PartnerRestricted');
    const asked = countsFrom(data.effectiveAt, now);
    const reseller = partner.resellers.find(({ tenantId }) => tenantId === data.indirectResellerId);
    if (world.stage === 'on') no('AlreadyActive');
    if (world.request) no('RequestAlreadyOpen');
    // Too late to be requested, or too late to be answered.
    if (data.delegatedAdmin && (asked >= dapOfferedUntil || asked + 90 * day < now)) no('DapNoLongerOffered');
    noneOf(
      wrongStart(asked, now),
      [partner.tenantId, data.indirectResellerId, '00000000-0000-0000-0000-000000000000'].includes(customer) &&
        'InvalidCustomer',
      !isOneMarket(partner.market, data.market, house) && 'MarketMismatch',
      data.indirectResellerId !== undefined && !reseller && 'ResellerNotRelated',
    );

    world.stage = 'asked';
    world.request = {
      lapses: asked + 90 * day,
      dap: data.delegatedAdmin ?? false,
      contacts: [partner.tenantId, ...(reseller ? [reseller.tenantId] : [])],
    };
    world.profile = { name: data.customer.name, domain: data.customer.domain };
    return [['ResellerRelationshipRequested', { requestedAt: iso(asked), expiresAt: iso(world.request.lapses) }]];
  },

  AcceptResellerRelationship(world, { acceptedBy }, situation) {
    if (situation.partner.type === 'indirectReseller') no('PartnerTypeNotAllowed');
    checkSignature(acceptedBy, situation);
    const request = answerable(world);
    world.stage = 'on';
    world.term += 1;
    world.contacts = request.contacts;
    world.request = undefined;
    return [
      ['ResellerRelationshipEstablished', { relationshipTerm: world.term, establishedAt: iso(situation.now) }],
      ...(request.dap ? [dap(world, `dap-${world.term}`, situation.now)] : []),
    ];
  },

  DeclineResellerRelationship(world, { declinedBy }, situation) {
    checkSignature(declinedBy, situation);
    answerable(world);
    close(world, 'declined');
    return [['ResellerRelationshipRequestDeclined', { declinedAt: iso(situation.now) }]];
  },

  WithdrawRelationshipRequest(world, _, { now }) {
    answerable(world);
    close(world, 'withdrawn');
    return [['ResellerRelationshipRequestWithdrawn', { withdrawnAt: iso(now) }]];
  },

  ExpireRelationshipRequest(world, _, { now }) {
    if (world.stage === 'never') no('RelationshipNotFound');
    if (!world.request) no('NoOpenRequest');
    return timePasses(theRequest(world), now);
  },

  ConfirmCustomerAgreement(world, data, situation) {
    checkCustomersAdmin(situation);
    checkOn(world);
    const agreed = countsFrom(data.agreedAt, situation.now);
    if (world.agreed) no('NothingToChange');
    noneOf(wrongStart(agreed, situation.now));
    world.agreed = true;
    const confirmedBy = situation.actor.kind === 'customerUser' ? 'customer' : 'partner';
    return [['CustomerAgreementConfirmed', { confirmedBy, agreedAt: iso(agreed), confirmedAt: iso(situation.now) }]];
  },

  UpdateCustomerProfile(world, { name, domain }, { now }) {
    checkOn(world);
    const newName = name === world.profile.name ? undefined : name;
    const newDomain = domain?.toLowerCase() === (world.profile.domain ?? '').toLowerCase() ? undefined : domain;
    if (newName === undefined && newDomain === undefined) no('NothingToChange');
    world.profile = {
      name: newName ?? world.profile.name,
      domain: newDomain === undefined ? world.profile.domain : newDomain || undefined,
    };
    return [['CustomerProfileUpdated', { name: newName, domain: newDomain, updatedAt: iso(now) }]];
  },

  RemoveResellerRelationship(world, { noticeGiven }, situation) {
    const { partner, house, now } = situation;
    if (partner.type === 'indirectReseller') no('PartnerTypeNotAllowed');
    if (world.stage === 'never') no('RelationshipNotFound');
    if (world.stage === 'off') no('RelationshipAlreadyRemoved');
    if (world.stage !== 'on') no('RelationshipNotActive');
    // Judged by the settled state; none of that is recorded.
    const settled = settledWorld(world, now);
    const inTheWay = blockers(settled, situation);
    if (inTheWay.length > 0) no('RemovalBlocked', { blockers: inTheWay });
    noneOf(house.noticeRequired && !noticeGiven && 'NoticeAcknowledgementMissing');

    const open = settled.grants.filter((grant) => grant.term === world.term && isOpen(grant));
    const grants = world.grants.filter(({ id }) => open.some((grant) => grant.id === id));
    for (const grant of grants) grant.status = 'revoked';
    close(world, 'off');
    world.lastEnd = now;
    world.agreed = false;
    return [
      ['ResellerRelationshipRemoved', { relationshipTerm: world.term, removedAt: iso(now), noticeGiven }],
      ...withdraw(world, ({ term }) => term === world.term, 'relationshipRemoved', now),
      ...grants
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map(({ id, kind }): Fact => [
          'DelegatedAdminPrivilegesRevoked',
          { grantId: id, grantKind: kind, revokedAt: iso(now) },
        ]),
    ];
  },

  PurchaseSubscription(world, data, situation) {
    const { now, house, partner } = situation;
    checkSale(world, situation);
    const bought = countsFrom(data.effectiveAt, now);
    const { subscriptionId: id, kind, termDuration: length, baseSubscriptionId: base } = data;
    const trial = data.trial ?? false;
    const ownWindow =
      data.cancellationAllowedUntil === undefined ? undefined : Date.parse(data.cancellationAllowedUntil);
    const seats = kind === 'legacy' || kind === 'newCommerce';
    checkUnused(world.subscriptions, id);
    let wrongBase = false;
    if (base !== undefined) {
      const parent = ofAnyTerm(world, world.subscriptions, base);
      wrongBase = parent.kind !== kind;
      if (kind === 'legacy' && !wrongBase) {
        if (parent.term !== world.term) no('ItemOfEarlierTerm');
        wrongBase = parent.base !== undefined;
        if (!wrongBase && parent.status !== 'active') no('ParentNotActive');
        const siblings = world.subscriptions.filter((other) => other.base === base && !isGone(other));
        if (!wrongBase && siblings.length >= house.addOns) no('LimitReached');
      }
    }
    if (kind !== 'newCommerce') checkDesignationRoom(world, house);
    const termFrom = (start: Time) => (trial ? start + 30 * day : length && monthsLater(start, monthsIn[length]));
    const termEnds = termFrom(bought);
    noneOf(
      wrongStart(bought, now),
      kind === 'azurePlan'
        ? data.commitmentEndDate !== undefined && 'InvalidItem'
        : wrongFirstEnd(data.commitmentEndDate, bought, termFrom(now), now),
      (kind === 'azurePlan') !== (length === undefined) && 'InvalidItem',
      kind === 'azurePlan' && data.autoRenew && 'InvalidItem',
      !seats && trial && 'InvalidItem',
      !seats && base !== undefined && 'InvalidItem',
      wrongEnd(ownWindow, bought, now),
      wrongBase && 'InvalidItem',
    );

    const renews = data.autoRenew ?? (kind === 'newCommerce' || kind === 'marketplace');
    const ends = firstEnd(data.commitmentEndDate, termEnds);
    const window = trial && kind === 'newCommerce' ? undefined : (ownWindow ?? purchaseWindow(kind, length, bought));
    const facts: Fact[] = [
      [
        'SubscriptionPurchased',
        {
          subscriptionId: id,
          kind,
          trial,
          autoRenew: renews,
          boughtBy: data.boughtBy ?? 'partner',
          termEndsAt: iso(ends),
          cancellationAllowedUntil: iso(window),
          purchasedAt: iso(bought),
        },
      ],
    ];
    if (data.provisioned) facts.push(['SubscriptionActivated', { subscriptionId: id, activatedAt: iso(bought) }]);
    if (kind !== 'newCommerce') {
      designate(world, id, itself(partner), house);
      facts.push([
        'SupportContactAssigned',
        { subscriptionId: id, contact: itself(partner), byDefault: true, assignedAt: iso(now) },
      ]);
    }
    world.subscriptions.push({
      id,
      term: world.term,
      kind,
      base,
      status: data.provisioned ? 'active' : 'pending',
      trial,
      quantity: data.quantity,
      offer: data.offerId,
      renews,
      length,
      ends,
      // The day on which its terms end (T3).
      since: trial ? undefined : ends === termEnds ? bought : ends,
      window,
      cycle: data.billingCycle,
      planned: undefined,
      plannedCycle: undefined,
      leavesAt: undefined,
      keptUntil: undefined,
      disabledAgain: false,
      azure: [],
    });
    return facts;
  },

  ActivateSubscription(world, { subscriptionId }, { now }) {
    const subscription = ofThisTerm(world, world.subscriptions, subscriptionId);
    if (subscription.status !== 'pending') no('InvalidTransition');
    const base = world.subscriptions.find(({ id }) => id === subscription.base);
    // S10, unless the base can no longer be reactivated (S4): then the add-on would stay pending for ever.
    if (subscription.kind === 'legacy' && base?.status === 'suspended' && !over(base.ends, now)) no('ParentNotActive');
    subscription.status = 'active';
    return [['SubscriptionActivated', { subscriptionId, activatedAt: iso(now) }]];
  },

  FailSubscriptionProvisioning(world, { subscriptionId, reason }, { now }) {
    const ended = neverProvisioned(world, subscriptionId, 'provisioningFailed', now);
    return [['SubscriptionProvisioningFailed', { subscriptionId, reason, failedAt: iso(now) }], ...ended];
  },

  CancelSubscriptionProvisioning(world, { subscriptionId }, { now }) {
    const ended = neverProvisioned(world, subscriptionId, 'provisioningCancelled', now);
    return [['SubscriptionProvisioningCancelled', { subscriptionId, cancelledAt: iso(now) }], ...ended];
  },

  SuspendSubscription(world, { subscriptionId, reason }, { now }) {
    const subscription = ofThisTerm(world, world.subscriptions, subscriptionId);
    if (subscription.status !== 'active') no('InvalidTransition');
    checkNoTrialLock(subscription);
    checkNoAzure(subscription);
    const legacy = subscription.kind === 'legacy';
    const addOns = world.subscriptions
      .filter(({ kind, base, status }) => kind === 'legacy' && base === subscriptionId && status === 'active')
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const facts: Fact[] = [subscription, ...addOns].map((suspended) => {
      suspended.status = 'suspended';
      suspended.keptUntil = legacy ? now + 90 * day : undefined;
      return [
        'SubscriptionSuspended',
        {
          subscriptionId: suspended.id,
          reason,
          suspendedAt: iso(now),
          retainedUntil: iso(suspended.keptUntil),
          withBase: suspended === subscription ? undefined : subscriptionId,
        },
      ];
    });
    if (subscription.kind === 'newCommerce') {
      if (subscription.renews) facts.push(['AutoRenewDisabled', { subscriptionId, disabledAt: iso(now) }]);
      if (subscription.planned) facts.push(['ScheduledChangesDiscarded', { subscriptionId, discardedAt: iso(now) }]);
      subscription.renews = false;
      subscription.planned = undefined;
    }
    return facts;
  },

  ReactivateSubscription(world, { subscriptionId }, { now }) {
    const subscription = ofThisTerm(world, world.subscriptions, subscriptionId);
    if (subscription.status !== 'suspended') no('InvalidTransition');
    if (over(subscription.ends, now)) no('TermEnded');
    checkBaseInUse(world, subscription);
    subscription.status = 'active';
    subscription.keptUntil = undefined;
    return [['SubscriptionReactivated', { subscriptionId, reactivatedAt: iso(now) }]];
  },

  CancelSubscription(world, { subscriptionId }, { now }) {
    const subscription = ofThisTerm(world, world.subscriptions, subscriptionId);
    const { kind, status, window, ends } = subscription;
    if (kind === 'legacy') no('CancelNotSupported');
    if (status !== 'active' && status !== 'suspended') no('InvalidTransition');
    checkNoTrialLock(subscription);
    checkNoAzure(subscription);
    if (ends === undefined || (window !== undefined && now <= window)) return cancelNow(world, subscription, now);
    if (subscription.leavesAt !== undefined) no('NothingToChange');
    if (kind === 'newCommerce' || status === 'suspended')
      no('CancellationWindowClosed', {
        closedAt: iso(window),
        nextWindowAt: status === 'active' && subscription.renews ? iso(ends + 1) : undefined,
      });
    const facts: Fact[] = [
      ['CancellationScheduled', { subscriptionId, takesEffectAt: iso(ends), scheduledAt: iso(now) }],
    ];
    if (subscription.renews) facts.push(['AutoRenewDisabled', { subscriptionId, disabledAt: iso(now) }]);
    subscription.leavesAt = ends;
    subscription.renews = false;
    return facts;
  },

  SetAutoRenew(world, { subscriptionId, autoRenew }, { now }) {
    const subscription = toChange(world, subscriptionId);
    if (autoRenew && subscription.leavesAt !== undefined) no('InvalidTransition');
    if (autoRenew === subscription.renews) no('NothingToChange');
    subscription.renews = autoRenew;
    return [
      autoRenew
        ? ['AutoRenewEnabled', { subscriptionId, enabledAt: iso(now) }]
        : ['AutoRenewDisabled', { subscriptionId, disabledAt: iso(now) }],
    ];
  },

  ChangeSubscriptionQuantity(world, { subscriptionId, quantity }, { now }) {
    const subscription = toChange(world, subscriptionId);
    checkNoTrialLock(subscription);
    const previousQuantity = subscription.quantity;
    if (quantity === previousQuantity) no('NothingToChange');
    subscription.quantity = quantity;
    return [['SubscriptionQuantityChanged', { subscriptionId, quantity, previousQuantity, changedAt: iso(now) }]];
  },

  ScheduleSubscriptionChange(world, { subscriptionId, change, billingCycle }, { now }) {
    const subscription = toChange(world, subscriptionId);
    const wanted = change && Object.values(change).some((value) => value !== undefined) ? change : undefined;
    const comes = (change: Subscription['planned'], cycle: BillingCycle | undefined) =>
      JSON.stringify([
        change?.quantity ?? subscription.quantity,
        change?.offerId ?? subscription.offer,
        change?.termDuration ?? subscription.length,
        cycle ?? subscription.cycle,
      ]);
    const { planned, plannedCycle } = subscription;
    if (comes(wanted ?? planned, billingCycle ?? plannedCycle) === comes(planned, plannedCycle)) no('NothingToChange');
    subscription.planned = wanted ?? subscription.planned;
    subscription.plannedCycle = billingCycle ?? subscription.plannedCycle;
    return [['SubscriptionChangeScheduled', { subscriptionId, change: wanted, billingCycle, scheduledAt: iso(now) }]];
  },

  RenewSubscription: passTime,
  EndSubscriptionTerm: passTime,
  AdvanceSubscriptionRetention: passTime,

  AddAzureSubscription(world, { subscriptionId, azureSubscriptionId }, situation) {
    checkSale(world, situation);
    const plan = ofThisTerm(world, world.subscriptions, subscriptionId);
    checkUnused(
      world.subscriptions.flatMap(({ azure }) => azure),
      azureSubscriptionId,
    );
    checkNotDeleted(plan);
    if (plan.status === 'suspended') no('SubscriptionSuspended');
    if (plan.status !== 'active') no('InvalidTransition');
    noneOf(plan.kind !== 'azurePlan' && 'InvalidItem');
    plan.azure.push({ id: azureSubscriptionId, cancelled: false });
    return [['AzureSubscriptionAdded', { subscriptionId, azureSubscriptionId, addedAt: iso(situation.now) }]];
  },

  CancelAzureSubscription(world, { subscriptionId, azureSubscriptionId, reason }, { now, house }) {
    checkOn(world);
    const plan = ofThisTerm(world, world.subscriptions, subscriptionId);
    const azure = ofAnyTerm(world, plan.azure, azureSubscriptionId);
    checkNotDeleted(plan);
    if (azure.cancelled) no('NothingToChange');
    noneOf(reason !== 'compromise' && !(house.of2026 && ordinaryReasons.includes(reason)) && 'InvalidReason');
    azure.cancelled = true;
    return [['AzureSubscriptionCancelled', { subscriptionId, azureSubscriptionId, reason, cancelledAt: iso(now) }]];
  },

  PurchaseReservation(world, data, situation) {
    checkSale(world, situation);
    const bought = countsFrom(data.effectiveAt, situation.now);
    const owners = data.owners ?? [situation.actor.id];
    checkUnused(world.reservations, data.reservationId);
    const plans = world.subscriptions.filter(({ kind, status }) => kind === 'azurePlan' && status === 'active');
    if (!plans.some(({ term }) => term === world.term)) no('AzurePlanRequired');
    const termEnds = monthsLater(bought, monthsIn[data.termDuration]);
    noneOf(
      wrongStart(bought, situation.now),
      owners.length === 0 && 'InvalidItem',
      data.commitmentUsdCents < 0 && 'InvalidItem',
      wrongFirstEnd(
        data.commitmentEndDate,
        bought,
        monthsLater(situation.now, monthsIn[data.termDuration]),
        situation.now,
      ),
    );
    const ends = firstEnd(data.commitmentEndDate, termEnds)!;
    world.reservations.push({
      id: data.reservationId,
      term: world.term,
      product: data.product,
      owners,
      cents: data.commitmentUsdCents,
      bought,
      ends,
      status: 'active',
    });
    const boughtBy = data.boughtBy ?? 'partner';
    return [
      [
        'ReservationPurchased',
        { reservationId: data.reservationId, owners, boughtBy, purchasedAt: iso(bought), expiresAt: iso(ends) },
      ],
    ];
  },

  ChangeReservationOwners(world, data, { now }) {
    const reservation = ofThisTerm(world, world.reservations, data.reservationId);
    const { id: reservationId, status, owners: previousOwners } = reservation;
    if (status !== 'active' && status !== 'cancellationRequested') no('InvalidTransition');
    const spelt = (ids: readonly string[]) => [...new Set(ids.map((id) => id.toLowerCase()))];
    if (sameRoles(spelt(data.owners), spelt(previousOwners))) no('NothingToChange');
    noneOf(data.owners.length === 0 && 'InvalidItem');
    // Of several spellings the first stands.
    const owners = spelt(data.owners).map((id) => data.owners.find((owner) => owner.toLowerCase() === id)!);
    reservation.owners = owners;
    return [['ReservationOwnersChanged', { reservationId, owners, previousOwners, changedAt: iso(now) }]];
  },

  CancelReservation(world, data, { actor, now }) {
    checkOn(world);
    const asked = countsFrom(data.effectiveAt, now);
    const reservation = ofThisTerm(world, world.reservations, data.reservationId);
    const { id: reservationId, cents } = reservation;
    // A directory ignores upper and lower case.
    const isSender = (owner: string) => owner.toLowerCase() === actor.id.toLowerCase();
    if (!reservation.owners.some(isSender)) no('RoleNotAllowed');
    if (reservation.status !== 'active') no('InvalidTransition');
    if (neverRefunded.includes(reservation.product)) no('ReservationNotRefundable');
    const exchange = data.exchange ?? false;
    const wrong = wrongStart(asked, now) || (asked < reservation.bought && 'InvalidItem');
    // Without a valid time the cap cannot be checked.
    if (wrong) noneOf(wrong);
    if (!exchange) {
      checkCap(world, cents, asked);
      world.refunds.push({ reservation: reservationId, cents, at: asked });
    }
    reservation.status = data.settled ? 'cancelled' : 'cancellationRequested';
    return [
      [
        'ReservationCancellationRequested',
        { reservationId, countedUsdCents: exchange ? 0 : cents, exchange, requestedAt: iso(asked) },
      ],
      ...(data.settled ? [['ReservationCancelled', { reservationId, cancelledAt: iso(now) }] satisfies Fact] : []),
    ];
  },

  ConfirmReservationCancellation(world, { reservationId }, { now }) {
    waiting(world, reservationId).status = 'cancelled';
    return [['ReservationCancelled', { reservationId, cancelledAt: iso(now) }]];
  },

  RefuseReservationCancellation(world, { reservationId }, { now }) {
    waiting(world, reservationId).status = 'active';
    world.refunds = world.refunds.filter(({ reservation }) => reservation !== reservationId);
    return [['ReservationCancellationRefused', { reservationId, refusedAt: iso(now) }]];
  },

  ExpireReservation(world, { reservationId }, { now }) {
    return timePasses(aReservation(ofAnyTerm(world, world.reservations, reservationId)), now);
  },

  PurchaseSoftware(world, data, situation) {
    checkSale(world, situation);
    const bought = countsFrom(data.effectiveAt, situation.now);
    const ids = data.lineItems.map(({ lineItemId }) => lineItemId);
    const window =
      data.cancellationAllowedUntil === undefined
        ? bought + (data.kind === 'perpetual' ? 30 : 7) * day
        : Date.parse(data.cancellationAllowedUntil);
    checkUnused(world.software, data.purchaseId);
    const termFrom = (start: Time) => data.termDuration && monthsLater(start, monthsIn[data.termDuration]);
    const termEnds = termFrom(bought);
    noneOf(
      data.kind === 'perpetual'
        ? data.commitmentEndDate !== undefined && 'InvalidItem'
        : wrongFirstEnd(data.commitmentEndDate, bought, termFrom(situation.now), situation.now),
      wrongStart(bought, situation.now),
      (data.kind === 'subscription') !== (data.termDuration !== undefined) && 'InvalidItem',
      data.kind === 'perpetual' && data.autoRenew === true && 'InvalidItem',
      (ids.length === 0 || ids.some((id, index) => ids.indexOf(id) !== index)) && 'InvalidItem',
      data.cancellationAllowedUntil !== undefined && wrongEnd(window, bought, situation.now),
    );
    const ends = firstEnd(data.commitmentEndDate, termEnds);
    // V7a: since that day they renew, unless the item says otherwise.
    const renews = data.autoRenew ?? (data.kind === 'subscription' && bought >= Date.UTC(2021, 9, 14));
    world.software.push({
      id: data.purchaseId,
      term: world.term,
      publisher: data.publisher,
      perpetual: data.kind === 'perpetual',
      length: data.termDuration,
      since: ends === termEnds ? bought : ends,
      renews,
      window,
      ends,
      lines: ids.map((id) => ({ id, cancelled: false })),
      status: 'completed',
    });
    return [
      [
        'SoftwarePurchased',
        {
          purchaseId: data.purchaseId,
          boughtBy: data.boughtBy ?? 'partner',
          purchasedAt: iso(bought),
          cancellationAllowedUntil: iso(window),
          expiresAt: iso(ends),
          autoRenew: renews,
        },
      ],
    ];
  },

  SetSoftwareAutoRenew(world, { purchaseId, autoRenew }, { now }) {
    const purchase = ofThisTerm(world, world.software, purchaseId);
    if (purchase.status !== 'completed') no('InvalidTransition');
    noneOf(purchase.perpetual && 'InvalidItem');
    if (purchase.renews === autoRenew) no('NothingToChange');
    purchase.renews = autoRenew;
    return [
      autoRenew
        ? ['SoftwareAutoRenewEnabled', { purchaseId, enabledAt: iso(now) }]
        : ['SoftwareAutoRenewDisabled', { purchaseId, disabledAt: iso(now) }],
    ];
  },

  CancelSoftwarePurchase(world, { purchaseId, lineItemIds }, { now }) {
    checkOn(world);
    const purchase = ofThisTerm(world, world.software, purchaseId);
    const named = lineItemIds ?? purchase.lines.map(({ id }) => id);
    if (named.some((id) => !purchase.lines.some((line) => line.id === id))) no('LineItemNotFound');
    if (purchase.publisher === 'redHat' || purchase.publisher === 'suse') no('CancelNotSupported');
    if (purchase.status !== 'completed') no('InvalidTransition');
    if (now > purchase.window) no('CancellationWindowClosed', { closedAt: iso(purchase.window) });
    noneOf(lineItemIds?.length === 0 && 'InvalidItem');
    const lines = purchase.lines.filter(({ id, cancelled }) => !cancelled && named.includes(id));
    if (lines.length === 0) no('NothingToChange');
    for (const line of lines) line.cancelled = true;
    const facts: Fact[] = lines.map(({ id }) => [
      'SoftwareLineItemCancelled',
      { purchaseId, lineItemId: id, cancelledAt: iso(now) },
    ]);
    if (purchase.lines.every(({ cancelled }) => cancelled)) {
      purchase.status = 'cancelled';
      facts.push(['SoftwarePurchaseCancelled', { purchaseId, cancelledAt: iso(now) }]);
    }
    return facts;
  },

  RenewSoftware(world, { purchaseId }, { now }) {
    return timePasses(aPurchase(ofAnyTerm(world, world.software, purchaseId)), now);
  },

  ExpireSoftware(world, { purchaseId }, { now }) {
    return timePasses(aPurchase(ofAnyTerm(world, world.software, purchaseId)), now);
  },

  PurchaseSavingsPlan(world, data, situation) {
    checkSale(world, situation);
    const bought = countsFrom(data.effectiveAt, situation.now);
    checkUnused(world.savingsPlans, data.savingsPlanId);
    const termEnds = monthsLater(bought, monthsIn[data.termDuration]);
    noneOf(
      wrongStart(bought, situation.now),
      wrongFirstEnd(
        data.commitmentEndDate,
        bought,
        monthsLater(situation.now, monthsIn[data.termDuration]),
        situation.now,
      ),
    );
    const ends = firstEnd(data.commitmentEndDate, termEnds)!;
    world.savingsPlans.push({ id: data.savingsPlanId, term: world.term, ends, expired: false });
    const boughtBy = data.boughtBy ?? 'partner';
    return [
      [
        'SavingsPlanPurchased',
        { savingsPlanId: data.savingsPlanId, boughtBy, purchasedAt: iso(bought), expiresAt: iso(ends) },
      ],
    ];
  },

  CancelSavingsPlan(world, { savingsPlanId }) {
    const plan = ofThisTerm(world, world.savingsPlans, savingsPlanId);
    return no(plan.expired ? 'InvalidTransition' : 'SavingsPlanNotCancellable');
  },

  ExpireSavingsPlan(world, { savingsPlanId }, { now }) {
    return timePasses(aSavingsPlan(ofAnyTerm(world, world.savingsPlans, savingsPlanId)), now);
  },

  AssignSupportContact(world, { subscriptionId, contact }, { partner, house, now }) {
    checkOn(world);
    if ([contact.tenantId, contact.partnerId, contact.name].some((field) => field.trim() === ''))
      no('InvalidSupportContact');
    const { kind, status } = ofThisTerm(world, world.subscriptions, subscriptionId);
    if (kind === 'newCommerce') no('SupportContactNotSupported');
    if (status === 'deleted') no('SubscriptionDeleted');
    if (isNeverProvisioned({ status })) no('InvalidTransition');
    const related = [itself(partner), ...partner.resellers].find(({ tenantId }) => tenantId === contact.tenantId);
    if (!related || !world.contacts.includes(contact.tenantId)) no('SupportContactNotAvailable');
    if (!sameContact(related, contact)) no('InvalidSupportContact');
    const there = world.designations.find(({ subscription }) => subscription === subscriptionId);
    if (there && sameContact(there.contact, contact)) no('NothingToChange');
    designate(world, subscriptionId, contact, house);
    return [['SupportContactAssigned', { subscriptionId, contact, byDefault: false, assignedAt: iso(now) }]];
  },

  WithdrawSupportContact(world, { subscriptionId }, { now }) {
    ofThisTerm(world, world.subscriptions, subscriptionId);
    const facts = withdraw(world, ({ subscription }) => subscription === subscriptionId, 'withdrawn', now);
    return facts.length === 0 ? no('NothingToChange') : facts;
  },

  RecordLegacyDelegatedAdmin(world, { grantId, effectiveAt }, { house, now }) {
    checkOn(world);
    const granted = countsFrom(effectiveAt, now);
    checkUnused(world.grants, grantId);
    if (granted >= dapOfferedUntil || (world.lastEnd !== undefined && granted <= world.lastEnd))
      no('DapNoLongerOffered');
    if (world.grants.some((grant) => grant.kind === 'dap' && grant.term === world.term && isOpen(grant)))
      no('NothingToChange');
    checkGrantRoom(world, house, now);
    noneOf(wrongStart(granted, now), wrongGrantId(world, grantId));
    return [dap(world, grantId, granted)];
  },

  RequestDelegatedAdmin(world, data, { house, now, nameTaken }) {
    checkOn(world);
    const asked = countsFrom(data.effectiveAt, now);
    const roles = once(data.roles);
    const extend = data.autoExtendDays ?? 0;
    checkUnused(world.grants, data.grantId);
    checkGrantRoom(world, house, now);
    if (nameTaken) no('NameNotUnique');
    noneOf(
      ...wrongTerms(data),
      extend === 180 && roles.includes(globalAdministrator) && 'AutoExtendNotAllowed',
      wrongGrantId(world, data.grantId),
      wrongStart(asked, now),
    );
    const lapses = asked + 90 * day;
    world.grants.push({
      id: data.grantId,
      term: world.term,
      kind: 'gdap',
      status: 'created',
      name: data.name,
      roles,
      days: data.durationDays,
      extend,
      lapses,
      ends: undefined,
      groups: [],
    });
    return [
      [
        'DelegatedAdminRequested',
        { grantId: data.grantId, roles, autoExtendDays: extend, requestedAt: iso(asked), expiresAt: iso(lapses) },
      ],
    ];
  },

  UpdateDelegatedAdminRequest(world, data, { now, nameTaken }) {
    checkOn(world);
    const grant = ofThisTerm(world, world.grants, data.grantId);
    checkNotLapsed(grant);
    const live = isLive(grant);
    if (grant.status !== 'created' && !live) no('GrantLocked');
    const wanted = data.roles && once(data.roles);
    const name = data.name === grant.name ? undefined : data.name;
    const days = data.durationDays === grant.days ? undefined : data.durationDays;
    const extend = data.autoExtendDays === grant.extend ? undefined : data.autoExtendDays;
    const roles = wanted && !sameRoles(wanted, grant.roles) ? wanted : undefined;
    if (live) {
      const others = grant.roles.filter((role) => role !== globalAdministrator);
      if (name !== undefined || days !== undefined || (roles && !sameRoles(roles, others))) no('GrantLocked');
    }
    if (name === undefined && days === undefined && extend === undefined && !roles) no('NothingToChange');
    if (name !== undefined && nameTaken) no('NameNotUnique');
    noneOf(
      ...wrongTerms(data),
      (extend ?? grant.extend) === 180 &&
        (roles ?? grant.roles).includes(globalAdministrator) &&
        'AutoExtendNotAllowed',
      // T1a: of a grant only that happens elsewhere.
      data.effectiveAt !== undefined && data.autoExtendDays === undefined && 'InvalidItem',
    );
    grant.name = name ?? grant.name;
    grant.days = days ?? grant.days;
    grant.extend = extend ?? grant.extend;
    grant.roles = roles ?? grant.roles;
    for (const group of grant.groups) group.roles = group.roles.filter((role) => grant.roles.includes(role));
    return [
      [
        'DelegatedAdminUpdated',
        { grantId: data.grantId, name, roles, durationDays: days, autoExtendDays: extend, updatedAt: iso(now) },
      ],
    ];
  },

  LockDelegatedAdminForApproval(world, { grantId }, { now }) {
    const grant = ofThisTerm(world, world.grants, grantId);
    checkNotLapsed(grant);
    if (grant.status !== 'created') no('InvalidTransition');
    grant.status = 'approvalPending';
    return [['DelegatedAdminLockedForApproval', { grantId, lockedAt: iso(now) }]];
  },

  DeleteDelegatedAdminRequest(world, { grantId }, { now }) {
    takeBack(world, grantId, 'created', 'deleted');
    return [['DelegatedAdminDeleted', { grantId, deletedAt: iso(now) }]];
  },

  WithdrawDelegatedAdminRequest(world, { grantId }, { now }) {
    takeBack(world, grantId, 'approvalPending', 'withdrawn');
    return [['DelegatedAdminWithdrawn', { grantId, withdrawnAt: iso(now) }]];
  },

  ApproveDelegatedAdmin(world, { grantId, approvedBy }, situation) {
    const { now } = situation;
    checkSignature(approvedBy, situation);
    const grant = ofThisTerm(world, world.grants, grantId);
    checkNotLapsed(grant);
    if (grant.status !== 'approvalPending') no('InvalidTransition');
    grant.status = 'active';
    grant.ends = now + grant.days * day;
    return [
      ['DelegatedAdminApproved', { grantId, approvedAt: iso(now) }],
      ['DelegatedAdminActivated', { grantId, activatedAt: iso(now), endsAt: iso(grant.ends) }],
    ];
  },

  ExtendDelegatedAdmin(world, { grantId }, { now }) {
    return timePasses(aGrant(ofAnyTerm(world, world.grants, grantId)), now);
  },

  TerminateDelegatedAdmin(world, { grantId }, situation) {
    const { actor, now } = situation;
    const byCustomer = actor.kind === 'customerUser';
    checkCustomersAdmin(situation);
    const grant = ofThisTerm(world, world.grants, grantId);
    // §1.8: helpdesk agents end DAP; GDAP takes an admin agent.
    if (!byCustomer && grant.kind === 'gdap' && !actor.roles.includes('AdminAgent')) no('RoleNotAllowed');
    const live = isLive(grant);
    const standing = live || (grant.kind === 'dap' && grant.status === 'approved');
    if (!standing && !(byCustomer && isUnanswered(grant))) no('InvalidTransition');
    grant.status = 'terminated';
    const facts: Fact[] = [['DelegatedAdminTerminated', { grantId, terminatedAt: iso(now) }]];
    if (live)
      facts.unshift([
        'DelegatedAdminTerminationRequested',
        { grantId, requestedBy: byCustomer ? 'customer' : 'partner', requestedAt: iso(now) },
      ]);
    return facts;
  },

  ExpireDelegatedAdmin(world, { grantId }, { now }) {
    return timePasses(aGrant(ofAnyTerm(world, world.grants, grantId)), now);
  },

  AssignAccess(world, { grantId, assignmentId, groupId, roles: asked }, { now }) {
    checkOn(world);
    const roles = once(asked);
    const grant = ofThisTerm(world, world.grants, grantId);
    if (!isLive(grant)) no('GrantNotActive');
    const wrong =
      roles.length === 0 ? 'RolesMissing' : roles.some((role) => !grant.roles.includes(role)) && 'RoleNotGranted';
    const there = grant.groups.find(({ id }) => id === assignmentId);
    if (!there) {
      // G8a
      const taken = grant.groups.find(
        ({ group, deleted }) => !deleted && group.toLowerCase() === groupId.toLowerCase(),
      );
      if (taken) no('GroupAlreadyAssigned', { assignmentId: taken.id });
      noneOf(wrong);
      grant.groups.push({ id: assignmentId, group: groupId, roles, deleted: false });
      return [['AccessAssignmentCreated', { grantId, assignmentId, groupId, roles, createdAt: iso(now) }]];
    }
    if (there.deleted || there.group.toLowerCase() !== groupId.toLowerCase()) no('ItemAlreadyExists');
    if (sameRoles(there.roles, roles)) no('NothingToChange');
    noneOf(wrong);
    there.roles = roles;
    return [['AccessAssignmentUpdated', { grantId, assignmentId, roles, updatedAt: iso(now) }]];
  },

  RemoveAccess(world, { grantId, assignmentId }, { now }) {
    const grant = ofThisTerm(world, world.grants, grantId);
    const there = grant.groups.find(({ id }) => id === assignmentId);
    if (!there) no('ItemNotFound');
    if (there.deleted) no('InvalidTransition');
    if (!isLive(grant)) no('GrantNotActive');
    there.deleted = true;
    return [['AccessAssignmentDeleted', { grantId, assignmentId, deletedAt: iso(now) }]];
  },
};
