import { describe, expect, it } from '@jest/globals';
import { decideOn, fold, type MessageOf } from '#event-sourcing';
import { boundarySteps } from './boundaries.js';
import { addDays, addMonths, firstInstantAfter } from './calendar.js';
import { customerRelationship } from './customer-relationship.js';
import type { RelationshipEvents } from './events.js';
import { removalReadiness } from './removal.js';
import { softwareSteps, type SoftwareCommands } from './software.js';
import { initialState } from './state.js';
import {
  accepted,
  context,
  established,
  laterPolicy,
  now,
  partner,
  policyOf2020,
  reestablished,
  refusalOf,
  removed,
  requested,
  softwarePurchased,
  spec,
} from './testing.js';

const { given } = spec;

const lineItems = [
  { lineItemId: 'line-1', name: 'Windows Server', quantity: 1 },
  { lineItemId: 'line-2', name: 'SQL Server', quantity: 2, price: { minorUnits: 89_900, currency: 'EUR' } },
];
const purchase = (overrides: Partial<SoftwareCommands['PurchaseSoftware']> = {}) =>
  ({
    type: 'PurchaseSoftware',
    data: {
      purchaseId: 'order-1',
      kind: 'perpetual',
      publisher: 'microsoft',
      name: 'Servers',
      lineItems,
      ...overrides,
    },
  }) as const;
const bought = (overrides: Partial<RelationshipEvents['SoftwarePurchased']> = {}) =>
  softwarePurchased('order-1', {
    name: 'Servers',
    lineItems,
    purchasedAt: now,
    cancellationAllowedUntil: '2026-12-22T12:00:00.000Z',
    ...overrides,
  });
const boughtForAYear = {
  kind: 'subscription',
  termDuration: 'P1Y',
  cancellationAllowedUntil: '2026-11-29T12:00:00.000Z',
  expiresAt: '2027-11-22T12:00:00.000Z',
  autoRenew: true,
} as const;
const endsAfterAYear = { ...boughtForAYear, autoRenew: false } as const;

const cancel = (...lineItemIds: string[]) =>
  ({
    type: 'CancelSoftwarePurchase',
    data: { purchaseId: 'order-1', ...(lineItemIds.length > 0 ? { lineItemIds } : {}) },
  }) as const;
const lineCancelled = (lineItemId: string): MessageOf<RelationshipEvents, 'SoftwareLineItemCancelled'> => ({
  type: 'SoftwareLineItemCancelled',
  data: { purchaseId: 'order-1', lineItemId, cancelledAt: now },
});
const purchaseCancelled: MessageOf<RelationshipEvents, 'SoftwarePurchaseCancelled'> = {
  type: 'SoftwarePurchaseCancelled',
  data: { purchaseId: 'order-1', cancelledAt: now },
};
const setAutoRenew = (autoRenew: boolean) =>
  ({ type: 'SetSoftwareAutoRenew', data: { purchaseId: 'order-1', autoRenew } }) as const;
const switchedOn = (enabledAt = now): MessageOf<RelationshipEvents, 'SoftwareAutoRenewEnabled'> => ({
  type: 'SoftwareAutoRenewEnabled',
  data: { purchaseId: 'order-1', enabledAt },
});
const switchedOff = (disabledAt = now): MessageOf<RelationshipEvents, 'SoftwareAutoRenewDisabled'> => ({
  type: 'SoftwareAutoRenewDisabled',
  data: { purchaseId: 'order-1', disabledAt },
});
const renew = { type: 'RenewSoftware', data: { purchaseId: 'order-1' } } as const;
const renewed = (
  termStartsAt: string,
  cancellationAllowedUntil: string,
  expiresAt: string,
): MessageOf<RelationshipEvents, 'SoftwareRenewed'> => ({
  type: 'SoftwareRenewed',
  data: { purchaseId: 'order-1', termStartsAt, expiresAt, cancellationAllowedUntil, renewedAt: termStartsAt },
});
const expire = { type: 'ExpireSoftware', data: { purchaseId: 'order-1' } } as const;
const expired: MessageOf<RelationshipEvents, 'SoftwareExpired'> = {
  type: 'SoftwareExpired',
  data: { purchaseId: 'order-1', expiredAt: '2027-11-22T12:00:00.000Z' },
};
const windowEnd = '2026-12-22T12:00:00.000Z';
const afterWindow = '2026-12-22T12:00:00.001Z';
const termEnd = '2027-11-22T12:00:00.000Z';
const afterTerm = '2027-11-22T12:00:00.001Z';
/** A window that outlasts the term, so that only the term's end can refuse. */
const openForever = { cancellationAllowedUntil: '2030-01-01T00:00:00.000Z' };

