import { describe, expect, it } from '@jest/globals';
import { decideOn, Rejection, type MessageOf } from '#event-sourcing';
import type { RelationshipCommands } from './commands.js';
import { customerRelationship } from './customer-relationship.js';
import { subscriptionKinds, type RelationshipEvents } from './events.js';
import { defaultPolicy, type Policy } from './policy.js';
import {
  blocksAs,
  removalBlockers,
  removalReadiness,
  type RemovalBlocker,
  type RemovalReadiness,
  type Remedy,
} from './removal.js';
import type { CustomerRelationship } from './state.js';
import { nextOfGrant, statusAt } from './statuses.js';
import {
  accepted,
  active,
  activeAzurePlan,
  adminActivated,
  adminActive,
  adminRequested,
  anyCommand,
  autoRenewDisabled,
  azureSubscriptionAdded,
  azureSubscriptionCancelled,
  cancellationRequested,
  cancellationScheduled,
  cancelled,
  contactAssigned,
  context,
  customerUser,
  disabled,
  established,
  establishedWithReseller,
  expired,
  laterPolicy,
  legacyAdminGranted,
  now,
  partner,
  partnerApp,
  partnerContact,
  partnerUser,
  policyOf2020,
  purchased,
  reestablished,
  removed,
  requested,
  reseller,
  reservationCancelled,
  reserved,
  savingsPlanPurchased,
  softwarePurchased,
  spec,
  suspended,
  openRequest,
} from './testing.js';

type Event = MessageOf<RelationshipEvents>;
type History = readonly (Event | readonly Event[])[];

const { given } = spec;
const bothPolicies = [policyOf2020, laterPolicy];
const variant = (removal: Partial<Policy['removal']>): Policy => ({
  ...policyOf2020,
  name: 'variant',
  removal: { ...policyOf2020.removal, ...removal },
});
const remove = (data: RelationshipCommands['RemoveResellerRelationship'] = {}) =>
  ({ type: 'RemoveResellerRelationship', data }) as const;
const removedNow = (
  overrides: Partial<RelationshipEvents['ResellerRelationshipRemoved']> = {},
): MessageOf<RelationshipEvents, 'ResellerRelationshipRemoved'> => ({
  type: 'ResellerRelationshipRemoved',
  data: { relationshipTerm: 1, removedAt: now, policy: defaultPolicy.name, ...overrides },
});

const adviceOf = (history: History, policy = policyOf2020, at = now) =>
  removalBlockers(given(...established, ...history).state(), policy, at);
/** Without the advice on who may follow it and from when, which has specifications of its own. */
const blockersOf = (...asked: Parameters<typeof adviceOf>) =>
  adviceOf(...asked).map(({ remedyBy: _, remedyFrom: __, ...blocker }) => blocker);
const readinessOf = (history: History, policy = policyOf2020, at = now): RemovalReadiness =>
  removalReadiness(given(...established, ...history).state(), policy, at, 'directBillPartner');
const blocker = (
  kind: RemovalBlocker['kind'],
  itemId: string,
  rest: Omit<RemovalBlocker, 'kind' | 'itemId' | 'displayName'>,
): RemovalBlocker => ({ kind, itemId, displayName: `Name of ${itemId}`, ...rest });

const termEndsAt = '2027-11-20T12:00:00.000Z';
const afterTerm = '2027-11-20T12:00:00.001Z';
const windowEndsAt = '2026-11-27T12:00:00.000Z';
const afterWindow = '2026-11-27T12:00:00.001Z';
const softwareWindowEndsAt = '2026-12-20T12:00:00.000Z';
const afterSoftwareWindow = '2026-12-20T12:00:00.001Z';

