import type streams from '@eventstore/db-client/generated/streams_pb.js';
import type { EventLog, LogRecord } from './log.js';
import { message, nothing, text } from './protobuf.js';
import { decodeRecordedEvent } from './recorded-event.js';

/** `ReadResp` as bytes. */
export function response(log: EventLog, record: LogRecord, options: streams.ReadReq.Options): Buffer {
  return eventResponse(
    record,
    options.getResolveLinks() ? linkTarget(log, record) : undefined,
    options.getUuidOption()?.hasStructured() ?? false,
  );
}

function eventResponse(record: LogRecord, target: LogRecord | undefined, structuredIds: boolean): Buffer {
  const bytes = (of: LogRecord) => (structuredIds ? withStructuredId(of) : of.bytes);
  return message({
    number: 1,
    bytes: message({ number: 1, bytes: bytes(target ?? record) }, target && { number: 2, bytes: bytes(record) }, {
      number: 3,
      varint: record.position,
    }),
  });
}

export const confirmation = (id: string): Buffer =>
  message({ number: 2, bytes: message({ number: 1, bytes: text(id) }) });

export const checkpoint = (commit: number, prepare: number): Buffer =>
  message({
    number: 3,
    bytes: message({ number: 1, varint: commit }, prepare === 0 ? undefined : { number: 2, varint: prepare }),
  });

export const streamNotFound = (stream: string): Buffer =>
  message({
    number: 4,
    bytes: message({ number: 1, bytes: message({ number: 3, bytes: text(stream) }) }),
  });

export const caughtUp: Buffer = message({ number: 8, bytes: nothing });

/** The event that a link event names, if there is one. */
function linkTarget(log: EventLog, record: LogRecord): LogRecord | undefined {
  if (record.type !== '$>') return undefined;
  const [, revision, stream] =
    /^(\d+)@(.+)$/s.exec(Buffer.from(decodeRecordedEvent(record.bytes).data).toString()) ?? [];
  if (revision === undefined || stream === undefined) return undefined;
  const target = log.stream(stream)[Number(revision)];
  return target && log.visible(stream)?.shows(target) ? target : undefined;
}

/** Some clients ask for ids as two numbers. The id is the first field, and always of the same length as text. */
function withStructuredId({ id, bytes }: LogRecord): Buffer {
  const bits = Buffer.from(id.replaceAll('-', ''), 'hex');
  const structured = message(
    { number: 1, varint: bits.readBigUInt64BE(0) },
    { number: 2, varint: bits.readBigUInt64BE(8) },
  );
  const idAsText = message({ number: 1, bytes: message({ number: 2, bytes: text(id) }) });
  return Buffer.concat([
    message({ number: 1, bytes: message({ number: 1, bytes: structured }) }),
    bytes.subarray(idAsText.length),
  ]);
}
