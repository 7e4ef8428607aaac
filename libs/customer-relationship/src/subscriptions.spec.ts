import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  CommandLoop,
  FoldedStreams,
  decideOn,
  exactly,
  fold,
  inMemoryEventStore,
  Rejection,
  type CommandRequest,
  type MessageOf,
} from '#event-sourcing';
import { seal } from '#event-sourcing/testing';
import { addDays, addMonths } from './calendar.js';
import type { RelationshipCommands } from './commands.js';
import type { Context } from './context.js';
import { customerRelationship, relationshipStream } from './customer-relationship.js';
import { relationshipCodec } from './event-codec.js';
import { subscriptionKinds, type RelationshipEvents, type SubscriptionKind } from './events.js';
import { roles } from './parties.js';
import { defaultPolicy, policies, policyHash, type Policy } from './policy.js';
import { removalBlockers, removalReadiness } from './removal.js';
import { initialState, relationshipSummary } from './state.js';
import { subscriptionSteps, type SubscriptionCommands } from './subscriptions.js';
import {
  accepted,
  activated,
  active,
  activeAzurePlan,
  autoRenewDisabled,
  azureSubscriptionAdded,
  azureSubscriptionCancelled,
  cancellationScheduled,
  cancelled,
  changeScheduled,
  contactAssigned,
  context,
  customerId,
  customerUser,
  disabled,
  established,
  expired,
  laterPolicy,
  now,
  partner,
  partnerApp,
  partnerContact,
  partnerUser,
  policyOf2020,
  purchased,
  reactivated,
  reestablished,
  removed,
  requested,
  spec,
  suspended,
  openRequest,
} from './testing.js';

const { given } = spec;
type Event = MessageOf<RelationshipEvents>;
type History = readonly (Event | readonly Event[])[];
type Command = MessageOf<SubscriptionCommands>;

const id = 'sub-1';
/** The end of every term in these histories, unless they say otherwise. */
const termEndsAt = '2027-11-20T12:00:00.000Z';
const after = (at: string) => new Date(Date.parse(at) + 1).toISOString();
const before = (at: string) => new Date(Date.parse(at) - 1).toISOString();
const afterTerm = after(termEndsAt);
const instead = (change: Partial<Policy>): Policy => ({ ...policyOf2020, name: 'test', ...change });

const purchase = (overrides: Partial<SubscriptionCommands['PurchaseSubscription']> = {}) =>
  ({
    type: 'PurchaseSubscription',
    data: {
      subscriptionId: id,
      kind: 'newCommerce',
      offerId: 'offer-of-sub-1',
      name: 'Name of sub-1',
      quantity: 5,
      ...(overrides.kind === 'azurePlan' ? {} : { termDuration: 'P1Y' as const }),
      ...overrides,
    },
  }) satisfies Command;
const on = <N extends 'ActivateSubscription' | 'ReactivateSubscription' | 'CancelSubscription'>(type: N) => ({
  type,
  data: { subscriptionId: id },
});
const activate = on('ActivateSubscription');
const reactivate = on('ReactivateSubscription');
const cancel = on('CancelSubscription');
const suspend = {
  type: 'SuspendSubscription',
  data: { subscriptionId: id, reason: 'nonPayment' },
} satisfies Command;
const setAutoRenew = (autoRenew: boolean) =>
  ({ type: 'SetAutoRenew', data: { subscriptionId: id, autoRenew } }) satisfies Command;
const changeQuantity = (quantity: number) =>
  ({ type: 'ChangeSubscriptionQuantity', data: { subscriptionId: id, quantity } }) satisfies Command;
const schedule = (scheduled: Omit<SubscriptionCommands['ScheduleSubscriptionChange'], 'subscriptionId'>) =>
  ({ type: 'ScheduleSubscriptionChange', data: { subscriptionId: id, ...scheduled } }) satisfies Command;
const renew = { type: 'RenewSubscription', data: { subscriptionId: id } } satisfies Command;
const endTerm = { type: 'EndSubscriptionTerm', data: { subscriptionId: id } } satisfies Command;
const advance = { type: 'AdvanceSubscriptionRetention', data: { subscriptionId: id } } satisfies Command;
const addAzure = (azureSubscriptionId = 'azure-1', subscriptionId = id) =>
  ({
    type: 'AddAzureSubscription',
    data: { subscriptionId, azureSubscriptionId, name: `Name of ${azureSubscriptionId}` },
  }) satisfies Command;
const cancelAzure = (reason = 'compromise', azureSubscriptionId = 'azure-1') =>
  ({ type: 'CancelAzureSubscription', data: { subscriptionId: id, azureSubscriptionId, reason } }) satisfies Command;

/** Commands of people on a subscription that exists, and those of the clock. */
const changes: readonly Command[] = [setAutoRenew(false), changeQuantity(7), schedule({ change: { quantity: 7 } })];
const ofPeople: readonly Command[] = [activate, suspend, reactivate, cancel, ...changes];
const ofTheClock: readonly Command[] = [renew, endTerm, advance];

const event = <N extends keyof RelationshipEvents>(type: N, data: Omit<RelationshipEvents[N], 'subscriptionId'>) =>
  ({ type, data: { subscriptionId: id, ...data } }) as unknown as { type: N; data: RelationshipEvents[N] };
const nonPaymentSuspension = (
  subscriptionId: string,
  more: Partial<RelationshipEvents['SubscriptionSuspended']> = {},
): Event => suspended(subscriptionId, { reason: 'nonPayment', suspendedAt: now, ...more });
const contactWithdrawn = (withdrawnAt: string): Event => ({
  type: 'SupportContactWithdrawn',
  data: { subscriptionId: id, contact: partnerContact, reason: 'subscriptionDeleted', withdrawnAt },
});
const discarded = event('ScheduledChangesDiscarded', { discardedAt: now });
const deletedAt = (at: string, subscriptionId = id): Event => ({
  type: 'SubscriptionDeleted',
  data: { subscriptionId, deletedAt: at },
});
const nceTrial = active(id, { trial: true, termEndsAt: '2026-12-20T12:00:00.000Z' });
const legacy = active(id, { kind: 'legacy' });
const marketplace = active(id, { kind: 'marketplace' });
const legacySuspended = [...legacy, suspended(id, { retainedUntil: '2027-02-19T12:00:00.000Z' })];

/** A refusal with all its details, where it matters that one of them is missing. */
function refusal(history: History, command: Command, more: Partial<Context> = {}) {
  try {
    decideOn(customerRelationship, fold(customerRelationship, history.flat()), command, {
      ...context,
      ...more,
    });
  } catch (error) {
    if (error instanceof Rejection) return { code: error.code, details: error.details };
    throw error;
  }
  throw new Error(`${command.type} was accepted`);
}

const subscriptionAfter = (...history: History) =>
  given(...history)
    .state()
    .subscriptions.get(id);