describe('The removal of a reseller relationship', () => {
  it('needs a relationship that was asked for at some time (R1)', () => {
    given().when(remove()).rejects('RelationshipNotFound');
  });

  it.each([
    ['requested', [openRequest()]],
    ['requestExpired', [requested()]],
    [
      'requestDeclined',
      [
        requested(),
        {
          type: 'ResellerRelationshipRequestDeclined',
          data: { declinedBy: { userId: 'chris' }, declinedAt: now },
        } as const,
      ],
    ],
    [
      'requestWithdrawn',
      [requested(), { type: 'ResellerRelationshipRequestWithdrawn', data: { withdrawnAt: now } } as const],
    ],
    [
      'requestExpired',
      [requested(), { type: 'ResellerRelationshipRequestExpired', data: { expiredAt: now } } as const],
    ],
    ['requested', [...established, removed(), openRequest()]],
  ])('needs an active one, not one that is %s (R1)', (status, history) => {
    given(...history)
      .when(remove())
      .rejects('RelationshipNotActive', { status });
  });

  it('happens once in a term (R2)', () => {
    given(...established)
      .when(remove())
      .then(removedNow());
    given(...established, removed(1, '2026-11-21T12:00:00.000Z'))
      .when(remove())
      .rejects('RelationshipAlreadyRemoved', { removedAt: '2026-11-21T12:00:00.000Z' });
    given(...established, removed(), ...reestablished)
      .when(remove())
      .then(removedNow({ relationshipTerm: 2 }));
  });

  it('is for direct-bill partners and indirect providers; that is said before anything of the relationship (R3)', () => {
    for (const type of ['directBillPartner', 'indirectProvider'] as const)
      given(...established)
        .when(remove(), { partner: { ...partner, type } })
        .then(removedNow());
    given()
      .when(remove(), { partner: { ...partner, type: 'indirectReseller' } })
      .rejects('PartnerTypeNotAllowed', {
        partnerType: 'indirectReseller',
        allowed: ['directBillPartner', 'indirectProvider'],
        hint: 'askTheProvider',
      });
  });

  it('is for a Global admin; a later policy lets Admin and Sales agents too (R4)', () => {
    for (const policy of bothPolicies)
      given(...established)
        .when(remove(), { policy, actor: partnerUser('GlobalAdmin') })
        .then(removedNow({ policy: policy.name }));
    for (const role of ['AdminAgent', 'SalesAgent'] as const) {
      given(...established)
        .when(remove(), { actor: partnerUser(role) })
        .rejects('RoleNotAllowed', { command: 'RemoveResellerRelationship', anyOf: ['GlobalAdmin'] });
      given(...established)
        .when(remove(), { policy: laterPolicy, actor: partnerUser(role) })
        .then(removedNow({ policy: laterPolicy.name }));
    }
    given()
      .when(remove(), { policy: laterPolicy, actor: partnerUser('HelpdeskAgent', 'BillingAdmin') })
      .rejects('RoleNotAllowed', {
        command: 'RemoveResellerRelationship',
        anyOf: ['GlobalAdmin', 'AdminAgent', 'SalesAgent'],
      });
  });

  it('is the act of a user, not of an app (R5)', () => {
    for (const policy of bothPolicies)
      given(...established)
        .when(remove(), { policy, actor: partnerApp('GlobalAdmin') })
        .rejects('UserContextRequired', { command: 'RemoveResellerRelationship' });
  });

  it("is not the customer's to do (R28)", () => {
    given(...established)
      .when(remove(), { actor: customerUser('CustomerGlobalAdmin', 'GlobalAdmin') })
      .rejects('ActorNotAllowed', { command: 'RemoveResellerRelationship', hint: 'askThePartner' });
  });

  it('is open to a restricted or suspended partner too (R27)', () => {
    for (const standing of ['restricted', 'suspended'] as const)
      given(...established)
        .when(remove(), { partner: { ...partner, standing } })
        .then(removedNow());
  });

  it('says which policy allowed it, and that notice was given only if the command says so (R21)', () => {
    for (const noticeGiven of [true, false])
      given(...established)
        .when(remove({ noticeGiven }), { policy: laterPolicy })
        .then(removedNow({ noticeGiven, policy: laterPolicy.name }));
    const [event] = customerRelationship.decide.RemoveResellerRelationship(given(...established).state(), {}, context);
    expect(event!.data).not.toHaveProperty('noticeGiven');
  });

  it('asks for the acknowledgement that notice was given where the policy does, once nothing blocks (R21)', () => {
    const policy = variant({ noticeAcknowledgementRequired: true });
    for (const data of [{}, { noticeGiven: false }])
      given(...established)
        .when(remove(data), { policy })
        .rejects('NoticeAcknowledgementMissing');
    given(...established, ...active('sub-1'))
      .when(remove(), { policy })
      .rejects('RemovalBlocked');
    given(...established)
      .when(remove({ noticeGiven: true }), { policy })
      .then(removedNow({ noticeGiven: true, policy: 'variant' }));
    given(...established, removed())
      .when(remove(), { policy })
      .rejects('RelationshipAlreadyRemoved');
  });

  it('withdraws every designation and revokes every grant in the same append, and nothing else (R15, R17, R18)', () => {
    given(
      ...establishedWithReseller,
      ...active('sub-2', { kind: 'legacy' }),
      contactAssigned('sub-2', { contact: reseller, byDefault: false }),
      suspended('sub-2'),
      ...active('sub-1', { kind: 'legacy' }),
      contactAssigned('sub-1'),
      suspended('sub-1'),
      ...active('nce-1'),
      suspended('nce-1'),
      savingsPlanPurchased('sp-1'),
      ...adminActive('grant-1'),
      legacyAdminGranted('dap-1'),
      adminRequested('grant-0'),
    )
      .when(remove())
      .then(
        removedNow(),
        {
          type: 'SupportContactWithdrawn',
          data: { subscriptionId: 'sub-1', contact: partnerContact, reason: 'relationshipRemoved', withdrawnAt: now },
        },
        {
          type: 'SupportContactWithdrawn',
          data: { subscriptionId: 'sub-2', contact: reseller, reason: 'relationshipRemoved', withdrawnAt: now },
        },
        {
          type: 'DelegatedAdminPrivilegesRevoked',
          data: { grantId: 'dap-1', grantKind: 'dap', revokedAt: now },
        },
        {
          type: 'DelegatedAdminPrivilegesRevoked',
          data: { grantId: 'grant-0', grantKind: 'gdap', revokedAt: now },
        },
        {
          type: 'DelegatedAdminPrivilegesRevoked',
          data: { grantId: 'grant-1', grantKind: 'gdap', revokedAt: now },
        },
      );
  });

  it('leaves a grant expired whose end has passed, recorded or not (R18)', () => {
    const overdue = [
      adminRequested('ended'),
      adminActivated('ended', { endsAt: '2026-11-22T11:59:59.999Z' }),
      adminRequested('lapsed', { expiresAt: '2026-11-22T11:59:59.999Z' }),
      adminRequested('standing'),
    ];
    const revocation: Event = {
      type: 'DelegatedAdminPrivilegesRevoked',
      data: { grantId: 'standing', grantKind: 'gdap', revokedAt: now },
    };
    expect(readinessOf(overdue).willEnd.delegatedAdminGrants).toEqual(['standing']);
    given(...established, ...overdue)
      .when(remove())
      .then(removedNow(), revocation);

    const { grants } = given(...established, ...overdue, removedNow(), revocation).state();
    expect([...grants].map(([id, grant]) => [id, statusAt(grant.status, nextOfGrant(grant), now)])).toEqual([
      ['ended', 'expired'],
      ['lapsed', 'expired'],
      ['standing', 'revoked'],
    ]);
  });

  it('ends the term: no contact is available, no agreement holds, items stay to be read (R16, R17)', () => {
    const before = given(...establishedWithReseller, ...active('sub-1'), suspended('sub-1')).state();
    expect(before).toMatchObject({
      status: 'active',
      establishedAt: '2026-01-15T09:00:00.000Z',
      agreementConfirmedAt: '2026-01-15T10:00:00.000Z',
      availableSupportContacts: [partnerContact, reseller],
    });
    const after = given(
      ...establishedWithReseller,
      ...active('sub-1'),
      suspended('sub-1'),
      removed(1, '2026-11-21T12:00:00.000Z'),
    ).state();
    expect(after).toMatchObject({
      status: 'removed',
      relationshipTerm: 1,
      removedAt: '2026-11-21T12:00:00.000Z',
      availableSupportContacts: [],
    });
    expect(after).not.toHaveProperty('establishedAt');
    expect(after).not.toHaveProperty('agreementConfirmedAt');
    expect(after.subscriptions).toEqual(before.subscriptions);
  });

  it('is refused with every blocker at once, while any is left (R6–R14)', () => {
    given(...established, ...active('sub-1'), reserved('ri-7'))
      .when(remove())
      .rejects('RemovalBlocked', {
        blockers: [
          expect.objectContaining(
            blocker('reservation', 'ri-7', {
              state: 'active',
              reason: 'notCancelled',
              remedy: 'cancel',
              remedyCommand: 'CancelReservation',
              earliestClearableAt: now,
            }),
          ),
          expect.objectContaining(
            blocker('activeSubscription', 'sub-1', {
              state: 'active',
              reason: 'active',
              remedy: 'suspend',
              remedyCommand: 'SuspendSubscription',
              earliestClearableAt: now,
            }),
          ),
        ],
      });
  });
});

