import { blockerKinds } from '#customer-relationship';
import { problemTexts } from '#http';

// The forms of answers. Words of enumerations are examples, not bounds: new ones may come, and so may new fields.

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

export const schemas: Readonly<Record<string, Schema>> = {
  Problem: object(
    {
      type: { type: 'string', format: 'uri-reference', description: 'Stable; leads to what the problem means.' },
      title: text,
      status: whole,
      detail: text,
      instance: { type: 'string', format: 'uri-reference' },
      code: {
        type: 'string',
        description: 'Stable: the name of the state of affairs. Open: a later release may answer others.',
        examples: Object.keys(problemTexts),
      },
      correlationId: text,
      retryable: { type: 'boolean', description: 'The same request may succeed later.' },
      errors: {
        ...listOf(
          object(
            {
              pointer: text,
              detail: text,
              code: { ...text, description: 'With 422: the refusal that it would be alone.' },
            },
            ['code'],
          ),
        ),
        description: 'All that is wrong with a request (400), or with what a command says (422).',
      },
      blockers: { ...listOf(shown('RemovalBlocker')), description: 'Every active item, with RemovalBlocked.' },
      details: { type: 'object', additionalProperties: true, description: 'What the refusal rests on, by code.' },
      dueAt: { ...time, description: 'With NotDue: the first instant at which the same command is accepted.' },
      outcome: {
        type: 'string',
        description: 'none: nothing was attempted; unknown: only a retry with the same key tells.',
      },
      revision: { type: ['integer', 'null'], description: 'The current revision, with PreconditionFailed.' },
      position,
      reason: text,
      offered: {
        ...listOf(text),
        description: 'The media types, or the codings, that the route answers with, with NotAcceptable.',
      },
      limit: { ...whole, description: 'How many streams the caller or its tenant may have open, with TooManyStreams.' },
      tenant: text,
      ledger: text,
      head: text,
    },
    [
      'instance',
      'correlationId',
      'errors',
      'blockers',
      'details',
      'dueAt',
      'outcome',
      'revision',
      'position',
      'reason',
      'offered',
      'limit',
      'tenant',
      'ledger',
      'head',
    ],
  ),
  SecurityEvent: object(
    {
      type: {
        type: 'string',
        description: 'AccessDenied; or AccessDenialsOmitted: more were denied than are written down one by one.',
        examples: ['AccessDenied', 'AccessDenialsOmitted'],
      },
      id: guid,
      recordedAt: time,
      code: { type: 'string', description: 'Of the problem that was answered.' },
      method: text,
      route: { type: 'string', description: 'The form of the address.', examples: ['/v1/customers/:customerId/items'] },
      tenant: { ...guid, description: 'Of a caller whose token was verified.' },
      actorId: text,
      partnerId: { ...guid, description: 'The partner whose ledger was asked for.' },
      count: { ...whole, description: 'How often, within a minute.' },
      firstAt: time,
      lastAt: time,
    },
    ['code', 'method', 'route', 'tenant', 'actorId', 'partnerId', 'count'],
  ),
  SecurityEventPage: object({ items: listOf(shown('SecurityEvent')), position }),
  CommandAnswer: object(
    {
      dryRun: { type: 'boolean', description: 'Present for a dry run: nothing was recorded.' },
      relationship: object({
        ...pair,
        status: word(
          'unknown',
          'requested',
          'requestDeclined',
          'requestWithdrawn',
          'requestExpired',
          'active',
          'removed',
        ),
        relationshipTerm: whole,
      }),
      ...place,
      revision: { ...revision, minimum: -1 },
      events: { ...listOf(text), minItems: 1, description: 'What the command has recorded, or would record, by name.' },
      wouldRecord: {
        ...listOf(object({ type: text, data: { type: 'object', additionalProperties: true } })),
        description: 'For a dry run: the events with their data.',
      },
      correlationId: {
        type: 'string',
        description: 'That of the first acceptance; for a dry run, that of the request.',
      },
    },
    ['dryRun', 'wouldRecord'],
  ),
  SupportContact: object({ tenantId: guid, partnerId: text, name: text }),
  Relationship: standing({
    ...pair,
    status: word('requested', 'requestDeclined', 'requestWithdrawn', 'requestExpired', 'active', 'removed'),
    relationshipTerm: { ...whole, description: 'How often it has been established.' },
    customer: object({ name: text, domain: text }, ['domain']),
    request: orNull(object({ requestedAt: time, expiresAt: time, delegatedAdmin: flag })),
    establishedAt: orNull(time),
    agreementConfirmedAt: orNull(time),
    removedAt: orNull(time),
    availableSupportContacts: listOf(shown('SupportContact')),
  }),
  RemovalBlocker: object(
    {
      kind: word(...blockerKinds),
      itemId: id,
      displayName: text,
      state: text,
      reason: text,
      remedy: text,
      remedyCommand: { type: 'string', description: 'The command that the remedy is.' },
      remedyItemId: {
        type: 'string',
        description: 'The item that the command is sent to, where it is not the one that blocks.',
      },
      remedyFrom: {
        ...time,
        description: 'The first instant at which the command is accepted; absent where that is now.',
      },
      remedyBy: {
        ...object(
          {
            side: word('partner'),
            anyOf: { ...listOf(text), description: 'One of these roles …' },
            allOf: { ...listOf(text), description: '… and all of these.' },
            appOnly: { type: 'boolean', description: 'An app without a user may, too.' },
            owners: { ...listOf(text), description: 'Only these principals: owners of the reservation order.' },
          },
          ['allOf', 'owners'],
        ),
        description: 'Who may send the command.',
      },
      earliestClearableAt: {
        ...time,
        description:
          'The first instant at which it can have stopped blocking, if the remedy is followed; absent for what never ends.',
      },
    },
    ['remedyCommand', 'remedyItemId', 'remedyFrom', 'remedyBy', 'earliestClearableAt'],
  ),
  RemovalReadiness: object({
    ...pair,
    asOf: time,
    removable: flag,
    policy: text,
    blockers: listOf(shown('RemovalBlocker')),
    warnings: listOf(
      object({ kind: text, itemId: id, displayName: text, until: time }, ['itemId', 'displayName', 'until']),
    ),
    willEnd: object({
      availableSupportContacts: listOf(guid),
      supportContactDesignations: listOf(id),
      delegatedAdminGrants: listOf(id),
    }),
    willNotEnd: object({
      residualAccess: listOf(object({ kind: text, azureSubscriptionId: id, name: text })),
      runningCharges: listOf(object({ item: text, itemId: id, until: time }, ['until'])),
    }),
    ...place,
  }),
  Subscription: standing(
    {
      subscriptionId: id,
      relationshipTerm: whole,
      kind: word('legacy', 'newCommerce', 'azurePlan', 'marketplace'),
      name: text,
      offerId: text,
      status: subscriptionStatus,
      trial: flag,
      quantity: whole,
      autoRenew: flag,
      baseSubscriptionId: id,
      termDuration: word('P1M', 'P1Y', 'P3Y'),
      termEndsAt: time,
      cancellationAllowedUntil: time,
      billingCycle: text,
      scheduledChange,
      scheduledBillingCycle: text,
      cancellationTakesEffectAt: time,
      retainedUntil: time,
      furtherDisabledPeriod: flag,
      azureSubscriptions: listOf(object({ azureSubscriptionId: id, name: text, status: word('active', 'cancelled') })),
      supportContact: orNull(shown('SupportContact')),
    },
    [
      'baseSubscriptionId',
      'termDuration',
      'termEndsAt',
      'cancellationAllowedUntil',
      'billingCycle',
      'scheduledChange',
      'scheduledBillingCycle',
      'cancellationTakesEffectAt',
      'retainedUntil',
      'furtherDisabledPeriod',
    ],
  ),
  AzureSubscription: standing({
    subscriptionId: id,
    azureSubscriptionId: id,
    name: text,
    status: word('active', 'cancelled'),
  }),
  Reservation: standing({
    reservationId: id,
    relationshipTerm: whole,
    name: text,
    product: text,
    owners: listOf(text),
    commitmentUsdCents: whole,
    purchasedAt: time,
    expiresAt: time,
    status: word('active', 'cancellationRequested', 'cancelled', 'expired'),
  }),
  SoftwarePurchase: standing(
    {
      purchaseId: id,
      relationshipTerm: whole,
      kind: word('perpetual', 'subscription'),
      publisher: text,
      name: text,
      cancellationAllowedUntil: time,
      expiresAt: time,
      lineItems: listOf(object({ lineItemId: id, cancelled: flag })),
      status: word('completed', 'cancelled', 'expired'),
    },
    ['expiresAt'],
  ),
  SavingsPlan: standing({
    savingsPlanId: id,
    relationshipTerm: whole,
    name: text,
    expiresAt: time,
    status: word('active', 'expired'),
  }),
  Grant: standing(
    {
      grantId: id,
      relationshipTerm: whole,
      kind: word('dap', 'gdap'),
      name: text,
      roles: listOf(guid),
      durationDays: whole,
      autoExtendDays: whole,
      status: grantStatus,
      requestExpiresAt: time,
      endsAt: time,
      accessAssignments: listOf(
        object({ assignmentId: id, groupId: guid, roles: listOf(guid), status: word('active', 'deleted') }),
      ),
    },
    ['name', 'roles', 'durationDays', 'autoExtendDays', 'requestExpiresAt', 'endsAt', 'accessAssignments'],
  ),
  AccessAssignment: standing({
    grantId: id,
    assignmentId: id,
    groupId: guid,
    roles: listOf(guid),
    status: word('active', 'deleted'),
  }),
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
  CloudEvent: object(
    {
      specversion: { type: 'string', const: '1.0' },
      id: guid,
      source: { type: 'string', format: 'uri-reference', description: 'The ledger.' },
      type: { type: 'string', description: 'The name of the event.' },
      subject: { type: 'string', description: 'The stream.' },
      time: { ...time, description: 'When it was recorded.' },
      datacontenttype: { type: 'string', const: 'application/json' },
      dataschema: {
        type: 'string',
        format: 'uri',
        description:
          'Names the JSON Schema of data: urn:reseller-ledger:schemas:events:{type}:{schema}, which is at /schemas/events/{type}/{schema}.',
      },
      ...place,
      correlationid: text,
      causationid: text,
      command: text,
      commandid: text,
      commandhash: text,
      actorid: text,
      actorkind: {
        ...word('partnerUser', 'partnerApp', 'customerUser', 'system'),
        description:
          'system: dates alone have brought it about; actorid is who sent the command that it was recorded with.',
      },
      actorroles: { type: 'string', description: 'With commas between.' },
      actortenant: text,
      comment: text,
      policyname: text,
      policyhash: text,
      release: {
        type: 'string',
        description: 'The version of the ledger that decided; absent from events of before 0.2.0.',
      },
      schema: { type: 'integer', minimum: 1, description: 'The version of the form of data.' },
      hash: { type: 'string', pattern: '^[0-9a-f]{64}$' },
      previoushash: { type: 'string', pattern: '^[0-9a-f]{64}$' },
      data: { type: 'object', additionalProperties: true },
    },
    ['command', 'comment', 'release'],
  ),
  CloudEventBatch: listOf(shown('CloudEvent')),
  Explanation: standing({
    view: text,
    version: whole,
    key: { type: 'object', additionalProperties: true, description: 'As the list names the row.' },
    listed: { type: 'boolean', description: 'The list shows it.' },
    rows: {
      ...listOf(object({ table: text, row: orNull({ type: 'object', additionalProperties: true }) })),
      description:
        'The row as the view keeps it, with the status that it has at the time of the answer, and what it is joined with; null for what is gone.',
    },
    byTime: {
      ...orNull(object({ fields: { type: 'object', additionalProperties: true } })),
      description:
        'What an end that has passed has made of the row without an event, by name, from what and to what; null when nothing.',
    },
    events: {
      ...listOf(
        object({
          ...place,
          type: text,
          recordedAt: time,
          command: { ...orNull(text), description: 'null for an event that was recorded before commands were named.' },
          commandId: text,
          correlationId: text,
          actor: object({ id: text, kind: text, roles: listOf(text), tenant: text }),
          comment: orNull(text),
          schema: whole,
          policy: object({ name: text, hash: text }),
          release: {
            ...orNull(text),
            description:
              'The version of the ledger that decided; null for an event that was recorded before it was named.',
          },
          rules: { ...listOf(text), description: 'The numbers of the rules that govern the command.' },
          changes: {
            ...listOf(
              object({
                table: text,
                key: { type: 'object', additionalProperties: true },
                effect: word('created', 'changed', 'removed'),
                fields: { type: 'object', additionalProperties: true, description: 'By name, from what and to what.' },
              }),
            ),
            description: 'Empty for an event that was only looked at.',
          },
          cause: {
            ...orNull(object({ revision, type: text })),
            description: 'The event that this one is a consequence of, within the same command.',
          },
        }),
      ),
      description: 'Without which the row would be another, in the order in which they happened.',
    },
    rules: { type: 'object', additionalProperties: text, description: 'What the rules say, by number.' },
  }),
  Operation: object({
    id: guid,
    status: operationStatus,
    createdAt: time,
    endedAt: orNull(time),
    steps: listOf(
      object(
        {
          name: word('wait', 'project'),
          status: operationStatus,
          view: text,
          position: { ...position, description: 'How far the ledger has been read.' },
          until: { ...position, description: 'Up to where it is to be read.' },
        },
        ['view', 'position', 'until'],
      ),
    ),
    error: orNull(
      object({
        type: { type: 'string', format: 'uri-reference' },
        code: text,
        status: whole,
        title: text,
        detail: text,
      }),
    ),
    result: orNull(object({ href: { type: 'string', format: 'uri-reference' } })),
  }),
  Live: object({ status: { type: 'string', const: 'live' } }),
  Readiness: object({
    status: word('ready', 'notReady', 'damaged'),
    missing: { ...listOf(text), description: 'What is in the way, in words.' },
    views: listOf(
      object(
        {
          name: text,
          status: word('building', 'running', 'stopped'),
          position,
          eventsBehind: {
            ...whole,
            description:
              'Counted up to 1,000, which stands for that many or more; absent while the event store cannot say.',
          },
          secondsBehind: { type: 'number', description: 'The age of the oldest of them.' },
        },
        ['eventsBehind', 'secondsBehind'],
      ),
    ),
  }),
  ProblemText: object({ type: text, code: text, status: whole, title: text, detail: text }),
  ProblemTexts: listOf(shown('ProblemText')),
  SchemaEntry: object({
    id: { type: 'string', format: 'uri', description: 'The $id of the schema; of an event, what its dataschema says.' },
    href: { type: 'string', format: 'uri-reference', description: 'Where the schema is.' },
    title: { type: 'string', description: 'The name of the event or the command.' },
    description: text,
  }),
  SchemaEntries: listOf(shown('SchemaEntry')),
  JsonSchema: {
    type: 'object',
    description: 'A JSON Schema of 2020-12.',
    properties: { $schema: text, $id: text, title: text, description: text },
    required: ['$schema', '$id', 'title', 'description'],
    additionalProperties: true,
  },
};

