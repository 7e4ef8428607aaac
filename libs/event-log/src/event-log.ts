import { setTimeout as delay } from 'node:timers/promises';
import {
  ledgerStream,
  OutcomeUnknown,
  StoreUnavailable,
  verifiedStore,
  type EventStore,
  type VerifiedStoreOptions,
} from '#event-sourcing';
import type { DeniedRights, KurrentdbStoreMetrics } from '#event-store-kurrentdb';
import { openSqliteEventStore, type SqliteStoreMetrics } from '#event-store-sqlite';
import { BackOff } from '#pacing';

/** Where the log of a ledger is. Plain values: they cross the border of a thread. */
export type EventLog =
  | { readonly store: 'sqlite'; readonly eventsFile: string }
  | {
      readonly store: 'kurrentdb';
      /** May hold a password: for the client alone, never for a message. */
      readonly url: string;
      readonly streamPrefix: string;
      readonly allowInsecure: boolean;
    };

export type StoreMetrics =
  ({ readonly store: 'sqlite' } & SqliteStoreMetrics) | ({ readonly store: 'kurrentdb' } & KurrentdbStoreMetrics);

export interface Waiting {
  readonly signal: AbortSignal;
  /** The database cannot be used now; the next attempt is made after this number of ms. */
  readonly onWaiting: (error: Error, retryInMs: number) => void;
}

export interface OpenEventLog {
  /** Whatever is read from it is as it was written, as far as one reading can say; see {@link verifiedStore}. */
  readonly store: EventStore;
  /** The same as it is, for those who want to find all of the damage. */
  readonly unverified: EventStore;
  /** What an operator knows the log by: a file, or hosts and a prefix. */
  readonly place: string;
  /** Makes sure that it is there, for those who do not wait. @throws StoreRefused, StoreUnavailable */
  readonly connect: () => Promise<void>;
  /**
   * Does something that needs the log to be there. A database elsewhere may be started after us, so it is waited for as
   * long as the signal lets; a file is there or it is not.
   * @throws StoreRefused, LogDamaged, and what the attempt throws; the signal's reason when it has ended the waiting
   */
  readonly reach: <T>(attempt: () => Promise<T>, waiting: Waiting) => Promise<T>;
  readonly metrics: () => StoreMetrics;
  /** The state that the client of the database keeps for the whole process is broken: only a new process helps. */
  readonly isClientBroken: (error: unknown) => boolean;
}

export interface EventLogOptions extends VerifiedStoreOptions {
  readonly readOnly?: boolean;
  /** Called with what an operator should know of the connection. */
  readonly onNotice?: (message: string, details: Readonly<Record<string, unknown>>) => void;
  /** Called when a database begins or ceases to deny its user a right. */
  readonly onDenied?: (denied: DeniedRights) => void;
}

/**
 * Opens the log where it is: the one place that knows which stores there are. The client of the database is loaded only
 * where there is one, and a process or thread opens one store, because its clients share their state.
 * @throws StoreStartupError for a file, StoreRefused for a database that will never do; neither has been written to
 */
export async function openEventLog(
  log: EventLog,
  { readOnly = false, onNotice, onDenied, ...verification }: EventLogOptions = {},
): Promise<OpenEventLog> {
  if (log.store === 'sqlite') {
    const store = openSqliteEventStore({ path: log.eventsFile, readOnly });
    return {
      store: verifiedStore(store, verification),
      unverified: store,
      place: log.eventsFile,
      connect: () => Promise.resolve(),
      reach: (attempt) => attempt(),
      metrics: () => ({ store: 'sqlite', ...store.metrics() }),
      isClientBroken: () => false,
    };
  }
  const { isClientBroken, openKurrentdbEventStore } = await import('#event-store-kurrentdb');
  const store = openKurrentdbEventStore({
    connectionString: log.url,
    allowInsecure: log.allowInsecure,
    streamPrefix: log.streamPrefix,
    firstStream: ledgerStream,
    ...(onNotice ? { onNotice } : {}),
    ...(onDenied ? { onDenied } : {}),
  });
  return {
    store: verifiedStore(store, verification),
    unverified: store,
    place: placeOf(log),
    connect: () => store.connect(),
    reach: (attempt, waiting) =>
      untilReachable(async () => {
        await store.connect(waiting.signal);
        return attempt();
      }, waiting),
    metrics: () => ({ store: 'kurrentdb', ...store.metrics() }),
    isClientBroken,
  };
}

/** Hosts and ports of the database, or the file: nothing that a log or a caller may not see. */
export function placeOf(log: EventLog): string {
  if (log.store === 'sqlite') return log.eventsFile;
  const authority = /^[^:]*:\/\/([^/?]*)/.exec(log.url)?.[1] ?? '';
  // What stands before the last @ is the user and the password.
  const hosts = authority.slice(authority.lastIndexOf('@') + 1);
  return /^[\w.-]+(:\d+)?(,[\w.-]+(:\d+)?)*$/.test(hosts) ? hosts : 'the database';
}

const retryPauses = { first: 250, most: 5_000 };

async function untilReachable<T>(attempt: () => Promise<T>, { signal, onWaiting }: Waiting): Promise<T> {
  const backOff = new BackOff(retryPauses);
  for (;;) {
    let retryInMs: number;
    try {
      signal.throwIfAborted();
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StoreUnavailable || error instanceof OutcomeUnknown)) throw error;
      retryInMs = backOff.next();
      onWaiting(error, retryInMs);
    }
    await delay(retryInMs, undefined, { signal });
  }
}
