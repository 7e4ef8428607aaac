import {
  exactly,
  failing,
  type Accepted,
  type CommandIdReused,
  type CommandOutcome,
  type CommandRequest,
  type CommandWatch,
  type PreconditionFailed,
  type Refused,
  type StreamPlace,
  type WouldBeAccepted,
} from './command.js';
import { decideAdmitted, type Decided } from './decider.js';
import { describedBy, firstPart } from './decision-append.js';
import { noStream, type RecordedEvent } from './event-store.js';
import { answerIn, type Append, type FoldedStream, type FoldedStreams } from './folded-streams.js';
import type { Seal } from './hash-chain.js';
import type { Frozen } from './message.js';
import type { Refusals } from './refusal-journal.js';
import { Rejection } from './rejection.js';
import { recordingTime, sealAfter, type ReportEarlier } from './sealing.js';
import { turns } from './turns.js';

/** An answer that a step of the loop gives. */
type Answer<Summary> = Accepted<Summary> | Refused | CommandIdReused | PreconditionFailed;

/** What was decided, and the time that it counts for. */
interface DecidedAt<Events> {
  readonly outcome: 'decided';
  readonly events: readonly Decided<Events>[];
  readonly now: string;
}

interface ToAppend<State, Summary> extends Append<State, Summary>, StreamPlace {
  readonly outcome: 'toAppend';
  /** Otherwise the command is decided again after it. */
  readonly isCommand: boolean;
}

/**
 * What one command, through all its attempts, needs of other streams before its events are appended to its own, such as the
 * right to a name.
 */
export interface Claim<Events, Context, Summary = undefined> {
  /** What the decision must know of the other streams; the command's own stands at that revision. Writes nothing. */
  readonly facts: (revision: number) => Promise<Partial<Context>>;
  /** Claims, for an append right after that revision. @throws Rejection, which refuses the command */
  readonly make: (revision: number) => Promise<void>;
  /** Gives back what the command does not need after its answer. */
  readonly conclude: (outcome: CommandOutcome<Events, Summary>) => Promise<void>;
}

export interface CommandLoopParts<Commands, Events, State, Context, Summary> {
  readonly streams: FoldedStreams<Commands, Events, State, Context, Summary>;
  readonly seal: Seal;
  /** Where refusals are remembered; without it each is decided again. */
  readonly refusals?: Refusals;
  /** The claim of a command; undefined for one that claims nothing. */
  readonly claimOf?: (request: CommandRequest<Commands, Context>) => Claim<Events, Context, Summary> | undefined;
  /** After this number of conflicts with other servers the conflict is the answer. */
  readonly attempts?: number;
  readonly onEarlier?: ReportEarlier;
}

/**
 * The command loop. Its steps: admit the sender; look up the command; replay or refuse; precondition; decide; claim; append;
 * remember. On a conflict it decides again from the new history with the same time. Commands for one stream go one after the
 * other in this process, so a conflict only comes from another one.
 *
 * Other processes may write to the same streams. What an append rests on, the store checks. Every other answer rests on a
 * revision that was the head at some time between question and answer; only a replay does not, because a receipt holds
 * for ever. By the time an answer arrives, the stream may be further on: its place says where it stood.
 *
 * An acceptance is looked for before a refusal and wins for ever. Two servers may decide one command at once, one way each;
 * then both are on record, and every later attempt gets the acceptance.
 */
export class CommandLoop<Commands, Events, State, Context, Summary = undefined> {
  private readonly inTurn = turns();
  private readonly attempts: number;
  private readonly streams: FoldedStreams<Commands, Events, State, Context, Summary>;
  /** As {@link FoldedStreams.ask}. */
  readonly ask: FoldedStreams<Commands, Events, State, Context, Summary>['ask'];

  constructor(private readonly parts: CommandLoopParts<Commands, Events, State, Context, Summary>) {
    this.streams = parts.streams;
    this.ask = parts.streams.ask;
    this.attempts = parts.attempts ?? 5;
  }

  /** @throws Rejection to a sender who is not admitted, before any look-up: a retry must reveal nothing */
  readonly handle = async (request: CommandRequest<Commands, Context>): Promise<CommandOutcome<Events, Summary>> => {
    this.streams.options.decider.admit?.(request.command, request.contextAt(request.now));
    const claim = this.parts.claimOf?.(request);
    if (request.dryRun) return this.rehearse(request, claim);
    for (let conflicts = 0; ;) {
      // Read while the command waits for others. The replay of an acceptance does not need it, and must not fail by it.
      const lookingUp = this.refusalsOf(request)?.lookUp(request);
      lookingUp?.catch(() => undefined);
      const outcome = await this.inTurn(request.stream, () => this.decideAndAppend(request, claim, lookingUp));
      if (claim) await claim.conclude(outcome);
      const answer = outcome.outcome === 'refused' ? await this.remember(request, outcome) : outcome;
      if (answer) return answer;
      if (++conflicts === this.attempts) return concurrencyConflict(outcome);
    }
  };

