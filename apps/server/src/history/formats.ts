import { LogDamaged, StoreUnavailable } from '#event-sourcing';
import type { Positions } from '../positions.js';
import type { HistoryBatch } from './cloud-event.js';

/** The forms of a history, the one that is meant where nothing is said first. */
export const historyFormats = [
  'application/cloudevents-batch+json',
  'application/json',
  'application/x-ndjson',
  'text/event-stream',
] as const;
export type HistoryFormat = (typeof historyFormats)[number];

/** Larger pieces would be in memory twice for a while. */
const pieceCharacters = 64 * 1024;

/** Newline-delimited JSON: an event a line. */
export async function* lines(batches: AsyncIterable<HistoryBatch>): AsyncGenerator<string, void> {
  for await (const { events } of batches) {
    // Even where nothing is found the answer begins, so that it is noticed when its reader is gone.
    if (events.length === 0) yield '';
    yield* joined(events.map(({ text }) => `${text}\n`));
  }
}

/** How long a reader waits before it comes again, in ms. */
const comesAgainAfter = 2_000;

/**
 * Server-sent events. The id is the place in the ledger; where nothing that is asked for stands at a place, an id comes
 * without an event, so that a reader that comes again need not begin further back.
 */
export async function* serverSentEvents(
  batches: AsyncIterable<HistoryBatch>,
  positions: Positions,
): AsyncGenerator<string, void> {
  let begun = false;
  for await (const { events, position } of batches) {
    if (!begun) yield `retry: ${comesAgainAfter}\n\n`;
    begun = true;
    if (events.length === 0) yield `${await idLine(position, positions)}:\n\n`;
    else
      yield* joined(
        events.map(({ recorded, text }) => `id: ${positions.of(recorded)}\nevent: ${recorded.type}\ndata: ${text}\n\n`),
      );
  }
}

/** While the store cannot say which event stands there, a reader keeps the id that it has: by that id a restore is noticed. */
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
