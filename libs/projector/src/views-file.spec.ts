import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { ForeignViews, openViewsFile, refuseForeignViews } from './index.js';

const projections = [{ name: 'shelves', version: 1, tables: {} }];
const mine = '11111111-1111-4111-8111-111111111111';
const theirs = '22222222-2222-4222-8222-222222222222';

const at = (head: number) => () => Promise.resolve(head);

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'views-'));
  path = join(directory, 'views.sqlite');
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Views of a ledger, up to a position. */
function leaveViews(ledgerId: string, position: number): void {
  const views = openViewsFile({ path, projections });
  views.claim(ledgerId, position);
  views.advance('shelves', position);
  views.close();
}

describe('views that are found beside a log', () => {
  it('may be missing, not begun, or as far as the log at most', async () => {
    await refuseForeignViews(path, undefined, at(0));
    new Database(path).close();
    await refuseForeignViews(path, mine, at(0));
    rmSync(path);
    leaveViews(mine, 7);
    await refuseForeignViews(path, mine, at(7));
    await refuseForeignViews(path, mine, at(8));
  });

  it.each<[string, string | undefined, number, RegExp]>([
    ['of another ledger', theirs, 9, new RegExp(`shows ledger ${mine}, this one is ${theirs}.*npm run rebuild`)],
    [
      'of a log that has been emptied',
      undefined,
      0,
      /the log holds none: it was emptied, or it is another log.*Restore/,
    ],
    ['ahead of their log', mine, 6, /shelves at position 7, but the log ends at 6.*npm run rebuild/],
  ])('are refused when they are %s, and left as they are', async (_, ledgerId, head, message) => {
    leaveViews(mine, 7);
    const before = readFileSync(path);
    await expect(refuseForeignViews(path, ledgerId, at(head))).rejects.toThrow(ForeignViews);
    await expect(refuseForeignViews(path, ledgerId, at(head))).rejects.toThrow(message);
    expect(readFileSync(path)).toEqual(before);
  });

  it('are refused when they cannot be read, with what makes them anew', async () => {
    writeFileSync(path, 'not a database at all'.repeat(1_000));
    await expect(refuseForeignViews(path, mine, at(0))).rejects.toThrow(
      /views\.sqlite cannot be read.*npm run rebuild/,
    );
  });
});
