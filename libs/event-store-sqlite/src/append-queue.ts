import type { Database } from 'better-sqlite3';
import {
  idOf,
  LogDamaged,
  noPreviousHash,
  noStream,
  RevisionConflict,
  StoreUnavailable,
  type AppendResult,
} from '#event-sourcing';
import type { StoredEvent } from './event-rows.js';
import { headOf, type Head, type LogHead } from './log-head.js';
import { applicationId, definitionsGuard, positionsGuard } from './schema.js';
import { codeOf, outcomeUnknown, unavailable } from './sqlite-errors.js';

export interface Append {
  readonly stream: string;
  readonly events: readonly StoredEvent[];
  /** What the first event says of the one before it. */
  readonly previousHash: string;
  readonly expectedRevision: number;
}

interface QueuedAppend extends Append {
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: Error) => void;
}

export interface AppendQueueOptions {
  /** What this store knows of the end of the log. */
  readonly head: LogHead;
  /** Makes sure that the files are those that were opened. @throws LogDamaged */
  readonly requireSameFiles: () => void;
  /** The most events in a transaction; a larger append goes alone. */
  readonly eventsInGroup: number;
  /** Called after every commit that has written something, after its appends were answered. */
  readonly onCommitted: () => void;
}

/**
 * Group commit: what is appended in one turn of the event loop shares one transaction and one sync to the disk. Every
 * append has its own revision check, so a conflict fails alone; a failed commit fails them all.
 */
