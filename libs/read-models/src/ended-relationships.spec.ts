import { describe, expect, it } from '@jest/globals';
import { endedRelationshipsProjection } from './ended-relationships.js';
import { again, customerId, established, pair, partnerId, rowsOf, story, type Story } from './testing.js';

const view = (told: Story) => rowsOf(endedRelationshipsProjection, told);
const relationships = (told: Story) => view(told).ended_relationships_v1;
const charges = (told: Story) => view(told).running_charges_v1;
const access = (told: Story) => view(told).residual_access_v1;

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
    const told = story().does('RequestResellerRelationship', { customer: { name: 'Fabrikam' }, market: 'US' });
    expect(relationships(told)).toEqual([
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
    told.customerDoes('AcceptResellerRelationship', {}).does('UpdateCustomerProfile', { name: 'Fabrikam Inc.' });
    told.does('UpdateCustomerProfile', { domain: 'fabrikam.test' });
    expect(relationships(told)).toMatchObject([
      { customerName: 'Fabrikam Inc.', relationshipTerm: 1, establishedAt: '2026-01-10T09:00:00.000Z', active: true },
    ]);
  });

  it('keeps every term that has ended, with the policy that allowed it', () => {
    const told = established()
      .at('2026-02-01T00:00:00.000Z')
      .does('RemoveResellerRelationship', { noticeGiven: true })
      .at('2026-03-01T00:00:00.000Z');
    again(told).at('2026-04-01T00:00:00.000Z').does('RemoveResellerRelationship', {});
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
    expect(relationships(told)).toMatchObject([
      { relationshipTerm: 2, active: false, lastRemovedAt: '2026-04-01T00:00:00.000Z', endedTerms },
    ]);
    expect(relationships(again(told))).toMatchObject([{ relationshipTerm: 3, active: true, endedTerms }]);
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
    const told = bought().at('2027-01-10T09:00:00.001Z').does('RenewSubscription', { subscriptionId: 'seats' });
    expect(charges(told)).toMatchObject([{ charging: false, until: '2028-01-10T09:00:00.000Z' }]);
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
    const told = established().does('PurchaseSavingsPlan', {
      savingsPlanId: 'sp',
      name: 'Compute',
      termDuration: 'P1Y',
      hourlyCommitment: { minorUnits: 150, currency: 'USD' },
    });
    expect(charges(told)).toMatchObject([
      { item: 'savingsPlan', itemId: 'sp', relationshipTerm: 1, charging: true, until: '2027-01-10T09:00:00.000Z' },
    ]);
    told.does('RemoveResellerRelationship', {}).at('2027-02-01T00:00:00.000Z');
    expect(charges(told.does('ExpireSavingsPlan', { savingsPlanId: 'sp' }))).toEqual([]);
  });
});

describe('Access that outlives a removal', () => {
  it('is that to Azure subscriptions, cancelled or not (G12)', () => {
    const told = established()
      .does('PurchaseSubscription', {
        subscriptionId: 'plan',
        kind: 'azurePlan',
        offerId: 'azure',
        name: 'Azure plan',
        quantity: 1,
        provisioned: true,
      })
      .does('AddAzureSubscription', { subscriptionId: 'plan', azureSubscriptionId: 'az-1', name: 'Production' });
    expect(access(told)).toEqual([
      {
        ...pair,
        subscriptionId: 'plan',
        azureSubscriptionId: 'az-1',
        relationshipTerm: 1,
        name: 'Production',
        cancelled: false,
      },
    ]);
    told.does('CancelAzureSubscription', { subscriptionId: 'plan', azureSubscriptionId: 'az-1', reason: 'compromise' });
    told.does('SuspendSubscription', { subscriptionId: 'plan', reason: 'customerRequest' });
    told.does('RemoveResellerRelationship', {});
    expect(access(told)).toMatchObject([{ azureSubscriptionId: 'az-1', cancelled: true }]);
  });
});
