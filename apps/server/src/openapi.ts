import { rejections, type CommandName, type RejectionKind } from '#customer-relationship';
import { httpProblems, statusOfKind, type HttpProblemCode } from '#http';
import { itemTypes } from '#read-models';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { bulkAnswer, bulkBody, bulkSchemas } from './openapi-bulk.js';
import { answerOf, schemas } from './openapi-schemas.js';
import { parameterTexts, summaryOf, tagTexts } from './openapi-texts.js';
import { relationshipPaths } from './relationship-paths.js';
import { release } from './release.js';
import { commandSchemas, type PropertySchema } from './schemas.js';
import { commandNames, commandRoutes } from './commands/command-routes.js';

// The OpenAPI 3.1 document, from the running routes: paths and bodies come from the controllers by way of Nest, and what
// all routes of a kind share is added here, once.

type Json = Record<string, unknown>;
interface Operation extends Json {
  operationId: string;
  tags?: string[];
  summary?: string;
  parameters?: Json[];
  requestBody?: Json;
  responses: Record<string, Json>;
  security?: Json[];
}
interface Document extends Json {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json> } & Json;
}

/** The document of an application, ready to be served. */
export function openApiDocument(app: INestApplication): object {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Reseller Ledger')
    .setDescription(
      'The system of record for a partner’s reseller relationships: commands, current state, lists and history. ' +
        'Every refusal is a problem of RFC 9457 with a stable code; enumerations in answers are open to new words. ' +
        'An optional field of a body that is null is absent. Text of invisible characters is blank, and such characters at its ends ' +
        'are not kept; line ends of any kind are line feeds. Times may have any fraction and offset: they are kept in UTC, cut off ' +
        'to milliseconds, and a leap second is the last millisecond of its day. Currencies are those in force by ISO 4217.',
    )
    .setVersion(release)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer('http://127.0.0.1:3000', 'A server as it starts by itself.')
    .addServer('/', 'The server that this document comes from.')
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description:
        'A token of the configured issuer, with tid, roles, and oid or sub. A person is who has scp, or idtyp with the value user; every other sender is an app.',
    })
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    operationIdFactory: (controller, method) => `${controller}.${method}`,
  }) as unknown as Document;

  const bodies = document.components.schemas;
  for (const body of Object.values(bodies)) body['additionalProperties'] = false;
  for (const [path, operations] of Object.entries(document.paths))
    for (const [method, operation] of Object.entries(operations)) describe(path, method, operation, bodies);
  Object.assign(document.components.schemas, schemas, bulkSchemas(bodies));
  Object.assign(document.components, { parameters, headers, responses: problemResponses() });
  Object.assign(document['info'] as Json, { contact: { name: 'The operator of this server' } });
  const used = new Set(operationsOf(document).flatMap(({ tags = [] }) => tags));
  document['tags'] = Object.entries(tagTexts)
    .filter(([name]) => used.has(name))
    .map(([name, description]) => ({ name, description }));
  return document;
}

function operationsOf(document: Document): Operation[] {
  return Object.values(document.paths).flatMap((operations) => Object.values(operations));
}

/** The command that is posted to a path of the document. */
const commandAt: ReadonlyMap<string, CommandName> = new Map(
  commandNames.flatMap((command) =>
    relationshipPaths(commandRoutes[command].path).map((path) => [`/${path.replace(/:(\w+)/g, '{$1}')}`, command]),
  ),
);

