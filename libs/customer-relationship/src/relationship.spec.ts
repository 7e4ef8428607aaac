import { describe, expect, it } from '@jest/globals';
import type { MessageOf } from '#event-sourcing';
import { firstInstantAfter } from './calendar.js';
import type { CommandName, RelationshipCommands } from './commands.js';
import type { Context } from './context.js';
import type { RelationshipEvents } from './events.js';
import { policies } from './policy.js';
import {
  accepted,
  active,
  activeAzurePlan,
  adminActive,
  adminRequested,
  agreementConfirmed,
  anyCommand,
  azureSubscriptionAdded,
  cancellationRequested,
  contactAssigned,
  customerId,
  customerUser,
  established,
  now,
  laterPolicy,
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
  reserved,
  savingsPlanPurchased,
  softwarePurchased,
  spec,
  suspended,
  openRequest,
} from './testing.js';

type EventOf<N extends keyof RelationshipEvents> = MessageOf<RelationshipEvents, N>;
type Command = MessageOf<RelationshipCommands>;

const { given } = spec;
const customerAdmin = { actor: customerUser('CustomerGlobalAdmin') };
const removedAt = '2026-11-21T12:00:00.000Z';
// What was asked for on 10 January lapses on 10 April.
const lapsesAt = '2026-04-10T09:00:00.000Z';
const justLapsed = '2026-04-10T09:00:00.001Z';

const ask = (
  overrides: Partial<RelationshipCommands['RequestResellerRelationship']> = {},
): MessageOf<RelationshipCommands, 'RequestResellerRelationship'> => ({
  type: 'RequestResellerRelationship',
  data: { customer: { name: 'Fabrikam', domain: 'fabrikam.example' }, market: 'US', ...overrides },
});
const requestedNow = (overrides: Partial<RelationshipEvents['ResellerRelationshipRequested']> = {}) =>
  requested({ requestedAt: now, expiresAt: '2027-02-20T12:00:00.000Z', ...overrides });
const accept: Command = { type: 'AcceptResellerRelationship', data: {} };
const decline: Command = { type: 'DeclineResellerRelationship', data: {} };
const withdraw: Command = { type: 'WithdrawRelationshipRequest', data: {} };
const expire: Command = { type: 'ExpireRelationshipRequest', data: {} };
const confirm = (agreedAt?: string): Command => ({
  type: 'ConfirmCustomerAgreement',
  data: agreedAt === undefined ? {} : { agreedAt },
});
const update = (data: RelationshipCommands['UpdateCustomerProfile']): Command => ({
  type: 'UpdateCustomerProfile',
  data,
});

const establishedAt = (
  at: string,
  acceptedBy: RelationshipEvents['ResellerRelationshipEstablished']['acceptedBy'] = { userId: 'chris' },
  relationshipTerm = 1,
): EventOf<'ResellerRelationshipEstablished'> => ({
  type: 'ResellerRelationshipEstablished',
  data: { relationshipTerm, acceptedBy, establishedAt: at },
});
const declined: EventOf<'ResellerRelationshipRequestDeclined'> = {
  type: 'ResellerRelationshipRequestDeclined',
  data: { declinedBy: { userId: 'chris' }, declinedAt: now },
};
const withdrawn: EventOf<'ResellerRelationshipRequestWithdrawn'> = {
  type: 'ResellerRelationshipRequestWithdrawn',
  data: { withdrawnAt: now },
};
const lapsed: EventOf<'ResellerRelationshipRequestExpired'> = {
  type: 'ResellerRelationshipRequestExpired',
  data: { expiredAt: lapsesAt },
};

