import type { MessageOf } from '#event-sourcing';
import type { Context } from './context.js';
import type { RelationshipEvents } from './events.js';
import type { Actor, Partner, Role, SupportContact } from './parties.js';
import { defaultPolicy, policies, type Policy } from './policy.js';

// Scenarios for specifications: a context, actors, and histories whose payloads a decision could have written. The
// given/when/then over the whole aggregate (`spec`) stands in testing.ts.

type EventOf<N extends keyof RelationshipEvents> = MessageOf<RelationshipEvents, N>;
type Overrides<N extends keyof RelationshipEvents> = Partial<RelationshipEvents[N]>;

/** A Sunday noon; everything below happened before it. */
export const now = '2026-11-22T12:00:00.000Z';
export const customerId = 'c1000000-0000-4000-8000-000000000001';

export const reseller: SupportContact = {
  tenantId: 'b2000000-0000-4000-8000-000000000002',
  partnerId: '2222222',
  name: 'Northwind Reseller',
};
export const partner: Partner = {
  tenantId: 'a1000000-0000-4000-8000-000000000001',
  partnerId: '1111111',
  name: 'Contoso Cloud',
  type: 'directBillPartner',
  market: 'US',
  standing: 'good',
  resellers: [reseller],
};
/** The partner itself as a support contact: the default one (rule C4). */
export const partnerContact: SupportContact = {
  tenantId: partner.tenantId,
  partnerId: partner.partnerId,
  name: partner.name,
};

export const partnerUser = (...roles: Role[]): Actor => ({
  id: 'ada',
  kind: 'partnerUser',
  roles,
  tenant: partner.tenantId,
});
export const partnerApp = (...roles: Role[]): Actor => ({
  id: 'sync-app',
  kind: 'partnerApp',
  roles,
  tenant: partner.tenantId,
});
export const customerUser = (...roles: Role[]): Actor => ({
  id: 'chris',
  kind: 'customerUser',
  roles,
  tenant: customerId,
});

/** The page of June 2020 and its later revisions. */
export const policyOf2020: Policy = policies['partner-center-2020-06']!;
export const laterPolicy: Policy = policies['partner-center-later']!;

/** A direct-bill partner's Global admin and Admin agent, under the default policy. */
export const context: Context = {
  now,
  actor: partnerUser('GlobalAdmin', 'AdminAgent'),
  policy: defaultPolicy,
  partner,
  customerId,
};

// The relationship

export const requested = (
  overrides: Overrides<'ResellerRelationshipRequested'> = {},
): EventOf<'ResellerRelationshipRequested'> => ({
  type: 'ResellerRelationshipRequested',
  data: {
    partnerId: partner.tenantId,
    customerId,
    partner: { ...partnerContact, type: partner.type },
    customer: { name: 'Fabrikam', domain: 'fabrikam.example' },
    market: 'US',
    delegatedAdmin: false,
    requestedAt: '2026-01-10T09:00:00.000Z',
    expiresAt: '2026-04-10T09:00:00.000Z',
    ...overrides,
  },
});
/** The same three weeks ago: it still waits for its answer. */
export const openRequest = (
  overrides: Overrides<'ResellerRelationshipRequested'> = {},
): EventOf<'ResellerRelationshipRequested'> =>
  requested({ requestedAt: '2026-11-01T09:00:00.000Z', expiresAt: '2027-01-30T09:00:00.000Z', ...overrides });
