import { setImmediate as turn } from 'node:timers/promises';
import {
  isFingerprintOf,
  type Accepted,
  type CommandIdReused,
  type CommandRequest,
  type Receipt,
  type StreamPlace,
} from './command.js';
import { foldRecorded, type Decider } from './decider.js';
import type { EventCodec } from './event-codec.js';
import { noStream, type AppendResult, type EventStore, type RecordedEvent, type SealedEvent } from './event-store.js';
import type { Frozen, MessageOf } from './message.js';
import { pagesOf } from './past.js';
import { streamEnd, type StreamEnd } from './sealing.js';
import { weighedCache, type WeighedCache } from './weighed-cache.js';

export interface FoldedStreamsOptions<Commands, Events, State, Context, Summary> {
  readonly store: EventStore;
  readonly decider: Decider<Commands, Events, State, Context>;
  readonly codec: EventCodec<Events>;
  /**
   * What answers to accepted commands say of the state that a command has left, as it stood when the command was recorded.
   * It is kept with every receipt, so it must be small.
   */
  readonly summaryOf: (state: Frozen<State>, recordedAt: string) => Summary;
  /**
   * The number of commands whose receipts are kept in memory with their streams, where a folded stream itself counts for
   * {@link streamWeight}. Whole streams go, the least recently used first.
   */
  readonly cachedCommands?: number;
  /** Awaited between the pages of a long stream that is folded for a question (default: a turn of the event loop). */
  readonly betweenPages?: (stream: string) => Promise<void>;
}

/** A folded stream takes as much memory as this number of its commands, which take about 1 kB each with their summaries. */
export const streamWeight = 10;

/**
 * A stream as it was folded, with the receipts of its commands. It is written in place, whole commands at a time: after an
 * `await` nothing that was read of it before counts any more.
 */
export interface FoldedStream<State, Summary> extends StreamPlace, StreamEnd {
  readonly state: State;
  revision: number;
  position: number;
  hash: string;
  recordedAt: string;
  /** By command id. */
  readonly receipts: Map<string, KeptReceipt<Summary>>;
}

type KeptReceipt<Summary> = Receipt<Summary> & { readonly commandHash: string };

/** Sealed events on their way to the end of a folded stream. */
export interface Append<Events, State, Summary> {
  readonly stream: string;
  readonly folded: FoldedStream<State, Summary>;
  /** The revision that they follow. */
  readonly revision: number;
  readonly events: readonly MessageOf<Events>[];
  readonly sealed: readonly SealedEvent[];
}

/**
 * Streams that are kept folded, as far as memory is meant for them. Each advances after its events are in the log, by this
 * process's appends and by what it reads of others'.
 */
export class FoldedStreams<Commands, Events, State, Context, Summary = undefined> {
  readonly store: EventStore;
  readonly decider: Decider<Commands, Events, State, Context>;
  readonly codec: EventCodec<Events>;
  readonly summaryOf: (state: Frozen<State>, recordedAt: string) => Summary;
  private readonly betweenPages: (stream: string) => Promise<void>;
  private readonly kept: WeighedCache<FoldedStream<State, Summary>>;
  private readonly foldingForQuestions = new Map<string, Promise<FoldedStream<State, Summary>>>();

  constructor({
    store,
    decider,
    codec,
    summaryOf,
    cachedCommands = 250_000,
    betweenPages = () => turn(),
  }: FoldedStreamsOptions<Commands, Events, State, Context, Summary>) {
    this.store = store;
    this.decider = decider;
    this.codec = codec;
    this.summaryOf = summaryOf;
    this.betweenPages = betweenPages;
    this.kept = weighedCache(cachedCommands, ({ receipts }) => receipts.size + streamWeight);
  }

  /**
   * Asks a question of the state as it stands at the head, or as it stood at a revision. The state at a revision that the
   * stream has not reached is that at the head, as the place shows. The answer must not keep the state: it is written to.
   */
  readonly ask = async <Answer>(
    stream: string,
    question: (state: Frozen<State>, place: StreamPlace) => Answer,
    atRevision?: number,
  ): Promise<Answer> => {
    const { state, revision, position } = await (atRevision === undefined
      ? this.confirmed(stream, () => this.latestForQuestion(stream))
      : this.at(stream, atRevision));
    return question(state as Frozen<State>, { revision, position });
  };

  /** A stream as this process knows it, for a command. */
  latest(stream: string): Promise<FoldedStream<State, Summary>> {
    return this.known(stream, () => turn());
  }

  /**
   * The same for a question. All questions about a stream that is not kept wait for one reading of it. A command does not
   * wait for that, because questions have time.
   */
  async latestForQuestion(stream: string): Promise<FoldedStream<State, Summary>> {
    const pause = () => this.betweenPages(stream);
    if (this.kept.peek(stream)) return this.known(stream, pause);
    const underWay = this.foldingForQuestions.get(stream);
    if (underWay) {
      const folded = await underWay;
      // Or all that have waited would be answered in one turn of the event loop.
      await pause();
      return this.kept.get(stream) ?? folded;
    }
    const folding = this.known(stream, pause).finally(() => this.foldingForQuestions.delete(stream));
    this.foldingForQuestions.set(stream, folding);
    return folding;
  }

