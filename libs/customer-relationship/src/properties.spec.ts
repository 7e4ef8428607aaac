import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideOn, fold, Rejection, type Decided, type Json, type MessageOf } from '#event-sourcing';
import { addDays, termDurations, type Instant } from './calendar.js';
import type { RelayedSignature } from './admission.js';
import { commands, rightTo, type CommandName, type RelationshipCommands } from './commands.js';
import type { Context } from './context.js';
import { customerRelationship } from './customer-relationship.js';
import {
  billingCycles,
  reservationProducts,
  softwareKinds,
  softwarePublishers,
  subscriptionKinds,
  suspensionReasons,
  type RelationshipEvents,
  type ScheduledChange,
} from './events.js';
import type { Money } from './parties.js';
import { policies, type Policy } from './policy.js';
import { rejections } from './rejections.js';
import { blockerKinds, removalBlockers, removalReadiness, type RemovalBlocker } from './removal.js';
import { settledState } from './settling.js';
import { initialState, type CustomerRelationship } from './state.js';
import { grantAt } from './statuses.js';
import {
  context,
  customerUser,
  laterPolicy,
  now as start,
  partnerApp,
  partnerContact,
  partnerUser,
  policyOf2020,
  reseller,
} from './testing.js';

type Event = MessageOf<RelationshipEvents>;
type Command = MessageOf<RelationshipCommands>;

/** A command some time after the one before it, by someone. */
interface Step {
  readonly command: Command;
  readonly waitDays: number;
  readonly actor: Context['actor'];
}

// Few ids, so that commands meet what others have left behind.
const subscriptionId = fc.constantFrom('s-1', 's-2', 's-3', 's-4', 's-5');
const azureSubscriptionId = fc.constantFrom('azure-1', 'azure-2');
const reservationId = fc.constantFrom('r-1', 'r-2');
const purchaseId = fc.constantFrom('p-1', 'p-2');
const savingsPlanId = fc.constantFrom('sp-1', 'sp-2');
const grantId = fc.constantFrom('g-1', 'g-2', 'g-3');
const lineItemIds = ['line-1', 'line-2'];

const oneOf = <T>(...values: readonly T[]) => fc.constantFrom(...values);
const someRoles = fc.subarray(['role-1', 'role-2', policyOf2020.delegatedAdmin.globalAdministratorRole]);
const effectiveAt = oneOf(
  '2022-05-01T00:00:00.000Z',
  '2026-10-01T12:00:00.000Z',
  '2026-11-20T12:00:00.000Z',
  '2026-11-21T12:00:00.000Z',
);
const quantity = fc.integer({ min: 1, max: 5 });
const boughtBy = oneOf('partner' as const, 'customer' as const);
const longTerm = oneOf('P1Y' as const, 'P3Y' as const);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => ({ arbitrary });

/** A field of a payload, or one that may be missing but is never `undefined`. */
type Fields<Data> = {
  readonly [F in keyof Data]-?: undefined extends Data[F]
    ? { readonly arbitrary: fc.Arbitrary<Exclude<Data[F], undefined>> }
    : fc.Arbitrary<Data[F]>;
};
function data<Data>(fields: Fields<Data>): fc.Arbitrary<Data> {
  const entries = Object.entries(
    fields as Record<string, fc.Arbitrary<unknown> | { arbitrary: fc.Arbitrary<unknown> }>,
  );
  const arbitraries = entries.map(([name, field]) => [name, 'arbitrary' in field ? field.arbitrary : field] as const);
  const requiredKeys = entries.filter(([, field]) => !('arbitrary' in field)).map(([name]) => name);
  return fc.record(Object.fromEntries(arbitraries), {
    requiredKeys,
    noNullPrototype: true,
  }) as unknown as fc.Arbitrary<Data>;
}

