import { exampleIds } from './body-examples.js';
import type { Json } from './json.js';
import { filterTexts, wordsInPath } from './view-documents.js';

// What callers may send besides a body: parameters of the path and the query, and headers.

const itemIdText = 'One that looks like a GUID counts in any case.';

/** Of parameters in the path and the query, by name: one name means one thing, whatever the route. */
const parameterTexts: Readonly<Record<string, string>> = {
  subscriptionId: `The subscription. ${itemIdText}`,
  azureSubscriptionId: `The Azure subscription under the plan. ${itemIdText}`,
  reservationId: `The reservation. ${itemIdText}`,
  purchaseId: `The software purchase. ${itemIdText}`,
  savingsPlanId: `The savings plan. ${itemIdText}`,
  grantId: `The delegated admin grant. ${itemIdText}`,
  itemId: `The item. ${itemIdText}`,
  operationId: 'As the Location header brings it.',
  assignmentId: `The access assignment under the grant. ${itemIdText}`,
  customerId: 'The tenant of one customer: a GUID in any case.',
  partnerId: 'The tenant of the partner: a GUID in any case.',
  name: 'The last part of the type.',
  eventType: 'The name of the event.',
  schemaNumber: 'The version of the form of its data, as the event names it.',
  commandName: 'The name of the command.',
  cursor: 'From the Link header of the page before, with the same filters and sort.',
  limit: 'How many at most on this page.',
  atLeast: 'The position that the view must have reached; Ledger-Position says the same and names the ledger.',
  asOf: 'As it stood at this time: what had been recorded by then counts. A date means the last millisecond of that day in UTC; today means now. Not in the future; the + of an offset is %2B.',
  asOfPosition: 'As it stood at this position of the ledger. One moment at a time.',
  asOfRevision: 'As it stood at this revision of the relationship. One moment at a time.',
  after: 'Only what comes after it: a revision of the relationship, or a position of the ledger.',
  type: 'Only events with one of these names.',
  actor: 'Only what this person or program has sent.',
  command: 'Only what came of this command, by its name.',
  commandId: 'Only what came of this one command.',
  correlationId: 'Only what was sent with this X-Correlation-Id.',
  recordedFrom: 'Only what was recorded at this time or later.',
  recordedUntil: 'Only what was recorded at this time or earlier.',
  journals: 'With refusals, which are otherwise left out.',
  sort: 'In which order.',
};

/** A parameter of the query with what it means, where its own words are not said yet. */
export function explained({ name, ...parameter }: Json): Json {
  return {
    name,
    description: parameterTexts[name as string] ?? filterTexts[name as string],
    ...parameter,
    ...(parameter['required'] === true ? {} : { schema: withoutExample(parameter['schema'] as Json) }),
  };
}

/** Pages that try routes fill fields with examples. A field that may be left empty would be sent, and answered as nobody meant it. */
function withoutExample({ example: _, ...schema }: Json): Json {
  return schema['items'] === undefined ? schema : { ...schema, items: withoutExample(schema['items'] as Json) };
}

const namedThings: Readonly<Record<string, Json>> = {
  name: { type: 'string', example: 'removal-blocked' },
  eventType: { type: 'string', example: 'SubscriptionSuspended' },
  schemaNumber: { type: 'integer', minimum: 1, example: 1 },
  commandName: { type: 'string', example: 'SuspendSubscription' },
};

export function pathParameter(name: string): Json {
  const isGuid = name === 'customerId' || name === 'partnerId' || name === 'operationId';
  return {
    name,
    in: 'path',
    required: true,
    description: name === 'item' ? 'The type of the item.' : parameterTexts[name],
    schema: isGuid
      ? { type: 'string', format: 'uuid', example: exampleIds[name] ?? '6f9619ff-8b86-4d01-b42d-00cf4fc964ff' }
      : name in namedThings
        ? namedThings[name]
        : name in wordsInPath
          ? { type: 'string', enum: wordsInPath[name] }
          : {
              type: 'string',
              pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
              example: exampleIds[name],
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
const tags = { type: 'string' };
const oneTag = '((W/)?"[!#-~]*" *)?';
/** `*`, or entity tags with commas between, of which each may be left out (RFC 9110, 5.6.1). */
const someTags = { ...tags, pattern: `^ *(\\* *|${oneTag}(, *${oneTag})*)$` };
// Bare, or as a string of RFC 8941, in which the quote and the backslash are escaped.
const idempotencyKeyForm = '^([!#-~][!-~]{0,254}|"([!#-\\[\\]-~]|\\\\["\\\\]){1,255}")$';
const placeInLedger = {
  type: 'string',
  pattern: '^ *(0|[1-9][0-9]{0,15}); *ledger="[0-9a-f-]{36}"(; *event="[0-9a-f]{8}-[0-9a-f]{4}")? *$',
};

export const parameterComponents: Json = {
  IdempotencyKey: header(
    'Idempotency-Key',
    false,
    'Required unless dryRun. New for every command, the same for every retry of it: 1 to 255 visible ASCII characters, bare or in quotes (RFC 8941).',
    { type: 'string', pattern: idempotencyKeyForm },
  ),
  IfMatch: header(
    'If-Match',
    false,
    'Only if the relationship is as seen: its ETag, or * for any. A weak tag matches nothing (412).',
    someTags,
  ),
  IfMatchRequired: header(
    'If-Match',
    false,
    'Required unless dryRun: the ETag of the relationship as seen, or * for any. A weak tag matches nothing (412).',
    someTags,
  ),
  IfMatchOfAnswer: header('If-Match', false, 'Refuse (412) what has another ETag than one of these.', someTags),
  IfNoneMatchOfCommand: header(
    'If-None-Match',
    false,
    'Not if there is a relationship (*), or if it is as one of these ETags says: 412 instead.',
    someTags,
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
    'wait=n: how many seconds to wait for that position, or for the list as it stood; 2 unless said, at most 30. What is not understood is ignored (RFC 7240). ' +
      'A list as it stood that takes longer is 503 AsOfInProgress, with the Location of the operation that makes it; ' +
      'a caller whose Accept also names application/vnd.reseller-ledger.operation+json gets 202 in that media type instead: the Operation.',
    { type: 'string' },
  ),
  PreferEnd: header('Prefer', false, 'wait=n: how many seconds to wait for its end, none unless said, at most 30.', {
    type: 'string',
  }),
  LastEventId: header(
    'Last-Event-ID',
    false,
    'With text/event-stream: the id that came last; events after it follow. It takes precedence over the parameter after.',
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
