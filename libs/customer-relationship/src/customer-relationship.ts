import type { Decide, Decider, Evolve, Frozen, MessageOf, Settled } from '#event-sourcing';
import { boundarySteps } from './boundaries.js';
import type { Instant } from './calendar.js';
import type { CommandOf } from './command.js';
import { commands, requireRight, type RelationshipCommands } from './commands.js';
import type { Context } from './context.js';
import { delegatedAdminSteps } from './delegated-admin.js';
import type { RelationshipEvents } from './events.js';
import { keepingLastEvents } from './last-events.js';
import { decideLate } from './late-facts.js';
import type { Policy } from './policy.js';
import { relationshipSteps } from './relationship.js';
import { reservationSteps } from './reservations.js';
import { savingsPlanSteps } from './savings-plans.js';
import { itemsNamedBy, request, settleFor } from './settling.js';
import { softwareSteps } from './software.js';
import { initialState, type CustomerRelationship } from './state.js';
import { clockCommands } from './statuses.js';
import { subscriptionSteps } from './subscriptions.js';
import { supportContactSteps } from './support-contacts.js';

// If the compiler misses an event here, add its step in the noun's file, or in boundaries.ts if time brings it about.
const steps: Evolve<RelationshipEvents, CustomerRelationship> = {
  ...relationshipSteps,
  ...subscriptionSteps,
  ...reservationSteps,
  ...softwareSteps,
  ...savingsPlanSteps,
  ...supportContactSteps,
  ...delegatedAdminSteps,
  ...boundarySteps,
};

type State = Frozen<CustomerRelationship>;
type Data = object & { readonly effectiveAt?: Instant };
const byName = commands as unknown as Readonly<Record<string, CommandOf<Data>>>;

function itemsOf({ settles = itemsNamedBy }: CommandOf<Data>, data: Data, state: State, policy: Policy) {
  return settles === 'itself' ? [] : [request, ...settles(data, state, policy)];
}

/** A command is judged by what time has brought about until then, whether or not that has been recorded (rule T1). */
function settleBefore(
  state: State,
  { type, data }: MessageOf<RelationshipCommands>,
  context: Context,
): Settled<RelationshipEvents, CustomerRelationship> {
  const command = byName[type]!;
  const { now, policy } = context;
  const { effectiveAt }: Data = command.late || command.settlesUntil === 'effectiveAt' ? data : {};
  const until = effectiveAt !== undefined && effectiveAt < now ? effectiveAt : now;
  return settleFor(state, itemsOf(command, data, state, policy), until, context);
}

function decisionOf(command: CommandOf<Data>): CommandOf<Data>['decide'] {
  if (!command.late) return (state, data, context) => command.decide(state, data, context);
  return (state, data, context) =>
    decideLate(state, command, itemsOf(command, data, state, context.policy), data, context, steps);
}

/** The aggregate: one partner's relationship with one customer. */
export const customerRelationship: Decider<RelationshipCommands, RelationshipEvents, CustomerRelationship, Context> = {
  initialState,
  admit: ({ type }, context) => requireRight(type, context),
  decide: Object.fromEntries(
    Object.entries(byName).map(([name, command]) => [name, decisionOf(command)]),
  ) as unknown as Decide<RelationshipCommands, RelationshipEvents, CustomerRelationship, Context>,
  evolve: keepingLastEvents(steps),
  settle: settleBefore,
  note({ policies }, { command, policy: { name, hash }, recordedAt: from }) {
    const isThis = (noted: CustomerRelationship['policies'][number]) => noted.name === name && noted.hash === hash;
    const last = policies.at(-1);
    if (last && isThis(last)) return;
    // What time has brought about carries the policy of its boundary, which another may have replaced before the record.
    if (clockCommands.some((each) => each === command) && policies.some(isThis)) return;
    policies.push({ from, name, hash });
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
