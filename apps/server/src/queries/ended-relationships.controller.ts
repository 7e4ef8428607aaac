import { FlagText, Optional, Time } from '#http';
import { listEndedRelationships } from '#read-models';
import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Incoming, type IncomingQuery } from './incoming-query.js';
import { ListView } from './list-view.js';
import { ownOf, PageParameters } from './parameters.js';

class EndedParameters extends PageParameters {
  @Optional(FlagText()) reestablished?: boolean;
  @Optional(Time()) removedFrom?: string;
  @Optional(Time()) removedBefore?: string;
}

@Controller('v1/ended-relationships')
export class EndedRelationshipsController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  list(@Incoming() incoming: IncomingQuery, @Query() parameters: EndedParameters) {
    const filter = ownOf(parameters);
    const { tenantId: partnerId } = incoming.requester.partner;
    return this.queries.execute(
      new ListView(
        {
          view: 'ended-relationships',
          page: (db, page, { now }) => listEndedRelationships(db, { partnerId, now, filter, ...page }),
          dependsOnClock: true,
        },
        incoming,
        parameters,
      ),
    );
  }
}
