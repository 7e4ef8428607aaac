import { randomUUID } from 'node:crypto';
import { openLogFile } from './log-file.js';
import {
  decodeRecordedEvent,
  encodeRecordedEvent,
  tombstoneRevision,
  type EventPlace,
  type ProposedEvent,
} from './recorded-event.js';

export interface LogRecord extends EventPlace {
  readonly id: string;
  readonly type: string;
  readonly bytes: Buffer;
  /** Gone from every read, though its position was once one. */
  scavenged: boolean;
}

/** A revision, or one of these, numbered as the server numbers them. */
export const expectedRevisions = { noStream: -1, any: -2, streamExists: -4 } as const;

export type AppendOutcome =
  | { readonly kind: 'appended'; readonly revision: number; readonly position: number | undefined }
  | { readonly kind: 'wrongVersion'; readonly current: number }
  | { readonly kind: 'deleted' };

interface StreamState {
  readonly name: string;
  /** By revision: numbering goes on over a deletion, so there are no gaps. */
  readonly records: LogRecord[];
  tombstone: LogRecord | undefined;
}

interface Settings {
  readonly truncateBefore?: number;
  readonly maxCount?: number;
  /** In seconds. */
  readonly maxAge?: number;
}

export type EventLog = ReturnType<typeof openEventLog>;

/** About how many ids fit into the server's cache of 8 MiB. */
const rememberedIds = 100_000;
const metadataType = '$metadata';

/**
 * The log and the rules by which it grows. One append is one synchronous step: checked, written, and only then published.
 * `now` is the clock of the server.
 */
