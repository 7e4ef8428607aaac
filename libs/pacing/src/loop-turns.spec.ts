import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { onlyWorkTakesTime } from '../../../test/working-time.js';
import { tooMuchWaits } from '#http';
import { loopTurns, type LoopTurns } from './loop-turns.js';

beforeEach(onlyWorkTakesTime);
afterEach(() => void jest.useRealTimers());

/** Does a piece of work for each name as its turn comes; which piece was done in which turn of the loop. */
async function done({ take }: LoopTurns, names: readonly string[], workMs = 0) {
  const pieces: { readonly name: string; readonly round: number }[] = [];
  let round = 0;
  let going = true;
  const ticking = (async () => {
    for (; going; round++) await turn();
  })();
  await Promise.all(
    names.map(async (name) => {
      await take(name);
      // As a question to an embedded database: promises, and nothing to wait for.
      for (let steps = 0; steps < 10; steps++) await Promise.resolve();
      jest.advanceTimersByTime(workMs);
      pieces.push({ name, round });
    }),
  );
  going = false;
  await ticking;
  return { order: pieces.map(({ name }) => name), rounds: pieces.map(({ round }) => round) };
}

describe('the turns of the event loop', () => {
  it('go round often between pieces that take a slice each', async () => {
    const { rounds } = await done(loopTurns({ sliceMs: 20 }), ['a', 'a', 'a', 'b'], 25);
    expect(new Set(rounds).size).toBe(4);
    expect(rounds.at(-1)! - rounds[0]!).toBeGreaterThanOrEqual(3 * 32);
  });

  it('have room for many pieces that take next to nothing', async () => {
    const { rounds } = await done(
      loopTurns({ sliceMs: 60_000 }),
      Array.from({ length: 50 }, () => 'a'),
    );
    expect(new Set(rounds).size).toBe(1);
  });

  it('are taken by names one after the other, in the order of each', async () => {
    const { order } = await done(loopTurns(), ['a', 'a', 'a', 'a', 'b', 'c', 'c']);
    expect(order).toEqual(['a', 'b', 'c', 'a', 'c', 'a', 'a']);
  });

  it('come for all that waits, and for what comes once all has been done', async () => {
    const turns = loopTurns({ sliceMs: 0 });
    expect((await done(turns, ['a', 'b', 'a'])).order).toEqual(['a', 'b', 'a']);
    expect(
      (
        await done(
          turns,
          Array.from({ length: 200 }, (_, index) => `${index % 3}`),
        )
      ).order,
    ).toHaveLength(200);
  });

  it('are refused to a name of which too much waits, and to no other, until there is room', async () => {
    const turns = loopTurns();
    const take = (name: string) => turns.take(name, { length: 2, refusal: tooMuchWaits });
    const waiting = [take('a'), take('a')];
    await expect(take('a')).rejects.toMatchObject({
      code: 'TooManyRequests',
      members: { outcome: 'none' },
      headers: { 'Retry-After': '1' },
    });
    waiting.push(take('b'));
    await Promise.all(waiting);
    await take('a');
  });
});
