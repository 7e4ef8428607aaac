import { rejections, type RejectionKind } from '#customer-relationship';
import { httpProblems, statusOfKind } from '#http';
import type { RouteKind, RouteText } from '../../../apps/server/src/contract/documented.js';
import { ref, type Json } from './json.js';

// What callers are answered: headers, answers by the kind of a route, and problems.

const tags = { type: 'string', example: '"7.1.kZ3pX0aT9q"' };

export const headerComponents: Json = {
  ETag: { description: 'Revision, form and partner of the relationship.', schema: tags },
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
  SettledUntil: {
    description:
      'How far it has been recorded what time has brought about for this partner, or for the customer whose list it is: up to the first end that has passed without its event, else up to the time of the answer. Absent while a view that knows it is being rebuilt.',
    schema: { type: 'string', format: 'date-time' },
  },
  Location: {
    description: 'Where the new item is, or the operation that makes a list as it stood.',
    schema: { type: 'string', format: 'uri-reference' },
  },
  IdempotentReplayed: {
    description: 'Present when the first answer to this key is given again.',
    schema: { type: 'string', const: 'true' },
  },
  PreferenceApplied: {
    description: 'wait=n: for how long the answer may have waited, because Prefer asked for it.',
    schema: { type: 'string', pattern: '^wait=[0-9]+$' },
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

/** Component and name, in the order that the document has them. */
const headerNames = {
  ETag: 'ETag',
  ListTag: 'ETag',
  DocumentTag: 'ETag',
  LedgerPosition: 'Ledger-Position',
  SettledUntil: 'Settled-Until',
  Location: 'Location',
  IdempotentReplayed: 'Idempotent-Replayed',
  Link: 'Link',
  PreferenceApplied: 'Preference-Applied',
  CorrelationId: 'X-Correlation-Id',
  RetryAfterIfGoing: 'Retry-After',
} as const;
type HeaderComponent = keyof typeof headerNames;

function headersNamed(components: readonly HeaderComponent[]): Json {
  return Object.fromEntries(components.map((name) => [headerNames[name], ref('headers', name)]));
}

const always: readonly HeaderComponent[] = ['LedgerPosition', 'CorrelationId'];
const unchanged = 'Nothing has changed since the ETag that was sent.';

function answered(
  description: string,
  content: Json,
  headers: readonly HeaderComponent[],
  { limited = true }: { readonly limited?: boolean } = {},
): Json {
  return { description, headers: { ...headersNamed(headers), ...(limited ? rateLimitHeaders : {}) }, content };
}

const asJson = (name: string, mediaType = 'application/json'): Json => ({
  [mediaType]: { schema: ref('schemas', name) },
});

/** What comes line by line or event by event has no form that JSON Schema could name as a whole. */
const each = (description: string): Json => ({ schema: { type: 'string', description } });

const commandHeaders: readonly HeaderComponent[] = ['ETag', 'LedgerPosition', 'IdempotentReplayed', 'CorrelationId'];

/** Responses that many routes share. */
const sharedResponses: Json = {
  CommandAnswered: answered('Recorded; for a dry run, what would be.', asJson('CommandAnswer'), commandHeaders),
  CommandCreated: answered('Recorded, and the item is new.', asJson('CommandAnswer'), [...commandHeaders, 'Location']),
  Unchanged: { description: unchanged, headers: { ...headersNamed(['ETag', ...always]), ...rateLimitHeaders } },
  UnchangedList: {
    description: unchanged,
    headers: { ...headersNamed(['ListTag', 'SettledUntil', ...always]), ...rateLimitHeaders },
  },
  UnchangedDocument: { description: unchanged, headers: { ...headersNamed(['DocumentTag']), ...rateLimitHeaders } },
};

/** The document of a list's pages. */
export function listResponse(page: string, description: string): Json {
  return answered(description, asJson(page), [
    'ListTag',
    'LedgerPosition',
    'SettledUntil',
    'Link',
    'PreferenceApplied',
    'CorrelationId',
  ]);
}

/** The document of what a route answers when all is well. */
export function responseOf({ kind, answer, says, mediaType }: RouteText): Json {
  switch (kind) {
    case 'standing':
      return answered(says, asJson(answer), ['ETag', ...always]);
    case 'readiness':
      return answered(says, asJson(answer), always);
    case 'explanation':
    case 'securityJournal':
      return answered(says, asJson(answer), ['LedgerPosition', 'Link', 'CorrelationId']);
    case 'history':
      return answered(
        `${says} in the order of the ledger, as they are stored: CloudEvents 1.0. ` +
          'A page; or, as application/x-ndjson, everything up to Ledger-Position, where a trailer field History-Complete says that nothing is missing; ' +
          'or, as text/event-stream, everything and then what comes, until the token ends. Refusals are left out unless journals=true.',
        {
          ...asJson(answer, 'application/cloudevents-batch+json'),
          ...asJson(answer),
          'application/x-ndjson': each('A CloudEvent (components/schemas/CloudEvent) on every line.'),
          'text/event-stream': each(
            'Server-sent events: id is the place in the ledger, event the name, data a CloudEvent (components/schemas/CloudEvent).',
          ),
        },
        ['LedgerPosition', 'Link', 'CorrelationId'],
      );
    case 'operation':
      return answered(says, asJson(answer), ['PreferenceApplied', 'CorrelationId', 'RetryAfterIfGoing']);
    case 'bulk':
      return answered(
        says,
        {
          ...asJson(answer),
          'application/x-ndjson': each('A BulkItemAnswer (components/schemas/BulkItemAnswer) on every line.'),
        },
        ['CorrelationId'],
      );
    case 'fixed':
      return answered(says, asJson(answer, mediaType), ['DocumentTag']);
    case 'health':
      return answered(says, asJson(answer), [], { limited: false });
  }
}

/** By status. */
export type RouteResponses = Record<string, Json>;

const asking = ['BadRequest', 'Unauthenticated', 'Forbidden'] as const;
const reading = [
  'NotAcceptable',
  'PreconditionFailed',
  'AddressTooLong',
  'TooManyRequests',
  'HeadersTooLarge',
  'InternalError',
] as const;
const sending = [
  'NotAcceptable',
  'RequestTimeout',
  'BodyTooLarge',
  'MediaTypeNotSupported',
  'ExpectationFailed',
] as const;

export const commandProblems: readonly ProblemResponse[] = [
  ...asking,
  ...sending,
  ...reading,
  'NotFound',
  'CommandConflict',
  'CommandUnprocessable',
  'CommandUnavailable',
];

export function listProblems(dependsOnPolicy: boolean): readonly ProblemResponse[] {
  return [...asking, ...reading, ...(dependsOnPolicy ? (['PolicyUnknown'] as const) : []), 'ViewUnavailable'];
}

export const problemsOf: Readonly<Record<RouteKind, readonly ProblemResponse[]>> = {
  standing: [...asking, ...reading, 'StoreUnavailable'],
  readiness: [...asking, ...reading, 'ReadinessConflict', 'PolicyUnknown', 'StoreUnavailable'],
  explanation: [...asking, ...reading, 'StoreUnavailable'],
  securityJournal: [...asking, ...reading, 'StoreUnavailable'],
  history: [...asking, ...reading, 'HistoryUnavailable'],
  operation: [...asking, ...reading, 'NotFound', 'StoreUnavailable'],
  // What a sender may do is decided for each item.
  bulk: [
    'BadRequest',
    'Unauthenticated',
    ...sending,
    'TooManyRequests',
    'HeadersTooLarge',
    'InternalError',
    'CommandUnavailable',
  ],
  fixed: ['BadRequest', 'NotAcceptable', 'PreconditionFailed', 'AddressTooLong', 'TooManyRequests', 'HeadersTooLarge'],
  // A load balancer must hear how the server does, however often it asks.
  health: ['BadRequest', 'PreconditionFailed', 'AddressTooLong', 'HeadersTooLarge'],
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
  ViewUnavailable: { Location: ref('headers', 'Location') },
  PreconditionFailed: { ETag: ref('headers', 'ETag'), 'Ledger-Position': ref('headers', 'LedgerPosition') },
};

/** Which codes a status may bring, by kind of route. */
const problemCodes = {
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
    [
      'ClockNotTrusted',
      'StoreUnavailable',
      'OutcomeUnknown',
      'LogDamaged',
      'ServerOutdated',
      'AuthenticationUnavailable',
      'ShuttingDown',
    ],
  ],
  StoreUnavailable: [
    503,
    [
      'ClockNotTrusted',
      'StoreUnavailable',
      'LogDamaged',
      'ServerOutdated',
      'AuthenticationUnavailable',
      'ShuttingDown',
    ],
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
      'ClockNotTrusted',
      'StoreUnavailable',
      'LogDamaged',
      'ServerOutdated',
      'AuthenticationUnavailable',
      'ShuttingDown',
    ],
  ],
} satisfies Record<string, readonly [status: number, codes: readonly string[]]>;
export type ProblemResponse = keyof typeof problemCodes;

function codesWith(status: keyof typeof httpProblems): string[] {
  return Object.keys(httpProblems[status]);
}

/** References to problems, by status. */
export function problems(names: readonly ProblemResponse[]): RouteResponses {
  return Object.fromEntries(names.map((name) => [String(problemCodes[name][0]), ref('responses', name)]));
}

export function responseComponents(): Json {
  const ofProblems = Object.fromEntries(
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
  return { ...sharedResponses, ...ofProblems };
}
