import { resolve } from 'node:path';
import { grantNameCodec, journalCodec, relationshipCodec } from '#customer-relationship';
import type { EventCodec } from '#event-sourcing';
import { createGenerator, type SchemaGenerator } from 'ts-json-schema-generator';
import { openApiDocument } from './openapi/document.js';
import type { PropertySchema } from '../../apps/server/src/contract/schemas.js';
import { unservedApplication } from './openapi/unserved-application.js';
import { securityJournalCodec } from '../../apps/server/src/security-journal/security-journal-events.js';
import { timekeeperCodec } from '../../apps/server/src/timekeeper/timekeeper-events.js';
import { answerSchemas } from './answer-schemas.js';
import type { Json, Schema } from './schema-changes.js';

// The contract from the code: openapi.json, and the JSON Schemas (2020-12) of every event and command. Names, types and doc
// comments of events come from their catalogues; of commands from the catalogue too, and what their fields may hold from the
// classes of the routes' bodies.

/** A file below schemas/. */
export interface SchemaFile {
  readonly path: string;
  readonly schema: Schema;
}

interface EventCatalogue {
  readonly file: string;
  readonly type: string;
  readonly schemaOf: EventCodec<never>['schemaOf'];
}

/** Everything that any stream of the log may hold. */
const eventCatalogues: readonly EventCatalogue[] = [
  { ...inDomain('events.ts', 'RelationshipEvents'), schemaOf: relationshipCodec.schemaOf },
  { ...inDomain('grant-names.ts', 'GrantNameEvents'), schemaOf: grantNameCodec.schemaOf },
  { ...inDomain('journal.ts', 'JournalEvents'), schemaOf: journalCodec.schemaOf },
  {
    file: 'apps/server/src/security-journal/security-journal-events.ts',
    type: 'SecurityJournalEvents',
    schemaOf: securityJournalCodec.schemaOf,
  },
  {
    file: 'apps/server/src/timekeeper/timekeeper-events.ts',
    type: 'TimekeeperEvents',
    schemaOf: timekeeperCodec.schemaOf,
  },
  // Read where they are written, without a codec: another form of them would have another name.
  { file: 'libs/event-sourcing/src/ledger.ts', type: 'LedgerEvents', schemaOf: () => 1 },
];
const commandCatalogue = inDomain('commands.ts', 'RelationshipCommands');
const answerCatalogue = { file: 'apps/server/src/contract/answers.ts', type: 'Answers' };

/** What is checked in, as the code has it now. */
export interface GeneratedContract {
  /** Schemas of older events are not among them: their files stay as they are. */
  readonly schemas: readonly SchemaFile[];
  /** openapi.json */
  readonly document: object;
}

export async function generatedContract(): Promise<GeneratedContract> {
  const sources = [...eventCatalogues, commandCatalogue, answerCatalogue].map(({ file }) => resolve(file));
  const generator = createGenerator({
    path: `{${sources.join(',')}}`,
    tsconfig: resolve('tsconfig.json'),
    // The compiler has its own say elsewhere, and takes its time.
    skipTypeCheck: true,
    topRef: false,
    additionalProperties: true,
  });
  const answers = answerSchemas(generator, answerCatalogue.type);
  const app = await unservedApplication();
  try {
    // The first has the bodies alone; what commands mean is made from them, and goes into the second.
    const routes = routesOf(openApiDocument(app, { answers, commands: new Map() }) as Document);
    const commands = commandSchemas(generator, routes);
    const meanings = new Map(commands.map(({ schema }) => [schema['title'] as string, schema as PropertySchema]));
    return {
      schemas: [...eventSchemas(generator), ...commands],
      document: openApiDocument(app, { answers, commands: meanings }),
    };
  } finally {
    await app.close();
  }
}

function inDomain(file: string, type: string) {
  return { file: `libs/customer-relationship/src/${file}`, type };
}

