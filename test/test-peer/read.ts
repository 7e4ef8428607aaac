import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { faultOf, refusalOf, type CallContext } from './call-context.js';
import type { Fault } from './faults.js';
import { nameOf } from './identifiers.js';
import type { LogRecord } from './log.js';
import { outletOf, type Outlet, type ReadCall } from './outlet.js';
import { startOfReadAll } from './positions.js';
import { response, streamNotFound } from './read-responses.js';
import { accessDenied, asPlanned, exceptionThrown, rpcError, streamDeleted, type RpcError } from './rpc-errors.js';
import { subscribe } from './subscription.js';

const { BACKWARDS } = streams.ReadReq.Options.ReadDirection;

export function read(context: CallContext) {
  return (call: ReadCall): void => {
    const options = call.request.getOptions();
    const outlet = outletOf(call);
    if (!options) return outlet.fail(exceptionThrown());
    const subscribes = options.hasSubscription();
    context.counts[subscribes ? 'subscriptions' : 'reads']++;
    const stream = options.hasStream() ? nameOf(options.getStream()?.getStreamIdentifier()) : undefined;
    const fault = faultOf(context, subscribes ? 'subscribe' : 'read', { stream });
    void begin().catch((error: unknown) => outlet.fail(error as RpcError));

    async function begin(): Promise<void> {
      if (fault?.do === 'delay') await sleep(fault.ms);
      await context.thawed();
      if (fault?.do === 'ignore' && fault.after === undefined) return;
      if (fault?.do === 'fail' && fault.after === undefined) return outlet.fail(asPlanned(fault));
      if (context.denied.has(stream ?? '$all')) return outlet.fail(accessDenied());
      const refusal = refusalOf(context, call.metadata, 'read', stream ?? '$all');
      if (refusal) return outlet.fail(refusal);
      if (stream === '') return outlet.fail(exceptionThrown());
      const limited = fault ? cutShort(outlet, fault) : outlet;
      if (subscribes) return subscribe(context, options!, limited);
      await (stream === undefined
        ? readAll(context, options!, limited)
        : readStream(context, stream, options!, limited));
    }
  };
}

/** Sends a number of events, and then what the fault says. */
function cutShort(outlet: Outlet, fault: Fault): Outlet {
  if ((fault.do !== 'fail' && fault.do !== 'ignore') || fault.after === undefined) return outlet;
  let left = fault.after;
  const isEvent = (response: Buffer) => response[0] === ((1 << 3) | 2);
  return {
    ...outlet,
    send(response) {
      // What fails at an event has sent the markers before it.
      if (!isEvent(response)) return left > 0 || fault.do === 'fail' ? outlet.send(response) : undefined;
      if (left-- > 0) return outlet.send(response);
      if (fault.do === 'fail') outlet.fail(asPlanned(fault));
      return undefined;
    },
    end: () => (left > 0 || fault.do === 'fail' ? outlet.end() : undefined),
  };
}

async function readStream(
  { log }: CallContext,
  stream: string,
  options: streams.ReadReq.Options,
  outlet: Outlet,
): Promise<void> {
  if (log.isTombstoned(stream)) return outlet.fail(streamDeleted(stream));
  const from = options.getStream()!;
  const backwards = options.getReadDirection() === BACKWARDS;
  const count = Number(options.getCount());
  if (count === 0 || (from.hasEnd() && !backwards))
    return outlet.fail(rpcError(status.UNKNOWN, 'Unexpected ReadStreamResult: Error'));
  const visible = log.visible(stream);
  if (!visible) {
    await outlet.send(streamNotFound(stream));
    return outlet.end();
  }
  const records = log.stream(stream);
  const first = from.hasRevision() ? Number(from.getRevision()) : from.hasEnd() ? Infinity : 0;
  await sendRecords(backwards ? backwardsFrom(Math.min(first, visible.last)) : forwardsFrom(first));

  function* forwardsFrom(start: number): Iterable<LogRecord> {
    // What is appended while it is read belongs to another read.
    for (let at = Math.max(start, visible!.first); at <= visible!.last; at++) yield records[at]!;
  }

  function* backwardsFrom(start: number): Iterable<LogRecord> {
    for (let at = start; at >= visible!.first; at--) yield records[at]!;
  }

  async function sendRecords(found: Iterable<LogRecord>): Promise<void> {
    let left = count;
    for (const record of found) {
      if (!visible!.shows(record)) continue;
      if (!outlet.isOpen()) return;
      await outlet.send(response(log, record, options));
      if (--left === 0) break;
    }
    outlet.end();
  }
}

async function readAll({ log }: CallContext, options: streams.ReadReq.Options, outlet: Outlet): Promise<void> {
  const count = Number(options.getCount());
  // Such a read never ends on the server.
  if (count === 0) return;
  const backwards = options.getReadDirection() === BACKWARDS;
  const start = startOfReadAll(log, options.getAll()!, backwards);
  if (start === undefined) return outlet.fail(rpcError(status.UNKNOWN, 'Unexpected ReadAllResult: Error'));
  const end = log.records.length;
  const step = backwards ? -1 : 1;
  let left = count;
  let considered = 0;
  for (let at = start; at >= 0 && at < end; at += step) {
    if (++considered % 1_000 === 0) await nextTurn();
    if (!outlet.isOpen()) return;
    const record = log.records[at]!;
    if (record.scavenged) continue;
    const sending = outlet.send(response(log, record, options));
    if (sending) await sending;
    if (--left === 0) break;
  }
  outlet.end();
}
