import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pairOf, relationshipCodec } from '#customer-relationship';
import { inMemoryEventStore, LogDamaged, StoreUnavailable, type EventStore, type ViewQuery } from '#event-sourcing';
import type { PastViewsBounds } from '#configuration';
import { Problem } from '#http';
import { projectPast, type Until } from '#projector';
import { relationshipViews } from '#read-models';
import { PastNotProjected, type PastThreads } from '#relationship-projector';
import { randomFrom, randomHistory } from '../../../../test/random-history.js';
import { eventually } from '../../../../test/eventually.js';
import { ProjectedPastViews, type HeldPastView, type PastViews } from './past-views.js';

const contoso = 'contoso';
const fabrikam = 'fabrikam';

let directory: string;
let store: EventStore;
let head: number;
let times: string[];
let opened: PastViews | undefined;
beforeEach(async () => {
  directory = join(mkdtempSync(join(tmpdir(), 'past-views-')), 'as-of');
  store = inMemoryEventStore();
  await randomHistory(store, randomFrom(21)).append(400);
  head = await store.head();
  times = [];
  for await (const { events } of store.subscribe({ after: 0, signal: new AbortController().signal })) {
    times.push(...events.map(({ metadata }) => metadata.recordedAt));
    break;
  }
});
afterEach(async () => {
  await opened?.close();
  opened = undefined;
  rmSync(join(directory, '..'), { recursive: true });
});

/** Projections in this thread, each of which starts when the test lets it. */
function heldBack({ free = false } = {}) {
  const begun: { readonly views: readonly string[]; readonly until: Until; readonly go: () => void }[] = [];
  let projected = 0;
  const threads: PastThreads = {
    async project({ views, path, until }, { signal, onProgress }) {
      const gate = Promise.withResolvers<void>();
      begun.push({ views, until, go: gate.resolve });
      if (free) gate.resolve();
      signal.addEventListener('abort', () => gate.resolve());
      await gate.promise;
      try {
        const past = await projectPast({
          store,
          codec: relationshipCodec,
          subjectOf: pairOf,
          projections: relationshipViews.filter(({ name }) => views.includes(name)),
          path,
          ledgerId: 'ledger',
          until,
          signal,
          onProgress,
        });
        projected++;
        return past;
      } catch (error) {
        throw new PastNotProjected(signal.aborted ? 'cancelled' : 'unexpected', String(error));
      }
    },
    close: () => Promise.resolve(),
  };
  return { threads, begun, projected: () => projected };
}

function open(threads: PastThreads, bounds: Partial<PastViewsBounds> = {}, onFailed?: (view: string) => void) {
  opened = new ProjectedPastViews({
    directory,
    store,
    threads,
    bounds: { atOnce: 2, waiting: 2, kept: 10, keptBytes: 1e9, freeBytes: 0, idleSeconds: 600, ...bounds },
    ...(onFailed ? { onFailed } : {}),
  });
  return opened;
}

const names = (views: PastViews, { past }: HeldPastView) =>
  views.read(past, (db) => db.all(everyName, {}).map(({ name }) => name));

const everyName: ViewQuery<{ readonly name: string }> = {
  build: () => ({ compile: () => ({ sql: 'SELECT name FROM customer_list_v1 ORDER BY customerId', parameters: [] }) }),
};

