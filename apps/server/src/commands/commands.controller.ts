import { Body, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { addRoute } from '../made-route.js';
import { RelationshipController } from '../relationship-paths.js';
import { commandNames, commandRoutes } from './command-routes.js';
import type { CommentedBody } from './commented-body.js';
import { Incoming, type IncomingCommand } from './incoming-command.js';
import { SendCommand } from './send-command.js';

/** Takes every command at its own route, which is made from its declaration. */
@RelationshipController('')
export class CommandsController {
  constructor(readonly commands: CommandBus) {}
}

for (const command of commandNames)
  addRoute(CommandsController, {
    name: command.charAt(0).toLowerCase() + command.slice(1),
    decorators: [Post(commandRoutes[command].path)],
    incoming: Incoming(command),
    fields: Body(),
    fieldsClass: commandRoutes[command].body,
    answer: ({ commands }, incoming: IncomingCommand, body: CommentedBody) =>
      commands.execute(new SendCommand(incoming, body)),
  });
