import type { Logger } from 'pino';
import { occasionally } from '#pacing';

/**
 * Warns of a clock that reads earlier now than the last event of a stream. A command's own time is no sign of that: it is
 * taken when the command comes in, and by the time the command is decided another server may have appended.
 */
export function clockSetBack(
  clock: () => string,
  logger: Pick<Logger, 'warn'>,
  everyMs = 60_000,
): (stream: string, now: string, lastRecordedAt: string) => void {
  const warn = occasionally(everyMs, (times, stream: string, now: string, lastRecordedAt: string) =>
    logger.warn({ stream, now, lastRecordedAt, times }, 'the clock reads earlier than the last event'),
  );
  return (stream, _, lastRecordedAt) => {
    const now = clock();
    if (now < lastRecordedAt) warn(stream, now, lastRecordedAt);
  };
}
