import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Partner } from '#customer-relationship';
import type { ViewQueries } from '#event-sourcing';
import type { ViewsReader } from '#projector';
import { dueItemsIn, type OverdueItem } from './due-items.js';

interface Row {
  readonly partnerId: string;
  readonly customerId: string;
  readonly item: string;
  readonly itemId: string;
  readonly dueCommand: string;
  readonly dueAt: string;
}

const at = (minute: number) => new Date(Date.parse('2026-11-29T00:00:00.000Z') + minute * 60_000).toISOString();
const partnerIds = ['a', 'b', 'c'].map((letter) => `${letter}0000000-0000-4000-8000-000000000001`);
const partners = new Map(partnerIds.map((tenantId) => [tenantId, { tenantId } as Partner]));
const key = ({ dueAt, customerId, item, itemId }: Row) => [dueAt, customerId, item, itemId].join('\u0000');

/** Views that hold these rows, in memory: they answer a page at a time, as of a position. */
function viewsOf(rows: readonly Row[], position = 7) {
  let asked = 0;
  const all = (_: unknown, values: Readonly<Record<string, string>>) => {
    asked++;
    const after = ['dueAt', 'customerId', 'item', 'itemId'].map((name) => values[`after ${name}`]).join('\u0000');
    return rows
      .filter((row) => row.partnerId === values['partnerId'] && row.dueAt < values['before']! && key(row) > after)
      .toSorted((one, other) => (key(one) < key(other) ? -1 : 1))
      .slice(0, 100);
  };
  const read: ViewsReader['read'] = async (_, ask) => ({
    result: ask({ all } as unknown as ViewQueries),
    position,
    eventId: undefined,
    state: '',
    status: 'running',
  });
  return { views: { read } as ViewsReader, asked: () => asked };
}

const rowOf = (partner: number, index: number, minute: number): Row => ({
  partnerId: partnerIds[partner]!,
  customerId: `customer-${index % 7}`,
  item: 'subscription',
  itemId: `s-${index}`,
  dueCommand: 'RenewSubscription',
  dueAt: at(minute),
});

async function overdueIn(rows: readonly Row[], { now = at(0), head = 0 } = {}) {
  const { views, asked } = viewsOf(rows);
  const items: OverdueItem[] = [];
  for await (const item of dueItemsIn({ views, partners }, head).overdue(() => now)) items.push(item);
  return { items, asked: asked() };
}

describe('what is due', () => {
  const book = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: -90, max: 30 })), {
    maxLength: 500,
  });

  it('is gone through to its end in due order over all partners, each item once', async () => {
    await fc.assert(
      fc.asyncProperty(book, async (dates) => {
        const rows = dates.map(([partner, minute], index) => rowOf(partner, index, minute));
        const { items } = await overdueIn(rows);
        const due = rows.filter(({ dueAt }) => dueAt < at(0));
        expect(items.map(({ dueAt }) => dueAt)).toEqual(due.map(({ dueAt }) => dueAt).toSorted());
        expect(new Set(items.map(({ id }) => id))).toEqual(new Set(due.map(({ itemId }) => itemId)));
        expect(items).toHaveLength(due.length);
      }),
      { numRuns: 50 },
    );
  });

  it('is read a page at a time, and no page twice', async () => {
    const rows = Array.from({ length: 1_000 }, (_, index) => rowOf(index % 2, index, -1 - (index % 3)));
    const { items, asked } = await overdueIn(rows);
    expect(items).toHaveLength(1_000);
    // Five full pages and the end for each of two partners, and the end for the third.
    expect(asked).toBe(2 * 6 + 1);
  });

  it('is nothing while the views have not taken in what was in the log at the start', async () => {
    const rows = [rowOf(0, 0, -1)];
    expect((await overdueIn(rows, { head: 8 })).items).toEqual([]);
    expect((await overdueIn(rows, { head: 7 })).items).toMatchObject([{ position: 7, command: 'RenewSubscription' }]);
  });

  it('begins with the earliest boundary, passed or not', async () => {
    const { views } = viewsOf([rowOf(0, 0, 5), rowOf(1, 1, 3), rowOf(2, 2, 9)]);
    expect(await dueItemsIn({ views, partners }).earliest()).toBe(at(3));
    expect(await dueItemsIn({ views: viewsOf([]).views, partners }).earliest()).toBeUndefined();
  });
});
