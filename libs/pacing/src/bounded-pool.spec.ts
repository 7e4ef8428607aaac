import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { tooMuchWaits } from '#http';
import { BoundedPool, type PoolBounds } from './bounded-pool.js';

/** Places for work whose name waits in a line of its own. */
function fewAtOnce(bounds: PoolBounds) {
  const pool = new BoundedPool({ waiting: Infinity, ...bounds });
  return (name: string, work: () => Promise<string>) => pool.run(name, work, tooMuchWaits);
}

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
    const run = fewAtOnce({ atOnce: 3, ofOne: 2, waitingOfOne: 10 });
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

  it('give their places back and pass on their outcome, also when they fail', async () => {
    const run = fewAtOnce({ atOnce: 1, ofOne: 1, waitingOfOne: 10 });
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

  it('let a bounded number of one name wait, and refuse more', async () => {
    const run = fewAtOnce({ atOnce: 1, ofOne: 1, waitingOfOne: 1 });
    const { work, begun } = works();
    for (const name of ['a1', 'a2', 'b1']) void run(name[0]!, work(name));
    await expect(run('a', work('a3'))).rejects.toMatchObject({ code: 'TooManyRequests' });
    expect(begun).toEqual(['a1']);
  });

  it('let a bounded number wait in all, until a place is free', () => {
    const pool = new BoundedPool({ atOnce: 1, waiting: 2 });
    const begun: string[] = [];
    const enter = (name: string) => pool.enter(name, () => begun.push(name));
    const [a, b, c] = [enter('a')!, enter('b')!, enter('c')!];
    expect([pool.taking(), pool.waiting(), enter('d')]).toEqual([1, 2, undefined]);
    b.leave();
    a.leave();
    a.leave();
    expect([begun, c.isTaken, pool.taking(), pool.waiting()]).toEqual([['a', 'c'], true, 1, 0]);
  });

  it('come first of the name that has the fewest places, where that is asked for', () => {
    const pool = new BoundedPool({ atOnce: 2, waiting: 9, next: 'fewestFirst' });
    const begun: string[] = [];
    const places = ['a1', 'a2', 'a3', 'a4', 'b1'].map((name) => pool.enter(name[0]!, () => begun.push(name))!);
    places[0]!.leave();
    places[1]!.leave();
    expect(begun).toEqual(['a1', 'a2', 'b1', 'a3']);
  });
});