describe('purchasing software', () => {
  it('gives perpetual software thirty days and no end (rule V7)', () => {
    given(established).when(purchase()).then(bought());
  });

  it.each([
    ['P1Y', '2027-11-22T12:00:00.000Z'],
    ['P3Y', '2029-11-22T12:00:00.000Z'],
  ] as const)('gives a software subscription of %s seven days and an end (rule V7)', (termDuration, expiresAt) => {
    given(established)
      .when(purchase({ kind: 'subscription', termDuration }))
      .then(bought({ ...boughtForAYear, termDuration, expiresAt }));
  });

  it('counts window and term from the time it was bought (rule V7)', () => {
    const effectiveAt = '2026-11-01T00:00:00.000Z';
    given(established)
      .when(purchase({ effectiveAt }))
      .then(bought({ purchasedAt: effectiveAt, cancellationAllowedUntil: '2026-12-01T00:00:00.000Z' }));
    given(established)
      .when(purchase({ kind: 'subscription', termDuration: 'P1Y', effectiveAt }))
      .then(
        bought({
          ...boughtForAYear,
          purchasedAt: effectiveAt,
          cancellationAllowedUntil: '2026-11-08T00:00:00.000Z',
          expiresAt: '2027-11-01T00:00:00.000Z',
        }),
      );
    given(established)
      .when(purchase({ effectiveAt: '2026-11-22T12:00:00.001Z' }))
      .rejects('EffectiveInFuture', { effectiveAt: '2026-11-22T12:00:00.001Z', now });
  });

  it.each([
    ['2021-10-14T00:00:00.000Z', true],
    ['2021-10-13T23:59:59.999Z', false],
  ])('renews a subscription bought on %s: %s, unless the item says otherwise (rule V7a)', (effectiveAt, autoRenew) => {
    const subscription = { kind: 'subscription', termDuration: 'P1Y', effectiveAt } as const;
    const decided = (said: { autoRenew?: boolean }) => given(established).when(purchase({ ...subscription, ...said }));
    const boughtThen = (renews: boolean) =>
      bought({
        kind: 'subscription',
        termDuration: 'P1Y',
        purchasedAt: effectiveAt,
        cancellationAllowedUntil: addDays(effectiveAt, 7),
        expiresAt: addMonths(effectiveAt, 12),
        autoRenew: renews,
      });
    decided({}).then(boughtThen(autoRenew));
    for (const said of [true, false]) decided({ autoRenew: said }).then(boughtThen(said));
  });

  it('never renews perpetual software (rule V7a)', () => {
    given(established)
      .when(purchase({ autoRenew: false }))
      .then(bought());
    given(established)
      .when(purchase({ autoRenew: true }))
      .rejects('InvalidItem', { field: 'autoRenew', rule: 'notAllowed' });
  });

  it('takes the window from the item where it brings one, not before the purchase (rule V7)', () => {
    given(established)
      .when(purchase({ cancellationAllowedUntil: now }))
      .then(bought({ cancellationAllowedUntil: now }));
    given(established)
      .when(purchase({ cancellationAllowedUntil: '2026-11-22T11:59:59.999Z' }))
      .rejects('InvalidItem', { field: 'cancellationAllowedUntil', rule: 'notBeforePurchase' });
  });

  it('counts as the partner’s when the customer bought it (rule V11)', () => {
    given(established)
      .when(purchase({ boughtBy: 'customer' }))
      .then(bought({ boughtBy: 'customer' }));
    for (const policy of [policyOf2020, laterPolicy])
      given(established, softwarePurchased('order-1', { boughtBy: 'customer' }))
        .when({ type: 'RemoveResellerRelationship', data: {} }, { policy })
        .rejects('RemovalBlocked', {
          blockers: [expect.objectContaining({ kind: 'softwarePurchase', itemId: 'order-1' })],
        });
  });

  it.each([
    ['a subscription without a term', { kind: 'subscription' }, { field: 'termDuration', rule: 'required' }],
    ['perpetual software with one', { termDuration: 'P1Y' }, { field: 'termDuration', rule: 'notAllowed' }],
    ['no line items', { lineItems: [] }, { field: 'lineItems', rule: 'notEmpty' }],
    [
      'a line item id used twice',
      { lineItems: [...lineItems, { lineItemId: 'line-1', name: 'Again', quantity: 1 }] },
      { field: 'lineItems', rule: 'uniqueIds' },
    ],
  ] as const)('refuses %s, after the id is found new', (_, overrides, details) => {
    given(established).when(purchase(overrides)).rejects('InvalidItem', details);
    given(established, softwarePurchased('order-1')).when(purchase(overrides)).rejects('ItemAlreadyExists');
  });

  it('asks what every purchase asks, before it looks at the data', () => {
    const meaningless = purchase({ lineItems: [] });
    given(requested(), accepted()).when(meaningless).rejects('AgreementNotConfirmed');
    given(established, removed()).when(meaningless).rejects('PurchasesNotAllowed');
    given(established)
      .when(meaningless, { partner: { ...partner, type: 'indirectReseller' } })
      .rejects('PartnerTypeNotAllowed', { partnerType: 'indirectReseller' });
  });

  it('never uses an id again, not even in a later term', () => {
    const details = { kind: 'softwarePurchase', itemId: 'order-1' };
    given(established, softwarePurchased('order-1')).when(purchase()).rejects('ItemAlreadyExists', details);
    given(established, softwarePurchased('order-1'), removed(), reestablished)
      .when(purchase())
      .rejects('ItemAlreadyExists', details);
  });

  it('is kept with its term, its lines and what cancelling asks for', () => {
    expect(given(established, removed(), reestablished, bought(boughtForAYear)).state().software).toEqual(
      new Map([
        [
          'order-1',
          {
            relationshipTerm: 2,
            kind: 'subscription',
            publisher: 'microsoft',
            name: 'Servers',
            termDuration: 'P1Y',
            anchorDay: 22,
            cancellationAllowedUntil: '2026-11-29T12:00:00.000Z',
            expiresAt: '2027-11-22T12:00:00.000Z',
            autoRenew: true,
            lineItems: new Map([
              ['line-1', false],
              ['line-2', false],
            ]),
            status: 'completed',
          },
        ],
      ]),
    );
    expect(given(established, bought()).state().software.get('order-1')).not.toHaveProperty('expiresAt');
  });
});

