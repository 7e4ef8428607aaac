import { closeSync, copyFileSync, existsSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { LogDamaged, RevisionConflict, StoreUnavailable, type EventStore, type RecordedEvent } from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import { appendQueue } from './append-queue.js';
import { openForWriting } from './connection.js';
import { toStored } from './event-rows.js';
import { LogHead } from './log-head.js';
import { openSqliteEventStore, type SqliteEventStore, type SqliteEventStoreOptions } from './index.js';
import { appendTo, eventually, sealedAt, temporaryDirectory } from './testing.js';

let directory: ReturnType<typeof temporaryDirectory>;
let opened: EventStore[];

beforeEach(() => {
  directory = temporaryDirectory();
  opened = [];
});

afterEach(async () => {
  for (const store of opened) await store.close();
  directory.remove();
});

function open(options: Partial<SqliteEventStoreOptions> = {}): SqliteEventStore {
  const store = openSqliteEventStore({ path: directory.events, ...options });
  opened.push(store);
  return store;
}

describe('appends of one turn of the event loop', () => {
  it('share one commit', async () => {
    const store = open();
    await Promise.all(Array.from({ length: 50 }, (_, index) => appendFirst(store, `stream-${index}`)));

    expect(store.metrics()).toMatchObject({ commits: 1, appendedEvents: 50, queuedAppends: 0 });
  });

  it('are checked one by one: a conflict fails alone', async () => {
    const store = open();
    await appendFirst(store, 'taken');
    const outcomes = await Promise.allSettled([
      appendFirst(store, 'a'),
      appendFirst(store, 'taken'),
      appendFirst(store, 'b'),
      appendFirst(store, 'a'),
    ]);

    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(RevisionConflict);
    expect(store.metrics()).toMatchObject({ commits: 2, appendedEvents: 3, conflicts: 2 });
  });

  it('build on each other in the order of their calls', async () => {
    const store = open();
    const places = await Promise.all(
      [0, 1, 2].map((revision) => store.append('a', sealedAt('a', revision, revision), revision - 1)),
    );

    expect(places.map(({ revision }) => revision)).toEqual([0, 1, 2]);
    expect(store.metrics().commits).toBe(1);
  });

  it('make several commits when they are many, however large each is', async () => {
    const store = open({ eventsInGroup: 10 });
    const sizes = [...Array.from({ length: 24 }, () => 1), 25, 4, 4, 4];
    await Promise.all(
      sizes.map((size, index) =>
        store.append(`s-${index}`, sealedAt(`s-${index}`, 0, ...Array.from({ length: size }, () => 0)), -1),
      ),
    );

    // 10 + 10 + 4 single ones, 25 alone, 4 + 4, 4.
    expect(store.metrics()).toMatchObject({ commits: 6, appendedEvents: 61 });
  });

  it('let the others through when one cannot be stored', async () => {
    const store = open();
    await appendFirst(store, 'before');
    sqlite((database) =>
      database.exec(`CREATE INDEX no ON events (CASE stream WHEN 'bad' THEN json_extract('{', '$') END)`),
    );
    const outcomes = await Promise.allSettled(['a', 'bad', 'b'].map((stream) => appendFirst(store, stream)));

    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((outcomes[1] as PromiseRejectedResult).reason).toBeInstanceOf(StoreUnavailable);
    expect(await store.read('bad')).toEqual([]);
    expect(await store.read('b')).toHaveLength(1);
  });
});

describe('an append', () => {
  it('of something that JSON cannot carry is refused before it is queued', async () => {
    const store = open();
    const [event] = sealedAt('a', 0, 1);
    for (const data of [1n, { deep: [2n] }, undefined, () => 1])
      await expect(store.append('a', [{ ...event!, data: data as never }], -1)).rejects.toThrow(TypeError);
    await expect(store.append('a\ud800', [event!], -1)).rejects.toThrow(TypeError);
    await expect(store.append('a', [event!], 0.5)).rejects.toThrow(TypeError);

    expect(await store.head()).toBe(0);
  });

  it('waits a while for the lock of another process, then says so, and works again afterwards', async () => {
    const store = open({ busyTimeout: 50 });
    await appendFirst(store, 'a');
    const other = new Database(directory.events);
    other.exec('BEGIN IMMEDIATE');
    try {
      await expect(appendTo(store, 'a', 'second')).rejects.toThrow(StoreUnavailable);
      await expect(appendTo(store, 'a', 'second')).rejects.toThrow('locked by another process');
      expect(await store.read('a')).toHaveLength(1);
    } finally {
      other.exec('ROLLBACK');
      other.close();
    }

    expect(await appendTo(store, 'a', 'second')).toMatchObject({ revision: 1, position: 2 });
    expect(store.metrics().failedCommits).toBe(2);
  });
});

describe('events in the file', () => {
  it.each([
    ['changed', `UPDATE events SET data = '{}' WHERE position = 1`],
    ['changed, all at once', `UPDATE events SET stream = 'b'`],
    ['deleted', 'DELETE FROM events WHERE position = 1'],
    ['deleted, all at once', 'DELETE FROM events'],
    ['replaced', `REPLACE INTO events SELECT position, stream, revision, id, type, '{}', metadata FROM events`],
    [
      'replaced by their place in the stream',
      `INSERT OR REPLACE INTO events (stream, revision, id, type, data, metadata) SELECT stream, revision, id, type, '{}', metadata FROM events`,
    ],
    [
      'changed in the conflict with another',
      `INSERT INTO events SELECT * FROM events WHERE true ON CONFLICT DO UPDATE SET data = '{}'`,
    ],
    ['put at a place of the past', `INSERT INTO events SELECT 0, 'b', 0, id, type, data, metadata FROM events`],
    ['put after a gap', `INSERT INTO events SELECT NULL, stream, 7, id, type, data, metadata FROM events`],
  ])('are never %s', async (_, statement) => {
    const store = open();
    await appendFirst(store, 'a');

    expect(() => sqlite((database) => database.exec(statement))).toThrow(/^Events are (never|only)/);
    expect(await store.read('a')).toHaveLength(1);
  });

  it('keep positions that are not handed out again, even if the last one was taken away', async () => {
    const store = open();
    await appendTo(store, 'a', 1, 2, 3);
    await store.close();
    tamper('DELETE FROM events WHERE position = 3');

    const inserted = sqlite((database) =>
      database
        .prepare(
          `INSERT INTO events SELECT NULL, 'b', 0, id, type, data, metadata FROM events LIMIT 1 RETURNING position`,
        )
        .pluck()
        .all(),
    );
    expect(inserted).toEqual([4]);
  });
});

describe('a log that was changed by hand while a store has it open', () => {
  const setBack = `UPDATE sqlite_sequence SET seq = (SELECT max(position) FROM events)`;

  async function expectDamage(work: Promise<unknown>): Promise<void> {
    await expect(work).rejects.toThrow(LogDamaged);
    await expect(work).rejects.toThrow(/run the integrity check, restore a backup/);
  }

  const reading = async (store: EventStore, after: number) => {
    for await (const { caughtUp } of store.subscribe({ after, signal: AbortSignal.timeout(20_000) }))
      if (caughtUp) return;
  };

  it.each<[string, readonly string[]]>([
    ['its newest events', ['DELETE FROM events WHERE position > 4', setBack]],
    ['all of its events', ['DELETE FROM events', 'DELETE FROM sqlite_sequence']],
    [
      'its last event, for another one',
      [
        'DELETE FROM events WHERE position = 6',
        setBack,
        `INSERT INTO events SELECT NULL, 'c', 0, 'x', type, data, metadata FROM events WHERE position = 1`,
      ],
    ],
    [
      'its last event, for others up to beyond its end',
      [
        'DELETE FROM events WHERE position = 6',
        setBack,
        `INSERT INTO events SELECT NULL, 'c', revision, 'x', type, data, metadata FROM events WHERE stream = 'a'`,
      ],
    ],
  ])('appends nothing to one that has lost %s, and says so wherever its end is asked for', async (_, statements) => {
    const store = open();
    await appendTo(store, 'a', 1, 2, 3);
    await appendTo(store, 'b', 1, 2, 3);
    tamper(...statements);
    const before = rows();

    await expectDamage(store.append('d', sealedAt('d', 0, 1), -1));
    await expectDamage(Promise.all(['e', 'f'].map((stream) => store.append(stream, sealedAt(stream, 0, 1), -1))));
    await expectDamage(store.head());
    expect(rows()).toEqual(before);
    expect(store.metrics()).toMatchObject({ appendedEvents: 6 });
  });

  it.each([
    ['a whole stream', `DELETE FROM events WHERE stream = 'a'`],
    ['the first event', 'DELETE FROM events WHERE position = 1'],
    ['the middle of a stream that is not read', 'DELETE FROM events WHERE position = 2'],
  ])('appends nothing to one that has lost %s, for any caller', async (_, statement) => {
    const store = open();
    await appendTo(store, 'a', 1, 2, 3);
    await appendTo(store, 'b', 1, 2, 3);
    tamper(statement);
    await expectDamage(store.head());
    await expectDamage(store.append('c', sealedAt('c', 0, 1), -1));
    expect(store.metrics()).toMatchObject({ appendedEvents: 6 });
  });

  it.each(['', '-wal'])('appends nothing when its file events.sqlite%s was taken away or replaced', async (end) => {
    const path = directory.events;
    for (const replaced of [false, true]) {
      const store = open();
      const stream = String(replaced);
      await appendTo(store, stream, 1);
      renameSync(`${path}${end}`, `${path}.aside`);
      if (replaced) copyFileSync(`${path}.aside`, `${path}${end}`);
      await expectDamage(store.head());
      await expectDamage(store.append('lost', sealedAt('lost', 0, 1), -1));
      // Put back, it goes on.
      renameSync(`${path}.aside`, `${path}${end}`);
      expect(await appendTo(store, stream, 2)).toMatchObject({ revision: 1 });
      await store.close();
    }
  });

  it('goes on when others have appended to it', async () => {
    const [one, other] = [open(), open()];
    for (const [index, store] of [one, other, one, other].entries()) {
      await appendTo(store, `s${index}`, 1);
      expect(await one.head()).toBe(index + 1);
    }
  });

  it('ends a subscription with an error, however many events have come in the place of what it has seen', async () => {
    const writer = open({ pollInterval: 1_000_000 });
    await appendTo(writer, 'a', 1, 2, 3);
    const store = open({ readOnly: true, pollInterval: 10 });
    const seen = new AbortController();
    const following = (async () => {
      for await (const { caughtUp } of store.subscribe({ after: 0, signal: AbortSignal.timeout(20_000) }))
        if (caughtUp) seen.abort();
    })();
    await eventually('the past', () => seen.signal.aborted);
    tamper(
      'DELETE FROM events WHERE position = 3',
      setBack,
      `INSERT INTO events SELECT NULL, 'c', revision, 'x', type, data, metadata FROM events WHERE stream = 'a'`,
    );
    await expectDamage(following);
  });

  it.each([0, 1, 2])('reads over no gap of positions, from position %i on', async (after) => {
    const store = open();
    for (const stream of ['a', 'b', 'c', 'd']) await appendTo(store, stream, 1);
    tamper('DELETE FROM events WHERE position = 2');

    await expect(reading(store, after)).rejects.toThrow('Position 2 of the log is missing');
  });

  it('does not wait for what follows a position that the log does not have', async () => {
    const store = open();
    await appendTo(store, 'a', 1);

    await expect(reading(store, 2)).rejects.toThrow('The log ends at position 1, but position 2 has been there');
  });

  it('does not go on after an event that was put in the place of the last one of its stream', async () => {
    const store = open();
    await appendTo(store, 'a', 1, 2);
    const [, last] = await store.read('a');
    await appendTo(store, 'b', 1);
    tamper(`UPDATE events SET id = '00000000-0000-8000-8000-000000000000', data = '3' WHERE position = 2`);

    await expectDamage(store.append('a', seal('a', 2, last!.metadata.hash, [last!]), 1));
    expect(rows()).toHaveLength(3);
  });

  it.each([
    ['swallows what is appended', `BEFORE INSERT ON events BEGIN SELECT RAISE(IGNORE); END`],
    ['takes it away again', `AFTER INSERT ON events BEGIN DELETE FROM events WHERE stream = 'b'; END`],
    ['changes it', `AFTER INSERT ON events BEGIN UPDATE events SET data = '9' WHERE stream = 'b'; END`],
    ['changes another one', `AFTER INSERT ON events BEGIN UPDATE events SET data = '9' WHERE position = 1; END`],
  ])('acknowledges nothing while a trigger %s', async (_, trigger) => {
    const store = open();
    await appendTo(store, 'a', 1);
    sqlite((database) =>
      database.exec(
        `DROP TRIGGER events_are_never_changed; DROP TRIGGER events_are_never_deleted; CREATE TRIGGER x ${trigger}`,
      ),
    );
    const before = rows();

    await expectDamage(store.append('b', sealedAt('b', 0, 1), -1));
    expect(rows()).toEqual(before);
  });

  it.each([
    ['swallows', `BEFORE INSERT ON main.events WHEN NEW.stream = 'b' BEGIN SELECT RAISE(IGNORE); END`],
    [
      'adds to',
      `AFTER INSERT ON main.events WHEN NEW.stream = 'c' BEGIN
         INSERT INTO events SELECT NULL, 'x', 0, id, type, data, metadata FROM events LIMIT 1; END`,
    ],
  ])('reads back what an append has written: nothing is acknowledged that something %s', async (_, trigger) => {
    const database = openForWriting(directory.events);
    const queue = appendQueue(database, {
      requireSameFiles: () => undefined,
      head: new LogHead(),
      eventsInGroup: 10,
      onCommitted: () => undefined,
    });
    const append = (stream: string) => {
      const events = sealedAt(stream, 0, 1);
      return queue.append({
        stream,
        events: events.map(toStored),
        previousHash: events[0]!.metadata.previousHash,
        expectedRevision: -1,
      });
    };
    await append('a');
    // Of this connection alone, so that the definitions of the file are as they should be.
    database.exec(`CREATE TEMP TRIGGER x ${trigger}`);
    for (const stream of await Promise.allSettled([append('b'), append('c')]))
      expect(stream).toMatchObject({ status: 'rejected', reason: expect.any(LogDamaged) });
    queue.close();
    database.close();
    expect(rows().map(([, stream]) => stream)).toEqual(['a']);
  });
});

describe('a subscription', () => {
  it('hears at once of the commits of another store on the same file in this process', async () => {
    const store = open({ pollInterval: 1_000_000 });
    const reading = open({ readOnly: true, pollInterval: 1_000_000 });
    const events = follow(reading);
    await eventually('the first commit', async () => {
      if (events.length === 0) await appendTo(store, 'a', 'again and again until the stores know of each other');
      return events.length > 0;
    });
    const before = events.length;
    await appendTo(store, 'b', 1, 2);

    await eventually('the next commit', () => events.length === before + 2);
  });

  it('takes large events in batches of a size', async () => {
    const store = open();
    for (let index = 0; index < 40; index++) await appendFirst(store, `small-${index}`);
    for (let index = 0; index < 40; index++)
      await store.append(`large-${index}`, sealedAt(`large-${index}`, 0, 'x'.repeat(1_000_000)), -1);
    const sizes: number[] = [];
    const positions: number[] = [];
    for await (const { events, caughtUp } of store.subscribe({ after: 0, signal: AbortSignal.timeout(10_000) })) {
      sizes.push(events.length);
      positions.push(...events.map(({ position }) => position));
      if (caughtUp) break;
    }
    expect(Math.max(...sizes.slice(1))).toBeLessThan(20);
    expect(sizes[0]).toBeLessThan(60);
    expect(positions).toEqual(Array.from({ length: 80 }, (_, index) => index + 1));
  });

  it('finds what another process has appended by looking for it', async () => {
    const store = open({ pollInterval: 20 });
    await appendTo(store, 'a', 1);
    const events = follow(store);
    await eventually('the past', () => events.length === 1);

    for (const revision of [1, 2]) {
      sqlite((database) =>
        database.exec(
          `INSERT INTO events (stream, revision, id, type, data, metadata) VALUES ('a', ${revision}, '', 'T', '1', '{}')`,
        ),
      );
      await eventually('the next event', () => events.length === revision + 1);
    }
    expect(events.map(({ position }) => position)).toEqual([1, 2, 3]);
  });

  it('reports an event that is not JSON with its place, instead of going past it', async () => {
    const store = open();
    await appendTo(store, 'a', 1);
    sqlite((database) =>
      database.exec(
        `INSERT INTO events (stream, revision, id, type, data, metadata) VALUES ('a', 1, '', 'T', '{', '{}')`,
      ),
    );

    await expect(store.read('a')).rejects.toThrow('The event at position 2 (stream a, revision 1) is not JSON');
    await expect(store.read('a')).rejects.toThrow(LogDamaged);
    await expect(
      (async () => {
        for await (const _ of store.subscribe({ after: 0, signal: AbortSignal.timeout(2_000) }));
      })(),
    ).rejects.toThrow('position 2');
  });
});

describe('a file that the disk has damaged under an open store', () => {
  it('is named as such by everything that meets the damage, and an append has written nothing', async () => {
    const first = open();
    for (let index = 0; index < 60; index++) await appendTo(first, 'a', 'x'.repeat(2_000));
    await first.close();
    // Nothing of the file in memory, so that every page is read from the disk.
    const store = open({ cacheBytes: 0, mmapBytes: 0 });
    const file = openSync(directory.events, 'r+');
    for (let page = 1; page * 4096 < statSync(directory.events).size; page++)
      writeSync(file, Buffer.alloc(4096, 0xee), 0, 4096, page * 4096);
    closeSync(file);

    const asked = await Promise.allSettled([
      store.read('a'),
      store.head(),
      store.append('b', sealedAt('b', 0, 1), -1),
      (async () => {
        for await (const _ of store.subscribe({ after: 0, signal: AbortSignal.timeout(2_000) }));
      })(),
    ]);
    for (const outcome of asked) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(LogDamaged) });
      expect((outcome as PromiseRejectedResult).reason.message).toContain('run the integrity check, restore a backup');
    }
  });
});

