import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { pairOf, relationshipCodec, relationshipStream, type RelationshipEvents } from '#customer-relationship';
import {
  inMemoryEventStore,
  noPreviousHash,
  noStream,
  type Json,
  type MessageOf,
  type ViewQueries,
} from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import { openViews, openViewsFile, projector, viewQueries, type ViewsReader } from '#projector';
import {
  dueBefore,
  dueViews,
  earliestDue,
  findAvailableSupportContacts,
  InvalidCursor,
  relationshipViews,
  views as registered,
  type Cursor,
  type Page,
} from '#read-models';
import {
  at,
  listCustomers,
  listDesignations,
  listDue,
  listEndedRelationships,
  listGrants,
  listItems,
  listRequests,
} from '../../../test/lists.js';

// One book of relationships, asked in every way that there is.

const partnerId = 'a0000000-0000-4000-8000-00000000000a';
const otherPartner = 'a0000000-0000-4000-8000-00000000000b';
const customerIds = Array.from({ length: 25 }, (_, index) => `c0000000-0000-4000-8000-0000000000${10 + index}`);
const names = ['Zürich', 'apple', 'Äpfel', 'Apple', 'banana_100%', 'Banana', 'zulu', 'éclair'];
const now = '2026-11-22T12:00:00.000Z';
const justAfter = (at: string) => new Date(Date.parse(at) + 1).toISOString();

type Event = MessageOf<RelationshipEvents>;
const contact = { tenantId: partnerId, partnerId: '1111111', name: 'Contoso Cloud' };
const day = (index: number) => `2026-0${1 + (index % 9)}-10T09:00:00.000Z`;

function requested(partner: string, customerId: string, index: number, expiresAt = '2027-01-01T00:00:00.000Z'): Event {
  return {
    type: 'ResellerRelationshipRequested',
    data: {
      partnerId: partner,
      customerId,
      partner: { ...contact, tenantId: partner, type: 'directBillPartner' },
      customer: { name: names[index % names.length]!, domain: `customer-${index % 5}.Example` },
      market: 'US',
      delegatedAdmin: false,
      requestedAt: day(index),
      expiresAt,
    },
  };
}

/** Requests by when they expire, each with what has become of it. */
const asked: readonly (readonly [expiresAt: string, ...then: Event[]])[] = [
  ['2027-01-01T00:00:00.000Z'],
  [now],
  ['2026-11-22T11:59:59.999Z'],
  [
    '2026-11-01T00:00:00.000Z',
    { type: 'ResellerRelationshipRequestExpired', data: { expiredAt: '2026-11-01T00:00:00.000Z' } },
  ],
  [
    '2027-01-01T00:00:00.000Z',
    { type: 'ResellerRelationshipRequestDeclined', data: { declinedBy: { userId: 'chris' }, declinedAt: day(5) } },
  ],
  ['2027-01-01T00:00:00.000Z', { type: 'ResellerRelationshipRequestWithdrawn', data: { withdrawnAt: day(6) } }],
];
const askedId = (index: number) => `d0000000-0000-4000-8000-00000000000${index}`;

function established(partner: string, customerId: string, index: number): Event[] {
  return [
    requested(partner, customerId, index),
    {
      type: 'ResellerRelationshipEstablished',
      data: { relationshipTerm: 1, acceptedBy: { userId: 'chris' }, establishedAt: day(index) },
    },
  ];
}

function withItems(index: number): Event[] {
  return [
    {
      type: 'SubscriptionPurchased',
      data: {
        subscriptionId: `sub-${index}`,
        kind: 'legacy',
        offerId: 'o',
        name: `Seats ${names[index % names.length]}`,
        quantity: 1,
        trial: false,
        autoRenew: false,
        boughtBy: 'partner',
        termEndsAt: day(index + 3),
        purchasedAt: day(index),
      },
    },
    {
      type: 'SupportContactAssigned',
      data: { subscriptionId: `sub-${index}`, contact, byDefault: true, assignedAt: day(index) },
    },
    {
      type: 'SavingsPlanPurchased',
      data: {
        savingsPlanId: `plan-${index}`,
        name: 'Compute',
        termDuration: 'P1Y',
        hourlyCommitment: { minorUnits: 1, currency: 'USD' },
        boughtBy: 'partner',
        purchasedAt: day(index),
        expiresAt: index % 2 ? now : '2026-11-22T11:59:59.999Z',
      },
    },
  ];
}