const signature = data<RelayedSignature>({ userId: fc.constant('chris'), globalAdmin: fc.boolean() });
const money = data<Money>({ minorUnits: fc.integer({ min: 0, max: 10_000 }), currency: oneOf('USD', 'EUR') });
const scheduledChange = data<ScheduledChange>({
  quantity: optional(quantity),
  termDuration: optional(oneOf(...termDurations)),
  offerId: optional(oneOf('offer-1', 'offer-2')),
});

const generators: { readonly [N in CommandName]: Fields<RelationshipCommands[N]> } = {
  RequestResellerRelationship: {
    customer: fc.constant({ name: 'Fabrikam' }),
    market: oneOf('US', 'US', 'US', 'DE'),
    delegatedAdmin: optional(fc.boolean()),
    indirectResellerId: optional(fc.constant(reseller.tenantId)),
    effectiveAt: optional(effectiveAt),
  },
  AcceptResellerRelationship: {
    acceptedBy: optional(signature),
  },
  DeclineResellerRelationship: {
    declinedBy: optional(signature),
  },
  WithdrawRelationshipRequest: {},
  ExpireRelationshipRequest: {},
  ConfirmCustomerAgreement: { agreedAt: optional(effectiveAt) },
  UpdateCustomerProfile: {
    name: optional(oneOf('Fabrikam', 'Fabrikam Inc.')),
    domain: optional(oneOf('fabrikam.example', 'fabrikam.test')),
  },
  RemoveResellerRelationship: {
    noticeGiven: optional(fc.boolean()),
  },

  PurchaseSubscription: {
    subscriptionId,
    kind: oneOf(...subscriptionKinds),
    offerId: oneOf('offer-1', 'offer-2'),
    name: fc.constant('A subscription'),
    quantity,
    termDuration: optional(oneOf(...termDurations)),
    trial: optional(oneOf(false, false, true)),
    autoRenew: optional(fc.boolean()),
    baseSubscriptionId: optional(subscriptionId),
    billingCycle: optional(oneOf(...billingCycles)),
    price: optional(money),
    boughtBy: optional(boughtBy),
    cancellationAllowedUntil: optional(oneOf('2026-11-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z')),
    provisioned: optional(oneOf(true, true, false)),
    effectiveAt: optional(effectiveAt),
  },
  ActivateSubscription: { subscriptionId },
  SuspendSubscription: {
    subscriptionId,
    reason: oneOf(...suspensionReasons),
  },
  ReactivateSubscription: { subscriptionId },
  CancelSubscription: { subscriptionId },
  SetAutoRenew: { subscriptionId, autoRenew: fc.boolean() },
  ChangeSubscriptionQuantity: { subscriptionId, quantity },
  ScheduleSubscriptionChange: {
    subscriptionId,
    change: optional(scheduledChange),
    billingCycle: optional(oneOf(...billingCycles)),
  },
  RenewSubscription: { subscriptionId },
  EndSubscriptionTerm: { subscriptionId },
  AdvanceSubscriptionRetention: { subscriptionId },
  AddAzureSubscription: {
    subscriptionId,
    azureSubscriptionId,
    name: fc.constant('Production'),
  },
  CancelAzureSubscription: {
    subscriptionId,
    azureSubscriptionId,
    reason: oneOf('compromise', 'compromise', 'boredom'),
  },

  PurchaseReservation: {
    reservationId,
    reservationOrderId: optional(fc.constant('order-1')),
    name: fc.constant('Virtual machines'),
    product: oneOf(...reservationProducts),
    quantity,
    termDuration: longTerm,
    commitmentUsdCents: oneOf(100_000, 3_000_000, 5_000_000, 6_000_000),
    price: optional(money),
    owners: optional(oneOf(['ada'], ['sync-app', 'ada'])),
    boughtBy: optional(boughtBy),
    effectiveAt: optional(effectiveAt),
  },
  CancelReservation: {
    reservationId,
    exchange: optional(fc.boolean()),
    settled: optional(fc.boolean()),
    effectiveAt: optional(effectiveAt),
  },
  ConfirmReservationCancellation: {
    reservationId,
    fee: optional(money),
    refund: optional(money),
  },
  RefuseReservationCancellation: {
    reservationId,
    reason: optional(fc.constant('too late')),
  },
  ExpireReservation: { reservationId },
  PurchaseSoftware: {
    purchaseId,
    kind: oneOf(...softwareKinds),
    publisher: oneOf(...softwarePublishers),
    name: fc.constant('Servers'),
    lineItems: fc.constant(lineItemIds.map((lineItemId) => ({ lineItemId, name: lineItemId, quantity: 1 }))),
    termDuration: optional(longTerm),
    boughtBy: optional(boughtBy),
    cancellationAllowedUntil: optional(oneOf('2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z')),
    effectiveAt: optional(effectiveAt),
  },
  CancelSoftwarePurchase: {
    purchaseId,
    lineItemIds: optional(fc.subarray(lineItemIds)),
  },
  ExpireSoftware: { purchaseId },
  PurchaseSavingsPlan: {
    savingsPlanId,
    name: fc.constant('Compute'),
    termDuration: longTerm,
    hourlyCommitment: money,
    boughtBy: optional(boughtBy),
    effectiveAt: optional(effectiveAt),
  },
  CancelSavingsPlan: { savingsPlanId },
  ExpireSavingsPlan: { savingsPlanId },

  AssignSupportContact: {
    subscriptionId,
    contact: oneOf(partnerContact, reseller),
  },
  WithdrawSupportContact: { subscriptionId },

  RecordLegacyDelegatedAdmin: { grantId: oneOf('dap', 'g-1'), effectiveAt: fc.constant('2022-05-01T00:00:00.000Z') },
  RequestDelegatedAdmin: {
    grantId,
    name: oneOf('Helpdesk', 'Readers'),
    roles: someRoles,
    durationDays: oneOf(1, 90, 730, 731),
    autoExtendDays: optional(oneOf(0, 180)),
    effectiveAt: optional(effectiveAt),
  },
  UpdateDelegatedAdminRequest: {
    grantId,
    name: optional(oneOf('Helpdesk', 'Readers')),
    roles: optional(someRoles),
    durationDays: optional(oneOf(1, 90)),
    autoExtendDays: optional(oneOf(0, 180)),
  },
  LockDelegatedAdminForApproval: { grantId },
  ApproveDelegatedAdmin: {
    grantId,
    approvedBy: optional(signature),
  },
  ExtendDelegatedAdmin: { grantId },
  TerminateDelegatedAdmin: { grantId },
  ExpireDelegatedAdmin: { grantId },
  AssignAccess: {
    grantId,
    assignmentId: oneOf('access-1', 'access-2'),
    groupId: fc.constant('group-1'),
    roles: someRoles,
  },
  RemoveAccess: { grantId, assignmentId: oneOf('access-1', 'access-2') },
};

