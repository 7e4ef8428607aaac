import { openSync, closeSync, readFileSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { expectedHash, idOf, type RecordedEvent } from '#event-sourcing';
import { checkIntegrity, openSqliteEventStore } from './index.js';
import { appendTo, temporaryDirectory } from './testing.js';

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(async () => {
  directory = temporaryDirectory();
  const store = openSqliteEventStore({ path: directory.events });
  for (let round = 0; round < 4; round++)
    for (const stream of ['a', 'b', 'c'])
      await appendTo(store, stream, { round, text: `one ${round}` }, { round, text: 'two' });
  await store.close();
});
afterEach(() => directory.remove());

describe('the integrity check', () => {
  it('finds nothing in a whole file', async () => {
    expect(await checkIntegrity(directory.events)).toEqual({ events: 24, streams: 3, position: 24, findings: [] });
  });

  it('finds nothing while the store goes on writing, in the file or in the log beside it', async () => {
    const store = openSqliteEventStore({ path: directory.events, checkpointInterval: 1_000_000 });
    for (let index = 0; index < 40; index++)
      await appendTo(store, `s-${index % 7}`, ...Array.from({ length: 60 }, () => index));
    let checking = true;
    const check = store.integrity().finally(() => (checking = false));
    let meanwhile = 0;
    for (; checking; meanwhile++) await appendTo(store, 'meanwhile', meanwhile);

    expect(await check).toEqual({ events: 2424, streams: 10, position: 2424, findings: [] });
    expect(meanwhile).toBeGreaterThan(0);
    expect((await store.integrity()).findings).toEqual([]);
    await store.close();
  });

  it('reports its progress', async () => {
    const store = openSqliteEventStore({ path: directory.events });
    for (let index = 0; index < 5; index++) await appendTo(store, 'long', ...Array.from({ length: 500 }, () => index));
    await store.close();
    const progress: number[][] = [];
    await checkIntegrity(directory.events, { onProgress: (...step) => progress.push(step) });

    expect(progress).toEqual([
      [1000, 2524],
      [2000, 2524],
      [2524, 2524],
    ]);
  });

  it.each([
    [
      'a byte of a payload',
      `UPDATE events SET data = replace(data, 'one 2', 'one 3') WHERE stream = 'b' AND revision = 4`,
    ],
    [
      'who has done it',
      `UPDATE events SET metadata = replace(metadata, 'user-7', 'user-8') WHERE stream = 'b' AND revision = 4`,
    ],
    [
      'when it was done',
      `UPDATE events SET metadata = replace(metadata, '2026', '2025') WHERE stream = 'b' AND revision = 4`,
    ],
    ['what it is called', `UPDATE events SET type = 'CounterDecreased' WHERE stream = 'b' AND revision = 4`],
  ])('finds a change of %s', async (_, statement) => {
    tamper(statement);

    expect(await findings()).toEqual([{ problem: 'hashMismatch', stream: 'b', revision: 4, position: 15 }]);
  });

  it('finds a change that brought its own hash, at the event after it', async () => {
    tamperWith('b', 4, (event) => ({ ...event, data: { forged: true } }));

    expect(await findings()).toEqual([{ problem: 'chainBroken', stream: 'b', revision: 5, position: 16 }]);
  });

  it('finds an id that is not of the content', async () => {
    tamper(`UPDATE events SET id = upper(id) WHERE position = 3`);

    expect(await findings()).toEqual([{ problem: 'idMismatch', stream: 'b', revision: 0, position: 3 }]);
  });

  it('finds an event that is gone from the middle of a stream', async () => {
    tamper('DELETE FROM events WHERE position = 15');

    expect(await findings()).toEqual([
      { problem: 'positionMissing', position: 15 },
      { problem: 'revisionGap', stream: 'b', revision: 5, position: 16 },
      { problem: 'chainBroken', stream: 'b', revision: 5, position: 16 },
    ]);
  });

  it.each([
    ['the last of its stream', 'DELETE FROM events WHERE position = 20', [20]],
    ['the last ones of the log', 'DELETE FROM events WHERE position > 22', [23]],
    ['a whole stream', `DELETE FROM events WHERE stream = 'a'`, [1, 7, 13, 19]],
  ])('finds that %s is gone, though no chain is broken', async (_, statement, positions) => {
    tamper(statement);

    expect(await findings()).toEqual(positions.map((position) => ({ problem: 'positionMissing', position })));
  });

  it('finds events that have changed places', async () => {
    tamper(
      'UPDATE events SET position = 100 WHERE position = 1',
      'UPDATE events SET position = 1 WHERE position = 2',
      'UPDATE events SET position = 2 WHERE position = 100',
    );

    expect(await findings()).toEqual([{ problem: 'positionOutOfOrder', stream: 'a', revision: 1, position: 1 }]);
  });

  it('finds an event that was moved to another stream', async () => {
    tamper(`UPDATE events SET stream = 'd' WHERE stream = 'c'`);

    expect((await findings()).every(({ problem }) => problem === 'hashMismatch')).toBe(true);
    expect(await findings()).toHaveLength(8);
  });

  it('finds an event that is no JSON any more, and goes on', async () => {
    tamper(`UPDATE events SET data = '{' WHERE position = 3`, `UPDATE events SET metadata = '{}' WHERE position = 5`);

    expect(await findings()).toEqual([
      { problem: 'unreadable', stream: 'b', revision: 0, position: 3 },
      { problem: 'unreadable', stream: 'c', revision: 0, position: 5 },
    ]);
  });

  it('finds that events could be changed', async () => {
    inSqlite((database) => database.exec('DROP TRIGGER events_are_never_changed'));

    const { findings } = await checkIntegrity(directory.events);
    expect(findings).toEqual([
      { problem: 'triggerMissing', message: expect.stringContaining('events_are_never_changed') },
    ]);
  });

  it.each<[string, string, object]>([
    [
      'a trigger that does something else under its name',
      `DROP TRIGGER events_are_never_changed;
       CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events BEGIN SELECT 1; END`,
      { problem: 'definitionChanged', message: expect.stringContaining('events_are_never_changed') },
    ],
    [
      'a trigger that was added',
      'CREATE TRIGGER swallow BEFORE INSERT ON events BEGIN SELECT RAISE(IGNORE); END',
      { problem: 'definitionUnexpected', message: expect.stringContaining('The trigger swallow') },
    ],
    [
      'a view that was added',
      'CREATE VIEW happened AS SELECT * FROM events',
      { problem: 'definitionUnexpected', message: expect.stringContaining('The view happened') },
    ],
    [
      'an index that was added',
      'CREATE INDEX by_type ON events (type)',
      { problem: 'definitionUnexpected', message: expect.stringContaining('The index by_type') },
    ],
    [
      'a table that was added',
      'CREATE TABLE diary (entry TEXT)',
      { problem: 'definitionUnexpected', message: expect.stringContaining('The table diary') },
    ],
    [
      'a column that was added',
      'ALTER TABLE events ADD COLUMN note TEXT',
      { problem: 'definitionChanged', message: expect.stringContaining('The table events') },
    ],
    ['another version', 'PRAGMA user_version = 1', { problem: 'definitionUnexpected' }],
    ['a version of the future', 'PRAGMA user_version = 9', { problem: 'versionChanged' }],
    ['no version', 'PRAGMA user_version = 0', { problem: 'versionChanged' }],
    ['another owner', 'PRAGMA application_id = 7', { problem: 'versionChanged' }],
    ['that the sequence was set back', 'UPDATE sqlite_sequence SET seq = 3', { problem: 'sequenceSetBack' }],
  ])('finds %s, and checks the events all the same', async (_, statements, finding) => {
    inSqlite((database) => database.exec(statements));

    const { events, findings } = await checkIntegrity(directory.events);
    expect([events, findings]).toEqual([24, [expect.objectContaining(finding)]]);
  });

  it.each([
    ['a member that stands twice', `replace(data, '{"round"', '{"round":7,"round"')`],
    ['white space', `replace(data, '{', '{ ')`],
    ['another form of a number', `replace(data, ':2', ':2.0')`],
    ['an escape for what needs none', `replace(data, 'round', '\\u0072ound')`],
  ])('finds %s in the text, though JSON.parse makes the same of it', async (_, text) => {
    tamper(`UPDATE events SET data = ${text} WHERE stream = 'b' AND revision = 4`);

    expect(await findings()).toEqual([{ problem: 'textChanged', stream: 'b', revision: 4, position: 15 }]);
  });

  it('finds what the disk has done to the file', async () => {
    // The last page of the index, with the driver out of the way.
    const bytes = readFileSync(directory.events);
    const file = openSync(directory.events, 'r+');
    for (let page = 2; page * 4096 < bytes.length; page++)
      writeSync(file, Buffer.alloc(64, 0xee), 0, 64, page * 4096 + 40);
    closeSync(file);

    expect((await findings()).some(({ problem }) => problem === 'fileDamaged')).toBe(true);
  });
});

/** What was found, without the sentences. */
async function findings() {
  const { findings } = await checkIntegrity(directory.events);
  for (const { message, position } of findings)
    if (position !== undefined) expect(message).toMatch(new RegExp(`positions? ${position}\\b`));
  return findings.map(({ message: _, ...finding }) => finding);
}

/** Changes events past the store, and covers it up. */
function tamper(...statements: readonly string[]): void {
  inSqlite((database) => {
    const triggers = database.prepare(`SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'`).all() as {
      name: string;
      sql: string;
    }[];
    for (const { name } of triggers) database.exec(`DROP TRIGGER ${name}`);
    for (const statement of statements) expect(database.prepare(statement).run().changes).toBeGreaterThan(0);
    for (const { sql } of triggers) database.exec(sql);
  });
}

function tamperWith(stream: string, revision: number, change: (event: RecordedEvent) => RecordedEvent): void {
  inSqlite((database) => {
    const where = `WHERE stream = '${stream}' AND revision = ${revision}`;
    const row = database.prepare(`SELECT * FROM events ${where}`).get() as { data: string; metadata: string };
    const event = change({ ...row, data: JSON.parse(row.data), metadata: JSON.parse(row.metadata) } as RecordedEvent);
    const hash = expectedHash(event);
    const [data, metadata] = [event.data, { ...event.metadata, hash }].map((value) =>
      JSON.stringify(value).replaceAll(`'`, `''`),
    );
    tamper(`UPDATE events SET data = '${data}', metadata = '${metadata}', id = '${idOf(hash)}' ${where}`);
  });
}

function inSqlite(use: (database: Database.Database) => void): void {
  const database = new Database(directory.events);
  try {
    use(database);
  } finally {
    database.close();
  }
}
