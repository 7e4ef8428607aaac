import { setImmediate as turn } from 'node:timers/promises';
import type { Accepted, CommandIdentity, CommandIdReused, Receipt, StreamPlace } from './command.js';
import { isFingerprintOf } from './command.js';
import type { Decider } from './decider.js';
import { isRecordedByItself } from './decision-append.js';
import type { EventCodec } from './event-codec.js';
import { noStream, RevisionConflict, type EventStore, type RecordedEvent, type SealedEvent } from './event-store.js';
import { noPreviousHash } from './hash-chain.js';
import type { Frozen } from './message.js';
import { foldEvents, pagesOf } from './past.js';
import type { StreamEnd } from './sealing.js';
import { WeighedCache } from './weighed-cache.js';

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

type KeptReceipt<Summary> = Receipt<Summary> & {
  readonly commandHash: string;
  /** Of the command’s sender. */
  readonly actorKind: string;
};

/** Sealed events on their way to the end of a folded stream, after a revision. */
export interface Append<State, Summary> {
  readonly stream: string;
  readonly folded: FoldedStream<State, Summary>;
  readonly revision: number;
  readonly sealed: readonly SealedEvent[];
}

/**
 * Streams that are kept folded, as far as memory is meant for them. Each advances after its events are in the log, by this
 * process's appends and by what it reads of others'.
 */
export class FoldedStreams<Commands, Events, State, Context, Summary = undefined> {
  private readonly kept: WeighedCache<FoldedStream<State, Summary>>;
  private readonly foldingForQuestions = new Map<string, Promise<FoldedStream<State, Summary>>>();

  constructor(readonly options: FoldedStreamsOptions<Commands, Events, State, Context, Summary>) {
    this.kept = new WeighedCache(options.cachedCommands ?? 250_000, ({ receipts }) => receipts.size + streamWeight);
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
    const { betweenPages = () => turn() } = this.options;
    const pause = () => betweenPages(stream);
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

  /** A stream to which nothing has been appended since the call, for a command. */
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
    const newer = await this.options.store.read(stream, { from: revision + 1 });
    if (newer.length === 0) return true;
    const folded = this.kept.peek(stream);
    // Unless another reading has taken them in at the same time.
    if (folded?.revision === revision) {
      // Not kept meanwhile: an event that cannot be read would leave half a command in it, and half a receipt.
      this.kept.delete(stream);
      this.takeIn(folded, newer);
      this.kept.set(stream, folded);
    }
    return false;
  }

  /** Appends what was sealed; undefined when another server has appended to the stream meanwhile. */
  async append({ stream, folded, revision, sealed }: Append<State, Summary>): Promise<Receipt<Summary> | undefined> {
    try {
      const { position } = await this.options.store.append(stream, sealed, revision);
      // Unless a question has found it in the log meanwhile.
      if (folded.revision === revision) {
        const place = (index: number) => ({ stream, revision: revision + 1 + index, position });
        this.takeIn(
          folded,
          sealed.map((event, index) => ({ ...event, ...place(index) })),
        );
        // It may be new, or was dropped meanwhile; others may have folded the stream too, and further.
        const kept = this.kept.peek(stream);
        if (!kept || kept.revision <= folded.revision) this.kept.set(stream, folded);
      }
      return receiptIn(folded.receipts.get(sealed[0]!.metadata.commandId)!);
    } catch (error) {
      // What was folded stays true of a stream that has grown; otherwise it is of another stream, or unknown.
      const hasGrown = error instanceof RevisionConflict && !(await this.isHead(stream, revision));
      if (!hasGrown) this.kept.delete(stream);
      if (error instanceof RevisionConflict) return undefined;
      throw error;
    }
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

  /** Folds a stream from its start. Pages may be far apart in time: events never change. */
  private async read(stream: string, to: number, pause: () => Promise<void>): Promise<FoldedStream<State, Summary>> {
    const folded: FoldedStream<State, Summary> = {
      state: this.options.decider.initialState(),
      revision: noStream,
      position: 0,
      hash: noPreviousHash,
      recordedAt: '',
      receipts: new Map(),
    };
    for await (const page of pagesOf(this.options.store, stream, { to, pause })) this.takeIn(folded, page);
    return folded;
  }

  /** Folds events, and keeps a receipt for each command. */
  private takeIn(folded: FoldedStream<State, Summary>, events: readonly RecordedEvent[]): void {
    const { decider, codec, summaryOf } = this.options;
    const { receipts } = folded;
    foldEvents(decider, codec, events, folded.state, ({ type, revision, position, id, metadata }) => {
      const { commandId, commandHash, correlationId, hash, recordedAt } = metadata;
      const before = receipts.get(commandId);
      const events = before ? [...before.events, type] : [type];
      const summary = summaryOf(folded.state as Frozen<State>, recordedAt);
      // What has come about by itself is recorded under another actor.
      const actorKind = before && isRecordedByItself(metadata) ? before.actorKind : metadata.actor.kind;
      receipts.set(commandId, { commandHash, correlationId, revision, position, id, events, summary, actorKind });
      folded.revision = revision;
      folded.position = position;
      folded.hash = hash;
      folded.recordedAt = recordedAt;
    });
  }
}

/** The answer to a command that is in a stream, and to one under the id of another that is. */
export function answerIn<Summary>(
  { receipts, revision, position }: FoldedStream<unknown, Summary>,
  request: CommandIdentity,
): Accepted<Summary> | CommandIdReused | undefined {
  const found = receipts.get(request.metadata.commandId) ?? underFormerId(receipts, request);
  if (!found) return undefined;
  if (!isFingerprintOf(found.commandHash, request)) return { outcome: 'commandIdReused', revision, position };
  return { outcome: 'accepted', replayed: true, ...receiptIn(found) };
}

function underFormerId<Summary>(
  receipts: FoldedStream<unknown, Summary>['receipts'],
  { formerId }: CommandIdentity,
): KeptReceipt<Summary> | undefined {
  const found = formerId && receipts.get(formerId.commandId);
  return found && formerId.actorKinds.includes(found.actorKind) ? found : undefined;
}

function receiptIn<Summary>({ commandHash: _, actorKind: __, ...receipt }: KeptReceipt<Summary>): Receipt<Summary> {
  return receipt;
}
