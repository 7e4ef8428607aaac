import type { FastifyReply } from 'fastify';

/** Names a request field on which the answer depends (RFC 9110, 12.5.5), beside those that are named already. */
export function vary(reply: FastifyReply, field: string): void {
  const named = reply.getHeader('vary');
  if (named === undefined) reply.header('Vary', field);
  else if (!String(named).split(', ').includes(field)) reply.header('Vary', `${String(named)}, ${field}`);
}
