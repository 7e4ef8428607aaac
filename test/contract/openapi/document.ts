import type { CommandName } from '#customer-relationship';
import { fieldsOfClass, problemTexts } from '#http';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { commandNames, commandRoutes } from '../../../apps/server/src/commands/command-routes.js';
import { SignatureFields } from '../../../apps/server/src/commands/relationship.js';
import { relationshipPaths } from '../../../apps/server/src/relationship-paths.js';
import { release } from '../../../apps/server/src/release.js';
import { bodyExamples } from './body-examples.js';
import { bulkBody, bulkSchemas } from './bulk.js';
import { routeText } from '../../../apps/server/src/contract/documented.js';
import { camelCase, inDocument, nameIn, pascalCase, ref, sentenceCase, type ComponentKind, type Json } from './json.js';
import { explained, parameterComponents, pathParameter } from './parameters.js';
import {
  commandProblems,
  headerComponents,
  listProblems,
  listResponse,
  problems,
  problemsOf,
  responseComponents,
  responseOf,
} from './responses.js';
import type { PropertySchema } from '../../../apps/server/src/contract/schemas.js';
import { explainedRowAt, listAt, viewSchemas } from './view-documents.js';

// The OpenAPI 3.1 document. Nest's explorer finds the routes and the bodies; what the document says of them stands beside the
// routes: in the declarations of commands and views, and in `Documented`. It is made by `npm run openapi` and by tests, never
// by a server, which serves the bytes that are checked in.

interface Operation extends Json {
  operationId: string;
  tags: string[];
  summary?: string;
  parameters: Json[];
  requestBody?: Json;
  responses: Record<string, Json>;
  security: Json[];
}
type Schemas = Record<string, Json>;
interface Document extends Json {
  paths: Record<string, Record<string, Operation>>;
  components: Record<ComponentKind, Schemas> & Json;
}

/** What is made beforehand, from the types of the code. */
export interface DocumentSources {
  /** Of every answer that is typed, by name. */
  readonly answers: Readonly<Schemas>;
  /** What commands and their fields mean, by name of the command. */
  readonly commands: ReadonlyMap<string, PropertySchema>;
}

export function openApiDocument(app: INestApplication, { answers, commands }: DocumentSources): object {
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
  const found = SwaggerModule.createDocument(app, config, {
    operationIdFactory: (controller, method) => `${controller}.${method}`,
  }) as unknown as Document;

  const bodies = found.components.schemas;
  for (const body of Object.values(bodies)) body['additionalProperties'] = false;
  const requestBodies = commandBodies(bodies, commands);
  const paths: Document['paths'] = {};
  for (const [path, operations] of Object.entries(found.paths))
    for (const [method, operation] of Object.entries(operations)) {
      // The twin is made of the route that it stands beside.
      if (isTwin(path)) continue;
      const described = { ...operation, ...describe(path, method, operation, commands) };
      (paths[path] ??= {})[method] = described;
      const twin = twinOf(path, found.paths);
      if (twin === undefined) continue;
      (paths[twin] ??= {})[method] = onPartnersSide(described, twin);
      // The one that people send stands in the section of its noun.
      const folded = isCustomersDecision(method, path) ? described : paths[twin][method];
      folded.tags = [twinsTag];
    }
  const { info, ...rest } = found;
  const document = {
    ...rest,
    info: { ...(info as Json), contact: { name: 'The operator of this server' } },
    paths,
    components: {
      ...found.components,
      schemas: { ...bodies, ...withCodes(answers), ...viewSchemas, ...bulkSchemas(bodies) },
      parameters: { ...parameterComponents },
      headers: headerComponents,
      responses: responseComponents(),
      requestBodies,
    },
  } as Document;
  shareParameters(document);
  shareResponses(document);
  const used = new Set(operationsOf(document).flatMap(({ tags }) => tags));
  document['tags'] = Object.entries({ ...tagTexts, ...tagsOfLists(), [twinsTag]: twinsText })
    .filter(([name]) => used.has(name))
    .map(([name, description]) => ({ name, description }));
  return document;
}

