import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { createParser } from 'eventsource-parser';
import { faultsOfEvent } from '../contract/strict-events.js';

type Json = Record<string, any>;

export const operationType = 'application/vnd.reseller-ledger.operation+json';

/** The checked-in document. */
export const openapi = JSON.parse(readFileSync(resolve('openapi.json'), 'utf8')) as Json;

// Callers must bear new fields; the tests must not: an answer with an undocumented field is a fault here.
const strict = structuredClone(openapi);
for (const [name, schema] of Object.entries(strict['components'].schemas as Json)) close(schema as Json, name);

function close(schema: Json, name: string): void {
  if (schema['properties']) {
    schema['additionalProperties'] ??= false;
    for (const property of Object.values(schema['properties'] as Json)) close(property as Json, name);
  }
  if (schema['items']) close(schema['items'] as Json, name);
  for (const each of [...(schema['anyOf'] ?? []), ...(schema['allOf'] ?? [])] as Json[]) close(each, name);
}

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema(strict, 'openapi');
const validators = new Map<string, ValidateFunction>();

const routes = Object.entries(openapi['paths'] as Json).map(([path, operations]) => ({
  path,
  pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
  operations: operations as Json,
}));

function pointer(...parts: string[]): string {
  return `openapi#/${parts.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
}

/** What live answers are held to. */
export const contract = {
  /**
   * Throws when an answer is not one that the document promises for its route: status, media type and body, and headers
   * that it names.
   */
  hold(
    method: string,
    url: string,
    { status, headers, body }: { status: number; headers: Headers; body: unknown },
  ): void {
    const path = url.split('?', 1)[0]!;
    const exact = routes.find((route) => route.path === path);
    const route = exact ?? routes.find(({ pattern }) => pattern.test(path));
    const operation = route?.operations[method.toLowerCase()] as Json | undefined;
    const type = (headers.get('content-type') ?? '').split(';', 1)[0]!;
    // What is not a route has no entry of its own, but is a problem like every other.
    if (!operation) {
      if (type === 'application/problem+json')
        check(pointer('components', 'schemas', 'Problem'), body, `${method} ${path}`);
      return;
    }
    const where = `${method} ${route!.path} ${status}`;
    // For those who have named it in Accept, and in words only: beside 200 it would make a union of what generated clients read.
    if (status === 202 && type === operationType)
      return check(pointer('components', 'schemas', 'Operation'), body, where);
    const promised = operation['responses'][String(status)] as Json | undefined;
    if (!promised) throw new Error(`${where} is not documented: ${JSON.stringify(body)}`);
    const response = promised['$ref'] ? resolveRef(promised['$ref'] as string) : promised;
    for (const [name, header] of Object.entries((response['headers'] ?? {}) as Json)) {
      const { required } = resolveRef((header as Json)['$ref'] as string);
      if (required && !headers.has(name)) throw new Error(`${where} lacks the header ${name}`);
    }
    if (!response['content']) {
      if (body !== '') throw new Error(`${where} has a body`);
      return;
    }
    if (!(type in (response['content'] as Json))) throw new Error(`${where} is ${type}`);
    const base = promised['$ref']
      ? [...(promised['$ref'] as string).slice(2).split('/')]
      : ['paths', route!.path, method.toLowerCase(), 'responses', String(status)];
    check(pointer(...base, 'content', type, 'schema'), body, where);
    if (response['x-problem-codes']) holdProblem(status, response['x-problem-codes'] as string[], body as Json, where);
    // What comes line by line names the form of a line.
    const { description = '' } = (response['content'] as Json)[type]['schema'] as { description?: string };
    const form = /components\/schemas\/(\w+)/.exec(description)?.[1] ?? 'CloudEvent';
    for (const part of partsIn(type, body)) {
      check(pointer('components', 'schemas', form), part, where);
      if (form === 'CloudEvent') holdEvent(part, where);
    }
  },
};

function holdProblem(status: number, codes: readonly string[], body: Json, where: string): void {
  if (body['status'] !== status) throw new Error(`${where} is of another status: ${JSON.stringify(body)}`);
  if (!codes.includes(body['code'] as string)) throw new Error(`${where} has an unknown code: ${JSON.stringify(body)}`);
}

/** The events of a history in any of its forms, and whatever else comes line by line. */
function partsIn(type: string, body: unknown): readonly Json[] {
  if (type === 'application/cloudevents-batch+json') return body as Json[];
  if (type === 'application/x-ndjson')
    return (body as string)
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Json);
  const events: Json[] = [];
  if (type === 'text/event-stream')
    createParser({ onEvent: ({ data }) => events.push(JSON.parse(data) as Json) }).feed(body as string);
  return events;
}

function holdEvent(event: Json, where: string): void {
  const faults = faultsOfEvent({
    type: event['type'] as string,
    schema: event['schema'] as number,
    data: event['data'],
  });
  if (faults)
    throw new Error(`${where} has an event that is not as its schema says: ${faults}\n${JSON.stringify(event)}`);
}

/** What an operation takes as JSON. */
export function bodyOf(operation: Json): Json {
  const body = operation['requestBody'] as Json;
  return (body['$ref'] ? resolveRef(body['$ref'] as string) : body)['content']['application/json'] as Json;
}

export function resolveRef(ref: string): Json {
  return ref
    .slice(2)
    .split('/')
    .reduce((at: Json, part) => at[part] as Json, openapi);
}

function check(schema: string, body: unknown, where: string): void {
  let validate = validators.get(schema);
  if (!validate) validators.set(schema, (validate = ajv.compile({ $ref: schema })));
  if (validate(body)) return;
  throw new Error(`${where} is not as documented: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(body)}`);
}
