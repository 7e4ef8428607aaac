import type { RejectionCode } from '#customer-relationship';
import { httpProblems, type HttpProblemCode } from './problem-texts.js';

/** What is wrong with one place of a request: a JSON pointer into the body, or the name of a header or parameter. */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

/** A problem's extension members; {@link FieldError} list for a bad request. */
export interface ProblemMembers {
  readonly errors?: readonly FieldError[];
  readonly [member: string]: unknown;
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
    this.status = httpProblems[code].status;
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
