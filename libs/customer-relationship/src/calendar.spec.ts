import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addDays, addHours, addMonths, hasPassed, termDurations, termEnd } from './calendar.js';

describe('adding days and hours', () => {
  it('counts days of 24 hours in UTC, whatever a local clock does', () => {
    expect(addDays('2026-03-28T23:30:00.123Z', 1)).toBe('2026-03-29T23:30:00.123Z');
    expect(addDays('2026-12-31T00:00:00.000Z', 90)).toBe('2027-03-31T00:00:00.000Z');
    expect(addDays('2028-02-28T12:00:00.000Z', 1)).toBe('2028-02-29T12:00:00.000Z');
    expect(addDays('2026-11-22T12:00:00.000Z', 0)).toBe('2026-11-22T12:00:00.000Z');
    expect(addDays('2026-11-22T12:00:00.000Z', -22)).toBe('2026-10-31T12:00:00.000Z');
  });

  it('counts hours over the end of a day', () => {
    expect(addHours('2026-11-22T12:00:00.000Z', 24)).toBe('2026-11-23T12:00:00.000Z');
    expect(addHours('2026-12-31T23:59:59.999Z', 1)).toBe('2027-01-01T00:59:59.999Z');
  });
});

describe('adding months', () => {
  it.each([
    ['2026-11-22T12:34:56.789Z', 1, '2026-12-22T12:34:56.789Z'],
    ['2026-12-22T12:00:00.000Z', 1, '2027-01-22T12:00:00.000Z'],
    ['2026-11-22T12:00:00.000Z', 12, '2027-11-22T12:00:00.000Z'],
    ['2026-11-22T12:00:00.000Z', 36, '2029-11-22T12:00:00.000Z'],
    ['2026-03-22T12:00:00.000Z', -12, '2025-03-22T12:00:00.000Z'],
  ])('keeps day and time: %s and %d months', (at, months, later) => {
    expect(addMonths(at, months)).toBe(later);
  });

  it.each([
    ['2026-01-31T12:00:00.000Z', 1, '2026-02-28T12:00:00.000Z'],
    ['2028-01-31T12:00:00.000Z', 1, '2028-02-29T12:00:00.000Z'],
    ['2026-03-31T23:59:59.999Z', 1, '2026-04-30T23:59:59.999Z'],
    ['2028-02-29T12:00:00.000Z', 12, '2029-02-28T12:00:00.000Z'],
    ['2026-12-31T12:00:00.000Z', 2, '2027-02-28T12:00:00.000Z'],
  ])("ends on a shorter month's last day: %s and %d months", (at, months, later) => {
    expect(addMonths(at, months)).toBe(later);
  });

  it('never leaves the month it is meant for', () => {
    const instants = fc
      .date({
        min: new Date('2000-01-01T00:00:00.000Z'),
        max: new Date('2100-01-01T00:00:00.000Z'),
        noInvalidDate: true,
      })
      .map((date) => date.toISOString());
    fc.assert(
      fc.property(instants, fc.integer({ min: -240, max: 240 }), (at, months) => {
        const from = new Date(at);
        const to = new Date(addMonths(at, months));
        const monthOf = (date: Date) => date.getUTCFullYear() * 12 + date.getUTCMonth();
        expect(monthOf(to) - monthOf(from)).toBe(months);
        expect(to.getUTCDate()).toBeLessThanOrEqual(from.getUTCDate());
        expect(to.toISOString().slice(10)).toBe(at.slice(10));
      }),
    );
  });
});

describe('terms', () => {
  it('last a month, a year or three years', () => {
    expect(termDurations.map((duration) => termEnd('2026-11-22T12:00:00.000Z', duration))).toEqual([
      '2026-12-22T12:00:00.000Z',
      '2027-11-22T12:00:00.000Z',
      '2029-11-22T12:00:00.000Z',
    ]);
  });
});

describe('an end', () => {
  it('belongs to its period and has passed only afterwards', () => {
    const end = '2026-11-22T12:00:00.000Z';
    expect(hasPassed(end, '2026-11-22T11:59:59.999Z')).toBe(false);
    expect(hasPassed(end, end)).toBe(false);
    expect(hasPassed(end, '2026-11-22T12:00:00.001Z')).toBe(true);
  });
});
