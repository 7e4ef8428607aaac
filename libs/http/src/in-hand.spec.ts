import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { InHand } from './in-hand.js';

describe('what is in hand', () => {
  it('is bounded for each name', () => {
    const inHand = new InHand({ ofOne: 3 });
    for (let times = 0; times < 3; times++) {
      expect(inHand.hasRoom('a', 1)).toBe(true);
      inHand.add('a', 1);
    }
    expect([inHand.hasRoom('a', 1), inHand.hasRoom('b', 1)]).toEqual([false, true]);
    inHand.add('a', -1);
    expect(inHand.hasRoom('a', 1)).toBe(true);
  });

  it('leaves room to who has nothing, whatever the others have', () => {
    const inHand = new InHand({ ofOne: 10, ofAll: 20 });
    for (const name of ['a', 'b']) inHand.add(name, 10);
    expect(['a', 'b', 'c'].map((name) => inHand.hasRoom(name, 5))).toEqual([false, false, true]);
    inHand.add('c', 5);
    expect(inHand.hasRoom('c', 1)).toBe(false);
  });

  it('is forgotten once it has been given back', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 1, max: 100 }))), (amounts) => {
        const inHand = new InHand({ ofOne: 100 });
        for (const [name, amount] of amounts) inHand.add(name, amount);
        for (const [name, amount] of amounts.toReversed()) inHand.add(name, -amount);
        expect([inHand.amount(), ...['a', 'b', 'c'].map((name) => inHand.amount(name))]).toEqual([0, 0, 0, 0]);
        expect((inHand as unknown as { amounts: Map<string, number> }).amounts.size).toBe(0);
      }),
    );
  });
});
