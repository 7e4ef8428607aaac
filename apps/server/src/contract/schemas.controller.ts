import { FixedDocument, Problem } from '#http';
import { Controller, Get, Param } from '@nestjs/common';
import { commandSchemas, eventSchemas, type SchemaText } from './schemas.js';
import type { SchemaEntry } from './answers.js';
import { FixedAnswer } from './documented.js';

const schemaJson = 'application/schema+json';

/** Serves the schemas of events and commands, without a token. */
@Controller('schemas')
export class SchemasController {
  private readonly ofEvents = new Shelf(eventSchemas, (name) => `/schemas/events/${name.replace('.', '/')}`);
  private readonly ofCommands = new Shelf(commandSchemas, (name) => `/schemas/commands/${name}`);

  @Get('events')
  @FixedAnswer('SchemaEntries', {
    id: 'listEventSchemas',
    summary: 'List the schemas of events',
    says: 'One schema for each form that an event has ever had.',
  })
  events() {
    return this.ofEvents.list;
  }

  @Get('events/:eventType/:schemaNumber')
  @FixedAnswer('JsonSchema', {
    id: 'getEventSchema',
    summary: 'Read the schema of an event',
    says: 'What the data of the event looks like.',
    mediaType: schemaJson,
  })
  event(@Param('eventType') type: string, @Param('schemaNumber') schema: string) {
    return this.ofEvents.one(`${type}.${schema}`);
  }

  @Get('commands')
  @FixedAnswer('SchemaEntries', {
    id: 'listCommandSchemas',
    summary: 'List the schemas of commands',
    says: 'One schema for each command.',
  })
  commands() {
    return this.ofCommands.list;
  }

  @Get('commands/:commandName')
  @FixedAnswer('JsonSchema', {
    id: 'getCommandSchema',
    summary: 'Read the schema of a command',
    says: 'What the body of the command may hold.',
    mediaType: schemaJson,
  })
  command(@Param('commandName') name: string) {
    return this.ofCommands.one(name);
  }
}

// Within its number a schema only grows: an old copy may lack what is new, but is never wrong.
const keptForSeconds = 3600;

/** The schemas of one kind, and their list. */
class Shelf {
  readonly list: FixedDocument;
  private readonly documents = new Map<string, FixedDocument>();

  constructor(
    private readonly schemas: () => ReadonlyMap<string, SchemaText>,
    addressOf: (name: string) => string,
  ) {
    this.list = new FixedDocument('application/json; charset=utf-8', keptForSeconds, (publicPath) =>
      JSON.stringify(
        [...schemas()].map(([name, { schema }]): SchemaEntry => {
          const { $id: id, title, description } = schema;
          return { id, href: publicPath + addressOf(name), title, description };
        }),
      ),
    );
  }

  /** @throws Problem 404 */
  one(name: string): FixedDocument {
    const schema = this.schemas().get(name);
    if (!schema) throw new Problem('RouteNotFound');
    const known = this.documents.get(name);
    if (known) return known;
    const document = new FixedDocument(schemaJson, keptForSeconds, () => schema.text);
    this.documents.set(name, document);
    return document;
  }
}
