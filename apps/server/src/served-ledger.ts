import type { KeyObject } from 'node:crypto';
import type { Partner, Policy, Relationships, SalesRegions } from '#customer-relationship';
import type { EventStore } from '#event-sourcing';
import type { Cursors } from '#http';
import type { LoopTurns } from '#pacing';
import type { ViewsReader } from '#projector';
import type { PastViews } from './as-of/past-views.js';
import type { Operations } from './operations/operations.js';
import type { Positions } from './positions.js';

/** The ledger that this server serves, as the composition root has put it together. */
export abstract class ServedLedger {
  abstract readonly id: string;
  /** Hosts of the database, if the log is in one. */
  abstract readonly place: string | undefined;
  abstract readonly store: EventStore;
  abstract readonly relationships: Relationships;
  abstract readonly views: ViewsReader;
  /** Views as they stood. */
  abstract readonly pastViews: PastViews;
  abstract readonly operations: Operations;
  abstract readonly policy: Policy;
  abstract readonly policyHash: string;
  /** Countries that this ledger puts into another sales region than the policy does. */
  abstract readonly salesRegions: SalesRegions;
  /** By tenant id. */
  abstract readonly partners: ReadonlyMap<string, Partner>;
  /** What fingerprints of commands are made with. */
  abstract readonly secret: KeyObject;
  abstract readonly cursors: Cursors;
  abstract readonly positions: Positions;
  /** Does work that reads whole streams for one question, a few at once. @throws Problem 429 when too much of it waits */
  abstract readonly longReadings: <Result>(name: string, work: () => Promise<Result>) => Promise<Result>;
  /** For its pieces. */
  abstract readonly turns: LoopTurns;
  /** RFC 3339 in UTC with milliseconds; read once per request. */
  abstract readonly clock: () => string;
}
