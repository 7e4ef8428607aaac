import { hash } from 'node:crypto';
import { blocksAs, type Policy } from '#customer-relationship';
import {
  canonicalJson,
  ledgerStream,
  LogDamaged,
  Rejection,
  StoreUnavailable,
  type ViewQueries,
} from '#event-sourcing';
import { Answer, isNamed, noneMatch, Problem } from '#http';
import { isUpTo, ViewNotBuilt, ViewsDamaged, type Until } from '#projector';
import { dueViews, earliestDue, InvalidCursor, type Circumstances, type Page } from '#read-models';
import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { momentOf, requireReached, type Moment } from '../as-of/moment.js';
import type { PastView } from '../as-of/past-views.js';
import { policyThen } from '../as-of/relationship-then.js';
import { ServedLedger } from '../served-ledger.js';
import { operationAnswer } from '../operations/operations.controller.js';
import { endedWithin, type Operation } from '../operations/operations.js';
import { requireReader, type Requester } from '../requester.js';
import { representation } from '../representation.js';
import { oldestAfter } from '../health/view-lags.js';
import type { IncomingQuery } from './incoming-query.js';
import type { FoundList } from './list-routes.js';
import { ownOf, type PageParameters } from './parameters.js';
import { patienceOf, type Patience } from './prefer.js';

/** For a past list that takes longer than its caller waits. Sent only to callers that accept it by name. */
const operationType = 'application/vnd.reseller-ledger.operation+json';

/** Asks for a page of a view, as it stands or as it stood. */
export class ListView {
  constructor(
    readonly found: FoundList,
    readonly incoming: IncomingQuery,
    readonly parameters: PageParameters,
  ) {}
}

/** A list under one query: what its pages have in common, and the start of this page. */
interface Listed extends ListView {
  /** Includes the partner, so that a cursor is of no use to another one. */
  readonly query: string;
  readonly after: readonly string[] | undefined;
  readonly patience: Patience;
  /** The tag names the events at the place too: after a restore the same place has other rows. */
  readonly tagOf: (place: string, events: string | undefined) => string;
}

/** What the store says about events that a view does not hold yet. */
interface Look {
  readonly position: number;
  /** The time of the first request for it. */
  readonly at: string;
  /** When the first event after the position was recorded; undefined where there is none. */
  readonly oldest: Promise<string | undefined>;
}

@QueryHandler(ListView)
export class ListViewHandler implements IQueryHandler<ListView, Answer> {
  private readonly oldestAfter = oldestAfter();
  private look: Look | undefined;

  constructor(private readonly ledger: ServedLedger) {}

  async execute({ found, incoming, parameters }: ListView): Promise<Answer> {
    const { requester, headers, path } = incoming;
    requireReader(requester);
    const moment = await momentOf(parameters, this.ledger);
    const { cursor, limit, atLeast, ...selection } = parameters;
    const query = canonicalJson({ path, partner: requester.partner.tenantId, ...selection });
    const after = cursor === undefined ? undefined : (this.ledger.cursors.read(query, cursor) as string[]);
    const listed: Listed = {
      found,
      incoming,
      parameters,
      query,
      after,
      // Read even where no wait is needed: whether it was understood must not depend on how far the view is.
      patience: patienceOf(headers.prefer),
      tagOf: (place, events) =>
        `W/"${place}.${hash('sha256', `${formOf(found)} ${query} ${cursor} ${limit} ${events}`).slice(0, 16)}"`,
    };
    if (moment) return this.asItStood(listed, moment, atLeast);
    const { clock } = this.ledger;
    const now = found.list.dependsOnClock ? clock.now() : new Date(clock.estimate()).toISOString();
    await this.requireRelationship(requester);
    await this.waitFor(found.views, await this.ledger.positions.asked(headers, atLeast), listed.patience);
    return this.asItStands(listed, now);
  }

  private async asItStands(listed: Listed, now: string): Promise<Answer> {
    const { found, incoming, after, patience, tagOf } = listed;
    const { views, policy, positions } = this.ledger;
    // Asked first: what is recorded meanwhile only makes the page better than that.
    const until = await this.settledUntil(incoming.requester, now);
    const { result, position, eventId, state } = await views
      .read(found.views, (queries) =>
        pageOf(
          listed,
          queries,
          after,
          circumstances(now, () => policy),
        ),
      )
      .catch(refused);

    const answered: Record<string, string> = {
      'Ledger-Position': positions.of({ position, id: eventId }),
      ...patience.applied,
      ...(until === undefined ? {} : { 'Settled-Until': until }),
      ...this.link(listed, result.next),
    };
    if (!found.list.dependsOnClock) {
      // Weak: only the time in the body differs.
      answered['ETag'] = tagOf(String(position), state);
      if (noneMatch(incoming.headers['if-none-match'], answered['ETag']))
        return new Answer(304, answered, undefined, true);
    }
    const asOf = await this.upTo(found.views, position, now);
    return new Answer(200, answered, { items: result.rows, ...result.beside, position: String(position), asOf }, true);
  }

