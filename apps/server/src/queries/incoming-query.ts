import { requireThere } from '#http';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { itemIds } from '../relationship-paths.js';
import type { Requester } from '../requester.js';

/** A query as it came in, besides its parameters. */
export interface IncomingQuery {
  readonly requester: Requester;
  readonly ids: Readonly<Record<string, string>>;
  readonly headers: FastifyRequest['headers'];
  /** The address without its parameters, for links to further pages. */
  readonly path: string;
  /** The parameters as they came. */
  readonly search: string;
  /** IncomingQuery before work that costs much. @throws Problem when nobody waits for the answer any more */
  readonly requireThere: () => void;
}

export const Incoming = createParamDecorator((_: unknown, context: ExecutionContext): IncomingQuery => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const [path, search = ''] = request.url.split('?', 2) as [string, string?];
  return {
    requester: request.requester,
    ids: itemIds(request.params as Readonly<Record<string, string>>),
    headers: request.headers,
    path,
    search,
    requireThere: () => requireThere(request),
  };
});
