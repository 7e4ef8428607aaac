import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { rateLimit } from './rate-limit.js';

describe('a rate limit', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('admits up to the quota in a window, with what is left, and then with the time until the window ends', () => {
    const limit = rateLimit({ counts: 'caller', quota: 3, windowSeconds: 60 });
    expect(limit.policy).toBe('"caller";q=3;w=60');
    expect(limit.take('a')).toEqual({ admitted: true, field: '"caller";r=2;t=60', retryAfter: 60 });
    expect(limit.take('a', 2)).toMatchObject({ admitted: true, field: '"caller";r=0;t=60' });
    expect(limit.take('a')).toEqual({ admitted: false, field: '"caller";r=0;t=60', retryAfter: 60 });
    expect(limit.take('b')).toMatchObject({ admitted: true });
  });

  it('takes nothing for what it refuses', () => {
    const limit = rateLimit({ counts: 'caller', quota: 10, windowSeconds: 60 });
    limit.take('a', 6);
    for (let attempt = 0; attempt < 3; attempt++)
      expect(limit.take('a', 5)).toMatchObject({ admitted: false, field: '"caller";r=4;t=60' });
    expect(limit.take('a', 4)).toMatchObject({ admitted: true });
  });

  it('admits a cost above the quota if only its own request was taken before', () => {
    const limit = rateLimit({ counts: 'caller', quota: 10, windowSeconds: 60 });
    // The request that carries many has been counted itself by then.
    limit.take('a');
    expect(limit.take('a', 499)).toMatchObject({ admitted: true, field: '"caller";r=0;t=60' });
    expect(limit.take('a', 499)).toMatchObject({ admitted: false });
  });

  it('starts over when the window has ended', () => {
    const limit = rateLimit({ counts: 'caller', quota: 1, windowSeconds: 1 });
    limit.take('a');
    expect(limit.take('a')).toMatchObject({ admitted: false, retryAfter: 1 });
    jest.advanceTimersByTime(1_050);
    expect(limit.take('a')).toMatchObject({ admitted: true });
  });

  it('takes what is owed whatever is left, until the window ends', () => {
    const limit = rateLimit({ counts: 'caller', quota: 10, windowSeconds: 1 });
    limit.take('a');
    expect(limit.owe('a', 4)).toMatchObject({ admitted: true, field: '"caller";r=5;t=1' });
    expect(limit.owe('a', 40)).toMatchObject({ admitted: false, field: '"caller";r=0;t=1' });
    expect(limit.take('a')).toMatchObject({ admitted: false, field: '"caller";r=0;t=1' });
    jest.advanceTimersByTime(1_050);
    expect(limit.take('a')).toMatchObject({ admitted: true, field: '"caller";r=9;t=1' });
  });

  it('can be looked at without being taken from', () => {
    const limit = rateLimit({ counts: 'strangers', quota: 1, windowSeconds: 60 });
    for (let look = 0; look < 3; look++) expect(limit.look('a')).toMatchObject({ admitted: true });
    limit.take('a');
    expect(limit.look('a')).toMatchObject({ admitted: false });
  });

  it('remembers no more names than it may, the latest ones', () => {
    const limit = rateLimit({ counts: 'caller', quota: 1, windowSeconds: 60, names: 2 });
    for (const name of ['a', 'b', 'c']) limit.take(name);
    expect(limit.take('c')).toMatchObject({ admitted: false });
    expect(limit.take('b')).toMatchObject({ admitted: false });
    expect(limit.take('a')).toMatchObject({ admitted: true });
  });
});