  /** Undefined while a view that knows it is being built or cannot be read: other lists are answered all the same. */
  private async settledUntil(requester: Requester, now: string): Promise<string | undefined> {
    try {
      const read = await this.ledger.views.read(dueViews, (queries) => settledUntil(queries, requester, now));
      return read.status === 'building' ? undefined : read.result;
    } catch (error) {
      if (error instanceof ViewsDamaged || error instanceof ViewNotBuilt) return undefined;
      throw error;
    }
  }

  /**
   * A page of the view as it stood. A time is resolved to a position once, for the first page. The cursor carries that
   * position, and the instant that a date meant, so that further pages show the same past even when it is projected again.
   */
  private async asItStood(listed: Listed, moment: Moment, atLeast: string | undefined): Promise<Answer> {
    const { found, incoming, after, patience } = listed;
    const { store, pastViews, operations, positions } = this.ledger;
    const head = await store.head();
    // Only checked: what the caller has written is in the log already.
    await positions.asked(incoming.headers, atLeast, head);
    const begun = after && isOfDate(moment) ? { ...moment, at: after[1]! } : moment;
    const position = after
      ? await positions.read(after[0]!, head, 'cursor')
      : begun.kind === 'position'
        ? begun.position
        : head;
    requireReached(position, head);
    const until: Until = { position, ...(begun.kind === 'time' ? { recordedUntil: begun.at } : {}) };
    await this.requireRelationship(incoming.requester, until);

    const held = await pastViews.hold(
      [...new Set([...found.views, ...dueViews])],
      until,
      incoming.requester.partner.tenantId,
    );
    try {
      const { past } = held;
      const inTime = past.status === 'succeeded' || (await endedWithin(past, patience.ms));
      if (inTime) return await this.pageOfPast(listed, past, until, isOfDate(begun));
      const href = `${incoming.path}?${isOfDate(begun) && !after ? naming(begun.at, incoming.search) : incoming.search}`;
      const operation = operations.follow(past, pastViews, { requester: incoming.requester, href });
      return takesLonger(operation, listed);
    } finally {
      held.release();
    }
  }

  private async pageOfPast(
    listed: Listed,
    past: PastView,
    { position, recordedUntil }: Until,
    byDate: boolean,
  ): Promise<Answer> {
    const { incoming, after, patience, tagOf } = listed;
    if (past.status === 'cancelled') throw new Problem('ShuttingDown', { outcome: 'none' }, { 'Retry-After': '1' });
    if (past.error) throw past.error;
    const { pastViews, positions } = this.ledger;
    const began = await this.whenTheLedgerBegan();
    const { result, asOf, last, settled } = await pastViews
      .read(past, (queries, lastCounted) => {
        const asOf = recordedUntil ?? lastCounted?.recordedAt ?? began;
        // The policy in force then. Before the first event there is no row that would need it.
        const at = circumstances(asOf, () => (lastCounted ? policyThen(lastCounted.policy) : this.ledger.policy));
        const settled = settledUntil(queries, incoming.requester, asOf);
        return { result: pageOf(listed, queries, after?.slice(byDate ? 2 : 1), at), asOf, last: lastCounted, settled };
      })
      .catch(refused);
    const placed = await positions.at(position);
    const next = result.next && [placed, ...(byDate ? [asOf] : []), ...result.next];
    const answered: Record<string, string> = {
      'Ledger-Position': placed,
      'Settled-Until': settled,
      ...patience.applied,
      ...this.link(listed, next),
      // Names the last event that counts, not the end of the log. Weak, because the position in the body may differ. The query
      // names the time, unless by a date, which may mean another one later.
      ETag: tagOf(`then-${last?.position ?? 0}${byDate ? `@${asOf}` : ''}`, last?.id),
    };
    if (noneMatch(incoming.headers['if-none-match'], answered['ETag']!))
      return new Answer(304, answered, undefined, true);
    return new Answer(200, answered, { items: result.rows, ...result.beside, position: String(position), asOf }, true);
  }

  /** The time that is reported for a moment before the first event of any relationship. */
  private async whenTheLedgerBegan(): Promise<string> {
    const [first] = await this.ledger.store.read(ledgerStream, { to: 0 });
    return first!.metadata.recordedAt;
  }

  private link({ incoming: { path, search }, query }: Listed, next: readonly string[] | undefined) {
    if (!next) return {};
    const parameters = new URLSearchParams(search);
    parameters.set('cursor', this.ledger.cursors.write(query, next));
    return { Link: `<${path}?${parameters.toString()}>; rel="next"` };
  }

  /** @throws Rejection for the list of a customer without a relationship at that time */
  private async requireRelationship({ stream }: Requester, until?: Until): Promise<void> {
    if (!stream) return;
    const { relationships, store } = this.ledger;
    if (until) {
      const [first] = await store.read(stream, { to: 0 });
      if (!first || !isUpTo(first, until)) throw new Rejection('RelationshipNotFound');
    } else if ((await relationships.ask(stream, (_, { revision }) => revision)) < 0)
      throw new Rejection('RelationshipNotFound');
  }

