import { FlagText, Guid, ListText, Matching, Optional, PrincipalId, Time, WholeText } from '#http';

const place = /^(0|[1-9]\d{0,15})(;\s*ledger="[0-9a-f-]{36}"(;\s*event="[0-9a-f]{8}-[0-9a-f]{4}")?)?$/;
/** A revision may name the event that stands there, as links do, so that a reader does not continue in another history. */
const revisionOrPlace =
  /^(0|[1-9]\d{0,15})((;\s*ledger="[0-9a-f-]{36}")?;\s*event="[0-9a-f]{8}-[0-9a-f]{4}"|;\s*ledger="[0-9a-f-]{36}")?$/;
const name = /^[A-Za-z]{1,64}$/;

class EventFilter {
  @Optional(WholeText(1, 200)) limit?: number;
  /** Names of events. */
  @Optional(ListText(Matching(name, 'the name of an event', 'SubscriptionSuspended'), 50)) type?: string[];
  /** The id of the actor who sent the command. */
  @Optional(PrincipalId()) actor?: string;
  /** The name of the command. Events recorded before commands were named are not found by it. */
  @Optional(Matching(name, 'the name of a command', 'SuspendSubscription')) command?: string;
  @Optional(Guid()) commandId?: string;
  @Optional(Matching(/^[A-Za-z0-9._-]{1,64}$/, 'a correlation id', 'order-4711')) correlationId?: string;
  @Optional(Time()) recordedFrom?: string;
  @Optional(Time()) recordedUntil?: string;
  /** Refusals as well. */
  @Optional(FlagText()) journals?: boolean;
}

export class HistoryParameters extends EventFilter {
  /** Events after this revision of the relationship, or after a Ledger-Position; absent: from the first. */
  @Optional(Matching(revisionOrPlace, 'a revision, or a place as Ledger-Position brings it', '7')) after?: string;
}

export class LedgerHistoryParameters extends EventFilter {
  /** Events after this position, with or without its ledger; absent: from the first. */
  @Optional(Matching(place, 'a position, or a place as Ledger-Position brings it', '42')) after?: string;
  @Optional(Guid()) customerId?: string;
}