/** A problem's code is open, and so those that are known are examples. */
function withCodes(answers: Readonly<Schemas>): Schemas {
  const { Problem: problem } = answers;
  if (!problem) return answers;
  const properties = problem['properties'] as Schemas;
  const code = { ...properties['code'], examples: Object.keys(problemTexts) };
  return { ...answers, Problem: { ...problem, properties: { ...properties, code } } };
}

function operationsOf(document: Document): Operation[] {
  return Object.values(document.paths).flatMap((operations) => Object.values(operations));
}

const partnerPrefix = '/v1/partners/{partnerId}';

function isTwin(path: string): boolean {
  return path.startsWith(partnerPrefix);
}

/** Where people of the customer find what is at a path, if they do: they name the partner, and themselves. */
function twinOf(path: string, paths: Document['paths']): string | undefined {
  const ofCustomer = '/v1/customers/{customerId}';
  const below = path.startsWith(`${ofCustomer}/`) ? path.slice(ofCustomer.length) : path.replace(/^\/v1/, '');
  // What stands below a customer as well has its twin from there.
  if (path !== ofCustomer + below && ofCustomer + below in paths) return undefined;
  const twin = `${partnerPrefix}/customers/{customerId}${below}`;
  return twin in paths ? twin : undefined;
}

/** Only people of the customer decide it; on the other side it is relayed by an app of the partner. */
function isCustomersDecision(method: string, path: string): boolean {
  const command = method === 'post' ? commandAt.get(path) : undefined;
  return (
    command !== undefined &&
    [...fieldsOfClass(commandRoutes[command].body).values()].some(({ kind }) => kind.nested === SignatureFields)
  );
}

function onPartnersSide(operation: Operation, path: string): Operation {
  return {
    ...operation,
    operationId: `${operation.operationId}OfPartner`,
    parameters: [...pathParameters(path), ...operation.parameters.filter((parameter) => parameter['in'] !== 'path')],
  };
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => pathParameter(name!));
}

/** The command that is posted to a path of the document. */
const commandAt: ReadonlyMap<string, CommandName> = new Map(
  commandNames.map((command) => [inDocument(relationshipPaths(commandRoutes[command].path)[0]!), command]),
);

function describe(
  path: string,
  method: string,
  operation: Operation,
  commands: DocumentSources['commands'],
): Partial<Operation> {
  const query = (operation.parameters ?? []).filter((parameter) => parameter['in'] !== 'path').map(explained);
  const isOpen = !path.startsWith('/v1/');
  const common = {
    tags: [tagOf(path)],
    security: isOpen ? [] : [{ bearer: [] }],
    parameters: [
      ...pathParameters(path),
      ...query,
      ...(isOpen ? [] : [ref('parameters', 'CorrelationId'), ref('parameters', 'Traceparent')]),
    ],
  };
  const missing = path.includes('{customerId}') || (isOpen && path.includes('{')) ? problems(['NotFound']) : {};
  const command = method === 'post' ? commandAt.get(path) : undefined;
  const own = command
    ? commandOperation(command, commands.get(command)?.description)
    : (listOperation(path) ?? routeOperation(operation.operationId, method));
  return {
    ...own,
    ...common,
    parameters: [...common.parameters, ...own.parameters],
    responses: { ...own.responses, ...missing },
  };
}

type OwnOperation = Pick<Operation, 'operationId' | 'parameters' | 'responses'> & Json;

function commandOperation(command: CommandName, meaning: string | undefined): OwnOperation {
  const { needsIfMatch, creates } = commandRoutes[command];
  const condition = needsIfMatch ? ['If-Match is required (428 without it), but not for a dry run.'] : [];
  return {
    operationId: camelCase(command),
    summary: sentenceCase(command),
    'x-command': command,
    description: [...(meaning === undefined ? [] : [meaning]), ...condition].join(' '),
    parameters: [
      ref('parameters', 'IdempotencyKey'),
      ref('parameters', needsIfMatch ? 'IfMatchRequired' : 'IfMatch'),
      ref('parameters', 'IfNoneMatchOfCommand'),
      ref('parameters', 'DryRun'),
    ],
    requestBody: ref('requestBodies', command),
    responses: {
      200: ref('responses', 'CommandAnswered'),
      ...(creates ? { 201: ref('responses', 'CommandCreated') } : {}),
      ...problems([...commandProblems, ...(needsIfMatch ? (['PreconditionRequired'] as const) : [])]),
    },
  };
}

