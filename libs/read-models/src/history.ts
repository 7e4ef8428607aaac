import { sql, type Kysely } from 'kysely';
import type { RelationshipEvents } from '#customer-relationship';
import type { Projection, RecordedEvent, ViewQueries } from '#event-sourcing';
import { flag, guid, table, text, whole, type RowOf } from './columns.js';
import { fingerprint } from './fingerprint.js';
import type { Pair } from './pair.js';
import { bound, viewQuery } from './query.js';
import { view } from './view.js';

const version = 1;
const places = `history_v${version}` as const;
const clock = `history_clock_v${version}` as const;

/** The relationship that a stream belongs to, and whether it is the journal beside it. */
interface HistorySubject extends Pair {
  readonly journal?: boolean;
}

// Names of streams are as lasting as events. They are read here and not by the domain, which views know by type alone.
const guidPattern = '([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})';
const streamPattern = new RegExp(`^customerRelationship(Journal)?-${guidPattern}-${guidPattern}$`);

/** What the name of a stream says; undefined for streams that are no relationship's. */
export function historySubjectOf(stream: string): HistorySubject | undefined {
  const match = streamPattern.exec(stream);
  return match ? { partnerId: match[2]!, customerId: match[3]!, journal: match[1] !== undefined } : undefined;
}

/**
 * Where an event is to be found. A ledger has a row for every event, with seven indexes, so that texts stand as
 * fingerprints: less than half the size. What an index finds is only a candidate; the event itself is read and compared.
 */
const placeColumns = {
  position: whole(),
  /** Which section of the log it stands in, counted; see {@link sectionSize}. */
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
  /** By how much an event before it in the log was recorded later: servers' clocks differ. */
  lag: whole(),
};
type PlaceRow = RowOf<typeof placeColumns>;

/** The one row of what has been seen so far. */
const clockColumns = {
  name: text(),
  /** Events. */
  count: whole(),
  /** The latest time at which anything was recorded. */
  latest: whole(),
  largestLag: whole(),
};

interface HistoryTables {
  readonly [places]: PlaceRow;
  readonly [clock]: RowOf<typeof clockColumns>;
}

/**
 * An index of what is different in nearly every event has a random place for each, and a transaction would write a page of
 * the file for each. So these are kept by sections of so many events: what is new goes into a few pages, the same ones for a
 * while, and a search looks once into every section.
 */
const sectionSize = 1_024;
/** In which of a row's columns something is looked for section by section, the most selective first. */
const bySection = ['commandId', 'correlationId', 'customerId'] as const;
/** And in which within all events of a partner: of these there are few different ones. */
const byPartner = ['actor', 'command', 'type'] as const;

/** Where every event of relationships and their journals stands, so that a history is filtered without being read whole. */
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

/** How much is looked at before anybody else has a turn: an answer must not hold up all others. */
export interface SearchBounds {
  /** Entries of an index by partner, those of all names that are asked for together. */
  readonly entries: number;
  /** Sections at once, of which a busy customer may have all events … */
  readonly sectionsAtOnce: number;
  /** … and sections altogether, of most of which nothing comes. */
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
  const { after, until } = withinTimes(queries, filter, range);
  if (after >= until) return { places: [], examined: range.until, ended: true, among: 0 };
  const sought = soughtBy(filter);
  const column = bySection.find((each) => sought[each] !== undefined);
  const entries = column
    ? entriesBySection(queries, column, sought, { ...range, after, until }, bounds)
    : entriesOfPartner(queries, sought, { ...range, after, until }, bounds);
  let { examined } = entries;
  const found = entries.found.slice(0, range.limit).map(({ customerId, journal, revision, position }) => ({
    partnerId: filter.partnerId,
    customerId,
    journal,
    revision,
    position,
  }));
  if (entries.found.length > found.length) examined = found.at(-1)!.position;
  const ended = examined >= until;
  return { places: found, examined: ended ? range.until : examined, ended, among: amongThem(queries, found) };
}

/** What is asked for, as rows have it. */
interface Sought {
  readonly partner: number;
  readonly journals: boolean;
  readonly types: ReadonlySet<number> | undefined;
  readonly commandId: number | undefined;
  readonly correlationId: number | undefined;
  readonly customerId: string | undefined;
  readonly actor: number | undefined;
  readonly command: number | undefined;
  readonly from: number;
  readonly to: number;
}

