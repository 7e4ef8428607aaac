import { setTimeout as delay } from 'node:timers/promises';
import {
  project,
  type AnyProjection,
  type EventBatch,
  type EventCodec,
  type EventStore,
  type MessageOf,
  type RecordedEvent,
} from '#event-sourcing';
import { BackOff } from '#pacing';
import type { Mark, ViewFailure } from './checkpoints.js';
import { viewRows, type ViewRows } from './view-rows.js';
import type { ViewsFile } from './views-file.js';

export interface ProjectorOptions<Catalogue, Subject> {
  readonly store: Pick<EventStore, 'subscribe'>;
  readonly codec: EventCodec<Catalogue>;
  /** The subject that the name of a stream names; undefined for streams of another kind: only views with a `subjectOf` of their own read those. */
  readonly subjectOf: (stream: string) => Subject | undefined;
  readonly views: ViewsFile;
  readonly projections: readonly AnyProjection<Catalogue, Subject>[];
  /** The identity of the log, and the position of its last event now. */
  readonly ledgerId: string;
  readonly head: number;
  /** The fewest events of a transaction while views catch up (default 5,000). */
  readonly transactionSize?: number;
  /** Rows kept in memory between transactions, for each view (default 10,000). */
  readonly cachedRows?: number;
  /** A view has met an event that it cannot handle and has stopped. */
  readonly onStopped?: (view: string, failure: ViewFailure, error: unknown) => void;
  /** The store or the views cannot be used now; the projector retries after this number of ms. */
  readonly onTrouble?: (error: unknown, retryInMs: number) => void;
  /** Views have moved to a position; called after the commit. */
  readonly onProgress?: (progress: {
    readonly views: readonly string[];
    readonly position: number;
    readonly events: number;
  }) => void;
  /** Events of traces are in the views now; called after the commit. Not for views that are being built, which show what is long past. */
  readonly onProjected?: (projected: Projected) => void;
}

/** Events that have been committed to views together. */
export interface Projected {
  /** The `traceparent` of each of their commands that had one, once. */
  readonly traceparents: readonly string[];
  readonly views: number;
  /** Of these and of all others. */
  readonly events: number;
  /** When the first of them was read and when all were committed, by `performance.now()`. */
  readonly beganAt: number;
  readonly endedAt: number;
}

export interface Projector {
  /** Follows the log until the signal, or until every view has stopped. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Follows the log up to its end, once: resolves when every view has reached it or has stopped. */
  readonly catchUp: (signal: AbortSignal) => Promise<void>;
}

interface View<Catalogue, Subject> {
  readonly projection: AnyProjection<Catalogue, Subject>;
  readonly rows: ViewRows;
  /** Its checkpoint. */
  position: number;
  /** The position of the last event in its rows in memory; ahead of the checkpoint until the next commit. */
  folded: number;
  /** The last event that it has read, of any stream; undefined while that is the one in the file. */
  last: Mark | undefined;
  built: boolean;
  stoppedBy: Unprojectable | undefined;
}

/** Views that read the log together. */
interface Group<Catalogue, Subject> {
  members: readonly View<Catalogue, Subject>[];
  /** The position up to which all of them are committed. */
  position: number;
  /** The position up to which the log is read; ahead of the former until the next commit. */
  read: number;
  going: boolean;
}

/** An event of the log that views are about, read once for all of them. */
interface Reading<Catalogue, Subject> {
  readonly recorded: RecordedEvent;
  readonly subject: Subject;
  decoded: MessageOf<Catalogue> | undefined;
}

/** The event that a projection could not handle. */
class Unprojectable extends Error {
  override readonly name = 'Unprojectable';
  constructor(
    readonly recorded: RecordedEvent,
    override readonly cause: unknown,
  ) {
    super(cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause));
  }
}

/** How often rows are noted whose time has passed; how many at once, because events wait meanwhile. */
const noteEveryMs = 1_000;
const notedAtOnce = 200;

const retryPauses = { first: 100, most: 10_000 };

