import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { relationshipStream, type Actor, type RelationshipCommands } from '#customer-relationship';
import { inMemoryEventStore, type MessageOf } from '#event-sourcing';
import { admin, partner } from '../../../bench/histories.js';
import { ledgerOver } from './testing-ledger.js';

describe('a ledger', () => {
  it('folds the long streams of partners fairly: those of one do not hold up another’s', async () => {
    const store = inMemoryEventStore();
    const customerId = randomUUID();
    const { relationships, policy, policyHash } = ledgerOver(store);
    const stream = relationshipStream(partner.tenantId, customerId);
    const now = '2026-03-01T12:00:00.000Z';
    const send = (command: MessageOf<RelationshipCommands>, actor = admin) =>
      relationships.handle({
        stream,
        command,
        metadata: {
          actor,
          causationId: 'journey',
          commandHash: '',
          commandId: randomUUID(),
          correlationId: 'journey',
          policy: { name: policy.name, hash: policyHash },
        },
        now,
        contextAt: () => ({ now, actor, policy, partner, customerId }),
      });
    const customer: Actor = { id: 'lead', kind: 'customerUser', roles: ['CustomerGlobalAdmin'], tenant: customerId };
    const { market } = partner;
    await send({ type: 'RequestResellerRelationship', data: { customer: { name: 'Contoso' }, market } });
    await send({ type: 'AcceptResellerRelationship', data: {} }, customer);
    for (let sent = 0; sent < 1_100; sent++)
      await send({ type: 'UpdateCustomerProfile', data: { name: `Name ${sent}` } });
    const events = await store.read(stream);
    expect(events.length).toBeGreaterThan(1_024);

    // Every stream is as long as that one.
    const { relationships: cold } = ledgerOver({
      ...store,
      read: (_, { from = 0, to = Infinity } = {}) => Promise.resolve(events.slice(from, to + 1)),
    });
    const [many, one] = [randomUUID(), randomUUID()];
    const asked = [...Array.from({ length: 20 }, () => many), one].map((partnerId) => ({
      partnerId,
      stream: relationshipStream(partnerId, randomUUID()),
    }));
    const answered: string[] = [];
    await Promise.all(asked.map(({ partnerId, stream }) => cold.ask(stream, () => void answered.push(partnerId))));
    expect(answered).toHaveLength(21);
    expect(answered.indexOf(one)).toBeLessThan(10);
  });
});
