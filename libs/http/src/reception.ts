import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { BoundedPool, turnsOfTheLoop } from '#pacing';
import { acceptable } from './accept.js';
import { Problem } from './problem.js';
import { addressName, type RateLimit, type Taken } from './rate-limit.js';
import type { Caller, TokenVerifier } from './token-verifier.js';
import { correlationId, traceOf, type Trace } from './trace.js';
import { closeIfUnread } from './unread-body.js';

/** One request from its first byte to its log line. */
export class Call {
  readonly startedAt = performance.now();
  caller: Caller | undefined = undefined;
  /** The partner whose ledger it asks for, once path and token are known. */
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
    charge: (request: FastifyRequest, reply: FastifyReply, cost: number) => void;
    /** Counts the size of one answer of many, in characters; what the caller has left if that took anything. */
    chargeForAnswer: (request: FastifyRequest, size: number) => Taken | undefined;
    /** Takes one of what the remote address has left for requests that name no caller. @throws Problem 429 */
    chargeAddress: (request: FastifyRequest, reply: FastifyReply) => void;
  }
  interface FastifyContextConfig {
    /** The media types that the route answers with; JSON unless it says otherwise, empty if it sees to that itself. */
    readonly answers?: readonly string[];
    /** In bytes, of a route that carries many commands and counts the answer to each; other routes have the server's limit. */
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
  /** Called when a request has been answered. */
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

  function charge(request: FastifyRequest, reply: FastifyReply, cost: number): void {
    const { caller } = request.call;
    if (callers && caller && cost > 0) requireLeft(reply, callers, callers.take(nameOf(caller), cost));
  }
  fastify.decorate('charge', charge);

  function chargeForAnswer({ call }: FastifyRequest, size: number): Taken | undefined {
    const cost = Math.floor(size / charactersOfOne);
    return callers && call.caller && cost > 0 ? callers.owe(nameOf(call.caller), cost) : undefined;
  }
  fastify.decorate('chargeForAnswer', chargeForAnswer);

  function chargeAddress(request: FastifyRequest, reply: FastifyReply): void {
    if (addresses) requireLeft(reply, addresses, addresses.take(addressName(request.ip)));
  }
  fastify.decorate('chargeAddress', chargeAddress);

  /** The caller, at once if the token is known here; what a token is refused with counts against its address. */
  function authenticated(request: FastifyRequest, reply: FastifyReply): Caller | Promise<Caller> {
    const refuseIfSpent = () => {
      const left = strangers!.look(addressName(request.ip));
      if (!left.admitted) requireLeft(reply, strangers!, left);
    };
    const refuse = (error: unknown): never => {
      if (strangers && error instanceof Problem && error.status === 401)
        requireLeft(reply, strangers, strangers.take(addressName(request.ip)));
      throw error;
    };
    try {
      const caller = verifier.verify(request.headers.authorization, strangers && refuseIfSpent);
      return caller instanceof Promise ? caller.catch(refuse) : caller;
    } catch (error) {
      return refuse(error);
    }
  }

  const large = new BoundedPool({ ofOne: mostLarge });
  function takeInHand({ call }: FastifyRequest, reply: FastifyReply): void {
    const place = large.enter(nameOf(call.caller!));
    if (!place) throw tooMuchWaits();
    // It comes after every answer, and also when the caller has gone before.
    reply.raw.once('close', place.leave);
  }

  function admit(request: FastifyRequest, reply: FastifyReply, caller: Caller): void {
    request.call.caller = caller;
    charge(request, reply, 1);
    const { url, config } = request.routeOptions;
    if (config.largestBody !== undefined) takeInHand(request, reply);
    const { answers = json } = config;
    if (url !== undefined && answers.length > 0 && acceptable(request.headers.accept, answers) === undefined)
      throw new Problem('NotAcceptable', { offered: answers });
  }

  /** A promise only where a token has to be verified: a caller that is known does not wait for the event loop. */
  function receiveOne(request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined {
    beginCall(request, reply);
    // Node would refuse it without a word (RFC 9112, 3.2).
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1') throw new Problem('BadRequest');
    if (isHealth(request)) return undefined;
    // By the route that was found, because an address can be written in more ways than one: %76 is a v too.
    if (!(request.routeOptions.url ?? request.url).startsWith('/v1/')) {
      chargeAddress(request, reply);
      return undefined;
    }
    const caller = authenticated(request, reply);
    if (caller instanceof Promise) return caller.then((verified) => admit(request, reply, verified));
    admit(request, reply, caller);
    return undefined;
  }

  fastify.addHook('onRequest', (request, reply, done) => {
    let received: Promise<void> | undefined;
    try {
      received = receiveOne(request, reply);
    } catch (error) {
      return done(error as Error);
    }
    if (received) received.then(() => done(), done);
    else done();
  });

  // The last of the checks: a question that has been let go runs without another pause.
  const longest = { length: mostQuestions, refusal: tooMuchWaits };
  fastify.addHook('preHandler', (request, _, done) => {
    const { caller } = request.call;
    if (caller && !isQuestion(request)) return done();
    turnsOfTheLoop
      .take(caller ? nameOf(caller) : `${isHealth(request) ? 'health ' : ''}${addressName(request.ip)}`, longest)
      .then(() => done(isThere(request) ? undefined : gone()), done);
  });

  fastify.addHook('onSend', (request, reply, payload, done) => {
    closeIfUnread(request, reply);
    // Until the answer has been taken; node then sets the time for which it keeps the connection. A live stream may be silent.
    const isLive = String(reply.getHeader('content-type')).startsWith('text/event-stream');
    request.raw.socket.setTimeout(isLive ? 0 : readerTimeoutMs);
    const isOne = request.routeOptions.config.largestBody === undefined;
    if (!isOne || typeof payload !== 'string' || payload.length < charactersOfOne) return done(null, payload);
    const taken = chargeForAnswer(request, payload.length);
    if (taken) showLeft(reply, callers!, taken);
    done(null, payload);
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
export function requireThere(request: FastifyRequest): void {
  if (!isThere(request)) throw gone();
}

function isThere({ raw }: FastifyRequest): boolean {
  return !raw.socket.destroyed;
}

function gone(): Problem {
  return new Problem('RequestTimeout', { outcome: 'none' });
}

/** A caller as it is counted, and as it has its turns. */
export function nameOf({ tenant, id }: Pick<Caller, 'tenant' | 'id'>): string {
  return `${tenant} ${id}`;
}

function showLeft(reply: FastifyReply, { policy }: RateLimit, { field }: Taken): void {
  reply.header('RateLimit-Policy', policy).header('RateLimit', field);
}

/** @throws Problem 429 where nothing is left */
function requireLeft(reply: FastifyReply, limit: RateLimit, taken: Taken): void {
  showLeft(reply, limit, taken);
  if (!taken.admitted) throw tooMany(taken);
}

/** What waits is done within seconds, and then there is room again. */
export function tooMuchWaits(): Problem {
  return new Problem('TooManyRequests', { outcome: 'none' }, { 'Retry-After': '1' });
}

function tooMany({ retryAfter }: Taken): Problem {
  return new Problem('TooManyRequests', { outcome: 'none' }, { 'Retry-After': String(retryAfter) });
}
