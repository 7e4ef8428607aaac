import { blockerKinds } from '#customer-relationship';

type Schema = Record<string, unknown>;

const text = { type: 'string' };
const id = { type: 'string', minLength: 1 };
const guid = { type: 'string', format: 'uuid' };
const time = { type: 'string', format: 'date-time' };
const whole = { type: 'integer' };
const flag = { type: 'boolean' };
const position = { type: 'string', pattern: '^[0-9]+$', description: 'Compared as a whole number, never counted.' };
const revision = {
  type: 'integer',
  minimum: 0,
  description: 'The place of the last event in the relationship’s stream.',
};
const word = (...examples: string[]): Schema => ({ type: 'string', examples });
const listOf = (items: Schema): Schema => ({ type: 'array', items });
const shown = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const orNull = (schema: Schema): Schema =>
  typeof schema['type'] === 'string'
    ? { ...schema, type: [schema['type'], 'null'] }
    : { anyOf: [schema, { type: 'null' }] };

/** Every property is there but those that are named optional. */
function object(properties: Record<string, Schema>, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, ...(required.length > 0 ? { required } : {}) };
}

const money = object({ minorUnits: whole, currency: { type: 'string', pattern: '^[A-Z]{3}$' } });
const place = { revision, position };
/** What is shown as it stands now or, when that was asked for, as it stood at a moment. */
const standing = (properties: Record<string, Schema>, optional: readonly string[] = []): Schema =>
  object(
    {
      ...properties,
      ...place,
      asOf: {
        ...time,
        description:
          'With asOf, asOfPosition or asOfRevision: that time, or when the last event that counts was recorded.',
      },
    },
    [...optional, 'asOf'],
  );
const pair = { partnerId: guid, customerId: guid };
const scheduledChange = object({ quantity: whole, termDuration: word('P1M', 'P1Y', 'P3Y'), offerId: text }, [
  'quantity',
  'termDuration',
  'offerId',
]);
const subscriptionStatus = word('pending', 'active', 'suspended', 'expired', 'disabled', 'deleted');
const operationStatus = word('notStarted', 'running', 'succeeded', 'failed', 'cancelled');
const grantStatus = word('created', 'approvalPending', 'approved', 'active', 'terminated', 'expired', 'revoked');
const page = (items: string, beside: Record<string, Schema> = {}): Schema =>
  object({
    items: listOf(shown(items)),
    ...beside,
    position: {
      ...position,
      description: 'How far the ledger was read. With asOf: of that, what had been recorded by then is in the answer.',
    },
    asOf: { ...time, description: 'Everything recorded before this time is in the answer.' },
  });

const itemFields = {
  ...pair,
  item: word('subscription', 'reservation', 'softwarePurchase', 'savingsPlan'),
  itemId: id,
  relationshipTerm: whole,
  current: { type: 'boolean', description: 'It belongs to the term that runs now.' },
  blocks: {
    ...orNull(word(...blockerKinds)),
    description: 'As what it blocks the removal of the relationship now, under the policy in force.',
  },
  name: text,
  status: word(
    'pending',
    'active',
    'suspended',
    'expired',
    'disabled',
    'deleted',
    'cancellationRequested',
    'cancelled',
    'completed',
  ),
  statusSince: time,
  kind: orNull(word('legacy', 'newCommerce', 'azurePlan', 'marketplace', 'perpetual', 'subscription')),
  offerId: orNull(text),
  product: orNull(text),
  publisher: orNull(text),
  quantity: orNull(whole),
  trial: orNull(flag),
  autoRenew: orNull(flag),
  boughtBy: word('partner', 'customer'),
  purchasedAt: time,
  termDuration: orNull(word('P1M', 'P1Y', 'P3Y')),
  cancellationAllowedUntil: orNull(time),
  endsAt: orNull(time),
  retainedUntil: orNull(time),
  suspensionReason: orNull(text),
  cancellationTakesEffectAt: orNull(time),
  billingCycle: orNull(text),
  scheduledChange: orNull(scheduledChange),
  scheduledBillingCycle: orNull(text),
  price: orNull(money),
  hourlyCommitment: orNull(money),
  commitmentUsdCents: orNull(whole),
  reservationOrderId: orNull(id),
  refund: orNull(money),
  fee: orNull(money),
  baseSubscriptionId: orNull(id),
  azureSubscriptions: orNull(
    listOf(object({ azureSubscriptionId: id, name: text, status: word('active', 'cancelled') })),
  ),
  lineItems: orNull(
    listOf(object({ lineItemId: id, name: text, quantity: whole, price: money, cancelled: flag }, ['price'])),
  ),
};