/** What a list of a view, or an explanation of its rows, is like; undefined for any other path. */
function listOperation(path: string): OwnOperation | undefined {
  const list = listAt.get(path);
  if (list)
    return {
      operationId: list.operation,
      summary: list.summary,
      description: list.answer,
      parameters: [
        ref('parameters', list.dependsOnClock ? 'IfNoneMatchOfThePast' : 'IfNoneMatch'),
        ref('parameters', 'LedgerPosition'),
        ref('parameters', 'Prefer'),
      ],
      responses: {
        200: listResponse(list.page, list.answer),
        304: ref('responses', 'UnchangedList'),
        ...problems(listProblems(list.dependsOnPolicy)),
      },
    };
  const row = explainedRowAt.get(path);
  if (!row) return undefined;
  const says = 'What made the row what it is, or took it away.';
  return {
    operationId: row.operation,
    summary: row.summary,
    description: says,
    parameters: [ref('parameters', 'LedgerPosition')],
    responses: {
      200: responseOf({ id: row.operation, summary: row.summary, kind: 'explanation', answer: 'Explanation', says }),
      ...problems(problemsOf.explanation),
    },
  };
}

/** @throws Error for a route that nobody has documented */
function routeOperation(id: string, method: string): OwnOperation {
  const text = routeText(id);
  if (!text) throw new Error(`The route ${id} is not documented: put @Documented(…) on it`);
  const { summary, kind } = text;
  const response = responseOf(text);
  const unchanged = kind === 'standing' ? 'Unchanged' : kind === 'fixed' ? 'UnchangedDocument' : undefined;
  return {
    operationId: id,
    summary,
    description: response['description'],
    parameters: [
      ...(unchanged ? [ref('parameters', 'IfMatchOfAnswer'), ref('parameters', 'IfNoneMatch')] : []),
      ...(takesPosition.includes(kind) ? [ref('parameters', 'LedgerPosition')] : []),
      ...(kind === 'history' ? [ref('parameters', 'LastEventId')] : []),
      ...(kind === 'operation' && method === 'get' ? [ref('parameters', 'PreferEnd')] : []),
      ...(kind === 'bulk' ? [ref('parameters', 'DryRun')] : []),
    ],
    ...(kind === 'bulk' ? { requestBody: bulkBody } : {}),
    responses: {
      200: response,
      ...(id === 'getReadiness' ? { 503: { ...response, description: 'Something is missing, and named.' } } : {}),
      ...(unchanged ? { 304: ref('responses', unchanged) } : {}),
      ...problems(problemsOf[kind]),
    },
  };
}

const takesPosition: readonly string[] = ['standing', 'readiness', 'explanation', 'securityJournal', 'history'];

/** The body of each command, with an example and with what its fields mean. */
function commandBodies(bodies: Schemas, commands: DocumentSources['commands']): Schemas {
  return Object.fromEntries(
    commandNames.map((command) => {
      const name = commandRoutes[command].body.name;
      const schema = bodies[name]!;
      const meant = commands.get(command);
      if (meant) describeFields(schema, meant, bodies);
      return [
        command,
        {
          required: Array.isArray(schema['required']) && schema['required'].length > 0,
          content: {
            'application/json': { schema: ref('schemas', name), example: exampleOfCommand(command, schema, bodies) },
          },
        },
      ];
    }),
  );
}

/** Puts parameters that several operations take among the components, each under one name. */
function shareParameters(document: Document): void {
  const { parameters } = document.components;
  const uses = usesOf(operationsOf(document), ({ parameters: own }) => own);
  const shared = [...uses.values()].filter(({ count }) => count > 1);
  const names = new Map<string, string>();
  // Those of the path first: a filter of the same name is called after it.
  for (const place of ['path', 'query'])
    for (const { value, text, operation } of shared.filter((use) => use.value['in'] === place)) {
      const plain = pascalCase(value['name'] as string);
      const isOnly =
        shared.filter((use) => use.value['in'] === place && use.value['name'] === value['name']).length === 1;
      const noun = operation.tags[0]!.split('-').map(pascalCase).join('');
      const name = isOnly ? (plain in parameters ? `${plain}Filter` : plain) : `${noun}${plain}`;
      if (name in parameters) throw new Error(`Two parameters would have the name ${name}`);
      parameters[name] = value;
      names.set(text, name);
    }
  for (const operation of operationsOf(document))
    operation.parameters = operation.parameters.map((parameter) => {
      const name = names.get(JSON.stringify(parameter));
      return name === undefined ? parameter : ref('parameters', name);
    });
}

