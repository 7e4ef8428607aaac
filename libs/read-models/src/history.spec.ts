import { describe, expect, it } from '@jest/globals';
import { journalStream, relationshipStream } from '#customer-relationship';
import { fingerprint } from './fingerprint.js';
import { historySubjectOf, historyProjection } from './history.js';
import { customerId, established, partnerId, rowsOf } from './testing.js';

describe('the index of the history', () => {
  it('knows the streams of relationships and their journals, and no others', () => {
    const pair = { partnerId, customerId };
    expect(historySubjectOf(relationshipStream(partnerId, customerId))).toEqual({ ...pair, journal: false });
    expect(historySubjectOf(journalStream(partnerId, customerId))).toEqual({ ...pair, journal: true });
    for (const stream of ['ledger', `grantName-${partnerId}-x`, `x${relationshipStream(partnerId, customerId)}`])
      expect(historySubjectOf(stream)).toBeUndefined();
  });

  it('has a row for every event, at its position', () => {
    const past = established().at('2026-02-01T00:00:00.000Z').does('UpdateCustomerProfile', { name: 'Fabrikam 2' });
    const { history_v1: rows, history_clock_v1: clocks } = rowsOf(historyProjection, past);
    expect(rows.map(({ position, revision, type }) => [position, revision, type])).toEqual(
      past.events.map(({ type }, index) => [index + 1, index, fingerprint(type)]),
    );
    expect(rows[0]).toMatchObject({ customerId, journal: false, partner: fingerprint(partnerId), section: 0, lag: 0 });
    expect(clocks).toEqual([{ name: 'log', count: rows.length, latest: rows[0]!.recordedAt, largestLag: 0 }]);
  });

  it('fingerprints texts as they were fingerprinted before: rows are compared with what is asked for later', () => {
    expect(['', 'AcceptResellerRelationship', partnerId].map(fingerprint)).toEqual([
      3338908027751811, 1235920485473389, 274946697120190,
    ]);
  });
});
