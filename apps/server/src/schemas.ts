import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

// The JSON Schemas (2020-12) of events and commands, as they are checked in: schemas/ at the root of the project, whether
// this file runs as it was written or was compiled to dist/.

export interface JsonSchema {
  readonly $id: string;
  readonly title: string;
  readonly description: string;
  readonly properties?: Readonly<Record<string, PropertySchema>>;
}
export interface PropertySchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, PropertySchema>>;
  readonly items?: PropertySchema;
}

/** Every file of a folder of schemas/, as text by its name without the ending. Read once: they belong to the release. */
export const eventSchemas = readOnce('events');
export const commandSchemas = readOnce('commands');

export interface SchemaText {
  readonly text: string;
  readonly schema: JsonSchema;
}

function readOnce(folder: 'events' | 'commands'): () => ReadonlyMap<string, SchemaText> {
  let read: ReadonlyMap<string, SchemaText> | undefined;
  return () => (read ??= readFolder(folder));
}

function readFolder(folder: string): ReadonlyMap<string, SchemaText> {
  const directory = ['../../../schemas', '../../../../schemas']
    .map((path) => join(import.meta.dirname, path, folder))
    .find((path) => existsSync(path));
  if (directory === undefined)
    throw new Error(
      `The folder schemas/${folder} is missing: it belongs beside dist/, as in the image and the repository.`,
    );
  return new Map(
    readdirSync(directory)
      .filter((name) => name.endsWith('.json'))
      .sort()
      .map((name) => {
        const text = readFileSync(join(directory, name), 'utf8');
        return [name.replace(/\.json$/, ''), { text, schema: JSON.parse(text) as JsonSchema }];
      }),
  );
}
