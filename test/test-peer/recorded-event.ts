import streams from '@eventstore/db-client/generated/streams_pb.js';
import { message, text } from './protobuf.js';

export interface ProposedEvent {
  readonly id: string;
  readonly type: string;
  readonly json: boolean;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

export interface EventPlace {
  readonly stream: string;
  readonly revision: number;
  /** A byte offset: grows with the size of what was written, and is never consecutive. */
  readonly position: number;
  /** Milliseconds since 1970. */
  readonly created: number;
}

/** The revision of the event that a tombstone leaves. No number of JavaScript is this one; it is written as 2^63. */
export const tombstoneRevision = 2 ** 63;

export const wireRevision = (revision: number): number | bigint =>
  revision >= tombstoneRevision ? 2n ** 63n - 1n : revision;

/** As the wire carries it (`ReadResp.ReadEvent.RecordedEvent`): written once, sent as often as it is read. */
export function encodeRecordedEvent(event: ProposedEvent, place: EventPlace): Buffer {
  return message(
    { number: 1, bytes: message({ number: 2, bytes: text(event.id) }) },
    { number: 2, bytes: message({ number: 3, bytes: text(place.stream) }) },
    { number: 3, varint: wireRevision(place.revision) },
    { number: 4, varint: place.position },
    { number: 5, varint: place.position },
    entry('type', event.type),
    entry('created', `${place.created}0000`),
    entry('content-type', event.json ? 'application/json' : 'application/octet-stream'),
    { number: 7, bytes: event.metadata },
    { number: 8, bytes: event.data },
  );
}

const entry = (key: string, value: string) => ({
  number: 6,
  bytes: message({ number: 1, bytes: text(key) }, { number: 2, bytes: text(value) }),
});

export function decodeRecordedEvent(bytes: Uint8Array): ProposedEvent & EventPlace {
  const event = streams.ReadResp.ReadEvent.RecordedEvent.deserializeBinary(bytes);
  const system = event.getMetadataMap();
  return {
    id: event.getId()?.getString() ?? '',
    stream: text8(event.getStreamIdentifier()?.getStreamName_asU8()),
    revision: Number(event.getStreamRevision()),
    position: Number(event.getCommitPosition()),
    type: system.get('type') ?? '',
    json: system.get('content-type') === 'application/json',
    created: Number(BigInt(system.get('created') ?? '0') / 10_000n),
    data: event.getData_asU8(),
    metadata: event.getCustomMetadata_asU8(),
  };
}

const text8 = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('utf8');
