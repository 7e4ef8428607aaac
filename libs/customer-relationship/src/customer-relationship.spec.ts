import { describe, expect, it } from '@jest/globals';
import { fold } from '#event-sourcing';
import { commands } from './commands.js';
import { customerRelationship, pairOf, relationshipStream } from './customer-relationship.js';
import { relationshipCodec } from './event-codec.js';
import { rejections } from './rejections.js';
import { initialState } from './state.js';
import { anyCommand, customerId, established, partner, purchased } from './testing.js';

describe('The aggregate', () => {
  it('decides every command', () => {
    expect(Object.keys(customerRelationship.decide).sort()).toEqual(Object.keys(commands).sort());
    expect(Object.keys(anyCommand).sort()).toEqual(Object.keys(commands).sort());
  });

  it('records every event that the log can be read by', () => {
    const changed: Readonly<Record<string, number>> = { SoftwarePurchased: 2 };
    for (const type of Object.keys(customerRelationship.evolve))
      expect(relationshipCodec.schemaOf(type)).toBe(changed[type] ?? 1);
    expect(() => relationshipCodec.schemaOf('SubscriptionPaused')).toThrow(
      'SubscriptionPaused is not in the catalogue',
    );
  });

  it('starts with a relationship that has not been requested', () => {
    expect(initialState()).toEqual({
      policies: [],
      status: 'unknown',
      relationshipTerm: 0,
      customer: { name: '' },
      availableSupportContacts: [],
      subscriptions: new Map(),
      reservations: new Map(),
      cancelledCommitments: new Map(),
      software: new Map(),
      savingsPlans: new Map(),
      designations: new Map(),
      grants: new Map(),
      lastEvents: new Map(),
    });
  });

  it('folds into a state of its own each time', () => {
    const history = [...established, purchased('sub-1')];
    const one = fold(customerRelationship, history);
    const other = fold(customerRelationship, history);
    expect(one).toEqual(other);
    one.subscriptions.get('sub-1')!.quantity = 99;
    one.availableSupportContacts.pop();
    one.customer.name = 'Somebody else';
    expect(fold(customerRelationship, history)).toEqual(other);
  });

  it('never changes the events that it folds', () => {
    const frozen = structuredClone(established);
    fold(customerRelationship, [
      ...established,
      {
        type: 'CustomerProfileUpdated',
        data: { name: 'A', domain: 'a.example', updatedAt: '2026-11-22T12:00:00.000Z' },
      },
    ]);
    expect(established).toEqual(frozen);
  });
});

describe('The stream of a relationship', () => {
  it('is named after its pair, which can be read from it', () => {
    const stream = `customerRelationship-${partner.tenantId}-${customerId}`;
    expect(relationshipStream(partner.tenantId, customerId)).toBe(stream);
    expect(pairOf(stream)).toEqual({ partnerId: partner.tenantId, customerId });
  });

  it.each([
    'customerRelationship-a-b',
    `customerRelationship-${partner.tenantId}`,
    `CustomerRelationship-${partner.tenantId}-${customerId}`,
    `journal-customerRelationship-${partner.tenantId}-${customerId}`,
    `customerRelationship-${partner.tenantId}-${customerId}-1`,
    `customerRelationship-${partner.tenantId.toUpperCase()}-${customerId}`,
    `grantName-${partner.tenantId}-0123456789abcdef0123456789abcdef`,
  ])('is not %s', (stream) => {
    expect(pairOf(stream)).toBeUndefined();
  });
});

describe('Refusals', () => {
  it('say by their kind whether the sender, a name, the state of affairs or the meaning is at fault', () => {
    const byKind = Object.groupBy(Object.keys(rejections), (code) => rejections[code as keyof typeof rejections]);
    expect(byKind.who).toEqual([
      'RoleNotAllowed',
      'UserContextRequired',
      'PartnerTypeNotAllowed',
      'PartnerRestricted',
      'ActorNotAllowed',
      'AcceptorNotGlobalAdmin',
    ]);
    expect(byKind.unknown).toEqual(['RelationshipNotFound', 'ItemNotFound', 'LineItemNotFound']);
    expect(byKind.meaning).toEqual([
      'EffectiveInFuture',
      'DateOutOfRange',
      'InvalidCustomer',
      'MarketMismatch',
      'NoticeAcknowledgementMissing',
      'InvalidReason',
      'InvalidItem',
      'InvalidSupportContact',
      'ResellerNotRelated',
      'DurationOutOfRange',
      'NameTooLong',
      'RolesMissing',
      'AutoExtendNotAllowed',
      'RoleNotGranted',
    ]);
    expect(byKind.state).toHaveLength(Object.keys(rejections).length - 6 - 3 - 14);
  });
});
