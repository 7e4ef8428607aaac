import { describe, expect, it } from '@jest/globals';
import {
  expectedHash,
  idOf,
  inMemoryEventStore,
  LogDamaged,
  RevisionConflict,
  StoreUnavailable,
  verifiedStore,
  type EventStore,
  type RecordedEvent,
} from './index.js';
import { appendTo, sealedAt } from './testing.js';

type Change = (events: readonly RecordedEvent[]) => readonly RecordedEvent[];

/** A store whose log is touched, in the middle of the test, so that streams and the whole log show the same. */
function touchable(): EventStore & { touch: (change: Change) => void } {
  const store = inMemoryEventStore();
  let change: Change = (events) => events;
  return {
    ...store,
    touch: (next) => (change = next),
    async read(stream, { from = 0, to = Infinity } = {}) {
      const events = change(await store.read(stream));
      return events.filter(({ revision }) => revision >= from && revision <= to);
    },
    async append(stream, events, expectedRevision) {
      const actual = change(await store.read(stream)).at(-1)?.revision ?? -1;
      if (actual !== expectedRevision) throw new RevisionConflict(stream, expectedRevision, actual);
      return store.append(stream, events, expectedRevision);
    },
    async *subscribe(options) {
      for await (const batch of store.subscribe(options)) yield { ...batch, events: change(batch.events) };
    },
  };
}

const at =
  (revision: number, change: (event: RecordedEvent) => RecordedEvent): Change =>
  (events) =>
    events.map((event) => (event.stream === 'a' && event.revision === revision ? change(event) : event));

/** With the hash and the id that its content asks for. */
function resealed(event: RecordedEvent): RecordedEvent {
  const hash = expectedHash(event);
  return { ...event, id: idOf(hash), metadata: { ...event.metadata, hash } };
}

async function someLog() {
  const log = touchable();
  for (const [stream, count] of [
    ['a', 5],
    ['b', 2],
  ] as const)
    await appendTo(log, stream, ...Array.from({ length: count }, (_, index) => index));
  return log;
}

async function drain(store: EventStore, after = 0): Promise<number> {
  let events = 0;
  for await (const batch of store.subscribe({ after, signal: AbortSignal.timeout(20_000) })) {
    events += batch.events.length;
    if (batch.caughtUp) break;
  }
  return events;
}

const edited = at(2, (event) => ({ ...event, data: 99 }));
const touches: readonly [string, Change][] = [
  ['was changed', edited],
  ['has another name', at(2, (event) => ({ ...event, type: 'CounterDecreased' }))],
  [
    'was sent by another',
    at(2, (e) => ({ ...e, metadata: { ...e.metadata, actor: { ...e.metadata.actor, id: 'x' } } })),
  ],
  ['was changed with its hash and id', at(2, (event) => resealed({ ...event, data: 99 }))],
  ['has another id', at(2, (event) => ({ ...event, id: '00000000-0000-8000-8000-000000000000' }))],
  ['has content that cannot be sealed', at(2, (event) => ({ ...event, data: '\ud800' }))],
  ['has no metadata', at(2, (event) => ({ ...event, metadata: {} as RecordedEvent['metadata'] }))],
  ['is gone', (events) => events.filter(({ stream, revision }) => stream !== 'a' || revision !== 2)],
  [
    'is the first of its stream and gone',
    (events) => events.filter(({ stream, revision }) => stream !== 'a' || revision !== 0),
  ],
  [
    'stands twice',
    (events) => events.flatMap((event) => (event.stream === 'a' && event.revision === 2 ? [event, event] : [event])),
  ],
  ['does not stand after the one before it', at(2, (event) => ({ ...event, position: 1 }))],
  [
    'is of another stream',
    (events) => events.map((event) => (event.stream === 'a' ? { ...event, stream: 'c' } : event)),
  ],
];