export const accepted = (relationshipTerm = 1): EventOf<'ResellerRelationshipEstablished'> => ({
  type: 'ResellerRelationshipEstablished',
  data: { relationshipTerm, acceptedBy: { userId: 'chris' }, establishedAt: '2026-01-15T09:00:00.000Z' },
});
export const agreementConfirmed: EventOf<'CustomerAgreementConfirmed'> = {
  type: 'CustomerAgreementConfirmed',
  data: {
    confirmedBy: 'partner',
    agreedAt: '2026-01-15T10:00:00.000Z',
    confirmedAt: '2026-01-15T10:00:00.000Z',
  },
};
/** Requested, accepted, agreement confirmed: purchases are possible. */
export const established = [requested(), accepted(), agreementConfirmed] as const;
/** The same with the indirect reseller invited too: two support contacts are available. */
export const establishedWithReseller = [
  requested({ indirectReseller: reseller }),
  accepted(),
  agreementConfirmed,
] as const;
export const removed = (
  relationshipTerm = 1,
  removedAt = '2026-11-21T12:00:00.000Z',
): EventOf<'ResellerRelationshipRemoved'> => ({
  type: 'ResellerRelationshipRemoved',
  data: { relationshipTerm, removedAt, policy: defaultPolicy.name },
});
/** Requested, accepted and agreed again after a removal. */
export const reestablished = [requested(), accepted(2), agreementConfirmed] as const;

// Subscriptions

const yearlyTerm = { termDuration: 'P1Y', termEndsAt: '2027-11-20T12:00:00.000Z' } as const;
const ofKind = {
  newCommerce: { autoRenew: true, ...yearlyTerm, cancellationAllowedUntil: '2026-11-27T12:00:00.000Z' },
  marketplace: { autoRenew: true, ...yearlyTerm, cancellationAllowedUntil: '2026-12-04T12:00:00.000Z' },
  legacy: { autoRenew: false, ...yearlyTerm },
  azurePlan: { autoRenew: false },
} as const;

/** Bought two days ago, new commerce for a year by default; each kind with the term and window it gets. */
export const purchased = (
  subscriptionId: string,
  overrides: Overrides<'SubscriptionPurchased'> = {},
): EventOf<'SubscriptionPurchased'> => {
  const kind = overrides.kind ?? 'newCommerce';
  return {
    type: 'SubscriptionPurchased',
    data: {
      subscriptionId,
      kind,
      offerId: `offer-of-${subscriptionId}`,
      name: `Name of ${subscriptionId}`,
      quantity: 5,
      trial: false,
      boughtBy: 'partner',
      ...ofKind[kind],
      purchasedAt: '2026-11-20T12:00:00.000Z',
      ...overrides,
    },
  };
};
export const activated = (
  subscriptionId: string,
  activatedAt = '2026-11-20T12:00:00.000Z',
): EventOf<'SubscriptionActivated'> => ({ type: 'SubscriptionActivated', data: { subscriptionId, activatedAt } });
/** Purchased and provisioned. */
export const active = (subscriptionId: string, overrides: Overrides<'SubscriptionPurchased'> = {}) =>
  [purchased(subscriptionId, overrides), activated(subscriptionId)] as const;