describe('S1: a purchase', () => {
  it('S1: of new commerce opens a window of seven days and a term', () => {
    given(established)
      .when(purchase())
      .then(
        purchased(id, {
          purchasedAt: now,
          termEndsAt: '2027-11-22T12:00:00.000Z',
          cancellationAllowedUntil: '2026-11-29T12:00:00.000Z',
        }),
      );
  });

  it('S1: keeps the data it was given: price, cycle, buyer, auto-renew, base', () => {
    const extras = {
      billingCycle: 'annual',
      price: { minorUnits: 12_000, currency: 'EUR' },
      boughtBy: 'customer',
      autoRenew: false,
      baseSubscriptionId: 'base',
      quantity: 25,
      termDuration: 'P3Y',
    } as const;
    given(established, active('base'))
      .when(purchase(extras))
      .then(
        purchased(id, {
          ...extras,
          purchasedAt: now,
          termEndsAt: '2029-11-22T12:00:00.000Z',
          cancellationAllowedUntil: '2026-11-29T12:00:00.000Z',
        }),
      );
  });

  it.each([
    ['P1M', '2026-11-23T12:00:00.000Z', '2026-12-22T12:00:00.000Z'],
    ['P1Y', '2026-12-06T12:00:00.000Z', '2027-11-22T12:00:00.000Z'],
    ['P3Y', '2026-12-06T12:00:00.000Z', '2029-11-22T12:00:00.000Z'],
  ] as const)(
    'S20: of a marketplace subscription for %s may be cancelled until %s',
    (termDuration, cancellationAllowedUntil, endsAt) => {
      given(established)
        .when(purchase({ kind: 'marketplace', termDuration }))
        .then(
          purchased(id, {
            kind: 'marketplace',
            termDuration,
            purchasedAt: now,
            termEndsAt: endsAt,
            cancellationAllowedUntil,
          }),
          contactAssigned(id, { assignedAt: now }),
        );
    },
  );

  it('S9: of a legacy subscription has no window and no auto-renew unless asked for', () => {
    given(established)
      .when(purchase({ kind: 'legacy' }))
      .then(
        purchased(id, { kind: 'legacy', purchasedAt: now, termEndsAt: '2027-11-22T12:00:00.000Z' }),
        contactAssigned(id, { assignedAt: now }),
      );
    given(established)
      .when(purchase({ kind: 'legacy', autoRenew: true }))
      .then(
        purchased(id, { kind: 'legacy', autoRenew: true, purchasedAt: now, termEndsAt: '2027-11-22T12:00:00.000Z' }),
        contactAssigned(id, { assignedAt: now }),
      );
  });

  it('S1: of an Azure plan has no term, no window, no auto-renew', () => {
    given(established)
      .when(purchase({ kind: 'azurePlan', quantity: 1, autoRenew: false, trial: false }))
      .then(
        purchased(id, { kind: 'azurePlan', quantity: 1, purchasedAt: now }),
        contactAssigned(id, { assignedAt: now }),
      );
  });

  it('S1: counts from its own time; provisioned at once, it is active from then on', () => {
    given(established)
      .when(purchase({ effectiveAt: '2026-11-20T12:00:00.000Z', provisioned: true }))
      .then(...active(id));
    given(established)
      .when(purchase({ kind: 'legacy', effectiveAt: '2026-11-20T12:00:00.000Z', provisioned: true }))
      .then(...legacy, contactAssigned(id, { assignedAt: now }));
    given(established)
      .when(purchase({ provisioned: false }))
      .thenNames('SubscriptionPurchased');
    given(established)
      .when(purchase({ effectiveAt: now }))
      .thenNames('SubscriptionPurchased');
    given(established)
      .when(purchase({ effectiveAt: after(now) }))
      .rejects('EffectiveInFuture', { effectiveAt: after(now), now });
  });

  it('S1: brings its own window, which ends no earlier than it was bought', () => {
    const window = { cancellationAllowedUntil: '2026-12-24T00:00:00.000Z' };
    for (const kind of ['newCommerce', 'marketplace', 'legacy'] as const) {
      const events = decideOn(
        customerRelationship,
        fold(customerRelationship, established),
        purchase({ kind, ...window }),
        context,
      );
      expect(events[0]).toEqual(
        purchased(id, { kind, purchasedAt: now, termEndsAt: '2027-11-22T12:00:00.000Z', ...window }),
      );
    }
    given(established)
      .when(purchase({ cancellationAllowedUntil: now }))
      .then(purchased(id, { purchasedAt: now, termEndsAt: '2027-11-22T12:00:00.000Z', cancellationAllowedUntil: now }));
    given(established)
      .when(purchase({ cancellationAllowedUntil: before(now) }))
      .rejects('InvalidItem', { field: 'cancellationAllowedUntil', rule: 'notBeforePurchase' });
  });

  it('S12: of a trial lasts 30 days whatever term follows; a new-commerce one has no window', () => {
    given(established)
      .when(purchase({ trial: true, cancellationAllowedUntil: '2026-12-24T00:00:00.000Z' }))
      .then({
        type: 'SubscriptionPurchased',
        data: {
          subscriptionId: id,
          kind: 'newCommerce',
          offerId: 'offer-of-sub-1',
          name: 'Name of sub-1',
          quantity: 5,
          trial: true,
          autoRenew: true,
          boughtBy: 'partner',
          termDuration: 'P1Y',
          termEndsAt: '2026-12-22T12:00:00.000Z',
          purchasedAt: now,
        },
      });
    given(established)
      .when(purchase({ kind: 'legacy', trial: true, cancellationAllowedUntil: '2026-12-24T00:00:00.000Z' }))
      .then(
        purchased(id, {
          kind: 'legacy',
          trial: true,
          termEndsAt: '2026-12-22T12:00:00.000Z',
          cancellationAllowedUntil: '2026-12-24T00:00:00.000Z',
          purchasedAt: now,
        }),
        contactAssigned(id, { assignedAt: now }),
      );
  });

  it('S7: takes windows and trial length from the policy', () => {
    const policy = instead({
      trialDays: 10,
      windows: {
        ...policyOf2020.windows,
        newCommerceDays: 3,
        marketplaceMonthlyHours: 72,
        marketplaceLongerDays: 5,
      },
    });
    const ends = (command: Command) => {
      const [event] = decideOn(customerRelationship, fold(customerRelationship, established), command, {
        ...context,
        policy,
      });
      const { cancellationAllowedUntil, termEndsAt } = event!.data as RelationshipEvents['SubscriptionPurchased'];
      return { cancellationAllowedUntil, termEndsAt };
    };
    expect([
      ends(purchase()),
      ends(purchase({ trial: true })),
      ends(purchase({ kind: 'marketplace', termDuration: 'P1M' })),
      ends(purchase({ kind: 'marketplace', termDuration: 'P3Y' })),
    ]).toEqual([
      { cancellationAllowedUntil: '2026-11-25T12:00:00.000Z', termEndsAt: '2027-11-22T12:00:00.000Z' },
      { cancellationAllowedUntil: undefined, termEndsAt: '2026-12-02T12:00:00.000Z' },
      { cancellationAllowedUntil: '2026-11-25T12:00:00.000Z', termEndsAt: '2026-12-22T12:00:00.000Z' },
      { cancellationAllowedUntil: '2026-11-27T12:00:00.000Z', termEndsAt: '2029-11-22T12:00:00.000Z' },
    ]);
  });

  it.each([
    ['newCommerce without a term', purchase(), 'termDuration', 'required'],
    ['legacy without a term', purchase({ kind: 'legacy' }), 'termDuration', 'required'],
    ['marketplace without a term', purchase({ kind: 'marketplace' }), 'termDuration', 'required'],
  ] as const)('S1: is refused for %s', (_, { type, data }, field, rule) => {
    const { termDuration: _omitted, ...withoutTerm } = data;
    given(established).when({ type, data: withoutTerm }).rejects('InvalidItem', { field, rule });
  });

  it.each([
    [purchase({ kind: 'azurePlan', termDuration: 'P1Y' }), 'termDuration', 'notForAzurePlan'],
    [purchase({ kind: 'azurePlan', autoRenew: true }), 'autoRenew', 'notForAzurePlan'],
    [purchase({ kind: 'azurePlan', trial: true }), 'trial', 'licencesOnly'],
    [purchase({ kind: 'marketplace', trial: true }), 'trial', 'licencesOnly'],
    [purchase({ kind: 'azurePlan', baseSubscriptionId: 'plan' }), 'baseSubscriptionId', 'licencesOnly'],
    [purchase({ kind: 'marketplace', baseSubscriptionId: 'app' }), 'baseSubscriptionId', 'licencesOnly'],
  ] as const)('S1: is refused for facts that its kind does not have (%#)', (command, field, rule) => {
    given(established, activeAzurePlan('plan'), active('app', { kind: 'marketplace' }))
      .when(command)
      .rejects('InvalidItem', { field, rule });
  });

  it('S1: needs an id that was never used, not even in an earlier term', () => {
    given(established, purchased(id))
      .when(purchase({ kind: 'legacy' }))
      .rejects('ItemAlreadyExists', { kind: 'subscription', itemId: id });
    given(established, active(id), cancelled(id), removed(), reestablished)
      .when(purchase())
      .rejects('ItemAlreadyExists', { kind: 'subscription', itemId: id });
  });

  it.each([purchase(), addAzure()])(
    'S1: ($type) needs an active relationship, an agreement, and a partner that may sell',
    (command) => {
      const plan = activeAzurePlan(id);
      given().when(command).rejects('RelationshipNotFound');
      given(openRequest()).when(command).rejects('NoRelationship', { status: 'requested' });
      given(requested(), accepted()).when(command).rejects('AgreementNotConfirmed');
      given(established, plan, removed()).when(command).rejects('PurchasesNotAllowed', {
        removedAt: '2026-11-21T12:00:00.000Z',
      });
      given(established, plan, removed(), requested(), accepted(2)).when(command).rejects('AgreementNotConfirmed');
      given(established)
        .when(command, { partner: { ...partner, standing: 'restricted' } })
        .rejects('PartnerRestricted', { standing: 'restricted' });
      given(established)
        .when(command, { partner: { ...partner, type: 'indirectReseller' } })
        .rejects('PartnerTypeNotAllowed', { partnerType: 'indirectReseller' });
    },
  );

  it('S1: is refused for the relationship first, then for its id, then for its base, then for its facts', () => {
    const unsound = purchase({
      kind: 'legacy',
      trial: true,
      cancellationAllowedUntil: before(now),
      baseSubscriptionId: 'x',
    });
    const sound = purchase({ kind: 'legacy', baseSubscriptionId: 'x' });
    given(requested(), accepted()).when(unsound).rejects('AgreementNotConfirmed');
    given(established, purchased(id)).when(unsound).rejects('ItemAlreadyExists');
    given(established).when(unsound).rejects('ItemNotFound', { kind: 'subscription', itemId: 'x' });
    given(established, active('x', { kind: 'newCommerce' }))
      .when(unsound)
      .rejects('InvalidItem', {
        faults: [
          { code: 'InvalidItem', field: 'cancellationAllowedUntil', rule: 'notBeforePurchase' },
          { code: 'InvalidItem', field: 'baseSubscriptionId', rule: 'baseOfSameKind' },
        ],
      });
    given(established, purchased(id)).when(sound).rejects('ItemAlreadyExists');
    given(established).when(sound).rejects('ItemNotFound', { kind: 'subscription', itemId: 'x' });
  });

  it('C4: takes a default support contact along, up to the bound of designations; new commerce has none', () => {
    const policy = instead({ limits: { ...policyOf2020.limits, designations: 1 } });
    const one = [active('other', { kind: 'legacy' }), contactAssigned('other')] as const;
    given(established, ...one)
      .when(purchase({ kind: 'legacy' }), { policy })
      .rejects('LimitReached');
    given(established, ...one)
      .when(purchase(), { policy })
      .thenNames('SubscriptionPurchased');
    given(established)
      .when(purchase({ kind: 'legacy' }), { policy })
      .thenNames('SubscriptionPurchased', 'SupportContactAssigned');
  });
});

describe('activation', () => {
  it('S2: leads from pending to active, once', () => {
    given(established, purchased(id)).when(activate).then(activated(id, now));
    given(established, active(id))
      .when(activate)
      .rejects('InvalidTransition', { itemId: id, from: 'active', to: 'active' });
    given(established, active(id), expired(id))
      .when(activate)
      .rejects('InvalidTransition', { itemId: id, from: 'expired', to: 'active' });
  });

  const addOn = purchased(id, { kind: 'legacy', baseSubscriptionId: 'base' });
  const withBase = [established, active('base', { kind: 'legacy' }), addOn] as const;

  it('S10: waits for a suspended base, which can be reactivated', () => {
    const suspendedBase = suspended('base', { retainedUntil: '2027-02-19T12:00:00.000Z' });
    given(...withBase, suspendedBase)
      .when(activate)
      .rejects('ParentNotActive', {
        baseSubscriptionId: 'base',
        status: 'suspended',
        remedyCommand: 'ReactivateSubscription',
      });
    given(...withBase, suspendedBase, reactivated('base'))
      .when(activate)
      .then(activated(id, now));
    // New commerce stands alone (rule S11).
    const alone = purchased(id, { baseSubscriptionId: 'base' });
    given(established, active('base'), alone, suspended('base')).when(activate).then(activated(id, now));
  });

  it('S10: is recorded once its base is gone for good, so that it can be cleared', () => {
    const term = { termEndsAt: '2026-12-20T12:00:00.000Z' };
    const endless = suspended('base', { retainedUntil: '2027-02-19T12:00:00.000Z' });
    // Past its term, a suspended base cannot be reactivated any more.
    given(established, active('base', { kind: 'legacy', ...term }), addOn, endless)
      .when(activate, { now: after(term.termEndsAt) })
      .then(activated(id, after(term.termEndsAt)));
    given(...withBase, endless)
      .when(activate, { now: '2027-02-19T12:00:00.001Z' })
      .thenNames('SubscriptionDeleted', 'SubscriptionActivated');
    for (const ended of [expired('base'), disabled('base'), deletedAt(now, 'base')]) {
      const history = [...withBase, ended] as const;
      given(...history)
        .when(activate)
        .then(activated(id, now));
      given(...history, activated(id))
        .when(suspend)
        .thenNames('SubscriptionSuspended');
    }
  });
});