describe('A relationship request', () => {
  it('says who asks whom, and lapses after 90 days (R22, R29)', () => {
    given()
      .when(ask())
      .then({
        type: 'ResellerRelationshipRequested',
        data: {
          partnerId: partner.tenantId,
          customerId,
          partner: { ...partnerContact, type: 'directBillPartner' },
          customer: { name: 'Fabrikam', domain: 'fabrikam.example' },
          market: 'US',
          delegatedAdmin: false,
          requestedAt: now,
          expiresAt: '2027-02-20T12:00:00.000Z',
        },
      });
  });

  it('may be entered later than it was made, never earlier (R29)', () => {
    given()
      .when(ask({ effectiveAt: '2026-01-10T09:00:00.000Z' }))
      .then(requested());
    given()
      .when(ask({ effectiveAt: now }))
      .then(requestedNow());
    given()
      .when(ask({ effectiveAt: '2026-11-22T12:00:00.001Z' }))
      .rejects('EffectiveInFuture', { effectiveAt: '2026-11-22T12:00:00.001Z', now });
  });

  it('stays within one market (R26)', () => {
    given()
      .when(ask({ market: 'DE' }))
      .rejects('MarketMismatch', {
        partnerMarket: 'US',
        customerMarket: 'DE',
        partnerRegion: 'United States',
        customerRegion: 'Europe',
      });
    given()
      .when(ask({ market: 'DE' }), { partner: { ...partner, market: 'DE' } })
      .then(requestedNow({ market: 'DE' }));
  });

  it.each([
    ['DE', 'AT', true],
    ['DE', 'NO', true],
    ['CH', 'GB', true],
    ['US', 'UM', true],
    ['UM', 'US', true],
    ['NG', 'KE', true],
    ['US', 'CA', false],
    ['DE', 'TR', false],
    ['BR', 'AR', false],
    ['AR', 'CL', true],
    // In no region of the table: each alone.
    ['BR', 'BR', true],
    ['BR', 'PT', false],
    ['ZZ', 'ZZ', true],
    ['ZZ', 'QQ', false],
  ])(
    'of a partner in %s to a customer in %s stays within the sales region: %s (R26a)',
    (partnerMarket, market, one) => {
      for (const name of ['partner-center-2026-11', 'partner-center-2026-11-later']) {
        const asking = given().when(ask({ market }), {
          policy: policies[name]!,
          partner: { ...partner, market: partnerMarket },
        });
        if (one) asking.then(requestedNow({ market }));
        else asking.rejects('MarketMismatch', { partnerMarket, customerMarket: market });
      }
      // The policies before know countries alone.
      for (const policy of [policyOf2020, laterPolicy]) {
        const asking = given().when(ask({ market }), { policy, partner: { ...partner, market: partnerMarket } });
        if (market === partnerMarket) asking.then(requestedNow({ market }));
        else asking.rejects('MarketMismatch', { partnerMarket, customerMarket: market });
      }
    },
  );

  it('goes by the regions of the ledger’s own configuration before those of the policy (R26a)', () => {
    const asked = (partnerMarket: string, market: string) =>
      given().when(ask({ market }), {
        partner: { ...partner, market: partnerMarket },
        salesRegions: { Europe: ['UA'], Gulf: ['AE', 'SA'] },
      });
    asked('DE', 'UA').then(requestedNow({ market: 'UA' }));
    asked('SA', 'AE').then(requestedNow({ market: 'AE' }));
    asked('SA', 'QA').rejects('MarketMismatch', {
      partnerMarket: 'SA',
      partnerRegion: 'Gulf',
      customerMarket: 'QA',
      customerRegion: 'Middle East, Central Europe, and Eastern Europe',
    });
    asked('BR', 'UA').rejects('MarketMismatch', { partnerRegion: 'BR', customerRegion: 'Europe' });
  });

  it.each(['restricted', 'suspended'] as const)(
    'is not made by a partner who is %s, whatever else is wrong with it (R27)',
    (standing) => {
      given(...established)
        .when(ask({ market: 'DE' }), { partner: { ...partner, standing } })
        .rejects('PartnerRestricted', { standing });
    },
  );

  it('may name an indirect reseller who has a partnership with the partner', () => {
    given()
      .when(ask({ indirectResellerId: reseller.tenantId }))
      .then(requestedNow({ indirectReseller: reseller }));
    given()
      .when(ask({ indirectResellerId: 'b3000000-0000-4000-8000-000000000003' }))
      .rejects('ResellerNotRelated', { indirectResellerId: 'b3000000-0000-4000-8000-000000000003' });
    // Without an id, no tenant is taken for the reseller.
    given()
      .when(ask(), { partner: { ...partner, resellers: [] } })
      .then(requestedNow());
  });

  it('is one at a time, as long as it is open (R24)', () => {
    given(requested())
      .when(ask(), { now: lapsesAt })
      .rejects('RequestAlreadyOpen', { requestedAt: '2026-01-10T09:00:00.000Z', expiresAt: lapsesAt });
    given(requested())
      .when(ask(), { now: justLapsed })
      .then(lapsed, requestedNow({ requestedAt: justLapsed, expiresAt: '2026-07-09T09:00:00.001Z' }));
    given(requested(), lapsed).when(ask()).then(requestedNow());
    for (const closed of [declined, withdrawn]) given(requested(), closed).when(ask()).then(requestedNow());
  });

  it('is of no use while the relationship is active (R22)', () => {
    given(...established)
      .when(ask())
      .rejects('AlreadyActive', { establishedAt: '2026-01-15T09:00:00.000Z' });
    given(...established, removed())
      .when(ask())
      .then(requestedNow());
  });

  it('brings delegated admin privileges (DAP) as long as they were offered (G10)', () => {
    const offeredUntil = '2023-10-09T00:00:00.000Z';
    given()
      .when(ask({ delegatedAdmin: true, effectiveAt: '2023-10-08T23:59:59.999Z' }), { now: '2024-01-06T23:59:59.999Z' })
      .then(
        requestedNow({
          delegatedAdmin: true,
          requestedAt: '2023-10-08T23:59:59.999Z',
          expiresAt: '2024-01-06T23:59:59.999Z',
        }),
      );
    given()
      .when(ask({ delegatedAdmin: true, effectiveAt: offeredUntil }))
      .rejects('DapNoLongerOffered', { offeredUntil });
    // It has lapsed, so it can no longer be accepted.
    given()
      .when(ask({ delegatedAdmin: true, effectiveAt: '2023-10-08T23:59:59.999Z' }), { now: '2024-01-07T00:00:00.000Z' })
      .rejects('DapNoLongerOffered', { offeredUntil });
    given()
      .when(ask({ delegatedAdmin: true }))
      .rejects('DapNoLongerOffered', { offeredUntil });
    given()
      .when(ask({ delegatedAdmin: false, effectiveAt: offeredUntil }))
      .thenNames('ResellerRelationshipRequested');
  });

  it('is not made by an indirect reseller, nor accepted from one: its provider asks, naming it (R1a, R3)', () => {
    const askTheProvider = { partnerType: 'indirectReseller', hint: 'askTheProvider' };
    const ofReseller = { partner: { ...partner, type: 'indirectReseller' as const } };
    for (const standing of ['good', 'restricted'] as const)
      given()
        .when(ask(), { partner: { ...ofReseller.partner, standing } })
        .rejects('PartnerTypeNotAllowed', askTheProvider);
    // One of before there was this rule is open: what is left is to say no, to take it back, or to let it lapse.
    const open = given(requestedNow());
    const byCustomer = { ...ofReseller, actor: customerUser('CustomerGlobalAdmin') };
    open
      .when({ type: 'AcceptResellerRelationship', data: {} }, byCustomer)
      .rejects('PartnerTypeNotAllowed', askTheProvider);
    open
      .when({ type: 'DeclineResellerRelationship', data: {} }, byCustomer)
      .thenNames('ResellerRelationshipRequestDeclined');
    open
      .when({ type: 'WithdrawRelationshipRequest', data: {} }, ofReseller)
      .thenNames('ResellerRelationshipRequestWithdrawn');
  });

  it.each([
    ['00000000-0000-0000-0000-000000000000', 'notAPlaceholder'],
    ['ffffffff-ffff-ffff-ffff-ffffffffffff', 'notAPlaceholder'],
    [partner.tenantId, 'notThePartner'],
    [reseller.tenantId, 'notTheReseller'],
  ])('is not made to %s: %s', (id, rule) => {
    given()
      .when(ask({ indirectResellerId: reseller.tenantId }), { customerId: id })
      .rejects('InvalidCustomer', { customerId: id, rule });
  });

  it('makes no support contact available: a request is not yet a relationship (R17, R22)', () => {
    const open = requested({ indirectReseller: reseller });
    expect(given(open).state()).toMatchObject({
      status: 'requested',
      relationshipTerm: 0,
      customer: { name: 'Fabrikam', domain: 'fabrikam.example' },
      request: { requestedAt: '2026-01-10T09:00:00.000Z', expiresAt: lapsesAt, delegatedAdmin: false },
    });
    expect(given(open).state().availableSupportContacts).toEqual([]);
    expect(given(open, accepted()).state().availableSupportContacts).toEqual([partnerContact, reseller]);
    expect(given(requested(), accepted()).state().availableSupportContacts).toEqual([partnerContact]);
    for (const [closed, status] of [
      [declined, 'requestDeclined'],
      [withdrawn, 'requestWithdrawn'],
      [lapsed, 'requestExpired'],
    ] as const) {
      const state = given(open, closed).state();
      expect(state).toMatchObject({ status, availableSupportContacts: [] });
      expect(state).not.toHaveProperty('request');
    }
  });
});

