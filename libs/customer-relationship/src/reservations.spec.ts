import { describe, expect, it } from '@jest/globals';
import { decideOn, fold, type MessageOf } from '#event-sourcing';
import { boundarySteps } from './boundaries.js';
import { firstInstantAfter } from './calendar.js';
import { customerRelationship } from './customer-relationship.js';
import { reservationProducts, type RelationshipEvents } from './events.js';
import type { Policy } from './policy.js';
import { reservationSteps, type ReservationCommands } from './reservations.js';
import { initialState } from './state.js';
import {
  accepted,
  active,
  activeAzurePlan,
  cancellationRequested,
  context,
  established,
  laterPolicy,
  now,
  partner,
  partnerApp,
  partnerUser,
  policyOf2020,
  purchased,
  reestablished,
  refusalOf,
  removed,
  requested,
  reservationCancelled,
  reserved,
  spec,
  suspended,
} from './testing.js';

const { given } = spec;

const purchase = (overrides: Partial<ReservationCommands['PurchaseReservation']> = {}) =>
  ({
    type: 'PurchaseReservation',
    data: {
      reservationId: 'ri-1',
      name: 'Web servers',
      product: 'virtualMachine',
      quantity: 3,
      termDuration: 'P1Y',
      commitmentUsdCents: 250_000,
      ...overrides,
    },
  }) as const;
const bought = (overrides: Partial<RelationshipEvents['ReservationPurchased']> = {}) =>
  reserved('ri-1', {
    name: 'Web servers',
    quantity: 3,
    commitmentUsdCents: 250_000,
    purchasedAt: now,
    expiresAt: '2027-11-22T12:00:00.000Z',
    ...overrides,
  });
const cancel = (overrides: Partial<ReservationCommands['CancelReservation']> = {}) =>
  ({ type: 'CancelReservation', data: { reservationId: 'ri-1', ...overrides } }) as const;
const confirm = (overrides: Partial<ReservationCommands['ConfirmReservationCancellation']> = {}) =>
  ({ type: 'ConfirmReservationCancellation', data: { reservationId: 'ri-1', ...overrides } }) as const;
const refuse = (overrides: Partial<ReservationCommands['RefuseReservationCancellation']> = {}) =>
  ({ type: 'RefuseReservationCancellation', data: { reservationId: 'ri-1', ...overrides } }) as const;
const expire = { type: 'ExpireReservation', data: { reservationId: 'ri-1' } } as const;

const refused = (
  overrides: Partial<RelationshipEvents['ReservationCancellationRefused']> = {},
): MessageOf<RelationshipEvents, 'ReservationCancellationRefused'> => ({
  type: 'ReservationCancellationRefused',
  data: { reservationId: 'ri-1', refusedAt: now, ...overrides },
});
const end = '2027-11-20T12:00:00.000Z';
const afterEnd = '2027-11-20T12:00:00.001Z';
const expired: MessageOf<RelationshipEvents, 'ReservationExpired'> = {
  type: 'ReservationExpired',
  data: { reservationId: 'ri-1', expiredAt: end },
};

