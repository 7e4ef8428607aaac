import type { CommandName, RelationshipCommands } from '#customer-relationship';
import type { Command } from './aged-ledger.js';

/** A command, and the day on which it is sent, counted from the start. */
export interface Moment {
  readonly day: number;
  readonly command: Command;
}

export function on<N extends CommandName>(day: number, type: N, data: RelationshipCommands[N]): Moment {
  return { day, command: { type, data } as Command };
}

export const established = (name: string): Moment[] => [
  on(0, 'RequestResellerRelationship', {
    customer: { name },
    market: 'US',
    indirectResellerId: 'b0be0000-0000-4000-8000-000000000001',
  }),
  on(0, 'AcceptResellerRelationship', {}),
  on(0, 'ConfirmCustomerAgreement', {}),
];

const globalReader = 'f2ef992c-3afb-46b9-b7cf-a126ee74c451';
const helpdesk = '729827e3-9c14-49f7-bb1b-9608f156bbb8';

const seats = (subscriptionId: string, more: Partial<RelationshipCommands['PurchaseSubscription']>) =>
  ({
    subscriptionId,
    kind: 'newCommerce',
    offerId: 'offer-1',
    name: subscriptionId,
    quantity: 5,
    termDuration: 'P1Y',
    provisioned: true,
    ...more,
  }) satisfies RelationshipCommands['PurchaseSubscription'];