const commandAmong = (...names: readonly CommandName[]): fc.Arbitrary<Command> =>
  oneOf(...names).chain((type) =>
    data(generators[type]).map((payload) => ({ type, data: payload }) as unknown as Command),
  );

// Facts picked at random seldom make a purchase: these fit together by kind.
const { baseSubscriptionId, trial, autoRenew, termDuration: _, ...rest } = generators.PurchaseSubscription;
const ofAnyKind = { ...rest, cancellationAllowedUntil: optional(fc.constant('2026-12-24T00:00:00.000Z')) };
const ofTerm = { ...ofAnyKind, autoRenew, termDuration: oneOf(...termDurations) };
const soundPurchase: fc.Arbitrary<Command> = fc
  .oneof(
    data<object>({ ...ofTerm, trial, kind: oneOf('newCommerce', 'legacy') }),
    data<object>({ ...ofTerm, kind: oneOf('newCommerce', 'legacy'), baseSubscriptionId: baseSubscriptionId.arbitrary }),
    data<object>({ ...ofTerm, kind: fc.constant('marketplace') }),
    data<object>({ ...ofAnyKind, kind: fc.constant('azurePlan') }),
  )
  .map((payload) => ({ type: 'PurchaseSubscription', data: payload }) as unknown as Command);
const acquisition = fc.oneof(
  { weight: 4, arbitrary: soundPurchase },
  {
    weight: 4,
    arbitrary: commandAmong(
      'AddAzureSubscription',
      'PurchaseReservation',
      'PurchaseSoftware',
      'PurchaseSavingsPlan',
      'RecordLegacyDelegatedAdmin',
    ),
  },
  {
    weight: 4,
    arbitrary: commandAmong('RequestDelegatedAdmin', 'LockDelegatedAdminForApproval', 'ApproveDelegatedAdmin'),
  },
);
/** What happens to things that were acquired. */
const change = commandAmong(
  'ActivateSubscription',
  'SuspendSubscription',
  'ReactivateSubscription',
  'CancelSubscription',
  'SetAutoRenew',
  'ChangeSubscriptionQuantity',
  'ScheduleSubscriptionChange',
  'EndSubscriptionTerm',
  'AdvanceSubscriptionRetention',
  'CancelAzureSubscription',
  'CancelReservation',
  'ConfirmReservationCancellation',
  'CancelSoftwarePurchase',
  'AssignSupportContact',
  'TerminateDelegatedAdmin',
  'AssignAccess',
  'RemoveAccess',
);
const anyCommand = fc.oneof(
  { weight: 6, arbitrary: acquisition },
  { weight: 10, arbitrary: change },
  { weight: 5, arbitrary: commandAmong(...(Object.keys(generators) as CommandName[])) },
);

