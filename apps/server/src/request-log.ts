import type { FastifyReply, FastifyRequest } from 'fastify';
import { destination, pino, stdTimeFunctions, type Logger } from 'pino';
import type { Configuration } from './configuration.js';

export interface Log {
  readonly logger: Logger;
  /** Writes what is still in memory; for the way out. */
  readonly flush: () => void;
}

/** JSON lines on standard output. Lines are gathered for a moment, because a write for each costs more than the line. */
export function openLog({ logLevel }: Pick<Configuration, 'logLevel'>): Log {
  const output = destination({ fd: 1, sync: false, minLength: 4096, periodicFlush: 200 });
  const logger = pino({ level: logLevel, base: null, timestamp: stdTimeFunctions.isoTime }, output);
  return {
    logger,
    flush: () => {
      try {
        output.flushSync();
      } catch {
        // Standard output is gone: there is nobody left to tell.
      }
    },
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
