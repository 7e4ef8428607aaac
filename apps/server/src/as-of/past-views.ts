import { statSync } from 'node:fs';
import { pairOf } from '#customer-relationship';
import { LogDamaged, StoreUnavailable, type EventStore, type ViewQueries } from '#event-sourcing';
import type { PastViewsBounds } from '#configuration';
import { Problem } from '#http';
import { BoundedPool, type Place } from '#pacing';
import { isUpTo, openViews, type Past, type Until, type ViewsReader } from '#projector';
import { relationshipViews } from '#read-models';
import { PastNotProjected, type PastThreads } from '#relationship-projector';
import { AsOfDirectory } from './as-of-directory.js';

export type PastStatus = 'notStarted' | 'running' | 'succeeded' | 'failed' | 'cancelled';

/** A view as it stood, on its way or there. */
export interface PastView {
  readonly view: string;
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
  readonly hold: (view: string, until: Until, partnerId: string) => Promise<HeldPastView>;
  /** Holds it for somebody else too. */
  readonly share: (past: PastView) => HeldPastView;
  /** Asks one that has succeeded and is held. */
  readonly read: <T>(past: PastView, ask: (queries: ViewQueries, lastCounted: Past['lastCounted']) => T) => Promise<T>;
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
  /** Called with what no caller learns: why a view could not be projected. */
  readonly onFailed?: (view: string, error: Error) => void;
  /** Called with a file that cannot be removed. */
  readonly onTrouble?: (message: string) => void;
  readonly now?: () => string;
}

/** One view as it stood, with what this server needs to make it and to keep it. */
class KeptPastView implements PastView {
  readonly cancelling = new AbortController();
  readonly ended: Promise<void>;
  status: PastStatus = 'notStarted';
  position = 0;
  startedAt: string | undefined;
  endedAt: string | undefined;
  error: Error | undefined;
  past: Past | undefined;
  /** It holds as well for every position up to this one: nothing that counts came between. */
  coveredUntil: number;
  reader: ViewsReader | undefined;
  bytes = 0;
  holders = 0;
  idleSince = performance.now();
  /** Among those that are projected, or that wait for it. */
  place: Place | undefined;
  private readonly end: () => void;

  constructor(
    readonly view: string,
    readonly until: Until,
    readonly path: string,
  ) {
    this.coveredUntil = until.position;
    ({ promise: this.ended, resolve: this.end } = Promise.withResolvers<void>());
  }

  settle(status: PastStatus, endedAt: string): void {
    this.status = status;
    this.endedAt = endedAt;
    this.end();
  }

  covers(view: string, { position, recordedUntil }: Until): boolean {
    return (
      this.view === view &&
      this.until.recordedUntil === recordedUntil &&
      this.until.position <= position &&
      position <= this.coveredUntil
    );
  }
}

// Looking through more of the log than this costs the server more than it spares its threads.
const mostLookedThrough = 5_000;
const sweepEveryMs = 5_000;

/**
 * Views as they stood, in temporary files: projected once for all who ask, by threads that commands do not wait for, and
 * kept within bounds.
 */
export class ProjectedPastViews implements PastViews {
  /** The one that was asked for least recently stands first. */
  private readonly all = new Set<KeptPastView>();
  private readonly places: BoundedPool;
  private readonly directory: AsOfDirectory;
  private readonly sweeping: NodeJS.Timeout;
  private failed = 0;
  private closed = false;

  constructor(private readonly options: PastViewsOptions) {
    const { bounds, directory, onTrouble } = options;
    this.directory = new AsOfDirectory(directory, onTrouble);
    // Among partners the one with the fewest on their way comes first, and nobody fills the line so that others find no place.
    this.places = new BoundedPool({
      atOnce: bounds.atOnce,
      waiting: bounds.waiting,
      waitingOfOne: Math.ceil(bounds.waiting / 2),
      next: 'fewestFirst',
    });
    this.sweeping = setInterval(() => this.evict(), sweepEveryMs).unref();
  }

  async hold(view: string, until: Until, partnerId: string): Promise<HeldPastView> {
    const known = this.covering(view, until);
    if (known) return this.holding(known);
    const still = await this.stillCovering(view, until);
    if (still) return still;
    if (this.closed) throw new Problem('ShuttingDown', { outcome: 'none' }, { 'Retry-After': '1' });
    // Meanwhile somebody else may have begun it.
    return this.holding(this.covering(view, until) ?? this.begin(view, until, partnerId));
  }

  share(past: PastView): HeldPastView {
    return this.holding(past as KeptPastView);
  }

  async read<T>(past: PastView, ask: (queries: ViewQueries, lastCounted: Past['lastCounted']) => T): Promise<T> {
    const { view, reader, past: found } = past as KeptPastView;
    if (!reader || !found) throw new Error(`${view} as it stood is not there`);
    const { result } = await reader.read(view, (queries) => ask(queries, found.lastCounted));
    return result;
  }

