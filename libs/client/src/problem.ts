import type { components, KnownProblemCode } from './api.js';

/** What the ledger answers when it refuses (RFC 9457). */
export type Problem = components['schemas']['Problem'];

/** Every code that this release knows. A newer server may answer others. */
export type ProblemCode = KnownProblemCode | typeof notOfALedger;

/** A proxy has answered instead of the ledger. */
export const notOfALedger = 'NotOfALedger';

/** The ledger has refused, or has failed in a way that a retry does not mend. */
export class LedgerProblem extends Error {
  override readonly name = 'LedgerProblem';
  /** Stable: the name of the state of affairs. */
  readonly code: ProblemCode;
  readonly status: number;

  constructor(
    readonly problem: Problem,
    readonly response: Response,
    /** The key of the command: sent again under it, now or later, the command is never done twice. */
    readonly idempotencyKey: string | undefined,
  ) {
    super(`${problem.code}: ${problem.title}. ${problem.detail}`);
    // The one cast: a newer server may answer other codes, which a switch meets in its default.
    this.code = problem.code as ProblemCode;
    this.status = problem.status;
  }
}

/** No answer came in time. A command may have been recorded: send it again under its key to know. */
export class LedgerUnreachable extends Error {
  override readonly name = 'LedgerUnreachable';

  constructor(
    message: string,
    readonly idempotencyKey: string | undefined,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
