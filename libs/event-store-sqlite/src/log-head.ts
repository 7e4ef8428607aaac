import type { Database } from 'better-sqlite3';
import { LogDamaged } from '#event-sourcing';

/** The last event of the log; position 0 where there is none. */
export interface Head {
  readonly position: number;
  readonly id: string;
}

/**
 * What a store knows of the end of its log, for all of its connections: the last event that it has written or seen.
 * Removing the newest events, or putting others in their place, would otherwise go unnoticed by everything
 * that only reads on from there.
 */
export class LogHead {
  known: Head = { position: 0, id: '' };

  /** An event was written, or seen: what comes before it need not be known any more. */
  moved(head: Head): void {
    if (head.position > this.known.position) this.known = head;
  }
}

/**
 * Looks at the end of the log by one connection, and holds it to what is known.
 * @throws LogDamaged when the log ends before the event that is known, or has another there; errors of the driver
 */
export function headOf(database: Database, head: LogHead): () => Head {
  const last = database.prepare('SELECT position, id FROM events ORDER BY position DESC LIMIT 1').raw();
  const idOf = database.prepare('SELECT id FROM events WHERE position = ?').pluck();
  return () => {
    const { known } = head;
    const [position, id] = (last.get() as [number, string] | undefined) ?? [0, ''];
    if (position < known.position) throw shortened(position, known.position);
    const there = position === known.position ? id : (idOf.get(known.position) as string | undefined);
    // Nothing stands at position 0.
    if (known.position > 0 && there !== known.id) throw replaced(known, there);
    return { position, id };
  };
}

export function shortened(position: number, known: number): LogDamaged {
  return new LogDamaged(
    `The log ends at position ${position}, but position ${known} has been there: its newest events were taken away. ${remedy}`,
  );
}

export function replaced({ position, id }: Head, now: string | undefined): LogDamaged {
  return new LogDamaged(
    `The event at position ${position} was ${id}, now ${now === undefined ? 'there is none' : `it is ${now}`}. ${remedy}`,
  );
}

export function gap(due: number, found: number): LogDamaged {
  return new LogDamaged(
    `Position ${due} of the log is missing, position ${found} comes next: events were taken away. ${remedy}`,
  );
}

const remedy = 'Stop the server, run the integrity check, restore a backup; nothing is written meanwhile.';
