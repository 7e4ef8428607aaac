import { setImmediate as turn } from 'node:timers/promises';
import { streamNameFilter, type AllStreamResolvedEvent, type EventStoreDBClient } from '@eventstore/db-client';
import { exactPosition } from './reader.js';

export type LogEvent = NonNullable<AllStreamResolvedEvent['event']>;

/** The server has looked at everything before a position; with `inclusive` also at what stands there. */
export class Marker {
  constructor(
    readonly position: number,
    readonly inclusive: boolean,
  ) {}
}

export type LiveSubscription = ReturnType<typeof openLiveSubscription>;

/** How many events wait in this process for a slow consumer; the rest waits in the server. */
const waitingEvents = 128;
/** The server reports how far it has read each time it has skipped this many foreign events. */
const searchWindow = 512;

/**
 * One subscription of the client, taken from at the consumer's pace: what is not taken fills a small buffer here and
 * then stays with the server, and no other subscription waits for it.
 */
export function openLiveSubscription(
  client: EventStoreDBClient,
  {
    after,
    prefix,
    signal,
  }: { readonly after: number | undefined; readonly prefix: string; readonly signal: AbortSignal },
) {
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const subscription = client.subscribeToAll(
    {
      fromPosition: after === undefined ? 'start' : exactPosition(after),
      requiresLeader: true,
      filter: streamNameFilter({
        // The second finds the marks that streams of ours get when they are deleted or truncated by hand.
        prefixes: [prefix, `$$${prefix}`],
        maxSearchWindow: searchWindow,
        checkpointInterval: 1,
        // Called when the marker is received, with the events before it still waiting: it has to wait for them.
        // And whatever is thrown in here stops the subscription without a word.
        // A prepare position of 0 is that of a page without a match, which may be the empty one at the end of the log:
        // then (24.10 and 25.0 of some patches) the next event will stand at the commit position.
        checkpointReached: (_, { commit, prepare }) =>
          void subscription.push(new Marker(Number(commit), prepare === commit)),
      }),
    },
    { highWaterMark: waitingEvents },
  );
  const ended = (error?: Error) => {
    failure ??= error ?? new Error('The event store has ended the subscription');
    wake?.();
  };
  const woken = () => wake?.();
  subscription.on('readable', woken);
  subscription.on('end', () => ended());
  subscription.on('close', () => ended());
  // It stays when the subscription is over: some errors come late, and one without a listener would end the process.
  subscription.on('error', ended);
  signal.addEventListener('abort', woken);

  return {
    /** What has arrived first of what has not been taken yet. */
    next(): LogEvent | Marker | undefined {
      const arrival = subscription.read() as AllStreamResolvedEvent | Marker | null;
      return arrival === null || arrival instanceof Marker ? (arrival ?? undefined) : arrival.event;
    },
    isEmpty: () => subscription.readableLength === 0,
    /** Waits at most this many ms for something to take; true also when the signal was aborted. */
    async arrived(milliseconds: number): Promise<boolean> {
      const something = () => signal.aborted || subscription.readableLength > 0;
      for (const deadline = performance.now() + milliseconds; ;) {
        // Events come in one by one; a turn of the event loop brings several, and costs less than a timer for each.
        if (!something() && !failure) await turn();
        if (something()) return true;
        const left = deadline - performance.now();
        if (left <= 0 || failure) return false;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, left);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wake = undefined;
      }
    },
    /** With what it has ended. What arrived before that can still be taken. */
    failure: () => failure,
    end(): void {
      signal.removeEventListener('abort', woken);
      // Without this the server goes on sending. It never rejects for what has ended by itself.
      subscription.unsubscribe().catch(() => undefined);
      subscription.destroy();
    },
  };
}