describe('cancelling software', () => {
  it('cancels every line and with the last one the purchase (rule V8)', () => {
    given(established, bought())
      .when(cancel())
      .then(lineCancelled('line-1'), lineCancelled('line-2'), purchaseCancelled);
    given(established, bought())
      .when(cancel('line-2', 'line-1'))
      .then(lineCancelled('line-1'), lineCancelled('line-2'), purchaseCancelled);
  });

  it('cancels single lines and leaves the purchase standing while one is left (rule V8)', () => {
    given(established, bought()).when(cancel('line-2')).then(lineCancelled('line-2'));
    const state = given(established, bought(), lineCancelled('line-2')).state();
    expect(state.software.get('order-1')).toMatchObject({
      status: 'completed',
      lineItems: new Map([
        ['line-1', false],
        ['line-2', true],
      ]),
    });
    given(established, bought(), lineCancelled('line-2'))
      .when(cancel('line-1'))
      .then(lineCancelled('line-1'), purchaseCancelled);
  });

  it('cancels what is left, whether named or not (rule V8)', () => {
    const history = [...established, bought(), lineCancelled('line-2')];
    given(history).when(cancel()).then(lineCancelled('line-1'), purchaseCancelled);
    given(history).when(cancel('line-1', 'line-2')).then(lineCancelled('line-1'), purchaseCancelled);
  });

  it('takes a line named twice as one (rule V8)', () => {
    given(established, bought()).when(cancel('line-1', 'line-1')).then(lineCancelled('line-1'));
  });

  it('is refused when none of the lines named is left (rule V8)', () => {
    given(established, bought(), lineCancelled('line-2'))
      .when(cancel('line-2'))
      .rejects('NothingToChange', { purchaseId: 'order-1', lineItemIds: ['line-2'] });
  });

  it('cancels a purchase of an earlier release whose lines have no ids and cannot be named', () => {
    const withoutIds = softwarePurchased('order-1', { lineItems: [[] as never] });
    given(established, withoutIds).when(cancel()).thenNames('SoftwarePurchaseCancelled');
    const one = { lineItemId: 'line-1', name: 'Windows Server', quantity: 1 };
    given(established, softwarePurchased('order-1', { lineItems: [...withoutIds.data.lineItems, one] }))
      .when(cancel())
      .then(lineCancelled('line-1'), purchaseCancelled);
  });

  it('names every line that is not known and cancels none (rule V8)', () => {
    given(established, bought({ publisher: 'suse' }))
      .when(cancel('line-9', 'line-1', 'line-8', 'line-9'))
      .rejects('LineItemNotFound', { purchaseId: 'order-1', lineItemIds: ['line-9', 'line-8'] });
  });

  it('refuses an empty choice of lines of what could be cancelled', () => {
    given(established)
      .when({ type: 'CancelSoftwarePurchase', data: { purchaseId: 'order-1', lineItemIds: [] } })
      .rejects('ItemNotFound', { kind: 'softwarePurchase', itemId: 'order-1' });
    given(established, softwarePurchased('order-1'))
      .when({ type: 'CancelSoftwarePurchase', data: { purchaseId: 'order-1', lineItemIds: [] } })
      .rejects('InvalidItem', { field: 'lineItemIds', rule: 'notEmpty' });
    given(established, removed())
      .when({ type: 'CancelSoftwarePurchase', data: { purchaseId: 'order-1', lineItemIds: [] } })
      .rejects('NoRelationship', { status: 'removed' });
  });

  it.each([
    ['perpetual software', {}, windowEnd, afterWindow],
    ['a software subscription', boughtForAYear, '2026-11-29T12:00:00.000Z', '2026-11-29T12:00:00.001Z'],
  ])('is possible for %s until its window closes (rule V7)', (_, overrides, closedAt, afterwards) => {
    given(established, bought(overrides))
      .when(cancel(), { now: closedAt })
      .thenNames('SoftwareLineItemCancelled', 'SoftwareLineItemCancelled', 'SoftwarePurchaseCancelled');
    for (const policy of [policyOf2020, laterPolicy])
      given(established, bought(overrides))
        .when(cancel('line-1'), { now: afterwards, policy })
        .rejects('CancellationWindowClosed', { closedAt });
  });

  it('is reported late as of when it was done: within the window of then, and not before what is on record (T1a)', () => {
    const late = (effectiveAt: string, ...lineItemIds: string[]) => ({
      type: 'CancelSoftwarePurchase' as const,
      data: { ...cancel(...lineItemIds).data, effectiveAt },
    });
    const context = { now: afterWindow };
    const done = { purchaseId: 'order-1', cancelledAt: now };
    given(established, bought())
      .when(late(now), context)
      .then(lineCancelled('line-1'), lineCancelled('line-2'), { type: 'SoftwarePurchaseCancelled', data: done });
    given(established, bought()).when(late(afterWindow), context).rejects('CancellationWindowClosed');
    const before = '2026-11-22T11:59:59.999Z';
    given(established, bought(), lineCancelled('line-1'))
      .when(late(before), context)
      .rejects('EffectiveTooEarly', {
        itemId: 'order-1',
        effectiveAt: before,
        lastEvent: { type: 'SoftwareLineItemCancelled', at: now },
      });
  });

  it.each(['redHat', 'suse'] as const)('is never possible for %s plans (rule V9)', (publisher) => {
    for (const policy of [policyOf2020, laterPolicy])
      given(established, bought({ publisher }))
        .when(cancel(), { policy })
        .rejects('CancelNotSupported', { remedy: 'waitOrTransfer' });
    given(established, bought({ ...endsAfterAYear, publisher }))
      .when(cancel())
      .rejects('CancelNotSupported', { remedy: 'waitOrTransfer', expiresAt: termEnd });
    given(established, bought({ ...boughtForAYear, publisher }))
      .when(cancel())
      .rejects('CancelNotSupported', {
        remedy: 'switchOffAutoRenewAndWait',
        remedyCommand: 'SetSoftwareAutoRenew',
        expiresAt: termEnd,
      });
  });

  it('names no end of a perpetual plan, which has none (rule V9)', () => {
    const state = fold(customerRelationship, [...established, bought({ publisher: 'suse' })]);
    expect(refusalOf(() => decideOn(customerRelationship, state, cancel(), context))).toStrictEqual({
      code: 'CancelNotSupported',
      details: { remedy: 'waitOrTransfer' },
    });
  });

  it('is possible for publishers that the policy does not name (rule V9)', () => {
    given(established, bought({ publisher: 'other' }))
      .when(cancel('line-1'))
      .then(lineCancelled('line-1'));
    given(established, bought({ publisher: 'suse' }))
      .when(cancel('line-1'), { policy: { ...policyOf2020, nonCancellablePublishers: ['redHat'] } })
      .then(lineCancelled('line-1'));
  });

  it('is refused for a purchase that is cancelled', () => {
    given(established, bought(boughtForAYear), lineCancelled('line-1'), lineCancelled('line-2'), purchaseCancelled)
      .when(cancel(), { now: afterTerm })
      .rejects('InvalidTransition', { itemId: 'order-1', from: 'cancelled', to: 'cancelled' });
  });

  it('is refused for a purchase whose end has passed, whether or not that is recorded', () => {
    const details = { itemId: 'order-1', from: 'expired', to: 'cancelled' };
    const history = [...established, bought({ ...endsAfterAYear, ...openForever })];
    given(history)
      .when(cancel(), { now: termEnd })
      .thenNames('SoftwareLineItemCancelled', 'SoftwareLineItemCancelled', 'SoftwarePurchaseCancelled');
    given(history).when(cancel(), { now: afterTerm }).rejects('InvalidTransition', details);
    given(history, expired).when(cancel()).rejects('InvalidTransition', details);
  });

  it('is refused for one that is not known, or of an earlier term', () => {
    given(established).when(cancel()).rejects('ItemNotFound', { kind: 'softwarePurchase', itemId: 'order-1' });
    given(established, bought(), removed(), reestablished)
      .when(cancel())
      .rejects('ItemOfEarlierTerm', { kind: 'softwarePurchase', itemId: 'order-1', relationshipTerm: 1 });
  });

  it('lets the purchase block the removal no longer (rule R8)', () => {
    given(established, bought(), lineCancelled('line-1'), lineCancelled('line-2'), purchaseCancelled)
      .when({ type: 'RemoveResellerRelationship', data: {} })
      .thenNames('ResellerRelationshipRemoved');
  });
});

