import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { fewAtOnce } from './few-at-once.js';

function works() {
  const begun: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<string>>();
  return {
    begun,
    work: (name: string) => () => {
      begun.push(name);
      const end = Promise.withResolvers<string>();
      ends.set(name, end);
      return end.promise;
    },
    async end(name: string, error?: Error) {
      if (error) ends.get(name)!.reject(error);
      else ends.get(name)!.resolve(name);
      await turn();
    },
  };
}

describe('few at once', () => {
  it('are as many as may be, and of one name less; names have their turns one after the other', async () => {
    const run = fewAtOnce({ atOnce: 3, ofOne: 2, longestLine: 10 });
    const { begun, work, end } = works();
    for (const name of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1']) void run(name[0]!, work(name));
    expect(begun).toEqual(['a1', 'a2', 'b1']);
    await end('a1');
    expect(begun.slice(3)).toEqual(['a3']);
    await end('b1');
    expect(begun.slice(4)).toEqual(['b2']);
    await end('b2');
    expect(begun.slice(5)).toEqual(['c1']);
    // There is room, but a has as many as it may.
    await end('c1');
    expect(begun.slice(6)).toEqual([]);
    await end('a2');
    expect(begun.slice(6)).toEqual(['a4']);
  });

  it('give their places back, with what they have come to, when they fail too', async () => {
    const run = fewAtOnce({ atOnce: 1, ofOne: 1, longestLine: 10 });
    const { begun, work, end } = works();
    const first = run('a', work('a1'));
    const second = run('a', work('a2'));
    const failed = expect(first).rejects.toThrow('of its own');
    await end('a1', new Error('of its own'));
    await failed;
    await end('a2');
    expect(await second).toBe('a2');
    void run('b', work('b1'));
    expect(begun).toEqual(['a1', 'a2', 'b1']);
  });

  it('keep so many of one name waiting, and refuse more', async () => {
    const run = fewAtOnce({ atOnce: 1, ofOne: 1, longestLine: 1 });
    const { work, begun } = works();
    for (const name of ['a1', 'a2', 'b1']) void run(name[0]!, work(name));
    await expect(run('a', work('a3'))).rejects.toMatchObject({ code: 'TooManyRequests' });
    expect(begun).toEqual(['a1']);
  });
});
