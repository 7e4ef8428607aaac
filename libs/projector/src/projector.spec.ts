import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import {
  anyProjection,
  eventCodec,
  inMemoryEventStore,
  noPreviousHash,
  type AnyProjection,
  type EventBatch,
  type EventStore,
  type Json,
  type Projection,
  type ViewQuery,
} from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import {
  ForeignViews,
  openViews,
  openViewsFile,
  projector,
  ViewNotBuilt,
  ViewsLocked,
  type ViewFailure,
} from './index.js';
import { eventually } from '../../../test/eventually.js';

// A catalogue as small as can be: shelves on which copies of books come and go.
interface LibraryEvents {
  CopyAdded: { readonly title: string };
  CopyLost: { readonly title: string };
  ShelfPainted: { readonly colour: string };
}

const codec = eventCodec<LibraryEvents>({ events: { CopyAdded: null, CopyLost: null, ShelfPainted: null } });

interface CopiesRow {
  readonly shelf: string;
  readonly title: string;
  readonly copies: number;
}
interface PaintRow {
  readonly shelf: string;
  readonly colours: readonly string[];
  readonly bright: boolean;
  readonly note: string | null;
}

const everyCopy: ViewQuery<CopiesRow> = {
  build: () => ({ compile: () => ({ sql: 'SELECT * FROM copies_v1', parameters: [] }) }),
};

const copiesTable = (version: number) => ({
  columns: { shelf: 'text', title: 'text', copies: 'integer' } as const,
  key: ['shelf', 'title'] as const,
  indexes: [['shelf', 'copies', 'title']] as const,
  name: `copies_v${version}`,
});

function copies(version = 1, by = 1): AnyProjection<LibraryEvents, string> {
  const { name, ...table } = copiesTable(version);
  const projection: Projection<LibraryEvents, Record<string, CopiesRow>, string> = {
    name: 'copies',
    version,
    tables: { [name]: table },
    keys: ({ data }, shelf) => ('title' in data ? { [name]: [shelf, data.title] } : {}),
    on: {
      CopyAdded: ({ [name]: row }, { title }, shelf) => ({
        [name]: { shelf, title, copies: (row?.copies ?? 0) + by },
      }),
      CopyLost: ({ [name]: row }) => row && { [name]: row.copies > by ? { ...row, copies: row.copies - by } : null },
    },
  };
  return anyProjection(projection);
}

const paintProjection: Projection<LibraryEvents, { paint_v1: PaintRow }, string> = {
  name: 'paint',
  version: 1,
  tables: {
    paint_v1: {
      columns: { shelf: 'text', colours: 'json', bright: 'boolean', note: 'text?' },
      key: ['shelf'],
    },
  },
  keys: (_, shelf) => ({ paint_v1: [shelf] }),
  on: {
    ShelfPainted: ({ paint_v1: row }, { colour }, shelf) => {
      if (colour === 'invisible') throw new Error('Nobody has seen that colour');
      if (colour === 'unwritable') return { paint_v1: { shelf, colours: [], bright: null as never, note: null } };
      return {
        paint_v1: { shelf, colours: [...(row?.colours ?? []), colour], bright: colour === 'white', note: null },
      };
    },
  },
};
const paint = anyProjection(paintProjection);

const subjectOf = (stream: string) => /^shelf-(.+)$/.exec(stream)?.[1];
const ledgerId = '11111111-1111-4111-8111-111111111111';

let directory: string;
let path: string;
let store: EventStore;
const revisions = new Map<string, { revision: number; hash: string }>();

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'projector-'));
  path = join(directory, 'views.sqlite');
  store = inMemoryEventStore();
  revisions.clear();
});
afterEach(() => rmSync(directory, { recursive: true }));

async function append(stream: string, type: string, data: Json, schema = 1): Promise<number> {
  const { revision, hash } = revisions.get(stream) ?? { revision: -1, hash: noPreviousHash };
  const [event] = seal(stream, revision + 1, hash, [
    {
      type,
      data,
      metadata: {
        actor: { id: 'a', kind: 'k', roles: [], tenant: 't' },
        causationId: 'c',
        commandHash: 'h',
        commandId: `${stream}/${revision + 1}`,
        correlationId: 'c',
        policy: { name: 'p', hash: 'h' },
        recordedAt: '2026-11-22T12:00:00.000Z',
        schema,
      },
    },
  ]);
  const appended = await store.append(stream, [event!], revision);
  revisions.set(stream, { revision: appended.revision, hash: event!.metadata.hash });
  return appended.position;
}