export const viewSchemas: Readonly<Record<string, Schema>> = {
  Customer: object({
    ...pair,
    name: text,
    domain: orNull(text),
    market: text,
    relationshipTerm: whole,
    establishedAt: time,
    agreementConfirmed: flag,
  }),
  Item: object(itemFields),
  Designation: object({
    ...pair,
    subscriptionId: id,
    contact: shown('SupportContact'),
    byDefault: flag,
    assignedAt: time,
  }),
  GrantRow: object({
    ...pair,
    grantId: id,
    relationshipTerm: whole,
    kind: word('dap', 'gdap'),
    name: orNull(text),
    roles: listOf(guid),
    status: grantStatus,
    durationDays: orNull(whole),
    autoExtendDays: orNull(whole),
    requestedAt: orNull(time),
    requestExpiresAt: orNull(time),
    approvedAt: orNull(time),
    activatedAt: orNull(time),
    endsAt: orNull(time),
    terminationRequestedBy: orNull(word('partner', 'customer')),
    endedAt: orNull(time),
    accessAssignments: listOf(object({ assignmentId: id, groupId: guid, roles: listOf(guid) })),
  }),
  EndedRelationship: object({
    ...pair,
    customerName: text,
    lastRemovedAt: time,
    endedTerms: listOf(
      object({
        relationshipTerm: whole,
        establishedAt: time,
        removedAt: time,
        policy: text,
        noticeGiven: orNull(flag),
      }),
    ),
    reestablished: flag,
    runningCharges: listOf(
      object({ item: text, itemId: id, name: text, relationshipTerm: whole, until: orNull(time) }),
    ),
    residualAccess: listOf(
      object({
        kind: text,
        subscriptionId: id,
        azureSubscriptionId: id,
        name: text,
        relationshipTerm: whole,
        cancelled: flag,
      }),
    ),
  }),
  CustomerPage: page('Customer'),
  ItemPage: page('Item'),
  DesignationPage: page('Designation'),
  CustomerSupportContacts: page('Designation', {
    available: { ...listOf(shown('SupportContact')), description: 'Who may be picked for this customer.' },
  }),
  GrantPage: page('GrantRow'),
  EndedRelationshipPage: page('EndedRelationship'),
};

export interface ListDocument {
  readonly operation: string;
  readonly summary: string;
  readonly answer: string;
  readonly page: string;
  readonly dependsOnClock: boolean;
  readonly dependsOnPolicy: boolean;
}

const listOf2 = (
  operation: string,
  summary: string,
  answer: string,
  page: string,
  clock = false,
  policy = false,
): ListDocument => ({
  operation,
  summary,
  answer,
  page,
  dependsOnClock: clock,
  dependsOnPolicy: policy,
});
export const listAt: ReadonlyMap<string, ListDocument> = new Map([
  [
    '/v1/customers',
    listOf2('listCustomers', 'List customers', 'Customers with an active relationship.', 'CustomerPage'),
  ],
  [
    '/v1/items',
    listOf2(
      'listItems',
      'List the items of all customers',
      'What the partner’s customers have.',
      'ItemPage',
      true,
      true,
    ),
  ],
  [
    '/v1/customers/{customerId}/items',
    listOf2('listItemsOfCustomer', 'List the items of a customer', 'What the customer has.', 'ItemPage', true, true),
  ],
  [
    '/v1/support-contacts',
    listOf2(
      'listSupportContacts',
      'List the support contacts of all customers',
      'Who is designated on which subscription.',
      'DesignationPage',
    ),
  ],
  [
    '/v1/customers/{customerId}/support-contacts',
    listOf2(
      'listSupportContactsOfCustomer',
      'List the support contacts of a customer',
      'Who is designated, and who may be.',
      'CustomerSupportContacts',
    ),
  ],
  [
    '/v1/delegated-admin-grants',
    listOf2(
      'listGrants',
      'List the delegated admin of all customers',
      'Delegated admin of the partner’s customers, as of now.',
      'GrantPage',
      true,
    ),
  ],
  [
    '/v1/customers/{customerId}/delegated-admin',
    listOf2(
      'listGrantsOfCustomer',
      'List the delegated admin of a customer',
      'Delegated admin of the customer, as of now.',
      'GrantPage',
      true,
    ),
  ],
  [
    '/v1/ended-relationships',
    listOf2(
      'listEndedRelationships',
      'List relationships that have ended',
      'Relationships that have ended, the last removed first.',
      'EndedRelationshipPage',
      true,
    ),
  ],
]);
const explanations = '/v1/customers/{customerId}/explanations';
export const explainedRowAt: ReadonlyMap<string, { readonly operation: string; readonly summary: string }> = new Map([
  [
    `${explanations}/customer-list`,
    { operation: 'explainCustomer', summary: 'Explain a customer in the list, or why it is in none' },
  ],
  [`${explanations}/items/{item}/{itemId}`, { operation: 'explainItem', summary: 'Explain an item' }],
  [
    `${explanations}/support-contacts`,
    { operation: 'explainAvailableSupportContacts', summary: 'Explain who may be picked as a support contact' },
  ],
  [
    `${explanations}/support-contacts/{subscriptionId}`,
    { operation: 'explainDesignation', summary: 'Explain a designated support contact' },
  ],
  [
    `${explanations}/delegated-admin-grants/{grantId}`,
    { operation: 'explainGrant', summary: 'Explain a delegated admin grant' },
  ],
  [
    `${explanations}/ended-relationships`,
    { operation: 'explainEndedRelationship', summary: 'Explain an ended relationship and what goes on after it' },
  ],
]);
