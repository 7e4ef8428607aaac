import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideOn, fold, type MessageOf } from '#event-sourcing';
import { addDays, anchorDayOf, dayOfMonth, firstInstantAfter, termEnd } from './calendar.js';
import type { RelationshipCommands } from './commands.js';
import { customerRelationship } from './customer-relationship.js';
import { activeAzurePlan, context, established, now, policyOf2020, spec } from './testing.js';

// Rule T3, over all four purchases of something with a term.

const { given } = spec;
type Command = MessageOf<RelationshipCommands>;

type Bought = { readonly commitmentEndDate?: string; readonly effectiveAt?: string };
const lineItems = [{ lineItemId: 'line-1', name: 'Server', quantity: 1 }];
const subscription = {
  subscriptionId: 'sub-1',
  kind: 'newCommerce',
  offerId: 'offer-1',
  name: 'Microsoft 365',
  quantity: 1,
  termDuration: 'P1Y',
  provisioned: true,
} as const;
const software = {
  purchaseId: 'sw-1',
  kind: 'subscription',
  publisher: 'microsoft',
  name: 'Servers',
  lineItems,
  termDuration: 'P1Y',
} as const;
const reservation = {
  reservationId: 'ri-1',
  name: 'Virtual machines',
  product: 'virtualMachine',
  quantity: 1,
  termDuration: 'P1Y',
  commitmentUsdCents: 100,
} as const;
const savingsPlan = {
  savingsPlanId: 'sp-1',
  name: 'Compute',
  termDuration: 'P1Y',
  hourlyCommitment: { minorUnits: 150, currency: 'USD' },
} as const;
const purchases: readonly (readonly [string, (data: Bought) => Command])[] = [
  ['a subscription', (data) => ({ type: 'PurchaseSubscription', data: { ...subscription, ...data } })],
  ['software by subscription', (data) => ({ type: 'PurchaseSoftware', data: { ...software, ...data } })],
  ['a reservation', (data) => ({ type: 'PurchaseReservation', data: { ...reservation, ...data } })],
  ['a savings plan', (data) => ({ type: 'PurchaseSavingsPlan', data: { ...savingsPlan, ...data } })],
];
const history = [...established, ...activeAzurePlan('plan')];

function firstEndOf(command: Command): string | undefined {
  const [bought] = decideOn(customerRelationship, fold(customerRelationship, history), command, context);
  const { termEndsAt, expiresAt } = bought!.data as { readonly termEndsAt?: string; readonly expiresAt?: string };
  return termEndsAt ?? expiresAt;
}

describe.each(purchases)('the end that %s brings', (_, purchase) => {
  const termEndsAt = '2027-11-22T12:00:00.000Z';
  const faultOf = (commitmentEndDate: string, more: Bought = {}) =>
    given(history).when(purchase({ commitmentEndDate, ...more }));

  it.each([
    ['with others', '2027-03-31T23:59:59.999Z'],
    ['the day before at midnight, as bills have it', '2027-11-21T00:00:00.000Z'],
    ['with its term', termEndsAt],
    ['at its purchase', now],
  ])('ends its first term %s (T3)', (__, commitmentEndDate) => {
    expect(firstEndOf(purchase({ commitmentEndDate }))).toBe(commitmentEndDate);
  });

  it('is not needed: its term ends as long after its purchase as it lasts (T3)', () => {
    expect(firstEndOf(purchase({}))).toBe(termEndsAt);
    expect(firstEndOf(purchase({ effectiveAt: '2026-11-01T00:00:00.000Z' }))).toBe('2027-11-01T00:00:00.000Z');
  });

  it('is that of the term that runs now, of something bought long ago (T3)', () => {
    const effectiveAt = '2023-11-01T00:00:00.000Z';
    for (const commitmentEndDate of ['2027-10-31T00:00:00.000Z', termEndsAt])
      expect(firstEndOf(purchase({ commitmentEndDate, effectiveAt }))).toBe(commitmentEndDate);
  });

  it('is no later than a term from now on would end (T3)', () => {
    const details = { field: 'commitmentEndDate', rule: 'notAfterTerm' };
    for (const bought of [{}, { effectiveAt: '2023-11-01T00:00:00.000Z' }])
      faultOf(firstInstantAfter(termEndsAt), bought).rejects('InvalidItem', details);
  });

  it('comes neither before the purchase nor from another system’s calendar (T3, D1)', () => {
    faultOf('2026-11-22T11:59:59.999Z').rejects('InvalidItem', {
      field: 'commitmentEndDate',
      rule: 'notBeforePurchase',
    });
    for (const date of ['0001-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z'])
      faultOf(date).rejects('DateOutOfRange', { field: 'commitmentEndDate' });
  });

  it('is named among all that is wrong with the purchase (T3)', () => {
    faultOf(firstInstantAfter(termEndsAt), { effectiveAt: '1970-01-01T00:00:00.000Z' }).rejects('DateOutOfRange', {
      field: 'effectiveAt',
      faults: [expect.anything(), expect.objectContaining({ code: 'InvalidItem', field: 'commitmentEndDate' })],
    });
  });
});

