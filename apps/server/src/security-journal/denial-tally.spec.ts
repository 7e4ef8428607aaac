import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { denialTally, mostDenials, type Denial } from './denial-tally.js';

const noon = Date.parse('2026-03-01T12:00:00.000Z');
const [second, minute, hour] = [1_000, 60_000, 3_600_000];
const ofCaller = (more: Partial<Denial> = {}): Denial => ({
  code: 'RoleNotAllowed',
  method: 'POST',
  route: '/v1/customers/:customerId/profile/update',
  tenant: 'tenant-1',
  actorId: 'user-1',
  partnerId: 'tenant-1',
  ...more,
});
const ofStranger = (route: string): Denial => ({ code: 'InvalidToken', method: 'GET', route });

describe('a tally of denials', () => {
  it('records the first of a kind at once, and the number of repeats after a minute', () => {
    const tally = denialTally();
    expect(tally.deny(ofCaller(), noon)).toEqual([
      {
        type: 'AccessDenied',
        data: {
          ...ofCaller(),
          count: 1,
          firstAt: '2026-03-01T12:00:00.000Z',
          lastAt: '2026-03-01T12:00:00.000Z',
        },
      },
    ]);
    expect(tally.deny(ofCaller(), noon + 10 * second)).toEqual([]);
    expect(tally.deny(ofCaller(), noon + 59 * second)).toEqual([]);
    expect(tally.due(noon + 59 * second)).toEqual([]);
    expect(tally.due(noon + minute)).toEqual([
      {
        type: 'AccessDenied',
        data: {
          ...ofCaller(),
          count: 2,
          firstAt: '2026-03-01T12:00:10.000Z',
          lastAt: '2026-03-01T12:00:59.000Z',
        },
      },
    ]);
    // While it repeats, it is not new. After a minute of silence it is.
    expect(tally.deny(ofCaller(), noon + 61 * second)).toEqual([]);
    expect(tally.due(noon + 2 * minute)).toMatchObject([{ data: { count: 1, firstAt: '2026-03-01T12:01:01.000Z' } }]);
    expect(tally.due(noon + 3 * minute)).toEqual([]);
    expect(tally.deny(ofCaller(), noon + 4 * minute)).toMatchObject([{ data: { count: 1 } }]);
  });

  it.each<[keyof Denial, string]>([
    ['code', 'UserContextRequired'],
    ['method', 'PUT'],
    ['route', '/v1/customers'],
    ['tenant', 'tenant-2'],
    ['actorId', 'user-2'],
    ['partnerId', 'tenant-2'],
  ])('distinguishes denials by %s', (name, other) => {
    const tally = denialTally();
    tally.deny(ofCaller(), noon);
    expect(tally.deny(ofCaller({ [name]: other }), noon)).toMatchObject([{ data: { [name]: other } }]);
  });

  it('records a number of denials in an hour and counts the rest until it is over', () => {
    const tally = denialTally();
    const recorded = Array.from({ length: 100 }, (_, index) =>
      tally.deny(
        ofCaller({
          actorId: `user-${index}`,
          tenant: `tenant-${index % 2}`,
          ...(index > 90 ? { code: 'PartnerUnknown' } : {}),
        }),
        noon + index,
      ),
    ).flat();
    expect(recorded).toHaveLength(mostDenials.anHour);
    expect(tally.due(noon + 59 * minute)).toEqual([]);
    expect(tally.due(noon + hour)).toEqual([
      {
        type: 'AccessDenialsOmitted',
        data: {
          count: 40,
          byCode: { RoleNotAllowed: 31, PartnerUnknown: 9 },
          firstAt: '2026-03-01T12:00:00.060Z',
          lastAt: '2026-03-01T12:00:00.099Z',
        },
      },
    ]);
    expect(tally.deny(ofCaller({ actorId: 'next' }), noon + hour)).toHaveLength(1);
  });

  it('leaves room for known callers, however many denials strangers cause', () => {
    const tally = denialTally();
    for (let index = 0; index < 1_000; index++) tally.deny(ofStranger(`/v1/${index}`), noon);
    expect(tally.deny(ofCaller(), noon)).toMatchObject([{ data: { actorId: 'user-1' } }]);
    // And for new denials, however long another one repeats.
    const persistent = denialTally();
    let recorded = 0;
    for (let at = noon; at < noon + hour; at += 10 * second) recorded += persistent.deny(ofCaller(), at).length;
    expect(recorded).toBe(mostDenials.anHour / 2);
    expect(persistent.deny(ofCaller({ actorId: 'new' }), noon + hour - 1)).toHaveLength(1);
  });

  it('leaves room for other tenants, however many denials the people of one cause', () => {
    const tally = denialTally();
    const midnight = Date.parse('2026-03-01T00:00:00.000Z');
    for (let at = midnight, user = 0; at < midnight + 23 * hour; at += 30 * second)
      tally.deny(ofCaller({ actorId: `user-${user++}` }), at);
    for (let user = 0; user < 15; user++)
      expect(tally.deny(ofCaller({ tenant: 'tenant-2', actorId: `${user}` }), midnight + 23 * hour - 1)).toHaveLength(
        1,
      );
    expect(tally.deny(ofCaller({ actorId: 'tomorrow' }), midnight + 24 * hour)).toContainEqual(
      expect.objectContaining({ type: 'AccessDenied' }),
    );
  });

  it('closes a full day once', () => {
    const tally = denialTally();
    const midnight = Date.parse('2026-03-01T00:00:00.000Z');
    let recorded = 0;
    let closings = 0;
    for (let at = midnight, user = 0; at < midnight + 24 * hour; at += 30 * second)
      for (const { type } of tally.deny(ofCaller({ actorId: `user-${user}`, tenant: `tenant-${user++ % 2}` }), at))
        if (type === 'AccessDenied') recorded++;
        else closings++;
    expect([recorded, closings]).toEqual([500, 8]);
    expect(tally.due(midnight + 24 * hour)).toMatchObject([{ type: 'AccessDenialsOmitted' }]);
    expect(tally.deny(ofCaller({ actorId: 'tomorrow' }), midnight + 24 * hour)).toHaveLength(1);
  });

  it('loses no denial of any sequence, and writes no more than it may', () => {
    const denials = fc.record({
      code: fc.constantFrom('RoleNotAllowed', 'InvalidToken'),
      method: fc.constantFrom('GET', 'POST'),
      route: fc.constantFrom('/v1/a', '/v1/b', '/v1/c'),
      actorId: fc.option(fc.integer({ min: 0, max: 40 }).map(String), { nil: undefined }),
      after: fc.integer({ min: 0, max: 20 * minute }),
    });
    fc.assert(
      fc.property(fc.array(denials, { maxLength: 400 }), (sequence) => {
        const tally = denialTally();
        let at = noon;
        const events = [];
        for (const { after, actorId, ...denial } of sequence) {
          at += after;
          events.push(...tally.deny({ ...denial, ...(actorId === undefined ? {} : { actorId }) }, at));
        }
        events.push(...tally.rest());
        const hours = (at - noon) / hour + 2;
        const denied = events.filter(({ type }) => type === 'AccessDenied').length;
        expect(events.reduce((sum, { data }) => sum + data.count, 0)).toBe(sequence.length);
        expect(denied).toBeLessThanOrEqual(mostDenials.anHour * hours);
        expect(events.length - denied).toBeLessThanOrEqual(hours);
        expect(tally.rest()).toEqual([]);
      }),
    );
  });
});
