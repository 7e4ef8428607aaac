import type { RelationshipSummary } from '#customer-relationship';
import type { Guid, Position } from '../contract/answer-words.js';

/** What a command is answered with, whether it was recorded or only tried. */
export interface CommandAnswer {
  /** Present for a dry run: nothing was recorded. */
  readonly dryRun?: true;
  /** As the command has left it; for a dry run, as it stands. */
  readonly relationship: {
    readonly partnerId: Guid;
    readonly customerId: Guid;
    readonly status: RelationshipSummary['status'];
    readonly relationshipTerm: number;
  };
  /**
   * The place of the last event in the relationship’s stream; -1 for a dry run where there is no relationship yet.
   *
   * @minimum -1
   */
  readonly revision: number;
  readonly position: Position;
  /**
   * What the command has recorded, or would record, by name.
   *
   * @minItems 1
   */
  readonly events: readonly string[];
  /** For a dry run: the events with their data. */
  readonly wouldRecord?: readonly { readonly type: string; readonly data: object }[];
  /** That of the first acceptance; for a dry run, that of the request. */
  readonly correlationId: string;
}
