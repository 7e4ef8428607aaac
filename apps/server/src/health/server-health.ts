import { LogDamaged } from '#event-sourcing';
import type { Timekeeper } from '../timekeeper/timekeeper.js';

/**
 * Says that the store is not there, in words for every caller, with or without a token. A message of the store may name a
 * stream, and with it a customer, so it only goes to the server's log. A store without a place is a file on this machine.
 */
export function unreachable(place: string | undefined, error: Error): string {
  const where = place === undefined ? 'the event store' : `the event store at ${place}`;
  return `${where} cannot be reached: ${error.name}, see the log of the server`;
}

/** Rights that were revoked while the server runs. It counts streams without naming them, because their names identify customers. */
export function deniedRights(place: string | undefined, { all, streams }: ServerHealth['denied']): readonly string[] {
  const denies = `the event store at ${place} denies the server's user the right`;
  return [
    ...(all ? [`${denies} to read $all: see the log of the server`] : []),
    ...(streams > 0
      ? [`${denies} to ${streams} ${streams === 1 ? 'stream' : 'streams'}: see the log of the server`]
      : []),
  ];
}

/** When a server is not ready. */
export abstract class HealthBounds {
  /** How long a view may lag after the head of the log. */
  abstract readonly viewLagSeconds: number;
}

/** What is known of the health of this server: set by the code that notices it first, read by health checks and metrics. */
export class ServerHealth {
  /** What the server waits for before it can serve anything; undefined once everything is there. */
  waitingFor: string | undefined = 'the ledger has not been opened yet';
  /** The log differs from what was written. It stays so until the log is repaired and the server is started again. */
  damaged = false;
  /** What the database denies the server's user now: the whole log, and how many streams. */
  denied: { readonly all: boolean; readonly streams: number } = { all: false, streams: 0 };
  /** The projector cannot write the file of the views, and trying again will not help. */
  viewsDamaged = false;
  /** The projector has ended and has not been started again yet. */
  projectorDown = false;
  projectorRestarts = 0;
  /** What records what time brings about; undefined where this server does not. */
  timekeeper: Timekeeper | undefined;
  /** Streams of the history that are open now. */
  openStreams = 0;
  /** The end of the log when the server opened it: every view must reach it before the server is ready. */
  headAtStart = 0;
  /** Logs why the store could not be read, which callers must not learn. */
  logTrouble: (error: Error) => void = () => undefined;
  /** Logs why a stream of the history was interrupted. */
  logStreamTrouble: (error: Error) => void = () => undefined;

  /** Whether the error says that the log is damaged; if so, that is remembered. */
  isDamage(error: unknown): error is LogDamaged {
    const damage = error instanceof LogDamaged;
    this.damaged ||= damage;
    return damage;
  }
}
