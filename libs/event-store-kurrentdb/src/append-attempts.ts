import type { JSONEventData } from '@eventstore/db-client';
import { LogDamaged, OutcomeUnknown, RevisionConflict, type AppendResult } from '#event-sourcing';
import { BackOff, jittered } from '#pacing';
import { kindOf, NoAnswer, reasonOf, unavailableBecause } from './client-errors.js';
import type { ClientConnection } from './connection.js';
import type { EventIds } from './event-ids.js';
import type { LogEnd } from './log-end.js';
import { patience } from './patience.js';
import type { Session } from './reader.js';
import type { Rights } from './rights.js';
import { tombstoned } from './stream-metadata.js';

export interface Append {
  readonly stream: string;
  readonly storedName: string;
  readonly events: JSONEventData[];
  /** In bytes, about, as a message. */
  readonly size: number;
  readonly expectedRevision: number;
}

export interface AppendAttemptsOptions {
  readonly connection: ClientConnection;
  readonly logEnd: LogEnd;
  readonly ids: Pick<EventIds, 'seen'>;
  readonly rights: Rights;
  readonly callTimeout: number;
  readonly settleWithin: number;
}

const pauses = { first: 50, most: 1_000 };
/**
 * What may be unanswered at once. The channel buffers 1 MiB of what has not gone out yet; beyond that, the client queues
 * more than 15 messages in a place whose promises are not awaited: a connection that is lost then ends the process, by an
 * unhandled rejection for every one of them. (Seen with 3,000 appends of 1 KiB to a server that had stopped reading.)
 */
const [safeAppends, safeBytes] = [12, 512 * 1024];

/**
 * Appends, each tried until its outcome is known. A rejection or silence says nothing about what the server has stored;
 * but the same ids at the same revision are answered with the original result for ever, and refused when other events
 * stand there. So an append whose outcome is unknown is sent again, the same bytes at the same revision, until one
 * attempt gets an answer that decides.
 */
