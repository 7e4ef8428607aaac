import type { CommandOutcome, CommandRequest } from './command.js';

/** What must be true in other streams before a command's events are appended to its own, such as who has a name. */
export interface Claims<Commands, Events, Context, Summary = undefined> {
  /** What a command claims; undefined for one that claims nothing. */
  readonly claimOf: (request: CommandRequest<Commands, Context>) => Claim<Events, Context, Summary> | undefined;
}

/** The claim of one command, through all its attempts. */
export interface Claim<Events, Context, Summary = undefined> {
  /** What the decision must know of the other streams; the command's own stands at that revision. Writes nothing. */
  readonly facts: (revision: number) => Promise<Partial<Context>>;
  /** Claims, for an append right after that revision. @throws Rejection, which refuses the command */
  readonly make: (revision: number) => Promise<void>;
  /** Gives back what the command does not need after its answer. */
  readonly conclude: (outcome: CommandOutcome<Events, Summary>) => Promise<void>;
}
