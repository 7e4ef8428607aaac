import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { LogDamaged, type EventBatch, type RecordedEvent, type SubscribeOptions } from '#event-sourcing';
import { BackOff, jittered } from '#pacing';
import { kindOf, reasonOf, unavailableBecause } from './client-errors.js';
import type { ClientConnection } from './connection.js';
import { positionOf, toRecorded } from './event-records.js';
import { Marker, openLiveSubscription, type LiveSubscription, type LogEvent } from './live-subscription.js';
import type { LogEnd } from './log-end.js';
import type { Notice } from './notices.js';
import { orAborted } from './patience.js';
import { hiddenBecause, hidesEvents, tombstoned } from './stream-metadata.js';
import type { Rights } from './rights.js';
import type { StreamNames } from './stream-names.js';

export interface LogSubscriptionsOptions {
  readonly connection: ClientConnection;
  readonly logEnd: LogEnd;
  readonly names: StreamNames;
  readonly callTimeout: number;
  readonly notice: Notice;
  readonly rights: Rights;
}

const defaultBatchSize = 1_000;
/** This many bytes make a batch, however few events they are: a refusal may have a megabyte. Positions are bytes of the log. */
const largestBatch = 16 * 1024 * 1024;
const pauses = { first: 100, most: 10_000 };
/** How long a batch that is not full waits for more while a subscription catches up, in ms. */
const fillWithin = 50;
/** The longest while the server goes on over events that are not ours, in ms. */
const showWithin = 500;
/** An end of the log that is older than this is looked for again before a subscription first says that it has caught up, in ms. */
const endGoodFor = 1_000;

/** Where the server is to go on, and what must be handled before. */
interface Start {
  /** Everything after this position will come; undefined for the very start. */
  readonly after: number | undefined;
  /** An event that was read on the way to it. */
  readonly before: LogEvent | undefined;
  readonly head: number;
}

/**
 * The log of this ledger, filtered by the server out of `$all`, for ever: the client never takes up a subscription that
 * has ended, and 23.10 ends one whenever 32 events wait for it.
 */
