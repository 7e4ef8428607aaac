import { sql, type Kysely } from 'kysely';
import type { RelationshipEvents } from '#customer-relationship';
import type { Projection, RecordedEvent, ViewQueries } from '#event-sourcing';
import { flag, guid, text, whole, type RowOf } from './columns.js';
import { fingerprint } from './fingerprint.js';
import type { Pair } from './pair.js';
import { bound, viewQuery } from './query.js';
import { table } from './tables.js';
import { view } from './view.js';

const version = 1;
const places = `history_v${version}` as const;
const clock = `history_clock_v${version}` as const;

/** The relationship that a stream belongs to, and whether the stream is its journal of refusals. */
interface HistorySubject extends Pair {
  readonly journal?: boolean;
}

// Names of streams never change, like events. They are parsed here, because views import only types of the domain.
const guidPattern = '([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})';
const streamPattern = new RegExp(`^customerRelationship(Journal)?-${guidPattern}-${guidPattern}$`);

/** The subject of a stream, from its name; undefined for streams that are no relationship's. */
export function historySubjectOf(stream: string): HistorySubject | undefined {
  const match = streamPattern.exec(stream);
  return match ? { partnerId: match[2]!, customerId: match[3]!, journal: match[1] !== undefined } : undefined;
}

/**
 * The place of an event. There is a row for every event, with seven indexes, so texts are stored as
 * fingerprints, at less than half the size. An index finds only candidates; the event itself is read and compared.
 */
const placeColumns = {
  position: whole(),
  /** The number of its section of the log; see {@link sectionSize}. */
  section: whole(),
  revision: whole(),
  customerId: guid(),
  journal: flag(),
  partner: whole(),
  type: whole(),
  actor: whole(),
  command: whole(),
  commandId: whole(),
  correlationId: whole(),
  /** Milliseconds since 1970. */
  recordedAt: whole(),
  /** How far its time lags the latest time before it in the log: servers' clocks differ. */
  lag: whole(),
};
type PlaceRow = RowOf<typeof placeColumns>;

/** The one row of totals so far. */
const clockColumns = {
  name: text(),
  /** The number of events. */
  count: whole(),
  /** The latest time at which an event was recorded. */
  latest: whole(),
  largestLag: whole(),
};

interface HistoryTables {
  readonly [places]: PlaceRow;
  readonly [clock]: RowOf<typeof clockColumns>;
}

/**
 * The number of events of a section. In an index of a column whose values hardly repeat, each new entry has a random place, and
 * a transaction would write a page of the file for each event. In an index by section, new entries share a few pages. A search
 * looks once into every section.
 */
const sectionSize = 1_024;
/** The columns that are searched section by section, the most selective first. */
const bySection = ['commandId', 'correlationId', 'customerId'] as const;
/** The columns that are searched among all events of a partner: they have few different values. */
const byPartner = ['actor', 'command', 'type'] as const;
const soughtColumns = [...bySection, ...byPartner];
type SoughtColumn = (typeof soughtColumns)[number];

