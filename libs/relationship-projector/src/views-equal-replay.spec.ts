import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import {
  addDays,
  blockerKinds,
  comingUp,
  customerRelationship,
  defaultPolicy,
  firstInstantAfter,
  isOpenGrant,
  nextBoundary,
  pairOf,
  policies,
  relationshipCodec,
  relationshipStream,
  removalBlockers,
  settledState,
  type CustomerRelationship,
  type Policy,
} from '#customer-relationship';
import { fold, inMemoryEventStore, type EventStore, type Frozen } from '#event-sourcing';
import { openViews, openViewsFile, projector } from '#projector';
import {
  findAvailableSupportContacts,
  itemList,
  relationshipViews,
  type Cursor,
  type EndedRelationship,
  type Item,
  type Page,
} from '#read-models';
import {
  listCustomers,
  listDesignations,
  listDue,
  listEndedRelationships,
  listGrants,
  listItems,
  listRequests,
} from '../../../test/lists.js';
import { customers, partners, randomFrom, randomHistory, type Random } from '../../../test/random-history.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'views-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const ledgerId = '11111111-1111-4111-8111-111111111111';

function projectorOf(
  path: string,
  store: Pick<EventStore, 'subscribe'>,
  head: number,
  transactionSize = 1_000,
  cachedRows = 20_000,
) {
  const views = openViewsFile({ path, projections: relationshipViews });
  const running = projector({
    store,
    codec: relationshipCodec,
    subjectOf: pairOf,
    views,
    projections: relationshipViews,
    ledgerId,
    head,
    transactionSize,
    cachedRows,
    onStopped: (view, { message }) => {
      throw new Error(`${view}: ${message}`);
    },
    onTrouble: (error) => {
      throw error;
    },
  });
  return { ...running, close: () => views.close() };
}

/** The log in pieces of random sizes, and no further than `until`. */
function inPieces(store: EventStore, random: Random, until: number): Pick<EventStore, 'subscribe'> {
  return {
    async *subscribe(options) {
      for await (const { events } of store.subscribe({ ...options, batchSize: 100_000 })) {
        const due = events.filter(({ position }) => position <= until);
        for (let from = 0; from < due.length;) {
          const piece = due.slice(from, from + 1 + Math.floor(random() * 40));
          from += piece.length;
          yield { events: piece, position: piece.at(-1)!.position, caughtUp: from >= due.length };
        }
        if (due.length === 0) yield { events: [], position: options.after, caughtUp: true };
        return;
      }
    },
  };
}

/** Every row of every table but the projector's own. */
function contents(path: string): Record<string, unknown[]> {
  const database = new Database(path, { readonly: true });
  try {
    return Object.fromEntries(
      relationshipViews
        .flatMap(({ tables }) => Object.entries(tables))
        .map(([table, { key }]) => [
          table,
          database.prepare(`SELECT * FROM ${table} ORDER BY ${key.join(', ')}`).all(),
        ]),
    );
  } finally {
    database.close();
  }
}

describe('The histories', () => {
  it('hold every event that a view is about', async () => {
    const types = new Set<string>();
    for (let seed = 1; seed <= 7; seed++) {
      const store = inMemoryEventStore();
      await randomHistory(store, randomFrom(seed)).append(2_000);
      const head = await store.head();
      for await (const { events, position } of store.subscribe({ after: 0, signal: new AbortController().signal })) {
        for (const { type } of events) types.add(type);
        if (position === head) break;
      }
    }
    const handled = new Set(relationshipViews.flatMap(({ on }) => Object.keys(on)));
    const toDo = 'test/random-history.ts chooses the commands: let it send those that bring about what is missing';
    expect({ missing: [...handled.difference(types)], toDo }).toEqual({ missing: [], toDo });
  });
});