function eventSchemas(generator: SchemaGenerator): SchemaFile[] {
  return eventCatalogues.flatMap(({ file, type: catalogue, schemaOf }) => {
    const { events, definitions } = catalogueOf(generator, catalogue);
    return Object.entries(events).map(([type, schema]) => {
      requireDescription(schema, type, file);
      const number = schemaOf(type);
      const { description, ...rest } = schema;
      const written = open(rest);
      return {
        path: `events/${type}.${number}.json`,
        schema: {
          $schema: dialect,
          // What the attribute `dataschema` of a CloudEvent says.
          $id: `urn:reseller-ledger:schemas:events:${type}:${number}`,
          title: type,
          description: description!,
          ...written,
          ...definitionsFor(written, definitions),
        },
      };
    });
  });
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly requestBodies: Readonly<Record<string, RequestBody>>;
  };
}
interface Operation {
  readonly 'x-command'?: string;
}
interface RequestBody {
  readonly content: { readonly 'application/json': { readonly schema: Schema } };
}
interface Route {
  readonly ids: readonly string[];
  readonly body: Schema;
}

/** Of every route that sends a command: what its path and its body take, by the command. */
function routesOf({ paths, components }: Document): ReadonlyMap<string, Route> {
  const routes = Object.entries(paths).flatMap(([path, { post }]) => {
    const command = post?.['x-command'];
    if (command === undefined || !path.startsWith('/v1/customers/')) return [];
    const { schema } = components.requestBodies[command]!.content['application/json'];
    const ids = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
    return [[command, { ids, body: inlined(schema, components.schemas) }] as const];
  });
  return new Map(routes);
}

function inlined(schema: Schema, components: Readonly<Record<string, Schema>>): Schema {
  if (typeof schema['$ref'] === 'string') return inlined(components[nameIn(schema['$ref'])]!, components);
  const properties = schema['properties'] as Readonly<Record<string, Schema>> | undefined;
  return {
    ...schema,
    ...(properties
      ? {
          properties: Object.fromEntries(Object.entries(properties).map(([n, each]) => [n, inlined(each, components)])),
        }
      : {}),
    ...(isSchema(schema['items']) ? { items: inlined(schema['items'], components) } : {}),
  };
}

function commandSchemas(generator: SchemaGenerator, routes: ReadonlyMap<string, Route>): SchemaFile[] {
  const { events: commands, definitions } = catalogueOf(generator, commandCatalogue.type);
  return Object.entries(commands).map(([name, schema]) => {
    requireDescription(schema, name, commandCatalogue.file);
    const route = routes.get(name);
    if (!route) throw new Error(`No route sends ${name}`);
    const { description, ...body } = described(route.body, withComment(schema, route.ids), definitions, name);
    return {
      path: `commands/${name}.json`,
      schema: {
        $schema: dialect,
        $id: `urn:reseller-ledger:schemas:commands:${name}`,
        title: name,
        description: description!,
        ...body,
      },
    };
  });
}

const dialect = 'https://json-schema.org/draft/2020-12/schema';

interface Catalogue {
  readonly events: Readonly<Record<string, Schema>>;
  readonly definitions: Readonly<Record<string, Schema>>;
}

function catalogueOf(generator: SchemaGenerator, type: string): Catalogue {
  const { properties, definitions } = JSON.parse(JSON.stringify(generator.createSchema(type))) as {
    readonly properties: Readonly<Record<string, Schema>>;
    readonly definitions?: Readonly<Record<string, Schema>>;
  };
  return { events: properties, definitions: definitions ?? {} };
}

function requireDescription({ description }: Schema, name: string, file: string): void {
  if (description === undefined) throw new Error(`${name} in ${file} lacks a comment that says what it means`);
}

/**
 * As readers of events need it: fields may be added (they are welcome by default), words are examples because new ones may
 * come, and numbers are whole, as they are in every event.
 */
function open(schema: Schema): Schema {
  const { type, enum: words, const: word, $ref, additionalProperties, ...rest } = schema;
  if (typeof $ref === 'string' && nameIn($ref) === 'Json') return rest;
  const opened: Record<string, Json> = {};
  if (typeof $ref === 'string') opened['$ref'] = `#/$defs/${nameIn($ref)}`;
  if (type !== undefined) opened['type'] = type === 'number' ? 'integer' : type;
  const examples = words ?? (word === undefined ? undefined : [word]);
  for (const [keyword, value] of Object.entries(rest)) opened[keyword] = openWithin(keyword, value);
  if (examples !== undefined) opened['examples'] = examples;
  // A map of something; of others nothing is known that a schema could say.
  if (isSchema(additionalProperties) && !isMapOfAnything(additionalProperties))
    opened['additionalProperties'] = open(additionalProperties);
  return opened;
}

