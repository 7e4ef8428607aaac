import type { Decided, Frozen } from '#event-sourcing';
import type { Instant } from './calendar.js';
import type { Context } from './context.js';
import type { RelationshipEvents } from './events.js';
import type { Policy } from './policy.js';
import type { Right } from './rights.js';
import type { RuleNumber } from './rules.js';
import type { ItemRef } from './settling.js';
import type { CustomerRelationship } from './state.js';

type EventName = keyof RelationshipEvents;

/** Everything about a command in the domain, except the type of its data, which stands beside the table. */
export interface CommandOf<Data> {
  /**
   * Who may send it, unless the policy in force overrides it. It is not part of a policy, whose hash stands in events,
   * so a new command or a changed right changes no policy. The release in an event's metadata says which right held.
   */
  readonly right: Right;
  /** The rules that govern it, by their numbers. */
  readonly rules: readonly RuleNumber[];
  /** Its own events. */
  readonly emits: readonly EventName[];
  /** The events that may follow from its own. It emits no others. */
  readonly brings?: readonly EventName[];
  /**
   * The items that the decision reads or writes, besides the request: what time has brought about for them is recorded
   * first (rule T1). By default the one that the data name. A clock's command is the settling itself.
   */
  readonly settles?:
    ((data: Data, state: Frozen<CustomerRelationship>, policy: Policy) => readonly ItemRef[]) | 'itself';
  /**
   * It reports what may have happened before, at the `effectiveAt` of its data (rule T1a). Its `decide` sees the state of
   * then, and that time as `now`; what time has brought about since, of what it settles, follows in the same append.
   */
  readonly late?: Data extends { readonly effectiveAt?: Instant } ? true : never;
  /**
   * They are settled until the time that the command gives. Others are judged as of now, whatever time they count from: an
   * expired request, grant or reservation lets nothing pass (rules R29, G5, V6).
   */
  readonly settlesUntil?: 'effectiveAt';
  decide(state: Frozen<CustomerRelationship>, data: Data, context: Context): readonly Decided<RelationshipEvents>[];
}

/** The commands of one noun. It compiles only with all of them. */
export type CommandTable<Commands> = { readonly [N in keyof Commands]: CommandOf<Commands[N]> };
