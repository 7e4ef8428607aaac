import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from './problem.js';

/** What may come after the answer before the connection is cut. */
const drained = { bytes: 1024 * 1024, ms: 1_000 };
/** A declared rest of this size is read away sooner than a connection is made anew. */
const worthReading = 64 * 1024;
/** Requests whose senders keep their bodies until they are told to go on. */
const waiting = new WeakSet<IncomingMessage>();

/**
 * Answers a request whose body has not been read, and is not going to be: node would read it away to its end, whatever
 * its size. The connection ends with the answer. Not at once, though: closing it while more comes in resets it, and the
 * sender, who still sends, would never get to read why; so for a moment what comes is thrown away.
 */
export function closeIfUnread({ raw }: FastifyRequest, reply: FastifyReply): void {
  if (raw.complete || !mayComeYet(raw)) {
    // Fastify closes a connection over any fault in a body, also over one that has been read to its end.
    if (raw.complete && reply.statusCode >= 400) reply.removeHeader('connection');
    return;
  }
  reply.header('Connection', 'close');
  const { socket } = raw;
  let left = drained.bytes;
  raw.on('data', (chunk: Buffer) => {
    if ((left -= chunk.length) < 0) socket.destroy();
  });
  // What node calls once the last byte of the answer has been handed over.
  socket.destroySoon = () => {
    socket.end();
    setTimeout(() => socket.destroy(), drained.ms).unref();
  };
}

function mayComeYet(raw: IncomingMessage): boolean {
  const { 'transfer-encoding': coding, 'content-length': length } = raw.headers;
  // Whoever has not been told to go on may go on or send the next request: nobody can tell which it is.
  return coding !== undefined || Number(length ?? 0) > worthReading || waiting.has(raw);
}

/**
 * `Expect: 100-continue`: node says "go on" before anybody has looked at the request. Said here when the body is going to
 * be read, so that a sender without a right, or of too much, is spared the sending.
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
    if (unknown.has(raw)) return done(new Problem('ExpectationFailed', { outcome: 'none' }));
    if (waiting.has(raw)) {
      if (Number(headers['content-length'] ?? 0) > routeOptions.bodyLimit) return done(new Problem('BodyTooLarge'));
      waiting.delete(raw);
      reply.raw.writeContinue();
    }
    done(null, payload);
  });
}
