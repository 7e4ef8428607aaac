import { setImmediate as turn } from 'node:timers/promises';
import {
  isFingerprintOf,
  type CommandIdentity,
  type CommandIdReused,
  type Refused,
  type SentCommand,
  type StreamPlace,
} from './command.js';
import type { EventCodec } from './event-codec.js';
import { LogDamaged, noStream, RevisionConflict, type EventStore, type RecordedEvent } from './event-store.js';
import type { Seal } from './hash-chain.js';
import type { Json, MessageOf } from './message.js';
import { Rejection } from './rejection.js';
import { recordingTime, sealAfter, streamEnd, type ReportEarlier, type StreamEnd } from './sealing.js';
import { turns } from './turns.js';
import { WeighedCache } from './weighed-cache.js';

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
  /** Whether asking again gets the same answer; every other refusal is decided again. */
  readonly keeps: (rejection: Rejection) => boolean;
  readonly codec: EventCodec<Entries>;
  readonly toEntry: (refusal: KeptRefusal) => MessageOf<Entries>;
  readonly toRefusal: (entry: MessageOf<Entries>) => KeptRefusal;
}

export interface RefusalMemoryOptions<Entries> {
  readonly store: EventStore;
  readonly seal: Seal;
  readonly journal: RefusalJournal<Entries>;
  /** No other process appends to these journals: what this one knows of a journal is all of it, and needs no reading. */
  readonly soleWriter?: boolean;
  /**
   * The number of refusals whose places in their journals are kept in memory, where a journal itself counts for
   * {@link journalWeight}. Whole journals go, the least recently used first.
   */
  readonly cachedRefusals?: number;
  readonly onEarlier?: ReportEarlier;
}

type Entry = Pick<RecordedEvent, 'revision' | 'metadata'>;

/** What is known of one journal: its end, and where each command's refusal stands. */
interface KnownJournal extends StreamEnd {
  readonly revisions: Map<string, number>;
}

/** A journal takes as much memory as this number of its refusals. */
export const journalWeight = 10;
/** The number of entries that are read at a time. Few, because one may have {@link largestDetails}. */
const pageSize = 100;
/** Details beyond this number of bytes are answered and not kept: KurrentDB takes 1 MiB in one append, metadata included. */
const largestDetails = 1_000_000;

/** What the command loop asks of {@link RefusalMemory}. */
export type Refusals = Pick<RefusalMemory<never>, 'lookUp' | 'answer' | 'record'>;

/**
 * The refusals on record. Each is appended to the journal of its stream before it is answered, and a command whose id is
 * found there gets that answer again, whatever the state says now. The stream that decides does not grow by it.
 */
export class RefusalMemory<Entries> {
  private readonly known: WeighedCache<KnownJournal>;
  private readonly reading = new Map<string, Promise<KnownJournal>>();
  private readonly inTurn = turns();

  constructor(private readonly options: RefusalMemoryOptions<Entries>) {
    this.known = new WeighedCache(options.cachedRefusals ?? 500_000, ({ revisions }) => revisions.size + journalWeight);
  }

  /** The refusal that is on record under a command's id, as it is in its journal at some time after the call. */
  async lookUp(request: CommandIdentity & Pick<SentCommand, 'stream'>): Promise<RecordedEvent | undefined> {
    const journal = this.options.journal.journalOf(request.stream);
    return this.entryOf(journal, await this.upToDate(journal), request);
  }

  /** What an entry answers to a command under its id; `now` is where the stream stands. */
  answer(entry: RecordedEvent, request: SentCommand, { revision, position }: StreamPlace): Refused | CommandIdReused {
    const { commandHash, correlationId } = entry.metadata;
    if (!isFingerprintOf(commandHash, request)) return { outcome: 'commandIdReused', revision, position };
    const { codec, toRefusal } = this.options.journal;
    const kept = toRefusal(codec.decode(entry));
    return {
      outcome: 'refused',
      rejection: new Rejection(kept.code, kept.details),
      recorded: { replayed: true, correlationId, instance: kept.instance },
      revision: kept.revision,
      position: kept.position,
    };
  }

  /**
   * Appends a refusal that is to be kept, unless the same command has been refused meanwhile: then that is the answer. Answers
   * the same refusal when it is not kept, and undefined when another server has appended to the journal meanwhile.
   */
  async record(request: SentCommand, refused: Refused): Promise<Refused | CommandIdReused | undefined> {
    const { journalOf, keeps } = this.options.journal;
    // A stream without events gets no journal, or made-up ids would fill the log; nor is it remembered, or they would fill
    // the memory.
    if (refused.revision === noStream) this.known.delete(journalOf(request.stream));
    if (refused.recorded || refused.revision === noStream || !keeps(refused.rejection)) return refused;
    const details = detailsOf(refused.rejection);
    if (!details) return refused;
    const journal = journalOf(request.stream);
    try {
      return await this.inTurn(journal, () => this.append(journal, request, refused, details));
    } catch (error) {
      if (error instanceof RevisionConflict) return undefined;
      throw error;
    }
  }

