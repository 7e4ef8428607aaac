import { FlagText, Guid, ListText, Matching, Optional, PrincipalId, Time, WholeText } from '#http';
import { Controller, Get, Query, Req } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { RelationshipController } from '../relationship-paths.js';
import { Incoming, type IncomingQuery } from '../queries/incoming-query.js';
import { ReadHistory } from './read-history.js';

const place = /^(0|[1-9]\d{0,15})(;\s*ledger="[0-9a-f-]{36}"(;\s*event="[0-9a-f]{8}-[0-9a-f]{4}")?)?$/;
/** A revision may name the event that stands there, as links do: then a reader does not go on in another history. */
const revisionOrPlace =
  /^(0|[1-9]\d{0,15})((;\s*ledger="[0-9a-f-]{36}")?;\s*event="[0-9a-f]{8}-[0-9a-f]{4}"|;\s*ledger="[0-9a-f-]{36}")?$/;
const name = /^[A-Za-z]{1,64}$/;

class EventFilter {
  @Optional(WholeText(1, 200)) limit?: number;
  /** Names of events. */
  @Optional(ListText(Matching(name, 'the name of an event', 'SubscriptionSuspended'), 50)) type?: string[];
  /** Who sent the command. */
  @Optional(PrincipalId()) actor?: string;
  /** The name of the command. Events that were recorded before commands were named are not found by it. */
  @Optional(Matching(name, 'the name of a command', 'SuspendSubscription')) command?: string;
  @Optional(Guid()) commandId?: string;
  @Optional(Matching(/^[A-Za-z0-9._-]{1,64}$/, 'a correlation id', 'order-4711')) correlationId?: string;
  @Optional(Time()) recordedFrom?: string;
  @Optional(Time()) recordedUntil?: string;
  /** Refusals as well. */
  @Optional(FlagText()) journals?: boolean;
}

export class HistoryParameters extends EventFilter {
  /** Events behind this revision of the relationship, or behind a Ledger-Position; absent: from the first. */
  @Optional(Matching(revisionOrPlace, 'a revision, or a place as Ledger-Position brings it', '7')) after?: string;
}

export class LedgerHistoryParameters extends EventFilter {
  /** Events behind this position, with or without its ledger; absent: from the first. */
  @Optional(Matching(place, 'a position, or a place as Ledger-Position brings it', '42')) after?: string;
  @Optional(Guid()) customerId?: string;
}

// The forms are chosen where they are made.
const ownForms = RouteConfig({ answers: [] });

@RelationshipController('events')
export class HistoryController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @ownForms
  events(@Incoming() incoming: IncomingQuery, @Query() parameters: HistoryParameters, @Req() request: FastifyRequest) {
    return this.queries.execute(new ReadHistory(incoming, request.call.caller!, parameters));
  }
}

@Controller('v1/events')
export class LedgerHistoryController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @ownForms
  events(
    @Incoming() incoming: IncomingQuery,
    @Query() parameters: LedgerHistoryParameters,
    @Req() request: FastifyRequest,
  ) {
    return this.queries.execute(new ReadHistory(incoming, request.call.caller!, parameters));
  }
}
