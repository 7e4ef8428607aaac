import type { AllStreamResolvedEvent, JSONEventData, JSONType, ResolvedEvent } from '@eventstore/db-client';
import { expectedHash, LogDamaged, type EventMetadata, type RecordedEvent, type SealedEvent } from '#event-sourcing';

/** The stricter rule of the servers: 23.10 counts the data only, 24.10 data, metadata and twice the type. */
const largestAppend = 1024 * 1024;

/** Events as the client sends them, now and in every attempt after this one. */
export interface Proposed {
  readonly events: JSONEventData[];
  /** Of the messages that carry them, in bytes, about. */
  readonly size: number;
}

const bytesAroundAnEvent = 200;

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const encoder = new TextEncoder();

/**
 * The bytes of the call. Whatever the client or the server would choke on is refused here: an empty type or an id that
 * is no UUID gets two answers from the server, the second of which ends the process; a bigint ends it at once.
 * @throws TypeError naming the event and what is wrong; RangeError for more than one append can carry
 */
export function toProposed(events: readonly SealedEvent[]): Proposed {
  if (events.length === 0) throw new TypeError('An append needs at least one event');
  let size = 0;
  const proposed = events.map(({ id, type, data, metadata }, index): JSONEventData => {
    const event = () => `Event ${index} (${type || 'without type'}) of the append`;
    if (typeof type !== 'string' || type === '' || !type.isWellFormed())
      throw new TypeError(`${event()} has a type that is empty or no well-formed Unicode`);
    // Names that the server keeps for itself; a reader takes such an event for an act of the server.
    if (type.startsWith('$')) throw new TypeError(`${event()} has a type that begins with $`);
    // The server gives ids back in lower case.
    if (typeof id !== 'string' || !uuid.test(id))
      throw new TypeError(`${event()} has an id that is no lower-case UUID`);
    if (!isOurs(metadata)) throw new TypeError(`${event()} has metadata that lack a field of every event`);
    const dataText = textOf(data, event, 'data');
    const metadataBytes = encoder.encode(textOf(metadata, event, 'metadata'));
    size += Buffer.byteLength(dataText) + metadataBytes.length + 2 * type.length;
    // The client makes its own text of the data, and would do so after the caller has gone on: it gets a copy. The
    // metadata it takes as bytes.
    return {
      id,
      type,
      contentType: 'application/json',
      data: JSON.parse(dataText) as JSONType,
      metadata: metadataBytes,
    };
  });
  if (size > largestAppend)
    throw new RangeError(
      `The ${events.length} events of the append (the first is ${events[0]!.type}) make ${size} bytes, the event store takes ${largestAppend} at once`,
    );
  return { events: proposed, size: size + proposed.length * bytesAroundAnEvent };
}

function textOf(value: unknown, event: () => string, field: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new TypeError(`${event()} has ${field} that JSON cannot carry`, { cause: error });
  }
  if (text === undefined) throw new TypeError(`${event()} has ${field} that JSON cannot carry`);
  return text;
}

/** The shape of every event's metadata: what another writer puts into a stream of ours does not have it by chance. */
function isOurs(metadata: unknown): metadata is EventMetadata {
  if (typeof metadata !== 'object' || metadata === null) return false;
  const {
    actor,
    causationId,
    commandHash,
    commandId,
    comment,
    correlationId,
    hash,
    policy,
    previousHash,
    recordedAt,
    release,
    schema,
  } = metadata as { [Field in keyof EventMetadata]?: unknown };
  return (
    typeof hash === 'string' &&
    typeof previousHash === 'string' &&
    typeof commandId === 'string' &&
    typeof commandHash === 'string' &&
    typeof causationId === 'string' &&
    typeof correlationId === 'string' &&
    typeof recordedAt === 'string' &&
    typeof schema === 'number' &&
    typeof actor === 'object' &&
    actor !== null &&
    typeof policy === 'object' &&
    policy !== null &&
    (comment === undefined || typeof comment === 'string') &&
    (release === undefined || typeof release === 'string')
  );
}

type Stored = NonNullable<ResolvedEvent['event'] | AllStreamResolvedEvent['event']>;

/**
 * An event of the database as one of the log.
 * @throws LogDamaged naming the place when it is none
 */
export function toRecorded(stored: Stored, streamPrefix: string): RecordedEvent {
  const { streamId, id, type, data, metadata, isJson } = stored;
  const stream = streamId.slice(streamPrefix.length);
  const revision = Number(stored.revision);
  const position = positionOf(stored);
  if (!isJson || !isOurs(metadata)) throw damagedAt(stored, 'was not written by a ledger');
  // The cast at the edge: it was parsed from JSON. So is this metadata, hence a plain object.
  const recorded: RecordedEvent = {
    stream,
    revision,
    position,
    id,
    type,
    data: data as RecordedEvent['data'],
    metadata,
  };
  // The client gives the text of what it cannot parse, as if it were a string.
  if (typeof data === 'string' && expectedHash(recorded) !== metadata.hash)
    throw damagedAt(stored, 'has data that are not JSON, or not those that were written');
  return recorded;
}

/** The commit position, which for an event equals the prepare position. @throws LogDamaged beyond what a number can carry */
export function positionOf({ position, streamId }: Pick<Stored, 'position' | 'streamId'>): number {
  const commit = Number(position?.commit ?? -1n);
  if (Number.isSafeInteger(commit) && commit >= 0) return commit;
  throw new LogDamaged(
    `An event of ${streamId} has no position that can be used (${String(position?.commit)}): the event store must be 22.6 or later, and its log smaller than 2^53 bytes`,
  );
}

function damagedAt({ streamId, revision, position }: Stored, what: string): LogDamaged {
  return new LogDamaged(
    `The event at revision ${revision} of ${streamId} (position ${position?.commit ?? 'unknown'}) ${what}. ` +
      'Somebody has written to this stream by hand, or the prefix of the streams is another application’s. Find out who, and restore the database from a backup.',
  );
}
