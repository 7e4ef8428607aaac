import { describe, expect, it } from '@jest/globals';
import { decideOn, fold, type MessageOf } from '#event-sourcing';
import type { Instant } from './calendar.js';
import { commands, type CommandName, type RelationshipCommands } from './commands.js';
import type { Context } from './context.js';
import { customerRelationship } from './customer-relationship.js';
import type { RelationshipEvents } from './events.js';
import { rulesOfLateFacts } from './rules.js';
import { settledState } from './settling.js';
import {
  activated,
  adminActivated,
  adminRequested,
  azureSubscriptionAdded,
  azureSubscriptionCancelled,
  cancelled,
  contactAssigned,
  context,
  established,
  now,
  policyOf2020,
  purchased,
  removed,
  softwarePurchased,
  spec,
  suspended,
} from './testing.js';

// T1a: what is reported late is decided by what held when it happened, and time goes on from there.

const { given } = spec;
type Event = MessageOf<RelationshipEvents>;
type CommandOf<N extends CommandName> = MessageOf<RelationshipCommands, N>;
type Overrides = Parameters<typeof purchased>[1];

const id = 'sub-1';
const tooEarly = (itemId: string, effectiveAt: Instant, type: Event['type'], at: Instant) => ({
  itemId,
  effectiveAt,
  lastEvent: { type, at },
});

/** In use since its purchase, from month to month: on 22 November its fourth term runs, and no renewal is on record. */
const boughtAt = '2026-08-01T00:00:00.000Z';
const boughtInAugust = (overrides: Overrides = {}, subscriptionId = id) =>
  [
    purchased(subscriptionId, {
      purchasedAt: boughtAt,
      termDuration: 'P1M',
      termEndsAt: '2026-09-01T00:00:00.000Z',
      cancellationAllowedUntil: '2026-08-08T00:00:00.000Z',
      ...overrides,
    }),
    activated(subscriptionId, overrides?.purchasedAt ?? boughtAt),
  ] as const;
const suspend = (effectiveAt: Instant): CommandOf<'SuspendSubscription'> => ({
  type: 'SuspendSubscription',
  data: { subscriptionId: id, reason: 'nonPayment', effectiveAt },
});
const command = <N extends 'ActivateSubscription' | 'ReactivateSubscription' | 'CancelSubscription'>(
  type: N,
  effectiveAt: Instant,
) => ({ type, data: { subscriptionId: id, effectiveAt } }) as CommandOf<N>;
const setAutoRenew = (autoRenew: boolean, effectiveAt: Instant): CommandOf<'SetAutoRenew'> => ({
  type: 'SetAutoRenew',
  data: { subscriptionId: id, autoRenew, effectiveAt },
});
const changeQuantity = (quantity: number, effectiveAt: Instant): CommandOf<'ChangeSubscriptionQuantity'> => ({
  type: 'ChangeSubscriptionQuantity',
  data: { subscriptionId: id, quantity, effectiveAt },
});

type History = readonly (Event | readonly Event[])[];
const stateOf = (...history: History) => fold(customerRelationship, [...history.flat()]);
const decide = (history: History, sent: MessageOf<RelationshipCommands>, more: Partial<Context> = {}) =>
  decideOn(customerRelationship, stateOf(...history), sent, { ...context, ...more });

