import type { ServerWritableStream } from '@grpc/grpc-js';
import type streams from '@eventstore/db-client/generated/streams_pb.js';
import type { RpcError } from './rpc-errors.js';

/** Responses go out as bytes that are encoded already. */
export type ReadCall = ServerWritableStream<streams.ReadReq, Buffer>;

export interface Outlet {
  /** Answers a promise when the other side must be waited for: it is slower than this one. */
  send(response: Buffer): Promise<void> | undefined;
  /** After what was sent before. */
  fail(error: RpcError): void;
  end(): void;
  isOpen(): boolean;
  /** Calls once, when nothing can be sent any more. */
  onClosed(listener: () => void): void;
}

/** How many responses may lie in the stream of the call: as on the server, what waits here does not count as waiting. */
const buffered = 64;

export function outletOf(call: ReadCall): Outlet {
  let open = true;
  const closed: (() => void)[] = [];
  const close = () => {
    if (!open) return;
    open = false;
    for (const listener of closed) listener();
  };
  call.on('cancelled', close);
  call.on('close', close);
  call.on('error', close);

  return {
    send(response) {
      if (!open || call.write(response) || call.writableLength < buffered) return undefined;
      return new Promise((resolve) => {
        call.once('drain', resolve);
        closed.push(resolve);
      });
    },
    fail(error) {
      if (open) call.emit('error', error);
      close();
    },
    end() {
      if (open) call.end();
      close();
    },
    isOpen: () => open,
    onClosed: (listener) => void (open ? closed.push(listener) : listener()),
  };
}
