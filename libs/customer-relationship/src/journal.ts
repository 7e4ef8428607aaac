import { eventCodec, type Json, type RefusalJournal } from '#event-sourcing';
import type { CommandName } from './commands.js';
import { pairOf } from './customer-relationship.js';
import { rejections, type RejectionCode } from './rejections.js';

// Beside the stream of a relationship stands its journal: the refusals of state that were answered, one event each. A
// refusal decides nothing, so the stream that decides does not grow by it; yet a retry under the same key gets
// the same answer, and auditors see what was tried.

// Stored for ever and read by auditors: never rename an event or a field. Who sent the command, when, under which id, key
// and policy stands in the metadata, as for every event.
export interface JournalEvents {
  /** A command that the state of the relationship did not allow. */
  CommandRejected: {
    readonly command: CommandName;
    readonly code: RejectionCode;
    /** All that the refusal says, the blockers of a removal included. */
    readonly details: { readonly [name: string]: Json | undefined };
    /** The last event of the relationship that the decision rests on. */
    readonly relationship: {
      readonly revision: number;
      /** Its place in the log, as a string of digits. */
      readonly position: string;
    };
    /** The path that the command was sent to; the answer names it. */
    readonly instance: string;
  };
}

export const journalCodec = eventCodec<JournalEvents>({ events: { CommandRejected: 'CommandRejected' } });

// A category of its own: what follows the relationships does not meet it.
const category = 'customerRelationshipJournal';
const guid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const streamPattern = new RegExp(`^${category}-(${guid})-(${guid})$`);

/** The journal of a pair's relationship; both are tenant GUIDs in lower case. */
export function journalStream(partnerId: string, customerId: string): string {
  return `${category}-${partnerId}-${customerId}`;
}

/** The pair whose relationship a journal belongs to; undefined for streams of another kind. */
export function journaledPairOf(
  stream: string,
): { readonly partnerId: string; readonly customerId: string } | undefined {
  const match = streamPattern.exec(stream);
  return match ? { partnerId: match[1]!, customerId: match[2]! } : undefined;
}

/** Refusals of state are kept, but for the one that asks for a retry. */
export const refusalJournal: RefusalJournal<JournalEvents> = {
  codec: journalCodec,
  journalOf(stream) {
    const pair = pairOf(stream);
    if (!pair) throw new Error(`${stream} is not the stream of a relationship`);
    return journalStream(pair.partnerId, pair.customerId);
  },
  keeps: ({ code }) => code !== 'ConcurrencyConflict' && rejections[code as RejectionCode] === 'state',
  toEntry: ({ command, code, details, revision, position, instance }) => ({
    type: 'CommandRejected',
    data: {
      command: command as CommandName,
      code: code as RejectionCode,
      details,
      relationship: { revision, position: String(position) },
      instance,
    },
  }),
  toRefusal: ({ data: { command, code, details, relationship, instance } }) => ({
    command,
    code,
    details,
    instance,
    revision: relationship.revision,
    position: Number(relationship.position),
  }),
};
