import { afterEach, expect, it, jest } from '@jest/globals';
import { occasionally } from './occasionally.js';

afterEach(() => void jest.useRealTimers());

it('reports at once, then only now and then, with how often it would have reported', () => {
  jest.useFakeTimers();
  const calls: unknown[] = [];
  const report = occasionally(50, (times, what: string) => calls.push([times, what]));
  report('first');
  report('second');
  report('third');
  expect(calls).toEqual([[1, 'first']]);
  jest.advanceTimersByTime(50);
  report('fourth');
  expect(calls).toEqual([
    [1, 'first'],
    [3, 'fourth'],
  ]);
});
