import { hash as digest } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { decideOn, foldRecorded, type Decided, type Decider } from './decider.js';
import type { EventCodec } from './event-codec.js';
import { noStream, RevisionConflict, type EventStore, type RecordedEvent } from './event-store.js';
import { idOf, noPreviousHash, type Seal, type UnsealedMetadata } from './hash-chain.js';
import type { Frozen, Json, MessageOf } from './message.js';
import { Rejection } from './rejection.js';
import { turns } from './turns.js';
import { weighedCache } from './weighed-cache.js';

/** One command on its way to one stream. */
export interface CommandRequest<Commands, Context> {
  readonly stream: string;
  readonly command: MessageOf<Commands>;
  readonly metadata: Omit<UnsealedMetadata, 'command' | 'recordedAt' | 'schema'>;
  /** The caller's one reading of the clock, RFC 3339 in UTC with milliseconds. */
  readonly now: string;
  /** The outside facts of the decision at the time it counts for. */
  readonly contextAt: (now: string) => Context;
  /**
   * Refuse unless it holds for the revision that the stream is at (`If-Match`), {@link noStream} if there is none. A retry of
   * an accepted command is answered all the same.
   */
  readonly ifRevision?: (revision: number) => boolean;
  /** What an earlier release has fingerprinted the same command as, where that differs. */
  readonly formerCommandHash?: string;
  /** Decide, append nothing. */
  readonly dryRun?: boolean;
  /**
   * Awaited between every decision and its append, with the revision that the append expects: for what must be true
   * elsewhere before. A Rejection thrown here refuses the command. Not called in a dry run.
   */
  readonly beforeAppend?: (revision: number) => Promise<void>;
  /** The address that the command was sent to: a refusal that is remembered names it again. */
  readonly instance?: string;
}

/** For one revision and no other. */
export function exactly(expected: number): (revision: number) => boolean {
  return (revision) => revision === expected;
}

/** Where a stream stood when an answer was given. */
export interface StreamPlace {
  readonly revision: number;
  readonly position: number;
}

export type CommandOutcome<Events, Summary = undefined> =
  | ({ readonly outcome: 'accepted'; readonly replayed: boolean } & Receipt<Summary>)
  | ({
      readonly outcome: 'wouldBeAccepted';
      readonly events: readonly MessageOf<Events>[];
      /** The state as it stands, without the events. */
      readonly summary: Summary;
    } & StreamPlace)
  | ({ readonly outcome: 'refused'; readonly rejection: Rejection; readonly recorded?: RecordedRefusal } & StreamPlace)
  | ({ readonly outcome: 'preconditionFailed' } & StreamPlace)
  /** The command id has been used by another command. */
  | ({ readonly outcome: 'commandIdReused' } & StreamPlace);

/** What the log remembers of a refusal, besides what it says. */
export interface RecordedRefusal {
  /** It is the answer to an earlier attempt. */
  readonly replayed: boolean;
  /** The correlation id of the attempt that was refused. */
  readonly correlationId: string;
  /** The address that this attempt was sent to. */
  readonly instance: string;
}

/** What the log remembers of an accepted command; its place is that of its last event. */
export interface Receipt<Summary = undefined> extends StreamPlace {
  /** Of its last event. */
  readonly id: string;
  readonly events: readonly string[];
  /** What the command has left. */
  readonly summary: Summary;
  /** The correlation id of the first acceptance. */
  readonly correlationId: string;
}

export interface CommandHandler<Commands, Events, State, Context, Summary = undefined> {
  readonly handle: (request: CommandRequest<Commands, Context>) => Promise<CommandOutcome<Events, Summary>>;
  /**
   * Asks a question of the state as it stands at the head, or as it stood at a revision; of one that the stream has not
   * reached, as it stands at the head, which the place tells. The answer must not keep the state: it lives on and is
   * written to.
   */
  readonly ask: <Answer>(
    stream: string,
    question: (state: Frozen<State>, place: StreamPlace) => Answer,
    atRevision?: number,
  ) => Promise<Answer>;
}