describe('Views', () => {
  it.each([1, 2, 3, 4])('are the same projected live, with restarts, as in one go (history %i)', async (seed) => {
    const random = randomFrom(seed);
    const store = inMemoryEventStore();
    await randomHistory(store, random).append(2_000);
    const head = await store.head();
    expect(head).toBeGreaterThan(500);

    const live = join(directory, 'live.sqlite');
    for (let until = 0; until < head;) {
      until = Math.min(head, until + 1 + Math.floor(random() * head * 0.4));
      // Each life has its own sizes of transactions and memory, down to none.
      const sizes = [1 + Math.floor(random() * 50), Math.floor(random() * 100)] as const;
      const life = projectorOf(live, inPieces(store, random, until), head, ...sizes);
      await life.catchUp(new AbortController().signal);
      life.close();
    }
    const once = join(directory, 'once.sqlite');
    const whole = projectorOf(once, store, head);
    await whole.catchUp(new AbortController().signal);
    whole.close();

    expect(contents(live)).toEqual(contents(once));
  });

  it.each([5, 6, 7])(
    'say what the relationships themselves say, but for rows that are marked (history %i)',
    async (seed) => {
      const store = inMemoryEventStore();
      const last = await randomHistory(store, randomFrom(seed)).append(2_000);
      const path = join(directory, 'views.sqlite');
      const running = projectorOf(path, store, await store.head());
      await running.catchUp(new AbortController().signal);
      running.close();

      const reader = openViews({ path, projections: relationshipViews });
      // Boundaries pass while nothing is recorded.
      for (const now of [0, 45, 400, 1_500].map((days) => addDays(last, days)))
        for (const { tenantId: partnerId } of partners)
          for (const customerId of customers) {
            const stream = relationshipStream(partnerId, customerId);
            const recorded = fold(
              customerRelationship,
              (await store.read(stream)).map((event) => relationshipCodec.decode(event)),
            );
            const state = settledState(recorded, now, defaultPolicy);
            const pair = { partnerId, customerId };
            const { result } = await reader.read('items', (db) => ({
              customers: everyPage((page) => listCustomers(db, { partnerId, ...page })),
              requests: everyPage((page) =>
                listRequests(db, { partnerId, now, filter: { customerId, status: 'all' }, ...page }),
              ),
              items: everyPage((page) => listItems(db, { partnerId, now, filter: { customerId }, ...page })),
              grants: everyPage((page) =>
                listGrants(db, { partnerId, now, filter: { customerId, status: 'all' }, ...page }),
              ),
              due: everyPage((page) => listDue(db, { partnerId, now, filter: { customerId }, ...page })),
              designations: everyPage((page) =>
                listDesignations(db, { partnerId, now, filter: { customerId }, ...page }),
              ),
              available: findAvailableSupportContacts(db, pair),
              ended: everyPage((page) => listEndedRelationships(db, { partnerId, now, ...page })),
            }));
            expect(result.customers.filter((row) => row.customerId === customerId)).toMatchObject(
              customersSaidBy(recorded),
            );
            expect(result.requests.map(({ status, expiresAt }) => `${status} ${expiresAt}`)).toEqual(
              requestSaidBy(recorded, now),
            );
            expectUnmarked(
              byId(result.items, ({ item, itemId }) => `${item} ${itemId}`),
              itemsSaidBy(state),
              itemsSaidBy(recorded),
            );
            expectUnmarked(
              byId(result.grants, ({ grantId }) => grantId),
              grantsSaidBy(state),
              grantsSaidBy(recorded),
            );
            expect(result.due.map(({ dueAt, command, item, itemId }) => [dueAt, command, item, itemId ?? ''])).toEqual(
              dueSaidBy(recorded),
            );
            expect(byId(result.designations, ({ subscriptionId }) => subscriptionId)).toMatchObject(
              Object.fromEntries([...state.designations].map(([id, { contact }]) => [id, { contact }])),
            );
            for (const { subscriptionId: id, contact, overdueSince } of result.designations) {
              if (overdueSince === null) expect([id, state.designations.has(id)]).toEqual([id, true]);
              expect(recorded.designations.get(id)).toMatchObject({ contact });
              const next = nextBoundary(recorded, { noun: 'subscription', id });
              // Known without an event: it has ended with its subscription.
              if (next?.status === 'deleted') expect([id, next.at < now]).toEqual([id, false]);
            }
            expect(result.available).toEqual(recorded.availableSupportContacts);
            expect(result.ended.filter((row) => row.customerId === customerId).map(remains)).toEqual(
              remainsSaidBy(state),
            );
          }
      await reader.close();
    },
  );

  it.each([8, 9])('are filtered by what they show, whatever has passed (history %i)', async (seed) => {
    const store = inMemoryEventStore();
    const random = randomFrom(seed);
    const last = await randomHistory(store, random).append(2_000);
    const path = join(directory, 'views.sqlite');
    const running = projectorOf(path, store, await store.head());
    await running.catchUp(new AbortController().signal);
    running.close();

    // What is noted of the passing of time may be behind the clock, or before it: answers do not depend on it.
    const noting = openViewsFile({ path, projections: relationshipViews });
    for (const { name } of relationshipViews) noting.notePassed(name, addDays(last, 45), 1_000_000);
    noting.close();
    const reader = openViews({ path, projections: relationshipViews });
    const partnerId = partners[0]!.tenantId;
    for (const now of [0, 45, 400].map((days) => addDays(last, days))) {
      const [from, until] = [addDays(now, -30), addDays(now, 200)];
      const within = (time: string | null) => time !== null && time >= from && time <= until;
      for (const policy of Object.values(policies)) {
        const { result: all } = await reader.read('items', (db) =>
          everyPage((page) => listItems(db, { partnerId, now, policy, ...page })),
        );
        const filters: [Filter, (item: Item) => boolean][] = [
          ...[...new Set(all.map(({ status }) => status))].map((status): [Filter, (item: Item) => boolean] => [
            { status },
            (item) => item.status === status,
          ]),
          ...blockerKinds.map((kind): [Filter, (item: Item) => boolean] => [
            { blocks: kind },
            ({ blocks }) => blocks === kind,
          ]),
          [{ blocks: 'any' }, ({ blocks }) => blocks !== null],
          [{ blocks: 'none' }, ({ blocks }) => blocks === null],
          [{ overdue: true }, ({ overdueSince }) => overdueSince !== null],
          [{ overdue: false }, ({ overdueSince }) => overdueSince === null],
          [{ endsFrom: from, endsUntil: until }, ({ endsAt }) => within(endsAt)],
          [{ dueFrom: from, dueUntil: until }, ({ dueAt }) => within(dueAt)],
          [{ dueFrom: from }, ({ dueAt }) => dueAt !== null && dueAt >= from],
          [{ retainedFrom: from, retainedUntil: until }, ({ retainedUntil }) => within(retainedUntil)],
        ];
        for (const [filter, isFound] of filters)
          for (const sort of itemList.sorts as NonNullable<Request['sort']>[]) {
            const { result } = await reader.read('items', (db) => ({
              sorted: everyPage((page) => listItems(db, { partnerId, now, policy, sort, ...page })),
              found: everyPage((page) => listItems(db, { partnerId, now, policy, sort, filter, ...page })),
            }));
            expect({ filter, sort, found: result.found }).toEqual({
              filter,
              sort,
              found: result.sorted.filter(isFound),
            });
          }
      }
      const { result: grants } = await reader.read('delegated-admin-grants', (db) => ({
        all: everyPage((page) => listGrants(db, { partnerId, now, filter: { status: 'all' }, ...page })),
        ending: everyPage((page) =>
          listGrants(db, { partnerId, now, filter: { status: 'all', endsFrom: from, endsUntil: until }, ...page }),
        ),
        expired: everyPage((page) => listGrants(db, { partnerId, now, filter: { status: 'expired' }, ...page })),
        open: everyPage((page) => listGrants(db, { partnerId, now, ...page })),
      }));
      expect(grants.ending).toEqual(grants.all.filter(({ endsAt }) => within(endsAt)));
      expect(grants.expired).toEqual(grants.all.filter(({ status }) => status === 'expired'));
      expect(grants.open).toEqual(grants.all.filter(({ status }) => isOpenGrant(status)));
    }
    await reader.close();
  });
});

