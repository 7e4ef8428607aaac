import { realpathSync, statSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { Recent, StoreUnavailable, type AppendResult, type EventStore, type RecordedEvent } from '#event-sourcing';
import { appendQueue, closed } from './append-queue.js';
import { checkpointThread } from './checkpoint-thread.js';
import { defaultWalBytes, openForReading, openForWriting, type ConnectionOptions } from './connection.js';
import { eventColumns, toRecorded, toStored, type EventRow } from './event-rows.js';
import { checkIntegrity, type IntegrityOptions, type IntegrityReport } from './integrity.js';
import { knownEnds } from './known-ends.js';
import { LogHead } from './log-head.js';
import { logTail, pageSize } from './log-tail.js';
import { sameFilesGuard } from './same-files.js';
import { unavailable } from './sqlite-errors.js';

export interface SqliteEventStoreOptions extends ConnectionOptions {
  /** The file; created when it does not exist, its directory is not. */
  readonly path: string;
  /** For tools beside a running server: appends are refused, and nothing is created. */
  readonly readOnly?: boolean;
  /** How often the log is looked at for what other processes have appended, in ms (default 100). */
  readonly pollInterval?: number;
  /** The most events that share a transaction (default 1,000). */
  readonly eventsInGroup?: number;
  /** How often the write-ahead log is copied into the database, in ms (default 250). */
  readonly checkpointInterval?: number;
}

export interface SqliteStoreMetrics {
  /** The write-ahead log on disk, in bytes. */
  readonly walBytes: number;
  /** Pages of the log that are not in the database yet. */
  readonly uncheckpointedPages: number;
  readonly checkpoints: number;
  readonly failedCheckpoints: number;
  /** How often the log had to be made to restart because it never was at rest. */
  readonly walRestarts: number;
  readonly lastCheckpointMilliseconds: number;
  /** Transactions that have written events. Fewer than appends: appends of one turn share one. */
  readonly commits: number;
  readonly appendedEvents: number;
  readonly conflicts: number;
  readonly failedCommits: number;
  /** Appends that wait for their transaction. */
  readonly queuedAppends: number;
}

export interface SqliteEventStore extends EventStore {
  /** Counted since the store was opened. */
  metrics(): SqliteStoreMetrics;
  /** See {@link checkIntegrity}. */
  integrity(options?: IntegrityOptions): Promise<IntegrityReport>;
}

/**
 * The embedded event store: one SQLite file, its write-ahead log beside it. An append is on the disk when it is answered
 * (`synchronous=FULL`). One process appends; any number may read.
 * @throws StoreStartupError
 */
export function openSqliteEventStore(options: SqliteEventStoreOptions): SqliteEventStore {
  const {
    path,
    pollInterval = 100,
    eventsInGroup = 1_000,
    checkpointInterval = 250,
    walBytes = defaultWalBytes,
  } = options;
  const writer = options.readOnly ? undefined : openForWriting(path, options);
  const reader = openForReading(path, options);
  const realPath = realpathSync(path);
  const head = new LogHead();
  const tail = logTail(reader, { realPath, head, pollInterval });
  const checkpoints =
    writer && checkpointThread({ path: realPath, interval: checkpointInterval, restartBytes: walBytes });
  const ends = knownEnds(reader);
  const queue =
    writer &&
    appendQueue(writer, {
      head,
      requireSameFiles: sameFilesGuard(path, realPath),
      eventsInGroup,
      onCommitted() {
        ends.lookAgain();
        checkpoints?.committed();
        tail.nudge();
      },
    });
  const range = reader
    .prepare(
      `SELECT ${eventColumns} FROM events WHERE stream = ? AND revision BETWEEN ? AND ? ORDER BY revision LIMIT ${pageSize}`,
    )
    .raw();
  const idOf = reader.prepare('SELECT id FROM events WHERE position = ?').pluck();
  /** Of what was appended or asked for last, which is asked for next: a read after a commit takes some 50 µs. */
  const latestIds = new Recent<number, string>(10_000);
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    queue?.close();
    tail.close();
    reader.close();
    await checkpoints?.stop();
    try {
      writer?.pragma('wal_checkpoint(TRUNCATE)');
    } catch {
      // The log keeps what could not be copied; the next start goes on with it.
    }
    writer?.close();
  }

  return {
    async read(stream, { from = 0, to = Number.MAX_SAFE_INTEGER } = {}) {
      const events: RecordedEvent[] = [];
      for (let next = from; ;) {
        if (closing) throw closed();
        let rows: EventRow[];
        try {
          if (ends.endsBefore(stream, next)) return events;
          rows = range.all(stream, next, to) as EventRow[];
          if (rows.length === 0 && to >= next) ends.found(stream, next);
        } catch (error) {
          throw unavailable(error, path);
        }
        for (const row of rows) events.push(toRecorded(row));
        if (rows.length < pageSize) return events;
        next = events.at(-1)!.revision + 1;
        await turn();
      }
    },

    async append(stream, events, expectedRevision) {
      if (events.length === 0) throw new TypeError('An append needs at least one event');
      if (!Number.isInteger(expectedRevision)) throw new TypeError(`${expectedRevision} is not a revision`);
      // UTF-8 has no lone surrogates: two such names would become one stream.
      if (!stream.isWellFormed()) throw new TypeError('The name of a stream must be well-formed Unicode');
      const stored = events.map(toStored);
      if (closing) throw closed();
      if (!queue) throw new StoreUnavailable('The event store is open for reading only');
      const previousHash = events[0]!.metadata.previousHash;
      let result: AppendResult;
      try {
        result = await queue.append({ stream, events: stored, previousHash, expectedRevision });
      } catch (error) {
        // A conflict shows that another process has committed.
        ends.lookAgain();
        throw error;
      }
      latestIds.set(result.position, stored.at(-1)![0]);
      return result;
    },

    subscribe: (options) => tail.subscribe(options),

    async head() {
      if (closing) throw closed();
      const head = tail.head();
      try {
        queue?.requireUntouched();
      } catch (error) {
        throw unavailable(error, path);
      }
      return head;
    },

    // SQLite hands out positions one by one, takes those of a failed transaction back, and nothing is ever deleted.
    count: (after, upTo) => Math.max(0, upTo - after),

    async idAt(position) {
      if (closing) throw closed();
      try {
        const kept = latestIds.get(position);
        if (kept !== undefined) return kept;
        const id = idOf.get(position) as string | undefined;
        if (id !== undefined) latestIds.set(position, id);
        return id;
      } catch (error) {
        throw unavailable(error, path);
      }
    },

    metrics: () => ({
      walBytes: statSync(`${realPath}-wal`, { throwIfNoEntry: false })?.size ?? 0,
      ...(checkpoints?.counts() ?? {
        uncheckpointedPages: 0,
        checkpoints: 0,
        failedCheckpoints: 0,
        walRestarts: 0,
        lastCheckpointMilliseconds: 0,
      }),
      ...(queue?.counts() ?? { commits: 0, appendedEvents: 0, conflicts: 0, failedCommits: 0, queuedAppends: 0 }),
    }),

    integrity: (options) => checkIntegrity(realPath, options),

    close: () => (closing ??= close()),
  };
}
