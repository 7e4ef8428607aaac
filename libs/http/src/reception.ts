import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { BoundedPool, turnsOfTheLoop } from '#pacing';
import { passOn, spanKind, type Trace, type Tracer } from '#telemetry';
import { acceptable } from './accept.js';
import { InHand } from './in-hand.js';
import { Problem } from './problem.js';
import type { RateLimit, Taken } from './rate-limit.js';
import { addressOf } from './remote-address.js';
import type { fieldChecks } from './request-fields.js';
import type { Caller, TokenVerifier } from './token-verifier.js';
import { correlationId } from './correlation-id.js';
import { closeIfUnread } from './unread-body.js';
import { vary } from './vary.js';

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
  /** How many events its command has appended; long ones count several times. */
  appended = 0;
  /** Its answer may be sent compressed. */
  mayBeCoded = false;

  constructor(
    readonly correlationId: string,
    readonly trace: Trace | undefined,
  ) {}
}

/** A request's {@link Call}, from its headers; its correlation id and trace are in the answer from now on. */
export function beginCall(request: FastifyRequest, reply: FastifyReply): Call {
  const { headers, server } = request;
  const trace = (server.tracer ?? passOn).begin(headers.traceparent);
  const call = new Call(correlationId(headers['x-correlation-id']), trace);
  request.call = call;
  reply.header('X-Correlation-Id', call.correlationId);
  if (call.trace) reply.header('traceparent', call.trace.traceparent);
  reply.header('X-Content-Type-Options', 'nosniff');
  // Nothing may be kept but the documents that are the same for everyone, which say so themselves.
  reply.header('Cache-Control', 'no-store');
  if (isOfLedger(request)) vary(reply, 'Authorization');
  return call;
}

declare module 'fastify' {
  interface FastifyRequest {
    call: Call;
  }
  interface FastifyInstance {
    tracer?: Tracer;
    /** Takes more of what the caller has left, for a request with many commands. @throws Problem 429 */
    charge: (request: FastifyRequest, reply: FastifyReply, cost: number) => void;
    /** Takes what was worked for, after the work: an answer, and what its command has written. */
    oweFor: (request: FastifyRequest, call: Call, answered: number) => Taken | undefined;
    /** Receives a request that needs no caller and is answered before all hooks. @throws Problem 429 */
    receiveStranger: (request: FastifyRequest, reply: FastifyReply) => void;
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
  /** Begins the traces of requests; absent: a caller's trace is passed on, and nothing is noted. */
  readonly tracer?: Tracer | undefined;
  /** The limit of a caller's requests; absent: none. */
  readonly callers: RateLimit | undefined;
  /** The limit of refused tokens from a remote address; absent: none. */
  readonly strangers: RateLimit | undefined;
  /** The limit of requests without a caller from a remote address; absent: none. */
  readonly addresses: RateLimit | undefined;
  readonly inHand: RequestBounds;
  /** Called when a request has been answered. */
  readonly onAnswered: (request: FastifyRequest, reply: FastifyReply) => void;
}

/** How much may be in hand at once. */
export interface RequestBounds {
  /** The requests of one remote address. */
  readonly requestsOfAddress: number;
  /** The bytes of large bodies and answers, in all; a caller, or an address without one, has half of it at most. */
  readonly bytes: number;
}

const json = ['application/json'];

/** An answer counts as one more request for each block of this size: large answers are expensive. */
const charactersOfOne = 16 * 1024;
/** A body counts as one more request for each block of this size: what is written stays for ever. */
const bytesOfOne = 1024;
/** Smaller bodies and answers are bounded well enough by the number of requests. */
const large = 8 * 1024;
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
  const { checkFields, verifier, tracer = passOn, callers, strangers, addresses, inHand, onAnswered } = options;
  // Declared with null, so that all requests have the same shape. The hook below sets it before anything reads it.
  fastify.decorateRequest('call', null as unknown as Call);

  fastify.decorate('tracer', tracer);

  function charge(request: FastifyRequest, reply: FastifyReply, cost: number): void {
    const { caller } = request.call;
    if (callers && caller && cost > 0) requireLeft(reply, callers, callers.take(nameOf(caller), cost));
  }
  fastify.decorate('charge', charge);

