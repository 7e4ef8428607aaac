import type { CommandName } from '#customer-relationship';
import type { Precondition } from '#event-sourcing';
import { badRequest, idempotencyKey, ifMatch, ifNoneMatch } from '#http';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { itemIds } from '../relationship-paths.js';
import { formFor } from '../representation.js';
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
  return {
    command,
    route: commandRoutes[command],
    requester,
    ids: itemIds(request.params as Readonly<Record<string, string>>),
    key: dryRun ? undefined : idempotencyKey(headers['idempotency-key']),
    precondition: preconditionIn(headers['if-match'], headers['if-none-match'], requester),
    dryRun,
    instance: request.url.split('?', 1)[0]!,
    call,
  };
});

/** What `If-Match` and `If-None-Match` ask for of the relationship. @throws Problem 400 */
export function preconditionIn(
  match: string | undefined,
  noneMatch: string | undefined,
  { partner }: Requester,
): Precondition | undefined {
  if (match === undefined && noneMatch === undefined) return undefined;
  const form = formFor(partner);
  return {
    ...(match === undefined ? {} : { match: ifMatch(match, form) }),
    ...(noneMatch === undefined ? {} : { noneMatch: ifNoneMatch(noneMatch, form) }),
  };
}

/** @throws Problem 400 for any other parameter */
export function isDryRun(request: FastifyRequest): boolean {
  const query = request.query as Readonly<Record<string, unknown>>;
  for (const name in query) if (name !== 'dryRun') throw badRequest('InvalidQuery', name, 'is not known here');
  const { dryRun } = query;
  if (dryRun !== undefined && dryRun !== 'true' && dryRun !== 'false')
    throw badRequest('InvalidQuery', 'dryRun', 'must be true or false');
  return dryRun === 'true';
}
