import { applyDecorators } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import type { AnswerName } from './answers.js';

/**
 * What a route is like for its callers. It decides which headers, parameters and problems the document names:
 * - standing: one thing as it stands, with a tag
 * - readiness: it depends on the clock, so it has no tag, and it is refused as a removal would be
 * - explanation, securityJournal: pages that depend on the clock
 * - history: pages, lines or a live stream
 * - operation: what takes longer than a caller waits for
 * - bulk: many commands
 * - fixed: the same for every caller, without a token
 * - health: a probe, without a token
 */
export type RouteKind =
  'standing' | 'readiness' | 'explanation' | 'securityJournal' | 'history' | 'operation' | 'bulk' | 'fixed' | 'health';

/** What the document says of a route that neither sends a command nor lists a view. */
export interface RouteText {
  /** A verb first. */
  readonly id: string;
  readonly summary: string;
  readonly kind: RouteKind;
  readonly answer: AnswerName;
  /** What the answer is, in a sentence. */
  readonly says: string;
  readonly mediaType?: string;
}

const texts = new Map<string, RouteText>();

/** Documents a route where it stands. */
export function Documented(text: RouteText): MethodDecorator {
  texts.set(text.id, text);
  return applyDecorators(ApiOperation({ operationId: text.id, summary: text.summary }));
}

/** Of a route by the id of its operation. */
export function routeText(id: string): RouteText | undefined {
  return texts.get(id);
}