describe('What blocks a removal', () => {
  const oneOfEach: History = [
    reserved('b-ri'),
    reserved('a-ri'),
    reserved('ri-pending'),
    cancellationRequested('ri-pending'),
    savingsPlanPurchased('sp-1'),
    softwarePurchased('sw-1'),
    purchased('sub-pending'),
    ...active('sub-suspended'),
    suspended('sub-suspended'),
    ...active('sub-b', { kind: 'legacy' }),
    ...active('sub-a', { kind: 'marketplace' }),
    ...active('Sub-c'),
  ];

  it('is reported completely, by kind and id, under each policy (R14)', () => {
    const ids = (policy: Policy) => blockersOf(oneOfEach, policy).map(({ kind, itemId }) => `${kind} ${itemId}`);
    expect(ids(policyOf2020)).toEqual([
      'reservation a-ri',
      'reservation b-ri',
      'reservationCancellationPending ri-pending',
      'softwarePurchase sw-1',
      'pending sub-pending',
      'activeSubscription Sub-c',
      'activeSubscription sub-a',
      'activeSubscription sub-b',
    ]);
    expect(ids(laterPolicy)).toEqual([
      'reservation a-ri',
      'reservation b-ri',
      'reservationCancellationPending ri-pending',
      'savingsPlan sp-1',
      'softwarePurchase sw-1',
      'pending sub-pending',
      'activeSubscription Sub-c',
      'activeSubscription sub-a',
      'activeSubscription sub-b',
      'suspendedNewCommerce sub-suspended',
    ]);
  });

  it('is in the same order whatever the order of the purchases (R14)', () => {
    const purchases = (ids: string[]) => ids.flatMap((id) => active(id));
    const inOrder = blockersOf(purchases(['s1', 's2', 's3', 's4']));
    expect(blockersOf(purchases(['s4', 's2', 's3', 's1']))).toEqual(inOrder);
    expect(inOrder.map(({ itemId }) => itemId)).toEqual(['s1', 's2', 's3', 's4']);
  });

  it('is of the current term only: items of an earlier one do not block (R23)', () => {
    const state = given(...established, ...(oneOfEach as Event[]), removed(), ...reestablished).state();
    for (const policy of bothPolicies) expect(removalBlockers(state, policy, now)).toEqual([]);
    given(...established, ...(oneOfEach as Event[]), removed(), ...reestablished)
      .when(remove(), { policy: laterPolicy })
      .then(removedNow({ relationshipTerm: 2, policy: laterPolicy.name }));
  });

  it('is every reservation until it is cancelled or has expired, inclusive of its last instant (R7)', () => {
    const notCancelled = blocker('reservation', 'ri-1', {
      state: 'active',
      reason: 'notCancelled',
      remedy: 'cancel',
      remedyCommand: 'CancelReservation',
      earliestClearableAt: termEndsAt,
    });
    expect(blockersOf([reserved('ri-1')], policyOf2020, termEndsAt)).toStrictEqual([notCancelled]);
    expect(blockersOf([reserved('ri-1')], policyOf2020, afterTerm)).toEqual([]);
    expect(
      blockersOf([reserved('ri-1'), { type: 'ReservationExpired', data: { reservationId: 'ri-1', expiredAt: now } }]),
    ).toEqual([]);
    expect(blockersOf([reserved('ri-1'), cancellationRequested('ri-1'), reservationCancelled('ri-1')])).toEqual([]);
  });

  it('is a reservation that is never refundable: it takes waiting or a transfer (R7, V4)', () => {
    expect(blockersOf([reserved('ri-1', { product: 'databricks' })])).toStrictEqual([
      blocker('reservation', 'ri-1', {
        state: 'active',
        reason: 'notRefundable',
        remedy: 'waitOrTransfer',
        earliestClearableAt: afterTerm,
      }),
    ]);
  });

  describe('where the refund cap is used up (R7, V3)', () => {
    const { usdCents: cap } = policyOf2020.refundCap;
    const usedUp = (requestedAt: string) => [
      reserved('ri-0', { commitmentUsdCents: cap }),
      cancellationRequested('ri-0', { countedUsdCents: cap, requestedAt }),
      reservationCancelled('ri-0'),
    ];
    const capReached = { state: 'active', reason: 'refundCapReached' } as const;

    it('is a reservation that can be cancelled from when the cap recovers, as the command says', () => {
      const history = [...usedUp('2026-03-01T08:00:00.000Z'), reserved('ri-1')];
      const recoversAt = '2027-03-01T08:00:00.000Z';
      expect(blockersOf(history)).toStrictEqual([
        blocker('reservation', 'ri-1', {
          ...capReached,
          remedy: 'cancel',
          remedyCommand: 'CancelReservation',
          earliestClearableAt: recoversAt,
        }),
      ]);
      const cancel = { type: 'CancelReservation', data: { reservationId: 'ri-1' } } as const;
      const cancelled = (at: string) => given(...established, ...history).when(cancel, { now: at });
      cancelled(now).rejects('RefundCapExceeded', { recoversAt });
      cancelled('2027-03-01T07:59:59.999Z').rejects('RefundCapExceeded', { recoversAt });
      cancelled(recoversAt).then(cancellationRequested('ri-1', { requestedAt: recoversAt }));
      expect(blockersOf(history, policyOf2020, recoversAt)).toMatchObject([{ reason: 'notCancelled' }]);
    });

    it.each([
      ['ends before the cap recovers', usedUp('2026-11-21T12:00:00.000Z'), {}],
      ['is beyond the cap by itself', [], { commitmentUsdCents: cap + 1 }],
    ])('is a reservation to wait for or to transfer, if it %s', (_, before, overrides) => {
      expect(blockersOf([...before, reserved('ri-1', overrides)])).toStrictEqual([
        blocker('reservation', 'ri-1', { ...capReached, remedy: 'waitOrTransfer', earliestClearableAt: afterTerm }),
      ]);
    });

    it('is a reservation that can still be cancelled on its last instant, when the cap recovers with it', () => {
      expect(blockersOf([...usedUp('2026-11-20T12:00:00.000Z'), reserved('ri-1')])).toMatchObject([
        { remedy: 'cancel', earliestClearableAt: termEndsAt },
      ]);
    });
  });

  it('is a reservation whose cancellation is asked for but not confirmed (R12)', () => {
    const pending = [reserved('ri-1', { product: 'databricks' }), cancellationRequested('ri-1')];
    expect(blockersOf(pending)).toStrictEqual([
      blocker('reservationCancellationPending', 'ri-1', {
        state: 'cancellationRequested',
        reason: 'cancellationNotConfirmed',
        remedy: 'settleCancellation',
        remedyCommand: 'ConfirmReservationCancellation',
        earliestClearableAt: now,
      }),
    ]);
    expect(blockersOf(pending, policyOf2020, termEndsAt)).toHaveLength(1);
    expect(blockersOf(pending, policyOf2020, afterTerm)).toEqual([]);
    expect(
      blockersOf([
        ...pending,
        { type: 'ReservationCancellationRefused', data: { reservationId: 'ri-1', refusedAt: now } },
      ]).map(({ kind }) => kind),
    ).toEqual(['reservation']);
  });

  it('is a savings plan under the later policy only, until its end (R10)', () => {
    const plan = [savingsPlanPurchased('sp-1')];
    expect(blockersOf(plan, policyOf2020)).toEqual([]);
    expect(blockersOf(plan, laterPolicy)).toStrictEqual([
      blocker('savingsPlan', 'sp-1', {
        state: 'active',
        reason: 'notCancellable',
        remedy: 'waitOrTransfer',
        earliestClearableAt: afterTerm,
      }),
    ]);
    expect(blockersOf(plan, laterPolicy, termEndsAt)).toHaveLength(1);
    expect(blockersOf(plan, laterPolicy, afterTerm)).toEqual([]);
    expect(
      blockersOf(
        [...plan, { type: 'SavingsPlanExpired', data: { savingsPlanId: 'sp-1', expiredAt: termEndsAt } }],
        laterPolicy,
      ),
    ).toEqual([]);
  });

  it('is a software purchase until all of it is cancelled (R8)', () => {
    const open = blocker('softwarePurchase', 'sw-1', {
      state: 'completed',
      reason: 'notCancelled',
      remedy: 'cancel',
      remedyCommand: 'CancelSoftwarePurchase',
      earliestClearableAt: now,
    });
    const line: Event = {
      type: 'SoftwareLineItemCancelled',
      data: { purchaseId: 'sw-1', lineItemId: 'line-1', cancelledAt: now },
    };
    for (const policy of [policyOf2020, laterPolicy, variant({ softwarePastWindowBlocks: false })]) {
      expect(blockersOf([softwarePurchased('sw-1')], policy)).toStrictEqual([open]);
      expect(blockersOf([softwarePurchased('sw-1'), line], policy)).toStrictEqual([open]);
      expect(
        blockersOf(
          [
            softwarePurchased('sw-1'),
            line,
            { type: 'SoftwarePurchaseCancelled', data: { purchaseId: 'sw-1', cancelledAt: now } },
          ],
          policy,
        ),
      ).toEqual([]);
    }
  });

  it('is software past its window too, unless the policy lets it go (R8)', () => {
    const perpetual = [softwarePurchased('sw-1')];
    const closed = {
      state: 'completed',
      reason: 'cancellationWindowClosed',
      remedy: 'waitOrTransfer',
    } as const;
    expect(blockersOf(perpetual, policyOf2020, softwareWindowEndsAt)[0]).toMatchObject({ remedy: 'cancel' });
    expect(blockersOf(perpetual, policyOf2020, afterSoftwareWindow)).toStrictEqual([
      blocker('softwarePurchase', 'sw-1', { state: 'completed', reason: 'neverEnds', remedy: 'transfer' }),
    ]);
    const subscription = [softwarePurchased('sw-1', { kind: 'subscription', expiresAt: termEndsAt })];
    expect(blockersOf(subscription, policyOf2020, termEndsAt)).toStrictEqual([
      blocker('softwarePurchase', 'sw-1', { ...closed, earliestClearableAt: afterTerm }),
    ]);
    expect(blockersOf(subscription, policyOf2020, afterTerm)).toEqual([]);

    const lenient = variant({ softwarePastWindowBlocks: false });
    expect(blockersOf(perpetual, lenient, softwareWindowEndsAt)).toHaveLength(1);
    for (const software of [perpetual, subscription])
      expect(blockersOf(software, lenient, afterSoftwareWindow)).toEqual([]);
  });

  it('is a Red Hat or SUSE plan, which cannot be cancelled at all (R8, V9)', () => {
    const plan = (expiresAt?: string) => [
      softwarePurchased('sw-1', { publisher: 'redHat', ...(expiresAt ? { kind: 'subscription', expiresAt } : {}) }),
    ];
    const notCancellable = { state: 'completed', reason: 'notCancellable', remedy: 'waitOrTransfer' } as const;
    for (const at of [now, afterSoftwareWindow])
      expect(blockersOf(plan(termEndsAt), policyOf2020, at)).toStrictEqual([
        blocker('softwarePurchase', 'sw-1', { ...notCancellable, earliestClearableAt: afterTerm }),
      ]);
    expect(blockersOf(plan())).toStrictEqual([
      blocker('softwarePurchase', 'sw-1', { state: 'completed', reason: 'neverEnds', remedy: 'transfer' }),
    ]);
    // Where a closed window frees the relationship, waiting for it is enough.
    expect(blockersOf(plan(termEndsAt), variant({ softwarePastWindowBlocks: false }))).toStrictEqual([
      blocker('softwarePurchase', 'sw-1', { ...notCancellable, earliestClearableAt: afterSoftwareWindow }),
    ]);
  });

  it.each(bothPolicies)(
    'is no subscription that has expired, is disabled or deleted, nor a suspended legacy one (R13, $name)',
    (policy) => {
      const ofKind = (kind: 'legacy' | 'newCommerce' | 'marketplace' | 'azurePlan') => active('sub-1', { kind });
      for (const ended of [expired('sub-1'), disabled('sub-1'), cancelled('sub-1')])
        expect(blockersOf([...ofKind('newCommerce'), ended], policy)).toEqual([]);
      for (const kind of ['legacy', 'marketplace', 'azurePlan'] as const)
        expect(blockersOf([...ofKind(kind), suspended('sub-1')], policy)).toEqual([]);
    },
  );

  it('is what is pending, to be activated first (R11)', () => {
    for (const policy of bothPolicies)
      expect(blockersOf([purchased('sub-1')], policy)).toStrictEqual([
        blocker('pending', 'sub-1', {
          state: 'pending',
          reason: 'notProvisioned',
          remedy: 'activateFirst',
          remedyCommand: 'ActivateSubscription',
          earliestClearableAt: now,
        }),
      ]);
  });

  it.each(bothPolicies)('is no subscription whose provisioning has ended without it (P1, $name)', (policy) => {
    const failed = {
      type: 'SubscriptionProvisioningFailed',
      data: { subscriptionId: 'sub-1', failedAt: now },
    } as const;
    const cancelledBefore = {
      type: 'SubscriptionProvisioningCancelled',
      data: { subscriptionId: 'sub-1', cancelledAt: now },
    } as const;
    for (const kind of subscriptionKinds)
      for (const ended of [failed, cancelledBefore])
        expect(blockersOf([purchased('sub-1', { kind }), ended], policy)).toEqual([]);
  });

  it('is judged by facts that a view has too', () => {
    const { kind, status } = { kind: 'newCommerce', status: 'suspended' } as const;
    expect(blocksAs({ item: 'subscription', kind, status }, laterPolicy, now)).toBe('suspendedNewCommerce');
    expect(blocksAs({ item: 'subscription', kind, status }, policyOf2020, now)).toBeUndefined();
  });
});

