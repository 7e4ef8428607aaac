import type { RelationshipSummary } from '#customer-relationship';
import type { Guid, Position } from '../contract/answer-words.js';

/** The answer to a command, recorded or tried in a dry run. */
export interface CommandAnswer {
  /** Present for a dry run: nothing was recorded. */
  readonly dryRun?: true;
  /** As the command has left it; for a dry run, as it is now. */
  readonly relationship: {
    readonly partnerId: Guid;
    readonly customerId: Guid;
    readonly status: RelationshipSummary['status'];
    readonly relationshipTerm: number;
  };
  /**
   * The place of the last event in the relationship’s stream; -1 for a dry run without a relationship yet.
   *
   * @minimum -1
   */
  readonly revision: number;
  readonly position: Position;
  /**
   * The names of the events that the command has recorded or would record.
   *
   * @minItems 1
   */
  readonly events: readonly string[];
  /** For a dry run: the events with their data. */
  readonly wouldRecord?: readonly { readonly type: string; readonly data: object }[];
  /** The correlation id of the request that was accepted first; for a dry run, of this request. */
  readonly correlationId: string;
}