function describe(path: string, method: string, operation: Operation, bodies: Record<string, Json>): void {
  const own = operation.operationId.replace(/\[\d+\]$/, '');
  const [controller = '', handler = ''] = own.split('.');
  const ofPartner = path.startsWith('/v1/partners/');
  const command = method === 'post' ? commandAt.get(path) : undefined;
  operation.operationId = `${command ? camelCase(command) : `${camelCase(controller.replace(/(Controller|Queries)$/, ''))}${pascalCase(handler)}`}${ofPartner ? 'OfPartner' : ''}`;
  operation.tags = [tagOf(path)];
  const summary = summaryOf(own);
  if (summary !== undefined) operation.summary = summary;
  const description = Object.values(answerOf(own))[0]?.['description'];
  if (description !== undefined) operation['description'] = description;
  const pathParameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => pathParameter(name!));
  operation.parameters = [
    ...pathParameters,
    ...(operation.parameters ?? []).filter((parameter) => parameter['in'] !== 'path').map(explained),
  ];

  if (!path.startsWith('/v1/')) {
    operation.security = [];
    operation.responses = { ...answerOf(own), ...problems('AddressTooLong', 'HeadersTooLarge') };
    if (path.includes('{')) operation.responses['404'] = { $ref: '#/components/responses/NotFound' };
    // A load balancer must hear how the server does, however often it asks.
    if (path.startsWith('/health/')) return;
    operation.parameters.push(ref('parameters', 'IfNoneMatch'));
    Object.assign(operation.responses, problems('BadRequest', 'NotAcceptable', 'TooManyRequests'));
    limited(operation);
    return;
  }
  operation.security = [{ bearer: [] }];
  operation.parameters.push(ref('parameters', 'CorrelationId'), ref('parameters', 'Traceparent'));
  if (command) {
    const { summary, needsIfMatch, creates } = commandRoutes[command];
    operation.summary = summary;
    operation['x-command'] = command;
    const meant = commandSchemas().get(command)?.schema;
    const condition = needsIfMatch ? ['If-Match is required (428 without it), but not for a dry run.'] : [];
    operation['description'] = [...(meant ? [meant.description] : []), ...condition].join(' ');
    operation.parameters.push(
      ref('parameters', 'IdempotencyKey'),
      ref('parameters', needsIfMatch ? 'IfMatchRequired' : 'IfMatch'),
      ref('parameters', 'DryRun'),
    );
    const body = operation.requestBody as {
      required: boolean;
      content: Record<string, { schema: { $ref: string }; example?: unknown }>;
    };
    const content = body.content['application/json']!;
    const schema = bodies[nameIn(content.schema.$ref)]!;
    body.required = Array.isArray(schema['required']) && schema['required'].length > 0;
    content.example = exampleOf(schema, bodies);
    if (meant) describeFields(schema, meant, bodies);
    operation.responses = {
      ...answerOf('command'),
      ...(creates ? answerOf('created') : {}),
      ...problems('BadRequest', 'Unauthenticated', 'Forbidden', 'NotFound', 'CommandConflict', 'PreconditionFailed'),
      ...problems('NotAcceptable', 'RequestTimeout', 'BodyTooLarge', 'AddressTooLong', 'MediaTypeNotSupported'),
      ...problems('ExpectationFailed', 'CommandUnprocessable'),
      ...(needsIfMatch ? problems('PreconditionRequired') : {}),
      ...problems('TooManyRequests', 'HeadersTooLarge', 'InternalError', 'CommandUnavailable'),
    };
    limited(operation);
    return;
  }
  if (own === 'BulkController.send') {
    operation.parameters.push(ref('parameters', 'DryRun'));
    operation.requestBody = bulkBody;
    operation['description'] = bulkAnswer['description'];
    operation.responses = {
      200: { ...bulkAnswer, headers: { 'X-Correlation-Id': ref('headers', 'CorrelationId') } },
      ...problems('BadRequest', 'Unauthenticated', 'NotAcceptable', 'RequestTimeout', 'BodyTooLarge'),
      ...problems('MediaTypeNotSupported', 'ExpectationFailed', 'TooManyRequests', 'HeadersTooLarge'),
      ...problems('InternalError', 'CommandUnavailable'),
    };
    limited(operation);
    return;
  }
  const isList = own.endsWith('.list');
  const isOperation = own.startsWith('OperationsController.');
  const isHistory = own.endsWith('HistoryController.events');
  const isJournal = own === 'SecurityEventsController.read';
  const isExplanation = own.startsWith('ExplanationsController.');
  const dependsOnClock =
    own === 'RelationshipQueries.readiness' || isHistory || isOperation || isJournal || isExplanation;
  if (!dependsOnClock)
    operation.parameters.push(
      ref('parameters', changeWithTheClock.includes(own) ? 'IfNoneMatchOfThePast' : 'IfNoneMatch'),
    );
  if (!isOperation) operation.parameters.push(ref('parameters', 'LedgerPosition'));
  if (isList) operation.parameters.push(ref('parameters', 'Prefer'));
  if (isHistory) operation.parameters.push(ref('parameters', 'LastEventId'));
  if (own === 'OperationsController.operation') operation.parameters.push(ref('parameters', 'PreferEnd'));
  operation.responses = {
    ...answerOf(own),
    ...problems('BadRequest', 'Unauthenticated', 'Forbidden'),
    // Only what names a relationship can miss one.
    ...(path.includes('{customerId}') || isOperation ? problems('NotFound') : {}),
    ...(own === 'RelationshipQueries.readiness' ? problems('ReadinessConflict', 'PolicyUnknown') : {}),
    ...(own.endsWith('ItemsController.list') ? problems('PolicyUnknown') : {}),
    ...problems('NotAcceptable', 'AddressTooLong', 'TooManyRequests', 'HeadersTooLarge', 'InternalError'),
    ...problems(isHistory ? 'HistoryUnavailable' : isList ? 'ViewUnavailable' : 'StoreUnavailable'),
  };
  limited(operation);
}

