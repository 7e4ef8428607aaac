import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import {
  answerOptions,
  answerUnreadable,
  boundConnections,
  boundPipelining,
  closeIfUnread,
  codeAnswers,
  continueWhenRead,
  fieldChecks,
  endUnreadAnswers,
  FieldsPipe,
  LedgerHttpAdapter,
  parseJsonBody,
  Problem,
  ProblemFilter,
  proxiesOf,
  rateLimit,
  receive,
  refuseConnection,
  servePublicly,
  sharedWith,
  withoutPublicPath,
  type TokenVerifier,
} from '#http';
import { StoreUnavailable } from '#event-sourcing';
import type { Tracer } from '#telemetry';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { ServerHealth } from './health/server-health.js';
import type { Limits, WebSettings } from '#configuration';
import { serveApiDocument, serveDocsPage } from './contract/api-documents.js';
import { ServedLedger } from './served-ledger.js';
import { occasionally } from '#pacing';
import { RequesterGuard } from './requester-guard.js';
import { denialOf, type Denial } from './security-journal/denial-tally.js';

export interface HttpServerParts {
  readonly module: DynamicModule;
  readonly verifier: TokenVerifier;
  readonly tracer?: Tracer | undefined;
  readonly limits: Limits;
  readonly web: WebSettings;
  readonly logger: Logger;
  readonly health: ServerHealth;
  readonly onAnswered: (request: FastifyRequest, reply: FastifyReply) => void;
  readonly onDenied: (denial: Denial) => void;
}

/** Deeper than the body of any command. A command of a bulk is in the third level of its body. */
const maxDepth = { ofOne: 8, ofMany: 8 + 3 };

/** The application, not yet listening. It has one filter, one guard and one pipe, and does nothing else per request. */
export async function httpServer(parts: HttpServerParts): Promise<NestFastifyApplication> {
  const { module, verifier, tracer, limits, web, logger, health, onAnswered, onDenied } = parts;
  const methods = new Map<RegExp, string[]>();
  const methodsAt = (path: string): string[] => {
    const names = [...methods].flatMap(([pattern, names]) => (path === '*' || pattern.test(path) ? names : []));
    return names.length === 0 ? [] : [...new Set(names), 'OPTIONS'];
  };
  const checkFields = fieldChecks();
  const sharing = sharedWith(web.origins);
  const { publicPath } = web;
  const logDamage = occasionally(60_000, (times, error: unknown, correlationId: string) =>
    logger.error({ err: error, correlationId, times }, 'the log is damaged: callers are refused'),
  );
  const logUnavailable = occasionally(30_000, (times, { message }: Error, correlationId: string) =>
    logger.warn({ correlationId, times }, `the event store could not do what was asked: ${message}`),
  );
  const filter = new ProblemFilter({
    publicPath,
    methodsAt,
    onUnexpected: (error, correlationId) => logger.error({ err: error, correlationId }, 'unexpected'),
    onDamaged: (error, correlationId) => {
      health.isDamage(error);
      logDamage(error, correlationId);
    },
    onUnavailable: logUnavailable,
    onDenied: (code, asked) => onDenied(denialOf(code, asked)),
  });
  const clientTimeoutMs = limits.clientTimeoutSeconds * 1000;
  const adapter = new LedgerHttpAdapter({
    bodyLimit: limits.body,
    // No middleware is used, and its plugin would slow down every request.
    skipMiddie: true,
    // Slow clients must not hold connections for ever.
    requestTimeout: clientTimeoutMs,
    http: {
      maxHeaderSize: 16 * 1024,
      headersTimeout: Math.min(clientTimeoutMs, 10_000),
      connectionsCheckingInterval: 1_000,
      requireHostHeader: false,
    },
    keepAliveTimeout: 65_000,
    forceCloseConnections: 'idle',
    // A command that comes in on an open connection while the server stops is still taken.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 128 },
    trustProxy: proxiesOf(limits.trustedProxies),
    rewriteUrl: (request: IncomingMessage) => withoutPublicPath(pathOf(request), publicPath),
    clientErrorHandler(error: NodeJS.ErrnoException, socket: Socket) {
      // The rest of the request is here and waits for the answers to earlier ones: its sender is not slow.
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && pipelining.isHeld(socket)) return;
      answerUnreadable(error, socket, publicPath);
    },
    // No hook has run yet, so a malformed address is counted here.
    frameworkErrors(error: Error, request: FastifyRequest, reply: FastifyReply) {
      let problem: unknown = error;
      try {
        fastify.receiveStranger(request, reply);
      } catch (refused) {
        problem = refused;
      }
      closeIfUnread(request, reply);
      sharing.mark(request, reply);
      filter.answer(problem, request, reply);
    },
  });
  const fastify = adapter.getInstance<FastifyInstance>();
  const pipelining = boundPipelining(fastify.server);
  // Their size bounds them: node would drop those after the 2,000th, and with them a precondition.
  fastify.server.maxHeadersCount = 0;
  // Node would end the connection without an answer.
  fastify.server.on('connect', (_, socket: Socket) => refuseConnection('MethodNotImplemented', socket, publicPath));
  endUnreadAnswers(fastify.server, clientTimeoutMs);
  const { connectionsOfAddress, trustedProxies } = limits;
  if (connectionsOfAddress > 0)
    boundConnections(fastify.server, pipelining, { ofAddress: connectionsOfAddress, except: trustedProxies });
  fastify.decorate('problemOf', (error, asked) => filter.problemOf(error, asked));
  fastify.addHook('onRoute', (route) => {
    const { url, method, config } = route;
    if (config?.largestBody !== undefined) route.bodyLimit = config.largestBody;
    const names = [method].flat();
    // A route for all addresses says nothing about the methods of one.
    if (url.includes('*')) return;
    const pattern = new RegExp(`^${url.replace(/:[^/]+/g, '[^/]+')}$`);
    const known = [...methods.keys()].find(({ source }) => source === pattern.source);
    if (known) methods.get(known)!.push(...names);
    else methods.set(pattern, names);
  });
  servePublicly(fastify, publicPath);
  answerOptions(fastify, { methodsAt, checkFields, sharing });
  admitNoRequestBeforeOpen(fastify, health);
  const { windowSeconds } = limits;
  const limitOf = (counts: string, quota: number) =>
    quota === 0 ? undefined : rateLimit({ counts, quota, windowSeconds });
  receive(fastify, {
    checkFields,
    verifier,
    tracer,
    callers: limitOf('caller', limits.requests),
    strangers: limitOf('failedTokens', limits.failedTokens),
    addresses: limitOf('address', limits.requests),
    inHand: { requestsOfAddress: limits.requestsOfAddress || Infinity, bytes: limits.inHandMiB * 1024 * 1024 },
    onAnswered,
  });
  codeAnswers(fastify);
  readBodies(fastify);
  continueWhenRead(fastify);

  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: false,
    abortOnError: false,
    bodyParser: false,
  });
  app.useGlobalFilters(filter);
  app.useGlobalGuards(new RequesterGuard(app.get(ServedLedger)));
  app.useGlobalPipes(new FieldsPipe());
  serveApiDocument(fastify);
  if (web.docs) serveDocsPage(fastify);
  return app;
}