describe('How an active subscription stops blocking (R6)', () => {
  const is = (rest: Partial<RemovalBlocker> & { remedy: Remedy }) => [
    blocker('activeSubscription', 'sub-1', { state: 'active', reason: 'active', earliestClearableAt: now, ...rest }),
  ];
  const suspend = { remedy: 'suspend', remedyCommand: 'SuspendSubscription' } as const;

  it.each(['legacy', 'marketplace'] as const)('%s: it is suspended, under each policy (R6)', (kind) => {
    for (const policy of bothPolicies) expect(blockersOf(active('sub-1', { kind }), policy)).toStrictEqual(is(suspend));
  });

  it('marketplace: it is suspended, unless its cancellation is scheduled, whose date it then shows (R6, S20)', () => {
    const history = [
      ...active('sub-1', { kind: 'marketplace' }),
      cancellationScheduled('sub-1'),
      autoRenewDisabled('sub-1'),
    ];
    expect(blockersOf(history)).toStrictEqual(
      is({
        reason: 'cancellationScheduled',
        remedy: 'waitForExpiry',
        remedyCommand: 'EndSubscriptionTerm',
        earliestClearableAt: afterTerm,
      }),
    );
  });

  it('Azure plan: its Azure subscriptions are cancelled first, then it is suspended (R6, S18)', () => {
    const plan = activeAzurePlan('sub-1');
    const added = [azureSubscriptionAdded('sub-1', 'azure-1'), azureSubscriptionAdded('sub-1', 'azure-2')];
    const clearFirst = is({
      reason: 'azureSubscriptionsActive',
      remedy: 'cancelAzureSubscriptionsFirst',
      remedyCommand: 'CancelAzureSubscription',
    });
    const gone = (azureSubscriptionId: string) => azureSubscriptionCancelled('sub-1', azureSubscriptionId);
    for (const policy of bothPolicies) {
      expect(blockersOf(plan, policy)).toStrictEqual(is(suspend));
      expect(blockersOf([...plan, ...added], policy)).toStrictEqual(clearFirst);
      expect(blockersOf([...plan, ...added, gone('azure-1')], policy)).toStrictEqual(clearFirst);
      expect(blockersOf([...plan, ...added, gone('azure-1'), gone('azure-2')], policy)).toStrictEqual(is(suspend));
    }
  });

  it('new commerce: it is suspended under the policy of 2020, whatever its window (R9)', () => {
    for (const at of [now, afterWindow])
      expect(blockersOf(active('sub-1'), policyOf2020, at)).toStrictEqual(is({ ...suspend, earliestClearableAt: at }));
  });

  it('new commerce: it is cancelled within its window under the later policy (R9, S7)', () => {
    for (const at of [now, windowEndsAt])
      expect(blockersOf(active('sub-1'), laterPolicy, at)).toStrictEqual(
        is({ remedy: 'cancel', remedyCommand: 'CancelSubscription', earliestClearableAt: at }),
      );
  });

  it('new commerce: past its window it is outlasted under the later policy (R9)', () => {
    expect(blockersOf(active('sub-1'), laterPolicy, afterWindow)).toStrictEqual(
      is({ remedy: 'switchOffAutoRenewAndWait', remedyCommand: 'SetAutoRenew', earliestClearableAt: afterTerm }),
    );
    const notRenewing = [...active('sub-1'), autoRenewDisabled('sub-1')];
    for (const at of [afterWindow, termEndsAt])
      expect(blockersOf(notRenewing, laterPolicy, at)).toStrictEqual(
        is({ remedy: 'waitForExpiry', remedyCommand: 'EndSubscriptionTerm', earliestClearableAt: afterTerm }),
      );
  });

  it('new commerce: it is outlasted where it brought no window (R9)', () => {
    const windowless = purchased('sub-1');
    const { cancellationAllowedUntil: _, ...data } = windowless.data;
    const history = [{ ...windowless, data }, ...active('sub-1').slice(1)];
    expect(blockersOf(history, laterPolicy)[0]).toMatchObject({ remedy: 'switchOffAutoRenewAndWait' });
  });

  it('trial: it is outlasted, because its status is locked (S12)', () => {
    const trial = active('sub-1', { trial: true, termEndsAt: '2026-12-20T12:00:00.000Z' });
    for (const policy of bothPolicies) {
      expect(blockersOf(trial, policy)).toStrictEqual(
        is({
          reason: 'trialStatusLocked',
          remedy: 'switchOffAutoRenewAndWait',
          remedyCommand: 'SetAutoRenew',
          earliestClearableAt: '2026-12-20T12:00:00.001Z',
        }),
      );
      expect(blockersOf([...trial, autoRenewDisabled('sub-1')], policy)).toStrictEqual(
        is({
          reason: 'trialStatusLocked',
          remedy: 'waitForExpiry',
          remedyCommand: 'EndSubscriptionTerm',
          earliestClearableAt: '2026-12-20T12:00:00.001Z',
        }),
      );
    }
  });

  it('trial of a legacy subscription: it is suspended, for only new commerce locks it (S12)', () => {
    expect(blockersOf(active('sub-1', { kind: 'legacy', trial: true }))).toStrictEqual(is(suspend));
  });

  it.each(['legacy', 'marketplace', 'newCommerce'] as const)(
    '%s: it has stopped once its term has ended without a renewal, whether that is recorded or not (T1)',
    (kind) => {
      const history = [...active('sub-1', { kind }), autoRenewDisabled('sub-1')];
      for (const policy of bothPolicies) {
        expect(blockersOf(history, policy, termEndsAt)).toHaveLength(1);
        expect(blockersOf(history, policy, afterTerm)).toEqual([]);
      }
    },
  );

  it('one that renews, whose clock command is late: it counts as renewed (T1)', () => {
    expect(blockersOf(active('sub-1'), policyOf2020, afterTerm)).toStrictEqual(
      is({ ...suspend, earliestClearableAt: afterTerm }),
    );
    const cancel = { remedy: 'cancel', remedyCommand: 'CancelSubscription', earliestClearableAt: afterTerm } as const;
    expect(blockersOf(active('sub-1'), laterPolicy, afterTerm)).toStrictEqual(is(cancel));
    expect(blockersOf(active('sub-1', { trial: true }), policyOf2020, afterTerm)).toStrictEqual(
      is({ ...suspend, earliestClearableAt: afterTerm }),
    );
  });
});

