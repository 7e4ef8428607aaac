import type { FastifyReply, FastifyRequest } from 'fastify';
import { pino, stdTimeFunctions, type Logger } from 'pino';
import { logOutput } from '#program';
import type { Configuration } from '#configuration';

export interface Log {
  readonly logger: Logger;
  /** Text for a person at the terminal, between the lines of the log. */
  readonly print: (text: string) => void;
  /** Writes what is still in memory; for the way out. */
  readonly flush: () => void;
}

/** JSON lines on standard output. */
export function openLog({ logLevel }: Pick<Configuration, 'logLevel'>): Log {
  const output = logOutput();
  const logger = pino({ level: logLevel, base: null, timestamp: stdTimeFunctions.isoTime }, output);
  return {
    logger,
    print: output.write,
    flush: output.flushSync,
  };
}

/**
 * One line for every request: identifiers and words of ours only. No body, query, token or address goes in, and no name,
 * domain or comment, which are personal data; so the route's pattern stands for the address.
 */
export function logRequest(logger: Logger, request: FastifyRequest, reply: FastifyReply): void {
  const { call } = request;
  const line = {
    method: request.method,
    route: request.routeOptions.url ?? 'unknown',
    status: reply.statusCode,
    ms: Math.round((performance.now() - call.startedAt) * 100) / 100,
    correlationId: call.correlationId,
    traceId: call.trace?.traceId,
    actor: call.caller?.id,
    partner: call.partnerId,
    outcome: call.outcome,
    problem: call.problem,
  };
  if (reply.statusCode >= 500) logger.warn(line, 'request');
  else logger.info(line, 'request');
}
