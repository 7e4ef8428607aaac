import { setTimeout as sleep } from 'node:timers/promises';
import {
  RevisionConflict,
  sealOwn,
  streamEnd,
  type EventStore,
  type MessageOf,
  type Seal,
  type StreamEnd,
} from '#event-sourcing';
import { lastOf } from '../last-of-stream.js';
import { denialTally, type Denial } from './denial-tally.js';
import { securityJournalCodec, securityJournalStream, type SecurityJournalEvents } from './security-journal-events.js';

export interface SecurityJournalOptions {
  /** Called when there is something to write. */
  readonly store: () => EventStore;
  readonly seal: Seal;
  /** Whether a tenant is one of the ledger's partners: each has a share of the journal. */
  readonly isPartner: (tenant: string) => boolean;
  readonly now?: () => number;
  /** Called when events were dropped, with the reason. */
  readonly onDropped: (error: unknown, events: number) => void;
}

/** How many events wait in memory at most while the store does not answer. */
const mostWaiting = 200;
const attempts = 5;
const looksEveryMs = 1_000;
const closesWithinMs = 2_000;

type SecurityEvent = MessageOf<SecurityJournalEvents>;

/**
 * Writes denials to the ledger's own stream, chained and sealed like every event. The first of a kind is written at once, its
 * repeats after a minute, so a server that crashes loses only the counts of one minute. When the store cannot be written to,
 * events are lost, but answers are not affected.
 */
export function securityJournal({ store, seal, isPartner, now = Date.now, onDropped }: SecurityJournalOptions) {
  const tally = denialTally(isPartner);
  const waiting: SecurityEvent[] = [];
  let writing: Promise<void> | undefined;
  let dropped = 0;
  let end = streamEnd(undefined);
  let endIsKnown = false;

  function drop(error: unknown, events: number): void {
    dropped += events;
    onDropped(error, events);
  }

  function enqueue(events: readonly SecurityEvent[]): void {
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
        // The outcome is unknown: the next append looks up the end again.
        endIsKnown = false;
        drop(error, events.length);
      });
    }
  }

  /** A denial that cannot be sealed, because of what its caller sent, must not block the others. */
  function canBeSealed(event: SecurityEvent): boolean {
    try {
      sealedAfter(streamEnd(undefined), [event]);
      return true;
    } catch (error) {
      drop(error, 1);
      return false;
    }
  }

  function sealedAfter(place: StreamEnd, events: readonly SecurityEvent[]) {
    const facts = events.map(({ type, data }) => ({ type, data, schema: securityJournalCodec.schemaOf(type) }));
    return sealOwn(seal, securityJournalStream, place, new Date(now()).toISOString(), facts);
  }

  async function append(events: readonly SecurityEvent[]): Promise<void> {
    for (let conflicts = 0; ;) {
      if (!endIsKnown) end = streamEnd(await lastOf(store(), securityJournalStream, end.revision));
      endIsKnown = true;
      const sealed = sealedAfter(end, events);
      try {
        const { revision } = await store().append(securityJournalStream, sealed, end.revision);
        end = streamEnd({ ...sealed.at(-1)!, revision });
        return;
      } catch (error) {
        // Another server has appended first.
        if (!(error instanceof RevisionConflict) || ++conflicts === attempts) throw error;
        endIsKnown = false;
      }
    }
  }

  const clock = setInterval(() => enqueue(tally.due(now())), looksEveryMs).unref();

  return {
    /** Counts a denial and returns at once: no answer waits for it or fails because of it. */
    deny: (denial: Denial) => enqueue(tally.deny(denial, now())),
    /** How many events could not be written. */
    dropped: () => dropped,
    /** Writes what is still counted, as far as that is possible within two seconds. */
    async close(): Promise<void> {
      clearInterval(clock);
      enqueue(tally.rest());
      const giveUp = new AbortController();
      await Promise.race([writing, sleep(closesWithinMs, undefined, { signal: giveUp.signal })]).finally(() =>
        giveUp.abort(),
      );
    },
  };
}