  /**
   * The answer holds everything recorded before this time. When the store is unreachable or damaged, the view is still
   * answered: then it is the time at which the view last moved.
   */
  private async upTo(names: readonly string[], position: number, now: string): Promise<string> {
    try {
      const { at, oldest } = this.lookAfter(position, now);
      return (await oldest) ?? at;
    } catch (error) {
      if (!(error instanceof StoreUnavailable || error instanceof LogDamaged)) throw error;
      const moved = this.ledger.views.status().filter(({ name }) => names.includes(name));
      return moved.map(({ updatedAt }) => updatedAt).toSorted()[0] ?? now;
    }
  }

  /** One look into the store serves all answers at one position within one turn of the event loop. */
  private lookAfter(position: number, now: string): Look {
    if (this.look?.position === position) return this.look;
    const look = { position, at: now, oldest: this.oldestAfter(this.ledger.store, position) };
    this.look = look;
    setImmediate(() => {
      if (this.look === look) this.look = undefined;
    });
    return look;
  }

  private async waitFor(names: readonly string[], position: number, { ms, applied }: Patience): Promise<void> {
    const { views } = this.ledger;
    if (position === 0 || (await views.reached(names, position, ms))) return;
    const found = views.status().filter(({ name }) => names.includes(name));
    const at = Math.min(...found.map(({ position }) => position));
    throw new Problem('ViewBehind', { position: String(at) }, { 'Retry-After': '1', ...applied });
  }
}

/** The version of the form of answers, part of their tags: another release may show the same position differently. */
function formOf({ versions }: FoundList): string {
  return `${representation}.${versions}`;
}

/**
 * How far it has been recorded what time has brought about: to the first end that has passed without its event. The list of
 * a customer says so of that customer alone: its people must learn nothing of others.
 */
function settledUntil(queries: ViewQueries, { partner, customerId }: Requester, now: string): string {
  const first = earliestDue(queries, partner.tenantId, customerId);
  return first !== undefined && first < now ? first : now;
}

function circumstances(now: string, policy: () => Policy): Circumstances {
  return {
    now,
    blockerOf: (facts) => blocksAs(facts, policy(), now),
    get removal() {
      return policy().removal;
    },
  };
}

/** A page of a list, and the fields that the answer has beside its items. */
function pageOf(
  { found: { list, ofCustomer }, incoming: { requester }, parameters }: ListView,
  queries: ViewQueries,
  after: readonly string[] | undefined,
  at: Circumstances,
): Page<object> & { readonly beside: object | undefined } {
  const partnerId = requester.partner.tenantId;
  const { customerId } = requester;
  const { limit } = parameters;
  const page = { ...(limit === undefined ? {} : { limit }), ...(after ? { after } : {}) };
  const { sort, ...own } = ownOf(parameters);
  const filter = ofCustomer ? { ...own, customerId } : own;
  const beside = ofCustomer ? list.ofCustomer?.beside?.read(queries, { partnerId, customerId }) : undefined;
  return { ...list.read(queries, { partnerId, sort, filter, ...page }, at), beside };
}

function refused(error: unknown): never {
  // An operator has to rebuild the view.
  if (error instanceof ViewsDamaged) throw new Problem('ViewUnavailable', {}, { 'Retry-After': '3600' });
  if (error instanceof ViewNotBuilt) throw new Problem('ViewUnavailable', {}, { 'Retry-After': '1' });
  if (error instanceof InvalidCursor) throw new Problem('InvalidCursor');
  throw error;
}

function isOfDate(moment: Moment): moment is Extract<Moment, { readonly kind: 'time' }> {
  return moment.kind === 'time' && moment.byDate === true;
}

/** The parameters with the instant in place of a date. */
function naming(at: string, search: string): string {
  const parameters = new URLSearchParams(search);
  parameters.set('asOf', at);
  return parameters.toString();
}

/** The operation, for a caller that accepts one. For others a problem, so that their answers have one form. */
function takesLonger(
  operation: Operation,
  { incoming: { requester, headers, publicPath }, patience: { applied } }: Listed,
): Answer {
  const Location = `${operationsOf(requester)}/${operation.id}`;
  if (!isNamed(headers.accept, operationType))
    throw new Problem('AsOfInProgress', {}, { Location, 'Retry-After': '1', ...applied });
  return operationAnswer(202, operation, publicPath, { Location, 'Content-Type': operationType, ...applied });
}

/** The path in the form that the caller may use: people of a customer name the partner and the customer. */
function operationsOf({ actor, partner, customerId }: Requester): string {
  return actor.kind === 'customerUser'
    ? `/v1/partners/${partner.tenantId}/customers/${customerId}/operations`
    : '/v1/operations';
}
