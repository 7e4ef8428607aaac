import { mkdirSync, rmSync, statfsSync, statSync, type RmOptions } from 'node:fs';
import { join } from 'node:path';
import { pairOf } from '#customer-relationship';
import { fileUnusable, LogDamaged, StoreUnavailable, type EventStore } from '#event-sourcing';
import type { PastViewsBounds } from '#configuration';
import { Problem } from '#http';
import { isUpTo, openViews, type Past, type Until, type ViewsReader } from '#projector';
import { relationshipViews, type ViewName, type Views } from '#read-models';
import type { Kysely } from 'kysely';
import { PastNotProjected, type PastThreads } from '#relationship-projector';

export type PastStatus = 'notStarted' | 'running' | 'succeeded' | 'failed' | 'cancelled';

/** A view as it stood, on its way or there. */
export interface PastView {
  readonly view: ViewName;
  readonly until: Until;
  readonly status: PastStatus;
  /** How far the log has been read for it. */
  readonly position: number;
  readonly startedAt: string | undefined;
  readonly endedAt: string | undefined;
  /** Why it has failed: what a caller is answered. */
  readonly error: Error | undefined;
  /** Resolves when it has come to an end, whichever. */
  readonly ended: Promise<void>;
}

/** A view that somebody needs: it is neither given up nor thrown away before it is released. */
export interface HeldPastView {
  readonly past: PastView;
  /** A second time does nothing. */
  readonly release: () => void;
}

export interface PastViews {
  /**
   * The view as it stood: kept from before, being projected, or begun now for one partner; others may ask for it too.
   * @throws Problem AsOfUnavailable when too many wait already
   * @throws StoreUnavailable
   */
  readonly hold: (view: ViewName, until: Until, partnerId: string) => Promise<HeldPastView>;
  /** Holds it for somebody else too. */
  readonly share: (past: PastView) => HeldPastView;
  /** Asks one that has succeeded and is held. */
  readonly read: <T>(
    past: PastView,
    query: (db: Kysely<Views>, lastCounted: Past['lastCounted']) => Promise<T>,
  ) => Promise<T>;
  readonly counts: () => PastViewsCounts;
  readonly close: () => Promise<void>;
}

export interface PastViewsCounts {
  readonly waiting: number;
  readonly running: number;
  readonly kept: number;
  readonly keptBytes: number;
  /** Since the start. */
  readonly failed: number;
}

export interface PastViewsOptions {
  /** Emptied first: what is in it was of a process that has ended. */
  readonly directory: string;
  readonly store: Pick<EventStore, 'subscribe'>;
  readonly threads: PastThreads;
  readonly bounds: PastViewsBounds;
  /** Told what no caller is told: why a view could not be projected. */
  readonly onFailed?: (view: string, error: Error) => void;
  /** Called with a file that cannot be removed. */
  readonly onTrouble?: (message: string) => void;
  readonly now?: () => string;
}

interface Entry {
  readonly view: ViewName;
  readonly until: Until;
  /** For whom it was begun. */
  readonly partnerId: string;
  readonly path: string;
  readonly ended: Promise<void>;
  readonly end: () => void;
  readonly cancelling: AbortController;
  status: PastStatus;
  position: number;
  startedAt: string | undefined;
  endedAt: string | undefined;
  error: Error | undefined;
  past: Past | undefined;
  /** It holds as well for every position up to this one: nothing that counts came between. */
  coveredUntil: number;
  reader: ViewsReader<Views> | undefined;
  bytes: number;
  holders: number;
  idleSince: number;
}

// Looking through more of the log than this costs the server more than it spares its threads.
const mostLookedThrough = 5_000;
const sweepEveryMs = 5_000;

/**
 * Views as they stood, in temporary files: projected once for all who ask, by threads that commands do not wait for, and
 * kept within bounds.
 */
