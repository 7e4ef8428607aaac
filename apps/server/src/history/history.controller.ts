import { Optional, WholeText } from '#http';
import { Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { RelationshipController } from '../commands/sends.js';
import { Asking, type Asked } from '../queries/asked.js';
import { ReadHistory } from './read-history.js';

export class HistoryParameters {
  /** Events behind this revision; absent: from the first. */
  @Optional(WholeText(0, Number.MAX_SAFE_INTEGER)) after?: number;
  @Optional(WholeText(1, 200)) limit?: number;
}

@RelationshipController('events')
export class HistoryController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  events(@Asking() { party, path }: Asked, @Query() { after, limit }: HistoryParameters) {
    return this.queries.execute(new ReadHistory(party, path, after ?? -1, limit ?? 50));
  }
}
