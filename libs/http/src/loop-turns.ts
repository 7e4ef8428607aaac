import { fairLines } from './fair-lines.js';
import { Problem } from './problem.js';

export interface LoopTurns {
  /** Resolves when there is time for a piece of work of this name. @throws Problem 429 when too much of it waits already */
  readonly take: (name: string) => Promise<void>;
}

export interface LoopTurnsOptions {
  /** How much of a turn of the event loop goes to this work, in ms; one piece is always let go. */
  readonly sliceMs?: number;
  /** How many pieces of one name may wait. */
  readonly longestLine?: number;
}

/** More pieces are not tried in one turn of the loop: one that answers nothing but a few words takes about 0.1 ms. */
const mostInOneTurn = 64;

/**
 * Shares out the event loop. An embedded database answers at once, so that whatever has come in at the same time would be
 * done in one turn of the loop: for seconds, in which nobody else is heard. Here work is let go by turns, names one after
 * the other, and only as much in one turn of the loop as fits into a slice; then the loop goes round, and with it all that
 * does not wait here, such as commands.
 */
export function loopTurns({ sliceMs = 5, longestLine = Infinity }: LoopTurnsOptions = {}): LoopTurns {
  const lines = fairLines<() => void>();
  let steps = 0;
  let endsAt: number | undefined;

  // Node does everything that a piece can do without waiting before the next of these: the clock knows what it took.
  function step(): void {
    const isFirst = endsAt === undefined;
    endsAt ??= performance.now() + sliceMs;
    if (isFirst || performance.now() < endsAt) lines.next()?.();
    if (--steps > 0) return;
    endsAt = undefined;
    schedule();
  }

  function schedule(): void {
    // What comes while a turn is shared out is for the next.
    if (endsAt !== undefined) return;
    for (; steps < Math.min(lines.size(), mostInOneTurn); steps++) setImmediate(step);
  }

  return {
    take(name) {
      if (lines.lengthOf(name) >= longestLine) return Promise.reject(tooMuchWaits());
      return new Promise((resolve) => {
        lines.add(name, resolve);
        schedule();
      });
    },
  };
}

/** What waits is done within seconds, and then there is room again. */
export function tooMuchWaits(): Problem {
  return new Problem('TooManyRequests', { outcome: 'none' }, { 'Retry-After': '1' });
}
