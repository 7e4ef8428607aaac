import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from './problem.js';

/** How much, and for how long, a sender may still send after the answer before the connection is closed. */
const drained = { bytes: 1024 * 1024, ms: 1_000 };
/** Up to this declared size, it is cheaper to read the body and drop it than to open a new connection. */
const worthReading = 64 * 1024;
/** Requests whose senders wait for `100 Continue` before they send the body. */
const waiting = new WeakSet<IncomingMessage>();

/**
 * Ends the connection after an answer to a request whose body was not read and will not be. Otherwise node would read
 * all of it, whatever its size. The connection is not closed at once: that would reset it while the sender still sends,
 * and the sender could not read the answer. So for a moment, whatever arrives is dropped.
 * @param onDropping called before that moment begins
 */
export function closeIfUnread(
  { raw }: FastifyRequest,
  reply: FastifyReply,
  onDropping: () => void = () => undefined,
): void {
  if (raw.complete || !mayComeYet(raw)) {
    // Fastify closes the connection after any fault in a body, even if the body was read to its end.
    if (raw.complete && reply.statusCode >= 400) reply.removeHeader('connection');
    return;
  }
  reply.header('Connection', 'close');
  const { socket } = raw;
  onDropping();
  let left = drained.bytes;
  raw.on('data', (chunk: Buffer) => {
    if ((left -= chunk.length) < 0) socket.destroy();
  });
  // Node calls it once the last byte of the answer has been written.
  socket.destroySoon = () => {
    socket.end();
    setTimeout(() => socket.destroy(), drained.ms).unref();
  };
}

function mayComeYet(raw: IncomingMessage): boolean {
  const { 'transfer-encoding': coding, 'content-length': length } = raw.headers;
  // A sender without its `100 Continue` may send the body or the next request: the two cannot be distinguished.
  return coding !== undefined || Number(length ?? 0) > worthReading || waiting.has(raw);
}

/**
 * `Expect: 100-continue`: node would answer `100 Continue` before the request is checked. Here it is answered when the
 * body is about to be read, so that a sender without the right, or with too large a body, need not send it.
 */
export function continueWhenRead(fastify: FastifyInstance): void {
  fastify.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.add(request);
    fastify.server.emit('request', request, response);
  });
  const unknown = new WeakSet<IncomingMessage>();
  fastify.server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    unknown.add(request);
    fastify.server.emit('request', request, response);
  });
  fastify.addHook('preParsing', ({ raw, headers, routeOptions }, reply, payload, done) => {
    // Node finds 100-continue among others, too.
    if (unknown.has(raw) || (waiting.has(raw) && headers.expect!.trim().toLowerCase() !== '100-continue'))
      return done(new Problem('ExpectationFailed', { outcome: 'none' }));
    if (waiting.has(raw)) {
      if (Number(headers['content-length'] ?? 0) > routeOptions.bodyLimit) return done(new Problem('BodyTooLarge'));
      waiting.delete(raw);
      reply.raw.writeContinue();
    }
    done(null, payload);
  });
}