type Answers = Record<string, Schema>;

function answer(
  status: number,
  description: string,
  schema: Schema,
  headers: readonly HeaderComponent[] = [],
  type = 'application/json',
): Answers {
  return {
    [status]: {
      description,
      headers: headersNamed(headers),
      content: { [type]: { schema } },
    },
  };
}

/** One history in three forms. What comes line by line or event by event has no form that JSON Schema could name as a whole. */
function historyOf(whose: string): Answers {
  const answers = answer(
    200,
    `Events of ${whose} in the order of the ledger, as they are stored: CloudEvents 1.0. ` +
      'A page; or, as application/x-ndjson, everything up to Ledger-Position, where a trailer field History-Complete tells that nothing is missing; ' +
      'or, as text/event-stream, everything and then what comes, until the token ends. Refusals are left out unless journals=true.',
    shown('CloudEventBatch'),
    [...always, 'Link'],
    'application/cloudevents-batch+json',
  );
  const each = (description: string) => ({ schema: { type: 'string', description } });
  Object.assign((answers['200'] as { content: object }).content, {
    'application/json': { schema: shown('CloudEventBatch') },
    'application/x-ndjson': each('A CloudEvent (components/schemas/CloudEvent) on every line.'),
    'text/event-stream': each(
      'Server-sent events: id is the place in the ledger, event the name, data a CloudEvent (components/schemas/CloudEvent).',
    ),
  });
  return answers;
}

