/** One instruction of a Dockerfile, with its line in the file. */
export interface Instruction {
  readonly line: number;
  readonly keyword: string;
  /** `--name=value` in front of the arguments. */
  readonly flags: ReadonlyMap<string, string>;
  readonly text: string;
}

/** What stands from one FROM to the next. */
export interface Stage {
  readonly image: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

export interface Dockerfile {
  /** What `docker build --build-arg` may change, with the defaults that stand before the first stage. */
  readonly globals: ReadonlyMap<string, string>;
  readonly stages: readonly Stage[];
}

// https://docs.docker.com/reference/dockerfile, without ONBUILD, SHELL, ADD and heredocs, which this project has no use for.
const keywords = new Set(
  'ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL RUN STOPSIGNAL USER VOLUME WORKDIR'.split(' '),
);

/** @throws Error that names the line */
export function dockerfile(text: string): Dockerfile {
  const globals = new Map<string, string>();
  const stages: (Stage & { readonly instructions: Instruction[] })[] = [];
  for (const instruction of instructionsIn(text)) {
    const { keyword, text: given, line } = instruction;
    const stage = stages.at(-1);
    if (keyword === 'FROM') {
      const [, image, name] = /^(\S+)(?:\s+AS\s+([a-z][a-z0-9-]*))?$/.exec(given) ?? [];
      if (!image) throw new Error(`line ${line}: FROM ${given}`);
      stages.push({ image: substituted(image, globals), name, instructions: [] });
    } else if (stage) stage.instructions.push(instruction);
    else if (keyword === 'ARG') globals.set(...pairOf(instruction));
    else throw new Error(`line ${line}: ${keyword} before the first FROM`);
  }
  if (stages.length === 0) throw new Error('there is no FROM');
  return { globals, stages };
}

function* instructionsIn(text: string): Generator<Instruction> {
  let pending = '';
  let begun = 0;
  for (const [index, raw] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(raw)) continue;
    if (pending === '') begun = index + 1;
    const continued = raw.endsWith('\\');
    pending += continued ? raw.slice(0, -1) : raw;
    if (continued) continue;
    const [, keyword, rest] = /^([A-Z]+)\s+([\s\S]+)$/.exec(pending) ?? [];
    if (!keyword || !rest || !keywords.has(keyword)) throw new Error(`line ${begun}: no instruction: ${pending}`);
    const flags = new Map<string, string>();
    const given = rest.replace(/^(--[a-z-]+=\S+\s+)*/, (written) => {
      for (const [, name, value] of written.matchAll(/--([a-z-]+)=(\S+)/g)) flags.set(name!, value!);
      return '';
    });
    yield { line: begun, keyword, flags, text: given.trim() };
    pending = '';
  }
  if (pending !== '') throw new Error(`line ${begun}: the last line is continued by none`);
}

function pairOf({ text, line }: Instruction): [string, string] {
  const [, name, value] = /^([A-Z][A-Z0-9_]*)=(\S+)$/.exec(text) ?? [];
  if (!name || value === undefined) throw new Error(`line ${line}: ${text} sets no default`);
  return [name, value];
}

export function substituted(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/\$\{([A-Z][A-Z0-9_]*)\}/g, (_, name: string) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`${name} is not set in ${text}`);
    return value;
  });
}

/** The words of an exec form. @throws Error for a shell form, through which no signal reaches the program */
export function execForm({ keyword, text, line }: Pick<Instruction, 'keyword' | 'text' | 'line'>): string[] {
  const words: unknown = text.startsWith('[') ? JSON.parse(text) : undefined;
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string'))
    throw new Error(`line ${line}: ${keyword} is not in exec form: ${text}`);
  return words;
}

/** `NAME=value` pairs of ENV and LABEL. */
export function pairs({ text, line }: Instruction): ReadonlyMap<string, string> {
  const found = [...text.matchAll(/([\w.]+)=("[^"]*"|\S*)(\s+|$)/g)];
  if (found.map(([whole]) => whole).join('') !== text) throw new Error(`line ${line}: no pairs: ${text}`);
  return new Map(found.map(([, name, value]) => [name!, value!.replace(/^"|"$/g, '')]));
}

/** Of a stage that ends an image: what the engine knows about it. The last of each wins. */
export function settings({ instructions }: Stage) {
  const last = (keyword: string) => instructions.findLast((instruction) => instruction.keyword === keyword);
  const required = (keyword: string) => {
    const found = last(keyword);
    if (!found) throw new Error(`there is no ${keyword}`);
    return found;
  };
  const health = required('HEALTHCHECK');
  return {
    environment: new Map(
      instructions.filter(({ keyword }) => keyword === 'ENV').flatMap((instruction) => [...pairs(instruction)]),
    ),
    user: required('USER').text,
    directory: required('WORKDIR').text,
    volumes: execForm(required('VOLUME')),
    ports: required('EXPOSE').text.split(/\s+/),
    stopSignal: last('STOPSIGNAL')?.text ?? 'SIGTERM',
    healthCheck: execForm({ ...health, text: health.text.replace(/^CMD\s+/, '') }),
    command: [...execForm(required('ENTRYPOINT')), ...execForm(required('CMD'))],
  };
}

/** Whether a path of the build's directory, written with `/`, reaches the build. */
export type LetThrough = (path: string) => boolean;

/** The rules of a .dockerignore: the last pattern that matches a path or a directory above it decides. */
export function dockerignore(text: string): LetThrough & { readonly mayHold: LetThrough } {
  const rules = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ lets: line.startsWith('!'), pattern: line.replace(/^!/, '').replace(/^\/|\/$/g, '') }))
    .map((rule) => ({ ...rule, matches: patternOf(rule.pattern) }));
  const letThrough = (path: string) => {
    const above = path.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'));
    return rules.findLast(({ matches }) => above.some((candidate) => matches.test(candidate)))?.lets ?? true;
  };
  /** Whether anything inside a directory may be let through, although the directory is not. */
  const mayHold = (directory: string) =>
    letThrough(directory) ||
    rules.some(({ lets, pattern }) => lets && (pattern.startsWith(`${directory}/`) || pattern.startsWith('**')));
  return Object.assign(letThrough, { mayHold });
}

function patternOf(pattern: string): RegExp {
  const expression = pattern
    .split(/(\*\*\/|\*\*|\*|\?)/)
    .map((part) => {
      if (part === '**/') return '(?:.*/)?';
      if (part === '**') return '.*';
      if (part === '*') return '[^/]*';
      if (part === '?') return '[^/]';
      return part.replace(/[.+^${}()|[\]\\]/g, '\\$&');
    })
    .join('');
  return new RegExp(`^${expression}$`);
}
