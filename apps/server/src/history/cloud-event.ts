import type { RecordedEvent } from '#event-sourcing';
import type { CloudEvent } from '../contract/answers.js';

/**
 * An event as it is stored, in the JSON form of CloudEvents 1.0. Extensions carry the rest of the envelope, so that a reader
 * can compute its hash. Their names are lower case and their values flat, as the specification requires.
 */
export function cloudEvent(
  { id, type, stream, revision, position, data, metadata }: RecordedEvent,
  ledgerId: string,
): CloudEvent {
  const { actor, policy, command, comment, release, traceparent } = metadata;
  return {
    specversion: '1.0',
    id,
    source: `urn:reseller-ledger:${ledgerId}`,
    type,
    subject: stream,
    time: metadata.recordedAt,
    datacontenttype: 'application/json',
    dataschema: eventSchemaUri(type, metadata.schema),
    revision,
    position: String(position),
    correlationid: metadata.correlationId,
    causationid: metadata.causationId,
    ...(command === undefined ? {} : { command }),
    commandid: metadata.commandId,
    commandhash: metadata.commandHash,
    actorid: actor.id,
    actorkind: actor.kind,
    actorroles: actor.roles.join(','),
    actortenant: actor.tenant,
    ...(comment === undefined ? {} : { comment }),
    policyname: policy.name,
    policyhash: policy.hash,
    ...(release === undefined ? {} : { release }),
    schema: metadata.schema,
    ...(traceparent === undefined ? {} : { traceparent }),
    hash: metadata.hash,
    previoushash: metadata.previousHash,
    data,
  };
}

/**
 * Names the JSON Schema of an event's data, which a server has at /schemas/events/{type}/{schema}. The specification requires
 * an absolute URI, and a server does not know the address by which its readers reach it.
 */
export function eventSchemaUri(type: string, schema: number): string {
  return `urn:reseller-ledger:schemas:events:${type}:${schema}`;
}

/** An event with its serialised form, which is made once for all readers. */
export interface SerialisedEvent {
  readonly recorded: RecordedEvent;
  /** One line. */
  readonly text: string;
}

export type Serialise = (recorded: RecordedEvent) => SerialisedEvent;

export function serialiserOf(ledgerId: string): Serialise {
  return (recorded) => ({ recorded, text: JSON.stringify(cloudEvent(recorded, ledgerId)) });
}

/** A part of a history. */
export interface HistoryBatch {
  readonly events: readonly SerialisedEvent[];
  /** Everything asked for up to this position has been sent. */
  readonly position: number;
}
