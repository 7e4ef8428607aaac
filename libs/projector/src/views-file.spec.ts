import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { ForeignViews, openViewsFile, refuseForeignViews, type Mark } from './index.js';

const mine = '11111111-1111-4111-8111-111111111111';
const theirs = '22222222-2222-4222-8222-222222222222';

/** A log that ends at a position, where an event of this id stands. */
const at = (head: number, id = 'last') => ({
  head: () => Promise.resolve(head),
  idAt: (position: number) => Promise.resolve(position === head ? id : undefined),
});

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'views-'));
  path = join(directory, 'views.sqlite');
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Views of a ledger, up to a position; with what they are known again by, unless it is of before there was that. */
function leaveViews(ledgerId: string, position: number, last?: Mark, names: readonly string[] = ['shelves']): void {
  const views = openViewsFile({ path, projections: names.map((name) => ({ name, version: 1, tables: {} })) });
  views.claim(ledgerId, position);
  for (const name of names) views.advance(name, position, last);
  views.close();
}

/** The file as the release before left it. */
function forgetMarks(): void {
  const database = new Database(path);
  for (const column of ['lastEventPosition', 'lastEventId'])
    database.exec(`ALTER TABLE projections DROP COLUMN ${column}`);
  database.close();
}

describe('views that are found beside a log', () => {
  it('may be missing, not started, or as far as the log at most', async () => {
    await refuseForeignViews(path, undefined, at(0));
    new Database(path).close();
    await refuseForeignViews(path, mine, at(0));
    rmSync(path);
    leaveViews(mine, 7);
    await refuseForeignViews(path, mine, at(7));
    await refuseForeignViews(path, mine, at(8));
  });

  it.each<[string, string | undefined, number, RegExp]>([
    ['of another ledger', theirs, 9, new RegExp(`shows ledger ${mine}, this one is ${theirs}.*--accept-lost-events`)],
    [
      'of a log that has been emptied',
      undefined,
      0,
      /the log holds none: it was emptied, or it is another log.*Restore/,
    ],
    [
      'ahead of their log',
      mine,
      6,
      /shelves at position 7, but the log ends at 6: the log is shorter than what was projected.*--accept-lost-events/,
    ],
  ])('are refused when they are %s, and left as they are', async (_, ledgerId, head, message) => {
    leaveViews(mine, 7);
    const before = readFileSync(path);
    await expect(refuseForeignViews(path, ledgerId, at(head))).rejects.toThrow(ForeignViews);
    await expect(refuseForeignViews(path, ledgerId, at(head))).rejects.toThrow(message);
    expect(readFileSync(path)).toEqual(before);
  });

  describe('whose log has other events now', () => {
    // As long as before, and longer.
    it.each([
      [
        7,
        'other',
        /shows shelves with event mine at position 7, where the log has other: .*shorter than what was projected.*--accept-lost-events/,
      ],
      [9, 'last', /shows shelves with event mine at position 7, where the log has none: .*--accept-lost-events/],
    ])('are refused though it ends at %d', async (head, id, message) => {
      leaveViews(mine, 7, { position: 7, id: 'mine' });
      await expect(refuseForeignViews(path, mine, at(head, id))).rejects.toThrow(ForeignViews);
      await expect(refuseForeignViews(path, mine, at(head, id))).rejects.toThrow(message);
    });

    it('are refused for an event that they have read, even if they have moved far after it', async () => {
      leaveViews(mine, 7, { position: 5, id: 'mine' });
      const log = (id: string) => ({ ...at(9), idAt: (position: number) => Promise.resolve(`${id} at ${position}`) });
      await expect(refuseForeignViews(path, mine, log('another'))).rejects.toThrow('mine at position 5');
      leaveViews(mine, 8, undefined);
      await expect(refuseForeignViews(path, mine, log('another'))).rejects.toThrow('mine at position 5');
    });

    it('are refused for each of them, and the log is asked once for each place', async () => {
      leaveViews(mine, 7, { position: 7, id: 'e7' }, ['shelves', 'paint', 'books']);
      const asked: number[] = [];
      const log = {
        head: () => Promise.resolve(9),
        idAt(position: number) {
          asked.push(position);
          return Promise.resolve(`e${position}`);
        },
      };
      await refuseForeignViews(path, mine, log);
      expect(asked).toEqual([7]);
      leaveViews(mine, 8, { position: 8, id: 'lost' }, ['books']);
      await expect(refuseForeignViews(path, mine, log)).rejects.toThrow('books with event lost at position 8');
      expect(asked).toEqual([7, 7, 8]);
    });
  });

  it('of an earlier release are taken as they are, and known again from their next event on', async () => {
    leaveViews(mine, 7, { position: 7, id: 'mine' });
    forgetMarks();
    await refuseForeignViews(path, mine, at(9));
    leaveViews(mine, 8);
    await refuseForeignViews(path, mine, at(9));
    leaveViews(mine, 9, { position: 9, id: 'mine' });
    await refuseForeignViews(path, mine, at(9, 'mine'));
    await expect(refuseForeignViews(path, mine, at(9))).rejects.toThrow('mine at position 9');
  });

  it('are refused when they cannot be read, with the way to rebuild them', async () => {
    writeFileSync(path, 'not a database at all'.repeat(1_000));
    await expect(refuseForeignViews(path, mine, at(0))).rejects.toThrow(
      /views\.sqlite cannot be read.*npm run rebuild/,
    );
  });
});

describe('rows that time changes', () => {
  const table = {
    columns: { shop: 'text', item: 'text', bestBefore: 'text', then: 'text', noted: 'text' },
    key: ['shop', 'item'],
    indexes: [['shop', 'noted', 'bestBefore']],
    passing: { at: 'bestBefore', into: 'then', noted: 'noted' },
  } as const;
  const open = () =>
    openViewsFile({ path, projections: [{ name: 'shelves', version: 1, tables: { food_v1: table } }] });
  const row = (shop: string, item: string, bestBefore: string) => ({
    shop,
    item,
    bestBefore,
    then: 'spoiled',
    noted: '',
  });

  it('are noted once their time has passed, in every part of the table, a few at once', () => {
    const views = open();
    views.claim(mine, 0);
    views.save('food_v1', [
      row('east', 'bread', '2026-01-01'),
      row('east', 'milk', '2026-01-02'),
      row('east', 'rice', '2027-01-01'),
      row('west', 'fish', '2026-01-01'),
    ]);
    views.finish('shelves');
    const noted = () => {
      const database = new Database(path, { readonly: true });
      const items = database.prepare(`SELECT item FROM food_v1 WHERE noted = 'spoiled' ORDER BY item`).pluck().all();
      database.close();
      return items;
    };
    // What lasts until a time has not passed at that time.
    expect(views.notePassed('shelves', '2026-01-01', 2)).toBe(false);
    expect(noted()).toEqual([]);
    expect(views.notePassed('shelves', '2026-06-01', 2)).toBe(true);
    expect(noted()).toHaveLength(2);
    expect(views.notePassed('shelves', '2026-06-01', 2)).toBe(false);
    expect(noted()).toEqual(['bread', 'fish', 'milk']);
    views.close();
  });
});