describe('purchasing a reservation', () => {
  const withPlan = [...established, ...activeAzurePlan('plan')];

  it('runs one year or three from now, owned by its buyer, on the partner', () => {
    given(withPlan).when(purchase()).then(bought());
    given(withPlan)
      .when(purchase({ termDuration: 'P3Y' }))
      .then(bought({ termDuration: 'P3Y', expiresAt: '2029-11-22T12:00:00.000Z' }));
  });

  it('keeps what the order says', () => {
    const said = {
      reservationOrderId: 'order-7',
      price: { minorUnits: 240_000, currency: 'EUR' },
      owners: ['grace', 'linus'],
      boughtBy: 'customer',
      product: 'sqlDatabase',
    } as const;
    given(withPlan).when(purchase(said)).then(bought(said));
  });

  it('leaves out what the order does not say', () => {
    const [event] = decideOn(customerRelationship, fold(customerRelationship, withPlan), purchase(), context);
    expect(event!.data).not.toHaveProperty('reservationOrderId');
    expect(event!.data).not.toHaveProperty('price');
  });

  it('runs from the time it was bought', () => {
    given(withPlan)
      .when(purchase({ effectiveAt: '2026-11-21T00:00:00.000Z' }))
      .then(bought({ purchasedAt: '2026-11-21T00:00:00.000Z', expiresAt: '2027-11-21T00:00:00.000Z' }));
    given(withPlan)
      .when(purchase({ effectiveAt: '2026-11-22T12:00:00.001Z' }))
      .rejects('EffectiveInFuture', { effectiveAt: '2026-11-22T12:00:00.001Z', now });
  });

  it.each([
    ['no subscription at all', []],
    ['a subscription of another kind', active('plan', { kind: 'newCommerce' })],
    ['an Azure plan that is pending', [purchased('plan', { kind: 'azurePlan' })]],
    ['an Azure plan that is suspended', [...activeAzurePlan('plan'), suspended('plan')]],
    ['an Azure plan of an earlier term', [...activeAzurePlan('plan'), removed(), ...reestablished]],
  ])('needs an active Azure plan, not %s (rule V1)', (_, history) => {
    given(established, history).when(purchase()).rejects('AzurePlanRequired', { reservationId: 'ri-1' });
  });

  it('finds the active Azure plan among the others (rule V1)', () => {
    given(established, active('seats'), activeAzurePlan('old'), suspended('old'), activeAzurePlan('plan'))
      .when(purchase())
      .then(bought());
    given(withPlan, removed(), reestablished, activeAzurePlan('plan-2')).when(purchase()).then(bought());
  });

  it('refuses a reservation without owners, and a commitment below zero', () => {
    const ownerless = { code: 'InvalidItem', field: 'owners', rule: 'notEmpty' };
    const negative = { code: 'InvalidItem', field: 'commitmentUsdCents', rule: 'notNegative' };
    given(withPlan)
      .when(purchase({ owners: [] }))
      .rejects('InvalidItem', { field: 'owners', rule: 'notEmpty' });
    given(withPlan)
      .when(purchase({ owners: [], commitmentUsdCents: -1 }))
      .rejects('InvalidItem', { field: 'owners', rule: 'notEmpty', faults: [ownerless, negative] });
    given(established)
      .when(purchase({ owners: [] }))
      .rejects('AzurePlanRequired');
    given(withPlan)
      .when(purchase({ commitmentUsdCents: 0 }))
      .then(bought({ commitmentUsdCents: 0 }));
  });

  it('counts as the partner’s when the customer bought it (rule V11)', () => {
    for (const policy of [policyOf2020, laterPolicy])
      for (const boughtBy of ['partner', 'customer'] as const)
        given(established, reserved('ri-1', { boughtBy }))
          .when({ type: 'RemoveResellerRelationship', data: {} }, { policy })
          .rejects('RemovalBlocked', { blockers: [expect.objectContaining({ kind: 'reservation', itemId: 'ri-1' })] });
  });

  it('asks what every purchase asks', () => {
    given(requested(), accepted()).when(purchase()).rejects('AgreementNotConfirmed');
    given(withPlan, removed())
      .when(purchase({ owners: [] }))
      .rejects('PurchasesNotAllowed');
    given(withPlan)
      .when(purchase(), { partner: { ...partner, standing: 'suspended' } })
      .rejects('PartnerRestricted', { standing: 'suspended' });
  });

  it('never uses an id again, not even in a later term', () => {
    const details = { kind: 'reservation', itemId: 'ri-1' };
    given(established, reserved('ri-1')).when(purchase()).rejects('ItemAlreadyExists', details);
    given(established, reserved('ri-1'), removed(), reestablished)
      .when(purchase())
      .rejects('ItemAlreadyExists', details);
  });

  it('is kept with its term', () => {
    expect(given(established, removed(), reestablished, reserved('ri-1')).state().reservations).toEqual(
      new Map([
        [
          'ri-1',
          {
            relationshipTerm: 2,
            name: 'Name of ri-1',
            product: 'virtualMachine',
            owners: ['ada'],
            commitmentUsdCents: 1_000_000,
            purchasedAt: '2026-11-20T12:00:00.000Z',
            expiresAt: end,
            status: 'active',
          },
        ],
      ]),
    );
  });
});

