import type { Database } from 'better-sqlite3';
import { RevisionConflict, StoreUnavailable, type AppendResult } from '#event-sourcing';
import type { StoredEvent } from './event-rows.js';
import { applicationId } from './schema.js';
import { codeOf, outcomeUnknown, unavailable } from './sqlite-errors.js';

export interface Append {
  readonly stream: string;
  readonly events: readonly StoredEvent[];
  readonly expectedRevision: number;
}

interface QueuedAppend extends Append {
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: Error) => void;
}

export interface AppendQueueOptions {
  /** At most so many events in a transaction; an append of more goes alone. */
  readonly eventsInGroup: number;
  /** Called after every commit that has written something, after its appends were answered. */
  readonly onCommitted: () => void;
}

/**
 * Group commit: what is appended in one turn of the event loop shares one transaction and one sync to the disk. Every
 * append has its own revision check, so a conflict fails alone; a failed commit fails them all.
 */
export function appendQueue(database: Database, { eventsInGroup, onCommitted }: AppendQueueOptions) {
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  const lastRevision = database.prepare('SELECT max(revision) FROM events WHERE stream = ?').pluck();
  const stored = database
    .prepare('SELECT id, position FROM events WHERE stream = ? AND revision BETWEEN ? AND ? ORDER BY revision')
    .raw();
  const insert = database.prepare(
    'INSERT INTO events (stream, revision, id, type, data, metadata) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const counts = { commits: 0, appendedEvents: 0, conflicts: 0, failedCommits: 0 };
  let queue: QueuedAppend[] = [];
  let scheduled: NodeJS.Immediate | undefined;

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
    let outcomes: readonly (AppendResult | RevisionConflict)[];
    let committing = false;
    try {
      begin.run();
      outcomes = group.map(write);
      committing = true;
      commit.run();
    } catch (error) {
      counts.appendedEvents = before;
      abandon();
      failed(group, error, committing);
      return;
    }
    // Only now: a conflict may rest on what another append of the group has written.
    for (const [index, { resolve, reject }] of group.entries()) {
      const outcome = outcomes[index]!;
      if (outcome instanceof RevisionConflict) {
        counts.conflicts++;
        reject(outcome);
      } else resolve(outcome);
    }
    if (counts.appendedEvents === before) return;
    counts.commits++;
    onCommitted();
  }

  function write({ stream, events, expectedRevision }: Append): AppendResult | RevisionConflict {
    const actual = (lastRevision.get(stream) as number | null) ?? -1;
    if (actual !== expectedRevision)
      return (
        placeOfRepeat({ stream, events, expectedRevision }) ?? new RevisionConflict(stream, expectedRevision, actual)
      );
    let revision = actual;
    let position = 0;
    for (const [id, type, data, metadata] of events)
      position = insert.run(stream, ++revision, id, type, data, metadata).lastInsertRowid as number;
    counts.appendedEvents += events.length;
    return { revision, position };
  }

  /** The place of the same events in the same revisions, if that is where they stand. */
  function placeOfRepeat({ stream, events, expectedRevision }: Append): AppendResult | undefined {
    const revision = expectedRevision + events.length;
    const rows = stored.all(stream, expectedRevision + 1, revision) as [id: string, position: number][];
    const same = rows.length === events.length && rows.every(([id], index) => id === events[index]?.[0]);
    return same ? { revision, position: rows.at(-1)![1] } : undefined;
  }

  function failed(group: readonly QueuedAppend[], error: unknown, committing: boolean): void {
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
    if (!committing || code === 'SQLITE_FULL') for (const { reject } of group) reject(unavailable(error));
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
      for (const { reject } of group) reject(outcomeUnknown(error));
      return;
    }
    for (const [index, { resolve, reject }] of group.entries()) {
      const place = places[index];
      if (place) resolve(place);
      else reject(unavailable(error));
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
    counts: () => ({ ...counts, queuedAppends: queue.length }),
    /** Answers what was accepted, then no more. */
    close() {
      clearImmediate(scheduled);
      while (queue.length > 0) commitTogether(nextGroup());
    },
  };
}

export function closed(): StoreUnavailable {
  return new StoreUnavailable('The event store is closed');
}
