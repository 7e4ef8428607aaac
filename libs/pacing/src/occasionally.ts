/**
 * Tells the first time and then at most once in so many ms, with how often it would have been told meanwhile: what goes on
 * for hours must neither fill a log nor be missed in it.
 */
export function occasionally<T extends readonly unknown[]>(
  everyMs: number,
  tell: (times: number, ...what: T) => void,
): (...what: T) => void {
  let toldAt = -Infinity;
  let times = 0;
  return (...what) => {
    times++;
    if (performance.now() - toldAt < everyMs) return;
    toldAt = performance.now();
    tell(times, ...what);
    times = 0;
  };
}