describe('P1: a subscription that is never provisioned', () => {
  const fail = (reason?: string) =>
    ({
      type: 'FailSubscriptionProvisioning',
      data: { subscriptionId: id, ...(reason === undefined ? {} : { reason }) },
    }) satisfies Command;
  const cancelProvisioning = { type: 'CancelSubscriptionProvisioning', data: { subscriptionId: id } } satisfies Command;
  const failed = event('SubscriptionProvisioningFailed', { failedAt: now });
  const provisioningCancelled = event('SubscriptionProvisioningCancelled', { cancelledAt: now });
  const ends = [
    ['provisioningFailed', fail(), failed],
    ['provisioningCancelled', cancelProvisioning, provisioningCancelled],
  ] as const;

  it.each(ends)('P1: ends as %s, of every kind, a trial too', (_, command, ended) => {
    for (const kind of subscriptionKinds) given(established, purchased(id, { kind })).when(command).then(ended);
    given(established, purchased(id, { trial: true }))
      .when(command)
      .then(ended);
    // Terms that have passed since its purchase were none (rule T1).
    given(established, purchased(id)).when(command, { now: afterTerm }).thenNames(ended.type);
  });

  it.each(ends)('P1, T1a: is reported late as %s: it counts from then', (_, command, ended) => {
    const effectiveAt = '2026-11-21T00:00:00.000Z';
    const [own, contact] = decideOn(
      customerRelationship,
      fold(customerRelationship, [...established, purchased(id, { kind: 'legacy' }), contactAssigned(id)]),
      { ...command, data: { ...command.data, effectiveAt } },
      context,
    );
    expect(Object.values(own!.data)).toEqual([id, effectiveAt]);
    expect(own!.type).toBe(ended.type);
    expect(contact).toMatchObject({ type: 'SupportContactWithdrawn', data: { withdrawnAt: effectiveAt } });
    const early = { ...command, data: { ...command.data, effectiveAt: '2026-11-20T11:59:59.999Z' } } as Command;
    given(established, purchased(id))
      .when(early)
      .rejects('EffectiveTooEarly', {
        lastEvent: { type: 'SubscriptionPurchased', at: '2026-11-20T12:00:00.000Z' },
      });
  });

  it('P1: keeps the reason that was given', () => {
    given(established, purchased(id))
      .when(fail('Out of stock'))
      .then(event('SubscriptionProvisioningFailed', { reason: 'Out of stock', failedAt: now }));
  });

  it.each(ends)('P1: becomes %s from pending only', (to, command, ended) => {
    const histories = [
      ['active', active(id)],
      ['suspended', [...active(id), suspended(id)]],
      ['deleted', [...active(id), cancelled(id)]],
      ['provisioningFailed', [purchased(id), failed]],
      ['provisioningCancelled', [purchased(id), provisioningCancelled]],
    ] as const;
    for (const [from, history] of histories)
      given(established, history).when(command).rejects('InvalidTransition', { itemId: id, from, to });
    given(established, purchased(id), removed(), reestablished)
      .when(command)
      .rejects('ItemOfEarlierTerm', { kind: 'subscription', itemId: id, relationshipTerm: 1 });
    given(established).when(command).rejects('ItemNotFound', { kind: 'subscription', itemId: id });
    expect(subscriptionAfter(established, purchased(id), ended)?.status).toBe(to);
  });

  it.each(ends)('C5: as %s it has no designated support contact', (_, command, ended) => {
    const pending = [...established, purchased(id, { kind: 'legacy' }), contactAssigned(id)];
    given(pending)
      .when(command)
      .then(ended, {
        type: 'SupportContactWithdrawn',
        data: { subscriptionId: id, contact: partnerContact, reason: 'subscriptionNotProvisioned', withdrawnAt: now },
      });
  });

  it.each(ends)('S13: as %s it takes no command, whatever time passes', (from, _, ended) => {
    const history = [established, purchased(id), ended] as const;
    for (const command of ofPeople)
      expect(refusal(history, command)).toMatchObject({ code: 'InvalidTransition', details: { itemId: id, from } });
    for (const command of ofTheClock)
      expect(refusal(history, command, { now: '2036-01-01T00:00:00.000Z' })).toMatchObject({
        code: 'InvalidTransition',
        details: { itemId: id, from },
      });
  });

  it.each(ends)('S10: as %s, an add-on leaves room for another under its base', (_, command, ended) => {
    const policy = instead({ limits: { ...policyOf2020.limits, addOnsPerBase: 1 } });
    const addOn = purchased(id, { kind: 'legacy', baseSubscriptionId: 'base' });
    const full = [established, active('base', { kind: 'legacy' }), addOn] as const;
    const another = purchase({ subscriptionId: 'another', kind: 'legacy', baseSubscriptionId: 'base' });
    given(...full)
      .when(another, { policy })
      .rejects('LimitReached', { what: 'addOns', limit: 1 });
    given(...full)
      .when(command)
      .then(ended);
    given(...full, ended)
      .when(another, { policy })
      .thenNames('SubscriptionPurchased', 'SupportContactAssigned');
  });

  it.each(ends)('S10: as %s, a base has no add-on and gets none', (status, _, ended) => {
    const base = purchased(id, { kind: 'legacy' });
    const addOn = purchase({ subscriptionId: 'add-on', kind: 'legacy', baseSubscriptionId: id });
    given(established, base).when(addOn).rejects('ParentNotActive', { baseSubscriptionId: id, status: 'pending' });
    given(established, base, ended).when(addOn).rejects('ParentNotActive', { baseSubscriptionId: id, status });
  });

  it('S11: a new-commerce add-on goes on without its base', () => {
    const addOn = purchased(id, { baseSubscriptionId: 'base' });
    given(established, purchased('base'), addOn, {
      type: 'SubscriptionProvisioningFailed',
      data: { subscriptionId: 'base', failedAt: now },
    })
      .when(activate)
      .then(activated(id, now));
  });
});

describe('S2: suspending', () => {
  it.each([...subscriptionKinds])('S2: leads from active to suspended (%s)', (kind) => {
    given(established, active(id, { kind, autoRenew: false }))
      .when(suspend)
      .then(nonPaymentSuspension(id, kind === 'legacy' ? { retainedUntil: '2027-02-20T12:00:00.000Z' } : {}));
  });

  it('S2: is refused from every other status, which it names', () => {
    const from = (status: string) => ({ itemId: id, from: status, to: 'suspended' });
    given(established, purchased(id)).when(suspend).rejects('InvalidTransition', from('pending'));
    given(established, active(id), suspended(id)).when(suspend).rejects('InvalidTransition', from('suspended'));
    given(established, active(id), expired(id)).when(suspend).rejects('InvalidTransition', from('expired'));
    given(established, active(id), disabled(id)).when(suspend).rejects('InvalidTransition', from('disabled'));
    given(established, active(id), reactivated(id))
      .when(suspend)
      .thenNames('SubscriptionSuspended', 'AutoRenewDisabled');
  });

  it.each([policyOf2020, laterPolicy])('S2: is allowed under $name', (policy) => {
    given(established, active(id)).when(suspend, { policy }).thenNames('SubscriptionSuspended', 'AutoRenewDisabled');
  });

  it('S15: keeps a legacy subscription as long as the policy says', () => {
    const policy = instead({ retention: { ...policyOf2020.retention, legacySuspendedDays: 120 } });
    given(established, legacy)
      .when(suspend, { policy })
      .then(nonPaymentSuspension(id, { retainedUntil: '2027-03-22T12:00:00.000Z' }));
  });
});

describe('S3: suspending new commerce', () => {
  it('S3: turns auto-renew off and drops scheduled changes', () => {
    given(established, active(id), changeScheduled(id, { change: { quantity: 9 } }))
      .when(suspend)
      .then(nonPaymentSuspension(id), autoRenewDisabled(id, now), discarded);
  });

  it('S3: has nothing to turn off or drop where nothing is', () => {
    given(established, active(id), autoRenewDisabled(id)).when(suspend).then(nonPaymentSuspension(id));
  });

  it('S3: keeps a billing instruction', () => {
    given(established, active(id), changeScheduled(id, { billingCycle: 'monthly' }))
      .when(suspend)
      .then(nonPaymentSuspension(id), autoRenewDisabled(id, now));
    expect(
      subscriptionAfter(
        established,
        active(id),
        changeScheduled(id, { change: { quantity: 9 }, billingCycle: 'monthly' }),
        discarded,
      ),
    ).toMatchObject({ scheduledBillingCycle: 'monthly' });
  });

  it('S3: does the same to no other kind', () => {
    given(established, marketplace, changeScheduled(id, { change: { quantity: 9 } }))
      .when(suspend)
      .then(nonPaymentSuspension(id));
    given(
      established,
      active(id, { kind: 'legacy', autoRenew: true }),
      changeScheduled(id, { change: { quantity: 9 } }),
    )
      .when(suspend)
      .then(nonPaymentSuspension(id, { retainedUntil: '2027-02-20T12:00:00.000Z' }));
  });
});

describe('S4: reactivating', () => {
  const back = reactivated(id, now);

  it('S4: leads from suspended to active until the term ends, the last instant included', () => {
    const history = [established, active(id), suspended(id)] as const;
    given(...history)
      .when(reactivate)
      .then(back);
    given(...history)
      .when(reactivate, { now: termEndsAt })
      .then(reactivated(id, termEndsAt));
    given(...history)
      .when(reactivate, { now: afterTerm })
      .rejects('InvalidTransition', { itemId: id, from: 'disabled', to: 'active' });
    // Suspended legacy outlives its term.
    const shortTerm = { kind: 'legacy', termEndsAt: '2026-12-20T12:00:00.000Z' } as const;
    given(established, active(id, shortTerm), suspended(id, { retainedUntil: '2027-02-19T12:00:00.000Z' }))
      .when(reactivate, { now: after(shortTerm.termEndsAt) })
      .rejects('TermEnded', {
        subscriptionId: id,
        termEndsAt: shortTerm.termEndsAt,
        retainedUntil: '2027-02-19T12:00:00.000Z',
      });
  });

  it('S4: needs no term for an Azure plan', () => {
    given(established, activeAzurePlan(id), suspended(id))
      .when(reactivate, { now: '2031-01-01T00:00:00.000Z' })
      .thenNames('SubscriptionReactivated');
  });

  it('S4: is refused from active and pending', () => {
    const to = { itemId: id, to: 'active' };
    given(established, active(id))
      .when(reactivate)
      .rejects('InvalidTransition', { ...to, from: 'active' });
    given(established, purchased(id))
      .when(reactivate)
      .rejects('InvalidTransition', { ...to, from: 'pending' });
  });

  it('S15: comes too late for a legacy subscription whose retention is over', () => {
    const retainedUntil = '2027-02-19T12:00:00.000Z';
    given(established, legacySuspended).when(reactivate, { now: retainedUntil }).then(reactivated(id, retainedUntil));
    given(established, legacySuspended)
      .when(reactivate, { now: after(retainedUntil) })
      .rejects('InvalidTransition', { itemId: id, from: 'deleted', to: 'active' });
  });

  it('S15: stops the retention', () => {
    given(established, legacySuspended, reactivated(id))
      .when(advance, { now: '2027-06-01T00:00:00.000Z' })
      .rejects('NotDue', { dueAt: afterTerm });
    expect(subscriptionAfter(established, legacySuspended)).toHaveProperty('retainedUntil');
    expect(subscriptionAfter(established, active(id), suspended(id))).not.toHaveProperty('retainedUntil');
    expect(subscriptionAfter(established, legacySuspended, reactivated(id))).not.toHaveProperty('retainedUntil');
  });
});

describe('S5: after reactivating', () => {
  it('S5: auto-renew and scheduled changes stay off', () => {
    const history = [
      established,
      active(id),
      changeScheduled(id, { change: { quantity: 9 } }),
      suspended(id),
      autoRenewDisabled(id),
      discarded,
    ] as const;
    given(...history)
      .when(reactivate)
      .then(reactivated(id, now));
    const subscription = subscriptionAfter(...history, reactivated(id));
    expect(subscription).toMatchObject({ status: 'active', autoRenew: false });
    expect(subscription).not.toHaveProperty('scheduledChange');
  });
});