  /** Looks up, replays or refuses, decides, claims and appends; after a conflict again, from the new history. */
  private async decideAndAppend(
    sent: CommandRequest<Commands, Context>,
    claim: Claim<Events, Context, Summary> | undefined,
    lookingUp: Promise<RecordedEvent | undefined> | undefined,
  ): Promise<CommandOutcome<Events, Summary>> {
    let request = sent;
    for (let conflicts = 0; conflicts < this.attempts;) {
      let step = await this.lookUpAndDecide(request, claim, lookingUp);
      lookingUp = undefined;
      if (step.outcome === 'toAppend') {
        const refused = claim && (await claimed(claim, step));
        if (!refused) {
          const appended = await this.append(step, request.watch);
          if (!appended) conflicts++;
          else if (step.isCommand) return { outcome: 'accepted', replayed: false, ...appended };
          // What is left follows on that and on nothing else; whether it is accepted is decided again.
          else if (request.ifRevision) request = { ...request, ifRevision: exactly(appended.revision) };
          continue;
        }
        step = refused;
      }
      if (isReplay(step) || (await this.streams.isHead(request.stream, step.revision))) return step;
    }
    // The last append met a conflict, perhaps with the same command at another server.
    const head = await this.streams.head(request.stream);
    return answerIn(head, request) ?? concurrencyConflict(head);
  }

  private append(step: ToAppend<State, Summary>, watch: CommandWatch | undefined) {
    return watch ? watched(watch, step.sealed.length, () => this.streams.append(step)) : this.streams.append(step);
  }

  private async lookUpAndDecide(
    request: CommandRequest<Commands, Context>,
    claim: Claim<Events, Context, Summary> | undefined,
    lookingUp: Promise<RecordedEvent | undefined> | undefined,
  ): Promise<Answer<Summary> | ToAppend<State, Summary>> {
    const refusals = this.refusalsOf(request);
    const folded = await this.streams.latest(request.stream);
    const known = answerIn(folded, request);
    if (known) return known;
    const entry = refusals && (await (lookingUp ?? refusals.lookUp(request)));
    if (entry) {
      // An acceptance elsewhere comes first.
      const head = await this.streams.head(request.stream);
      return answerIn(head, request) ?? refusals.answer(entry, request, placeOf(head));
    }
    const facts = claim && (await claim.facts(folded.revision));

    // Nothing is awaited from here until the events are sealed: during an await others bring the stream up to date. They may
    // have done so just now, with the command in it.
    const answer = answerIn(folded, request);
    if (answer) return answer;
    const decided = this.watchedDecision(folded, request, facts);
    return decided.outcome === 'decided' ? this.toAppend(folded, request, decided) : decided;
  }

  /** Decides and answers what would be appended. No command waits for it. */
  private async rehearse(
    request: CommandRequest<Commands, Context>,
    claim: Claim<Events, Context, Summary> | undefined,
  ): Promise<CommandOutcome<Events, Summary>> {
    const { stream } = request;
    for (;;) {
      const folded = await this.streams.latestForQuestion(stream);
      const facts = await claim?.facts(folded.revision);
      const decided = this.watchedDecision(folded, request, facts);
      const answer = decided.outcome === 'decided' ? this.wouldBeAccepted(folded, decided) : decided;
      if (await this.streams.isHead(stream, answer.revision)) return answer;
    }
  }

  private watchedDecision(
    folded: FoldedStream<State, Summary>,
    request: CommandRequest<Commands, Context>,
    facts: Partial<Context> | undefined,
  ): DecidedAt<Events> | Refused | PreconditionFailed {
    const { watch } = request;
    if (!watch) return this.decide(folded, request, facts);
    const beganAt = performance.now();
    const decided = this.decide(folded, request, facts);
    watch.decided(beganAt, decided.outcome, decided.outcome === 'refused' ? decided.rejection.code : undefined);
    return decided;
  }

  /** The precondition and the decision. */
  private decide(
    folded: FoldedStream<State, Summary>,
    request: CommandRequest<Commands, Context>,
    facts: Partial<Context> | undefined,
  ): DecidedAt<Events> | Refused | PreconditionFailed {
    const failed = request.ifRevision && failing(request.ifRevision, folded.revision);
    if (!failed) return this.decideOn(folded, request, facts);
    const answer = { outcome: 'preconditionFailed', failed, ...placeOf(folded) } as const;
    if (folded.revision !== noStream) return answer;
    // There is nothing that could match. What the command would meet without its condition says why (RFC 9110, 13.2.1).
    const decided = this.decideOn(folded, request, facts);
    return decided.outcome === 'refused' ? decided : answer;
  }