const added = (title: string, shelf = 'a') => append(`shelf-${shelf}`, 'CopyAdded', { title });
const lost = (title: string, shelf = 'a') => append(`shelf-${shelf}`, 'CopyLost', { title });
const painted = (colour: string, shelf = 'a') => append(`shelf-${shelf}`, 'ShelfPainted', { colour });

interface Outcome {
  readonly stopped: readonly (ViewFailure & { readonly view: string })[];
}

/** Opens the views, catches up and closes them, as a projector's life. */
async function catchUp(
  projections: readonly AnyProjection<LibraryEvents, string>[] = [copies(), paint],
  options: { readonly ledgerId?: string; readonly head?: number; readonly transactionSize?: number } = {},
): Promise<Outcome> {
  const views = openViewsFile({ path, projections });
  const stopped: (ViewFailure & { view: string })[] = [];
  try {
    await projector({
      store,
      codec,
      subjectOf,
      views,
      projections,
      ledgerId,
      head: await store.head(),
      ...options,
      onStopped: (view, failure) => stopped.push({ view, ...failure }),
      onTrouble: (error) => {
        throw error;
      },
    }).catchUp(new AbortController().signal);
    return { stopped };
  } finally {
    views.close();
  }
}

async function firstBatch(from: EventStore): Promise<EventBatch> {
  for await (const batch of from.subscribe({ after: 0, signal: new AbortController().signal })) return batch;
  throw new Error('There is no batch');
}

function rows(table: string): unknown[] {
  const database = new Database(path, { readonly: true });
  try {
    return database.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all();
  } finally {
    database.close();
  }
}

/** By view, what its file holds of the last event that was read. */
function marks(): Record<string, unknown> {
  const found = rows('projections') as { name: string; lastEventPosition: number; lastEventId: string }[];
  return Object.fromEntries(
    found.map(({ name, lastEventPosition, lastEventId }) => [name, { lastEventPosition, lastEventId }]),
  );
}

/** The log, followed up to a position by events of others, as in a database that others write to. */
function movingOn(log: EventStore, to: number): EventStore {
  return {
    ...log,
    async *subscribe(options) {
      for await (const batch of log.subscribe(options)) yield batch.caughtUp ? { ...batch, position: to } : batch;
    },
  };
}

function tablesAndIndexes(): string[] {
  const database = new Database(path, { readonly: true });
  try {
    return database
      .prepare(`SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name`)
      .pluck()
      .all() as string[];
  } finally {
    database.close();
  }
}

async function status(projections: readonly AnyProjection<LibraryEvents, string>[] = [copies(), paint]) {
  const reader = openViews({ path, projections });
  try {
    return reader.status().map(({ updatedAt: _, ...rest }) => rest);
  } finally {
    await reader.close();
  }
}

