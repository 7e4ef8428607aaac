import { describe, expect, it } from '@jest/globals';
import type { RelationshipEvents } from '#customer-relationship';
import type { MessageOf } from '#event-sourcing';
import { blockingFacts, itemsProjection, type Item } from './items.js';
import { never } from './list.js';
import { again, customerId, established, partnerId, rowsOf, type Story } from './testing.js';

const items = (past: Story) => rowsOf(itemsProjection, past).items_v2;
const terms = (past: Story) => rowsOf(itemsProjection, past).item_terms_v2;
/** A story and then events that only a clock or a late provisioning would bring about. */
const andThen = (past: Story, ...events: MessageOf<RelationshipEvents>[]): Story => ({
  ...past,
  events: [...past.events, ...events],
});

const price = { minorUnits: 129_900, currency: 'USD' };
const seats = {
  subscriptionId: 'seats',
  kind: 'newCommerce',
  offerId: 'o-1',
  name: 'Seats',
  quantity: 5,
  termDuration: 'P1Y',
  billingCycle: 'monthly',
  price,
} as const;
const plan = { subscriptionId: 'plan', kind: 'azurePlan', offerId: 'azure', name: 'Azure plan', quantity: 1 } as const;
const bought = () => established().does('PurchaseSubscription', { ...seats, provisioned: true });
const withPlan = () => established().does('PurchaseSubscription', { ...plan, provisioned: true });
const now = '2026-01-10T09:00:00.000Z';

