import { eventAt } from './event-at.js';
import type { LogEnd } from './log-end.js';
import type { Reader } from './reader.js';
import type { StreamNames } from './stream-names.js';

export interface EventIds {
  /** @throws errors of the client, LogDamaged */
  at(position: number): Promise<string | undefined>;
  /** An event was seen there. */
  seen(position: number, id: string): void;
}

const kept = 10_000;

/**
 * Which event stands at a position: known of what this store has written or read of late, asked for otherwise. What it
 * knows holds as long as the end of the log does, to which every new connection is held.
 */
export function eventIds(reader: Reader, names: StreamNames, logEnd: Pick<LogEnd, 'moved' | 'idAt'>): EventIds {
  const ids = new Map<number, string>();

  function seen(position: number, id: string): void {
    logEnd.moved(position, id);
    ids.set(position, id);
    if (ids.size > kept) ids.delete(ids.keys().next().value!);
  }

  async function look(position: number): Promise<string | undefined> {
    const found = position === 0 ? undefined : await eventAt(reader, position);
    // Events of others are none of this log.
    if (!found || !names.isOurs(found.streamId)) return undefined;
    seen(position, found.id);
    return found.id;
  }

  return { at: async (position) => ids.get(position) ?? logEnd.idAt(position) ?? (await look(position)), seen };
}
