import { statSync } from 'node:fs';
import { pairOf } from '#customer-relationship';
import { LogDamaged, StoreUnavailable, type EventStore, type ViewQueries } from '#event-sourcing';
import type { PastViewsBounds } from '#configuration';
import { Problem } from '#http';
import { BoundedPool, type Place } from '#pacing';
import { isUpTo, openViews, type Past, type Until, type ViewNames, type ViewsReader } from '#projector';
import { relationshipViews } from '#read-models';
import { PastNotProjected, type PastThreads } from '#relationship-projector';
import { AsOfDirectory } from './as-of-directory.js';

export type PastStatus = 'notStarted' | 'running' | 'succeeded' | 'failed' | 'cancelled';

/** A view as it stood, with the others that a list reads: waiting, being projected, or finished. */
export type PastView = Readonly<
  Pick<KeptPastView, 'views' | 'until' | 'status' | 'position' | 'startedAt' | 'endedAt' | 'error' | 'ended'>
>;

/** A view in use: it is neither cancelled nor discarded before it is released. */
export interface HeldPastView {
  readonly past: PastView;
  /** Further calls do nothing. */
  readonly release: () => void;
}

export type PastViews = Pick<ProjectedPastViews, keyof ProjectedPastViews>;

export interface PastViewsOptions {
  /** Emptied at the start: its content belongs to a process that has ended. */
  readonly directory: string;
  readonly store: Pick<EventStore, 'subscribe'>;
  readonly threads: PastThreads;
  readonly bounds: PastViewsBounds;
  /** Called with the reason why a view could not be projected, which no caller learns. */
  readonly onFailed?: (view: string, error: Error) => void;
  /** Called with a file that cannot be removed. */
  readonly onTrouble?: (message: string) => void;
  readonly now?: () => string;
}

/** A view as it stood, with all that the server needs to project and keep it. */
class KeptPastView implements PastView {
  readonly cancelling = new AbortController();
  /** Resolves when it has ended, with any status. */
  readonly ended: Promise<void>;
  status: PastStatus = 'notStarted';
  /** How far the log has been read for it. */
  position = 0;
  startedAt: string | undefined;
  endedAt: string | undefined;
  /** The answer to callers when it has failed. */
  error: Error | undefined;
  past: Past | undefined;
  /** It is also valid for every position up to this one: no event that counts lies between. */
  coveredUntil: number;
  reader: ViewsReader | undefined;
  bytes = 0;
  holders = 0;
  idleSince = performance.now();
  /** Its place among the views that are projected or wait. */
  place: Place | undefined;
  private readonly end: () => void;

  constructor(
    /** The list's own view first. */
    readonly views: readonly string[],
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

  has(views: readonly string[]): boolean {
    return views.every((view) => this.views.includes(view));
  }

  covers(views: readonly string[], { position, recordedUntil }: Until): boolean {
    return (
      this.has(views) &&
      this.until.recordedUntil === recordedUntil &&
      this.until.position <= position &&
      position <= this.coveredUntil
    );
  }
}

// To look through more events than this costs the server more than it saves.
const mostLookedThrough = 5_000;
const sweepEveryMs = 5_000;

/**
 * Views as they stood, in temporary files: each projected once for all callers, in threads of their own, and kept within
 * bounds.
 */
export class ProjectedPastViews {
  /** The least recently used first. */
  private readonly all = new Set<KeptPastView>();
  private readonly places: BoundedPool;
  private readonly directory: AsOfDirectory;
  private readonly sweeping: NodeJS.Timeout;
  private failed = 0;
  private closed = false;

  constructor(private readonly options: PastViewsOptions) {
    const { bounds, directory, onTrouble } = options;
    this.directory = new AsOfDirectory(directory, onTrouble);
    // The partner with the fewest running views comes first, and no partner may take all waiting places.
    this.places = new BoundedPool({
      atOnce: bounds.atOnce,
      waiting: bounds.waiting,
      waitingOfOne: Math.ceil(bounds.waiting / 2),
      next: 'fewestFirst',
    });
    this.sweeping = setInterval(() => this.evict(), sweepEveryMs).unref();
  }

  /**
   * The view as it stood: kept from before, being projected, or started now for one partner; callers share it.
   * @throws Problem AsOfUnavailable when too many wait already
   * @throws StoreUnavailable
   */
  async hold(names: ViewNames, until: Until, partnerId: string): Promise<HeldPastView> {
    const views = [names].flat();
    const known = this.covering(views, until);
    if (known) return this.holding(known);
    const still = await this.stillCovering(views, until);
    if (still) return still;
    if (this.closed) throw new Problem('ShuttingDown', { outcome: 'none' }, { 'Retry-After': '1' });
    // Another caller may have started it meanwhile.
    return this.holding(this.covering(views, until) ?? this.begin(views, until, partnerId));
  }

  /** Holds it for a further user. */
  share(past: PastView): HeldPastView {
    return this.holding(past as KeptPastView);
  }

  /** Queries a view that has succeeded and is held. */
  async read<T>(past: PastView, ask: (queries: ViewQueries, lastCounted: Past['lastCounted']) => T): Promise<T> {
    const { views, reader, past: found } = past as KeptPastView;
    if (!reader || !found) throw new Error(`${views.join(', ')} as it stood is not there`);
    const { result } = await reader.read(views, (queries) => ask(queries, found.lastCounted));
    return result;
  }

