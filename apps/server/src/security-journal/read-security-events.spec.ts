import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { inMemoryEventStore, type EventStore } from '#event-sourcing';
import { admin, partner } from '../../../../bench/histories.js';
import { ledgerOver } from '../testing-ledger.js';
import { sealOfRelease } from '../event-check.js';
import { ReadSecurityEvents, ReadSecurityEventsHandler } from './read-security-events.js';
import { securityJournal } from './security-journal.js';

const path = '/v1/security-events';
const requester = { actor: admin, partner, customerId: '', stream: '' };

/** A log with a number of denials, and another log with others. */
async function denials(count: number): Promise<EventStore> {
  const store = inMemoryEventStore();
  const journal = securityJournal({
    ...{ seal: sealOfRelease, store: () => store, onDropped: () => undefined },
    isPartner: (tenant) => tenant === partner.tenantId,
  });
  for (let index = 0; index < count; index++) {
    const actorId = `${index}-${Math.random()}`;
    journal.deny({ code: 'RoleNotAllowed', method: 'GET', route: path, actorId, tenant: partner.tenantId });
  }
  await journal.close();
  return store;
}

function reader(store: EventStore) {
  const handler = new ReadSecurityEventsHandler(ledgerOver(store));
  return async (cursor?: string) => {
    const { headers, body } = await handler.execute(new ReadSecurityEvents(requester, path, {}, cursor, 2));
    const { items } = body as { readonly items: readonly { readonly actorId: string }[] };
    return { items, next: /cursor=([^&]*)/.exec(headers['Link'] ?? '')?.[1] };
  };
}

describe('the pages of the security journal', () => {
  it('contain every denial once', async () => {
    const read = reader(await denials(5));
    const pages = [];
    for (let page = await read(); ; page = await read(page.next)) {
      pages.push(page.items.map(({ actorId }) => actorId.split('-', 1)[0]));
      if (page.next === undefined) break;
    }
    expect(pages).toEqual([['0', '1'], ['2', '3'], ['4']]);
  });

  it.each([1, 5])('do not continue with %i denials of another history after a restore from a backup', async (count) => {
    const { next } = await reader(await denials(5))();
    expect(next).toBeDefined();
    await expect(reader(await denials(count))(next)).rejects.toMatchObject({
      code: 'LedgerPositionUnknown',
      members: { reason: 'lostInRestore' },
    });
  });
});
