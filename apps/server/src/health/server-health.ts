import { LogDamaged } from '#event-sourcing';

/**
 * That the store is not there, in words for every caller, with a token or without: a message of the store may name a stream,
 * and with it a customer, so it goes to the server's log alone. A store without a place is a file of this machine.
 */
export function unreachable(place: string | undefined, error: Error): string {
  const where = place === undefined ? 'the event store' : `the event store at ${place}`;
  return `${where} cannot be reached: ${error.name}, see the log of the server`;
}

/** Rights that were taken away while the server runs. How many streams, and not which: their names are customers'. */
export function deniedRights(place: string | undefined, { all, streams }: ServerHealth['denied']): readonly string[] {
  const denies = `the event store at ${place} denies the server's user the right`;
  return [
    ...(all ? [`${denies} to read $all: see the log of the server`] : []),
    ...(streams > 0
      ? [`${denies} to ${streams} ${streams === 1 ? 'stream' : 'streams'}: see the log of the server`]
      : []),
  ];
}

/** What is known of the health of this server: set by the code that notices first, read by health checks and metrics. */
export class ServerHealth {
  /** What must come before anything can be served; undefined once everything is there. */
  waitingFor: string | undefined = 'the ledger has not been opened yet';
  /** The log is not what was written. It stays so until somebody has put it right and starts the server again. */
  damaged = false;
  /** What the database denies its user by now: whether the log as a whole, and how many streams. */
  denied: { readonly all: boolean; readonly streams: number } = { all: false, streams: 0 };
  /** The projector cannot write the file of the views, and trying again will not help. */
  viewsDamaged = false;
  /** The projector has ended and has not been started again yet. */
  projectorDown = false;
  projectorRestarts = 0;
  /** Streams of the history that are open now. */
  openStreams = 0;
  /** Where the log ended when the server opened it: what every view must have shown before the server is ready. */
  headAtStart = 0;
  /** Logs why the store could not be read: callers must not learn it. */
  logTrouble: (error: Error) => void = () => undefined;
  /** Logs what has kept streams of the history from going on. */
  logStreamTrouble: (error: Error) => void = () => undefined;

  /** True when the error says that the log is damaged, which is remembered. */
  isDamage(error: unknown): error is LogDamaged {
    const damage = error instanceof LogDamaged;
    this.damaged ||= damage;
    return damage;
  }
}
