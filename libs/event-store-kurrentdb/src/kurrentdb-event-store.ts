import { StoreUnavailable, type EventStore, type SubscribeOptions } from '#event-sourcing';
import { appendAttempts } from './append-attempts.js';
import { refusedOrUnavailable, unavailableBecause } from './client-errors.js';
import { ClientConnection } from './connection.js';
import { connectionSettings } from './connection-string.js';
import { EventIds } from './event-ids.js';
import { toProposed } from './event-records.js';
import { requireNearClock, requireSameSecurity } from './first-contact.js';
import { logEnd as endOfLog } from './log-end.js';
import { logSubscriptions } from './log-subscription.js';
import { throttled } from './notices.js';
import { orAborted } from './patience.js';
import { rightsOf, type DeniedRights } from './rights.js';
import { streamNames } from './stream-names.js';
import { streamReads } from './stream-reads.js';

export interface KurrentdbEventStoreOptions {
  /** `esdb://…` or `esdb+discover://…`, as `@eventstore/db-client` takes it. */
  readonly connectionString: string;
  /** Without TLS the server knows no user, and all that can reach the connection read and change everything; true allows it. */
  readonly allowInsecure?: boolean;
  /** Stands before the name of every stream in the database, and nothing else of the database is looked at (default `ResellerLedger.`). */
  readonly streamPrefix?: string;
  /** The stream whose first event is the first of the whole log, if there is one: what is before it need not be searched. */
  readonly firstStream?: string;
  /** How long one call may take before its outcome counts as unknown, in ms (default 3,000). */
  readonly callTimeout?: number;
  /** How long an append whose outcome is unknown is sent again before the caller is answered so, in ms (default 10,000). */
  readonly settleWithin?: number;
  /** Called with what an operator should know: dropped subscriptions, rebuilt clients, a skewed clock. */
  readonly onNotice?: (message: string, details: Readonly<Record<string, unknown>>) => void;
  /** Called when the database begins or ceases to deny this user a right. */
  readonly onDenied?: (denied: DeniedRights) => void;
}

export interface KurrentdbStoreMetrics {
  readonly appendedEvents: number;
  readonly conflicts: number;
  /** Appends sent again because the outcome of an attempt was unknown. */
  readonly resentAppends: number;
  /** Appends whose callers were answered that the outcome is unknown. */
  readonly unknownOutcomes: number;
  readonly appendsInFlight: number;
  /** Subscriptions taken up again after they had ended. */
  readonly resubscriptions: number;
  /** Clients rebuilt because the one before was stuck. */
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

/**
 * The event store on EventStoreDB or KurrentDB. One for a process or thread: the appends of two clients in one process
 * fail together (see `connection.ts`).
 * @throws StoreRefused when the connection string will not do; nothing is connected yet
 */
export function openKurrentdbEventStore({
  connectionString,
  allowInsecure = false,
  streamPrefix = 'ResellerLedger.',
  firstStream,
  callTimeout = 3_000,
  settleWithin = 10_000,
  onNotice,
  onDenied,
}: KurrentdbEventStoreOptions): KurrentdbEventStore {
  const settings = connectionSettings(connectionString, allowInsecure);
  const names = streamNames(streamPrefix);
  const notice = throttled(onNotice);
  const rights = rightsOf(notice, onDenied);
  const logEnd = endOfLog(names, firstStream);
  const connection = new ClientConnection({
    settings,
    callTimeout,
    verify: (reader) => logEnd.verify(reader),
    notice,
    rights,
  });
  const ids = new EventIds(connection.reader, names, logEnd);
  const { append, counts, idle } = appendAttempts({ connection, logEnd, ids, rights, callTimeout, settleWithin });
  const { read } = streamReads(connection.reader, names, ids);
  const subscriptions = logSubscriptions({ connection, logEnd, names, callTimeout, notice, rights });
  const ending = new AbortController();
  let closing: Promise<void> | undefined;

  function requireOpen(): void {
    if (closing) throw new StoreUnavailable('The event store is closed');
  }

  async function close(): Promise<void> {
    ending.abort();
    await idle();
    await connection.close();
  }

  return {
    async connect(signal = new AbortController().signal) {
      requireOpen();
      signal.throwIfAborted();
      try {
        await orAborted(Promise.resolve(connection.ready()), signal);
      } catch (error) {
        signal.throwIfAborted();
        const refused = refusedOrUnavailable(error);
        if (refused instanceof StoreUnavailable)
          await orAborted(requireSameSecurity(settings, Math.min(callTimeout, 1_000)), signal);
        throw refused;
      }
      await orAborted(requireNearClock(settings, Math.min(callTimeout, 1_000)), signal);
    },

    async read(stream, { from = 0, to = Number.MAX_SAFE_INTEGER - 1 } = {}) {
      requireOpen();
      return read(stream, Math.max(from, 0), to);
    },

    // No async function: every promise in between costs as much as a look at a map.
    append(stream, events, expectedRevision) {
      try {
        requireOpen();
        if (!Number.isSafeInteger(expectedRevision) || expectedRevision < -1)
          throw new TypeError(`${expectedRevision} is not a revision`);
        return append({ stream, storedName: names.toStored(stream), ...toProposed(events), expectedRevision });
      } catch (error) {
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is one
        return Promise.reject(error);
      }
    },

    subscribe(options: SubscribeOptions) {
      requireOpen();
      return subscriptions.subscribe({ ...options, signal: AbortSignal.any([options.signal, ending.signal]) });
    },

    async head() {
      requireOpen();
      try {
        return (await logEnd.look(connection.reader)).head;
      } catch (error) {
        throw unavailableBecause(error);
      }
    },

    async idAt(position) {
      requireOpen();
      try {
        return await ids.at(position);
      } catch (error) {
        throw unavailableBecause(error);
      }
    },

    metrics: () => ({
      ...counts(),
      resubscriptions: subscriptions.resubscriptions(),
      clientsRebuilt: connection.rebuilt(),
    }),

    close: () => (closing ??= close()),
  };
}