function withGrants(index: number): Event[] {
  const requested = (grantId: string, expiresAt: string): Event => ({
    type: 'DelegatedAdminRequested',
    data: {
      grantId,
      name: `${names[index % names.length]} ${grantId}`,
      roles: ['reader'],
      durationDays: 10,
      autoExtendDays: 0,
      requestedAt: day(index),
      expiresAt,
    },
  });
  const activated = (grantId: string, endsAt: string): Event[] => [
    requested(grantId, '2027-01-01T00:00:00.000Z'),
    { type: 'DelegatedAdminLockedForApproval', data: { grantId, lockedAt: day(index) } },
    { type: 'DelegatedAdminApproved', data: { grantId, approvedBy: { userId: 'c' }, approvedAt: day(index) } },
    { type: 'DelegatedAdminActivated', data: { grantId, activatedAt: day(index), endsAt } },
  ];
  return [
    ...activated('open', '2027-06-01T00:00:00.000Z'),
    ...activated('at-its-end', now),
    ...activated('past-its-end', '2026-11-22T11:59:59.999Z'),
    requested('asked', '2027-01-01T00:00:00.000Z'),
    requested('lapsed', '2026-11-01T00:00:00.000Z'),
    { type: 'DelegatedAdminPrivilegesGranted', data: { grantId: 'dap', grantedAt: day(index) } },
    ...activated('terminated', '2027-06-01T00:00:00.000Z'),
    { type: 'DelegatedAdminTerminated', data: { grantId: 'terminated', terminatedAt: day(index) } },
  ];
}

function removed(index: number): Event[] {
  return [
    {
      type: 'ResellerRelationshipRemoved',
      data: { relationshipTerm: 1, removedAt: justAfter(day(index)), policy: 'partner-center-2020-06' },
    },
  ];
}

let directory: string;
let path: string;
let views: ViewsReader;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'queries-'));
  path = join(directory, 'views.sqlite');
  const store = inMemoryEventStore();
  async function history(partner: string, customerId: string, events: readonly Event[]) {
    const stream = relationshipStream(partner, customerId);
    const metadata = {
      actor: { id: 'a', kind: 'k', roles: [], tenant: partner },
      causationId: 'c',
      commandHash: 'h',
      commandId: 'c',
      correlationId: 'c',
      policy: { name: 'p', hash: 'h' },
      recordedAt: now,
      schema: 1,
    };
    const unsealed = events.map(({ type, data }) => ({ type, data: data as Json, metadata }));
    await store.append(stream, seal(stream, 0, noPreviousHash, unsealed), noStream);
  }
  for (const [index, customerId] of customerIds.entries())
    await history(partnerId, customerId, [
      ...established(partnerId, customerId, index),
      ...withItems(index),
      ...(index === 0 ? withGrants(index) : []),
      ...(index >= 20 ? removed(index) : []),
    ]);
  for (const [index, [expiresAt, ...then]] of asked.entries())
    await history(partnerId, askedId(index), [requested(partnerId, askedId(index), index, expiresAt), ...then]);
  await history(otherPartner, customerIds[0]!, [
    ...established(otherPartner, customerIds[0]!, 1),
    ...withItems(100),
    ...withGrants(1),
  ]);
  const file = openViewsFile({ path, projections: relationshipViews });
  const { catchUp } = projector({
    store,
    codec: relationshipCodec,
    subjectOf: pairOf,
    views: file,
    projections: relationshipViews,
    ledgerId: 'l',
    head: await store.head(),
  });
  await catchUp(new AbortController().signal);
  file.close();
  views = openViews({ path, projections: relationshipViews });
});

afterAll(async () => {
  await views.close();
  rmSync(directory, { recursive: true });
});

async function ask<T>(query: (db: ViewQueries) => T): Promise<T> {
  return (await views.read('items', query)).result;
}

/** The whole list, a few rows at a time. */
async function inPages<Row>(
  page: (db: ViewQueries, request: { readonly limit: number; readonly after?: Cursor }) => Page<Row>,
): Promise<Row[]> {
  const all: Row[] = [];
  for (let after: Cursor | undefined; ;) {
    const { rows, next } = await ask((db) => page(db, { limit: 3, ...(after ? { after } : {}) }));
    expect(rows.length).toBeLessThanOrEqual(3);
    all.push(...rows);
    if (!next) return all;
    after = next;
  }
}

