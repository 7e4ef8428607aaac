import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { pairOf, relationshipCodec } from '#customer-relationship';
import {
  inMemoryEventStore,
  LogDamaged,
  project,
  StoreUnavailable,
  type EventStore,
  type Key,
  type RecordedEvent,
  type Rows,
  type ViewQueries,
} from '#event-sourcing';
import { openViews, openViewsFile, projectPast, type Until } from '#projector';
import { findAvailableSupportContacts, relationshipViews, views } from '#read-models';
import { at, listCustomers, listEndedRelationships, listGrants, listItems } from '../../../test/lists.js';
import { customers, partners, randomFrom, randomHistory, type Random } from '../../../test/random-history.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'as-of-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const ledgerId = '11111111-1111-4111-8111-111111111111';
const day = 86_400_000;
/** Those that lists are answered from. */
const listed = relationshipViews.filter(({ name }) => name !== 'history');

/** As several servers write a log: every relationship's clock reads otherwise, so that times are not in the log's order. */
function byClocksThatDiffer(store: EventStore, random: Random): Pick<EventStore, 'subscribe'> {
  const skews = new Map<string, number>();
  const skewed = (event: RecordedEvent): RecordedEvent => {
    const skew = skews.get(event.stream) ?? Math.round((random() - 0.5) * 200 * day);
    skews.set(event.stream, skew);
    const recordedAt = new Date(Date.parse(event.metadata.recordedAt) + skew).toISOString();
    return { ...event, metadata: { ...event.metadata, recordedAt } };
  };
  return {
    async *subscribe(options) {
      for await (const batch of store.subscribe({ ...options, batchSize: 1 + Math.floor(random() * 90) }))
        yield { ...batch, events: batch.events.map(skewed) };
    },
  };
}

async function everything(store: Pick<EventStore, 'subscribe'>, head: number): Promise<RecordedEvent[]> {
  const all: RecordedEvent[] = [];
  const { signal } = new AbortController();
  for await (const { events, position } of store.subscribe({ after: 0, signal })) {
    all.push(...events);
    if (position >= head) return all;
  }
  return all;
}

/** The rows that events leave, by hand: tables in memory and nothing else. */
function folded(events: readonly RecordedEvent[]): Record<string, object[]> {
  const tables = new Map<string, Map<string, object>>();
  const rows: Rows = {
    get: (table, _, name) => tables.get(table)?.get(name),
    set(table, _, name, row) {
      if (!row) return void tables.get(table)?.delete(name);
      if (!tables.has(table)) tables.set(table, new Map());
      tables.get(table)!.set(name, row);
    },
  };
  for (const event of events) {
    const pair = pairOf(event.stream);
    if (!pair) continue;
    for (const projection of listed) project(projection, rows, relationshipCodec.decode(event), pair, event);
  }
  return Object.fromEntries(
    listed.flatMap((projection) =>
      Object.entries(projection.tables).map(([table, { key }]) => [
        table,
        [...(tables.get(table)?.values() ?? [])].sort(byKey(key)),
      ]),
    ),
  );
}

function byKey(key: readonly string[]) {
  const name = (row: object) => key.map((column) => (row as Record<string, Key[number]>)[column]).join('\u0000');
  return (one: object, other: object) => (name(one) < name(other) ? -1 : 1);
}

/** The same events in a file, by the hand that keeps the present. */
function saved(path: string, rows: Record<string, object[]>): void {
  const file = openViewsFile({ path, projections: listed, temporary: true });
  file.claim(ledgerId, 0);
  file.transaction(() => {
    for (const [table, ofTable] of Object.entries(rows)) file.save(table, ofTable);
    for (const { name } of listed) file.finish(name);
  });
  file.close();
}

/** What the file of a view holds, as its columns are stored. */
function stored(path: string, view: string): Record<string, unknown[]> {
  const database = new Database(path, { readonly: true });
  try {
    const { tables } = listed.find(({ name }) => name === view)!;
    return Object.fromEntries(
      Object.entries(tables).map(([table, { key }]) => [
        table,
        (database.prepare(`SELECT * FROM ${table}`).all() as object[]).sort(byKey(key)),
      ]),
    );
  } finally {
    database.close();
  }
}