describe('cancelling a reservation', () => {
  const one = [...established, reserved('ri-1')];
  const pending = [...one, cancellationRequested('ri-1')];

  it('is a request that waits for its settlement (rule V2)', () => {
    given(one)
      .when(cancel())
      .then(cancellationRequested('ri-1', { requestedAt: now }));
    expect(given(pending).state().reservations.get('ri-1')?.status).toBe('cancellationRequested');
    given(pending)
      .when({ type: 'RemoveResellerRelationship', data: {} })
      .rejects('RemovalBlocked', { blockers: [expect.objectContaining({ kind: 'reservationCancellationPending' })] });
  });

  it('is confirmed at once when it is settled already (rule V2)', () => {
    given(one)
      .when(cancel({ settled: true }))
      .then(cancellationRequested('ri-1', { requestedAt: now }), reservationCancelled('ri-1', { cancelledAt: now }));
    given(one)
      .when(cancel({ settled: true, effectiveAt: '2026-11-21T12:00:00.000Z' }))
      .then(cancellationRequested('ri-1'), reservationCancelled('ri-1', { cancelledAt: now }));
  });

  it('counts nothing for an exchange (rule V3)', () => {
    given(one)
      .when(cancel({ exchange: true }))
      .then(cancellationRequested('ri-1', { exchange: true, countedUsdCents: 0, requestedAt: now }));
  });

  it('is confirmed with what the settlement said (rule V2)', () => {
    const fee = { minorUnits: 12_00, currency: 'EUR' };
    const refund = { minorUnits: 800_00, currency: 'EUR' };
    given(pending)
      .when(confirm())
      .then(reservationCancelled('ri-1', { cancelledAt: now }));
    given(pending)
      .when(confirm({ fee }))
      .then(reservationCancelled('ri-1', { fee, cancelledAt: now }));
    given(pending)
      .when(confirm({ fee, refund }))
      .then(reservationCancelled('ri-1', { fee, refund, cancelledAt: now }));
    expect(given(pending, reservationCancelled('ri-1')).state().reservations.get('ri-1')?.status).toBe('cancelled');
    const [bare] = decideOn(customerRelationship, fold(customerRelationship, pending), confirm(), context);
    expect(Object.keys(bare!.data)).toEqual(['reservationId', 'cancelledAt']);
  });

  it('is refused by the settlement, and the reservation is active again (rule V2)', () => {
    given(pending).when(refuse()).then(refused());
    given(pending)
      .when(refuse({ reason: 'notEligible' }))
      .then(refused({ reason: 'notEligible' }));
    expect(given(pending, refused()).state().reservations.get('ri-1')?.status).toBe('active');
    given(pending, refused())
      .when(cancel())
      .then(cancellationRequested('ri-1', { requestedAt: now }));
    const [bare] = decideOn(customerRelationship, fold(customerRelationship, pending), refuse(), context);
    expect(Object.keys(bare!.data)).toEqual(['reservationId', 'refusedAt']);
  });

  it.each([
    ['active', one],
    ['cancelled', [...pending, reservationCancelled('ri-1')]],
    ['expired', [...pending, expired]],
  ])('is settled only while it is pending, not when %s (rule V2)', (from, history) => {
    given(history).when(confirm()).rejects('InvalidTransition', { itemId: 'ri-1', from, to: 'cancelled' });
    given(history).when(refuse()).rejects('InvalidTransition', { itemId: 'ri-1', from, to: 'active' });
  });

  it('is settled until the end of the reservation and no later (rules V2, V6)', () => {
    given(pending)
      .when(confirm(), { now: end })
      .then(reservationCancelled('ri-1', { cancelledAt: end }));
    given(pending)
      .when(refuse(), { now: end })
      .then(refused({ refusedAt: end }));
    const details = { itemId: 'ri-1', from: 'expired' };
    given(pending)
      .when(confirm(), { now: afterEnd })
      .rejects('InvalidTransition', { ...details, to: 'cancelled' });
    given(pending)
      .when(refuse(), { now: afterEnd })
      .rejects('InvalidTransition', { ...details, to: 'active' });
  });

  it.each(reservationProducts.filter((product) => policyOf2020.nonRefundableReservations.includes(product)))(
    'is never possible for %s, not even as an exchange (rule V4)',
    (product) => {
      for (const policy of [policyOf2020, laterPolicy])
        for (const exchange of [false, true])
          given(established, reserved('ri-1', { product }))
            .when(cancel({ exchange }), { policy })
            .rejects('ReservationNotRefundable', { remedy: 'waitOrTransfer', expiresAt: end });
    },
  );

  it('knows eight products that are never refundable, and six that are (rule V4)', () => {
    const refundable = ['virtualMachine', 'sqlDatabase', 'cosmosDb', 'appService', 'storage', 'other'] as const;
    expect(policyOf2020.nonRefundableReservations).toHaveLength(8);
    for (const product of refundable)
      given(established, reserved('ri-1', { product })).when(cancel()).thenNames('ReservationCancellationRequested');
  });

  it('is up to an owner of the reservation order (rule V5)', () => {
    given(established, reserved('ri-1', { owners: ['grace', 'ada'] }))
      .when(cancel())
      .thenNames('ReservationCancellationRequested');
    given(established, reserved('ri-1', { owners: ['sync-app'] }))
      .when(cancel(), { actor: partnerApp('AdminAgent') })
      .thenNames('ReservationCancellationRequested');
    given(established, reserved('ri-1', { owners: ['grace'] }))
      .when(cancel())
      .rejects('RoleNotAllowed', { requires: 'reservationOrderOwner' });
  });

  it('knows an owner by the name under which an earlier release kept it', () => {
    const actorIdOf = (named: string) => `id of ${named.toLowerCase()}`;
    const ada = { ...partnerUser('GlobalAdmin'), id: 'id of ada@contoso.example' };
    const owned = reserved('ri-1', { owners: ['Ada@contoso.example'] });
    given(established, owned)
      .when(cancel(), { actor: ada, actorIdOf })
      .then(cancellationRequested('ri-1', { requestedAt: now }));
    given(established, owned)
      .when(cancel(), { actor: { ...ada, id: 'another' }, actorIdOf })
      .rejects('RoleNotAllowed');
  });

  it('knows an owner in other letters, as a directory does (rule V5a)', () => {
    given(established, reserved('ri-1', { owners: ['ADA'] }))
      .when(cancel())
      .thenNames('ReservationCancellationRequested');
  });

  it('checks the sender before the state of the reservation (rule V5)', () => {
    given(established, reserved('ri-1', { owners: ['grace'], product: 'databricks' }), cancellationRequested('ri-1'))
      .when(cancel())
      .rejects('RoleNotAllowed', { requires: 'reservationOrderOwner' });
  });

  it('is not up to the customer (rule V5)', () => {
    given(one)
      .when(cancel(), { actor: { ...context.actor, kind: 'customerUser', roles: ['CustomerGlobalAdmin'] } })
      .rejects('ActorNotAllowed', { command: 'CancelReservation' });
  });

  it.each([
    ['cancellationRequested', pending],
    ['cancelled', [...pending, reservationCancelled('ri-1')]],
    ['expired', [...one, expired]],
  ])('is refused for one that is %s, before its kind is looked at (rule V6)', (from, history) => {
    given(history)
      .when(cancel(), { policy: { ...policyOf2020, nonRefundableReservations: ['virtualMachine'] } })
      .rejects('InvalidTransition', { itemId: 'ri-1', from, to: 'cancelled' });
  });

  it('is possible until the end and no later, whether or not the end is recorded (rule V6)', () => {
    given(one)
      .when(cancel(), { now: end })
      .then(cancellationRequested('ri-1', { requestedAt: end }));
    given(one)
      .when(cancel(), { now: afterEnd })
      .rejects('InvalidTransition', { itemId: 'ri-1', from: 'expired', to: 'cancelled' });
    given(one)
      .when(cancel({ effectiveAt: end }), { now: afterEnd })
      .rejects('InvalidTransition', { itemId: 'ri-1', from: 'expired', to: 'cancelled' });
    given(pending, reservationCancelled('ri-1'))
      .when(cancel(), { now: afterEnd })
      .rejects('InvalidTransition', { itemId: 'ri-1', from: 'cancelled', to: 'cancelled' });
  });

  it('counts from a time not in the future and not before the purchase (rule V3)', () => {
    const purchasedAt = '2026-11-20T12:00:00.000Z';
    given(one)
      .when(cancel({ effectiveAt: purchasedAt }))
      .then(cancellationRequested('ri-1', { requestedAt: purchasedAt }));
    given(one)
      .when(cancel({ effectiveAt: '2026-11-20T11:59:59.999Z' }))
      .rejects('InvalidItem', { field: 'effectiveAt', rule: 'notBeforePurchase' });
    given(one)
      .when(cancel({ effectiveAt: '2026-11-22T12:00:00.001Z' }))
      .rejects('EffectiveInFuture', { effectiveAt: '2026-11-22T12:00:00.001Z', now });
  });

  it('is refused for one that is not known, of an earlier term, or of no relationship', () => {
    for (const command of [cancel(), confirm(), refuse()]) {
      given(established).when(command).rejects('ItemNotFound', { kind: 'reservation', itemId: 'ri-1' });
      given(one, removed(), reestablished)
        .when(command)
        .rejects('ItemOfEarlierTerm', { kind: 'reservation', itemId: 'ri-1', relationshipTerm: 1 });
      given(one, removed()).when(command).rejects('NoRelationship', { status: 'removed' });
    }
    given(one, removed())
      .when(cancel({ effectiveAt: '2030-01-01T00:00:00.000Z' }))
      .rejects('NoRelationship', { status: 'removed' });
  });
});

