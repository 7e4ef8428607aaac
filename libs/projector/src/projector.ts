import { setTimeout as delay } from 'node:timers/promises';
import {
  project,
  rowName,
  type AnyProjection,
  type EventBatch,
  type EventCodec,
  type EventStore,
  type Key,
  type MessageOf,
  type RecordedEvent,
  type RowsInMemory,
} from '#event-sourcing';
import type { ViewFailure, ViewsFile } from './views-file.js';

export interface ProjectorOptions<Catalogue, Subject> {
  readonly store: Pick<EventStore, 'subscribe'>;
  readonly codec: EventCodec<Catalogue>;
  /** What the name of a stream says; undefined for streams of another kind, which no view is about. */
  readonly subjectOf: (stream: string) => Subject | undefined;
  readonly views: ViewsFile;
  readonly projections: readonly AnyProjection<Catalogue, Subject>[];
  /** The identity of the log, and the position of its last event now. */
  readonly ledgerId: string;
  readonly head: number;
  /** At least so many events make a transaction while a view catches up (default 1,000). */
  readonly transactionSize?: number;
  /** Rows kept in memory between batches, for each view (default 20,000). */
  readonly cachedRows?: number;
  /** A view has met an event that it cannot handle and has stopped. */
  readonly onStopped?: (view: string, failure: ViewFailure, error: unknown) => void;
  /** The store or the views cannot be used now; it is tried again after so many ms. */
  readonly onTrouble?: (error: unknown, retryInMs: number) => void;
  /** Views have moved to a position: after the commit. */
  readonly onProgress?: (progress: {
    readonly views: readonly string[];
    readonly position: number;
    readonly events: number;
  }) => void;
}

export interface Projector {
  /** Follows the log until the signal, or until every view has stopped. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Follows the log up to its end, once: resolves when every view has been there or has stopped. */
  readonly catchUp: (signal: AbortSignal) => Promise<void>;
}

interface View<Catalogue, Subject> {
  readonly projection: AnyProjection<Catalogue, Subject>;
  position: number;
  built: boolean;
  stopped: boolean;
  /** Rows as the last commit left them. The projector is their only writer, so they stay true between batches. */
  rows: RowsInMemory;
}

/** An event of the log that views are about, read once for all of them. */
interface Reading<Catalogue, Subject> {
  readonly recorded: RecordedEvent;
  readonly subject: Subject;
  /** @throws UnreadableEvent */
  readonly event: () => MessageOf<Catalogue>;
}

/** The event that a projection could not handle. */
class Unprojectable extends Error {
  override readonly name = 'Unprojectable';
  constructor(
    readonly recorded: RecordedEvent,
    /** How many events of the batch come before it. */
    readonly index: number,
    override readonly cause: unknown,
  ) {
    super(cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause));
  }
}

const firstRetryMs = 100;
const lastRetryMs = 10_000;