describe('A subscription', () => {
  it('is pending until it is provisioned', () => {
    const past = established().does('PurchaseSubscription', seats);
    expect(items(past)).toEqual([
      {
        partnerId,
        customerId,
        item: 'subscription',
        itemId: 'seats',
        relationshipTerm: 1,
        name: 'Seats',
        sortName: 'seats',
        status: 'pending',
        statusSince: now,
        kind: 'newCommerce',
        offerId: 'o-1',
        product: null,
        publisher: null,
        quantity: 5,
        trial: false,
        autoRenew: true,
        boughtBy: 'partner',
        purchasedAt: now,
        termDuration: 'P1Y',
        cancellationAllowedUntil: '2026-01-17T09:00:00.000Z',
        endsAt: '2027-01-10T09:00:00.000Z',
        endOrder: '2027-01-10T09:00:00.000Z',
        retainedUntil: null,
        retentionOrder: never,
        furtherDisabledPeriod: null,
        dueAt: never,
        statusThen: null,
        dueCommand: null,
        passedInto: '',
        suspensionReason: null,
        cancellationTakesEffectAt: null,
        billingCycle: 'monthly',
        scheduledChange: null,
        scheduledBillingCycle: null,
        price,
        hourlyCommitment: null,
        commitmentUsdCents: null,
        reservationOrderId: null,
        refund: null,
        fee: null,
        baseSubscriptionId: null,
        azureSubscriptions: null,
        lineItems: null,
      },
    ]);
    past.at('2026-01-11T09:00:00.000Z').does('ActivateSubscription', { subscriptionId: 'seats' });
    expect(items(past)).toMatchObject([{ status: 'active', statusSince: '2026-01-11T09:00:00.000Z' }]);
  });

  it('is suspended and reactivated, which does not restore auto-renew or scheduled changes (S3, S5)', () => {
    const past = bought()
      .does('ScheduleSubscriptionChange', { subscriptionId: 'seats', change: { quantity: 9 }, billingCycle: 'annual' })
      .at('2026-02-01T00:00:00.000Z');
    expect(items(past)).toMatchObject([{ scheduledChange: { quantity: 9 }, scheduledBillingCycle: 'annual' }]);
    past.does('SuspendSubscription', { subscriptionId: 'seats', reason: 'nonPayment' });
    expect(items(past)).toMatchObject([
      {
        status: 'suspended',
        statusSince: '2026-02-01T00:00:00.000Z',
        suspensionReason: 'nonPayment',
        autoRenew: false,
        retainedUntil: null,
        scheduledChange: null,
        scheduledBillingCycle: 'annual',
      },
    ]);
    past.does('ReactivateSubscription', { subscriptionId: 'seats' });
    expect(items(past)).toMatchObject([{ status: 'active', suspensionReason: null, autoRenew: false }]);
    past.does('SetAutoRenew', { subscriptionId: 'seats', autoRenew: true });
    expect(items(past)).toMatchObject([{ autoRenew: true }]);
  });

  it('shows until when a suspended legacy one is kept (S15), add-ons with their base (S10)', () => {
    const legacy = { ...seats, kind: 'legacy', provisioned: true } as const;
    const past = established()
      .does('PurchaseSubscription', legacy)
      .does('PurchaseSubscription', {
        ...legacy,
        subscriptionId: 'add-on',
        name: 'Add-on',
        baseSubscriptionId: 'seats',
      })
      .does('SuspendSubscription', { subscriptionId: 'seats', reason: 'customerRequest' });
    expect(items(past)).toMatchObject([
      { itemId: 'seats', status: 'suspended', retainedUntil: '2026-04-10T09:00:00.000Z', baseSubscriptionId: null },
      { itemId: 'add-on', status: 'suspended', baseSubscriptionId: 'seats' },
    ]);
    past.does('ReactivateSubscription', { subscriptionId: 'seats' });
    expect(items(past)).toMatchObject([{ status: 'active', retainedUntil: null }, { status: 'suspended' }]);
  });

  it('changes its quantity', () => {
    const past = bought().does('ChangeSubscriptionQuantity', { subscriptionId: 'seats', quantity: 7 });
    expect(items(past)).toMatchObject([{ quantity: 7 }]);
  });

  it('is deleted when it is cancelled', () => {
    const past = bought().at('2026-01-12T00:00:00.000Z').does('CancelSubscription', { subscriptionId: 'seats' });
    expect(items(past)).toMatchObject([{ status: 'deleted', statusSince: '2026-01-12T00:00:00.000Z' }]);
  });

  it('goes on until its term ends when it is a marketplace one past its window (S20)', () => {
    const past = established()
      .does('PurchaseSubscription', { ...seats, kind: 'marketplace', provisioned: true })
      .at('2026-03-01T00:00:00.000Z')
      .does('CancelSubscription', { subscriptionId: 'seats' });
    expect(items(past)).toMatchObject([{ status: 'active', cancellationTakesEffectAt: '2027-01-10T09:00:00.000Z' }]);
  });

  it('is renewed with what was scheduled, a trial as a paid one', () => {
    const past = established()
      .does('PurchaseSubscription', { ...seats, provisioned: true })
      .does('ScheduleSubscriptionChange', {
        subscriptionId: 'seats',
        change: { quantity: 9, termDuration: 'P1M' },
        billingCycle: 'annual',
      })
      .at('2027-01-10T09:00:00.001Z')
      .does('RenewSubscription', { subscriptionId: 'seats' });
    expect(items(past)).toMatchObject([
      {
        status: 'active',
        quantity: 9,
        termDuration: 'P1M',
        billingCycle: 'annual',
        endsAt: '2027-02-10T09:00:00.000Z',
        endOrder: '2027-02-10T09:00:00.000Z',
        scheduledChange: null,
        scheduledBillingCycle: null,
      },
    ]);
    const trial = established()
      .does('PurchaseSubscription', { ...seats, trial: true, provisioned: true })
      .at('2026-03-01T00:00:00.000Z')
      .does('RenewSubscription', { subscriptionId: 'seats' });
    expect(items(trial)).toMatchObject([{ trial: false, status: 'active' }]);
  });

  it('loses a cancellation window that its renewal does not bring', () => {
    const past = andThen(bought(), {
      type: 'SubscriptionRenewed',
      data: {
        subscriptionId: 'seats',
        quantity: 5,
        offerId: 'o-2',
        termDuration: 'P1Y',
        termStartsAt: '2027-01-10T09:00:00.000Z',
        termEndsAt: '2028-01-10T09:00:00.000Z',
        renewedAt: '2027-01-10T09:00:00.000Z',
      },
    });
    expect(items(past)).toMatchObject([{ offerId: 'o-2', cancellationAllowedUntil: null, billingCycle: 'monthly' }]);
  });

  it('expires, is disabled, then deleted, each with the end of its retention (S14, S15)', () => {
    const past = bought()
      .does('SetAutoRenew', { subscriptionId: 'seats', autoRenew: false })
      .at('2027-01-11T00:00:00.000Z')
      .does('EndSubscriptionTerm', { subscriptionId: 'seats' });
    expect(items(past)).toMatchObject([
      { status: 'expired', statusSince: '2027-01-10T09:00:00.000Z', retainedUntil: '2027-02-09T09:00:00.000Z' },
    ]);
    past.at('2027-02-10T00:00:00.000Z').does('AdvanceSubscriptionRetention', { subscriptionId: 'seats' });
    expect(items(past)).toMatchObject([{ status: 'disabled', retainedUntil: '2027-05-10T09:00:00.000Z' }]);
    past.at('2027-05-11T00:00:00.000Z').does('AdvanceSubscriptionRetention', { subscriptionId: 'seats' });
    expect(items(past)).toMatchObject([{ status: 'deleted', retainedUntil: null }]);
  });

  it('carries the Azure subscriptions of an Azure plan, which has no end', () => {
    const past = withPlan()
      .does('AddAzureSubscription', { subscriptionId: 'plan', azureSubscriptionId: 'az-1', name: 'Production' })
      .does('AddAzureSubscription', { subscriptionId: 'plan', azureSubscriptionId: 'az-2', name: 'Test' })
      .does('CancelAzureSubscription', { subscriptionId: 'plan', azureSubscriptionId: 'az-1', reason: 'compromise' });
    expect(items(past)).toMatchObject([
      {
        endsAt: null,
        endOrder: never,
        azureSubscriptions: [
          { azureSubscriptionId: 'az-1', name: 'Production', status: 'cancelled' },
          { azureSubscriptionId: 'az-2', name: 'Test', status: 'active' },
        ],
      },
    ]);
  });
});

