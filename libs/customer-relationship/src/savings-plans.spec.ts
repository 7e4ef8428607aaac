import { describe, expect, it } from '@jest/globals';
import type { MessageOf } from '#event-sourcing';
import { boundarySteps } from './boundaries.js';
import { firstInstantAfter } from './calendar.js';
import type { RelationshipEvents } from './events.js';
import type { SavingsPlanCommands } from './savings-plans.js';
import { initialState } from './state.js';
import {
  accepted,
  established,
  laterPolicy,
  now,
  partner,
  policyOf2020,
  reestablished,
  removed,
  requested,
  savingsPlanPurchased,
  spec,
} from './testing.js';

const { given } = spec;

const purchase = (overrides: Partial<SavingsPlanCommands['PurchaseSavingsPlan']> = {}) =>
  ({
    type: 'PurchaseSavingsPlan',
    data: {
      savingsPlanId: 'plan-1',
      name: 'Compute',
      termDuration: 'P1Y',
      hourlyCommitment: { minorUnits: 150, currency: 'USD' },
      ...overrides,
    },
  }) as const;
const bought = (overrides: Partial<RelationshipEvents['SavingsPlanPurchased']> = {}) =>
  savingsPlanPurchased('plan-1', {
    name: 'Compute',
    purchasedAt: now,
    expiresAt: '2027-11-22T12:00:00.000Z',
    ...overrides,
  });
const cancel = { type: 'CancelSavingsPlan', data: { savingsPlanId: 'plan-1' } } as const;
const expire = { type: 'ExpireSavingsPlan', data: { savingsPlanId: 'plan-1' } } as const;
const expired: MessageOf<RelationshipEvents, 'SavingsPlanExpired'> = {
  type: 'SavingsPlanExpired',
  data: { savingsPlanId: 'plan-1', expiredAt: '2027-11-20T12:00:00.000Z' },
};
const end = '2027-11-20T12:00:00.000Z';
const afterEnd = '2027-11-20T12:00:00.001Z';

describe('purchasing a savings plan', () => {
  it('runs one year or three from now, on the partner', () => {
    given(established).when(purchase()).then(bought());
    given(established)
      .when(purchase({ termDuration: 'P3Y' }))
      .then(bought({ termDuration: 'P3Y', expiresAt: '2029-11-22T12:00:00.000Z' }));
  });

  it('runs from the time it was bought', () => {
    given(established)
      .when(purchase({ effectiveAt: '2026-11-01T00:00:00.000Z' }))
      .then(bought({ purchasedAt: '2026-11-01T00:00:00.000Z', expiresAt: '2027-11-01T00:00:00.000Z' }));
    given(established)
      .when(purchase({ effectiveAt: '2026-11-22T12:00:00.001Z' }))
      .rejects('EffectiveInFuture', { effectiveAt: '2026-11-22T12:00:00.001Z', now });
  });

  it('counts as the partner’s when the customer bought it (rule V11)', () => {
    given(established)
      .when(purchase({ boughtBy: 'customer' }))
      .then(bought({ boughtBy: 'customer' }));
    for (const boughtBy of ['partner', 'customer'] as const)
      given(established, savingsPlanPurchased('plan-1', { boughtBy }))
        .when({ type: 'RemoveResellerRelationship', data: {} }, { policy: laterPolicy })
        .rejects('RemovalBlocked', { blockers: [expect.objectContaining({ kind: 'savingsPlan', itemId: 'plan-1' })] });
  });

  it('asks what every purchase asks', () => {
    given(requested(), accepted()).when(purchase()).rejects('AgreementNotConfirmed');
    given(established, removed()).when(purchase()).rejects('PurchasesNotAllowed');
    given(established)
      .when(purchase(), { partner: { ...partner, standing: 'restricted' } })
      .rejects('PartnerRestricted', { standing: 'restricted' });
  });

  it('never uses an id again, not even in a later term', () => {
    const details = { kind: 'savingsPlan', itemId: 'plan-1' };
    given(established, savingsPlanPurchased('plan-1')).when(purchase()).rejects('ItemAlreadyExists', details);
    given(established, savingsPlanPurchased('plan-1'), removed(), reestablished)
      .when(purchase())
      .rejects('ItemAlreadyExists', details);
  });

  it('is kept with its term', () => {
    expect(given(established, removed(), reestablished, savingsPlanPurchased('plan-1')).state().savingsPlans).toEqual(
      new Map([['plan-1', { relationshipTerm: 2, name: 'Name of plan-1', expiresAt: end, status: 'active' }]]),
    );
  });
});

describe('cancelling a savings plan', () => {
  it.each([policyOf2020, laterPolicy])(
    'is never possible, not even at its last instant (rule V10) ($name)',
    (policy) => {
      for (const at of [now, end])
        given(established, savingsPlanPurchased('plan-1'))
          .when(cancel, { policy, now: at })
          .rejects('SavingsPlanNotCancellable', { remedy: 'waitOrTransfer', expiresAt: end });
    },
  );

  it('is refused for a plan that has ended, whether or not that is recorded', () => {
    const details = { itemId: 'plan-1', from: 'expired', to: 'cancelled' };
    given(established, savingsPlanPurchased('plan-1'))
      .when(cancel, { now: afterEnd })
      .rejects('InvalidTransition', details);
    given(established, savingsPlanPurchased('plan-1'), expired).when(cancel).rejects('InvalidTransition', details);
  });

  it('is refused for one that is not known, or of an earlier term', () => {
    given(established).when(cancel).rejects('ItemNotFound', { kind: 'savingsPlan', itemId: 'plan-1' });
    given(established, savingsPlanPurchased('plan-1'), removed(), reestablished)
      .when(cancel)
      .rejects('ItemOfEarlierTerm', { kind: 'savingsPlan', itemId: 'plan-1', relationshipTerm: 1 });
    given(established, savingsPlanPurchased('plan-1'), removed())
      .when(cancel)
      .rejects('NoRelationship', { status: 'removed' });
  });
});

describe('the end of a savings plan', () => {
  it('comes after its last instant', () => {
    given(established, savingsPlanPurchased('plan-1'))
      .when(expire, { now: end })
      .rejects('NotDue', { dueAt: firstInstantAfter(end) });
    given(established, savingsPlanPurchased('plan-1')).when(expire, { now: afterEnd }).then(expired);
  });

  it('comes once', () => {
    given(established, savingsPlanPurchased('plan-1'), expired)
      .when(expire, { now: afterEnd })
      .rejects('InvalidTransition', { itemId: 'plan-1', from: 'expired', to: 'expired' });
  });

  it('comes after a removal too, and for earlier terms (rule R20)', () => {
    given(established, savingsPlanPurchased('plan-1'), removed()).when(expire, { now: afterEnd }).then(expired);
    given(established, savingsPlanPurchased('plan-1'), removed(), reestablished)
      .when(expire, { now: afterEnd })
      .then(expired);
  });

  it('is refused for one that is not known', () => {
    given(established).when(expire).rejects('ItemNotFound', { kind: 'savingsPlan', itemId: 'plan-1' });
    given().when(expire).rejects('RelationshipNotFound');
  });

  it('is recorded without judging', () => {
    expect(given(established, savingsPlanPurchased('plan-1'), expired).state().savingsPlans.get('plan-1')?.status).toBe(
      'expired',
    );
    const state = initialState();
    boundarySteps.SavingsPlanExpired(state, expired.data);
    expect(state).toEqual(initialState());
  });
});
