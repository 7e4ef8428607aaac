import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { relationshipStream } from '#customer-relationship';
import { inMemoryEventStore } from '#event-sourcing';
import { partner } from '../../../../bench/histories.js';
import { clockOf, ledgerOver } from '../testing-ledger.js';
import { routesOver, type Answered } from '../testing-routes.js';

// T1: a thing of each noun is read before time has changed it, after that, and once that has been recorded.

const start = '2026-03-01T00:00:00.000Z';
const threeYears = '2029-03-02T00:00:00.000Z';
const later = (time: string, ms: number) => new Date(Date.parse(time) + ms).toISOString();

type Sent = readonly [path: string, body?: object, by?: 'customer'];

interface Case {
  /** The commands that lead to it; the last segment of a path below the customer. */
  readonly made: readonly Sent[];
  readonly read: string;
  /** What shows the last moment at which it is as it was made, where it does not itself. */
  readonly dates?: string;
  readonly until: (dates: any) => string;
  readonly before: object;
  readonly then: object;
  /** The clock's command that records it. */
  readonly recorded: string;
  readonly explained?: string;
}

const established: readonly Sent[] = [
  ['reseller-relationship/accept', {}, 'customer'],
  ['agreement/confirm', {}],
];
const role = 'f2ef992c-3afb-46b9-b7cf-a126ee74c451';
const contact = { tenantId: partner.tenantId, partnerId: partner.partnerId, name: partner.name };
const subscription = (more: object): Sent => [
  'subscriptions',
  { subscriptionId: 's', kind: 'newCommerce', offerId: 'o', name: 'Seats', quantity: 5, provisioned: true, ...more },
];
const azurePlan = subscription({ subscriptionId: 'plan', kind: 'azurePlan', quantity: 1 });
const yearly = { name: 'N', termDuration: 'P1Y' };
const grant = { grantId: 'g', name: 'Helpdesk', roles: [role], durationDays: 30 };
const software = {
  purchaseId: 'w',
  kind: 'subscription',
  publisher: 'microsoft',
  lineItems: [{ lineItemId: 'l', name: 'N', quantity: 1 }],
  ...yearly,
};
const activeGrantWith = (more: object): readonly Sent[] => [
  ...established,
  ['delegated-admin', { ...grant, ...more }],
  ['delegated-admin/g/lock'],
  ['delegated-admin/g/approve', {}, 'customer'],
  ['delegated-admin/g/access-assignments', { assignmentId: 'a', groupId: randomUUID(), roles: [role] }],
];

