import { setTimeout as sleep } from 'node:timers/promises';
import {
  noStream,
  RevisionConflict,
  sealOwn,
  streamEnd,
  type EventStore,
  type MessageOf,
  type RecordedEvent,
  type Seal,
  type StreamEnd,
} from '#event-sourcing';
import { denialTally, type Denial } from './denial-tally.js';
import { securityJournalCodec, securityJournalStream, type SecurityJournalEvents } from './security-journal-events.js';

export interface SecurityJournal {
  /** Counts a denial and returns at once: nobody's answer waits for it or fails by it. */
  readonly deny: (denial: Denial) => void;
  /** How many events could not be written. */
  readonly dropped: () => number;
  /** Writes what is still counted, as far as that is possible within two seconds. */
  readonly close: () => Promise<void>;
}

export interface SecurityJournalOptions {
  /** Asked for when there is something to write. */
  readonly store: () => EventStore;
  readonly seal: Seal;
  readonly now?: () => number;
  /** Called when events were dropped, with the reason. */
  readonly onDropped: (error: unknown, events: number) => void;
}

/** More would be kept in memory for a store that does not answer. */
const mostWaiting = 200;
const attempts = 5;
const looksEveryMs = 1_000;
const closesWithinMs = 2_000;

/**
 * Writes denials to the ledger's own stream, chained and sealed like every event. The first of its kind is written at once,
 * repeats of it after a minute; so a server that dies loses counts of a minute and nothing else. A store that cannot be
 * written to costs the events, never an answer.
 */
export function securityJournal({ store, seal, now = Date.now, onDropped }: SecurityJournalOptions): SecurityJournal {
  const tally = denialTally();
  const waiting: MessageOf<SecurityJournalEvents>[] = [];
  let writing: Promise<void> | undefined;
  let dropped = 0;
  let end = streamEnd(undefined);
  let endIsKnown = false;

  function drop(error: unknown, events: number): void {
    dropped += events;
    onDropped(error, events);
  }

  function enqueue(events: readonly MessageOf<SecurityJournalEvents>[]): void {
    const room = Math.max(mostWaiting - waiting.length, 0);
    waiting.push(...events.slice(0, room));
    if (events.length > room) drop(new Error('The store takes them too slowly'), events.length - room);
    if (waiting.length > 0) writing ??= write().finally(() => (writing = undefined));
  }

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const events = waiting.splice(0).filter(canBeSealed);
      if (events.length === 0) continue;
      await append(events).catch((error: unknown) => {
        // What has become of it is not known; the next append looks.
        endIsKnown = false;
        drop(error, events.length);
      });
    }
  }

  /** What a caller has sent to be denied may not cost the denials of others. */
  function canBeSealed(event: MessageOf<SecurityJournalEvents>): boolean {
    try {
      sealedBehind(streamEnd(undefined), [event]);
      return true;
    } catch (error) {
      drop(error, 1);
      return false;
    }
  }

  function sealedBehind(place: StreamEnd, events: readonly MessageOf<SecurityJournalEvents>[]) {
    return sealOwn(
      seal,
      securityJournalStream,
      place,
      new Date(now()).toISOString(),
      events.map(({ type, data }) => ({ type, data, schema: securityJournalCodec.schemaOf(type) })),
    );
  }

  async function append(events: readonly MessageOf<SecurityJournalEvents>[]): Promise<void> {
    for (let conflicts = 0; ;) {
      if (!endIsKnown) end = streamEnd(await lastOf(store(), securityJournalStream, end.revision));
      endIsKnown = true;
      const sealed = sealedBehind(end, events);
      try {
        const { revision } = await store().append(securityJournalStream, sealed, end.revision);
        end = streamEnd({ ...sealed.at(-1)!, revision });
        return;
      } catch (error) {
        // Another server was faster.
        if (!(error instanceof RevisionConflict) || ++conflicts === attempts) throw error;
        endIsKnown = false;
      }
    }
  }

  const clock = setInterval(() => enqueue(tally.due(now())), looksEveryMs);
  clock.unref();

  return {
    deny: (denial) => enqueue(tally.deny(denial, now())),
    dropped: () => dropped,
    async close() {
      clearInterval(clock);
      enqueue(tally.rest());
      const giveUp = new AbortController();
      await Promise.race([writing, sleep(closesWithinMs, undefined, { signal: giveUp.signal })]).finally(() =>
        giveUp.abort(),
      );
    },
  };
}

/**
 * The last event of a stream that has events up to a revision. A store reads forwards alone, and this stream may have
 * hundreds of thousands: the end is found by steps that double, and then halve.
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
