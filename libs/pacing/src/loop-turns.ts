import { FairLines } from './fair-lines.js';

export interface LoopTurns {
  /** Resolves when there is time for a piece of work of this name. @throws what the refusal makes where too much of it waits already */
  readonly take: (name: string, longest?: LongestLine) => Promise<void>;
}

export interface LongestLine {
  /** How many pieces of one name may wait. */
  readonly length: number;
  readonly refusal: () => Error;
}

/** More pieces are not tried in one turn of the loop: one that answers nothing but a few words takes about 0.1 ms. */
const mostInOneTurn = 64;

/**
 * So often the loop goes round after a slice, and less often after a part of one, unless that takes as long as some slices.
 * Each time it takes in one new connection and no more (libuv since 1.46), and those of others stand in one line with a
 * thousand of one caller.
 */
const roundsBetween = 32;
const slicesBetween = 4;

/**
 * Shares out the event loop. An embedded database answers at once, so all that has come in at the same time would be
 * done in one turn of the loop: for seconds, in which nobody else is served. Here names take their turns one after the
 * other, and in one turn of the loop only as much is done as fits into a slice. Then the loop goes round, and with it all
 * that does not wait here, such as commands.
 * @param sliceMs how much of a turn of the event loop goes to this work; one piece is always done
 */
export function loopTurns({ sliceMs = 5 }: { readonly sliceMs?: number } = {}): LoopTurns {
  const lines = new FairLines<() => void>();
  let isSharing = false;

  function share(): void {
    isSharing = lines.size > 0;
    if (!isSharing) return;
    let beganAt: number | undefined;
    // Node does all that a piece can do without waiting before the next of these, so that the clock knows what it took.
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

/** Those of this thread. There is one event loop, so there is one who shares it out. */
export const turnsOfTheLoop: LoopTurns = loopTurns();
