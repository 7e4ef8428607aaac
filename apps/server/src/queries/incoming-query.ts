import { requireThere } from '#http';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { itemIds } from '../relationship-paths.js';
import type { Requester } from '../requester.js';

/** A query as it came in, without its parameters. */
export interface IncomingQuery {
  readonly requester: Requester;
  readonly ids: Readonly<Record<string, string>>;
  readonly headers: FastifyRequest['headers'];
  /** The path, for links to further pages. */
  readonly path: string;
  /** The path below which others reach this server, for addresses in a body. */
  readonly publicPath: string;
  /** The parameters as they were sent. */
  readonly search: string;
  /** Called before expensive work. @throws Problem when the caller no longer waits for the answer */
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
    publicPath: request.server.publicPath,
    search,
    requireThere: () => requireThere(request),
  };
});