describe('changing the owners of a reservation', () => {
  const one = [...established, reserved('ri-1', { owners: ['grace', 'Linus'] })];
  const change = (...owners: string[]) =>
    ({ type: 'ChangeReservationOwners', data: { reservationId: 'ri-1', owners } }) as const;
  const changed = (...owners: string[]): MessageOf<RelationshipEvents, 'ReservationOwnersChanged'> => ({
    type: 'ReservationOwnersChanged',
    data: { reservationId: 'ri-1', owners, previousOwners: ['grace', 'Linus'], changedAt: now },
  });

  it('records the new ones and those before, and the new ones cancel (rules V5, V5a)', () => {
    given(one).when(change('ada')).then(changed('ada'));
    given(one, changed('ADA')).when(cancel()).thenNames('ReservationCancellationRequested');
    given(one, changed('barbara'))
      .when(cancel())
      .rejects('RoleNotAllowed', { owners: ['barbara'] });
  });

  it('names each once, in its first spelling (rule V5a)', () => {
    given(one)
      .when(change('Ada', 'ADA', 'grace', 'ada'))
      .then(changed('Ada', 'grace'));
  });

  it('changes nothing where the same are named, in any order and spelling (rule V5a)', () => {
    given(one)
      .when(change('LINUS', 'grace', 'Grace'))
      .rejects('NothingToChange', { reservationId: 'ri-1', owners: ['LINUS', 'grace'] });
    given(established, reserved('ri-1', { owners: ['grace', 'GRACE'] }))
      .when(change('grace'))
      .rejects('NothingToChange', { reservationId: 'ri-1' });
    given(one).when(change('grace')).then(changed('grace'));
  });

  it('leaves one owner at least: nobody else may cancel (rules V5, V5a)', () => {
    given(one).when(change()).rejects('InvalidItem', { field: 'owners', rule: 'notEmpty' });
  });

  it('is possible until the reservation has ended, its cancellation requested or not (rules V5a, V6)', () => {
    given(one, cancellationRequested('ri-1')).when(change('ada')).then(changed('ada'));
    given(one).when(change('ada'), { now: end }).thenNames('ReservationOwnersChanged');
    const final = (from: string) => ({ itemId: 'ri-1', from, requires: 'active' });
    given(one).when(change('ada'), { now: afterEnd }).rejects('InvalidTransition', final('expired'));
    given(one, expired).when(change('ada')).rejects('InvalidTransition', final('expired'));
    given(one, cancellationRequested('ri-1'), reservationCancelled('ri-1'))
      .when(change())
      .rejects('InvalidTransition', final('cancelled'));
    given(one, removed(), reestablished).when(change('ada')).rejects('ItemOfEarlierTerm', { itemId: 'ri-1' });
  });

  it('is reported late: it counts from then, and what time has brought about since follows (rules T1a, V5a, V6)', () => {
    const effectiveAt = '2027-11-19T00:00:00.000Z';
    const late = {
      type: 'ChangeReservationOwners',
      data: { reservationId: 'ri-1', owners: ['ada'], effectiveAt },
    } as const;
    given(one).when(late, { now: afterEnd }).thenNames('ReservationOwnersChanged', 'ReservationExpired');
    expect(
      decideOn(customerRelationship, fold(customerRelationship, one), late, { ...context, now: afterEnd })[0],
    ).toMatchObject({ data: { owners: ['ada'], changedAt: effectiveAt } });
    given(one, changed('barbara'), {
      type: 'ReservationOwnersChanged',
      data: { ...changed('grace').data, changedAt: end },
    })
      .when(late, { now: afterEnd })
      .rejects('EffectiveTooEarly', { lastEvent: { type: 'ReservationOwnersChanged', at: end } });
  });

  it('is up to a user of the partner who is both Global admin and Admin agent, an owner or not (rule V5a)', () => {
    for (const roles of [['GlobalAdmin'], ['AdminAgent']] as const)
      given(one)
        .when(change('ada'), { actor: { ...context.actor, roles } })
        .rejects('RoleNotAllowed', { allOf: ['GlobalAdmin', 'AdminAgent'] });
    given(one)
      .when(change('ada'), { actor: partnerApp('GlobalAdmin', 'AdminAgent') })
      .rejects('UserContextRequired', { command: 'ChangeReservationOwners' });
  });
});

