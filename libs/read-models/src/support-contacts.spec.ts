import { describe, expect, it } from '@jest/globals';
import { supportContactsProjection } from './support-contacts.js';
import { again, contoso, customerId, established, partnerId, reseller, rowsOf, story, type Story } from './testing.js';

const available = (past: Story) => rowsOf(supportContactsProjection, past).available_support_contacts_v1;
const designated = (past: Story) => rowsOf(supportContactsProjection, past).support_contact_designations_v1;

const request = { customer: { name: 'Fabrikam' }, market: 'US' };
const seats = {
  subscriptionId: 'seats',
  kind: 'legacy',
  offerId: 'o-1',
  name: 'Seats',
  quantity: 5,
  termDuration: 'P1Y',
  provisioned: true,
} as const;

describe('Available support contacts', () => {
  it('are the partner and the indirect reseller it was invited with', () => {
    expect(available(established())).toEqual([{ partnerId, customerId, contacts: [contoso], available: true }]);
    expect(available(established({ indirectReseller: true }))).toMatchObject([{ contacts: [contoso, reseller] }]);
  });

  it('are not available before the customer has accepted', () => {
    expect(available(story().does('RequestResellerRelationship', request))).toMatchObject([{ available: false }]);
  });

  it.each([
    ['declined', (past: Story) => past.customerDoes('DeclineResellerRelationship', {})],
    ['withdrawn', (past: Story) => past.does('WithdrawRelationshipRequest', {})],
    ['expired', (past: Story) => past.at('2026-04-10T09:00:00.001Z').does('ExpireRelationshipRequest', {})],
  ])('are none when the request is %s', (_, then) => {
    expect(available(then(story().does('RequestResellerRelationship', request)))).toEqual([]);
  });

  it('lose the partner with the removal (R17), and find it again when the relationship is re-established', () => {
    const removed = established({ indirectReseller: true }).does('RemoveResellerRelationship', {});
    expect(available(removed)).toEqual([]);
    expect(available(again(removed))).toMatchObject([{ contacts: [contoso], available: true }]);
  });
});

describe('Designated support contacts', () => {
  const bought = () => established({ indirectReseller: true }).does('PurchaseSubscription', seats);

  it('come with a purchase by default (C4)', () => {
    expect(designated(bought())).toEqual([
      {
        partnerId,
        customerId,
        subscriptionId: 'seats',
        contactTenantId: contoso.tenantId,
        contactPartnerId: contoso.partnerId,
        contactName: contoso.name,
        byDefault: true,
        assignedAt: '2026-01-10T09:00:00.000Z',
      },
    ]);
  });

  it('are replaced by choice', () => {
    const past = bought()
      .at('2026-02-01T12:00:00.000Z')
      .does('AssignSupportContact', { subscriptionId: 'seats', contact: reseller });
    expect(designated(past)).toMatchObject([
      { contactTenantId: reseller.tenantId, byDefault: false, assignedAt: '2026-02-01T12:00:00.000Z' },
    ]);
  });

  it('go when they are withdrawn, and with the relationship', () => {
    expect(designated(bought().does('WithdrawSupportContact', { subscriptionId: 'seats' }))).toEqual([]);
    const removed = bought()
      .does('SuspendSubscription', { subscriptionId: 'seats', reason: 'customerRequest' })
      .does('RemoveResellerRelationship', {});
    expect(designated(removed)).toEqual([]);
  });
});