describe('The acceptance of a request', () => {
  const inTime = { now: lapsesAt };
  const relay = (type: 'AcceptResellerRelationship' | 'DeclineResellerRelationship', globalAdmin = true): Command => {
    const signature = { userId: 'chris', globalAdmin };
    return type === 'AcceptResellerRelationship'
      ? { type, data: { acceptedBy: signature } }
      : { type, data: { declinedBy: signature } };
  };

  it("comes from the customer's Global admin, directly or through the partner's app (R22, R25)", () => {
    given(requested())
      .when(accept, { ...customerAdmin, ...inTime })
      .then(establishedAt(lapsesAt));
    given(requested())
      .when(relay('AcceptResellerRelationship'), { ...inTime, actor: partnerApp('AdminAgent') })
      .then(establishedAt(lapsesAt, { userId: 'chris', relayedBy: 'sync-app' }));
  });

  it('is refused from every other sender, as is a refusal, before anything about the relationship (R25)', () => {
    const refusal = { requires: 'CustomerGlobalAdmin' };
    for (const [command, type] of [
      [accept, 'AcceptResellerRelationship'],
      [decline, 'DeclineResellerRelationship'],
    ] as const) {
      given()
        .when(command, { actor: customerUser('GlobalAdmin') })
        .rejects('AcceptorNotGlobalAdmin', refusal);
      given()
        .when(command, { actor: partnerApp('AdminAgent') })
        .rejects('AcceptorNotGlobalAdmin', refusal);
      given()
        .when(relay(type, false), { actor: partnerApp('AdminAgent') })
        .rejects('AcceptorNotGlobalAdmin', refusal);
      given()
        .when(relay(type), { actor: partnerUser('GlobalAdmin') })
        .rejects('AcceptorNotGlobalAdmin', refusal);
    }
  });

  it('is refused after the request has lapsed, even if the lapse is not recorded yet (R29)', () => {
    for (const [command, context] of [
      [accept, customerAdmin],
      [decline, customerAdmin],
      [withdraw, {}],
    ] as const) {
      given(requested())
        .when(command, { ...context, now: justLapsed })
        .rejects('RequestExpired', { expiredAt: lapsesAt });
      given(requested(), lapsed)
        .when(command, { ...context, now: justLapsed })
        .rejects('RequestExpired');
    }
  });

  it('answers a request that is open (R22, R24)', () => {
    for (const [command, context] of [
      [accept, customerAdmin],
      [decline, customerAdmin],
      [withdraw, {}],
    ] as const) {
      given().when(command, context).rejects('RelationshipNotFound');
      given(...established)
        .when(command, context)
        .rejects('AlreadyActive', { establishedAt: '2026-01-15T09:00:00.000Z' });
      given(requested(), declined).when(command, context).rejects('NoOpenRequest', { status: 'requestDeclined' });
      given(requested(), withdrawn).when(command, context).rejects('NoOpenRequest', { status: 'requestWithdrawn' });
      given(...established, removed())
        .when(command, context)
        .rejects('NoOpenRequest', { status: 'removed' });
    }
  });

  it('brings the DAP grant that was asked for, under an id of its term (G10)', () => {
    const granted = (grantId: string): EventOf<'DelegatedAdminPrivilegesGranted'> => ({
      type: 'DelegatedAdminPrivilegesGranted',
      data: { grantId, grantedAt: lapsesAt },
    });
    given(requested({ delegatedAdmin: true }))
      .when(accept, { ...customerAdmin, ...inTime })
      .then(establishedAt(lapsesAt), granted('dap-1'));
    given(...established, removed(), requested({ delegatedAdmin: true }))
      .when(accept, { ...customerAdmin, ...inTime })
      .then(establishedAt(lapsesAt, { userId: 'chris' }, 2), granted('dap-2'));
  });

  it('starts a term', () => {
    const state = given(requested(), accepted()).state();
    expect(state).toMatchObject({
      status: 'active',
      relationshipTerm: 1,
      establishedAt: '2026-01-15T09:00:00.000Z',
      availableSupportContacts: [partnerContact],
    });
    expect(state).not.toHaveProperty('request');
  });
});

