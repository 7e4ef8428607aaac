import { setTimeout as pause } from 'node:timers/promises';

/**
 * A guard against waiting for ever, and no assertion: what has not come by then does not come, however busy the machine is.
 * Below the `testTimeout` of jest.config.js, so that a test that hangs names what it waited for.
 */
export const patienceMs = 120_000;

/** Waits until something holds. @throws Error with its name when it never does */
export async function eventually(
  what: string | (() => string),
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  for (const patience = AbortSignal.timeout(patienceMs); !(await holds()); await pause(5))
    if (patience.aborted) throw new Error(`Waited in vain: ${typeof what === 'string' ? what : what()}`);
}

/** The same promise, but one that is never settled fails with a name. */
export async function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited in vain: ${what}`)), patienceMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
