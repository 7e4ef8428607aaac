import { hash } from 'node:crypto';
import { canonicalJson, LogDamaged, Rejection, StoreUnavailable } from '#event-sourcing';
import { Answer, badRequest, ledgerPosition, noneMatch, parseLedgerPosition, parsePosition, Problem } from '#http';
import { ViewNotBuilt } from '#projector';
import { InvalidCursor, type Page, type PageRequest, type ViewName, type Views } from '#read-models';
import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { Kysely } from 'kysely';
import { Ledger } from '../ledger.js';
import { requireReader } from '../party.js';
import { oldestBehind } from '../view-lags.js';
import type { Asked } from './asked.js';
import type { PageParameters } from './parameters.js';

/** A page of a view, and what else the answer shows beside its items. */
export type PageOf = Page<object> & { readonly beside?: object };

export interface Listing {
  readonly view: ViewName;
  readonly page: (db: Kysely<Views>, request: PageRequest, now: string) => Promise<PageOf>;
  /** Rows change by the clock alone, so that a tag made of the view's position would lie. */
  readonly dependsOnClock?: boolean;
}

/** A page of a view. */
export class ListView {
  constructor(
    readonly listing: Listing,
    readonly asked: Asked,
    readonly parameters: PageParameters,
  ) {}
}

const defaultWaitMs = 2_000;

@QueryHandler(ListView)
export class ListViewHandler implements IQueryHandler<ListView, Answer> {
  private readonly oldestBehind = oldestBehind();

  constructor(private readonly ledger: Ledger) {}

  async execute({ listing, asked, parameters }: ListView): Promise<Answer> {
    const { views, relationships, cursors, id } = this.ledger;
    const { party, headers, path } = asked;
    requireReader(party);
    if (party.stream && (await relationships.ask(party.stream, (_, { revision }) => revision)) < 0)
      throw new Rejection('RelationshipNotFound');
    const now = this.ledger.clock();
    const { cursor, limit, atLeast, ...selection } = parameters;
    // Whose list it is belongs to the query too: a cursor is good for nobody else.
    const query = canonicalJson({ path, partner: party.partner.tenantId, ...selection });
    const after = cursor === undefined ? undefined : (cursors.read(query, cursor) as string[]);

    await this.waitFor(listing.view, await this.wanted(headers, atLeast), headers.prefer);
    const request = { ...(limit === undefined ? {} : { limit }), ...(after ? { after } : {}) };
    const { result, position } = await views
      .read(listing.view, (db) => listing.page(db, request, now))
      .catch((error: unknown) => {
        if (error instanceof ViewNotBuilt) throw new Problem('ViewUnavailable', {}, { 'Retry-After': '1' });
        if (error instanceof InvalidCursor) throw new Problem('InvalidCursor');
        throw error;
      });

    const answered: Record<string, string> = { 'Ledger-Position': ledgerPosition(position, id) };
    if (result.next) {
      const next = new URLSearchParams(asked.search);
      next.set('cursor', cursors.write(query, result.next));
      answered['Link'] = `<${path}?${next.toString()}>; rel="next"`;
    }
    if (listing.dependsOnClock) answered['Cache-Control'] = 'no-store';
    else {
      answered['Cache-Control'] = 'private, no-cache';
      // Weak: the time in the body differs, what it says does not.
      answered['ETag'] = `W/"${position}.${hash('sha256', `${query} ${cursor} ${limit}`).slice(0, 16)}"`;
      if (noneMatch(headers['if-none-match'], answered['ETag'])) return new Answer(304, answered, undefined);
    }
    const asOf = await this.asOf(listing.view, position, now);
    return new Answer(200, answered, { items: result.rows, ...result.beside, position: String(position), asOf });
  }

  /**
   * Everything recorded before that is in the answer. A store that cannot say, because it is away or damaged, does not
   * keep back what the view holds: then it is what was there when the view last moved.
   */
  private async asOf(view: ViewName, position: number, now: string): Promise<string> {
    const { store, views } = this.ledger;
    try {
      return (await this.oldestBehind(store, position)) ?? now;
    } catch (error) {
      if (!(error instanceof StoreUnavailable || error instanceof LogDamaged)) throw error;
      return views.status().find(({ name }) => name === view)?.updatedAt ?? now;
    }
  }

  /** The position that the caller must be able to read: what it has written, say. */
  private async wanted(headers: Asked['headers'], atLeast: string | undefined): Promise<number> {
    const header = headers['ledger-position'];
    if (header === undefined && atLeast === undefined) return 0;
    const head = await this.ledger.store.head();
    return Math.max(
      header === undefined ? 0 : parseLedgerPosition(String(header), this.ledger.id, head),
      atLeast === undefined ? 0 : parsePosition(atLeast, head),
    );
  }

  private async waitFor(view: ViewName, position: number, prefer: string | string[] | undefined): Promise<void> {
    const { views } = this.ledger;
    if (position === 0 || (await views.reached(view, position, waitMs(prefer)))) return;
    const at = views.status().find(({ name }) => name === view)?.position ?? 0;
    throw new Problem('ViewBehind', { position: String(at) }, { 'Retry-After': '1' });
  }
}

/** `Prefer: wait=n` (RFC 7240), at most 30 seconds. @throws Problem 400 */
function waitMs(prefer: string | string[] | undefined): number {
  for (const preference of [prefer ?? []].flat().join(',').split(/[,;]/)) {
    const [name, value] = preference.split('=', 2).map((part) => part.trim());
    if (name?.toLowerCase() !== 'wait') continue;
    if (!value || !/^\d{1,5}$/.test(value))
      throw badRequest('InvalidHeader', 'Prefer', 'wait must be a number of seconds');
    return Math.min(Number(value), 30) * 1000;
  }
  return defaultWaitMs;
}
