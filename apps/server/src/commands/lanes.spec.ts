import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { throughLanes } from './lanes.js';

interface Piece {
  readonly lane: number;
  readonly place: number;
  readonly lasts: number;
}

describe('work in lanes', () => {
  it('is done once each, in the order of its lane, and never more at once than it may', async () => {
    const lanesOf = fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 6 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(lanesOf, fc.integer({ min: 1, max: 4 }), async (durations, atOnce) => {
        const lanes = durations.map((lane, index) =>
          lane.map((lasts, place): Piece => ({ lane: index, place, lasts })),
        );
        const under: Piece[] = [];
        const begun: Piece[] = [];
        const results: Piece[] = [];
        for await (const piece of throughLanes(lanes, atOnce, async (piece: Piece) => {
          expect(under.map(({ lane }) => lane)).not.toContain(piece.lane);
          begun.push(piece);
          under.push(piece);
          expect(under.length).toBeLessThanOrEqual(atOnce);
          for (let turns = 0; turns < piece.lasts; turns++) await turn();
          under.splice(under.indexOf(piece), 1);
          return piece;
        }))
          results.push(piece);
        for (const [index, lane] of lanes.entries())
          expect(begun.filter((piece) => piece.lane === index)).toEqual(lane);
        expect(results.toSorted((a, b) => a.lane - b.lane || a.place - b.place)).toEqual(lanes.flat());
      }),
      { numRuns: 200 },
    );
  });

  it('waits until the results are taken', async () => {
    let begun = 0;
    const answers = throughLanes(
      Array.from({ length: 50 }, () => [0]),
      4,
      () => Promise.resolve(begun++),
    );
    await answers.next();
    await sleep(20);
    expect(begun).toBe(4);
    await answers.next();
    await sleep(20);
    expect(begun).toBe(5);
    await answers.return(undefined);
  });
});
