import { rmSync } from 'node:fs';
import {
  StoreUnavailable,
  type AnyProjection,
  type EventBatch,
  type EventMetadata,
  type EventStore,
  type RecordedEvent,
} from '#event-sourcing';
import { projector, type ProjectorOptions } from './projector.js';
import { openViewsFile } from './views-file.js';

/** Which events count: those up to a position in the log and, where a time is given, recorded by then. */
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

export interface ProjectPastOptions<Catalogue, Subject> extends Pick<
  ProjectorOptions<Catalogue, Subject>,
  'store' | 'codec' | 'subjectOf' | 'ledgerId'
> {
  readonly projections: readonly AnyProjection<Catalogue, Subject>[];
  /** The file that the views are built in; a file that is there is overwritten. */
  readonly path: string;
  readonly until: Until;
  readonly signal: AbortSignal;
  /** A store that is silent for this long counts as unavailable (ms, default 30,000): the caller may ask again. */
  readonly silenceMs?: number;
  /** How far the log has been read. */
  readonly onProgress?: (position: number) => void;
}

/** Whether an event counts. */
export function isUpTo({ position, metadata }: RecordedEvent, { position: last, recordedUntil }: Until): boolean {
  return position <= last && (recordedUntil === undefined || metadata.recordedAt <= recordedUntil);
}

/**
 * Projects views as they stood, with the projector of the present views, over a log that ends where the past does.
 * It does not retry: the caller can ask again.
 * @throws what the store or the projection throws; the signal's reason
 */
export async function projectPast<Catalogue, Subject>({
  projections,
  path,
  until,
  signal,
  silenceMs = 30_000,
  onProgress,
  ...source
}: ProjectPastOptions<Catalogue, Subject>): Promise<Past> {
  signal.throwIfAborted();
  const failing = new AbortController();
  const giveUp = (error: unknown) => failing.abort(error);
  const silence = setTimeout(
    () => giveUp(new StoreUnavailable(`The event store has said nothing for ${silenceMs / 1000} s`)),
    silenceMs,
  );
  const views = openViewsFile({ path, projections, anew: true, temporary: true });
  try {
    let lastCounted: Past['lastCounted'];
    const store = logUntil(source.store, until, ({ events, position }) => {
      silence.refresh();
      const last = events.findLast(({ stream }) => source.subjectOf(stream) !== undefined);
      if (last) {
        const { recordedAt, policy } = last.metadata;
        lastCounted = { position: last.position, id: last.id, recordedAt, policy };
      }
      onProgress?.(position);
    });
    const { catchUp } = projector({
      ...source,
      store,
      views,
      projections,
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
    // This file is not opened again, so its lock is not needed.
    rmSync(`${path}.lock`, { force: true });
  }
}

/** A log that ends where the past does, with only the events that count. */
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
