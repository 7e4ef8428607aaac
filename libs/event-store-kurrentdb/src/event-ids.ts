import { Recent } from '#event-sourcing';
import { eventAt } from './event-at.js';
import type { LogEnd } from './log-end.js';
import type { Reader } from './reader.js';
import type { StreamNames } from './stream-names.js';

/**
 * Which event stands at a position: known of what this store has written or read lately, asked for otherwise. What it
 * knows holds as long as the end of the log does, against which every new connection is checked.
 */
export class EventIds {
  private readonly ids = new Recent<number, string>(10_000);

  constructor(
    private readonly reader: Reader,
    private readonly names: StreamNames,
    private readonly logEnd: Pick<LogEnd, 'moved' | 'idAt'>,
  ) {}

  /** @throws errors of the client, LogDamaged */
  async at(position: number): Promise<string | undefined> {
    const known = this.ids.get(position) ?? this.logEnd.idAt(position);
    if (known !== undefined || position === 0) return known;
    const found = await eventAt(this.reader, position);
    // Events of others are none of this log.
    if (!found || !this.names.isOurs(found.streamId)) return undefined;
    this.seen(position, found.id);
    return found.id;
  }

  /** An event was seen there. */
  seen(position: number, id: string): void {
    this.logEnd.moved(position, id);
    this.ids.set(position, id);
  }
}