describe('How a pending subscription stops blocking (R11)', () => {
  const advice = (history: History, policy = policyOf2020, at = now) =>
    blockersOf(history, policy, at).find(({ kind }) => kind === 'pending');

  it('not now, where its activation leads into a term that has to be outlasted', () => {
    const long = { termDuration: 'P3Y', termEndsAt: '2029-11-20T12:00:00.000Z' } as const;
    const pending = [purchased('sub-1', { ...long, cancellationAllowedUntil: '2026-11-21T12:00:00.000Z' })];
    expect(advice(pending, laterPolicy)).toMatchObject({
      reason: 'notProvisioned',
      remedy: 'activateFirst',
      remedyCommand: 'ActivateSubscription',
      earliestClearableAt: '2029-11-20T12:00:00.001Z',
    });
    // Suspended is enough under the older policy.
    expect(advice(pending)).toMatchObject({ earliestClearableAt: now });
  });

  it('not before the end of a trial, whose status is locked (S12)', () => {
    const trial = [purchased('sub-1', { trial: true, termEndsAt: '2026-12-20T12:00:00.000Z' })];
    for (const policy of bothPolicies)
      expect(advice(trial, policy)).toMatchObject({ earliestClearableAt: '2026-12-20T12:00:00.001Z' });
  });

  it('by the term that it comes into, where others have gone by since the purchase (T1)', () => {
    const old = [
      purchased('sub-1', {
        termDuration: 'P1M',
        purchasedAt: '2026-09-01T00:00:00.000Z',
        termEndsAt: '2026-10-01T00:00:00.000Z',
      }),
    ];
    expect(advice(old, laterPolicy)).toMatchObject({ earliestClearableAt: '2026-12-01T00:00:00.001Z' });
    // Without auto-renew, its term is over when it is activated.
    expect(advice([purchased('sub-1', { ...old[0]!.data, autoRenew: false })], laterPolicy)).toMatchObject({
      earliestClearableAt: now,
    });
  });

  it('an add-on of a suspended base once that is reactivated, as it is the base that the command is sent to (S10)', () => {
    const history = [
      ...active('base', { kind: 'legacy' }),
      purchased('add-on', { kind: 'legacy', baseSubscriptionId: 'base' }),
      suspended('base', { retainedUntil: '2027-02-19T12:00:00.000Z' }),
    ];
    expect(advice(history)).toStrictEqual(
      blocker('pending', 'add-on', {
        state: 'pending',
        reason: 'baseSuspended',
        remedy: 'reactivateBaseFirst',
        remedyCommand: 'ReactivateSubscription',
        remedyItemId: 'base',
        earliestClearableAt: now,
      }),
    );
    expect(advice(history, policyOf2020, '2027-02-19T12:00:00.001Z')).toMatchObject({ remedy: 'activateFirst' });
  });
});

