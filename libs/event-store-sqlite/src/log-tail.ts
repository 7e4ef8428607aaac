import { setImmediate as turn } from 'node:timers/promises';
import { BroadcastChannel } from 'node:worker_threads';
import type { Database } from 'better-sqlite3';
import type { EventBatch, SubscribeOptions } from '#event-sourcing';
import { charactersOf, eventColumns, toRecorded, type EventRow } from './event-rows.js';
import { gap, headOf, replaced, shortened, type LogHead } from './log-head.js';
import { unavailable } from './sqlite-errors.js';

export interface LogTailOptions {
  /** The file by its one real name, which threads of this process have in common. */
  readonly realPath: string;
  /** What this store knows of the end of the log. */
  readonly head: LogHead;
  /** How often the log is looked at for what other processes have written, in ms. */
  readonly pollInterval: number;
}

// A read transaction that lasts keeps the write-ahead log from restarting: pages are short, never an open cursor.
export const pageSize = 1_000;
/** In characters: a refusal may have a megabyte, and a thousand of them more than a thread may take. */
const largestPage = 16 * 1024 * 1024;

/** Subscriptions: nudged by commits of this thread at once, of other threads by a channel, of other processes by polling. */
export function logTail(reader: Database, { realPath, head: known, pollInterval }: LogTailOptions) {
  // SQLite would prepare a statement with a bound LIMIT again for each page.
  const page = reader
    .prepare(`SELECT ${eventColumns} FROM events WHERE position > ? ORDER BY position LIMIT ${pageSize + 1}`)
    .raw();
  const idOf = reader.prepare('SELECT id FROM events WHERE position = ?').pluck();
  const last = headOf(reader, known);
  const waiting = new Set<() => void>();
  const closing = new AbortController();
  const channel = new BroadcastChannel(`event-store ${realPath}`);
  // A message costs more than a tenth of a commit, so none is sent before another store of this process has said that
  // it is there. The first one said so in vain: it is answered.
  let accompanied = false;
  channel.onmessage = () => {
    if (!accompanied) channel.postMessage(null);
    accompanied = true;
    wake();
  };
  channel.postMessage(null);
  // It must never keep a process alive. (Its type does not know.)
  (channel as unknown as { unref(): void }).unref();
  let polling: NodeJS.Timeout | undefined;
  let subscriptions = 0;
  let polled = 0;

  function head(): number {
    try {
      const found = last();
      known.moved(found);
      return found.position;
    } catch (error) {
      throw unavailable(error, reader.name);
    }
  }

  function wake(): void {
    for (const resume of waiting) resume();
  }

  function poll(): void {
    if (waiting.size === 0) return;
    try {
      const position = head();
      if (position === polled) return;
      polled = position;
    } catch {
      // Those who wait meet the same error when they read, where a caller gets it.
    }
    wake();
  }

  async function* subscribe({ after, signal, batchSize = pageSize }: SubscribeOptions): AsyncGenerator<EventBatch> {
    const ending = AbortSignal.any([signal, closing.signal]);
    const limit = Math.min(batchSize, pageSize);
    let position = after;
    /** Of the event at that position, once it was read here. */
    let id: string | undefined;
    subscriptions++;
    polling ??= setInterval(poll, pollInterval);
    try {
      for (let first = true; !ending.aborted; first = false) {
        const batch = next(position, id, limit);
        position = batch.position;
        id = batch.events.at(-1)?.id ?? id;
        if (first || batch.events.length > 0) yield batch;
        if (batch.caughtUp) await (batch.events.length > 0 ? turn() : appended(ending));
        // A long log must not keep the event loop to itself.
        else await turn();
      }
    } finally {
      if (--subscriptions === 0) {
        clearInterval(polling);
        polling = undefined;
      }
    }
  }

  function next(after: number, id: string | undefined, limit: number): EventBatch {
    const rows: EventRow[] = [];
    let characters = 0;
    let caughtUp = true;
    try {
      // One more than asked for shows whether there is more.
      for (const row of page.iterate(after) as IterableIterator<EventRow>) {
        if (rows.length === limit || characters > largestPage) {
          caughtUp = false;
          break;
        }
        rows.push(row);
        characters += charactersOf(row);
      }
      requireNext(after, id, rows);
    } catch (error) {
      throw unavailable(error, reader.name);
    }
    const position = rows.at(-1)?.[0] ?? after;
    return { events: rows.map(toRecorded), position, caughtUp };
  }

  /** Nothing here ever takes a position without an event, so the next one follows at once, on the event that was read last. */
  function requireNext(after: number, id: string | undefined, rows: readonly EventRow[]): void {
    if (after > 0 && (id !== undefined || rows.length > 0)) {
      const now = idOf.get(after) as string | undefined;
      if (id !== undefined && now !== id) throw replaced({ position: after, id }, now);
      if (now === undefined) throw gap(after, rows[0]![0]);
    }
    rows.forEach(([position], index) => {
      if (position !== after + 1 + index) throw gap(after + 1 + index, position);
    });
    const end = rows.at(-1);
    if (end) known.moved({ position: end[0], id: end[3] });
    else if (head() < after) throw shortened(head(), after);
  }

  function appended(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const resume = () => {
        waiting.delete(resume);
        signal.removeEventListener('abort', resume);
        resolve();
      };
      if (signal.aborted) return resolve();
      waiting.add(resume);
      signal.addEventListener('abort', resume);
    });
  }

  return {
    subscribe,
    head,
    /** Something was committed here. */
    nudge() {
      wake();
      if (accompanied) channel.postMessage(null);
    },
    /** Ends every subscription, without an error. */
    close() {
      closing.abort();
      clearInterval(polling);
      channel.close();
    },
  };
}
