import type { FastifyReply, FastifyRequest } from 'fastify';
import { pino, stdTimeFunctions, type Logger } from 'pino';
import { formatted, logOutput } from '#program';
import type { Configuration } from '#configuration';

export interface Log {
  readonly logger: Logger;
  /** Writes text between the lines of the log: for a person at the terminal, or a line made elsewhere. */
  readonly print: (text: string) => void;
  /** Writes what is still in memory. Called before the process ends. */
  readonly flush: () => void;
}

/** Lines on standard output: JSON, unless a person reads them. */
export async function openLog({ logLevel, logFormat }: Pick<Configuration, 'logLevel' | 'logFormat'>): Promise<Log> {
  const output = await formatted(logOutput(), logFormat);
  const logger = pino({ level: logLevel, base: null, timestamp: stdTimeFunctions.isoTime }, output);
  return { logger, print: output.write, flush: output.flushSync };
}

/**
 * Writes one line for every request, of identifiers and our own words only: no body, query, token or address, and no name,
 * domain or comment, which are personal data. The route's pattern stands for the address. The line is as pino would write
 * it, but pino takes several times as long.
 */
export function logRequest({ logger, print }: Log, request: FastifyRequest, reply: FastifyReply): void {
  const level = reply.statusCode >= 500 ? 'warn' : 'info';
  if (!logger.isLevelEnabled(level)) return;
  const { call } = request;
  const line = {
    level: logger.levels.values[level],
    time: new Date().toISOString(),
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
    msg: 'request',
  };
  print(`${JSON.stringify(line)}\n`);
}
