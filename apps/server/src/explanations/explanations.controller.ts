import { badRequest } from '#http';
import { Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { addRoute } from '../made-route.js';
import { Incoming, type IncomingQuery } from '../queries/incoming-query.js';
import { RelationshipController } from '../relationship-paths.js';
import { ExplainRow, ExplanationParameters } from './explain-row.js';
import { explainedRows, type ExplainedRow } from './explained-rows.js';

/** Why a row of a list is as it is. The method of each row is made from the registration of its view. */
@RelationshipController('explanations')
export class ExplanationsController {
  constructor(readonly queries: QueryBus) {}
}

for (const row of explainedRows)
  addRoute(ExplanationsController, {
    name: row.operation,
    decorators: [Get(row.path)],
    incoming: Incoming(),
    fields: Query(),
    fieldsClass: ExplanationParameters,
    answer: ({ queries }, incoming: IncomingQuery, parameters: ExplanationParameters) => {
      requireWords(row, incoming);
      return queries.execute(new ExplainRow(row, incoming, parameters));
    },
  });

/** @throws Problem 400 for a part of the key that is not one of the known words */
function requireWords({ words = {} }: ExplainedRow, { ids }: IncomingQuery): void {
  for (const [name, known] of Object.entries(words))
    if (!known.includes(ids[name]!)) throw badRequest('InvalidPath', name, `must be one of ${known.join(', ')}`);
}
