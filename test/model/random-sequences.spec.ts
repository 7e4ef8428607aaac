import { describe, expect, it } from '@jest/globals';
import fc, { type Arbitrary } from 'fast-check';
import {
  blockerKinds,
  customerRelationship,
  initialState,
  policies,
  rejections,
  remedies,
  removalBlockers,
  roles,
  type Actor,
  type CommandName,
  type Context,
  type CustomerRelationship,
  type Partner,
  type Policy,
  type RelationshipCommands,
  type RelationshipEvents,
  type RemovalBlocker,
} from '#customer-relationship';
import {
  commandSaid,
  inSome,
  partnerContact,
  rarely,
  reseller,
  utterancesAbout,
  type Pool,
  type Utterance,
} from '#customer-relationship/test-kit';
import { detailOf, meaningErrors } from '#http';
import { whatIsWrongWith } from '../refusal-text.js';
import { decideOn, fold, Rejection, type Decider, type MessageOf } from '#event-sourcing';
import { factsOf, factsSaidBy, firstDifference } from './facts.js';
import { boundaries, iso, judge, monthsLater, newWorld, type HouseRules, type World } from './model.js';

// The decider against the model: random sequences of commands, verdict by verdict. Most commands are about something
// that exists, ids collide now and then, and the clock often stops at an end, or a millisecond after it.

type RelationshipDecider = Decider<RelationshipCommands, RelationshipEvents, CustomerRelationship, Context>;

const sequences = 1000;
const commandsEach = 40;
const hour = 60 * 60 * 1000;
const day = 24 * hour;

// The possible steps

interface Step {
  /** Of these, an accepted one is preferred to a refused one, and among them the one sent least so far. */
  readonly utterances: readonly Utterance[];
  readonly jump: { readonly ahead: number } | { readonly boundary: number; readonly offset: number };
  /** Undefined: an actor who may send it. */
  readonly actor: Actor | undefined;
  readonly partner: Pick<Partner, 'type' | 'standing' | 'market'>;
  readonly nameTaken: boolean;
  readonly customer: string;
}

interface Sequence {
  readonly house: HouseRules;
  readonly startsAt: number;
  readonly opening: readonly Utterance[];
  readonly steps: readonly Step[];
}

const globalAdministrator = '62e90394-69f5-4237-9190-012177145e10';

const { constantFrom, boolean, nat, record, oneof, array, uniqueArray } = fc;

// Sender and time

const actor = record({
  id: constantFrom('ada', 'grace', 'sync'),
  kind: constantFrom('partnerUser', 'partnerApp', 'customerUser'),
  roles: uniqueArray(constantFrom(...roles), { maxLength: 3 }),
  tenant: fc.constant('tenant'),
}) as Arbitrary<Actor>;
const admin: Actor = {
  id: 'ada',
  kind: 'partnerUser',
  roles: ['GlobalAdmin', 'AdminAgent'],
  tenant: partnerContact.tenantId,
};
const customersAdmin: Actor = {
  id: 'chris',
  kind: 'customerUser',
  roles: ['CustomerGlobalAdmin'],
  tenant: 'tenant-customer',
};
const rightful = (command: CommandName): Actor => (/^(Accept|Decline|Approve)/.test(command) ? customersAdmin : admin);

const stepOf = (utterance: Arbitrary<Utterance>): Arbitrary<Step> =>
  record({
    utterances: oneof(fc.tuple(utterance), array(utterance, { minLength: 6, maxLength: 6 })),
    jump: oneof(
      { weight: 30, arbitrary: record({ ahead: constantFrom(0, 0, 0, 1, hour, day, 8 * day) }) },
      {
        weight: 2,
        arbitrary: record({ ahead: constantFrom(...[7, 31, 91, 200, 366, 1_100].map((days) => days * day)) }),
      },
      { weight: 6, arbitrary: record({ boundary: nat(3), offset: constantFrom(0, 1, 1) }) },
    ),
    actor: inSome(12, actor),
    partner: record({
      type: rarely('directBillPartner', 'indirectProvider', 'indirectReseller'),
      standing: rarely('good', 'restricted', 'suspended'),
      market: rarely('US', 'DE', 'UM', 'BR', 'NG'),
    }),
    nameTaken: rarely(false, true),
    customer: rarely('customer', partnerContact.tenantId, reseller.tenantId, '00000000-0000-0000-0000-000000000000'),
  });