export function appendQueue(
  database: Database,
  { head, requireSameFiles, eventsInGroup, onCommitted }: AppendQueueOptions,
) {
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  const lookAtHead = headOf(database, head);
  const requireDefinitions = definitionsGuard(database);
  const requireEveryPosition = positionsGuard(database);
  const lastOfStream = database
    .prepare('SELECT revision, id FROM events WHERE stream = ? ORDER BY revision DESC LIMIT 1')
    .raw();
  const stored = database
    .prepare('SELECT id, position FROM events WHERE stream = ? AND revision BETWEEN ? AND ? ORDER BY revision')
    .raw();
  const insert = database.prepare(
    'INSERT INTO events (stream, revision, id, type, data, metadata) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const written = database
    .prepare('SELECT position, stream, revision, id FROM events WHERE position > ? ORDER BY position')
    .raw();
  const counts = { commits: 0, appendedEvents: 0, conflicts: 0, failedCommits: 0 };
  let queue: QueuedAppend[] = [];
  let scheduled: NodeJS.Immediate | undefined;

  function requireUntouched(): void {
    requireSameFiles();
    requireEveryPosition();
  }

  function append(append: Append): Promise<AppendResult> {
    return new Promise((resolve, reject) => {
      queue.push({ ...append, resolve, reject });
      scheduled ??= setImmediate(commitNextGroup);
    });
  }

  function commitNextGroup(): void {
    scheduled = undefined;
    const group = nextGroup();
    // What is left waits for the next turn, so that sockets are read in between.
    if (queue.length > 0) scheduled = setImmediate(commitNextGroup);
    commitTogether(group);
  }

  function nextGroup(): readonly QueuedAppend[] {
    let events = 0;
    let size = 0;
    for (const append of queue) {
      events += append.events.length;
      if (size > 0 && events > eventsInGroup) break;
      size++;
    }
    const group = queue.slice(0, size);
    queue = queue.slice(size);
    return group;
  }

  function commitTogether(group: readonly QueuedAppend[]): void {
    const before = counts.appendedEvents;
    let outcomes: readonly Outcome[];
    let committing = false;
    let end: Head;
    try {
      begin.run();
      requireDefinitions();
      end = lookAtHead();
      requireUntouched();
      const sent: SentRow[] = [];
      outcomes = group.map((append) => write(append, sent));
      end = requireWritten(sent, end);
      committing = true;
      commit.run();
    } catch (error) {
      counts.appendedEvents = before;
      abandon();
      failed(group, error, committing);
      return;
    }
    head.moved(end);
    // Only now: a conflict may rest on what another append of the group has written.
    for (const [index, { resolve, reject }] of group.entries()) {
      const outcome = outcomes[index]!;
      if (outcome instanceof RevisionConflict) counts.conflicts++;
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    }
    if (counts.appendedEvents === before) return;
    counts.commits++;
    onCommitted();
  }

  function write({ stream, events, previousHash, expectedRevision }: Append, sent: SentRow[]): Outcome {
    const [actual, lastId] = (lastOfStream.get(stream) as [number, string] | undefined) ?? [noStream, undefined];
    if (actual !== expectedRevision)
      return (
        placeOfRepeat({ stream, events, expectedRevision }) ?? new RevisionConflict(stream, expectedRevision, actual)
      );
    // The chain must not go on after an event that was swapped by hand.
    if (lastId !== undefined && previousHash !== noPreviousHash && lastId !== idOf(previousHash))
      return new LogDamaged(
        `Revision ${actual} of stream ${stream} is ${lastId}, but ${idOf(previousHash)} stood there: it was replaced. ${remedy}`,
      );
    let revision = actual;
    let position = 0;
    for (const event of events) {
      const row: SentRow = [stream, ++revision, ...event];
      position = insert.run(row).lastInsertRowid as number;
      sent.push(row);
    }
    counts.appendedEvents += events.length;
    return { revision, position };
  }

  /**
   * Reads back what the transaction has written: the events that were sent and no others, at the places that are answered. A
   * trigger that swallows inserts would otherwise make answered commands vanish. That none changes their text is what the
   * definitions say, which are looked at before.
   */
  function requireWritten(sent: readonly SentRow[], before: Head): Head {
    if (sent.length === 0) return before;
    let end = before;
    let read = 0;
    for (const [position, ...row] of written.iterate(before.position) as IterableIterator<
      [number, string, number, string]
    >) {
      const due = sent[read++];
      if (position !== end.position + 1 || !row.every((value, column) => value === due?.[column])) throw notAsSent();
      end = { position, id: row[2] };
    }
    if (read !== sent.length) throw notAsSent();
    return end;
  }

  /** The place of the same events in the same revisions, if that is where they stand. */
  function placeOfRepeat({ stream, events, expectedRevision }: Omit<Append, 'previousHash'>): AppendResult | undefined {
    const revision = expectedRevision + events.length;
    const rows = stored.all(stream, expectedRevision + 1, revision) as [id: string, position: number][];
    const same = rows.length === events.length && rows.every(([id], index) => id === events[index]?.[0]);
    return same ? { revision, position: rows.at(-1)![1] } : undefined;
  }

  function failed(group: readonly QueuedAppend[], error: unknown, committing: boolean): void {
    if (error instanceof LogDamaged) {
      for (const { reject } of group) reject(error);
      return;
    }
    const code = codeOf(error);
    const ofOneAppend = !committing && !/^SQLITE_(BUSY|CORRUPT|FULL|IOERR|NOMEM|NOTADB|READONLY)/.test(code);
    if (ofOneAppend && group.length > 1) {
      // Say, a text too big for the database. It must not take the others with it.
      for (const append of group) commitTogether([append]);
      return;
    }
    counts.failedCommits++;
    // The log has no commit record before the last page of a commit was written, so a write that met a full disk is
    // no commit. A sync that failed says nothing about what the disk holds.
    if (!committing || code === 'SQLITE_FULL')
      for (const { reject } of group) reject(unavailable(error, database.name));
    else settle(group, error);
  }

  /**
   * Finds out whether a failed commit has happened. Its pages may stand in the write-ahead log, unseen by this process,
   * and would come to life with the recovery after a crash. Another commit writes over them; after that, what is not in
   * the table will never be.
   */
  function settle(group: readonly QueuedAppend[], error: unknown): void {
    let places: readonly (AppendResult | undefined)[];
    try {
      // Says what it said before; written all the same.
      database.exec(`BEGIN IMMEDIATE; PRAGMA application_id = ${applicationId}; COMMIT`);
      places = group.map(placeOfRepeat);
    } catch {
      abandon();
      for (const { reject } of group) reject(outcomeUnknown(error, database.name));
      return;
    }
    for (const [index, { resolve, reject }] of group.entries()) {
      const place = places[index];
      if (place) resolve(place);
      else reject(unavailable(error, database.name));
    }
    if (places.some((place) => place !== undefined)) onCommitted();
  }

  function abandon(): void {
    try {
      if (database.inTransaction) database.exec('ROLLBACK');
    } catch {
      // The error that led here says more.
    }
  }

  return {
    append,
    requireUntouched,
    counts: () => ({ ...counts, queuedAppends: queue.length }),
    /** Answers what was accepted, then no more. */
    close() {
      clearImmediate(scheduled);
      while (queue.length > 0) commitTogether(nextGroup());
    },
  };
}

type Outcome = AppendResult | RevisionConflict | LogDamaged;
type SentRow = readonly [stream: string, revision: number, ...StoredEvent];

const remedy = 'Stop the server, run the integrity check, restore a backup; nothing was written.';

function notAsSent(): LogDamaged {
  return new LogDamaged(
    `What an append has written is not what it was sent: something in the file of the events swallows or changes inserts. ${remedy}`,
  );
}

export function closed(): StoreUnavailable {
  return new StoreUnavailable('The event store is closed');
}
