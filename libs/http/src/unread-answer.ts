import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Looked at once in this time at most, or the time that a reader has would be kept too loosely. In ms. */
const looksEvery = 1_000;

/** Node's own handle of a socket. Only it knows what the kernel has not taken yet. */
interface Handle {
  /** The bytes given to it … */
  readonly bytesWritten: number;
  /** … and those of them that still wait in this process. */
  readonly writeQueueSize: number;
}

/**
 * Cuts the connections of readers that take nothing of what waits for them. Node's own timeout of a socket does not do it:
 * whatever the reader sends starts that anew, and a stream that is silent for long would have none. Here only the reader's
 * taking counts, and only while something waits. What the kernels of both sides hold counts as taken: a server cannot see
 * more. All connections are looked at together, so that a request costs nothing.
 */
export function endUnreadAnswers(server: Server, afterMs: number): void {
  const every = Math.min(looksEvery, afterMs / 4);
  const readers = new Map<Socket, Reader>();
  server.on('connection', (socket: Socket) => {
    readers.set(socket, { taken: -1, forMs: 0 });
    socket.once('close', () => readers.delete(socket));
  });
  const looking = setInterval(() => {
    for (const [socket, reader] of readers) if (hasTakenNothing(socket, reader, every, afterMs)) socket.destroy();
  }, every).unref();
  server.once('close', () => clearInterval(looking));
}

interface Reader {
  /** How many bytes the kernel had taken when it was last looked at; none while nothing waits. */
  taken: number;
  /** How long nothing has been taken of what waits. */
  forMs: number;
}

function hasTakenNothing(socket: Socket, reader: Reader, every: number, afterMs: number): boolean {
  const { _handle: handle } = socket as { readonly _handle?: Handle | null };
  const waits = handle?.writeQueueSize ?? 0;
  const taken = waits === 0 ? -1 : handle!.bytesWritten - waits;
  if (waits === 0 || taken !== reader.taken) {
    reader.taken = taken;
    reader.forMs = 0;
    return false;
  }
  reader.forMs += every;
  return reader.forMs >= afterMs;
}
