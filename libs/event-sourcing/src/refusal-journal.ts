import { setImmediate as turn } from 'node:timers/promises';
import type { EventCodec } from './event-codec.js';
import { LogDamaged, noStream, RevisionConflict, type EventStore, type RecordedEvent } from './event-store.js';
import {
  isFingerprintOf,
  type CommandHandler,
  type CommandOutcome,
  type CommandRequest,
  type StreamPlace,
} from './handle-command.js';
import type { Seal } from './hash-chain.js';
import { streamEnd, type StreamEnd } from './ledger.js';
import type { Json, MessageOf } from './message.js';
import { Rejection } from './rejection.js';
import { turns } from './turns.js';
import { weighedCache } from './weighed-cache.js';

/** A refusal as a journal keeps it; its place is that of the stream it was decided on. */
export interface KeptRefusal extends StreamPlace {
  readonly command: string;
  readonly code: string;
  readonly details: { readonly [name: string]: Json | undefined };
  readonly instance: string;
}

/** Where refusals are kept, which ones, and in what form. */
export interface RefusalJournal<Entries> {
  /** The journal that belongs to a stream. */
  readonly journalOf: (stream: string) => string;
  /** Whether asking again gets the same answer; every other refusal is decided anew. */
  readonly keeps: (rejection: Rejection) => boolean;
  readonly codec: EventCodec<Entries>;
  readonly toEntry: (refusal: KeptRefusal) => MessageOf<Entries>;
  readonly toRefusal: (entry: MessageOf<Entries>) => KeptRefusal;
}

export interface RememberRefusalsOptions<Commands, Events, State, Context, Summary, Entries> {
  readonly commands: CommandHandler<Commands, Events, State, Context, Summary>;
  readonly store: EventStore;
  readonly seal: Seal;
  readonly journal: RefusalJournal<Entries>;
  /** Nobody else appends to these journals: what this process knows of one is all there is, and need not be looked for. */
  readonly soleWriter?: boolean;
  /**
   * Of how many refusals the place in their journal is kept in memory, a journal itself counting for {@link journalWeight};
   * whole journals go, the least recently used first.
   */
  readonly cachedRefusals?: number;
  /** How often a command is decided anew because another server wrote into the journal, before the caller is told. */
  readonly attempts?: number;
  readonly onEarlier?: (stream: string, now: string, lastRecordedAt: string) => void;
}

type Entry = Pick<RecordedEvent, 'revision' | 'metadata'>;

/** What is known of one journal: its end, and where each command's refusal stands. */
interface Memory extends StreamEnd {
  readonly revisions: Map<string, number>;
}

/** A journal takes about as much memory as so many of its refusals. */
export const journalWeight = 10;
/** So many are read at a time: between two reads others have their turn. Few, because one may have {@link largestDetails}. */
const pageSize = 100;
/** Details beyond this are answered and not kept: KurrentDB takes 1 MiB in one append, metadata included. */
const largestDetails = 1_000_000;
/** What is remembered is answered, and nothing is decided. */
const nowhere = () => false;

/**
 * Remembers refusals: each is appended to the journal of its stream before it is answered, and a command whose id is found
 * there gets that answer again, whatever the state says now. The stream that decides does not grow by it.
 *
 * An acceptance is looked for first and wins for ever. Two servers may still decide one command at once, one way each;
 * then both are on record, and every later attempt gets the acceptance.
 */
export function rememberRefusals<Commands, Events, State, Context, Summary, Entries>({
  commands,
  store,
  seal,
  journal,
  soleWriter = false,
  cachedRefusals = 500_000,
  attempts = 5,
  onEarlier,
}: RememberRefusalsOptions<Commands, Events, State, Context, Summary, Entries>): CommandHandler<
  Commands,
  Events,
  State,
  Context,
  Summary
