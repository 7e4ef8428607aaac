import { setTimeout as delay } from 'node:timers/promises';
import { StoreUnavailable, type EventStore } from '#event-sourcing';
import { BackOff } from '#pacing';
import { historySubjectOf, isAskedFor, type HistoryFilter } from '#read-models';
import type { HistoryBatch, Serialise, SerialisedEvent } from './cloud-event.js';

export interface LiveTailOptions {
  readonly store: Pick<EventStore, 'head' | 'subscribe'>;
  readonly serialise: Serialise;
  /** How many of the last events are kept for readers (default 1,000) … */
  readonly keptEvents?: number;
  /** … and how many characters of them at most, unless a single one has more (default 4 Mi). */
  readonly keptCharacters?: number;
  /** The most events in a batch (default 256). */
  readonly batchSize?: number;
  /** The store cannot be read now; it is tried again. */
  readonly onTrouble?: (error: StoreUnavailable) => void;
}

/** A reader's place at the end of the log. */
export interface Seat {
  /** Up to here the log has been read. */
  readonly position: () => number;
  /** Whether all that stands after a position is kept here; what is not must be read from the past. */
  readonly covers: (position: number) => boolean;
  /**
   * What is asked for after a position; waits for it up to a number of ms, and then says up to where there was nothing.
   * Undefined when it is not kept (any more), and when the signal has come.
   * @throws what has ended the reading of the log: that it is damaged, say
   */
  readonly next: (
    filter: HistoryFilter,
    after: number,
    within: number,
    signal: AbortSignal,
  ) => Promise<HistoryBatch | undefined>;
  readonly leave: () => void;
}

export interface LiveTail {
  /** @throws StoreUnavailable, LogDamaged */
  readonly join: () => Promise<Seat>;
  /** How many have a seat. */
  readonly seats: () => number;
}

const pauses = { first: 100, most: 5_000 };

/**
 * The end of the log for all live readers of this process: one subscription, which begins with the first reader and ends
 * after the last. The last events are kept once, for all of them; each reader takes from there at its own pace, and one
 * that is too slow for what is kept reads on from the past. So no reader holds up the others, and memory does not grow
 * with their number.
 */
export function liveTail(options: LiveTailOptions): LiveTail {
  let running: Running | undefined;
  let seats = 0;

  return {
    async join() {
      const mine = (running ??= start(options));
      seats++;
      let left = false;
      const leave = () => {
        if (left) return;
        left = true;
        seats--;
        if (--mine.readers > 0) return;
        mine.end();
        if (running === mine) running = undefined;
      };
      mine.readers++;
      try {
        await mine.begun;
      } catch (error) {
        // The next reader tries anew.
        if (running === mine) running = undefined;
        leave();
        throw error;
      }
      return {
        position: () => mine.kept.upTo,
        covers: (position) => position >= mine.kept.after,
        next: (filter, after, within, signal) => {
          // What has ended it may be over for the next one.
          if (mine.failure() && running === mine) running = undefined;
          return mine.next(filter, after, within, signal);
        },
        leave,
      };
    },
    seats: () => seats,
  };
}

interface Kept {
  events: SerialisedEvent[];
  characters: number;
  /** Everything after this position … */
  after: number;
  /** … up to this one is kept. */
  upTo: number;
}

interface Running extends Pick<Seat, 'next'> {
  readers: number;
  readonly kept: Kept;
  readonly begun: Promise<void>;
  readonly failure: () => unknown;
  readonly end: () => void;
}

function start({
  store,
  serialise,
  keptEvents = 1_000,
  keptCharacters = 4 * 1024 * 1024,
  batchSize = 256,
  onTrouble,
}: LiveTailOptions): Running {
  const ending = new AbortController();
  const waiting = new Set<() => void>();
  const kept: Kept = { events: [], characters: 0, after: 0, upTo: 0 };
  let failure: { readonly error: unknown } | undefined;

  function wake(): void {
    for (const resume of [...waiting]) resume();
  }

  async function begin(): Promise<void> {
    kept.after = kept.upTo = await store.head();
    void read();
  }

  async function read(): Promise<void> {
    const { signal } = ending;
    const backOff = new BackOff(pauses);
    while (!signal.aborted) {
      try {
        for await (const { events, position } of store.subscribe({ after: kept.upTo, signal })) {
          for (const event of events) if (historySubjectOf(event.stream)) keep(serialise(event));
          kept.upTo = Math.max(kept.upTo, position);
          backOff.reset();
          wake();
        }
        if (!signal.aborted) throw new StoreUnavailable('The event store has ended the subscription');
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof StoreUnavailable)) {
          failure = { error };
          wake();
          return;
        }
        onTrouble?.(error);
        await delay(backOff.next(), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  function keep(event: SerialisedEvent): void {
    kept.events.push(event);
    kept.characters += event.text.length;
    let gone = 0;
    while (
      kept.events.length - gone > 1 &&
      (kept.events.length - gone > keptEvents || kept.characters > keptCharacters)
    ) {
      const { recorded, text } = kept.events[gone++]!;
      kept.after = recorded.position;
      kept.characters -= text.length;
    }
    // Not one by one: moving all others each time would cost more than everything else here.
    if (gone > 0) kept.events.splice(0, gone);
  }

  async function next(
    filter: HistoryFilter,
    after: number,
    within: number,
    signal: AbortSignal,
  ): Promise<HistoryBatch | undefined> {
    const deadline = performance.now() + within;
    for (let position = after; ;) {
      if (signal.aborted || position < kept.after) return undefined;
      const asked = keptAfter(position).filter(({ recorded }) => isAskedFor(filter, recorded));
      if (asked.length > batchSize) {
        const events = asked.slice(0, batchSize);
        return { events, position: events.at(-1)!.recorded.position };
      }
      position = Math.max(position, kept.upTo);
      if (asked.length > 0) return { events: asked, position };
      if (failure) throw failure.error;
      const left = deadline - performance.now();
      if (left <= 0) return { events: [], position };
      await something(left, signal);
    }
  }

  function keptAfter(position: number): readonly SerialisedEvent[] {
    if (position >= kept.upTo) return [];
    let [low, high] = [0, kept.events.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (kept.events[middle]!.recorded.position > position) high = middle;
      else low = middle + 1;
    }
    return kept.events.slice(low);
  }

  function something(within: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const resume = () => {
        clearTimeout(timer);
        waiting.delete(resume);
        signal.removeEventListener('abort', resume);
        resolve();
      };
      const timer = setTimeout(resume, within);
      waiting.add(resume);
      signal.addEventListener('abort', resume);
    });
  }

  return {
    readers: 0,
    kept,
    begun: begin(),
    failure: () => failure?.error,
    next,
    end: () => ending.abort(),
  };
}