  /** A stream to which nobody had appended since the call, for a command. */
  head(stream: string): Promise<FoldedStream<State, Summary>> {
    return this.confirmed(stream, () => this.latest(stream));
  }

  private async confirmed(
    stream: string,
    latest: () => Promise<FoldedStream<State, Summary>>,
  ): Promise<FoldedStream<State, Summary>> {
    for (;;) {
      const folded = await latest();
      if (await this.isHead(stream, folded.revision)) return folded;
    }
  }

  /** At a revision. The answers to commands need this, so it does not wait for questions. */
  private async at(stream: string, revision: number): Promise<FoldedStream<State, Summary>> {
    const kept = this.kept.peek(stream);
    return kept?.revision === revision ? kept : this.read(stream, revision, () => turn());
  }

  /** Whether a stream ends with a revision. If it does not, what others have appended after that is taken in. */
  async isHead(stream: string, revision: number): Promise<boolean> {
    const newer = await this.store.read(stream, { from: revision + 1 });
    if (newer.length === 0) return true;
    const folded = this.kept.peek(stream);
    // Unless somebody has come upon them at the same time.
    if (folded?.revision === revision) {
      this.takeIn(folded, newer);
      this.kept.set(stream, folded);
    }
    return false;
  }

  /** Takes in what this process has appended; answers the receipt. */
  appended(
    { stream, folded, revision: before, events, sealed }: Append<Events, State, Summary>,
    { revision, position }: AppendResult,
  ): Receipt<Summary> {
    // Unless a question has found it in the log meanwhile.
    if (folded.revision === before) {
      for (const [index, event] of events.entries())
        foldRecorded(this.decider, event, sealed[index]!.metadata, folded.state);
      const names = events.map(({ type }) => type);
      this.advance(folded, { ...sealed.at(-1)!, revision, position }, names);
      // It may be new, or was dropped meanwhile; others may have folded the stream too, and further.
      const kept = this.kept.peek(stream);
      if (!kept || kept.revision <= revision) this.kept.set(stream, folded);
    }
    return receiptIn(folded.receipts.get(sealed[0]!.metadata.commandId)!);
  }

  drop(stream: string): void {
    this.kept.delete(stream);
  }

  private async known(stream: string, pause: () => Promise<void>): Promise<FoldedStream<State, Summary>> {
    const found = this.kept.get(stream);
    if (found) return found;
    const folded = await this.read(stream, Infinity, pause);
    // Meanwhile others may have folded the stream too, and further.
    const kept = this.kept.peek(stream);
    if (kept && kept.revision >= folded.revision) return kept;
    // A new stream has no state worth keeping.
    if (folded.revision !== noStream) this.kept.set(stream, folded);
    return folded;
  }

  /** Folds a stream from its start. One long reading, as nobody else has it until it is whole, and events never change. */
  private async read(stream: string, to: number, pause: () => Promise<void>): Promise<FoldedStream<State, Summary>> {
    const folded: FoldedStream<State, Summary> = {
      state: this.decider.initialState(),
      position: 0,
      ...streamEnd(undefined),
      receipts: new Map(),
    };
    for await (const page of pagesOf(this.store, stream, { to, pause })) this.takeIn(folded, page);
    return folded;
  }

  private takeIn(folded: FoldedStream<State, Summary>, events: readonly RecordedEvent[]): void {
    // All of them first: an event that cannot be read would leave half a command in the state, and half a receipt.
    const decoded = events.map((recorded) => this.codec.decode(recorded));
    for (const [index, recorded] of events.entries()) {
      foldRecorded(this.decider, decoded[index]!, recorded.metadata, folded.state);
      const earlier = folded.receipts.get(recorded.metadata.commandId)?.events ?? [];
      this.advance(folded, recorded, [...earlier, recorded.type]);
    }
  }

  /** The place and the receipt of what has just been folded, by its last event. */
  private advance(
    folded: FoldedStream<State, Summary>,
    last: Omit<RecordedEvent, 'stream'>,
    events: readonly string[],
  ): void {
    const { revision, position, id, metadata } = last;
    const { commandId, commandHash, correlationId, hash, recordedAt } = metadata;
    const summary = this.summaryOf(folded.state as Frozen<State>, recordedAt);
    folded.receipts.set(commandId, { commandHash, correlationId, revision, position, id, events, summary });
    folded.revision = revision;
    folded.position = position;
    folded.hash = hash;
    folded.recordedAt = recordedAt;
  }
}

/** The answer to a command that is in a stream, and to one under the id of another that is. */
export function answerIn<Summary>(
  { receipts, revision, position }: FoldedStream<unknown, Summary>,
  request: Pick<CommandRequest<never, never>, 'metadata' | 'formerCommandHash'>,
): Accepted<Summary> | CommandIdReused | undefined {
  const found = receipts.get(request.metadata.commandId);
  if (!found) return undefined;
  if (!isFingerprintOf(found.commandHash, request)) return { outcome: 'commandIdReused', revision, position };
  return { outcome: 'accepted', replayed: true, ...receiptIn(found) };
}

function receiptIn<Summary>({ commandHash: _, ...receipt }: KeptReceipt<Summary>): Receipt<Summary> {
  return receipt;
}
