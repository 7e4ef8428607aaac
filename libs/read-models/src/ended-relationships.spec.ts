import { describe, expect, it } from '@jest/globals';
import { endedRelationshipsProjection } from './ended-relationships.js';
import { again, customerId, established, pair, partnerId, rowsOf, story, type Story } from './testing.js';

const view = (past: Story) => rowsOf(endedRelationshipsProjection, past);
const relationships = (past: Story) => view(past).ended_relationships_v1;
const charges = (past: Story) => view(past).running_charges_v1;
const access = (past: Story) => view(past).residual_access_v1;

const seats = {
  subscriptionId: 'seats',
  kind: 'newCommerce',
  offerId: 'o-1',
  name: 'Seats',
  quantity: 5,
  termDuration: 'P1Y',
  provisioned: true,
} as const;
const bought = () => established().does('PurchaseSubscription', seats);
const suspended = () => bought().does('SuspendSubscription', { subscriptionId: 'seats', reason: 'customerRequest' });

describe('A relationship', () => {
  it('has not ended while it is asked for or runs', () => {
    const past = story().does('RequestResellerRelationship', { customer: { name: 'Fabrikam' }, market: 'US' });
    expect(relationships(past)).toEqual([
      {
        partnerId,
        customerId,
        customerName: 'Fabrikam',
        relationshipTerm: 0,
        establishedAt: null,
        active: false,
        lastRemovedAt: null,
        endedTerms: [],
      },
    ]);
    past.customerDoes('AcceptResellerRelationship', {}).does('UpdateCustomerProfile', { name: 'Fabrikam Inc.' });
    past.does('UpdateCustomerProfile', { domain: 'fabrikam.test' });
    expect(relationships(past)).toMatchObject([
      { customerName: 'Fabrikam Inc.', relationshipTerm: 1, establishedAt: '2026-01-10T09:00:00.000Z', active: true },
    ]);
  });

  it('keeps every term that has ended, with the policy that allowed it', () => {
    const past = established()
      .at('2026-02-01T00:00:00.000Z')
      .does('RemoveResellerRelationship', { noticeGiven: true })
      .at('2026-03-01T00:00:00.000Z');
    again(past).at('2026-04-01T00:00:00.000Z').does('RemoveResellerRelationship', {});
    const endedTerms = [
      {
        relationshipTerm: 1,
        establishedAt: '2026-01-10T09:00:00.000Z',
        removedAt: '2026-02-01T00:00:00.000Z',
        policy: 'partner-center-2026-11',
        noticeGiven: true,
      },
      {
        relationshipTerm: 2,
        establishedAt: '2026-03-01T00:00:00.000Z',
        removedAt: '2026-04-01T00:00:00.000Z',
        policy: 'partner-center-2026-11',
        noticeGiven: null,
      },
    ];
    expect(relationships(past)).toMatchObject([
      { relationshipTerm: 2, active: false, lastRemovedAt: '2026-04-01T00:00:00.000Z', endedTerms },
    ]);
    expect(relationships(again(past))).toMatchObject([{ relationshipTerm: 3, active: true, endedTerms }]);
  });
});

describe('Charges that may outlive a removal', () => {
  it('are those of new-commerce subscriptions while they are suspended (S16)', () => {
    const charge = {
      ...pair,
      item: 'subscription',
      itemId: 'seats',
      relationshipTerm: 1,
      name: 'Seats',
      until: '2027-01-10T09:00:00.000Z',
    };
    expect(charges(bought())).toEqual([{ ...charge, charging: false }]);
    expect(charges(suspended())).toEqual([{ ...charge, charging: true }]);
    expect(charges(suspended().does('ReactivateSubscription', { subscriptionId: 'seats' }))).toEqual([
      { ...charge, charging: false },
    ]);
  });

  it('run to the new term end after a renewal', () => {
    const past = bought().at('2027-01-10T09:00:00.001Z').does('RenewSubscription', { subscriptionId: 'seats' });
    expect(charges(past)).toMatchObject([{ charging: false, until: '2028-01-10T09:00:00.000Z' }]);
  });

  it('are not those of other kinds', () => {
    const legacy = established()
      .does('PurchaseSubscription', { ...seats, kind: 'legacy' })
      .does('SuspendSubscription', { subscriptionId: 'seats', reason: 'customerRequest' });
    expect(charges(legacy)).toEqual([]);
  });

  it('stop with the events that end them, also after the removal', () => {
    expect(charges(bought().does('CancelSubscription', { subscriptionId: 'seats' }))).toEqual([]);
    const expired = bought()
      .does('SetAutoRenew', { subscriptionId: 'seats', autoRenew: false })
      .at('2027-02-01T00:00:00.000Z')
      .does('EndSubscriptionTerm', { subscriptionId: 'seats' });
    expect(charges(expired)).toEqual([]);
    const removed = suspended().does('RemoveResellerRelationship', {}).at('2027-02-01T00:00:00.000Z');
    expect(charges(removed)).toMatchObject([{ charging: true }]);
    removed.does('EndSubscriptionTerm', { subscriptionId: 'seats' });
    expect(removed.events.at(-1)?.type).toBe('SubscriptionDisabled');
    expect(charges(removed)).toEqual([]);
  });

  it('are those of savings plans until they expire', () => {
    const past = established().does('PurchaseSavingsPlan', {
      savingsPlanId: 'sp',
      name: 'Compute',
      termDuration: 'P1Y',
      hourlyCommitment: { minorUnits: 150, currency: 'USD' },
    });
    expect(charges(past)).toMatchObject([
      { item: 'savingsPlan', itemId: 'sp', relationshipTerm: 1, charging: true, until: '2027-01-10T09:00:00.000Z' },
    ]);
    past.does('RemoveResellerRelationship', {}).at('2027-02-01T00:00:00.000Z');
    expect(charges(past.does('ExpireSavingsPlan', { savingsPlanId: 'sp' }))).toEqual([]);
  });
});

describe('Access that outlives a removal', () => {
  it('is that to Azure subscriptions, cancelled or not (G12)', () => {
    const past = established()
      .does('PurchaseSubscription', {
        subscriptionId: 'plan',
        kind: 'azurePlan',
        offerId: 'azure',
        name: 'Azure plan',
        quantity: 1,
        provisioned: true,
      })
      .does('AddAzureSubscription', { subscriptionId: 'plan', azureSubscriptionId: 'az-1', name: 'Production' });
    expect(access(past)).toEqual([
      {
        ...pair,
        subscriptionId: 'plan',
        azureSubscriptionId: 'az-1',
        relationshipTerm: 1,
        name: 'Production',
        cancelled: false,
      },
    ]);
    past.does('CancelAzureSubscription', { subscriptionId: 'plan', azureSubscriptionId: 'az-1', reason: 'compromise' });
    past.does('SuspendSubscription', { subscriptionId: 'plan', reason: 'customerRequest' });
    past.does('RemoveResellerRelationship', {});
    expect(access(past)).toMatchObject([{ azureSubscriptionId: 'az-1', cancelled: true }]);
  });
});
