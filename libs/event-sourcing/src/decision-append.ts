import { hash as digest } from 'node:crypto';
import type { SentCommand } from './command.js';
import type { Decided } from './decider.js';
import type { EventCodec } from './event-codec.js';
import { idOf } from './hash-chain.js';
import type { NewEvent } from './sealing.js';

/** The most events of one append, where they can be split: KurrentDB takes 1 MiB in one append. */
export const largestAppend = 500;

/** What one append takes of a decision. */
export interface DecisionPart<Events> {
  readonly events: readonly Decided<Events>[];
  /** Where it is not the whole, the command is decided again after it. */
  readonly isWhole: boolean;
}

/** The first part of a decision: what a command itself does stays together. */
export function firstPart<Events>(events: readonly Decided<Events>[]): DecisionPart<Events> {
  if (events.length <= largestAppend) return { events, isWhole: true };
  const firstOwn = events.findIndex((event) => !isByItself(event));
  const end = events.findLastIndex(
    ({ begins }, index) => index > 0 && index <= largestAppend && (begins === true || index === firstOwn),
  );
  return end < 0 ? { events, isWhole: true } : { events: events.slice(0, end), isWhole: false };
}

/** The events of a part with the metadata of the command, for an append after a revision. */
export function describedBy<Events>(
  { command, metadata }: Pick<SentCommand, 'command' | 'metadata'>,
  { events, isWhole }: DecisionPart<Events>,
  revision: number,
  codec: EventCodec<Events>,
): readonly NewEvent[] {
  const { comment, ...shared } = metadata;
  // A part that is appended beforehand is not the command: a retry must not take it for that.
  const id = isWhole ? {} : { commandId: idOf(digest('sha256', `${metadata.commandId} ${revision}`)) };
  const commented = isWhole && comment !== undefined ? events.findIndex((event) => !isByItself(event)) : -1;
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

/** It has come about by itself and is recorded with a command. */
function isByItself<Events>({ metadata }: Decided<Events>): boolean {
  return metadata?.command !== undefined;
}
