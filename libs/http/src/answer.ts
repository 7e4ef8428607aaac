import type { FastifyReply } from 'fastify';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { requireMatch } from './entity-tag.js';
import { FixedDocument } from './fixed-document.js';

/** An answer that a route has made itself: status, headers and body as they are sent. */
export class Answer {
  constructor(
    readonly status: number,
    readonly headers: Readonly<Record<string, string>>,
    /** JSON text, or an object that becomes it; undefined for no body at all. */
    readonly body: string | object | undefined,
    /**
     * It may be sent compressed. The length of what is compressed tells of repetitions in it, so never where one answer has a
     * secret and text that somebody else has chosen (BREACH).
     */
    private readonly mayBeCoded = false,
  ) {}

  /** @throws Problem 400, 412 by `If-Match` of a question */
  sendTo(reply: FastifyReply): FastifyReply {
    if (this.status < 400) requireMatch(reply.request, this.headers);
    reply.code(this.status);
    if (this.mayBeCoded) reply.request.call.mayBeCoded = true;
    for (const name in this.headers) reply.header(name, this.headers[name]);
    if (this.body === undefined) return reply.send();
    if (!reply.hasHeader('content-type')) reply.header('content-type', 'application/json; charset=utf-8');
    return reply.send(typeof this.body === 'string' ? this.body : JSON.stringify(this.body));
  }
}

/** Nest on Fastify. Sends {@link Answer}s and {@link FixedDocument}s as they are, and leaves errors to the one filter. */
export class LedgerHttpAdapter extends FastifyAdapter {
  override reply(response: FastifyReply, body: unknown, statusCode?: number) {
    // Nest waits for it, though its type does not say so.
    if (body instanceof FixedDocument) return body.sendTo(response) as unknown as FastifyReply;
    return body instanceof Answer ? body.sendTo(response) : super.reply(response, body, statusCode);
  }

  override mapException(error: unknown): unknown {
    return error;
  }
}
