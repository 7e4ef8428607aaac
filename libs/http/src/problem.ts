import type { Instant, RefusalDetails, RejectionCode, RemovalBlocker } from '#customer-relationship';
import { problemTexts, type HttpProblemCode } from './problem-texts.js';

/** What is wrong with one place of a request: a JSON pointer into the body, or the name of a header or parameter. */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

/** A problem's extension members; {@link FieldError} list for a bad request. */
export interface ProblemMembers {
  readonly errors?: readonly FieldError[];
  readonly clock?: ProblemBody['clock'];
  readonly [member: string]: unknown;
}

/** What the ledger answers when it refuses (RFC 9457). */
export interface ProblemBody {
  /**
   * Stable; leads to what the problem means.
   *
   * @format uri-reference
   */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** @format uri-reference */
  readonly instance?: string;
  /** Stable: the name of the state of affairs. Open: a later release may answer others. */
  readonly code: string;
  readonly correlationId?: string;
  /** The same request may succeed later. */
  readonly retryable: boolean;
  /** All that is wrong with a request (400), or with what a command says (422). */
  readonly errors?: readonly ProblemError[];
  /** Every active item, with RemovalBlocked. */
  readonly blockers?: readonly RemovalBlocker[];
  /** What the refusal rests on, by code. */
  readonly details?: RefusalDetails;
  /** With NotDue: the first instant at which the same command is accepted. */
  readonly dueAt?: Instant;
  /** none: nothing was attempted; unknown: only a retry with the same key shows what has happened. */
  readonly outcome?: string;
  /** The current revision, with PreconditionFailed. */
  readonly revision?: number | null;
  /** Compared as a whole number, never counted. */
  readonly position?: string;
  readonly reason?: string;
  /** The media types, or the codings, that the route answers with, with NotAcceptable. */
  readonly offered?: readonly string[];
  /** How many streams the caller or its tenant may have open, with TooManyStreams. */
  readonly limit?: number;
  /** What the clock of the server reads, and what it would read without its jump, with ClockNotTrusted. */
  readonly clock?: { readonly reads: Instant; readonly expected: Instant };
  readonly tenant?: string;
  readonly ledger?: string;
  readonly head?: string;
}

export interface ProblemError {
  /** A JSON pointer into the body, or the name of a header or parameter. */
  readonly pointer: string;
  readonly detail: string;
  /** With 422: the refusal that it would be alone. */
  readonly code?: string;
}

export type ProblemCode = HttpProblemCode | RejectionCode;

/** A refusal by HTTP itself (RFC 9457); the domain's refusals are rejections and become problems in the filter. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;

  constructor(
    readonly code: HttpProblemCode,
    readonly members: ProblemMembers = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(code);
    this.status = problemTexts[code]!.status;
  }
}

/** A 400 that names one header, parameter or field. */
export function badRequest(code: HttpProblemCode, pointer: string, detail: string): Problem {
  return new Problem(code, { errors: [{ pointer, detail }] });
}

/** The type URI of a code, relative to the server, which explains it there: `/problems/removal-blocked`. */
export function problemType(code: string): string {
  return `/problems/${code.replace(/(?<!^)([A-Z])/g, '-$1').toLowerCase()}`;
}
