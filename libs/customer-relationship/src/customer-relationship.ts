import type { Decide, Decider, Frozen, MessageOf, Settled } from '#event-sourcing';
import type { CommandOf } from './command.js';
import { commands, requireRight, type RelationshipCommands } from './commands.js';
import type { Context } from './context.js';
import { delegatedAdminSteps } from './delegated-admin.js';
import type { RelationshipEvents } from './events.js';
import { relationshipSteps } from './relationship.js';
import { reservationSteps } from './reservations.js';
import { savingsPlanSteps } from './savings-plans.js';
import { settleFor } from './settling.js';
import { softwareSteps } from './software.js';
import { initialState, type CustomerRelationship } from './state.js';
import { withStatusAt } from './statuses.js';
import { subscriptionSteps } from './subscriptions.js';
import { supportContactSteps } from './support-contacts.js';

const byName = commands as unknown as Readonly<Record<string, CommandOf<unknown>>>;

/** Decisions see the relationship as of their time: a lapsed request is over, recorded or not. */
const decide = Object.fromEntries(
  Object.entries(byName).map(([name, command]): [string, CommandOf<unknown>['decide']] => [
    name,
    (state, data, context) => command.decide(withStatusAt(state, context.now), data, context),
  ]),
) as Decide<RelationshipCommands, RelationshipEvents, CustomerRelationship, Context>;

/** What time has brought about for the subscriptions that the decision reads, until the command takes effect. */
function settleBefore(
  state: Frozen<CustomerRelationship>,
  { type, data }: MessageOf<RelationshipCommands>,
  context: Context,
): Settled<RelationshipEvents, CustomerRelationship> {
  const lookedAt = byName[type]?.settles?.(data, state, context.policy) ?? [];
  return settleFor(state, lookedAt, 'effectiveAt' in data ? data.effectiveAt : undefined, context);
}

/** The aggregate: one partner's relationship with one customer. */
export const customerRelationship: Decider<RelationshipCommands, RelationshipEvents, CustomerRelationship, Context> = {
  initialState,
  admit: ({ type }, context) => requireRight(type, context),
  decide,
  // If the compiler misses an event here, add its step in the noun's file.
  evolve: {
    ...relationshipSteps,
    ...subscriptionSteps,
    ...reservationSteps,
    ...softwareSteps,
    ...savingsPlanSteps,
    ...supportContactSteps,
    ...delegatedAdminSteps,
  },
  settle: settleBefore,
  note({ policies }, { policy: { name, hash }, recordedAt: from }) {
    const last = policies.at(-1);
    if (last?.name !== name || last.hash !== hash) policies.push({ from, name, hash });
  },
};

const category = 'customerRelationship';
const guid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const streamPattern = new RegExp(`^${category}-(${guid})-(${guid})$`);

/** The stream of a partner and a customer; both ids are tenant GUIDs in lower case. */
export function relationshipStream(partnerId: string, customerId: string): string {
  return `${category}-${partnerId}-${customerId}`;
}

/** The partner and customer of a stream; undefined for streams of another kind. */
export function pairOf(stream: string): { readonly partnerId: string; readonly customerId: string } | undefined {
  const match = streamPattern.exec(stream);
  return match ? { partnerId: match[1]!, customerId: match[2]! } : undefined;
}
