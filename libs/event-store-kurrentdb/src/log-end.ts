import { LogDamaged } from '#event-sourcing';
import { kindOf } from './client-errors.js';
import { eventAt } from './event-at.js';
import { positionOf } from './event-records.js';
import type { Reader } from './reader.js';
import { hiddenBecause } from './stream-metadata.js';
import type { StreamNames } from './stream-names.js';

/** Where the log of this ledger ends in the database, and where the database ends. */
export interface End {
  /** The position of the last event of ours; 0 when there is none. */
  readonly head: number;
  /** The position of the last event of any application. Nothing of ours lies between. */
  readonly end: number;
}

export type LogEnd = ReturnType<typeof logEnd>;

export interface FirstEvent {
  readonly id: string;
  readonly position: number;
}

/** An event that stands where it stood vouches for all before it. */
interface Place {
  readonly position: number;
  readonly id: string;
}

const start: Place = { position: 0, id: '' };

const pageSizes = [4, 64, 512];

/**
 * A database holds streams of others and of its own, so the end of our log is searched backwards. What has been looked
 * at once is not looked at again, and what lies before the first event of the log never.
 */
export function logEnd(names: StreamNames, firstStream: string | undefined) {
  const storedFirstStream = firstStream === undefined ? undefined : names.toStored(firstStream);
  // The last of our events at or before `searched` is at `head`.
  let head = start;
  let searched = start;
  let pinnedId: string | undefined;
  let firstEvent: FirstEvent | undefined;
  const marks = new Map<string, number>();

  /** An event of ours was seen. */
  function moved(position: number, id: string): void {
    if (position > head.position) head = { position, id };
    considered(head);
  }

  function considered(place: Place): void {
    if (place.position > searched.position) searched = place;
  }

  /** @throws errors of the client, LogDamaged */
  async function look(reader: Reader): Promise<End> {
    const before = head.position;
    let end: Place | undefined;
    let from: number | 'end' = 'end';
    for (let page = 0; ; page++) {
      const count = pageSizes[Math.min(page, pageSizes.length - 1)]!;
      const events = await reader.all({ from, count, direction: 'backwards' });
      for (const { event } of events) {
        if (!event) continue;
        const position = positionOf(event);
        if (end === undefined) {
          end = { position, id: event.id };
          if (position < before) throw shrunken(position, before);
          // Nothing of ours can be there before its first event is: in a large old database that saves reading it all.
          if (storedFirstStream !== undefined && !(await first(reader))) {
            return found(end);
          }
        }
        // With one event of another stream in between, a page begins with the last event of the page before.
        if (position <= searched.position || position < (firstEvent?.position ?? 0)) return found(end);
        if (names.isOurs(event.streamId) && !event.type.startsWith('$')) {
          if (position === head.position && event.id !== head.id) throw replaced(head, event.id);
          moved(position, event.id);
          return found(end);
        }
        mark(event.streamId, event.type, position);
        from = position;
      }
      if (events.length < count) {
        if (end === undefined && before > 0) throw shrunken(0, before);
        return found(end ?? start);
      }
    }
  }

  function found(end: Place): End {
    considered(end);
    return { head: head.position, end: end.position };
  }

  function mark(storedName: string, type: string, position: number): void {
    const about = type === '$streamDeleted' && names.isOurs(storedName) ? storedName : names.describedBy(storedName);
    if (about !== undefined) marks.set(about, Math.max(position, marks.get(about) ?? 0));
  }

  /** The first event of the log, if there is such a thing; looked for as long as it is not there. */
  async function first(reader: Reader): Promise<FirstEvent | undefined> {
    if (!firstEvent && storedFirstStream !== undefined) {
      const expected = pinnedId;
      pin(await readFirst(reader, storedFirstStream), expected);
    }
    return firstEvent;
  }

  /** `expected` is what was known when it was asked for: the log may have begun meanwhile. */
  function pin(now: FirstEvent | undefined, expected: string | undefined): void {
    if (expected !== undefined && now?.id !== expected)
      throw new LogDamaged(
        `The first event of ${storedFirstStream} was ${expected}, now ${now ? `it is ${now.id}` : 'there is none'}: another or an emptied database answers at this address. ` +
          'Nothing is written to it. Put the right one back, then restart this process.',
      );
    if (!now) return;
    pinnedId = now.id;
    firstEvent = now;
  }

  /**
   * Makes sure that the database still holds the log that it held, up to the last event that this store knows of.
   * @throws errors of the client, LogDamaged
   */
  async function verify(reader: Reader): Promise<void> {
    const [known, seen] = [head, searched];
    const expected = pinnedId;
    const [now, [last]] = await Promise.all([
      storedFirstStream === undefined ? undefined : readFirst(reader, storedFirstStream),
      reader.all({ from: 'end', count: 1, direction: 'backwards' }),
    ]);
    pin(now, expected);
    const end = last?.event ? positionOf(last.event) : 0;
    if (end < known.position) throw shrunken(end, known.position);
    const idAt = async ({ position }: Place) =>
      position === 0 ? start.id : position === end ? last?.event?.id : (await eventAt(reader, position))?.id;
    if ((await idAt(seen)) === seen.id) return;
    const id = await idAt(known);
    if (id !== known.id) throw replaced(known, id);
    // Others have lost something, by a scavenge or in a restore; after that, ours may stand where there was nothing of ours.
    searched = head;
  }

  return {
    look,
    /** The last event of ours that this store has seen. */
    known: () => head.position,
    /** The id of that event, if it is the one at the position. */
    idAt: (position: number) => (position > 0 && position === head.position ? head.id : undefined),
    /** A stream was started here. The first of the log is what the database is held to from then on. */
    began(storedName: string, firstId: string): void {
      if (storedName === storedFirstStream) pinnedId = firstId;
    },
    moved,
    /** Streams of ours of which something after a position says that they were deleted or truncated by hand. */
    marksAfter: (position: number) => [...marks].filter(([, at]) => at > position).map(([storedName]) => storedName),
    first,
    verify,
  };
}

async function readFirst(reader: Reader, storedName: string): Promise<FirstEvent | undefined> {
  try {
    const [first] = await reader.stream(storedName, { from: 0, count: 1 });
    if (first?.event && first.event.revision === 0n) return { id: first.event.id, position: positionOf(first.event) };
  } catch (error) {
    if (kindOf(error) !== 'streamMissing' && kindOf(error) !== 'tombstoned') throw error;
  }
  const hidden = await hiddenBecause(reader, storedName);
  if (hidden) throw hidden;
  return undefined;
}

function shrunken(end: number, known: number): LogDamaged {
  return lost(
    `The event store ends at position ${end}, but position ${known} has been there: it was emptied, or restored`,
  );
}

function replaced({ position, id }: Place, now: string | undefined): LogDamaged {
  return lost(
    `The event at position ${position} was ${id}, now ${now === undefined ? 'there is none' : `it is ${now}`}: the event store was restored`,
  );
}

function lost(how: string): LogDamaged {
  return new LogDamaged(
    `${how} from a backup made before. Nothing is written to it. ` +
      'Restore a newer backup; or, if the loss is accepted, restart this process and rebuild the views.',
  );
}