  private async append(
    journal: string,
    request: SentCommand,
    { rejection: { code }, revision, position }: Refused,
    details: KeptRefusal['details'],
  ): Promise<Refused | CommandIdReused> {
    const { store, seal, journal: form, soleWriter, onEarlier } = this.options;
    const { command, metadata, now, instance = '' } = request;
    const known = this.known.peek(journal) ?? unread();
    const before = await this.entryOf(journal, known, request);
    if (before) return this.answer(before, request, { revision, position });

    const entry = form.toEntry({ command: command.type, code, details, instance, revision, position });
    const schema = form.codec.schemaOf(entry.type);
    const sealed = sealAfter(seal, journal, known, recordingTime(journal, known, now, onEarlier), [
      { ...entry, schema, metadata: { ...metadata, command: command.type } },
    ]);
    const appended = await store.append(journal, sealed, known.revision).catch((error: unknown) => {
      // It may be there all the same, and the only writer does not look.
      if (soleWriter) this.known.delete(journal);
      throw error;
    });
    this.include(journal, known, [{ ...sealed[0]!, revision: appended.revision }]);
    return {
      outcome: 'refused',
      // As it will be read from the log, so that the first answer has no other bytes than the next.
      rejection: new Rejection(code, details),
      recorded: { replayed: false, correlationId: metadata.correlationId, instance },
      revision,
      position,
    };
  }

  /** What is known of a journal holds the entry, or did so at the call. */
  private async entryOf(
    journal: string,
    { revisions }: KnownJournal,
    { metadata, formerId }: CommandIdentity,
  ): Promise<RecordedEvent | undefined> {
    const revision = revisions.get(metadata.commandId);
    if (revision !== undefined) return this.entryAt(journal, revision);
    const former = formerId && revisions.get(formerId.commandId);
    if (former === undefined) return undefined;
    const entry = await this.entryAt(journal, former);
    return formerId!.actorKinds.includes(entry.metadata.actor.kind) ? entry : undefined;
  }

  private async entryAt(journal: string, revision: number): Promise<RecordedEvent> {
    const [entry] = await this.options.store.read(journal, { from: revision, to: revision });
    if (!entry)
      throw new LogDamaged(`Revision ${revision} of stream ${journal} is gone. Restore the log from a backup.`);
    return entry;
  }

  /** A journal as it stands at some time after the call. One reading serves all who ask at the same time. */
  private async upToDate(journal: string): Promise<KnownJournal> {
    const known = this.options.soleWriter ? this.known.get(journal) : undefined;
    if (known) return known;
    // A reading that is under way may have passed the end before this call; one that starts from here on has not.
    await this.reading.get(journal)?.catch(() => undefined);
    const underWay = this.reading.get(journal);
    if (underWay) return underWay;
    const mine = this.readOn(journal).finally(() => this.reading.delete(journal));
    this.reading.set(journal, mine);
    return mine;
  }

  private async readOn(journal: string): Promise<KnownJournal> {
    const { store, soleWriter } = this.options;
    const known = this.known.peek(journal) ?? unread();
    for (;;) {
      const from = known.revision + 1;
      const entries = await store.read(journal, { from, to: from + pageSize - 1 });
      const ended = entries.length < pageSize;
      // The only writer takes what it knows for the whole: it must not know a part.
      if (soleWriter && !ended) grow(known, entries);
      else this.include(journal, known, entries);
      if (ended) return known;
      await turn();
    }
  }

  private include(journal: string, known: KnownJournal, entries: readonly Entry[]): void {
    const kept = this.known.peek(journal);
    grow(known, entries);
    // Of two readings the one counts that has come further.
    const further = kept && kept.revision > known.revision ? kept : known;
    // Where others write, a journal without entries has to be read each time.
    if (further.revision > noStream || this.options.soleWriter) this.known.set(journal, further);
  }
}

function grow(known: KnownJournal, entries: readonly Entry[]): void {
  for (const entry of entries) {
    const { revision, metadata } = entry;
    // An append and a reading may both bring it.
    if (revision <= known.revision) continue;
    known.revisions.set(metadata.commandId, revision);
    Object.assign(known, streamEnd(entry));
  }
}

function unread(): KnownJournal {
  return { ...streamEnd(undefined), revisions: new Map() };
}

/** As they come back from the log; undefined when they are more than it takes. */
function detailsOf({ details }: Rejection): KeptRefusal['details'] | undefined {
  const text = JSON.stringify(details);
  return Buffer.byteLength(text) > largestDetails ? undefined : (JSON.parse(text) as KeptRefusal['details']);
}