/** Three years with every noun, so that every kind of end is passed, most of them more than once. */
export const threeYears: readonly Moment[] = [
  ...established('Fabrikam'),
  on(1, 'PurchaseSubscription', seats('monthly', { termDuration: 'P1M', billingCycle: 'monthly' })),
  on(1, 'PurchaseSubscription', seats('yearly', { autoRenew: false })),
  on(2, 'PurchaseSubscription', seats('trial', { trial: true })),
  on(2, 'PurchaseSubscription', seats('three-years', { termDuration: 'P3Y' })),
  on(2, 'PurchaseSubscription', seats('pending', { provisioned: false, termDuration: 'P1M' })),
  on(2, 'PurchaseSubscription', seats('failing', { kind: 'legacy', provisioned: false })),
  on(2, 'PurchaseSubscription', seats('called-off', { provisioned: false, termDuration: 'P1M' })),
  on(3, 'PurchaseSubscription', seats('base', { kind: 'legacy', autoRenew: true, termDuration: 'P1M' })),
  on(3, 'PurchaseSubscription', seats('add-on', { kind: 'legacy', autoRenew: true, baseSubscriptionId: 'base' })),
  on(3, 'PurchaseSubscription', seats('old-base', { kind: 'legacy' })),
  on(3, 'PurchaseSubscription', seats('backup', { kind: 'marketplace', termDuration: 'P1M' })),
  on(3, 'PurchaseSubscription', {
    subscriptionId: 'plan',
    kind: 'azurePlan',
    offerId: 'azure',
    name: 'Azure plan',
    quantity: 1,
    provisioned: true,
  }),
  on(4, 'AddAzureSubscription', { subscriptionId: 'plan', azureSubscriptionId: 'azure-1', name: 'Production' }),
  ...['servers', 'asked-for', 'settled'].map((reservationId) =>
    on(4, 'PurchaseReservation', {
      reservationId,
      name: reservationId,
      product: 'virtualMachine',
      quantity: 1,
      termDuration: 'P1Y',
      commitmentUsdCents: 1_000_000,
    }),
  ),
  on(5, 'PurchaseSoftware', {
    purchaseId: 'server-subscription',
    kind: 'subscription',
    publisher: 'microsoft',
    name: 'SQL Server',
    termDuration: 'P1Y',
    lineItems: [
      { lineItemId: 'line-1', name: 'SQL Server', quantity: 2 },
      { lineItemId: 'line-2', name: 'SQL Server', quantity: 1 },
    ],
  }),
  on(5, 'PurchaseSoftware', {
    purchaseId: 'perpetual',
    kind: 'perpetual',
    publisher: 'microsoft',
    name: 'Windows Server',
    lineItems: [{ lineItemId: 'line-1', name: 'Windows Server', quantity: 1 }],
  }),
  on(5, 'PurchaseSavingsPlan', {
    savingsPlanId: 'compute',
    name: 'Compute',
    termDuration: 'P1Y',
    hourlyCommitment: { minorUnits: 150, currency: 'USD' },
  }),
  ...[
    { grantId: 'extended', name: 'Operations', durationDays: 90, autoExtendDays: 180 },
    { grantId: 'once', name: 'Migration', durationDays: 30 },
    { grantId: 'unanswered', name: 'Audit', durationDays: 30 },
    { grantId: 'taken-back', name: 'Backup', durationDays: 30 },
    { grantId: 'draft', name: 'Draft', durationDays: 30 },
  ].map((grant) => on(6, 'RequestDelegatedAdmin', { ...grant, roles: [globalReader, helpdesk] })),
  ...['extended', 'once'].flatMap((grantId) => [
    on(7, 'LockDelegatedAdminForApproval', { grantId }),
    on(8, 'ApproveDelegatedAdmin', { grantId }),
    on(9, 'AssignAccess', { grantId, assignmentId: `desk-${grantId}`, groupId: `g-${grantId}`, roles: [helpdesk] }),
  ]),
  on(9, 'AssignSupportContact', {
    subscriptionId: 'old-base',
    contact: { tenantId: 'b0be0000-0000-4000-8000-000000000001', partnerId: '4200002', name: 'Proseware' },
  }),
  on(20, 'LockDelegatedAdminForApproval', { grantId: 'taken-back' }),
  on(21, 'WithdrawDelegatedAdminRequest', { grantId: 'taken-back' }),
  on(22, 'DeleteDelegatedAdminRequest', { grantId: 'draft' }),
  on(35, 'FailSubscriptionProvisioning', { subscriptionId: 'failing', reason: 'The card was refused' }),
  on(40, 'CancelSubscriptionProvisioning', { subscriptionId: 'called-off' }),
  on(40, 'ScheduleSubscriptionChange', { subscriptionId: 'monthly', change: { quantity: 9 } }),
  on(100, 'CancelSubscription', { subscriptionId: 'backup' }),
  // Too late for the present term, and in time for the next one.
  on(120, 'CancelSubscription', { subscriptionId: 'monthly' }),
  on(130, 'ChangeReservationOwners', { reservationId: 'servers', owners: ['grace'] }),
  on(150, 'CancelReservation', { reservationId: 'asked-for' }),
  on(151, 'CancelReservation', { reservationId: 'settled' }),
  on(160, 'ConfirmReservationCancellation', { reservationId: 'settled' }),
  on(200, 'ChangeSubscriptionQuantity', { subscriptionId: 'base', quantity: 7 }),
  on(203, 'SuspendSubscription', { subscriptionId: 'base', reason: 'nonPayment' }),
  on(210, 'ReactivateSubscription', { subscriptionId: 'base' }),
  on(211, 'ReactivateSubscription', { subscriptionId: 'add-on' }),
  on(300, 'SetAutoRenew', { subscriptionId: 'trial', autoRenew: false }),
  on(430, 'SuspendSubscription', { subscriptionId: 'monthly', reason: 'customerRequest' }),
  on(431, 'ScheduleSubscriptionChange', {
    subscriptionId: 'base',
    change: { termDuration: 'P1Y', offerId: 'offer-2' },
  }),
  on(500, 'UpdateCustomerProfile', { name: 'Fabrikam Inc.' }),
  on(505, 'RemoveResellerRelationship', {}),
  on(600, 'AssignAccess', { grantId: 'extended', assignmentId: 'more', groupId: 'g-3', roles: [globalReader] }),
  on(600, 'AssignAccess', { grantId: 'once', assignmentId: 'more', groupId: 'g-3', roles: [globalReader] }),
  on(700, 'UpdateDelegatedAdminRequest', { grantId: 'extended', autoExtendDays: 0 }),
  on(740, 'CancelSoftwarePurchase', { purchaseId: 'server-subscription', lineItemIds: ['line-1'] }),
  on(760, 'SuspendSubscription', { subscriptionId: 'base', reason: 'customerRequest' }),
  on(1_000, 'RemoveResellerRelationship', {}),
];

