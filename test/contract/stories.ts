import type { Role } from '#customer-relationship';
import { operationType } from '../http/contract.js';
import { operations, type Operation } from './document.js';
import type { KnownPartner } from './meanings.js';
import type { Request, Sender } from './requests.js';
import type { Json } from './schema-changes.js';
import type { Customer, Ids, World } from './world.js';

// Requests in an order that leads to an answer of every operation: chance alone seldom buys, suspends and then deletes.
// Every story is played twice, under the customer's path and under the partner's.

interface Step {
  /** The operation's id without `OfPartner`. */
  readonly operation: string;
  readonly body?: Json;
  readonly ids?: Ids;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
}
type Story = (now: number) => readonly Step[];

const day = 24 * 60 * 60 * 1000;
const ago = (now: number, days: number) => new Date(now - days * day).toISOString();
const roles = ['88d8e3e3-8f55-4a1e-953a-9b9898b8876b', '729827e3-9c14-49f7-bb1b-9608f156bbb8'];
const money = { minorUnits: 100, currency: 'USD' };

function step(operation: string, ids: Ids = {}, body: Json = {}): Step {
  return { operation, ids, body };
}

const established: readonly Step[] = [
  step('requestResellerRelationship'),
  step('acceptResellerRelationship'),
  step('confirmCustomerAgreement'),
];

const stories: readonly Story[] = [
  () => [
    step('requestResellerRelationship'),
    { operation: 'listRelationshipRequests' },
    step('explainRelationshipRequest'),
    step('declineResellerRelationship'),
  ],
  () => [step('requestResellerRelationship'), step('withdrawRelationshipRequest')],
  (now) => [step('requestResellerRelationship', {}, { effectiveAt: ago(now, 100) }), step('expireRelationshipRequest')],
  () => [
    ...established.slice(0, 2),
    step('getRemovalReadiness'),
    step('explainCustomer'),
    step('explainAvailableSupportContacts'),
    { operation: 'removeResellerRelationship', body: { noticeGiven: true }, headers: { 'If-Match': '*' } },
    { operation: 'listEndedRelationships' },
    step('explainEndedRelationship'),
  ],
  subscriptions,
  azure,
  commitments,
  delegatedAdmin,
  reading,
];

function subscriptions(now: number): readonly Step[] {
  const bought = (subscriptionId: string, more: Readonly<Record<string, Json>>): Step =>
    step(
      'purchaseSubscription',
      {},
      {
        subscriptionId,
        kind: 'newCommerce',
        offerId: 'offer-1',
        name: 'Business',
        quantity: 5,
        termDuration: 'P1Y',
        billingCycle: 'monthly',
        ...more,
      },
    );
  const [seats, licence] = [{ subscriptionId: 'seats' }, { subscriptionId: 'licence' }];
  const [renewed, ended, kept] = [
    { subscriptionId: 'renewed' },
    { subscriptionId: 'ended' },
    { subscriptionId: 'kept' },
  ];
  // Its term and both of its retention periods are over.
  const overdue = {
    kind: 'legacy',
    termDuration: 'P1M',
    provisioned: true,
    autoRenew: false,
    effectiveAt: ago(now, 400),
  };
  return [
    ...established,
    step('updateCustomerProfile', {}, { name: 'Another name' }),
    bought('seats', {}),
    step('activateSubscription', seats),
    step('changeSubscriptionQuantity', seats, { quantity: 7 }),
    step('setAutoRenew', seats, { autoRenew: false }),
    step('scheduleSubscriptionChange', seats, { billingCycle: 'annual' }),
    step('suspendSubscription', seats, { reason: 'fraud' }),
    step('reactivateSubscription', seats),
    step('getSubscription', seats),
    step('cancelSubscription', seats),
    bought('failed', {}),
    step('failSubscriptionProvisioning', { subscriptionId: 'failed' }, { reason: 'Out of stock' }),
    bought('unwanted', {}),
    step('cancelSubscriptionProvisioning', { subscriptionId: 'unwanted' }),
    bought('licence', { kind: 'legacy', provisioned: true }),
    step('withdrawSupportContact', licence),
    step('assignSupportContact', licence),
    step('listSupportContactsOfCustomer'),
    step('explainDesignation', licence),
    step('explainItem', { item: 'subscription', itemId: 'seats' }),
    bought('renewed', { termDuration: 'P1M', provisioned: true, autoRenew: true, effectiveAt: ago(now, 40) }),
    step('renewSubscription', renewed),
    // Each command of the clock records all that is due: one subscription for each.
    bought('ended', overdue),
    step('endSubscriptionTerm', ended),
    bought('kept', overdue),
    step('advanceSubscriptionRetention', kept),
  ];
}