describe('The customer list', () => {
  it('is sorted by name without regard to case, then by customer, page by page', async () => {
    const rows = await inPages((db, page) => listCustomers(db, { partnerId, ...page }));
    expect(rows.map(({ customerId }) => customerId).toSorted()).toEqual(customerIds.slice(0, 20));
    const keys = rows.map(({ name, customerId }) => `${name.toLowerCase()} ${customerId}`);
    expect(keys).toEqual(keys.toSorted());
    expect(rows.slice(0, 6).map(({ name }) => name)).toEqual(['apple', 'Apple', 'apple', 'Apple', 'apple', 'Apple']);
  });

  it('is sorted by the time of establishment', async () => {
    const rows = await inPages((db, page) => listCustomers(db, { partnerId, sort: 'establishedAt', ...page }));
    const keys = rows.map(({ establishedAt, customerId }) => `${establishedAt} ${customerId}`);
    expect(keys).toEqual(keys.toSorted());
    expect(rows).toHaveLength(20);
  });

  it.each([
    ['a prefix of the name', { nameStartsWith: 'AP' }, ['Apple', 'apple']],
    ['a prefix with an accent', { nameStartsWith: 'É' }, ['éclair']],
    ['a part of the name', { nameContains: 'NANA' }, ['Banana', 'banana_100%']],
    ['a part with wildcards in it, which are none', { nameContains: '_100%' }, ['banana_100%']],
    ['a wildcard alone', { nameContains: '%n' }, []],
  ])('is searched by %s', async (_, filter, expected) => {
    const { rows } = await ask((db) => listCustomers(db, { partnerId, filter }));
    expect([...new Set(rows.map(({ name }) => name))].toSorted()).toEqual(expected);
  });

  it('is searched by domain, in any case', async () => {
    const { rows } = await ask((db) => listCustomers(db, { partnerId, filter: { domain: 'CUSTOMER-3.example' } }));
    expect(rows).toHaveLength(4);
    expect(new Set(rows.map(({ domain }) => domain))).toEqual(new Set(['customer-3.example']));
  });

  it('shows a partner its own customers only, whatever the case of its id', async () => {
    const { rows } = await ask((db) => listCustomers(db, { partnerId: otherPartner.toUpperCase() }));
    expect(rows.map(({ customerId }) => customerId)).toEqual([customerIds[0]]);
  });

  it('finds a customer unless the relationship has been removed', async () => {
    const find = async (customerId: string, of = partnerId) =>
      (await ask((db) => listCustomers(db, { partnerId: of, filter: { customerId } }))).rows;
    expect(await find(customerIds[1]!.toUpperCase())).toEqual([
      {
        partnerId,
        customerId: customerIds[1],
        name: 'apple',
        domain: 'customer-1.example',
        market: 'US',
        relationshipTerm: 1,
        establishedAt: day(1),
        agreementConfirmed: false,
        readiness: { status: 'blocked', blockers: 1, byKind: expect.any(Object), dueAt: null, overdueSince: null },
      },
    ]);
    expect(await find(customerIds[20]!)).toEqual([]);
    expect(await find(customerIds[1]!, otherPartner)).toEqual([]);
  });

  it('refuses a cursor of another list and a page of no size', async () => {
    await expect(ask((db) => listCustomers(db, { partnerId, after: ['apple'] }))).rejects.toThrow(InvalidCursor);
    await expect(ask((db) => listCustomers(db, { partnerId, after: ['apple', 3 as never] }))).rejects.toThrow(
      InvalidCursor,
    );
    for (const limit of [0, 201, 1.5])
      await expect(ask((db) => listCustomers(db, { partnerId, limit }))).rejects.toThrow(RangeError);
  });
});

