import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { BoundedPool, turnsOfTheLoop } from '#pacing';
import { acceptable } from './accept.js';
import { Problem } from './problem.js';
import { addressName, type RateLimit, type Taken } from './rate-limit.js';
import type { fieldChecks } from './request-fields.js';
import type { Caller, TokenVerifier } from './token-verifier.js';
import { correlationId, traceOf, type Trace } from './trace.js';
import { closeIfUnread } from './unread-body.js';

/** One request from its first byte to its log line. */
export class Call {
  readonly startedAt = performance.now();
  caller: Caller | undefined = undefined;
  /** The partner whose ledger it asks for, once path and token are known. */
  partnerId: string | undefined = undefined;
  /** The code of the problem in its answer. */
  problem: string | undefined = undefined;
  /** The outcome of its command. */
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
    /** Takes more of what the caller has left, for a request with many commands. @throws Problem 429 */
    charge: (request: FastifyRequest, reply: FastifyReply, cost: number) => void;
    /** Counts the size of one answer of many, in characters. Returns what the caller has left, if that took anything. */
    chargeForAnswer: (request: FastifyRequest, size: number) => Taken | undefined;
    /** Takes 1 of what the remote address has left for requests without a caller. @throws Problem 429 */
    chargeAddress: (request: FastifyRequest, reply: FastifyReply) => void;
  }
  interface FastifyContextConfig {
    /** The media types that the route answers with; JSON by default, empty if the route checks `Accept` itself. */
    readonly answers?: readonly string[];
    /** In bytes, for a route that takes many commands and counts each answer. Other routes have the server's limit. */
    readonly largestBody?: number;
  }
}

export interface ReceptionOptions {
  readonly checkFields: ReturnType<typeof fieldChecks>;
  readonly verifier: TokenVerifier;
  /** The limit of a caller's requests; absent: none. */
  readonly callers: RateLimit | undefined;
  /** The limit of refused tokens from a remote address; absent: none. */
  readonly strangers: RateLimit | undefined;
  /** The limit of requests without a caller from a remote address; absent: none. */
  readonly addresses: RateLimit | undefined;
  /** How long a reader may take for any part of an answer before its connection is closed. */
  readonly readerTimeoutMs: number;
  /** Called when a request has been answered. */
  readonly onAnswered: (request: FastifyRequest, reply: FastifyReply) => void;
}

const json = ['application/json'];

/** An answer counts as one more request for each block of this size: large answers are expensive. */
const charactersOfOne = 16 * 1024;
/** The most requests with many commands that one caller may have in progress: each is read and parsed as a whole. */
const mostLarge = 32;
/** The most questions of one caller that may wait. Each takes little, and all are answered within seconds. */
const mostQuestions = 1_000;

/**
 * Receives every request: sets its correlation id and trace and, under `/v1/`, authenticates the caller, applies the
 * rate limit and checks `Accept`. Done here and not in a guard: guards run after the body has been read, and the server
 * must not read the body of an unknown caller.
 */
export function receive(fastify: FastifyInstance, options: ReceptionOptions): void {
  const { checkFields, verifier, callers, strangers, addresses, readerTimeoutMs, onAnswered } = options;
  // Declared with null, so that all requests have the same shape. The hook below sets it before anything reads it.
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

  /** The caller, at once if the token is known here. A refused token counts against its remote address. */
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
    // It comes after every answer, even if the caller has left before it.
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

  /** A promise only if a token must be verified: a known caller does not wait for the event loop. */
  function receiveOne(request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined {
    beginCall(request, reply);
    try {
      checkFields(request.raw);
    } catch (error) {
      // Nobody has been asked for a token yet.
      if (!isHealth(request)) chargeAddress(request, reply);
      throw error;
    }
    if (isHealth(request)) return undefined;
    // By the route that was found: an address can be written in several ways, such as %76 for v.
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

  // The last of the checks: after it, a question runs without another pause.
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
    // Until the answer has been taken; then node sets its keep-alive timeout. A live stream may be silent.
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

/** Not counted, and in a line of its own: a load balancer must get its answer, whatever else comes from its address. */
function isHealth({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.url?.startsWith('/health/') ?? false;
}

/**
 * A question changes nothing and may wait for others; a command is answered as fast as possible. A request with many
 * commands does not wait here: its body is large, and the route itself takes a turn for each command.
 */
function isQuestion({ method, query, routeOptions }: FastifyRequest): boolean {
  if (routeOptions.config.largestBody !== undefined) return false;
  return method !== 'POST' || (query as { readonly dryRun?: unknown }).dryRun === 'true';
}

/** Stops work for a caller that has disconnected: others wait for their answers. @throws Problem 408, which no one reads */
export function requireThere(request: FastifyRequest): void {
  if (!isThere(request)) throw gone();
}

function isThere({ raw }: FastifyRequest): boolean {
  return !raw.socket.destroyed;
}

function gone(): Problem {
  return new Problem('RequestTimeout', { outcome: 'none' });
}

/** The name of a caller for counting and for its turns. */
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

/** Too many requests wait. They are answered within seconds, and then there is room again. */
export function tooMuchWaits(): Problem {
  return new Problem('TooManyRequests', { outcome: 'none' }, { 'Retry-After': '1' });
}

function tooMany({ retryAfter }: Taken): Problem {
  return new Problem('TooManyRequests', { outcome: 'none' }, { 'Retry-After': String(retryAfter) });
}