function azure(): readonly Step[] {
  const [plan, under] = [{ subscriptionId: 'plan' }, { subscriptionId: 'plan', azureSubscriptionId: 'azure-1' }];
  return [
    ...established,
    step(
      'purchaseSubscription',
      {},
      { ...plan, kind: 'azurePlan', offerId: 'azure', name: 'Azure', quantity: 1, provisioned: true },
    ),
    step('addAzureSubscription', plan, { azureSubscriptionId: 'azure-1', name: 'Production' }),
    step('getAzureSubscription', under),
    step('cancelAzureSubscription', under, { reason: 'compromise' }),
  ];
}

function commitments(now: number): readonly Step[] {
  const reserved = (reservationId: string, more: Readonly<Record<string, Json>> = {}): Step =>
    step(
      'purchaseReservation',
      {},
      {
        reservationId,
        name: 'Machines',
        product: 'virtualMachine',
        quantity: 1,
        termDuration: 'P1Y',
        commitmentUsdCents: 100,
        ...more,
      },
    );
  const software = (purchaseId: string, more: Readonly<Record<string, Json>>): Step =>
    step(
      'purchaseSoftware',
      {},
      {
        purchaseId,
        publisher: 'microsoft',
        name: 'Server',
        lineItems: [{ lineItemId: 'line-1', name: 'Server', quantity: 1 }],
        ...more,
      },
    );
  const longAgo = ago(now, 1300);
  const plan = { savingsPlanId: 'plan-1' };
  return [
    ...established,
    step(
      'purchaseSubscription',
      {},
      { subscriptionId: 'plan', kind: 'azurePlan', offerId: 'azure', name: 'Azure', quantity: 1, provisioned: true },
    ),
    reserved('returned'),
    step('getReservation', { reservationId: 'returned' }),
    step('cancelReservation', { reservationId: 'returned' }),
    step('confirmReservationCancellation', { reservationId: 'returned' }, { refund: money }),
    reserved('kept'),
    step('cancelReservation', { reservationId: 'kept' }),
    step('refuseReservationCancellation', { reservationId: 'kept' }),
    reserved('reassigned'),
    step('changeReservationOwners', { reservationId: 'reassigned' }, { owners: ['grace'] }),
    reserved('expired', { effectiveAt: longAgo }),
    step('expireReservation', { reservationId: 'expired' }),
    software('bought', { kind: 'perpetual' }),
    step('getSoftwarePurchase', { purchaseId: 'bought' }),
    step('cancelSoftwarePurchase', { purchaseId: 'bought' }),
    software('rented', { kind: 'subscription', termDuration: 'P1Y', effectiveAt: longAgo }),
    step('renewSoftware', { purchaseId: 'rented' }),
    step('setSoftwareAutoRenew', { purchaseId: 'rented' }, { autoRenew: false }),
    software('ended', { kind: 'subscription', termDuration: 'P1Y', autoRenew: false, effectiveAt: longAgo }),
    step('expireSoftware', { purchaseId: 'ended' }),
    step(
      'purchaseSavingsPlan',
      {},
      { ...plan, name: 'Compute', termDuration: 'P1Y', hourlyCommitment: money, effectiveAt: longAgo },
    ),
    step('getSavingsPlan', plan),
    step('cancelSavingsPlan', plan),
    step('expireSavingsPlan', plan),
  ];
}

function delegatedAdmin(now: number): readonly Step[] {
  const grant = { grantId: 'grant-1' };
  const access = { ...grant, assignmentId: 'access-1' };
  const requested = (grantId: string, more: Readonly<Record<string, Json>> = {}): Step =>
    step('requestDelegatedAdmin', {}, { grantId, roles, durationDays: 365, autoExtendDays: 180, ...more });
  return [
    ...established,
    step('recordLegacyDelegatedAdmin', {}, { grantId: 'legacy-1', effectiveAt: '2023-06-01T00:00:00Z' }),
    requested('grant-1'),
    step('updateDelegatedAdminRequest', grant, { durationDays: 180 }),
    requested('draft'),
    step('deleteDelegatedAdminRequest', { grantId: 'draft' }),
    requested('unanswered'),
    step('lockDelegatedAdminForApproval', { grantId: 'unanswered' }),
    step('withdrawDelegatedAdminRequest', { grantId: 'unanswered' }),
    step('getGrant', grant),
    step('explainGrant', grant),
    step('lockDelegatedAdminForApproval', grant),
    step('approveDelegatedAdmin', grant),
    step('assignAccess', grant, { assignmentId: 'access-1', groupId: '6f9619ff-8b86-4d01-b42d-00cf4fc964ff', roles }),
    step('getAccessAssignment', access),
    step('removeAccess', access),
    step('extendDelegatedAdmin', grant),
    step('terminateDelegatedAdmin', grant),
    requested('grant-2', { effectiveAt: ago(now, 100) }),
    step('expireDelegatedAdmin', { grantId: 'grant-2' }),
  ];
}