describe('a verified store', () => {
  it('reads, appends and subscribes as the store does that it verifies', async () => {
    const log = await someLog();
    const store = verifiedStore(log);
    expect(await store.read('a')).toEqual(await log.read('a'));
    expect(await store.read('a', { from: 1, to: 3 })).toHaveLength(3);
    expect(await store.read('a', { from: 5 })).toEqual([]);
    expect(await store.read('nobody')).toEqual([]);
    expect(await appendTo(store, 'a', 5)).toEqual({ revision: 5, position: 8 });
    expect(await drain(store)).toBe(8);
    expect([await store.head(), await store.idAt(8)]).toEqual([8, (await log.read('a')).at(-1)!.id]);
    await expect(store.append('a', sealedAt('a', 5, 1), 4)).rejects.toThrow(RevisionConflict);
    await expect(store.append('a', sealedAt('a', 9, 1), 8)).rejects.toThrow(RevisionConflict);
  });

  it.each(touches)('takes no event for read that %s', async (_, change) => {
    const log = await someLog();
    log.touch(change);
    for (const read of [
      (store: EventStore) => store.read('a'),
      (store: EventStore) => drain(store),
      // Page by page, as streams are folded.
      async (store: EventStore) => {
        for (let from = 0; from < 6; from += 2) await store.read('a', { from, to: from + 1 });
      },
    ]) {
      const found: LogDamaged[] = [];
      const store = verifiedStore(log, { onDamage: (damage) => found.push(damage) });
      const error = await read(store).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(LogDamaged);
      expect((error as Error).message).toMatch(/run the integrity check, restore a backup/);
      expect(found).toEqual([error]);
    }
  });

  it('compares what has come live with its hash, though not the past where that is left out', async () => {
    const log = await someLog();
    log.touch(edited);
    expect(await drain(verifiedStore(withoutEnd(log), { pastContents: false }))).toBe(7);
    await expect(drain(verifiedStore(log, { pastContents: false }))).rejects.toThrow(LogDamaged);
    await expect(drain(verifiedStore(withoutEnd(log)))).rejects.toThrow(LogDamaged);
  });

  it.each<[string, Change]>([
    ['has lost its last events', (events) => events.filter(({ revision }) => revision < 3)],
    ['has lost all of its events', () => []],
  ])('does not go on with a stream that %s since it was seen', async (_, change) => {
    for (const see of [(store: EventStore) => store.read('a'), (store: EventStore) => appendTo(store, 'a', 5)]) {
      const log = await someLog();
      const store = verifiedStore(log);
      await see(store);
      const { revision } = (await log.read('a')).at(-1)!;
      log.touch(change);

      await expect(store.append('a', sealedAt('a', revision + 1, 1), revision)).rejects.toThrow(LogDamaged);
      await expect(store.read('a')).rejects.toThrow(LogDamaged);
      await expect(store.read('a', { from: revision })).rejects.toThrow(LogDamaged);
    }
  });

  it('does not take another event for the last one that it has seen', async () => {
    const log = await someLog();
    const store = verifiedStore(log);
    await store.read('a');
    log.touch(at(4, (event) => resealed({ ...event, data: 99 })));
    await expect(store.read('a', { from: 4 })).rejects.toThrow('another event stood there before');
    await expect(drain(verifiedStore(log))).resolves.toBe(7);
  });

  it('takes nothing that was appended during a reading for lost', async () => {
    const log = await someLog();
    let during: (() => Promise<unknown>) | undefined;
    const store = verifiedStore({
      ...log,
      async read(stream, range) {
        const events = await log.read(stream, range);
        await during?.();
        return events;
      },
    });
    await store.read('a');
    during = async () => {
      during = undefined;
      await appendTo(store, 'a', 5);
    };
    expect(await store.read('a')).toHaveLength(5);
    expect(await store.read('a', { from: 6 })).toEqual([]);
  });

  it('appends nothing any more once it has met damage, of whichever stream, or another thread has', async () => {
    const log = await someLog();
    const store = verifiedStore(log);
    log.touch(edited);
    await expect(store.read('a')).rejects.toThrow(LogDamaged);
    await expect(store.append('new', sealedAt('new', 0, 1), -1)).rejects.toMatchObject({
      name: 'LogDamaged',
      outcome: 'none',
      message: expect.stringContaining('stream a, revision 2'),
    });
    expect(await store.read('b')).toHaveLength(2);

    let damaged = false;
    const other = verifiedStore(log, { isDamaged: () => damaged });
    await other.append('other', sealedAt('other', 0, 1), -1);
    damaged = true;
    await expect(other.append('next', sealedAt('next', 0, 1), -1)).rejects.toThrow(LogDamaged);
    expect(await log.read('next')).toEqual([]);
  });

  it('remembers damage that the store itself has found, and no other trouble', async () => {
    const log = await someLog();
    for (const [trouble, outcome] of [
      [new LogDamaged('gone'), 'rejected'],
      [new StoreUnavailable('away'), 'fulfilled'],
    ] as const)
      for (const call of ['read', 'head', 'idAt'] as const) {
        const broken = { ...log, [call]: () => Promise.reject(trouble) };
        const store = verifiedStore(broken);
        await expect(store[call]('a' as never)).rejects.toBe(trouble);
        const [append] = await Promise.allSettled([store.append(call + outcome, sealedAt(call + outcome, 0, 1), -1)]);
        expect([call, append.status]).toEqual([call, outcome]);
      }
  });
});

/** As one that has more to come: its batches are of the past. */
function withoutEnd(store: EventStore): EventStore {
  return {
    ...store,
    async *subscribe(options) {
      for await (const batch of store.subscribe(options)) {
        yield { ...batch, caughtUp: false };
        yield { events: [], position: batch.position, caughtUp: true };
        return;
      }
    },
  };
}
