import { describe, expect, it } from '@jest/globals';
import { decideOn, fold, type MessageOf } from '#event-sourcing';
import { boundarySteps } from './boundaries.js';
import { firstInstantAfter } from './calendar.js';
import { customerRelationship } from './customer-relationship.js';
import type { RelationshipEvents } from './events.js';
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
} as const;

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
            cancellationAllowedUntil: '2026-11-29T12:00:00.000Z',
            expiresAt: '2027-11-22T12:00:00.000Z',
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

  it.each(['redHat', 'suse'] as const)('is never possible for %s plans (rule V9)', (publisher) => {
    for (const policy of [policyOf2020, laterPolicy])
      given(established, bought({ publisher }))
        .when(cancel(), { policy })
        .rejects('CancelNotSupported', { remedy: 'waitOrTransfer' });
    given(established, bought({ ...boughtForAYear, publisher }))
      .when(cancel())
      .rejects('CancelNotSupported', { remedy: 'waitOrTransfer', expiresAt: termEnd });
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
    const history = [...established, bought({ ...boughtForAYear, ...openForever })];
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
  const yearly = [...established, bought(boughtForAYear)];

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
    boundarySteps.SoftwareExpired(state, expired.data);
    expect(state).toEqual(initialState());
  });
});