const cases: Readonly<Record<string, Case>> = {
  'a request (R29)': {
    made: [],
    read: 'reseller-relationship',
    until: ({ request }) => request.expiresAt,
    before: { status: 'requested' },
    then: { status: 'requestExpired', request: null },
    recorded: 'reseller-relationship/expire',
  },
  'a subscription that renews (S14)': {
    made: [...established, subscription({ termDuration: 'P1M', autoRenew: true, trial: false })],
    read: 'subscriptions/s',
    until: ({ termEndsAt }) => termEndsAt,
    before: { status: 'active' },
    then: { status: 'active' },
    recorded: 'subscriptions/s/renew',
    explained: 'items/subscription/s',
  },
  'a subscription that does not (S14, S15)': {
    made: [...established, subscription({ termDuration: 'P1M', autoRenew: false })],
    read: 'subscriptions/s',
    until: ({ termEndsAt }) => termEndsAt,
    before: { status: 'active' },
    then: { status: 'expired' },
    recorded: 'subscriptions/s/end-term',
    explained: 'items/subscription/s',
  },
  'a legacy subscription with its support contact (S15, C5)': {
    made: [
      ...established,
      subscription({ kind: 'legacy', termDuration: 'P1Y' }),
      ['subscriptions/s/suspend', { reason: 'nonPayment' }],
    ],
    read: 'subscriptions/s',
    until: ({ retainedUntil }) => retainedUntil,
    before: { status: 'suspended', supportContact: contact },
    then: { status: 'deleted', supportContact: null },
    recorded: 'subscriptions/s/advance-retention',
    explained: 'support-contacts/s',
  },
  'a reservation (R7)': {
    made: [
      ...established,
      azurePlan,
      [
        'reservations',
        { reservationId: 'r', product: 'virtualMachine', quantity: 1, commitmentUsdCents: 9, ...yearly },
      ],
    ],
    read: 'reservations/r',
    until: ({ expiresAt }) => expiresAt,
    before: { status: 'active' },
    then: { status: 'expired' },
    recorded: 'reservations/r/expire',
    explained: 'items/reservation/r',
  },
  'a savings plan (R10)': {
    made: [
      ...established,
      azurePlan,
      ['savings-plans', { savingsPlanId: 'p', hourlyCommitment: { minorUnits: 100, currency: 'USD' }, ...yearly }],
    ],
    read: 'savings-plans/p',
    until: ({ expiresAt }) => expiresAt,
    before: { status: 'active' },
    then: { status: 'expired' },
    recorded: 'savings-plans/p/expire',
    explained: 'items/savingsPlan/p',
  },
  'software that renews (V7a)': {
    made: [...established, ['software', { ...software, autoRenew: true }]],
    read: 'software/w',
    until: ({ expiresAt }) => expiresAt,
    before: { status: 'completed' },
    then: { status: 'completed' },
    recorded: 'software/w/renew',
    explained: 'items/softwarePurchase/w',
  },
  'software that does not (R8)': {
    made: [...established, ['software', { ...software, autoRenew: false }]],
    read: 'software/w',
    until: ({ expiresAt }) => expiresAt,
    before: { status: 'completed' },
    then: { status: 'expired' },
    recorded: 'software/w/expire',
    explained: 'items/softwarePurchase/w',
  },
  'a request for delegated admin (G5)': {
    made: [...established, ['delegated-admin', grant]],
    read: 'delegated-admin/g',
    until: ({ requestExpiresAt }) => requestExpiresAt,
    before: { status: 'created' },
    then: { status: 'expired' },
    recorded: 'delegated-admin/g/expire',
    explained: 'delegated-admin-grants/g',
  },
  'a grant with its access assignments (G8b)': {
    made: activeGrantWith({}),
    read: 'delegated-admin/g',
    until: ({ endsAt }) => endsAt,
    before: { status: 'active', accessAssignments: [{ status: 'active' }] },
    then: { status: 'expired', accessAssignments: [{ status: 'deleted' }] },
    recorded: 'delegated-admin/g/expire',
    explained: 'delegated-admin-grants/g',
  },
  'a grant that extends (G6a)': {
    made: activeGrantWith({ autoExtendDays: 180 }),
    read: 'delegated-admin/g',
    until: ({ endsAt }) => endsAt,
    before: { status: 'active', accessAssignments: [{ status: 'active' }] },
    then: { status: 'active', accessAssignments: [{ status: 'active' }] },
    recorded: 'delegated-admin/g/extend',
    explained: 'delegated-admin-grants/g',
  },
  'an access assignment (G8b)': {
    made: activeGrantWith({}),
    read: 'delegated-admin/g/access-assignments/a',
    dates: 'delegated-admin/g',
    until: ({ endsAt }) => endsAt,
    before: { status: 'active' },
    then: { status: 'deleted' },
    recorded: 'delegated-admin/g/expire',
  },
};