describe('Files of views as they stood', () => {
  it('that cannot be used are named with cause and remedy, and end nothing', async () => {
    const failures: Error[] = [];
    const troubles: string[] = [];
    const { threads } = heldBack({ free: true });
    opened = new ProjectedPastViews({
      directory,
      store,
      threads,
      bounds: { atOnce: 1, waiting: 2, kept: 0, keptBytes: 0, freeBytes: 0, idleSeconds: 0 },
      onFailed: (_, error) => failures.push(error),
      onTrouble: (message) => troubles.push(message),
    });
    const held = await opened.hold('customer-list', { position: 90 }, contoso);
    await held.past.ended;
    const file = join(directory, 'customer-list-1.sqlite');
    rmSync(file);
    mkdirSync(file);
    held.release();
    await eventually('what cannot be removed', () => troubles.length > 0);
    expect(troubles).toEqual([
      `What is kept of lists as they stood ${file} cannot be written: it is a directory, not a file. Move that away, or correct the path.`,
    ]);
    rmSync(directory, { recursive: true });
    writeFileSync(directory, 'not a directory');
    const without = await opened.hold('customer-list', { position: 91 }, contoso);
    await without.past.ended;
    expect(failures.map(({ message }) => message)).toEqual([
      expect.stringMatching(/as-of cannot be written: it is a file, not a directory\. Move that away/),
    ]);
    without.release();

    rmSync(directory);
    const again = await opened.hold('customer-list', { position: 92 }, contoso);
    await again.past.ended;
    expect(again.past.status).toBe('succeeded');
    again.release();
  });

  it('whose directory is removed meanwhile cost only that one view', async () => {
    const failures: Error[] = [];
    const threads: PastThreads = {
      project: (_, { signal, onProgress }) => {
        rmSync(directory, { recursive: true });
        // As a listener to messages does: an error thrown there would end the process.
        onProgress(1);
        return Promise.reject(new PastNotProjected(signal.aborted ? 'cancelled' : 'unexpected', 'gone'));
      },
      close: () => Promise.resolve(),
    };
    opened = new ProjectedPastViews({
      directory,
      store,
      threads,
      bounds: { atOnce: 1, waiting: 2, kept: 0, keptBytes: 0, freeBytes: 0, idleSeconds: 0 },
      onFailed: (_, error) => failures.push(error),
    });
    const held = await opened.hold('customer-list', { position: 90 }, contoso);
    await held.past.ended;
    expect([held.past.status, failures[0]?.message]).toEqual(['failed', expect.stringContaining('it does not exist')]);
    held.release();
  });
});