describe('A fact that is reported late (T1a)', () => {
  it('comes after what time had brought about until then, and before what has followed from it', () => {
    const events = decide([established, boughtInAugust()], changeQuantity(9, '2026-10-15T00:00:00.000Z'));
    expect(events.map(({ type }) => type)).toEqual([
      'SubscriptionRenewed',
      'SubscriptionRenewed',
      'SubscriptionQuantityChanged',
      'SubscriptionRenewed',
    ]);
    const [, , changed, renewed] = events;
    expect(changed).toEqual({
      type: 'SubscriptionQuantityChanged',
      data: { subscriptionId: id, quantity: 9, previousQuantity: 5, changedAt: '2026-10-15T00:00:00.000Z' },
    });
    expect(renewed).toMatchObject({
      data: { quantity: 9, termStartsAt: '2026-11-01T00:00:00.000Z' },
      metadata: { command: 'RenewSubscription', actor: { kind: 'system', id: context.actor.id } },
      begins: true,
    });
  });

  it('leads to what it would have led to in time', () => {
    const history = [established, boughtInAugust()] as const;
    for (const sent of [
      suspend('2026-10-15T00:00:00.000Z'),
      setAutoRenew(false, '2026-09-15T00:00:00.000Z'),
      changeQuantity(9, '2026-08-31T00:00:00.000Z'),
      command('CancelSubscription', '2026-10-05T00:00:00.000Z'),
    ]) {
      const { effectiveAt } = sent.data;
      const late = fold(customerRelationship, decide(history, sent), stateOf(...history));
      const { effectiveAt: _, ...inTime } = sent.data;
      const then = fold(
        customerRelationship,
        decide(history, { ...sent, data: inTime } as typeof sent, { now: effectiveAt! }),
        stateOf(...history),
      );
      const { subscriptions, designations } = settledState(then, now, policyOf2020);
      expect([sent.type, late.subscriptions, late.designations]).toEqual([sent.type, subscriptions, designations]);
    }
  });

  it('leaves the state that it is judged on as it is, accepted or refused', () => {
    const state = stateOf(established, boughtInAugust({ kind: 'legacy' }), contactAssigned(id));
    const before = structuredClone(state);
    decideOn(customerRelationship, state, suspend('2026-08-15T00:00:00.000Z'), context);
    expect(state).toEqual(before);
  });

  it('is a cancellation within the window that was open then (S7)', () => {
    given(established, boughtInAugust())
      .when(command('CancelSubscription', '2026-10-08T00:00:00.000Z'))
      .thenNames('SubscriptionRenewed', 'SubscriptionRenewed', 'SubscriptionCancelled');
    given(established, boughtInAugust())
      .when(command('CancelSubscription', '2026-10-08T00:00:00.001Z'))
      .rejects('CancellationWindowClosed', { closedAt: '2026-10-08T00:00:00.000Z' });
  });

  it('meets the lock of the trial that ran then (S12), and ends it by auto-renew switched off before its end', () => {
    const trial = boughtInAugust({ trial: true, termEndsAt: '2026-08-31T00:00:00.000Z' });
    given(established, trial)
      .when(changeQuantity(9, '2026-08-31T00:00:00.000Z'))
      .rejects('TrialStatusLocked', { trialEndsAt: '2026-08-31T00:00:00.000Z' });
    given(established, trial)
      .when(changeQuantity(9, '2026-08-31T00:00:00.001Z'))
      .thenNames('SubscriptionRenewed', 'SubscriptionQuantityChanged', 'SubscriptionRenewed', 'SubscriptionRenewed');
    given(established, trial)
      .when(setAutoRenew(false, '2026-08-31T00:00:00.000Z'))
      .thenNames('AutoRenewDisabled', 'SubscriptionExpired', 'SubscriptionDisabled');
  });

  it('is auto-renew switched off before a renewal that is not on record: there was none (S14)', () => {
    given(established, boughtInAugust())
      .when(setAutoRenew(false, '2026-10-31T00:00:00.000Z'))
      .thenNames('SubscriptionRenewed', 'SubscriptionRenewed', 'AutoRenewDisabled', 'SubscriptionExpired');
  });

  it('brings add-ons along that were in use then, each dated alike (S10)', () => {
    const addOn = (name: string, overrides: Overrides = {}) =>
      boughtInAugust({ kind: 'legacy', autoRenew: true, baseSubscriptionId: id, ...overrides }, name);
    const history = [
      established,
      boughtInAugust({ kind: 'legacy', autoRenew: true }),
      addOn('add-on-1'),
      addOn('add-on-2', { autoRenew: false }),
    ] as const;
    // One of them ended on 1 September.
    expect(decide(history, suspend('2026-09-15T00:00:00.000Z')).map(({ type, data }) => [type, data])).toMatchObject([
      ['SubscriptionRenewed', { subscriptionId: id }],
      ['SubscriptionRenewed', { subscriptionId: 'add-on-1' }],
      ['SubscriptionExpired', { subscriptionId: 'add-on-2', expiredAt: '2026-09-01T00:00:00.000Z' }],
      ['SubscriptionSuspended', { subscriptionId: id, retainedUntil: '2026-12-14T00:00:00.000Z' }],
      ['SubscriptionSuspended', { subscriptionId: 'add-on-1', suspendedAt: '2026-09-15T00:00:00.000Z' }],
      ['SubscriptionDisabled', { subscriptionId: 'add-on-2', disabledAt: '2026-10-01T00:00:00.000Z' }],
    ]);
    // Every item that it changes counts.
    const boughtSince = addOn('add-on-3', { purchasedAt: '2026-09-20T00:00:00.000Z' });
    given(...history, boughtSince)
      .when(suspend('2026-09-15T00:00:00.000Z'))
      .rejects(
        'EffectiveTooEarly',
        tooEarly('add-on-3', '2026-09-15T00:00:00.000Z', 'SubscriptionActivated', '2026-09-20T00:00:00.000Z'),
      );
    given(...history, boughtSince)
      .when(changeQuantity(9, '2026-09-15T00:00:00.000Z'))
      .thenNames('SubscriptionRenewed', 'SubscriptionQuantityChanged', 'SubscriptionRenewed', 'SubscriptionRenewed');
  });

  it('is a provisioning, from which the terms since the purchase run', () => {
    given(established, purchased(id, boughtInAugust()[0].data))
      .when(command('ActivateSubscription', '2026-10-15T00:00:00.000Z'))
      .thenNames('SubscriptionActivated', 'SubscriptionRenewed', 'SubscriptionRenewed', 'SubscriptionRenewed');
  });

  it('is a reactivation before the term ended (S4)', () => {
    const history = [
      established,
      boughtInAugust(),
      suspended(id, { suspendedAt: '2026-08-10T00:00:00.000Z' }),
    ] as const;
    given(...history)
      .when(command('ReactivateSubscription', '2026-09-01T00:00:00.000Z'))
      .thenNames('SubscriptionReactivated', 'SubscriptionRenewed', 'SubscriptionRenewed', 'SubscriptionRenewed');
    given(...history)
      .when(command('ReactivateSubscription', '2026-09-01T00:00:00.001Z'))
      .rejects('InvalidTransition', { from: 'disabled' });
  });

  it('is auto-extension that was switched, on a grant only together with its days (G6)', () => {
    const grant = [
      adminRequested('grant-1', { durationDays: 30, requestedAt: boughtAt }),
      adminActivated('grant-1', { activatedAt: boughtAt, endsAt: '2026-08-31T00:00:00.000Z' }),
    ] as const;
    const update = (data: object): CommandOf<'UpdateDelegatedAdminRequest'> => ({
      type: 'UpdateDelegatedAdminRequest',
      data: { grantId: 'grant-1', effectiveAt: '2026-08-20T00:00:00.000Z', ...data },
    });
    const [updated] = decide([established, grant], update({ autoExtendDays: 180 }));
    expect(updated).toMatchObject({ data: { autoExtendDays: 180, updatedAt: '2026-08-20T00:00:00.000Z' } });
    given(established, adminRequested('grant-1', { requestedAt: boughtAt }))
      .when(update({ durationDays: 20 }))
      .rejects('InvalidItem', { field: 'effectiveAt', rule: 'withAutoExtendDays' });
    given(established, grant)
      .when(update({ autoExtendDays: 180, effectiveAt: '2026-08-31T00:00:00.001Z' }))
      .rejects('GrantLocked', { status: 'expired' });
  });

  it('is a cancellation of software within the window of the term that ran then (V7, T2)', () => {
    const software = softwarePurchased('order-1', {
      kind: 'subscription',
      purchasedAt: boughtAt,
      termDuration: 'P1Y',
      expiresAt: '2026-10-01T00:00:00.000Z',
      cancellationAllowedUntil: '2026-08-08T00:00:00.000Z',
      autoRenew: true,
    });
    const cancel = (effectiveAt: Instant): CommandOf<'CancelSoftwarePurchase'> => ({
      type: 'CancelSoftwarePurchase',
      data: { purchaseId: software.data.purchaseId, effectiveAt },
    });
    const cancelledThen = decide([established, software], cancel('2026-10-08T00:00:00.000Z'));
    expect(cancelledThen.map(({ type }) => type)).toEqual([
      'SoftwareRenewed',
      ...software.data.lineItems.map(() => 'SoftwareLineItemCancelled'),
      'SoftwarePurchaseCancelled',
    ]);
    expect(cancelledThen.at(-1)!.data).toMatchObject({ cancelledAt: '2026-10-08T00:00:00.000Z' });
    given(established, software)
      .when(cancel('2026-10-08T00:00:00.001Z'))
      .rejects('CancellationWindowClosed', { closedAt: '2026-10-08T00:00:00.000Z' });
  });

  it('is the cancellation of an Azure subscription, not before it was added (S19)', () => {
    const plan = [purchased(id, { kind: 'azurePlan', purchasedAt: boughtAt }), activated(id, boughtAt)] as const;
    const added = azureSubscriptionAdded(id, 'azure-1');
    const cancel = (effectiveAt: Instant): CommandOf<'CancelAzureSubscription'> => ({
      type: 'CancelAzureSubscription',
      data: { subscriptionId: id, azureSubscriptionId: 'azure-1', reason: 'compromise', effectiveAt },
    });
    const { addedAt } = added.data;
    expect(decide([established, plan, added], cancel(addedAt))).toMatchObject([{ data: { cancelledAt: addedAt } }]);
    given(established, plan, added)
      .when(cancel(boughtAt))
      .rejects('EffectiveTooEarly', tooEarly(id, boughtAt, 'AzureSubscriptionAdded', addedAt));
  });
});

