import { Rejection, type RecordedEvent } from '#event-sourcing';
import { acceptable, Answer, badRequest, nameOf, parsePosition, Problem, type ActorId, type Caller } from '#http';
import type { HistoryFilter } from '#read-models';
import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { ServerHealth } from '../health/server-health.js';
import { ServedLedger } from '../served-ledger.js';
import { requirePartnersSide, requireReader } from '../requester.js';
import { isMeant, nameOfRevision, revisionIn, type NamedRevision } from '../named-revision.js';
import { lostInRestore } from '../positions.js';
import type { IncomingQuery } from '../queries/incoming-query.js';
import { serialiserOf, type SerialisedEvent } from './cloud-event.js';
import { follow } from './follow.js';
import { historyFormats, lines, serverSentEvents, type HistoryFormat } from './formats.js';
import type { HistoryParameters, LedgerHistoryParameters } from './history-parameters.js';
import { liveTail } from './live-tail.js';
import { OpenStreams, StreamBounds, type OpenStream } from './open-streams.js';
import { pastEvents, type PastEvents } from './past-events.js';
import { StreamedAnswer } from './streamed-answer.js';

/** Reads one relationship's history or all that the caller may see: a page, everything up to now, or also what follows. */
export class ReadHistory {
  constructor(
    readonly incoming: IncomingQuery,
    readonly caller: Caller,
    readonly parameters: HistoryParameters | LedgerHistoryParameters,
  ) {}
}

/** The part of the history that is asked for. */
interface AskedHistory {
  readonly filter: HistoryFilter;
  /** A position; exclusive. */
  readonly after: number;
  /** The end of the log as of the request. */
  readonly head: number;
}

const defaultLimit = 50;
/** After this number of ms a page is answered even if it is not full, with a link to the next one. */
const searchesForMs = 500;
/** A page ends after this number of characters, even with few events. */
const pageCharacters = 4 * 1024 * 1024;

@QueryHandler(ReadHistory)
export class ReadHistoryHandler implements IQueryHandler<ReadHistory, Answer> {
  private opened: ReturnType<ReadHistoryHandler['open']> | undefined;

  constructor(
    private readonly ledger: ServedLedger,
    private readonly health: ServerHealth,
    private readonly streams: OpenStreams,
    private readonly bounds: StreamBounds,
  ) {}

  async execute({ incoming, caller, parameters }: ReadHistory): Promise<Answer> {
    const { requester, headers } = incoming;
    requirePartnersSide(requester);
    requireReader(requester);
    const format = acceptable(headers.accept, historyFormats);
    if (!format) throw new Problem('NotAcceptable', { offered: historyFormats });
    const paged = format === 'application/cloudevents-batch+json' || format === 'application/json';
    if (!paged && parameters.limit !== undefined)
      throw badRequest('InvalidQuery', 'limit', 'is for pages: leave it out, because this form has none');

    const { store, positions } = this.ledger;
    // Read first: a caller that continues from here must not miss events appended meanwhile.
    const head = await store.head();
    const place = requester.stream ? await this.placeOf(requester.stream) : undefined;
    // There is nothing to wait for, because the log has every position; but the position may be of another ledger.
    await positions.asked(headers, undefined, head);

    const { limit = defaultLimit } = parameters;
    const filter = filterOf(incoming, parameters, this.ledger.actorId);
    const resumed = format === 'text/event-stream' ? String(headers['last-event-id'] ?? '') : '';
    const from = place && !resumed ? revisionIn(parameters.after) : undefined;
    if (place && paged && isWhole(filter) && (from || parameters.after === undefined))
      return this.pageByRevision(incoming, format, { ...place, head, from, limit });
    const after = resumed
      ? await positions.read(resumed, head, 'Last-Event-ID')
      : from
        ? await this.positionOf(requester.stream, from, { ...place!, head })
        : await this.positionIn(parameters.after, head);
    const asked = { filter, after, head };
    if (paged) return this.page(incoming, format, asked, limit);
    return format === 'application/x-ndjson' ? this.rest(caller, asked) : this.live(caller, asked);
  }

