import type { Evolve } from '#event-sourcing';
import type { Instant } from './calendar.js';
import type { RelationshipEvents } from './events.js';
import type { Actor, Partner } from './parties.js';
import type { Policy } from './policy.js';
import type { SalesRegions } from './sales-regions.js';
import type { CustomerRelationship } from './state.js';

/** What a decision needs besides the state: one reading of the clock, the sender, and facts from outside. */
export interface Context {
  readonly now: Instant;
  readonly actor: Actor;
  readonly policy: Policy;
  readonly partner: Partner;
  readonly customerId: string;
  /** The ledger's own sales regions, which take precedence over the policy's (rule R26a). */
  readonly salesRegions?: SalesRegions;
  /**
   * The id of an actor for one that a person or a body names: ids that are addresses or names stand in no event of an actor.
   * Absent: ids are as they are named.
   */
  readonly actorIdOf?: (named: string) => string;
  /** Another grant of the partner already has the name in the command (rule G2). */
  readonly grantNameTaken?: boolean;
}

/** The steps of one noun's events. */
export type Steps = Partial<Evolve<RelationshipEvents, CustomerRelationship>>;
