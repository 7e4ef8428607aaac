import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { isDeepStrictEqual } from 'node:util';
import {
  addDays,
  defaultPolicy,
  itemsNamedBy,
  nextBoundary,
  pairOf,
  relationshipCodec,
  relationshipStream,
  requestItem,
} from '#customer-relationship';
import { inMemoryEventStore, project, rowName, type Key, type RecordedEvent, type Rows } from '#event-sourcing';
import { relationshipViews } from '#read-models';
import { customers, partners, randomFrom, randomHistory } from '../../../../test/random-history.js';
import { firstOf } from './explain-row.js';
import { ledgerOver } from '../testing-ledger.js';
import { clockCommand } from '../timekeeper/clock-command.js';
import { explain, type Contribution } from './explain.js';
import { unrecordedEvents } from './unrecorded-events.js';

const views = relationshipViews.filter(({ name }) => name !== 'history');
const plain = (version: number, table: string) => table.slice(0, -`_v${version}`.length);

/** The rows of a view after some events, without any explanation. */
function rowsAfter(view: (typeof views)[number], events: readonly RecordedEvent[]) {
  const tables = new Map<string, { readonly key: Key; readonly row: object }>();
  const rows: Rows = {
    get: (table, _, name) => tables.get(`${table} ${name}`)?.row,
    set(table, key, name, row) {
      if (row) tables.set(`${table} ${name}`, { key, row });
      else tables.delete(`${table} ${name}`);
    },
  };
  for (const event of events) project(view, rows, relationshipCodec.decode(event), pairOf(event.stream)!, event);
  return tables;
}

/** Every row that has ever existed, by the name of its table. */
function everyRow(view: (typeof views)[number], events: readonly RecordedEvent[]) {
  const ever = new Map<string, { readonly table: string; readonly key: Key }>();
  for (const [table, { key: columns }] of Object.entries(view.tables))
    for (let until = 1; until <= events.length; until++)
      for (const [id, { row, key }] of rowsAfter(view, events.slice(0, until)))
        if (id.startsWith(`${table} `) && columns.every((column) => column in row)) ever.set(id, { table, key });
  return ever;
}

