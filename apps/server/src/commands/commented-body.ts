import { Optional, Text } from '#http';
import type { Commented } from './sends.js';

/** What every command takes besides its data; alone, the body of a command without data. */
export class CommentedBody implements Commented {
  @Optional(Text(1000, { lines: true })) comment?: string;
}