export const activeAzurePlan = (subscriptionId: string) => active(subscriptionId, { kind: 'azurePlan', quantity: 1 });
export const suspended = (
  subscriptionId: string,
  overrides: Overrides<'SubscriptionSuspended'> = {},
): EventOf<'SubscriptionSuspended'> => ({
  type: 'SubscriptionSuspended',
  data: { subscriptionId, reason: 'customerRequest', suspendedAt: '2026-11-21T12:00:00.000Z', ...overrides },
});
export const reactivated = (
  subscriptionId: string,
  reactivatedAt = '2026-11-21T18:00:00.000Z',
): EventOf<'SubscriptionReactivated'> => ({ type: 'SubscriptionReactivated', data: { subscriptionId, reactivatedAt } });
export const autoRenewDisabled = (
  subscriptionId: string,
  disabledAt = '2026-11-21T12:00:00.000Z',
): EventOf<'AutoRenewDisabled'> => ({ type: 'AutoRenewDisabled', data: { subscriptionId, disabledAt } });
export const changeScheduled = (
  subscriptionId: string,
  scheduled: Pick<RelationshipEvents['SubscriptionChangeScheduled'], 'change' | 'billingCycle'>,
): EventOf<'SubscriptionChangeScheduled'> => ({
  type: 'SubscriptionChangeScheduled',
  data: { subscriptionId, ...scheduled, scheduledAt: '2026-11-21T12:00:00.000Z' },
});
export const cancellationScheduled = (
  subscriptionId: string,
  takesEffectAt = '2027-11-20T12:00:00.000Z',
): EventOf<'CancellationScheduled'> => ({
  type: 'CancellationScheduled',
  data: { subscriptionId, takesEffectAt, scheduledAt: '2026-11-21T12:00:00.000Z' },
});
export const cancelled = (
  subscriptionId: string,
  cancelledAt = '2026-11-21T12:00:00.000Z',
): EventOf<'SubscriptionCancelled'> => ({ type: 'SubscriptionCancelled', data: { subscriptionId, cancelledAt } });
export const expired = (
  subscriptionId: string,
  expiredAt = '2026-11-20T12:00:00.000Z',
  retainedUntil = '2026-12-20T12:00:00.000Z',
): EventOf<'SubscriptionExpired'> => ({
  type: 'SubscriptionExpired',
  data: { subscriptionId, expiredAt, retainedUntil },
});
export const disabled = (
  subscriptionId: string,
  overrides: Overrides<'SubscriptionDisabled'> = {},
): EventOf<'SubscriptionDisabled'> => ({
  type: 'SubscriptionDisabled',
  data: {
    subscriptionId,
    disabledAt: '2026-11-20T12:00:00.000Z',
    retainedUntil: '2027-02-18T12:00:00.000Z',
    furtherPeriod: false,
    ...overrides,
  },
});
export const azureSubscriptionAdded = (
  subscriptionId: string,
  azureSubscriptionId: string,
): EventOf<'AzureSubscriptionAdded'> => ({
  type: 'AzureSubscriptionAdded',
  data: {
    subscriptionId,
    azureSubscriptionId,
    name: `Name of ${azureSubscriptionId}`,
    addedAt: '2026-11-21T12:00:00.000Z',
  },
});
export const azureSubscriptionCancelled = (
  subscriptionId: string,
  azureSubscriptionId: string,
): EventOf<'AzureSubscriptionCancelled'> => ({
  type: 'AzureSubscriptionCancelled',
  data: { subscriptionId, azureSubscriptionId, reason: 'compromise', cancelledAt: '2026-11-21T18:00:00.000Z' },
});

// Reservations, software, savings plans

export const reserved = (
  reservationId: string,
  overrides: Overrides<'ReservationPurchased'> = {},
): EventOf<'ReservationPurchased'> => ({
  type: 'ReservationPurchased',
  data: {
    reservationId,
    name: `Name of ${reservationId}`,
    product: 'virtualMachine',
    quantity: 1,
    termDuration: 'P1Y',
    boughtBy: 'partner',
    owners: ['ada'],
    commitmentUsdCents: 1_000_000,
    purchasedAt: '2026-11-20T12:00:00.000Z',
    expiresAt: '2027-11-20T12:00:00.000Z',
    ...overrides,
  },
});
export const cancellationRequested = (
  reservationId: string,
  overrides: Overrides<'ReservationCancellationRequested'> = {},
): EventOf<'ReservationCancellationRequested'> => ({
  type: 'ReservationCancellationRequested',
  data: {
    reservationId,
    countedUsdCents: 1_000_000,
    exchange: false,
    requestedAt: '2026-11-21T12:00:00.000Z',
    ...overrides,
  },
});
export const reservationCancelled = (
  reservationId: string,
  overrides: Overrides<'ReservationCancelled'> = {},
): EventOf<'ReservationCancelled'> => ({
  type: 'ReservationCancelled',
  data: { reservationId, cancelledAt: '2026-11-21T18:00:00.000Z', ...overrides },
});
export const softwarePurchased = (
  purchaseId: string,
  overrides: Overrides<'SoftwarePurchased'> = {},
): EventOf<'SoftwarePurchased'> => ({
  type: 'SoftwarePurchased',
  data: {
    purchaseId,
    kind: 'perpetual',
    publisher: 'microsoft',
    name: `Name of ${purchaseId}`,
    lineItems: [
      { lineItemId: 'line-1', name: 'Windows Server', quantity: 1 },
      { lineItemId: 'line-2', name: 'SQL Server', quantity: 2 },
    ],
    boughtBy: 'partner',
    cancellationAllowedUntil: '2026-12-20T12:00:00.000Z',
    autoRenew: false,
    purchasedAt: '2026-11-20T12:00:00.000Z',
    ...overrides,
  },
});
export const savingsPlanPurchased = (
  savingsPlanId: string,
  overrides: Overrides<'SavingsPlanPurchased'> = {},
): EventOf<'SavingsPlanPurchased'> => ({
  type: 'SavingsPlanPurchased',
  data: {
    savingsPlanId,
    name: `Name of ${savingsPlanId}`,
    termDuration: 'P1Y',
    hourlyCommitment: { minorUnits: 150, currency: 'USD' },
    boughtBy: 'partner',
    purchasedAt: '2026-11-20T12:00:00.000Z',
    expiresAt: '2027-11-20T12:00:00.000Z',
    ...overrides,
  },
});