/** Software blocks until its window closes (rule R8). */
const windowsCount: Policy = {
  ...defaultPolicy,
  removal: { ...defaultPolicy.removal, softwarePastWindowBlocks: false },
};

describe('The readiness in the customer list', () => {
  it('is that of the relationships, whatever has passed, under every policy', async () => {
    const compared = { ready: 0, blocked: 0 };
    for (const seed of [11, 12, 15]) {
      const store = inMemoryEventStore();
      const last = await randomHistory(store, randomFrom(seed)).append(200);
      const path = join(directory, `views-${seed}.sqlite`);
      const running = projectorOf(path, store, await store.head());
      await running.catchUp(new AbortController().signal);
      running.close();

      const reader = openViews({ path, projections: relationshipViews });
      for (const { tenantId: partnerId } of partners) {
        const recorded = new Map<string, CustomerRelationship>();
        for (const customerId of customers) {
          const events = await store.read(relationshipStream(partnerId, customerId));
          const decoded = events.map((event) => relationshipCodec.decode(event));
          recorded.set(customerId, fold(customerRelationship, decoded));
        }
        for (const now of [0, 10, 45, 200].map((days) => addDays(last, days)))
          for (const policy of [...Object.values(policies), windowsCount]) {
            const { result } = await reader.read(['customer-list', 'items'], (db) => {
              const all = (request: Partial<Parameters<typeof listCustomers>[1]>) =>
                everyPage((page) => listCustomers(db, { partnerId, now, policy, ...request, ...page }));
              return {
                rows: all({}),
                ready: all({ filter: { readiness: 'ready' } }),
                blocked: all({ filter: { readiness: 'blocked' } }),
                byBlockers: all({ sort: 'blockers' }),
                byDueAt: all({ sort: 'blockersDueAt' }),
              };
            });
            for (const { customerId, readiness } of result.rows) {
              if (readiness.overdueSince !== null) continue;
              expect(readiness).toMatchObject(readinessSaidBy(recorded.get(customerId)!, policy, now));
              compared[readiness.status]++;
            }
            for (const status of ['ready', 'blocked'] as const)
              expect(result[status]).toEqual(result.rows.filter(({ readiness }) => readiness.status === status));
            const counts = result.byBlockers.map(({ readiness }) => readiness.blockers);
            expect(counts).toEqual(counts.toSorted((one, other) => one - other));
            const times = result.byDueAt.map(({ readiness }) => readiness.dueAt ?? 'never');
            expect(times).toEqual(times.toSorted());
            expect(byCustomer(result.byBlockers)).toEqual(byCustomer(result.rows));
            expect(byCustomer(result.byDueAt)).toEqual(byCustomer(result.rows));
          }
      }
      await reader.close();
    }
    expect(Math.min(compared.ready, compared.blocked)).toBeGreaterThan(10);
  });
});