describe('the refund cap', () => {
  const capUsdCents = 5_000_000;
  /** Bought so early that requests may be dated back far. */
  const longAgo = { purchasedAt: '2020-01-01T00:00:00.000Z', expiresAt: '2035-01-01T00:00:00.000Z' };
  const ofCents = (commitmentUsdCents: number) => reserved('ri-1', { ...longAgo, commitmentUsdCents });
  const counted = (reservationId: string, usdCents: number, requestedAt: string) => [
    reserved(reservationId, { ...longAgo, commitmentUsdCents: usdCents }),
    cancellationRequested(reservationId, { countedUsdCents: usdCents, requestedAt }),
  ];

  /** The refusal exactly; undefined when it fits. */
  const refusal = (
    history: readonly (MessageOf<RelationshipEvents> | readonly MessageOf<RelationshipEvents>[])[],
    at: string,
    data: Partial<ReservationCommands['CancelReservation']> = {},
    policy: Policy = policyOf2020,
  ) => {
    const events: MessageOf<RelationshipEvents>[] = [established, ...history].flat();
    return refusalOf(() =>
      decideOn(customerRelationship, fold(customerRelationship, events), cancel(data), { ...context, policy, now: at }),
    );
  };
  const exceeded = (remainingUsdCents: number, recoversAt?: string) => ({
    code: 'RefundCapExceeded',
    details: { capUsdCents, remainingUsdCents, ...(recoversAt === undefined ? {} : { recoversAt }) },
  });

  it.each([policyOf2020, laterPolicy])('is USD 50,000, and that much fits (rule V3) ($name)', (policy) => {
    expect(refusal([ofCents(capUsdCents)], now, {}, policy)).toBeUndefined();
    expect(refusal([ofCents(capUsdCents + 1)], now, {}, policy)).toEqual(exceeded(capUsdCents));
  });

  it('adds up earlier requests and says what remains and when the request fits (rule V3)', () => {
    const before = [
      ...counted('ri-a', 3_000_000, '2026-03-01T08:00:00.000Z'),
      ...counted('ri-b', 1_500_000, '2026-06-01T08:00:00.000Z'),
    ];
    expect(refusal([before, ofCents(500_000)], now)).toBeUndefined();
    expect(refusal([before, ofCents(500_001)], now)).toEqual(exceeded(500_000, '2027-03-01T08:00:00.000Z'));
    expect(refusal([before, ofCents(3_500_000)], now)).toEqual(exceeded(500_000, '2027-03-01T08:00:00.000Z'));
    expect(refusal([before, ofCents(3_500_001)], now)).toEqual(exceeded(500_000, '2027-06-01T08:00:00.000Z'));
    expect(refusal([before, ofCents(capUsdCents)], now)).toEqual(exceeded(500_000, '2027-06-01T08:00:00.000Z'));
    expect(refusal([before, ofCents(capUsdCents + 1)], now)).toEqual(exceeded(500_000));
  });

  it('finds the first instant at which it fits, in any order of requests (rule V3)', () => {
    const before = [
      ...counted('ri-b', 1_500_000, '2026-06-01T08:00:00.000Z'),
      ...counted('ri-a', 3_000_000, '2026-03-01T08:00:00.000Z'),
    ];
    expect(refusal([before, ofCents(500_001)], now)).toEqual(exceeded(500_000, '2027-03-01T08:00:00.000Z'));
  });

  it('does not recover in the past (rule V3)', () => {
    const before = [
      ...counted('ri-a', 1_000_000, '2024-01-01T00:00:00.000Z'),
      ...counted('ri-b', capUsdCents, '2026-03-01T08:00:00.000Z'),
    ];
    expect(refusal([before, ofCents(1)], now)).toEqual(exceeded(0, '2027-03-01T08:00:00.000Z'));
  });

  it('names no instant when the amount alone is too much (rule V3)', () => {
    expect(refusal([ofCents(capUsdCents + 1)], now)).not.toHaveProperty('details.recoversAt');
  });

  it('is per customer: it counts pending, confirmed and expired ones, over all terms of the relationship (rule V3)', () => {
    const earlier = [
      ...counted('ri-a', 2_000_000, '2026-03-01T08:00:00.000Z'),
      reservationCancelled('ri-a'),
      ...counted('ri-b', 1_000_000, '2026-04-01T08:00:00.000Z'),
      { type: 'ReservationExpired', data: { reservationId: 'ri-b', expiredAt: '2026-05-01T08:00:00.000Z' } } as const,
      removed(),
      ...reestablished,
      ...counted('ri-c', 1_000_000, '2026-11-21T08:00:00.000Z'),
    ];
    expect(refusal([earlier, ofCents(1_000_000)], now)).toBeUndefined();
    expect(refusal([earlier, ofCents(1_000_001)], now)).toEqual(exceeded(1_000_000, '2027-03-01T08:00:00.000Z'));
  });

  it('no longer counts a refused request (rule V3)', () => {
    const full = counted('ri-a', capUsdCents, '2026-03-01T08:00:00.000Z');
    expect(refusal([full, ofCents(1)], now)).toEqual(exceeded(0, '2027-03-01T08:00:00.000Z'));
    expect(refusal([full, refused({ reservationId: 'ri-a' }), ofCents(1)], now)).toBeUndefined();
    expect(given(established, full, refused({ reservationId: 'ri-a' })).state().cancelledCommitments).toEqual(
      new Map(),
    );
  });

  it('neither counts nor refuses exchanges (rule V3)', () => {
    const full = counted('ri-a', capUsdCents, '2026-03-01T08:00:00.000Z');
    given(established, full, ofCents(2_000_000))
      .when(cancel({ exchange: true }))
      .then(cancellationRequested('ri-1', { exchange: true, countedUsdCents: 0, requestedAt: now }));
    const exchanged = [
      reserved('ri-x', { ...longAgo, commitmentUsdCents: 4_000_000 }),
      cancellationRequested('ri-x', { exchange: true, countedUsdCents: 0, requestedAt: '2026-11-01T00:00:00.000Z' }),
    ];
    expect(refusal([exchanged, ofCents(capUsdCents)], now)).toBeUndefined();
  });

  it('counts a request until twelve months later, exclusively (rule V3)', () => {
    const full = counted('ri-a', capUsdCents, '2025-11-22T12:00:00.000Z');
    expect(refusal([full, ofCents(1)], '2026-11-22T11:59:59.999Z')).toEqual(exceeded(0, '2026-11-22T12:00:00.000Z'));
    expect(refusal([full, ofCents(1)], '2026-11-22T12:00:00.000Z')).toBeUndefined();
  });

  it('counts a request of 29 February until 28 February, and takes nothing up again afterwards (rule V3)', () => {
    const leapDay = counted('ri-a', capUsdCents, '2024-02-29T12:00:00.000Z');
    expect(refusal([leapDay, ofCents(1)], '2025-02-28T11:59:59.999Z')).toEqual(exceeded(0, '2025-02-28T12:00:00.000Z'));
    expect(refusal([leapDay, ofCents(1)], '2025-02-28T12:00:00.000Z')).toBeUndefined();
    const dayBefore = counted('ri-a', capUsdCents, '2023-02-28T12:00:00.000Z');
    expect(refusal([dayBefore, ofCents(1)], '2024-02-28T12:00:00.000Z')).toBeUndefined();
    expect(refusal([dayBefore, ofCents(1)], '2024-02-29T01:00:00.000Z')).toBeUndefined();
  });

  it('counts together what was requested at the same instant (rule V3)', () => {
    expect(refusal([counted('ri-a', 3_000_000, now), ofCents(2_000_000)], now)).toBeUndefined();
    expect(refusal([counted('ri-a', 3_000_000, now), ofCents(2_000_001)], now)).toEqual(
      exceeded(2_000_000, '2027-11-22T12:00:00.000Z'),
    );
  });

  describe('for a request that is dated back', () => {
    const effectiveAt = '2026-01-01T00:00:00.000Z';

    it('holds in the windows of later requests too (rule V3)', () => {
      const later = counted('ri-a', 4_000_000, '2026-10-01T00:00:00.000Z');
      expect(refusal([later, ofCents(1_000_000)], now, { effectiveAt })).toBeUndefined();
      expect(refusal([later, ofCents(1_000_001)], now, { effectiveAt })).toEqual(
        exceeded(1_000_000, '2027-10-01T00:00:00.000Z'),
      );
    });

    it('holds in the fullest of them (rule V3)', () => {
      const around = [
        ...counted('ri-a', 2_500_000, '2025-06-01T00:00:00.000Z'), // with the request and ri-b, no longer with ri-c
        ...counted('ri-b', 1_500_000, '2026-03-01T00:00:00.000Z'),
        ...counted('ri-c', 2_000_000, '2026-08-01T00:00:00.000Z'),
      ];
      expect(refusal([around, ofCents(1_000_000)], now, { effectiveAt })).toBeUndefined();
      // From June on ri-a is out, and the window that ends with ri-c leaves room for 1,500,000.
      expect(refusal([around, ofCents(1_000_001)], now, { effectiveAt })).toEqual(
        exceeded(1_000_000, '2026-06-01T00:00:00.000Z'),
      );
      expect(refusal([around, ofCents(1_500_001)], now, { effectiveAt })).toEqual(
        exceeded(1_000_000, '2027-03-01T00:00:00.000Z'),
      );
    });

    it('is not held against requests so late that no window has both (rule V3)', () => {
      const twelveMonthsLater = counted('ri-a', capUsdCents, '2026-01-01T00:00:00.000Z');
      expect(
        refusal([twelveMonthsLater, ofCents(1)], now, { effectiveAt: '2025-01-01T00:00:00.000Z' }),
      ).toBeUndefined();
      expect(refusal([twelveMonthsLater, ofCents(1)], now, { effectiveAt: '2025-01-01T00:00:00.001Z' })).toEqual(
        exceeded(0, '2027-01-01T00:00:00.000Z'),
      );
    });

    it('leaves earlier requests out of the windows they are no longer in (rule V3)', () => {
      const before = [
        ...counted('ri-a', 4_000_000, '2025-02-01T00:00:00.000Z'),
        ...counted('ri-b', 4_000_000, '2026-02-01T00:00:00.000Z'),
      ];
      expect(refusal([before, ofCents(1_000_000)], now, { effectiveAt })).toBeUndefined();
    });
  });

  it('leaves nothing, and not less, where the policy’s cap has shrunk below what counts (rule V3)', () => {
    const policy = { ...policyOf2020, refundCap: { usdCents: 1_000_000, months: 6 } };
    const before = counted('ri-a', 3_000_000, '2026-09-01T00:00:00.000Z');
    expect(refusal([before, ofCents(1)], now, {}, policy)).toEqual({
      code: 'RefundCapExceeded',
      details: { capUsdCents: 1_000_000, remainingUsdCents: 0, recoversAt: '2027-03-01T00:00:00.000Z' },
    });
  });
});

