import { LogDamaged, StoreUnavailable } from '#event-sourcing';
import type { Positions } from '../positions.js';
import type { HistoryBatch } from './cloud-event.js';

/** The formats of a history, the default first. */
export const historyFormats = [
  'application/cloudevents-batch+json',
  'application/json',
  'application/x-ndjson',
  'text/event-stream',
] as const;
export type HistoryFormat = (typeof historyFormats)[number];

/** Larger chunks would be in memory twice for a while. */
const pieceCharacters = 64 * 1024;

/** Newline-delimited JSON: an event a line. */
export async function* lines(batches: AsyncIterable<HistoryBatch>): AsyncGenerator<string, void> {
  for await (const { events } of batches) {
    // The answer starts even if nothing is found yet, so that a reader who disconnects is noticed.
    if (events.length === 0) yield '';
    yield* joined(events.map(({ text }) => `${text}\n`));
  }
}

/** How long a reader waits before it reconnects, in ms. */
const reconnectsAfter = 2_000;

/**
 * Server-sent events. The id is the place in the ledger. An id without an event says that nothing asked for stands up to
 * that place, so that a reader that reconnects need not search the same part again.
 */
export async function* serverSentEvents(
  batches: AsyncIterable<HistoryBatch>,
  positions: Positions,
): AsyncGenerator<string, void> {
  let begun = false;
  for await (const { events, position } of batches) {
    if (!begun) yield `retry: ${reconnectsAfter}\n\n`;
    begun = true;
    if (events.length === 0) yield `${await idLine(position, positions)}:\n\n`;
    else
      yield* joined(
        events.map(({ recorded, text }) => `id: ${positions.of(recorded)}\nevent: ${recorded.type}\ndata: ${text}\n\n`),
      );
  }
}

/** Empty while the store cannot say which event stands there: the reader keeps its id, by which a restore is noticed. */
async function idLine(position: number, positions: Positions): Promise<string> {
  try {
    return `id: ${await positions.at(position)}\n`;
  } catch (error) {
    if (error instanceof StoreUnavailable || error instanceof LogDamaged) return '';
    throw error;
  }
}

function* joined(texts: readonly string[]): Generator<string, void> {
  let piece = '';
  for (const text of texts) {
    piece += text;
    if (piece.length < pieceCharacters) continue;
    yield piece;
    piece = '';
  }
  if (piece) yield piece;
}
