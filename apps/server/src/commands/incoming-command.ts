import type { CommandName } from '#customer-relationship';
import { badRequest, idempotencyKey, ifMatch, type Precondition } from '#http';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { itemIds } from '../relationship-paths.js';
import { representation } from '../representation.js';
import type { Requester } from '../requester.js';
import { commandRoutes } from './command-routes.js';
import type { CommandRoute } from './command-route.js';

/** A command as it came in, without its body: its sender, its ids, its key and its precondition. */
export interface IncomingCommand {
  readonly command: CommandName;
  readonly route: Pick<CommandRoute, 'creates' | 'needsIfMatch'>;
  readonly requester: Requester;
  /** The ids in the path, by their names in the command. */
  readonly ids: Readonly<Record<string, string>>;
  /** Undefined for a dry run. */
  readonly key: string | undefined;
  readonly precondition: Precondition | undefined;
  readonly dryRun: boolean;
  /** The path that the command was sent to. Problems name it. */
  readonly instance: string;
  readonly call: FastifyRequest['call'];
}

/** The {@link IncomingCommand} of a request to a command's route. */
export const Incoming = createParamDecorator((command: CommandName, context: ExecutionContext): IncomingCommand => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const { headers, requester, call } = request;
  const dryRun = isDryRun(request);
  const match = headers['if-match'];
  return {
    command,
    route: commandRoutes[command],
    requester,
    ids: itemIds(request.params as Readonly<Record<string, string>>),
    key: dryRun ? undefined : idempotencyKey(headers['idempotency-key']),
    precondition: match === undefined ? undefined : ifMatch(match, representation),
    dryRun,
    instance: request.url.split('?', 1)[0]!,
    call,
  };
});

/** @throws Problem 400 for any other parameter */
export function isDryRun(request: FastifyRequest): boolean {
  const query = request.query as Readonly<Record<string, unknown>>;
  for (const name in query) if (name !== 'dryRun') throw badRequest('InvalidQuery', name, 'is not known here');
  const { dryRun } = query;
  if (dryRun !== undefined && dryRun !== 'true' && dryRun !== 'false')
    throw badRequest('InvalidQuery', 'dryRun', 'must be true or false');
  return dryRun === 'true';
}