describe('Delegated-admin grants', () => {
  const customerId = customerIds[0]!;
  const idsOf = async (status: NonNullable<Parameters<typeof listGrants>[1]['filter']>['status'], at = now) => {
    const rows = await inPages((db, page) =>
      listGrants(db, { partnerId, now: at, filter: status === undefined ? {} : { status }, ...page }),
    );
    return rows.map(({ grantId, status }) => `${grantId} ${status}`).toSorted();
  };

  it('are those that have not ended, unless asked otherwise; ends are inclusive', async () => {
    expect(await idsOf(undefined)).toEqual(['asked created', 'at-its-end active', 'dap approved', 'open active']);
    expect(await idsOf('open', justAfter(now))).toEqual(['asked created', 'dap approved', 'open active']);
  });

  it('past their end are expired, and never active, whatever the clock has done so far', async () => {
    expect(await idsOf('active')).toEqual(['at-its-end active', 'open active']);
    expect(await idsOf('active', justAfter(now))).toEqual(['open active']);
    expect(await idsOf('created')).toEqual(['asked created']);
    expect(await idsOf('expired')).toEqual(['lapsed expired', 'past-its-end expired']);
    expect(await idsOf('expired', '2028-01-01T00:00:00.000Z')).toEqual([
      'asked expired',
      'at-its-end expired',
      'lapsed expired',
      'open expired',
      'past-its-end expired',
    ]);
    expect(await idsOf('active', '2028-01-01T00:00:00.000Z')).toEqual([]);
    const expired = await ask((db) => listGrants(db, { partnerId, now, filter: { status: 'expired' } }));
    expect(expired.rows.find(({ grantId }) => grantId === 'past-its-end')).toMatchObject({
      status: 'expired',
      endsAt: '2026-11-22T11:59:59.999Z',
      endedAt: '2026-11-22T11:59:59.999Z',
    });
  });

  it('that have ended stay readable', async () => {
    expect(await idsOf('terminated')).toEqual(['terminated terminated']);
    expect(await idsOf('all')).toHaveLength(7);
  });

  it('are sorted by name, or by when they end with open-ended ones last', async () => {
    const byName = await inPages((db, page) => listGrants(db, { partnerId, now, ...page }));
    expect(byName.map(({ grantId }) => grantId)).toEqual(['dap', 'asked', 'at-its-end', 'open']);
    const byEnd = await inPages((db, page) => listGrants(db, { partnerId, now, sort: 'endsAt', ...page }));
    expect(byEnd.map(({ grantId }) => grantId)).toEqual(['at-its-end', 'asked', 'open', 'dap']);
  });

  it('are filtered by customer and by kind', async () => {
    const list = async (filter: Parameters<typeof listGrants>[1]['filter']) =>
      (await ask((db) => listGrants(db, { partnerId, now, ...(filter ? { filter } : {}) }))).rows;
    expect(await list({ customerId: customerId.toUpperCase() })).toHaveLength(4);
    expect(await list({ customerId: customerIds[1]! })).toEqual([]);
    expect((await list({ kind: 'gdap' })).map(({ grantId }) => grantId)).toEqual(['asked', 'at-its-end', 'open']);
    expect(await list({ customerId, kind: 'dap' })).toMatchObject([
      { partnerId, customerId, grantId: 'dap', name: null, accessAssignments: [] },
    ]);
  });
});

describe('Items', () => {
  it('are listed by name or by end, over all customers or of one', async () => {
    const byName = await inPages((db, page) => listItems(db, { partnerId, now, ...page }));
    expect(byName).toHaveLength(50);
    const keys = byName.map(({ name, customerId, item }) => `${name.toLowerCase()} ${customerId} ${item}`);
    expect(keys).toEqual(keys.toSorted());
    const byEnd = await inPages((db, page) => listItems(db, { partnerId, now, sort: 'endsAt', ...page }));
    const ends = byEnd.map(({ endsAt, customerId }) => `${endsAt} ${customerId}`);
    expect(ends).toEqual(ends.toSorted());
    const ofOne = await inPages((db, page) =>
      listItems(db, { partnerId, now, filter: { customerId: customerIds[3]!.toUpperCase() }, ...page }),
    );
    expect(ofOne.map(({ itemId }) => itemId)).toEqual(['plan-3', 'sub-3']);
  });

  it('say whether they belong to the term that runs', async () => {
    const past = await inPages((db, page) => listItems(db, { partnerId, now, filter: { current: false }, ...page }));
    expect(past.map(({ customerId }) => customerId).every((id) => customerIds.indexOf(id) >= 20)).toBe(true);
    expect(past).toHaveLength(10);
    expect(past.every(({ current }) => !current)).toBe(true);
    const current = await inPages((db, page) => listItems(db, { partnerId, now, filter: { current: true }, ...page }));
    expect(current).toHaveLength(40);
    expect(current.every((item) => item.current)).toBe(true);
  });

  it('are filtered by what they are', async () => {
    const list = (filter: NonNullable<Parameters<typeof listItems>[1]['filter']>) =>
      ask((db) => listItems(db, { partnerId, now, filter, limit: 200 }));
    expect((await list({ item: 'savingsPlan' })).rows).toHaveLength(25);
    expect((await list({ kind: 'legacy', status: 'pending' })).rows).toHaveLength(25);
    expect((await list({ kind: 'newCommerce' })).rows).toEqual([]);
    expect((await list({ nameStartsWith: 'comp' })).rows).toHaveLength(25);
    expect((await list({ nameContains: 'apple' })).rows).toHaveLength(6);
    expect((await list({ endsUntil: '2026-11-22T11:59:59.999Z', item: 'savingsPlan' })).rows).toHaveLength(13);
  });

  it('show what their type has, and null for what it has not', async () => {
    const filter = { customerId: customerIds[3]!, item: 'savingsPlan' } as const;
    const { rows } = await ask((db) => listItems(db, { partnerId, now, filter }));
    expect(rows).toMatchObject([
      { itemId: 'plan-3', hourlyCommitment: { minorUnits: 1, currency: 'USD' }, trial: null, current: true },
    ]);
    expect((await ask((db) => listItems(db, { partnerId: otherPartner, now, filter }))).rows).toEqual([]);
  });
});

