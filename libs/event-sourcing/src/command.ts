import type { UnsealedMetadata } from './hash-chain.js';
import { noStream } from './event-store.js';
import type { MessageOf } from './message.js';
import type { Rejection } from './rejection.js';

// A command on its way into the command loop, and what the loop answers.

/** One command on its way to one stream, whatever it asks for. */
export interface SentCommand {
  readonly stream: string;
  readonly command: { readonly type: string };
  readonly metadata: Omit<UnsealedMetadata, 'command' | 'recordedAt' | 'schema'>;
  /** The caller's one reading of the clock, RFC 3339 in UTC with milliseconds. */
  readonly now: string;
  /** The fingerprint that an earlier release gave the same command, where it differs. */
  readonly formerCommandHash?: string;
  /** The id that an earlier release gave the same command. It is only looked for, never recorded. */
  readonly formerId?: FormerId;
  /** The address that the command was sent to: a refusal that is remembered names it again. */
  readonly instance?: string;
  /** Absent where nobody looks. */
  readonly watch?: CommandWatch;
  /** Its refusals are answered and not remembered: the sender asks again by itself until there is nothing to ask for. */
  readonly refusalsUnrecorded?: true;
}

/** An id of an earlier release. Commands of several kinds of actor shared it, so only what these have sent counts. */
export interface FormerId {
  readonly commandId: string;
  readonly actorKinds: readonly string[];
}

/** What a command is found by in the log. */
export type CommandIdentity = Pick<SentCommand, 'metadata' | 'formerCommandHash' | 'formerId'>;

/** Sees the steps of one command, each right after it; times are by `performance.now()`. Must not throw. */
export interface CommandWatch {
  readonly decided: (beganAt: number, outcome: 'decided' | 'refused' | 'preconditionFailed', code?: string) => void;
  /** `error` is what the store or another server's append has thrown. */
  readonly appended: (beganAt: number, events: number, error?: unknown) => void;
}

export interface CommandRequest<Commands, Context> extends SentCommand {
  readonly command: MessageOf<Commands>;
  /** The outside facts of the decision at the time it counts for. */
  readonly contextAt: (now: string) => Context;
  /** A retry of an answered command is answered again wherever the stream stands. */
  readonly ifRevision?: Precondition;
  /** Decide, append nothing. */
  readonly dryRun?: boolean;
}

/**
 * What must hold of the revision of a stream before a command is decided. A revision is {@link noStream} for a stream without
 * events; `exists` stands for every other.
 */
export interface Precondition {
  /** One of these; `missing`: the sender had to name one and has not, so nothing is decided. */
  readonly match?: readonly number[] | 'exists' | 'missing';
  /** None of these. */
  readonly noneMatch?: readonly number[] | 'exists';
}

export function exactly(revision: number): Precondition {
  return { match: [revision] };
}

/** Which part of a precondition does not hold, the first of them (RFC 9110, 13.2.2). */
export function failing(
  { match, noneMatch }: Precondition,
  revision: number,
): 'missing' | 'match' | 'noneMatch' | undefined {
  if (match === 'missing') return 'missing';
  if (match !== undefined && !isNamed(match, revision)) return 'match';
  return noneMatch !== undefined && isNamed(noneMatch, revision) ? 'noneMatch' : undefined;
}

function isNamed(named: readonly number[] | 'exists', revision: number): boolean {
  return named === 'exists' ? revision !== noStream : named.includes(revision);
}

/** Where a stream stood when an answer was given. */
export interface StreamPlace {
  readonly revision: number;
  readonly position: number;
}

export type CommandOutcome<Events, Summary = undefined> =
  Accepted<Summary> | WouldBeAccepted<Events, Summary> | Refused | PreconditionFailed | CommandIdReused;

export interface Accepted<Summary> extends Receipt<Summary> {
  readonly outcome: 'accepted';
  readonly replayed: boolean;
}

export interface Refused extends StreamPlace {
  readonly outcome: 'refused';
  readonly rejection: Rejection;
  /** Absent where the log does not remember the refusal. */
  readonly recorded?: RecordedRefusal;
}

/** The answer to a dry run. */
export interface WouldBeAccepted<Events, Summary> extends StreamPlace {
  readonly outcome: 'wouldBeAccepted';
  readonly events: readonly MessageOf<Events>[];
  /** The state as it stands, without the events. */
  readonly summary: Summary;
}

export interface PreconditionFailed extends StreamPlace {
  readonly outcome: 'preconditionFailed';
  readonly failed: NonNullable<ReturnType<typeof failing>>;
}

/** The command id has been used by another command. */
export interface CommandIdReused extends StreamPlace {
  readonly outcome: 'commandIdReused';
}

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

/** Whether a command that was sent under the same id was the same command. */
export function isFingerprintOf(
  commandHash: string,
  { metadata, formerCommandHash }: Pick<SentCommand, 'metadata' | 'formerCommandHash'>,
): boolean {
  return commandHash === metadata.commandHash || commandHash === formerCommandHash;
}
