import { noStream, type EventStore, type RecordedEvent } from '#event-sourcing';

/**
 * The last event of a stream that has events up to at least a revision. A store reads only forwards, and this stream may hold
 * hundreds of thousands: the end is found by steps that first double and then halve.
 */
export async function lastOf(
  store: EventStore,
  stream: string,
  revision: number = noStream,
): Promise<RecordedEvent | undefined> {
  const at = async (place: number) => (await store.read(stream, { from: place, to: place }))[0];
  let there = revision;
  let last = there === noStream ? undefined : await at(there);
  let step = 1;
  for (let event; (event = await at(there + step)); step *= 2) {
    last = event;
    there += step;
  }
  for (let beyond = there + step; beyond - there > 1;) {
    const middle = Math.floor((there + beyond) / 2);
    const event = await at(middle);
    if (event) [last, there] = [event, middle];
    else beyond = middle;
  }
  return last;
}