describe('The projector', () => {
  it('writes rows, removes rows, and moves past events that a view ignores', async () => {
    await added('Emma');
    await added('Emma');
    await added('Ulysses');
    await lost('Ulysses');
    await painted('white');

    await catchUp();

    expect(rows('copies_v1')).toEqual([{ shelf: 'a', title: 'Emma', copies: 2 }]);
    expect(rows('paint_v1')).toEqual([{ shelf: 'a', colours: '["white"]', bright: 1, note: null }]);
    expect(await status()).toEqual([
      { name: 'copies', version: 1, position: 5, status: 'running', error: null },
      { name: 'paint', version: 1, position: 5, status: 'running', error: null },
    ]);
  });

  it('continues after its checkpoint, from the rows as it left them', async () => {
    await added('Emma');
    await catchUp();
    await added('Emma');
    await lost('Emma');
    await added('Emma', 'b');
    await catchUp();

    expect(rows('copies_v1')).toEqual([
      { shelf: 'a', title: 'Emma', copies: 1 },
      { shelf: 'b', title: 'Emma', copies: 1 },
    ]);
  });

  it('skips streams of another kind, whatever is in them', async () => {
    await append('journal', 'CopyAdded', { title: 'Emma' });
    await append('journal', 'NobodyKnows', {});
    await catchUp();

    expect(rows('copies_v1')).toEqual([]);
    expect(await status()).toMatchObject([
      { position: 2, status: 'running' },
      { position: 2, status: 'running' },
    ]);
  });

  it('writes more rows than one statement takes', async () => {
    const titles = Array.from({ length: 150 }, (_, index) => `Volume ${String(index).padStart(3, '0')}`);
    for (const title of titles) await added(title);
    await catchUp();

    expect(rows('copies_v1')).toEqual(titles.map((title) => ({ shelf: 'a', title, copies: 1 })));
  });

  it('keeps the last event that it has read, whatever it is of, as what the log is known again by', async () => {
    const read = async () => {
      await catchUp();
      return marks();
    };
    const markAt = async (position: number) => ({
      lastEventPosition: position,
      lastEventId: await store.idAt(position),
    });
    expect(await read()).toEqual({
      copies: { lastEventPosition: null, lastEventId: null },
      paint: { lastEventPosition: null, lastEventId: null },
    });
    await added('Emma');
    const journal = await append('journal', 'NobodyKnows', {});
    const known = await markAt(journal);
    expect(await read()).toEqual({ copies: known, paint: known });
    // The events after it are not ours.
    store = movingOn(store, journal + 10);
    expect(await read()).toEqual({ copies: known, paint: known });
    expect(await status()).toMatchObject([{ position: journal + 10 }, { position: journal + 10 }]);
  });

  it('builds indexes when a view has caught up', async () => {
    await added('Emma');
    await catchUp();

    expect(tablesAndIndexes()).toEqual(['copies_v1', 'copies_v1_by_shelf_copies_title', 'paint_v1', 'projections']);
  });

  it('follows the log live and resolves when it is stopped', async () => {
    const views = openViewsFile({ path, projections: [copies()] });
    const reader = openViews({ path, projections: [copies()] });
    const stopping = new AbortController();
    const running = projector({ store, codec, subjectOf, views, projections: [copies()], ledgerId, head: 0 }).run(
      stopping.signal,
    );
    const position = await added('Emma');

    expect(await reader.reached('copies', position, 5_000)).toBe(true);
    expect(await reader.read('copies', (queries) => queries.all(everyCopy, {}))).toEqual({
      result: [{ shelf: 'a', title: 'Emma', copies: 1 }],
      position,
      eventId: await store.idAt(position),
      state: `${position} ${await store.idAt(position)}`,
      status: 'running',
    });
    expect(await reader.reached('copies', position + 1, 20)).toBe(false);

    stopping.abort();
    await running;
    await reader.close();
    views.close();
  });
});

interface LoanRow {
  readonly shelf: string;
  readonly title: string;
  readonly dueAt: string;
  readonly then: string;
  readonly noted: string;
}

describe('Rows that time changes', () => {
  const projection: Projection<LibraryEvents, { loans_v1: LoanRow }, string> = {
    name: 'loans',
    version: 1,
    tables: {
      loans_v1: {
        columns: { shelf: 'text', title: 'text', dueAt: 'text', then: 'text', noted: 'text' },
        key: ['shelf', 'title'],
        indexes: [['shelf', 'noted', 'dueAt']],
        passing: { at: 'dueAt', into: 'then', noted: 'noted' },
      },
    },
    keys: ({ data }, shelf) => ('title' in data ? { loans_v1: [shelf, data.title] } : {}),
    on: {
      CopyAdded: (_, { title }, shelf) => ({
        loans_v1: { shelf, title, dueAt: title === 'Emma' ? '2020-01-01' : '2999-01-01', then: 'overdue', noted: '' },
      }),
    },
  };

  it('are noted while the projector follows the log, and again after an event', async () => {
    const projections = [anyProjection(projection)];
    const views = openViewsFile({ path, projections });
    const stopping = new AbortController();
    await added('Emma');
    await added('Ulysses');
    const head = await store.head();
    const running = projector({ store, codec, subjectOf, views, projections, ledgerId, head }).run(stopping.signal);
    const database = new Database(path, { readonly: true });
    const notes = () => database.prepare('SELECT title, noted FROM loans_v1 ORDER BY title').raw().all();
    const areNoted = () => JSON.stringify(notes()) === '[["Emma","overdue"],["Ulysses",""]]';
    await eventually('a note', areNoted);
    const reader = openViews({ path, projections });
    // The event empties the note, which does not last either.
    expect(await reader.reached('loans', await added('Emma'), 60_000)).toBe(true);
    await eventually('a note once more', areNoted);
    stopping.abort();
    await running;
    await reader.close();
    database.close();
    views.close();
  });
});

