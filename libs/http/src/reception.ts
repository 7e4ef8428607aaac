import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { acceptable } from './accept.js';
import { loopTurns, tooMuchWaits } from './loop-turns.js';
import { Problem } from './problem.js';
import { addressName, type RateLimit, type Taken } from './rate-limit.js';
import type { Caller, TokenVerifier } from './token-verifier.js';
import { correlationId, traceOf, type Trace } from './trace.js';
import { closeIfUnread } from './unread-body.js';

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
  interface FastifyInstance {
    /** Takes more of what the caller of a request has left, for one that carries many. @throws Problem 429 */
    charge: (request: FastifyRequest, reply: FastifyReply, cost: number) => Promise<void>;
    /** Counts the size of one answer of many, in characters; what the caller has left if that took anything. */
    chargeForAnswer: (request: FastifyRequest, size: number) => Promise<Taken | undefined>;
    /** Takes one of what the remote address has left for requests that name no caller. @throws Problem 429 */
    chargeAddress: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  }
  interface FastifyContextConfig {
    /** The media types that the route answers with; JSON unless it says otherwise, empty if it sees to that itself. */
    readonly answers?: readonly string[];
    /** In bytes, of a route that carries many commands and counts the answer to each; of others it is what the server was told. */
    readonly largestBody?: number;
  }
}

export interface ReceptionOptions {
  readonly verifier: TokenVerifier;
  /** Of a caller's requests; absent: none. */
  readonly callers: RateLimit | undefined;
  /** Of a remote address's tokens that were not accepted; absent: none. */
  readonly strangers: RateLimit | undefined;
  /** Of a remote address's requests that name no caller; absent: none. */
  readonly addresses: RateLimit | undefined;
  /** How long a reader may take for any part of an answer before its connection is closed. */
  readonly readerTimeoutMs: number;
  /** Told when a request has been answered. */
  readonly onAnswered: (request: FastifyRequest, reply: FastifyReply) => void;
}

const json = ['application/json'];

/** An answer counts as a request more for each so many characters: what is large has cost much, and may stand in the log for ever. */
const charactersOfOne = 16 * 1024;
/** So many requests of one caller that carry many commands are taken in at once: each is read and parsed as a whole. */
const mostLarge = 32;
/** So many questions of one caller may wait for their turn. They take little, and are done within seconds. */
const mostQuestions = 1_000;

/**
 * Receives every request: a correlation id, the caller's trace, and under `/v1/` the caller, what the caller has left, and
 * whether there is an answer in a form that it takes. Done here and not in a guard, because guards run after the body has
 * been read, and nobody unknown may make the server read one.
 */