describe('A time before the last event of an item (T1a)', () => {
  it('is refused, and the event that counts from the latest time is named', () => {
    const bought = boughtInAugust();
    const renewals = decide([established, bought], { type: 'RenewSubscription', data: { subscriptionId: id } });
    given(established, bought, renewals)
      .when(setAutoRenew(false, '2026-10-31T23:59:59.999Z'))
      .rejects(
        'EffectiveTooEarly',
        tooEarly(id, '2026-10-31T23:59:59.999Z', 'SubscriptionRenewed', '2026-11-01T00:00:00.000Z'),
      );
    given(established, bought, renewals)
      .when(setAutoRenew(false, '2026-11-01T00:00:00.000Z'))
      .thenNames('AutoRenewDisabled');
    // Terms that passed before a provisioning are recorded after it: it is still the latest that is known.
    const provisioned = [bought[0], activated(id, '2026-11-10T00:00:00.000Z'), ...renewals] as const;
    given(established, provisioned)
      .when(suspend('2026-11-05T00:00:00.000Z'))
      .rejects(
        'EffectiveTooEarly',
        tooEarly(id, '2026-11-05T00:00:00.000Z', 'SubscriptionActivated', '2026-11-10T00:00:00.000Z'),
      );
  });

  it('is refused before the state of the item is looked at, of which nothing is known for then', () => {
    given(established, boughtInAugust(), cancelled(id))
      .when(suspend('2026-11-20T00:00:00.000Z'))
      .rejects(
        'EffectiveTooEarly',
        tooEarly(id, '2026-11-20T00:00:00.000Z', 'SubscriptionCancelled', '2026-11-21T12:00:00.000Z'),
      );
    given(established, boughtInAugust(), cancelled(id))
      .when(suspend(now))
      .rejects('InvalidTransition', { from: 'deleted' });
  });

  it('counts what happened below the item, and no support contact', () => {
    const plan = [purchased(id, { kind: 'azurePlan', purchasedAt: boughtAt }), activated(id, boughtAt)] as const;
    given(established, plan, azureSubscriptionAdded(id, 'azure-1'), azureSubscriptionCancelled(id, 'azure-1'))
      .when(suspend('2026-11-20T00:00:00.000Z'))
      .rejects('EffectiveTooEarly', {
        ...tooEarly(id, '2026-11-20T00:00:00.000Z', 'AzureSubscriptionCancelled', '2026-11-21T18:00:00.000Z'),
      });
    given(established, boughtInAugust({ kind: 'marketplace' }), contactAssigned(id))
      .when(command('CancelSubscription', '2026-08-02T00:00:00.000Z'))
      .thenNames('SubscriptionCancelled', 'SupportContactWithdrawn');
  });

  it('is no answer where the item is not known or takes no commands', () => {
    given(established).when(suspend('2026-08-02T00:00:00.000Z')).rejects('ItemNotFound', {
      kind: 'subscription',
      itemId: id,
    });
    given(established, boughtInAugust(), removed())
      .when(suspend(boughtAt))
      .rejects('NoRelationship', { status: 'removed' });
  });
});

