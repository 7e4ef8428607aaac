import { FairLines } from './fair-lines.js';

export interface PoolBounds {
  /** How many places there are; unlimited by default. */
  readonly atOnce?: number;
  /** How many of them one name may have; all of them by default. */
  readonly ofOne?: number;
  /** How many may wait for a place; none by default. */
  readonly waiting?: number;
  /** How many of them one name may have; all of them by default. */
  readonly waitingOfOne?: number;
  /** Who gets a free place: the next line in turn, or the name that has the fewest places. */
  readonly next?: 'inTurn' | 'fewestFirst';
}

/** A place in a pool, or in the line for one. */
export interface Place {
  readonly isTaken: boolean;
  /** Gives the place back, or leaves the line. A second time does nothing. */
  readonly leave: () => void;
}

/** Places for work that holds memory, files or connections. Bounds all of them, those of one name, and how many may wait. */
export class BoundedPool {
  private readonly lines = new FairLines<() => void>();
  private readonly taken = new Map<string, number>();
  private all = 0;

  constructor(private readonly bounds: PoolBounds) {}

  /** How many places are taken: by one name, or in all. */
  taking(name?: string): number {
    return name === undefined ? this.all : (this.taken.get(name) ?? 0);
  }

  waiting(): number {
    return this.lines.size;
  }

  /**
   * Takes a place, or stands in line for one; undefined where there is room for neither.
   * @param start called once the place is taken: at once, or when its turn comes
   */
  enter(name: string, start: () => void = () => undefined): Place | undefined {
    let isTaken = false;
    let hasLeft = false;
    const take = () => {
      isTaken = true;
      this.add(name, 1);
      start();
    };
    const leave = () => {
      if (hasLeft) return;
      hasLeft = true;
      if (!isTaken) return this.lines.remove(name, take);
      this.add(name, -1);
      // The next one starts at once, so that no newcomer takes its place.
      this.lines.next(this.mayTake, this.bounds.next === 'fewestFirst' ? (each) => this.taking(each) : undefined)?.();
    };
    if (this.mayTake(name)) take();
    else if (this.mayWait(name)) this.lines.add(name, take);
    else return undefined;
    return {
      get isTaken() {
        return isTaken;
      },
      leave,
    };
  }

  /** Does work in a place of its own. @throws the refusal when too many wait already */
  async run<Result>(name: string, work: () => Promise<Result>, refusal: () => Error): Promise<Result> {
    const turn = Promise.withResolvers<void>();
    const place = this.enter(name, turn.resolve);
    if (!place) throw refusal();
    if (!place.isTaken) await turn.promise;
    try {
      return await work();
    } finally {
      place.leave();
    }
  }

  private readonly mayTake = (name: string): boolean => {
    const { atOnce = Infinity, ofOne = atOnce } = this.bounds;
    return this.all < atOnce && this.taking(name) < ofOne;
  };

  private mayWait(name: string): boolean {
    const { waiting = 0, waitingOfOne = waiting } = this.bounds;
    return this.lines.size < waiting && this.lines.lengthOf(name) < waitingOfOne;
  }

  private add(name: string, count: 1 | -1): void {
    this.all += count;
    const left = this.taking(name) + count;
    if (left > 0) this.taken.set(name, left);
    else this.taken.delete(name);
  }
}