const byCustomer = (rows: ReturnType<typeof listCustomers>['rows']) => byId(rows, ({ customerId }) => customerId);

function readinessSaidBy(recorded: CustomerRelationship, policy: Policy, now: string) {
  const blockers = removalBlockers(recorded, policy, now);
  const state = settledState(recorded, now, policy);
  const ends = blockers.flatMap(({ kind, itemId }) => {
    const noun = kind === 'reservationCancellationPending' ? 'reservation' : kind;
    const isSubscription = noun !== 'reservation' && noun !== 'softwarePurchase' && noun !== 'savingsPlan';
    const next = nextBoundary(state, { noun: isSubscription ? 'subscription' : noun, id: itemId })?.at ?? [];
    // Rule R8.
    const closes = noun === 'softwarePurchase' && !policy.removal.softwarePastWindowBlocks;
    return closes ? [next, state.software.get(itemId)!.cancellationAllowedUntil].flat() : next;
  });
  const first = ends.toSorted()[0];
  return {
    blockers: blockers.length,
    byKind: Object.fromEntries(
      blockerKinds.map((kind) => [kind, blockers.filter((each) => each.kind === kind).length]),
    ),
    dueAt: first === undefined ? null : firstInstantAfter(first),
  };
}

type Request = Parameters<typeof listItems>[1];
type Filter = NonNullable<Request['filter']>;

