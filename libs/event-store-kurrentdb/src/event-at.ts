import { kindOf } from './client-errors.js';
import { positionOf } from './event-records.js';
import type { LogEvent } from './live-subscription.js';
import type { Reader } from './reader.js';

/** The event that starts at a position, of any application. @throws errors of the client, LogDamaged */
export async function eventAt(reader: Reader, position: number): Promise<LogEvent | undefined> {
  try {
    const [found] = await reader.all({ from: position, count: 1 });
    // The server reads on to the next event where none begins.
    return found?.event && positionOf(found.event) === position ? found.event : undefined;
  } catch (error) {
    if (kindOf(error) === 'badPosition') return undefined;
    throw error;
  }
}
