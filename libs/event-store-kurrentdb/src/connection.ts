import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import type { EventStoreDBClient } from '@eventstore/db-client';
import { StoreUnavailable } from '#event-sourcing';
import { BackOff } from '#pacing';
import { clientOf } from './client.js';
import { kindOf, NoAnswer, reasonOf } from './client-errors.js';
import type { ConnectionSettings } from './connection-string.js';
import type { Notice } from './notices.js';
import { within } from './patience.js';
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

export type CallKind = 'append' | 'read';

/** How long after the last answer a connection is trusted to lead to the same database: through a proxy it need not. */
const trustedFor = 30_000;
type AppendStream = Duplex & { cancel(): void };

/** The state of a channel. */
const connected = 2;
/** The least time between two clients, doubled with every one in a row, in ms. */
const pauses = { first: 1_000, most: 60_000 };
/**
 * The most, when the first call of a connection has failed: nothing was in use, and as long as the client
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
export class ClientConnection {
  private session: Session;
  private closed = false;
  private verified: unknown;
  /** Like `verified`, but it outlives a doubt: what the append streams that are open now were opened after. */
  private sentOn: unknown;
  private verifiedChannel: { getConnectivityState(tryToConnect: boolean): number } | undefined;
  private lastAnswer = 0;
  private doubts = 0;
  private verifying: Promise<Session> | undefined;
  private rebuilding: Promise<void> | undefined;
  private rebuilds = 0;
  private unansweredFirstCalls = 0;
  private lastRebuild = -Infinity;
  private readonly backOff = new BackOff(pauses);
  private pause = pauses.first;
  private readonly silence: Record<CallKind, { calls: number; since: number }> = {
    append: { calls: 0, since: 0 },
    read: { calls: 0, since: 0 },
  };

  constructor(private readonly options: ConnectionOptions) {
    this.session = this.newSession();
  }

  readonly reader: Reader = {
    stream: (storedName, page) => this.read((reader) => reader.stream(storedName, page)),
    all: (page) => this.read((reader) => reader.all(page)),
  };

  rebuilt(): number {
    return this.rebuilds;
  }

  /** Sends no more, and ends what is under way. */
  async close(): Promise<void> {
    this.closed = true;
    await this.rebuilding?.catch(() => undefined);
    if (!this.session.disposed) await this.retire(this.session);
  }

  private newSession(): Session {
    return {
      client: clientOf(this.options.settings, this.options.notice),
      disposed: false,
      pendingAppends: 0,
      drained: () => undefined,
    };
  }

  /**
   * The client of now, once its server has answered and was found to be the right one. When it rejects, nothing was
   * sent: with errors of the client, NoAnswer, StoreUnavailable or LogDamaged.
   */
  ready(): Session | Promise<Session> {
    if (this.closed) return Promise.reject(new StoreUnavailable('The event store is closed'));
    if (
      this.verified !== undefined &&
      !this.rebuilding &&
      this.verifiedChannel?.getConnectivityState(false) === connected &&
      performance.now() - this.lastAnswer < trustedFor &&
      this.featuresOf(this.session) === this.verified
    )
      return this.session;
    return (this.verifying ??= this.verifyConnection().finally(() => (this.verifying = undefined)));
  }

  private async verifyConnection(): Promise<Session> {
    let retried = false;
    for (;;) {
      if (this.rebuilding) await within(this.options.callTimeout, 'while it reconnects', this.rebuilding);
      const current = this.session;
      const features = this.featuresOf(current);
      try {
        await within(this.options.callTimeout, 'which calls it supports', features);
        this.unansweredFirstCalls = 0;
      } catch (error) {
        this.firstCallFailed(error);
        // A connection that broke long ago is only found to be broken now.
        if (retried || kindOf(error) !== 'transient' || error instanceof NoAnswer) throw error;
        retried = true;
        await delay(20);
        continue;
      }
      if (features !== this.sentOn) {
        await within(this.options.callTimeout, 'that appends are given up', this.endAppendStreams(current));
        this.sentOn = features;
      }
      const doubtsBefore = this.doubts;
      try {
        await this.options.verify(readerOf(current, this.options.callTimeout, this.options.rights));
      } catch (error) {
        const kind = kindOf(error);
        if (error instanceof NoAnswer) this.timedOut('read');
        if (retried || error instanceof NoAnswer || (kind !== 'notLeader' && kind !== 'transient')) throw error;
        // The client goes to the leader, or connects again, by itself.
        retried = true;
        await delay(20);
        continue;
      }
      if (this.closed) throw new StoreUnavailable('The event store is closed');
      // Connected to another server meanwhile, or to another client.
      if (current !== this.session || this.rebuilding || this.featuresOf(current) !== features) continue;
      this.answered('read');
      if (this.doubts === doubtsBefore) {
        this.verified = features;
        // Protected as well. It notices a connection that broke while nothing was under way, when no call could fail.
        this.verifiedChannel = await current.client['getChannel']();
      }
      return current;
    }
  }

  /**
   * What a server supports is asked once for a connection, without a deadline, before the first append. Asked here,
   * an append is never stuck in it unseen, to be sent when it is no longer expected; and the failure of the one
   * call is known to have written nothing.
   */
  private featuresOf({ client }: Session): Promise<unknown> {
    // Protected, but the only way to it. It gives the same promise until the client connects again.
    const features = client['capabilities'];
    if (features !== this.verified) features.catch(() => undefined);
    return features;
  }

  /**
   * The client leaves a node that is not the leader any more, but not its append stream there, which stays open for as
   * long as that node runs. When it ends, the client rejects what is pending at the next leader, and throws when that
   * answers. So it is ended before anything goes to the next; what is pending on it is sent again.
   */
  private async endAppendStreams({ client }: Session): Promise<void> {
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

  private firstCallFailed(error: unknown): void {
    if (error instanceof NoAnswer) {
      if (++this.unansweredFirstCalls >= 2)
        this.rebuild('it does not answer the first call of a connection', unusedPause);
      return;
    }
    const code = (error as { code?: unknown } | undefined)?.code;
    // Only after these two does the client ask again; every other failure is its answer for ever.
    if (code !== 14 && code !== 1) this.rebuild(reasonOf(error), unusedPause);
  }

  /** A call of the kind was answered, whatever the answer. */
  answered(kind: CallKind): void {
    this.lastAnswer = performance.now();
    this.silence[kind].calls = 0;
  }

  /** A call of the kind was not answered in time. */
  timedOut(kind: CallKind): void {
    this.doubt();
    const of = this.silence[kind];
    if (of.calls++ === 0) of.since = performance.now() - this.options.callTimeout;
    // Reads may go on being answered when appends are not any more, and the other way round.
    if (of.calls >= 3 && performance.now() - of.since >= 3 * this.options.callTimeout)
      this.rebuild(`${of.calls} calls in a row had no answer`);
  }

  /** The connection may have been lost, so another database may answer there. */
  doubt(): void {
    this.doubts++;
    this.verified = undefined;
  }

  private rebuild(reason: string, longest = pauses.most): void {
    const now = performance.now();
    if (this.rebuilding || this.closed || now - this.lastRebuild < Math.min(this.pause, longest)) return;
    if (now - this.lastRebuild >= 2 * pauses.most) this.backOff.reset();
    this.pause = this.backOff.next();
    this.lastRebuild = now;
    this.rebuilds++;
    this.options.notice('the client of the event store is rebuilt', { reason });
    this.rebuilding = this.retire(this.session).then((drained) => {
      if (!drained) throw this.stuck();
      this.session = this.newSession();
      this.unansweredFirstCalls = 0;
      for (const of of Object.values(this.silence)) of.calls = 0;
      this.verified = undefined;
      this.sentOn = undefined;
      this.rebuilding = undefined;
    });
    this.rebuilding.catch(() => undefined);
  }

  /** There may be no other client now, so nothing goes on in this process: it must end, and be started again. */
  private stuck(): Error {
    const error = new StoreUnavailable(
      'The client of the event store does not let go of its appends, and no other may take its place: this process has to be started again',
    );
    if (!this.closed) {
      this.options.notice('the client of the event store cannot be rebuilt: the process ends', {
        reason: error.message,
      });
      setImmediate(() => {
        throw error;
      });
    }
    return error;
  }

  /** Ends everything that a client has under way, and waits until its appends know; false when they never will. */
  private async retire(retired: Session): Promise<boolean> {
    retired.disposed = true;
    this.verified = undefined;
    await Promise.race([
      retired.client.dispose().catch(() => undefined),
      delay(this.options.callTimeout, undefined, { ref: false }),
    ]);
    if (retired.pendingAppends > 0)
      await within(
        drainCalls * this.options.callTimeout,
        'that its appends are given up',
        new Promise<void>((resolve) => (retired.drained = resolve)),
      ).catch(() => undefined);
    await this.closeChannel(retired.client);
    return retired.pendingAppends === 0;
  }

  /** A cluster's client would first look for a node to connect to: its channel is left to its idle time-out. */
  private async closeChannel(client: EventStoreDBClient): Promise<void> {
    if (this.options.settings.discover || this.options.settings.endpoints.length > 1) return;
    const channel = await client['getChannel']().catch(() => undefined);
    channel?.close();
  }

  private async read<T>(page: (reader: Reader) => Promise<T>): Promise<T> {
    for (let retried = false; ; retried = true) {
      const current = await this.ready();
      try {
        const events = await page(readerOf(current, this.options.callTimeout, this.options.rights));
        this.answered('read');
        return events;
      } catch (error) {
        const kind = kindOf(error);
        if (error instanceof NoAnswer) this.timedOut('read');
        else if (kind === 'transient' || kind === 'unexpected') this.doubt();
        else this.answered('read');
        // Half of a restart of the server is over before a caller has asked twice.
        if (retried || error instanceof NoAnswer || (kind !== 'notLeader' && kind !== 'transient')) throw error;
        await delay(20);
      }
    }
  }
}