describe('A request that comes to nothing', () => {
  it("is declined by the customer's Global admin (R25, R29)", () => {
    given(requested())
      .when(decline, { ...customerAdmin, now: lapsesAt })
      .then({ ...declined, data: { declinedBy: { userId: 'chris' }, declinedAt: lapsesAt } });
    given(requested())
      .when(
        { type: 'DeclineResellerRelationship', data: { declinedBy: { userId: 'chris', globalAdmin: true } } },
        { now: lapsesAt, actor: partnerApp('AdminAgent') },
      )
      .then({
        ...declined,
        data: { declinedBy: { userId: 'chris', relayedBy: 'sync-app' }, declinedAt: lapsesAt },
      });
  });

  it('is withdrawn by the partner (R29)', () => {
    given(requested())
      .when(withdraw, { now: lapsesAt })
      .then({ ...withdrawn, data: { withdrawnAt: lapsesAt } });
  });

  it('expires by the clock, not before its time (R29)', () => {
    given(requested()).when(expire, { now: justLapsed }).then(lapsed);
    given(requested())
      .when(expire, { now: lapsesAt })
      .rejects('NotDue', { dueAt: firstInstantAfter(lapsesAt) });
    given().when(expire).rejects('RelationshipNotFound');
    given(requested(), lapsed).when(expire).rejects('NoOpenRequest', { status: 'requestExpired' });
    given(...established)
      .when(expire)
      .rejects('NoOpenRequest', { status: 'active' });
  });
});