/** Lists whose rows change by the clock alone: as they stand now they have no tag. */
const changeWithTheClock = [
  'CustomerGrantsController.list',
  'PartnerGrantsController.list',
  'CustomerItemsController.list',
  'PartnerItemsController.list',
  'EndedRelationshipsController.list',
];

/** What the fields of a body mean, where its own words are not said yet. */
function describeFields(schema: Json, meant: PropertySchema, bodies: Record<string, Json>): void {
  if (typeof schema['$ref'] === 'string') return describeFields(bodies[nameIn(schema['$ref'])]!, meant, bodies);
  for (const [name, field] of Object.entries((schema['properties'] ?? {}) as Record<string, Json>)) {
    const { description, ...within } = meant.properties?.[name] ?? {};
    if (description !== undefined) field['description'] = description;
    describeFields(field, within, bodies);
  }
  if (meant.items && schema['items']) describeFields(schema['items'] as Json, meant.items, bodies);
}

/** Whoever is answered is told what is left of the caller's requests. */
function limited(operation: Operation): void {
  for (const [status, response] of Object.entries(operation.responses))
    if (!('$ref' in response))
      operation.responses[status] = { ...response, headers: { ...(response['headers'] as Json), ...rateLimitHeaders } };
}

/** A body with what is required and nothing else. */
export function exampleOf(schema: Json, bodies: Record<string, Json>): unknown {
  if (typeof schema['$ref'] === 'string') return exampleOf(bodies[nameIn(schema['$ref'])]!, bodies);
  if (schema['example'] !== undefined) return schema['example'];
  if (Array.isArray(schema['allOf'])) return exampleOf(schema['allOf'][0] as Json, bodies);
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  switch (schema['type']) {
    case 'object': {
      const properties = (schema['properties'] ?? {}) as Record<string, Json>;
      const required = (schema['required'] ?? []) as string[];
      return Object.fromEntries(required.map((name) => [name, exampleOf(properties[name]!, bodies)]));
    }
    case 'array':
      return [exampleOf(schema['items'] as Json, bodies)];
    case 'integer':
      return Math.max(Number(schema['minimum'] ?? 0), 1);
    case 'boolean':
      return true;
    default:
      return 'Contoso';
  }
}

function explained({ name, ...parameter }: Json): Json {
  return { name, description: parameterTexts[name as string], ...parameter };
}

