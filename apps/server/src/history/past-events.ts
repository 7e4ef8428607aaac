import { setImmediate as turn } from 'node:timers/promises';
import { LogDamaged, StoreUnavailable, type EventStore, type RecordedEvent } from '#event-sourcing';
import { ViewNotBuilt, ViewsDamaged, type ViewsReader } from '#projector';
import { journalStream, relationshipStream } from '#customer-relationship';
import { historyPlaces, isAskedFor, type HistoryFilter, type HistoryPlace, type HistoryPlaces } from '#read-models';
import type { HistoryBatch, Serialise } from './cloud-event.js';

export interface PastRange {
  /** Exclusive. */
  readonly after: number;
  /** Inclusive; a position that the log has reached. */
  readonly until: number;
  readonly signal: AbortSignal;
  /** The most events in a batch (default 256). */
  readonly batchSize?: number;
}

/** What is asked for of a range of the log, in its order. */
export type PastEvents = (filter: HistoryFilter, range: PastRange) => AsyncGenerator<HistoryBatch, void>;

/** After this number of events it is counted again how many of them were asked for. */
const looked = 4 * 1024;
const readsAtOnce = 8;
/** After this number of events, what was fetched is handed on: a refusal may have a megabyte. */
const fetchedAtOnce = 32;
/** Revisions of a stream that lie so near to one another are read together. */
const nearby = 4;

/**
 * Reads the past of relationships: by the index where little of the log is asked for, through the log where much is or
 * where the index has not come yet. Which of the two is a matter of cost alone: positions say what has been sent, and each
 * event is judged by itself.
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
  /**
   * Where at least every so manieth event of the log is asked for, reading it through costs less than looking each one up
   * (default 4).
   */
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
        // An embedded database answers at once: without it a search that finds nothing would keep all others waiting.
        await turn();
        continue;
      }
      for await (const batch of readThrough(filter, position, { until, signal, batchSize, toTheEnd: !found })) {
        position = batch.position;
        yield batch;
      }
    }
  };

  /** Undefined where the index says nothing of what comes next. @throws LogDamaged, StoreUnavailable */
  async function fromIndex(filter: HistoryFilter, after: number, until: number, limit: number) {
    const status = views.status().find(({ name }) => name === 'history');
    // Before it is built the index has no indexes.
    if (!status || status.status === 'building' || status.position <= after) return undefined;
    const end = Math.min(until, status.position);
    try {
      const { result, position } = await views.read('history', (queries) =>
        historyPlaces(queries, filter, { after, until: end, limit }),
      );
      // Made anew meanwhile.
      return position < end ? undefined : result;
    } catch (error) {
      // The log itself has it all.
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
      for (const event of read.flat()) {
        if (!wanted.delete(event.position)) continue;
        events.push(event);
      }
    }
    const [lost] = wanted.values();
    if (lost)
      throw new LogDamaged(
        `The index of the history has an event at position ${lost.position} (revision ${lost.revision} of ${streamOf(lost)}) that the log does not have. ` +
          'The log is shorter than what was projected from it: run the integrity check, and restore the log from a backup.',
      );
    return events.sort((one, other) => one.position - other.position);
  }

  /** Reads the log itself; with the index at hand, until it would be the better way again. */
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

/** What was found, in pieces of a size, each with how far it goes. */
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
