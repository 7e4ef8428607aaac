import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { inMemoryEventStore, noStream, StoreUnavailable } from '#event-sourcing';
import { sealedAt } from '#event-sourcing/testing';
import { positionsIn } from '../positions.js';
import type { HistoryBatch } from './cloud-event.js';
import { lines, serverSentEvents } from './formats.js';

const nothing: HistoryBatch = { events: [], position: 1 };

describe('Lines', () => {
  it('start before anything is found, so that a reader who disconnects is noticed', async () => {
    let looks = 0;
    const search = lines(
      (async function* () {
        for (; ; looks++) {
          yield nothing;
          await new Promise(setImmediate);
          if (looks > 3) throw new Error('Nothing could have stopped it');
        }
      })(),
    );
    expect(await search.next()).toEqual({ done: false, value: '' });
    await search.return();
    expect(looks).toBe(0);
  });

  it('are none where nothing is found at all', async () => {
    const batches = Readable.from([nothing, nothing]) as AsyncIterable<HistoryBatch>;
    expect(await text(Readable.from(lines(batches), { objectMode: false }))).toBe('');
  });
});

describe('Server-sent events', () => {
  it('have no id while the store cannot say which event stands there: such an id would hide a restore', async () => {
    const store = inMemoryEventStore();
    await store.append('a', sealedAt('a', 0), noStream);
    let away = false;
    const idAt = (position: number) => (away ? Promise.reject(new StoreUnavailable('away')) : store.idAt(position));
    const positions = positionsIn({ ...store, idAt }, '223ff650-88b5-4ab5-bbf3-c9b5eca5f24b');
    const batches = (async function* () {
      yield nothing;
      away = true;
      yield nothing;
      away = false;
      yield nothing;
    })();

    const id = `id: ${await positions.at(1)}\n`;
    expect(id).toMatch(/;event="/);
    expect(await text(Readable.from(serverSentEvents(batches, positions), { objectMode: false }))).toBe(
      `retry: 2000\n\n${id}:\n\n:\n\n${id}:\n\n`,
    );
  });
});
