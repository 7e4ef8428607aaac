import { EventOfNewerRelease, LogDamaged, OutcomeUnknown, Rejection, StoreUnavailable } from '#event-sourcing';
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem, problemType, type ProblemBody, type ProblemMembers } from './problem.js';
import { beginCall, type Call } from './reception.js';
import { problemTexts, statusOfKind, type HttpProblemCode } from './problem-texts.js';
import { detailOfProblem, moreFaults } from './problem-details.js';
import { detailOf, meaningErrors } from './refusal-details.js';

/** A retry may succeed. */
const retryable = new Set([
  'RequestTimeout',
  'TooManyRequests',
  'TooManyStreams',
  'StreamsExhausted',
  'ConcurrencyConflict',
  'CommandInProgress',
  'StoreUnavailable',
  'OutcomeUnknown',
  'ServerOutdated',
  'ClockNotTrusted',
  'AuthenticationUnavailable',
  'ViewBehind',
  'ViewUnavailable',
  'AsOfUnavailable',
  'AsOfInProgress',
  'ShuttingDown',
]);

const ofFastify: Readonly<Record<string, HttpProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'BodyTooLarge',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'MediaTypeNotSupported',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'MalformedBody',
  FST_ERR_MAX_PARAM_LENGTH: 'AddressTooLong',
};

/** A refusal of the domain, with the headers that say which position in the log it rests on. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly rejection: Rejection,
    readonly headers: Readonly<Record<string, string>>,
    /** The attempt that was refused first, if the refusal is recorded. */
    readonly recorded?: { readonly instance: string; readonly correlationId: string },
  ) {
    super(rejection.code);
  }
}

interface Refused {
  readonly code: string;
  /** Of this occurrence; else the code's own. */
  readonly detail?: string;
  readonly recorded?: Refusal['recorded'];
  readonly members: object;
  readonly headers: Readonly<Record<string, string>>;
}

/** The request that was refused, or one of the many commands in it. */
export interface RefusedRequest {
  readonly call: Call;
  /** The address without its query. */
  readonly instance: string;
  readonly method: string;
  /** The pattern of the route; absent where no route was found. */
  readonly route: string | undefined;
  /** The partner that the address names. */
  readonly namedPartner: string | undefined;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The answer to one of many commands in one request. It is reported as if the command had come alone. */
    problemOf: (error: unknown, asked: RefusedRequest) => ProblemAnswer;
  }
}

/** A problem as it is sent. */
export interface ProblemAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
}

export interface ProblemFilterOptions {
  /** The path below which others reach this server; empty: none. */
  readonly publicPath?: string;
  /** The methods that an address takes, if any. */
  readonly methodsAt: (url: string) => readonly string[];
  /** Reports everything that is not a refusal: a bug. */
  readonly onUnexpected: (error: unknown, correlationId: string) => void;
  /** Reports that the log is damaged. */
  readonly onDamaged: (error: LogDamaged, correlationId: string) => void;
  /** Reports why the store failed. Callers do not see the reason. */
  readonly onUnavailable?: (error: StoreUnavailable | OutcomeUnknown, correlationId: string) => void;
  /** Reports a caller who is not authenticated, lacks the right, or asks for a relationship of others. */
  readonly onDenied?: (code: string, asked: RefusedRequest) => void;
}

