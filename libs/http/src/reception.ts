import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Caller, TokenVerifier } from './token-verifier.js';
import { correlationId, traceOf, type Trace } from './trace.js';

/** One request from its first byte to its log line. */
export class Call {
  readonly startedAt = performance.now();
  caller: Caller | undefined = undefined;
  /** The partner whose ledger it asks for, once the path and the token have told. */
  partnerId: string | undefined = undefined;
  /** The code of the problem that it was answered with. */
  problem: string | undefined = undefined;
  /** What became of the command that it carried. */
  outcome: string | undefined = undefined;

  constructor(
    readonly correlationId: string,
    readonly trace: Trace | undefined,
  ) {}
}

/** A request's {@link Call}, from its headers; its correlation id and trace are in the answer from now on. */
export function beginCall(request: FastifyRequest, reply: FastifyReply): Call {
  const call = new Call(correlationId(request.headers['x-correlation-id']), traceOf(request.headers.traceparent));
  request.call = call;
  reply.header('X-Correlation-Id', call.correlationId);
  if (call.trace) reply.header('traceparent', call.trace.traceparent);
  reply.header('X-Content-Type-Options', 'nosniff');
  return call;
}

declare module 'fastify' {
  interface FastifyRequest {
    call: Call;
  }
}

export interface ReceptionOptions {
  readonly verifier: TokenVerifier;
  /** Told when a request has been answered. */
  readonly onAnswered: (request: FastifyRequest, reply: FastifyReply) => void;
}

/**
 * Receives every request: a correlation id, the caller's trace, and under `/v1/` the caller. Authenticated here and not in a
 * guard, because guards run after the body has been read, and nobody unknown may make the server read one.
 */
export function receive(fastify: FastifyInstance, { verifier, onAnswered }: ReceptionOptions): void {
  // A null field of its own keeps the shape of requests; the hook below sets it before anything can read it.
  fastify.decorateRequest('call', null as unknown as Call);

  fastify.addHook('onRequest', (request, reply, done) => {
    const call = beginCall(request, reply);
    if (!request.url.startsWith('/v1/')) return done();
    try {
      const caller = verifier.verify(request.headers.authorization);
      if (!(caller instanceof Promise)) {
        call.caller = caller;
        return done();
      }
      caller.then((verified) => {
        call.caller = verified;
        done();
      }, done);
    } catch (error) {
      done(error as Error);
    }
  });

  fastify.addHook('onResponse', (request, reply, done) => {
    onAnswered(request, reply);
    done();
  });
}