describe('S6: there is no way back', () => {
  it('S6: from expired, disabled and deleted', () => {
    const to = { itemId: id, to: 'active' };
    given(established, active(id), expired(id))
      .when(reactivate)
      .rejects('InvalidTransition', { ...to, from: 'expired' });
    given(established, active(id), disabled(id))
      .when(reactivate)
      .rejects('InvalidTransition', { ...to, from: 'disabled' });
    given(established, active(id), cancelled(id))
      .when(reactivate)
      .rejects('InvalidTransition', { ...to, from: 'deleted' });
  });
});

describe('S7: cancelling new commerce', () => {
  const closedAt = '2026-11-27T12:00:00.000Z';

  it('S7: is allowed within the window, the last instant included, from active and suspended', () => {
    for (const history of [[active(id)], [active(id), suspended(id)]])
      given(established, ...history)
        .when(cancel, { now: closedAt })
        .then(cancelled(id, closedAt));
  });

  it.each([policyOf2020, laterPolicy])('S7: is allowed under $name', (policy) => {
    given(established, active(id)).when(cancel, { policy }).then(cancelled(id, now));
  });

  it('S7: is refused afterwards, naming the next window where a renewal will open one', () => {
    expect(refusal([established, active(id)], cancel, { now: after(closedAt) })).toEqual({
      code: 'CancellationWindowClosed',
      details: { subscriptionId: id, closedAt, termEndsAt, nextWindowAt: after(termEndsAt) },
    });
    for (const history of [
      [active(id), autoRenewDisabled(id)],
      [active(id), suspended(id)],
      [active(id), suspended(id), autoRenewDisabled(id)],
    ]) {
      const { code, details } = refusal([established, ...history], cancel, { now: after(closedAt) });
      expect(code).toBe('CancellationWindowClosed');
      expect(Object.entries(details)).toEqual([
        ['subscriptionId', id],
        ['closedAt', closedAt],
        ['termEndsAt', termEndsAt],
      ]);
    }
  });

  it('S7, T2: is allowed again within seven days of the start of a renewed term, however late the renewal is reported', () => {
    const until = addDays(termEndsAt, 7);
    const renewed = event('SubscriptionRenewed', {
      quantity: 5,
      offerId: 'offer-of-sub-1',
      termDuration: 'P1Y',
      termStartsAt: termEndsAt,
      termEndsAt: '2028-11-20T12:00:00.000Z',
      cancellationAllowedUntil: until,
      renewedAt: termEndsAt,
    });
    for (const at of [afterTerm, '2028-11-20T12:00:00.000Z'])
      given(established, active(id)).when(renew, { now: at }).then(renewed);
    given(established, active(id), renewed).when(cancel, { now: until }).then(cancelled(id, until));
    given(established, active(id)).when(cancel, { now: until }).then(renewed, cancelled(id, until));
    for (const history of [[], [renewed]])
      given(established, active(id), history)
        .when(cancel, { now: after(until) })
        .rejects('CancellationWindowClosed', { closedAt: until, nextWindowAt: '2028-11-20T12:00:00.001Z' });
  });

  it('S7: is refused from pending, expired and disabled', () => {
    const to = { itemId: id, to: 'deleted' };
    given(established, purchased(id))
      .when(cancel)
      .rejects('InvalidTransition', { ...to, from: 'pending' });
    given(established, active(id), expired(id))
      .when(cancel)
      .rejects('InvalidTransition', { ...to, from: 'expired' });
    given(established, active(id), disabled(id))
      .when(cancel)
      .rejects('InvalidTransition', { ...to, from: 'disabled' });
  });
});

describe('S8: a cancelled subscription', () => {
  it('S8: is deleted for good', () => {
    const history = [established, active(id), cancelled(id)] as const;
    expect(subscriptionAfter(...history)).toMatchObject({ status: 'deleted' });
    for (const [command, to] of [
      [cancel, 'deleted'],
      [suspend, 'suspended'],
      [reactivate, 'active'],
      [activate, 'active'],
    ] as const)
      given(...history)
        .when(command)
        .rejects('InvalidTransition', { itemId: id, from: 'deleted', to });
    for (const command of changes)
      given(...history)
        .when(command)
        .rejects('SubscriptionDeleted', { subscriptionId: id });
    for (const command of [renew, endTerm, advance])
      given(...history)
        .when(command, { now: afterTerm })
        .rejects('InvalidTransition', { itemId: id, from: 'deleted' });
  });

  it('S8: takes its designated support contact along', () => {
    given(established, marketplace, contactAssigned(id)).when(cancel).then(cancelled(id, now), contactWithdrawn(now));
    given(established, marketplace).when(cancel).then(cancelled(id, now));
  });
});

describe('S9: a legacy subscription', () => {
  it('S9: is not cancelled but suspended, whatever its window or status', () => {
    const histories = [
      legacy,
      legacySuspended,
      [purchased(id, { kind: 'legacy' })],
      active(id, { kind: 'legacy', cancellationAllowedUntil: '2026-12-24T00:00:00.000Z' }),
    ];
    for (const history of histories)
      given(established, ...history)
        .when(cancel)
        .rejects('CancelNotSupported', { subscriptionId: id, remedyCommand: 'SuspendSubscription' });
  });
});

describe('S10: a legacy base and its add-ons', () => {
  const retainedUntil = '2027-02-20T12:00:00.000Z';
  const addOn = (subscriptionId: string) => active(subscriptionId, { kind: 'legacy', baseSubscriptionId: id });

  it('S10: are suspended together, add-ons in id order, only those that are active and its own', () => {
    given(
      established,
      legacy,
      addOn('add-on-b'),
      addOn('add-on-c'),
      addOn('add-on-a'),
      [...addOn('suspended'), suspended('suspended')],
      purchased('pending', { kind: 'legacy', baseSubscriptionId: id }),
      active('other-base', { kind: 'legacy' }),
      active('of-other-base', { kind: 'legacy', baseSubscriptionId: 'other-base' }),
    )
      .when(suspend)
      .then(
        nonPaymentSuspension(id, { retainedUntil }),
        nonPaymentSuspension('add-on-a', { retainedUntil, withBase: id }),
        nonPaymentSuspension('add-on-b', { retainedUntil, withBase: id }),
        nonPaymentSuspension('add-on-c', { retainedUntil, withBase: id }),
      );
  });

  it('S10: an add-on is suspended alone', () => {
    given(established, active('base', { kind: 'legacy' }), active(id, { kind: 'legacy', baseSubscriptionId: 'base' }))
      .when(suspend)
      .then(nonPaymentSuspension(id, { retainedUntil }));
  });

  const bought = purchase({ kind: 'legacy', baseSubscriptionId: 'base' });
  const base = active('base', { kind: 'legacy' });

  it('S10: an add-on is bought only under an active base of the current term', () => {
    given(established, base)
      .when(bought)
      .then(
        purchased(id, {
          kind: 'legacy',
          baseSubscriptionId: 'base',
          purchasedAt: now,
          termEndsAt: '2027-11-22T12:00:00.000Z',
        }),
        contactAssigned(id, { assignedAt: now }),
      );
    given(established).when(bought).rejects('ItemNotFound', { kind: 'subscription', itemId: 'base' });
    given(established, purchased('base', { kind: 'legacy' }))
      .when(bought)
      .rejects('ParentNotActive', { baseSubscriptionId: 'base', status: 'pending' });
    given(established, base, suspended('base'))
      .when(bought)
      .rejects('ParentNotActive', { baseSubscriptionId: 'base', status: 'suspended' });
    // What names no way back would be taken for one that can be reactivated.
    const termEndsAt = '2026-11-21T12:00:00.000Z';
    given(established, active('base', { kind: 'legacy', termEndsAt }), suspended('base', { retainedUntil }))
      .when(bought)
      .rejects('ParentNotActive', { baseSubscriptionId: 'base', status: 'suspended', termEndsAt });
    given(established, base, suspended('base'), removed(), reestablished)
      .when(bought)
      .rejects('ItemOfEarlierTerm', { kind: 'subscription', itemId: 'base', relationshipTerm: 1 });
  });

  it('S10: an add-on stands under a base of its own kind, which is no add-on itself', () => {
    given(established, active('base'))
      .when(bought)
      .rejects('InvalidItem', { field: 'baseSubscriptionId', rule: 'baseOfSameKind' });
    given(established, base)
      .when(purchase({ baseSubscriptionId: 'base' }))
      .rejects('InvalidItem', { field: 'baseSubscriptionId', rule: 'baseOfSameKind' });
    given(
      established,
      active('root', { kind: 'legacy' }),
      active('base', { kind: 'legacy', baseSubscriptionId: 'root' }),
    )
      .when(bought)
      .rejects('InvalidItem', { field: 'baseSubscriptionId', rule: 'baseIsAddOn' });
  });

  it('S10: a base has a bounded number of add-ons, deleted ones not counted', () => {
    const policy = instead({ limits: { ...policyOf2020.limits, addOnsPerBase: 2 } });
    const add = (subscriptionId: string) => active(subscriptionId, { kind: 'legacy', baseSubscriptionId: 'base' });
    const full = [established, base, add('one'), add('two'), suspended('two')] as const;
    given(...full)
      .when(bought, { policy })
      .rejects('LimitReached', { what: 'addOns', limit: 2 });
    given(established, base, add('one'))
      .when(bought, { policy })
      .thenNames('SubscriptionPurchased', 'SupportContactAssigned');
    given(...full, {
      type: 'SubscriptionDeleted',
      data: { subscriptionId: 'two', deletedAt: '2026-11-21T12:00:00.000Z' },
    })
      .when(bought, { policy })
      .thenNames('SubscriptionPurchased', 'SupportContactAssigned');
  });

  it('S10: an add-on is reactivated only under an active base', () => {
    const addOns = [
      base,
      active(id, { kind: 'legacy', baseSubscriptionId: 'base' }),
      suspended('base'),
      suspended(id, { withBase: 'base', retainedUntil }),
    ] as const;
    given(established, ...addOns)
      .when(reactivate)
      .rejects('ParentNotActive', { baseSubscriptionId: 'base', status: 'suspended' });
    given(established, ...addOns, reactivated('base'))
      .when(reactivate)
      .then(reactivated(id, now));
  });
});

describe('S11: a new-commerce add-on', () => {
  const bought = purchase({ baseSubscriptionId: 'base' });

  it('S11: stands alone: its base only has to be known', () => {
    given(established, active('base'), cancelled('base')).when(bought).thenNames('SubscriptionPurchased');
    given(established, active('base'), suspended('base'), removed(), reestablished)
      .when(bought)
      .thenNames('SubscriptionPurchased');
    given(established).when(bought).rejects('ItemNotFound', { kind: 'subscription', itemId: 'base' });
  });

  it('S11: may have add-ons itself and is not counted', () => {
    const policy = instead({ limits: { ...policyOf2020.limits, addOnsPerBase: 1 } });
    given(
      established,
      active('root'),
      active('base', { baseSubscriptionId: 'root' }),
      active('other', { baseSubscriptionId: 'base' }),
    )
      .when(bought, { policy })
      .thenNames('SubscriptionPurchased');
  });

  it('S11: is not suspended with its base, and is reactivated without it', () => {
    const both = [established, active(id), active('add-on', { baseSubscriptionId: id })] as const;
    given(...both)
      .when(suspend)
      .then(nonPaymentSuspension(id), autoRenewDisabled(id, now));
    given(established, active('base'), active(id, { baseSubscriptionId: 'base' }), suspended('base'), suspended(id))
      .when(reactivate)
      .then(reactivated(id, now));
  });
});

