import { sql, type Kysely } from 'kysely';
import type { RelationshipEvents } from '#customer-relationship';
import type { Projection, RecordedEvent } from '#event-sourcing';
import { fingerprint } from './fingerprint.js';
import type { Pair } from './pair.js';
import type { Views } from './views.js';

const version = 1;
const table = `history_v${version}` as const;
const clock = `history_clock_v${version}` as const;

/** The relationship that a stream belongs to, and whether it is the journal beside it. */
interface HistorySubject extends Pair {
  readonly journal?: boolean;
}

// Names of streams are as lasting as events. They are read here and not by the domain, which views know by type alone.
const guid = '([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})';
const streamPattern = new RegExp(`^customerRelationship(Journal)?-${guid}-${guid}$`);

/** What the name of a stream says; undefined for streams that are no relationship's. */
export function historySubjectOf(stream: string): HistorySubject | undefined {
  const match = streamPattern.exec(stream);
  return match ? { partnerId: match[2]!, customerId: match[3]!, journal: match[1] !== undefined } : undefined;
}

/**
 * Where an event is to be found. A ledger has a row for every event, with seven indexes, so that texts stand as
 * fingerprints: less than half the size. What an index finds is only a candidate; the event itself is read and compared.
 */
interface HistoryRow {
  readonly position: number;
  readonly revision: number;
  readonly customerId: string;
  readonly journal: boolean;
  readonly partner: number;
  readonly type: number;
  readonly actor: number;
  readonly command: number;
  readonly commandId: number;
  readonly correlationId: number;
  /** Milliseconds since 1970. */
  readonly recordedAt: number;
  /** By how much an event before it in the log was recorded later: servers' clocks differ. */
  readonly lag: number;
}

/** The one row of what clocks have read. */
interface ClockRow {
  readonly name: string;
  /** The latest time at which anything was recorded. */
  readonly latest: number;
  readonly largestLag: number;
}

export interface HistoryTables {
  readonly [table]: HistoryRow;
  readonly [clock]: ClockRow;
}

/** In which of a row's columns something is looked for, the most selective first. */
const indexed = ['commandId', 'correlationId', 'customerId', 'actor', 'command', 'type'] as const;

/** Where every event of relationships and their journals stands, so that a history is filtered without being read whole. */
export const historyView: Projection<RelationshipEvents, HistoryTables, HistorySubject> = {
  name: 'history',
  version,
  tables: {
    [table]: {
      columns: {
        position: 'integer',
        revision: 'integer',
        customerId: 'text',
        journal: 'boolean',
        partner: 'integer',
        type: 'integer',
        actor: 'integer',
        command: 'integer',
        commandId: 'integer',
        correlationId: 'integer',
        recordedAt: 'integer',
        lag: 'integer',
      },
      key: ['position'],
      // Each is in the order of positions: the key stands at the end of every entry.
      indexes: [['partner', 'journal'], ...indexed.map((column) => ['partner', 'journal', column] as const)],
    },
    [clock]: { columns: { name: 'text', latest: 'integer', largestLag: 'integer' }, key: ['name'] },
  },
  subjectOf: historySubjectOf,
  keys: (_, __, { position }) => ({ [table]: [position], [clock]: ['log'] }),
  on: {},
  each({ [clock]: known }, { partnerId, customerId, journal = false }, { position, revision, type, metadata }) {
    const recordedAt = Date.parse(metadata.recordedAt);
    const latest = Math.max(known?.latest ?? 0, recordedAt);
    const lag = latest - recordedAt;
    const largestLag = Math.max(known?.largestLag ?? 0, lag);
    return {
      [table]: {
        position,
        revision,
        customerId,
        journal,
        partner: fingerprint(partnerId),
        type: fingerprint(type),
        actor: fingerprint(metadata.actor.id),
        command: fingerprint(metadata.command ?? ''),
        commandId: fingerprint(metadata.commandId),
        correlationId: fingerprint(metadata.correlationId),
        recordedAt,
        lag,
      },
      [clock]: { name: 'log', latest, largestLag },
    };
  },
};

/** Which events of a partner's relationships are asked for; what is left out admits all. */
export interface HistoryFilter {
  readonly partnerId: string;
  readonly customerId?: string | undefined;
  /** Names of events. */
  readonly types?: readonly string[] | undefined;
  readonly actor?: string | undefined;
  readonly command?: string | undefined;
  readonly commandId?: string | undefined;
  readonly correlationId?: string | undefined;
  /** Instants in UTC with milliseconds; both inclusive. */
  readonly recordedFrom?: string | undefined;
  readonly recordedUntil?: string | undefined;
  /** Refusals as well. */
  readonly journals?: boolean | undefined;
}

/** Whether an event is asked for: the only judge, whatever an index has found. */
export function isAskedFor(filter: HistoryFilter, { stream, type, metadata }: Omit<RecordedEvent, 'data'>): boolean {
  const subject = historySubjectOf(stream);
  if (subject?.partnerId !== filter.partnerId) return false;
  const { customerId, types, actor, command, commandId, correlationId, recordedFrom, recordedUntil } = filter;
  return (
    (customerId === undefined || subject.customerId === customerId) &&
    (filter.journals === true || !subject.journal) &&
    (types === undefined || types.includes(type)) &&
    (actor === undefined || metadata.actor.id === actor) &&
    (command === undefined || metadata.command === command) &&
    (commandId === undefined || metadata.commandId === commandId) &&
    (correlationId === undefined || metadata.correlationId === correlationId) &&
    (recordedFrom === undefined || metadata.recordedAt >= recordedFrom) &&
    (recordedUntil === undefined || metadata.recordedAt <= recordedUntil)
  );
}

