import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import type { SchemaFile } from './generated-contract.js';
import { breakingChanges, type Json, type Schema } from './schema-changes.js';

// The schemas as they are checked in. Beside them lies a lock with the hash of each, written together with them: who edits
// a schema by hand is found out, so that what was promised is always there to be compared with.

export interface CheckedIn {
  readonly files: ReadonlyMap<string, Schema>;
  /** Hashes by path; see {@link hashOf}. */
  readonly lock: Readonly<Record<string, string>>;
}

export interface Objection {
  readonly path: string;
  readonly what: string;
}

/** What stands in the way of taking the generated schemas in place of those that are checked in; empty for nothing. */
export function objections(checkedIn: CheckedIn, generated: readonly SchemaFile[]): Objection[] {
  const found = editedByHand(checkedIn);
  const current = new Map(generated.map(({ path, schema }) => [path, schema]));
  for (const [path, before] of checkedIn.files) {
    const after = current.get(path);
    const kind = path.startsWith('events/') ? 'event' : 'command';
    if (after) {
      for (const change of breakingChanges(kind, resolved(before), resolved(after)))
        found.push({ path, what: `${change}. ${wayOut[kind]}` });
    } else if (kind === 'command') found.push({ path, what: `the command is gone. ${wayOut.command}` });
    else if (!laterSchemaOf(path, current))
      found.push({ path, what: `the event is gone, but not from the log. ${wayOut.event}` });
  }
  return found;
}

/** What differs from the generated, by path: to be written. */
export function outdated(checkedIn: CheckedIn, generated: readonly SchemaFile[]): string[] {
  const differing = generated.filter(
    ({ path, schema }) => JSON.stringify(checkedIn.files.get(path)) !== JSON.stringify(schema),
  );
  return differing.map(({ path }) => path);
}

const wayOut = {
  event:
    'Give the event the next schema number in its codec, with a step that lifts the old payload and an example of it, or leave the field as it was.',
  command: 'Take both the old and the new form, or make it a new command.',
} as const;

function editedByHand({ files, lock }: CheckedIn): Objection[] {
  const restore = 'Restore it from version control and change the code instead.';
  return [
    ...[...files]
      .filter(([path, schema]) => lock[path] !== hashOf(schema))
      .map(([path]) => ({ path, what: `edited by hand. ${restore}` })),
    ...Object.keys(lock)
      .filter((path) => !files.has(path))
      .map((path) => ({ path, what: `missing. ${restore}` })),
  ];
}

function laterSchemaOf(path: string, current: ReadonlyMap<string, Schema>): boolean {
  const [, type, number] = /^events\/(\w+)\.(\d+)\.json$/.exec(path) ?? [];
  return [...current.keys()].some((other) => {
    const [, otherType, otherNumber] = /^events\/(\w+)\.(\d+)\.json$/.exec(other) ?? [];
    return otherType === type && Number(otherNumber) > Number(number);
  });
}

/** The schema with its definitions where they are referred to. */
export function resolved(schema: Schema): Schema {
  const { $defs, ...rest } = schema;
  const definitions = ($defs ?? {}) as Readonly<Record<string, Schema>>;
  const inline = (value: Json): Json => {
    if (Array.isArray(value)) return (value as readonly Json[]).map(inline);
    if (typeof value !== 'object' || value === null) return value;
    const { $ref, ...own } = value as Schema;
    const definition = typeof $ref === 'string' ? definitions[$ref.replace('#/$defs/', '')] : undefined;
    return Object.fromEntries(
      Object.entries({ ...(definition ?? {}), ...own }).map(([name, each]) => [name, inline(each)]),
    );
  };
  return inline(rest) as Schema;
}

/** Of what the schema says, however it is laid out. */
export function hashOf(schema: Schema): string {
  return createHash('sha256').update(JSON.stringify(schema)).digest('hex');
}

const lockFile = 'lock.json';

export function readSchemas(directory: string): CheckedIn {
  const files = new Map<string, Schema>();
  for (const folder of ['events', 'commands']) {
    if (!existsSync(join(directory, folder))) continue;
    for (const name of readdirSync(join(directory, folder)).sort())
      files.set(`${folder}/${name}`, readJson(join(directory, folder, name)) as Schema);
  }
  const lock = join(directory, lockFile);
  return { files, lock: existsSync(lock) ? (readJson(lock) as Record<string, string>) : {} };
}

/** The text of each file, by its path, with that of the lock. */
export async function schemaTexts(
  directory: string,
  checkedIn: CheckedIn,
  generated: readonly SchemaFile[],
): Promise<(readonly [path: string, text: string])[]> {
  const lock: Record<string, string> = { ...checkedIn.lock };
  for (const { path, schema } of generated) lock[path] = hashOf(schema);
  const sorted = Object.fromEntries(Object.entries(lock).sort(([a], [b]) => (a < b ? -1 : 1)));
  const files = [...generated.map(({ path, schema }) => [path, schema] as const), [lockFile, sorted] as const];
  return Promise.all(files.map(async ([path, value]) => [join(directory, path), await jsonText(value)] as const));
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function jsonText(value: unknown): Promise<string> {
  return format(JSON.stringify(value), { parser: 'json', printWidth: 120 });
}