describe('the end of a software subscription', () => {
  const yearly = [...established, bought(endsAfterAYear)];

  it('comes after its last instant', () => {
    given(yearly)
      .when(expire, { now: termEnd })
      .rejects('NotDue', { dueAt: firstInstantAfter(termEnd) });
    given(yearly).when(expire, { now: afterTerm }).then(expired);
  });

  it('does not come for perpetual software, nor for what is cancelled, nor twice', () => {
    const details = { itemId: 'order-1', to: 'expired' };
    given(established, bought())
      .when(expire, { now: afterTerm })
      .rejects('InvalidTransition', { ...details, from: 'completed' });
    given(yearly, purchaseCancelled)
      .when(expire, { now: afterTerm })
      .rejects('InvalidTransition', { ...details, from: 'cancelled' });
    given(yearly, expired)
      .when(expire, { now: afterTerm })
      .rejects('InvalidTransition', { ...details, from: 'expired' });
  });

  it('comes after a removal too, and for earlier terms (rule R20)', () => {
    given(yearly, removed()).when(expire, { now: afterTerm }).then(expired);
    given(yearly, removed(), reestablished).when(expire, { now: afterTerm }).then(expired);
  });

  it('is refused for one that is not known', () => {
    given(established).when(expire).rejects('ItemNotFound', { kind: 'softwarePurchase', itemId: 'order-1' });
    given().when(expire).rejects('RelationshipNotFound');
  });

  it('is recorded without judging', () => {
    const state = initialState();
    softwareSteps.SoftwareLineItemCancelled(state, lineCancelled('line-1').data);
    softwareSteps.SoftwarePurchaseCancelled(state, purchaseCancelled.data);
    softwareSteps.SoftwareAutoRenewEnabled(state, switchedOn().data);
    softwareSteps.SoftwareAutoRenewDisabled(state, switchedOff().data);
    boundarySteps.SoftwareRenewed(state, renewed(termEnd, termEnd, afterTerm).data);
    boundarySteps.SoftwareExpired(state, expired.data);
    expect(state).toEqual(initialState());
  });
});