describe('Who may follow the advice', () => {
  it('follows from the right to its command, under the policy in force', () => {
    const by = (history: History) => adviceOf(history).map(({ remedyBy }) => remedyBy);
    const people = ['GlobalAdmin', 'AdminAgent', 'SalesAgent', 'HelpdeskAgent', 'BillingAdmin'];
    expect(by(active('sub-1'))).toEqual([{ side: 'partner', anyOf: people, appOnly: true }]);
    expect(by([softwarePurchased('sw-1')])).toEqual([{ side: 'partner', anyOf: ['AdminAgent'], appOnly: true }]);
    expect(by([...activeAzurePlan('plan-1'), azureSubscriptionAdded('plan-1', 'azure-1')])).toEqual([
      { side: 'partner', anyOf: ['GlobalAdmin'], allOf: ['GlobalAdmin', 'AdminAgent'], appOnly: false },
    ]);
  });

  it('is an owner of the reservation order, for its cancellation and not for settling that (V5)', () => {
    const reservation = reserved('ri-1', { owners: ['grace'] });
    expect(adviceOf([reservation])).toMatchObject([{ remedyBy: { owners: ['grace'] } }]);
    const reassigned = {
      type: 'ReservationOwnersChanged',
      data: { reservationId: 'ri-1', owners: ['linus'], previousOwners: ['grace'], changedAt: now },
    } as const;
    expect(adviceOf([reservation, reassigned])).toMatchObject([{ remedyBy: { owners: ['linus'] } }]);
    expect(adviceOf([reservation, cancellationRequested('ri-1')])[0]?.remedyBy).not.toHaveProperty('owners');
  });

  it('is absent where only waiting or a transfer helps', () => {
    expect(adviceOf([reserved('ri-1', { product: 'databricks' })])[0]).not.toHaveProperty('remedyBy');
  });
});