describe('S12: during a new-commerce trial', () => {
  const locked = { subscriptionId: id, trialEndsAt: '2026-12-20T12:00:00.000Z' };

  it.each([suspend, cancel, changeQuantity(7)])('S12: $type is refused', (command) => {
    given(established, nceTrial).when(command).rejects('TrialStatusLocked', locked);
  });

  it('S12: auto-renew may be switched off and on, and changes may be scheduled', () => {
    given(established, nceTrial).when(setAutoRenew(false)).then(autoRenewDisabled(id, now));
    given(established, nceTrial, autoRenewDisabled(id))
      .when(setAutoRenew(true))
      .then(event('AutoRenewEnabled', { enabledAt: now }));
    given(established, nceTrial)
      .when(schedule({ change: { quantity: 9 } }))
      .then(event('SubscriptionChangeScheduled', { change: { quantity: 9 }, scheduledAt: now }));
  });

  it('S12: renewal makes it a paid subscription that takes every command', () => {
    const endsAt = '2026-12-20T12:00:00.000Z';
    const renewed = event('SubscriptionRenewed', {
      quantity: 5,
      offerId: 'offer-of-sub-1',
      termDuration: 'P1Y',
      termStartsAt: endsAt,
      termEndsAt: '2027-12-20T12:00:00.000Z',
      cancellationAllowedUntil: '2026-12-27T12:00:00.000Z',
      renewedAt: endsAt,
    });
    given(established, nceTrial)
      .when(renew, { now: after(endsAt) })
      .then(renewed);
    for (const history of [[], [renewed]])
      given(established, nceTrial, history)
        .when(cancel, { now: after(endsAt) })
        .then(...(history.length > 0 ? [] : [renewed]), cancelled(id, after(endsAt)));
  });

  it('S12: a legacy trial is free to change', () => {
    const trial = active(id, { kind: 'legacy', trial: true, termEndsAt: '2026-12-20T12:00:00.000Z' });
    given(established, trial).when(suspend).thenNames('SubscriptionSuspended');
    given(established, trial).when(changeQuantity(7)).thenNames('SubscriptionQuantityChanged');
  });
});

describe('S13: a subscription that is not active', () => {
  it.each(changes)('S13: takes no $type while suspended', (command) => {
    given(established, active(id), suspended(id))
      .when(command)
      .rejects('SubscriptionSuspended', { subscriptionId: id });
  });

  it.each(changes)('S13: takes no $type in any other status', (command) => {
    const requires = { itemId: id, requires: 'active' };
    given(established, purchased(id))
      .when(command)
      .rejects('InvalidTransition', { ...requires, from: 'pending' });
    given(established, active(id), expired(id))
      .when(command)
      .rejects('InvalidTransition', { ...requires, from: 'expired' });
    given(established, active(id), disabled(id))
      .when(command)
      .rejects('InvalidTransition', { ...requires, from: 'disabled' });
  });

  it.each(changes)(
    'S13: nor $type once its term has ended without a renewal, whether that is recorded or not',
    (command) => {
      given(established, active(id), autoRenewDisabled(id))
        .when(command, { now: afterTerm })
        .rejects('InvalidTransition', { itemId: id, from: 'expired', requires: 'active' });
    },
  );

  it('S13: takes changes up to the last instant of its term', () => {
    const at = { now: termEndsAt };
    given(established, active(id)).when(setAutoRenew(false), at).thenNames('AutoRenewDisabled');
    given(established, active(id)).when(changeQuantity(7), at).thenNames('SubscriptionQuantityChanged');
    given(established, active(id))
      .when(schedule({ billingCycle: 'monthly' }), at)
      .thenNames('SubscriptionChangeScheduled');
  });
});

describe('changing a subscription', () => {
  it('S13: switches auto-renew off and on, never to what it is', () => {
    given(established, active(id)).when(setAutoRenew(false)).then(autoRenewDisabled(id, now));
    given(established, active(id), autoRenewDisabled(id))
      .when(setAutoRenew(true))
      .then(event('AutoRenewEnabled', { enabledAt: now }));
    given(established, active(id))
      .when(setAutoRenew(true))
      .rejects('NothingToChange', { subscriptionId: id, autoRenew: true });
    given(established, active(id), autoRenewDisabled(id))
      .when(setAutoRenew(false))
      .rejects('NothingToChange', { subscriptionId: id, autoRenew: false });
    given(established, active(id), autoRenewDisabled(id), event('AutoRenewEnabled', { enabledAt: now }))
      .when(setAutoRenew(true))
      .rejects('NothingToChange');
  });

  it('S13: changes the quantity, never to what it is', () => {
    const changed = event('SubscriptionQuantityChanged', { quantity: 7, previousQuantity: 5, changedAt: now });
    given(established, active(id)).when(changeQuantity(7)).then(changed);
    given(established, active(id))
      .when(changeQuantity(5))
      .rejects('NothingToChange', { subscriptionId: id, quantity: 5 });
    given(established, active(id), changed).when(changeQuantity(7)).rejects('NothingToChange');
  });

  it('S3: schedules what it names, and nothing else', () => {
    const scheduled = (data: Omit<SubscriptionCommands['ScheduleSubscriptionChange'], 'subscriptionId'>) =>
      event('SubscriptionChangeScheduled', { ...data, scheduledAt: now });
    const whole = { change: { quantity: 3, termDuration: 'P3Y', offerId: 'offer-2' }, billingCycle: 'annual' } as const;
    given(established, active(id)).when(schedule(whole)).then(scheduled(whole));
    given(established, active(id))
      .when(schedule({ billingCycle: 'monthly' }))
      .then(scheduled({ billingCycle: 'monthly' }));
    given(established, active(id))
      .when(schedule({ change: {}, billingCycle: 'monthly' }))
      .then(scheduled({ billingCycle: 'monthly' }));
    given(established, active(id))
      .when(schedule({ change: { quantity: 3 } }))
      .then(scheduled({ change: { quantity: 3 } }));
    given(established, active(id)).when(schedule({})).rejects('NothingToChange', { subscriptionId: id });
    // To what is already so: what the next term brings stays the same, whether that was scheduled or nothing was.
    const nothing = { subscriptionId: id };
    const monthly = active(id, { billingCycle: 'monthly' });
    for (const same of [
      { change: { quantity: 5 } },
      { change: { offerId: `offer-of-${id}` } },
      { change: { termDuration: 'P1Y' } },
      { billingCycle: 'monthly' },
      { change: { quantity: 5, termDuration: 'P1Y', offerId: `offer-of-${id}` }, billingCycle: 'monthly' },
    ] as const)
      given(established, monthly).when(schedule(same)).rejects('NothingToChange', nothing);
    const nine = changeScheduled(id, { change: { quantity: 9 }, billingCycle: 'annual' });
    for (const same of [
      { change: { quantity: 9 } },
      { billingCycle: 'annual' },
      { change: { quantity: 9, termDuration: 'P1Y' }, billingCycle: 'annual' },
    ] as const)
      given(established, monthly, nine).when(schedule(same)).rejects('NothingToChange', nothing);
    for (const other of [
      { change: { quantity: 5 } },
      { billingCycle: 'monthly' },
      { change: { quantity: 9, offerId: 'b' } },
    ] as const)
      given(established, monthly, nine).when(schedule(other)).thenNames('SubscriptionChangeScheduled');
    given(established, active(id))
      .when(schedule({ change: {} }))
      .rejects('NothingToChange', { subscriptionId: id });
  });

  it('S3: a later schedule takes the place of the earlier one in the part that it names', () => {
    const first = changeScheduled(id, { change: { quantity: 3, offerId: 'offer-2' }, billingCycle: 'annual' });
    expect(
      subscriptionAfter(established, active(id), first, changeScheduled(id, { change: { quantity: 4 } })),
    ).toMatchObject({ scheduledChange: { quantity: 4 }, scheduledBillingCycle: 'annual' });
    expect(
      subscriptionAfter(established, active(id), first, changeScheduled(id, { change: { quantity: 4 } }))
        ?.scheduledChange,
    ).toEqual({ quantity: 4 });
    expect(
      subscriptionAfter(established, active(id), first, changeScheduled(id, { billingCycle: 'monthly' })),
    ).toMatchObject({ scheduledChange: { quantity: 3, offerId: 'offer-2' }, scheduledBillingCycle: 'monthly' });
  });

  it('S13: does not concern an Azure plan, which has neither term nor quantity', () => {
    for (const [command, field] of [
      [setAutoRenew(true), 'autoRenew'],
      [changeQuantity(7), 'quantity'],
      [schedule({ change: { quantity: 7 } }), 'change'],
    ] as const)
      given(established, activeAzurePlan(id)).when(command).rejects('InvalidItem', { field, rule: 'notForAzurePlan' });
  });

  it('S20: cannot turn auto-renew on while a cancellation is scheduled', () => {
    const history = [established, marketplace, cancellationScheduled(id), autoRenewDisabled(id)] as const;
    given(...history)
      .when(setAutoRenew(true))
      .rejects('InvalidTransition', {
        itemId: id,
        from: 'active',
        requires: 'noScheduledCancellation',
        takesEffectAt: termEndsAt,
      });
    given(...history)
      .when(setAutoRenew(false))
      .rejects('NothingToChange', { subscriptionId: id, autoRenew: false });
  });
});

