import { describe, expect, it } from '@jest/globals';
import { cursors } from './cursor.js';

const ours = cursors(Buffer.alloc(32, 1));

describe('a cursor', () => {
  it('brings back the values that it was made of', () => {
    const cursor = ours.write('list?sort=name', ['Zoë', 'c-1']);
    expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(ours.read('list?sort=name', cursor)).toEqual(['Zoë', 'c-1']);
  });

  it('is good for its query and its ledger alone', () => {
    const cursor = ours.write('list?sort=name', ['a']);
    expect(() => ours.read('list?sort=endsAt', cursor)).toThrow('InvalidCursor');
    expect(() => cursors(Buffer.alloc(32, 2)).read('list?sort=name', cursor)).toThrow('InvalidCursor');
  });

  it('is refused with any bit of it changed', () => {
    const cursor = ours.write('q', ['a', 'b']);
    for (let index = 0; index < cursor.length; index++) {
      const other = cursor[index] === 'A' ? 'B' : 'A';
      const changed = cursor.slice(0, index) + other + cursor.slice(index + 1);
      // The last character may carry bits that mean nothing.
      if (Buffer.from(changed, 'base64url').equals(Buffer.from(cursor, 'base64url'))) continue;
      expect(() => ours.read('q', changed)).toThrow('InvalidCursor');
    }
  });

  it.each(['', 'x', '***', Buffer.from('["a"]').toString('base64url')])('is refused as %j', (cursor) => {
    expect(() => ours.read('q', cursor)).toThrow('InvalidCursor');
  });
});
