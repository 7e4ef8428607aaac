import { describe, expect, it } from '@jest/globals';
import { WeighedCache } from './weighed-cache.js';

describe('A cache with weights', () => {
  const cache = () => new WeighedCache<string>(10, (value) => value.length);

  it('lets go what was used longest ago, as much as has to go', () => {
    const kept = cache();
    for (const key of ['a', 'b', 'c']) kept.set(key, 'xxx');
    expect(kept.get('a')).toBe('xxx');
    kept.set('d', 'xxxx');
    expect(['a', 'b', 'c', 'd'].map(kept.peek)).toEqual(['xxx', undefined, 'xxx', 'xxxx']);
    kept.set('e', 'xxxxxx');
    expect(['a', 'c', 'd', 'e'].map(kept.peek)).toEqual([undefined, undefined, 'xxxx', 'xxxxxx']);
  });

  it('does not take a look for a use', () => {
    const kept = cache();
    for (const key of ['a', 'b']) kept.set(key, 'xxxxx');
    kept.peek('a');
    kept.set('c', 'x');
    expect(['a', 'b', 'c'].map(kept.peek)).toEqual([undefined, 'xxxxx', 'x']);
  });

  it('weighs again what is set again, and forgets the weight of what is deleted', () => {
    const kept = cache();
    kept.set('a', 'xxxxxxxx');
    kept.set('a', 'x');
    kept.set('b', 'xxxxxxxxx');
    expect(['a', 'b'].map(kept.peek)).toEqual(['x', 'xxxxxxxxx']);
    kept.delete('b');
    kept.delete('unknown');
    kept.set('c', 'xxxxxxxxx');
    expect(['a', 'b', 'c'].map(kept.peek)).toEqual(['x', undefined, 'xxxxxxxxx']);
  });

  it('keeps what was set last, even if it is more than the bound', () => {
    const kept = cache();
    kept.set('a', 'x');
    kept.set('b', 'x'.repeat(11));
    expect(['a', 'b'].map(kept.peek)).toEqual([undefined, 'x'.repeat(11)]);
  });
});
