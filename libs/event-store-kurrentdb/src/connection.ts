import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import type { EventStoreDBClient } from '@eventstore/db-client';
import { StoreUnavailable } from '#event-sourcing';
import { clientOf } from './client.js';
import { kindOf, NoAnswer, reasonOf } from './client-errors.js';
import type { ConnectionSettings } from './connection-string.js';
import type { Notice } from './notices.js';
import { patience } from './patience.js';
import { readerOf, type Reader, type Session } from './reader.js';
import type { Rights } from './rights.js';

export interface ConnectionOptions {
  readonly settings: ConnectionSettings;
  readonly callTimeout: number;
  /** Makes sure that this is the database it was before: called for every new connection, and after every doubt. */
  readonly verify: (reader: Reader) => Promise<void>;
  readonly notice: Notice;
  readonly rights: Rights;
}

export interface Connection {
  /**
   * The client of now, once its server has answered and was found to be the right one. When it rejects, nothing was
   * sent: with errors of the client, NoAnswer, StoreUnavailable or LogDamaged.
   */
  ready(): Session | Promise<Session>;
  readonly reader: Reader;
  /** Something of the kind was answered, whatever the answer. */
  answered(kind: CallKind): void;
  /** Something of the kind was not answered in time. */
  timedOut(kind: CallKind): void;
  /** The connection may have been lost, so another database may answer there. */
  doubt(): void;
  rebuilt(): number;
  /** Sends no more, and ends what is under way. */
  close(): Promise<void>;
}

export type CallKind = 'append' | 'read';

/** How long after the last answer a connection is trusted to lead to the same database: through a proxy it need not. */
const trustedFor = 30_000;
type AppendStream = Duplex & { cancel(): void };

/** The state of a channel. */
const connected = 2;
/** At least so long between two clients, doubled with every one in a row, in ms. */
const [firstPause, lastPause] = [1_000, 60_000];
/**
 * But no longer than so when the first call of a connection has failed: nothing was in use, and as long as the client
 * is the same, an outage of the database goes on for this process after it is over.
 */
const unusedPause = 2_000;
/** The appends of a client that was disposed of are rejected at once. After this number of call times they never will be. */
const drainCalls = 10;

/**
 * The one client of this store. All clients of a process (of a thread) share one table of pending appends: when a
 * connection of one fails, the client rejects the pending appends of all, and throws outside every promise when their
 * answers come in after that. So there is never more than one that sends: before a new one takes over, the old one is
 * disposed of and everything that is pending on it has been settled.
 */
