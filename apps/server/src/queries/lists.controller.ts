import type { Answer } from '#http';
import { Controller, Get, Query } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { Incoming, type IncomingQuery } from './incoming-query.js';
import { parametersOf } from './list-parameters.js';
import { foundLists, pathsOf, type FoundList } from './list-routes.js';
import { ListView } from './list-view.js';
import type { PageParameters } from './parameters.js';

/** Answers every list where it is found: a method for each is made from the registration of its view. */
@Controller()
export class ListsController {
  constructor(readonly queries: QueryBus) {}
}

for (const found of foundLists) addMethod(found);

/** Adds what would be written `@Get(paths) listItems(@Incoming() incoming, @Query() parameters: ItemParameters)`. */
function addMethod(found: FoundList): void {
  const name = found.operation;
  // A computed key, so that the function has the name: Nest looks for its metadata by that.
  const methods = {
    [name](this: ListsController, incoming: IncomingQuery, parameters: PageParameters): Promise<Answer> {
      return this.queries.execute<ListView, Answer>(new ListView(found, incoming, parameters));
    },
  };
  const descriptor = Object.getOwnPropertyDescriptor(methods, name)!;
  const target = ListsController.prototype;
  Object.defineProperty(target, name, descriptor);
  Incoming()(target, name, 0);
  Query()(target, name, 1);
  // What the compiler writes of parameters: the pipe and the document read the class of the parameters there.
  Reflect.defineMetadata('design:paramtypes', [Object, parametersOf(found)], target, name);
  Get([...pathsOf(found)])(target, name, descriptor);
}
