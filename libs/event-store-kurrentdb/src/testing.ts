import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, beforeEach } from '@jest/globals';
import type { EventBatch, EventStore, Json } from '#event-sourcing';
import { sealedAt } from '#event-sourcing/testing';
import { eventually, soon } from '../../../test/eventually.js';
import { startTestPeer, type TestPeer, type TestPeerOptions } from '../../../test/test-peer/index.js';
import { restore } from '../../../test/test-peer/restore.js';
import { openKurrentdbEventStore, type KurrentdbEventStore, type KurrentdbEventStoreOptions } from './index.js';

export { eventually, sealedAt, soon };

export const prefix = 'Test.';

/** A test peer for every test, and stores on it that are closed after the test. */
export function storesOverPeer(peerOptions: TestPeerOptions = {}) {
  let peer: TestPeer | undefined;
  const stores: KurrentdbEventStore[] = [];
  const notices: { message: string; details: Readonly<Record<string, unknown>> }[] = [];

  // The first calls of a process take long: what is loaded and compiled then must not look like a slow server.
  beforeAll(async () => {
    const first = await startTestPeer();
    const store = openKurrentdbEventStore({ connectionString: first.connectionString, allowInsecure: true });
    const { position } = await appendOne(store, 'a');
    const log = follow(store);
    await log.until(position);
    await log.stop();
    await store.close();
    await first.close();
  });
  beforeEach(async () => {
    peer = await startTestPeer(peerOptions);
  });
  afterEach(async () => {
    peer?.faults.clear();
    peer?.thaw();
    for (const store of stores.splice(0)) await store.close();
    notices.length = 0;
    await peer?.close();
  });

  return {
    peer: () => peer!,
    notices,
    open(options: Partial<KurrentdbEventStoreOptions> = {}): KurrentdbEventStore {
      const store = openKurrentdbEventStore({
        connectionString: peer!.connectionString,
        allowInsecure: true,
        streamPrefix: prefix,
        callTimeout: 700,
        settleWithin: 4_000,
        onNotice: (message, details) => notices.push({ message, details }),
        ...options,
      });
      stores.push(store);
      return store;
    },
    restore: (end: number, others: () => void) => restore(peer!, end, others),
    /** Written past every store, by hand. */
    byHand(storedName: string, event: Partial<Record<'id' | 'type' | 'data' | 'metadata', string>>, expected = -2) {
      return peer!.log.append(
        storedName,
        [
          {
            id: event.id ?? randomUUID(),
            type: event.type ?? 'ByHand',
            json: true,
            data: Buffer.from(event.data ?? '{}'),
            metadata: Buffer.from(event.metadata ?? ''),
          },
        ],
        expected,
      );
    },
  };
}

/** One event after a revision. */
export function appendOne(store: EventStore, stream: string, revision = 0, data: Json = { revision }) {
  return store.append(stream, sealedAt(stream, revision, data), revision - 1);
}

/** Events one after the other, each in an append of its own. */
export async function appendEach(store: EventStore, stream: string, count: number, from = 0): Promise<number[]> {
  const positions: number[] = [];
  for (let revision = from; revision < from + count; revision++)
    positions.push((await appendOne(store, stream, revision)).position);
  return positions;
}

/** Follows the log beside the test. */
export function follow(store: EventStore, after = 0, batchSize?: number) {
  const batches: EventBatch[] = [];
  const ending = new AbortController();
  let changed = Promise.withResolvers<void>();
  let failure: unknown;
  const done = (async () => {
    try {
      for await (const batch of store.subscribe({
        after,
        signal: ending.signal,
        ...(batchSize ? { batchSize } : {}),
      })) {
        batches.push(batch);
        changed.resolve();
        changed = Promise.withResolvers();
      }
    } catch (error) {
      failure = error;
    }
    changed.resolve();
  })();
  const requireGoing = () => {
    if (failure !== undefined) throw failure as Error;
    return true;
  };
  const positions = () => batches.flatMap(({ events }) => events.map(({ position }) => position));
  return {
    batches,
    positions,
    /** Waits until the events up to that position have come. */
    until: (position: number) =>
      eventually(`position ${position}`, () => requireGoing() && (positions().at(-1) ?? 0) >= position),
    caughtUp: () => eventually('caught up', () => requireGoing() && (batches.at(-1)?.caughtUp ?? false)),
    /** With what it has ended. */
    async failure(): Promise<any> {
      await soon(done, 'the end of the subscription');
      return failure;
    },
    async stop() {
      ending.abort();
      await soon(done, 'the end of the subscription');
      if (failure !== undefined) throw failure as Error;
    },
  };
}

export async function failureOf(promise: Promise<unknown>): Promise<any> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('Expected a failure');
}