describe('A reservation', () => {
  const reserved = () =>
    withPlan().does('PurchaseReservation', {
      reservationId: 'ri',
      reservationOrderId: 'order',
      name: 'Virtual machines',
      product: 'virtualMachine',
      quantity: 2,
      termDuration: 'P1Y',
      commitmentUsdCents: 1_000_000,
      price,
    });
  const reservation = (past: Story) => items(past).filter(({ item }) => item === 'reservation');

  it('shows its commitment and its end', () => {
    expect(reservation(reserved())).toMatchObject([
      {
        itemId: 'ri',
        relationshipTerm: 1,
        status: 'active',
        product: 'virtualMachine',
        quantity: 2,
        commitmentUsdCents: 1_000_000,
        reservationOrderId: 'order',
        price,
        endsAt: '2027-01-10T09:00:00.000Z',
      },
    ]);
  });

  it('is asked to be cancelled, refused, and cancelled with fee and refund', () => {
    const past = reserved().does('CancelReservation', { reservationId: 'ri' });
    expect(reservation(past)).toMatchObject([{ status: 'cancellationRequested' }]);
    past.at('2026-01-11T00:00:00.000Z').does('RefuseReservationCancellation', { reservationId: 'ri' });
    expect(reservation(past)).toMatchObject([{ status: 'active', statusSince: '2026-01-11T00:00:00.000Z' }]);
    past
      .does('CancelReservation', { reservationId: 'ri' })
      .does('ConfirmReservationCancellation', { reservationId: 'ri', refund: price });
    expect(reservation(past)).toMatchObject([{ status: 'cancelled', refund: price, fee: null }]);
  });

  it('expires', () => {
    const past = reserved().at('2027-02-01T00:00:00.000Z').does('ExpireReservation', { reservationId: 'ri' });
    expect(reservation(past)).toMatchObject([{ status: 'expired', statusSince: '2027-01-10T09:00:00.000Z' }]);
  });
});

describe('A software purchase', () => {
  const software = (kind: 'perpetual' | 'subscription', autoRenew?: boolean) =>
    established().does('PurchaseSoftware', {
      purchaseId: 'sw',
      kind,
      publisher: 'microsoft',
      name: 'Servers',
      lineItems: [
        { lineItemId: 'l-1', name: 'Windows Server', quantity: 1 },
        { lineItemId: 'l-2', name: 'SQL Server', quantity: 2 },
      ],
      ...(kind === 'subscription' ? { termDuration: 'P1Y' as const } : {}),
      ...(autoRenew === undefined ? {} : { autoRenew }),
    });

  it('is cancelled line by line, and with its last line', () => {
    const past = software('perpetual').does('CancelSoftwarePurchase', { purchaseId: 'sw', lineItemIds: ['l-2'] });
    expect(items(past)).toMatchObject([
      {
        item: 'softwarePurchase',
        status: 'completed',
        kind: 'perpetual',
        publisher: 'microsoft',
        cancellationAllowedUntil: '2026-02-09T09:00:00.000Z',
        endsAt: null,
        lineItems: [
          { lineItemId: 'l-1', cancelled: false },
          { lineItemId: 'l-2', cancelled: true },
        ],
      },
    ]);
    past.does('CancelSoftwarePurchase', { purchaseId: 'sw' });
    expect(items(past)).toMatchObject([{ status: 'cancelled', lineItems: [{ cancelled: true }, { cancelled: true }] }]);
  });

  it('shows no line that an earlier release has taken without an id', () => {
    const past = established().does('PurchaseSoftware', {
      purchaseId: 'sw',
      kind: 'perpetual',
      publisher: 'microsoft',
      name: 'Servers',
      lineItems: [[] as never],
    });
    expect(items(past)).toMatchObject([{ status: 'completed', lineItems: [] }]);
  });

  it('expires when it is a subscription without auto-renew', () => {
    const past = software('subscription', false)
      .at('2027-02-01T00:00:00.000Z')
      .does('ExpireSoftware', { purchaseId: 'sw' });
    expect(items(past)).toMatchObject([{ status: 'expired', endsAt: '2027-01-10T09:00:00.000Z' }]);
  });

  it('renews, with a window of its own, as long as auto-renew is on (V7a)', () => {
    expect(items(software('perpetual'))).toMatchObject([{ autoRenew: false }]);
    const past = software('subscription');
    expect(items(past)).toMatchObject([{ autoRenew: true, endsAt: '2027-01-10T09:00:00.000Z' }]);
    past.at('2027-02-01T00:00:00.000Z').does('RenewSoftware', { purchaseId: 'sw' });
    const renewed = {
      status: 'completed',
      statusSince: '2026-01-10T09:00:00.000Z',
      autoRenew: true,
      cancellationAllowedUntil: '2027-01-17T09:00:00.000Z',
      endsAt: '2028-01-10T09:00:00.000Z',
      endOrder: '2028-01-10T09:00:00.000Z',
      dueAt: '2028-01-10T09:00:00.000Z',
      dueCommand: 'RenewSoftware',
      statusThen: 'completed',
    };
    expect(items(past)).toMatchObject([renewed]);
    past.does('SetSoftwareAutoRenew', { purchaseId: 'sw', autoRenew: false });
    const ending = { autoRenew: false, dueCommand: 'ExpireSoftware', statusThen: 'expired' };
    expect(items(past)).toMatchObject([{ ...renewed, ...ending }]);
    past.does('SetSoftwareAutoRenew', { purchaseId: 'sw', autoRenew: true });
    expect(items(past)).toMatchObject([renewed]);
  });
});

