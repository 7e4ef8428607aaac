import { Matching, Optional, WholeText } from '#http';
import { RelationshipAsOfParameters } from '../as-of/moment.js';
import { namedRevision } from '../named-revision.js';

export class ExplanationParameters extends RelationshipAsOfParameters {
  /** Events after this revision; absent: from the first. */
  @Optional(Matching(namedRevision, 'a revision, or one as the next link brings it', '7')) after?: string;
  @Optional(WholeText(1, 200)) limit?: number;
}
