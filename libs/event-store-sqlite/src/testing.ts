import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noPreviousHash, seal, type EventStore, type Json, type SealedEvent } from '#event-sourcing';

/** A directory of its own for one test. */
export function temporaryDirectory() {
  const path = mkdtempSync(join(tmpdir(), 'event-store-'));
  return { path, events: join(path, 'events.sqlite'), remove: () => rmSync(path, { recursive: true, force: true }) };
}

let commands = 0;

/** Events with their place in the chain. No two calls make the same ids. */
export function sealedAt(
  stream: string,
  revision: number,
  previousHash: string,
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

/** Appends to the end of a stream, in its chain. */
export async function appendTo(store: EventStore, stream: string, ...data: Json[]) {
  const last = (await store.read(stream)).at(-1);
  const revision = last?.revision ?? -1;
  return store.append(stream, sealedAt(stream, revision + 1, last?.metadata.hash ?? noPreviousHash, data), revision);
}

/** Waits until something holds, or fails with its name. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  milliseconds = 5_000,
): Promise<void> {
  for (const deadline = performance.now() + milliseconds; !(await holds());) {
    if (performance.now() > deadline) throw new Error(`Waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
