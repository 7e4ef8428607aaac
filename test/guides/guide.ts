// Reads a guide of docs/guides as the steps that carry it out. A comment before a fenced block says what the block is:
//
//   <!-- in PATH, before: TEXT -->   its lines go into the file before the one line that contains TEXT (or `after:`)
//   <!-- in PATH, instead of: TEXT -->   its lines take the place of that line
//   <!-- in PATH, below CONTEXT, before: TEXT -->   the same, of the first such line below the one that contains CONTEXT
//   <!-- new PATH -->                it is a new file
//   <!-- run -->                     its commands must succeed
//   <!-- fails with: TEXT -->        its commands must fail, and TEXT must stand in what they print
//
// `<!-- at most: 4 production, 5 tests, 0 new -->` bounds the files that the guide has the reader write.

export type Step =
  | {
      readonly kind: 'edit';
      readonly path: string;
      /** Stands in the one line below which the anchor is looked for. */
      readonly below?: string;
      readonly where: 'before' | 'after' | 'instead of';
      readonly anchor: string;
      readonly text: string;
    }
  | { readonly kind: 'new'; readonly path: string; readonly text: string }
  | { readonly kind: 'run'; readonly text: string; readonly failure?: string };

export interface Bounds {
  readonly production: number;
  readonly tests: number;
  readonly new: number;
}

export interface Guide {
  readonly steps: readonly Step[];
  readonly bounds: Bounds | undefined;
}

const comment = /^\s*<!-- (.*) -->$/;

/** @throws Error for a comment that is not one of these, or that no block follows */
export function guideIn(markdown: string): Guide {
  const steps: Step[] = [];
  let bounds: Bounds | undefined;
  const lines = markdown.split('\n');
  for (let index = 0; index < lines.length; index++) {
    const said = comment.exec(lines[index] ?? '')?.[1];
    if (said === undefined) continue;
    const bounded = /^at most: (\d+) production, (\d+) tests, (\d+) new$/.exec(said);
    if (bounded) {
      bounds = { production: Number(bounded[1]), tests: Number(bounded[2]), new: Number(bounded[3]) };
      continue;
    }
    const { text, end } = blockAfter(lines, index);
    steps.push(stepOf(said, text));
    index = end;
  }
  return { steps, bounds };
}

function stepOf(said: string, text: string): Step {
  const edit = /^in (\S+?)(?:, below (.+))?, (before|after|instead of): (.+)$/.exec(said);
  if (edit)
    return {
      kind: 'edit',
      path: edit[1]!,
      ...(edit[2] === undefined ? {} : { below: edit[2] }),
      where: edit[3] as 'before' | 'after' | 'instead of',
      anchor: edit[4]!,
      text,
    };
  const added = /^new (\S+)$/.exec(said);
  if (added) return { kind: 'new', path: added[1]!, text };
  if (said === 'run') return { kind: 'run', text };
  const failing = /^fails with: (.+)$/.exec(said);
  if (failing) return { kind: 'run', text, failure: failing[1]! };
  throw new Error(`A guide does not know the step "${said}"`);
}

function blockAfter(lines: readonly string[], after: number): { readonly text: string; readonly end: number } {
  let begin = after + 1;
  while (lines[begin]?.trim() === '') begin++;
  const fence = /^(\s*)(`{3,})\w*$/.exec(lines[begin] ?? '');
  if (!fence) throw new Error(`No block follows on "${lines[after]?.trim()}"`);
  const [, indent = '', ticks] = fence;
  let end = begin + 1;
  while (end < lines.length && lines[end]?.trim() !== ticks) end++;
  const text = lines
    .slice(begin + 1, end)
    .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
    .join('\n');
  return { text, end };
}

/** The text of a file after an edit. @throws Error when what it looks for stands in no line, or in several */
export function edited(
  before: string,
  { path, below, where, anchor, text }: Extract<Step, { readonly kind: 'edit' }>,
): string {
  const lines = before.split('\n');
  const indexesOf = (sought: string) => lines.flatMap((line, index) => (line.includes(sought) ? [index] : []));
  const theOnly = (sought: string, [found, ...others]: readonly number[]) => {
    if (found === undefined || others.length > 0)
      throw new Error(
        `${found === undefined ? 'No line' : `${others.length + 1} lines`} of ${path} contain "${sought}"`,
      );
    return found;
  };
  const from = below === undefined ? undefined : theOnly(below, indexesOf(below));
  const found = indexesOf(anchor);
  const at = theOnly(anchor, from === undefined ? found : found.filter((index) => index > from).slice(0, 1));
  const inserted = text.split('\n');
  if (where === 'before') lines.splice(at, 0, ...inserted);
  else if (where === 'after') lines.splice(at + 1, 0, ...inserted);
  else lines.splice(at, 1, ...inserted);
  return lines.join('\n');
}

export function isTest(path: string): boolean {
  return path.startsWith('test/') || /\.spec\.ts$|\/test(ing)?-[^/]*$|\/testing\.ts$|-examples\.json$/.test(path);
}
