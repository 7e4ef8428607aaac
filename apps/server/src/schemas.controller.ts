import { Answer, Problem } from '#http';
import { Controller, Get, Param } from '@nestjs/common';
import { commandSchemas, eventSchemas, type SchemaText } from './schemas.js';

/** What events look like and what commands take, for whoever reads or sends them; no token is asked for. */
@Controller('schemas')
export class SchemasController {
  @Get('events')
  events() {
    return listed(eventSchemas(), (name) => `/schemas/events/${name.replace('.', '/')}`);
  }

  @Get('events/:eventType/:schemaNumber')
  event(@Param('eventType') type: string, @Param('schemaNumber') schema: string) {
    return shown(eventSchemas().get(`${type}.${schema}`));
  }

  @Get('commands')
  commands() {
    return listed(commandSchemas(), (name) => `/schemas/commands/${name}`);
  }

  @Get('commands/:commandName')
  command(@Param('commandName') name: string) {
    return shown(commandSchemas().get(name));
  }
}

// A schema only ever grows within its number, so an old copy is never wrong, only silent about what is new.
const cached = { 'Cache-Control': 'public, max-age=3600' };

function listed(schemas: ReadonlyMap<string, SchemaText>, addressOf: (name: string) => string): Answer {
  const entries = [...schemas].map(([name, { schema }]) => {
    const { $id: id, title, description } = schema;
    return { id, href: addressOf(name), title, description };
  });
  return new Answer(200, cached, entries);
}

function shown(found: SchemaText | undefined): Answer {
  if (!found) throw new Problem('RouteNotFound');
  return new Answer(200, { ...cached, 'Content-Type': 'application/schema+json' }, found.text);
}
