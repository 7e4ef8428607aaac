import type { Decided, Frozen } from '#event-sourcing';
import type { Context } from './context.js';
import type { RelationshipEvents } from './events.js';
import type { Policy } from './policy.js';
import type { Right } from './rights.js';
import type { RuleNumber } from './rules.js';
import type { CustomerRelationship } from './state.js';

type EventName = keyof RelationshipEvents;

/** All that the domain says of a command. Its data have a type of their own beside the table. */
export interface CommandOf<Data> {
  /**
   * Who may send it, unless the policy in force says otherwise. Not part of a policy, whose hash stands in events: a new
   * command, or another right, leaves every policy what it is. Which right held when an event was decided follows from the
   * release in the event's metadata.
   */
  readonly right: Right;
  /** The rules that govern it, whether a person or the clock sends it. */
  readonly rules: readonly RuleNumber[];
  /** The events that it is about. */
  readonly emits: readonly EventName[];
  /** The events that may be their consequence. It emits no others. */
  readonly brings?: readonly EventName[];
  /** The subscriptions that the decision looks at: what dates have brought about of them is recorded first. */
  readonly settles?: Settles<Data>;
  decide(state: Frozen<CustomerRelationship>, data: Data, context: Context): readonly Decided<RelationshipEvents>[];
}

type Settles<Data> = (data: Data, state: Frozen<CustomerRelationship>, policy: Policy) => readonly string[];

/** A command about a subscription must say what it settles. */
type Command<Data> = CommandOf<Data> &
  (Data extends { readonly subscriptionId: string } ? { readonly settles: Settles<Data> } : unknown);

/** The commands of one noun. It does not compile until each of them is there, whole. */
export type CommandTable<Commands> = { readonly [N in keyof Commands]: Command<Commands[N]> };
