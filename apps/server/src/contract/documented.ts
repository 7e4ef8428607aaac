import { ApiOperation } from '@nestjs/swagger';
import type { AnswerName } from './answers.js';

/**
 * The kind of a route decides which headers, parameters and problems the document names:
 * - standing: one thing as it stands, with a tag
 * - readiness: depends on the clock, so it has no tag; refused as a removal would be
 * - explanation, securityJournal: pages that depend on the clock
 * - history: pages, lines or a live stream
 * - operation: work that takes longer than a caller waits
 * - bulk: many commands
 * - fixed: the same for every caller, without a token
 * - health: a probe, without a token
 */
export type RouteKind =
  'standing' | 'readiness' | 'explanation' | 'securityJournal' | 'history' | 'operation' | 'bulk' | 'fixed' | 'health';

/** The document's text for a route that neither takes a command nor lists a view. */
export interface RouteText {
  /** Starts with a verb. */
  readonly id: string;
  readonly summary: string;
  readonly kind: RouteKind;
  readonly answer: AnswerName;
  /** Describes the answer, in a sentence. */
  readonly says: string;
  readonly mediaType?: string;
}

const texts = new Map<string, RouteText>();

export function Documented(text: RouteText): MethodDecorator {
  texts.set(text.id, text);
  return ApiOperation({ operationId: text.id, summary: text.summary });
}

/** Documents a route without a token whose answer is the same for every caller. */
export function FixedAnswer(answer: AnswerName, text: Omit<RouteText, 'kind' | 'answer'>): MethodDecorator {
  return Documented({ ...text, kind: 'fixed', answer });
}

/** The text of a route, by the id of its operation. */
export function routeText(id: string): RouteText | undefined {
  return texts.get(id);
}