describe('The customer agreement', () => {
  const withoutAgreement = [requested(), accepted()];
  const confirmed = (confirmedBy: 'partner' | 'customer', agreedAt = now): EventOf<'CustomerAgreementConfirmed'> => ({
    type: 'CustomerAgreementConfirmed',
    data: { confirmedBy, agreedAt, confirmedAt: now },
  });

  it('is confirmed by either side, with the time of the agreement (S1)', () => {
    given(...withoutAgreement)
      .when(confirm())
      .then(confirmed('partner'));
    given(...withoutAgreement)
      .when(confirm('2026-01-01T00:00:00.000Z'), { actor: partnerApp('SalesAgent') })
      .then(confirmed('partner', '2026-01-01T00:00:00.000Z'));
    given(...withoutAgreement)
      .when(confirm(), customerAdmin)
      .then(confirmed('customer'));
    given(...withoutAgreement)
      .when(confirm('2026-11-22T12:00:00.001Z'))
      .rejects('EffectiveInFuture', { effectiveAt: '2026-11-22T12:00:00.001Z', now });
  });

  it("is confirmed, on the customer's side, by a Global admin, which is said before anything of the relationship", () => {
    given()
      .when(confirm(), { actor: customerUser('GlobalAdmin') })
      .rejects('RoleNotAllowed', { command: 'ConfirmCustomerAgreement', anyOf: ['CustomerGlobalAdmin'] });
  });

  it('is confirmed once in a term', () => {
    given(...established)
      .when(confirm())
      .rejects('NothingToChange', { confirmedAt: '2026-01-15T10:00:00.000Z' });
    given(...established, removed(), requested(), accepted(2))
      .when(confirm())
      .then(confirmed('partner'));
  });

  it('needs an active relationship (R20)', () => {
    given().when(confirm()).rejects('RelationshipNotFound');
    given(openRequest()).when(confirm()).rejects('NoRelationship', { status: 'requested' });
    given(requested()).when(confirm()).rejects('NoRelationship', { status: 'requestExpired' });
  });

  it('has to be confirmed before anything is bought (S1)', () => {
    given(...withoutAgreement)
      .when(anyCommand.PurchaseSubscription)
      .rejects('AgreementNotConfirmed');
    given(...withoutAgreement, agreementConfirmed)
      .when(anyCommand.PurchaseSubscription)
      .thenNames('SubscriptionPurchased');
  });
});

describe('The customer profile', () => {
  it('compares domains without case, and is cleared of its domain by an empty one', () => {
    given(...established)
      .when(update({ domain: 'FABRIKAM.Example' }))
      .rejects('NothingToChange');
    const cleared = { type: 'CustomerProfileUpdated', data: { domain: '', updatedAt: now } } as const;
    given(...established)
      .when(update({ domain: '' }))
      .then(cleared);
    expect(given(...established, cleared).state().customer).toEqual({ name: 'Fabrikam' });
    given(...established, cleared)
      .when(update({ domain: '' }))
      .rejects('NothingToChange');
    given(...established, cleared)
      .when(update({ domain: 'Fabrikam.eu' }))
      .then({ type: 'CustomerProfileUpdated', data: { domain: 'Fabrikam.eu', updatedAt: now } });
  });

  it('says only what changes', () => {
    given(...established)
      .when(update({ name: 'Fabrikam Inc.', domain: 'fabrikam.example' }))
      .then({ type: 'CustomerProfileUpdated', data: { name: 'Fabrikam Inc.', updatedAt: now } });
    given(...established)
      .when(update({ name: 'Fabrikam', domain: 'fabrikam.test' }))
      .then({ type: 'CustomerProfileUpdated', data: { domain: 'fabrikam.test', updatedAt: now } });
    given(...established)
      .when(update({ name: 'A', domain: 'b.example' }))
      .then({ type: 'CustomerProfileUpdated', data: { name: 'A', domain: 'b.example', updatedAt: now } });
  });

  it('is not changed by what it says already', () => {
    for (const data of [{}, { name: 'Fabrikam' }, { name: 'Fabrikam', domain: 'fabrikam.example' }])
      given(...established)
        .when(update(data))
        .rejects('NothingToChange');
  });

  it('keeps what was not changed', () => {
    const profile = (data: Omit<RelationshipEvents['CustomerProfileUpdated'], 'updatedAt'>) =>
      given(...established, { type: 'CustomerProfileUpdated', data: { ...data, updatedAt: now } }).state().customer;
    expect(profile({ name: 'A' })).toEqual({ name: 'A', domain: 'fabrikam.example' });
    expect(profile({ domain: 'a.example' })).toEqual({ name: 'Fabrikam', domain: 'a.example' });
  });

  it('needs an active relationship (R20)', () => {
    given()
      .when(update({ name: 'A' }))
      .rejects('RelationshipNotFound');
    given(...established, removed())
      .when(update({ name: 'A' }))
      .rejects('NoRelationship', { status: 'removed' });
  });
});