interface Use {
  readonly value: Json;
  readonly text: string;
  /** The first that uses it. */
  readonly operation: Operation;
  readonly count: number;
}

/** What operations spell out, and how often each is said. */
function usesOf(
  operations: readonly Operation[],
  partsOf: (operation: Operation) => readonly Json[],
): Map<string, Use> {
  const uses = new Map<string, Use>();
  for (const operation of operations)
    for (const value of partsOf(operation).filter((part) => !('$ref' in part))) {
      const text = JSON.stringify(value);
      const known = uses.get(text) ?? { value, text, operation, count: 0 };
      uses.set(text, { ...known, count: known.count + 1 });
    }
  return uses;
}

/** Puts answers that several operations give among the components, each under the name of its schema. */
function shareResponses(document: Document): void {
  const { responses } = document.components;
  const uses = usesOf(operationsOf(document), (operation) => Object.values(operation.responses));
  const names = new Map<string, string>();
  for (const { value, text, operation, count } of uses.values()) {
    if (count < 2) continue;
    const schema = /(?<="\$ref":"#\/components\/schemas\/)\w+/.exec(text)?.[0];
    const name = schema !== undefined && !(schema in responses) ? schema : pascalCase(operation.operationId);
    responses[name] = value;
    names.set(text, name);
  }
  for (const { responses: own } of operationsOf(document))
    for (const [status, response] of Object.entries(own)) {
      const name = names.get(JSON.stringify(response));
      if (name !== undefined) own[status] = ref('responses', name);
    }
}

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

function exampleOfCommand(command: CommandName, schema: Json, bodies: Record<string, Json>): Json {
  return { ...(exampleOf(schema, bodies) as Json), ...bodyExamples[command] };
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

/** The section of routes that stand in another already, so that nobody reads everything twice. */
const twinsTag = 'twins';
const twinsText =
  'The routes above once more, for the other side: people of the customer name the partner in the path, and an app of the ' +
  'partner that relays a decision of the customer does not.';

/** Every tag, in the order of a table of contents. */
const tagTexts: Readonly<Record<string, string>> = {
  'reseller-relationship': 'The relationship itself: from its request to its removal.',
  agreement: 'The customer agreement, without which nothing is bought.',
  profile: 'What the partner knows the customer by.',
  subscriptions: 'Subscriptions of any kind, the Azure subscriptions under a plan, and their support contacts.',
  reservations: 'Reservations and their refunds.',
  software: 'Software purchases, perpetual or by subscription.',
  'savings-plans': 'Savings plans.',
  'delegated-admin': 'Delegated admin privileges, granular or not, and the access assigned under them.',
  customers: 'Customers with an active relationship.',
  commands: 'Many commands in one request.',
  items: 'Everything that customers have, whatever it is.',
  'support-contacts': 'Whom customers may turn to.',
  'ended-relationships': 'Relationships that have ended, and what goes on after them.',
  events: 'All that happened, as CloudEvents.',
  'security-events': 'Who was not let in, and who asked for what others have.',
  explanations: 'Why a row of a list is as it is: the events, who sent them and the rules.',
  operations: 'What takes longer than a caller waits for.',
  health: 'Probes of an orchestrator; no token is asked for.',
  problems: 'What the type of a problem leads to.',
  schemas: 'JSON Schemas of every event and every command.',
};

/** A list that stands alone under its tag says what its answer is. */
function tagsOfLists(): Record<string, string> {
  const texts = [...listAt].map(([path, { answer }]) => [tagOf(path), answer] as const);
  return Object.fromEntries(texts.filter(([tag]) => !(tag in tagTexts)));
}

const tagOf = (path: string) => {
  const parts = path.split('/').filter((part) => part && !part.startsWith('{'));
  const noun = parts.filter((part) => !['v1', 'partners', 'customers'].includes(part))[0] ?? 'customers';
  return noun === 'delegated-admin-grants' ? 'delegated-admin' : noun;
};