describe('S14: at the end of its term', () => {
  const renewed = (more: Partial<RelationshipEvents['SubscriptionRenewed']> = {}) => {
    const termStartsAt = more.termStartsAt ?? termEndsAt;
    return event('SubscriptionRenewed', {
      quantity: 5,
      offerId: 'offer-of-sub-1',
      termDuration: 'P1Y',
      termStartsAt,
      termEndsAt: '2028-11-20T12:00:00.000Z',
      cancellationAllowedUntil: addDays(termStartsAt, 7),
      renewedAt: termStartsAt,
      ...more,
    });
  };

  it.each(ofTheClock)(
    'S14: $type renews an active subscription with auto-renew, as of the end of its term',
    (command) => {
      for (const at of [afterTerm, '2028-11-20T12:00:00.000Z'])
        given(established, active(id)).when(command, { now: at }).then(renewed());
      given(established, active(id)).when(command, { now: termEndsAt }).rejects('NotDue', { dueAt: afterTerm });
    },
  );

  it('S14: renewal of a marketplace subscription opens its window, of a legacy one none', () => {
    given(established, marketplace)
      .when(renew, { now: afterTerm })
      .then(renewed({ cancellationAllowedUntil: addDays(termEndsAt, 14) }));
    given(established, marketplace, changeScheduled(id, { change: { termDuration: 'P1M' } }))
      .when(renew, { now: afterTerm })
      .then(
        renewed({
          termDuration: 'P1M',
          termEndsAt: '2027-12-20T12:00:00.000Z',
          cancellationAllowedUntil: addDays(termEndsAt, 1),
        }),
      );
    const { cancellationAllowedUntil: _, ...withoutWindow } = renewed().data;
    given(established, active(id, { kind: 'legacy', autoRenew: true }))
      .when(renew, { now: afterTerm })
      .then({ type: 'SubscriptionRenewed', data: withoutWindow });
  });

  it('S14: renewal applies the scheduled changes, and only these', () => {
    const change = { quantity: 9, termDuration: 'P3Y', offerId: 'offer-2' } as const;
    given(established, active(id, { billingCycle: 'monthly' }), changeScheduled(id, { change, billingCycle: 'annual' }))
      .when(renew, { now: afterTerm })
      .then(renewed({ ...change, termEndsAt: '2030-11-20T12:00:00.000Z', billingCycle: 'annual' }));
    given(established, active(id, { billingCycle: 'monthly' }), changeScheduled(id, { change: { quantity: 9 } }))
      .when(renew, { now: afterTerm })
      .then(renewed({ quantity: 9, billingCycle: 'monthly' }));
    given(established, active(id), changeScheduled(id, { billingCycle: 'annual' }))
      .when(renew, { now: afterTerm })
      .then(renewed({ billingCycle: 'annual' }));
  });

  const endsOf = (history: readonly Event[], terms: number): (string | undefined)[] => {
    const state = fold(customerRelationship, [...established, ...history]);
    return Array.from({ length: terms }, () => {
      const due = { ...context, now: after(state.subscriptions.get(id)!.termEndsAt!) };
      fold(customerRelationship, decideOn(customerRelationship, state, renew, due), state);
      return state.subscriptions.get(id)?.termEndsAt;
    });
  };
  const monthly = (purchasedAt: string) =>
    active(id, { purchasedAt, termDuration: 'P1M', termEndsAt: addMonths(purchasedAt, 1) });

  it('S14: a monthly term of the 31st ends on the last day of a shorter month, and on the 31st again after it', () => {
    expect(endsOf(monthly('2026-12-31T12:00:00.000Z'), 5)).toEqual([
      '2027-02-28T12:00:00.000Z',
      '2027-03-31T12:00:00.000Z',
      '2027-04-30T12:00:00.000Z',
      '2027-05-31T12:00:00.000Z',
      '2027-06-30T12:00:00.000Z',
    ]);
  });

  it('S14: whenever it was bought, every term ends a whole number of months after the purchase', () => {
    const day = fc.integer({ min: 0, max: 800 }).map((days) => addDays('2025-01-01T08:00:00.000Z', days));
    fc.assert(
      fc.property(day, fc.integer({ min: 1, max: 30 }), (purchasedAt, terms) => {
        expect(endsOf(monthly(purchasedAt), terms).at(-1)).toBe(addMonths(purchasedAt, terms + 1));
      }),
      { numRuns: 50 },
    );
  });

  it('S14: a trial gives way to terms that end on the day on which the first of them started', () => {
    const trial = active(id, {
      trial: true,
      purchasedAt: '2026-12-01T12:00:00.000Z',
      termDuration: 'P1M',
      termEndsAt: '2026-12-31T12:00:00.000Z',
    });
    expect(endsOf(trial, 3)).toEqual([
      '2027-01-31T12:00:00.000Z',
      '2027-02-28T12:00:00.000Z',
      '2027-03-31T12:00:00.000Z',
    ]);
  });

  it('S14: a term that has drifted in an older log finds back to its day', () => {
    const drifted = renewed({
      renewedAt: '2027-02-28T13:00:00.000Z',
      termDuration: 'P1M',
      termStartsAt: '2027-02-28T12:00:00.000Z',
      termEndsAt: '2027-03-28T12:00:00.000Z',
    });
    expect(endsOf([...monthly('2027-01-31T12:00:00.000Z'), drifted], 1)).toEqual(['2027-04-30T12:00:00.000Z']);
  });

  it('S14: the next term starts where the last one ended, so a late clock catches up term by term', () => {
    const second = renewed({ termStartsAt: '2028-11-20T12:00:00.000Z', termEndsAt: '2029-11-20T12:00:00.000Z' });
    for (const recorded of [[], [renewed()]])
      given(established, active(id), recorded)
        .when(renew, { now: '2029-01-01T00:00:00.000Z' })
        .then(...(recorded.length > 0 ? [] : [renewed()]), second);
  });

  it('S14: a renewed subscription has what the renewal says and nothing scheduled', () => {
    const history = [
      established,
      active(id, { trial: true }),
      changeScheduled(id, { change: { quantity: 9 }, billingCycle: 'annual' }),
    ] as const;
    const next = {
      quantity: 9,
      offerId: 'offer-2',
      termDuration: 'P3Y',
      termEndsAt: '2030-11-20T12:00:00.000Z',
      billingCycle: 'annual',
    } as const;
    expect(subscriptionAfter(...history, renewed(next))).toEqual({
      relationshipTerm: 1,
      anchorDay: 20,
      kind: 'newCommerce',
      name: 'Name of sub-1',
      status: 'active',
      trial: false,
      autoRenew: true,
      cancellationAllowedUntil: addDays(termEndsAt, 7),
      azureSubscriptions: new Map(),
      ...next,
    });
    const { billingCycle: _, cancellationAllowedUntil: __, ...less } = renewed(next).data;
    const leaner = subscriptionAfter(
      established,
      active(id, { billingCycle: 'monthly' }),
      changeScheduled(id, { change: { quantity: 9 }, billingCycle: 'annual' }),
      { type: 'SubscriptionRenewed', data: less },
    );
    expect(leaner).toMatchObject({ billingCycle: 'monthly' });
    for (const gone of ['cancellationAllowedUntil', 'scheduledChange', 'scheduledBillingCycle'])
      expect(leaner).not.toHaveProperty(gone);
  });

  it.each([
    ['newCommerce', [active(id), autoRenewDisabled(id)]],
    ['marketplace', [...marketplace, autoRenewDisabled(id)]],
    ['legacy', legacy],
  ] as const)('S14: an active one without auto-renew expires with its term (%s)', (_, history) => {
    const late = '2027-12-01T00:00:00.000Z';
    for (const command of ofTheClock) {
      for (const at of [afterTerm, late])
        given(established, ...history)
          .when(command, { now: at })
          .then(expired(id, termEndsAt, '2027-12-20T12:00:00.000Z'));
      given(established, ...history)
        .when(command, { now: termEndsAt })
        .rejects('NotDue', { dueAt: afterTerm });
    }
  });

  it.each(['newCommerce', 'marketplace'] as const)('S14: a suspended one is disabled with its term (%s)', (kind) => {
    const history = [established, active(id, { kind }), suspended(id)] as const;
    given(...history)
      .when(endTerm, { now: afterTerm })
      .then(disabled(id, { disabledAt: termEndsAt, retainedUntil: '2027-12-20T12:00:00.000Z', furtherPeriod: true }));
    given(...history)
      .when(endTerm, { now: termEndsAt })
      .rejects('NotDue', { dueAt: afterTerm });
  });

  it('S15: a suspended legacy one follows its own retention', () => {
    const retainedUntil = '2028-02-19T12:00:00.000Z';
    const history = [established, legacy, suspended(id, { retainedUntil })] as const;
    given(...history)
      .when(endTerm, { now: afterTerm })
      .rejects('NotDue', { dueAt: after(retainedUntil) });
    given(...history)
      .when(endTerm, { now: after(retainedUntil) })
      .then(deletedAt(retainedUntil));
  });

  it('S14: nothing else ends with a term', () => {
    for (const command of ofTheClock) {
      // Not provisioned, it does not run through its terms.
      given(established, purchased(id))
        .when(command, { now: '2031-01-01T00:00:00.000Z' })
        .rejects('InvalidTransition', { itemId: id, from: 'pending' });
      given(established, activeAzurePlan(id))
        .when(command, { now: '2031-01-01T00:00:00.000Z' })
        .rejects('InvalidTransition', { itemId: id, from: 'active' });
    }
  });

  it('R20: the clock continues after a removal and for earlier terms', () => {
    const history = [established, active(id), suspended(id), removed()] as const;
    for (const past of [history, [...history, ...reestablished]])
      given(...past)
        .when(endTerm, { now: afterTerm })
        .thenNames('SubscriptionDisabled');
    given(established, active(id), removed()).when(renew, { now: afterTerm }).thenNames('SubscriptionRenewed');
    given(established, active(id), expired(id), removed())
      .when(advance, { now: '2026-12-20T12:00:00.001Z' })
      .thenNames('SubscriptionDisabled');
  });
});

