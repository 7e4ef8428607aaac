import type { ReportEarlier } from '#event-sourcing';
import type { Logger } from 'pino';
import { occasionally } from '#pacing';
import type { TrustedClock } from './trusted-clock/trusted-clock.js';

/**
 * Warns when the clock reads earlier than the last event of a stream. A command's own time is no sign of that: it is
 * read when the command comes in, and another server may append before the command is decided.
 */
export function clockSetBack(
  clock: Pick<TrustedClock, 'estimate'>,
  logger: Pick<Logger, 'warn'>,
  everyMs = 60_000,
): ReportEarlier {
  const warn = occasionally(everyMs, (times, stream: string, now: string, lastRecordedAt: string) =>
    logger.warn({ stream, now, lastRecordedAt, times }, 'the clock reads earlier than the last event'),
  );
  return (stream, _, lastRecordedAt) => {
    const now = new Date(clock.estimate()).toISOString();
    if (now < lastRecordedAt) warn(stream, now, lastRecordedAt);
  };
}
