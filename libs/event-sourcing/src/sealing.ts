import { randomUUID } from 'node:crypto';
import { noStream, type RecordedEvent, type SealedEvent } from './event-store.js';
import { noPreviousHash, type Seal, type UnsealedMetadata } from './hash-chain.js';
import type { Json } from './message.js';

/** What the next event of a stream follows. */
export interface StreamEnd {
  readonly revision: number;
  readonly hash: string;
  readonly recordedAt: string;
}

export function streamEnd(last: Pick<RecordedEvent, 'revision' | 'metadata'> | undefined): StreamEnd {
  if (!last) return { revision: noStream, hash: noPreviousHash, recordedAt: '' };
  const { hash, recordedAt } = last.metadata;
  return { revision: last.revision, hash, recordedAt };
}

/**
 * Reports a command whose time is earlier than that of the last event of a stream; that event's time is used. It may have
 * waited while other processes appended, or the clock was set back.
 */
export type ReportEarlier = (stream: string, now: string, lastRecordedAt: string) => void;

/** The time to record with: `recordedAt` never decreases in a stream. */
export function recordingTime(stream: string, end: StreamEnd, now: string, onEarlier?: ReportEarlier): string {
  if (now >= end.recordedAt) return now;
  onEarlier?.(stream, now, end.recordedAt);
  return end.recordedAt;
}

/** An event and what is known of it before it is recorded. */
export interface NewEvent {
  readonly type: string;
  readonly data: unknown;
  readonly schema: number;
  readonly metadata: Omit<UnsealedMetadata, 'recordedAt' | 'schema'>;
}

/** Seals the events of one append after the end of a stream. */
export function sealAfter(
  seal: Seal,
  stream: string,
  { revision, hash }: StreamEnd,
  recordedAt: string,
  events: readonly NewEvent[],
): readonly SealedEvent[] {
  return seal(
    stream,
    revision + 1,
    hash,
    events.map(({ type, data, schema, metadata }) => ({
      type,
      data: data as Json,
      metadata: { ...metadata, recordedAt, schema },
    })),
  );
}

/** Seals what the ledger itself records, without a sender. */
export function sealOwn(
  seal: Seal,
  stream: string,
  end: StreamEnd,
  now: string,
  events: readonly Omit<NewEvent, 'metadata'>[],
): readonly SealedEvent[] {
  const commandId = randomUUID();
  const metadata = {
    actor: { id: 'ledger', kind: 'system', roles: [], tenant: '' },
    causationId: commandId,
    commandHash: '',
    commandId,
    correlationId: commandId,
    policy: { name: 'none', hash: noPreviousHash },
  };
  return sealAfter(
    seal,
    stream,
    end,
    recordingTime(stream, end, now),
    events.map((event) => ({ ...event, metadata })),
  );
}