export function connection({ settings, callTimeout, verify, notice, rights }: ConnectionOptions): Connection {
  let session = newSession();
  let closed = false;
  let verified: unknown;
  /** Like `verified`, but it outlives a doubt: what the append streams that are open now were opened after. */
  let sentOn: unknown;
  let verifiedChannel: { getConnectivityState(tryToConnect: boolean): number } | undefined;
  let lastAnswer = 0;
  let doubts = 0;
  let verifying: Promise<Session> | undefined;
  let rebuilding: Promise<void> | undefined;
  let rebuilt = 0;
  let unansweredFirstCalls = 0;
  let lastRebuild = -Infinity;
  let pause = firstPause;
  const silence: Record<CallKind, { calls: number; since: number }> = {
    append: { calls: 0, since: 0 },
    read: { calls: 0, since: 0 },
  };

  function newSession(): Session {
    return { client: clientOf(settings, notice), disposed: false, pendingAppends: 0, drained: () => undefined };
  }

  function ready(): Session | Promise<Session> {
    if (closed) return Promise.reject(new StoreUnavailable('The event store is closed'));
    if (
      verified !== undefined &&
      !rebuilding &&
      verifiedChannel?.getConnectivityState(false) === connected &&
      performance.now() - lastAnswer < trustedFor &&
      featuresOf(session) === verified
    )
      return session;
    return (verifying ??= verifyConnection().finally(() => (verifying = undefined)));
  }

  async function verifyConnection(): Promise<Session> {
    let retried = false;
    for (;;) {
      if (rebuilding) await within(callTimeout, 'while it reconnects', rebuilding);
      const current = session;
      const features = featuresOf(current);
      try {
        await within(callTimeout, 'which calls it supports', features);
        unansweredFirstCalls = 0;
      } catch (error) {
        firstCallFailed(error);
        // A connection that broke long ago is only found to be broken now.
        if (retried || kindOf(error) !== 'transient' || error instanceof NoAnswer) throw error;
        retried = true;
        await delay(20);
        continue;
      }
      if (features !== sentOn) {
        await within(callTimeout, 'that appends are given up', endAppendStreams(current));
        sentOn = features;
      }
      const doubtsBefore = doubts;
      try {
        await verify(readerOf(current, callTimeout, rights));
      } catch (error) {
        const kind = kindOf(error);
        if (error instanceof NoAnswer) timedOut('read');
        if (retried || error instanceof NoAnswer || (kind !== 'notLeader' && kind !== 'transient')) throw error;
        // The client goes to the leader, or connects again, by itself.
        retried = true;
        await delay(20);
        continue;
      }
      if (closed) throw new StoreUnavailable('The event store is closed');
      // Connected to another server meanwhile, or to another client.
      if (current !== session || rebuilding || featuresOf(current) !== features) continue;
      answered('read');
      if (doubts === doubtsBefore) {
        verified = features;
        // Protected as well. It notices a connection that broke while nothing was under way, when no call could fail.
        verifiedChannel = await current.client['getChannel']();
      }
      return current;
    }
  }

  /**
   * What a server supports is asked once for a connection, without a deadline, before the first append. Asked here,
   * an append is never stuck in it unseen, to be sent when nobody expects it any more; and the failure of the one
   * call is known to have written nothing.
   */
  function featuresOf({ client }: Session): Promise<unknown> {
    // Protected, but the only way to it. It gives the same promise until the client connects again.
    const features = client['capabilities'];
    if (features !== verified) features.catch(() => undefined);
    return features;
  }

  /**
   * The client leaves a node that is not the leader any more, but not its append stream there, which stays open for as
   * long as that node runs. When it ends, the client rejects what is pending at the next leader, and throws when that
   * answers. So it is ended before anything goes to the next; what is pending on it is sent again.
   */
  async function endAppendStreams({ client }: Session): Promise<void> {
    // Protected, but the only way to them. Of the calls of this store only appends go both ways.
    const open = client['disposableStreams'] as Iterable<object>;
    const streams = [...open].filter((stream): stream is AppendStream => 'write' in stream);
    if (streams.length === 0) return;
    const ended = streams.map((stream) => finished(stream));
    for (const stream of streams) stream.cancel();
    await Promise.allSettled(ended);
    // The rejections of the appends are on their way.
    await nextTurn();
  }

  function firstCallFailed(error: unknown): void {
    if (error instanceof NoAnswer) {
      if (++unansweredFirstCalls >= 2) rebuild('it does not answer the first call of a connection', unusedPause);
      return;
    }
    const code = (error as { code?: unknown } | undefined)?.code;
    // Only after these two does the client ask again; every other failure is its answer for ever.
    if (code !== 14 && code !== 1) rebuild(reasonOf(error), unusedPause);
  }

  function answered(kind: CallKind): void {
    lastAnswer = performance.now();
    silence[kind].calls = 0;
  }

  function timedOut(kind: CallKind): void {
    doubt();
    const of = silence[kind];
    if (of.calls++ === 0) of.since = performance.now() - callTimeout;
    // Reads may go on being answered when appends are not any more, and the other way round.
    if (of.calls >= 3 && performance.now() - of.since >= 3 * callTimeout)
      rebuild(`${of.calls} calls in a row had no answer`);
  }

  function doubt(): void {
    doubts++;
    verified = undefined;
  }

  function rebuild(reason: string, longest = lastPause): void {
    const now = performance.now();
    if (rebuilding || closed || now - lastRebuild < Math.min(pause, longest)) return;
    pause = now - lastRebuild < 2 * lastPause ? Math.min(pause * 2, lastPause) : firstPause;
    lastRebuild = now;
    rebuilt++;
    notice('the client of the event store is rebuilt', { reason });
    rebuilding = retire(session).then((drained) => {
      if (!drained) throw stuck();
      session = newSession();
      unansweredFirstCalls = 0;
      for (const of of Object.values(silence)) of.calls = 0;
      verified = undefined;
      sentOn = undefined;
      rebuilding = undefined;
    });
    rebuilding.catch(() => undefined);
  }

  /** There may be no other client now, so nothing goes on in this process: it must end, and be started again. */
  function stuck(): Error {
    const error = new StoreUnavailable(
      'The client of the event store does not let go of its appends, and no other may take its place: this process has to be started again',
    );
    if (!closed) {
      notice('the client of the event store cannot be rebuilt: the process ends', { reason: error.message });
      setImmediate(() => {
        throw error;
      });
    }
    return error;
  }

  /** Ends everything that a client has under way, and waits until its appends know; false when they never will. */
  async function retire(retired: Session): Promise<boolean> {
    retired.disposed = true;
    verified = undefined;
    await Promise.race([
      retired.client.dispose().catch(() => undefined),
      delay(callTimeout, undefined, { ref: false }),
    ]);
    if (retired.pendingAppends > 0)
      await within(
        drainCalls * callTimeout,
        'that its appends are given up',
        new Promise<void>((resolve) => (retired.drained = resolve)),
      ).catch(() => undefined);
    await closeChannel(retired.client);
    return retired.pendingAppends === 0;
  }

  /** A cluster's client would first look for a node to connect to: its channel is left to its idle time-out. */
  async function closeChannel(client: EventStoreDBClient): Promise<void> {
    if (settings.discover || settings.endpoints.length > 1) return;
    const channel = await client['getChannel']().catch(() => undefined);
    channel?.close();
  }

  async function read<T>(page: (reader: Reader) => Promise<T>): Promise<T> {
    for (let retried = false; ; retried = true) {
      const current = await ready();
      try {
        const events = await page(readerOf(current, callTimeout, rights));
        answered('read');
        return events;
      } catch (error) {
        const kind = kindOf(error);
        if (error instanceof NoAnswer) timedOut('read');
        else if (kind === 'transient' || kind === 'unexpected') doubt();
        else answered('read');
        // Half of a restart of the server is over before anybody has asked twice.
        if (retried || error instanceof NoAnswer || (kind !== 'notLeader' && kind !== 'transient')) throw error;
        await delay(20);
      }
    }
  }

  return {
    ready,
    reader: {
      stream: (storedName, page) => read((reader) => reader.stream(storedName, page)),
      all: (page) => read((reader) => reader.all(page)),
    },
    answered,
    timedOut,
    doubt,
    rebuilt: () => rebuilt,
    async close() {
      closed = true;
      await rebuilding?.catch(() => undefined);
      if (!session.disposed) await retire(session);
    },
  };
}

/** @throws NoAnswer */
export async function within<T>(milliseconds: number, call: string, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const { end } = patience(milliseconds, () => reject(new NoAnswer(call, milliseconds)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    end();
  }
}

/** The promise, or a rejection with the signal's reason as soon as it is aborted; what is under way ends by its own timer. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
