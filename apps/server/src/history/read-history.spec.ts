import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { inMemoryEventStore, type EventStore } from '#event-sourcing';
import { admin, partner, prepareRelationships } from '../../../../bench/histories.js';
import { ServerHealth } from '../health/server-health.js';
import { ledgerOver } from '../testing-ledger.js';
import { OpenStreams, usualStreamBounds } from './open-streams.js';
import { ReadHistory, ReadHistoryHandler } from './read-history.js';

const caller = { tenant: partner.tenantId, id: admin.id, roles: admin.roles, app: false, expiresAt: Infinity };

function handlerOver(store: EventStore): ReadHistoryHandler {
  const health = new ServerHealth();
  const ledger = ledgerOver(store);
  return new ReadHistoryHandler(ledger, health, new OpenStreams(usualStreamBounds, health, ledger), usualStreamBounds);
}

describe('A page of a relationship', () => {
  it.each(['before', 'after'])(
    'has every event up to the position that it names, whatever is appended %s the head is read',
    async (when) => {
      const written = inMemoryEventStore();
      const [{ customerId, stream } = { customerId: '', stream: '' }] = await prepareRelationships(written, 1);
      const events = await written.read(stream);
      const inner = inMemoryEventStore();
      const append = (from: number, to: number) => inner.append(stream, events.slice(from, to), from - 1);
      await append(0, 10);
      const store: EventStore = {
        ...inner,
        async head() {
          if (when === 'before') await append(10, 12);
          const head = await inner.head();
          if (when === 'after') await append(10, 12);
          return head;
        },
      };
      const handler = handlerOver(store);
      const requester = { actor: admin, partner, customerId, stream };
      const asked = {
        requester,
        ids: {},
        headers: {},
        path: '/events',
        publicPath: '',
        search: '',
        requireThere: () => undefined,
      };

      const { headers, body } = await handler.execute(new ReadHistory(asked, caller, {}));

      const position = Number(headers['Ledger-Position']?.split(';')[0]);
      const due = (await inner.read(stream)).filter((event) => event.position <= position);
      const answered = JSON.parse(body as string) as readonly { readonly revision: number }[];
      expect(answered.map(({ revision }) => revision)).toEqual(due.map(({ revision }) => revision));
    },
  );
});

describe('A page after a revision', () => {
  it('is empty after the last one, and refused after one that the relationship has not reached', async () => {
    const store = inMemoryEventStore();
    const [{ customerId, stream } = { customerId: '', stream: '' }] = await prepareRelationships(store, 1);
    const requester = { actor: admin, partner, customerId, stream };
    const asked = {
      requester,
      ids: {},
      headers: {},
      path: '/events',
      publicPath: '',
      search: '',
      requireThere: () => undefined,
    };
    const handler = handlerOver(store);
    expect((await handler.execute(new ReadHistory(asked, caller, { after: '19' }))).body).toBe('[]');
    await expect(handler.execute(new ReadHistory(asked, caller, { after: '20' }))).rejects.toMatchObject({
      code: 'InvalidQuery',
    });
  });
});

describe('A page of everything', () => {
  it('ends before it gets large, and the next one continues there', async () => {
    const written = inMemoryEventStore();
    const [{ stream } = { stream: '' }] = await prepareRelationships(written, 1);
    const store = inMemoryEventStore();
    for (const [index, event] of (await written.read(stream)).entries())
      await store.append(stream, [{ ...event, data: 'x'.repeat(900_000) }], index - 1);
    const handler = handlerOver(store);
    const requester = { actor: admin, partner, customerId: '', stream: '' };

    const revisions: number[] = [];
    let pages = 0;
    for (let after: string | undefined = '0'; after !== undefined; pages++) {
      const asked = {
        requester,
        ids: {},
        headers: {},
        path: '/v1/events',
        publicPath: '',
        search: '',
        requireThere: () => undefined,
      };
      const { headers, body } = await handler.execute(new ReadHistory(asked, caller, { after, limit: 200 }));
      const answered = JSON.parse(body as string) as readonly { readonly revision: number }[];
      expect(answered.length).toBeLessThanOrEqual(5);
      revisions.push(...answered.map(({ revision }) => revision));
      after = /after=([^>]+)/.exec(headers['Link'] ?? '')?.[1];
      if (after !== undefined) after = decodeURIComponent(after);
    }
    expect(revisions).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(pages).toBe(4);
  });
});
