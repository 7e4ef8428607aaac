import { Controller, Get, Query, Req } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { RelationshipController } from '../relationship-paths.js';
import { Incoming, type IncomingQuery } from '../queries/incoming-query.js';
import { HistoryParameters, LedgerHistoryParameters } from './history-parameters.js';
import { ReadHistory } from './read-history.js';
import { Documented } from '../contract/documented.js';

// The forms are chosen where they are made.
const ownForms = RouteConfig({ answers: [] });

@RelationshipController('events')
export class HistoryController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Documented({
    id: 'followRelationshipEvents',
    summary: 'Read or follow the history of a relationship',
    kind: 'history',
    answer: 'CloudEventBatch',
    says: 'Events of the relationship',
  })
  @ownForms
  events(@Incoming() incoming: IncomingQuery, @Query() parameters: HistoryParameters, @Req() request: FastifyRequest) {
    return this.queries.execute(new ReadHistory(incoming, request.call.caller!, parameters));
  }
}

@Controller('v1/events')
export class LedgerHistoryController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Documented({
    id: 'followEvents',
    summary: 'Read or follow the history of all relationships',
    kind: 'history',
    answer: 'CloudEventBatch',
    says: 'Events of all relationships of the partner',
  })
  @ownForms
  events(
    @Incoming() incoming: IncomingQuery,
    @Query() parameters: LedgerHistoryParameters,
    @Req() request: FastifyRequest,
  ) {
    return this.queries.execute(new ReadHistory(incoming, request.call.caller!, parameters));
  }
}
