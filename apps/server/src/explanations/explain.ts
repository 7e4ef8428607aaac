import { setImmediate as turn } from 'node:timers/promises';
import {
  governance,
  relationshipCodec,
  subscriptionClockCommands,
  type RelationshipEvents,
} from '#customer-relationship';
import { project, type AnyProjection, type Key, type RecordedEvent, type Rows } from '#event-sourcing';
import type { Pair } from '#read-models';

/** A row that the answer is made of. */
export interface RowThen {
  /** The table without its version. */
  readonly table: string;
  /** As the view keeps it; null when it is gone. */
  readonly row: object | null;
}

/** What an event has made of one row. */
export interface RowChange {
  readonly table: string;
  readonly key: object;
  readonly effect: 'created' | 'changed' | 'removed';
  /** Of a row that was changed: by name, from what and to what; empty where only the change itself is answered. */
  readonly fields: Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>;
}

/** An event without which a row would be another. */
export interface Contribution {
  readonly event: RecordedEvent;
  /** Empty for an event that was only looked at, such as the one that began the term in which an item was bought. */
  readonly changes: readonly RowChange[];
  readonly comment: string | undefined;
  /** The event that it comes with: the one that the command of both is about. */
  readonly cause: RecordedEvent | undefined;
}

export interface Explanation {
  /** Those that are there, and those that were. */
  readonly rows: readonly RowThen[];
  /** In the order in which they happened. */
  readonly contributions: readonly Contribution[];
}

/** Of which events it is told what they have changed: rows may be large, and kept once for every event they would be too much. */
export interface ToldInFull {
  /** Behind this revision. */
  readonly after: number;
  /** So many of those that have made changes. */
  readonly limit: number;
}

/** So many events are worked through at a time. */
const eventsAtATime = 256;

interface Known {
  readonly row: object | null;
  /** Without which it would be another. */
  readonly sources: Sources;
}

/**
 * The events that have written a row, each with the rows that it had looked at. Only ever added to, so that a row as it was
 * looked at is a place in here: a copy for everyone who looks would take memory and time beyond all bounds.
 */
type Sources = { readonly event: RecordedEvent; readonly lookedAt: readonly Look[] }[];

interface Look {
  readonly sources: Sources;
  /** So many of them there were. */
  readonly until: number;
}

/**
 * Projects the events of one relationship and keeps, for the rows that are asked for, which event made what of them. What
 * a step has looked at of other rows counts too: the events that had made those. The events that are named make the same
 * rows without the others. After some of them `pause` is awaited.
 */
