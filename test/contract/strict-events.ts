import { resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Json } from './schema-changes.js';
import { readSchemas } from './schema-files.js';

// Readers of events must bear new fields and new words. What this release writes has none that its own schemas do not name.

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
for (const schema of readSchemas(resolve('schemas')).files.values()) ajv.addSchema(closed(schema) as object);

/** What is wrong with an event of this release by its schema; empty for nothing. */
export function faultsOfEvent({ type, schema, data }: { type: string; schema: number; data: unknown }): string {
  const validate = ajv.getSchema(`urn:reseller-ledger:schemas:events:${type}:${schema}`);
  if (!validate) return `there is no schema ${schema} of ${type}`;
  return validate(data) ? '' : ajv.errorsText(validate.errors);
}

function closed(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const { examples, ...schema } = Object.fromEntries(
    Object.entries(value as Record<string, Json>).map(([name, each]) => [name, closed(each)]),
  );
  return {
    ...schema,
    ...(schema['type'] === 'object' && schema['properties']
      ? { additionalProperties: schema['additionalProperties'] ?? false }
      : {}),
    ...(schema['type'] === 'string' && Array.isArray(examples) ? { enum: examples as readonly Json[] } : {}),
  };
}
