import { beforeAll, describe, expect, it } from '@jest/globals';
import { AgedLedger, daysAfter } from './aged-ledger.js';
import { oneYear } from './life.js';
import { differences, differencesOfLists, differencesOfReads } from './sameness.js';

// T1 for many: a year of a thousand customers, whose ends fall on all its days.

const customers = Array.from({ length: 1_000 }, (_, index) => ({
  id: `c0be0000-0000-4000-8000-${String(index).padStart(12, '0')}`,
  index,
  moments: oneYear(index),
}));
/** Customers begin one after the other. */
const startOf = (index: number) => daysAfter('2026-01-28T00:00:00.000Z', (index % 60) + (index % 24) / 24);
const at = (day: number) => daysAfter('2026-01-28T00:00:00.000Z', day, 250);
/** The timekeeper of one ledger does nothing in between. */
const stop = { from: at(100), to: at(130) };

describe('a year of a thousand customers with the timekeeper, without it, and with one that stops for weeks', () => {
  const differ = { outcomes: [] as string[], reads: [] as string[], lists: [] as string[] };
  const met = { outcomes: 0, reads: 0, rows: 0 };

  beforeAll(async () => {
    await using kept = await AgedLedger.open();
    await using without = await AgedLedger.open();
    await using stopped = await AgedLedger.open();
    const others = { without, stopped };

    let from = at(-1);
    for (const until of [at(115), at(365)]) {
      // One after the other: nothing that they do concerns another one.
      for (const { id, index, moments } of customers) {
        for (const [order, { day, command }] of moments.entries()) {
          const then = daysAfter(startOf(index), day, order + 1);
          if (then <= from || then > until) continue;
          await kept.keepTime(id, then);
          await keepTimeWithStop(stopped, id, then);
          const wanted = await kept.send(id, then, command);
          met.outcomes++;
          for (const [name, ledger] of Object.entries(others))
            differ.outcomes.push(
              ...differences(
                `${name}, customer ${index}, ${command.type}`,
                wanted,
                await ledger.send(id, then, command),
              ),
            );
        }
        await kept.keepTime(id, until);
        await keepTimeWithStop(stopped, id, until);
      }
      from = until;

      for (const { id, index } of customers.filter(({ index }) => until > stop.to || index % 10 === 0)) {
        const reads = await kept.reads(id, until);
        met.reads += reads.size;
        for (const [name, ledger] of Object.entries(others))
          differ.reads.push(...differencesOfReads(`${name}, customer ${index}`, reads, await ledger.reads(id, until)));
      }
      const lists = await kept.lists(until);
      met.rows += [...lists.values()].reduce((sum, rows) => sum + rows.length, 0);
      for (const [name, ledger] of Object.entries(others))
        differ.lists.push(...differencesOfLists(`${name}, ${until}`, until, lists, await ledger.lists(until)));
    }
  });

  it('has the same outcome of every command', () => {
    expect(met.outcomes).toBeGreaterThan(4_000);
    expect(differ.outcomes).toEqual([]);
  });

  it('has the same single reads and the same readiness', () => {
    expect(met.reads).toBeGreaterThan(4_000);
    expect(differ.reads).toEqual([]);
  });

  it('has the same lists, but for rows that are marked as overdue', () => {
    expect(met.rows).toBeGreaterThan(4_000);
    expect(differ.lists).toEqual([]);
  });
});

async function keepTimeWithStop(ledger: AgedLedger, customerId: string, until: string): Promise<void> {
  if (until <= stop.from) return ledger.keepTime(customerId, until);
  await ledger.keepTime(customerId, stop.from);
  if (until <= stop.to) return;
  await ledger.keepTime(customerId, stop.to, stop.to);
  await ledger.keepTime(customerId, until);
}