  /** Opened with the first request, because the ledger may be opened late. */
  private get parts() {
    return (this.opened ??= this.open());
  }

  private open() {
    const { store, views, id } = this.ledger;
    const serialise = serialiserOf(id);
    const past = pastEvents({ store, views, serialise });
    const tail = liveTail({ store, serialise, onTrouble: (error) => this.health.logStreamTrouble(error) });
    return { serialise, past, tail };
  }

  /** For a stream, which may be long: each batch waits for the caller's turn. */
  private pastFor(caller: Caller): PastEvents {
    const { past } = this.parts;
    const { turns } = this.ledger;
    return async function* (filter, range) {
      for await (const batch of past(filter, range)) {
        await turns.take(nameOf(caller));
        yield batch;
      }
    };
  }

  private async placeOf(stream: string) {
    const place = await this.ledger.relationships.ask(stream, (_, at) => ({ ...at }));
    if (place.revision < 0) throw new Rejection('RelationshipNotFound');
    return place;
  }

  /** @throws Problem 400 for a revision that the relationship has not reached, or that has another event */
  private async positionOf(stream: string, from: NamedRevision, at: End): Promise<number> {
    const { revision } = from;
    const [event] = await this.ledger.store.read(stream, { from: revision, to: revision });
    requireNamed(from, event, at);
    return event.position;
  }

  /** The position in digits or in the form of Ledger-Position; 0 when absent. @throws Problem 400 */
  private async positionIn(after: string | undefined, head: number): Promise<number> {
    if (after === undefined) return 0;
    return after.includes(';') ? this.ledger.positions.read(after, head, 'after') : parsePosition(after, head, 'after');
  }

  /** In the order of revisions, read directly from the stream. */
  private async pageByRevision(
    { requester, path }: IncomingQuery,
    format: HistoryFormat,
    { revision, head, from, limit }: End & { readonly from: NamedRevision | undefined; readonly limit: number },
  ): Promise<Answer> {
    const after = from?.revision ?? -1;
    const read = await this.ledger.store.read(requester.stream, {
      from: Math.max(after, 0),
      to: Math.min(after + limit, revision),
    });
    // After a restore of the log, what the caller has read before may no longer be true.
    if (from) requireNamed(from, read[0], { revision, head });
    // Events after the head were appended since. The caller gets them when it continues from the head.
    const events = read.filter((event) => event.revision > after && event.position <= head);
    const last = events.at(-1);
    const next =
      last && last.revision < revision
        ? `${path}?${new URLSearchParams({ after: nameOfRevision(last), limit: String(limit) }).toString()}`
        : undefined;
    return this.pageOf(format, events.map(this.parts.serialise), head, next);
  }

  /** In the order of the log. */
  private async page(
    { path, search }: IncomingQuery,
    format: HistoryFormat,
    asked: AskedHistory,
    limit: number,
  ): Promise<Answer> {
    const { filter, after, head } = asked;
    const { signal } = new AbortController();
    const searchedUntil = performance.now() + searchesForMs;
    const events: SerialisedEvent[] = [];
    let characters = 0;
    const isFull = () => events.length >= limit || characters > pageCharacters;
    let position = after;
    for await (const batch of this.parts.past(filter, { after, until: head, signal, batchSize: limit })) {
      for (const event of batch.events) {
        if (isFull()) break;
        events.push(event);
        characters += event.text.length;
      }
      position = isFull() ? events.at(-1)!.recorded.position : batch.position;
      if (isFull() || performance.now() > searchedUntil) break;
    }
    const parameters = new URLSearchParams(search);
    if (position < head) parameters.set('after', await this.ledger.positions.at(position));
    return this.pageOf(format, events, head, position < head ? `${path}?${parameters.toString()}` : undefined);
  }

  private async pageOf(
    format: HistoryFormat,
    events: readonly SerialisedEvent[],
    head: number,
    next: string | undefined,
  ): Promise<Answer> {
    const place = await this.ledger.positions.at(head);
    const link: Record<string, string> = next === undefined ? {} : { Link: `<${next}>; rel="next"` };
    const headers = { ...headersOf(format, place), ...link };
    // A comment is text of either side, beside what is known to the reader alone.
    const mayBeCoded = events.every(({ recorded }) => recorded.metadata.comment === undefined);
    return new Answer(200, headers, `[${events.map(({ text }) => text).join(',')}]`, mayBeCoded);
  }