function openWithin(keyword: string, value: Json): Json {
  if (keyword === 'items') return open(value as Schema);
  if (keyword !== 'properties') return value;
  return Object.fromEntries(Object.entries(value as Record<string, Schema>).map(([name, each]) => [name, open(each)]));
}

/** Of a map whose values can be any JSON, nothing is known that a schema could say. */
function isMapOfAnything(additionalProperties: Json): boolean {
  return JSON.stringify(additionalProperties).includes('#/definitions/Json');
}

function definitionsFor(schema: Schema, definitions: Catalogue['definitions']): { readonly $defs?: Schema } {
  const needed = new Map<string, Schema>();
  const collect = (from: Schema): void => {
    for (const [, name] of JSON.stringify(from).matchAll(/"#\/\$defs\/([^"]+)"/g)) {
      if (needed.has(name!)) continue;
      const definition = open(definitions[name!]!);
      needed.set(name!, definition);
      collect(definition);
    }
  };
  collect(schema);
  const sorted = [...needed].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.length === 0 ? {} : { $defs: Object.fromEntries(sorted) };
}

/** What the path names is not said again in the body; a comment goes with every command. */
function withComment(schema: Schema, ids: readonly string[]): Schema {
  const properties = (schema['properties'] ?? {}) as Record<string, Schema>;
  const kept = Object.entries(properties).filter(([name]) => !ids.includes(name));
  const required = ((schema['required'] ?? []) as string[]).filter((name) => !ids.includes(name));
  return {
    ...schema,
    properties: {
      ...Object.fromEntries(kept),
      comment: { type: 'string', description: 'Free text that is kept with what is recorded.' },
    },
    required,
  };
}

/** The body that the route takes, with what the catalogue says of its fields. Both must name the same fields. */
function described(body: Schema, catalogue: Schema, definitions: Catalogue['definitions'], at: string): Schema {
  const meant = resolved(catalogue, definitions);
  const { example, ...taken } = body;
  const [fields, named] = [body, meant].map(({ properties }) => properties as Record<string, Schema> | undefined);
  const agree = (a: readonly string[] = [], b: readonly string[] = []) =>
    JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
  if (fields && !agree(Object.keys(fields), Object.keys(named ?? {})))
    throw new Error(
      `${at} takes ${Object.keys(fields).join(', ')}, but is made of ${Object.keys(named ?? {}).join(', ')}`,
    );
  if (fields && !agree(body['required'] as string[] | undefined, meant['required'] as string[] | undefined))
    throw new Error(`${at} does not require what it is made of`);
  return {
    ...(meant['description'] === undefined ? {} : { description: meant['description'] }),
    ...taken,
    ...(example === undefined ? {} : { examples: [example] }),
    ...(fields && named
      ? {
          properties: Object.fromEntries(
            Object.entries(fields).map(([name, field]) => [
              name,
              described(field, named[name]!, definitions, `${at}/${name}`),
            ]),
          ),
        }
      : {}),
    ...(isSchema(body['items']) && isSchema(meant['items'])
      ? { items: described(body['items'], meant['items'], definitions, `${at}/[]`) }
      : {}),
  };
}

/** Words about a type go with a field that has none of its own where it is an object; of a time they would say too much. */
function resolved(schema: Schema, definitions: Catalogue['definitions']): Schema {
  const { $ref, ...own } = schema;
  if (typeof $ref !== 'string') return schema;
  const { description, ...definition } = definitions[nameIn($ref)]!;
  const isObject = definition['type'] === 'object' && description !== undefined;
  return { ...definition, ...(isObject ? { description } : {}), ...own };
}

function nameIn(ref: string): string {
  return decodeURIComponent(ref.split('/').at(-1)!);
}

function isSchema(value: Json | undefined): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