describe('the renewal of a software subscription (rule V7a)', () => {
  const yearly = [...established, bought(boughtForAYear)];
  const second = renewed(termEnd, '2027-11-29T12:00:00.000Z', '2028-11-22T12:00:00.000Z');
  const third = renewed('2028-11-22T12:00:00.000Z', '2028-11-29T12:00:00.000Z', '2029-11-22T12:00:00.000Z');
  const duringThirdTerm = '2029-01-01T00:00:00.000Z';

  it('comes after the last instant of the term, and is the next term without a gap (rule S14)', () => {
    given(yearly).when(renew, { now: termEnd }).rejects('NotDue', { dueAt: afterTerm });
    given(yearly).when(renew, { now: afterTerm }).then(second);
    expect(given(yearly, second).state().software.get('order-1')).toMatchObject({
      status: 'completed',
      cancellationAllowedUntil: '2027-11-29T12:00:00.000Z',
      expiresAt: '2028-11-22T12:00:00.000Z',
    });
  });

  it('is recorded term by term, whichever command of the clock asks for it', () => {
    for (const command of [renew, expire]) given(yearly).when(command, { now: duringThirdTerm }).then(second, third);
    given(established, bought(endsAfterAYear)).when(renew, { now: duringThirdTerm }).then(expired);
  });

  it('keeps the day of the month, or that of an end that the item brought', () => {
    const leapDay = { purchasedAt: '2024-02-29T10:00:00.000Z', expiresAt: '2027-02-28T10:00:00.000Z' };
    given(established, bought({ ...boughtForAYear, ...leapDay, termDuration: 'P3Y' }))
      .when(renew, { now: '2027-03-01T00:00:00.000Z' })
      .then(renewed(leapDay.expiresAt, '2027-03-07T10:00:00.000Z', '2030-02-28T10:00:00.000Z'));
    given(established, bought({ ...boughtForAYear, ...leapDay, expiresAt: '2025-02-28T10:00:00.000Z' }))
      .when(renew, { now: '2028-02-29T10:00:00.000Z' })
      .then(
        renewed('2025-02-28T10:00:00.000Z', '2025-03-07T10:00:00.000Z', '2026-02-28T10:00:00.000Z'),
        renewed('2026-02-28T10:00:00.000Z', '2026-03-07T10:00:00.000Z', '2027-02-28T10:00:00.000Z'),
        renewed('2027-02-28T10:00:00.000Z', '2027-03-07T10:00:00.000Z', '2028-02-29T10:00:00.000Z'),
      );
    given(established, bought({ ...boughtForAYear, expiresAt: '2027-06-30T00:00:00.000Z' }))
      .when(renew, { now: '2027-07-01T00:00:00.000Z' })
      .then(renewed('2027-06-30T00:00:00.000Z', '2027-07-07T00:00:00.000Z', '2028-06-30T00:00:00.000Z'));
  });

  it('opens a window of seven days from the boundary, however late it is recorded (rules T2, V7)', () => {
    const closedAt = '2027-11-29T12:00:00.000Z';
    given(yearly)
      .when(cancel(), { now: closedAt })
      .thenNames(
        'SoftwareRenewed',
        'SoftwareLineItemCancelled',
        'SoftwareLineItemCancelled',
        'SoftwarePurchaseCancelled',
      );
    given(yearly)
      .when(cancel(), { now: firstInstantAfter(closedAt) })
      .rejects('CancellationWindowClosed', {
        closedAt,
        termEndsAt: '2028-11-22T12:00:00.000Z',
        nextWindowAt: '2028-11-22T12:00:00.001Z',
      });
  });

  it('leaves cancelled lines cancelled, and does not come once all are (rule V8)', () => {
    expect(given(yearly, lineCancelled('line-2'), second).state().software.get('order-1')!.lineItems).toEqual(
      new Map([
        ['line-1', false],
        ['line-2', true],
      ]),
    );
    given(yearly, lineCancelled('line-1'), lineCancelled('line-2'), purchaseCancelled)
      .when(renew, { now: duringThirdTerm })
      .rejects('InvalidTransition', { itemId: 'order-1', from: 'cancelled' });
  });

  it('comes for publishers whose plans are never cancelled, too (rule V9)', () => {
    given(established, bought({ ...boughtForAYear, publisher: 'redHat' }))
      .when(renew, { now: afterTerm })
      .then(second);
  });

  it('is switched on and off; each switch counts for the terms after it', () => {
    given(yearly).when(setAutoRenew(false)).then(switchedOff());
    given(yearly).when(setAutoRenew(true)).rejects('NothingToChange', { purchaseId: 'order-1', autoRenew: true });
    given(yearly, switchedOff()).when(expire, { now: afterTerm }).then(expired);
    given(yearly, switchedOff()).when(setAutoRenew(true)).then(switchedOn());
    given(yearly, switchedOff(), switchedOn()).when(expire, { now: afterTerm }).then(second);
    // The first two terms have been, with auto-renew on.
    given(yearly).when(setAutoRenew(false), { now: duringThirdTerm }).then(second, third, switchedOff(duringThirdTerm));
  });

  it('is not for perpetual software, nor for what has ended', () => {
    given(established, bought())
      .when(setAutoRenew(true))
      .rejects('InvalidItem', { field: 'autoRenew', rule: 'notAllowed' });
    given(established, bought(endsAfterAYear))
      .when(setAutoRenew(true), { now: afterTerm })
      .rejects('InvalidTransition', { itemId: 'order-1', from: 'expired', requires: 'completed' });
    given(yearly, purchaseCancelled)
      .when(setAutoRenew(false))
      .rejects('InvalidTransition', { itemId: 'order-1', from: 'cancelled', requires: 'completed' });
    given(established).when(setAutoRenew(true)).rejects('ItemNotFound', { kind: 'softwarePurchase' });
    given(yearly, removed()).when(setAutoRenew(true)).rejects('NoRelationship');
  });

  it('goes on after a removal, because charges continue (rule R20)', () => {
    given(yearly, removed()).when(renew, { now: afterTerm }).then(second);
    given(yearly, removed(), reestablished).when(renew, { now: afterTerm }).then(second);
  });
});