function soughtBy(filter: HistoryFilter): Sought {
  const printed = (text: string | undefined) => (text === undefined ? undefined : fingerprint(text));
  return {
    partner: fingerprint(filter.partnerId),
    journals: filter.journals === true,
    types: filter.types && new Set(filter.types.map(fingerprint)),
    commandId: printed(filter.commandId),
    correlationId: printed(filter.correlationId),
    customerId: filter.customerId,
    actor: printed(filter.actor),
    command: printed(filter.command),
    from: filter.recordedFrom === undefined ? -Infinity : Date.parse(filter.recordedFrom),
    to: filter.recordedUntil === undefined ? Infinity : Date.parse(filter.recordedUntil),
  };
}

function isSought(row: PlaceRow, { partner, journals, types, from, to, ...rest }: Sought): boolean {
  const { commandId, correlationId, customerId, actor, command } = rest;
  return (
    row.partner === partner &&
    (journals || !row.journal) &&
    (types === undefined || types.has(row.type)) &&
    (commandId === undefined || row.commandId === commandId) &&
    (correlationId === undefined || row.correlationId === correlationId) &&
    (customerId === undefined || row.customerId === customerId) &&
    (actor === undefined || row.actor === actor) &&
    (command === undefined || row.command === command) &&
    row.recordedAt >= from &&
    row.recordedAt <= to
  );
}

interface Entries {
  /** In the order of the log. */
  readonly found: readonly PlaceRow[];
  /** Nothing up to here is missing. */
  readonly examined: number;
}

const entriesOfPartnerBy = (column?: (typeof byPartner)[number]) =>
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
const entriesOfPartnerByNothing = entriesOfPartnerBy();
const entriesOfPartnerByColumn = {
  actor: entriesOfPartnerBy('actor'),
  command: entriesOfPartnerBy('command'),
  type: entriesOfPartnerBy('type'),
};

function entriesOfPartner(
  queries: ViewQueries,
  sought: Sought,
  { after, until }: HistoryRange,
  bounds: SearchBounds,
): Entries {
  const { partner } = sought;
  const column = byPartner.find((each) => (each === 'type' ? sought.types : sought[each]) !== undefined);
  const query = column === undefined ? entriesOfPartnerByNothing : entriesOfPartnerByColumn[column];
  const values = column === undefined ? [undefined] : column === 'type' ? [...sought.types!] : [sought[column]!];
  const journals = sought.journals ? [false, true] : [false];
  const most = Math.ceil(bounds.entries / (journals.length * values.length));
  let examined = until;
  const found: PlaceRow[] = [];
  for (const journal of journals)
    for (const value of values) {
      const rows = queries.all(query, { partner, journal, after, until, most, value });
      // After it there are more with this value.
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

const entriesOfSectionBy = (column: (typeof bySection)[number]) =>
  viewQuery((tables: Kysely<HistoryTables>) =>
    tables
      .selectFrom(places)
      .selectAll()
      .where('section', '=', bound<number>('section'))
      .where(column, '=', bound<never>('value')),
  );
const entriesOfSection = {
  commandId: entriesOfSectionBy('commandId'),
  correlationId: entriesOfSectionBy('correlationId'),
  customerId: entriesOfSectionBy('customerId'),
};

const beginOfSection = viewQuery((tables: Kysely<HistoryTables>) =>
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

  const found: PlaceRow[] = [];
  let section = first;
  while (section <= last && section < first + bounds.sections && found.length <= limit) {
    const next = Math.min(section + bounds.sectionsAtOnce, last + 1);
    for (; section < next; section++)
      found.push(
        ...queries
          .all(entriesOfSection[column], { section, value: sought[column] })
          .filter((row) => row.position > after && row.position <= until && isSought(row, sought))
          .sort(inOrder),
      );
  }
  if (section > last) return { found, examined: until };
  const [rest] = queries.all(beginOfSection, { section });
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
const largestLag = viewQuery((tables: Kysely<HistoryTables>) => tables.selectFrom(clock).select('largestLag'));

/**
 * The part of a range outside of which nothing was recorded at the times asked for. Times are not in the order of the log,
 * but the latest time so far is, and no event lags behind that by more than the largest lag.
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
  const [seen] = queries.all(largestLag, {});
  const last = firstLaterThan(Date.parse(recordedUntil) + (seen?.largestLag ?? 0), first - 1);
  return { after: first - 1, until: last - 1 };
}
