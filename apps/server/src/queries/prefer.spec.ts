import { describe, expect, it } from '@jest/globals';
import { patienceOf } from './prefer.js';

describe('Prefer', () => {
  it.each<[string | string[], number | undefined]>([
    ['wait=5', 5],
    ['WAIT=5', 5],
    ['wait="5"', 5],
    ['wait = 5', 5],
    ['wait=05', 5],
    ['wait=0', 0],
    ['wait=31', 30],
    [`wait=${'9'.repeat(400)}`, 30],
    ['respond-async, wait=5', 5],
    ['respond-async,,wait=5,', 5],
    ['foo="a, wait=9", wait=5', 5],
    ['foo; wait=9, wait=5', 5],
    ['foo="\\", wait=9", wait=5', 5],
    ['wait=5; strict', 5],
    ['wait=5;a="b;c"', 5],
    ['wait=5, wait=6', 5],
    [['wait=5', 'wait=6'], 5],
    [['return=minimal', 'wait=6'], 6],
    // The first counts, though it cannot be understood.
    ['wait=x, wait=6', undefined],
    ['wait', undefined],
    ['wait=', undefined],
    ['wait=""', undefined],
    ['wait=abc', undefined],
    ['wait=1.5', undefined],
    ['wait=-1', undefined],
    ['wait=5=6', undefined],
    ['wait="5', undefined],
    ['wait 5', undefined],
    ['waiting=5', undefined],
    ['handling=lenient', undefined],
    ['', undefined],
    ['"', undefined],
  ])('%j asks for %j', (prefer, seconds) => {
    expect(patienceOf(prefer)).toEqual(
      seconds === undefined
        ? { ms: 2_000, applied: {} }
        : { ms: seconds * 1_000, applied: { 'Preference-Applied': `wait=${seconds}` } },
    );
  });

  it('that is absent asks for nothing', () => {
    expect(patienceOf(undefined, 0)).toEqual({ ms: 0, applied: {} });
  });
});
