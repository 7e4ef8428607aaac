import type { AppendResult, EventStore, SealedEvent } from './event-store.js';
import { noPreviousHash, sealer } from './hash-chain.js';
import type { Json } from './message.js';

// Words for the specifications of event stores: events to append.

/** Seals events of any form: the specifications of streams and stores have catalogues of their own. */
export const seal = sealer(() => undefined);

let commands = 0;

/** Events for a place in a stream, one for each of the data or one without any. No two calls make the same ids. */
export function sealedAt(stream: string, revision: number, ...data: readonly Json[]): readonly SealedEvent[] {
  return sealedAfter(noPreviousHash, stream, revision, data.length === 0 ? [{}] : data);
}

/** Appends to the end of a stream, in its chain. */
export async function appendTo(store: EventStore, stream: string, ...data: readonly Json[]): Promise<AppendResult> {
  const last = (await store.read(stream)).at(-1);
  const revision = last?.revision ?? -1;
  return store.append(stream, sealedAfter(last?.metadata.hash ?? noPreviousHash, stream, revision + 1, data), revision);
}

function sealedAfter(
  previousHash: string,
  stream: string,
  revision: number,
  data: readonly Json[],
): readonly SealedEvent[] {
  const commandId = `command-${process.pid}-${++commands}`;
  return seal(
    stream,
    revision,
    previousHash,
    data.map((each) => ({
      type: 'CounterIncreased',
      data: each,
      metadata: {
        actor: { id: 'user-7', kind: 'user', roles: ['agent'], tenant: 'reseller-1' },
        causationId: commandId,
        commandHash: 'c'.repeat(64),
        commandId,
        correlationId: commandId,
        policy: { name: 'standard', hash: 'd'.repeat(64) },
        recordedAt: '2026-03-01T12:34:56.789Z',
        schema: 1,
      },
    })),
  );
}
