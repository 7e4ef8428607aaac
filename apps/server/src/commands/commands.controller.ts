import type { CommandName } from '#customer-relationship';
import type { Answer } from '#http';
import { Body, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { RelationshipController } from '../relationship-paths.js';
import { commandNames, commandRoutes } from './command-routes.js';
import type { CommentedBody } from './commented-body.js';
import { Incoming, type IncomingCommand } from './incoming-command.js';
import { SendCommand } from './send-command.js';

/** Takes every command at its own route: a method for each is made from its declaration. */
@RelationshipController('')
export class CommandsController {
  constructor(readonly commands: CommandBus) {}
}

for (const command of commandNames) addMethod(command);

/** Adds what would be written `@Post(path) suspendSubscription(@Incoming() incoming, @Body() body: SuspendSubscriptionBody)`. */
function addMethod(command: CommandName): void {
  const { path, body } = commandRoutes[command];
  const name = command.charAt(0).toLowerCase() + command.slice(1);
  // A computed key, so that the function has the name: Nest looks for its metadata by that.
  const methods = {
    [name](this: CommandsController, incoming: IncomingCommand, data: CommentedBody): Promise<Answer> {
      return this.commands.execute<SendCommand, Answer>(new SendCommand(incoming, data));
    },
  };
  const descriptor = Object.getOwnPropertyDescriptor(methods, name)!;
  const target = CommandsController.prototype;
  Object.defineProperty(target, name, descriptor);
  Incoming(command)(target, name, 0);
  Body()(target, name, 1);
  // What the compiler writes of parameters: the pipe and the document read the class of the body there.
  Reflect.defineMetadata('design:paramtypes', [Object, body], target, name);
  Post(path)(target, name, descriptor);
}