  /** Takes points for what has been done already. */
  function owe(request: FastifyRequest, cost: number): Taken | undefined {
    if (cost === 0) return undefined;
    const { caller } = request.call;
    return caller ? callers?.owe(nameOf(caller), cost) : addresses?.owe(addressOf(request), cost);
  }

  function oweFor(request: FastifyRequest, { appended, outcome }: Call, answered: number): Taken | undefined {
    // What a refusal says stands in the journal too.
    const forAnswer = Math.floor(answered / (outcome === 'refused' ? bytesOfOne : charactersOfOne));
    return owe(request, forAnswer + Math.max(appended - 1, 0));
  }
  fastify.decorate('oweFor', oweFor);

  const requests = new InHand({ ofOne: inHand.requestsOfAddress });
  /** Before anything is looked at. Health has places of its own. */
  function takeRequestInHand(request: FastifyRequest, { raw }: FastifyReply): void {
    const address = addressOf(request);
    const name = isHealth(request) ? `health ${address}` : address;
    if (!requests.hasRoom(name, 1)) throw tooMuchWaits();
    requests.add(name, 1);
    raw.once('close', () => requests.add(name, -1));
  }

  const bytes = new InHand({ ofOne: inHand.bytes / 2, ofAll: inHand.bytes });
  const holderOf = (request: FastifyRequest) =>
    request.call.caller ? nameOf(request.call.caller) : addressOf(request);
  function takeBytesInHand(name: string, { raw }: FastifyReply, amount: number): void {
    bytes.add(name, amount);
    raw.once('close', () => bytes.add(name, -amount));
  }

  /** Takes for the body before it is read, where its length is known, and keeps room for it. @throws Problem 429 */
  function receiveBody(request: FastifyRequest, reply: FastifyReply): number {
    const { headers, routeOptions } = request;
    const { 'content-length': length, 'transfer-encoding': coding } = headers;
    if (length === undefined && coding === undefined) return 1;
    const declared = length === undefined ? routeOptions.bodyLimit : Number(length);
    // One that is too long is not read at all.
    if (declared > routeOptions.bodyLimit) return 1;
    if (declared > large) {
      const name = holderOf(request);
      if (!bytes.hasRoom(name, declared)) throw tooMuchWaits();
      takeBytesInHand(name, reply, declared);
    }
    return 1 + (length === undefined ? 0 : Math.floor(declared / bytesOfOne));
  }

  function countForAddress(request: FastifyRequest, reply: FastifyReply): void {
    const cost = receiveBody(request, reply);
    if (addresses) requireLeft(reply, addresses, addresses.take(addressOf(request), cost));
  }
  fastify.decorate('receiveStranger', (request, reply) => {
    beginCall(request, reply);
    takeRequestInHand(request, reply);
    countForAddress(request, reply);
  });

  /** The caller, at once if the token is known here. A refused token counts against its remote address. */
  function authenticated(request: FastifyRequest, reply: FastifyReply): Caller | Promise<Caller> {
    const refuseIfSpent = () => {
      const left = strangers!.look(addressOf(request));
      if (!left.admitted) requireLeft(reply, strangers!, left);
    };
    const refuse = (error: unknown): never => {
      // Also a token that nobody can verify now: otherwise forged ones would cost nothing while the issuer is away.
      if (strangers && error instanceof Problem && (error.status === 401 || error.code === 'AuthenticationUnavailable'))
        requireLeft(reply, strangers, strangers.take(addressOf(request)));
      throw error;
    };
    try {
      const caller = verifier.verify(request.headers.authorization, strangers && refuseIfSpent);
      return caller instanceof Promise ? caller.catch(refuse) : caller;
    } catch (error) {
      return refuse(error);
    }
  }

  const withMany = new BoundedPool({ ofOne: mostLarge });
  function takeInHand({ call }: FastifyRequest, reply: FastifyReply): void {
    const place = withMany.enter(nameOf(call.caller!));
    if (!place) throw tooMuchWaits();
    // It comes after every answer, even if the caller has left before it.
    reply.raw.once('close', place.leave);
  }