describe('Support contacts', () => {
  const customerId = customerIds[0]!;

  it('are available for a partner’s customer until the relationship is removed', async () => {
    const available = (of: string, customer: string) =>
      ask((db) => findAvailableSupportContacts(db, { partnerId: of, customerId: customer }));
    expect(await available(partnerId.toUpperCase(), customerId.toUpperCase())).toEqual([contact]);
    expect(await available(otherPartner, customerId)).toEqual([{ ...contact, tenantId: otherPartner }]);
    expect(await available(otherPartner, customerIds[1]!)).toEqual([]);
    expect(await available(partnerId, customerIds[20]!)).toEqual([]);
  });

  it('are designated on subscriptions: of a partner, a customer, a contact', async () => {
    expect(await inPages((db, page) => listDesignations(db, { partnerId, ...page }))).toHaveLength(25);
    const contactTenantId = partnerId;
    const byContact = await inPages((db, page) =>
      listDesignations(db, { partnerId: otherPartner, filter: { contactTenantId }, ...page }),
    );
    expect(byContact).toEqual([
      {
        partnerId: otherPartner,
        customerId,
        subscriptionId: 'sub-100',
        contact,
        byDefault: true,
        assignedAt: day(100),
        overdueSince: null,
      },
    ]);
    const ofCustomer = await ask((db) => listDesignations(db, { partnerId, filter: { customerId } }));
    expect(ofCustomer.rows).toMatchObject([{ subscriptionId: 'sub-0', contact }]);
  });
});

describe('Relationship requests', () => {
  type Filter = NonNullable<Parameters<typeof listRequests>[1]['filter']>;
  const found = async (filter: Filter, at = now) => {
    const rows = await inPages((db, page) => listRequests(db, { partnerId, now: at, filter, ...page }));
    return rows.map(({ customerId, status }) => `${customerId.at(-1)} ${status}`).toSorted();
  };

  it('are those that can still be answered, unless asked otherwise; ends are inclusive (R29)', async () => {
    expect(await found({})).toEqual(['0 requested', '1 requested']);
    expect(await found({ status: 'requested' }, justAfter(now))).toEqual(['0 requested']);
  });

  it('past their end have lapsed, whatever the clock has done so far', async () => {
    expect(await found({ status: 'requestExpired' })).toEqual(['2 requestExpired', '3 requestExpired']);
    const { rows } = await ask((db) => listRequests(db, { partnerId, now, filter: { status: 'requestExpired' } }));
    const lapse = '2026-11-22T11:59:59.999Z';
    const nothingDue = { dueAt: null, statusThen: null, dueCommand: null };
    expect(rows.at(-1)).toMatchObject({ closedAt: lapse, expiresAt: lapse, ...nothingDue });
  });

  it('say what follows next, at the first instant at which the clock’s command is accepted', async () => {
    const { rows } = await ask((db) => listRequests(db, { partnerId, now }));
    const due = { statusThen: 'requestExpired', dueCommand: 'ExpireRelationshipRequest' };
    expect(rows[0]).toMatchObject({ expiresAt: now, dueAt: justAfter(now), ...due });
  });

  it('are filtered by state, customer, name and end', async () => {
    expect(await found({ status: 'all' })).toHaveLength(6);
    expect(await found({ status: 'requestDeclined' })).toEqual(['4 requestDeclined']);
    expect(await found({ status: 'requestWithdrawn' })).toEqual(['5 requestWithdrawn']);
    expect(await found({ customerId: askedId(1).toUpperCase() })).toEqual(['1 requested']);
    expect(await found({ nameStartsWith: 'ZÜ' })).toEqual(['0 requested']);
    expect(await found({ nameContains: 'PPL' })).toEqual(['1 requested']);
    expect(await found({ expiresUntil: now })).toEqual(['1 requested']);
    expect(await found({ expiresFrom: justAfter(now) })).toEqual(['0 requested']);
  });

  it('are sorted by end, by name or by the time of the request', async () => {
    const by = async (sort: 'expiresAt' | 'name' | 'requestedAt') => {
      const rows = await inPages((db, page) =>
        listRequests(db, { partnerId, now, sort, filter: { status: 'all' }, ...page }),
      );
      return rows.map(({ customerId }) => customerId.at(-1)).join('');
    };
    expect(await by('expiresAt')).toBe('321045');
    expect(await by('name')).toBe('135402');
    expect(await by('requestedAt')).toBe('012345');
  });
});

