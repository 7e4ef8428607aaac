import { Optional, Text } from '#http';

/** The fields that every command takes beside its data; for a command without data, the whole body. */
export class CommentedBody {
  /** Free text. */
  @Optional(Text(1000, { lines: true })) comment?: string;
}