  /** Everything up to the end of the log as of the request. */
  private async rest(caller: Caller, { filter, after, head }: AskedHistory): Promise<Answer> {
    const stream = this.streams.begin(caller, false);
    const { ending } = stream;
    const batches = this.pastFor(caller)(filter, { after, until: head, signal: ending.signal });
    // The position in the header comes again after the last line, so that a reader knows that nothing is missing.
    const complete = await this.ledger.positions.at(head);
    const headers = { ...headersOf('application/x-ndjson', complete), Trailer: 'History-Complete' };
    const pieces = await this.begun(lines(batches), stream);
    return new StreamedAnswer(headers, pieces, ending, { 'History-Complete': complete });
  }

  /** Everything up to now, and everything that follows. */
  private async live(caller: Caller, { filter, after, head }: AskedHistory): Promise<Answer> {
    const stream = this.streams.begin(caller, true);
    const { ending } = stream;
    const { positions } = this.ledger;
    const batches = follow({
      past: this.pastFor(caller),
      tail: this.parts.tail,
      filter,
      after,
      saysSomethingWithin: this.bounds.saysSomethingWithin,
      signal: ending.signal,
    });
    // Without this header, some proxies would buffer the stream.
    const unbuffered = { 'X-Accel-Buffering': 'no' };
    const headers = { ...headersOf('text/event-stream', await positions.at(head)), ...unbuffered };
    const pieces = await this.begun(serverSentEvents(batches, positions), stream);
    return new StreamedAnswer(headers, pieces, ending);
  }

  /**
   * A stream whose first chunk is ready: until then, an error is answered like any other. When the reader disconnects or the
   * stream has to end, everything that it holds is released.
   */
  private async begun(
    pieces: AsyncGenerator<string, void>,
    { ending, close }: OpenStream,
  ): Promise<AsyncIterable<string>> {
    ending.signal.addEventListener('abort', () => {
      close();
      void pieces.return().catch(() => undefined);
    });
    try {
      const first = await pieces.next();
      const { health } = this;
      return (async function* () {
        try {
          if (!first.done) yield first.value;
          yield* pieces;
        } catch (error) {
          health.isDamage(error);
          health.logStreamTrouble(error as Error);
          throw error;
        }
      })();
    } catch (error) {
      ending.abort();
      throw error;
    }
  }
}

/** The last revision of a relationship and the last position of the log. */
interface End {
  readonly revision: number;
  readonly head: number;
}

/** @throws Problem 400 */
function requireNamed(
  named: NamedRevision,
  found: RecordedEvent | undefined,
  { revision, head }: End,
): asserts found is RecordedEvent {
  if (!isMeant(named, found)) throw lostInRestore(head);
  if (!found) throw badRequest('InvalidQuery', 'after', `must be a revision of the relationship, at most ${revision}`);
}

function filterOf(
  { requester }: IncomingQuery,
  {
    type: types,
    limit: _,
    after: __,
    customerId,
    actor: named,
    ...rest
  }: HistoryParameters & { readonly customerId?: string },
  actorId: ActorId,
): HistoryFilter {
  const { partner } = requester;
  const actor = named && actorId(named);
  return {
    partnerId: partner.tenantId,
    customerId: requester.customerId || customerId,
    types,
    actor,
    // An id that is no GUID stands as it was named in events of earlier releases.
    formerActor: named === actor ? undefined : named,
    ...rest,
  };
}

/** Whether all events of a relationship are asked for, and nothing else. */
function isWhole({ partnerId: _, customerId: __, journals, ...rest }: HistoryFilter): boolean {
  return journals !== true && Object.values(rest).every((value) => value === undefined);
}

function headersOf(format: HistoryFormat, place: string): Record<string, string> {
  return {
    'Content-Type': format === 'text/event-stream' ? format : `${format}; charset=utf-8`,
    'Ledger-Position': place,
  };
}