describe('What is due', () => {
  const everything = () => inPages((db, page) => listDue(db, { partnerId, now, ...page }));

  it('is everything that time alone changes, page by page, in the order of time', async () => {
    const rows = await everything();
    const keys = rows.map(({ dueAt, customerId, item, itemId }) => `${dueAt} ${customerId} ${item} ${itemId}`);
    expect(keys).toEqual(keys.toSorted());
    expect(rows.map(({ item }) => item).toSorted()).toEqual([
      ...Array<string>(5).fill('grant'),
      ...Array<string>(3).fill('request'),
      ...Array<string>(25).fill('savingsPlan'),
    ]);
    // The first instant at which the command is accepted: ends are inclusive.
    expect(rows.find(({ itemId }) => itemId === 'at-its-end')).toEqual({
      partnerId,
      customerId: customerIds[0],
      item: 'grant',
      itemId: 'at-its-end',
      name: 'Zürich at-its-end',
      dueAt: justAfter(now),
      command: 'ExpireDelegatedAdmin',
      statusThen: 'expired',
    });
    expect(rows.find(({ customerId }) => customerId === askedId(2))).toMatchObject({
      item: 'request',
      itemId: null,
      dueAt: now,
      command: 'ExpireRelationshipRequest',
      statusThen: 'requestExpired',
    });
  });

  it.each([
    ['item', { item: 'grant' }, ({ item }: DueRow) => item === 'grant'],
    ['customer', { customerId: customerIds[0]!.toUpperCase() }, (row: DueRow) => row.customerId === customerIds[0]],
    ['item of a customer', { customerId: askedId(1), item: 'request' }, (row: DueRow) => row.customerId === askedId(1)],
    ['what is overdue', { overdue: true }, ({ dueAt }: DueRow) => dueAt <= now],
    ['what is not', { overdue: false }, ({ dueAt }: DueRow) => dueAt > now],
    ['a last time', { dueUntil: now }, ({ dueAt }: DueRow) => dueAt <= now],
    ['a first time', { dueFrom: justAfter(now) }, ({ dueAt }: DueRow) => dueAt >= justAfter(now)],
  ] as const)('is filtered by %s', async (_, filter, kept) => {
    const expected = (await everything()).filter(kept);
    expect(expected).not.toEqual([]);
    expect(await inPages((db, page) => listDue(db, { partnerId, now, filter, ...page }))).toEqual(expected);
  });

  it('is told to the timekeeper with its boundary, a hundred at once', async () => {
    const rows = await everything();
    const told = await ask((db) => dueBefore(db, { partnerId, before: now }));
    expect(told.map(({ noun, id, command, dueAt }) => [noun, id || null, command, justAfter(dueAt)])).toEqual(
      rows
        .filter(({ dueAt }) => dueAt <= now)
        .map(({ item, itemId, command, dueAt }) => [item, itemId, command, dueAt]),
    );
    expect(await ask((db) => dueBefore(db, { partnerId, before: now, after: told[3]! }))).toEqual(told.slice(4));
    expect(await ask((db) => earliestDue(db, partnerId))).toBe(told[0]!.dueAt);
    expect(await ask((db) => earliestDue(db, customerIds[0]!))).toBeUndefined();
    for (const customerId of customerIds) {
      const [first] = told.filter((each) => each.customerId === customerId);
      if (first) expect(await ask((db) => earliestDue(db, partnerId, customerId))).toBe(first.dueAt);
    }
    expect(dueViews.map((name) => registered.some(({ projection }) => projection.name === name))).toEqual([
      true,
      true,
      true,
    ]);
  });
});

type DueRow = ReturnType<typeof listDue>['rows'][number];

