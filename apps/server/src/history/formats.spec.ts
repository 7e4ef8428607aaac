import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import type { HistoryBatch } from './cloud-event.js';
import { lines } from './formats.js';

const nothing: HistoryBatch = { events: [], position: 1 };

describe('Lines', () => {
  it('begin though nothing has been found yet, so that a reader that goes is missed', async () => {
    let looks = 0;
    const search = lines(
      (async function* () {
        for (; ; looks++) {
          yield nothing;
          await new Promise(setImmediate);
          if (looks > 3) throw new Error('Nobody could have stopped it');
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