  private decideOn(
    folded: FoldedStream<State, Summary>,
    { stream, command, now: sentAt, contextAt }: CommandRequest<Commands, Context>,
    facts: Partial<Context> | undefined,
  ): DecidedAt<Events> | Refused {
    const now = recordingTime(stream, folded, sentAt, this.parts.onEarlier);
    const context = facts ? { ...contextAt(now), ...facts } : contextAt(now);
    try {
      const events = decideAdmitted(this.streams.options.decider, folded.state, command, context);
      // An answered command must have a memory in the log.
      if (events.length === 0) throw new Error(`${command.type} decided nothing; refuse it as NothingToChange instead`);
      return { outcome: 'decided', events, now };
    } catch (error) {
      return { outcome: 'refused', rejection: rejectionIn(error), ...placeOf(folded) };
    }
  }

  private wouldBeAccepted(
    folded: FoldedStream<State, Summary>,
    { events, now }: DecidedAt<Events>,
  ): WouldBeAccepted<Events, Summary> {
    return {
      outcome: 'wouldBeAccepted',
      events: events.map(({ type, data }) => ({ type, data })),
      summary: this.streams.options.summaryOf(folded.state as Frozen<State>, now),
      ...placeOf(folded),
    };
  }

  private toAppend(
    folded: FoldedStream<State, Summary>,
    request: CommandRequest<Commands, Context>,
    { events, now }: DecidedAt<Events>,
  ): ToAppend<State, Summary> {
    const { stream } = request;
    const part = firstPart(events);
    const described = describedBy(request, part, folded.revision, this.streams.options.codec);
    const sealed = sealAfter(this.parts.seal, stream, folded, now, described);
    // The place as it is now: questions bring the stream up to date while the command waits.
    return { outcome: 'toAppend', stream, folded, ...placeOf(folded), sealed, isCommand: part.isCommand };
  }

  /** Puts a refusal on record before it is answered; undefined when another server has written to the journal meanwhile. */
  private async remember(
    request: CommandRequest<Commands, Context>,
    refused: Refused,
  ): Promise<Refused | CommandIdReused | Accepted<Summary> | undefined> {
    const refusals = this.refusalsOf(request);
    const recorded = refusals ? await refusals.record(request, refused) : refused;
    if (!recorded || recorded === refused) return recorded;
    return (await this.acceptedMeanwhile(request)) ?? recorded;
  }

  private refusalsOf({ refusalsUnrecorded }: CommandRequest<Commands, Context>): Refusals | undefined {
    return refusalsUnrecorded ? undefined : this.parts.refusals;
  }

  /** Another server may have accepted a command between its refusal here and the record of that. */
  private async acceptedMeanwhile(request: CommandRequest<Commands, Context>): Promise<Accepted<Summary> | undefined> {
    try {
      const head = await this.inTurn(request.stream, () => this.streams.head(request.stream));
      const answer = answerIn(head, request);
      return answer?.outcome === 'accepted' ? answer : undefined;
    } catch {
      // A refusal that is on record stands, even if the store cannot be asked for more now.
      return undefined;
    }
  }
}

/** An append, with its times. It has met a conflict where it comes to nothing. */
async function watched<Appended>(
  watch: CommandWatch,
  events: number,
  append: () => Promise<Appended | undefined>,
): Promise<Appended | undefined> {
  const beganAt = performance.now();
  try {
    const appended = await append();
    watch.appended(beganAt, events, appended ? undefined : conflict);
    return appended;
  } catch (error) {
    watch.appended(beganAt, events, error);
    throw error;
  }
}

const conflict = { name: 'RevisionConflict' };

/** Makes a command's claim for an append; the refusal when the claim is refused. */
async function claimed<Events, Context, Summary>(
  claim: Claim<Events, Context, Summary>,
  { revision, position }: StreamPlace,
): Promise<Refused | undefined> {
  try {
    await claim.make(revision);
    return undefined;
  } catch (error) {
    return { outcome: 'refused', rejection: rejectionIn(error), revision, position };
  }
}

/** What was thrown, if it is a rejection; anything else is thrown on. */
function rejectionIn(error: unknown): Rejection {
  if (error instanceof Rejection) return error as Rejection;
  throw error;
}

/** What the log holds stays the answer, wherever the head is. */
function isReplay(answer: Answer<unknown>): boolean {
  return answer.outcome === 'accepted' || (answer.outcome === 'refused' && answer.recorded !== undefined);
}

function concurrencyConflict({ revision, position }: StreamPlace): Refused {
  return { outcome: 'refused', rejection: new Rejection('ConcurrencyConflict', { revision }), revision, position };
}

function placeOf({ revision, position }: StreamPlace): StreamPlace {
  return { revision, position };
}