describe('A view that meets an event it cannot handle', () => {
  const others = { name: 'copies', status: 'running', position: 4 };

  async function poisoned(poison: () => Promise<number>) {
    await painted('white');
    await added('Emma');
    const position = await poison();
    await painted('red');
    return position;
  }

  it.each([
    ['its own throw', () => painted('invisible'), 'Error: Nobody has seen that colour'],
    ['a row that its table refuses', () => painted('unwritable'), 'TypeError: paint_v1.bright is boolean, not null'],
    [
      'a schema from the future',
      () => append('shelf-a', 'ShelfPainted', { colour: 'red' }, 2),
      'UnreadableEvent: Event ShelfPainted (schema 2) at position 3, stream shelf-a revision 2: this release knows schemas up to 1',
    ],
  ])('stops before it, loudly, and the others go on: %s', async (_, poison, message) => {
    const position = await poisoned(poison);
    const { stopped } = await catchUp();

    expect(stopped).toEqual([{ view: 'paint', message, position, type: 'ShelfPainted' }]);
    expect(rows('paint_v1')).toEqual([{ shelf: 'a', colours: '["white"]', bright: 1, note: null }]);
    expect(await status()).toMatchObject([
      others,
      { name: 'paint', status: 'stopped', position: 2, error: { message, position, type: 'ShelfPainted' } },
    ]);
    // Its mark is the last event in its rows, not the event that stopped it, nor a later one.
    expect(marks()).toEqual({
      copies: { lastEventPosition: 4, lastEventId: await store.idAt(4) },
      paint: { lastEventPosition: 2, lastEventId: await store.idAt(2) },
    });
    // The next start tries again, and stops again.
    expect((await catchUp()).stopped).toEqual(stopped);
    expect(marks()).toMatchObject({ paint: { lastEventPosition: 2 } });
  });

  it('holds back an answer of several views together, whose state names each of them', async () => {
    await poisoned(() => painted('invisible'));
    await catchUp();
    const reader = openViews({ path, projections: [copies(), paint] });
    const together = () => reader.read(['copies', 'paint'], (queries) => queries.all(everyCopy, {}));
    const first = await together();
    expect(first).toMatchObject({ position: 2, eventId: await store.idAt(2), status: 'stopped' });
    expect(await reader.reached(['copies', 'paint'], 2, 5_000)).toBe(true);
    expect(await reader.reached(['copies', 'paint'], 3, 20)).toBe(false);

    await added('Ulysses');
    await catchUp();
    const second = await together();
    expect(second.result).toHaveLength(2);
    expect(second.position).toBe(first.position);
    expect(second.state).not.toBe(first.state);
    await reader.close();
  });

  it('goes on from there with a release that can', async () => {
    await poisoned(() => painted('invisible'));
    await catchUp();
    const mended = anyProjection({
      ...paintProjection,
      on: {
        ShelfPainted: ({ paint_v1: row }: { paint_v1?: PaintRow }, { colour }: { colour: string }, shelf: string) => ({
          paint_v1: { shelf, colours: [...(row?.colours ?? []), colour], bright: false, note: 'mended' },
        }),
      },
    } as typeof paintProjection);
    const { stopped } = await catchUp([copies(), mended]);

    expect(stopped).toEqual([]);
    expect(rows('paint_v1')).toEqual([
      { shelf: 'a', colours: '["white","invisible","red"]', bright: 0, note: 'mended' },
    ]);
    expect(await status()).toMatchObject([others, { name: 'paint', status: 'running', position: 4, error: null }]);
  });

  it('stops every view at an event of an unknown name: it might concern any', async () => {
    await poisoned(() => append('shelf-a', 'ShelfMoved', {}));
    const { stopped } = await catchUp();

    expect(stopped.map(({ view, type, position }) => [view, type, position])).toEqual([
      ['copies', 'ShelfMoved', 3],
      ['paint', 'ShelfMoved', 3],
    ]);
  });

  it('ends the run when it was the last one', async () => {
    await painted('invisible');
    const views = openViewsFile({ path, projections: [paint] });
    const { run } = projector({ store, codec, subjectOf, views, projections: [paint], ledgerId, head: 1 });
    await run(new AbortController().signal);
    views.close();
    expect(await status([paint])).toMatchObject([{ status: 'stopped' }]);
  });
});