describe('S15: retention', () => {
  const expiredUntil = '2026-12-20T12:00:00.000Z';
  const disabledUntil = '2027-03-20T12:00:00.000Z';

  it('S15: expired for 30 days, then disabled for 90', () => {
    const history = [established, active(id), expired(id, '2026-11-20T12:00:00.000Z', expiredUntil)] as const;
    const next = disabled(id, { disabledAt: expiredUntil, retainedUntil: disabledUntil });
    for (const command of ofTheClock) {
      for (const at of [after(expiredUntil), disabledUntil])
        given(...history)
          .when(command, { now: at })
          .then(next);
      given(...history)
        .when(command, { now: '2030-01-01T00:00:00.000Z' })
        .then(next, deletedAt(disabledUntil));
      given(...history)
        .when(command, { now: expiredUntil })
        .rejects('NotDue', { dueAt: after(expiredUntil) });
      given(...history, next)
        .when(command, { now: disabledUntil })
        .rejects('NotDue', { dueAt: after(disabledUntil) });
      given(...history, next)
        .when(command, { now: after(disabledUntil) })
        .then(deletedAt(disabledUntil));
    }
  });

  it('S15: suspended at term end: disabled for 30 days, then for 90, then deleted', () => {
    const first = disabled(id, { retainedUntil: expiredUntil, furtherPeriod: true });
    const second = disabled(id, { disabledAt: expiredUntil, retainedUntil: disabledUntil });
    const history = [established, active(id), suspended(id), first] as const;
    given(...history)
      .when(advance, { now: expiredUntil })
      .rejects('NotDue', { dueAt: after(expiredUntil) });
    given(...history)
      .when(advance, { now: after(expiredUntil) })
      .then(second);
    given(...history, second)
      .when(advance, { now: disabledUntil })
      .rejects('NotDue', { dueAt: after(disabledUntil) });
    given(...history, second)
      .when(advance, { now: after(disabledUntil) })
      .then(deletedAt(disabledUntil));
  });

  it('S15: legacy suspended for 90 days, then deleted', () => {
    const retainedUntil = '2027-02-19T12:00:00.000Z';
    given(established, legacySuspended)
      .when(advance, { now: retainedUntil })
      .rejects('NotDue', { dueAt: after(retainedUntil) });
    given(established, legacySuspended)
      .when(advance, { now: after(retainedUntil) })
      .then(deletedAt(retainedUntil));
  });

  it('S15: takes its lengths from the policy', () => {
    const policy = instead({
      retention: { expiredDays: 1, suspendedAtTermEndDays: 2, disabledDays: 3, legacySuspendedDays: 4 },
    });
    given(established, legacy)
      .when(endTerm, { now: afterTerm, policy })
      .then(expired(id, termEndsAt, addDays(termEndsAt, 1)));
    given(established, active(id), suspended(id))
      .when(endTerm, { now: afterTerm, policy })
      .then(disabled(id, { disabledAt: termEndsAt, retainedUntil: addDays(termEndsAt, 2), furtherPeriod: true }));
    given(established, active(id), expired(id))
      .when(advance, { now: after(expiredUntil), policy })
      .then(disabled(id, { disabledAt: expiredUntil, retainedUntil: addDays(expiredUntil, 3) }));
  });

  it('S15: deletion takes a designated support contact along, if it still stands', () => {
    const at = after('2027-02-19T12:00:00.000Z');
    const gone = deletedAt('2027-02-19T12:00:00.000Z');
    given(established, legacySuspended, contactAssigned(id))
      .when(advance, { now: at })
      .then(gone, contactWithdrawn('2027-02-19T12:00:00.000Z'));
    given(established, legacySuspended, contactAssigned(id), removed(), {
      type: 'SupportContactWithdrawn',
      data: {
        subscriptionId: id,
        contact: partnerContact,
        reason: 'relationshipRemoved',
        withdrawnAt: '2026-11-21T12:00:00.000Z',
      },
    })
      .when(advance, { now: at })
      .then(gone);
    expect(subscriptionAfter(established, legacySuspended, gone)).toMatchObject({ status: 'deleted' });
    expect(subscriptionAfter(established, legacySuspended, gone)).not.toHaveProperty('retainedUntil');
  });

  it('S15: nothing advances where no retention runs', () => {
    given(established, active(id)).when(advance).rejects('NotDue', { dueAt: afterTerm });
    given(established, active(id), suspended(id)).when(advance).rejects('NotDue', { dueAt: afterTerm });
    given(established, activeAzurePlan(id), suspended(id))
      .when(advance, { now: '2031-01-01T00:00:00.000Z' })
      .rejects('InvalidTransition', { itemId: id, from: 'suspended' });
  });
});

describe('S16: the partner is charged', () => {
  const charges = (kind: SubscriptionKind, ...then: Event[]) =>
    removalReadiness(given(established, active(id, { kind }), then).state(), policyOf2020, now, partner.type).willNotEnd
      .runningCharges;

  it('S16: while new commerce is suspended, until its term ends', () => {
    expect(charges('newCommerce', suspended(id))).toEqual([{ item: 'subscription', itemId: id, until: termEndsAt }]);
  });

  it('S16: not while legacy is suspended, nor once expired, disabled or deleted', () => {
    expect(charges('legacy', suspended(id))).toEqual([]);
    for (const ended of [expired(id), disabled(id), cancelled(id)]) expect(charges('newCommerce', ended)).toEqual([]);
  });

  it.each([
    [policyOf2020, 0],
    [laterPolicy, 1],
  ] as const)('S16: is said under either policy, whether it blocks or not (%#)', (policy, blockers) => {
    const readiness = removalReadiness(
      given(established, active(id), suspended(id)).state(),
      policy,
      now,
      partner.type,
    );
    expect(readiness.blockers).toHaveLength(blockers);
    expect(readiness.willNotEnd.runningCharges).toHaveLength(1);
  });
});

describe('S18: an Azure plan', () => {
  const plan = [established, activeAzurePlan(id)] as const;

  it.each([suspend, cancel])('S18: takes no $type while Azure subscriptions under it are active', (command) => {
    given(
      ...plan,
      azureSubscriptionAdded(id, 'azure-c'),
      azureSubscriptionAdded(id, 'azure-a'),
      azureSubscriptionAdded(id, 'azure-b'),
      azureSubscriptionCancelled(id, 'azure-b'),
    )
      .when(command)
      .rejects('AzurePlanHasActiveSubscriptions', {
        subscriptionId: id,
        azureSubscriptionIds: ['azure-a', 'azure-c'],
      });
  });

  it('S18: is free once they are cancelled', () => {
    const cleared = [
      ...plan,
      azureSubscriptionAdded(id, 'azure-1'),
      azureSubscriptionCancelled(id, 'azure-1'),
    ] as const;
    given(...cleared)
      .when(suspend)
      .then(nonPaymentSuspension(id));
    given(...cleared)
      .when(cancel)
      .then(cancelled(id, now));
  });

  it('S18: is cancelled at any time, suspended or not', () => {
    const at = { now: '2031-01-01T00:00:00.000Z' };
    given(...plan)
      .when(cancel, at)
      .then(cancelled(id, at.now));
    given(...plan, suspended(id))
      .when(cancel, at)
      .then(cancelled(id, at.now));
    given(established, active(id, { kind: 'azurePlan', cancellationAllowedUntil: '2026-11-21T12:00:00.000Z' }))
      .when(cancel)
      .then(cancelled(id, now));
    given(established, purchased(id, { kind: 'azurePlan' }))
      .when(cancel)
      .rejects('InvalidTransition', { itemId: id, from: 'pending', to: 'deleted' });
  });

  it('S18: takes Azure subscriptions while it is active', () => {
    given(...plan)
      .when(addAzure())
      .then(event('AzureSubscriptionAdded', { azureSubscriptionId: 'azure-1', name: 'Name of azure-1', addedAt: now }));
    given(...plan, suspended(id))
      .when(addAzure())
      .rejects('SubscriptionSuspended', { subscriptionId: id });
    given(...plan, cancelled(id))
      .when(addAzure())
      .rejects('SubscriptionDeleted', { subscriptionId: id });
    given(established, purchased(id, { kind: 'azurePlan' }))
      .when(addAzure())
      .rejects('InvalidTransition', { itemId: id, from: 'pending', requires: 'active' });
    given(established).when(addAzure()).rejects('ItemNotFound', { kind: 'subscription', itemId: id });
    given(...plan, removed(), reestablished)
      .when(addAzure())
      .rejects('ItemOfEarlierTerm', { kind: 'subscription', itemId: id, relationshipTerm: 1 });
  });

  it.each(['newCommerce', 'legacy', 'marketplace'] as const)('S18: nothing else does (%s)', (kind) => {
    given(established, active(id, { kind }))
      .when(addAzure())
      .rejects('InvalidItem', { field: 'subscriptionId', rule: 'azurePlanOnly' });
  });

  it('S18: an Azure subscription id is used once, under any plan', () => {
    const used = { kind: 'azureSubscription', itemId: 'azure-1' };
    given(...plan, azureSubscriptionAdded(id, 'azure-1'), azureSubscriptionCancelled(id, 'azure-1'))
      .when(addAzure())
      .rejects('ItemAlreadyExists', used);
    given(...plan, activeAzurePlan('plan-2'), azureSubscriptionAdded('plan-2', 'azure-1'))
      .when(addAzure())
      .rejects('ItemAlreadyExists', used);
    given(...plan, azureSubscriptionAdded(id, 'azure-1'))
      .when(addAzure('azure-2'))
      .thenNames('AzureSubscriptionAdded');
  });
});

describe('S19: cancelling an Azure subscription', () => {
  const history = [established, activeAzurePlan(id), azureSubscriptionAdded(id, 'azure-1')] as const;
  const done = event('AzureSubscriptionCancelled', {
    azureSubscriptionId: 'azure-1',
    reason: 'compromise',
    cancelledAt: now,
  });

  it('S19: is allowed with a known reason, also under a suspended plan', () => {
    given(...history)
      .when(cancelAzure())
      .then(done);
    given(...history, suspended(id))
      .when(cancelAzure())
      .then(done);
  });

  it('S19: is refused for any other reason, after the item is found', () => {
    const unknownReason = { reason: 'boredom', known: defaultPolicy.azureCancellationReasons };
    given(...history)
      .when(cancelAzure('boredom'))
      .rejects('InvalidReason', unknownReason);
    given(established).when(cancelAzure('boredom')).rejects('ItemNotFound');
    given(...history, removed())
      .when(cancelAzure('boredom'))
      .rejects('NoRelationship', { status: 'removed' });
    given(...history)
      .when(cancelAzure('boredom'), { policy: instead({ azureCancellationReasons: ['boredom'] }) })
      .thenNames('AzureSubscriptionCancelled');
  });

  it.each(['other', 'customerRequest', 'nonPayment', 'fraud', 'migration', 'dispute', 'compromise'])(
    'S19a: takes %s for a reason; the policies before November 2026 take compromise alone',
    (reason) => {
      for (const name of ['partner-center-2026-11', 'partner-center-2026-11-later'])
        given(...history)
          .when(cancelAzure(reason), { policy: policies[name]! })
          .then({
            type: 'AzureSubscriptionCancelled',
            data: { subscriptionId: id, azureSubscriptionId: 'azure-1', reason, cancelledAt: now },
          });
      for (const policy of [policyOf2020, laterPolicy]) {
        const cancelling = given(...history).when(cancelAzure(reason), { policy });
        if (reason === 'compromise') cancelling.thenNames('AzureSubscriptionCancelled');
        else cancelling.rejects('InvalidReason', { reason, known: ['compromise'] });
      }
    },
  );

  it('S19: needs one that is there and not cancelled', () => {
    given(...history)
      .when(cancelAzure('compromise', 'azure-9'))
      .rejects('ItemNotFound', { kind: 'azureSubscription', itemId: 'azure-9' });
    given(established, active(id))
      .when(cancelAzure())
      .rejects('ItemNotFound', { kind: 'azureSubscription', itemId: 'azure-1' });
    given(...history, azureSubscriptionCancelled(id, 'azure-1'))
      .when(cancelAzure())
      .rejects('NothingToChange', { subscriptionId: id, azureSubscriptionId: 'azure-1' });
    given(...history, azureSubscriptionCancelled(id, 'azure-1'), cancelled(id))
      .when(cancelAzure())
      .rejects('SubscriptionDeleted', { subscriptionId: id });
  });

  it('S19: needs a Global admin who is also an Admin agent', () => {
    const allOf = { command: 'CancelAzureSubscription', allOf: ['GlobalAdmin', 'AdminAgent'] };
    for (const actor of [partnerUser('GlobalAdmin'), partnerUser('AdminAgent')])
      given(...history)
        .when(cancelAzure(), { actor })
        .rejects('RoleNotAllowed', allOf);
    given(...history)
      .when(cancelAzure(), { actor: partnerApp('GlobalAdmin', 'AdminAgent') })
      .rejects('UserContextRequired', { command: 'CancelAzureSubscription' });
  });
});

