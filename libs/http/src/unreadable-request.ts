import { randomUUID } from 'node:crypto';
import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { problemTexts, type HttpProblemCode } from './problem-texts.js';
import { problemType } from './problem.js';

/** The error of node's HTTP parser. */
export interface UnreadableRequest extends Error {
  readonly code?: string;
  /** The bytes in which parsing failed. */
  readonly rawPacket?: Buffer;
}

/** Time for the sender to read the answer before the connection is closed, whatever it still sends. */
const lingersMs = 1_000;

/** Answers what the HTTP parser refuses. No request exists yet, so the answer is written to the socket, and is its last. */
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
 * An earlier request on the connection is being answered or decided. The sender would read anything written now as the
 * answer to that request: a command that is being recorded would seem to be refused.
 */
function isAnswering(socket: Socket): boolean {
  // Node's own field. Node uses it for the same decision where no listener handles these errors.
  const { _httpMessage: response } = socket as { _httpMessage?: ServerResponse | null };
  return response != null && (response.headersSent || response.req.complete);
}

function codeOf({ code, rawPacket }: UnreadableRequest): HttpProblemCode {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'RequestTimeout';
  if (code !== 'HPE_HEADER_OVERFLOW') return 'BadRequest';
  // The first line alone takes half of what all headers may have: the address is too long.
  return rawPacket && /^[A-Z]{3,8} [^\n]{8192}/.test(rawPacket.toString('latin1'))
    ? 'AddressTooLong'
    : 'HeadersTooLarge';
}
