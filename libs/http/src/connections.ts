import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Pipelining } from './pipelining.js';
import { addressName, proxiesOf } from './remote-address.js';

export interface ConnectionBounds {
  /** The most connections of one remote address (IPv6: of its /64). */
  readonly ofAddress: number;
  /** Addresses or networks without a bound, because they stand for many: proxies. */
  readonly except: readonly string[];
}

/**
 * Bounds the connections of one address. A new one takes the place of that which has been without a request for the longest
 * time, and is closed itself only where all others have one in hand. So a health check gets its answer even from an
 * address that has filled its connections with silent ones.
 */
export function boundConnections(
  server: Server,
  { lastUsed }: Pipelining,
  { ofAddress, except }: ConnectionBounds,
): void {
  const isUnbounded = proxiesOf(except);
  const open = new Map<string, Set<Socket>>();

  server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket;
    // It has been closed already.
    const name = addressName(remoteAddress);
    if (name === undefined || (isUnbounded && isUnbounded(remoteAddress))) return;
    const own = open.get(name) ?? new Set();
    open.set(name, own);
    own.add(socket);
    socket.once('close', () => {
      own.delete(socket);
      if (own.size === 0) open.delete(name);
    });
    if (own.size > ofAddress) (longestUnused(own, socket) ?? socket).destroy();
  });

  function longestUnused(own: ReadonlySet<Socket>, latest: Socket): Socket | undefined {
    let [found, least]: [Socket | undefined, number] = [undefined, Infinity];
    for (const socket of own) {
      const used = lastUsed(socket);
      if (socket === latest || socket.destroyed || used === undefined || used >= least) continue;
      [found, least] = [socket, used];
    }
    return found;
  }
}
