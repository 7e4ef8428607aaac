import { randomUUID } from 'node:crypto';
import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { problemTexts, type HttpProblemCode } from './problem-texts.js';
import { problemType } from './problem.js';

/** The error of node's HTTP parser. */
export interface UnreadableRequest extends Error {
  readonly code?: string;
  /** What the parser says about it. */
  readonly reason?: string;
  /** The bytes in which parsing failed. */
  readonly rawPacket?: Buffer;
}

/** Time for the sender to read the answer before the connection is closed, whatever it still sends. */
const lingersMs = 1_000;

/** Answers what the HTTP parser refuses. No request exists yet, so the answer is written to the socket, and is its last. */
export function answerUnreadable(error: UnreadableRequest, socket: Socket, publicPath = ''): void {
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket)) return void socket.destroy();
  refuseConnection(codeOf(error), socket, publicPath);
}

/** Answers the next request on a connection with a problem, and ends the connection. */
export function refuseConnection(code: HttpProblemCode, socket: Socket, publicPath = ''): void {
  const { status, title, detail } = problemTexts[code]!;
  const correlationId = randomUUID();
  const retryable = code === 'RequestTimeout';
  const body = JSON.stringify({
    type: publicPath + problemType(code),
    title,
    status,
    detail,
    code,
    correlationId,
    retryable,
  });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nDate: ${new Date().toUTCString()}\r\n` +
      'Content-Type: application/problem+json; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n' +
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

function codeOf({ code, reason, rawPacket }: UnreadableRequest): HttpProblemCode {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'RequestTimeout';
    case 'HPE_HEADER_OVERFLOW':
      // The first line alone takes half of what all headers may have: the address is too long.
      return startsWith(rawPacket, /^[A-Z]{3,8} [^\n]{8192}/) ? 'AddressTooLong' : 'HeadersTooLarge';
    case 'HPE_INVALID_METHOD':
      // Node knows all methods that are registered. What is not even a request line in form is no method.
      return startsWith(rawPacket, /^[!#$%&'*+.^_`|~\w-]+ \S+ HTTP\/1\.\d\r?\n/)
        ? 'MethodNotImplemented'
        : 'BadRequest';
    case 'HPE_INVALID_VERSION':
      // The parser says so of a line end without its CR, too, and of what has not the form of a version.
      return reason === 'Invalid HTTP version' ? 'VersionNotSupported' : 'BadRequest';
    default:
      return 'BadRequest';
  }
}

function startsWith(packet: Buffer | undefined, form: RegExp): boolean {
  return packet !== undefined && form.test(packet.toString('latin1'));
}