describe('A changed projection', () => {
  it('is rebuilt beside the old one, whose tables are dropped when it has caught up', async () => {
    await added('Emma');
    await catchUp();
    const old = await status();
    await added('Emma');

    const views = openViewsFile({ path, projections: [copies(2, 10), paint] });
    const running = projector({
      store,
      codec,
      subjectOf,
      views,
      projections: [copies(2, 10), paint],
      ledgerId,
      head: await store.head(),
    });
    // It is not built yet: the previous release still finds its rows.
    expect(rows('copies_v1')).toEqual([{ shelf: 'a', title: 'Emma', copies: 1 }]);
    expect(await status()).toEqual(old);
    await running.catchUp(new AbortController().signal);
    views.close();

    expect(rows('copies_v2')).toEqual([{ shelf: 'a', title: 'Emma', copies: 20 }]);
    expect(tablesAndIndexes()).toEqual(['copies_v2', 'copies_v2_by_shelf_copies_title', 'paint_v1', 'projections']);
    expect(await status([copies(2), paint])).toMatchObject([
      { name: 'copies', version: 2, position: 2, status: 'running' },
      { name: 'paint', version: 1, position: 2, status: 'running' },
    ]);
  });

  it('does not hold up the views that are level with the log, and joins them', async () => {
    for (let index = 0; index < 3_000; index++) await added(`Volume ${index % 7}`);
    await catchUp([paint]);
    const before = await store.head();
    await painted('white');

    const projections = [copies(), paint];
    const views = openViewsFile({ path, projections });
    const moves: [string, number][] = [];
    const stopping = new AbortController();
    const subscriptions: number[] = [];
    const counting: Pick<EventStore, 'subscribe'> = {
      subscribe(options) {
        subscriptions.push(options.after);
        return store.subscribe(options);
      },
    };
    const reader = openViews({ path, projections });
    const running = projector({
      store: counting,
      codec,
      subjectOf,
      views,
      projections,
      ledgerId,
      head: before + 1,
      transactionSize: 100,
      onProgress: (progress) => progress.views.forEach((view) => moves.push([view, progress.position])),
    }).run(stopping.signal);
    await reader.reached('copies', before + 1, 10_000);
    const last = await added('Volume 0');
    expect(await reader.reached('copies', last, 5_000)).toBe(true);
    expect(await reader.reached('paint', last, 5_000)).toBe(true);
    stopping.abort();
    await running;
    await reader.close();
    views.close();

    expect(subscriptions).toEqual([before, 0]);
    expect(moves[0]).toEqual(['paint', before + 1]);
    // Level: one batch moves both.
    expect(moves.slice(-2)).toEqual([
      ['paint', last],
      ['copies', last],
    ]);
    expect(rows('copies_v1')).toContainEqual({ shelf: 'a', title: 'Volume 0', copies: 430 });
  });
});

describe('A view that joins the others', () => {
  it('misses nothing that they have read and not yet committed', async () => {
    for (let index = 0; index < 10; index++) await painted('white');
    await catchUp([paint]);
    for (let index = 0; index < 20; index++) await added('Emma');
    const log = await firstBatch(store);
    const committed = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    // The first view reads up to 20 and continues later; the lagging one seems caught up at 15 meanwhile.
    const uneven: Pick<EventStore, 'subscribe'> = {
      async *subscribe({ after }) {
        const upTo = (from: number, to: number, caughtUp: boolean) => ({
          events: log.events.slice(from, to),
          position: to,
          caughtUp,
        });
        if (after === 10) {
          yield upTo(10, 20, false);
          await gate.promise;
          yield upTo(20, 30, true);
        } else {
          yield upTo(0, 15, true);
          yield upTo(15, 30, true);
        }
        await new Promise((resolve) => stopping.signal.addEventListener('abort', resolve));
      },
    };
    const stopping = new AbortController();
    const projections = [copies(), paint];
    const views = openViewsFile({ path, projections });
    const running = projector({
      store: uneven,
      codec,
      subjectOf,
      views,
      projections,
      ledgerId,
      head: 30,
      onProgress: ({ views: [view] }) => {
        if (view === 'copies') committed.resolve();
      },
    }).run(stopping.signal);
    await committed.promise;
    gate.resolve();
    const reader = openViews({ path, projections });
    expect(await reader.reached('paint', 30, 5_000)).toBe(true);
    expect(await reader.reached('copies', 30, 5_000)).toBe(true);
    stopping.abort();
    await running;
    await reader.close();
    views.close();

    expect(rows('copies_v1')).toEqual([{ shelf: 'a', title: 'Emma', copies: 20 }]);
  });
});