/** A customer with one item of each kind, every one of which some command could move on. */
const book = [
  ...active('sub-1', { kind: 'legacy' }),
  contactAssigned('sub-1'),
  ...activeAzurePlan('plan-1'),
  azureSubscriptionAdded('plan-1', 'azure-1'),
  reserved('ri-1'),
  softwarePurchased('sw-1', { kind: 'subscription', expiresAt: '2027-11-20T12:00:00.000Z' }),
  savingsPlanPurchased('sp-1'),
  ...adminActive('grant-1'),
] as const;
const purchases = [
  'PurchaseSubscription',
  'PurchaseReservation',
  'PurchaseSoftware',
  'PurchaseSavingsPlan',
  'AddAzureSubscription',
] as const satisfies CommandName[];
/** What the clock brings about, whatever became of the relationship; with an instant at which it is due. */
const clock = {
  RenewSubscription: '2027-11-21T00:00:00.000Z',
  EndSubscriptionTerm: '2027-11-21T00:00:00.000Z',
  AdvanceSubscriptionRetention: '2028-11-21T00:00:00.000Z',
  ExpireReservation: '2027-11-21T00:00:00.000Z',
  RenewSoftware: '2027-11-21T00:00:00.000Z',
  ExpireSoftware: '2027-11-21T00:00:00.000Z',
  ExpireSavingsPlan: '2027-11-21T00:00:00.000Z',
  ExtendDelegatedAdmin: '2027-11-21T00:00:00.000Z',
  ExpireDelegatedAdmin: '2027-11-21T00:00:00.000Z',
} as const satisfies Partial<Record<CommandName, string>>;
/** Those of the relationship itself, with what they are answered after a removal. */
const ofTheRelationship = {
  RequestResellerRelationship: undefined,
  AcceptResellerRelationship: 'NoOpenRequest',
  DeclineResellerRelationship: 'NoOpenRequest',
  WithdrawRelationshipRequest: 'NoOpenRequest',
  ExpireRelationshipRequest: 'NoOpenRequest',
  RemoveResellerRelationship: 'RelationshipAlreadyRemoved',
} as const satisfies Partial<Record<CommandName, string | undefined>>;
const others = (Object.keys(anyCommand) as CommandName[]).filter(
  (name) => !(purchases as readonly string[]).includes(name) && !(name in clock) && !(name in ofTheRelationship),
);
/** The context of a command, sent by whom it is open to. */
const byRightSender = (command: CommandName): Partial<Context> =>
  /^(Accept|Decline|Approve)/.test(command) ? customerAdmin : {};

