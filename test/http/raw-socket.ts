import { connect, type Socket } from 'node:net';
import { eventually } from '../eventually.js';

/** A connection without a client of HTTP: what it sends is up to the test, to the byte. */
export interface RawSocket {
  readonly socket: Socket;
  readonly write: (text: string | Buffer) => void;
  /** What has come so far, byte by byte. */
  readonly received: () => string;
  /** @throws Error when it never comes */
  readonly until: (pattern: RegExp) => Promise<string>;
  /** Everything that came until the server ended the connection. @throws Error when it never ends */
  readonly ended: () => Promise<string>;
}

export async function rawSocket(port: number): Promise<RawSocket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const chunks: string[] = [];
  let open = true;
  socket.on('data', (chunk) => chunks.push(chunk.toString('latin1')));
  // A connection that the server cuts may end either way.
  for (const event of ['end', 'close', 'error']) socket.on(event, () => (open = false));
  const received = () => chunks.join('');

  async function until(has: () => boolean, what: string): Promise<string> {
    await eventually(() => `${what}, but only: ${received().slice(-1_000)}`, has);
    return received();
  }
  return {
    socket,
    write: (text) => void socket.write(text),
    received,
    until: (pattern) => until(() => pattern.test(received()) || !open, String(pattern)),
    ended: () => until(() => !open, 'The end'),
  };
}

/** One request on a connection of its own, and everything that came of it until the server ended the connection. */
export async function answerTo(port: number, request: string): Promise<string> {
  const { socket, write, ended } = await rawSocket(port);
  write(request);
  const answer = await ended();
  socket.destroy();
  return answer;
}
