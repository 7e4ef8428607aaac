import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideOn, fold, Rejection, type Decided, type Frozen, type Json, type MessageOf } from '#event-sourcing';
import { addDays, type Instant } from './calendar.js';
import { commands, rightTo, type RelationshipCommands } from './commands.js';
import type { Context } from './context.js';
import { customerRelationship } from './customer-relationship.js';
import type { RelationshipEvents } from './events.js';
import { policies, type Policy } from './policy.js';
import { rejections } from './rejections.js';
import { blockerKinds, removalBlockers, removalReadiness, type RemovalBlocker } from './removal.js';
import { settledState } from './settling.js';
import { initialState, type CustomerRelationship } from './state.js';
import { nextOfGrant, statusAt } from './statuses.js';
import {
  circumstancesOf,
  commandSaid,
  context,
  customerUser,
  laterPolicy,
  partnerApp,
  partnerUser,
  policyOf2020,
  utterancesAbout,
  type Utterance,
} from './testing.js';

/** Delegated admin privileges of the old kind (DAP) were offered then. */
const start = '2023-06-30T12:00:00.000Z';

type Event = MessageOf<RelationshipEvents>;
type Command = MessageOf<RelationshipCommands>;

/** A command some time after the one before it, by someone. */
interface Step {
  readonly utterance: Utterance;
  readonly waitDays: number;
  readonly actor: Context['actor'];
}

const oneOf = <T>(...values: readonly T[]) => fc.constantFrom(...values);
const acquisition = fc.oneof(
  { weight: 1, arbitrary: utterancesAbout(/^PurchaseSubscription$/) },
  { weight: 1, arbitrary: utterancesAbout(/^(Purchase(?!Subscription)|AddAzure|RecordLegacy)/) },
  { weight: 1, arbitrary: utterancesAbout(/^(Request|Lock|Approve)DelegatedAdmin/) },
);
/** What happens to things that were acquired. */
const change = utterancesAbout(
  /^(?!Purchase|AddAzure|Expire|(Request|Update|Lock|Approve|Extend|RecordLegacy)Del).*(Subscription|AutoRenew|Quantity|Reservation|Software|Assign|Admin|Access)/,
);
const anyCommand = fc.oneof(
  { weight: 6, arbitrary: acquisition },
  { weight: 10, arbitrary: change },
  { weight: 5, arbitrary: utterancesAbout(/./) },
);

const mayDoAll = partnerUser('GlobalAdmin', 'AdminAgent');
const customer = customerUser('CustomerGlobalAdmin');
/** Mostly sent by one who may, sometimes by anyone; mostly at once, sometimes much later. */
const stepsOf = (utterance: fc.Arbitrary<Utterance>, waitDays: fc.Arbitrary<number>, length: fc.ArrayConstraints) =>
  fc.array(
    fc
      .record({
        utterance,
        waitDays,
        anyone: fc.option(oneOf(mayDoAll, customer, partnerApp('AdminAgent')), { nil: undefined, freq: 2 }),
      })
      .map(({ utterance, waitDays, anyone }): Step => {
        const actor = anyone ?? (rightTo(utterance.type, policyOf2020).customer ? customer : mayDoAll);
        return { utterance, waitDays, actor };
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
    utterance: { type: 'RequestResellerRelationship', data: { customer: { name: 'Fabrikam' }, market: 'US' } },
    waitDays: 0,
    actor: mayDoAll,
  },
  { utterance: { type: 'AcceptResellerRelationship', data: {} }, waitDays: 0, actor: customer },
  { utterance: { type: 'ConfirmCustomerAgreement', data: {} }, waitDays: 0, actor: mayDoAll },
];

/** Most stories start with a customer who has acquired something. */
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

/** What a step says where the relationship stands so. */
function commandOf({ utterance }: Step, state: CustomerRelationship, now: Instant): Command {
  return commandSaid(utterance, circumstancesOf(state, Date.parse(now)));
}

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

/** Plays a story from its steps and observes every decision. */
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
  for (const step of steps) {
    now = addDays(now, step.waitDays);
    const command = commandOf(step, state, now);
    const { actor } = step;
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

describe('any commands, in any order, from any sender', () => {
  it('a decision returns events or a rejection by name, and leaves the state alone', () => {
    always((steps, policy) => {
      const state = initialState();
      let before = snapshot(state);
      let now = start;
      for (const step of steps) {
        now = addDays(now, step.waitDays);
        const command = commandOf(step, state, now);
        const { actor } = step;
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

  it('a command emits only the events that its table declares, besides what time has brought about', () => {
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

  it('no id is given to a second item of its kind', () => {
    always((steps, policy) => {
      const born = play(steps, policy).events.flatMap(({ type, data }) => {
        switch (type) {
          case 'SubscriptionPurchased':
            return [`${type} ${data.subscriptionId}`];
          case 'AzureSubscriptionAdded':
            return [`${type} ${data.azureSubscriptionId}`];
          case 'ReservationPurchased':
            return [`${type} ${data.reservationId}`];
          case 'SoftwarePurchased':
            return [`${type} ${data.purchaseId}`];
          case 'SavingsPlanPurchased':
            return [`${type} ${data.savingsPlanId}`];
          case 'DelegatedAdminRequested':
            return [`${type} ${data.grantId}`];
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

describe('What is reported late (T1a)', () => {
  const itemsOf = ({ subscriptions, software, reservations, grants }: Frozen<CustomerRelationship>) =>
    [subscriptions, software, reservations, grants] as const;

  it('leads to what it would have led to in time, or is refused as it would have been', () => {
    always((steps, policy) => {
      const log: Event[] = [];
      play(steps, policy, (before, events, command, circumstances) => {
        const story = [...log];
        log.push(...events);
        const entry = commands[command.type] as { readonly late?: true };
        if (!entry.late || ('grantId' in command.data && !('autoExtendDays' in command.data))) return;
        // A command that reports late already has no answer in time to compare with.
        if ('effectiveAt' in command.data && command.data.effectiveAt !== undefined) return;
        const { now } = circumstances;
        const reported = { ...command, data: { ...command.data, effectiveAt: now } } as Command;
        const later = { ...circumstances, now: addDays(now, 700) };
        const refusals = [refusalOf(before, command, circumstances), refusalOf(before, reported, later)];
        const [inTime, late] = refusals.map((refusal) => refusal && [refusal.code, refusal.details]);
        expect(late).toEqual(inTime);
        if (inTime) return;

        const reportedLate = decideOn(customerRelationship, before, reported, later);
        const settled = settledState(fold(customerRelationship, [...story, ...events]), later.now, policy);
        // What it reads or writes is settled, and nothing else.
        itemsOf(fold(customerRelationship, [...story, ...reportedLate])).forEach((items, noun) => {
          for (const [id, item] of items)
            if (!isDeepStrictEqual(item, itemsOf(before)[noun]!.get(id)))
              expect(item).toEqual(itemsOf(settled)[noun]!.get(id));
        });
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
          (grant) =>
            !['deleted', 'withdrawn', 'terminated', 'expired', 'revoked'].includes(
              statusAt(grant.status, nextOfGrant(grant), cleared),
            ),
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
      case 'SetSoftwareAutoRenew':
        return { type: remedyCommand, data: { purchaseId: itemId, autoRenew: false } };
      default:
        throw new Error(`${remedy} of ${itemId} names no command that can be sent now: ${remedyCommand}`);
    }
  }
});
