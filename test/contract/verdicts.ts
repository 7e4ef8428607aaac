import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { isVisible, withoutInvisibleEnds } from '#customer-relationship';
import { currencies } from '#http';
import { contract } from '../http/contract.js';
import { document, resolvedIn, type Operation } from './document.js';
import type { Answered } from './exchange.js';
import type { Request } from './requests.js';
import type { Schema } from './schema-changes.js';

// What every answer is held to: the document, and what the contract promises of all routes alike.

const ajv = new Ajv2020({ strict: false, allErrors: false });
addFormats.default(ajv);
ajv.addSchema(document, 'document');
const validators = new Map<Schema, ValidateFunction>();

function admits(schema: Schema, value: unknown): boolean {
  let validate = validators.get(schema);
  if (!validate)
    validators.set(schema, (validate = ajv.compile(JSON.parse(JSON.stringify(schema), toDocument) as Schema)));
  return validate(value);
}

/** References lead into the document, wherever the schema that has them stands. */
function toDocument(this: unknown, key: string, value: unknown): unknown {
  return key === '$ref' && typeof value === 'string' ? `document${value}` : value;
}

/** Whether the document takes the request, but for what only the state can say. */
export type Judgement = 'asDocumented' | 'notAsDocumented' | 'unclear';

export function judgementOf(request: Request): Judgement {
  const { operation } = request;
  if (request.method !== operation.method) return 'unclear';
  const [path, search = ''] = request.url.split('?', 2) as [string, string?];
  const match = new RegExp(`^${operation.path.replace(/\{(\w+)\}/g, '(?<$1>[^/]*)')}$`).exec(path);
  if (!match) return 'unclear';
  const parts = match.groups ?? {};
  const inPath = operation.parameters.filter((parameter) => parameter.in === 'path');
  if (!inPath.every(({ name, schema }) => admits(schema, fromText(schema, decoded(parts[name]!)))))
    return 'notAsDocumented';
  if (!queryAdmitted(operation, search)) return 'notAsDocumented';
  // A dry run has no key, and a list that has no tag now compares none.
  const judgedHeaders = ['If-Match', 'Ledger-Position', ...(search.includes('dryRun=true') ? [] : ['Idempotency-Key'])];
  for (const { name, schema } of operation.parameters)
    if (judgedHeaders.includes(name) && request.headers[name] !== undefined && !admits(schema, request.headers[name]))
      return 'notAsDocumented';
  const tags = operation.parameters.find(({ name }) => name === 'If-None-Match');
  // Where there is nothing to compare it with, it is not read.
  if (tags && request.headers[tags.name] !== undefined && !admits(tags.schema, request.headers[tags.name]))
    return 'unclear';
  // Many commands are judged one by one, and each answered for itself.
  if (operation.id === 'sendCommands') return 'unclear';
  // Half a surrogate pair is no Unicode, so no schema speaks of it.
  if (/\\u[dD][89a-fA-F]/.test(request.body ?? '')) return 'unclear';
  if (needsWords(request.body ?? '')) return 'unclear';
  return bodyAdmitted(request) ? 'asDocumented' : 'notAsDocumented';
}

/** What the document says in words alone: invisible characters are blank, and a currency is one that is in force. */
function needsWords(body: string): boolean {
  let found = false;
  try {
    JSON.parse(body, (name, value: unknown) => {
      if (typeof value !== 'string') return value;
      if (name === 'currency' && !currencies.has(value)) found = true;
      if (value.trim() !== '' && (!isVisible(value) || withoutInvisibleEnds(value) !== value)) found = true;
      return value;
    });
  } catch {
    return false;
  }
  return found;
}

function queryAdmitted(operation: Operation, search: string): boolean {
  const known = new Map(operation.parameters.filter((each) => each.in === 'query').map((each) => [each.name, each]));
  const seen = new Set<string>();
  for (const part of search === '' ? [] : search.split('&')) {
    const [name = '', ...value] = part.split('=');
    const parameter = known.get(name);
    if (!parameter || (seen.has(name) && parameter.schema['type'] !== 'array')) return false;
    seen.add(name);
    if (!admits(parameter.schema, fromText(parameter.schema, decoded(value.join('='))))) return false;
  }
  return true;
}

function bodyAdmitted({ operation, body, headers }: Request): boolean {
  const schema = operation.body?.['application/json'];
  if (!schema) return body === undefined;
  if (body === undefined || body === '') return !operation.bodyRequired;
  if (headers['Content-Type'] !== 'application/json') return false;
  try {
    const value = JSON.parse(body) as unknown;
    // What JSON says twice is one thing for its parser and not for us.
    return JSON.stringify(value).length === body.length && admits(schema, withoutNulls(schema, value));
  } catch {
    return false;
  }
}

/** The document says in words that null in an optional field is no field. */
function withoutNulls(given: Schema, value: unknown): unknown {
  const schema = resolvedIn<Schema>(given);
  if (Array.isArray(value)) return value.map((each) => withoutNulls((schema['items'] ?? {}) as Schema, each));
  if (typeof value !== 'object' || value === null) return value;
  const [required, fields] = [schema['required'] ?? [], schema['properties'] ?? {}] as unknown as [
    readonly string[],
    Readonly<Record<string, Schema>>,
  ];
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, each]) => each !== null || required.includes(name) || !Object.hasOwn(fields, name))
      .map(([name, each]) => [name, withoutNulls(Object.hasOwn(fields, name) ? fields[name]! : {}, each)]),
  );
}

function fromText(schema: Schema, text: string): unknown {
  switch (schema['type']) {
    case 'integer':
      return /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : text;
    case 'boolean':
      return text === 'true' || (text === 'false' ? false : text);
    case 'array':
      return text.split(',').map((each) => fromText((schema['items'] ?? {}) as Schema, each));
    default:
      return text;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return '\u0000';
  }
}