describe('Views as they stood', () => {
  it('are projected once for all callers that ask for the same', async () => {
    const { threads, begun, projected } = heldBack();
    const views = open(threads);
    const asked = await Promise.all(
      Array.from({ length: 8 }, () => views.hold('customer-list', { position: 90 }, contoso)),
    );
    expect(begun).toHaveLength(1);
    begun[0]!.go();
    await Promise.all(asked.map(({ past }) => past.ended));
    const answers = await Promise.all(asked.map((held) => names(views, held)));
    expect(new Set(answers.map(String)).size).toBe(1);
    for (const held of asked) held.release();
    const again = await views.hold('customer-list', { position: 90 }, contoso);
    expect([again.past.status, projected()]).toEqual(['succeeded', 1]);
    again.release();
  });

  it('are different for another place, time or view', async () => {
    const { threads, begun } = heldBack();
    const views = open(threads, { atOnce: 9 });
    const untils: Until[] = [
      { position: 90 },
      { position: 91 },
      { position: 91, recordedUntil: times[20]! },
      { position: 91, recordedUntil: times[21]! },
    ];
    for (const until of untils) await views.hold('customer-list', until, contoso);
    await views.hold('items', untils[0]!, contoso);
    expect(begun.map(({ views, until }) => ({ views, until }))).toEqual([
      ...untils.map((until) => ({ views: ['customer-list'], until })),
      { views: ['items'], until: untils[0] },
    ]);
  });

  it('have all the views that a list reads, and serve the lists that read some of them', async () => {
    const { threads, begun } = heldBack({ free: true });
    const views = open(threads);
    const both = await views.hold(['items', 'customer-list'], { position: 90 }, contoso);
    await both.past.ended;
    expect(begun.map(({ views }) => views)).toEqual([['items', 'customer-list']]);
    const one = await views.hold('customer-list', { position: 90 }, contoso);
    expect(await names(views, one)).toEqual(await names(views, both));
    expect(begun).toHaveLength(1);
    await views.hold(['customer-list', 'history'], { position: 90 }, contoso);
    expect(begun).toHaveLength(2);
  });

  it('of a time stay valid as the log grows, until a new event counts', async () => {
    const { threads, begun } = heldBack();
    const views = open(threads, { atOnce: 9 });
    const early = times[30]!;
    const held = await views.hold('customer-list', { position: 40, recordedUntil: early }, contoso);
    begun[0]!.go();
    await held.past.ended;
    held.release();
    // All events after position 40 were recorded later than the event at 30.
    const later = await views.hold('customer-list', { position: head, recordedUntil: early }, contoso);
    expect(later.past).toBe(held.past);
    const between = await views.hold('customer-list', { position: 60, recordedUntil: early }, contoso);
    expect(between.past).toBe(held.past);
    // Events recorded by now do count.
    const first = await views.hold('customer-list', { position: 40, recordedUntil: times.at(-1)! }, contoso);
    const second = await views.hold('customer-list', { position: 60, recordedUntil: times.at(-1)! }, contoso);
    expect(second.past).not.toBe(first.past);
    expect(begun).toHaveLength(3);
  });

  it('wait for their turn, up to a number', async () => {
    const { threads, begun } = heldBack();
    const views = open(threads, { atOnce: 1, waiting: 3 });
    const [first, second, third, fourth] = [
      await views.hold('items', { position: 1 }, contoso),
      await views.hold('items', { position: 2 }, contoso),
      await views.hold('items', { position: 3 }, contoso),
      await views.hold('items', { position: 4 }, fabrikam),
    ];
    const busy = { code: 'AsOfUnavailable', members: { reason: 'busy' } };
    await expect(views.hold('items', { position: 5 }, fabrikam)).rejects.toMatchObject(busy);
    // A caller that asks for a waiting view shares it.
    (await views.hold('items', { position: 3 }, fabrikam)).release();
    expect([first, second, third].map(({ past }) => past.status)).toEqual(['running', 'notStarted', 'notStarted']);
    expect(views.counts()).toEqual({ waiting: 3, running: 1, kept: 0, keptBytes: 0, failed: 0 });
    begun[0]!.go();
    await first.past.ended;
    await new Promise(setImmediate);
    expect(views.counts()).toMatchObject({ waiting: 2, running: 1, kept: 1 });
    expect(views.counts().keptBytes).toBeGreaterThan(1_000);
    expect(begun).toHaveLength(2);
    expect(second.past.status).toBe('running');
    expect(fourth.past.status).toBe('notStarted');
  });

  it('are projected for every partner in turn, and no partner fills the line', async () => {
    const { threads, begun } = heldBack();
    const views = open(threads, { atOnce: 2, waiting: 4 });
    for (const position of [1, 2, 3, 4]) await views.hold('items', { position }, contoso);
    // There is room for two more, but not for this partner's.
    await expect(views.hold('items', { position: 5 }, contoso)).rejects.toMatchObject({ code: 'AsOfUnavailable' });
    await views.hold('items', { position: 6 }, fabrikam);
    begun[0]!.go();
    for (let tries = 0; begun.length < 3 && tries < 200; tries++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect(begun.map(({ until }) => until.position)).toEqual([1, 2, 6]);
  });

  it('are cancelled when no caller needs them, and projected again when one does', async () => {
    const { threads, begun } = heldBack();
    const views = open(threads, { atOnce: 1 });
    const running = await views.hold('items', { position: 10 }, contoso);
    const other = await views.hold('items', { position: 10 }, contoso);
    const waiting = await views.hold('items', { position: 11 }, contoso);
    running.release();
    running.release();
    // Another caller still needs it.
    expect(other.past.status).toBe('running');
    waiting.release();
    expect(waiting.past.status).toBe('cancelled');
    other.release();
    await other.past.ended;
    expect(other.past.status).toBe('cancelled');
    expect(readdirSync(directory)).toEqual([]);
    const again = await views.hold('items', { position: 10 }, contoso);
    begun.at(-1)!.go();
    await again.past.ended;
    expect(again.past.status).toBe('succeeded');
    expect(begun).toHaveLength(2);
  });

  it('that are finished just as they are cancelled are discarded', async () => {
    const { threads, begun } = heldBack();
    const deaf = new AbortController().signal;
    const views = open({ ...threads, project: (past, options) => threads.project(past, { ...options, signal: deaf }) });
    const { past, release } = await views.hold('items', { position: 10 }, contoso);
    release();
    begun[0]!.go();
    await past.ended;
    expect(past.status).toBe('cancelled');
    expect(await kept(0)).toBe(0);
  });

  async function made(views: PastViews, position: number) {
    const held = await views.hold('customer-list', { position }, contoso);
    await held.past.ended;
    return held;
  }
  /** Files are removed once they are closed. */
  async function kept(count: number) {
    for (let tries = 0; readdirSync(directory).length > count && tries < 100; tries++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    return readdirSync(directory).length;
  }

  it('are kept within a number: the least recently used one goes', async () => {
    const { threads, projected } = heldBack({ free: true });
    const views = open(threads, { kept: 2 });
    for (const position of [10, 20]) (await made(views, position)).release();
    (await made(views, 10)).release();
    (await made(views, 30)).release();
    expect([await kept(2), projected()]).toEqual([2, 3]);
    (await made(views, 10)).release();
    expect(projected()).toBe(3);
    (await made(views, 20)).release();
    expect(projected()).toBe(4);
  });

  it('are kept within a size, but the newest one stays however large', async () => {
    const { threads } = heldBack({ free: true });
    const views = open(threads, { keptBytes: 1 });
    const first = await made(views, 10);
    expect(await names(views, first)).toBeDefined();
    first.release();
    (await made(views, 20)).release();
    expect(await kept(1)).toBe(1);
  });

  it('are never discarded while they are read', async () => {
    const { threads } = heldBack({ free: true });
    const views = open(threads, { kept: 1 });
    const reading = await made(views, 50);
    const before = await names(views, reading);
    for (const position of [60, 70, 80]) (await made(views, position)).release();
    expect(await names(views, reading)).toEqual(before);
    expect(await kept(2)).toBe(2);
    reading.release();
    (await made(views, 90)).release();
    expect(await kept(1)).toBe(1);
  });

  it('are discarded when no caller has asked for a while', async () => {
    const { threads, projected } = heldBack({ free: true });
    const views = open(threads, { idleSeconds: 0 });
    (await made(views, 10)).release();
    // Checked whenever another one has been projected.
    await new Promise((resolve) => setTimeout(resolve, 5));
    const second = await made(views, 20);
    expect(await kept(1)).toBe(1);
    second.release();
    (await made(views, 10)).release();
    expect(projected()).toBe(3);
  });

  it('report why there is none, and are tried again when they are asked for again', async () => {
    const failures: [PastNotProjected['failure'], object][] = [
      ['unavailable', StoreUnavailable],
      ['damaged', LogDamaged],
      ['outdated', { code: 'ServerOutdated' }],
      ['unexpected', { code: 'AsOfUnavailable', members: { reason: 'failed' } }],
    ];
    const reported: string[] = [];
    let attempts = 0;
    const views = open(
      {
        project: () => Promise.reject(new PastNotProjected(failures[attempts++]![0], 'because')),
        close: () => Promise.resolve(),
      },
      {},
      (view) => reported.push(view),
    );
    for (const [failure, expected] of failures) {
      const { past, release } = await views.hold('items', { position: 5 }, contoso);
      await past.ended;
      expect({ failure, status: past.status }).toEqual({ failure, status: 'failed' });
      if (typeof expected === 'function') expect(past.error).toBeInstanceOf(expected);
      else {
        expect(past.error).toBeInstanceOf(Problem);
        expect(past.error).toMatchObject(expected);
      }
      release();
    }
    expect(reported).toEqual(failures.map(() => 'items'));
    expect(views.counts().failed).toBe(failures.length);
  });

  it('start with an empty directory and remove it at the end', async () => {
    const { threads } = heldBack({ free: true });
    await open(threads).close();
    rmSync(directory, { recursive: true, force: true });
    // As a killed process leaves it.
    const before = open(threads);
    writeFileSync(join(directory, 'items-7.sqlite'), 'half a view');
    writeFileSync(join(directory, 'items-7.sqlite.lock'), '');
    const views = open(threads);
    expect(readdirSync(directory)).toEqual([]);
    (await made(views, 10)).release();
    await views.close();
    expect(existsSync(directory)).toBe(false);
    await before.close();
  });
});
