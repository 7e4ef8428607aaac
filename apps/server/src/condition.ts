import { LogDamaged } from '#event-sourcing';

/** Why the store is not there, in words for whoever asks; a store without a place is a file of this machine. */
export function unreachable(place: string | undefined, error: unknown): string {
  if (place === undefined) return 'the event store cannot be reached';
  return `the event store at ${place} cannot be reached: ${error instanceof Error ? error.message : String(error)}`;
}

/** What is known of how this server does, by those who notice it first, for those who are asked. */
export class Condition {
  /** What must come before anything can be served; undefined once everything is there. */
  waitingFor: string | undefined = 'the ledger has not been opened yet';
  /** The log is not what was written. It stays so until somebody has put it right and starts the server again. */
  damaged = false;
  /** The projector has ended and has not been started again yet. */
  projectorDown = false;
  projectorRestarts = 0;
  /** Where the log ended when the server opened it: what every view must have shown before the server is ready. */
  headAtStart = 0;

  /** True when the error says that the log is damaged, which is remembered. */
  isDamage(error: unknown): error is LogDamaged {
    const damage = error instanceof LogDamaged;
    this.damaged ||= damage;
    return damage;
  }
}