const mayDoAll = partnerUser('GlobalAdmin', 'AdminAgent');
const customer = customerUser('CustomerGlobalAdmin');
/** Mostly sent by one who may, sometimes by anyone; mostly at once, sometimes much later. */
const stepsOf = (command: fc.Arbitrary<Command>, waitDays: fc.Arbitrary<number>, length: fc.ArrayConstraints) =>
  fc.array(
    fc
      .record({
        command,
        waitDays,
        anyone: fc.option(oneOf(mayDoAll, customer, partnerApp('AdminAgent')), { nil: undefined, freq: 2 }),
      })
      .map(({ command, waitDays, anyone }): Step => {
        const actor = anyone ?? (rightTo(command.type, policyOf2020).customer ? customer : mayDoAll);
        return { command, waitDays, actor };
      }),
    length,
  );
const atOnce = fc.constant(0);
const sometimesLater = fc.oneof(
  { weight: 12, arbitrary: atOnce },
  { weight: 1, arbitrary: oneOf(1, 2, 8, 31, 91, 400) },
);

/** A customer to whom things can be sold. */
const opening: readonly Step[] = [
  {
    command: { type: 'RequestResellerRelationship', data: { customer: { name: 'Fabrikam' }, market: 'US' } },
    waitDays: 0,
    actor: mayDoAll,
  },
  { command: { type: 'AcceptResellerRelationship', data: {} }, waitDays: 0, actor: customer },
  { command: { type: 'ConfirmCustomerAgreement', data: {} }, waitDays: 0, actor: mayDoAll },
];

/** Most stories begin with a customer who has acquired something. */
const anySteps: fc.Arbitrary<readonly Step[]> = fc.oneof(
  { weight: 1, arbitrary: stepsOf(anyCommand, sometimesLater, { maxLength: 40 }) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        stepsOf(acquisition, atOnce, { minLength: 8, maxLength: 16 }),
        stepsOf(anyCommand, sometimesLater, { minLength: 30, maxLength: 60 }),
      )
      .map(([stock, steps]) => [...opening, ...stock, ...steps]),
  },
);

