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
  return () => {
    if (read) return read;
    const files = new Map<string, SchemaText>();
    const directory = checkedIn(`schemas/${folder}`);
    for (const name of readdirSync(directory).sort()) {
      if (!name.endsWith('.json')) continue;
      const text = readFileSync(join(directory, name), 'utf8');
      files.set(name.replace(/\.json$/, ''), { text, schema: JSON.parse(text) as JsonSchema });
    }
    return (read = files);
  };
}