const request: Utterance = {
  type: 'RequestResellerRelationship',
  data: { customer: { name: 'Fabrikam' }, market: 'US', indirectResellerId: reseller.tenantId },
};
const established: Utterance[] = [
  request,
  { type: 'AcceptResellerRelationship', data: {} },
  { type: 'ConfirmCustomerAgreement', data: {} },
];
const azurePlan: Utterance = {
  type: 'PurchaseSubscription',
  data: {
    subscriptionId: 'subscription-1',
    kind: 'azurePlan',
    offerId: 'azure',
    name: 'Azure plan',
    quantity: 1,
    provisioned: true,
  },
};
const reserved = (reservationId: string, commitmentUsdCents: number, back: number): Utterance => ({
  type: 'PurchaseReservation',
  data: {
    reservationId,
    name: 'Servers',
    product: 'virtualMachine',
    quantity: 1,
    termDuration: 'P3Y',
    commitmentUsdCents,
  },
  times: { effectiveAt: { back } },
});
const reservations = [
  reserved('reservation-1', 2_500_000, 700 * day),
  reserved('reservation-2', 2_500_000, 500 * day),
  reserved('reservation-3', 2_500_001, 400 * day),
];
const activeGrant: Utterance[] = [
  {
    type: 'RequestDelegatedAdmin',
    data: {
      grantId: 'grant-1',
      name: 'One',
      roles: ['role-a', 'role-b', globalAdministrator],
      durationDays: 90,
      autoExtendDays: 0,
    },
  },
  { type: 'LockDelegatedAdminForApproval', data: { grantId: 'grant-1' } },
  { type: 'ApproveDelegatedAdmin', data: { grantId: 'grant-1' } },
];

/** Commands on one kind of thing come together, so that they meet; some things need others to exist first. */
const themes: readonly (readonly [about: RegExp, ...openings: Utterance[][]])[] = [
  [/Subscription|AutoRenew|Contact/, established],
  [/Subscription$|AutoRenew|SubscriptionTerm|Quantity|Change|Retention/, established, [...established, azurePlan]],
  [/Reservation|PurchaseSubscription/, [...established, azurePlan], [...established, azurePlan, ...reservations]],
  [/Software|SavingsPlan/, established],
  [/DelegatedAdmin|Access$/, established, [...established, ...activeGrant]],
  [/Access$|ExtendDelegated|UpdateDelegated|Expire/, [...established, ...activeGrant]],
  [/Relationship|Agreement|Profile|Purchase|Contact|RequestDelegated/, [], [...established, azurePlan]],
  [/./, [], [...established, azurePlan, ...reservations, ...activeGrant]],
];
const sequenceAbout = (ofThemes: typeof themes): Arbitrary<Sequence> =>
  constantFrom(...ofThemes).chain(([about, ...openings]) =>
    record({
      house: record({
        later: boolean(),
        of2026: boolean(),
        noticeRequired: rarely(false, true),
        softwarePastWindowBlocks: boolean(),
        designations: constantFrom(1, 3, 500),
        grants: constantFrom(3, 100),
        addOns: constantFrom(1, 200),
      }),
      startsAt: constantFrom('2023-06-30T23:59:59.999Z', '2024-01-31T12:00:00.000Z', '2024-02-29T12:00:00.000Z').map(
        (at) => Date.parse(at),
      ),
      opening: constantFrom(...openings),
      steps: array(
        stepOf(
          oneof(
            { weight: 8, arbitrary: utterancesAbout(about) },
            { weight: 1, arbitrary: utterancesAbout(/Relationship|Agreement/) },
          ),
        ),
        { minLength: commandsEach - 3, maxLength: commandsEach, size: 'max' },
      ),
    }),
  );
