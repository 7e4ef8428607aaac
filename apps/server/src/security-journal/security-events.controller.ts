import { Optional, Matching, WholeText } from '#http';
import { maxPageSize } from '#read-models';
import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Incoming, type IncomingQuery } from '../queries/incoming-query.js';
import { ReadSecurityEvents } from './read-security-events.js';
import { Documented } from '../contract/documented.js';

export class SecurityEventsParameters {
  /** From the Link header of the page before. */
  @Optional(Matching(/^[A-Za-z0-9_-]{1,4096}$/, 'a cursor as the Link header brings it', 'MTIz')) cursor?: string;
  @Optional(WholeText(1, maxPageSize)) limit?: number;
}

@Controller('v1/security-events')
export class SecurityEventsController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Documented({
    id: 'listSecurityEvents',
    summary: 'List what was denied to whom',
    kind: 'securityJournal',
    answer: 'SecurityEventPage',
    says: 'Denials that concern the partner, the oldest first: by its people, and of what it has. For its Global admins and auditors. A page may be shorter than limit; the Link header says whether there is another.',
  })
  read(@Incoming() { requester, path, headers }: IncomingQuery, @Query() { cursor, limit }: SecurityEventsParameters) {
    return this.queries.execute(new ReadSecurityEvents(requester, path, headers, cursor, limit ?? 50));
  }
}