/**
 * Keeps views up to date with the log: one pass over it for all views that are at the same position. Rows and checkpoint
 * of a batch are one transaction. A view that cannot handle an event stops there and says so; it never skips, and the
 * others go on; the next start tries again.
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
  transactionSize = 1_000,
  cachedRows = 20_000,
  onStopped,
  onTrouble,
  onProgress,
}: ProjectorOptions<Catalogue, Subject>): Projector {
  const checkpoints = file.claim(ledgerId, head);
  const views = projections.map((projection): View<Catalogue, Subject> => {
    const { position, built } = checkpoints.get(projection.name)!;
    return { projection, position, built, stopped: false, rows: new Map() };
  });

  /**
   * Views at the same position share a subscription. One subscription for all, from the earliest position, would be
   * simpler, but a view that is built anew would then hold up all the others for as long as it takes. Those behind
   * catch up on subscriptions of their own and join the first group when they are level with it.
   */
  async function follow(signal: AbortSignal, untilCaughtUp: boolean): Promise<void> {
    const groups = [...Map.groupBy(views.filter(isGoing), ({ position }) => position)]
      .sort(([a], [b]) => b - a)
      .map(([position, members]) => ({ position, members, going: true }));
    const [first] = groups;

    async function followOne(group: (typeof groups)[number]): Promise<void> {
      for (let retryInMs = firstRetryMs; group.going && !signal.aborted;) {
        try {
          for await (const batch of inTransactionSizes(store.subscribe({ after: group.position, signal }))) {
            handle(group.members, batch);
            group.position = batch.position;
            group.members = group.members.filter(isGoing);
            retryInMs = firstRetryMs;
            if (group.members.length === 0 || (untilCaughtUp && batch.caughtUp)) {
              group.going = false;
              return;
            }
            if (group !== first && first?.going && batch.caughtUp && group.position >= first.position) {
              // A member that is ahead of the first group skips what it has already seen.
              first.members = [...first.members, ...group.members];
              group.going = false;
              return;
            }
          }
          if (!signal.aborted) throw new Error('The event store has ended the subscription');
        } catch (error) {
          // A projection's own failures do not come here: this is the store, or the file of the views.
          for (const view of group.members) forgetRows(view);
          onTrouble?.(error, retryInMs);
          await delay(retryInMs, undefined, { signal }).catch(() => undefined);
          retryInMs = Math.min(retryInMs * 2, lastRetryMs);
        }
      }
    }

    await Promise.all(groups.map(followOne));
  }

  /** Puts full batches together while there is more to come: a transaction costs the same for one event as for many. */
  async function* inTransactionSizes(batches: AsyncIterable<EventBatch>): AsyncGenerator<EventBatch> {
    let events: RecordedEvent[] = [];
    for await (const batch of batches) {
      if (events.length === 0 && (batch.caughtUp || batch.events.length >= transactionSize)) {
        yield batch;
        continue;
      }
      events.push(...batch.events);
      if (!batch.caughtUp && events.length < transactionSize) continue;
      yield { ...batch, events };
      events = [];
    }
  }

  function handle(members: readonly View<Catalogue, Subject>[], { events, position, caughtUp }: EventBatch): void {
    const readings = events.flatMap((recorded) => reading(recorded) ?? []);
    const outcomes = file.transaction(() =>
      members
        .filter((view) => view.position < position || (caughtUp && !view.built))
        .map((view) => ({ view, stoppedBy: advance(view, readings, position, caughtUp) })),
    );
    // Only what is committed counts.
    const moved: string[] = [];
    for (const { view, stoppedBy } of outcomes) {
      if (!stoppedBy) {
        if (view.position < position) moved.push(view.projection.name);
        view.position = position;
        view.built ||= caughtUp;
        if (rowsIn(view) > cachedRows) forgetRows(view);
        continue;
      }
      view.stopped = true;
      forgetRows(view);
      onStopped?.(view.projection.name, failureOf(stoppedBy), stoppedBy.cause);
    }
    if (moved.length > 0) onProgress?.({ views: moved, position, events: events.length });
  }

  function reading(recorded: RecordedEvent): Reading<Catalogue, Subject> | undefined {
    const subject = subjectOf(recorded.stream);
    if (subject === undefined) return undefined;
    let event: MessageOf<Catalogue> | undefined;
    return { recorded, subject, event: () => (event ??= codec.decode(recorded)) };
  }

  const known = new Map<string, boolean>();
  function isKnown(type: string): boolean {
    let answer = known.get(type);
    if (answer === undefined) {
      try {
        codec.schemaOf(type);
        answer = true;
      } catch {
        answer = false;
      }
      known.set(type, answer);
    }
    return answer;
  }

  /** Brings one view to the batch's position, or to the last event before the one that it cannot handle. */
  function advance(
    view: View<Catalogue, Subject>,
    readings: readonly Reading<Catalogue, Subject>[],
    position: number,
    caughtUp: boolean,
  ): Unprojectable | undefined {
    const { name } = view.projection;
    const due = readings.filter(({ recorded }) => recorded.position > view.position);
    const stoppedBy = apply(view, due);
    if (stoppedBy) {
      file.stop(name, due[stoppedBy.index - 1]?.recorded.position ?? view.position, failureOf(stoppedBy));
      return stoppedBy;
    }
    if (view.position < position) file.advance(name, position);
    if (caughtUp && !view.built) file.finish(name);
    return undefined;
  }

  function apply(
    view: View<Catalogue, Subject>,
    readings: readonly Reading<Catalogue, Subject>[],
  ): Unprojectable | undefined {
    const { todo, stoppedBy } = prepare(view, readings);
    load(view, todo);
    const { changed, failure } = fold(view, todo);
    write(changed);
    return failure ?? stoppedBy;
  }

  /** The events that concern a view, with their keys, up to one that cannot be read. */
  function prepare({ projection }: View<Catalogue, Subject>, readings: readonly Reading<Catalogue, Subject>[]) {
    const todo: Todo<Catalogue, Subject>[] = [];
    for (const [index, { recorded, subject, event }] of readings.entries()) {
      try {
        // A name that this release does not know might concern any view: decoding it says so.
        if (isKnown(recorded.type) && !projection.on[recorded.type]) continue;
        const decoded = event();
        todo.push({ recorded, subject, index, event: decoded, keys: projection.keys(decoded, subject) });
      } catch (error) {
        return { todo, stoppedBy: new Unprojectable(recorded, index, error) };
      }
    }
    return { todo, stoppedBy: undefined };
  }

  /** Reads what the events are about and memory does not have, a table at a time. */
  function load(view: View<Catalogue, Subject>, todo: readonly Todo<Catalogue, Subject>[]): void {
    const missing = new Map<string, Map<string, Key>>();
    for (const { keys } of todo)
      for (const table in keys) {
        const name = rowName(keys[table]!);
        if (view.rows.get(table)?.has(name)) continue;
        let ofTable = missing.get(table);
        if (!ofTable) {
          ofTable = new Map();
          missing.set(table, ofTable);
        }
        ofTable.set(name, keys[table]!);
      }
    for (const [table, keys] of missing) {
      let rows = view.rows.get(table);
      if (!rows) {
        rows = new Map();
        view.rows.set(table, rows);
      }
      const { key } = view.projection.tables[table]!;
      for (const row of file.load(table, keys.values())) {
        rows.set(rowName(key.map((column) => (row as Record<string, string>)[column]!)), row);
      }
    }
  }

  function fold({ projection, rows }: View<Catalogue, Subject>, todo: readonly Todo<Catalogue, Subject>[]) {
    const changed: Changed = new Map();
    const note = (table: string, key: Key, row: object | null) => {
      let ofTable = changed.get(table);
      if (!ofTable) {
        ofTable = new Map();
        changed.set(table, ofTable);
      }
      ofTable.set(rowName(key), { key, row });
    };
    for (const { recorded, index, event, subject, keys } of todo)
      try {
        project(projection, rows, event, subject, { keys, changed: note });
      } catch (error) {
        return { changed, failure: new Unprojectable(recorded, index, error) };
      }
    return { changed, failure: undefined };
  }

  function write(changed: Changed): void {
    for (const [table, rows] of changed) {
      const kept: object[] = [];
      const gone: Key[] = [];
      for (const { key, row } of rows.values())
        if (row) kept.push(row);
        else gone.push(key);
      file.save(table, kept);
      file.remove(table, gone);
    }
  }

  return {
    run: (signal) => follow(signal, false),
    catchUp: (signal) => follow(signal, true),
  };
}

interface Todo<Catalogue, Subject> {
  readonly recorded: RecordedEvent;
  /** Its place in the batch. */
  readonly index: number;
  readonly event: MessageOf<Catalogue>;
  readonly subject: Subject;
  readonly keys: Readonly<Record<string, Key>>;
}

type Changed = Map<string, Map<string, { readonly key: Key; readonly row: object | null }>>;

function isGoing({ stopped }: { readonly stopped: boolean }): boolean {
  return !stopped;
}

function forgetRows(view: { rows: RowsInMemory }): void {
  view.rows = new Map();
}

function rowsIn({ rows }: { readonly rows: RowsInMemory }): number {
  return rows.values().reduce((sum, ofTable) => sum + ofTable.size, 0);
}

function failureOf({ recorded: { position, type }, message }: Unprojectable): ViewFailure {
  return { message, position, type };
}