describe('a software subscription recorded before renewals were (rule V7a)', () => {
  const lifted = bought({ ...endsAfterAYear, renewalUnknown: true });

  it('ends as it was decided to, and a removal warns that it may have renewed', () => {
    given(established, lifted).when(expire, { now: afterTerm }).then(expired);
    const warnings = (at: string, ...history: MessageOf<RelationshipEvents>[]) =>
      removalReadiness(given(established, ...history).state(), policyOf2020, at, partner.type).warnings;
    const warning = { kind: 'softwareMayHaveRenewed', itemId: 'order-1', displayName: 'Servers' };
    expect(warnings(afterTerm, lifted)).toContainEqual(warning);
    expect(warnings(afterTerm, lifted, expired)).toContainEqual(warning);
    expect(warnings(termEnd, lifted)).not.toContainEqual(warning);
    expect(warnings(afterTerm, bought(endsAfterAYear))).not.toContainEqual(warning);
    expect(warnings(afterTerm, lifted, purchaseCancelled)).not.toContainEqual(warning);
    for (const said of [switchedOn(), switchedOff()])
      expect(warnings(afterTerm, lifted, said)).not.toContainEqual(warning);
  });

  it('has its terms once its renewal is reported, dated before its end, while that is not on record (rule T1a)', () => {
    const late = { ...setAutoRenew(true), data: { ...setAutoRenew(true).data, effectiveAt: termEnd } };
    const asOf = { now: '2027-12-01T00:00:00.000Z' };
    given(established, lifted)
      .when(late, asOf)
      .then(switchedOn(termEnd), renewed(termEnd, '2027-11-29T12:00:00.000Z', '2028-11-22T12:00:00.000Z'));
    given(established, lifted, expired)
      .when(late, asOf)
      .rejects('InvalidTransition', { itemId: 'order-1', from: 'expired' });
  });

  it('is known once somebody has said so, either way', () => {
    given(established, lifted).when(setAutoRenew(false)).then(switchedOff());
    given(established, lifted).when(setAutoRenew(true)).then(switchedOn());
    given(established, lifted, switchedOff()).when(setAutoRenew(false)).rejects('NothingToChange');
    given(established, lifted, switchedOn()).when(expire, { now: afterTerm }).thenNames('SoftwareRenewed');
  });
});
