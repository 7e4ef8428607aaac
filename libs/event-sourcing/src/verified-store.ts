import {
  LogDamaged,
  noStream,
  RevisionConflict,
  type EventBatch,
  type EventStore,
  type RecordedEvent,
  type SubscribeOptions,
} from './event-store.js';
import { expectedHash, idOf, noPreviousHash } from './hash-chain.js';
import { Recent } from './recent.js';

export interface VerifiedStoreOptions {
  /** Called for every damage that is found, here or by the store itself. */
  readonly onDamage?: (damage: LogDamaged) => void;
  /** Whether damage was found elsewhere, say by another thread. */
  readonly isDamaged?: () => boolean;
  /**
   * Whether subscriptions compare the content of the past with its hash, too (default true). What is read live is always
   * compared. A hash costs more than all else that is done with an event of the past, so a projector of a whole log leaves
   * that to the integrity check.
   */
  readonly pastContents?: boolean;
}

/** The end of a piece of a chain. */
interface Link {
  readonly revision: number;
  readonly position: number;
  readonly hash: string;
}

// More than a command loop keeps folded, so that all that rests on a stream is compared with what is known of it.
const keptEnds = 50_000;
const keptPageEnds = 1_000;
const keptInSubscription = 100_000;

/**
 * Holds a store to what its log must be: revisions without a gap, positions that grow, every event with the id and the
 * content that its hash asks for, every one linked to the event before it, as far as this process has seen that one, and
 * no stream shorter than it was. What fails is LogDamaged.
 *
 * Once damage is known nothing is appended: it would be lost when the log is restored.
 */
export function verifiedStore(
  store: EventStore,
  { onDamage, isDamaged = () => false, pastContents = true }: VerifiedStoreOptions = {},
): EventStore {
  /** The last event that is known of a stream. */
  const ends = new Recent<string, Link>(keptEnds);
  /** Where a stream was last read to, for the page after that. */
  const pageEnds = new Recent<string, Link>(keptPageEnds);
  let damage: LogDamaged | undefined;

  /** Remembers damage, and passes everything on. */
  function met(error: unknown): unknown {
    if (error instanceof LogDamaged) {
      damage ??= error;
      onDamage?.(error);
    }
    return error;
  }

  async function watched<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw met(error);
    }
  }

  function known(stream: string, link: Link): void {
    const end = ends.get(stream);
    if (!end || end.revision <= link.revision) ends.set(stream, link);
  }

  function read(
    stream: string,
    from: number,
    to: number,
    events: readonly RecordedEvent[],
    end: Link | undefined,
  ): void {
    let before = from === 0 ? start : linkAt(from - 1, pageEnds.get(stream), end);
    let revision = from;
    for (const event of events) {
      if (event.stream !== stream || event.revision !== revision)
        throw broken(event, `revision ${revision} of stream ${stream} should come next`);
      requireContent(event);
      requireLink(event, before, end);
      before = linkOf(event);
      revision++;
    }
    // Taken before the reading: what was appended meanwhile need not be in it.
    if (end && end.revision >= revision && to >= revision)
      throw damagedAt(
        stream,
        `It ends at revision ${revision - 1}, but revision ${end.revision} has been there: its last events are gone`,
      );
    if (before && before !== start) {
      pageEnds.set(stream, before);
      known(stream, before);
    }
  }

  /** An end that this process knows must still be there, whatever the store says of the stream's length. */
  async function requireEnd(stream: string, actual: number): Promise<void> {
    const end = ends.get(stream);
    if (!end || end.revision <= actual) return;
    const events = await store.read(stream, { from: end.revision, to: end.revision });
    read(stream, end.revision, end.revision, events, end);
  }

  async function* subscribe(options: SubscribeOptions): AsyncGenerator<EventBatch> {
    const seen = new Recent<string, Link>(keptInSubscription);
    const isWhole = () => options.after === 0 && !seen.hasForgotten;
    let position = options.after;
    try {
      for await (const batch of store.subscribe(options)) {
        for (const event of batch.events) {
          const { stream, revision } = event;
          requireGrowing(event, position);
          if (pastContents || batch.caughtUp) requireContent(event);
          else requireId(event);
          // Read from its start, the log has brought every event of a stream, unless this has forgotten the stream.
          const before = seen.get(stream) ?? (revision === 0 || isWhole() ? start : undefined);
          if (before && before.revision !== revision - 1)
            throw broken(event, `revision ${before.revision + 1} of its stream should come next`);
          const end = ends.get(stream);
          requireLink(event, before ?? linkAt(revision - 1, end), end);
          seen.set(stream, linkOf(event));
          position = event.position;
        }
        if (batch.position < position)
          throw new LogDamaged(`The log was read up to position ${position}, now it says ${batch.position}. ${remedy}`);
        position = batch.position;
        yield batch;
      }
    } catch (error) {
      throw met(error);
    }
  }

  return {
    ...store,
    read: (stream, range = {}) =>
      watched(async () => {
        const { from = 0, to = Infinity } = range;
        const end = ends.get(stream);
        const events = await store.read(stream, range);
        read(stream, from, to, events, end);
        return events;
      }),
    async append(stream, events, expectedRevision) {
      if (damage || isDamaged())
        throw new LogDamaged(
          `Nothing is appended to a damaged log. ${damage?.message ?? `Another part of this process has found it. ${remedy}`}`,
        );
      try {
        const result = await store.append(stream, events, expectedRevision);
        if (result.revision !== expectedRevision + events.length)
          throw damagedAt(
            stream,
            `An append after revision ${expectedRevision} was stored as revision ${result.revision}`,
            'unknown',
          );
        known(stream, { ...result, hash: events.at(-1)!.metadata.hash });
        return result;
      } catch (error) {
        try {
          if (error instanceof RevisionConflict) await requireEnd(stream, error.actualRevision);
        } catch (found) {
          // That the stream cannot be looked at says nothing of the conflict.
          if (found instanceof LogDamaged) throw met(found);
        }
        throw met(error);
      }
    },
    subscribe,
    head: () => watched(() => store.head()),
    idAt: (position) => watched(() => store.idAt(position)),
  };
}

