import { NoAnswer } from './client-errors.js';

const parts = 16;

/**
 * Calls back once it has waited that many milliseconds. They are counted in small parts, each of which lets the answers in
 * that wait at the socket: a process that was itself held up (a long collection of garbage, a machine with too much to do)
 * must not take its own silence for the server's.
 */
export function patience(milliseconds: number, onSpent: () => void) {
  let waited = 0;
  const timer = setInterval(() => {
    if (++waited < parts) return;
    clearInterval(timer);
    onSpent();
  }, milliseconds / parts);
  /** `renew` starts counting again: something has arrived. */
  return { renew: () => void (waited = 0), end: () => clearInterval(timer) };
}

/** @throws NoAnswer */
export async function within<T>(milliseconds: number, call: string, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const { end } = patience(milliseconds, () => reject(new NoAnswer(call, milliseconds)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    end();
  }
}

/** The promise, or a rejection with the signal's reason as soon as it is aborted; what is under way ends by its own timer. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