/** The places of all events of relationships and their journals, so that a history is filtered without being read whole. */
export const historyProjection: Projection<RelationshipEvents, HistoryTables, HistorySubject> = {
  name: 'history',
  version,
  tables: {
    [places]: table(placeColumns, {
      key: ['position'],
      // Each is in the order of positions: the key stands at the end of every entry.
      indexes: [
        ['partner', 'journal'],
        ...byPartner.map((column) => ['partner', 'journal', column] as const),
        ...bySection.map((column) => ['section', column] as const),
      ],
    }),
    [clock]: table(clockColumns, { key: ['name'] }),
  },
  subjectOf: historySubjectOf,
  keys: (_, __, { position }) => ({ [places]: [position], [clock]: ['log'] }),
  on: {},
  each({ [clock]: known }, { partnerId, customerId, journal = false }, { position, revision, type, metadata }) {
    const recordedAt = Date.parse(metadata.recordedAt);
    const latest = Math.max(known?.latest ?? 0, recordedAt);
    const lag = latest - recordedAt;
    const largestLag = Math.max(known?.largestLag ?? 0, lag);
    const count = known?.count ?? 0;
    return {
      [places]: {
        position,
        section: Math.floor(count / sectionSize),
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
      [clock]: { name: 'log', count: count + 1, latest, largestLag },
    };
  },
};

export const historyView = view({ projection: historyProjection });

/** Which events of a partner's relationships a caller asks for; an absent field admits all. */
export interface HistoryFilter {
  readonly partnerId: string;
  readonly customerId?: string | undefined;
  /** Names of events. */
  readonly types?: readonly string[] | undefined;
  readonly actor?: string | undefined;
  /** Another id of the same actor, under which earlier events may have it. */
  readonly formerActor?: string | undefined;
  readonly command?: string | undefined;
  readonly commandId?: string | undefined;
  readonly correlationId?: string | undefined;
  /** Instants in UTC with milliseconds; both inclusive. */
  readonly recordedFrom?: string | undefined;
  readonly recordedUntil?: string | undefined;
  /** Refusals as well. */
  readonly journals?: boolean | undefined;
}

/** Whether an event is asked for. It decides; an index finds only candidates. */
export function isAskedFor(filter: HistoryFilter, { stream, type, metadata }: Omit<RecordedEvent, 'data'>): boolean {
  const subject = historySubjectOf(stream);
  if (subject?.partnerId !== filter.partnerId) return false;
  const { customerId, types, actor, formerActor, command, commandId, correlationId, recordedFrom, recordedUntil } =
    filter;
  return (
    (customerId === undefined || subject.customerId === customerId) &&
    (filter.journals === true || !subject.journal) &&
    (types === undefined || types.includes(type)) &&
    (actor === undefined || metadata.actor.id === actor || metadata.actor.id === formerActor) &&
    (command === undefined || metadata.command === command) &&
    (commandId === undefined || metadata.commandId === commandId) &&
    (correlationId === undefined || metadata.correlationId === correlationId) &&
    (recordedFrom === undefined || metadata.recordedAt >= recordedFrom) &&
    (recordedUntil === undefined || metadata.recordedAt <= recordedUntil)
  );
}

/** The place of an event that is probably asked for. */
export type HistoryPlace = Pick<PlaceRow, 'customerId' | 'journal' | 'revision' | 'position'> & Pair;

export interface HistoryPlaces {
  readonly places: readonly HistoryPlace[];
  /** Up to this position every event that is asked for has its place among them. */
  readonly examined: number;
  /** No event that is asked for comes after it in the range. */
  readonly ended: boolean;
  /** How many events of the log, of any partner, lie among the places; counted up to four times the places. */
  readonly among: number;
}

export interface HistoryRange {
  /** Exclusive. */
  readonly after: number;
  /** Inclusive. */
  readonly until: number;
  /** The most places of an answer. */
  readonly limit: number;
}

/** How much one call looks at: an answer must not hold up all others. */
export interface SearchBounds {
  /** Entries of an index by partner, for all sought names together. */
  readonly entries: number;
  /** Sections that are read before the limit is checked: a busy customer may have all of their events. */
  readonly sectionsAtOnce: number;
  /** Sections altogether: most of them have no event that is sought. */
  readonly sections: number;
}

const usualBounds: SearchBounds = { entries: 2_000, sectionsAtOnce: 32, sections: 1_024 };

/** The next places of events that are asked for, in the order of the log. */
export function historyPlaces(
  queries: ViewQueries,
  filter: HistoryFilter,
  range: HistoryRange,
  bounds: SearchBounds = usualBounds,
): HistoryPlaces {
  const within = { ...range, ...withinTimes(queries, filter, range) };
  if (within.after >= within.until) return { places: [], examined: range.until, ended: true, among: 0 };
  const sought = soughtBy(filter);
  const column = bySection.find((each) => sought.values[each]);
  const entries = column
    ? entriesBySection(queries, column, sought, within, bounds)
    : entriesOfPartner(queries, sought, within, bounds);
  let { examined } = entries;
  const found = entries.found.slice(0, range.limit).map(({ customerId, journal, revision, position }) => ({
    partnerId: filter.partnerId,
    customerId,
    journal,
    revision,
    position,
  }));
  if (entries.found.length > found.length) examined = found.at(-1)!.position;
  const ended = examined >= within.until;
  return { places: found, examined: ended ? range.until : examined, ended, among: amongThem(queries, found) };
}

/** The columns that a search looks at, with the sought values of each; undefined admits every value. */
type SoughtValues = Readonly<Record<SoughtColumn, readonly (string | number)[] | undefined>>;

function soughtBy(filter: HistoryFilter) {
  const printed = (...texts: (string | undefined)[]) => {
    const prints = texts.flatMap((text) => (text === undefined ? [] : [fingerprint(text)]));
    return prints.length === 0 ? undefined : prints;
  };
  const values: SoughtValues = {
    commandId: printed(filter.commandId),
    correlationId: printed(filter.correlationId),
    customerId: filter.customerId === undefined ? undefined : [filter.customerId],
    actor: printed(filter.actor, filter.formerActor),
    command: printed(filter.command),
    type: filter.types && [...new Set(filter.types.map(fingerprint))],
  };
  return {
    partner: fingerprint(filter.partnerId),
    journals: filter.journals ? [false, true] : [false],
    values,
    from: filter.recordedFrom === undefined ? -Infinity : Date.parse(filter.recordedFrom),
    to: filter.recordedUntil === undefined ? Infinity : Date.parse(filter.recordedUntil),
  };
}
type Sought = ReturnType<typeof soughtBy>;

function isSought(row: PlaceRow, { partner, journals, values, from, to }: Sought): boolean {
  return (
    row.partner === partner &&
    journals.includes(row.journal) &&
    soughtColumns.every((column) => values[column]?.includes(row[column]) ?? true) &&
    row.recordedAt >= from &&
    row.recordedAt <= to
  );
}

interface Entries {
  /** In the order of the log. */
  readonly found: readonly PlaceRow[];
  /** The position up to which none is missing. */
  readonly examined: number;
}

const queryOfPartnerBy = (column: (typeof byPartner)[number] | undefined) =>
  viewQuery((tables: Kysely<HistoryTables>) => {
    const entries = tables
      .selectFrom(places)
      .selectAll()
      .where('partner', '=', bound<number>('partner'))
      .where('journal', '=', bound<boolean>('journal'))
      .where('position', '>', bound<number>('after'))
      .where('position', '<=', bound<number>('until'))
      .orderBy('position')
      .limit(bound<number>('most'));
    return column === undefined ? entries : entries.where(column, '=', bound<number>('value'));
  });
const entriesOfPartnerBy = new Map(
  [undefined, ...byPartner].map((column) => [column, queryOfPartnerBy(column)] as const),
);

function entriesOfPartner(
  queries: ViewQueries,
  sought: Sought,
  { after, until }: HistoryRange,
  bounds: SearchBounds,
): Entries {
  const { partner, journals } = sought;
  const column = byPartner.find((each) => sought.values[each]);
  const query = entriesOfPartnerBy.get(column)!;
  const values = column ? sought.values[column]! : [undefined];
  const most = Math.ceil(bounds.entries / (journals.length * values.length));
  let examined = until;
  const found: PlaceRow[] = [];
  for (const journal of journals)
    for (const value of values) {
      const rows = queries.all(query, { partner, journal, after, until, most, value });
      // There may be more entries with this value after it.
      if (rows.length === most) examined = Math.min(examined, rows.at(-1)!.position);
      found.push(...rows);
    }
  return { found: found.filter((row) => row.position <= examined && isSought(row, sought)).sort(inOrder), examined };
}

const sectionAt = (comparison: '>' | '<=', direction: 'asc' | 'desc') =>
  viewQuery((tables: Kysely<HistoryTables>) =>
    tables
      .selectFrom(places)
      .select('section')
      .where('position', comparison, bound<number>('position'))
      .orderBy('position', direction)
      .limit(sql.lit(1)),
  );
const sectionAfter = sectionAt('>', 'asc');
const sectionUpTo = sectionAt('<=', 'desc');

const queryOfSectionBy = (column: (typeof bySection)[number]) =>
  viewQuery((tables: Kysely<HistoryTables>) =>
    tables
      .selectFrom(places)
      .selectAll()
      .where('section', '=', bound<number>('section'))
      .where(column, '=', bound<never>('value')),
  );
const entriesOfSectionBy = new Map(bySection.map((column) => [column, queryOfSectionBy(column)] as const));

const startOfSection = viewQuery((tables: Kysely<HistoryTables>) =>
  tables
    .selectFrom(places)
    .select(({ fn }) => fn.min('position').as('position'))
    .where('section', '=', bound<number>('section')),
);

function entriesBySection(
  queries: ViewQueries,
  column: (typeof bySection)[number],
  sought: Sought,
  { after, until, limit }: HistoryRange,
  bounds: SearchBounds,
): Entries {
  const first = queries.all(sectionAfter, { position: after })[0]?.section;
  const last = queries.all(sectionUpTo, { position: until })[0]?.section;
  if (first === undefined || last === undefined || first > last) return { found: [], examined: until };

  const query = entriesOfSectionBy.get(column)!;
  const [value] = sought.values[column]!;
  const found: PlaceRow[] = [];
  let section = first;
  while (section <= last && section < first + bounds.sections && found.length <= limit) {
    const next = Math.min(section + bounds.sectionsAtOnce, last + 1);
    for (; section < next; section++)
      found.push(
        ...queries
          .all(query, { section, value })
          .filter((row) => row.position > after && row.position <= until && isSought(row, sought))
          .sort(inOrder),
      );
  }
  if (section > last) return { found, examined: until };
  const [rest] = queries.all(startOfSection, { section });
  return { found, examined: Math.min(until, rest!.position - 1) };
}

function inOrder(one: PlaceRow, other: PlaceRow): number {
  return one.position - other.position;
}

const countBetween = viewQuery((tables: Kysely<HistoryTables>) =>
  tables
    .selectFrom(
      tables
        .selectFrom(places)
        .select('position')
        .where('position', '>=', bound<number>('first'))
        .where('position', '<=', bound<number>('last'))
        .limit(bound<number>('most'))
        .as('among'),
    )
    .select(({ fn }) => fn.countAll<number>().as('count')),
);

function amongThem(queries: ViewQueries, found: readonly HistoryPlace[]): number {
  if (found.length < 2) return found.length;
  const [first, last] = [found[0]!.position, found.at(-1)!.position];
  return queries.all(countBetween, { first, last, most: 4 * found.length })[0]!.count;
}

const nextEntry = viewQuery((tables: Kysely<HistoryTables>) =>
  tables
    .selectFrom(places)
    .select(['position', 'recordedAt', 'lag'])
    .where('position', '>=', bound<number>('from'))
    .where('position', '<=', bound<number>('until'))
    .orderBy('position')
    .limit(sql.lit(1)),
);
const totals = viewQuery((tables: Kysely<HistoryTables>) => tables.selectFrom(clock).selectAll());

/** The latest time at which an event of any relationship was recorded; undefined where there is none. */
export function latestRecording(queries: ViewQueries): string | undefined {
  const [row] = queries.all(totals, {});
  return row && new Date(row.latest).toISOString();
}

/**
 * The part of a range that can have events of the times asked for. Times are not in the order of the log,
 * but the latest time so far is, and no event lags it by more than the largest lag.
 */
function withinTimes(
  queries: ViewQueries,
  { recordedFrom, recordedUntil }: HistoryFilter,
  { after, until }: HistoryRange,
): { readonly after: number; readonly until: number } {
  if (recordedFrom === undefined && recordedUntil === undefined) return { after, until };

  /** The first position after `from` at which something later than that had been recorded; `until` + 1 if there is none. */
  function firstLaterThan(time: number, from: number): number {
    let [low, high] = [from + 1, until + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [row] = queries.all(nextEntry, { from: middle, until });
      if (!row || row.recordedAt + row.lag > time) high = middle;
      else low = row.position + 1;
    }
    return low;
  }

  const first = recordedFrom === undefined ? after + 1 : firstLaterThan(Date.parse(recordedFrom) - 1, after);
  if (recordedUntil === undefined) return { after: first - 1, until };
  const [seen] = queries.all(totals, {});
  const last = firstLaterThan(Date.parse(recordedUntil) + (seen?.largestLag ?? 0), first - 1);
  return { after: first - 1, until: last - 1 };
}
