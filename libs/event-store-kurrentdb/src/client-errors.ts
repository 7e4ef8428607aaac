import { LogDamaged, StoreUnavailable } from '#event-sourcing';
import { StoreRefused, type Refusal } from './store-refused.js';

/** What an error of the client means to this store. */
export type ErrorKind =
  /** The stream has another revision. */
  | 'conflict'
  /** More than the server takes in one append. */
  | 'tooLarge'
  /** The server takes it for malformed. */
  | 'badRequest'
  /** The stream was deleted for good. */
  | 'tombstoned'
  /** The stream has no events, or none any more. */
  | 'streamMissing'
  /** No event stands at the position. */
  | 'badPosition'
  | 'notLeader'
  | 'wrongCredentials'
  | 'accessDenied'
  | 'wrongCertificate'
  | 'notADatabase'
  /** A live subscription with too many events waiting (23.10), which has to be taken up again at once. */
  | 'dropped'
  /** What passes by itself: connection lost, no leader yet, a deadline of the server. */
  | 'transient'
  /** Nothing in this table. For an append and for a subscription it is tried again all the same. */
  | 'unexpected';

/** An error by what can be seen of it. The client's own have a `type`; those of gRPC under it only a `code`. */
interface Seen {
  readonly type: string;
  readonly code: number | undefined;
  readonly text: string;
}

interface Row {
  readonly kind: ErrorKind;
  readonly when: (error: Seen) => boolean;
}

// Status codes of gRPC.
const cancelled = 1;
const unknown = 2;
const invalidArgument = 3;
const deadlineExceeded = 4;
const permissionDenied = 7;
const aborted = 10;
const unimplemented = 12;
const internal = 13;
const unavailable = 14;
const unauthenticated = 16;

/** The first row that holds. */
const rows: readonly Row[] = [
  { kind: 'conflict', when: ({ type }) => type === 'wrong-expected-version' },
  { kind: 'tooLarge', when: ({ type }) => type === 'maximum-append-size-exceeded' },
  { kind: 'tombstoned', when: ({ type }) => type === 'stream-deleted' },
  { kind: 'streamMissing', when: ({ type }) => type === 'stream-not-found' },
  { kind: 'notLeader', when: ({ type }) => type === 'not-leader' },
  // Its type is access-denied as well: the client makes one of both.
  { kind: 'wrongCredentials', when: ({ code }) => code === unauthenticated },
  { kind: 'accessDenied', when: ({ type, code }) => type === 'access-denied' || code === permissionDenied },
  // OpenSSL's names of what is wrong with a certificate, and Node's. The channel puts them into the text of a 14.
  {
    kind: 'wrongCertificate',
    when: ({ code, text }) =>
      code === unavailable &&
      /certificate|altname|self[- ]signed|wrong version number|SSL routines|TLS ServerName/i.test(text),
  },
  // A web server answers a path that it does not know with 404, which gRPC calls unimplemented.
  { kind: 'notADatabase', when: ({ code }) => code === unimplemented },
  // What speaks another protocol than HTTP/2.
  {
    kind: 'notADatabase',
    when: ({ code, text }) => code === unavailable && /protocol error|HTTP_1_1_REQUIRED|Parse Error/i.test(text),
  },
  { kind: 'badRequest', when: ({ text }) => text.includes('Could not recognize BadRequest') },
  // Unlike what the client's name of it (a time-out) says, it is the way in which 23.10 ends a live subscription.
  { kind: 'dropped', when: ({ code }) => code === aborted },
  // The two texts of a position between events: of a read, and of a subscription.
  {
    kind: 'badPosition',
    when: ({ code, text }) => code === unknown && /Unexpected ReadAllResult|Exception was thrown by handler/.test(text),
  },
  { kind: 'transient', when: ({ code }) => code === unavailable || code === cancelled || code === deadlineExceeded },
  // Of later servers.
  { kind: 'badPosition', when: ({ code, text }) => code === invalidArgument && /invalid position/i.test(text) },
  // A gossip in the middle of an election.
  { kind: 'transient', when: ({ text }) => text.includes('No leader info available') },
  // The server's own time-out of a batch append has no code.
  { kind: 'transient', when: ({ type }) => type === 'deadline-exceeded' || type === 'cancelled' },
  // How a server that is being stopped ends its streams.
  { kind: 'transient', when: ({ code, text }) => code === internal && text.includes('RST_STREAM') },
  // While nodes elect a leader: of a batch append, without a code.
  { kind: 'transient', when: ({ text }) => text.includes('Server Is Not Ready') },
  // Discovery gives up with a plain error.
  { kind: 'transient', when: ({ text }) => text.includes('Failed to discover') },
];