/** The one exception filter: everything thrown becomes `application/problem+json` (RFC 9457). */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly options: ProblemFilterOptions) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    // Absent where the router refuses a request before any hook runs.
    const call = (request.call as Call | null) ?? beginCall(request, reply);
    const { status, headers, body } = this.problemOf(error, {
      call,
      instance: referenceOf(request.url.split('?', 1)[0]!),
      method: request.method,
      route: request.routeOptions.url,
      namedPartner: (request.params as { readonly partnerId?: string } | null)?.partnerId,
    });
    reply.code(status).headers(headers);
    reply.header('content-type', 'application/problem+json; charset=utf-8');
    reply.send(body);
  }

  /** The answer to an error, which is reported where it must be. */
  problemOf(error: unknown, asked: RefusedRequest): ProblemAnswer {
    const { call } = asked;
    const refused = this.refusedBy(error, asked.instance);
    const { code, members, headers, recorded } = refused;
    const { publicPath = '', onUnexpected, onDamaged, onUnavailable, onDenied } = this.options;
    if (code === 'InternalError') onUnexpected(error, call.correlationId);
    if (error instanceof LogDamaged) onDamaged(error, call.correlationId);
    if (error instanceof StoreUnavailable || error instanceof OutcomeUnknown)
      onUnavailable?.(error, call.correlationId);
    call.problem = code;
    const { status, title, detail: ofCode } = problemTexts[code]!;
    const { detail = ofCode } = refused;
    // A relationship that is not found may be another partner's. No other refusal hides anything.
    if (status === 401 || status === 403 || code === 'RelationshipNotFound') onDenied?.(code, asked);
    const problem: ProblemBody = {
      type: publicPath + problemType(code),
      title,
      status,
      detail,
      instance: publicPath + (recorded?.instance ?? asked.instance),
      code,
      correlationId: recorded?.correlationId ?? call.correlationId,
      retryable: retryable.has(code),
      ...members,
    };
    return { status, headers, body: JSON.stringify(problem) };
  }

  private refusedBy(error: unknown, instance: string): Refused {
    if (error instanceof Problem) return occurrence(error.code, error.members, error.headers);
    if (error instanceof Refusal)
      return { ...ofRejection(error.rejection), headers: error.headers, recorded: error.recorded };
    if (error instanceof Rejection) return { ...ofRejection(error as Rejection), headers: {} };
    if (error instanceof StoreUnavailable)
      return occurrence('StoreUnavailable', { outcome: 'none' }, { 'Retry-After': '1' });
    if (error instanceof OutcomeUnknown)
      return occurrence('OutcomeUnknown', { outcome: 'unknown' }, { 'Retry-After': '1' });
    // Long enough for a balancer to ask another server, which may have been upgraded before this one.
    if (error instanceof EventOfNewerRelease)
      return occurrence('ServerOutdated', { outcome: 'none' }, { 'Retry-After': '5' });
    // Only the operator can mend it, and that takes time.
    if (error instanceof LogDamaged)
      return occurrence('LogDamaged', { outcome: error.outcome }, { 'Retry-After': '3600' });
    if ((error instanceof HttpException && error.getStatus() === 404) || isOfQueryWithoutType(error)) {
      const methods = this.options.methodsAt(instance);
      return methods.length > 0
        ? occurrence('MethodNotAllowed', {}, { Allow: methods.join(', ') })
        : occurrence('RouteNotFound');
    }
    const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
    const known = typeof code === 'string' ? ofFastify[code] : undefined;
    if (known) return occurrence(known);
    const isRefused = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
    return occurrence(isRefused ? 'BadRequest' : 'InternalError');
  }
}

/** Fastify looks for the type of a QUERY before it looks for a route, and no route takes that method. */
function isOfQueryWithoutType(error: unknown): boolean {
  return (error as { readonly code?: unknown } | null)?.code === 'FST_ERR_ROUTE_MISSING_CONTENT_TYPE';
}

function occurrence(code: HttpProblemCode, members: ProblemMembers = {}, headers: Refused['headers'] = {}): Refused {
  return { code, detail: detailOfProblem(code, { members, headers }), members, headers };
}

/** A transition to the same state, such as from active to active, shows only that state. */
function withoutSelfTransition(details: Readonly<Record<string, unknown>>): object {
  if (details['from'] === undefined || details['from'] !== details['to']) return details;
  const { to: _, ...rest } = details;
  return rest;
}

function ofRejection({ code, details }: Rejection): Omit<Refused, 'headers'> {
  if (!(code in problemTexts)) return { code: 'InternalError', members: {} };
  // Callers of a removal look for blockers, so these are a member of the problem itself.
  const { blockers, faults: _, ...rest } = details as { blockers?: unknown; faults?: unknown; dueAt?: unknown };
  const isMeaning = problemTexts[code]!.status === statusOfKind.meaning;
  const errors = isMeaning ? meaningErrors(code, details) : [];
  const detail = detailOf(code, details);
  return {
    code,
    detail: errors.length > 1 ? `${detail} ${moreFaults(errors.length - 1)}.` : detail,
    members: {
      ...(blockers === undefined ? {} : { blockers }),
      ...(isMeaning ? { errors } : {}),
      details: withoutSelfTransition(rest),
      ...(rest.dueAt === undefined ? {} : { dueAt: rest.dueAt }),
    },
  };
}

/** A reference of RFC 3986, even where the requested path is not one. */
function referenceOf(path: string): string {
  return path.replace(/%(?![\da-f]{2})|[^\w%!$&'()*+,\-./:;=@~]/gi, encodeURIComponent);
}
