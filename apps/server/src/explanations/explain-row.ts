import { isDeepStrictEqual } from 'node:util';
import { businessRules, governance, type RuleNumber } from '#customer-relationship';
import { Rejection } from '#event-sourcing';
import { Answer, Matching, nameOf, Optional, WholeText } from '#http';
import { belongsTo } from '#read-models';
import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { ExplainedEvent, ExplanationAnswer, UnrecordedEvent as UnrecordedAnswer } from '../contract/answers.js';
import { momentOf, RelationshipAsOfParameters } from '../as-of/moment.js';
import { eventsUntil } from '../as-of/relationship-then.js';
import { ServedLedger } from '../served-ledger.js';
import { isMeant, namedRevision, nameOfRevision, revisionIn } from '../named-revision.js';
import { requirePartnersSide, requireReader } from '../requester.js';
import { lostInRestore } from '../positions.js';
import type { IncomingQuery } from '../queries/incoming-query.js';
import { explain, plainName, type Contribution, type RowChange, type RowThen } from './explain.js';
import type { ExplainedRow } from './explained-rows.js';
import { unrecordedEvents, type UnrecordedEvent } from './unrecorded-events.js';

export class ExplanationParameters extends RelationshipAsOfParameters {
  /** Events after this revision; absent: from the first. */
  @Optional(Matching(namedRevision, 'a revision, or one as the next link brings it', '7')) after?: string;
  @Optional(WholeText(1, 200)) limit?: number;
}

/** Why a row of a list is as it is, or no longer exists. */
export class ExplainRow {
  constructor(
    readonly row: ExplainedRow,
    readonly incoming: IncomingQuery,
    readonly parameters: ExplanationParameters,
  ) {}
}

const defaultLimit = 200;

@QueryHandler(ExplainRow)
export class ExplainRowHandler implements IQueryHandler<ExplainRow, Answer> {
  constructor(private readonly ledger: ServedLedger) {}

  async execute(query: ExplainRow): Promise<Answer> {
    const { requester } = query.incoming;
    requirePartnersSide(requester);
    requireReader(requester);
    return this.ledger.longReadings(nameOf(requester.actor), async () => {
      query.incoming.requireThere();
      return this.explained(query);
    });
  }

  private async explained({ row, incoming, parameters }: ExplainRow): Promise<Answer> {
    const { requester, path } = incoming;
    const { store, clock, policy, positions, turns } = this.ledger;
    const pause = () => turns.take(nameOf(requester.actor)).then(incoming.requireThere);
    await positions.asked(incoming.headers);
    const moment = await momentOf(parameters, this.ledger);
    const now = moment ? undefined : clock.now();
    const events = await eventsUntil(store, requester.stream, moment, pause);
    const last = events.at(-1);
    if (!last) throw new Rejection('RelationshipNotFound');

    const { projection } = row;
    const key = Object.fromEntries(row.key.map((name) => [name, incoming.ids[name]!]));
    const pair = { partnerId: requester.partner.tenantId, customerId: requester.customerId };
    const { limit = defaultLimit } = parameters;
    const named = revisionIn(parameters.after);
    const after = named?.revision ?? -1;
    // A revision after a moment of the past is beyond its last event, so there is nothing to compare.
    if (named && !(moment && after > last.revision) && !isMeant(named, events[after]))
      throw lostInRestore(await store.head());
    const asOf = moment?.kind === 'time' ? moment.at : last.metadata.recordedAt;
    const until = now ?? asOf;
    const unrecorded = (naming: readonly Contribution[]) => unrecordedEvents(events, naming, until, policy);
    const inFull = { after, limit };
    const explained = await explain(projection, pair, events, belongsTo(row, key), inFull, pause, unrecorded);
    const { contributions, byTime } = explained;
    const isOwn = ({ table }: RowThen) => table === plainName(projection, row.table);
    const recorded = explained.recorded.find(isOwn);
    if (!recorded)
      throw new Rejection('ItemNotFound', { kind: key[row.kind] ?? row.kind, itemId: Object.values(key).at(-1) ?? '' });
    const at = (each: RowThen, time: string) =>
      each.row && row.at && isOwn(each) ? { ...each, row: row.at(each.row, time) } : each;
    const rows = explained.rows.map((each) => at(each, until));
    const own = rows.find(isOwn)!;

    const left = contributions.filter(({ event }) => event.revision > after);
    const page = firstOf(left, limit);
    const headers: Record<string, string> = { 'Ledger-Position': positions.of(last) };
    if (left.length > page.length) {
      const next = new URLSearchParams(incoming.search);
      next.set('after', nameOfRevision(page.at(-1)!.event));
      headers['Link'] = `<${path}?${next.toString()}>; rel="next"`;
    }
    const shown = page.map(contributionShown);
    // A comment is text of either side, beside what is known to the reader alone.
    const mayBeCoded = shown.every(({ comment }) => comment === null);
    const brought = firstOf(byTime, limit).map(broughtShown);
    const body = {
      view: projection.name,
      version: projection.version,
      key: { ...pair, ...key },
      listed: own.row !== null && row.isListed(own.row),
      rows,
      byTime: madeByTime(at(recorded, beforeEveryEnd), own, brought),
      events: shown,
      rules: Object.fromEntries(
        [...new Set([...shown, ...brought].flatMap(({ rules }) => rules))].map((number) => [
          number,
          businessRules[number],
        ]),
      ),
      revision: last.revision,
      position: String(last.position),
      ...(moment ? { asOf } : {}),
    } satisfies ExplanationAnswer;
    return new Answer(200, headers, body, mayBeCoded);
  }
}

