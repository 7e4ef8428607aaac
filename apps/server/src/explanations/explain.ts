import { setImmediate as nextTurn } from 'node:timers/promises';
import { governance, relationshipCodec, clockCommands, type RelationshipEvents } from '#customer-relationship';
import { project, type AnyProjection, type Key, type RecordedEvent, type Rows } from '#event-sourcing';
import type { Pair } from '#read-models';

/** A row of the answer. */
export interface RowThen {
  /** The table without its version. */
  readonly table: string;
  /** As the view keeps it; null when it was removed. */
  readonly row: object | null;
}

/** What an event has changed in one row. */
export interface RowChange {
  readonly table: string;
  readonly key: object;
  readonly effect: 'created' | 'changed' | 'removed';
  /** The changed fields of a row, by name; empty where only the fact of the change is answered. */
  readonly fields: Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>;
}

/** An event without which a row would be different. */
export interface Contribution {
  readonly event: RecordedEvent;
  /** Empty for an event that was only read, such as the one that began the term in which an item was bought. */
  readonly changes: readonly RowChange[];
  readonly comment: string | undefined;
  /** The main event of the same command, where this event is its consequence. */
  readonly cause: RecordedEvent | undefined;
}

/**
 * The events whose changes are answered in full: those after a revision, up to a number. Rows may be large, and their changes
 * for every event could take too much memory.
 */
export type InFull = { readonly after: number; readonly limit: number };

/** How many events are processed between two pauses. */
const eventsAtATime = 256;

interface Known {
  readonly row: object | null;
  readonly sources: Sources;
}

/**
 * The events that have written a row, each with the rows that it had read. Events are only added, so a number of them stands
 * for the row as it was read: copies would take memory and time without bounds.
 */
type Sources = { readonly event: RecordedEvent; readonly lookedAt: readonly Look[] }[];

/** A row as it was read: the first `until` of its sources. */
type Look = { readonly sources: Sources; readonly until: number };

/**
 * Projects the events of one relationship and records which events changed the rows that are asked for. If an event read other
 * rows, the events that had written those count too. So the contributions alone make the same rows. Then come the events that
 * are not recorded, by the same steps: the rows are as recording them would leave them. After every {@link eventsAtATime}
 * events `pause` is awaited.
 */
export async function explain<Unrecorded extends RecordedEvent = never>(
  projection: AnyProjection<RelationshipEvents, Pair>,
  pair: Pair,
  events: readonly RecordedEvent[],
  isAsked: (table: string, key: Key) => boolean,
  { after, limit }: InFull = { after: -1, limit: Infinity },
  pause: () => Promise<void> = () => nextTurn(),
  /** What time has brought about, and nobody has recorded, of the things that the contributions name. */
  unrecorded: (contributions: readonly Contribution[]) => readonly Unrecorded[] = () => [],
) {
  const known = new Map<string, Known>();
  const asked = new Map<string, string>();
  let changes = new Map<RecordedEvent, RowChange[]>();
  let inFull = 0;
  let read = new Set<Known>();
  let written: { readonly table: string; readonly key: Key; readonly name: string; readonly row: object | null }[] = [];

  const reported = new Map<Sources, number>();
  /** The events that had written the rows read, without those reported before. */
  function* newSources(looks: readonly Look[]): Generator<RecordedEvent> {
    const left = [...looks];
    for (let look = left.pop(); look; look = left.pop()) {
      const { sources, until } = look;
      const from = reported.get(sources) ?? 0;
      if (from >= until) continue;
      reported.set(sources, until);
      for (const { event, lookedAt } of sources.slice(from, until)) {
        yield event;
        left.push(...lookedAt);
      }
    }
  }

  const rows: Rows = {
    get(table, _, name) {
      const found = known.get(`${table} ${name}`);
      if (found) read.add(found);
      return found?.row ?? undefined;
    },
    set: (table, key, name, row) => void written.push({ table, key, name, row }),
  };

  function take(event: RecordedEvent): void {
    read = new Set();
    written = [];
    project(projection, rows, relationshipCodec.decode(event), pair, event);
    // The sources of the rows that it has written are known already.
    for (const { table, name } of written) read.delete(known.get(`${table} ${name}`)!);
    const lookedAt = [...read].map(({ sources }): Look => ({ sources, until: sources.length }));
    const made: RowChange[] = [];
    const isInFull = event.revision > after && inFull < limit;
    for (const { table, key, name, row } of written) {
      const id = `${table} ${name}`;
      const before = known.get(id);
      // A row that comes back after it was removed starts over.
      const sources = before?.row ? before.sources : [];
      sources.push({ event, lookedAt });
      known.set(id, { row, sources });
      if (!isAsked(table, key)) continue;
      const change = changeOf(projection, table, key, before?.row ?? null, row, isInFull);
      if (!change) continue;
      asked.set(id, table);
      made.push(change);
    }
    if (made.length === 0) return;
    if (isInFull) inFull++;
    changes.set(event, made);
    for (const source of newSources(lookedAt)) if (!changes.has(source)) changes.set(source, []);
  }

  async function takeAll(all: readonly RecordedEvent[]) {
    changes = new Map();
    inFull = 0;
    for (const [index, event] of all.entries()) {
      if (index % eventsAtATime === eventsAtATime - 1) await pause();
      take(event);
    }
    const rowsThen = [...asked].map(([id, table]): RowThen => {
      return { table: plainName(projection, table), row: known.get(id)!.row };
    });
    return rowsThen;
  }

  const recorded = await takeAll(events);
  const commands = Map.groupBy(events, commandOf);
  const contributions = [...changes].map(([event, made]): Contribution => {
    const together = commands.get(commandOf(event))!;
    // The comment is on the first event of a command and applies to all of them.
    const { comment } = together[0]!.metadata;
    return { event, changes: made, comment, cause: causeOf(event, together) };
  });
  contributions.sort((one, other) => one.event.revision - other.event.revision);
  const brought = unrecorded(contributions);
  const rowsByTime = await takeAll(brought);
  return {
    /** The rows that exist, and those that were removed, as recorded. */
    recorded,
    /** In the order of the events. */
    contributions,
    /** The same rows as time has left them. */
    rows: rowsByTime,
    /** What the events that are not recorded have changed in them. */
    byTime: brought.flatMap((event) => {
      const made = changes.get(event);
      return made && made.length > 0 ? [{ event, changes: made }] : [];
    }),
  };
}

