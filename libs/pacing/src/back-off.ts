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

  /** After an attempt that has succeeded, pauses begin anew. */
  reset(): void {
    this.upcoming = this.pauses.first;
  }
}

/** Between a half and the whole of a pause, so that those who failed together do not all try again together. */
export function jittered(pause: number): number {
  return pause * (0.5 + Math.random() / 2);
}