/** A row as of then shows what is recorded: no end has passed. */
const beforeEveryEnd = '0000-01-01T00:00:00.000Z';

/** A page ends after this number of characters of changes: an item may hold thousands of others, before and after. */
const pageCharacters = 2 * 1024 * 1024;

/** The first contributions that fit on a page, at least one. */
export function firstOf<Changed extends Pick<Contribution, 'changes'>>(
  contributions: readonly Changed[],
  limit: number,
): readonly Changed[] {
  let characters = 0;
  const page: Changed[] = [];
  for (const contribution of contributions.slice(0, limit)) {
    characters += JSON.stringify(contribution.changes).length;
    if (page.length > 0 && characters > pageCharacters) break;
    page.push(contribution);
  }
  return page;
}

/** What time has made of the recorded row; null when nothing. */
function madeByTime(recorded: RowThen, own: RowThen, events: readonly UnrecordedAnswer[]): ExplanationAnswer['byTime'] {
  const [from, to] = [recorded.row, own.row] as readonly (Readonly<Record<string, unknown>> | null)[];
  const differing = from && to ? Object.keys(to).filter((field) => !isDeepStrictEqual(from[field], to[field])) : [];
  if (differing.length === 0 && events.length === 0) return null;
  const fields = differing.map((field) => [field, { from: from![field], to: to![field] }] as const);
  return { fields: Object.fromEntries(fields), events };
}

function broughtShown({
  event: { type, at, metadata },
  changes,
}: {
  readonly event: UnrecordedEvent;
  readonly changes: readonly RowChange[];
}) {
  const { command, policy } = metadata;
  return { type, at, command: command!, policy, rules: rulesOf(command), changes } satisfies UnrecordedAnswer;
}

function rulesOf(command: string | undefined): readonly RuleNumber[] {
  return (command !== undefined && governance(command)?.rules) || [];
}

function contributionShown({ event, changes, comment, cause }: Contribution) {
  const { revision, position, type, metadata } = event;
  const { recordedAt, command, commandId, correlationId, actor, schema, policy, release } = metadata;
  return {
    revision,
    position: String(position),
    type,
    recordedAt,
    command: command ?? null,
    commandId,
    correlationId,
    actor,
    comment: comment ?? null,
    schema,
    policy,
    release: release ?? null,
    rules: rulesOf(command),
    changes,
    cause: cause ? { revision: cause.revision, type: cause.type } : null,
  } satisfies ExplainedEvent;
}