export function appendAttempts({ connection, logEnd, ids, rights, callTimeout, settleWithin }: AppendAttemptsOptions) {
  const counts = { appendedEvents: 0, conflicts: 0, resentAppends: 0, unknownOutcomes: 0 };
  const inFlight = new Set<Promise<AppendResult>>();
  const unanswered = { appends: 0, bytes: 0 };
  const waiting: { readonly size: number; readonly go: () => void }[] = [];

  function hasRoomFor(size: number): boolean {
    return unanswered.appends < safeAppends || unanswered.bytes + size <= safeBytes;
  }

  function settled(session: Session, size: number): void {
    if (--session.pendingAppends === 0 && session.disposed) session.drained();
    unanswered.appends--;
    unanswered.bytes -= size;
    while (waiting[0] && hasRoomFor(waiting[0].size)) waiting.shift()?.go();
  }

  function append({ stream, storedName, events, size, expectedRevision }: Append): Promise<AppendResult> {
    const { promise, resolve, reject } = Promise.withResolvers<AppendResult>();
    const startedAt = performance.now();
    const options = {
      expectedRevision: expectedRevision < 0 ? ('no_stream' as const) : BigInt(expectedRevision),
      requiresLeader: true,
    };
    let attempts = 0;
    let sent = 0;
    /** What has become of the last attempt of which it is not known what has become. */
    let unknown: unknown;
    let decided = false;
    /** Of the patience with the attempt under way, or of the pause before the next. */
    let stopWaiting = () => {};
    const backOff = new BackOff(pauses);

    function attempt(): void {
      const mine = ++attempts;
      const sentBefore = sent;
      stopWaiting = patience(callTimeout, () => {
        // What has not left this process by now never will: the next attempt takes its place, if there is one.
        attempts++;
        if (sent === sentBefore) return notSent(new NoAnswer('whether it takes an append', callTimeout));
        connection.timedOut('append');
        tryAgain(new NoAnswer('an append', callTimeout), 0);
      }).end;
      start(mine);
    }

    function start(mine: number): void {
      if (decided || mine !== attempts) return;
      if (!hasRoomFor(size)) {
        waiting.push({ size, go: () => start(mine) });
        return;
      }
      const session = connection.ready();
      if (!(session instanceof Promise)) return send(session, mine);
      session.then(
        () => start(mine),
        (error: unknown) => {
          if (mine === attempts) notSent(error);
        },
      );
    }

    function send(session: Session, mine: number): void {
      if (++sent > 1) counts.resentAppends++;
      unanswered.appends++;
      unanswered.bytes += size;
      session.pendingAppends++;
      // An answer of an earlier attempt decides as well as that of the last.
      session.client.appendToStream(storedName, events, options).then(
        ({ nextExpectedRevision, position }) => {
          settled(session, size);
          stored(Number(nextExpectedRevision), position && Number(position.commit));
        },
        (error: unknown) => {
          settled(session, size);
          if (!decided) rejected(error, mine);
        },
      );
    }

    /** Nothing of this attempt has left the process. */
    function notSent(error: unknown): void {
      if (decided) return;
      if (unknown === undefined) decide(() => reject(unavailableBecause(error)));
      // Another database now: it does not know the outcome of an attempt at the previous one.
      else if (error instanceof LogDamaged) giveUp(error);
      else tryAgain(unknown);
    }

    function stored(revision: number, position: number | undefined): void {
      connection.answered('append');
      rights.granted('append to', storedName);
      if (decided) return;
      decide(() => {
        if (revision !== expectedRevision + events.length || position === undefined) {
          reject(renumbered(storedName, expectedRevision, revision));
          return;
        }
        counts.appendedEvents += events.length;
        ids.seen(position, events.at(-1)!.id);
        if (expectedRevision < 0) logEnd.began(storedName, events[0]!.id);
        resolve({ revision, position });
      });
    }

    function rejected(error: unknown, mine: number): void {
      switch (kindOf(error)) {
        case 'conflict': {
          connection.answered('append');
          const { actualVersion } = error as { readonly actualVersion: bigint | string };
          counts.conflicts++;
          return decide(() =>
            reject(
              new RevisionConflict(
                stream,
                expectedRevision,
                typeof actualVersion === 'bigint' ? Number(actualVersion) : -1,
              ),
            ),
          );
        }
        case 'tooLarge': {
          connection.answered('append');
          // An earlier attempt may have met a leader that takes more.
          if (unknown !== undefined) return giveUp(error);
          const { maxAppendSize } = error as { readonly maxAppendSize: number };
          return decide(() =>
            reject(
              new RangeError(
                `The append to ${storedName} is larger than the ${maxAppendSize} bytes that the event store is set to take (MaxAppendSize)`,
                { cause: error },
              ),
            ),
          );
        }
        case 'tombstoned':
          connection.answered('append');
          return decide(() => reject(tombstoned(storedName)));
        case 'badRequest':
          connection.answered('append');
          if (unknown === undefined) return decide(() => reject(unavailableBecause(error)));
          // Sent again, it would be refused again, and every refusal is followed by an answer that ends the process.
          return giveUp(error);
        case 'accessDenied':
        case 'wrongCredentials':
          connection.answered('append');
          rights.failed('append to', storedName, error);
          if (unknown === undefined) return decide(() => reject(unavailableBecause(error)));
          break;
        case 'notLeader':
          // The client is on its way to the leader. Not a proof that nothing was written: the error of a connection
          // rejects what is pending on another as well.
          connection.doubt();
          if (mine === attempts) tryAgain(error, sent === 1 ? 20 : undefined);
          return;
        default:
          connection.doubt();
      }
      if (mine === attempts) tryAgain(error);
    }

    function tryAgain(error: unknown, sooner?: number): void {
      const wait = sooner ?? jittered(backOff.next());
      unknown = error;
      stopWaiting();
      if (performance.now() - startedAt + wait >= settleWithin) return giveUp(error);
      if (wait === 0) return attempt();
      const resting = setTimeout(attempt, wait);
      stopWaiting = () => clearTimeout(resting);
    }

    function giveUp(error: unknown): void {
      counts.unknownOutcomes++;
      const elapsed = Math.round(performance.now() - startedAt);
      const message = `The events of ${storedName} may or may not have been written (${sent} attempts in ${elapsed} ms): ${reasonOf(error)}`;
      decide(() => reject(new OutcomeUnknown(message, { cause: error })));
    }

    function decide(outcome: () => void): void {
      decided = true;
      stopWaiting();
      outcome();
      inFlight.delete(promise);
    }

    inFlight.add(promise);
    attempt();
    return promise;
  }

  return {
    append,
    counts: () => ({ ...counts, appendsInFlight: inFlight.size }),
    /** When every append that was accepted has been answered. */
    idle: () => Promise.allSettled(inFlight),
  };
}

function renumbered(storedName: string, expectedRevision: number, revision: number): LogDamaged {
  return new LogDamaged(
    `An append to ${storedName} after revision ${expectedRevision} was stored, but as revision ${revision}: ` +
      'the stream was deleted by hand, and the event store goes on with its old numbers. Stop writing, and restore the database from a backup made before the deletion.',
    undefined,
    'unknown',
  );
}