/** A relationship under a clock of its own. */
async function scene({ made, read, dates = read, until, recorded, explained }: Case) {
  let now = start;
  const store = inMemoryEventStore();
  const routes = await routesOver(
    ledgerOver(
      store,
      undefined,
      clockOf(() => now),
    ),
  );
  const customerId = randomUUID();
  const path = `/v1/customers/${customerId}`;
  const { market } = partner;
  const post = ([below, body = {}, by]: Sent, headers: Readonly<Record<string, string>> = {}) => {
    const pair = `/v1/partners/${partner.tenantId}/customers/${customerId}`;
    return by
      ? routes.post(`${pair}/${below}`, body, { ...headers, authorization: customerId })
      : routes.post(`${path}/${below}`, body, headers);
  };
  return {
    [Symbol.asyncDispose]: () => routes.close(),
    make: async () => {
      const requested: Sent = ['reseller-relationship/request', { customer: { name: 'C' }, market }];
      for (const sent of [requested, ...made]) {
        const { status, body } = await post(sent);
        if (status >= 300) throw new Error(`${sent[0]}: ${JSON.stringify(body)}`);
      }
    },
    until: async () => until((await routes.get(`${path}/${dates}`)).body),
    move: (time: string) => void (now = time),
    shown: (query = '', headers: Readonly<Record<string, string>> = {}) =>
      routes.get(`${path}/${read}${query}`, headers),
    explanation: () => routes.get(`${path}/explanations/${explained}`),
    record: () => post([recorded]),
    rename: (ifMatch: string) => post(['profile/update?dryRun=true', { name: 'D' }], { 'if-match': ifMatch }),
    events: async () => (await store.read(relationshipStream(partner.tenantId, customerId))).length,
  };
}

const tagOf = ({ headers }: Answered) => headers.get('etag')!;
const unless = (tag: string) => ({ 'if-none-match': tag });
/** Without what says how far the log has come. */
const content = ({ body: { revision: _, position: __, ...rest } }: Answered) => rest as object;

describe.each(Object.entries(cases))('%s', (_, thing) => {
  it('is shown as time has left it, with a tag that changes when it passes and no event (T1)', async () => {
    await using made = await scene(thing);
    await made.make();
    const { move, until, shown, rename, events } = made;
    const before = await shown();
    expect(before.body).toMatchObject(thing.before);
    const recorded = await events();

    const last = await until();
    move(last);
    expect((await shown('', unless(tagOf(before)))).status).toBe(304);
    move(later(last, 1));
    const then = await shown('', unless(tagOf(before)));
    expect(then).toMatchObject({ status: 200, body: thing.then });
    expect(content(then)).not.toEqual(content(before));
    expect((await shown('', unless(tagOf(then)))).status).toBe(304);
    // Time that passes is no lost update.
    expect((await rename(tagOf(before))).status).not.toBe(412);
    expect(await events()).toBe(recorded);
  });

  it('was as time had left it at a moment of the past', async () => {
    await using made = await scene(thing);
    await made.make();
    const { move, until, shown } = made;
    const before = await shown();
    const last = await until();
    move(threeYears);
    const at = async (time: string) => {
      const { body, status } = await shown(`?asOf=${time}`);
      const { asOf, ...rest } = body;
      expect([status, asOf]).toEqual([200, time]);
      return rest as object;
    };
    expect(await at(last)).toEqual(before.body);
    expect(await at(later(last, 1))).toMatchObject(thing.then);
    expect(await at(threeYears)).toEqual((await shown()).body);
  });

  it.each([1, Date.parse(threeYears) - Date.parse(start)])(
    'is shown and explained as it is once that has been recorded, %d ms after',
    async (ms) => {
      await using made = await scene(thing);
      await made.make();
      const { move, until, shown, explanation, record, events } = made;
      const last = await until();
      const first = await events();
      move(later(last, ms));
      const unrecorded = await shown();
      const explained = thing.explained ? await explanation() : undefined;
      expect((await record()).status).toBe(200);
      expect(content(await shown())).toEqual(content(unrecorded));
      if (!explained) return;

      const { rows, byTime } = explained.body;
      const after = (await explanation()).body;
      expect(after.rows).toEqual(rows);
      expect(after.byTime).toBeNull();
      // What is not recorded stands beside what is, in the same order and with the same changes.
      const same = ({ type, changes }: any) => ({ type, changes });
      const since = after.events.filter(({ revision }: any) => revision >= first);
      expect(byTime.events.map(same)).toEqual(since.map(same));
      expect(byTime.events.length).toBeGreaterThan(0);
      for (const { at } of byTime.events) expect(at >= last).toBe(true);
    },
  );
});