describe('A time that is no time of a fact (D1)', () => {
  it('is refused in the future, after what the state refuses and together with other faults', () => {
    const tomorrow = '2026-11-23T12:00:00.000Z';
    const future = { field: 'effectiveAt', effectiveAt: tomorrow, now };
    given(established, boughtInAugust()).when(suspend(tomorrow)).rejects('EffectiveInFuture', future);
    given(established, boughtInAugust(), cancelled(id)).when(suspend(tomorrow)).rejects('InvalidTransition');
    given(established, purchased(id, { kind: 'azurePlan' }), activated(id))
      .when(changeQuantity(9, tomorrow))
      .rejects('EffectiveInFuture', {
        ...future,
        faults: [
          { code: 'EffectiveInFuture', ...future },
          { code: 'InvalidItem', field: 'quantity', rule: 'notForAzurePlan' },
        ],
      });
  });

  it('is earlier than every event if it is a sentinel of some other system', () => {
    given(established, boughtInAugust()).when(suspend('0001-01-01T00:00:00.000Z')).rejects('EffectiveTooEarly');
  });
});

it('The commands that report late facts say so by their rules (T1a)', () => {
  for (const [name, entry] of Object.entries(commands)) {
    const { late = false, rules } = entry as { readonly late?: true; readonly rules: readonly string[] };
    expect([name, rulesOfLateFacts.every((rule) => rules.includes(rule))]).toEqual([name, late]);
  }
});
