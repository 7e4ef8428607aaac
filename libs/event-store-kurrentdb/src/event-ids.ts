import { kindOf } from './client-errors.js';
import { positionOf } from './event-records.js';
import type { Reader } from './reader.js';
import type { StreamNames } from './stream-names.js';

export interface EventIds {
  /** @throws errors of the client, LogDamaged */
  at(position: number): Promise<string | undefined>;
  /** An event was seen there. */
  seen(position: number, id: string): void;
}

const kept = 10_000;

/** Which event stands at a position: known of what this store has written or read of late, asked for otherwise. */
export function eventIds(reader: Reader, names: StreamNames): EventIds {
  const ids = new Map<number, string>();

  function seen(position: number, id: string): void {
    ids.set(position, id);
    if (ids.size > kept) ids.delete(ids.keys().next().value!);
  }

  async function look(position: number): Promise<string | undefined> {
    if (position === 0) return undefined;
    try {
      const [found] = await reader.all({ from: position, count: 1 });
      // The server reads on to the next event where none begins, and events of others are none of this log.
      if (!found?.event || positionOf(found.event) !== position || !names.isOurs(found.event.streamId))
        return undefined;
      seen(position, found.event.id);
      return found.event.id;
    } catch (error) {
      if (kindOf(error) === 'badPosition') return undefined;
      throw error;
    }
  }

  return { at: async (position) => ids.get(position) ?? (await look(position)), seen };
}