/** A row without a mark is what the relationship says; a marked one is as recorded, but for its status. */
function expectUnmarked(
  rows: Readonly<Record<string, { readonly overdueSince: string | null }>>,
  settled: Readonly<Record<string, object>>,
  recorded: Readonly<Record<string, object>>,
): void {
  const expected = Object.entries(settled).map(([id, said]): [string, object] => {
    if (rows[id]?.overdueSince === null) return [id, said];
    const { status: _, retainedUntil: __, ...rest } = recorded[id] as Readonly<Record<string, unknown>>;
    return [id, rest];
  });
  expect(rows).toMatchObject(Object.fromEntries(expected));
}

function everyPage<Row>(page: (request: { readonly limit: number; readonly after?: Cursor }) => Page<Row>): Row[] {
  const all: Row[] = [];
  for (let after: Cursor | undefined; ;) {
    const { rows, next } = page({ limit: 7, ...(after ? { after } : {}) });
    all.push(...rows);
    if (!next) return all;
    after = next;
  }
}

function byId<Row>(rows: readonly Row[], idOf: (row: Row) => string): Record<string, Row> {
  return Object.fromEntries(rows.map((row) => [idOf(row), row]));
}

function customersSaidBy({ status, customer, relationshipTerm, ...state }: Frozen<CustomerRelationship>): object[] {
  if (status !== 'active') return [];
  return [
    {
      name: customer.name,
      domain: customer.domain ?? null,
      relationshipTerm,
      establishedAt: state.establishedAt,
      agreementConfirmed: state.agreementConfirmedAt !== undefined,
    },
  ];
}

function requestSaidBy({ status, request }: Frozen<CustomerRelationship>, now: string): string[] {
  if (status === 'requested') return [`${now > request!.expiresAt ? 'requestExpired' : status} ${request!.expiresAt}`];
  return status.startsWith('request') ? [expect.stringContaining(status) as unknown as string] : [];
}

/** In the order of the list. */
function dueSaidBy(state: CustomerRelationship): string[][] {
  return [...comingUp(state)]
    .map(({ item: { noun, id }, boundary: { at, command } }) => ({
      place: `${at} ${noun} ${id}`,
      at,
      command,
      noun,
      id,
    }))
    .toSorted((one, other) => (one.place < other.place ? -1 : 1))
    .map(({ at, command, noun, id }) => [firstInstantAfter(at), command, noun, id]);
}

