import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkedIn } from './checked-in.js';

// The JSON Schemas (2020-12) of events and commands, as they are checked in at schemas/.

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

/** The files of a folder of schemas/, by name without the ending. They are read once, because they belong to the release. */
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
  const directory = checkedIn(`schemas/${folder}`);
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
