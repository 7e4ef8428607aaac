import { beforeAll, describe, expect, it } from '@jest/globals';
import { AgedLedger, daysAfter } from './aged-ledger.js';
import { threeYears } from './life.js';
import { differences, differencesOfLists, differencesOfReadiness, differencesOfReads } from './sameness.js';

// T1: whether, and when, somebody records what time brings about must change no answer.

const customerId = 'c0be0000-0000-4000-8000-000000000001';
const start = '2026-01-28T09:30:00.000Z';
/** Of the timekeeper that stops and then catches up. */
const stops = [
  { from: 20, to: 75 },
  { from: 380, to: 470 },
] as const;

/** The days with a command, and some of the others. */
function isLookedAt(day: number): boolean {
  return day % 30 === 0 || threeYears.some((moment) => moment.day === day);
}

describe('three years of one customer with the timekeeper, without it, and with one that stops for weeks', () => {
  const differ = { outcomes: [] as string[], reads: [] as string[], lists: [] as string[], readiness: [] as string[] };
  const met = { outcomes: 0, reads: 0, rows: 0 };

  beforeAll(async () => {
    await using kept = await AgedLedger.open();
    await using without = await AgedLedger.open();
    await using stopped = await AgedLedger.open();
    const others = { without, stopped };

    for (let day = 0; day <= 3 * 365; day++) {
      const at = daysAfter(start, day);
      await kept.keepTime(customerId, at);
      if (!stops.some(({ from, to }) => day > from && day < to))
        await stopped.keepTime(customerId, at, stops.some(({ to }) => day === to) ? at : undefined);

      for (const [index, { command }] of threeYears.filter((moment) => moment.day === day).entries()) {
        const then = daysAfter(at, 0, index + 2);
        const wanted = await kept.send(customerId, then, command);
        met.outcomes++;
        for (const [name, ledger] of Object.entries(others))
          differ.outcomes.push(
            ...differences(
              `${name}, day ${day}, ${command.type}`,
              wanted,
              await ledger.send(customerId, then, command),
            ),
          );
      }
      if (!isLookedAt(day)) continue;

      const then = daysAfter(at, 0, 500);
      await kept.keepTime(customerId, then);
      const reads = await kept.reads(customerId, then);
      const lists = new Map([...(await kept.lists(then)), ...(await kept.lists(then, customerId))]);
      met.reads += reads.size;
      met.rows += [...lists.values()].reduce((sum, rows) => sum + rows.length, 0);
      differ.readiness.push(...differencesOfReadiness(`kept, day ${day}`, then, reads, lists));
      for (const [name, ledger] of Object.entries(others)) {
        const where = `${name}, day ${day}`;
        const readsThere = await ledger.reads(customerId, then);
        const listsThere = new Map([...(await ledger.lists(then)), ...(await ledger.lists(then, customerId))]);
        differ.reads.push(...differencesOfReads(where, reads, readsThere));
        differ.lists.push(...differencesOfLists(where, then, lists, listsThere));
        differ.readiness.push(...differencesOfReadiness(where, then, readsThere, listsThere));
      }
    }
  });

  it('have the same outcome of every command', () => {
    expect(met.outcomes).toBe(threeYears.length);
    expect(differ.outcomes).toEqual([]);
  });

  it('have the same single reads and the same readiness', () => {
    expect(met.reads).toBeGreaterThan(1_000);
    expect(differ.reads).toEqual([]);
  });

  it('have the same lists, but for rows that are marked as overdue', () => {
    expect(met.rows).toBeGreaterThan(1_000);
    expect(differ.lists).toEqual([]);
  });

  it('count in the list of customers what the readiness names', () => {
    expect(differ.readiness).toEqual([]);
  });
});