function headersNamed(components: readonly HeaderComponent[]): Schema {
  return Object.fromEntries(
    headerNames
      .filter(([component]) => components.includes(component))
      .map(([component, name]) => [name, { $ref: `#/components/headers/${component}` }]),
  );
}

/** Component and name, in the order that the document has them. */
const headerNames = [
  ['ETag', 'ETag'],
  ['ListTag', 'ETag'],
  ['DocumentTag', 'ETag'],
  ['LedgerPosition', 'Ledger-Position'],
  ['Location', 'Location'],
  ['IdempotentReplayed', 'Idempotent-Replayed'],
  ['Link', 'Link'],
  ['CorrelationId', 'X-Correlation-Id'],
  ['RetryAfterIfGoing', 'Retry-After'],
] as const;
type HeaderComponent = (typeof headerNames)[number][0];
const always: readonly HeaderComponent[] = ['CorrelationId', 'LedgerPosition'];
const unchanged = (tag: HeaderComponent): Answers => ({
  304: { description: 'Nothing has changed since the ETag that was sent.', headers: headersNamed([...always, tag]) },
});
const one = (name: string, description: string): Answers => ({
  ...answer(200, description, shown(name), [...always, 'ETag']),
  ...unchanged('ETag'),
});
/** What is the same for whoever asks, as it is or compressed. */
const fixed = (description: string, schema: Schema, mediaType?: string): Answers => ({
  ...answer(200, description, schema, ['DocumentTag'], mediaType),
  304: { description: 'Nothing has changed since the ETag that was sent.', headers: headersNamed(['DocumentTag']) },
});
const list = (name: string, description: string): Answers => ({
  ...answer(200, description, shown(name), [...always, 'ListTag', 'Link']),
  ...unchanged('ListTag'),
});

