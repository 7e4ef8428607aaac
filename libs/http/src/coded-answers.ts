import type { FastifyInstance } from 'fastify';
import { BoundedPool } from '#pacing';
import { compressed, codingFor, worthCompressing } from './fixed-document.js';
import { nameOf } from './reception.js';
import { vary } from './vary.js';

/**
 * The answers that are compressed at once, in threads beside the event loop. The store and the views have threads of their
 * own, so only the cores are shared with them.
 */
const atOnce = 2;
/** How many may wait. Beyond that, an answer is sent as it is: that takes the network longer and the server less. */
const mostWaiting = 100;

/**
 * Compresses the answers that allow it (RFC 9110, 8.4). Registered after all that reads the size of an answer: it counts as
 * what it is, not as what is sent.
 */
export function codeAnswers(fastify: FastifyInstance): void {
  const places = new BoundedPool({ atOnce, waiting: mostWaiting, waitingOfOne: mostWaiting / 2 });
  const busy = () => new Error('Too many answers wait to be compressed');

  fastify.addHook('onSend', (request, reply, payload, done) => {
    const { call } = request;
    // Absent where no hook has run.
    if (!call?.mayBeCoded) return done(null, payload);
    vary(reply, 'Accept-Encoding');
    if (typeof payload !== 'string' || payload.length < worthCompressing) return done(null, payload);
    const coding = codingFor(request.headers['accept-encoding'], true);
    if (coding === undefined || coding === 'identity') return done(null, payload);
    places
      .run(nameOf(call.caller!), () => compressed(Buffer.from(payload), coding, 'fast'), busy)
      .then(
        (bytes) => {
          reply.header('Content-Encoding', coding);
          done(null, bytes);
        },
        () => done(null, payload),
      );
  });
}