/** Where an event stands that is probably asked for. */
export interface HistoryPlace extends Pair {
  readonly journal: boolean;
  readonly revision: number;
  readonly position: number;
}

export interface HistoryPlaces {
  readonly places: readonly HistoryPlace[];
  /** Up to this position every event that is asked for has its place among them. */
  readonly examined: number;
  /** Nothing that is asked for can come behind it, up to the end of what was to be looked at. */
  readonly ended: boolean;
  /** How many events of the log lie among the places, of whatever partner; counted up to four times the places. */
  readonly among: number;
}

export interface HistoryRange {
  /** Exclusive. */
  readonly after: number;
  /** Inclusive. */
  readonly until: number;
  /** At most so many places. */
  readonly limit: number;
}

// An answer must not hold up all others: so many entries of an index at once.
const entriesAtOnce = 2_000;

/** The next places of events that are asked for, in the order of the log. */
export async function historyPlaces(
  db: Kysely<Views>,
  filter: HistoryFilter,
  range: HistoryRange,
): Promise<HistoryPlaces> {
  const { after, until } = await withinTimes(db, filter, range);
  if (after >= until) return { places: [], examined: range.until, ended: true, among: 0 };
  const { partnerId, types } = filter;
  const sought: Partial<Record<(typeof indexed)[number], string | number>> = {
    ...(filter.commandId === undefined ? {} : { commandId: fingerprint(filter.commandId) }),
    ...(filter.correlationId === undefined ? {} : { correlationId: fingerprint(filter.correlationId) }),
    ...(filter.customerId === undefined ? {} : { customerId: filter.customerId }),
    ...(filter.actor === undefined ? {} : { actor: fingerprint(filter.actor) }),
    ...(filter.command === undefined ? {} : { command: fingerprint(filter.command) }),
  };
  const kinds = types && new Set(types.map(fingerprint));
  const column = indexed.find((each) => each in sought) ?? (kinds ? 'type' : undefined);
  const values = column === undefined ? [undefined] : column === 'type' ? [...kinds!] : [sought[column]!];
  const probes = (filter.journals ? [false, true] : [false]).flatMap((journal) =>
    values.map((value) => ({ journal, value })),
  );
  const partner = fingerprint(partnerId);
  let examined = until;
  const found: HistoryRow[] = [];
  for (const { journal, value } of probes) {
    let entries = db
      .selectFrom(table)
      .selectAll()
      .where('partner', '=', partner)
      .where('journal', '=', journal)
      .where('position', '>', after)
      .where('position', '<=', until);
    if (value !== undefined) entries = entries.where(sql.ref(column!), '=', value);
    const rows = await entries.orderBy('position').limit(entriesAtOnce).execute();
    // Behind it this probe has more.
    if (rows.length === entriesAtOnce) examined = Math.min(examined, rows.at(-1)!.position);
    found.push(...rows);
  }
  const from = filter.recordedFrom === undefined ? -Infinity : Date.parse(filter.recordedFrom);
  const to = filter.recordedUntil === undefined ? Infinity : Date.parse(filter.recordedUntil);
  const matching = found
    .filter(
      (row) =>
        row.position <= examined &&
        indexed.every((each) => sought[each] === undefined || row[each] === sought[each]) &&
        (!kinds || kinds.has(row.type)) &&
        row.recordedAt >= from &&
        row.recordedAt <= to,
    )
    .sort((one, other) => one.position - other.position);
  const places = matching
    .slice(0, range.limit)
    .map(({ customerId, journal, revision, position }) => ({ partnerId, customerId, journal, revision, position }));
  if (matching.length > places.length) examined = places.at(-1)!.position;
  const ended = examined >= until;
  return { places, examined: ended ? range.until : examined, ended, among: await amongThem(db, places) };
}

async function amongThem(db: Kysely<Views>, places: readonly HistoryPlace[]): Promise<number> {
  if (places.length < 2) return places.length;
  const { count } = await db
    .selectFrom(
      db
        .selectFrom(table)
        .select('position')
        .where('position', '>=', places[0]!.position)
        .where('position', '<=', places.at(-1)!.position)
        .limit(4 * places.length)
        .as('among'),
    )
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return count;
}

/**
 * The part of a range outside of which nothing was recorded at the times asked for. Times are not in the order of the log,
 * but the latest time so far is, and no event lags behind that by more than the largest lag.
 */
async function withinTimes(
  db: Kysely<Views>,
  { recordedFrom, recordedUntil }: HistoryFilter,
  { after, until }: HistoryRange,
): Promise<{ readonly after: number; readonly until: number }> {
  if (recordedFrom === undefined && recordedUntil === undefined) return { after, until };

  /** The first position behind `from` at which something later than that had been recorded; `until` + 1 if there is none. */
  async function firstLaterThan(time: number, from: number): Promise<number> {
    let [low, high] = [from + 1, until + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = await db
        .selectFrom(table)
        .select(['position', 'recordedAt', 'lag'])
        .where('position', '>=', middle)
        .where('position', '<=', until)
        .orderBy('position')
        .limit(1)
        .executeTakeFirst();
      if (!row || row.recordedAt + row.lag > time) high = middle;
      else low = row.position + 1;
    }
    return low;
  }

  const first = recordedFrom === undefined ? after + 1 : await firstLaterThan(Date.parse(recordedFrom) - 1, after);
  if (recordedUntil === undefined) return { after: first - 1, until };
  const read = await db.selectFrom(clock).select('largestLag').executeTakeFirst();
  const last = await firstLaterThan(Date.parse(recordedUntil) + (read?.largestLag ?? 0), first - 1);
  return { after: first - 1, until: last - 1 };
}
