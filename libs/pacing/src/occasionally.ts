/**
 * Throttles calls: lets the first through, and then at most one every `everyMs`, with the number of calls that it
 * stands for. Trouble that lasts for hours must neither fill a log nor be missed in it.
 */
export function occasionally<T extends readonly unknown[]>(
  everyMs: number,
  call: (times: number, ...what: T) => void,
): (...what: T) => void {
  let calledAt = -Infinity;
  let times = 0;
  return (...what) => {
    times++;
    if (performance.now() - calledAt < everyMs) return;
    calledAt = performance.now();
    call(times, ...what);
    times = 0;
  };
}
