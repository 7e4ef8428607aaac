import { randomUUID } from 'node:crypto';
import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { problemTexts, type HttpProblemCode } from './problem-texts.js';
import { problemType } from './problem.js';

/** What node's parser of HTTP says of a request. */
export interface UnreadableRequest extends Error {
  readonly code?: string;
  /** The bytes in which it gave up. */
  readonly rawPacket?: Buffer;
}

/** For the sender to read the answer before the connection is gone, whatever else it is still sending. */
const lingersMs = 1_000;

/** What the parser of HTTP itself refuses: no request exists yet, so the answer is written to the socket, and is the last. */
export function answerUnreadable(error: UnreadableRequest, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket)) return void socket.destroy();
  const code = codeOf(error);
  const { status, title, detail } = problemTexts[code]!;
  const correlationId = randomUUID();
  const retryable = code === 'RequestTimeout';
  const body = JSON.stringify({ type: problemType(code), title, status, detail, code, correlationId, retryable });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/problem+json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nX-Correlation-Id: ${correlationId}\r\nConnection: close\r\n\r\n${body}`,
  );
  // A sender that does not end its side would keep the connection for ever.
  setTimeout(() => socket.destroy(), lingersMs).unref();
}

/**
 * An earlier request on the connection is being answered, or decided. Whatever was written now would be read as its
 * answer: a command that is being recorded would seem to be refused.
 */
function isAnswering(socket: Socket): boolean {
  // Node's own field, by which it decides the same where nobody listens for these errors.
  const { _httpMessage: response } = socket as { _httpMessage?: ServerResponse | null };
  return response != null && (response.headersSent || response.req.complete);
}

function codeOf({ code, rawPacket }: UnreadableRequest): HttpProblemCode {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'RequestTimeout';
  if (code !== 'HPE_HEADER_OVERFLOW') return 'BadRequest';
  // Half of what all headers may have, before the first line has ended: what is too long is the address.
  return rawPacket && /^[A-Z]{3,8} [^\n]{8192}/.test(rawPacket.toString('latin1'))
    ? 'AddressTooLong'
    : 'HeadersTooLarge';
}