describe('Ended relationships', () => {
  it('are listed with the last removed first, and what still runs at the time', async () => {
    const rows = await inPages((db, page) => listEndedRelationships(db, { partnerId, now, ...page }));
    const times = rows.map(({ lastRemovedAt, customerId }) => `${lastRemovedAt} ${customerId}`);
    expect(times).toEqual(times.toSorted().reverse());
    expect(rows).toHaveLength(5);
    expect(rows.map(({ runningCharges }) => runningCharges.map(({ itemId }) => itemId)).toSorted()).toEqual([
      [],
      [],
      [],
      ['plan-21'],
      ['plan-23'],
    ]);
    const later = await ask((db) => listEndedRelationships(db, { partnerId, now: justAfter(now) }));
    expect(later.rows.every(({ runningCharges }) => runningCharges.length === 0)).toBe(true);
  });

  it('are filtered by when they were removed and whether they came back', async () => {
    const list = (filter: NonNullable<Parameters<typeof listEndedRelationships>[1]['filter']>) =>
      ask((db) => listEndedRelationships(db, { partnerId, now, filter }));
    expect((await list({ reestablished: true })).rows).toEqual([]);
    expect((await list({ reestablished: false })).rows).toHaveLength(5);
    const removedFrom = justAfter(day(21));
    expect((await list({ removedFrom })).rows.map(({ lastRemovedAt }) => lastRemovedAt >= removedFrom)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect((await list({ removedBefore: removedFrom })).rows).toHaveLength(1);
  });

  it('are those that have ended, with what is left of them', async () => {
    const { rows } = await ask((db) => listEndedRelationships(db, { partnerId, now }));
    expect(rows.map(({ customerId }) => customerId).toSorted()).toEqual(customerIds.slice(20));
    expect(rows.find(({ customerId }) => customerId === customerIds[21])).toMatchObject({
      customerName: names[21 % names.length],
      reestablished: false,
      runningCharges: [{ item: 'savingsPlan', itemId: 'plan-21', relationshipTerm: 1, until: now }],
      residualAccess: [],
    });
  });
});

describe('An index serves', () => {
  const customerId = customerIds[0]!;
  const after = (...values: string[]) => ({ after: values });

  /** How SQLite carries out every statement of a query. */
  function plansOf(query: (db: ViewQueries) => unknown): string[] {
    const database = new Database(path, { readonly: true });
    const plans: string[] = [];
    const prepare: Database.Database['prepare'] = (sql: string) => {
      const statement = database.prepare(sql);
      const all = statement.all.bind(statement);
      statement.all = (...parameters: unknown[]) => {
        const steps = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters) as { detail: string }[];
        plans.push(...steps.map(({ detail }) => detail));
        return all(...parameters);
      };
      return statement as never;
    };
    query(viewQueries({ prepare }, relationshipViews));
    database.close();
    return plans;
  }

  // Where the parts of a union are merged, each of them is a search, and only rows with the same boundary are sorted. What is
  // materialized is told first: how it is read, and then how it is found.
  const searchesIn = (plans: readonly string[]) =>
    plans.filter(
      (plan) =>
        !/^(MATERIALIZE \w+|MERGE \(UNION ALL\)|LEFT|RIGHT|USE TEMP B-TREE FOR LAST (\d TERMS|TERM) OF ORDER BY)$/.test(
          plan,
        ),
    );

  it.each<[string, string, (db: ViewQueries) => unknown]>([
    ['customers by name', 'partnerId=? AND status=?', (db) => listCustomers(db, { partnerId })],
    [
      'customers by name, after a cursor',
      'partnerId=? AND status=? AND (sortName,customerId)>(?,?)',
      (db) => listCustomers(db, { partnerId, ...after('b', customerId) }),
    ],
    [
      'customers by prefix',
      'sortName>? AND sortName<?',
      (db) => listCustomers(db, { partnerId, filter: { nameStartsWith: 'a' } }),
    ],
    [
      'customers by part of a name',
      'partnerId=? AND status=?',
      (db) => listCustomers(db, { partnerId, filter: { nameContains: 'a' } }),
    ],
    [
      'customers by domain',
      'partnerId=? AND status=? AND domain=?',
      (db) => listCustomers(db, { partnerId, filter: { domain: 'a' } }),
    ],
    [
      'customers by establishment',
      '(establishedAt,customerId)>(?,?)',
      (db) => listCustomers(db, { partnerId, sort: 'establishedAt', ...after(now, customerId) }),
    ],
    ['open grants', 'partnerId=? AND passedInto=?', (db) => listGrants(db, { partnerId, now })],
    [
      'open grants after a cursor',
      'partnerId=? AND passedInto=? AND (sortName,customerId,grantId)>(?,?,?)',
      (db) => listGrants(db, { partnerId, now, ...after('a', customerId, 'g') }),
    ],
    ['grants by end', 'partnerId=? AND passedInto=?', (db) => listGrants(db, { partnerId, now, sort: 'endsAt' })],
    ['all grants', 'partnerId=?', (db) => listGrants(db, { partnerId, now, filter: { status: 'all' } })],
    ['expired grants', 'partnerId=?', (db) => listGrants(db, { partnerId, now, filter: { status: 'expired' } })],
    ['items by name', 'partnerId=?', (db) => listItems(db, { partnerId, now })],
    [
      'items after a cursor',
      'partnerId=? AND passedInto=? AND (sortName,customerId,item,itemId)>(?,?,?,?)',
      (db) => listItems(db, { partnerId, now, ...after('a', customerId, 'subscription', 's') }),
    ],
    [
      'items by end',
      '(endOrder,customerId,item,itemId)>(?,?,?,?)',
      (db) => listItems(db, { partnerId, now, sort: 'endsAt', ...after(now, customerId, 'a', 'b') }),
    ],
    [
      'items of a customer',
      'partnerId=? AND customerId=?',
      (db) => listItems(db, { partnerId, now, filter: { customerId } }),
    ],
    ['current items', 'partnerId=?', (db) => listItems(db, { partnerId, now, filter: { current: true } })],
    ['designations', 'partnerId=?', (db) => listDesignations(db, { partnerId })],
    [
      'designations of a contact',
      'partnerId=? AND contactTenantId=?',
      (db) => listDesignations(db, { partnerId, filter: { contactTenantId: partnerId } }),
    ],
    [
      'designations on a customer',
      'partnerId=? AND customerId=?',
      (db) => listDesignations(db, { partnerId, filter: { customerId } }),
    ],
    [
      'available contacts',
      'partnerId=? AND customerId=?',
      (db) => findAvailableSupportContacts(db, { partnerId, customerId }),
    ],
    ['what is due', 'partnerId=? AND passedInto=? AND dueAt<?', (db) => listDue(db, { partnerId, now })],
    [
      'what is due after a cursor',
      'partnerId=? AND passedInto=? AND (dueAt,customerId,item,itemId)>(?,?,?,?) AND dueAt<?',
      (db) => listDue(db, { partnerId, now, ...after(now, customerId, 'grant', 'g') }),
    ],
    [
      'what is due from a time on, after a cursor',
      'partnerId=? AND passedInto=? AND (dueAt,customerId,item,itemId)>(?,?,?,?) AND dueAt<?',
      (db) => listDue(db, { partnerId, now, filter: { dueFrom: now }, ...after(now, customerId, 'grant', 'g') }),
    ],
    [
      'what the timekeeper asks for',
      'partnerId=? AND passedInto=? AND (dueAt,customerId,item,itemId)>(?,?,?,?) AND dueAt<?',
      (db) => dueBefore(db, { partnerId, before: now }),
    ],
    [
      'the first boundary',
      'partnerId=? AND passedInto=? AND (dueAt,customerId,item,itemId)>(?,?,?,?) AND dueAt<?',
      (db) => earliestDue(db, partnerId),
    ],
    ['open requests', 'partnerId=? AND status=?', (db) => listRequests(db, { partnerId, now })],
    [
      'open requests after a cursor',
      '(expiresAt,customerId)>(?,?)',
      (db) => listRequests(db, { partnerId, now, ...after('a', customerId) }),
    ],
    [
      'open requests by name',
      'partnerId=? AND status=?',
      (db) => listRequests(db, { partnerId, now, sort: 'name', ...after('a', customerId) }),
    ],
    [
      'open requests by their time',
      'partnerId=? AND status=?',
      (db) => listRequests(db, { partnerId, now, sort: 'requestedAt' }),
    ],
    ['ended relationships', 'partnerId=? AND lastRemovedAt>?', (db) => listEndedRelationships(db, { partnerId, now })],
    [
      'ended relationships after a cursor',
      '(lastRemovedAt,customerId)<(?,?)',
      (db) => listEndedRelationships(db, { partnerId, now, ...after('2027-01-01T00:00:00.000Z', customerId) }),
    ],
  ])('%s: no table is scanned and nothing is sorted', (_, search, query) => {
    const [first, ...rest] = searchesIn(plansOf(query));
    expect(first).toMatch(/^SEARCH .* USING INDEX \w+/);
    expect(first).toContain(search);
    // Sorted are only rows that the projector has yet to note, found by their own names.
    const sorts = rest.filter((plan) => plan.startsWith('USE TEMP B-TREE'));
    expect(sorts.length).toBeLessThanOrEqual(rest.filter((plan) => plan.includes('INTEGER PRIMARY KEY')).length);
    for (const plan of rest)
      expect(plan).toMatch(
        /^SEARCH|^LIST SUBQUERY|^USING ROWID SEARCH|^CREATE BLOOM|^USE TEMP B-TREE|^(COMPOUND|LEFT-MOST|UNION)|^SCAN json_each/,
      );
  });

  it('what is due of a customer is found by key, however much others have', () => {
    const plans = plansOf((db) => listDue(db, { partnerId, now, filter: { customerId } }));
    const searches = plans.filter((plan) => plan.startsWith('S'));
    expect(searches).toHaveLength(3);
    for (const search of searches) expect(search).toMatch(/^SEARCH .*\(partnerId=\? AND customerId=\?\)$/);
  });

  it.each(
    registered.flatMap(({ lists }) =>
      lists.flatMap((list) => list.sorts.map((sort) => [list.partnerWide.operation, sort, list] as const)),
    ),
  )('%s by %s: no table is scanned and nothing is sorted', (_, sort, list) => {
    const [first] = searchesIn(plansOf((queries) => list.read(queries, { partnerId, sort }, at(now))));
    expect(first).toMatch(/^SEARCH .* USING INDEX \w+/);
  });
});