/** A year of one of many customers: a few things each, so that all kinds occur among any twenty. */
export function oneYear(index: number): readonly Moment[] {
  const among = (count: number, ...of: number[]) => of.includes(index % count);
  const when = (condition: boolean, ...moments: Moment[]) => (condition ? moments : []);
  const requested = established(`Customer ${String(index).padStart(4, '0')}`);
  // Some never answer.
  if (among(20, 19)) return requested.slice(0, 1);
  const name = `grant-${index}`;
  return [
    ...requested,
    ...when(
      among(4, 0),
      on(1, 'PurchaseSubscription', seats('seats', { termDuration: 'P1M' })),
      on(70, 'ScheduleSubscriptionChange', { subscriptionId: 'seats', change: { quantity: 8 } }),
    ),
    ...when(among(4, 1), on(2, 'PurchaseSubscription', seats('seats', { termDuration: 'P1M', autoRenew: false }))),
    ...when(
      among(4, 2),
      on(3, 'PurchaseSubscription', seats('base', { kind: 'legacy', termDuration: 'P1M', autoRenew: true })),
      on(3, 'PurchaseSubscription', seats('add-on', { kind: 'legacy', baseSubscriptionId: 'base' })),
      on(150 + (index % 90), 'SuspendSubscription', { subscriptionId: 'base', reason: 'nonPayment' }),
    ),
    ...when(
      among(4, 3),
      on(3, 'PurchaseSubscription', seats('saas', { kind: 'marketplace', termDuration: 'P1M' })),
      on(100, 'CancelSubscription', { subscriptionId: 'saas' }),
    ),
    ...when(
      among(10, 4),
      on(4, 'PurchaseSubscription', seats('trial', { trial: true })),
      on(170, 'SuspendSubscription', { subscriptionId: 'trial', reason: 'customerRequest' }),
      on(200, 'RemoveResellerRelationship', {}),
    ),
    ...when(
      among(10, 5),
      on(5, 'PurchaseSoftware', {
        purchaseId: 'server',
        kind: 'subscription',
        publisher: 'microsoft',
        name: 'SQL Server',
        termDuration: 'P1Y',
        effectiveAt: '2025-06-15T00:00:00.000Z',
        lineItems: [{ lineItemId: 'line-1', name: 'SQL Server', quantity: 2 }],
      }),
    ),
    ...when(
      among(10, 6),
      on(5, 'PurchaseSavingsPlan', {
        savingsPlanId: 'compute',
        name: 'Compute',
        termDuration: 'P1Y',
        effectiveAt: '2025-08-15T00:00:00.000Z',
        hourlyCommitment: { minorUnits: 150, currency: 'USD' },
      }),
    ),
    ...when(
      among(5, 1),
      on(6, 'RequestDelegatedAdmin', {
        grantId: 'grant',
        name,
        durationDays: 30 + (index % 100),
        autoExtendDays: index % 2 === 0 ? 180 : 0,
        roles: [helpdesk],
      }),
      ...when(
        among(10, 1, 6),
        on(7, 'LockDelegatedAdminForApproval', { grantId: 'grant' }),
        on(8, 'ApproveDelegatedAdmin', { grantId: 'grant' }),
        on(9, 'AssignAccess', { grantId: 'grant', assignmentId: 'desk', groupId: 'g-1', roles: [helpdesk] }),
      ),
    ),
  ];
}