describe('The explanation of a row', () => {
  const store = inMemoryEventStore();
  let histories: (readonly RecordedEvent[])[];
  beforeAll(async () => {
    await randomHistory(store, randomFrom(41)).append(700);
    histories = await Promise.all(
      partners.flatMap(({ tenantId }) =>
        customers.map((customerId) => store.read(relationshipStream(tenantId, customerId))),
      ),
    );
  });

  it('ends with the row as the view has it, and names every event that has changed it', async () => {
    let gone = 0;
    let changed = 0;
    for (const events of histories) {
      const pair = pairOf(events[0]!.stream)!;
      for (const view of views) {
        const after = rowsAfter(view, events);
        for (const [id, { table, key }] of everyRow(view, events)) {
          const { rows, contributions } = await explain(
            view,
            pair,
            events,
            (each, of) => each === table && rowName(of) === rowName(key),
          );
          const row = after.get(id)?.row ?? null;
          expect(rows).toEqual([{ table: plain(view.version, table), row }]);
          if (!row) gone++;

          // Event by event: the row is compared after each of them.
          const effects = new Map(
            contributions.filter(({ changes }) => changes.length > 0).map(({ event, changes }) => [event, changes[0]!]),
          );
          let before: object | undefined;
          for (const [index, event] of events.entries()) {
            const then = rowsAfter(view, events.slice(0, index + 1)).get(id)?.row;
            const same = JSON.stringify(before) === JSON.stringify(then);
            const effect = same ? undefined : !before ? 'created' : then ? 'changed' : 'removed';
            expect({ id, revision: event.revision, effect: effects.get(event)?.effect }).toEqual({
              id,
              revision: event.revision,
              effect,
            });
            if (effect === 'changed') {
              changed++;
              const { fields } = effects.get(event)!;
              const names = Object.keys(fields);
              const values = (of: object) => names.map((name) => (of as Record<string, unknown>)[name]);
              expect(names.map((name) => fields[name]!.from)).toEqual(values(before!));
              expect(names.map((name) => fields[name]!.to)).toEqual(values(then!));
            }
            before = then;
          }
          expect(contributions.map(({ event }) => event.revision)).toEqual(
            contributions.map(({ event }) => event.revision).toSorted((a, b) => a - b),
          );
        }
      }
    }
    expect(gone).toBeGreaterThan(0);
    expect(changed).toBeGreaterThan(20);
  });

  it('is complete: the events named make the same row on their own', async () => {
    let left = 0;
    for (const events of histories) {
      const pair = pairOf(events[0]!.stream)!;
      for (const view of views) {
        const after = rowsAfter(view, events);
        for (const [id, { table, key }] of everyRow(view, events)) {
          const { contributions } = await explain(
            view,
            pair,
            events,
            (each, of) => each === table && rowName(of) === rowName(key),
          );
          left += events.length - contributions.length;
          const alone = rowsAfter(
            view,
            contributions.map(({ event }) => event),
          );
          expect({ id, row: alone.get(id)?.row }).toEqual({ id, row: after.get(id)?.row });
        }
      }
    }
    // And not because it names all events.
    expect(left).toBeGreaterThan(100);
  });

  it('shows the row as time has left it: as it is once the clock’s commands have recorded that (T1)', async () => {
    const ledger = { ...ledgerOver(store), partners: new Map(partners.map((each) => [each.tenantId, each])) };
    const recordDue = async (events: readonly RecordedEvent[], until: string) => {
      const { stream } = events[0]!;
      for (const item of [requestItem, ...events.flatMap(({ data }) => itemsNamedBy(data as object))]) {
        const due = await ledger.relationships.ask(stream, (state) => nextBoundary(state, item));
        if (!due || due.at >= until) continue;
        const { noun, id } = item;
        const dueItem = { ...pairOf(stream)!, noun, id, command: due.command, dueAt: due.at, position: 0 };
        await ledger.relationships.handle(clockCommand(dueItem, ledger, until));
      }
      return store.read(stream);
    };
    const changed = new Map<string, number>();
    for (const events of histories) {
      const pair = pairOf(events[0]!.stream)!;
      const until = addDays(events.at(-1)!.metadata.recordedAt, 500);
      const recorded = await recordDue(events, until);
      expect(recorded.length).toBeGreaterThan(events.length);
      for (const view of views) {
        const [before, after] = [rowsAfter(view, events), rowsAfter(view, recorded)];
        for (const [id, { table, key }] of everyRow(view, events)) {
          const isAsked = (each: string, of: Key) => each === table && rowName(of) === rowName(key);
          const unrecorded = (naming: readonly Contribution[]) =>
            unrecordedEvents(events, naming, until, defaultPolicy);
          const { rows, byTime } = await explain(view, pair, events, isAsked, undefined, undefined, unrecorded);
          expect({ id, row: rows[0]!.row }).toEqual({ id, row: after.get(id)?.row ?? null });
          if (isDeepStrictEqual(before.get(id)?.row, after.get(id)?.row)) expect([id, byTime]).toEqual([id, []]);
          else changed.set(plain(view.version, table), (changed.get(plain(view.version, table)) ?? 0) + 1);
        }
      }
    }
    expect([...changed.keys()]).toEqual(expect.arrayContaining(['items', 'delegated_admin_grants']));
  });

  const like = (type: string, changed: object = {}) => {
    const all = readFileSync(resolve('libs/customer-relationship/src/event-examples.json'), 'utf8');
    const example = (JSON.parse(all) as readonly RecordedEvent[]).find((each) => each.type === type)!;
    return { ...example, data: { ...(example.data as object), ...changed } };
  };
  const inOneStream = (events: readonly Omit<RecordedEvent, 'stream' | 'revision'>[]) =>
    events.map((event, revision): RecordedEvent => ({ ...event, stream: histories[0]![0]!.stream, revision }));

  it('processes each event, and not each pair of events', async () => {
    // Every purchase reads the relationship, which all these events have changed.
    const [updated, bought] = [like('CustomerProfileUpdated'), like('SubscriptionPurchased')];
    const events = inOneStream([
      like('ResellerRelationshipRequested'),
      ...Array.from({ length: 6_000 }, (_, index) => ({
        ...updated,
        data: { ...updated.data, name: `Customer ${index}` },
      })),
      ...Array.from({ length: 6_000 }, (_, index) => ({
        ...bought,
        data: { ...bought.data, kind: 'newCommerce', subscriptionId: `subscription ${index}` },
      })),
    ]);
    const view = views.find(({ name }) => name === 'ended-relationships')!;
    // Every step is a lookup.
    const lookUps = [
      ...(['get', 'set', 'has'] as const).map((method) => jest.spyOn(Map.prototype, method)),
      ...(['add', 'has'] as const).map((method) => jest.spyOn(Set.prototype, method)),
    ];
    let pauses = 0;
    const pause = async () => void pauses++;
    const all = { after: -1, limit: Infinity };
    const { contributions } = await explain(view, pairOf(events[0]!.stream)!, events, () => true, all, pause);
    const looked = lookUps.reduce((sum, { mock }) => sum + mock.calls.length, 0);
    jest.restoreAllMocks();
    expect(contributions).toHaveLength(events.length);
    expect(looked).toBeGreaterThan(events.length);
    expect(looked).toBeLessThan(50 * events.length);
    // Others get their turns meanwhile.
    expect(pauses).toBe(Math.floor(events.length / 256));
  });

  it('ends at a pause once the caller has gone', async () => {
    const events = inOneStream(Array.from({ length: 1_000 }, () => like('CustomerProfileUpdated')));
    let pauses = 0;
    const pause = async () => {
      if (++pauses === 2) throw new Error('gone');
    };
    const all = { after: -1, limit: Infinity };
    const explaining = explain(views[0]!, pairOf(events[0]!.stream)!, events, () => true, all, pause);
    await expect(explaining).rejects.toThrow('gone');
    expect(pauses).toBe(2);
  });

  it('of an item that holds thousands of others fits on pages, and so does the memory that it takes', async () => {
    const subscriptionId = 'plan';
    const added = like('AzureSubscriptionAdded');
    const events = inOneStream([
      like('SubscriptionPurchased', { subscriptionId, kind: 'azurePlan' }),
      ...Array.from({ length: 2_000 }, (_, index) => ({
        ...added,
        data: {
          ...added.data,
          subscriptionId,
          azureSubscriptionId: `azure ${index}`,
          name: 'x'.repeat(500),
        },
      })),
    ]);
    const view = views.find(({ name }) => name === 'items')!;
    const isItem = (table: string) => table.startsWith('items_');
    const pair = pairOf(events[0]!.stream)!;
    const { contributions } = await explain(view, pair, events, isItem, { after: 1_000, limit: 10 });
    const inFull = contributions.filter(({ changes }) => changes.some(({ fields }) => 'azureSubscriptions' in fields));
    expect(inFull.map(({ event }) => event.revision)).toEqual(Array.from({ length: 10 }, (_, index) => 1_001 + index));
    // A million characters each.
    expect(firstOf(inFull, 200)).toEqual(inFull.slice(0, 1));
    expect(firstOf(contributions.slice(0, 9), 200)).toHaveLength(9);
    expect(firstOf(contributions.slice(0, 9), 4)).toHaveLength(4);
  });
});
