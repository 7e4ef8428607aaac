import { FairLines } from './fair-lines.js';

export interface LoopTurns {
  /** Resolves when there is time for a piece of work of this name. @throws the refusal when too many of its pieces wait already */
  readonly take: (name: string, longest?: LongestLine) => Promise<void>;
}

export interface LongestLine {
  /** How many pieces of one name may wait. */
  readonly length: number;
  readonly refusal: () => Error;
}

/** The most pieces in one turn of the loop: even a very short answer takes about 0.1 ms. */
const mostInOneTurn = 64;

/**
 * How often the loop goes round after a whole slice; less often after part of one, and never for longer than some
 * slices. In each round it accepts one new connection and no more (libuv since 1.46), and those of other callers may
 * wait after a thousand of one caller.
 */
const roundsBetween = 32;
const slicesBetween = 4;

/**
 * Shares out the event loop. An embedded database answers at once, so all questions that arrive together would be
 * answered in one turn of the loop, and no one else would be served for seconds. Here names take turns, and one turn of
 * the loop does only as much as fits into a slice. Then the loop goes round and serves everything that does not wait
 * here, such as commands.
 * @param sliceMs how much of a turn of the event loop goes to this work; one piece is always done
 */
export function loopTurns({ sliceMs = 5 }: { readonly sliceMs?: number } = {}): LoopTurns {
  const lines = new FairLines<() => void>();
  let isSharing = false;

  function share(): void {
    isSharing = lines.size > 0;
    if (!isSharing) return;
    let beganAt: number | undefined;
    // Node runs a piece as far as it can go without waiting before the next callback, so the clock shows what it took.
    const letGo = () => {
      if (beganAt !== undefined && performance.now() - beganAt >= sliceMs) return;
      beganAt ??= performance.now();
      lines.next()?.();
    };
    for (let pieces = Math.min(lines.size, mostInOneTurn); pieces > 0; pieces--) setImmediate(letGo);
    setImmediate(() => {
      const used = Math.min(performance.now() - beganAt!, sliceMs);
      rest(Math.round((roundsBetween * used) / sliceMs), performance.now() + slicesBetween * used);
    });
  }

  function rest(rounds: number, until: number): void {
    if (rounds > 0 && performance.now() < until) setImmediate(rest, rounds - 1, until);
    else share();
  }

  return {
    take(name, longest) {
      if (longest && lines.lengthOf(name) >= longest.length) return Promise.reject(longest.refusal());
      if (!isSharing) setImmediate(share);
      isSharing = true;
      return new Promise((resolve) => lines.add(name, resolve));
    },
  };
}

/** The turns of this thread: it has one event loop, so one place shares it out. */
export const turnsOfTheLoop: LoopTurns = loopTurns();