const namedThings: Readonly<Record<string, Json>> = {
  name: { type: 'string', example: 'removal-blocked' },
  eventType: { type: 'string', example: 'SubscriptionSuspended' },
  schemaNumber: { type: 'integer', minimum: 1, example: 1 },
  commandName: { type: 'string', example: 'SuspendSubscription' },
  item: { type: 'string', enum: itemTypes },
};

function pathParameter(name: string): Json {
  const isGuid = name === 'customerId' || name === 'partnerId' || name === 'operationId';
  return {
    name,
    in: 'path',
    required: true,
    description: name === 'item' ? 'The type of the item.' : parameterTexts[name],
    schema: isGuid
      ? { type: 'string', format: 'uuid', example: '6f9619ff-8b86-4d01-b42d-00cf4fc964ff' }
      : name in namedThings
        ? namedThings[name]
        : {
            type: 'string',
            pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
            example: `${name.replace(/Id$/, '').toLowerCase()}-0001`,
          },
  };
}

const header = (name: string, required: boolean, description: string, schema: Json): Json => ({
  name,
  in: 'header',
  required,
  description,
  schema,
});
const tags = { type: 'string', example: '"7.1"' };
/** `*`, or entity tags with commas between; only strong ones where they must match strongly. */
const tagsForm = (tag: string) => `^ *(\\*|${tag}( *, *${tag})*) *$`;
const someTags = { ...tags, pattern: tagsForm('(W/)?"[!#-~]*"') };
const strongTags = { ...tags, pattern: tagsForm('"[!#-~]*"') };
// Bare, or as a string of RFC 8941, in which the quote and the backslash are escaped.
const idempotencyKeyForm = '^([!#-~][!-~]{0,254}|"([!#-\\[\\]-~]|\\\\["\\\\]){1,255}")$';
const placeInLedger = {
  type: 'string',
  pattern: '^ *(0|[1-9][0-9]{0,15}); *ledger="[0-9a-f-]{36}"(; *event="[0-9a-f]{8}-[0-9a-f]{4}")? *$',
  example: '42;ledger="6f9619ff-8b86-4d01-b42d-00cf4fc964ff";event="1b4e28ba-2fa1"',
};

const parameters: Json = {
  IdempotencyKey: header(
    'Idempotency-Key',
    false,
    'Required unless dryRun. New for every command, the same for every retry of it: 1 to 255 visible ASCII characters, bare or in quotes (RFC 8941).',
    { type: 'string', pattern: idempotencyKeyForm, example: '0b0f5e1c-4f0a-4a53-9d3a-6f3f1f5a9f10' },
  ),
  IfMatch: header('If-Match', false, 'Only if the relationship is as seen: its ETag, or * for any.', strongTags),
  IfMatchRequired: header(
    'If-Match',
    false,
    'Required unless dryRun: the ETag of the relationship as seen, or * for any.',
    strongTags,
  ),
  IfNoneMatch: header('If-None-Match', false, 'Answer 304 if nothing has changed since this ETag.', someTags),
  IfNoneMatchOfThePast: header(
    'If-None-Match',
    false,
    'With asOf or asOfPosition: answer 304 if nothing has changed since this ETag. As it stands now, the list has no ETag, because it changes with the clock.',
    someTags,
  ),
  LedgerPosition: header(
    'Ledger-Position',
    false,
    'The view must have reached this: what a command answered, to read what it wrote.',
    placeInLedger,
  ),
  Prefer: header(
    'Prefer',
    false,
    'wait=n: how many seconds to wait for that position, or for the list as it stood; 2 unless said, at most 30. A list as it stood that takes longer is 503 AsOfInProgress, with the Location of the operation that makes it. Callers whose Accept also names application/vnd.reseller-ledger.operation+json get 202 in that media type instead: the Operation.',
    { type: 'string', example: 'wait=5' },
  ),
  PreferEnd: header('Prefer', false, 'wait=n: how many seconds to wait for its end, none unless said, at most 30.', {
    type: 'string',
    example: 'wait=20',
  }),
  LastEventId: header(
    'Last-Event-ID',
    false,
    'With text/event-stream: the id that came last; events behind it follow. It counts before after.',
    placeInLedger,
  ),
  CorrelationId: header(
    'X-Correlation-Id',
    false,
    'Stored with every event and echoed; made if it is absent or has another form.',
    {
      type: 'string',
      pattern: '^[A-Za-z0-9._-]{1,64}$',
    },
  ),
  Traceparent: header('traceparent', false, 'W3C Trace Context.', { type: 'string' }),
  DryRun: {
    name: 'dryRun',
    in: 'query',
    required: false,
    description: 'Decide, record nothing.',
    schema: { type: 'boolean' },
  },
};

