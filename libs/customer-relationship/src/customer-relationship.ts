import type { Decider, Frozen } from '#event-sourcing';
import { requireRight } from './admission.js';
import type { RelationshipCommands } from './commands.js';
import type { Context, Decisions } from './context.js';
import { delegatedAdminDecisions, delegatedAdminSteps } from './delegated-admin.js';
import type { RelationshipEvents } from './events.js';
import { relationshipDecisions, relationshipSteps } from './relationship.js';
import { reservationDecisions, reservationSteps } from './reservations.js';
import { savingsPlanDecisions, savingsPlanSteps } from './savings-plans.js';
import { settleFor } from './settling.js';
import { softwareDecisions, softwareSteps } from './software.js';
import { initialState, type CustomerRelationship } from './state.js';
import { withStatusAt } from './statuses.js';
import { subscriptionDecisions, subscriptionSteps } from './subscriptions.js';
import { supportContactDecisions, supportContactSteps } from './support-contacts.js';

const decisions: Decisions<RelationshipCommands> = {
  ...relationshipDecisions,
  ...subscriptionDecisions,
  ...reservationDecisions,
  ...softwareDecisions,
  ...savingsPlanDecisions,
  ...supportContactDecisions,
  ...delegatedAdminDecisions,
};

/** Decisions see the relationship as it stands at their time: a request that has lapsed is over. */
function atItsTime(table: Decisions<RelationshipCommands>): Decisions<RelationshipCommands> {
  type Decision = (state: unknown, data: unknown, context: Context) => never;
  return Object.fromEntries(
    Object.entries(table).map(([command, decide]) => [
      command,
      (state: unknown, data: unknown, context: Context) =>
        (decide as Decision)(withStatusAt(state as Frozen<CustomerRelationship>, context.now), data, context),
    ]),
  ) as unknown as Decisions<RelationshipCommands>;
}

/** The aggregate: one partner's relationship with one customer. */
export const customerRelationship: Decider<RelationshipCommands, RelationshipEvents, CustomerRelationship, Context> = {
  initialState,
  admit: ({ type }, context) => requireRight(type, context),
  decide: atItsTime(decisions),
  evolve: {
    ...relationshipSteps,
    ...subscriptionSteps,
    ...reservationSteps,
    ...softwareSteps,
    ...savingsPlanSteps,
    ...supportContactSteps,
    ...delegatedAdminSteps,
  },
  settle: settleFor,
  note({ policies }, { policy: { name, hash }, recordedAt: from }) {
    const last = policies.at(-1);
    if (last?.name !== name || last.hash !== hash) policies.push({ from, name, hash });
  },
};

const category = 'customerRelationship';
const guid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const streamPattern = new RegExp(`^${category}-(${guid})-(${guid})$`);

/** The stream of a pair; both are tenant GUIDs in lower case. */
export function relationshipStream(partnerId: string, customerId: string): string {
  return `${category}-${partnerId}-${customerId}`;
}

/** The pair that a stream belongs to; undefined for streams of another kind. */
export function pairOf(stream: string): { readonly partnerId: string; readonly customerId: string } | undefined {
  const match = streamPattern.exec(stream);
  return match ? { partnerId: match[1]!, customerId: match[2]! } : undefined;
}
