import { StoreUnavailable, type EventStore } from '#event-sourcing';

/** The part of the log after a position. */
export interface Backlog {
  /** At least that many, while the store has no number of its own and not all of a long backlog has been read yet. */
  readonly events: number;
  /** When the first of them was recorded. */
  readonly oldest?: string;
}

export const noBacklog: Backlog = { events: 0 };

/** How many events are read at a time. */
export const pageSize = 1_000;
/** How many pages of a long backlog one look may read; the next goes on from there. */
const pagesInALook = 10;

/** The first events after a position. */
interface Page {
  readonly oldest: string | undefined;
  readonly positions: readonly number[];
}

/**
 * Counts the events after positions. Positions do not count events everywhere, and neither a health check nor a scrape may
 * read a whole log: what has been read is remembered by a mark for each page, so a view that stands still costs
 * what has been appended since the last look.
 */
export class LogCount {
  /** Positions, each with the number of events from the first mark on. */
  private marks: { position: number; count: number }[] = [];
  /** Full pages never change. */
  private pages = new Map<number, Page>();

  constructor(private readonly store: EventStore) {}

  /**
   * The backlog after each of the positions that lie before the head.
   * @throws StoreUnavailable, LogDamaged
   */
  async after(positions: readonly number[], head: number, late: AbortSignal): Promise<Map<number, Backlog>> {
    const pages = new Map<number, Page>();
    for (const position of positions)
      pages.set(position, this.pages.get(position) ?? (await this.page(position, late)));
    this.pages = new Map([...pages].filter(([, { positions }]) => positions.length >= pageSize));
    if (this.pages.size > 0 && !this.store.count) await this.readOn(Math.min(...this.pages.keys()), head, late);
    else this.marks = [];
    return new Map([...pages].map(([position, page]) => [position, this.backlog(position, page, head)]));
  }

  private backlog(position: number, { oldest, positions }: Page, head: number): Backlog {
    if (oldest === undefined) return noBacklog;
    if (positions.length < pageSize) return { events: positions.length, oldest };
    return { events: this.store.count?.(position, head) ?? this.counted(position, positions), oldest };
  }

  /** By the page up to the next mark, and by the marks from there on. */
  private counted(position: number, positions: readonly number[]): number {
    const next = this.marks.find((mark) => mark.position >= position);
    if (!next) return positions.length;
    const upToNext = positions.filter((each) => each <= next.position).length;
    return Math.max(positions.length, upToNext + this.marks.at(-1)!.count - next.count);
  }

  /** Goes on counting from where the last look has ended, from the lowest position on. */
  private async readOn(lowest: number, head: number, late: AbortSignal): Promise<void> {
    const first = this.marks.findLastIndex(({ position }) => position <= lowest);
    this.marks = first < 0 ? [{ position: lowest, count: 0 }] : this.marks.slice(first);
    for (let page = 0; page < pagesInALook; page++) {
      const { position, count } = this.marks.at(-1)!;
      if (position >= head) return;
      const { positions } = await this.page(position, late);
      const end = positions.at(-1);
      if (end === undefined) return;
      // Short steps become one, so that there is never more than a page between two marks, nor a mark for every look.
      const before = this.marks.at(-2);
      if (before && count + positions.length - before.count <= pageSize) this.marks.pop();
      this.marks.push({ position: end, count: count + positions.length });
    }
  }

  /** @throws StoreUnavailable when it ends early */
  private async page(after: number, late: AbortSignal): Promise<Page> {
    const enough = new AbortController();
    const positions: number[] = [];
    let oldest: string | undefined;
    try {
      const signal = AbortSignal.any([enough.signal, late]);
      for await (const batch of this.store.subscribe({ after, signal, batchSize: pageSize })) {
        oldest ??= batch.events[0]?.metadata.recordedAt;
        for (const { position } of batch.events) if (positions.length < pageSize) positions.push(position);
        if (batch.caughtUp || positions.length >= pageSize) return { oldest, positions };
      }
      throw new StoreUnavailable('The event store has ended the reading');
    } finally {
      enough.abort();
    }
  }
}

/** When the first event after a position was recorded; undefined when there is none. @throws StoreUnavailable, LogDamaged */
export async function firstAfter(store: EventStore, after: number, late: AbortSignal): Promise<string | undefined> {
  const enough = new AbortController();
  try {
    const signal = AbortSignal.any([enough.signal, late]);
    for await (const { events, caughtUp } of store.subscribe({ after, signal, batchSize: 1 }))
      if (events.length > 0 || caughtUp) return events[0]?.metadata.recordedAt;
    throw new StoreUnavailable('The event store has ended the reading');
  } finally {
    enough.abort();
  }
}
