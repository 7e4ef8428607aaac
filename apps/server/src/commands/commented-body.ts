import { Optional, Text, Time } from '#http';

/** The fields that every command takes beside its data; for a command without data, the whole body. */
export class CommentedBody {
  /** Free text. */
  @Optional(Text(1000, { lines: true })) comment?: string;
}

/** Of a fact that can be reported late (rule T1a). */
export class LateFactBody extends CommentedBody {
  /** When it happened; without it, now. */
  @Optional(Time()) effectiveAt?: string;
}