const sequence = sequenceAbout(themes);

// Sending it to both

/** What all sequences have reached so far: a generator whose commands were all refused would find nothing. */
const seen = {
  accepted: new Map<string, number>(),
  events: new Map<string, number>(),
  refused: new Map<string, number>(),
  /** Details of refusals that do not say what is the case or what to do. */
  unclear: new Map<string, string>(),
};
const count = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);

function idsIn(pool: Pool, world: World): string[] {
  const items = {
    subscription: world.subscriptions,
    legacy: world.subscriptions.filter(({ kind }) => kind === 'legacy'),
    newCommerce: world.subscriptions.filter(({ kind }) => kind === 'newCommerce'),
    azurePlan: world.subscriptions.filter(({ kind }) => kind === 'azurePlan'),
    azure: world.subscriptions.flatMap(({ azure }) => azure),
    reservation: world.reservations,
    software: world.software,
    savingsPlan: world.savingsPlans,
    grant: world.grants,
    access: world.grants.flatMap(({ groups }) => groups),
  }[pool];
  return items.map(({ id }) => id);
}

function later(jump: Step['jump'], now: number, world: World): number {
  if ('ahead' in jump) return now + jump.ahead;
  const next = boundaries(world).filter((time) => time >= now);
  return (next[jump.boundary % Math.max(1, next.length)] ?? now) + jump.offset;
}

function policyOf({ later, of2026, ...house }: HouseRules): Policy {
  const before = later ? 'partner-center-later' : 'partner-center-2020-06';
  const policy = policies[of2026 ? `partner-center-2026-11${later ? '-later' : ''}` : before]!;
  return {
    ...policy,
    removal: {
      ...policy.removal,
      softwarePastWindowBlocks: house.softwarePastWindowBlocks,
      noticeAcknowledgementRequired: house.noticeRequired,
    },
    limits: { designations: house.designations, grants: house.grants, addOnsPerBase: house.addOns },
  };
}