/** Routes that need no ledger, and those that the problem of all other routes links to. */
const alwaysAnswered = /^\/(health|problems|schemas|docs|openapi\.json)?(?=[/?]|$)/;

function admitNoRequestBeforeOpen(fastify: FastifyInstance, health: ServerHealth): void {
  fastify.addHook('onRequest', (request, _, done) => {
    const { waitingFor } = health;
    if (waitingFor === undefined || alwaysAnswered.test(request.url)) done();
    else done(new StoreUnavailable(waitingFor));
  });
}

/** A target in absolute form (RFC 9112, 3.2.2), as proxies may send it, stands for the path in it. */
function pathOf({ url = '/' }: IncomingMessage): string {
  return url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?#]*(?=([/?#]|$))/i, '') || '/';
}

/** What a body may be (RFC 9110, 15.5.16). */
const acceptsJson = { Accept: 'application/json' };

function notSupported(pointer: string, detail: string, headers: Record<string, string> = acceptsJson): Problem {
  return new Problem('MediaTypeNotSupported', { errors: [{ pointer, detail }] }, headers);
}

/** Accepts JSON in UTF-8 alone. An absent body is an empty one, whatever its type. */
function readBodies(fastify: FastifyInstance): void {
  fastify.addHook('preParsing', ({ headers, method }, _, payload, done) => {
    const { 'content-type': type, 'content-encoding': coding, 'content-length': length } = headers;
    if (coding !== undefined && coding.toLowerCase() !== 'identity')
      return done(notSupported('Content-Encoding', 'must be identity, or absent', { 'Accept-Encoding': 'identity' }));
    if (type === undefined || type === 'application/json' || method === 'GET' || method === 'HEAD')
      return done(null, payload);
    const [mediaType, charset] = /^\s*([^\s;]*)(?:.*;\s*charset\s*=\s*"?([^\s";]*))?/i.exec(type)!.slice(1);
    // Refused before it is read. Without a length the body may still be empty.
    if (mediaType!.toLowerCase() !== 'application/json' && Number(length ?? 0) > 0)
      return done(new Problem('MediaTypeNotSupported', {}, acceptsJson));
    if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset))
      return done(notSupported('Content-Type', 'must have utf-8 as its charset'));
    done(null, payload);
  });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, ({ routeOptions }, bytes, done) => {
    try {
      const { largestBody } = routeOptions.config;
      done(null, parseJsonBody(bytes as Buffer, largestBody === undefined ? maxDepth.ofOne : maxDepth.ofMany));
    } catch (error) {
      done(error as Error);
    }
  });
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_, bytes, done) => {
    if (bytes.length === 0) done(null, {});
    else done(new Problem('MediaTypeNotSupported', {}, acceptsJson));
  });
}