type Question = (db: ViewQueries, partnerId: string, now: string) => unknown;

/** Every list of a view in every order. */
const inEveryOrder = (view: string): readonly Question[] =>
  views
    .filter(({ projection }) => projection.name === view)
    .flatMap(({ lists }) => lists)
    .flatMap((list) =>
      list.sorts.map(
        (sort): Question =>
          (db, partnerId, now) =>
            list.read(db, { partnerId, sort, limit: 200 }, at(now)),
      ),
    );

/** Lists under filters of every kind, and what else is asked of a view, as one partner asks for it. */
const filtered: Readonly<Record<string, readonly Question[]>> = {
  'customer-list': [(db, partnerId) => listCustomers(db, { partnerId, filter: { nameContains: 'p' }, limit: 200 })],
  items: [
    ...[true, false].map(
      (current) => (db: ViewQueries, partnerId: string, now: string) =>
        listItems(db, { partnerId, now, filter: { current }, limit: 200 }),
    ),
    ...customers.map(
      (customerId) => (db: ViewQueries, partnerId: string, now: string) =>
        listItems(db, { partnerId, now, filter: { customerId }, limit: 200 }),
    ),
    (db, partnerId, now) => listItems(db, { partnerId, now, filter: { status: 'suspended' }, limit: 200 }),
  ],
  'support-contacts': [
    ...customers.map(
      (customerId) => (db: ViewQueries, partnerId: string) =>
        findAvailableSupportContacts(db, { partnerId, customerId }),
    ),
  ],
  'delegated-admin-grants': [
    (db, partnerId, now) => listGrants(db, { partnerId, now, filter: { status: 'all' }, sort: 'endsAt', limit: 200 }),
    (db, partnerId, now) => listGrants(db, { partnerId, now, filter: { status: 'expired' }, limit: 200 }),
  ],
  'ended-relationships': [
    (db, partnerId, now) => listEndedRelationships(db, { partnerId, now, filter: { reestablished: true }, limit: 200 }),
  ],
};

/** A view, and the others whose tables its lists read. */
function readWith(view: string) {
  const lists = views.filter(({ projection }) => projection.name === view).flatMap(({ lists }) => lists);
  const names = [view, ...lists.flatMap(({ reads }) => reads.map(({ name }) => name))];
  return listed.filter(({ name }) => names.includes(name));
}

async function answers(path: string, view: string, now: string): Promise<unknown[]> {
  const projections = readWith(view);
  const reader = openViews({ path, projections });
  try {
    const { result } = await reader.read(view, (db) => {
      const all: unknown[] = [];
      for (const { tenantId } of partners)
        for (const ask of [...inEveryOrder(view), ...(filtered[view] ?? [])]) all.push(ask(db, tenantId, now));
      return all;
    });
    return result;
  } finally {
    await reader.close();
  }
}

