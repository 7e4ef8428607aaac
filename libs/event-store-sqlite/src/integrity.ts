import { existsSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { chainFaults, noPreviousHash, type ChainProblem } from '#event-sourcing';
import { openForReading } from './connection.js';
import { eventColumns, toRecorded, type EventRow } from './event-rows.js';
import { definitionFaults, messageOf, migrations, type DefinitionFault } from './schema.js';
import { codeOf, reasonOf } from './sqlite-errors.js';
import { StoreStartupError } from './store-startup-error.js';

export type IntegrityProblem =
  /** SQLite finds the file damaged. */
  | 'fileDamaged'
  /** Events could be changed or deleted. */
  | 'triggerMissing'
  /** A table, an index, a trigger or a view is gone, is not the one that was made, or is none of a ledger. */
  | 'definitionMissing'
  | 'definitionChanged'
  | 'definitionUnexpected'
  /** The file says that it is of another version, or of another program, than its definitions are. */
  | 'versionChanged'
  /** Positions that were handed out would be handed out again. */
  | 'sequenceSetBack'
  /** A position was handed out and has no event any more. */
  | 'positionMissing'
  /** A stream's positions do not grow with its revisions. */
  | 'positionOutOfOrder'
  /** A stream does not count 0, 1, 2, … */
  | 'revisionGap'
  /** An event is not JSON. */
  | 'unreadable'
  /** The text of an event is not as it is written: a member twice, white space, another form of a number. */
  | 'textChanged'
  /** The views have read events that the log does not have. */
  | 'shorterThanViews'
  | ChainProblem;

export interface IntegrityFinding {
  readonly problem: IntegrityProblem;
  readonly message: string;
  readonly position?: number;
  readonly stream?: string;
  readonly revision?: number;
}

export interface IntegrityReport {
  /** Events that were looked at. */
  readonly events: number;
  readonly streams: number;
  /** The position up to which the log was checked. */
  readonly position: number;
  readonly findings: readonly IntegrityFinding[];
}

export interface IntegrityOptions {
  /** Called after every page with the events done and the events there were at the start. */
  readonly onProgress?: (done: number, total: number) => void;
}

function problemOf({ problem, definition: { type } }: DefinitionFault): IntegrityProblem {
  switch (problem) {
    case 'missing':
      return type === 'trigger' ? 'triggerMissing' : 'definitionMissing';
    case 'changed':
      return 'definitionChanged';
    case 'unexpected':
      return 'definitionUnexpected';
  }
}

/** Opens a file whatever version it says it has, as long as it looks like one that this release knows. */
function openForChecking(path: string, findings: IntegrityFinding[]) {
  try {
    const database = openForReading(path);
    return { database, version: database.pragma('user_version', { simple: true }) as number };
  } catch (error) {
    if (!(error instanceof StoreStartupError) || !existsSync(path)) throw error;
    if (!['newerRelease', 'notInitialised', 'notALedger'].includes(error.problem)) throw error;
    const found = ledgerUnderAnotherName(path);
    if (!found) throw error;
    findings.push({
      problem: 'versionChanged',
      message: `The file is a ledger's of version ${found.version}, but does not say so: its user_version or application_id was changed`,
    });
    return found;
  }
}

function ledgerUnderAnotherName(path: string) {
  const database = new Database(path, { readonly: true, fileMustExist: true });
  try {
    const known = migrations.findIndex((_, index) => definitionFaults(database, index + 1).length === 0);
    if (known >= 0) return { database, version: known + 1 };
  } catch {
    // What made it unfit before says more.
  }
  database.close();
  return undefined;
}

const pageSize = 1_000;

/**
 * Checks a whole file by reading alone: its structure, that nothing is missing, and every event against its hash, its
 * id and the event before it. Works beside a running server, on what was in the log when it began. The first part
 * (SQLite's own check) is one long query: a server asks a process of its own for it.
 * @throws StoreStartupError when the file cannot be opened
 */
export async function checkIntegrity(path: string, { onProgress }: IntegrityOptions = {}): Promise<IntegrityReport> {
  const findings: IntegrityFinding[] = [];
  const { database, version } = openForChecking(path, findings);
  let events = 0;
  let streams = 0;
  let position = 0;
  try {
    for (const text of database.prepare('PRAGMA integrity_check').pluck().all() as string[])
      if (text !== 'ok') findings.push({ problem: 'fileDamaged', message: text });

    for (const fault of definitionFaults(database, version))
      findings.push({ problem: problemOf(fault), message: messageOf(fault) });

    position = database.prepare('SELECT coalesce(max(position), 0) FROM events').pluck().get() as number;
    const total = database.prepare('SELECT count(*) FROM events WHERE position <= ?').pluck().get(position) as number;
    findings.push(...missingPositions());

    // Stream by stream: a chain needs the event before it and nothing else, so memory does not grow with the log.
    const page = database
      .prepare(
        `SELECT ${eventColumns} FROM events WHERE (stream, revision) > (?, ?) AND position <= ? ORDER BY stream, revision LIMIT ${pageSize}`,
      )
      .raw();
    let before: Predecessor | undefined;
    for (;;) {
      const from = [before?.stream ?? '', before?.revision ?? Number.MIN_SAFE_INTEGER] as const;
      let rows = 0;
      // One by one: a thousand large events are more than it need hold.
      for (const row of page.iterate(...from, position) as IterableIterator<EventRow>) {
        rows++;
        if (row[1] !== before?.stream) {
          streams++;
          before = undefined;
        }
        before = checkEvent(row, before);
      }
      events += rows;
      onProgress?.(events, total);
      if (rows < pageSize) break;
      await turn();
    }
  } catch (error) {
    if (codeOf(error) === '') throw error;
    // Where SQLite can read no further, the findings so far and this one are all there is to say.
    findings.push({ problem: 'fileDamaged', message: reasonOf(error, path) });
  } finally {
    database.close();
  }
  return { events, streams, position, findings };

  interface Predecessor {
    readonly stream: string;
    readonly revision: number;
    readonly position: number;
    /** Unknown of an event that cannot be read. */
    readonly hash: string | undefined;
  }

  function checkEvent(row: EventRow, before: Predecessor | undefined): Predecessor {
    const [position, stream, revision] = row;
    const found = (problem: IntegrityProblem, message: string) =>
      findings.push({
        problem,
        message: `${message} (stream ${stream}, revision ${revision}, position ${position})`,
        position,
        stream,
        revision,
      });

    const due = (before?.revision ?? -1) + 1;
    if (revision !== due) found('revisionGap', `Revision ${due} should come next`);
    if (before && position <= before.position)
      found('positionOutOfOrder', `Its predecessor stands after it at ${before.position}`);

    let hash: string | undefined;
    try {
      const event = toRecorded(row);
      if (typeof event.metadata.hash !== 'string') throw new Error('The event has no hash');
      hash = event.metadata.hash;
      // What the hash is made of is what JSON.parse makes of the text; another reader may make something else of it.
      const [, , , , , data, metadata] = row;
      if (JSON.stringify(event.data) !== data || JSON.stringify(event.metadata) !== metadata)
        found('textChanged', 'The text of the event is not as a ledger writes it');
      for (const { problem, message } of chainFaults(event, before ? before.hash : noPreviousHash))
        found(problem, message);
    } catch (error) {
      found('unreadable', error instanceof Error ? error.message : String(error));
    }
    return { stream, revision, position, hash };
  }

  /** Nothing here ever takes a position without an event, so a missing one was taken away: even the last of its stream. */
  function missingPositions(): IntegrityFinding[] {
    const gaps = database
      .prepare(
        `SELECT before, position FROM (SELECT position, lag(position, 1, 0) OVER (ORDER BY position) AS before FROM events)
         WHERE position > before + 1`,
      )
      .raw()
      .all() as [before: number, position: number][];
    const handedOut = (database.prepare(`SELECT seq FROM sqlite_sequence WHERE name = 'events'`).pluck().get() ??
      0) as number;
    const last = database.prepare('SELECT coalesce(max(position), 0) FROM events').pluck().get() as number;
    if (handedOut > last) gaps.push([last, handedOut + 1]);
    if (handedOut < last)
      findings.push({
        problem: 'sequenceSetBack',
        message: `Position ${last} has an event, but only ${handedOut} were handed out: the sequence was set back`,
      });
    return gaps.map(([before, after]) => ({
      problem: 'positionMissing' as const,
      position: before + 1,
      message:
        after - before === 2
          ? `The event at position ${before + 1} is gone`
          : `The events at positions ${before + 1} to ${after - 1} are gone`,
    }));
  }
}