const headers: Json = {
  ETag: { description: 'Revision and form of the relationship.', schema: tags },
  DocumentTag: { description: 'The bytes of the document; another for each coding.', schema: tags },
  ListTag: {
    description: 'Of the position of the view, the event that stands there, and the query.',
    schema: { type: 'string', example: 'W/"42.0123456789abcdef"' },
  },
  LedgerPosition: {
    description:
      'The place in the ledger that the answer rests on, and the begin of the id of the event that stands there. Give it back as it is.',
    schema: { type: 'string', pattern: '^[0-9]+;ledger="[0-9a-f-]{36}"(;event="[0-9a-f]{8}-[0-9a-f]{4}")?$' },
  },
  Location: { description: 'Where the new item is.', schema: { type: 'string', format: 'uri-reference' } },
  IdempotentReplayed: {
    description: 'Present when the first answer to this key is given again.',
    schema: { type: 'string', const: 'true' },
  },
  Link: { description: 'rel="next": the next page, if there is one.', schema: { type: 'string' } },
  CorrelationId: { required: true, schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,64}$' } },
  RetryAfter: { description: 'Seconds.', required: true, schema: { type: 'string', pattern: '^[0-9]+$' } },
  RetryAfterIfGoing: {
    description: 'Seconds, while it is worth asking again.',
    schema: { type: 'string', pattern: '^[0-9]+$' },
  },
  RateLimit: {
    description: 'What is left (r) until the window ends in t seconds, as the IETF draft of this name has it.',
    schema: { type: 'string', example: '"caller";r=59999;t=60' },
  },
  RateLimitPolicy: {
    description:
      'How many requests (q) a caller may make in a window of w seconds; each item of a bulk is one, and so is every 16 KiB of an answer.',
    schema: { type: 'string', example: '"caller";q=60000;w=60' },
  },
};
const rateLimitHeaders: Json = {
  RateLimit: ref('headers', 'RateLimit'),
  'RateLimit-Policy': ref('headers', 'RateLimitPolicy'),
};

const ofKind = (kind: RejectionKind) =>
  Object.entries(rejections)
    .filter(([, of]) => of === kind)
    .map(([code]) => code);
const conflictsOfReading = ['RelationshipNotActive', 'RelationshipAlreadyRemoved'];

/** What some problems bring besides. */
const headersOfProblem: Readonly<Record<string, Json>> = {
  CommandConflict: {
    'Ledger-Position': ref('headers', 'LedgerPosition'),
    'Idempotent-Replayed': ref('headers', 'IdempotentReplayed'),
    'Retry-After': ref('headers', 'RetryAfterIfGoing'),
  },
  PreconditionFailed: { ETag: ref('headers', 'ETag'), 'Ledger-Position': ref('headers', 'LedgerPosition') },
};