export function pastViews({
  directory,
  store,
  threads,
  bounds,
  onFailed,
  onTrouble,
  now = () => new Date().toISOString(),
}: PastViewsOptions): PastViews {
  inFiles(directory, () => {
    rmSync(directory, { recursive: true, force: true });
    makeDirectory();
  });
  /** The one that was asked least recently stands first. */
  const entries = new Set<Entry>();
  const queue: Entry[] = [];
  const running: Entry[] = [];
  let made = 0;
  let failed = 0;
  let closed = false;
  const sweeping = setInterval(evict, sweepEveryMs);
  sweeping.unref();

  function begin(view: ViewName, until: Until, partnerId: string): Entry {
    const ended = Promise.withResolvers<void>();
    const entry: Entry = {
      view,
      until,
      partnerId,
      path: join(directory, `${view}-${++made}.sqlite`),
      ended: ended.promise,
      end: ended.resolve,
      cancelling: new AbortController(),
      status: 'notStarted',
      position: 0,
      startedAt: undefined,
      endedAt: undefined,
      error: undefined,
      past: undefined,
      coveredUntil: until.position,
      reader: undefined,
      bytes: 0,
      holders: 0,
      idleSince: performance.now(),
    };
    entries.add(entry);
    queue.push(entry);
    startNext();
    return entry;
  }

  function startNext(): void {
    while (running.length < bounds.atOnce) {
      const entry = nextInLine();
      if (!entry) return;
      running.push(entry);
      void project(entry).finally(() => {
        running.splice(running.indexOf(entry), 1);
        startNext();
        evict();
      });
    }
  }

  const countOf = (partnerId: string, of: readonly Entry[]) => of.filter((each) => each.partnerId === partnerId).length;

  /** First come, first served, but among partners first whoever has the fewest on their way. */
  function nextInLine(): Entry | undefined {
    const [first] = queue.toSorted((one, other) => countOf(one.partnerId, running) - countOf(other.partnerId, running));
    if (first) queue.splice(queue.indexOf(first), 1);
    return first;
  }

  /** Nobody fills the line so that others find no place in it. */
  function hasPlace(partnerId: string): boolean {
    if (running.length < bounds.atOnce) return true;
    return queue.length < bounds.waiting && countOf(partnerId, queue) < Math.ceil(bounds.waiting / 2);
  }

  async function project(entry: Entry): Promise<void> {
    const { view, until, path, cancelling } = entry;
    entry.status = 'running';
    entry.startedAt = now();
    const outOfRoom = new AbortController();
    // Never throws: it is called where nobody would catch it.
    const giveUpWithoutRoom = () => {
      try {
        if (!inFiles(directory, hasRoom))
          outOfRoom.abort(new OutOfRoom(`Less than ${bounds.freeBytes / 2 ** 20} MiB are free at ${directory}`));
      } catch (error) {
        outOfRoom.abort(error);
      }
    };
    try {
      // It may have been taken away since the start.
      inFiles(directory, makeDirectory);
      giveUpWithoutRoom();
      outOfRoom.signal.throwIfAborted();
      entry.past = await threads.project(
        { view, path, until },
        {
          signal: AbortSignal.any([cancelling.signal, outOfRoom.signal]),
          onProgress(position) {
            entry.position = position;
            giveUpWithoutRoom();
          },
        },
      );
      // Ready just as it was given up: nobody would ever throw it away.
      cancelling.signal.throwIfAborted();
      entry.bytes = statSync(path).size;
      entry.reader = openViews<Views>({ path, projections: relationshipViews.filter(({ name }) => name === view) });
      settle(entry, 'succeeded');
    } catch (error) {
      const cause: unknown = outOfRoom.signal.aborted ? outOfRoom.signal.reason : error;
      const known = cause instanceof Error ? cause : new Error(String(cause));
      const cancelled = cancelling.signal.aborted;
      if (!cancelled) {
        failed++;
        onFailed?.(view, known);
      }
      entry.error = cancelled ? undefined : told(known);
      settle(entry, cancelled ? 'cancelled' : 'failed');
      discard(entry);
    }
  }

  /** Throws away what is kept for nobody before it says no. */
  function hasRoom(): boolean {
    const { bavail, bsize } = statfsSync(directory);
    let free = bavail * bsize;
    for (const entry of entries) {
      if (free >= bounds.freeBytes) break;
      if (entry.status !== 'succeeded' || entry.holders > 0) continue;
      discard(entry);
      free += entry.bytes;
    }
    return free >= bounds.freeBytes;
  }

  function settle(entry: Entry, status: PastStatus): void {
    entry.status = status;
    entry.endedAt = now();
    entry.end();
  }

  /** Out of memory and off the disk; whoever asks again begins anew. */
  function discard(entry: Entry): void {
    entries.delete(entry);
    const remove = () => {
      for (const end of ['', '-wal', '-shm', '.lock']) tryToRemove(`${entry.path}${end}`, { force: true });
    };
    if (entry.reader) void entry.reader.close().then(remove);
    else remove();
  }

  /** What cannot be removed lies there until the next start, which empties the directory. */
  function tryToRemove(path: string, options: RmOptions): void {
    try {
      inFiles(path, () => rmSync(path, options));
    } catch (error) {
      onTrouble?.((error as Error).message);
    }
  }

  function makeDirectory(): void {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** The last one that was made stays, however large: somebody has been told to come for it. */
  function evict(): void {
    const there = [...entries].filter(({ status }) => status === 'succeeded');
    const idleBefore = performance.now() - bounds.idleSeconds * 1000;
    let count = there.length;
    let bytes = there.reduce((sum, entry) => sum + entry.bytes, 0);
    for (const [index, entry] of there.entries()) {
      if (entry.holders > 0) continue;
      const tooMany = index < there.length - 1 && (count > bounds.kept || bytes > bounds.keptBytes);
      if (!tooMany && entry.idleSince > idleBefore) continue;
      discard(entry);
      count--;
      bytes -= entry.bytes;
    }
  }

  function holding(entry: Entry): HeldPastView {
    entry.holders++;
    // To the end of the line: asked most recently.
    if (entries.delete(entry)) entries.add(entry);
    let held = true;
    return {
      past: entry,
      release() {
        if (!held) return;
        held = false;
        entry.holders--;
        entry.idleSince = performance.now();
        if (entry.holders > 0) return;
        if (entry.status === 'notStarted') {
          queue.splice(queue.indexOf(entry), 1);
          settle(entry, 'cancelled');
          discard(entry);
        } else if (entry.status === 'running') {
          entry.cancelling.abort();
          // Nobody may come to hold what is being given up.
          entries.delete(entry);
        } else evict();
      },
    };
  }

  const covering = (view: ViewName, { position, recordedUntil }: Until) =>
    [...entries].find(
      (entry) =>
        entry.view === view &&
        entry.until.recordedUntil === recordedUntil &&
        entry.until.position <= position &&
        position <= entry.coveredUntil,
    );

  /** The latest of the same time, if nothing that counts has come since: the log moves on, the past seldom does. */
  async function stillCovering(view: ViewName, until: Until): Promise<HeldPastView | undefined> {
    if (until.recordedUntil === undefined) return undefined;
    const near = [...entries]
      .filter((entry) => entry.view === view && entry.until.recordedUntil === until.recordedUntil)
      .filter(({ coveredUntil }) => coveredUntil < until.position)
      .sort((one, other) => other.coveredUntil - one.coveredUntil)[0];
    if (!near) return undefined;
    const held = holding(near);
    try {
      if (await nothingCounts(store, near.coveredUntil, until)) {
        near.coveredUntil = Math.max(near.coveredUntil, until.position);
        return held;
      }
    } catch (error) {
      held.release();
      throw error;
    }
    held.release();
    return undefined;
  }

  return {
    async hold(view, until, partnerId) {
      const known = covering(view, until);
      if (known) return holding(known);
      const still = await stillCovering(view, until);
      if (still) return still;
      if (closed) throw new Problem('ShuttingDown', { outcome: 'none' }, { 'Retry-After': '1' });
      // Meanwhile somebody else may have begun it.
      const begun = covering(view, until);
      if (begun) return holding(begun);
      if (!hasPlace(partnerId)) throw asOfUnavailable('busy');
      return holding(begin(view, until, partnerId));
    },
    share: (past) => holding(past as Entry),
    async read(past, query) {
      const { view, reader, past: found } = past as Entry;
      if (!reader || !found) throw new Error(`${view} as it stood is not there`);
      const { result } = await reader.read(view, (db) => query(db, found.lastCounted));
      return result;
    },
    counts() {
      const kept = [...entries].filter(({ status }) => status === 'succeeded');
      const keptBytes = kept.reduce((sum, { bytes }) => sum + bytes, 0);
      return { waiting: queue.length, running: running.length, kept: kept.length, keptBytes, failed };
    },
    async close() {
      closed = true;
      clearInterval(sweeping);
      for (const entry of queue.splice(0)) settle(entry, 'cancelled');
      for (const entry of entries) entry.cancelling.abort();
      await threads.close();
      for (const entry of entries) await entry.reader?.close();
      tryToRemove(directory, { recursive: true, force: true });
    },
  };
}

/** Whether no event between two positions counts that views are about. False for more events than are worth a look. */
async function nothingCounts(store: Pick<EventStore, 'subscribe'>, after: number, until: Until): Promise<boolean> {
  const enough = new AbortController();
  let seen = 0;
  try {
    for await (const { events, position } of store.subscribe({ after, signal: enough.signal })) {
      if (events.some((event) => isUpTo(event, until) && pairOf(event.stream) !== undefined)) return false;
      if (position >= until.position) return true;
      seen += events.length;
      if (seen > mostLookedThrough) return false;
    }
    throw new StoreUnavailable('The event store has ended the subscription');
  } finally {
    enough.abort();
  }
}

/** @throws FileUnusable when the operating system refuses it */
function inFiles<T>(path: string, deed: () => T): T {
  try {
    return deed();
  } catch (error) {
    const restore = 'It holds only what is made anew: remove it, or make DATA_DIR writable';
    throw fileUnusable({ what: 'What is kept of lists as they stood', path, purpose: 'write', restore }, error);
  }
}

class OutOfRoom extends Error {
  override readonly name = 'OutOfRoom';
}

/** What a caller is told of a failure. */
function told(error: Error): Error {
  if (error instanceof OutOfRoom) return asOfUnavailable('diskFull');
  if (!(error instanceof PastNotProjected)) return asOfUnavailable('failed');
  switch (error.failure) {
    case 'unavailable':
      return new StoreUnavailable(error.message);
    case 'damaged':
      return new LogDamaged(error.message);
    case 'outdated':
      return new Problem('ServerOutdated', { outcome: 'none' }, { 'Retry-After': '5' });
    case 'cancelled':
    case 'unexpected':
      return asOfUnavailable('failed');
  }
}

function asOfUnavailable(reason: 'busy' | 'diskFull' | 'failed'): Problem {
  return new Problem('AsOfUnavailable', { reason }, { 'Retry-After': reason === 'busy' ? '2' : '10' });
}

/** Of a ledger that serves nobody. */
export const noPastViews: PastViews = {
  hold: () => Promise.reject(asOfUnavailable('failed')),
  share: () => {
    throw asOfUnavailable('failed');
  },
  read: () => Promise.reject(asOfUnavailable('failed')),
  counts: () => ({ waiting: 0, running: 0, kept: 0, keptBytes: 0, failed: 0 }),
  close: () => Promise.resolve(),
};