export interface CommandHandlerOptions<Commands, Events, State, Context, Summary> {
  readonly store: EventStore;
  readonly decider: Decider<Commands, Events, State, Context>;
  readonly codec: EventCodec<Events>;
  readonly seal: Seal;
  /**
   * What answers to accepted commands say of the state that a command has left, as it stood when the command was recorded:
   * kept with every receipt, so little.
   */
  readonly summaryOf: (state: Frozen<State>, recordedAt: string) => Summary;
  /**
   * Of how many commands the receipts are kept in memory with the streams that they are of, a folded stream itself counting
   * for {@link streamWeight}; whole streams go, the least recently used first.
   */
  readonly cachedCommands?: number;
  /** How often a decision is made anew after a revision conflict before the caller is told. */
  readonly attempts?: number;
  /** Awaited between the pages of a long stream that is folded for a question (default: a turn of the event loop). */
  readonly betweenPages?: (stream: string) => Promise<void>;
  /**
   * Reports a command whose time is earlier than that of the last event of a stream; that event's time is used. It may have
   * waited while other processes appended, or the clock was set back.
   */
  readonly onEarlier?: (stream: string, now: string, lastRecordedAt: string) => void;
}

/** So many events of a stream are read and folded at a time: between two pages others have their turn. */
const pageSize = 256;

/** The most events of one append, where they can be split: KurrentDB takes 1 MiB in one append. */
export const largestAppend = 500;

/** A folded stream takes about as much memory as so many of its commands, which take about 1 kB each with what they have left. */
export const streamWeight = 10;

interface Folded<State, Summary> extends StreamPlace {
  state: State;
  revision: number;
  position: number;
  hash: string;
  recordedAt: string;
  readonly commands: Map<string, Receipt<Summary> & { readonly commandHash: string }>;
}

/**
 * The command loop: read, look for the command id, fold, decide, append at the revision that was read. On a conflict it
 * decides again from the new history with the same time. Commands for one stream go one after the other in this process,
 * so a conflict only comes from another one.
 *
 * Other processes may write to the same streams. What an append rests on, the store checks. Every other answer rests on a
 * revision that was the head at some time between question and answer; only a replay does not, because a receipt holds
 * for ever. By the time an answer arrives, the stream may be further on: its place says where it stood.
 */
export function commandHandler<Commands, Events, State, Context, Summary>({
  store,
  decider,
  codec,
  seal,
  summaryOf,
  cachedCommands = 250_000,
  attempts = 5,
  betweenPages = () => turn(),
  onEarlier,
}: CommandHandlerOptions<Commands, Events, State, Context, Summary>): CommandHandler<
  Commands,
  Events,
  State,
  Context,
  Summary
