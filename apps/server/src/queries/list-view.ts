import { hash } from 'node:crypto';
import { canonicalJson, ledgerStream, LogDamaged, Rejection, StoreUnavailable } from '#event-sourcing';
import { Answer, isNamed, noneMatch, Problem } from '#http';
import { isUpTo, ViewNotBuilt, ViewsDamaged, type Until } from '#projector';
import { InvalidCursor, relationshipViews, type Page, type PageRequest, type ViewName, type Views } from '#read-models';
import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { Kysely } from 'kysely';
import { momentOf, requireReached, type Moment } from '../as-of/moment.js';
import type { PastView } from '../as-of/past-views.js';
import { policyThen } from '../as-of/policy-then.js';
import { ServedLedger } from '../served-ledger.js';
import { operationAnswer } from '../operations/operations.controller.js';
import { endedWithin, type Operation } from '../operations/operations.js';
import { requireReader, type Requester } from '../requester.js';
import { representation } from '../representation.js';
import { oldestBehind } from '../health/view-lags.js';
import type { IncomingQuery } from './incoming-query.js';
import type { PageParameters } from './parameters.js';
import { waitMs } from './prefer.js';
import type { Circumstances } from './read-relationship.js';

/** Of a list as it stood that takes longer than its caller waits; asked for by name. */
const operationType = 'application/vnd.reseller-ledger.operation+json';

/** A page of a view, and what else the answer shows beside its items. */
export type PageOf = Page<object> & { readonly beside?: object };

export interface Listing {
  readonly view: ViewName;
  readonly page: (db: Kysely<Views>, request: PageRequest, at: Circumstances) => Promise<PageOf>;
  /** Rows change by the clock alone, so that a tag made of the view's position would lie. */
  readonly dependsOnClock?: boolean;
}

/** What answers look like: another release may show the same place otherwise, and a past has no other place to tell it by. */
function formOf(view: ViewName): string {
  return `${representation}.${relationshipViews.find(({ name }) => name === view)!.version}`;
}

/** A page of a view, as it stands or as it stood. */
export class ListView {
  constructor(
    readonly listing: Listing,
    readonly incoming: IncomingQuery,
    readonly parameters: PageParameters,
  ) {}
}

/** A list under one query: what its pages have in common, and where this one begins. */
interface Listed {
  readonly listing: Listing;
  readonly incoming: IncomingQuery;
  /** Whose list it is belongs to the query too: a cursor is good for nobody else. */
  readonly query: string;
  readonly after: readonly string[] | undefined;
  readonly request: PageRequest;
  /** Of a place and the event that stands there: after a restore other rows hold for the same place. */
  readonly tagOf: (place: string, eventId: string | undefined) => string;
}

/** Into the store, for what a view does not hold yet. */
interface Look {
  readonly position: number;
  /** The time of the first request that it was made for. */
  readonly at: string;
  /** When the first event after the position was recorded; undefined where there is none. */
  readonly oldest: Promise<string | undefined>;
}

@QueryHandler(ListView)
export class ListViewHandler implements IQueryHandler<ListView, Answer> {
  private readonly oldestBehind = oldestBehind();
  private look: Look | undefined;

  constructor(private readonly ledger: ServedLedger) {}

  async execute({ listing, incoming, parameters }: ListView): Promise<Answer> {
    const { requester, headers, path } = incoming;
    requireReader(requester);
    const now = this.ledger.clock();
    const moment = momentOf(parameters, now);
    const { cursor, limit, atLeast, ...selection } = parameters;
    const query = canonicalJson({ path, partner: requester.partner.tenantId, ...selection });
    const after = cursor === undefined ? undefined : (this.ledger.cursors.read(query, cursor) as string[]);
    const listed: Listed = {
      listing,
      incoming,
      query,
      after,
      request: limit === undefined ? {} : { limit },
      tagOf: (place, eventId) =>
        `W/"${place}.${hash('sha256', `${formOf(listing.view)} ${query} ${cursor} ${limit} ${eventId}`).slice(0, 16)}"`,
    };
    if (moment) return this.asItStood(listed, moment, atLeast);
    await this.requireRelationship(requester);
    await this.waitFor(listing.view, await this.ledger.positions.asked(headers, atLeast), headers.prefer);
    return this.asItStands(listed, now);
  }

