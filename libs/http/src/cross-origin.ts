import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from './problem.js';
import type { fieldChecks } from './request-fields.js';
import { vary } from './vary.js';

export interface OptionsAnswered {
  /** The methods that a path takes, if any. */
  readonly methodsAt: (path: string) => readonly string[];
  readonly checkFields: ReturnType<typeof fieldChecks>;
  readonly sharing: Sharing;
}

/** With whose pages answers are shared. */
export interface Sharing {
  readonly isOff: boolean;
  /** Whether the request comes from a page that may read the answer. */
  readonly allows: (request: FastifyRequest) => boolean;
  /** Says so in the answer. */
  readonly mark: (request: FastifyRequest, reply: FastifyReply) => void;
}

/** What answers carry besides the fields that every page may read. */
const readable = [
  'Allow',
  'ETag',
  'Idempotent-Replayed',
  'Ledger-Position',
  'Link',
  'Location',
  'Preference-Applied',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'Settled-Until',
  'traceparent',
  'WWW-Authenticate',
  'X-Correlation-Id',
].join(', ');

/** What routes read besides the fields that every page may send. */
const sendable = [
  'Accept',
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-Match',
  'If-None-Match',
  'Last-Event-ID',
  'Ledger-Position',
  'Prefer',
  'traceparent',
  'tracestate',
  'X-Correlation-Id',
].join(', ');

/** How long a browser may keep the answer to a preflight; none keeps it longer. */
const keptForSeconds = 7_200;

/**
 * The sharing of answers with pages of other origins (Fetch, "CORS protocol"). Cookies and other credentials of the browser
 * are never asked for: a page sends its token itself.
 */
export function sharedWith(origins: readonly string[]): Sharing {
  const allowed = new Set(origins);
  const allows = ({ headers: { origin } }: FastifyRequest) => origin !== undefined && allowed.has(origin);
  return {
    isOff: allowed.size === 0,
    allows,
    mark(request, reply) {
      if (allowed.size === 0) return;
      // For every origin: a cache must not give the answer for one origin to another.
      vary(reply, 'Origin');
      if (allows(request))
        reply.headers({
          'Access-Control-Allow-Origin': request.headers.origin,
          'Access-Control-Expose-Headers': readable,
        });
    },
  };
}

/**
 * Answers OPTIONS (RFC 9110, 9.3.7), and with it the preflights of browsers, which carry no token. They count for their
 * address, like other requests without a caller. Registered before the callers are received.
 */
export function answerOptions(fastify: FastifyInstance, { methodsAt, checkFields, sharing }: OptionsAnswered): void {
  if (!sharing.isOff)
    // At the end, for answers of every kind: what others have set by then is kept.
    fastify.addHook('onSend', (request, reply, payload, done) => {
      sharing.mark(request, reply);
      done(null, payload);
    });
  fastify.addHook('onRequest', (request, reply, done) => {
    if (request.method !== 'OPTIONS') return done();
    try {
      fastify.receiveStranger(request, reply);
      checkFields(request.raw);
      const isPreflight = sharing.allows(request) && request.headers['access-control-request-method'] !== undefined;
      const methods = methodsAt(request.url.split('?', 1)[0]!);
      // A page learns only from the request itself that there is nothing at its address.
      if (methods.length === 0 && !isPreflight) throw new Problem('RouteNotFound');
      if (isPreflight)
        reply.headers({
          'Access-Control-Allow-Methods': (methods.length > 0 ? methods : methodsAt('*')).join(', '),
          'Access-Control-Allow-Headers': sendable,
          'Access-Control-Max-Age': String(keptForSeconds),
        });
      reply.code(204).header('Allow', methods.join(', ')).send();
    } catch (error) {
      done(error as Error);
    }
  });
}
