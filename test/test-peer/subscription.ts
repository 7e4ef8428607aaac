import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type streams from '@eventstore/db-client/generated/streams_pb.js';
import type { CallContext } from './call-context.js';
import { filterOf, type EventFilter } from './filter.js';
import { nameOf } from './identifiers.js';
import type { LogRecord } from './log.js';
import type { Outlet } from './outlet.js';
import { startOfSubscription } from './positions.js';
import { caughtUp, checkpoint, confirmation, response } from './read-responses.js';
import { tombstoneRevision } from './recorded-event.js';
import { consumerTooSlow, exceptionThrown, streamDeleted, type RpcError } from './rpc-errors.js';

/** As many events as the server reads from its log at once. */
const page = 32;
/**
 * The events of this number of appends go out in one turn of the event loop. On the server, writers and subscribers run side by side:
 * one writer is followed whatever the size of its appends (up to the buffer), and 32 at once are too many now and then.
 */
const appendsInTurn = 8;

export async function subscribe(context: CallContext, options: streams.ReadReq.Options, outlet: Outlet): Promise<void> {
  const end = (error: RpcError) => outlet.fail(error);
  context.liveCalls.add(end);
  outlet.onClosed(() => context.liveCalls.delete(end));
  await (options.hasAll() ? subscribeToAll(context, options, outlet) : subscribeToStream(context, options, outlet));
}

async function subscribeToAll(context: CallContext, options: streams.ReadReq.Options, outlet: Outlet): Promise<void> {
  const { log } = context;
  const start = startOfSubscription(context, options.getAll()!);
  let filter: EventFilter | undefined;
  try {
    filter = options.hasFilter() ? filterOf(options.getFilter()!) : undefined;
  } catch {
    return outlet.fail(exceptionThrown());
  }
  if (start === undefined) return outlet.fail(exceptionThrown());
  await outlet.send(confirmation(randomUUID()));

  let at = start;
  let considered = 0;
  while (at < log.records.length && outlet.isOpen()) {
    if (filter) await sendFilteredPage(filter);
    else await sendPage();
    await context.thawed();
  }
  if (!outlet.isOpen()) return;
  if (filter && context.marksTheEnd) await outlet.send(checkpoint(log.end(), 0));
  await outlet.send(caughtUp);
  live(context, outlet, at, (record, queue) => {
    if (!filter || filter.matches(record)) queue(response(log, record, options));
    if (filter && ++considered >= filter.checkpointInterval) {
      considered = 0;
      queue(checkpoint(record.position, record.position));
    }
  });

  async function sendPage(): Promise<void> {
    for (let sent = 0; sent < page && at < log.records.length; sent++) {
      const record = log.records[at++]!;
      if (record.scavenged) continue;
      const sending = outlet.send(response(log, record, options));
      if (sending) await sending;
      if (!outlet.isOpen()) return;
    }
  }

  /** The marker of a page is its last match; without a match its first event, the prepare position missing. */
  async function sendFilteredPage({ window, matches, checkpointInterval }: EventFilter): Promise<void> {
    let first: LogRecord | undefined;
    let lastMatch: LogRecord | undefined;
    let inPage = 0;
    let matched = 0;
    while (inPage < window && matched < page && at < log.records.length) {
      if (inPage % 1_000 === 999) await nextTurn();
      const record = log.records[at++]!;
      if (record.scavenged) continue;
      inPage++;
      first ??= record;
      if (!matches(record)) continue;
      matched++;
      lastMatch = record;
      const sending = outlet.send(response(log, record, options));
      if (sending) await sending;
      if (!outlet.isOpen()) return;
    }
    considered += inPage;
    if (considered < checkpointInterval || !first) return;
    considered %= checkpointInterval;
    const marker = lastMatch ?? first;
    const sending = outlet.send(checkpoint(marker.position, lastMatch ? marker.position : 0));
    if (sending) await sending;
  }
}

async function subscribeToStream(
  context: CallContext,
  options: streams.ReadReq.Options,
  outlet: Outlet,
): Promise<void> {
  const { log } = context;
  const from = options.getStream()!;
  const stream = nameOf(from.getStreamIdentifier());
  if (log.isTombstoned(stream)) return outlet.fail(streamDeleted(stream));
  await outlet.send(confirmation(randomUUID()));

  let next = from.hasRevision() ? Number(from.getRevision()) + 1 : 0;
  const visible = log.visible(stream);
  let exists = visible !== undefined;
  const records = log.stream(stream);
  if (from.hasEnd() || !visible) next = from.hasRevision() ? next : records.length;
  else
    for (next = Math.max(next, visible.first); next < records.length; next++) {
      const record = records[next]!;
      if (!visible.shows(record)) continue;
      const sending = outlet.send(response(log, record, options));
      if (sending) await sending;
      await context.thawed();
      if (!outlet.isOpen()) return;
      if (log.isTombstoned(stream)) return outlet.fail(streamDeleted(stream));
    }
  const liveFrom = log.records.length;
  if (exists) await outlet.send(caughtUp);
  live(context, outlet, liveFrom, (record, queue, fail) => {
    if (record.stream !== stream) return;
    if (record.revision >= next) queue(response(log, record, options));
    if (record.revision === tombstoneRevision) return fail(streamDeleted(stream));
    // Of a stream that is not there nothing can be caught up with, so it is said when it is.
    if (!exists) queue(caughtUp);
    exists = true;
  });
}

/**
 * From an index of the records on, for as long as the call lasts. Besides the one event that is being sent, only this number may
 * wait; one more ends the subscription after those. This is how 23.10 treats a subscriber that is slower than its writers.
 */
function live(
  context: CallContext,
  outlet: Outlet,
  start: number,
  consider: (record: LogRecord, queue: (response: Buffer) => void, fail: (error: RpcError) => void) => void,
): void {
  const { log, liveBuffer, counts } = context;
  const waiting: { readonly response: Buffer; readonly append: number }[] = [];
  let at = start;
  let appends = 0;
  let failure: RpcError | undefined;
  let sending = false;
  let inHand = 0;

  const queue = (response: Buffer) => {
    if (failure) return;
    if (waiting.length + inHand <= liveBuffer) return void waiting.push({ response, append: appends });
    counts.tooSlow++;
    failure = consumerTooSlow();
  };
  const look = () => {
    appends++;
    while (at < log.records.length && !failure) consider(log.records[at++]!, queue, (error) => (failure ??= error));
    if (sending || (waiting.length === 0 && !failure)) return;
    sending = true;
    setImmediate(() => void send());
  };
  const send = async () => {
    while (waiting.length > 0) {
      await sendTurn((waiting[0]?.append ?? 0) + appendsInTurn);
      if (!outlet.isOpen()) return;
      if (waiting.length > 0) await nextTurn();
    }
    sending = false;
    if (failure) outlet.fail(failure);
  };
  const sendTurn = async (endsBefore: number) => {
    while ((waiting[0]?.append ?? Infinity) < endsBefore && outlet.isOpen()) {
      if (context.thawed()) await context.thawed();
      const full = outlet.send(waiting.shift()!.response);
      if (!full) continue;
      inHand = 1;
      await full;
      inHand = 0;
    }
  };
  outlet.onClosed(log.onWritten(look));
  look();
}
