import { setImmediate as nextTurn } from 'node:timers/promises';
import { LogDamaged, StoreUnavailable, type EventStore, type RecordedEvent } from '#event-sourcing';
import { ViewNotBuilt, ViewsDamaged, type ViewsReader } from '#projector';
import { journalStream, relationshipStream } from '#customer-relationship';
import { historyPlaces, isAskedFor, type HistoryFilter, type HistoryPlace, type HistoryPlaces } from '#read-models';
import type { HistoryBatch, Serialise } from './cloud-event.js';

export interface PastRange {
  /** Exclusive. */
  readonly after: number;
  /** Inclusive; the log has reached it. */
  readonly until: number;
  readonly signal: AbortSignal;
  /** The most events in a batch (default 256). */
  readonly batchSize?: number;
}

/** The events asked for within a range of the log, in its order. */
export type PastEvents = (filter: HistoryFilter, range: PastRange) => AsyncGenerator<HistoryBatch, void>;

/** After this number of events, the share of those asked for is counted again. */
const looked = 4 * 1024;
const readsAtOnce = 8;
/** How many events are fetched at once at most: a refusal may have a megabyte. */
const fetchedAtOnce = 32;
/** Revisions of a stream this close to each other are read together. */
const nearby = 4;

/**
 * Reads the past of relationships: through the index where few events are asked for, through the log where many are or where
 * the index lags. The choice affects only the cost: positions say what has been sent, and the filter is applied to each event.
 */
export function pastEvents({
  store,
  views,
  serialise,
  batchSize: usualBatchSize = 256,
  sparse = 4,
}: {
  readonly store: Pick<EventStore, 'read' | 'subscribe'>;
  readonly views: Pick<ViewsReader, 'read' | 'status'>;
  readonly serialise: Serialise;
  readonly batchSize?: number;
  /** Where at least one in this number of events is asked for, reading the log costs less than the index (default 4). */
  readonly sparse?: number;
}): PastEvents {
  return async function* past(filter, { after, until, signal, batchSize = usualBatchSize }) {
    let position = after;
    while (position < until && !signal.aborted) {
      const found = await fromIndex(filter, position, until, batchSize);
      const through = !found || found.among < sparse * found.places.length;
      if (found && !(through && found.places.length >= batchSize)) {
        for (const { places, examined } of piecesOf(found)) {
          const events = (await readPlaces(places)).filter((event) => isAskedFor(filter, event));
          position = examined;
          yield { events: events.map(serialise), position };
          if (signal.aborted) return;
        }
        // An embedded database answers synchronously: without this, a search that finds nothing would block all others.
        await nextTurn();
        continue;
      }
      for await (const batch of readThrough(filter, position, { until, signal, batchSize, toTheEnd: !found })) {
        position = batch.position;
        yield batch;
      }
    }
  };

  /** Undefined where the index does not cover what comes next. @throws LogDamaged, StoreUnavailable */
  async function fromIndex(filter: HistoryFilter, after: number, until: number, limit: number) {
    const status = views.status().find(({ name }) => name === 'history');
    // The view has no database indexes until it is built.
    if (!status || status.status === 'building' || status.position <= after) return undefined;
    const end = Math.min(until, status.position);
    try {
      const { result, position } = await views.read('history', (queries) =>
        historyPlaces(queries, filter, { after, until: end, limit }),
      );
      // Rebuilt meanwhile.
      return position < end ? undefined : result;
    } catch (error) {
      // The log itself has all events.
      if (error instanceof ViewNotBuilt || error instanceof ViewsDamaged) return undefined;
      throw error;
    }
  }

  async function readPlaces(places: readonly HistoryPlace[]): Promise<readonly RecordedEvent[]> {
    const wanted = new Map(places.map((place) => [place.position, place]));
    const events: RecordedEvent[] = [];
    const runs = runsOf(places);
    for (let from = 0; from < runs.length; from += readsAtOnce) {
      const read = await Promise.all(
        runs.slice(from, from + readsAtOnce).map((run) => store.read(run.stream, { from: run.from, to: run.to })),
      );
      events.push(...read.flat().filter(({ position }) => wanted.delete(position)));
    }
    const [lost] = wanted.values();
    if (lost)
      throw new LogDamaged(
        `The index of the history has an event at position ${lost.position} (revision ${lost.revision} of ${streamOf(lost)}) that the log does not have. ` +
          'The log is shorter than what was projected from it: run the integrity check, and restore the log from a backup.',
      );
    return events.sort((one, other) => one.position - other.position);
  }

  /** Reads the log itself, to the end of the range or until the index would cost less again. */
  async function* readThrough(
    filter: HistoryFilter,
    after: number,
    { until, signal, batchSize, toTheEnd }: Omit<Required<PastRange>, 'after'> & { readonly toTheEnd: boolean },
  ): AsyncGenerator<HistoryBatch, void> {
    let read = 0;
    let asked = 0;
    for await (const batch of store.subscribe({ after, signal, batchSize })) {
      const position = Math.min(batch.position, until);
      const events = batch.events.filter((event) => event.position <= until && isAskedFor(filter, event));
      read += batch.events.length;
      asked += events.length;
      yield { events: events.map(serialise), position };
      if (position >= until) return;
      if (!toTheEnd && read >= looked) {
        if (read > 2 * sparse * asked) return;
        read = asked = 0;
      }
    }
    if (!signal.aborted) throw new StoreUnavailable('The event store has ended a reading of the log');
  }
}

/** The places found, in parts that are fetched at once, each with the position that it reaches. */
function* piecesOf({ places, examined }: HistoryPlaces): Generator<Pick<HistoryPlaces, 'places' | 'examined'>> {
  let from = 0;
  for (; from + fetchedAtOnce < places.length; from += fetchedAtOnce) {
    const piece = places.slice(from, from + fetchedAtOnce);
    yield { places: piece, examined: piece.at(-1)!.position };
  }
  yield { places: places.slice(from), examined };
}

interface Run {
  readonly stream: string;
  readonly from: number;
  to: number;
}

function runsOf(places: readonly HistoryPlace[]): readonly Run[] {
  const runs: Run[] = [];
  const last = new Map<string, Run>();
  for (const place of places) {
    const stream = streamOf(place);
    const before = last.get(stream);
    if (before && place.revision - before.to <= nearby) before.to = place.revision;
    else {
      const run = { stream, from: place.revision, to: place.revision };
      last.set(stream, run);
      runs.push(run);
    }
  }
  return runs;
}

function streamOf({ journal, partnerId, customerId }: HistoryPlace): string {
  return (journal ? journalStream : relationshipStream)(partnerId, customerId);
}
