import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  customerRelationship,
  dataNaming,
  defaultPolicy,
  firstInstantAfter,
  relationshipCodec,
  relationshipStream,
  type Actor,
  type RelationshipCommands,
} from '#customer-relationship';
import { decideOn, fold, inMemoryEventStore, openLedger, type MessageOf } from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import { customers, partners, randomFrom, randomHistory } from '../../../test/random-history.js';
import { coming, type Coming } from './coming.js';

describe('What the log says comes next', () => {
  const store = inMemoryEventStore();
  let all: readonly Coming[];
  beforeAll(async () => {
    await openLedger(store, seal);
    await randomHistory(store, randomFrom(3)).append(600);
    all = await coming(store, {});
  });

  const tried = async ({ partnerId, customerId, item, boundary }: Coming, now: string) => {
    const events = await store.read(relationshipStream(partnerId, customerId));
    const state = fold(
      customerRelationship,
      events.map((event) => relationshipCodec.decode(event)),
    );
    const command = { type: boundary.command, data: dataNaming(item) };
    const actor: Actor = { id: 'timekeeper', kind: 'system', roles: [], tenant: partnerId };
    const partner = partners.find(({ tenantId }) => tenantId === partnerId)!;
    const context = { now, actor, policy: defaultPolicy, partner, customerId };
    return decideOn(customerRelationship, state, command as unknown as MessageOf<RelationshipCommands>, context);
  };

  it('is what the clock’s commands then do, and not an instant before (rule T1)', async () => {
    expect(new Set(all.map(({ item }) => item.noun)).size).toBeGreaterThan(3);
    for (const next of all) {
      const { at } = next.boundary;
      await expect(tried(next, at)).rejects.toMatchObject({
        code: 'NotDue',
        details: { dueAt: firstInstantAfter(at) },
      });
      expect((await tried(next, firstInstantAfter(at))).length).toBeGreaterThan(0);
    }
  });

  it('comes in the order of time', () => {
    const times = all.map(({ boundary }) => boundary.at);
    expect(times).toEqual(times.toSorted());
  });

  it('is listed for a partner, for a customer, for both, and up to a time (inclusive)', async () => {
    const [partnerId, customerId] = [partners[0]!.tenantId, customers[1]!];
    const until = all[Math.floor(all.length / 2)]!.boundary.at;
    const kept = (keep: (next: Coming) => boolean) => {
      const some = all.filter(keep);
      expect(some.length).toBeGreaterThan(0);
      expect(some.length).toBeLessThan(all.length);
      return some;
    };
    const ofPartner = (next: Coming) => next.partnerId === partnerId;
    const ofCustomer = (next: Coming) => next.customerId === customerId;
    expect(await coming(store, { partnerId })).toEqual(kept(ofPartner));
    expect(await coming(store, { customerId })).toEqual(kept(ofCustomer));
    expect(await coming(store, { partnerId, customerId })).toEqual(kept((next) => ofPartner(next) && ofCustomer(next)));
    expect(await coming(store, { until })).toEqual(kept(({ boundary }) => boundary.at <= until));
  });

  it('is nothing in an empty log, and for a customer whom it does not know', async () => {
    expect(await coming(inMemoryEventStore(), {})).toEqual([]);
    expect(await coming(store, { partnerId: customers[0]!, customerId: partners[0]!.tenantId })).toEqual([]);
  });
});