/** Refusals of what the document says may be sent. */
const syntaxCodes = new Set([
  'MalformedBody',
  'InvalidBody',
  'InvalidPath',
  'InvalidQuery',
  'InvalidHeader',
  'BadRequest',
]);
/** 5xx of a healthy server: why each may be answered to this request. */
const excused: Readonly<Record<string, (request: Request) => boolean>> = {
  AsOfInProgress: ({ url }) => url.includes('asOf'),
  ViewBehind: ({ url, headers }) => url.includes('atLeast=') || 'Ledger-Position' in headers,
};

/** What is wrong with the answer, each as a rule and what broke it. */
export function faultsOf(request: Request, answered: Answered): { readonly rule: string; readonly what: string }[] {
  const faults: { rule: string; what: string }[] = [];
  const fault = (rule: string, what: string) => void faults.push({ rule, what });
  const { status, headers, body, text } = answered;
  const { operation, method } = request;
  const code = status >= 400 ? (body as { readonly code?: string }).code : undefined;
  const isOperation = method === operation.method && judgementOf({ ...request, body: undefined }) !== 'unclear';

  if (isOperation) {
    try {
      contract.hold(method, request.url, { status, headers, body });
    } catch (error) {
      fault('as documented', (error as Error).message);
    }
    for (const [name, { schema }] of Object.entries(operation.answers[String(status)]?.headers ?? {})) {
      const value = headers.get(name);
      if (value !== null && !admits(schema, fromText(schema, value)))
        fault('headers as documented', `${name}: ${value}`);
    }
    const announced = Object.keys(operation.answers[String(status)]?.headers ?? {}).map((name) => name.toLowerCase());
    for (const name of announcedHeaders)
      if (operation.needsToken && headers.has(name) && !announced.includes(name) && operation.answers[String(status)])
        fault('headers announced', `${name} with ${status}`);
  }

  if (status >= 500 && code !== 'ShuttingDown' && !excused[code ?? '']?.(request)) fault('no 5xx', `${status} ${text}`);
  if (status >= 400 && method !== 'HEAD') {
    if (
      !/^application\/problem\+json/.test(headers.get('content-type') ?? '') &&
      !operation.path.startsWith('/health/')
    )
      fault('every refusal is a problem', `${status} ${headers.get('content-type')}: ${text.slice(0, 200)}`);
    else if ((body as { status?: number }).status !== status && !operation.path.startsWith('/health/'))
      fault('every refusal is a problem', `${status} is not the status of ${text}`);
    const named = (body as { correlationId?: string }).correlationId;
    if (named !== undefined && named !== headers.get('X-Correlation-Id')) fault('one correlation id', text);
  }
  if (status === 405 && !headers.has('Allow')) fault('405 with Allow', text);

  const token = request.sender.token;
  if (
    operation.needsToken &&
    isOperation &&
    (token === null || typeof token === 'string') &&
    ![401, 414, 431].includes(status)
  )
    fault('no answer without a good token', `${status} ${text.slice(0, 200)}`);
  if (status === 304 && (!('If-None-Match' in request.headers) || text !== ''))
    fault('304 only for If-None-Match', text);

  const judgement = judgementOf(request);
  // Several moments at once, or one to come, are a matter of meaning.
  const asksOfThePast = /[?&]asOf/.test(request.url);
  if (judgement === 'asDocumented' && syntaxCodes.has(code ?? '') && !asksOfThePast && !isPage(request))
    fault('what is documented is taken', `${status} ${text}`);
  // Public routes ignore unknown query parameters.
  if (judgement === 'notAsDocumented' && status < 300 && operation.needsToken && !isPage(request))
    fault('what is not documented is refused', `${status} ${text.slice(0, 200)}`);

  const asked = askedPosition(request);
  const reached = Number((headers.get('Ledger-Position') ?? '').split(';', 1)[0]);
  if (asked !== undefined && status === 200 && !asksOfThePast && headers.has('Ledger-Position') && reached < asked)
    fault('what was written is read', `asked for ${asked}, answered of ${reached}`);
  return faults;
}

const announcedHeaders = [
  'etag',
  'location',
  'link',
  'ledger-position',
  'idempotent-replayed',
  'ratelimit',
  'ratelimit-policy',
  'retry-after',
];

/** A page further on has a query of the server's making. */
function isPage({ url }: Request): boolean {
  return url.includes('cursor=');
}

function askedPosition({ operation, headers, url, method }: Request): number | undefined {
  // Of one relationship the latest is read in any case, and its own position answered.
  if (method !== 'GET' || !operation.parameters.some(({ name }) => name === 'atLeast')) return undefined;
  const named = headers['Ledger-Position']?.split(';', 1)[0] ?? /[?&]atLeast=(\d+)/.exec(url)?.[1];
  return named === undefined ? undefined : Number(named);
}

/** What must be the same in every answer under one key. */
export function remembered({ status, headers, text }: Answered): string {
  const names = ['ETag', 'Location', 'Content-Type', 'Ledger-Position'];
  return JSON.stringify([status, ...names.map((name) => headers.get(name)), text]);
}

/** Whether a later attempt under the same key must get the same answer: it was recorded, or the state refused it. */
export function isRemembered({ status, headers, body }: Answered): boolean {
  // What rests on nothing that has ever been recorded leaves no trace: such as the refusal of a very first request.
  if (!headers.has('Ledger-Position')) return false;
  const code = (body as { readonly code?: string }).code;
  if (status === 409) return code !== 'CommandInProgress' && code !== 'ConcurrencyConflict';
  return status === 200 || status === 201;
}
