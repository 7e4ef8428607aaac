export interface Patience {
  /** Starts counting again: something has arrived. */
  readonly renew: () => void;
  readonly end: () => void;
}

const parts = 16;

/**
 * Calls back once it has waited that many milliseconds. They are counted in small parts, each of which lets the answers in
 * that wait at the socket: a process that was itself held up (a long collection of garbage, a machine with too much to do)
 * must not take its own silence for the server's.
 */
export function patience(milliseconds: number, onSpent: () => void): Patience {
  let waited = 0;
  const timer = setInterval(() => {
    if (++waited < parts) return;
    clearInterval(timer);
    onSpent();
  }, milliseconds / parts);
  return { renew: () => void (waited = 0), end: () => clearInterval(timer) };
}
