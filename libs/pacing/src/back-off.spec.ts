import { expect, it } from '@jest/globals';
import { BackOff, jittered } from './back-off.js';

it('pauses twice as long each time, up to the longest, and starts over after a success', () => {
  const backOff = new BackOff({ first: 50, most: 300 });
  expect(Array.from({ length: 5 }, () => backOff.next())).toEqual([50, 100, 200, 300, 300]);
  backOff.reset();
  expect(backOff.next()).toBe(50);
});

it('spreads a pause over its second half', () => {
  for (let times = 0; times < 100; times++) {
    expect(jittered(80)).toBeGreaterThanOrEqual(40);
    expect(jittered(80)).toBeLessThanOrEqual(80);
  }
});