/** What stands before the first event of every stream. */
const start: Link = { revision: noStream, position: 0, hash: noPreviousHash };

function linkOf({ revision, position, metadata }: RecordedEvent): Link {
  return { revision, position, hash: metadata.hash };
}

function linkAt(revision: number, ...links: readonly (Link | undefined)[]): Link | undefined {
  return links.find((link) => link?.revision === revision);
}

function requireGrowing(event: RecordedEvent, position: number): void {
  if (event.position <= position) throw broken(event, `it comes after position ${position}`);
}

function requireId(event: RecordedEvent): void {
  // An event that was written by hand need not have one.
  if (typeof event.metadata?.hash !== 'string') throw broken(event, 'it has no hash');
  if (idOf(event.metadata.hash) !== event.id) throw broken(event, 'its id does not follow from its hash');
}

function requireContent(event: RecordedEvent): void {
  requireId(event);
  if (hashOf(event) !== event.metadata.hash) throw broken(event, 'its content has another hash: it was changed');
}

/** Undefined for what was never sealed, because it has no canonical form. */
function hashOf(event: RecordedEvent): string | undefined {
  try {
    return expectedHash(event);
  } catch {
    return undefined;
  }
}

/** Linked to the event before it, if that is known; and the very event, if this one is known. */
function requireLink(event: RecordedEvent, before: Link | undefined, end: Link | undefined): void {
  const { hash, previousHash } = event.metadata;
  if (before) requireGrowing(event, before.position);
  if (before && previousHash !== before.hash) throw broken(event, 'it does not follow on the event before it');
  if (end?.revision === event.revision && end.hash !== hash) throw broken(event, 'another event stood there before');
}

const remedy = 'Stop the server, run the integrity check, restore a backup.';

function broken({ stream, revision, position }: RecordedEvent, what: string): LogDamaged {
  return new LogDamaged(
    `The event at position ${position} (stream ${stream}, revision ${revision}) is not what was written: ${what}. ${remedy}`,
  );
}

function damagedAt(stream: string, what: string, outcome?: 'unknown'): LogDamaged {
  return new LogDamaged(`Stream ${stream} is not what was written. ${what}. ${remedy}`, undefined, outcome);
}
