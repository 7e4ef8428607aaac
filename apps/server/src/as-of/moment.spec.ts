import { describe, expect, it } from '@jest/globals';
import { validated, type Problem } from '#http';
import { ViewNotBuilt } from '#projector';
import type { ServedLedger } from '../served-ledger.js';
import { momentOf, RelationshipAsOfParameters } from './moment.js';

const now = '2028-02-29T10:20:30.456Z';

/** A ledger at that time, whose newest event was recorded then. */
function ledger(newest?: string): Pick<ServedLedger, 'clock' | 'views'> {
  return {
    clock: { now: () => now, estimate: () => Date.parse(now) },
    views: {
      read: () =>
        newest === undefined ? Promise.reject(new ViewNotBuilt('history')) : Promise.resolve({ result: newest }),
    },
  } as unknown as Pick<ServedLedger, 'clock' | 'views'>;
}

async function asOf(text: string, newest?: string): Promise<string> {
  const { value, errors } = validated(RelationshipAsOfParameters, { asOf: text });
  if (errors) return errors.map(({ detail }) => detail).join();
  try {
    const moment = await momentOf(value, ledger(newest));
    return moment?.kind === 'time' ? moment.at : 'none';
  } catch (error) {
    return (error as Problem).members.errors!.map(({ detail }) => detail).join();
  }
}

describe('asOf', () => {
  const noTime = 'must be a time such as 2026-11-22T16:00:00Z or a date such as 2026-11-22 (RFC 3339)';

  it.each([
    // A date is its last millisecond in UTC.
    ['2028-02-28', '2028-02-28T23:59:59.999Z'],
    ['2024-02-29', '2024-02-29T23:59:59.999Z'],
    ['0000-01-01', '0000-01-01T23:59:59.999Z'],
    // Today is now.
    ['2028-02-29', now],
    ['2028-03-01', `must not lie in the future: it is ${now}`],
    ['9999-12-31', `must not lie in the future: it is ${now}`],
    ['2028-02-29T23:59:59.999Z', `must not lie in the future: it is ${now}`],
    ['2028-02-29T10:20:30+00:00', '2028-02-29T10:20:30.000Z'],
    ['2027-02-29', noTime],
    ['2026-02-30', noTime],
    ['2026-13-01', noTime],
    ['2026-00-10', noTime],
    ['2026-1-1', noTime],
    ['20260101', noTime],
    ['2026-01-01Z', noTime],
    ['2026-01-01 ', noTime],
    ['2026-01', noTime],
    ['today', noTime],
  ])('%s is %s', async (text, expected) => {
    expect(await asOf(text)).toBe(expected);
  });

  it.each([
    // A clock was ahead when it was written: what is recorded is past.
    ['2028-03-01', '2028-03-01T23:59:59.999Z'],
    ['2028-03-02', '2028-03-02T08:00:00.000Z'],
    ['2028-03-03', 'must not lie in the future: it is 2028-03-02T08:00:00.000Z'],
    ['2028-02-29', now],
  ])('%s is %s where the newest event comes from a later day', async (text, expected) => {
    expect(await asOf(text, '2028-03-02T08:00:00.000Z')).toBe(expected);
  });
});