describe('A savings plan', () => {
  it('shows its hourly commitment until it expires', () => {
    const past = established().does('PurchaseSavingsPlan', {
      savingsPlanId: 'sp',
      name: 'Compute',
      termDuration: 'P3Y',
      hourlyCommitment: { minorUnits: 150, currency: 'USD' },
      boughtBy: 'customer',
    });
    expect(items(past)).toMatchObject([
      {
        item: 'savingsPlan',
        status: 'active',
        boughtBy: 'customer',
        hourlyCommitment: { minorUnits: 150, currency: 'USD' },
        endsAt: '2029-01-10T09:00:00.000Z',
      },
    ]);
    past.at('2029-01-10T09:00:00.001Z').does('ExpireSavingsPlan', { savingsPlanId: 'sp' });
    expect(items(past)).toMatchObject([{ status: 'expired', statusSince: '2029-01-10T09:00:00.000Z' }]);
  });
});

describe('The terms of relationships', () => {
  it('show which items are current: none after a removal, only the new ones when it is re-established', () => {
    const past = bought().does('SuspendSubscription', { subscriptionId: 'seats', reason: 'customerRequest' });
    expect(terms(past)).toEqual([{ partnerId, customerId, relationshipTerm: 1, currentTerm: 1 }]);
    past.does('RemoveResellerRelationship', {});
    expect(terms(past)).toMatchObject([{ relationshipTerm: 1, currentTerm: null }]);
    again(past).does('PurchaseSubscription', { ...seats, subscriptionId: 'seats-2' });
    expect(terms(past)).toMatchObject([{ relationshipTerm: 2, currentTerm: 2 }]);
    expect(items(past)).toMatchObject([
      { itemId: 'seats', relationshipTerm: 1 },
      { itemId: 'seats-2', relationshipTerm: 2 },
    ]);
  });
});

describe('What decides whether an item blocks', () => {
  const itemsOf = (past: Story) => items(past).map((row) => blockingFacts({ ...row, current: true }));

  it('stands in its row', () => {
    const past = withPlan()
      .does('PurchaseReservation', {
        reservationId: 'ri',
        name: 'VMs',
        product: 'virtualMachine',
        quantity: 1,
        termDuration: 'P1Y',
        commitmentUsdCents: 1,
      })
      .does('PurchaseSoftware', {
        purchaseId: 'sw',
        kind: 'perpetual',
        publisher: 'microsoft',
        name: 'Servers',
        lineItems: [{ lineItemId: 'l-1', name: 'Windows Server', quantity: 1 }],
      })
      .does('PurchaseSavingsPlan', {
        savingsPlanId: 'sp',
        name: 'Compute',
        termDuration: 'P1Y',
        hourlyCommitment: price,
      });
    expect(itemsOf(past)).toEqual([
      { item: 'subscription', kind: 'azurePlan', status: 'active' },
      { item: 'reservation', status: 'active' },
      {
        item: 'softwarePurchase',
        status: 'completed',
        cancellationAllowedUntil: '2026-02-09T09:00:00.000Z',
      },
      { item: 'savingsPlan', status: 'active' },
    ]);
  });

  it('is nothing for an item of an earlier term', () => {
    const [row] = items(withPlan());
    expect(blockingFacts({ ...row, current: false } as unknown as Item)).toBeUndefined();
  });
});
