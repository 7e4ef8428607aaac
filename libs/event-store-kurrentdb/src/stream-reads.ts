import type { RecordedEvent } from '#event-sourcing';
import { kindOf, unavailableBecause } from './client-errors.js';
import type { EventIds } from './event-ids.js';
import { toRecorded } from './event-records.js';
import type { Reader } from './reader.js';
import { hiddenBecause, incomplete, tombstoned } from './stream-metadata.js';
import type { StreamNames } from './stream-names.js';

const pageSize = 1_000;

/** Reads of one stream: complete and in order, or LogDamaged. */
export function streamReads(reader: Reader, names: StreamNames, ids: Pick<EventIds, 'seen'>) {
  async function read(stream: string, from: number, to: number): Promise<readonly RecordedEvent[]> {
    const storedName = names.toStored(stream);
    const events: RecordedEvent[] = [];
    try {
      for (let next = from; next <= to;) {
        const count = Math.min(pageSize, to - next + 1);
        const page = await reader.stream(storedName, { from: next, count });
        for (const { event } of page) {
          if (!event) continue;
          // Revisions never move: where one is missing, metadata hide it or it is gone.
          if (event.revision !== BigInt(next))
            throw (
              (await hiddenBecause(reader, storedName)) ?? incomplete(storedName, next, `${event.revision} comes next`)
            );
          events.push(toRecorded(event, names.prefix));
          next++;
        }
        if (page.length < count) break;
      }
      // A stream whose events are all hidden by metadata is empty, not missing.
      if (events.length === 0 && from === 0 && to >= 0)
        throw (
          (await hiddenBecause(reader, storedName)) ?? incomplete(storedName, 0, 'it has no events although it exists')
        );
    } catch (error) {
      if (kindOf(error) === 'tombstoned') throw tombstoned(storedName);
      if (kindOf(error) !== 'streamMissing' || events.length > 0) throw unavailableBecause(error);
      const hidden = await hiddenBecause(reader, storedName).catch((reason: unknown) => unavailableBecause(reason));
      if (hidden) throw hidden;
    }
    const last = events.at(-1);
    if (last) ids.seen(last.position, last.id);
    return events;
  }

  return { read };
}
