import type { Role } from '#customer-relationship';
import { Rejection, type RecordedEvent } from '#event-sourcing';
import { Answer, beginOf } from '#http';
import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { ServedLedger } from '../served-ledger.js';
import type { SecurityEvent, SecurityEventPage } from '../contract/answers.js';
import { requirePartnersSide, type Requester } from '../requester.js';
import { lostInRestore } from '../positions.js';
import type { IncomingQuery } from '../queries/incoming-query.js';
import { securityJournalCodec, securityJournalStream } from './security-journal-events.js';

/** A page of the denials that concern a partner: of its own people, and of others who asked for its data. */
export class ReadSecurityEvents {
  constructor(
    readonly requester: Requester,
    readonly path: string,
    readonly headers: IncomingQuery['headers'],
    readonly cursor: string | undefined,
    readonly limit: number,
  ) {}
}

const readers: readonly Role[] = ['GlobalAdmin', 'Auditor'];
/** A page may end before it is full: the denials of other partners must not make a request slow. */
const readAtOnce = 500;
const mostRead = 5_000;

@QueryHandler(ReadSecurityEvents)
export class ReadSecurityEventsHandler implements IQueryHandler<ReadSecurityEvents, Answer> {
  constructor(private readonly ledger: ServedLedger) {}

  async execute({ requester, path, headers: incoming, cursor, limit }: ReadSecurityEvents): Promise<Answer> {
    const { actor, partner } = requester;
    requirePartnersSide(requester);
    if (!actor.roles.some((role) => readers.includes(role))) throw new Rejection('RoleNotAllowed', { anyOf: readers });
    const { store, cursors, positions } = this.ledger;
    const query = `${path} ${partner.tenantId}`;
    let [next, before] = (cursor === undefined ? [0] : cursors.read(query, cursor)) as [number, string?];
    // Read before the events, so that they include everything up to it.
    const head = await store.head();
    await positions.asked(incoming, undefined, head);
    if (before !== undefined) {
      const [last] = await store.read(securityJournalStream, { from: next - 1, to: next - 1 });
      if (!last || beginOf(last.id) !== before) throw lostInRestore(head);
    }

    const items: SecurityEvent[] = [];
    let atEnd = false;
    for (let read = 0; !atEnd && items.length < limit && read < mostRead;) {
      const events = await store.read(securityJournalStream, { from: next, to: next + readAtOnce - 1 });
      read += events.length;
      atEnd = events.length < readAtOnce;
      for (const event of events) {
        if (items.length === limit) {
          atEnd = false;
          break;
        }
        next = event.revision + 1;
        before = beginOf(event.id);
        const item = shown(event, partner.tenantId);
        if (item) items.push(item);
      }
    }
    const headers: Record<string, string> = { 'Ledger-Position': await positions.at(head) };
    if (!atEnd) headers['Link'] = `<${path}?cursor=${cursors.write(query, [next, before])}&limit=${limit}>; rel="next"`;
    return new Answer(200, headers, { items, position: String(head) } satisfies SecurityEventPage);
  }
}

/** The event as its partner may see it; undefined for what concerns others. */
function shown(event: RecordedEvent, partnerId: string): SecurityEvent | undefined {
  const { id, metadata } = event;
  // Without its revision: all partners share the stream, so revisions would reveal how many denials others have.
  const place = { id, recordedAt: metadata.recordedAt };
  const { type, data } = securityJournalCodec.decode(event);
  if (type === 'AccessDenied')
    return data.tenant === partnerId || data.partnerId === partnerId ? { type, ...place, ...data } : undefined;
  const { partnerId: concerned, firstAt, lastAt } = data;
  // An earlier release did not note whose denials it omitted: the partner learns that there were more, but not how many.
  if (concerned === undefined) return { type, ...place, firstAt, lastAt };
  return concerned === partnerId ? { type, ...place, ...data, partnerId } : undefined;
}
