import { afterEach, expect, it, jest } from '@jest/globals';
import { occasionally } from './occasionally.js';

afterEach(() => void jest.useRealTimers());

it('reports at once, then only now and then, with how often it would have reported', () => {
  jest.useFakeTimers();
  const told: unknown[] = [];
  const tell = occasionally(50, (times, what: string) => told.push([times, what]));
  tell('first');
  tell('second');
  tell('third');
  expect(told).toEqual([[1, 'first']]);
  jest.advanceTimersByTime(50);
  tell('fourth');
  expect(told).toEqual([
    [1, 'first'],
    [3, 'fourth'],
  ]);
});
