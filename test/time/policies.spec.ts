import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { policies, type Policy } from '#customer-relationship';
import { inMemoryEventStore } from '#event-sourcing';
import { AgedLedger, daysAfter, type Row } from './aged-ledger.js';
import { threeYears } from './life.js';
import { differences, differencesOfReads } from './sameness.js';

// T1: a boundary belongs to the policy that was in force at it, whatever POLICY the server has that looks back at it.

const customerId = 'c0be0000-0000-4000-8000-000000000001';
const start = '2026-01-28T09:30:00.000Z';
const before = policies['partner-center-2020-06']!;
const after = policies['partner-center-later']!;
/** Everything that time brings about would be otherwise. */
const otherwise: Policy = {
  ...after,
  windows: { ...after.windows, newCommerceDays: 1, softwareSubscriptionDays: 1 },
  retention: { expiredDays: 1, suspendedAtTermEndDays: 2, disabledDays: 3, legacySuspendedDays: 4 },
};
const switched = 420;

describe('one log under two values of POLICY', () => {
  const store = inMemoryEventStore();
  const at = (day: number) => daysAfter(start, day, 500);

  beforeAll(async () => {
    await using ledger = await AgedLedger.open(before, store);
    for (const [index, { day, command }] of threeYears.entries())
      if (day < switched) await ledger.send(customerId, daysAfter(start, day, index), command);
  });

  async function differencesAt(day: number, one: Policy, other: Policy): Promise<string[]> {
    await using here = await AgedLedger.open(one, store);
    await using there = await AgedLedger.open(other, store);
    const reads = async (ledger: AgedLedger) => {
      const all = await ledger.reads(customerId, at(day));
      // What blocks now is a question of now.
      all.delete('reseller-relationship/removal-readiness');
      return all;
    };
    const lists = async (ledger: AgedLedger) =>
      new Map([...(await ledger.lists(at(day)))].map(([path, rows]) => [path, rows.map(withoutBlockers)]));
    const [mine, theirs] = [await here.settled(customerId, at(day)), await there.settled(customerId, at(day))];
    return [
      ...(isDeepStrictEqual(mine, theirs) ? [] : [`day ${day}: the settled states`]),
      ...differencesOfReads(`day ${day}`, await reads(here), await reads(there)),
      ...differences(`day ${day}`, Object.fromEntries(await lists(here)), Object.fromEntries(await lists(there))),
    ];
  }

  it.each([0, 200, switched, 3 * 365])('has the same reads and rows on day %i', async (day) => {
    expect(await differencesAt(day, before, otherwise)).toEqual([]);
  });

  it('has the same for every boundary before the switch, once there has been one', async () => {
    await using ledger = await AgedLedger.open(after, store);
    const renamed = { type: 'UpdateCustomerProfile', data: { name: 'Fabrikam Ltd.' } } as const;
    expect(await ledger.send(customerId, at(switched), renamed)).toHaveProperty('accepted');
    expect(await differencesAt(switched, before, otherwise)).toEqual([]);
    expect(await differencesAt(3 * 365, before, after)).toEqual([]);
    // After it the other one counts.
    expect(await differencesAt(3 * 365, before, otherwise)).not.toEqual([]);
  });
});

function withoutBlockers({ blocks: _, readiness: __, ...row }: Row): Row {
  return row;
}