  private async asItStands({ listing, incoming, query, after, request, tagOf }: Listed, now: string): Promise<Answer> {
    const { views, policy, positions } = this.ledger;
    const { result, position, eventId } = await views
      .read(listing.view, (db) => listing.page(db, { ...request, ...(after ? { after } : {}) }, { now, policy }))
      .catch(refused);

    const answered: Record<string, string> = {
      'Ledger-Position': positions.of({ position, id: eventId }),
      ...this.link(incoming, query, result.next),
    };
    if (listing.dependsOnClock) answered['Cache-Control'] = 'no-store';
    else {
      answered['Cache-Control'] = 'private, no-cache';
      // Weak: the time in the body differs, what it says does not.
      answered['ETag'] = tagOf(String(position), eventId);
      if (noneMatch(incoming.headers['if-none-match'], answered['ETag'])) return new Answer(304, answered, undefined);
    }
    const asOf = await this.upTo(listing.view, position, now);
    return new Answer(200, answered, { items: result.rows, ...result.beside, position: String(position), asOf });
  }

  /**
   * A page of the view as it stood. A time is resolved once, to the log as it is with the first page; the cursor carries
   * the place, so that further pages are of the same past even after it had to be projected anew.
   */
  private async asItStood(listed: Listed, moment: Moment, atLeast: string | undefined): Promise<Answer> {
    const { listing, incoming, after } = listed;
    const { store, pastViews, operations, positions } = this.ledger;
    const head = await store.head();
    // What the reader has written is in the log, or it is another's: nothing to wait for.
    await positions.asked(incoming.headers, atLeast, head);
    const position = after
      ? await positions.read(after[0]!, head, 'cursor')
      : moment.kind === 'position'
        ? moment.position
        : head;
    requireReached(position, head);
    const until: Until = { position, ...(moment.kind === 'time' ? { recordedUntil: moment.at } : {}) };
    await this.requireRelationship(incoming.requester, until);

    const patienceMs = waitMs(incoming.headers.prefer);
    const held = await pastViews.hold(listing.view, until, incoming.requester.partner.tenantId);
    try {
      const { past } = held;
      const inTime = past.status === 'succeeded' || (await endedWithin(past, patienceMs));
      if (inTime) return await this.pageOfPast(listed, past, until);
      const href = incoming.search ? `${incoming.path}?${incoming.search}` : incoming.path;
      const operation = operations.follow(past, pastViews, { requester: incoming.requester, href });
      return takesLonger(operation, incoming);
    } finally {
      held.release();
    }
  }

  private async pageOfPast(
    { listing, incoming, query, after, request, tagOf }: Listed,
    past: PastView,
    { position, recordedUntil }: Until,
  ): Promise<Answer> {
    if (past.status === 'cancelled') throw new Problem('ShuttingDown', { outcome: 'none' }, { 'Retry-After': '1' });
    if (past.error) throw past.error;
    const { pastViews, positions } = this.ledger;
    const began = await this.whenTheLedgerBegan();
    const { result, asOf, last } = await pastViews
      .read(past, async (db, lastCounted) => {
        const asOf = recordedUntil ?? lastCounted?.recordedAt ?? began;
        const at: Circumstances = {
          now: asOf,
          // The one in force then; asked for by rows alone, and where there are rows there is an event.
          get policy() {
            return policyThen(lastCounted!.policy);
          },
        };
        const rest = after?.slice(1);
        const result = await listing.page(db, { ...request, ...(rest ? { after: rest } : {}) }, at);
        return { result, asOf, last: lastCounted };
      })
      .catch(refused);
    const placed = await positions.at(position);
    const next = result.next && [placed, ...result.next];
    const answered: Record<string, string> = {
      'Ledger-Position': placed,
      ...this.link(incoming, query, next),
      'Cache-Control': 'private, no-cache',
      // Of the last event that counts: where the log ends now changes nothing. Weak, because the position in the body may.
      ETag: tagOf(`then-${last?.position ?? 0}`, last?.id),
    };
    if (noneMatch(incoming.headers['if-none-match'], answered['ETag']!)) return new Answer(304, answered, undefined);
    return new Answer(200, answered, { items: result.rows, ...result.beside, position: String(position), asOf });
  }

