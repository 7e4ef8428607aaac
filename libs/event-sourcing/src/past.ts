import { setImmediate as turn } from 'node:timers/promises';
import type { Decider } from './decider.js';
import type { EventCodec } from './event-codec.js';
import type { EventStore, RecordedEvent } from './event-store.js';

/** The number of events of a stream that are read and folded at a time: others have their turn between two pages. */
const pageSize = 256;

/**
 * The events of a stream, page by page, from its first to the one at revision `to` (inclusive) or to its last; `pause` is
 * awaited between two pages. They end with all that was in the stream when the last page was read, so never with half of
 * what one command has appended.
 */
export async function* pagesOf(
  store: Pick<EventStore, 'read'>,
  stream: string,
  { to = Infinity, pause = () => turn() }: { readonly to?: number; readonly pause?: () => Promise<void> } = {},
): AsyncGenerator<readonly RecordedEvent[], void> {
  for (let from = 0; ; from += pageSize) {
    const pageEnd = Math.min(from + pageSize - 1, to);
    const page = await store.read(stream, { from, to: pageEnd });
    yield page;
    if (pageEnd === to || page.length < pageSize) return;
    await pause();
  }
}

/** Folds recorded events into a state, which is written in place; `folded` is called after each. */
export function foldEvents<Commands, Events, State, Context>(
  { evolve, note }: Decider<Commands, Events, State, Context>,
  codec: EventCodec<Events>,
  events: readonly RecordedEvent[],
  state: State,
  folded?: (event: RecordedEvent) => void,
): void {
  const steps = evolve as Record<string, (state: State, data: unknown) => void>;
  for (const event of events) {
    const { type, data } = codec.decode(event);
    steps[type]?.(state, data);
    note?.(state, event.metadata);
    folded?.(event);
  }
}