function itemsSaidBy(state: Frozen<CustomerRelationship>): Record<string, object> {
  const current = (relationshipTerm: number) =>
    state.status === 'active' && relationshipTerm === state.relationshipTerm;
  return Object.fromEntries([
    ...[...state.subscriptions].map(([id, { azureSubscriptions, relationshipTerm, ...subscription }]) => [
      `subscription ${id}`,
      {
        relationshipTerm,
        current: current(relationshipTerm),
        kind: subscription.kind,
        name: subscription.name,
        status: subscription.status,
        offerId: subscription.offerId,
        quantity: subscription.quantity,
        trial: subscription.trial,
        autoRenew: subscription.autoRenew,
        termDuration: subscription.termDuration ?? null,
        endsAt: subscription.termEndsAt ?? null,
        cancellationAllowedUntil: subscription.cancellationAllowedUntil ?? null,
        billingCycle: subscription.billingCycle ?? null,
        scheduledChange: subscription.scheduledChange ?? null,
        scheduledBillingCycle: subscription.scheduledBillingCycle ?? null,
        cancellationTakesEffectAt: subscription.cancellationTakesEffectAt ?? null,
        retainedUntil: subscription.retainedUntil ?? null,
        baseSubscriptionId: subscription.baseSubscriptionId ?? null,
        azureSubscriptions:
          subscription.kind === 'azurePlan'
            ? [...azureSubscriptions].map(([azureSubscriptionId, rest]) => ({ azureSubscriptionId, ...rest }))
            : null,
      },
    ]),
    ...[...state.reservations].map(([id, { relationshipTerm, status, name, product, ...reservation }]) => [
      `reservation ${id}`,
      {
        ...{ relationshipTerm, name, product },
        status,
        current: current(relationshipTerm),
        commitmentUsdCents: reservation.commitmentUsdCents,
        purchasedAt: reservation.purchasedAt,
        endsAt: reservation.expiresAt,
      },
    ]),
    ...[...state.software].map(([id, { relationshipTerm, status, name, kind, publisher, ...purchase }]) => [
      `softwarePurchase ${id}`,
      {
        ...{ relationshipTerm, name, kind, publisher },
        status,
        current: current(relationshipTerm),
        cancellationAllowedUntil: purchase.cancellationAllowedUntil,
        endsAt: purchase.expiresAt ?? null,
        lineItems: [...purchase.lineItems].map(([lineItemId, cancelled]) => ({ lineItemId, cancelled })),
      },
    ]),
    ...[...state.savingsPlans].map(([id, { relationshipTerm, status, name, expiresAt }]) => [
      `savingsPlan ${id}`,
      {
        relationshipTerm,
        status,
        name,
        endsAt: expiresAt,
        current: current(relationshipTerm),
      },
    ]),
  ]) as Record<string, object>;
}

function grantsSaidBy(state: Frozen<CustomerRelationship>): Record<string, object> {
  return Object.fromEntries(
    [...state.grants].map(([id, grant]) => {
      const { kind, relationshipTerm, status } = grant;
      if (kind === 'dap') return [id, { kind, relationshipTerm, status, name: null }];
      return [
        id,
        {
          kind,
          relationshipTerm,
          status,
          name: grant.name,
          roles: grant.roles,
          durationDays: grant.durationDays,
          autoExtendDays: grant.autoExtendDays,
          requestExpiresAt: grant.requestExpiresAt,
          endsAt: grant.endsAt ?? null,
          // Rule G8b: nothing is left of them when the grant has ended in any way.
          accessAssignments: [...grant.accessAssignments]
            .filter(([, assignment]) => status === 'active' && assignment.status === 'active')
            .map(([assignmentId, { groupId, roles }]) => ({ assignmentId, groupId, roles })),
        },
      ];
    }),
  );
}

function remains({ lastRemovedAt, reestablished, runningCharges, residualAccess }: EndedRelationship) {
  return {
    lastRemovedAt,
    reestablished,
    charges: runningCharges.map(({ item, itemId, until }) => `${item} ${itemId} ${until}`).sort(),
    access: residualAccess.map(({ azureSubscriptionId, cancelled }) => `${azureSubscriptionId} ${cancelled}`).sort(),
  };
}

function remainsSaidBy(state: Frozen<CustomerRelationship>) {
  if (state.removedAt === undefined) return [];
  const ended = ({ relationshipTerm }: { readonly relationshipTerm: number }) =>
    relationshipTerm < state.relationshipTerm || state.status !== 'active';
  const subscriptions = [...state.subscriptions].filter(([, subscription]) => ended(subscription));
  return [
    {
      lastRemovedAt: state.removedAt,
      reestablished: state.status === 'active',
      charges: [
        ...subscriptions
          .filter(([, { kind, status }]) => kind === 'newCommerce' && status === 'suspended')
          .map(([id, { termEndsAt }]) => `subscription ${id} ${termEndsAt}`),
        ...[...state.savingsPlans]
          .filter(([, plan]) => ended(plan) && plan.status === 'active')
          .map(([id, { expiresAt }]) => `savingsPlan ${id} ${expiresAt}`),
      ].sort(),
      access: subscriptions
        .flatMap(([, { azureSubscriptions }]) => [...azureSubscriptions])
        .map(([id, { status }]) => `${id} ${status === 'cancelled'}`)
        .sort(),
    },
  ];
}
