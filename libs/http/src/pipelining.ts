import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The most requests of one connection that are in progress at once. Later ones stay unparsed bytes. */
const mostInHand = 8;
/** The shortest piece in bytes. Without it, a body of only line ends would be read in pieces of four bytes. */
const shortestPiece = 128;
const endOfHead = Buffer.from('\r\n\r\n');

export interface Pipelining {
  /** Whether the server has paused the connection. The server, not the sender, then delays the next request. */
  readonly isHeld: (socket: Socket) => boolean;
  /** When its last request began, counted in requests of the server; undefined while a request is in hand. */
  readonly lastUsed: (socket: Socket) => number | undefined;
}

/**
 * Bounds the requests of one connection that are in progress. Node can find a request in every 20 bytes of the 64 KiB
 * that it reads at once: thousands would start before any other connection is served, and each takes kilobytes until it
 * is answered. So node's parser gets the bytes in pieces, each of which ends with the head of a request. After `most`
 * requests the connection waits until the event loop has gone round and one of them has been answered.
 */
export function boundPipelining(server: Server, most: number = mostInHand): Pipelining {
  const connections = new WeakMap<Socket, Connection>();
  let begun = 0;
  server.on('connection', (socket: Socket) => connections.set(socket, new Connection(socket, most, begun)));
  // Before all other listeners, because they may answer at once.
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) =>
    connections.get(socket)?.began(response, ++begun),
  );
  return {
    isHeld: (socket) => connections.get(socket)?.isHeld ?? false,
    lastUsed: (socket) => connections.get(socket)?.lastUsed,
  };
}

class Connection {
  /** Read from the socket, but not parsed yet. */
  private unread: Buffer[] = [];
  private inHand = 0;
  private begunInThisTurn = 0;
  private goesOnNextTurn = false;
  /** This class has paused the socket, not node or the reader of a body. */
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
    private lastBegun: number,
  ) {
    // The listeners that node's server has just added.
    this.parse = taken(socket, 'data');
    this.end = taken(socket, 'end');
    socket.on('data', (chunk: Buffer) => this.read(chunk));
    socket.on('end', () => {
      // A sender that ends its side still gets the answers to its requests.
      this.hasEnded = this.isHeld;
      if (!this.hasEnded) this.end();
    });
    // Node emits it once the reader has taken what was written.
    socket.on('resume', () => this.goOn());
    socket.on('close', () => (this.unread = []));
  }

  get isHeld(): boolean {
    return this.unread.length > 0;
  }

  get lastUsed(): number | undefined {
    return this.inHand > 0 ? undefined : this.lastBegun;
  }

  began(response: ServerResponse, nth: number): void {
    this.lastBegun = nth;
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
      // The answer to something that is not a request ends the connection.
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
    // Node's own field: set while the reader does not take its answers. Nothing may be parsed meanwhile.
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

/** Removes the listener that was added last and returns it. */
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
