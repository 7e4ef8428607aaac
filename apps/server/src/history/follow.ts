import type { HistoryFilter } from '#read-models';
import type { HistoryBatch } from './cloud-event.js';
import type { LiveTail } from './live-tail.js';
import type { PastEvents } from './past-events.js';

export interface Following {
  readonly past: PastEvents;
  readonly tail: LiveTail;
  readonly filter: HistoryFilter;
  /** Exclusive. */
  readonly after: number;
  /** When nothing comes for this number of ms, an empty batch says up to where there was nothing. */
  readonly saysSomethingWithin: number;
  readonly signal: AbortSignal;
}

/**
 * Everything that is asked for after a position, first the past, then live, each event once and in the order of the log,
 * at the pace of the reader; ends with the signal. There is no hand-over that could lose or repeat anything: where
 * the next piece comes from is decided by the position of the last one alone. Begins with an empty batch.
 * @throws StoreUnavailable, LogDamaged
 */
export async function* follow({
  past,
  tail,
  filter,
  after,
  saysSomethingWithin,
  signal,
}: Following): AsyncGenerator<HistoryBatch, void> {
  const seat = await tail.join();
  try {
    yield { events: [], position: after };
    for (let position = after; !signal.aborted;) {
      if (seat.covers(position)) {
        const batch = await seat.next(filter, position, saysSomethingWithin, signal);
        if (!batch) continue;
        position = batch.position;
        yield batch;
      } else
        for await (const batch of past(filter, { after: position, until: seat.position(), signal })) {
          position = batch.position;
          yield batch;
        }
    }
  } finally {
    seat.leave();
  }
}
