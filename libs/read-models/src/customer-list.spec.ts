import { describe, expect, it } from '@jest/globals';
import { customerListProjection } from './customer-list.js';
import { again, customerId, established, partnerId, rowsOf, story } from './testing.js';

const rows = (...stories: Parameters<typeof rowsOf> extends [unknown, ...infer Rest] ? Rest : never) =>
  rowsOf(customerListProjection, ...stories).customer_list_v1;

const request = { customer: { name: 'Fabrikam', domain: 'Fabrikam.example' }, market: 'US' };

describe('The customer list', () => {
  it('holds a customer whose relationship is active', () => {
    expect(rows(established())).toEqual([
      {
        partnerId,
        customerId,
        name: 'Fabrikam',
        sortName: 'fabrikam',
        domain: 'fabrikam.example',
        market: 'US',
        status: 'active',
        relationshipTerm: 1,
        establishedAt: '2026-01-10T09:00:00.000Z',
        agreementConfirmed: true,
      },
    ]);
  });

  it('says whether the agreement has been confirmed, and shows no domain where there is none', () => {
    const past = story().does('RequestResellerRelationship', { customer: { name: 'Fabrikam' }, market: 'US' });
    expect(rows(past.customerDoes('AcceptResellerRelationship', {}))).toMatchObject([
      { status: 'active', agreementConfirmed: false, domain: null },
    ]);
  });

  it('knows a relationship that is asked for, and does not call it a customer yet', () => {
    expect(rows(story().does('RequestResellerRelationship', request))).toMatchObject([
      { status: 'requested', relationshipTerm: 0, establishedAt: null },
    ]);
  });

  it.each([
    [
      'declined',
      () => story().does('RequestResellerRelationship', request).customerDoes('DeclineResellerRelationship', {}),
    ],
    ['withdrawn', () => story().does('RequestResellerRelationship', request).does('WithdrawRelationshipRequest', {})],
    [
      'expired',
      () =>
        story()
          .does('RequestResellerRelationship', request)
          .at('2026-04-10T09:00:00.001Z')
          .does('ExpireRelationshipRequest', {}),
    ],
  ])('forgets a request that was %s', (_, past) => {
    expect(rows(past())).toEqual([]);
  });

  it('takes a customer off when the relationship is removed (R16)', () => {
    expect(rows(established().does('RemoveResellerRelationship', {}))).toEqual([]);
  });

  it('lists the customer of a re-established relationship with its new term', () => {
    const past = established().does('RemoveResellerRelationship', {}).at('2026-06-01T12:00:00.000Z');
    expect(rows(again(past))).toMatchObject([
      { status: 'active', relationshipTerm: 2, establishedAt: '2026-06-01T12:00:00.000Z' },
    ]);
  });

  it('follows name and domain, each without the other', () => {
    const past = established().does('UpdateCustomerProfile', { name: 'FABRIKAM ﬁnance' });
    expect(rows(past)).toMatchObject([
      { name: 'FABRIKAM ﬁnance', sortName: 'fabrikam finance', domain: 'fabrikam.example' },
    ]);
    expect(rows(past.does('UpdateCustomerProfile', { domain: 'Fabrikam.TEST' }))).toMatchObject([
      { name: 'FABRIKAM ﬁnance', domain: 'fabrikam.test' },
    ]);
    expect(rows(past.does('UpdateCustomerProfile', { domain: '' }))).toMatchObject([
      { name: 'FABRIKAM ﬁnance', domain: null },
    ]);
  });
});