const commandHeaders: readonly HeaderComponent[] = [...always, 'ETag', 'IdempotentReplayed'];
const answers: Readonly<Record<string, Answers>> = {
  command: answer(200, 'Recorded; for a dry run, what would be.', shown('CommandAnswer'), commandHeaders),
  created: answer(201, 'Recorded, and the item is new.', shown('CommandAnswer'), [...commandHeaders, 'Location']),
  'RelationshipQueries.relationship': one('Relationship', 'The relationship as it stands now.'),
  'RelationshipQueries.readiness': answer(
    200,
    'What a removal meets now, what it would end and what it would not.',
    shown('RemovalReadiness'),
    always,
  ),
  'ItemQueries.subscription': one('Subscription', 'The subscription as it stands now.'),
  'ItemQueries.azureSubscription': one('AzureSubscription', 'The Azure subscription as it stands now.'),
  'ItemQueries.reservation': one('Reservation', 'The reservation as it stands now.'),
  'ItemQueries.software': one('SoftwarePurchase', 'The purchase as it stands now.'),
  'ItemQueries.savingsPlan': one('SavingsPlan', 'The savings plan as it stands now.'),
  'ItemQueries.grant': one('Grant', 'The grant as it stands now.'),
  'ItemQueries.accessAssignment': one('AccessAssignment', 'The access assignment as it stands now.'),
  'CustomersController.list': list('CustomerPage', 'Customers with an active relationship.'),
  'CustomerItemsController.list': list('ItemPage', 'What the customer has.'),
  'PartnerItemsController.list': list('ItemPage', 'What the partner’s customers have.'),
  'CustomerSupportContactsController.list': list('CustomerSupportContacts', 'Who is designated, and who may be.'),
  'PartnerSupportContactsController.list': list('DesignationPage', 'Who is designated on which subscription.'),
  'CustomerGrantsController.list': list('GrantPage', 'Delegated admin of the customer, as of now.'),
  'PartnerGrantsController.list': list('GrantPage', 'Delegated admin of the partner’s customers, as of now.'),
  'EndedRelationshipsController.list': list(
    'EndedRelationshipPage',
    'Relationships that have ended, the last removed first.',
  ),
  'HistoryController.events': historyOf('the relationship'),
  'LedgerHistoryController.events': historyOf('all relationships of the partner'),
  'SecurityEventsController.read': answer(
    200,
    'Denials that concern the partner, the oldest first: by its people, and of what it has. For its Global admins and auditors. A page may be shorter than limit; the Link header says whether there is another.',
    shown('SecurityEventPage'),
    [...always, 'Link'],
  ),
  ...Object.fromEntries(
    ['customer', 'item', 'availableContacts', 'designation', 'grant', 'ended'].map((of) => [
      `ExplanationsController.${of}`,
      answer(200, 'What made the row what it is, or took it away.', shown('Explanation'), [...always, 'Link']),
    ]),
  ),
  'OperationsController.operation': answer(200, 'How far it is.', shown('Operation'), [
    'CorrelationId',
    'RetryAfterIfGoing',
  ]),
  'OperationsController.cancel': answer(
    200,
    'Given up unless somebody else waits for the same; what had ended stays as it is.',
    shown('Operation'),
    ['CorrelationId', 'RetryAfterIfGoing'],
  ),
  'HealthController.live': answer(200, 'The process answers.', shown('Live')),
  'HealthController.ready': {
    ...answer(200, 'Ready.', shown('Readiness')),
    ...answer(503, 'Something is missing, and named.', shown('Readiness')),
  },
  'ProblemsController.all': fixed('Every problem.', shown('ProblemTexts')),
  'ProblemsController.one': fixed('What the problem means.', shown('ProblemText')),
  'SchemasController.events': fixed('One for each form that an event has ever had.', shown('SchemaEntries')),
  'SchemasController.event': fixed(
    'What the data of the event looks like.',
    shown('JsonSchema'),
    'application/schema+json',
  ),
  'SchemasController.commands': fixed('One for each command.', shown('SchemaEntries')),
  'SchemasController.command': fixed(
    'What the body of the command may hold.',
    shown('JsonSchema'),
    'application/schema+json',
  ),
};

/** The documented answers of a route, by `Controller.method`; nothing for one that nobody has documented. */
export function answerOf(route: string): Answers {
  return { ...answers[route] };
}