describe('the end of a reservation', () => {
  const one = [...established, reserved('ri-1')];

  it('comes after its last instant', () => {
    given(one)
      .when(expire, { now: end })
      .rejects('NotDue', { dueAt: firstInstantAfter(end) });
    given(one).when(expire, { now: afterEnd }).then(expired);
    expect(given(one, expired).state().reservations.get('ri-1')?.status).toBe('expired');
  });

  it('comes while a cancellation is pending, which keeps counting (rule V3)', () => {
    const pending = [...one, cancellationRequested('ri-1')];
    given(pending).when(expire, { now: afterEnd }).then(expired);
    expect(given(pending, expired).state().cancelledCommitments).toEqual(
      new Map([['ri-1', { usdCents: 1_000_000, at: '2026-11-21T12:00:00.000Z' }]]),
    );
  });

  it('does not come for one that is cancelled, nor twice (rule V6)', () => {
    given(one, reservationCancelled('ri-1'))
      .when(expire, { now: afterEnd })
      .rejects('InvalidTransition', { itemId: 'ri-1', from: 'cancelled', to: 'expired' });
    given(one, expired)
      .when(expire, { now: afterEnd })
      .rejects('InvalidTransition', { itemId: 'ri-1', from: 'expired', to: 'expired' });
  });

  it('comes after a removal too, and for earlier terms (rule R20)', () => {
    given(one, removed()).when(expire, { now: afterEnd }).then(expired);
    given(one, removed(), reestablished).when(expire, { now: afterEnd }).then(expired);
  });

  it('is refused for one that is not known', () => {
    given(established).when(expire).rejects('ItemNotFound', { kind: 'reservation', itemId: 'ri-1' });
    given().when(expire).rejects('RelationshipNotFound');
  });

  it('is recorded without judging', () => {
    const state = initialState();
    reservationSteps.ReservationCancelled(state, reservationCancelled('ri-1').data);
    reservationSteps.ReservationCancellationRefused(state, refused().data);
    boundarySteps.ReservationExpired(state, expired.data);
    expect(state).toEqual(initialState());
    reservationSteps.ReservationCancellationRequested(state, cancellationRequested('ri-1').data);
    expect(state.reservations).toEqual(new Map());
  });
});