describe('a store for reading only', () => {
  it('reads beside the one that writes, and refuses appends', async () => {
    const store = open();
    await appendTo(store, 'a', 1, 2);
    const reading = open({ readOnly: true });

    expect(await reading.read('a')).toEqual(await store.read('a'));
    await appendTo(store, 'a', 3);
    expect(await reading.head()).toBe(3);
    await expect(appendTo(reading, 'a', 4)).rejects.toThrow('open for reading only');
    expect(reading.metrics()).toMatchObject({ appendedEvents: 0, checkpoints: 0 });
  });

  it('reads what a store that was closed has left', async () => {
    const store = open();
    await appendTo(store, 'a', 1, 2);
    await store.close();

    expect(await open({ readOnly: true }).read('a')).toHaveLength(2);
  });

  it('creates nothing', () => {
    expect(() => open({ readOnly: true })).toThrow('does not exist');
    expect(existsSync(directory.events)).toBe(false);
  });
});

describe('closing', () => {
  it('answers what was accepted, then refuses, and leaves one whole file', async () => {
    const store = open();
    const accepted = Array.from({ length: 20 }, (_, index) => appendFirst(store, `s-${index}`));
    const closing = store.close();
    const late = store.append('late', sealedAt('late', 0, 1), -1);

    expect(await Promise.all(accepted)).toHaveLength(20);
    await expect(late).rejects.toThrow('closed');
    await closing;
    await store.close();
    for (const asked of [store.read('s-1'), store.head()]) await expect(asked).rejects.toThrow(StoreUnavailable);
    expect(existsSync(`${directory.events}-wal`)).toBe(false);
    expect(await open().head()).toBe(20);
  });

  it('ends subscriptions, also those that are in the middle of a batch', async () => {
    const store = open();
    await appendTo(store, 'a', 1, 2, 3);
    const ended = [1, 1000].map(async (batchSize) => {
      let events = 0;
      for await (const batch of store.subscribe({ after: 0, signal: new AbortController().signal, batchSize })) {
        events += batch.events.length;
        if (batchSize === 1) await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return events;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await store.close();

    expect(await Promise.all(ended)).toEqual([1, 3]);
    for await (const _ of store.subscribe({ after: 0, signal: new AbortController().signal }))
      throw new Error('not closed');
  });
});

describe('the write-ahead log', () => {
  it('is never copied on the way of an append', async () => {
    const store = open({ checkpointInterval: 1_000_000 });
    const empty = statSync(directory.events).size;
    for (let index = 0; index < 40; index++) await appendTo(store, `s-${index}`, 'x'.repeat(200_000));

    // SQLite by itself would copy after 1,000 pages, 4 MiB.
    expect(store.metrics().walBytes).toBeGreaterThan(8_000_000);
    expect(statSync(directory.events).size).toBe(empty);
  });

  it('is copied by a thread of its own', async () => {
    const store = open({ checkpointInterval: 20 });
    await appendTo(store, 'a', 'x'.repeat(100_000));

    await eventually('a checkpoint', () => statSync(directory.events).size > 100_000);
    await eventually(
      'nothing left',
      () => store.metrics().checkpoints > 0 && store.metrics().uncheckpointedPages === 0,
    );
    expect(store.metrics()).toMatchObject({ failedCheckpoints: 0 });
    expect(await store.read('a')).toHaveLength(1);
  });

  it('restarts under load, and is cut back', async () => {
    const limit = 256 * 1024;
    const store = open({ checkpointInterval: 20, walBytes: limit });
    let written = 0;
    // Never idle, so the log is never copied to its very end by itself.
    const writing = Array.from({ length: 8 }, async (_, lane) => {
      for (let index = 0; index < 80; index++, written++) {
        const stream = `s-${lane}-${index}`;
        await store.append(stream, sealedAt(stream, 0, 'x'.repeat(50_000)), -1);
      }
    });
    await Promise.all(writing);

    await eventually('a log that restarts', async () => {
      await appendTo(store, 'again', 'x'.repeat(50_000));
      return store.metrics().walRestarts > 0;
    });
    await eventually('a small log', async () => {
      await appendTo(store, 'after', 1);
      return store.metrics().walBytes <= limit;
    });
    expect(await store.head()).toBeGreaterThan(written);
  });

  it('waits for a reader that takes its time, without holding up appends', async () => {
    const store = open({ checkpointInterval: 20, walBytes: 256 * 1024 });
    await appendTo(store, 'a', 1);
    const slow = new Database(directory.events, { readonly: true });
    const rows = slow.prepare('SELECT * FROM events').iterate();
    rows.next();
    try {
      for (let index = 0; index < 20; index++) await appendTo(store, `s-${index}`, 'x'.repeat(50_000));
      await eventually('a few checkpoints', () => store.metrics().checkpoints > 5);
      expect(store.metrics().walBytes).toBeGreaterThan(1_000_000);
    } finally {
      rows.return?.();
      slow.close();
    }
    await eventually('the log cut back', async () => {
      await appendTo(store, 'after', 1);
      return store.metrics().walBytes <= 256 * 1024;
    });
    expect(store.metrics()).toMatchObject({ failedCheckpoints: 0, failedCommits: 0 });
  });
});

function appendFirst(store: EventStore, stream: string) {
  return store.append(stream, sealedAt(stream, 0, 'first'), -1);
}

/** All events from now on, as they come; ends with the store. */
function follow(store: EventStore): RecordedEvent[] {
  const events: RecordedEvent[] = [];
  void (async () => {
    for await (const batch of store.subscribe({ after: 0, signal: new AbortController().signal }))
      events.push(...batch.events);
  })();
  return events;
}

function sqlite<T>(use: (database: Database.Database) => T): T {
  const database = new Database(directory.events);
  try {
    return use(database);
  } finally {
    database.close();
  }
}

/** Changes the file past the store, and covers it up. */
function tamper(...statements: readonly string[]): void {
  sqlite((database) => {
    const triggers = database.prepare(`SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'`).all() as {
      name: string;
      sql: string;
    }[];
    for (const { name } of triggers) database.exec(`DROP TRIGGER ${name}`);
    for (const statement of statements) expect(database.prepare(statement).run().changes).toBeGreaterThan(0);
    for (const { sql } of triggers) database.exec(sql);
  });
}

function rows(): readonly unknown[][] {
  return sqlite((database) => database.prepare('SELECT * FROM events ORDER BY position').raw().all() as unknown[][]);
}
