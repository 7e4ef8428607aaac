import type { HistoryFilter } from '#read-models';
import type { HistoryBatch } from './cloud-event.js';
import type { LiveTail } from './live-tail.js';
import type { PastEvents, PastRange } from './past-events.js';

export interface Following extends Pick<PastRange, 'after' | 'signal'> {
  readonly past: PastEvents;
  readonly tail: LiveTail;
  readonly filter: HistoryFilter;
  /** After this number of ms without an event, an empty batch says how far there is none. */
  readonly saysSomethingWithin: number;
}

/**
 * All events asked for after a position, first from the past, then live: each once, in the order of the log, at the pace of
 * the reader. Starts with an empty batch and ends with the signal. Nothing can be lost or repeated between past and live,
 * because only the position of the last batch decides where the next one comes from.
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