  function admit(request: FastifyRequest, reply: FastifyReply, caller: Caller): void {
    request.call.caller = caller;
    charge(request, reply, receiveBody(request, reply));
    const { url, config } = request.routeOptions;
    if (config.largestBody !== undefined) takeInHand(request, reply);
    const { answers = json } = config;
    if (answers !== json) vary(reply, 'Accept');
    if (url !== undefined && answers.length > 0 && acceptable(request.headers.accept, answers) === undefined)
      throw new Problem('NotAcceptable', { offered: answers });
  }

  /** A promise only if a token must be verified: a known caller does not wait for the event loop. */
  function receiveOne(request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined {
    beginCall(request, reply);
    takeRequestInHand(request, reply);
    try {
      checkFields(request.raw);
    } catch (error) {
      // Nobody has been asked for a token yet.
      if (!isHealth(request)) countForAddress(request, reply);
      throw error;
    }
    if (isHealth(request)) return undefined;
    if (!isOfLedger(request)) {
      countForAddress(request, reply);
      return undefined;
    }
    const caller = authenticated(request, reply);
    if (caller instanceof Promise)
      return verifying(request.call, caller).then((verified) => admit(request, reply, verified));
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

  /** Takes for a body as it comes in, unless it was taken for before. */
  const metered = new WeakSet<FastifyRequest['raw']>();
  function meterBody(request: FastifyRequest): void {
    const { raw, headers, routeOptions } = request;
    const isTakenFor = Number(headers['content-length']) <= routeOptions.bodyLimit;
    if (isTakenFor || metered.has(raw)) return;
    metered.add(raw);
    let notTakenFor = 0;
    raw.on('data', (chunk: Buffer) => {
      notTakenFor += chunk.length;
      owe(request, Math.floor(notTakenFor / bytesOfOne));
      notTakenFor %= bytesOfOne;
    });
  }
  fastify.addHook('preParsing', (request, _, payload, done) => {
    const { headers, method } = request;
    // Its length is not known. Fastify reads no body of these methods.
    if (headers['transfer-encoding'] !== undefined && method !== 'GET' && method !== 'HEAD') meterBody(request);
    done(null, payload);
  });

  function requireAnswersTaken(request: FastifyRequest): void {
    if (!isThere(request)) throw gone();
    if (bytes.amount() > 0 && !bytes.hasRoom(holderOf(request), 1)) throw tooMuchWaits();
  }

  // The last of the checks: after it, a question runs without another pause.
  const longest = { length: mostQuestions, refusal: tooMuchWaits };
  fastify.addHook('preHandler', (request, _, done) => {
    const { caller } = request.call;
    if (caller && !isQuestion(request)) return done();
    turnsOfTheLoop
      .take(caller ? nameOf(caller) : `${isHealth(request) ? 'health ' : ''}${addressOf(request)}`, longest)
      .then(() => requireAnswersTaken(request))
      .then(() => done(), done);
  });

  fastify.addHook('onSend', (request, reply, payload, done) => {
    closeIfUnread(request, reply, () => meterBody(request));
    const { call, routeOptions } = request;
    const size = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload.length : 0;
    // A document that is the same for all is in memory once.
    if (size >= large && typeof payload === 'string') takeBytesInHand(holderOf(request), reply, size);
    // Each of many commands is taken for where it is answered.
    if (routeOptions.config.largestBody !== undefined) return done(null, payload);
    if (size < bytesOfOne && call.appended < 2) return done(null, payload);
    const taken = oweFor(request, call, size);
    if (taken) showLeft(reply, call.caller ? callers! : addresses!, taken);
    done(null, payload);
  });

  fastify.addHook('onResponse', (request, reply, done) => {
    onAnswered(request, reply);
    done();
  });
}

/** Notes how long it took where the call is traced. */
function verifying({ trace }: Call, caller: Promise<Caller>): Promise<Caller> {
  const span = trace?.span;
  if (!span) return caller;
  const beganAt = performance.now();
  const note = (error?: string) => span.step('verify token', spanKind.internal, beganAt, [], error);
  return caller.then(
    (verified) => {
      note();
      return verified;
    },
    (error: unknown) => {
      note(error instanceof Problem ? error.code : 'unexpected');
      throw error;
    },
  );
}

/** By the route that was found: an address can be written in several ways, such as %76 for v. */
function isOfLedger({ routeOptions, url }: FastifyRequest): boolean {
  return (routeOptions.url ?? url).startsWith('/v1/');
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
