import { setTimeout as delay } from 'node:timers/promises';
import { StoreUnavailable, type EventStore } from '#event-sourcing';
import { BackOff } from '#pacing';
import { historySubjectOf, isAskedFor, type HistoryFilter } from '#read-models';
import type { HistoryBatch, Serialise, SerialisedEvent } from './cloud-event.js';

export interface LiveTailOptions {
  readonly store: Pick<EventStore, 'head' | 'subscribe'>;
  readonly serialise: Serialise;
  /** How many of the last events are kept (default 1,000) … */
  readonly keptEvents?: number;
  /** … and how many characters of them at most; a single event may have more (default 4 Mi). */
  readonly keptCharacters?: number;
  /** The most events in a batch (default 256). */
  readonly batchSize?: number;
  /** Called when the store cannot be read; it is retried. */
  readonly onTrouble?: (error: StoreUnavailable) => void;
}

const pauses = { first: 100, most: 5_000 };

export type LiveTail = ReturnType<typeof liveTail>;

/**
 * The end of the log for all live readers of this process: one subscription, which starts with the first reader and ends
 * after the last. The last events are kept once for all readers, and each takes them at its own pace. A reader that is too
 * slow for what is kept goes on from the past. So no reader slows down another, and memory does not grow with their number.
 */
export function liveTail(options: LiveTailOptions) {
  let running: LogEnd | undefined;
  let seats = 0;

  return {
    /** A reader's seat at the end of the log. @throws StoreUnavailable, LogDamaged */
    async join() {
      const mine = (running ??= new LogEnd(options));
      const startOver = () => {
        if (running === mine) running = undefined;
      };
      let left = false;
      const leave = () => {
        if (left) return;
        left = true;
        seats--;
        if (--mine.readers > 0) return;
        mine.end();
        startOver();
      };
      seats++;
      mine.readers++;
      try {
        await mine.begun;
      } catch (error) {
        // The next reader tries again.
        startOver();
        leave();
        throw error;
      }
      return {
        /** How far the log has been read. */
        position: () => mine.upTo,
        /** Whether every event after a position is kept here; if not, they are read from the past. */
        covers: (position: number) => position >= mine.after,
        next: (...asked: Parameters<LogEnd['next']>) => {
          // The cause of the failure may be gone for the next reader.
          if (mine.failure) startOver();
          return mine.next(...asked);
        },
        leave,
      };
    },
    /** How many readers have a seat. */
    seats: () => seats,
  };
}

/** One subscription to the log, with its last events. */
class LogEnd {
  readers = 0;
  failure: { readonly error: unknown } | undefined;
  /** Every event after this position … */
  after = 0;
  /** … up to this one is kept. */
  upTo = 0;
  readonly begun: Promise<void>;
  private readonly events: SerialisedEvent[] = [];
  private characters = 0;
  private readonly ending = new AbortController();
  private readonly waiting = new Set<() => void>();

  constructor(private readonly options: LiveTailOptions) {
    this.begun = this.begin();
  }

  end(): void {
    this.ending.abort();
  }

  /**
   * The events asked for after a position. Waits for them up to a number of ms, and then answers how far there are none.
   * Undefined when the position is not kept, or no longer, and when the signal is aborted.
   * @throws what has ended the reading of the log, such as LogDamaged
   */
  async next(
    filter: HistoryFilter,
    after: number,
    within: number,
    signal: AbortSignal,
  ): Promise<HistoryBatch | undefined> {
    const { batchSize = 256 } = this.options;
    const deadline = performance.now() + within;
    for (let position = after; ;) {
      if (signal.aborted || position < this.after) return undefined;
      const asked = this.keptAfter(position).filter(({ recorded }) => isAskedFor(filter, recorded));
      if (asked.length > batchSize) {
        const events = asked.slice(0, batchSize);
        return { events, position: events.at(-1)!.recorded.position };
      }
      position = Math.max(position, this.upTo);
      if (asked.length > 0) return { events: asked, position };
      if (this.failure) throw this.failure.error;
      const left = deadline - performance.now();
      if (left <= 0) return { events: [], position };
      await this.something(left, signal);
    }
  }

  private async begin(): Promise<void> {
    this.after = this.upTo = await this.options.store.head();
    void this.read();
  }

  private async read(): Promise<void> {
    const { store, serialise, onTrouble } = this.options;
    const { signal } = this.ending;
    const backOff = new BackOff(pauses);
    while (!signal.aborted) {
      try {
        for await (const { events, position } of store.subscribe({ after: this.upTo, signal })) {
          for (const event of events) if (historySubjectOf(event.stream)) this.keep(serialise(event));
          this.upTo = Math.max(this.upTo, position);
          backOff.reset();
          this.wake();
        }
        if (!signal.aborted) throw new StoreUnavailable('The event store has ended the subscription');
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof StoreUnavailable)) {
          this.failure = { error };
          this.wake();
          return;
        }
        onTrouble?.(error);
        await delay(backOff.next(), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  private keep(event: SerialisedEvent): void {
    const { keptEvents = 1_000, keptCharacters = 4 * 1024 * 1024 } = this.options;
    const { events } = this;
    events.push(event);
    this.characters += event.text.length;
    let gone = 0;
    while (events.length - gone > 1 && (events.length - gone > keptEvents || this.characters > keptCharacters)) {
      const { recorded, text } = events[gone++]!;
      this.after = recorded.position;
      this.characters -= text.length;
    }
    // All at once: to move the others for each of them would cost more than everything else here.
    if (gone > 0) events.splice(0, gone);
  }

  private keptAfter(position: number): readonly SerialisedEvent[] {
    return this.events.slice(this.events.findLastIndex(({ recorded }) => recorded.position <= position) + 1);
  }

  private wake(): void {
    for (const resume of [...this.waiting]) resume();
  }

  private something(within: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const resume = () => {
        clearTimeout(timer);
        this.waiting.delete(resume);
        signal.removeEventListener('abort', resume);
        resolve();
      };
      const timer = setTimeout(resume, within);
      this.waiting.add(resume);
      signal.addEventListener('abort', resume);
    });
  }
}