> {
  type Request = CommandRequest<Commands, Context>;
  type Outcome = CommandOutcome<Events, Summary>;
  type Refused = Extract<Outcome, { readonly outcome: 'refused' }>;

  const memories = weighedCache<Memory>(cachedRefusals, ({ revisions }) => revisions.size + journalWeight);
  const reading = new Map<string, Promise<Memory>>();
  const inTurn = turns();

  async function handle(request: Request): Promise<Outcome> {
    if (request.dryRun) return commands.handle(request);
    const stream = journal.journalOf(request.stream);
    for (let conflicts = 0; ;) {
      // At the same time as the command waits for its turn and is decided.
      let looking: Promise<RecordedEvent | undefined> | undefined = lookUp(stream, request);
      // Whoever needs it awaits it. The replay of an acceptance does not, and must not fail by it.
      looking.catch(() => undefined);
      let known: RecordedEvent | undefined;
      const outcome = await commands.handle({
        ...request,
        async beforeAppend(revision) {
          // Decided again after a conflict: what caused that may have been the same command elsewhere.
          known = await (looking ?? lookUp(stream, request));
          looking = undefined;
          if (known) throw new Rejection('RefusedBefore');
          await request.beforeAppend?.(revision);
        },
      });
      if (outcome.outcome === 'accepted' || outcome.outcome === 'commandIdReused') return outcome;
      known ??= await looking;
      if (known) return answerOf(known, request, outcome);
      // What nobody has ever heard of gets no journal, or made-up ids would fill the log.
      if (outcome.outcome !== 'refused' || outcome.revision === noStream || !journal.keeps(outcome.rejection))
        return outcome;
      const details = detailsOf(outcome.rejection);
      if (!details) return outcome;
      try {
        const recorded = await inTurn(stream, () => record(stream, request, { ...outcome, details }));
        // Another server may have accepted it between decision and record. A refusal that is on record stands, even if
        // the store cannot be asked for more now.
        const settled = await commands.handle({ ...request, ifRevision: nowhere }).catch(() => undefined);
        return settled?.outcome === 'accepted' ? settled : recorded;
      } catch (error) {
        if (!(error instanceof RevisionConflict)) throw error;
        if (++conflicts < attempts) continue;
        const { revision, position } = outcome;
        return {
          outcome: 'refused',
          rejection: new Rejection('ConcurrencyConflict', { revision }),
          revision,
          position,
        };
      }
    }
  }

  /** Appends a refusal, unless the same command has been refused meanwhile: then that is the answer. */
  async function record(
    stream: string,
    request: Request,
    { details, ...refused }: Refused & Pick<KeptRefusal, 'details'>,
  ): Promise<Outcome> {
    const { command, metadata, instance = '' } = request;
    const { rejection, revision, position } = refused;
    const memory = memories.peek(stream) ?? nothing();
    const before = memory.revisions.get(metadata.commandId);
    if (before !== undefined) return answerOf(await entryAt(stream, before), request, refused);

    let recordedAt = request.now;
    if (recordedAt < memory.recordedAt) {
      onEarlier?.(stream, recordedAt, memory.recordedAt);
      recordedAt = memory.recordedAt;
    }
    const { code } = rejection;
    const { type, data } = journal.toEntry({ command: command.type, code, details, instance, revision, position });
    const [sealed] = seal(stream, memory.revision + 1, memory.hash, [
      {
        type,
        data: data as Json,
        metadata: { ...metadata, command: command.type, recordedAt, schema: journal.codec.schemaOf(type) },
      },
    ]);
    const appended = await store.append(stream, [sealed!], memory.revision).catch((error: unknown) => {
      // It may be there all the same, and nobody would look.
      if (soleWriter) memories.delete(stream);
      throw error;
    });
    include(stream, memory, [{ ...sealed!, revision: appended.revision }]);
    const { correlationId } = metadata;
    return {
      outcome: 'refused',
      // As it will be read from the log, so that the first answer has no other bytes than the next.
      rejection: new Rejection(code, details),
      recorded: { replayed: false, correlationId, instance },
      revision,
      position,
    };
  }

  function answerOf({ metadata, ...entry }: RecordedEvent, request: Request, now: StreamPlace): Outcome {
    const { revision, position } = now;
    if (!isFingerprintOf(metadata.commandHash, request)) return { outcome: 'commandIdReused', revision, position };
    const { correlationId } = metadata;
    const { code, details, instance, ...place } = journal.toRefusal(journal.codec.decode({ metadata, ...entry }));
    return {
      outcome: 'refused',
      rejection: new Rejection(code, details),
      recorded: { replayed: true, correlationId, instance },
      revision: place.revision,
      position: place.position,
    };
  }

  async function lookUp(stream: string, { metadata }: Request): Promise<RecordedEvent | undefined> {
    const { revisions } = await upToDate(stream);
    const revision = revisions.get(metadata.commandId);
    return revision === undefined ? undefined : entryAt(stream, revision);
  }

  async function entryAt(stream: string, revision: number): Promise<RecordedEvent> {
    const [entry] = await store.read(stream, { from: revision, to: revision });
    if (!entry)
      throw new LogDamaged(`Revision ${revision} of stream ${stream} is gone. Restore the log from a backup.`);
    return entry;
  }

  /** A journal as it stands at a time after the call. Of many who ask at once, one reads. */
  async function upToDate(stream: string): Promise<Memory> {
    const known = soleWriter ? memories.get(stream) : undefined;
    if (known) return known;
    // A reading that is under way may have passed the end before this call; one that begins from here on has not.
    await reading.get(stream)?.catch(() => undefined);
    const underWay = reading.get(stream);
    if (underWay) return underWay;
    const mine = readOn(stream).finally(() => reading.delete(stream));
    reading.set(stream, mine);
    return mine;
  }

  async function readOn(stream: string): Promise<Memory> {
    const memory = memories.peek(stream) ?? nothing();
    for (;;) {
      const from = memory.revision + 1;
      const entries = await store.read(stream, { from, to: from + pageSize - 1 });
      const ended = entries.length < pageSize;
      // The only writer takes what it knows for the whole: it must not know a part.
      if (soleWriter && !ended) grow(memory, entries);
      else include(stream, memory, entries);
      if (ended) return memory;
      await turn();
    }
  }

  function include(stream: string, memory: Memory, entries: readonly Entry[]): void {
    const kept = memories.peek(stream);
    grow(memory, entries);
    // Of two readings counts the one that has come further.
    const further = kept && kept.revision > memory.revision ? kept : memory;
    // Where others write, a journal without entries has to be looked at anyhow.
    if (further.revision > noStream || soleWriter) memories.set(stream, further);
  }

  return {
    handle,
    ask: (stream, question, atRevision) => commands.ask(stream, question, atRevision),
  };
}

function grow(memory: Memory, entries: readonly Entry[]): void {
  for (const entry of entries) {
    const { revision, metadata } = entry;
    // An append and a reading may both bring it.
    if (revision <= memory.revision) continue;
    memory.revisions.set(metadata.commandId, revision);
    Object.assign(memory, streamEnd(entry));
  }
}

function nothing(): Memory {
  return { ...streamEnd(undefined), revisions: new Map() };
}

/** As they come back from the log; undefined when they are more than it takes. */
function detailsOf({ details }: Rejection): KeptRefusal['details'] | undefined {
  const text = JSON.stringify(details);
  return Buffer.byteLength(text) > largestDetails ? undefined : (JSON.parse(text) as KeptRefusal['details']);
}