function reading(): readonly Step[] {
  return [
    ...established.slice(0, 1),
    ...[
      'getRelationship',
      'listCustomers',
      'listItemsOfCustomer',
      'listItems',
      'listDueOfCustomer',
      'listDue',
      'listGrantsOfCustomer',
      'listGrants',
    ].map((operation) => ({ operation })),
    ...['listSupportContacts', 'listEndedRelationships', 'followRelationshipEvents', 'followEvents'].map(
      (operation) => ({ operation }),
    ),
    // Not worth waiting for: an operation, which can be asked about and given up.
    {
      operation: 'listCustomers',
      query: '?asOfPosition=1&limit=7',
      headers: { Prefer: 'wait=0', Accept: `application/json, ${operationType}` },
    },
    { operation: 'getOperation' },
    { operation: 'sendCommands', body: { items: [] } },
    { operation: 'cancelOperation' },
  ];
}

const byId = new Map(operations.map((operation) => [operation.id, operation]));
const customersDecide = new Set(['acceptResellerRelationship', 'declineResellerRelationship', 'approveDelegatedAdmin']);

export interface Telling {
  readonly world: World;
  readonly partner: KnownPartner;
  readonly now: number;
  /** Whatever makes keys and customers of this run its own. */
  readonly newKey: () => string;
  readonly newCustomer: () => Customer;
}

/** One list of steps for each story and path: later steps of a list need the answers of earlier ones. */
export function tellings(telling: Telling): (() => Request | undefined)[][] {
  return stories.flatMap((story) =>
    ['', 'OfPartner'].map((suffix) => {
      const customer = telling.newCustomer();
      return story(telling.now).map((each) => () => requestFor(each, suffix, customer, telling));
    }),
  );
}

/** Nothing where the document has no such operation, or nothing is known to ask it about. */
function requestFor(step: Step, suffix: string, customer: Customer, telling: Telling): Request | undefined {
  const operation = byId.get(`${step.operation}${suffix}`) ?? byId.get(step.operation);
  if (!operation) return undefined;
  const { world, partner, newKey } = telling;
  const ids: Ids = { operationId: world.operations.at(-1) ?? '', ...step.ids };
  const values: Ids = { ...ids, customerId: customer.id, partnerId: partner.tenantId };
  if ([...operation.path.matchAll(/\{(\w+)\}/g)].some(([, name]) => !values[name!])) return undefined;
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => values[name]!);
  return {
    operation,
    method: operation.method,
    url: `${path}${step.query ?? ''}`,
    sender: senderOf(step, suffix, customer, partner),
    headers: {
      ...(operation.isCommand ? { 'Idempotency-Key': newKey(), 'Content-Type': 'application/json' } : {}),
      ...step.headers,
    },
    body: operation.body ? JSON.stringify(bodyOf(step, suffix, customer, telling, operation)) : undefined,
    customer,
    ids,
    twists: [],
  };
}

function senderOf({ operation }: Step, suffix: string, customer: Customer, { tenantId }: KnownPartner): Sender {
  const partners = (app: boolean): Sender => {
    const both: readonly Role[] = ['GlobalAdmin', 'AdminAgent'];
    return { token: { tenant: tenantId, roles: both, app } };
  };
  if (!customersDecide.has(operation)) return partners(false);
  return suffix ? { token: { tenant: customer.id, roles: ['CustomerGlobalAdmin'], app: false } } : partners(true);
}

function bodyOf(step: Step, suffix: string, customer: Customer, telling: Telling, { body }: Operation): Json {
  const { world, partner } = telling;
  const given = (step.body ?? {}) as Readonly<Record<string, Json>>;
  const signature = { userId: 'chris', globalAdmin: true };
  switch (step.operation) {
    case 'requestResellerRelationship':
      return { customer: { name: world.newName() }, market: partner.market, ...given };
    case 'sendCommands':
      return { items: bulkItems(customer, telling) };
    case 'requestDelegatedAdmin':
      return { name: world.newName(), ...given };
    case 'assignSupportContact':
      return { contact: { tenantId: partner.tenantId, partnerId: partner.partnerId, name: partner.name } };
    case 'acceptResellerRelationship':
      return suffix ? given : { acceptedBy: signature };
    case 'declineResellerRelationship':
      return suffix ? given : { declinedBy: signature };
    case 'approveDelegatedAdmin':
      return suffix ? given : { approvedBy: signature };
    default:
      return body ? given : {};
  }
}

function bulkItems({ id: customerId }: Customer, { newKey }: Telling): Json {
  return ['WithdrawRelationshipRequest', 'ConfirmCustomerAgreement'].map((command) => ({
    command,
    customerId,
    idempotencyKey: newKey(),
    body: {},
  }));
}
