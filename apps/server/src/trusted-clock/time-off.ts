import type { Logger } from 'pino';
import { newestRecording } from '../newest-recording.js';
import type { ServedLedger } from '../served-ledger.js';

/**
 * At a start nobody can tell a clock that is ahead from a server that was off: the clock is believed, and a person is told
 * how long nothing was recorded.
 */
export async function reportTimeOff(
  ledger: Pick<ServedLedger, 'clock' | 'views'>,
  longestMs: number,
  logger: Pick<Logger, 'warn'>,
): Promise<void> {
  const newest = await newestRecording(ledger);
  const now = ledger.clock.estimate();
  if (newest === undefined || now - Date.parse(newest) <= longestMs) return;
  logger.warn(
    { newestEvent: newest, now: new Date(now).toISOString() },
    'nothing has been recorded for long: if the server was not off and idle since, its clock is ahead; stop it and set the clock',
  );
}