describe('The file of the views', () => {
  it('is refused to a second projector', () => {
    const views = openViewsFile({ path, projections: [paint] });
    expect(() => openViewsFile({ path, projections: [paint] })).toThrow(ViewsLocked);
    views.close();
    openViewsFile({ path, projections: [paint] }).close();
  });

  it('is refused for another ledger, and for one that has been set back', async () => {
    await added('Emma');
    await added('Emma');
    await catchUp();

    await expect(catchUp(undefined, { ledgerId: '22222222-2222-4222-8222-222222222222' })).rejects.toThrow(
      new ForeignViews(
        `${path} shows ledger ${ledgerId}, this one is 22222222-2222-4222-8222-222222222222: ` +
          'the log was replaced, or this is the data directory of another. Restore the right one. ' +
          'If the log was put there on purpose and you accept what it does not have, rebuild the views: ' +
          '"npm run rebuild -- --accept-lost-events".',
      ),
    );
    await expect(catchUp(undefined, { head: 1 })).rejects.toThrow(ForeignViews);
    expect(await status()).toMatchObject([{ position: 2 }, { position: 2 }]);
  });

  it('keeps rows and checkpoint together when a batch cannot be written', async () => {
    await added('Emma');
    await catchUp([copies()]);
    await added('Emma');
    const views = openViewsFile({ path, projections: [copies()] });
    const troubles: unknown[] = [];
    let failing = true;
    const advance = views.advance.bind(views);
    views.advance = (...moved) => {
      // Rows are written by now, the checkpoint is not.
      if (failing) throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR' });
      advance(...moved);
    };
    const running = projector({
      store,
      codec,
      subjectOf,
      views,
      projections: [copies()],
      ledgerId,
      head: 2,
      onTrouble: (error) => {
        troubles.push(error);
        expect(rows('copies_v1')).toEqual([{ shelf: 'a', title: 'Emma', copies: 1 }]);
        failing = false;
      },
    });
    await running.catchUp(new AbortController().signal);
    views.close();

    expect(troubles).toHaveLength(1);
    expect(rows('copies_v1')).toEqual([{ shelf: 'a', title: 'Emma', copies: 2 }]);
  });

  it('reports to readers that a view has not been built, before and after the file is there', async () => {
    const reader = openViews({ path, projections: [copies()] });
    const query = () => reader.read('copies', (queries) => queries.all(everyCopy, {}));
    await expect(query()).rejects.toThrow(ViewNotBuilt);
    expect(reader.status()).toMatchObject([{ name: 'copies', position: 0, status: 'building' }]);
    await added('Emma');
    await catchUp([paint]);
    await expect(query()).rejects.toThrow(ViewNotBuilt);
    await catchUp([paint, copies()]);
    expect((await query()).result).toHaveLength(1);
    await reader.close();
  });

  it('answers a query and its position from one state of the views', async () => {
    const projections = [copies()];
    await added('Emma');
    await catchUp(projections);
    const reader = openViews({ path, projections });
    const { result, position } = await reader.read('copies', (queries) => {
      // A projector, of another process, goes on meanwhile.
      const other = new Database(path);
      other.transaction(() => {
        other.exec('UPDATE copies_v1 SET copies = 2');
        other.exec(`UPDATE projections SET position = 2 WHERE name = 'copies'`);
      })();
      other.close();
      return queries.all(everyCopy, {});
    });
    expect({ copies: result[0]?.copies, position }).toEqual({ copies: 1, position: 1 });
    const after = await reader.read('copies', (queries) => queries.all(everyCopy, {}));
    expect({ copies: after.result[0]?.copies, position: after.position }).toEqual({ copies: 2, position: 2 });
    await reader.close();
  });
});