describe('How a suspended new-commerce subscription stops blocking under the later policy (R9)', () => {
  const history = [...active('sub-1'), suspended('sub-1'), autoRenewDisabled('sub-1')];
  const is = (rest: Pick<RemovalBlocker, 'remedy' | 'remedyCommand' | 'earliestClearableAt'>) => [
    blocker('suspendedNewCommerce', 'sub-1', { state: 'suspended', reason: 'suspendedNewCommerceMustEnd', ...rest }),
  ];

  it('it is cancelled within its window', () => {
    expect(blockersOf(history, laterPolicy, windowEndsAt)).toStrictEqual(
      is({ remedy: 'cancel', remedyCommand: 'CancelSubscription', earliestClearableAt: windowEndsAt }),
    );
  });

  it('only its end helps after its window; it does not renew, even with auto-renew on', () => {
    for (const suspension of [history, [...active('sub-1'), suspended('sub-1')]]) {
      for (const at of [afterWindow, termEndsAt])
        expect(blockersOf(suspension, laterPolicy, at)).toStrictEqual(
          is({ remedy: 'waitForExpiry', remedyCommand: 'EndSubscriptionTerm', earliestClearableAt: afterTerm }),
        );
      expect(blockersOf(suspension, laterPolicy, afterTerm)).toEqual([]);
    }
  });
});

/** Histories that between them hold every kind of item in every state that matters. */
const books: Readonly<Record<string, History>> = {
  empty: [],
  active: active('sub-1'),
  'not renewing': [...active('sub-1'), autoRenewDisabled('sub-1')],
  suspended: [...active('sub-1'), suspended('sub-1'), autoRenewDisabled('sub-1')],
  trial: active('sub-1', { trial: true, termEndsAt: '2026-12-20T12:00:00.000Z' }),
  pending: [purchased('sub-1')],
  legacy: active('sub-1', { kind: 'legacy' }),
  marketplace: active('sub-1', { kind: 'marketplace' }),
  'marketplace to end': [
    ...active('sub-1', { kind: 'marketplace' }),
    cancellationScheduled('sub-1'),
    autoRenewDisabled('sub-1'),
  ],
  'azure plan': activeAzurePlan('plan-1'),
  'azure subscription': [...activeAzurePlan('plan-1'), azureSubscriptionAdded('plan-1', 'azure-1')],
  reservation: [reserved('ri-1')],
  'reservation, not refundable': [reserved('ri-1', { product: 'susePlan' })],
  'reservation, pending': [reserved('ri-1'), cancellationRequested('ri-1')],
  software: [softwarePurchased('sw-1')],
  'software subscription': [softwarePurchased('sw-1', { kind: 'subscription', expiresAt: termEndsAt })],
  'red hat': [softwarePurchased('sw-1', { publisher: 'redHat' })],
  'savings plan': [savingsPlanPurchased('sp-1')],
  'grants and contacts': [...adminActive('grant-1'), legacyAdminGranted('dap-1')],
};
const policiesToTry = [...bothPolicies, variant({ softwarePastWindowBlocks: false })];
const instants = [now, windowEndsAt, afterWindow, softwareWindowEndsAt, afterSoftwareWindow, termEndsAt, afterTerm];
const cases = Object.entries(books).flatMap(([book, history]) =>
  policiesToTry.flatMap((policy) => instants.map((at) => ({ book, history, policy, at, name: policy.name }))),
);

describe('The question and the command', () => {
  it('agree: removable means that the command is accepted, and the blockers are the same', () => {
    for (const { history, policy, at } of cases) {
      const { removable, blockers } = readinessOf(history, policy, at);
      const when = given(...established, ...history).when(remove(), { policy, now: at });
      expect(removable).toBe(blockers.length === 0);
      if (!removable) when.rejects('RemovalBlocked', { blockers });
      else when.then(...removalOf(history, policy, at));
    }
    const outcomes = new Set(cases.map(({ history, policy, at }) => readinessOf(history, policy, at).removable));
    expect(outcomes.size).toBe(2);
  });

  it('agree on what a remedy is worth: its command is accepted from when it says, and not before', () => {
    let [tried, waited] = [0, 0];
    for (const { history, policy, at, book } of cases)
      for (const { remedyCommand, remedyFrom } of readinessOf(history, policy, at).blockers) {
        if (remedyCommand === undefined) continue;
        const state = given(...established, ...history).state() as CustomerRelationship;
        const command = onItem(anyCommand[remedyCommand], book);
        const decideAt = (time: string) =>
          decideOn(customerRelationship, state, command, { ...context, policy, now: time });
        expect(() => decideAt(remedyFrom ?? at)).not.toThrow();
        tried++;
        if (remedyFrom === undefined) continue;
        expect(() => decideAt(new Date(Date.parse(remedyFrom) - 1).toISOString())).toThrow(Rejection);
        waited++;
      }
    expect(tried).toBeGreaterThan(100);
    expect(waited).toBeGreaterThan(10);
  });

  it('are refused alike for a relationship that is not active and a partner who may not (R1–R3)', () => {
    const readiness = (history: History, type = partner.type) =>
      removalReadiness(given(...history).state(), policyOf2020, now, type);
    expect(() => readiness([])).toThrow(new Rejection('RelationshipNotFound'));
    expect(() => readiness([requested()])).toThrow(new Rejection('RelationshipNotActive'));
    expect(() => readiness([...established, removed()])).toThrow(new Rejection('RelationshipAlreadyRemoved'));
    expect(() => readiness([], 'indirectReseller')).toThrow(new Rejection('PartnerTypeNotAllowed'));
    expect(() => readiness([...established], 'indirectProvider')).not.toThrow();
  });
});

/** The example command, about the item of the book. */
function onItem(command: MessageOf<RelationshipCommands>, book: string): MessageOf<RelationshipCommands> {
  return book === 'azure plan' && command.type === 'SuspendSubscription'
    ? { ...command, data: { ...command.data, subscriptionId: 'plan-1' } }
    : command;
}

function removalOf(history: History, policy: Policy, at: string): Event[] {
  // The granular one has ended by itself after a year; privileges of the old kind never do (rule R18).
  const open = at <= '2027-11-03T12:00:00.000Z' ? (['dap-1', 'grant-1'] as const) : (['dap-1'] as const);
  const grants = history === books['grants and contacts'] ? open : [];
  return [
    removedNow({ removedAt: at, policy: policy.name }),
    ...grants.map((grantId) => ({
      type: 'DelegatedAdminPrivilegesRevoked' as const,
      data: { grantId, grantKind: grantId === 'dap-1' ? ('dap' as const) : ('gdap' as const), revokedAt: at },
    })),
  ];
}

