import type { KeyObject } from 'node:crypto';
import type { Partner, Policy, Relationships, SalesRegions } from '#customer-relationship';
import type { EventStore } from '#event-sourcing';
import type { ActorId, Cursors } from '#http';
import type { LoopTurns } from '#pacing';
import type { ViewsReader } from '#projector';
import type { PastViews } from './as-of/past-views.js';
import type { Operations } from './operations/operations.js';
import type { Positions } from './positions.js';
import type { TrustedClock } from './trusted-clock/trusted-clock.js';

/** The ledger that this server serves, as the composition root puts it together. */
export abstract class ServedLedger {
  abstract readonly id: string;
  /** The hosts of the database; undefined for a log in a file. */
  abstract readonly place: string | undefined;
  abstract readonly store: EventStore;
  abstract readonly relationships: Relationships;
  abstract readonly views: ViewsReader;
  /** Views as they stood at a moment. */
  abstract readonly pastViews: PastViews;
  abstract readonly operations: Operations;
  abstract readonly policy: Policy;
  abstract readonly policyHash: string;
  /** The sales regions of countries where they differ from the policy's. */
  abstract readonly salesRegions: SalesRegions;
  /** By tenant id. */
  abstract readonly partners: ReadonlyMap<string, Partner>;
  /** The key of the fingerprints of commands. */
  abstract readonly secret: KeyObject;
  /** The id of an actor for one that a token or a body names. */
  abstract readonly actorId: ActorId;
  abstract readonly cursors: Cursors;
  abstract readonly positions: Positions;
  /** Runs work that reads whole streams for one question, a few at a time. @throws Problem 429 when too much of it waits */
  abstract readonly longReadings: <Result>(name: string, work: () => Promise<Result>) => Promise<Result>;
  /** Runs the pieces of long work fairly, by name. */
  abstract readonly turns: LoopTurns;
  /** Read once per request. */
  abstract readonly clock: TrustedClock;
}
