import { jest } from '@jest/globals';

/**
 * `performance.now` stands still until a test lets time pass (`jest.advanceTimersByTime`), so that what work takes does not
 * depend on the machine. Timers go on.
 */
export function onlyWorkTakesTime(): void {
  jest.useFakeTimers({
    doNotFake: [
      'Date',
      'hrtime',
      'nextTick',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
      'setTimeout',
      'clearTimeout',
    ],
  });
}
