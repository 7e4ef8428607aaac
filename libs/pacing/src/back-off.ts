export interface Pauses {
  /** In ms. */
  readonly first: number;
  readonly most: number;
}

/** The pauses between attempts: each twice as long as the one before, up to the longest. */
export class BackOff {
  private upcoming: number;

  constructor(private readonly pauses: Pauses) {
    this.upcoming = pauses.first;
  }

  /** How long to pause now, in ms. */
  next(): number {
    const pause = this.upcoming;
    this.upcoming = Math.min(2 * pause, this.pauses.most);
    return pause;
  }

  /** Call it after a successful attempt: the next pause is the first again. */
  reset(): void {
    this.upcoming = this.pauses.first;
  }
}

/** Between half of a pause and all of it, so that clients that failed together do not retry together. */
export function jittered(pause: number): number {
  return pause * (0.5 + Math.random() / 2);
}