describe('A view as it stood', () => {
  it.each([11, 12])('is the fold by hand of the events that count (history %i)', async (seed) => {
    const random = randomFrom(seed);
    const inOrder = inMemoryEventStore();
    await randomHistory(inOrder, random).append(1_500);
    const store = byClocksThatDiffer(inOrder, random);
    const head = await inOrder.head();
    const all = await everything(store, head);
    const times = all.map(({ metadata }) => metadata.recordedAt);
    // The clocks differ: else a time would select the same events as a position.
    expect(times).not.toEqual(times.toSorted());

    for (let round = 0; round < 9; round++) {
      const position = round === 0 ? head : 1 + Math.floor(random() * head);
      const time = times[Math.floor(random() * times.length)]!;
      // At the very time of an event, just before it, or no time at all.
      const recordedUntil = [undefined, time, new Date(Date.parse(time) - 1).toISOString()][round % 3];
      const until: Until = { position, ...(recordedUntil === undefined ? {} : { recordedUntil }) };
      const counted = all.filter(
        (event) =>
          event.position <= position && (recordedUntil === undefined || event.metadata.recordedAt <= recordedUntil),
      );
      const byHand = folded(counted);
      const handPath = join(directory, `hand-${round}.sqlite`);
      saved(handPath, byHand);
      for (const projection of listed) {
        const view = projection.name;
        const path = join(directory, `${view}.sqlite`);
        const { signal } = new AbortController();
        const options = { store, codec: relationshipCodec, subjectOf: pairOf, ledgerId, until, signal };
        const { lastCounted } = await projectPast({ ...options, projections: readWith(view), path });
        const last = counted.findLast(({ stream }) => pairOf(stream) !== undefined);
        expect(lastCounted).toEqual(
          last && {
            position: last.position,
            id: last.id,
            recordedAt: last.metadata.recordedAt,
            policy: last.metadata.policy,
          },
        );
        expect({ view, until, tables: stored(path, view) }).toEqual({ view, until, tables: stored(handPath, view) });
        const now = recordedUntil ?? last?.metadata.recordedAt ?? time;
        expect(await answers(path, view, now)).toEqual(await answers(handPath, view, now));
      }
    }
  });

  it('is made in one file, of which nothing else is left', async () => {
    const store = inMemoryEventStore();
    await randomHistory(store, randomFrom(3)).append(50);
    const path = join(directory, 'one.sqlite');
    await past(store, { position: await store.head() }, path);
    expect(readdirSync(directory)).toEqual(['one.sqlite']);
  });

  it('is not made of a store that fails, and says why', async () => {
    for (const error of [new StoreUnavailable('away'), new LogDamaged('gone')]) {
      const failing: Pick<EventStore, 'subscribe'> = {
        // eslint-disable-next-line require-yield -- it fails before it has anything
        async *subscribe() {
          await Promise.resolve();
          throw error;
        },
      };
      await expect(past(failing, { position: 3 })).rejects.toBe(error);
    }
  });

  it('is not waited for when the store falls silent', async () => {
    const store = inMemoryEventStore();
    await randomHistory(store, randomFrom(6)).append(100);
    const head = await store.head();
    // Beyond the end, where nothing comes any more.
    await expect(past(store, { position: head + 1 }, undefined, undefined, 50)).rejects.toBeInstanceOf(
      StoreUnavailable,
    );
  });

  it('is not made past an event that its projection cannot handle', async () => {
    const store = inMemoryEventStore();
    await randomHistory(store, randomFrom(4)).append(60);
    const broken: Pick<EventStore, 'subscribe'> = {
      async *subscribe(options) {
        for await (const batch of store.subscribe(options))
          yield { ...batch, events: batch.events.map((event) => ({ ...event, type: 'SentByANewerRelease' })) };
      },
    };
    await expect(past(broken, { position: await store.head() })).rejects.toThrow('SentByANewerRelease');
  });

  it('is given up when its caller no longer waits', async () => {
    const store = inMemoryEventStore();
    await randomHistory(store, randomFrom(5)).append(200);
    const cancelling = new AbortController();
    const why = new Error('its caller has gone');
    const slowly: Pick<EventStore, 'subscribe'> = {
      async *subscribe(options) {
        for await (const batch of store.subscribe({ ...options, batchSize: 10 })) {
          yield batch;
          cancelling.abort(why);
        }
      },
    };
    await expect(past(slowly, { position: await store.head() }, undefined, cancelling.signal)).rejects.toBe(why);
  });

  function past(
    store: Pick<EventStore, 'subscribe'>,
    until: Until,
    path = join(directory, 'past.sqlite'),
    signal = new AbortController().signal,
    silenceMs = 10_000,
  ) {
    return projectPast({
      store,
      codec: relationshipCodec,
      subjectOf: pairOf,
      projections: [listed[0]!],
      path,
      ledgerId,
      until,
      signal,
      silenceMs,
    });
  }
});