/**
 * Keeps views up to date with the log, in one pass for all views that are at the same position. Rows and checkpoint
 * of a batch are one transaction. A view that cannot handle an event stops there and reports it. It never skips an event,
 * and the other views go on; the next start tries again.
 * @throws ForeignViews when the views show another log
 */
export function projector<Catalogue, Subject>({
  store,
  codec,
  subjectOf,
  views: file,
  projections,
  ledgerId,
  head,
  transactionSize = 5_000,
  cachedRows = 10_000,
  onStopped,
  onTrouble,
  onProgress,
  onProjected,
}: ProjectorOptions<Catalogue, Subject>): Projector {
  const checkpoints = file.claim(ledgerId, head);
  const views = projections.map((projection): View<Catalogue, Subject> => {
    const { position, built } = checkpoints.get(projection.name)!;
    const rows = viewRows(file, cachedRows);
    return { projection, rows, position, folded: position, last: undefined, built, stoppedBy: undefined };
  });

  /**
   * Views at the same position share a subscription. One subscription for all, from the earliest position, would be
   * simpler, but a view that is being rebuilt would then hold up all the others. Views that lag catch up on subscriptions
   * of their own and join the first group when they are level with it.
   */
  async function follow(signal: AbortSignal, untilCaughtUp: boolean): Promise<void> {
    const groups = [...Map.groupBy(views.filter(isGoing), ({ position }) => position)]
      .sort(([a], [b]) => b - a)
      .map(([position, members]): Group<Catalogue, Subject> => ({ position, read: position, members, going: true }));
    const [first] = groups;

    async function followOne(group: Group<Catalogue, Subject>): Promise<void> {
      const backOff = new BackOff(retryPauses);
      while (group.going && !signal.aborted) {
        try {
          let uncommitted = 0;
          let beganAt = 0;
          const traceparents = new Set<string>();
          for await (const batch of store.subscribe({ after: group.position, signal })) {
            if (onProjected) {
              if (uncommitted === 0) beganAt = performance.now();
              for (const { metadata } of batch.events)
                if (metadata.traceparent !== undefined) traceparents.add(metadata.traceparent);
            }
            fold(group.members, batch.events);
            group.read = batch.position;
            uncommitted += batch.events.length;
            // While there are more events, a transaction may be larger: its cost hardly depends on their number.
            if (!batch.caughtUp && uncommitted < transactionSize && group.members.every(isGoing)) continue;
            const views = group.members.filter(({ built }) => built).length;
            commit(group, batch, uncommitted);
            if (traceparents.size > 0) {
              const projected = { traceparents: [...traceparents], views, events: uncommitted };
              if (views > 0) onProjected?.({ ...projected, beganAt, endedAt: performance.now() });
              traceparents.clear();
            }
            uncommitted = 0;
            backOff.reset();
            if (group.members.length === 0 || (untilCaughtUp && batch.caughtUp)) group.going = false;
            else if (group !== first && first?.going && batch.caughtUp && group.read >= first.read) {
              // A member that is ahead of the first group skips what it has already seen.
              first.members = [...first.members, ...group.members];
              group.going = false;
            }
            if (!group.going) return;
          }
          if (!signal.aborted) throw new Error('The event store has ended the subscription');
        } catch (error) {
          // The store or the file of the views has failed: failures of a projection are caught in `foldOne`.
          for (const view of group.members) {
            view.rows.forget();
            view.folded = view.position;
            view.last = undefined;
            view.stoppedBy = undefined;
          }
          group.read = group.position;
          const retryInMs = backOff.next();
          onTrouble?.(error, retryInMs);
          await delay(retryInMs, undefined, { signal }).catch(() => undefined);
        }
      }
    }

    await Promise.all(groups.map(followOne));
  }

  /** Applies events to the rows in memory, each view up to the one that it cannot handle. */
  function fold(members: Group<Catalogue, Subject>['members'], events: readonly RecordedEvent[]): void {
    const shared = readingsOf(events, subjectOf);
    const last = events.at(-1);
    for (const view of members) {
      const own = view.projection.subjectOf;
      for (const reading of own ? readingsOf(events, own) : shared) {
        if (reading.recorded.position <= view.folded) continue;
        if (view.stoppedBy) break;
        foldOne(view, reading);
      }
      if (last && last.position > view.folded && !view.stoppedBy) view.last = last;
    }
  }

  function readingsOf(events: readonly RecordedEvent[], of: typeof subjectOf): Reading<Catalogue, Subject>[] {
    return events.flatMap((recorded) => {
      const subject = of(recorded.stream);
      return subject === undefined ? [] : [{ recorded, subject, decoded: undefined }];
    });
  }

  function foldOne(view: View<Catalogue, Subject>, reading: Reading<Catalogue, Subject>): void {
    const { recorded, subject } = reading;
    try {
      // A view that takes every event as it is recorded needs no decoded data.
      if (view.projection.each) {
        project(view.projection, view.rows, recorded as unknown as MessageOf<Catalogue>, subject, recorded);
      }
      // An event whose name this release does not know might concern any view: decoding it throws.
      else if (view.projection.on[recorded.type] || !isKnown(recorded.type)) {
        reading.decoded ??= codec.decode(recorded);
        project(view.projection, view.rows, reading.decoded, subject, recorded);
      }
      view.folded = recorded.position;
      view.last = recorded;
    } catch (error) {
      if (isTroubleOfTheFile(error)) throw error;
      view.stoppedBy = new Unprojectable(recorded, error);
    }
  }

  const known = new Map<string, boolean>();
  function isKnown(type: string): boolean {
    return known.getOrInsertComputed(type, () => {
      try {
        codec.schemaOf(type);
        return true;
      } catch {
        return false;
      }
    });
  }

  /** Writes rows and checkpoints of a group in one transaction. */
  function commit(group: Group<Catalogue, Subject>, { position, caughtUp }: EventBatch, events: number): void {
    file.transaction(() => {
      for (const { projection, rows, folded, last, stoppedBy, ...view } of group.members) {
        rows.write();
        if (stoppedBy) file.stop(projection.name, folded, failureOf(stoppedBy), last);
        else if (view.position < position) file.advance(projection.name, position, last);
        if (!stoppedBy && caughtUp && !view.built) file.finish(projection.name);
      }
    });
    // Only what is committed counts.
    const moved: string[] = [];
    for (const view of group.members) {
      view.rows.committed();
      if (view.stoppedBy) {
        view.position = view.folded;
        continue;
      }
      if (view.position < position) moved.push(view.projection.name);
      view.position = Math.max(view.position, position);
      view.folded = view.position;
      view.built ||= caughtUp;
    }
    const stopped = group.members.filter((view) => view.stoppedBy);
    group.members = group.members.filter(isGoing);
    group.position = position;
    for (const { projection, stoppedBy } of stopped)
      onStopped?.(projection.name, failureOf(stoppedBy!), stoppedBy!.cause);
    if (moved.length > 0) onProgress?.({ views: moved, position, events });
  }

  /** Notes rows whose time has passed, for as long as the signal lets it. Only the speed of answers depends on it. */
  async function notePassed(signal: AbortSignal): Promise<void> {
    const changing = views.filter(({ projection }) => Object.values(projection.tables).some(({ passing }) => passing));
    while (!signal.aborted) {
      let more = false;
      try {
        const now = new Date().toISOString();
        for (const { projection, built } of changing.filter(isGoing))
          if (built) more = file.transaction(() => file.notePassed(projection.name, now, notedAtOnce)) || more;
      } catch {
        // What fails the file fails the next batch of events too, and is reported there.
      }
      await delay(more ? 0 : noteEveryMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async function run(signal: AbortSignal): Promise<void> {
    const following = new AbortController();
    const noting = notePassed(AbortSignal.any([signal, following.signal]));
    try {
      await follow(signal, false);
    } finally {
      following.abort();
      await noting;
    }
  }

  return { run, catchUp: (signal) => follow(signal, true) };
}

function isGoing({ stoppedBy }: { readonly stoppedBy: unknown }): boolean {
  return stoppedBy === undefined;
}

function failureOf({ recorded: { position, type }, message }: Unprojectable): ViewFailure {
  return { message, position, type };
}

/** A row could not be read, which is not the event's fault. */
function isTroubleOfTheFile(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_');
}
