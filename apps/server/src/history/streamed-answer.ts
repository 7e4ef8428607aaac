import { Readable } from 'node:stream';
import { Answer } from '#http';
import type { FastifyReply } from 'fastify';

/** So long a reader may take nothing of what is there for it. */
const unreadForMs = 60_000;

/**
 * An answer that goes out piece by piece, each made when its reader has taken those before. A fault in the middle cuts the
 * connection, so that nobody takes what has come for the whole.
 */
export class StreamedAnswer extends Answer {
  constructor(
    headers: Readonly<Record<string, string>>,
    private readonly pieces: AsyncIterable<string>,
    /** Aborted when the reader is gone. */
    private readonly ending: AbortController,
    /** Fields that follow the last piece; their names are in the header `Trailer`. */
    private readonly trailers: Readonly<Record<string, string>> = {},
  ) {
    super(200, headers, undefined);
  }

  override sendTo(reply: FastifyReply): FastifyReply {
    const { pieces, ending, trailers } = this;
    const { raw, request } = reply;
    const end = () => ending.abort();
    raw.once('close', end);
    if (raw.closed || raw.destroyed) end();
    reply.code(this.status).headers(this.headers);
    // Who asks for the head of an answer does not take the rest, which may have no end.
    if (request.method === 'HEAD') {
      end();
      return reply.send('');
    }
    async function* whole() {
      // What is said now and then keeps the connection, however long clients may take for other answers.
      request.raw.socket.setTimeout(unreadForMs);
      yield* pieces;
      raw.addTrailers(trailers);
    }
    return reply.send(Readable.from(whole(), { objectMode: false, highWaterMark: 64 * 1024 }));
  }
}
