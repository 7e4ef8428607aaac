import { hash as digest } from 'node:crypto';
import { canonicalJson } from './canonical-json.js';
import type { EventMetadata, RecordedEvent, SealedEvent } from './event-store.js';
import type { Json } from './message.js';

/** What stands before the first event of a stream. */
export const noPreviousHash = '0'.repeat(64);

/** What of an event's metadata is known before it has a place in the chain. */
export type UnsealedMetadata = Omit<EventMetadata, 'hash' | 'previousHash'>;

export interface UnsealedEvent {
  readonly type: string;
  readonly data: Json;
  readonly metadata: UnsealedMetadata;
}

/** Where an event is not what its schema says, and how; never a value of it, which may be the name of a person. */
export interface EventFault {
  /** A JSON pointer (RFC 6901) into `{ data, metadata }`. */
  readonly pointer: string;
  readonly message: string;
}

/** What is wrong with an event, by the schema whose number it carries; undefined for nothing. */
export type EventCheck = (event: UnsealedEvent) => EventFault | undefined;

/** This code has made an event that its own schema refuses: a bug. Nothing of the command was appended. */
export class InvalidEvent extends Error {
  override readonly name = 'InvalidEvent';
  constructor(
    readonly stream: string,
    readonly eventType: string,
    readonly schema: number,
    { pointer, message }: EventFault,
  ) {
    super(`Event ${eventType} (schema ${schema}) for stream ${stream} is refused at ${pointer}: ${message}`);
  }
}

/**
 * Gives events their place in a stream's hash chain: the hash is SHA-256 over the canonical form (RFC 8785) of the
 * whole envelope without id and hash; the id is a UUIDv8 (RFC 9562) made of the hash's first bits. So another attempt
 * at the same command (another time, another place) always has other ids.
 * @throws InvalidEvent when one of them is not what its schema says; TypeError for what JSON cannot carry
 */
export type Seal = (
  stream: string,
  revision: number,
  previousHash: string,
  events: readonly UnsealedEvent[],
) => readonly SealedEvent[];

/** The one way to sealed events. What stands in the log stands there for ever, so each is checked first. */
export function sealer(check: EventCheck): Seal {
  return (stream, revision, previousHash, events) => {
    let previous = previousHash;
    return events.map((event, index) => {
      const { type, data, metadata } = event;
      const fault = check(event);
      if (fault) throw new InvalidEvent(stream, type, metadata.schema, fault);
      const chained = { ...metadata, previousHash: previous };
      const hash = hashOf({ stream, revision: revision + index, type, data, metadata: chained });
      previous = hash;
      return { id: idOf(hash), type, data, metadata: { ...chained, hash } };
    });
  };
}

/** The hash that an event's content asks for; compare it with the one it carries. */
export function expectedHash({
  stream,
  revision,
  type,
  data,
  metadata,
}: Omit<RecordedEvent, 'id' | 'position'>): string {
  // Left out of canonical JSON where it is undefined.
  return hashOf({ stream, revision, type, data, metadata: { ...metadata, hash: undefined } });
}

/** The last two bits of a hexadecimal digit after the two that RFC 9562 sets. */
const variants: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from('0123456789abcdef', (digit, value) => [digit, '89ab'[value % 4]!]),
);

/** The event id that a hash asks for: its first 128 bits, six of them overwritten by version 8 and the RFC 9562 variant. */
export function idOf(hash: string): string {
  const variant = variants[hash[16] ?? '0'] ?? '8';
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-${variant}${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}

export type ChainProblem =
  /** An event's content is not the one its hash was made of. */
  | 'hashMismatch'
  /** An event's id does not follow from its hash. */
  | 'idMismatch'
  /** An event does not follow on the one before it. */
  | 'chainBroken';

export interface ChainFault {
  readonly problem: ChainProblem;
  readonly message: string;
}

/**
 * What is wrong with an event that follows one with that hash; nothing in a chain that is as it was written. The first event
 * follows `noPreviousHash`, and one whose predecessor cannot be read follows `undefined`: that finding says enough.
 */
export function chainFaults(
  event: Omit<RecordedEvent, 'position'>,
  previousHash: string | undefined,
): readonly ChainFault[] {
  const { id, metadata } = event;
  const faults: ChainFault[] = [];
  if (expectedHash(event) !== metadata.hash)
    faults.push({ problem: 'hashMismatch', message: 'The event was changed: its content has another hash' });
  if (idOf(metadata.hash) !== id)
    faults.push({ problem: 'idMismatch', message: 'The id does not follow from the hash' });
  if (previousHash !== undefined && metadata.previousHash !== previousHash)
    faults.push({ problem: 'chainBroken', message: 'The event does not follow on the one before it' });
  return faults;
}

interface Envelope {
  readonly stream: string;
  readonly revision: number;
  readonly type: string;
  readonly data: Json;
  readonly metadata: Omit<EventMetadata, 'hash'> & { readonly hash?: undefined };
}

function hashOf(envelope: Envelope): string {
  return digest('sha256', canonicalJson(envelope));
}
