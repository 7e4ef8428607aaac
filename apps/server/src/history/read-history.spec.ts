import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { defaultPolicy } from '#customer-relationship';
import { inMemoryEventStore, type EventStore } from '#event-sourcing';
import type { ViewsReader } from '#projector';
import type { Views } from '#read-models';
import { pino } from 'pino';
import { admin, partner, prepareRelationships } from '../../../../bench/histories.js';
import { Condition } from '../condition.js';
import { ledgerOf } from '../server.module.js';
import { OpenStreams, usualStreamBounds } from './open-streams.js';
import { ReadHistory, ReadHistoryHandler } from './read-history.js';

const id = '10000000-0000-4000-8000-000000000001';

describe('A page of a relationship', () => {
  it.each(['before', 'behind'])(
    'has all of it up to the position that it names, whatever is appended %s the look at the head',
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
          if (when === 'behind') await append(10, 12);
          return head;
        },
      };
      const ledger = ledgerOf({
        id,
        place: undefined,
        store,
        views: {} as ViewsReader<Views>,
        secret: Buffer.from('secret'),
        policy: defaultPolicy,
        partners: new Map([[partner.tenantId, partner]]),
        logger: pino({ level: 'silent' }),
      });
      const condition = new Condition();
      const streams = new OpenStreams(usualStreamBounds, condition);
      const handler = new ReadHistoryHandler(ledger, condition, streams, usualStreamBounds);
      const party = { actor: admin, partner, customerId, stream };
      const asked = { party, ids: {}, headers: {}, path: '/events', search: '' };
      const caller = { tenant: partner.tenantId, id: admin.id, roles: admin.roles, app: false, expiresAt: Infinity };

      const { headers, body } = await handler.execute(new ReadHistory(asked, caller, {}));

      const position = Number(headers['Ledger-Position']?.split(';')[0]);
      const due = (await inner.read(stream)).filter((event) => event.position <= position);
      const told = JSON.parse(body as string) as readonly { readonly revision: number }[];
      expect(told.map(({ revision }) => revision)).toEqual(due.map(({ revision }) => revision));
    },
  );
});