/** Holds for every story under either policy, and beside any other story. */
function always(holds: (steps: readonly Step[], policy: Policy, others: readonly Step[]) => void): void {
  // By name: a counterexample is to be read.
  const policyName = oneOf(policyOf2020.name, laterPolicy.name);
  fc.assert(
    fc.property(anySteps, policyName, anySteps, (steps, name, others) => holds(steps, policies[name]!, others)),
    { numRuns: 60 },
  );
}

interface Story {
  readonly events: readonly Event[];
  readonly state: CustomerRelationship;
  readonly now: Instant;
}

/** Tells a story from its steps; looks on at every decision. */
function play(
  steps: readonly Step[],
  policy: Policy,
  look: (
    before: CustomerRelationship,
    events: readonly Decided<RelationshipEvents>[],
    command: Command,
    context: Context,
  ) => void = () => {},
): Story {
  const state = initialState();
  const log: Event[] = [];
  let now = start;
  for (const { command, waitDays, actor } of steps) {
    now = addDays(now, waitDays);
    const circumstances = { ...context, policy, now, actor };
    const events = attempt(state, command, circumstances);
    look(state, events, command, circumstances);
    fold(customerRelationship, events, state);
    log.push(...events);
  }
  return { events: log, state, now };
}

/** The events of a decision, none for a refusal; whatever else is thrown fails the property. */
function attempt(
  state: CustomerRelationship,
  command: Command,
  circumstances: Context,
): readonly Decided<RelationshipEvents>[] {
  try {
    return decideOn(customerRelationship, state, command, circumstances);
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    return [];
  }
}

function refusalOf(state: CustomerRelationship, command: Command, circumstances: Context): Rejection | undefined {
  try {
    decideOn(customerRelationship, state, command, circumstances);
    return undefined;
  } catch (error) {
    if (error instanceof Rejection) return error;
    throw error;
  }
}

/** A state as text, to see whether it has changed. */
const snapshot = (value: unknown) =>
  JSON.stringify(value, (_, member: unknown) => (member instanceof Map ? [...member] : member));

const survivesJson = (value: unknown) => isDeepStrictEqual(JSON.parse(JSON.stringify(value)) as Json, value);

