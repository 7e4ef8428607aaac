import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import {
  Server,
  ServerCredentials,
  type ServerInterceptingCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { GossipService } from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import { ServerFeaturesService } from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import { StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import { append, batchAppend, deleteStream, tombstoneStream } from './append.js';
import { faultOf, type CallContext } from './call-context.js';
import { getSupportedMethods, readGossip, type Member } from './discovery.js';
import { read } from './read.js';
import { answerAboutUsers } from './users.js';

export interface Tls {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

export type PeerNode = ReturnType<typeof createNode>;

const loopback = '127.0.0.1';

/** One server on one port: gRPC, and plain HTTP for the health check. It owns the sockets, so it can be cruel to them. */
export function createNode(
  given: Omit<CallContext, 'thawed' | 'cut'>,
  tls: Tls | undefined,
  members: () => readonly Member[],
) {
  const sockets = new Set<Socket>();
  const openStreams = new Set<ServerHttp2Stream>();
  let port = 0;
  let listener: NetServer | undefined;
  let frozen: { readonly until: Promise<void>; readonly thaw: () => void } | undefined;

  const context: CallContext = { ...given, thawed: () => frozen?.until, cut: cutSockets };
  const grpc = grpcServer(context, members, openStreams);
  // TLS ends before this, so what is injected is plain either way.
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const http = healthServer(context);

  async function start(): Promise<void> {
    const server = tls
      ? createTlsServer({ ...tls, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) =>
          socket.alpnProtocol === 'h2' ? injector.injectConnection(socket) : void http.emit('connection', socket),
        )
      : createServer(tellProtocolApart);
    server.prependListener('connection', accept);
    // A client that leaves, or speaks no TLS, is its own affair.
    server.on('tlsClientError', () => {});
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, loopback, resolve);
    });
    port = (server.address() as AddressInfo).port;
    listener = server;
  }

  function accept(socket: Socket): void {
    context.counts.connections++;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    if (frozen) stopReading(socket);
  }

  /** HTTP/2 begins with a preface of its own, and what is put back here is read by the next owner of the socket. */
  function tellProtocolApart(socket: Socket): void {
    const look = () => {
      const first = socket.read() as Buffer | null;
      if (!first) return void socket.once('readable', look);
      socket.unshift(first);
      if (first.subarray(0, 3).toString('latin1') === 'PRI') injector.injectConnection(socket);
      else http.emit('connection', socket);
    };
    socket.once('readable', look);
  }

  function cutSockets(): void {
    for (const socket of sockets) socket.destroy();
  }

  /** As when the process is killed: the port is closed and the connections are gone, with no word to anybody. */
  async function kill(): Promise<void> {
    const closing = listener;
    listener = undefined;
    thaw();
    cutSockets();
    if (closing) await new Promise<void>((resolve) => void closing.close(() => resolve()));
  }

  /** As on a request to stop: serves what is connected for a while, then ends the streams without a status, then goes. */
  async function shutdown(grace: number | Promise<void>): Promise<void> {
    listener?.close();
    await (typeof grace === 'number' ? sleep(grace) : grace);
    for (const stream of openStreams) stream.close(0);
    await sleep(20);
    await kill();
  }

  /** Nothing is read any more, on new connections either, and nothing is answered. */
  function freeze(): void {
    if (frozen) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    frozen = { until: promise, thaw: resolve };
    for (const socket of sockets) stopReading(socket);
  }

  function thaw(): void {
    const { thaw } = frozen ?? {};
    frozen = undefined;
    for (const socket of sockets) startReading(socket);
    thaw?.();
  }

  return {
    number: context.node,
    start,
    kill,
    shutdown,
    cutSockets,
    freeze,
    thaw,
    isRunning: () => listener !== undefined,
    // Node lets no TLS client name an address as the server it wants, so with TLS the peer goes by a name.
    host: tls ? 'localhost' : loopback,
    port: () => port,
    usePort: (chosen: number) => void (port = chosen),
    async close(): Promise<void> {
      await kill();
      grpc.forceShutdown();
      http.closeAllConnections();
    },
  };
}

function grpcServer(
  context: CallContext,
  members: () => readonly Member[],
  openStreams: Set<ServerHttp2Stream>,
): Server {
  const server = new Server({
    // The server's limit: a message of 16 MiB is one too many.
    'grpc.max_receive_message_length': 16 * 1024 * 1024 - 1,
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 10_000,
    interceptors: [
      (_method, call) => {
        // The HTTP/2 stream of a call is not public, and there is no other way to end it without a status.
        const { stream } = call as unknown as { stream: ServerHttp2Stream };
        openStreams.add(stream);
        stream.once('close', () => openStreams.delete(stream));
        // Every call is one, though not every one is a ServerInterceptingCall.
        return call as ServerInterceptingCall;
      },
    ],
  });
  const implement = (service: object, methods: object) =>
    server.addService(service as never, methods as UntypedServiceImplementation);
  implement(ServerFeaturesService, { getSupportedMethods: getSupportedMethods(context) });
  implement(GossipService, { read: readGossip(context, members) });
  implement(
    { ...StreamsService, read: { ...StreamsService.read, responseSerialize: (bytes: Buffer) => bytes } },
    {
      read: read(context),
      append: append(context),
      batchAppend: batchAppend(context),
      delete: deleteStream(context),
      tombstone: tombstoneStream(context),
    },
  );
  return server;
}

function healthServer(context: CallContext): HttpServer {
  return createHttpServer((request, response) => {
    response.sendDate = false;
    response.setHeader('Date', new Date(context.now()).toUTCString());
    const fault = faultOf(context, 'health');
    if (fault?.do === 'ignore') return;
    if (request.url?.startsWith('/users/')) return void answerAboutUsers(context, request, response);
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/health/live') response.writeHead(404).end();
    else response.writeHead(fault ? 503 : 204).end();
  });
}

/** Below Node's streams: HTTP/2 has taken the handle over, and pausing the stream would do nothing. */
const stopReading = (socket: Socket) => (socket as unknown as Handled)._handle?.readStop();
const startReading = (socket: Socket) => (socket as unknown as Handled)._handle?.readStart();
interface Handled {
  readonly _handle?: { readStop(): void; readStart(): void };
}
