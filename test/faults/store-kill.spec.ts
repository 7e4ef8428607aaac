import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#event-sourcing';
import { checkIntegrity, openSqliteEventStore } from '#event-store-sqlite';
import { eventually } from '../eventually.js';
import { storeProcess, temporaryDirectory } from './store-process.js';

let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(() => void (directory = temporaryDirectory()));
afterEach(() => directory.remove());

describe('a process that is killed while it appends', () => {
  it('has stored every event it has acknowledged, exactly once, in whole chains', async () => {
    const acknowledged = new Map<string, string>();
    for (let round = 1; round <= 6; round++) {
      const child = storeProcess('load', directory.events);
      await eventually('its first acknowledgement', () => child.output() !== '');
      // Anywhere: in a group, in a commit, in a checkpoint, in the log's new beginning.
      await pause(50 + Math.random() * 600);
      await child.kill();
      const lines = child.output().split('\n').slice(0, -1);
      expect([lines.length > 0, child.errors()]).toEqual([true, '']);
      for (const line of lines) {
        const [stream, revision, id] = line.split(' ');
        acknowledged.set(`${stream}@${revision}`, id!);
      }

      const { findings } = await checkIntegrity(directory.events);
      expect(findings).toEqual([]);
      const stored = await storedEvents();
      const missing = [...acknowledged].filter(([place, id]) => stored.get(place)?.id !== id);
      expect(missing).toEqual([]);
      // What was under way may be there or not, but no more than that: one append of each stream.
      expect(stored.size - acknowledged.size).toBeLessThanOrEqual(round * 40 * 3);
    }
    expect(acknowledged.size).toBeGreaterThanOrEqual(6);
  });

  async function storedEvents(): Promise<Map<string, RecordedEvent>> {
    const store = openSqliteEventStore({ path: directory.events });
    const stored = new Map<string, RecordedEvent>();
    const ids = new Set<string>();
    let events = 0;
    for await (const batch of store.subscribe({ after: 0, signal: new AbortController().signal })) {
      for (const event of batch.events) {
        stored.set(`${event.stream}@${event.revision}`, event);
        ids.add(event.id);
        events++;
      }
      if (batch.caughtUp) break;
    }
    await store.close();
    expect([stored.size, ids.size]).toEqual([events, events]);
    return stored;
  }
});

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
