import type { AllStreamResolvedEvent, EventStoreDBClient, ResolvedEvent, StreamingRead } from '@eventstore/db-client';
import { NoAnswer } from './client-errors.js';
import { patience } from './patience.js';
import type { Rights } from './rights.js';

/** One client as long as it is in use. */
export interface Session {
  readonly client: EventStoreDBClient;
  /** Given up: what its reads have answered since then may be only a part. */
  disposed: boolean;
  /** Appends whose promises are pending in the client. */
  pendingAppends: number;
  /** Called when the last pending append of a disposed client has been settled. */
  drained: () => void;
}

type Direction = 'forwards' | 'backwards';

/** Pages of the database, every one under a timer. Errors are those of the client, and {@link NoAnswer}. */
export interface Reader {
  /** From a revision (inclusive), or the end. */
  stream(
    storedName: string,
    page: { readonly from: number | 'end'; readonly count: number; readonly direction?: Direction },
  ): Promise<readonly ResolvedEvent[]>;
  /** From a commit position, the start or the end. Forwards the event at the position is the first. */
  all(page: {
    readonly from: number | 'start' | 'end';
    readonly count: number;
    readonly direction?: Direction;
  }): Promise<readonly AllStreamResolvedEvent[]>;
}

export function readerOf(session: Session, callTimeout: number, rights: Rights): Reader {
  const { client } = session;
  return {
    stream: (storedName, { from, count, direction = 'forwards' }) =>
      collect(session, { callTimeout, name: storedName, rights }, () =>
        client.readStream(storedName, {
          fromRevision: from === 'end' ? from : BigInt(from),
          maxCount: count,
          direction,
          requiresLeader: true,
        }),
      ),
    all: ({ from, count, direction = 'forwards' }) =>
      collect(session, { callTimeout, name: '$all', rights }, () =>
        client.readAll({
          fromPosition: typeof from === 'number' ? exactPosition(from) : from,
          maxCount: count,
          direction,
          requiresLeader: true,
        }),
      ),
  };
}

/** Of an event, commit and prepare position are the same; a marker between events stands on an event as well. */
export function exactPosition(position: number) {
  return { commit: BigInt(position), prepare: BigInt(position) };
}

/** Reads have no deadline in this client: one that has nothing to say for too long is given up. */
function collect<Event>(
  session: Session,
  { callTimeout, name, rights }: { readonly callTimeout: number; readonly name: string; readonly rights: Rights },
  open: () => StreamingRead<Event>,
): Promise<readonly Event[]> {
  return new Promise((resolve, reject) => {
    const events: Event[] = [];
    const reading = open();
    const silence = patience(callTimeout, () => {
      reading.cancel().catch(() => undefined);
      reject(new NoAnswer(`a read of ${name}`, callTimeout));
    });
    reading.on('data', (event) => {
      events.push(event);
      silence.renew();
    });
    reading.on('end', () => {
      silence.end();
      // The client ends a read that was cancelled like one that is complete.
      if (session.disposed)
        reject(new Error(`The connection to the event store was given up during a read of ${name}`));
      else {
        rights.granted('read', name);
        resolve(events);
      }
    });
    // It stays: an error without a listener would end the process, and some come late.
    reading.on('error', (error) => {
      silence.end();
      rights.failed('read', name, error);
      reject(error);
    });
  });
}
