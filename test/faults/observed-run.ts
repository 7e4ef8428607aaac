import type { Actor } from '#customer-relationship';
import type { RecordedEvent } from '#event-sourcing';

/** A run of callers against servers that are killed, as those who watch it see it. */
export interface ObservedRun {
  /** Each server keeps its address when it is started again. */
  readonly urls: readonly string[];
  readonly token: (actor: Actor) => Promise<string>;
  /** The whole log as it stands now, read from the store itself. */
  readonly log: () => Promise<readonly RecordedEvent[]>;
}

export interface Observation {
  /** Called once, when no command is under way any more and every server runs; names everything that was not as it must be. */
  readonly stop: () => Promise<readonly string[]>;
}

/** Begins before the first command. */
export type Observe = (run: ObservedRun) => Promise<Observation> | Observation;