/** Which codes stand behind a status, by kind of route. */
const problemCodes: Record<string, readonly [status: number, codes: readonly string[]]> = {
  BadRequest: [400, codesWith(400)],
  Unauthenticated: [401, codesWith(401)],
  Forbidden: [statusOfKind.who, ['PartnerUnknown', ...ofKind('who')]],
  NotFound: [statusOfKind.unknown, ['RouteNotFound', 'OperationNotFound', ...ofKind('unknown')]],
  NotAcceptable: [406, codesWith(406)],
  RequestTimeout: [408, codesWith(408)],
  CommandConflict: [statusOfKind.state, ['CommandInProgress', ...ofKind('state')]],
  ReadinessConflict: [statusOfKind.state, conflictsOfReading],
  PreconditionFailed: [412, codesWith(412)],
  BodyTooLarge: [413, codesWith(413)],
  AddressTooLong: [414, codesWith(414)],
  MediaTypeNotSupported: [415, codesWith(415)],
  CommandUnprocessable: [statusOfKind.meaning, ['IdempotencyKeyReused', ...ofKind('meaning')]],
  PreconditionRequired: [428, codesWith(428)],
  ExpectationFailed: [417, codesWith(417)],
  TooManyRequests: [429, codesWith(429)],
  HeadersTooLarge: [431, codesWith(431)],
  InternalError: [500, codesWith(500)],
  PolicyUnknown: [501, codesWith(501)],
  CommandUnavailable: [
    503,
    ['StoreUnavailable', 'OutcomeUnknown', 'LogDamaged', 'ServerOutdated', 'AuthenticationUnavailable', 'ShuttingDown'],
  ],
  StoreUnavailable: [
    503,
    ['StoreUnavailable', 'LogDamaged', 'ServerOutdated', 'AuthenticationUnavailable', 'ShuttingDown'],
  ],
  HistoryUnavailable: [
    503,
    [
      'StreamsExhausted',
      'StoreUnavailable',
      'LogDamaged',
      'ServerOutdated',
      'AuthenticationUnavailable',
      'ShuttingDown',
    ],
  ],
  ViewUnavailable: [
    503,
    [
      'ViewBehind',
      'ViewUnavailable',
      'AsOfUnavailable',
      'AsOfInProgress',
      'StoreUnavailable',
      'LogDamaged',
      'ServerOutdated',
      'AuthenticationUnavailable',
      'ShuttingDown',
    ],
  ],
};

function codesWith(status: number): string[] {
  return (Object.keys(httpProblems) as HttpProblemCode[]).filter((code) => httpProblems[code].status === status);
}

function problems(...names: string[]): Record<string, Json> {
  return Object.fromEntries(
    names.map((name) => [String(problemCodes[name]![0]), { $ref: `#/components/responses/${name}` }]),
  );
}

function problemResponses(): Json {
  return Object.fromEntries(
    Object.entries(problemCodes).map(([name, [status, codes]]) => [
      name,
      {
        description: `One of: ${codes.join(', ')}.`,
        headers: {
          'X-Correlation-Id': ref('headers', 'CorrelationId'),
          ...(status === 503 || status === 429 ? { 'Retry-After': ref('headers', 'RetryAfter') } : {}),
          ...rateLimitHeaders,
          // What a refusal rests on, where it rests on something.
          ...([401, 403, 404, 409, 412, 422].includes(status)
            ? { 'Ledger-Position': ref('headers', 'LedgerPosition') }
            : {}),
          ...headersOfProblem[name],
        },
        content: { 'application/problem+json': { schema: ref('schemas', 'Problem') } },
        // For programs; to a generated client every problem is of one type.
        'x-problem-codes': codes,
      },
    ]),
  );
}

const nameIn = (ref: string) => ref.split('/').at(-1)!;

function ref(kind: string, name: string): Json {
  return { $ref: `#/components/${kind}/${name}` };
}

const tagOf = (path: string) => {
  const parts = path.split('/').filter((part) => part && !part.startsWith('{'));
  const noun = parts.filter((part) => !['v1', 'partners', 'customers'].includes(part))[0] ?? 'customers';
  return noun === 'delegated-admin-grants' ? 'delegated-admin' : noun;
};
const camelCase = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
const pascalCase = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