  /** As of now; those that have failed, since the start. */
  counts() {
    const { places, failed } = this;
    const kept = this.kept();
    const keptBytes = bytesOf(kept);
    return { waiting: places.waiting(), running: places.taking(), kept: kept.length, keptBytes, failed };
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
  private begin(views: readonly string[], until: Until, partnerId: string): KeptPastView {
    const past = new KeptPastView(views, until, this.directory.newFile(views[0]!));
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
    const { views, until, path, cancelling } = kept;
    const { threads, onFailed } = this.options;
    kept.status = 'running';
    kept.startedAt = this.now();
    const outOfRoom = new AbortController();
    try {
      // The directory may have been removed since the start.
      this.directory.make();
      this.giveUpWithoutRoom(outOfRoom);
      outOfRoom.signal.throwIfAborted();
      const signal = AbortSignal.any([cancelling.signal, outOfRoom.signal]);
      const onProgress = (position: number) => {
        kept.position = position;
        this.giveUpWithoutRoom(outOfRoom);
      };
      kept.past = await threads.project({ views, path, until }, { signal, onProgress });
      // It was finished just as it was cancelled: nothing would ever discard it.
      cancelling.signal.throwIfAborted();
      kept.bytes = statSync(path).size;
      kept.reader = openViews({ path, projections: relationshipViews.filter(({ name }) => views.includes(name)) });
      kept.settle('succeeded', this.now());
    } catch (error) {
      const cause: unknown = outOfRoom.signal.aborted ? outOfRoom.signal.reason : error;
      const known = cause instanceof Error ? cause : new Error(String(cause));
      const cancelled = cancelling.signal.aborted;
      if (!cancelled) {
        this.failed++;
        onFailed?.(views.join(', '), known);
        kept.error = answerTo(known);
      }
      kept.settle(cancelled ? 'cancelled' : 'failed', this.now());
      this.discard(kept);
    }
  }

  /** Never throws, because its callers could not handle an error. */
  private giveUpWithoutRoom(outOfRoom: AbortController): void {
    const { freeBytes } = this.options.bounds;
    try {
      if (!this.hasRoom(freeBytes))
        outOfRoom.abort(new OutOfRoom(`Less than ${freeBytes / 2 ** 20} MiB are free at ${this.directory.path}`));
    } catch (error) {
      outOfRoom.abort(error);
    }
  }

  /** Discards kept views that are not in use, as far as needed. */
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

  /** Removes it from memory and disk. The next request starts over. */
  private discard(past: KeptPastView): void {
    this.all.delete(past);
    const remove = () => this.directory.removeFile(past.path);
    if (past.reader) void past.reader.close().then(remove);
    else remove();
  }

  /** The newest view stays, however large: it is about to be read. */
  private evict(): void {
    const { kept: mostKept, keptBytes, idleSeconds } = this.options.bounds;
    const there = this.kept();
    const idleBefore = performance.now() - idleSeconds * 1000;
    let count = there.length;
    let bytes = bytesOf(there);
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
    // Moved to the end: the most recently used.
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
      // A view that is being cancelled cannot be held again.
      this.all.delete(past);
    } else this.evict();
  }

  /** Gives up its place among those that wait. */
  private withdraw(past: KeptPastView): void {
    past.place?.leave();
    past.settle('cancelled', this.now());
  }

  private covering(views: readonly string[], until: Until): KeptPastView | undefined {
    return [...this.all].find((past) => past.covers(views, until));
  }

  /** The latest view of the same time, if no event that counts has been appended since. */
  private async stillCovering(views: readonly string[], until: Until): Promise<HeldPastView | undefined> {
    if (until.recordedUntil === undefined) return undefined;
    const near = [...this.all]
      .filter((past) => past.has(views) && past.until.recordedUntil === until.recordedUntil)
      .filter(({ coveredUntil }) => coveredUntil < until.position)
      .sort((one, other) => other.coveredUntil - one.coveredUntil)[0];
    if (!near) return undefined;
    const held = this.holding(near);
    let stillValid = false;
    try {
      stillValid = await nothingCounts(this.options.store, near.coveredUntil, until);
    } finally {
      if (!stillValid) held.release();
    }
    if (!stillValid) return undefined;
    near.coveredUntil = Math.max(near.coveredUntil, until.position);
    return held;
  }

  private now(): string {
    return this.options.now?.() ?? new Date().toISOString();
  }
}

/** Whether no relationship's event between two positions counts. False when there are too many events to look through. */
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

function bytesOf(views: readonly KeptPastView[]): number {
  return views.reduce((sum, { bytes }) => sum + bytes, 0);
}

class OutOfRoom extends Error {
  override readonly name = 'OutOfRoom';
}

/** The answer to callers about a failure. */
function answerTo(error: Error): Error {
  if (error instanceof OutOfRoom) return asOfUnavailable('diskFull');
  switch (error instanceof PastNotProjected ? error.failure : 'unexpected') {
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

/** For a ledger that is not served. */
export const noPastViews: PastViews = {
  hold: () => Promise.reject(asOfUnavailable('failed')),
  share: () => {
    throw asOfUnavailable('failed');
  },
  read: () => Promise.reject(asOfUnavailable('failed')),
  counts: () => ({ waiting: 0, running: 0, kept: 0, keptBytes: 0, failed: 0 }),
  close: () => Promise.resolve(),
};