export function logSubscriptions({ connection, logEnd, names, callTimeout, notice, rights }: LogSubscriptionsOptions) {
  const { reader } = connection;
  let resubscriptions = 0;

  /**
   * Throws StoreUnavailable only as long as it has not yielded anything: a query that asks for the first batch must not
   * wait for an outage to pass, and a projector reports it and subscribes again. After that it goes on by itself,
   * however long it takes, until the signal; only a refused user ends it then.
   */
  async function* subscribe({
    after,
    signal,
    batchSize = defaultBatchSize,
    onDamage,
  }: SubscribeOptions): AsyncGenerator<EventBatch> {
    if (!Number.isSafeInteger(after) || after < 0) throw new TypeError(`${after} is not a position`);
    if (!Number.isSafeInteger(batchSize) || batchSize < 1)
      throw new TypeError(`${batchSize} is not the size of a batch`);
    /** What has been yielded. */
    let position = after;
    /** What the server need not look at again; markers after the head are not yielded. */
    let considered = after;
    let begun = false;
    let saidCaughtUp = false;
    let exact = true;
    const backOff = new BackOff(pauses);

    while (!signal.aborted) {
      let progress = false;
      let openedAt = Infinity;
      let live: LiveSubscription | undefined;
      try {
        const start = await orAborted(startAfter(position, considered, exact), signal);
        let { head } = start;
        let headAt = performance.now();
        const { client } = await orAborted(Promise.resolve(connection.ready()), signal);
        openedAt = performance.now();
        live = openLiveSubscription(client, { after: start.after, prefix: names.prefix, signal });
        let first: LogEvent | undefined = start.before;
        let events: RecordedEvent[] = [];
        let reached = position;
        let looked = considered;
        /** A marker that counts as soon as something after it arrives. */
        let upTo: number | undefined;
        let yieldedAt = performance.now();

        const advance = (to: number) => {
          looked = Math.max(looked, to);
          // Positions are compared with the head: after it there is nothing to have read.
          if (to > reached && to <= Math.max(head, logEnd.known())) reached = to;
        };
        const isFull = () => events.length >= batchSize || (events.length > 0 && reached - position > largestBatch);
        while (!signal.aborted) {
          const arrival = first ?? live.next();
          first = undefined;
          const at = arrival instanceof Marker ? arrival.position : arrival && positionOf(arrival);
          if (at !== undefined && upTo !== undefined) {
            if (at > upTo) advance(upTo);
            upTo = undefined;
          }
          if (arrival instanceof Marker) {
            if (arrival.inclusive) advance(arrival.position);
            else upTo = arrival.position;
          } else if (arrival && at !== undefined) {
            looked = Math.max(looked, at);
            // What comes again when a subscription starts earlier than it needs to is left out.
            if (at <= reached) continue;
            try {
              if (names.isOurs(arrival.streamId)) {
                if (arrival.type === '$streamDeleted') throw tombstoned(arrival.streamId);
                events.push(toRecorded(arrival, names.prefix));
                logEnd.moved(at, arrival.id);
                reached = at;
              } else await requireNoMark(arrival);
            } catch (error) {
              if (!(onDamage && error instanceof LogDamaged)) throw error;
              onDamage(error);
              reached = at;
            }
          }
          if (arrival && !isFull()) continue;

          let caughtUp = live.isEmpty() && reached >= Math.max(head, logEnd.known());
          if (caughtUp && !saidCaughtUp && performance.now() - headAt > endGoodFor) {
            ({ head } = await logEnd.look(reader));
            headAt = performance.now();
            caughtUp = reached >= head;
          }
          const pending = events.length > 0 || reached > position;
          // More is on its way: a fuller batch costs no more than this one. But progress must be seen.
          if (pending && !caughtUp && !isFull() && performance.now() - yieldedAt < showWithin)
            if (await live.arrived(fillWithin)) continue;
          if (pending || (caughtUp && !saidCaughtUp)) {
            const batch: EventBatch = { events, position: reached, caughtUp };
            progress ||= events.length > 0;
            if (progress) backOff.reset();
            events = [];
            position = reached;
            considered = looked;
            begun = true;
            exact = true;
            saidCaughtUp = caughtUp;
            yield batch;
            yieldedAt = performance.now();
            // A long log must not keep the event loop to itself.
            if (!live.isEmpty()) await turn();
          } else if (live.isEmpty()) {
            considered = looked;
            await somethingArrived(live, () => reached);
          }
        }
      } catch (error) {
        if (signal.aborted) return;
        const kind = kindOf(error);
        if (error instanceof LogDamaged) throw error;
        if (live) rights.failed('read', '$all', error);
        if (kind === 'badPosition' && exact) {
          // No event stands there any more, or none ever did: start earlier, and leave out what comes again.
          exact = false;
          continue;
        }
        if (!begun || kind === 'accessDenied' || kind === 'wrongCredentials') throw unavailableBecause(error);
        resubscriptions++;
        // The server is alive and has reported so: it will send the rest at once.
        if (kind === 'dropped' && progress) continue;
        // It may come back with another history: what events of ours vouch for holds, what was looked at after them not.
        considered = position;
        // What has held for a while, though it may have had nothing to say, is no row of failures.
        if (performance.now() - openedAt > pauses.most) backOff.reset();
        connection.doubt();
        notice('a subscription to the event store is taken up again', { position, reason: reasonOf(error) });
        await delay(jittered(backOff.next()), undefined, { signal }).catch(() => undefined);
      } finally {
        live?.end();
      }
    }
  }

  /**
   * The server (23.10) reads one event from the position it is given and begins after that: where the event of the
   * position was scavenged, the next one would be lost. And it takes a position beyond its end for a place to wait at.
   */
  async function startAfter(position: number, considered: number, exact: boolean): Promise<Start> {
    await connection.ready();
    const [{ head, end }, next] = await Promise.all([
      logEnd.look(reader),
      considered > 0 && exact ? reader.all({ from: considered, count: 1 }) : undefined,
    ]);
    if (Math.max(position, considered) > end)
      throw new LogDamaged(
        `Position ${Math.max(position, considered)} was reached before, but the event store ends at ${end}: it was emptied, or restored from a backup made before. ` +
          'Restore a newer backup; or, if the loss is accepted, rebuild the views.',
      );
    if (head <= position) {
      for (const mark of logEnd.marksAfter(position)) await requireVisible(mark);
      // Nothing of ours lies between, however much of others does.
      return { after: end === 0 ? undefined : end, before: undefined, head };
    }
    const found = next?.[0]?.event;
    if (found) {
      const at = positionOf(found);
      return { after: at, before: at === considered ? undefined : found, head };
    }
    const first = await logEnd.first(reader);
    if (!first) return { after: undefined, before: undefined, head };
    const [earliest] = await reader.all({ from: first.position, count: 1 });
    return earliest?.event
      ? { after: positionOf(earliest.event), before: earliest.event, head }
      : { after: undefined, before: undefined, head };
  }

  /** @throws LogDamaged when it hides events of a stream of ours */
  async function requireNoMark({ streamId, data }: LogEvent): Promise<void> {
    const described = names.describedBy(streamId);
    if (described !== undefined && hidesEvents(data)) await requireVisible(described);
  }

  /** An old mark may have been taken back: what counts is what the metadata say now. */
  async function requireVisible(storedName: string): Promise<void> {
    const hidden = await hiddenBecause(reader, storedName);
    if (hidden) throw hidden;
  }

  /** Silence is looked into: a subscription may be dead without either side knowing. */
  async function somethingArrived(live: LiveSubscription, reached: () => number): Promise<void> {
    while (!(await live.arrived(2 * callTimeout))) {
      const failure = live.failure();
      if (failure) throw failure;
      const { head } = await logEnd.look(reader);
      if (head <= reached()) continue;
      if ((await live.arrived(callTimeout)) || live.failure()) continue;
      throw new Error(`Nothing arrives at ${reached()} although the log has gone on to ${head}`);
    }
  }

  return { subscribe, resubscriptions: () => resubscriptions };
}
