import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { addRoute } from '../made-route.js';
import { Incoming, type IncomingQuery } from './incoming-query.js';
import { parametersOf } from './list-parameters.js';
import { foundLists, pathsOf } from './list-routes.js';
import { ListView } from './list-view.js';
import type { PageParameters } from './parameters.js';

/** Answers every list at each of its paths. The routes are made from the registration of the views. */
@Controller()
export class ListsController {
  constructor(readonly queries: QueryBus) {}
}

for (const found of foundLists)
  addRoute(ListsController, {
    name: found.operation,
    decorators: [Get([...pathsOf(found)])],
    incoming: Incoming(),
    fields: Query(),
    fieldsClass: parametersOf(found),
    answer: ({ queries }, incoming: IncomingQuery, parameters: PageParameters) =>
      queries.execute(new ListView(found, incoming, parameters)),
  });
