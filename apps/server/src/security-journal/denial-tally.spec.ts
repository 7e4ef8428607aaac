import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { denialTally, shares, type Denial } from './denial-tally.js';

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
const newTally = () => denialTally((tenant) => /^tenant-\d+$/.test(tenant));

describe('a tally of denials', () => {
  it('records the first of a kind at once, and the number of repeats after a minute', () => {
    const tally = newTally();
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
    const tally = newTally();
    tally.deny(ofCaller(), noon);
    expect(tally.deny(ofCaller({ [name]: other }), noon)).toMatchObject([{ data: { [name]: other } }]);
  });

  it('records a number of denials in an hour and counts the rest until it is over', () => {
    const tally = newTally();
    const denials = Array.from({ length: 100 }, (_, index) =>
      ofCaller({ actorId: `user-${index}`, ...(index > 90 ? { code: 'PartnerUnknown' } : {}) }),
    );
    const recorded = denials.flatMap((denial, index) => tally.deny(denial, noon + index));
    expect(recorded).toHaveLength(shares.own.most);
    expect(tally.due(noon + 59 * minute)).toEqual([]);
    expect(tally.due(noon + hour)).toEqual([
      {
        type: 'AccessDenialsOmitted',
        data: {
          partnerId: 'tenant-1',
          count: 40,
          byCode: { RoleNotAllowed: 31, PartnerUnknown: 9 },
          firstAt: '2026-03-01T12:00:00.060Z',
          lastAt: '2026-03-01T12:00:00.099Z',
        },
      },
    ]);
    expect(tally.deny(ofCaller({ actorId: 'next' }), noon + hour)).toHaveLength(1);
  });

  it('tells each partner how many of its own were omitted, and nobody those of no partner', () => {
    const tally = newTally();
    for (let index = 0; index < 100; index++) {
      tally.deny(ofCaller({ actorId: 'one', route: `/v1/${index}`, partnerId: 'tenant-2' }), noon);
      tally.deny({ code: 'InvalidToken', method: 'GET', route: `/v1/${index}` }, noon);
    }
    // One of tenant-1 may use half of its people's share, and another share of tenant-2's.
    expect(tally.due(noon + hour).map(({ data }) => data)).toMatchObject([
      { partnerId: null, count: 100 - shares.strangers.most },
      { partnerId: 'tenant-1', count: 100 - shares.own.most / 2 },
      { partnerId: 'tenant-2', count: 100 - shares.own.most / 2 },
    ]);
  });

  it('leaves room for other people of a partner, and for new denials while one repeats', () => {
    const tally = newTally();
    for (let index = 0; index < 1_000; index++) tally.deny(ofCaller({ route: `/v1/${index}` }), noon);
    expect(tally.deny(ofCaller({ actorId: 'user-2' }), noon)).toHaveLength(1);
    const persistent = newTally();
    let recorded = 0;
    for (let at = noon; at < noon + hour; at += 10 * second) recorded += persistent.deny(ofCaller(), at).length;
    expect(recorded).toBe(shares.own.most / 2);
    expect(persistent.deny(ofCaller({ actorId: 'new' }), noon + hour - 1)).toHaveLength(1);
  });

  it('leaves room for other tenants that name a partner, however many denials one causes', () => {
    const tally = newTally();
    const ofCustomer = (tenant: string, actorId: string) => ofCaller({ tenant, actorId });
    for (let user = 0; user < 1_000; user++) tally.deny(ofCustomer('customer-1', `user-${user}`), noon);
    expect(tally.deny(ofCustomer('customer-2', 'user-1'), noon)).toHaveLength(1);
  });

  it('starts anew each day', () => {
    const tally = newTally();
    const midnight = Date.parse('2026-03-01T00:00:00.000Z');
    let recorded = 0;
    for (let at = midnight, user = 0; at < midnight + 24 * hour; at += 20 * second)
      for (const { type } of tally.deny(ofCaller({ actorId: `user-${user++}` }), at))
        if (type === 'AccessDenied') recorded++;
    expect(recorded).toBe(8 * shares.own.most);
    expect(tally.deny(ofCaller({ actorId: 'tomorrow' }), midnight + 24 * hour)).toContainEqual(
      expect.objectContaining({ type: 'AccessDenied' }),
    );
  });

  /** Requests of anybody, about any partner or none. */
  const requests = (tenants: readonly string[], partners: readonly string[]) =>
    fc.array(
      fc.record(
        {
          code: fc.constantFrom('RoleNotAllowed', 'InvalidToken'),
          method: fc.constantFrom('GET', 'POST'),
          route: fc.integer({ min: 0, max: 2_000 }).map((route) => `/v1/${route}`),
          tenant: fc.constantFrom(...tenants),
          actorId: fc.integer({ min: 0, max: 40 }).map(String),
          partnerId: fc.constantFrom(...partners),
        },
        { requiredKeys: ['code', 'method', 'route'] },
      ),
      { maxLength: 400 },
    );
  const tenants = ['tenant-1', 'tenant-2', 'tenant-3', 'customer-1', 'customer-2'];

  it('writes the first denials of a partner’s people in each hour, whatever others do', () => {
    const others = requests(tenants.slice(1), tenants.slice(0, 3)).filter((all) => all.length > 0);
    fc.assert(
      fc.property(others, fc.integer({ min: 0, max: 23 }), (flood, hours) => {
        const tally = newTally();
        const at = noon + hours * hour;
        for (let round = 0; round < 20; round++)
          for (const [index, denial] of flood.entries())
            // Without a tenant, it is a stranger.
            tally.deny({ ...denial, route: `${denial.route}-${round}`, code: `Code${index % 7}` }, at);
        for (let index = 0; index < shares.own.one; index++)
          expect(tally.deny(ofCaller({ actorId: `user-${index % 2}`, route: `/own/${index}` }), at)).toHaveLength(1);
      }),
      { numRuns: 30 },
    );
  });

  it('writes the first of strangers and of others that name a partner, however much they name another', () => {
    const tally = newTally();
    for (let index = 0; index < 5_000; index++) {
      const partnerId = `tenant-${2 + (index % 1_000)}`;
      tally.deny({ code: 'InvalidToken', method: 'GET', route: `/v1/${index}`, partnerId }, noon);
      tally.deny({ ...ofCaller({ tenant: `customer-${index}`, route: `/v1/${index}` }), partnerId }, noon);
    }
    for (let index = 0; index < shares.strangers.one; index++)
      expect(
        tally.deny({ code: 'InvalidToken', method: 'GET', route: `/v1/${index}`, partnerId: 'tenant-1' }, noon),
      ).toHaveLength(1);
    for (let index = 0; index < shares.others.one; index++)
      expect(tally.deny(ofCaller({ tenant: `customer-${index}`, partnerId: 'tenant-1' }), noon)).toHaveLength(1);
  });

  it('loses no denial of any sequence, and writes no more than it may', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 20 * minute }), { minLength: 400, maxLength: 400 });
    fc.assert(
      fc.property(requests(tenants, tenants), gaps, (sequence, after) => {
        const tally = newTally();
        let at = noon;
        const events = [];
        for (const [index, denial] of sequence.entries()) {
          at += after[index]!;
          events.push(...tally.deny(denial, at));
        }
        events.push(...tally.rest());
        const hours = (at - noon) / hour + 2;
        const denied = events.filter(({ type }) => type === 'AccessDenied').length;
        // What concerns two partners counts as omitted for both.
        const written = events.reduce((sum, { data }) => sum + data.count, 0);
        expect(written).toBeGreaterThanOrEqual(sequence.length);
        const most = Object.values(shares).reduce((sum, { one, all }) => sum + all + 4 * one, 0);
        expect(denied).toBeLessThanOrEqual(most * hours);
        expect(events.length - denied).toBeLessThanOrEqual(4 * hours);
        expect(tally.rest()).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});
