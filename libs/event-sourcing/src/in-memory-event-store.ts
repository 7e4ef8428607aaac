import { setImmediate as turn } from 'node:timers/promises';
import {
  RevisionConflict,
  type AppendResult,
  type EventBatch,
  type EventStore,
  type RecordedEvent,
  type SealedEvent,
} from './event-store.js';

/** Events in memory, for tests: the same contract as every other store, nothing durable. */
export function inMemoryEventStore(): EventStore {
  const log: RecordedEvent[] = [];
  const streams = new Map<string, RecordedEvent[]>();
  const waiting = new Set<() => void>();

  return {
    async read(stream, { from = 0, to = Infinity } = {}) {
      await turn();
      return (streams.get(stream) ?? []).slice(from, to + 1).map((event) => structuredClone(event));
    },

    async append(stream, events, expectedRevision) {
      if (events.length === 0) throw new TypeError('An append needs at least one event');
      // The bytes of the call, whatever the caller does with its objects meanwhile.
      const copies = events.map((event) => JSON.parse(JSON.stringify(event)) as SealedEvent);
      await turn();
      const stored = streams.get(stream) ?? [];
      const actual = stored.length - 1;
      if (actual !== expectedRevision) {
        const earlier = stored.slice(expectedRevision + 1, expectedRevision + 1 + events.length);
        if (sameIds(earlier, copies)) return placeOf(earlier);
        throw new RevisionConflict(stream, expectedRevision, actual);
      }
      const added = copies.map((event, index) => ({
        ...event,
        stream,
        revision: actual + 1 + index,
        position: log.length + 1 + index,
      }));
      streams.set(stream, [...stored, ...added]);
      log.push(...added);
      for (const wake of waiting) wake();
      return placeOf(added);
    },

    subscribe: ({ after, signal, batchSize = 1000 }) => tail(after, signal, batchSize),

    head: () => Promise.resolve(log.length),
    idAt: (position) => Promise.resolve(log[position - 1]?.id),
    close: () => Promise.resolve(),
  };

  async function* tail(after: number, signal: AbortSignal, batchSize: number): AsyncGenerator<EventBatch> {
    let position = after;
    for (let first = true; !signal.aborted; first = false) {
      await turn();
      // Aborted meanwhile: a listener added below would never be called.
      if (signal.aborted) return;
      const events = log.slice(position, position + batchSize).map((event) => structuredClone(event));
      position = events.at(-1)?.position ?? position;
      if (first || events.length > 0) yield { events, position, caughtUp: position >= log.length };
      else await appended(signal);
    }
  }

  function appended(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }
}

function sameIds(stored: readonly SealedEvent[], events: readonly SealedEvent[]): boolean {
  return stored.length === events.length && stored.every(({ id }, index) => id === events[index]?.id);
}

function placeOf(events: readonly RecordedEvent[]): AppendResult {
  const { revision, position } = events.at(-1)!;
  return { revision, position };
}
