import { Readable } from 'node:stream';
import { Answer, requireMatch } from '#http';
import type { FastifyReply } from 'fastify';

/** In characters. Large enough that little is lost by what is not a whole point yet. */
const takenForEach = 256 * 1024;

/**
 * An answer sent in chunks, each made when the reader has taken those before. A fault in the middle closes the connection,
 * so that no reader takes a part for the whole.
 */
export class StreamedAnswer extends Answer {
  constructor(
    headers: Readonly<Record<string, string>>,
    private readonly pieces: AsyncIterable<string>,
    /** Aborted when the reader is gone. */
    private readonly ending: AbortController,
    /** Fields sent after the last chunk; their names are in the header `Trailer`. */
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
    requireMatch(request, this.headers);
    reply.code(this.status).headers(this.headers);
    // A HEAD request does not take the body, which may have no end.
    if (request.method === 'HEAD') {
      end();
      return reply.send('');
    }
    async function* whole() {
      let sent = 0;
      const take = () => {
        request.server.oweFor(request, request.call, sent);
        sent = 0;
      };
      try {
        for await (const piece of pieces) {
          sent += piece.length;
          if (sent >= takenForEach) take();
          yield piece;
        }
      } finally {
        take();
      }
      raw.addTrailers(trailers);
    }
    return reply.send(Readable.from(whole(), { objectMode: false, highWaterMark: 64 * 1024 }));
  }
}