describe('an end of its own', () => {
  const commitmentEndDate = '2027-01-01T00:00:00.000Z';

  it('is not for what has no term (T3)', () => {
    const { termDuration: _, ...plan } = { ...subscription, kind: 'azurePlan', commitmentEndDate } as const;
    given(history)
      .when({ type: 'PurchaseSubscription', data: plan })
      .rejects('InvalidItem', { field: 'commitmentEndDate', rule: 'notForAzurePlan' });
    const { termDuration: __, ...perpetual } = { ...software, kind: 'perpetual', commitmentEndDate } as const;
    given(history)
      .when({ type: 'PurchaseSoftware', data: perpetual })
      .rejects('InvalidItem', { field: 'commitmentEndDate', rule: 'notAllowed' });
  });

  it('is taken for a trial too, which it may only shorten; the terms that follow keep its day (T3, S12)', () => {
    const trial = (end: string) =>
      ({
        type: 'PurchaseSubscription',
        data: { ...subscription, trial: true, termDuration: 'P1M', commitmentEndDate: end },
      }) as const;
    expect(firstEndOf(trial('2026-12-15T00:00:00.000Z'))).toBe('2026-12-15T00:00:00.000Z');
    given(history)
      .when(trial(firstInstantAfter(addDays(now, policyOf2020.trialDays))))
      .rejects('InvalidItem', { field: 'commitmentEndDate', rule: 'notAfterTerm' });
    expect(endsAfter(trial('2026-12-15T00:00:00.000Z'), 2)).toEqual([
      '2027-01-15T00:00:00.000Z',
      '2027-02-15T00:00:00.000Z',
    ]);
  });

  it('is followed by terms without a gap that end on its day of the month, not on that of the purchase (T3, S14)', () => {
    const monthly = (end: string) =>
      ({
        type: 'PurchaseSubscription',
        data: { ...subscription, termDuration: 'P1M', commitmentEndDate: end },
      }) as const;
    expect(endsAfter(monthly('2026-11-30T00:00:00.000Z'), 4)).toEqual([
      '2026-12-30T00:00:00.000Z',
      '2027-01-30T00:00:00.000Z',
      '2027-02-28T00:00:00.000Z',
      '2027-03-30T00:00:00.000Z',
    ]);
    // The end that its term has anyway changes nothing.
    expect(endsAfter(monthly('2026-12-22T12:00:00.000Z'), 1)).toEqual(['2027-01-22T12:00:00.000Z']);
  });

  it('is followed by terms of software likewise (T3, V7a)', () => {
    const bought = {
      type: 'PurchaseSoftware',
      data: { ...software, commitmentEndDate: '2027-01-31T00:00:00.000Z' },
    } as const;
    expect(endsAfter(bought, 2)).toEqual(['2028-01-31T00:00:00.000Z', '2029-01-31T00:00:00.000Z']);
  });

  it('gives the day of later terms, and that of the start else, whenever the term started (T3)', () => {
    const start = fc.integer({ min: 0, max: 1500 }).map((days) => addDays('2024-01-01T08:00:00.000Z', days));
    fc.assert(
      fc.property(start, fc.constantFrom('P1M', 'P1Y', 'P3Y'), fc.nat(20), (startsAt, duration, days) => {
        expect(anchorDayOf(startsAt, duration, termEnd(startsAt, duration))).toBe(dayOfMonth(startsAt));
        const brought = addDays(termEnd(startsAt, duration), -1 - days);
        expect(anchorDayOf(startsAt, duration, brought)).toBe(dayOfMonth(brought));
      }),
    );
  });
});

/** The ends of the terms that follow the first one. */
function endsAfter(purchase: Command, terms: number): string[] {
  const state = fold(customerRelationship, history);
  let at = now;
  const play = (command: Command) => {
    fold(customerRelationship, decideOn(customerRelationship, state, command, { ...context, now: at }), state);
  };
  const end = () => state.subscriptions.get('sub-1')?.termEndsAt ?? state.software.get('sw-1')!.expiresAt!;
  play(purchase);
  return Array.from({ length: terms }, () => {
    at = firstInstantAfter(end());
    play(
      purchase.type === 'PurchaseSoftware'
        ? { type: 'RenewSoftware', data: { purchaseId: 'sw-1' } }
        : { type: 'RenewSubscription', data: { subscriptionId: 'sub-1' } },
    );
    return end();
  });
}