export function receive(fastify: FastifyInstance, options: ReceptionOptions): void {
  const { verifier, callers, strangers, addresses, readerTimeoutMs, onAnswered } = options;
  // A null field of its own keeps the shape of requests; the hook below sets it before anything can read it.
  fastify.decorateRequest('call', null as unknown as Call);

  async function charge(request: FastifyRequest, reply: FastifyReply, cost: number): Promise<void> {
    const { caller } = request.call;
    if (!callers || !caller || cost === 0) return;
    const taken = await callers.take(nameOf(caller), cost);
    tell(reply, callers, taken);
    if (!taken.admitted) throw tooMany(taken);
  }
  fastify.decorate('charge', charge);

  async function chargeForAnswer({ call }: FastifyRequest, size: number): Promise<Taken | undefined> {
    const cost = Math.floor(size / charactersOfOne);
    return callers && call.caller && cost > 0 ? callers.owe(nameOf(call.caller), cost) : undefined;
  }
  fastify.decorate('chargeForAnswer', chargeForAnswer);

  async function chargeAddress(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (!addresses) return;
    const taken = await addresses.take(addressName(request.ip));
    tell(reply, addresses, taken);
    if (!taken.admitted) throw tooMany(taken);
  }
  fastify.decorate('chargeAddress', chargeAddress);

  async function authenticate(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { call, headers } = request;
    const refuseIfSpent = async () => {
      const left = await strangers!.look(addressName(request.ip));
      if (left.admitted) return;
      tell(reply, strangers!, left);
      throw tooMany(left);
    };
    try {
      call.caller = await verifier.verify(headers.authorization, strangers && refuseIfSpent);
    } catch (error) {
      if (strangers && error instanceof Problem && error.status === 401) {
        const taken = await strangers.take(addressName(request.ip));
        tell(reply, strangers, taken);
        if (!taken.admitted) throw tooMany(taken);
      }
      throw error;
    }
  }

  const large = new Map<string, number>();
  function takeInHand({ call }: FastifyRequest, reply: FastifyReply): void {
    const name = nameOf(call.caller!);
    const inHand = large.get(name) ?? 0;
    if (inHand >= mostLarge) throw tooMuchWaits();
    large.set(name, inHand + 1);
    // It comes behind every answer, and also when the caller has gone before.
    reply.raw.once('close', () => {
      const left = large.get(name)! - 1;
      if (left > 0) large.set(name, left);
      else large.delete(name);
    });
  }

  async function admit(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    await authenticate(request, reply);
    await charge(request, reply, 1);
    const { url, config } = request.routeOptions;
    if (config.largestBody !== undefined) takeInHand(request, reply);
    const { answers = json } = config;
    if (url !== undefined && answers.length > 0 && acceptable(request.headers.accept, answers) === undefined)
      throw new Problem('NotAcceptable', { offered: answers });
  }

  fastify.addHook('onRequest', (request, reply, done) => {
    beginCall(request, reply);
    // Node would refuse it without a word (RFC 9112, 3.2).
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1') return done(new Problem('BadRequest'));
    if (isHealth(request)) return done();
    // By the route that was found, because an address can be written in more ways than one: %76 is a v too.
    const isForCallers = (request.routeOptions.url ?? request.url).startsWith('/v1/');
    (isForCallers ? admit : chargeAddress)(request, reply).then(() => done(), done);
  });

  // Only now, because what has begun by its turn goes on by itself.
  const turns = loopTurns({ longestLine: mostQuestions });
  fastify.addHook('preHandler', (request, _, done) => {
    const { caller } = request.call;
    if (caller && !isQuestion(request)) return done();
    turns
      .take(caller ? nameOf(caller) : `${isHealth(request) ? 'health ' : ''}${addressName(request.ip)}`)
      .then(() => requireThere(request))
      .then(() => done(), done);
  });

  fastify.addHook('onSend', (request, reply, payload, done) => {
    closeIfUnread(request, reply);
    // Until the answer has been taken; node then sets the time for which it keeps the connection. A live stream may be silent.
    const isLive = String(reply.getHeader('content-type')).startsWith('text/event-stream');
    request.raw.socket.setTimeout(isLive ? 0 : readerTimeoutMs);
    const isOne = request.routeOptions.config.largestBody === undefined;
    if (!isOne || typeof payload !== 'string' || payload.length < charactersOfOne) return done(null, payload);
    chargeForAnswer(request, payload.length).then((taken) => {
      if (taken) tell(reply, callers!, taken);
      done(null, payload);
    }, done);
  });

  fastify.addHook('onResponse', (request, reply, done) => {
    onAnswered(request, reply);
    done();
  });
}

/** Not counted and in a line of its own: a load balancer must hear how the server does, whatever else its address asks for. */
function isHealth({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.url?.startsWith('/health/') ?? false;
}

/**
 * What changes nothing may wait for others; a command has its answer as fast as it goes. What carries many commands is told
 * first how many it may carry, and then sees to the turns of each: its body is large, and must not wait in a line of them.
 */
function isQuestion({ method, query, routeOptions }: FastifyRequest): boolean {
  if (routeOptions.config.largestBody !== undefined) return false;
  return method !== 'POST' || (query as { readonly dryRun?: unknown }).dryRun === 'true';
}

/** Whoever has gone has no use for an answer, and others wait for theirs. @throws Problem 408, which nobody reads */
export function requireThere({ raw }: FastifyRequest): void {
  if (raw.socket.destroyed) throw new Problem('RequestTimeout', { outcome: 'none' });
}

/** A caller as it is counted, and as it has its turns. */
export function nameOf({ tenant, id }: Pick<Caller, 'tenant' | 'id'>): string {
  return `${tenant} ${id}`;
}

function tell(reply: FastifyReply, { policy }: RateLimit, { field }: Taken): void {
  reply.header('RateLimit-Policy', policy).header('RateLimit', field);
}

function tooMany({ retryAfter }: Taken): Problem {
  return new Problem('TooManyRequests', { outcome: 'none' }, { 'Retry-After': String(retryAfter) });
}
