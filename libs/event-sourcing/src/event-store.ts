import type { Json } from './message.js';

/** Who sent the command that an event comes from. Identifiers only: no names, no addresses. */
export interface EventActor {
  readonly id: string;
  readonly kind: string;
  readonly roles: readonly string[];
  readonly tenant: string;
}

/** Stored for ever and read by auditors: never rename a field. */
export interface EventMetadata {
  readonly actor: EventActor;
  /** The identifier of the message that caused this one; for a command from outside, its correlation id. */
  readonly causationId: string;
  /** The name of the command. Absent from events that were recorded before there was this field. */
  readonly command?: string;
  /** Free text by the sender; stands on the first event of a command only. */
  readonly comment?: string;
  /** Fingerprint of the command: distinguishes a retry from another command under the same id. */
  readonly commandHash: string;
  readonly commandId: string;
  readonly correlationId: string;
  /** SHA-256 (hex) over the canonical form of the envelope without `id` and `hash`. */
  readonly hash: string;
  readonly policy: { readonly name: string; readonly hash: string };
  /** The hash of the event before it in the stream; 64 zeros for the first. */
  readonly previousHash: string;
  /**
   * The version of the ledger that decided: which rules and rights held besides the values of the policy. Absent from events
   * that were recorded before there was this field.
   */
  readonly release?: string;
  /** The server's one reading of the clock for the command, RFC 3339 in UTC with milliseconds. Never decreases in a stream. */
  readonly recordedAt: string;
  /** The schema number of the payload. */
  readonly schema: number;
  /**
   * The part of the server in the trace of the command (W3C Trace Context), where it had one: it leads from the event to the
   * caller's trace. Absent from events that were recorded before there was this field.
   */
  readonly traceparent?: string;
}

/** An event ready to be stored: frozen, so that every in-process retry sends the same bytes. */
export interface SealedEvent {
  /** UUIDv8 (RFC 9562) of the hash's first bits. */
  readonly id: string;
  readonly type: string;
  readonly data: Json;
  readonly metadata: EventMetadata;
}

/** An event as it stands in the log. */
export interface RecordedEvent extends SealedEvent {
  readonly stream: string;
  /** Place in its stream; the first is 0. */
  readonly revision: number;
  /** Place in the log, a safe integer in commit order; not dense. Leaves the process as a string of digits. */
  readonly position: number;
}

/** The revision a stream must have for an append to happen; -1 for a stream without events. */
export type ExpectedRevision = number;
export const noStream: ExpectedRevision = -1;

/** Where an append put its last event. */
export interface AppendResult {
  readonly revision: number;
  readonly position: number;
}

/** A batch of the log in position order. Its position also moves past events that were filtered or do not exist. */
export interface EventBatch {
  readonly events: readonly RecordedEvent[];
  /** The position up to which the log has been read; at least that of the last event. */
  readonly position: number;
  /** Nothing more was in the log when this batch was read. */
  readonly caughtUp: boolean;
}

export interface SubscribeOptions {
  /** Read events after this position (exclusive); 0 for all. */
  readonly after: number;
  /** Ends the subscription: the iteration returns without an error. */
  readonly signal: AbortSignal;
  /** The most events in a batch (default 1,000). */
  readonly batchSize?: number;
  /** Called with damage after which the store can read on, which it does then; without it damage ends the subscription. */
  readonly onDamage?: (damage: LogDamaged) => void;
}

/** The one way to events. Every adapter passes the same contract (`#event-sourcing/testing`). */
export interface EventStore {
  /**
   * The events of a stream from `from` to `to` (revisions, both inclusive), in order; empty when there are none.
   * @throws StoreUnavailable, LogDamaged
   */
  read(stream: string, range?: { readonly from?: number; readonly to?: number }): Promise<readonly RecordedEvent[]>;

  /**
   * Appends all events or none; resolves only when they are durable.
   * Repeating an append of the same event ids at the same expected revision answers the original result.
   * @throws RevisionConflict when the stream has another revision
   * @throws StoreUnavailable when nothing was written (say, disk full)
   * @throws LogDamaged when the stream is not what was written; its `outcome` says whether anything was written
   * @throws OutcomeUnknown when it cannot be known whether the events were written
   */
  append(stream: string, events: readonly SealedEvent[], expectedRevision: ExpectedRevision): Promise<AppendResult>;

  /** The log from a position on, first the past, then live, one batch at a time; ends with the signal. Yields an empty caught-up batch when there is nothing. @throws StoreUnavailable, LogDamaged */
  subscribe(options: SubscribeOptions): AsyncIterable<EventBatch>;

  /** The position of the last event in the log; 0 when it is empty. */
  head(): Promise<number>;

  /** How many events there are after one position up to another, where the store knows it without reading them. */
  count?(after: number, upTo: number): number;

  /**
   * The id of the event at a position; undefined where there is none. It distinguishes two histories: after a restore from a
   * backup, other events take the positions of the lost ones.
   * @throws StoreUnavailable, LogDamaged
   */
  idAt(position: number): Promise<string | undefined>;

  /** Releases connections, after what was accepted has been answered. */
  close(): Promise<void>;
}

export class RevisionConflict extends Error {
  override readonly name = 'RevisionConflict';
  constructor(
    readonly stream: string,
    readonly expectedRevision: ExpectedRevision,
    readonly actualRevision: number,
  ) {
    super(`Stream ${stream} is at revision ${actualRevision}, expected ${expectedRevision}`);
  }
}

/** Nothing was written: the caller may try again. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/**
 * The log is not what was written: an event is gone, unreadable, or none of a ledger. Trying again does not help; the
 * message says what an operator must do.
 */
export class LogDamaged extends Error {
  override readonly name = 'LogDamaged';
  constructor(
    message: string,
    options?: ErrorOptions,
    /** Of the append that has found it. */
    readonly outcome: 'none' | 'unknown' = 'none',
  ) {
    super(message, options);
  }
}

/** Whether the events were written is not known. Sending the command again under the same id answers it. */
export class OutcomeUnknown extends Error {
  override readonly name = 'OutcomeUnknown';
}