  counts(): PastViewsCounts {
    const kept = this.kept();
    return {
      waiting: this.places.waiting(),
      running: this.places.taking(),
      kept: kept.length,
      keptBytes: kept.reduce((sum, { bytes }) => sum + bytes, 0),
      failed: this.failed,
    };
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.sweeping);
    for (const past of this.all) {
      if (past.status === 'notStarted') this.withdraw(past);
      past.cancelling.abort();
    }
    await this.options.threads.close();
    for (const past of this.all) await past.reader?.close();
    this.directory.remove();
  }

  /** @throws Problem AsOfUnavailable when too many wait already */
  private begin(view: string, until: Until, partnerId: string): KeptPastView {
    const past = new KeptPastView(view, until, this.directory.newFile(view));
    this.all.add(past);
    past.place = this.places.enter(partnerId, () => {
      void this.project(past).finally(() => {
        past.place?.leave();
        this.evict();
      });
    });
    if (past.place) return past;
    this.all.delete(past);
    throw asOfUnavailable('busy');
  }

  private async project(kept: KeptPastView): Promise<void> {
    const { view, until, path, cancelling } = kept;
    const { threads, onFailed } = this.options;
    kept.status = 'running';
    kept.startedAt = this.now();
    const outOfRoom = new AbortController();
    try {
      // It may have been taken away since the start.
      this.directory.make();
      this.giveUpWithoutRoom(outOfRoom);
      outOfRoom.signal.throwIfAborted();
      const signal = AbortSignal.any([cancelling.signal, outOfRoom.signal]);
      const onProgress = (position: number) => {
        kept.position = position;
        this.giveUpWithoutRoom(outOfRoom);
      };
      kept.past = await threads.project({ view, path, until }, { signal, onProgress });
      // Ready just as it was given up: nobody would ever throw it away.
      cancelling.signal.throwIfAborted();
      kept.bytes = statSync(path).size;
      kept.reader = openViews({ path, projections: relationshipViews.filter(({ name }) => name === view) });
      kept.settle('succeeded', this.now());
    } catch (error) {
      const cause: unknown = outOfRoom.signal.aborted ? outOfRoom.signal.reason : error;
      const known = cause instanceof Error ? cause : new Error(String(cause));
      const cancelled = cancelling.signal.aborted;
      if (!cancelled) {
        this.failed++;
        onFailed?.(view, known);
        kept.error = answerTo(known);
      }
      kept.settle(cancelled ? 'cancelled' : 'failed', this.now());
      this.discard(kept);
    }
  }

  /** Never throws: it is called where nobody would catch it. */
  private giveUpWithoutRoom(outOfRoom: AbortController): void {
    const { freeBytes } = this.options.bounds;
    try {
      if (!this.hasRoom(freeBytes))
        outOfRoom.abort(new OutOfRoom(`Less than ${freeBytes / 2 ** 20} MiB are free at ${this.directory.path}`));
    } catch (error) {
      outOfRoom.abort(error);
    }
  }

  /** Throws away what is kept for nobody before it says no. */
  private hasRoom(neededBytes: number): boolean {
    let free = this.directory.freeBytes();
    for (const past of this.kept()) {
      if (free >= neededBytes) break;
      if (past.holders > 0) continue;
      this.discard(past);
      free += past.bytes;
    }
    return free >= neededBytes;
  }

  private kept(): KeptPastView[] {
    return [...this.all].filter(({ status }) => status === 'succeeded');
  }

  /** Out of memory and off the disk; who asks again begins anew. */
  private discard(past: KeptPastView): void {
    this.all.delete(past);
    const remove = () => this.directory.removeFile(past.path);
    if (past.reader) void past.reader.close().then(remove);
    else remove();
  }

  /** The last one that was made stays, however large: somebody is about to read it. */
  private evict(): void {
    const { kept: mostKept, keptBytes, idleSeconds } = this.options.bounds;
    const there = this.kept();
    const idleBefore = performance.now() - idleSeconds * 1000;
    let count = there.length;
    let bytes = there.reduce((sum, past) => sum + past.bytes, 0);
    for (const [index, past] of there.entries()) {
      if (past.holders > 0) continue;
      const tooMany = index < there.length - 1 && (count > mostKept || bytes > keptBytes);
      if (!tooMany && past.idleSince > idleBefore) continue;
      this.discard(past);
      count--;
      bytes -= past.bytes;
    }
  }

  private holding(past: KeptPastView): HeldPastView {
    past.holders++;
    // To the end of the line: asked for most recently.
    if (this.all.delete(past)) this.all.add(past);
    let held = true;
    return {
      past,
      release: () => {
        if (held) this.release(past);
        held = false;
      },
    };
  }

  private release(past: KeptPastView): void {
    past.holders--;
    past.idleSince = performance.now();
    if (past.holders > 0) return;
    if (past.status === 'notStarted') {
      this.withdraw(past);
      this.discard(past);
    } else if (past.status === 'running') {
      past.cancelling.abort();
      // Nobody may come to hold what is being given up.
      this.all.delete(past);
    } else this.evict();
  }

  /** Out of the line of those that wait. */
  private withdraw(past: KeptPastView): void {
    past.place?.leave();
    past.settle('cancelled', this.now());
  }

  private covering(view: string, until: Until): KeptPastView | undefined {
    return [...this.all].find((past) => past.covers(view, until));
  }

  /** The latest of the same time, if nothing that counts has come since: the log moves on, the past seldom does. */
  private async stillCovering(view: string, until: Until): Promise<HeldPastView | undefined> {
    if (until.recordedUntil === undefined) return undefined;
    const near = [...this.all]
      .filter((past) => past.view === view && past.until.recordedUntil === until.recordedUntil)
      .filter(({ coveredUntil }) => coveredUntil < until.position)
      .sort((one, other) => other.coveredUntil - one.coveredUntil)[0];
    if (!near) return undefined;
    const held = this.holding(near);
    try {
      if (await nothingCounts(this.options.store, near.coveredUntil, until)) {
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

  private now(): string {
    return this.options.now?.() ?? new Date().toISOString();
  }
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

class OutOfRoom extends Error {
  override readonly name = 'OutOfRoom';
}

/** What a caller is answered about a failure. */
function answerTo(error: Error): Error {
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
