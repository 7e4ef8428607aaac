import { badRequest, type Answer } from '#http';
import { Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Incoming, type IncomingQuery } from '../queries/incoming-query.js';
import { RelationshipController } from '../relationship-paths.js';
import { ExplainRow } from './explain-row.js';
import { explainedRows, type ExplainedRow } from './explained-rows.js';
import { ExplanationParameters } from './explanation-parameters.js';

/** Why a row of a list is as it is. The method of each row is made from the registration of its view. */
@RelationshipController('explanations')
export class ExplanationsController {
  constructor(readonly queries: QueryBus) {}
}

for (const row of explainedRows) addMethod(row);

/** Adds the equivalent of `@Get(path) explainItem(@Incoming() incoming, @Query() parameters: ExplanationParameters)`. */
function addMethod(row: ExplainedRow): void {
  const name = row.operation;
  // The computed key names the function: Nest finds its metadata by that name.
  const methods = {
    [name](this: ExplanationsController, incoming: IncomingQuery, parameters: ExplanationParameters): Promise<Answer> {
      requireWords(row, incoming);
      return this.queries.execute<ExplainRow, Answer>(new ExplainRow(row, incoming, parameters));
    },
  };
  const descriptor = Object.getOwnPropertyDescriptor(methods, name)!;
  const target = ExplanationsController.prototype;
  Object.defineProperty(target, name, descriptor);
  Incoming()(target, name, 0);
  Query()(target, name, 1);
  // As the compiler would emit it: the pipe and the document read the class of the parameters there.
  Reflect.defineMetadata('design:paramtypes', [Object, ExplanationParameters], target, name);
  Get(row.path)(target, name, descriptor);
}

/** @throws Problem 400 for a part of the key that is not one of the known words */
function requireWords({ words = {} }: ExplainedRow, { ids }: IncomingQuery): void {
  for (const [name, known] of Object.entries(words))
    if (!known.includes(ids[name]!)) throw badRequest('InvalidPath', name, `must be one of ${known.join(', ')}`);
}
