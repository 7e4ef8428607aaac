import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The most requests of one connection that are in hand at once; what comes after them stays bytes. */
const mostInHand = 8;
/** A piece is at least so long, or a body of nothing but line ends would be read in pieces of four bytes. */
const shortestPiece = 128;
const endOfHead = Buffer.from('\r\n\r\n');

export interface Pipelining {
  /** Whether the server lets a connection wait for its own answers: the time that its next request takes is the server's. */
  readonly isHeld: (socket: Socket) => boolean;
}

/**
 * Bounds the requests that are in hand for one connection. Node makes a request of every 20 bytes of the 64 KiB that it
 * reads at once: nobody else is heard until thousands have been begun, and each takes kilobytes until it is answered. Here
 * what was read goes to node's parser piece by piece, and a piece ends with the head of a request. After that number of requests
 * the connection waits until the event loop has gone round and one of them has been answered.
 */
export function boundPipelining(server: Server, most: number = mostInHand): Pipelining {
  const connections = new WeakMap<Socket, Connection>();
  server.on('connection', (socket: Socket) => connections.set(socket, new Connection(socket, most)));
  // Before all others, because they may answer at once.
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) =>
    connections.get(socket)?.began(response),
  );
  return { isHeld: (socket) => connections.get(socket)?.isHeld ?? false };
}

class Connection {
  /** Read, and not yet given to the parser. */
  private unread: Buffer[] = [];
  private inHand = 0;
  private begunInThisTurn = 0;
  private goesOnNextTurn = false;
  /** That nothing is read meanwhile is due to this, and not to node or to the reader of a body. */
  private isPaused = false;
  private hasEnded = false;
  private readonly parse: (chunk: Buffer) => void;
  private readonly end: () => void;
  private readonly answered = () => {
    this.inHand--;
    this.goOnNextTurn();
  };

  constructor(
    private readonly socket: Socket,
    private readonly most: number,
  ) {
    // Those of node's server, which it has just added.
    this.parse = taken(socket, 'data');
    this.end = taken(socket, 'end');
    socket.on('data', (chunk: Buffer) => this.read(chunk));
    socket.on('end', () => {
      // Who ends their side still gets the answers to what they have sent.
      this.hasEnded = this.isHeld;
      if (!this.hasEnded) this.end();
    });
    // By node, when a reader has taken what was written.
    socket.on('resume', () => this.goOn());
    socket.on('close', () => (this.unread = []));
  }

  get isHeld(): boolean {
    return this.unread.length > 0;
  }

  began(response: ServerResponse): void {
    this.inHand++;
    this.begunInThisTurn++;
    response.once('close', this.answered);
  }

  private read(chunk: Buffer): void {
    if (this.inHand === 0 && !this.isHeld) this.begunInThisTurn = 0;
    this.unread.push(chunk);
    this.goOn();
  }

  private goOn(): void {
    for (let chunk = this.unread[0]; chunk !== undefined; chunk = this.unread[0]) {
      if (!this.mayGoOn()) return this.wait();
      const length = pieceOf(chunk);
      if (length === chunk.length) this.unread.shift();
      else this.unread[0] = chunk.subarray(length);
      this.parse(length === chunk.length ? chunk : chunk.subarray(0, length));
      // What is no request has been answered, and so has been the connection.
      if (!this.socket.writable) this.unread = [];
    }
    if (this.isPaused) {
      this.isPaused = false;
      this.socket.resume();
    }
    if (this.hasEnded && this.inHand === 0) {
      this.hasEnded = false;
      this.end();
    }
  }

  private mayGoOn(): boolean {
    // Node's own field: it lets no more in while a reader does not take its answers, and must be given nothing then.
    const { _paused: isFull } = this.socket as { _paused?: boolean };
    return this.inHand < this.most && this.begunInThisTurn < this.most && isFull !== true;
  }

  private wait(): void {
    this.isPaused = true;
    this.socket.pause();
    if (this.inHand < this.most) this.goOnNextTurn();
  }

  private goOnNextTurn(): void {
    if (this.goesOnNextTurn || !(this.isHeld || this.hasEnded)) return;
    this.goesOnNextTurn = true;
    setImmediate(() => {
      this.goesOnNextTurn = false;
      this.begunInThisTurn = 0;
      this.goOn();
    });
  }
}

/** Takes over from the listener that came last. */
function taken(socket: Socket, event: string): (...args: unknown[]) => void {
  const listener = socket.listeners(event).at(-1) as (...args: unknown[]) => void;
  socket.removeListener(event, listener);
  return listener.bind(socket);
}

/** The length of the next piece: one request, or the few that fit into the shortest piece. */
function pieceOf(chunk: Buffer): number {
  const found = chunk.indexOf(endOfHead, shortestPiece - endOfHead.length);
  const end = found + endOfHead.length;
  return found === -1 || chunk.indexOf(endOfHead, end) === -1 ? chunk.length : end;
}