export function openEventLog({ path, now = Date.now }: { path?: string | undefined; now?: () => number } = {}) {
  const file = path === undefined ? undefined : openLogFile(path);
  const records: LogRecord[] = [];
  const streams = new Map<string, StreamState>();
  const listeners = new Set<() => void>();
  /** Ids for appends that expect no revision: kept for the first stream and the first place only, and lost at a restart. */
  const recentIds = new Map<string, LogRecord>();
  let nextPosition = 0;

  const entries = file?.read() ?? [];
  for (const entry of entries) {
    if (entry.kind === 'start') openEpoch();
    else if (entry.kind === 'scavenge') markScavenged(new Set(entry.positions));
    else for (const bytes of entry.events) remember(decoded(bytes));
  }
  if (entries.length === 0) begin();
  else restart();

  function begin(): void {
    openEpoch();
    file?.write({ kind: 'start' });
    write('$$$scavenges', [{ ...systemEvent(metadataType), data: Buffer.from('{"$maxAge":2592000}'), json: true }]);
  }

  /** A server marks its start in the log, so the next event does not follow the last one without a gap. */
  function openEpoch(): void {
    nextPosition += 345;
    recentIds.clear();
  }

  function restart(): void {
    openEpoch();
    file?.write({ kind: 'start' });
  }

  function append(stream: string, events: readonly ProposedEvent[], expected: number): AppendOutcome {
    const state = streams.get(stream);
    const current = (state?.records.length ?? 0) - 1;
    if (isTombstoned(stream)) return { kind: 'deleted' };
    const softDeleted = isSoftDeleted(state);
    const wrong: AppendOutcome = { kind: 'wrongVersion', current };
    if (expected === expectedRevisions.streamExists) {
      if (softDeleted) return { kind: 'deleted' };
      if (current < 0 && !streams.has(`$$${stream}`)) return wrong;
    }
    const repeated =
      expected === expectedRevisions.any || expected === expectedRevisions.streamExists
        ? repeatByIds(stream, events)
        : expected < current
          ? repeatAt(state, events, expected)
          : undefined;
    if (repeated === 'partly') return wrong;
    if (repeated)
      return { kind: 'appended', revision: repeated.revision, position: softDeleted ? undefined : repeated.position };
    if (
      expected >= expectedRevisions.noStream &&
      expected !== current &&
      !(expected === expectedRevisions.noStream && softDeleted && events[0])
    )
      return wrong;
    if (events.length === 0) return { kind: 'appended', revision: Math.max(current, 0), position: head() };

    const first = current + 1;
    const written = write(stream, events);
    // A stream that was deleted shows again what is new: first the events, then the mark from which on it is visible.
    if (softDeleted)
      write(`$$${stream}`, [{ ...systemEvent(metadataType), data: Buffer.from(`{"$tb":${first}}`), json: true }]);
    for (const listener of [...listeners]) listener();
    return { kind: 'appended', revision: written.revision, position: written.position };
  }

  /** Without an expected revision only the recent ids tell. The first new one decides that nothing of it is a repeat. */
  function repeatByIds(stream: string, events: readonly ProposedEvent[]): LogRecord | 'partly' | undefined {
    let last: LogRecord | undefined;
    for (const { id } of events) {
      const known = recentIds.get(id);
      if (known?.stream !== stream) return last ? 'partly' : undefined;
      last = known;
    }
    return last;
  }

  /** With one, the ids at that place tell, for ever; what the events say is not compared. */
  function repeatAt(
    state: StreamState | undefined,
    events: readonly ProposedEvent[],
    expected: number,
  ): LogRecord | 'partly' | undefined {
    let last: LogRecord | undefined;
    for (const [index, { id }] of events.entries()) {
      const there = state?.records[expected + 1 + index];
      if (!there || there.scavenged || there.id !== id) return last ? 'partly' : undefined;
      last = there;
    }
    return last;
  }

  function write(stream: string, events: readonly ProposedEvent[], revision?: number): LogRecord {
    const first = revision ?? streams.get(stream)?.records.length ?? 0;
    const created = now();
    let position = nextPosition;
    const written = events.map((event, index) => {
      const place = { stream, revision: first + index, position, created };
      const bytes = encodeRecordedEvent(event, place);
      position = after(position, bytes);
      return { ...place, id: event.id, type: event.type, bytes, scavenged: false };
    });
    file?.write({ kind: 'events', events: written.map(({ bytes }) => bytes) });
    for (const record of written) remember(record);
    return written[written.length - 1] as LogRecord;
  }

  function remember(record: LogRecord): void {
    records.push(record);
    nextPosition = after(record.position, record.bytes);
    let state = streams.get(record.stream);
    if (!state) streams.set(record.stream, (state = { name: record.stream, records: [], tombstone: undefined }));
    if (record.revision === tombstoneRevision) state.tombstone = record;
    else state.records.push(record);
    if (!recentIds.has(record.id)) {
      recentIds.set(record.id, record);
      if (recentIds.size > rememberedIds) for (const oldest of recentIds.keys()) return void recentIds.delete(oldest);
    }
  }

  const isTombstoned = (stream: string): boolean =>
    streams.get(stream)?.tombstone !== undefined ||
    (stream.startsWith('$$') && streams.get(stream.slice(2))?.tombstone !== undefined);

  const isSoftDeleted = (state: StreamState | undefined): boolean =>
    state !== undefined && (settingsOf(state).truncateBefore ?? 0) >= tombstoneRevision;

  /** `any` and `noStream` do not make up for a stream that is not there. */
  function softDelete(stream: string, expected: number): AppendOutcome {
    const refused = refusal(stream, expected);
    if (refused) return refused;
    const written = write(`$$${stream}`, [
      { ...systemEvent(metadataType), data: Buffer.from('{"$tb":9223372036854775807}'), json: true },
    ]);
    for (const listener of [...listeners]) listener();
    return { kind: 'appended', revision: written.revision, position: written.position };
  }

  function refusal(stream: string, expected: number): AppendOutcome | undefined {
    if (isTombstoned(stream)) return { kind: 'deleted' };
    const state = streams.get(stream);
    const current = (state?.records.length ?? 0) - 1;
    if (current < 0) return { kind: 'wrongVersion', current };
    if (expected === expectedRevisions.streamExists && isSoftDeleted(state)) return { kind: 'deleted' };
    if (expected === expectedRevisions.noStream && isSoftDeleted(state)) return undefined;
    return expected >= expectedRevisions.noStream && expected !== current
      ? { kind: 'wrongVersion', current }
      : undefined;
  }

  /** Here a missing stream is fine: the tombstone keeps its name from ever being used. */
  function tombstone(stream: string, expected: number): AppendOutcome {
    const missing = (streams.get(stream)?.records.length ?? 0) === 0;
    const fine =
      missing &&
      !isTombstoned(stream) &&
      (expected === expectedRevisions.any || expected === expectedRevisions.noStream);
    const refused = fine ? undefined : refusal(stream, expected);
    if (refused) return refused;
    const written = write(stream, [systemEvent('$streamDeleted')], tombstoneRevision);
    for (const listener of [...listeners]) listener();
    return { kind: 'appended', revision: written.revision, position: written.position };
  }

  /** What of a stream can be seen now, by its settings; undefined when there is no such stream. */
  function visible(stream: string): { first: number; last: number; shows: (record: LogRecord) => boolean } | undefined {
    const state = streams.get(stream);
    if (!state || state.records.length === 0 || isSoftDeleted(state)) return undefined;
    const { truncateBefore = 0, maxCount, maxAge } = settingsOf(state);
    const last = state.records.length - 1;
    const first = Math.max(truncateBefore, maxCount === undefined ? 0 : last + 1 - maxCount);
    const oldest = maxAge === undefined ? -Infinity : now() - maxAge * 1_000;
    return {
      first,
      last,
      shows: (record) => !record.scavenged && record.revision >= first && record.created > oldest,
    };
  }

  function settingsOf(state: StreamState): Settings {
    if (state.name.startsWith('$$')) return { maxCount: 1 };
    const latest = streams.get(`$$${state.name}`)?.records.at(-1);
    if (!latest) return {};
    const known = settingsBy.get(latest);
    if (known) return known;
    const settings = settingsIn(latest);
    settingsBy.set(latest, settings);
    return settings;
  }
  const settingsBy = new WeakMap<LogRecord, Settings>();

  /** Removes the events at these positions from the log, or everything that cannot be seen any more. Answers how many went. */
  function scavenge(positions: readonly number[] = hiddenPositions()): number {
    const removed = markScavenged(new Set(positions));
    if (removed > 0) file?.write({ kind: 'scavenge', positions });
    return removed;
  }

  function markScavenged(positions: ReadonlySet<number>): number {
    let removed = 0;
    for (const record of records)
      if (positions.has(record.position) && !record.scavenged) {
        record.scavenged = true;
        removed++;
      }
    return removed;
  }

  function hiddenPositions(): readonly number[] {
    return records
      .filter((record) => record.revision !== tombstoneRevision && !visible(record.stream)?.shows(record))
      .map(({ position }) => position);
  }

  /** Where in `records` the first one at or after a position is. */
  function indexFrom(position: number): number {
    let low = 0;
    let high = records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((records[middle] as LogRecord).position < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  const head = (): number => records.findLast(({ scavenged }) => !scavenged)?.position ?? 0;

  function wipe(): void {
    records.length = 0;
    streams.clear();
    recentIds.clear();
    nextPosition = 0;
    file?.clear();
    begin();
  }

  return {
    /** Everything ever written, in order, scavenged events included. */
    records: records as readonly LogRecord[],
    append,
    softDelete,
    tombstone,
    scavenge,
    isTombstoned,
    visible,
    indexFrom,
    /** The position of the last event; 0 when there is none. */
    head,
    /** After everything that was written. */
    end: () => nextPosition,
    /** The events of a stream, by revision, whether they can be seen or not. */
    stream: (name: string): readonly LogRecord[] => streams.get(name)?.records ?? [],
    /** Calls when something was written, after all of it was. */
    onWritten(listener: () => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    restart,
    wipe,
    close: () => file?.close(),
  };
}

const after = (position: number, bytes: Uint8Array): number => position + bytes.length + 61;

const systemEvent = (type: string): ProposedEvent => ({
  id: randomUUID(),
  type,
  json: false,
  data: Buffer.alloc(0),
  metadata: Buffer.alloc(0),
});

function decoded(bytes: Uint8Array): LogRecord {
  const { id, type, stream, revision, position, created } = decodeRecordedEvent(bytes);
  return { id, type, stream, revision, position, created, bytes: Buffer.from(bytes), scavenged: false };
}

function settingsIn(record: LogRecord): Settings {
  try {
    const { $tb, $maxCount, $maxAge } = JSON.parse(
      Buffer.from(decodeRecordedEvent(record.bytes).data).toString('utf8'),
    ) as Record<string, unknown>;
    return {
      ...(typeof $tb === 'number' && { truncateBefore: $tb }),
      ...(typeof $maxCount === 'number' && { maxCount: $maxCount }),
      ...(typeof $maxAge === 'number' && { maxAge: $maxAge }),
    };
  } catch {
    return {};
  }
}