/** Runs a sequence through both; throws at the first verdict on which they differ, with the commands until then. */
function agree(
  decider: RelationshipDecider,
  { house, startsAt, opening, steps }: Sequence,
  look: (state: CustomerRelationship, now: number, policy: Policy) => void = () => {},
): void {
  const world = newWorld();
  const state = initialState();
  const policy = policyOf(house);
  const trace: string[] = [];
  const accepted = new Map<CommandName, number>();
  const news = ({ said, actual }: { readonly said: { readonly type: CommandName }; readonly actual: Decision }) =>
    'accepted' in actual ? (accepted.get(said.type) ?? 0) : Infinity;
  let now = startsAt;
  const disagreement = (...lines: readonly string[]) => new Error([...trace.slice(-commandsEach), ...lines].join('\n'));
  /** What is settled stays unrecorded until the next command, and reads show it all the same (T1). */
  const compareReads = () => {
    const difference = firstDifference(factsOf(world, now, house), factsSaidBy(state, iso(now)!, policy));
    if (difference) throw disagreement(`BUT at ${iso(now)} the domain says ${difference}`);
  };
  const usual = {
    jump: { ahead: 0 },
    actor: undefined,
    partner: { type: 'directBillPartner', standing: 'good', market: 'US' },
    nameTaken: false,
    customer: 'customer',
  } as const;

  for (const step of [...opening.map((utterance) => ({ ...usual, utterances: [utterance] })), ...steps]) {
    const before = now;
    now = later(step.jump, now, world);
    if (now !== before) compareReads();
    const partner: Partner = { ...partnerContact, resellers: [reseller], ...step.partner };
    const sayable = step.utterances.map((utterance) => {
      const said = commandSaid(utterance, { now, ids: (pool) => idsIn(pool, world), boundaries: boundaries(world) });
      const actor = step.actor ?? rightful(said.type);
      const context = {
        now: iso(now)!,
        actor,
        policy,
        partner,
        customerId: step.customer,
        grantNameTaken: step.nameTaken,
      };
      return { said, actor, actual: decision(decider, state, said, context) };
    });
    const { said, actor, actual } = sayable.reduce((one, other) => (news(other) < news(one) ? other : one));
    const expected = judge(world, said, {
      now,
      actor,
      partner,
      nameTaken: step.nameTaken,
      customer: step.customer,
      house,
    });

    trace.push(`${iso(now)} ${actor.kind} ${said.type} ${JSON.stringify(said.data)}\n    → ${described(expected)}`);
    const difference = differenceBetween(expected, actual);
    if (difference)
      throw disagreement(
        `BUT the decider says ${difference}`,
        `The model of ${said.type} stands in test/model/model.ts: its rules, and who may send it.`,
      );
    if ('accepted' in actual) {
      count(seen.accepted, said.type);
      accepted.set(said.type, (accepted.get(said.type) ?? 0) + 1);
      for (const { type } of actual.accepted) count(seen.events, type);
      fold(decider, actual.accepted, state);
      compareReads();
      look(state, now, policy);
    } else {
      count(seen.refused, actual.refused);
      const { refused, details } = actual;
      for (const detail of [
        detailOf(refused, details),
        ...meaningErrors(refused, details).map((error) => error.detail),
      ]) {
        const wrong = whatIsWrongWith(detail);
        if (wrong.length > 0)
          seen.unclear.set(detail.replaceAll(/\d/g, '0'), `${refused}: "${detail}": ${wrong.join(', ')}`);
      }
    }
  }
}

type Decision =
  | { readonly accepted: readonly MessageOf<RelationshipEvents>[] }
  | {
      readonly refused: string;
      readonly because: Readonly<Record<string, unknown>>;
      readonly details: Readonly<Record<string, unknown>>;
    };

function decision(
  decider: RelationshipDecider,
  state: CustomerRelationship,
  said: MessageOf<RelationshipCommands>,
  context: Context,
): Decision {
  try {
    return { accepted: decideOn(decider, state, said, context) };
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    const { code: refused, details } = error;
    const blockers = details['blockers'] as readonly RemovalBlocker[] | undefined;
    const faults = details['faults'] as readonly { readonly code: string }[] | undefined;
    return {
      refused,
      details,
      because: {
        ...(blockers ? { blockers: blockers.map(({ kind, itemId }) => `${kind}:${itemId}`) } : details),
        faultCodes: (faults?.map(({ code }) => code) ?? [refused]).toSorted(),
      },
    };
  }
}

type Verdict = ReturnType<typeof judge>;

function described(verdict: Verdict | Decision): string {
  return 'refused' in verdict
    ? `${verdict.refused} ${JSON.stringify(verdict.because)}`
    : JSON.stringify(verdict.accepted);
}

function differenceBetween(expected: Verdict, actual: Decision): string | undefined {
  if ('refused' in expected) {
    // Both name all faults of the data; which one comes first does not matter.
    const isOneOfThem = 'faultCodes' in expected.because;
    return 'refused' in actual &&
      (isOneOfThem || actual.refused === expected.refused) &&
      isWithin(expected.because, actual.because)
      ? undefined
      : described(actual);
  }
  const same =
    'accepted' in actual &&
    actual.accepted.length === expected.accepted.length &&
    expected.accepted.every(([type, facts], index) => {
      const event = actual.accepted[index]!;
      return event.type === type && isWithin(facts, event.data);
    });
  return same ? undefined : described(actual);
}

