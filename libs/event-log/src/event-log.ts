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

/** Where the log of a ledger is. Plain values, because they are sent between threads. */
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
  /** Checks that events are as they were written, as far as one reading can; see {@link verifiedStore}. */
  readonly store: EventStore;
  /** The same without checks, for tools that look for all of the damage. */
  readonly unverified: EventStore;
  /** Where the log is, for an operator: a file, or the hosts of a database. */
  readonly place: string;
  /** Connects once, without waiting for the database. @throws StoreRefused, StoreUnavailable */
  readonly connect: () => Promise<void>;
  /**
   * Does something that needs the log. A database may start after this process, so this waits for it until the signal
   * aborts; for a file it does not wait.
   * @throws StoreRefused, LogDamaged, and what the attempt throws; the signal's reason when it has ended the waiting
   */
  readonly reach: <T>(attempt: () => Promise<T>, waiting: Waiting) => Promise<T>;
  readonly metrics: () => StoreMetrics;
  /** The state that the database client keeps for the whole process is broken: only a new process helps. */
  readonly isClientBroken: (error: unknown) => boolean;
}

export interface EventLogOptions extends VerifiedStoreOptions {
  readonly readOnly?: boolean;
  /** Called with what an operator should know of the connection. */
  readonly onNotice?: (message: string, details: Readonly<Record<string, unknown>>) => void;
  /** Called when the database starts or stops denying its user a right. */
  readonly onDenied?: (denied: DeniedRights) => void;
}

/**
 * Opens the log: the one place that knows which stores there are. The database client is loaded only where it is
 * needed. A process or thread opens one store, because the clients of a database share their state.
 * @throws StoreStartupError for a file, StoreRefused for an unusable database; nothing has been written to either
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

/** The hosts and ports of the database, or the file. Safe to log and to show. */
export function placeOf(log: EventLog): string {
  if (log.store === 'sqlite') return log.eventsFile;
  const authority = /^[^:]*:\/\/([^/?]*)/.exec(log.url)?.[1] ?? '';
  // The user and the password are before the last @.
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
