import type { EventStore } from '#event-sourcing';

export interface KurrentdbEventStoreOptions {
  /** `esdb://…` or `esdb+discover://…`, as `@eventstore/db-client` takes it. */
  readonly connectionString: string;
  /** Without TLS the server knows nobody's name and anybody on the way reads and changes everything; true allows it. */
  readonly allowInsecure?: boolean;
  /** Stands before the name of every stream in the database, and nothing else of the database is looked at (default `ResellerLedger.`). */
  readonly streamPrefix?: string;
  /** The stream whose first event is the first of the whole log, if there is one: what is before it need not be searched. */
  readonly firstStream?: string;
  /** How long one call may take before its outcome counts as unknown, in ms (default 3,000). */
  readonly callTimeout?: number;
  /** How long an append whose outcome is unknown is sent again before the caller is told so, in ms (default 10,000). */
  readonly settleWithin?: number;
  /** Told what an operator should know: dropped subscriptions, clients made anew, a skewed clock. */
  readonly onNotice?: (message: string, details: Readonly<Record<string, unknown>>) => void;
}

export interface KurrentdbStoreMetrics {
  readonly appendedEvents: number;
  readonly conflicts: number;
  /** Appends sent again because the outcome of an attempt was unknown. */
  readonly resentAppends: number;
  /** Appends whose callers had to be told that the outcome is unknown. */
  readonly unknownOutcomes: number;
  readonly appendsInFlight: number;
  /** Subscriptions taken up again after they had ended. */
  readonly resubscriptions: number;
  /** Clients made anew because the one before was stuck. */
  readonly clientsRebuilt: number;
}

export interface KurrentdbEventStore extends EventStore {
  /**
   * Makes sure once that the database answers, that its leader is known, that it takes this user and that its clock is near ours.
   * @throws StoreUnavailable while it cannot be reached or is not ready: try again
   * @throws StoreRefused when trying again is of no use
   */
  connect(signal?: AbortSignal): Promise<void>;
  /** Counted since the store was opened. */
  metrics(): KurrentdbStoreMetrics;
}

/** Why a database will not do, however often it is tried. */
export type Refusal =
  | 'badConnectionString'
  | 'insecure'
  | 'wrongCertificate'
  | 'wrongCredentials'
  | 'accessDenied'
  | 'clockSkew'
  | 'notADatabase';

/** The database cannot be used as configured. The message says what to do about it; nothing was written. */
export class StoreRefused extends Error {
  override readonly name = 'StoreRefused';
  constructor(
    readonly refusal: Refusal,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