/** Every fact is in the payload, and the fields that must be absent are. */
function isWithin(facts: object, data: object): boolean {
  return Object.entries(facts).every(
    ([field, fact]) => JSON.stringify((data as Record<string, unknown>)[field]) === JSON.stringify(fact),
  );
}

const property = (decider: RelationshipDecider) => fc.property(sequence, (one) => agree(decider, one));

// MODEL_SEED=… repeats the sequences of an earlier run.
const seedOfToday = Number(process.env['MODEL_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

describe('decider and model', () => {
  it('agree on every verdict of sequences known to reach every command, event and refusal', () => {
    const never = <T extends string>(all: readonly T[], counts: Map<string, number>) =>
      all.filter((name) => !counts.has(name));
    // Few sequences reactivate a suspended legacy subscription between the end of its term and that of its retention.
    const rare = ['TermEnded'];
    const neverRefused = () => never(Object.keys(rejections), seen.refused).filter((code) => !rare.includes(code));
    // A savings plan cannot be cancelled (rule V10). A conflict needs two commands at once, not a sequence. Earlier releases
    // answered AutoRenewOff and AutoExtendOff to the clock's commands, before these recorded all that time had brought about.
    const impossible = ['ConcurrencyConflict', 'AutoRenewOff', 'AutoExtendOff'];
    // A new command changes what a seed brings about, so what one misses another one may reach.
    for (let seed = 20_200_600; seed < 20_200_605; seed++) {
      fc.assert(property(customerRelationship), { seed, numRuns: sequences });
      if (neverRefused().length === impossible.length) break;
    }

    expect([...seen.unclear.values()]).toEqual([]);
    expect(never(Object.keys(customerRelationship.decide), seen.accepted)).toEqual(['CancelSavingsPlan']);
    expect(never(Object.keys(customerRelationship.evolve), seen.events)).toEqual([]);
    expect(neverRefused()).toEqual(impossible);
  });

  it(`agree on every verdict of sequences never seen before (MODEL_SEED=${seedOfToday})`, () => {
    fc.assert(property(customerRelationship), { seed: seedOfToday, numRuns: sequences });
  });
});

/** The command with which a partner follows the advice. */
function remedyFor(
  state: CustomerRelationship,
  blocker: RemovalBlocker,
  policy: Policy,
): MessageOf<RelationshipCommands> {
  const { itemId, remedyItemId = itemId, remedyCommand } = blocker;
  const subscriptionId = remedyItemId;
  switch (remedyCommand) {
    case 'ActivateSubscription':
    case 'EndSubscriptionTerm':
    case 'CancelSubscription':
    case 'ReactivateSubscription':
      return { type: remedyCommand, data: { subscriptionId } };
    case 'SuspendSubscription':
      return { type: remedyCommand, data: { subscriptionId, reason: 'customerRequest' } };
    case 'SetAutoRenew':
      return { type: remedyCommand, data: { subscriptionId, autoRenew: false } };
    case 'SetSoftwareAutoRenew':
      return { type: remedyCommand, data: { purchaseId: itemId, autoRenew: false } };
    case 'CancelAzureSubscription': {
      const azure = [...state.subscriptions.get(itemId)!.azureSubscriptions];
      const [azureSubscriptionId] = azure.find(([, { status }]) => status === 'active')!;
      const reason = policy.azureCancellationReasons[0]!;
      return { type: remedyCommand, data: { subscriptionId, azureSubscriptionId, reason } };
    }
    case 'CancelReservation':
    case 'ConfirmReservationCancellation':
      return { type: remedyCommand, data: { reservationId: itemId } };
    case 'CancelSoftwarePurchase':
      return { type: remedyCommand, data: { purchaseId: itemId } };
    default:
      throw new Error(`Advice that cannot be followed: ${JSON.stringify(blocker)}`);
  }
}

/** One of the senders that the advice names, a different one each time. */
function adviceTaker({ remedyBy }: RemovalBlocker, round: number): Actor {
  const { anyOf, allOf, appOnly, owners = ['mallory'] } = remedyBy!;
  return {
    id: owners[round % owners.length]!,
    kind: appOnly && round % 2 === 1 ? 'partnerApp' : 'partnerUser',
    roles: allOf ?? [anyOf[round % anyOf.length]!],
    tenant: partnerContact.tenantId,
  };
}

describe('the advice of blockers', () => {
  const met = new Map<string, number>();
  const suspendedBase: Utterance[] = [
    {
      type: 'PurchaseSubscription',
      data: {
        subscriptionId: 'base',
        kind: 'legacy',
        offerId: 'o',
        name: 'Base',
        quantity: 1,
        termDuration: 'P1Y',
        provisioned: true,
      },
    },
    {
      type: 'PurchaseSubscription',
      data: {
        subscriptionId: 'add-on',
        kind: 'legacy',
        offerId: 'o',
        name: 'Add-on',
        quantity: 1,
        termDuration: 'P1M',
        baseSubscriptionId: 'base',
      },
    },
    { type: 'SuspendSubscription', data: { subscriptionId: 'base', reason: 'customerRequest' } },
  ];
  const seats = {
    kind: 'newCommerce',
    offerId: 'o',
    name: 'Seats',
    quantity: 1,
    termDuration: 'P1Y',
    provisioned: true,
  };
  const suspendedSeats: Utterance[] = [
    { type: 'PurchaseSubscription', data: { subscriptionId: 'seats', ...seats } },
    { type: 'SuspendSubscription', data: { subscriptionId: 'seats', reason: 'customerRequest' } },
  ];
  const production: Utterance = {
    type: 'AddAzureSubscription',
    data: { subscriptionId: 'subscription-1', azureSubscriptionId: 'azure-1', name: 'Production' },
  };
  const about: typeof themes = [
    ...themes.slice(0, 4),
    [
      /^(Purchase|Suspend|Cancel|Activate)/,
      [...established, azurePlan, production, ...reservations, ...suspendedBase, ...suspendedSeats],
    ],
  ];
  const direct: Partner = {
    ...partnerContact,
    type: 'directBillPartner',
    market: 'US',
    standing: 'good',
    resellers: [],
  };

  /** Follows it until the relationship is removed, or only items without end are left; throws if it is refused. */
  function follow(from: CustomerRelationship, since: number, policy: Policy): void {
    const state = structuredClone(from);
    let now = iso(since)!;
    for (let round = 0; round < 200; round++) {
      const blockers = removalBlockers(state, policy, now);
      const open = blockers.filter(({ reason }) => reason !== 'neverEnds');
      for (const { kind, remedy } of blockers) {
        count(met, kind);
        count(met, remedy);
      }
      const context = { now, actor: admin, policy, partner: direct, customerId: 'customer' };
      if (blockers.length === 0) {
        decideOn(
          customerRelationship,
          state,
          { type: 'RemoveResellerRelationship', data: { noticeGiven: true } },
          context,
        );
        return;
      }
      if (open.length === 0) return;
      const next = open.find(({ remedyCommand, remedyFrom = now }) => remedyCommand && remedyFrom <= now);
      if (next) {
        const actor = adviceTaker(next, round);
        const remedy = remedyFor(state, next, policy);
        fold(customerRelationship, decideOn(customerRelationship, state, remedy, { ...context, actor }), state);
        continue;
      }
      const [first] = open.toSorted((a, b) => (dateOf(a) < dateOf(b) ? -1 : 1));
      now = dateOf(first!);
      // Where only waiting helps, it helps at that time, and not a millisecond earlier.
      if (first!.remedyCommand) continue;
      const still = (at: string) => removalBlockers(state, policy, at).some(({ itemId }) => itemId === first!.itemId);
      expect([still(iso(Date.parse(now) - 1)!), still(now)]).toEqual([true, false]);
    }
    throw new Error(`Advice without end: ${JSON.stringify(removalBlockers(state, policy, now))}`);
  }
  const dateOf = ({ remedyFrom, earliestClearableAt }: RemovalBlocker) => (remedyFrom ?? earliestClearableAt)!;

  it('is never refused to the senders that it names, at its date, until the relationship is removed', () => {
    let looks = 0;
    const followed = fc.property(sequenceAbout(about), (one) =>
      agree(customerRelationship, one, (state, now, policy) => {
        if (state.status === 'active' && ++looks % 10 === 0) follow(state, now, policy);
      }),
    );
    fc.assert(followed, { seed: 20_200_600, numRuns: 300 });

    const seldom = [...blockerKinds, ...remedies].filter((name) => (met.get(name) ?? 0) < 50);
    expect(seldom).toEqual([]);
  });
});

describe('a decider that is slightly off', () => {
  const { decide, evolve } = customerRelationship;
  const aMillisecondLate = (context: Context): Context => ({
    ...context,
    now: new Date(Date.parse(context.now) + 1).toISOString(),
  });

  it.each<[string, Partial<RelationshipDecider['decide']>, Partial<RelationshipDecider['evolve']>]>([
    [
      'takes the end of a reservation as exclusive',
      { ExpireReservation: (state, data, context) => decide.ExpireReservation(state, data, aMillisecondLate(context)) },
      {},
    ],
    [
      'lets one cent more through the refund cap',
      {
        CancelReservation: (state, data, context) => {
          const { refundCap } = context.policy;
          const policy = { ...context.policy, refundCap: { ...refundCap, usdCents: refundCap.usdCents + 1 } };
          return decide.CancelReservation(state, data, { ...context, policy });
        },
      },
      {},
    ],
    [
      'keeps counting a refused cancellation',
      {},
      {
        ReservationCancellationRefused: (state, { reservationId }) => {
          const reservation = state.reservations.get(reservationId);
          if (reservation) reservation.status = 'active';
        },
      },
    ],
    [
      'forgets to end an agreement with its term',
      {},
      {
        ResellerRelationshipRemoved: (state, data) => {
          const { agreementConfirmedAt } = state;
          evolve.ResellerRelationshipRemoved(state, data);
          if (agreementConfirmedAt !== undefined) state.agreementConfirmedAt = agreementConfirmedAt;
        },
      },
    ],
    [
      'leaves auto-renew on with a suspension',
      {
        SuspendSubscription: (state, data, context) =>
          decide.SuspendSubscription(state, data, context).filter(({ type }) => type !== 'AutoRenewDisabled'),
      },
      {},
    ],
  ])(
    'is found out when it %s',
    (_, decisions, steps) => {
      const off: RelationshipDecider = {
        ...customerRelationship,
        decide: { ...decide, ...decisions },
        evolve: { ...evolve, ...steps },
      };

      expect(fc.check(property(off), { seed: 20_200_600, numRuns: 5 * sequences, endOnFailure: true }).failed).toBe(
        true,
      );
    },
    60_000,
  );
});

describe('the model’s months', () => {
  it.each([
    ['2024-01-31T12:00:00.000Z', 1, '2024-02-29T12:00:00.000Z'],
    ['2023-01-31T23:59:59.999Z', 1, '2023-02-28T23:59:59.999Z'],
    ['2024-02-29T00:00:00.000Z', 12, '2025-02-28T00:00:00.000Z'],
    ['2023-12-15T08:30:00.000Z', 1, '2024-01-15T08:30:00.000Z'],
    ['2024-02-29T00:00:00.000Z', 36, '2027-02-28T00:00:00.000Z'],
  ])('%s and %d months are %s', (from, months, to) => {
    expect(iso(monthsLater(Date.parse(from), months))).toBe(to);
  });
});