describe('The readiness for removal', () => {
  const notice = { kind: 'noticeIsYours' };

  it('names what the removal ends and what it does not (R17, R18, G12, S16)', () => {
    const history = [
      requested({ indirectReseller: reseller }),
      accepted(),
      ...activeAzurePlan('plan-1'),
      contactAssigned('plan-1'),
      azureSubscriptionAdded('plan-1', 'azure-1'),
      azureSubscriptionCancelled('plan-1', 'azure-1'),
      suspended('plan-1'),
      ...active('legacy-1', { kind: 'legacy' }),
      suspended('legacy-1'),
      ...active('nce-1'),
      suspended('nce-1'),
      savingsPlanPurchased('sp-1'),
      ...adminActive('grant-1'),
      legacyAdminGranted('dap-1'),
    ];
    expect(removalReadiness(given(...history).state(), policyOf2020, now, 'indirectProvider')).toStrictEqual({
      removable: true,
      policy: 'partner-center-2020-06',
      blockers: [],
      warnings: [
        {
          kind: 'suspendedNewCommerceCharged',
          itemId: 'nce-1',
          displayName: 'Name of nce-1',
          until: termEndsAt,
        },
        { kind: 'savingsPlanContinues', itemId: 'sp-1', displayName: 'Name of sp-1', until: termEndsAt },
        notice,
      ],
      willEnd: {
        availableSupportContacts: [partner.tenantId, reseller.tenantId],
        supportContactDesignations: ['plan-1'],
        delegatedAdminGrants: ['dap-1', 'grant-1'],
      },
      willNotEnd: {
        residualAccess: [{ kind: 'azureRoleAssignments', azureSubscriptionId: 'azure-1', name: 'Name of azure-1' }],
        runningCharges: [
          { item: 'subscription', itemId: 'nce-1', until: termEndsAt },
          { item: 'savingsPlan', itemId: 'sp-1', until: termEndsAt },
        ],
      },
    });
  });

  it('names no designation that has ended with its subscription, recorded or not (C5, T1)', () => {
    const history = [
      ...active('legacy-1', { kind: 'legacy' }),
      contactAssigned('legacy-1'),
      suspended('legacy-1', { retainedUntil: '2027-02-19T12:00:00.000Z' }),
    ];
    const designationsAt = (at: string) => readinessOf(history, policyOf2020, at).willEnd.supportContactDesignations;
    expect(designationsAt('2027-02-19T12:00:00.000Z')).toEqual(['legacy-1']);
    expect(designationsAt('2027-02-19T12:00:00.001Z')).toEqual([]);
  });

  it('reminds of the notice to the customer, which is never sent (R21)', () => {
    expect(readinessOf([])).toStrictEqual({
      removable: true,
      policy: 'partner-center-2020-06',
      blockers: [],
      warnings: [notice],
      willEnd: {
        availableSupportContacts: [partner.tenantId],
        supportContactDesignations: [],
        delegatedAdminGrants: [],
      },
      willNotEnd: { residualAccess: [], runningCharges: [] },
    });
  });

  it('warns of charges as long as they run, and of nothing else (S16)', () => {
    const history = [...active('nce-1'), suspended('nce-1'), savingsPlanPurchased('sp-1'), ...active('nce-2')];
    for (const policy of bothPolicies) {
      const { warnings, willNotEnd } = readinessOf(history, policy, termEndsAt);
      expect(warnings.map(({ itemId }) => itemId)).toEqual(['nce-1', 'sp-1', undefined]);
      expect(willNotEnd.runningCharges.map(({ itemId }) => itemId)).toEqual(['nce-1', 'sp-1']);
      const later = readinessOf(history, policy, afterTerm);
      expect(later.warnings).toEqual([notice]);
      expect(later.willNotEnd.runningCharges).toEqual([]);
    }
    const ended = [
      savingsPlanPurchased('sp-1'),
      { type: 'SavingsPlanExpired', data: { savingsPlanId: 'sp-1', expiredAt: now } } as const,
      ...active('legacy-1', { kind: 'legacy' }),
      suspended('legacy-1'),
    ];
    expect(readinessOf(ended).warnings).toEqual([notice]);
    expect(readinessOf(ended).willNotEnd.runningCharges).toEqual([]);
  });

  it('warns of software that continues where a closed window no longer blocks removal (R8)', () => {
    const lenient = variant({ softwarePastWindowBlocks: false });
    const perpetual = { kind: 'softwareContinues', itemId: 'sw-1', displayName: 'Name of sw-1' };
    const history = [
      softwarePurchased('sw-1'),
      softwarePurchased('sw-2', { kind: 'subscription', expiresAt: termEndsAt }),
      softwarePurchased('sw-3'),
      { type: 'SoftwarePurchaseCancelled', data: { purchaseId: 'sw-3', cancelledAt: now } } as const,
    ];
    expect(readinessOf(history, lenient, softwareWindowEndsAt).warnings).toEqual([notice]);
    expect(readinessOf(history, lenient, afterSoftwareWindow).warnings).toStrictEqual([
      perpetual,
      { kind: 'softwareContinues', itemId: 'sw-2', displayName: 'Name of sw-2', until: termEndsAt },
      notice,
    ]);
    expect(readinessOf(history, lenient, termEndsAt).warnings).toHaveLength(3);
    expect(readinessOf(history, lenient, afterTerm).warnings).toStrictEqual([perpetual, notice]);
    expect(readinessOf(history, policyOf2020, afterSoftwareWindow).warnings).toEqual([notice]);
  });

  it('is about the current term alone (R23)', () => {
    const earlier = [
      ...active('nce-1'),
      suspended('nce-1'),
      savingsPlanPurchased('sp-1'),
      softwarePurchased('sw-1'),
      ...activeAzurePlan('plan-1'),
      contactAssigned('plan-1'),
      azureSubscriptionAdded('plan-1', 'azure-1'),
      ...adminActive('grant-1'),
      removed(),
      ...reestablished,
    ];
    const lenient = variant({ softwarePastWindowBlocks: false });
    const { warnings, willEnd, willNotEnd } = readinessOf(earlier, lenient, afterSoftwareWindow);
    expect({ warnings, willEnd, willNotEnd }).toEqual({
      warnings: [notice],
      willEnd: {
        availableSupportContacts: [partner.tenantId],
        supportContactDesignations: [],
        delegatedAdminGrants: [],
      },
      willNotEnd: { residualAccess: [], runningCharges: [] },
    });
  });
});