// Support contacts and delegated admin

export const contactAssigned = (
  subscriptionId: string,
  overrides: Overrides<'SupportContactAssigned'> = {},
): EventOf<'SupportContactAssigned'> => ({
  type: 'SupportContactAssigned',
  data: {
    subscriptionId,
    contact: partnerContact,
    byDefault: true,
    assignedAt: '2026-11-20T12:00:00.000Z',
    ...overrides,
  },
});
export const legacyAdminGranted = (grantId: string): EventOf<'DelegatedAdminPrivilegesGranted'> => ({
  type: 'DelegatedAdminPrivilegesGranted',
  data: { grantId, grantedAt: '2022-05-01T00:00:00.000Z' },
});
export const adminRequested = (
  grantId: string,
  overrides: Overrides<'DelegatedAdminRequested'> = {},
): EventOf<'DelegatedAdminRequested'> => ({
  type: 'DelegatedAdminRequested',
  data: {
    grantId,
    name: `Name of ${grantId}`,
    roles: ['role-reader', 'role-helpdesk'],
    durationDays: 365,
    autoExtendDays: 0,
    requestedAt: '2026-11-01T12:00:00.000Z',
    expiresAt: '2027-01-30T12:00:00.000Z',
    ...overrides,
  },
});
export const adminLocked = (grantId: string): EventOf<'DelegatedAdminLockedForApproval'> => ({
  type: 'DelegatedAdminLockedForApproval',
  data: { grantId, lockedAt: '2026-11-02T12:00:00.000Z' },
});
export const adminApproved = (grantId: string): EventOf<'DelegatedAdminApproved'> => ({
  type: 'DelegatedAdminApproved',
  data: { grantId, approvedBy: { userId: 'chris' }, approvedAt: '2026-11-03T12:00:00.000Z' },
});
export const adminActivated = (
  grantId: string,
  overrides: Overrides<'DelegatedAdminActivated'> = {},
): EventOf<'DelegatedAdminActivated'> => ({
  type: 'DelegatedAdminActivated',
  data: {
    grantId,
    activatedAt: '2026-11-03T12:00:00.000Z',
    endsAt: '2027-11-03T12:00:00.000Z',
    ...overrides,
  },
});
/** Requested, locked, approved and active for 365 days. */
export const adminActive = (grantId: string, overrides: Overrides<'DelegatedAdminRequested'> = {}) =>
  [adminRequested(grantId, overrides), adminLocked(grantId), adminApproved(grantId), adminActivated(grantId)] as const;
