import { rmSync } from 'node:fs';
import {
  StoreUnavailable,
  type AnyProjection,
  type EventBatch,
  type EventCodec,
  type EventMetadata,
  type EventStore,
  type RecordedEvent,
} from '#event-sourcing';
import { projector } from './projector.js';
import { openViewsFile } from './views-file.js';

/** Up to where events count: a place in the log, and of what stands before it only what had been recorded by a time. */
export interface Until {
  readonly position: number;
  /** RFC 3339 in UTC with milliseconds. */
  readonly recordedUntil?: string;
}

/** What a view of the past rests on. */
export interface Past {
  /** The last event that counts and that views are about; undefined where there is none. */
  readonly lastCounted:
    (Pick<RecordedEvent, 'position' | 'id'> & Pick<EventMetadata, 'recordedAt' | 'policy'>) | undefined;
}

export interface ProjectPastOptions<Catalogue, Subject> {
  readonly store: Pick<EventStore, 'subscribe'>;
  readonly codec: EventCodec<Catalogue>;
  readonly subjectOf: (stream: string) => Subject | undefined;
  readonly projection: AnyProjection<Catalogue, Subject>;
  /** The file that the view is made in; whatever is there is overwritten. */
  readonly path: string;
  readonly ledgerId: string;
  readonly until: Until;
  readonly signal: AbortSignal;
  /** A store that is silent for this long counts as unavailable (ms, default 30,000): the caller may ask again. */
  readonly silenceMs?: number;
  /** How far the log has been read. */
  readonly onProgress?: (position: number) => void;
}

/** Whether an event counts, by what it says itself. */
export function isUpTo({ position, metadata }: RecordedEvent, { position: last, recordedUntil }: Until): boolean {
  return position <= last && (recordedUntil === undefined || metadata.recordedAt <= recordedUntil);
}

/**
 * Projects a view as it stood: by the projector that keeps the present one, over a log that ends where the past does.
 * Tried once: a past can be asked for again.
 * @throws what the store or the projection throws; the signal's reason
 */
export async function projectPast<Catalogue, Subject>({
  store,
  codec,
  subjectOf,
  projection,
  path,
  ledgerId,
  until,
  signal,
  silenceMs = 30_000,
  onProgress,
}: ProjectPastOptions<Catalogue, Subject>): Promise<Past> {
  signal.throwIfAborted();
  const failing = new AbortController();
  const giveUp = (error: unknown) => failing.abort(error);
  const silence = setTimeout(
    () => giveUp(new StoreUnavailable(`The event store has said nothing for ${silenceMs / 1000} s`)),
    silenceMs,
  );
  const views = openViewsFile({ path, projections: [projection], anew: true, temporary: true });
  try {
    let lastCounted: Past['lastCounted'];
    const log = logUntil(store, until, ({ events, position }) => {
      silence.refresh();
      const last = events.findLast(({ stream }) => subjectOf(stream) !== undefined);
      if (last) {
        const { recordedAt, policy } = last.metadata;
        lastCounted = { position: last.position, id: last.id, recordedAt, policy };
      }
      onProgress?.(position);
    });
    const { catchUp } = projector({
      store: log,
      codec,
      subjectOf,
      views,
      projections: [projection],
      ledgerId,
      head: until.position,
      onStopped: (_, __, error) => giveUp(error),
      onTrouble: giveUp,
    });
    await catchUp(AbortSignal.any([signal, failing.signal]));
    failing.signal.throwIfAborted();
    signal.throwIfAborted();
    return { lastCounted };
  } finally {
    clearTimeout(silence);
    views.close();
    // The lock is for files that come back.
    rmSync(`${path}.lock`, { force: true });
  }
}

/** A log that ends where the past does, without what does not count. */
function logUntil(
  store: Pick<EventStore, 'subscribe'>,
  until: Until,
  onBatch: (batch: EventBatch) => void,
): Pick<EventStore, 'subscribe'> {
  return {
    async *subscribe(options) {
      for await (const batch of store.subscribe(options)) {
        const caughtUp = batch.position >= until.position;
        const position = Math.min(batch.position, until.position);
        const counted = { events: batch.events.filter((event) => isUpTo(event, until)), position, caughtUp };
        onBatch(counted);
        yield counted;
        if (caughtUp) return;
      }
    },
  };
}