/** Classified by `code` and `type`, not by class: raw errors of gRPC come through the client as they are. */
export function kindOf(error: unknown): ErrorKind {
  const seen = seenOf(error);
  return rows.find(({ when }) => when(seen))?.kind ?? 'unexpected';
}

function seenOf(error: unknown): Seen {
  const { type, code, message } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  return {
    type: typeof type === 'string' ? type : '',
    code: typeof code === 'number' ? code : undefined,
    text: typeof message === 'string' ? message : String(error),
  };
}

/** What an operator should know of an error, in a sentence. */
export function reasonOf(error: unknown): string {
  if (error instanceof NoAnswer) return error.message;
  const { type, code, text } = seenOf(error);
  if (text.includes('Failed to discover'))
    return `No node of the event store that could be used was found (${text}): check hosts, TLS and certificates, and that the cluster has a leader`;
  const shown = text.trim() || type || 'no further explanation';
  switch (kindOf(error)) {
    case 'wrongCredentials':
      return 'The event store does not know this user or the password is wrong: check both in the connection string';
    case 'accessDenied':
      return 'The event store denies this user access: it must be allowed to read $all, to append, and to read the metadata of its streams (admins are; others by ACL)';
    case 'wrongCertificate':
      if (text.includes('TLS ServerName'))
        return 'The event store advertises its nodes by IP address, which Node takes for no name of a TLS server: advertise them by name';
      return /wrong version number|SSL routines/i.test(text)
        ? `The event store does not speak TLS as this client does (${shown})`
        : `The certificate of the event store is not trusted (${shown}): check its name, its dates, and tlsCAFile`;
    case 'notADatabase':
      return `What answers at this address is no EventStoreDB or KurrentDB (${shown}): check host and port`;
    case 'notLeader':
      return 'The node of the event store is not the leader of its cluster';
    default:
      return code === undefined ? `The event store: ${shown}` : `The event store: ${shown} (code ${code})`;
  }
}

const refusals: Partial<Record<ErrorKind, Refusal>> = {
  wrongCredentials: 'wrongCredentials',
  accessDenied: 'accessDenied',
  wrongCertificate: 'wrongCertificate',
  notADatabase: 'notADatabase',
};

/** For first contact: what trying again does not help with is a refusal. */
export function refusedOrUnavailable(error: unknown): Error {
  const refusal = refusals[kindOf(error)];
  return refusal ? new StoreRefused(refusal, `${reasonOf(error)}.`, { cause: error }) : unavailableBecause(error);
}

/** Nothing was written, or read, and why. Damage stays what it is. */
export function unavailableBecause(error: unknown): StoreUnavailable | LogDamaged {
  if (error instanceof StoreUnavailable || error instanceof LogDamaged) return error;
  return new StoreUnavailable(reasonOf(error), { cause: error });
}

/** A call to which there was no answer in time. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly code = deadlineExceeded;
  constructor(call: string, milliseconds: number) {
    super(`The event store has not answered ${call} for ${milliseconds} ms`);
  }
}

/**
 * True for the one failure of the client after which a process must end and start again: an answer to an append that
 * the client has given up. It is thrown outside every awaited promise, so it arrives as an unhandled rejection (an uncaught
 * exception unless there is a listener for those); from then on the appends of this client are never answered any more.
 */
export function isClientBroken(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { name, stack } = error as { name?: unknown; stack?: unknown };
  return (
    name === 'TypeError' &&
    typeof stack === 'string' &&
    /db-client[\\/](?:dist|src)[\\/]streams[\\/]appendToStream[\\/]batchAppend/.test(stack)
  );
}
