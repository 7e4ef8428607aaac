import { hash as digest } from 'node:crypto';
import type { SentCommand } from './command.js';
import type { Decided } from './decider.js';
import type { EventCodec } from './event-codec.js';
import type { EventMetadata } from './event-store.js';
import { idOf } from './hash-chain.js';
import type { NewEvent } from './sealing.js';

/** The most events of one append, where they can be split: KurrentDB takes 1 MiB in one append. */
export const largestAppend = 500;

/** What one append takes of a decision. */
export interface DecisionPart<Events> {
  readonly events: readonly Decided<Events>[];
  /** Whether the command takes effect with it; otherwise it is decided again after it. */
  readonly isCommand: boolean;
}

/**
 * The first part of a decision: what a command itself does stays together. What comes about by itself after that, and finds
 * no room, stays unrecorded as if nobody had sent a command since: whoever looks at it next records it.
 */
export function firstPart<Events>(events: readonly Decided<Events>[]): DecisionPart<Events> {
  if (events.length <= largestAppend) return { events, isCommand: true };
  const firstOwn = events.findIndex((event) => !isByItself(event));
  const lastOwn = events.findLastIndex((event) => !isByItself(event));
  const lastEnd = (isEnd: (index: number) => boolean) =>
    events.findLastIndex(({ begins }, index) => index > 0 && index <= largestAppend && isEnd(index) && begins === true);
  const before = firstOwn > 0 && firstOwn <= largestAppend ? firstOwn : lastEnd((index) => index <= lastOwn);
  if (before > 0) return { events: events.slice(0, before), isCommand: false };
  const after = lastEnd((index) => index > lastOwn);
  return { events: after > 0 ? events.slice(0, after) : events, isCommand: true };
}

/** The events of a part with the metadata of the command, for an append after a revision. */
export function describedBy<Events>(
  { command, metadata }: Pick<SentCommand, 'command' | 'metadata'>,
  { events, isCommand }: DecisionPart<Events>,
  revision: number,
  codec: EventCodec<Events>,
): readonly NewEvent[] {
  const { comment, ...shared } = metadata;
  // A part that is appended beforehand is not the command: a retry must not take it for that.
  const id = isCommand ? {} : { commandId: idOf(digest('sha256', `${metadata.commandId} ${revision}`)) };
  const commented = isCommand && comment !== undefined ? events.findIndex((event) => !isByItself(event)) : -1;
  return events.map((event, index) => ({
    type: event.type,
    data: event.data,
    schema: codec.schemaOf(event.type),
    metadata: {
      ...shared,
      ...id,
      ...(isByItself(event) ? { causationId: metadata.commandId } : {}),
      ...(index === commented && comment !== undefined ? { comment } : {}),
      command: command.type,
      ...event.metadata,
    },
  }));
}

/** It names the command that it was recorded with as its cause; what a command itself does is caused by something else. */
export function isRecordedByItself({ causationId, commandId }: EventMetadata): boolean {
  return causationId === commandId;
}

/** It has come about by itself and is recorded with a command. */
function isByItself<Events>({ metadata }: Decided<Events>): boolean {
  return metadata?.command !== undefined;
}