describe('After the removal', () => {
  const after = [...established, ...book, removed()] as const;

  it.each(purchases)('nothing is bought: %s (R19)', (name) => {
    given(...after)
      .when(anyCommand[name])
      .rejects('PurchasesNotAllowed', { removedAt });
    given(...after, requested())
      .when(anyCommand[name])
      .rejects('PurchasesNotAllowed', { removedAt });
  });

  it.each(others)('no other command is taken: %s (R20)', (name) => {
    given(...after)
      .when(anyCommand[name], byRightSender(name))
      .rejects('NoRelationship', { status: 'removed' });
  });

  it.each(Object.entries(ofTheRelationship))(
    'of the relationship itself: %s is answered %s (R2, R20, R22)',
    (name, code) => {
      const when = given(...after).when(anyCommand[name as CommandName], byRightSender(name as CommandName));
      if (code === undefined) when.thenNames('ResellerRelationshipRequested');
      else when.rejects(code);
    },
  );

  it('the clock continues, because charges continue (R20, S14, S15)', () => {
    const due = (name: keyof typeof clock) => given(...after).when(anyCommand[name], { now: clock[name] });
    due('EndSubscriptionTerm').thenNames('SubscriptionExpired');
    due('ExpireReservation').thenNames('ReservationExpired');
    due('ExpireSoftware').thenNames('SoftwareExpired');
    due('ExpireSavingsPlan').thenNames('SavingsPlanExpired');
    due('ExpireDelegatedAdmin').thenNames('DelegatedAdminExpired');
    due('RenewSubscription').thenNames('SubscriptionExpired');
    due('RenewSoftware').thenNames('SoftwareExpired');
    due('ExtendDelegatedAdmin').thenNames('DelegatedAdminExpired');
    given(...after, suspended('sub-1', { retainedUntil: '2027-02-19T12:00:00.000Z' }))
      .when(anyCommand.AdvanceSubscriptionRetention, { now: clock.AdvanceSubscriptionRetention })
      .thenNames('SubscriptionDeleted', 'SupportContactWithdrawn');
    given(...established, ...active('sub-1'), removed())
      .when(anyCommand.RenewSubscription, { now: clock.RenewSubscription })
      .thenNames('SubscriptionRenewed');
  });
});

describe('Before it was ever active', () => {
  it.each(purchases)('nothing is bought: %s (S1)', (name) => {
    given().when(anyCommand[name]).rejects('RelationshipNotFound');
    given(openRequest()).when(anyCommand[name]).rejects('NoRelationship', { status: 'requested' });
    given(requested()).when(anyCommand[name]).rejects('NoRelationship', { status: 'requestExpired' });
  });

  it.each(others)('no other command is taken: %s (R20)', (name) => {
    given().when(anyCommand[name], byRightSender(name)).rejects('RelationshipNotFound');
    given(requested(), declined)
      .when(anyCommand[name], byRightSender(name))
      .rejects('NoRelationship', { status: 'requestDeclined' });
  });

  it.each(Object.keys(clock) as (keyof typeof clock)[])('the clock has nothing to record: %s', (name) => {
    given().when(anyCommand[name]).rejects('RelationshipNotFound');
    given(requested()).when(anyCommand[name]).rejects('ItemNotFound');
  });
});

