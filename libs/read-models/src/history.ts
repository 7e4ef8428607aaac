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
  /** Which section of the log it stands in, counted; see {@link sectionSize}. */
  readonly section: number;
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

/** The one row of what has been seen so far. */
interface ClockRow {
  readonly name: string;
  /** Events. */
  readonly count: number;
  /** The latest time at which anything was recorded. */
  readonly latest: number;
  readonly largestLag: number;
}

export interface HistoryTables {
  readonly [table]: HistoryRow;
  readonly [clock]: ClockRow;
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
export const historyView: Projection<RelationshipEvents, HistoryTables, HistorySubject> = {
  name: 'history',
  version,
  tables: {
    [table]: {
      columns: {
        position: 'integer',
        section: 'integer',
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
      indexes: [
        ['partner', 'journal'],
        ...byPartner.map((column) => ['partner', 'journal', column] as const),
        ...bySection.map((column) => ['section', column] as const),
      ],
    },
    [clock]: { columns: { name: 'text', count: 'integer', latest: 'integer', largestLag: 'integer' }, key: ['name'] },
  },
  subjectOf: historySubjectOf,
  keys: (_, __, { position }) => ({ [table]: [position], [clock]: ['log'] }),
  on: {},
  each({ [clock]: known }, { partnerId, customerId, journal = false }, { position, revision, type, metadata }) {
    const recordedAt = Date.parse(metadata.recordedAt);
    const latest = Math.max(known?.latest ?? 0, recordedAt);
    const lag = latest - recordedAt;
    const largestLag = Math.max(known?.largestLag ?? 0, lag);
    const count = known?.count ?? 0;
    return {
      [table]: {
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
export async function historyPlaces(
  db: Kysely<Views>,
  filter: HistoryFilter,
  range: HistoryRange,
  bounds: SearchBounds = usualBounds,
): Promise<HistoryPlaces> {
  const { after, until } = await withinTimes(db, filter, range);
  if (after >= until) return { places: [], examined: range.until, ended: true, among: 0 };
  const sought = soughtBy(filter);
  const column = bySection.find((each) => sought[each] !== undefined);
  const entries = column
    ? await entriesBySection(db, column, sought, { ...range, after, until }, bounds)
    : await entriesOfPartner(db, sought, { ...range, after, until }, bounds);
  let { examined } = entries;
  const places = entries.found.slice(0, range.limit).map(({ customerId, journal, revision, position }) => ({
    partnerId: filter.partnerId,
    customerId,
    journal,
    revision,
    position,
  }));
  if (entries.found.length > places.length) examined = places.at(-1)!.position;
  const ended = examined >= until;
  return { places, examined: ended ? range.until : examined, ended, among: await amongThem(db, places) };
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

function isSought(row: HistoryRow, { partner, journals, types, from, to, ...rest }: Sought): boolean {
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
  readonly found: readonly HistoryRow[];
  /** Nothing up to here is missing. */
  readonly examined: number;
}

async function entriesOfPartner(
  db: Kysely<Views>,
  sought: Sought,
  { after, until }: HistoryRange,
  bounds: SearchBounds,
): Promise<Entries> {
  const column = byPartner.find((each) => (each === 'type' ? sought.types : sought[each]) !== undefined);
  const values = column === undefined ? [undefined] : column === 'type' ? [...sought.types!] : [sought[column]!];
  const journals = sought.journals ? [false, true] : [false];
  const most = Math.ceil(bounds.entries / (journals.length * values.length));
  let examined = until;
  const found: HistoryRow[] = [];
  for (const journal of journals)
    for (const value of values) {
      let entries = db
        .selectFrom(table)
        .selectAll()
        .where('partner', '=', sought.partner)
        .where('journal', '=', journal)
        .where('position', '>', after)
        .where('position', '<=', until);
      if (column !== undefined && value !== undefined) entries = entries.where(column, '=', value);
      const rows = await entries.orderBy('position').limit(most).execute();
      // Behind it there are more with this value.
      if (rows.length === most) examined = Math.min(examined, rows.at(-1)!.position);
      found.push(...rows);
    }
  return {
    found: found.filter((row) => row.position <= examined && isSought(row, sought)).sort(inOrder),
    examined,
  };
}

async function entriesBySection(
  db: Kysely<Views>,
  column: (typeof bySection)[number],
  sought: Sought,
  { after, until, limit }: HistoryRange,
  bounds: SearchBounds,
): Promise<Entries> {
  const sectionAt = async (comparison: '>' | '<=', position: number, direction: 'asc' | 'desc') =>
    (
      await db
        .selectFrom(table)
        .select('section')
        .where('position', comparison, position)
        .orderBy('position', direction)
        .limit(1)
        .executeTakeFirst()
    )?.section;
  const first = await sectionAt('>', after, 'asc');
  const last = await sectionAt('<=', until, 'desc');
  if (first === undefined || last === undefined || first > last) return { found: [], examined: until };

  const found: HistoryRow[] = [];
  let section = first;
  while (section <= last && section < first + bounds.sections && found.length <= limit) {
    const next = Math.min(section + bounds.sectionsAtOnce, last + 1);
    const sections = Array.from({ length: next - section }, (_, index) => section + index);
    const rows = await db
      .selectFrom(table)
      .selectAll()
      .where('section', 'in', sections)
      .where(sql.ref<number | string>(column), '=', sought[column]!)
      .execute();
    found.push(
      ...rows.filter((row) => row.position > after && row.position <= until && isSought(row, sought)).sort(inOrder),
    );
    section = next;
  }
  if (section > last) return { found, examined: until };
  const behind = await db
    .selectFrom(table)
    .select(({ fn }) => fn.min('position').as('position'))
    .where('section', '=', section)
    .executeTakeFirstOrThrow();
  return { found, examined: Math.min(until, behind.position - 1) };
}

function inOrder(one: HistoryRow, other: HistoryRow): number {
  return one.position - other.position;
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
