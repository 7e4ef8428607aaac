import { Optional, Text } from '#http';

/** What every command takes besides its data; alone, the body of a command without data. */
export class CommentedBody {
  /** Free text. */
  @Optional(Text(1000, { lines: true })) comment?: string;
}