describe('After re-establishing', () => {
  const again = [...established, ...book, removed(), ...reestablished] as const;

  it('it is another term of the same relationship (R22)', () => {
    given(...established, removed(), requested())
      .when(accept, { ...customerAdmin, now: lapsesAt })
      .then(establishedAt(lapsesAt, { userId: 'chris' }, 2));
    expect(given(...again).state()).toMatchObject({ status: 'active', relationshipTerm: 2, removedAt });
  });

  it('nothing returns by itself: no agreement, no designation, no grant, no active item (R23)', () => {
    given(...established, ...book, removed(), requested(), accepted(2))
      .when(anyCommand.PurchaseSubscription)
      .rejects('AgreementNotConfirmed');
    given(...again)
      .when(anyCommand.RemoveResellerRelationship)
      .thenNames('ResellerRelationshipRemoved');
  });

  const aboutAnItem = [
    ['SuspendSubscription', 'subscription', 'sub-1'],
    ['ActivateSubscription', 'subscription', 'sub-1'],
    ['ReactivateSubscription', 'subscription', 'sub-1'],
    ['CancelSubscription', 'subscription', 'sub-1'],
    ['SetAutoRenew', 'subscription', 'sub-1'],
    ['ChangeSubscriptionQuantity', 'subscription', 'sub-1'],
    ['ScheduleSubscriptionChange', 'subscription', 'sub-1'],
    ['AddAzureSubscription', 'subscription', 'plan-1'],
    ['CancelAzureSubscription', 'subscription', 'plan-1'],
    ['CancelReservation', 'reservation', 'ri-1'],
    ['ConfirmReservationCancellation', 'reservation', 'ri-1'],
    ['RefuseReservationCancellation', 'reservation', 'ri-1'],
    ['CancelSoftwarePurchase', 'softwarePurchase', 'sw-1'],
    ['SetSoftwareAutoRenew', 'softwarePurchase', 'sw-1'],
    ['CancelSavingsPlan', 'savingsPlan', 'sp-1'],
    ['AssignSupportContact', 'subscription', 'sub-1'],
    ['WithdrawSupportContact', 'subscription', 'sub-1'],
    ['UpdateDelegatedAdminRequest', 'grant', 'grant-1'],
    ['LockDelegatedAdminForApproval', 'grant', 'grant-1'],
    ['ApproveDelegatedAdmin', 'grant', 'grant-1'],
    ['TerminateDelegatedAdmin', 'grant', 'grant-1'],
    ['AssignAccess', 'grant', 'grant-1'],
    ['RemoveAccess', 'grant', 'grant-1'],
  ] as const satisfies (readonly [CommandName, string, string])[];

  it.each(aboutAnItem)('items of the earlier term take no commands: %s (R23)', (name, kind, itemId) => {
    given(...again)
      .when(anyCommand[name], byRightSender(name))
      .rejects('ItemOfEarlierTerm', { kind, itemId, relationshipTerm: 1 });
  });

  it('their clock continues (R20)', () => {
    for (const name of [
      'EndSubscriptionTerm',
      'ExpireReservation',
      'ExpireSoftware',
      'ExpireSavingsPlan',
      'ExpireDelegatedAdmin',
    ] as const)
      given(...again)
        .when(anyCommand[name], { now: clock[name] })
        .thenNames(
          ...{
            EndSubscriptionTerm: ['SubscriptionExpired' as const],
            ExpireReservation: ['ReservationExpired' as const],
            ExpireSoftware: ['SoftwareExpired' as const],
            ExpireSavingsPlan: ['SavingsPlanExpired' as const],
            ExpireDelegatedAdmin: ['DelegatedAdminExpired' as const],
          }[name],
        );
  });

  it('ids are not used again', () => {
    const { PurchaseSubscription, PurchaseReservation, PurchaseSoftware, PurchaseSavingsPlan, RequestDelegatedAdmin } =
      anyCommand;
    for (const [command, kind, itemId] of [
      [PurchaseSubscription, 'subscription', 'sub-1'],
      [PurchaseReservation, 'reservation', 'ri-1'],
      [PurchaseSoftware, 'softwarePurchase', 'sw-1'],
      [PurchaseSavingsPlan, 'savingsPlan', 'sp-1'],
      [RequestDelegatedAdmin, 'grant', 'grant-1'],
    ] as const)
      given(...again)
        .when(command)
        .rejects('ItemAlreadyExists', { kind, itemId });
    given(...again, ...activeAzurePlan('plan-2'))
      .when({
        type: 'AddAzureSubscription',
        data: { ...anyCommand.AddAzureSubscription.data, subscriptionId: 'plan-2' },
      })
      .rejects('ItemAlreadyExists', { kind: 'azureSubscription', itemId: 'azure-1' });
  });

  it('new items are of the new term and block its removal (R6, R23)', () => {
    given(...again, ...active('sub-2'))
      .when(anyCommand.RemoveResellerRelationship)
      .rejects('RemovalBlocked', { blockers: [expect.objectContaining({ itemId: 'sub-2' })] });
  });

  it('the request may name other contacts than the last one did (R22)', () => {
    const again = [...established, removed(), requested({ indirectReseller: reseller, customer: { name: 'F' } })];
    expect(given(...again).state()).toMatchObject({ status: 'requested', availableSupportContacts: [] });
    expect(given(...again, accepted(2)).state()).toMatchObject({
      status: 'active',
      customer: { name: 'F' },
      availableSupportContacts: [partnerContact, reseller],
      relationshipTerm: 2,
    });
  });
});

describe('A partner who is restricted or suspended', () => {
  it.each(['restricted', 'suspended'] as const)('%s: sells nothing, but manages what there is (R27)', (standing) => {
    const context = { partner: { ...partner, standing } };
    for (const name of purchases)
      given(...established, ...activeAzurePlan('plan-1'))
        .when(anyCommand[name], context)
        .rejects('PartnerRestricted', { standing });
    given(...established, ...active('sub-1'))
      .when(anyCommand.SuspendSubscription, context)
      .thenNames('SubscriptionSuspended', 'AutoRenewDisabled');
    given(...established, ...active('sub-1'))
      .when(anyCommand.CancelSubscription, context)
      .thenNames('SubscriptionCancelled');
    given(...established)
      .when(anyCommand.RemoveResellerRelationship, context)
      .thenNames('ResellerRelationshipRemoved');
  });
});

describe("The customer's people", () => {
  it('do not touch what is sold to them (R28)', () => {
    given(...established, purchased('sub-1'), adminRequested('grant-2'), cancellationRequested('ri-1'))
      .when(anyCommand.SuspendSubscription, customerAdmin)
      .rejects('ActorNotAllowed', { command: 'SuspendSubscription', hint: 'askThePartner' });
  });
});
