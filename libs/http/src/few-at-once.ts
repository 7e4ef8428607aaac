import { fairLines } from './fair-lines.js';
import { tooMuchWaits } from './loop-turns.js';

export interface FewAtOnceOptions {
  readonly atOnce: number;
  /** Of one name. */
  readonly ofOne: number;
  /** How many of one name may wait. */
  readonly longestLine: number;
}

/** Does work when its name's turn has come. @throws Problem 429 when too much of it waits already */
export type FewAtOnce = <Result>(name: string, work: () => Promise<Result>) => Promise<Result>;

/** For work that holds much memory while it is under way: only so much of it is, and of one name less. */
export function fewAtOnce({ atOnce, ofOne, longestLine }: FewAtOnceOptions): FewAtOnce {
  const lines = fairLines<() => void>();
  const underWay = new Map<string, number>();
  let all = 0;
  const may = (name: string) => all < atOnce && (underWay.get(name) ?? 0) < ofOne;

  function begin(name: string): void {
    all++;
    underWay.set(name, (underWay.get(name) ?? 0) + 1);
  }

  function end(name: string): void {
    all--;
    const left = underWay.get(name)! - 1;
    if (left > 0) underWay.set(name, left);
    else underWay.delete(name);
    lines.next(may)?.();
  }

  return async (name, work) => {
    if (may(name)) begin(name);
    else if (lines.lengthOf(name) >= longestLine) throw tooMuchWaits();
    // Whoever ends begins the next at once, so that nobody who comes meanwhile gets in before it.
    else await new Promise<void>((resolve) => lines.add(name, () => (begin(name), resolve())));
    try {
      return await work();
    } finally {
      end(name);
    }
  };
}