> {
  type Stream = Folded<State, Summary>;
  type Outcome = CommandOutcome<Events, Summary>;

  const cache = weighedCache<Stream>(cachedCommands, ({ commands }) => commands.size + streamWeight);
  const inTurn = turns();
  const foldingForQuestions = new Map<string, Promise<Stream>>();

  async function handle(sent: CommandRequest<Commands, Context>): Promise<Outcome> {
    let request = sent;
    const { stream } = request;
    for (let conflicts = 0; ;) {
      const folded = await (request.dryRun ? latestForQuestion(stream) : latest(stream));
      // Taken now: questions bring the state up to date while this command waits.
      const { revision, position } = folded;
      let outcome = decideAt(folded, request);
      if (outcome.outcome === 'toAppend') {
        const rejection = request.beforeAppend && (await rejectedBefore(request.beforeAppend, revision));
        if (rejection) outcome = { outcome: 'refused', rejection, revision, position };
        else {
          try {
            const appended = await append(folded, request, revision, outcome);
            if (outcome.isWhole) return appended;
            // What is left follows on that and on nothing else; whether it is accepted is decided again.
            if (request.ifRevision) request = { ...request, ifRevision: exactly(appended.revision) };
            continue;
          } catch (error) {
            // What was folded stays true of a stream that has grown; else it is of another stream, or nobody knows.
            const hasGrown = error instanceof RevisionConflict && (await catchUp(stream, revision));
            if (!hasGrown) cache.delete(stream);
            if (!(error instanceof RevisionConflict)) throw error;
            if (++conflicts < attempts) continue;
            return conflicted(await atHead(stream), request);
          }
        }
      }
      // Nothing will be appended that could meet a conflict, so make sure that the answer rests on the head.
      if (outcome.outcome === 'accepted' || !(await catchUp(stream, revision))) return outcome;
    }
  }

  /** The last append met a conflict, perhaps with the same command at another server. */
  function conflicted(folded: Stream, request: CommandRequest<Commands, Context>): Outcome {
    const { revision, position } = folded;
    const rejection = new Rejection('ConcurrencyConflict', { revision });
    return remembered(folded, request) ?? { outcome: 'refused', rejection, revision, position };
  }

  async function rejectedBefore(
    beforeAppend: (revision: number) => Promise<void>,
    revision: number,
  ): Promise<Rejection | undefined> {
    try {
      await beforeAppend(revision);
      return undefined;
    } catch (error) {
      if (error instanceof Rejection) return error;
      throw error;
    }
  }

  function remembered({ commands, revision, position }: Stream, request: CommandRequest<Commands, Context>) {
    const known = commands.get(request.metadata.commandId);
    if (!known) return undefined;
    if (!isFingerprintOf(known.commandHash, request))
      return { outcome: 'commandIdReused', revision, position } as const;
    return { outcome: 'accepted', replayed: true, ...receiptOf(known) } as const;
  }

  function decideAt(folded: Stream, request: CommandRequest<Commands, Context>) {
    const { stream, command, metadata, ifRevision, dryRun } = request;
    const place = { revision: folded.revision, position: folded.position };
    const known = dryRun ? undefined : remembered(folded, request);
    if (known) return known;
    if (ifRevision && !ifRevision(folded.revision)) return { outcome: 'preconditionFailed', ...place } as const;

    let now = request.now;
    if (now < folded.recordedAt) {
      onEarlier?.(stream, now, folded.recordedAt);
      now = folded.recordedAt;
    }
    let events: readonly Decided<Events>[];
    try {
      events = decideOn(decider, folded.state, command, request.contextAt(now));
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      return { outcome: 'refused', rejection: error, ...place } as const;
    }
    // An answered command must have a memory in the log.
    if (events.length === 0) throw new Error(`${command.type} decided nothing; refuse it as NothingToChange instead`);
    if (dryRun) {
      const said = events.map(({ type, data }) => ({ type, data }));
      const summary = summaryOf(folded.state as Frozen<State>, now);
      return { outcome: 'wouldBeAccepted', events: said, summary, ...place } as const;
    }

    const { comment, ...shared } = metadata;
    const firstOwn = events.findIndex((event) => !isOthers(event));
    const end = endOfAppend(events, firstOwn);
    const isWhole = end === events.length;
    // A part that is appended beforehand is not the command: a retry must not take it for that.
    const ids = isWhole ? {} : { commandId: idOf(digest('sha256', `${metadata.commandId} ${folded.revision}`)) };
    const appended = events.slice(0, end);
    const sealed = seal(
      stream,
      folded.revision + 1,
      folded.hash,
      appended.map((event, index) => ({
        type: event.type,
        data: event.data as Json,
        metadata: {
          ...shared,
          ...ids,
          ...(isOthers(event) ? { causationId: metadata.commandId } : {}),
          ...(isWhole && index === firstOwn && comment !== undefined ? { comment } : {}),
          command: command.type,
          recordedAt: now,
          schema: codec.schemaOf(event.type),
          ...event.metadata,
        },
      })),
    );
    return { outcome: 'toAppend', events: appended, sealed, isWhole } as const;
  }

  async function append(
    folded: Stream,
    { stream }: CommandRequest<Commands, Context>,
    expectedRevision: number,
    { events, sealed }: { readonly events: readonly MessageOf<Events>[]; readonly sealed: ReturnType<Seal> },
  ): Promise<Extract<Outcome, { readonly outcome: 'accepted' }>> {
    const { revision, position } = await store.append(stream, sealed, expectedRevision);
    // Unless a question has found it in the log meanwhile.
    if (folded.revision === expectedRevision) {
      for (const [index, event] of events.entries())
        foldRecorded(decider, event, sealed[index]!.metadata, folded.state);
      include(
        folded,
        { ...sealed.at(-1)!, revision, position },
        events.map(({ type }) => type),
      );
      // One that was dropped meanwhile, or a new one; others may have folded the stream too, and further.
      const kept = cache.peek(stream);
      if (!kept || kept.revision <= revision) cache.set(stream, folded);
    }
    const known = folded.commands.get(sealed[0]!.metadata.commandId)!;
    return { outcome: 'accepted', replayed: false, ...receiptOf(known) };
  }

  async function latest(stream: string, pause: () => Promise<void> = turn): Promise<Stream> {
    const cached = cache.get(stream);
    if (cached) return cached;
    const folded = await read(stream, Infinity, pause);
    // Meanwhile others may have folded the stream too, and further.
    const kept = cache.peek(stream);
    if (kept && kept.revision >= folded.revision) return kept;
    // A new stream has no state worth keeping.
    if (folded.revision !== noStream) cache.set(stream, folded);
    return folded;
  }

  /**
   * The same for a question. All that are asked of a stream that is not kept wait for one reading of it; a command does
   * not, because questions have time.
   */
  async function latestForQuestion(stream: string): Promise<Stream> {
    if (cache.peek(stream)) return latest(stream);
    const underWay = foldingForQuestions.get(stream);
    if (underWay) {
      const folded = await underWay;
      // Or all that have waited would be answered in one turn of the loop.
      await betweenPages(stream);
      return cache.get(stream) ?? folded;
    }
    const folding = latest(stream, () => betweenPages(stream)).finally(() => foldingForQuestions.delete(stream));
    foldingForQuestions.set(stream, folding);
    return folding;
  }

  /**
   * Folds a stream from its begin. Page by page, which is one long reading to everybody else: until it is whole nobody
   * has it, and events never change. It ends with all that was in the stream when its last page was read, so never with
   * half of what one command has appended.
   */
  async function read(stream: string, to: number, pause: () => Promise<void>): Promise<Stream> {
    const folded = initially();
    for (let from = 0; ; from += pageSize) {
      const pageEnd = Math.min(from + pageSize - 1, to);
      foldOn(folded, await store.read(stream, { from, to: pageEnd }));
      if (pageEnd === to || folded.revision < pageEnd) return folded;
      await pause();
    }
  }

  /** What nobody has appended to since the call. */
  async function atHead(stream: string): Promise<Stream> {
    for (;;) {
      const folded = await latestForQuestion(stream);
      if (!(await catchUp(stream, folded.revision))) return folded;
    }
  }

  function initially(): Stream {
    const state = decider.initialState();
    return { state, revision: noStream, position: 0, hash: noPreviousHash, recordedAt: '', commands: new Map() };
  }

  /** For the answers to commands, which do not wait for questions. */
  async function at(stream: string, revision: number): Promise<Stream> {
    const kept = cache.peek(stream);
    return kept?.revision === revision ? kept : read(stream, revision, turn);
  }

  /** Takes in what another process has appended behind a revision; true when there was something. */
  async function catchUp(stream: string, revision: number): Promise<boolean> {
    const newer = await store.read(stream, { from: revision + 1 });
    if (newer.length === 0) return false;
    const folded = cache.peek(stream);
    // Unless somebody has come upon them at the same time.
    if (folded?.revision === revision) {
      // Out of the cache first: an event that cannot be read would leave half a command in it, and half a receipt.
      cache.delete(stream);
      cache.set(stream, foldOn(folded, newer));
    }
    return true;
  }

  function foldOn(folded: Stream, events: readonly RecordedEvent[]): Stream {
    for (const recorded of events) {
      foldRecorded(decider, codec.decode(recorded), recorded.metadata, folded.state);
      const earlier = folded.commands.get(recorded.metadata.commandId)?.events ?? [];
      include(folded, recorded, [...earlier, recorded.type]);
    }
    return folded;
  }

  /** The place and the receipt of what has just been folded, by its last event. */
  function include(folded: Stream, last: Omit<RecordedEvent, 'stream'>, events: readonly string[]): void {
    const { revision, position, id, metadata } = last;
    const { commandId, commandHash, correlationId, hash, recordedAt } = metadata;
    const summary = summaryOf(folded.state as Frozen<State>, recordedAt);
    folded.commands.set(commandId, { commandHash, correlationId, revision, position, id, events, summary });
    folded.revision = revision;
    folded.position = position;
    folded.hash = hash;
    folded.recordedAt = recordedAt;
  }

  return {
    // A dry run appends nothing that could meet a conflict: it is a question, and keeps no command waiting.
    handle: (request) => (request.dryRun ? handle(request) : inTurn(request.stream, () => handle(request))),
    async ask(stream, question, atRevision) {
      const folded = await (atRevision === undefined ? atHead(stream) : at(stream, atRevision));
      return question(folded.state as Frozen<State>, { revision: folded.revision, position: folded.position });
    },
  };
}

/** It has come about by itself and is recorded with a command. */
function isOthers<Events>({ metadata }: Decided<Events>): boolean {
  return metadata?.command !== undefined;
}

/** Where the next append ends: what a command itself does stays together. */
function endOfAppend<Events>(events: readonly Decided<Events>[], firstOwn: number): number {
  if (events.length <= largestAppend) return events.length;
  const end = events.findLastIndex(
    ({ begins }, index) => index > 0 && index <= largestAppend && (begins === true || index === firstOwn),
  );
  return end < 0 ? events.length : end;
}

/** Whether a command under the same id was the same command. */
export function isFingerprintOf(
  commandHash: string,
  { metadata, formerCommandHash }: Pick<CommandRequest<never, never>, 'metadata' | 'formerCommandHash'>,
): boolean {
  return commandHash === metadata.commandHash || commandHash === formerCommandHash;
}

function receiptOf<Summary>({
  commandHash: _,
  ...receipt
}: Receipt<Summary> & { readonly commandHash: string }): Receipt<Summary> {
  return receipt;
}
