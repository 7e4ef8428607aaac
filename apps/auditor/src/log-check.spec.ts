import { describe, expect, it } from '@jest/globals';
import {
  idOf,
  expectedHash,
  inMemoryEventStore,
  LogDamaged,
  noPreviousHash,
  openLedger,
  type EventStore,
  type RecordedEvent,
} from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import { checkLog } from './log-check.js';

const metadata = {
  actor: { id: 'user-7', kind: 'user', roles: ['agent'], tenant: 'partner-1' },
  causationId: 'c',
  commandHash: '',
  commandId: 'c',
  correlationId: 'c',
  policy: { name: 'none', hash: noPreviousHash },
  recordedAt: '2026-11-22T16:00:00.000Z',
  schema: 1,
};

/** A log of a ledger with two more streams of three events each, all of it at positions 1 to 7. */
async function someLog(): Promise<EventStore> {
  const store = inMemoryEventStore();
  await openLedger(store, seal);
  for (const stream of ['a', 'b'])
    await store.append(
      stream,
      seal(
        stream,
        0,
        noPreviousHash,
        [1, 2, 3].map((data) => ({ type: 'Counted', data, metadata })),
      ),
      -1,
    );
  return store;
}

/** The same log after tampering. */
function tampered(
  store: EventStore,
  change: (events: readonly RecordedEvent[]) => readonly RecordedEvent[],
): EventStore {
  return {
    ...store,
    async *subscribe(options) {
      for await (const batch of store.subscribe(options)) yield { ...batch, events: change(batch.events) };
    },
  };
}

const at = (position: number, change: (event: RecordedEvent) => RecordedEvent) => (events: readonly RecordedEvent[]) =>
  events.map((event) => (event.position === position ? change(event) : event));

describe('the check of a log through the port', () => {
  it('finds nothing in what was written, and says how much that is', async () => {
    const progress: number[][] = [];
    const report = await checkLog(await someLog(), (...step) => progress.push(step));
    expect(report).toEqual({ events: 7, streams: 3, position: 7, findings: [] });
    expect(progress.at(-1)).toEqual([7, 7]);
  });

  it('finds nothing in an empty log', async () => {
    expect(await checkLog(inMemoryEventStore())).toEqual({ events: 0, streams: 0, position: 0, findings: [] });
  });

  it('ends with what was there when it began', async () => {
    const store = await someLog();
    const grows: EventStore = {
      ...store,
      async head() {
        const head = await store.head();
        await store.append('c', seal('c', 0, noPreviousHash, [{ type: 'Counted', data: 1, metadata }]), -1);
        return head;
      },
    };
    expect(await checkLog(grows)).toMatchObject({ events: 7, streams: 3 });
  });

  const forged = (event: RecordedEvent): RecordedEvent => {
    const changed = { ...event, data: 99 };
    const hash = expectedHash(changed);
    return { ...changed, id: idOf(hash), metadata: { ...event.metadata, hash } };
  };
  it.each<[string, (events: readonly RecordedEvent[]) => readonly RecordedEvent[], readonly object[]]>([
    [
      'that was changed',
      at(3, (event) => ({ ...event, data: 99 })),
      [{ problem: 'hashMismatch', stream: 'a', revision: 1, position: 3 }],
    ],
    ['that was changed with its own hash', at(3, forged), [{ problem: 'chainBroken', revision: 2, position: 4 }]],
    [
      'with another id',
      at(6, (event) => ({ ...event, id: '00000000-0000-8000-8000-000000000000' })),
      [{ problem: 'idMismatch', stream: 'b', revision: 1 }],
    ],
    [
      'that is gone from the middle of its stream',
      (events) => events.filter(({ position }) => position !== 3),
      [
        { problem: 'revisionGap', revision: 2 },
        { problem: 'chainBroken', revision: 2 },
      ],
    ],
    [
      'at a position that does not grow',
      at(6, (event) => ({ ...event, position: 5 })),
      [{ problem: 'positionOutOfOrder', revision: 1 }],
    ],
    [
      'that is the last of the log and gone',
      (events) => events.filter(({ position }) => position < 7),
      [{ problem: 'positionMissing', position: 7 }],
    ],
  ])('finds an event %s', async (_, change, expected) => {
    const { findings } = await checkLog(tampered(await someLog(), change));
    expect(findings).toEqual(expected.map((finding) => expect.objectContaining(finding)));
    expect(findings).toHaveLength(expected.length);
  });

  it('names every stream that is damaged, each once, and checks the others', async () => {
    const store = await someLog();
    const { findings, events } = await checkLog({
      ...store,
      async *subscribe(options) {
        for (const stream of ['c', 'd', 'c'])
          options.onDamage!(new LogDamaged(`stream ${stream} was truncated by hand`));
        yield* store.subscribe(options);
      },
    });
    expect([events, findings.map(({ message }) => message)]).toEqual([
      7,
      ['stream c was truncated by hand', 'stream d was truncated by hand'],
    ]);
  });

  it('says where the store itself can read no further', async () => {
    const store = await someLog();
    const report = await checkLog({
      ...store,
      async *subscribe(options) {
        for await (const batch of store.subscribe({ ...options, batchSize: 3 })) {
          yield batch;
          throw new LogDamaged('stream b was truncated by hand');
        }
      },
    });
    expect(report).toEqual({
      events: 3,
      streams: 2,
      position: 3,
      findings: [{ problem: 'unreadable', message: 'stream b was truncated by hand' }],
    });
  });
});