export async function explain(
  projection: AnyProjection<RelationshipEvents, Pair>,
  pair: Pair,
  events: readonly RecordedEvent[],
  isAsked: (table: string, key: Key) => boolean,
  toldInFull: ToldInFull = { after: -1, limit: Infinity },
  pause: () => Promise<void> = () => turn(),
): Promise<Explanation> {
  const known = new Map<string, Known>();
  const asked = new Map<string, { readonly table: string }>();
  const changes = new Map<RecordedEvent, RowChange[]>();
  let inFull = 0;
  let read = new Set<Known>();
  let written: { readonly table: string; readonly key: Key; readonly name: string; readonly row: object | null }[] = [];

  const told = new Map<Sources, number>();
  /** What stands behind what was looked at, without what has been told before. */
  function* newSources(looks: readonly Look[]): Generator<RecordedEvent> {
    const left = [...looks];
    for (let look = left.pop(); look; look = left.pop()) {
      const { sources, until } = look;
      const from = told.get(sources) ?? 0;
      if (from >= until) continue;
      told.set(sources, until);
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

  for (const [index, event] of events.entries()) {
    if (index % eventsAtATime === eventsAtATime - 1) await pause();
    read = new Set();
    written = [];
    project(projection, rows, relationshipCodec.decode(event), pair, event);
    // What it has written it knows the sources of already.
    for (const { table, name } of written) read.delete(known.get(`${table} ${name}`)!);
    const lookedAt = [...read].map(({ sources }): Look => ({ sources, until: sources.length }));
    const made: RowChange[] = [];
    const isInFull = event.revision > toldInFull.after && inFull < toldInFull.limit;
    for (const { table, key, name, row } of written) {
      const id = `${table} ${name}`;
      const before = known.get(id);
      // One that comes back after it was gone begins anew.
      const sources = before?.row ? before.sources : [];
      sources.push({ event, lookedAt });
      known.set(id, { row, sources });
      if (!isAsked(table, key)) continue;
      const change = changeOf(projection, table, key, before?.row ?? null, row, isInFull);
      if (!change) continue;
      asked.set(id, { table });
      made.push(change);
    }
    if (made.length === 0) continue;
    if (isInFull) inFull++;
    changes.set(event, made);
    for (const source of newSources(lookedAt)) if (!changes.has(source)) changes.set(source, []);
  }

  const commands = Map.groupBy(events, commandOf);
  return {
    rows: [...asked].map(([id, { table }]) => ({ table: plainName(projection, table), row: known.get(id)!.row })),
    contributions: [...changes]
      .sort(([one], [other]) => one.revision - other.revision)
      .map(([event, made]) => {
        const together = commands.get(commandOf(event))!;
        return {
          event,
          changes: made,
          // It stands on the first event of a command and is about all of them.
          comment: together[0]!.metadata.comment,
          cause: causeOf(event, together),
        };
      }),
  };
}

function isClocksCommand(command: string | undefined): boolean {
  return subscriptionClockCommands.some((name) => name === command);
}

function changeOf(
  projection: AnyProjection<RelationshipEvents, Pair>,
  table: string,
  key: Key,
  before: object | null,
  after: object | null,
  isInFull: boolean,
): RowChange | undefined {
  const columns = projection.tables[table]!.key;
  const named = {
    table: plainName(projection, table),
    key: Object.fromEntries(columns.map((column, index) => [column, key[index]])),
  };
  if (!after) return before ? { ...named, effect: 'removed', fields: {} } : undefined;
  if (!before) return { ...named, effect: 'created', fields: {} };
  const [from, to] = [before, after] as readonly Readonly<Record<string, unknown>>[];
  const differing = Object.keys(projection.tables[table]!.columns).filter(
    (column) => !areSame(from![column], to![column]),
  );
  if (differing.length === 0) return undefined;
  const told = isInFull ? differing : [];
  const fields = Object.fromEntries(told.map((column) => [column, { from: from![column], to: to![column] }]));
  return { ...named, effect: 'changed', fields };
}

function areSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  // Lists that grow are told apart without writing them out for every event.
  if (Array.isArray(one) && Array.isArray(other) && one.length !== other.length) return false;
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The name of a table without the version of its view, which stands beside it in the answer. */
export function plainName({ version }: { readonly version: number }, table: string): string {
  return table.slice(0, -`_v${version}`.length);
}

/** Commands of the clock stand under the id of the one that they were recorded with. */
function commandOf({ metadata: { commandId, command = '' } }: RecordedEvent): string {
  return `${commandId} ${command}`;
}

/** The event of the same command that the command is about, if this one is its consequence. */
function causeOf(event: RecordedEvent, together: readonly RecordedEvent[]): RecordedEvent | undefined {
  const { command } = event.metadata;
  const says: readonly string[] = (command && governance(command)?.emits) || [];
  const isSaid = ({ type }: RecordedEvent) => says.includes(type);
  if (isSaid(event) && !goesAlong(event)) return undefined;
  // Of what dates have brought about there may be much at once: a consequence stands right after its cause.
  const cause = together.find(
    (other) => isSaid(other) && (!isClocksCommand(command) || other.revision === event.revision - 1),
  );
  return cause === event ? undefined : cause;
}

/** An add-on that goes with its base is suspended by an event of the same name. */
function goesAlong({ data }: RecordedEvent): boolean {
  return typeof data === 'object' && data !== null && 'withBase' in data;
}