function changeOf(
  projection: AnyProjection<RelationshipEvents, Pair>,
  table: string,
  key: Key,
  before: object | null,
  after: object | null,
  isInFull: boolean,
): RowChange | undefined {
  const { key: keyColumns, columns } = projection.tables[table]!;
  const named = {
    table: plainName(projection, table),
    key: Object.fromEntries(keyColumns.map((column, index) => [column, key[index]])),
  };
  if (!after) return before ? { ...named, effect: 'removed', fields: {} } : undefined;
  if (!before) return { ...named, effect: 'created', fields: {} };
  const [from, to] = [before, after] as readonly Readonly<Record<string, unknown>>[];
  const differing = Object.keys(columns).filter((column) => !areSame(from![column], to![column]));
  if (differing.length === 0) return undefined;
  const shown = isInFull ? differing : [];
  const fields = Object.fromEntries(shown.map((column) => [column, { from: from![column], to: to![column] }]));
  return { ...named, effect: 'changed', fields };
}

function areSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  // Growing lists are distinguished without serialising them for every event.
  if (Array.isArray(one) && Array.isArray(other) && one.length !== other.length) return false;
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The name of a table without the version of its view, which is a field of its own in the answer. */
export function plainName({ version }: { readonly version: number }, table: string): string {
  return table.slice(0, -`_v${version}`.length);
}

/** Commands of the clock have the id of the command with which they were recorded. */
function commandOf({ metadata: { commandId, command = '' } }: RecordedEvent): string {
  return `${commandId} ${command}`;
}

/** The main event of the same command, if this one is its consequence. */
function causeOf(event: RecordedEvent, together: readonly RecordedEvent[]): RecordedEvent | undefined {
  const { command } = event.metadata;
  const mainTypes: readonly string[] = (command && governance(command)?.emits) || [];
  const isMain = ({ type }: RecordedEvent) => mainTypes.includes(type);
  if (isMain(event) && !goesAlong(event)) return undefined;
  // A command of the clock may have many main events: a consequence comes right after its cause.
  const isOfClock = clockCommands.some((name) => name === command);
  const cause = together.find((other) => isMain(other) && (!isOfClock || other.revision === event.revision - 1));
  return cause === event ? undefined : cause;
}

/** An add-on that goes with its base is suspended by an event of the same name. */
function goesAlong({ data }: RecordedEvent): boolean {
  return typeof data === 'object' && data !== null && 'withBase' in data;
}
