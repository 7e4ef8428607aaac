import type { components, KnownProblemCode } from './api.js';

/** What the ledger answers when it refuses (RFC 9457). */
export type Problem = components['schemas']['Problem'];

/** Every code that is known as of this release; a newer server may answer others. */
export type ProblemCode = KnownProblemCode | typeof notOfALedger;

/** Something between here and the ledger has answered instead of it. */
export const notOfALedger = 'NotOfALedger';

/** The ledger has refused, or has failed in a way that more tries will not mend. */
export class LedgerProblem extends Error {
  override readonly name = 'LedgerProblem';
  /** Stable: the name of the state of affairs. */
  readonly code: ProblemCode;
  readonly status: number;

  constructor(
    readonly problem: Problem,
    readonly response: Response,
    /** Of the command: with it, the same command can be sent again, now or later, and is never done twice. */
    readonly idempotencyKey: string | undefined,
  ) {
    super(`${problem.code}: ${problem.title}. ${problem.detail}`);
    // The one cast: codes are open to new ones, which a switch over them meets in its default.
    this.code = problem.code as ProblemCode;
    this.status = problem.status;
  }
}

/** No answer in all the time there was. Whether a command has been recorded is not known until it is sent again under its key. */
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
