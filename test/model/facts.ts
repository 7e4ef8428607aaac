import {
  accessAssignmentStatus,
  removalBlockers,
  settledState,
  type CustomerRelationship,
  type Instant,
  type Policy,
} from '#customer-relationship';
import type { Frozen } from '#event-sourcing';
import { blockers, iso, settledWorld, type HouseRules, type World } from './model.js';

// What reads show of a relationship at a time, as the domain and the model say it: by the thing, with the same fields.

type Facts = Readonly<Record<string, object>>;

const stages = {
  never: 'unknown',
  asked: 'requested',
  declined: 'requestDeclined',
  withdrawn: 'requestWithdrawn',
  lapsed: 'requestExpired',
  on: 'active',
  off: 'removed',
} as const;

/** The domain's settled state, and what blocks a removal. */
export function factsSaidBy(recorded: Frozen<CustomerRelationship>, now: Instant, policy: Policy): Facts {
  const state = settledState(recorded, now, policy);
  return {
    relationship: { status: state.status, term: state.relationshipTerm },
    blockers:
      state.status === 'active' ? removalBlockers(state, policy, now).map((each) => `${each.kind}:${each.itemId}`) : [],
    ...byId('subscription', state.subscriptions, (subscription, id) => ({
      status: subscription.status,
      trial: subscription.trial,
      quantity: subscription.quantity,
      offer: subscription.offerId,
      renews: subscription.autoRenew,
      length: subscription.termDuration,
      ends: subscription.termEndsAt,
      window: subscription.cancellationAllowedUntil,
      cycle: subscription.billingCycle,
      keptUntil: isKept(subscription) ? subscription.retainedUntil : undefined,
      azure: [...subscription.azureSubscriptions].map(([azure, { status }]) => `${azure} ${status}`),
      contact: state.designations.get(id)?.contact.name,
    })),
    ...byId('reservation', state.reservations, ({ status, expiresAt, owners }) => ({
      status,
      ends: expiresAt,
      owners: [...owners],
    })),
    ...byId('software', state.software, (purchase) => ({
      status: purchase.status,
      ends: purchase.expiresAt,
      window: purchase.cancellationAllowedUntil,
      lines: [...purchase.lineItems].map(([line, cancelled]) => `${line} ${cancelled}`),
    })),
    ...byId('savingsPlan', state.savingsPlans, ({ status, expiresAt }) => ({ status, ends: expiresAt })),
    ...byId('grant', state.grants, (grant) =>
      grant.kind === 'dap'
        ? { status: grant.status }
        : {
            status: grant.status,
            name: grant.name,
            roles: grant.roles.toSorted(),
            extend: grant.autoExtendDays,
            ends: grant.endsAt,
            lapses: grant.requestExpiresAt,
            groups: [...grant.accessAssignments].map(
              ([id, assignment]) =>
                `${id} ${assignment.roles.toSorted().join()} ${accessAssignmentStatus(assignment, grant)}`,
            ),
          },
    ),
  };
}

/** The same of the model. */
export function factsOf(recorded: World, now: number, house: HouseRules): Facts {
  const world = settledWorld(recorded, now);
  const list = <T extends { readonly id: string }>(noun: string, things: readonly T[], facts: (thing: T) => object) =>
    Object.fromEntries(things.map((thing) => [`${noun} ${thing.id}`, facts(thing)]));
  return {
    relationship: { status: stages[world.stage], term: world.term },
    blockers: world.stage === 'on' ? blockers(world, { now, house }) : [],
    ...list('subscription', world.subscriptions, (subscription) => ({
      status: subscription.status,
      trial: subscription.trial,
      quantity: subscription.quantity,
      offer: subscription.offer,
      renews: subscription.renews,
      length: subscription.length,
      ends: iso(subscription.ends),
      window: iso(subscription.window),
      cycle: subscription.cycle,
      keptUntil: isKept(subscription) ? iso(subscription.keptUntil) : undefined,
      azure: subscription.azure.map(({ id, cancelled }) => `${id} ${cancelled ? 'cancelled' : 'active'}`),
      contact: world.designations.find((designation) => designation.subscription === subscription.id)?.contact.name,
    })),
    ...list('reservation', world.reservations, ({ status, ends, owners }) => ({ status, ends: iso(ends), owners })),
    ...list('software', world.software, ({ status, ends, window, lines }) => ({
      status,
      ends: iso(ends),
      window: iso(window),
      lines: lines.map(({ id, cancelled }) => `${id} ${cancelled}`),
    })),
    ...list('savingsPlan', world.savingsPlans, ({ expired, ends }) => ({
      status: expired ? 'expired' : 'active',
      ends: iso(ends),
    })),
    ...list('grant', world.grants, ({ kind, status, name, roles, extend, ends, lapses, groups }) =>
      kind === 'dap'
        ? { status }
        : {
            status,
            name,
            roles: roles.toSorted(),
            extend,
            ends: iso(ends),
            lapses: iso(lapses),
            // G8b
            groups: groups.map(
              (group) =>
                `${group.id} ${group.roles.toSorted().join()} ${group.deleted || status !== 'active' ? 'deleted' : 'active'}`,
            ),
          },
    ),
  };
}

/** The first thing of which the two say something else. */
export function firstDifference(expected: Facts, actual: Facts): string | undefined {
  for (const thing of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
    const [one, other] = [expected[thing], actual[thing]].map((facts) => JSON.stringify(facts));
    if (one !== other) return `of ${thing}: ${other}, and the model: ${one}`;
  }
  return undefined;
}

/** Only then does the end of a retention period count. */
function isKept({ status, kind }: { readonly status: string; readonly kind: string }): boolean {
  return status === 'expired' || status === 'disabled' || (status === 'suspended' && kind === 'legacy');
}

function byId<Item>(noun: string, items: ReadonlyMap<string, Item>, facts: (item: Item, id: string) => object) {
  return Object.fromEntries([...items].map(([id, item]) => [`${noun} ${id}`, facts(item, id)]));
}