describe('whatever is commanded, in whatever order, by whomever', () => {
  it('a decision returns events or a rejection by name, and leaves the state alone', () => {
    always((steps, policy) => {
      const state = initialState();
      let before = snapshot(state);
      let now = start;
      for (const { command, waitDays, actor } of steps) {
        now = addDays(now, waitDays);
        let events: readonly Event[] = [];
        try {
          events = decideOn(customerRelationship, state, command, { ...context, policy, now, actor });
          expect(events.length).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof Rejection)) throw error;
          expect(rejections).toHaveProperty(error.code);
          expect(JSON.parse(JSON.stringify(error.details))).toEqual(error.details);
        }
        expect(snapshot(state)).toBe(before);
        fold(customerRelationship, events, state);
        before = snapshot(state);
      }
    });
  });

  it('the log read back leads to the state that the decisions were made on', () => {
    always((steps, policy) => {
      const written: string[] = [];
      const { events, state } = play(steps, policy, (_, events) => {
        written.push(...events.map((event) => JSON.stringify(event)));
      });
      // Folding has left the events alone, too.
      expect(events.map((event) => JSON.stringify(event))).toEqual(written);
      const readBack = written.map((event) => JSON.parse(event) as Event);
      expect(fold(customerRelationship, readBack)).toStrictEqual(state);
    });
  });

  it('a command emits nothing beyond what its table declares; what dates have brought about is not its own', () => {
    always((steps, policy) => {
      play(steps, policy, (_, events, { type }) => {
        const { emits, brings = [] } = commands[type];
        const own = events.filter(({ metadata }) => metadata?.command === undefined);
        expect({
          command: type,
          undeclared: own.filter((event) => ![...emits, ...brings].includes(event.type)),
        }).toEqual({
          command: type,
          undeclared: [],
        });
      });
    });
  });

  it('events come back from JSON as they went in', () => {
    always((steps, policy) => {
      expect(play(steps, policy).events.filter((event) => !survivesJson(event))).toEqual([]);
    });
  });

  it('an event can be folded into any state, even one that it does not fit', () => {
    always((steps, policy, others) => {
      const { state } = play(others, policy);
      for (const event of play(steps, policy).events) {
        fold(customerRelationship, [event]);
        fold(customerRelationship, [event], state);
      }
    });
  });

  it('no id is given to a second item', () => {
    always((steps, policy) => {
      const born = play(steps, policy).events.flatMap(({ type, data }) => {
        switch (type) {
          case 'SubscriptionPurchased':
            return [data.subscriptionId];
          case 'AzureSubscriptionAdded':
            return [data.azureSubscriptionId];
          case 'ReservationPurchased':
            return [data.reservationId];
          case 'SoftwarePurchased':
            return [data.purchaseId];
          case 'SavingsPlanPurchased':
            return [data.savingsPlanId];
          case 'DelegatedAdminRequested':
            return [data.grantId];
          default:
            return [];
        }
      });
      expect(born).toHaveLength(new Set(born).size);
    });
  });

  it('no new-commerce trial is suspended, cancelled or resized (S12), and no legacy subscription cancelled (S9)', () => {
    always((steps, policy) => {
      play(steps, policy, (before, events, _, { now }) => {
        const settled = settledState(before, now, policy);
        for (const { type, data } of events) {
          if (!('subscriptionId' in data)) continue;
          const subscription = settled.subscriptions.get(data.subscriptionId);
          if (subscription?.kind === 'newCommerce' && subscription.trial)
            expect(['SubscriptionSuspended', 'SubscriptionCancelled', 'SubscriptionQuantityChanged']).not.toContain(
              type,
            );
          if (subscription?.kind === 'legacy') expect(type).not.toBe('SubscriptionCancelled');
        }
      });
    });
  });
});