describe('S20: cancelling a marketplace subscription', () => {
  const closedAt = '2026-12-04T12:00:00.000Z';
  const scheduledAt = after(closedAt);
  const scheduled = event('CancellationScheduled', { takesEffectAt: termEndsAt, scheduledAt });

  it('S20: takes effect at once within its window, the last instant included, from active and suspended', () => {
    for (const history of [marketplace, [...marketplace, suspended(id)]])
      given(established, ...history)
        .when(cancel, { now: closedAt })
        .then(cancelled(id, closedAt));
  });

  it('S20: takes effect at the end of the term afterwards', () => {
    given(established, marketplace)
      .when(cancel, { now: scheduledAt })
      .then(scheduled, autoRenewDisabled(id, scheduledAt));
    given(established, marketplace, autoRenewDisabled(id)).when(cancel, { now: scheduledAt }).then(scheduled);
    given(established, marketplace)
      .when(cancel, { now: termEndsAt })
      .thenNames('CancellationScheduled', 'AutoRenewDisabled');
    // In the window of the next term it takes effect at once again.
    given(established, marketplace)
      .when(cancel, { now: afterTerm })
      .thenNames('SubscriptionRenewed', 'SubscriptionCancelled');
    const late = addDays(termEndsAt, 15);
    given(established, marketplace)
      .when(cancel, { now: late })
      .thenNames('SubscriptionRenewed', 'CancellationScheduled', 'AutoRenewDisabled');
    expect(
      decideOn(customerRelationship, fold(customerRelationship, [...established, ...marketplace]), cancel, {
        ...context,
        now: late,
      })[1],
    ).toEqual(event('CancellationScheduled', { takesEffectAt: '2028-11-20T12:00:00.000Z', scheduledAt: late }));
  });

  it('S20: is not scheduled twice, nor for a suspended one', () => {
    const history = [established, marketplace, scheduled, autoRenewDisabled(id, scheduledAt)] as const;
    for (const past of [history, [...history, suspended(id)]])
      given(...past)
        .when(cancel, { now: scheduledAt })
        .rejects('NothingToChange', { subscriptionId: id, takesEffectAt: termEndsAt });
    expect(refusal([established, marketplace, suspended(id)], cancel, { now: scheduledAt })).toEqual({
      code: 'CancellationWindowClosed',
      details: { subscriptionId: id, closedAt, termEndsAt },
    });
  });

  it('S20: leaves it active and blocking until then', () => {
    const state = given(established, marketplace, scheduled, autoRenewDisabled(id)).state();
    expect(state.subscriptions.get(id)?.status).toBe('active');
    expect(removalBlockers(state, policyOf2020, now)).toMatchObject([{ kind: 'activeSubscription', itemId: id }]);
  });

  it('S20: ends it with the term, suspended or not, together with its support contact', () => {
    const history = [established, marketplace, contactAssigned(id), scheduled, autoRenewDisabled(id)] as const;
    for (const past of [history, [...history, suspended(id)]]) {
      given(...past)
        .when(endTerm, { now: afterTerm })
        .then(cancelled(id, termEndsAt), contactWithdrawn(termEndsAt));
      given(...past)
        .when(endTerm, { now: termEndsAt })
        .rejects('NotDue', { dueAt: afterTerm });
    }
  });
});

describe('commands on a subscription', () => {
  it.each([...ofPeople, cancelAzure()])(
    'R20: $type needs an active relationship and an item of its term',
    (command) => {
      const item = { kind: 'subscription', itemId: id };
      given().when(command).rejects('RelationshipNotFound');
      given(openRequest()).when(command).rejects('NoRelationship', { status: 'requested' });
      given(established, active(id), removed()).when(command).rejects('NoRelationship', { status: 'removed' });
      given(established).when(command).rejects('ItemNotFound', item);
      given(established, active(id), removed(), reestablished)
        .when(command)
        .rejects('ItemOfEarlierTerm', { ...item, relationshipTerm: 1 });
    },
  );

  it.each(ofTheClock)('R20: $type needs an item that is known', (command) => {
    given().when(command).rejects('RelationshipNotFound');
    given(established).when(command).rejects('ItemNotFound', { kind: 'subscription', itemId: id });
    given(established, removed()).when(command).rejects('ItemNotFound', { kind: 'subscription', itemId: id });
  });

  it.each([purchase(), ...ofPeople, ...ofTheClock, addAzure()])(
    'R27: $type is for whom the policy names',
    (command) => {
      const allowed = ['GlobalAdmin', 'AdminAgent', 'SalesAgent', 'HelpdeskAgent', 'BillingAdmin'];
      for (const role of roles)
        for (const actor of [partnerUser(role), partnerApp(role)]) {
          const refused = given().when(command, { actor });
          if (allowed.includes(role)) refused.rejects('RelationshipNotFound');
          else refused.rejects('RoleNotAllowed', { command: command.type, anyOf: allowed });
        }
      given()
        .when(command, { actor: customerUser('CustomerGlobalAdmin') })
        .rejects('ActorNotAllowed', { command: command.type });
    },
  );

  it('R27: a restricted or suspended partner still suspends and cancels', () => {
    for (const standing of ['restricted', 'suspended'] as const) {
      const restricted = { partner: { ...partner, standing } };
      given(established, active(id)).when(suspend, restricted).thenNames('SubscriptionSuspended', 'AutoRenewDisabled');
      given(established, active(id)).when(cancel, restricted).thenNames('SubscriptionCancelled');
    }
  });
});

describe('what is known of a subscription', () => {
  it('comes from its purchase', () => {
    expect(
      subscriptionAfter(
        established,
        purchased(id, { baseSubscriptionId: 'base', billingCycle: 'monthly', trial: true, kind: 'legacy' }),
      ),
    ).toStrictEqual({
      relationshipTerm: 1,
      kind: 'legacy',
      name: 'Name of sub-1',
      offerId: 'offer-of-sub-1',
      status: 'pending',
      trial: true,
      quantity: 5,
      autoRenew: false,
      baseSubscriptionId: 'base',
      termDuration: 'P1Y',
      termEndsAt,
      billingCycle: 'monthly',
      azureSubscriptions: new Map(),
    });
    expect(
      subscriptionAfter(established, removed(), reestablished, purchased(id, { kind: 'azurePlan' })),
    ).toStrictEqual({
      relationshipTerm: 2,
      kind: 'azurePlan',
      name: 'Name of sub-1',
      offerId: 'offer-of-sub-1',
      status: 'pending',
      trial: false,
      quantity: 5,
      autoRenew: false,
      azureSubscriptions: new Map(),
    });
  });

  it('includes its Azure subscriptions', () => {
    expect(
      subscriptionAfter(
        established,
        activeAzurePlan(id),
        azureSubscriptionAdded(id, 'azure-1'),
        azureSubscriptionAdded(id, 'azure-2'),
        azureSubscriptionCancelled(id, 'azure-1'),
        azureSubscriptionCancelled(id, 'azure-9'),
      )?.azureSubscriptions,
    ).toEqual(
      new Map([
        ['azure-1', { name: 'Name of azure-1', status: 'cancelled' }],
        ['azure-2', { name: 'Name of azure-2', status: 'active' }],
      ]),
    );
  });

  it('does not come from events about one that was never bought', () => {
    for (const [name, step] of Object.entries(subscriptionSteps)) {
      if (name === 'SubscriptionPurchased') continue;
      const state = initialState();
      (step as (state: unknown, data: object) => void)(state, { subscriptionId: 'never-bought' });
      expect({ name, state }).toEqual({ name, state: initialState() });
    }
  });
});

describe('the command loop', () => {
  const stream = relationshipStream(partner.tenantId, customerId);

  /** Two servers on one log. */
  async function twoServers() {
    const store = inMemoryEventStore();
    const server = (attempts: number) =>
      new CommandLoop({
        streams: new FoldedStreams({
          store,
          decider: customerRelationship,
          codec: relationshipCodec,
          summaryOf: relationshipSummary,
        }),
        seal,
        attempts,
      });
    const [one, other] = [server(5), server(1)];
    let sent = 0;
    const request = (
      command: MessageOf<RelationshipCommands>,
      commandId = `command-${++sent}`,
      actor = context.actor,
    ): CommandRequest<RelationshipCommands, Context> => ({
      stream,
      command,
      metadata: {
        actor,
        causationId: 'correlation',
        commandHash: JSON.stringify(command),
        commandId,
        correlationId: 'correlation',
        policy: { name: policyOf2020.name, hash: policyHash(policyOf2020) },
      },
      now,
      contextAt: (at) => ({ ...context, now: at, actor }),
    });
    const { customer } = requested().data;
    for (const { command, actor } of [
      { command: { type: 'RequestResellerRelationship', data: { customer, market: 'US' } } },
      { command: { type: 'AcceptResellerRelationship', data: {} }, actor: customerUser('CustomerGlobalAdmin') },
      { command: { type: 'ConfirmCustomerAgreement', data: {} } },
      { command: purchase({ provisioned: true }) },
    ] as const)
      expect(await one.handle(request(command, undefined, actor))).toMatchObject({ outcome: 'accepted' });
    return { store, one, other, request };
  }

  it('S17: refuses an update that collides with another one, and decides again when it may retry', async () => {
    const { one, other, request, store } = await twoServers();
    // Both have read the same revision; then one of them changes the subscription.
    await other.handle(request(setAutoRenew(true)));
    await one.handle(request(setAutoRenew(false)));

    const conflict = await other.handle(request(suspend));
    expect(conflict).toMatchObject({ outcome: 'refused', rejection: { code: 'ConcurrencyConflict' } });
    const retried = await other.handle(request(suspend));
    expect(retried).toMatchObject({ outcome: 'accepted', events: ['SubscriptionSuspended'] });
    // The first server still holds the state from before the suspension.
    expect(await one.handle(request(changeQuantity(9)))).toMatchObject({
      outcome: 'refused',
      rejection: { code: 'SubscriptionSuspended' },
    });
    expect((await store.read(stream)).map(({ type }) => type).slice(-3)).toEqual([
      'SubscriptionActivated',
      'AutoRenewDisabled',
      'SubscriptionSuspended',
    ]);
  });

  it('S17: refuses a command meant for an older revision', async () => {
    const { one, request } = await twoServers();
    expect(await one.handle({ ...request(suspend), ifRevision: exactly(1) })).toMatchObject({
      outcome: 'preconditionFailed',
      revision: 4,
    });
    expect(await one.handle({ ...request(suspend), ifRevision: exactly(4) })).toMatchObject({ outcome: 'accepted' });
  });

  it('S21: the same request acts once, whichever server it meets', async () => {
    const { one, other, request, store } = await twoServers();
    const first = await one.handle(request(suspend, 'suspend-it'));
    const again = await one.handle(request(suspend, 'suspend-it'));
    const elsewhere = await other.handle(request(suspend, 'suspend-it'));

    expect(first).toMatchObject({ outcome: 'accepted', replayed: false });
    for (const answer of [again, elsewhere]) expect(answer).toEqual({ ...first, replayed: true });
    expect((await store.read(stream)).filter(({ type }) => type === 'SubscriptionSuspended')).toHaveLength(1);
    expect(await one.handle(request(reactivate, 'suspend-it'))).toMatchObject({ outcome: 'commandIdReused' });
  });
});