  /** What a moment without any relationship is told to be the state of. */
  private async whenTheLedgerBegan(): Promise<string> {
    const [first] = await this.ledger.store.read(ledgerStream, { to: 0 });
    return first!.metadata.recordedAt;
  }

  private link(
    { path, search }: IncomingQuery,
    query: string,
    next: readonly string[] | undefined,
  ): Record<string, string> {
    if (!next) return {};
    const parameters = new URLSearchParams(search);
    parameters.set('cursor', this.ledger.cursors.write(query, next));
    return { Link: `<${path}?${parameters.toString()}>; rel="next"` };
  }

  /** @throws Rejection when the list is one customer's who was none, now or then */
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
   * Everything recorded before that is in the answer. A store that cannot say, because it is away or damaged, does not
   * keep back what the view holds: then it is the time at which the view last moved.
   */
  private async upTo(view: ViewName, position: number, now: string): Promise<string> {
    try {
      const { at, oldest } = this.lookAfter(position, now);
      return (await oldest) ?? at;
    } catch (error) {
      if (!(error instanceof StoreUnavailable || error instanceof LogDamaged)) throw error;
      return this.ledger.views.status().find(({ name }) => name === view)?.updatedAt ?? now;
    }
  }

  /** One look into the store serves all answers that are made in one turn of the event loop and rest on one position. */
  private lookAfter(position: number, now: string): Look {
    if (this.look?.position === position) return this.look;
    const look = { position, at: now, oldest: this.oldestBehind(this.ledger.store, position) };
    this.look = look;
    setImmediate(() => {
      if (this.look === look) this.look = undefined;
    });
    return look;
  }

  private async waitFor(view: ViewName, position: number, prefer: string | string[] | undefined): Promise<void> {
    const { views } = this.ledger;
    // Read even where nothing is waited for: whether a request is refused must not hang on how far the view is.
    const patienceMs = waitMs(prefer);
    if (position === 0 || (await views.reached(view, position, patienceMs))) return;
    const at = views.status().find(({ name }) => name === view)?.position ?? 0;
    throw new Problem('ViewBehind', { position: String(at) }, { 'Retry-After': '1' });
  }
}

function refused(error: unknown): never {
  // Until somebody has made it anew.
  if (error instanceof ViewsDamaged) throw new Problem('ViewUnavailable', {}, { 'Retry-After': '3600' });
  if (error instanceof ViewNotBuilt) throw new Problem('ViewUnavailable', {}, { 'Retry-After': '1' });
  if (error instanceof InvalidCursor) throw new Problem('InvalidCursor');
  throw error;
}

/** An operation for the caller who takes one for an answer. For others a problem: then an answer has one form, whatever it takes to make it. */
function takesLonger(operation: Operation, { requester, headers }: IncomingQuery): Answer {
  const Location = `${operationsOf(requester)}/${operation.id}`;
  if (!isNamed(headers.accept, operationType))
    throw new Problem('AsOfInProgress', {}, { Location, 'Retry-After': '1' });
  return operationAnswer(202, operation, { Location, 'Content-Type': operationType });
}

/** In the form that the caller may use: a customer's people name the partner and themselves. */
function operationsOf({ actor, partner, customerId }: Requester): string {
  return actor.kind === 'customerUser'
    ? `/v1/partners/${partner.tenantId}/customers/${customerId}/operations`
    : '/v1/operations';
}