describe('removal', () => {
  const remove: Command = { type: 'RemoveResellerRelationship', data: {} };
  const circumstancesAt = (now: Instant, policy: Policy): Context => ({ ...context, policy, now });

  it('R6–R14: succeeds exactly when nothing blocks, and otherwise names everything that does', () => {
    always((steps, policy) => {
      play(steps, policy, (state, _, __, { now }) => {
        if (state.status !== 'active') return;
        const circumstances = circumstancesAt(now, policy);
        const blockers = removalBlockers(state, policy, now);
        const refusal = refusalOf(state, remove, circumstances);
        const readiness = removalReadiness(state, policy, now, circumstances.partner.type);
        expect(readiness.removable).toBe(blockers.length === 0);
        expect(isDeepStrictEqual(readiness.blockers, blockers)).toBe(true);
        expect(refusal?.code).toBe(blockers.length === 0 ? undefined : 'RemovalBlocked');
        if (refusal) expect(isDeepStrictEqual(refusal.details, { blockers })).toBe(true);
        const order = blockers.map(({ kind, itemId }) => `${blockerKinds.indexOf(kind)} ${itemId}`);
        expect(order).toEqual(order.toSorted());
      });
    });
  });

  it('R15, R17, R18: takes every grant and designation of the term along, and no item', () => {
    always((steps, policy) => {
      const { state, now } = play(steps, policy);
      const cleared = clear(state, now, policy);
      if (!cleared) return;
      const items = snapshot(itemsOf(state));
      fold(
        customerRelationship,
        decideOn(customerRelationship, state, remove, circumstancesAt(cleared, policy)),
        state,
      );

      expect(state.status).toBe('removed');
      expect(snapshot(itemsOf(state))).toBe(items);
      const ofTerm = <Item extends { relationshipTerm: number }>(items: Map<string, Item>) =>
        [...items.values()].filter(({ relationshipTerm }) => relationshipTerm === state.relationshipTerm);
      expect(ofTerm(state.designations)).toEqual([]);
      expect(
        ofTerm(state.grants).filter(
          (grant) => !['terminated', 'expired', 'revoked'].includes(grantAt(grant, cleared).status),
        ),
      ).toEqual([]);
    });
  });

  it('is reached by following the remedies, each of which is accepted', () => {
    always((steps, policy) => {
      const { state, now } = play(steps, policy);
      if (state.status !== 'active') return;
      const cleared = clear(state, now, policy);
      // Nothing is known to free a relationship from perpetual software past its window.
      if (!cleared) expect([...state.software.values()].some(({ kind }) => kind === 'perpetual')).toBe(true);
      else expect(removalBlockers(state, policy, cleared)).toEqual([]);
    });
  });

  const itemsOf = ({ subscriptions, reservations, software, savingsPlans }: CustomerRelationship) => [
    subscriptions,
    reservations,
    software,
    savingsPlans,
  ];

  /** Follows the remedies, waiting where only waiting helps; the time when nothing blocks, if it comes. */
  function clear(state: CustomerRelationship, from: Instant, policy: Policy): Instant | undefined {
    if (state.status !== 'active') return undefined;
    let now = from;
    for (let round = 0; round < 100; round++) {
      const blockers = removalBlockers(state, policy, now);
      if (blockers.length === 0) return now;
      const next = blockers.find(({ remedyCommand, remedyFrom }) => remedyCommand && (remedyFrom ?? now) <= now);
      if (next) {
        const circumstances = { ...circumstancesAt(now, policy), actor: ownerFor(state, next) };
        fold(customerRelationship, decideOn(customerRelationship, state, remedyFor(state, next), circumstances), state);
        continue;
      }
      const dates = blockers
        .flatMap(({ remedyFrom, earliestClearableAt }) => remedyFrom ?? earliestClearableAt ?? [])
        .toSorted();
      if (dates[0] === undefined) return undefined;
      now = dates[0];
    }
    throw new Error(`Remedies without end: ${JSON.stringify(removalBlockers(state, policy, now))}`);
  }

  /** Only an owner of the reservation order may cancel a reservation (rule V5). */
  function ownerFor(state: CustomerRelationship, { itemId }: RemovalBlocker): Context['actor'] {
    return { ...mayDoAll, id: state.reservations.get(itemId)?.owners[0] ?? mayDoAll.id };
  }

  function remedyFor(
    state: CustomerRelationship,
    { itemId, remedyItemId, remedyCommand, remedy }: RemovalBlocker,
  ): Command {
    switch (remedyCommand) {
      case 'ActivateSubscription':
      case 'EndSubscriptionTerm':
      case 'CancelSubscription':
        return { type: remedyCommand, data: { subscriptionId: itemId } };
      case 'ReactivateSubscription':
        return { type: remedyCommand, data: { subscriptionId: remedyItemId! } };
      case 'SuspendSubscription':
        return { type: remedyCommand, data: { subscriptionId: itemId, reason: 'customerRequest' } };
      case 'SetAutoRenew':
        return { type: remedyCommand, data: { subscriptionId: itemId, autoRenew: false } };
      case 'CancelAzureSubscription': {
        const azureSubscriptions = [...state.subscriptions.get(itemId)!.azureSubscriptions];
        const [azureSubscriptionId] = azureSubscriptions.find(([, { status }]) => status === 'active')!;
        return { type: remedyCommand, data: { subscriptionId: itemId, azureSubscriptionId, reason: 'compromise' } };
      }
      case 'CancelReservation':
      case 'ConfirmReservationCancellation':
        return { type: remedyCommand, data: { reservationId: itemId } };
      case 'CancelSoftwarePurchase':
        return { type: remedyCommand, data: { purchaseId: itemId } };
      default:
        throw new Error(`${remedy} of ${itemId} names no command that can be sent now: ${remedyCommand}`);
    }
  }
});
