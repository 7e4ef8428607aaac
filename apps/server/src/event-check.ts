import { sealer, type EventCheck, type EventFault, type EventMetadata } from '#event-sourcing';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { eventSchemas } from './contract/schemas.js';

// The published schemas are open, because readers must accept fields and words that come later. Here they are closed:
// nothing that they do not name is written to the log.

/**
 * What is wrong with an event by the closed form of the schema whose number it carries. It is not lifted first: an event
 * that was copied from another log is checked against the schema that it was written with.
 */
export const eventCheck: EventCheck = ({ type, data, metadata }) => {
  const validate = validatorOf(`${type}.${metadata.schema}`);
  if (!validate) return { pointer: '/metadata/schema', message: 'there is no schema of this number' };
  if (!validate(data)) return faultIn('/data', validate);
  return metadataIsSound(metadata) ? undefined : faultIn('/metadata', metadataIsSound);
};

/** Seals what this release writes. */
export const sealOfRelease = sealer(eventCheck);

type JsonSchema = boolean | { readonly [keyword: string]: unknown };

const text = { type: 'string' };
const hash = { type: 'string', pattern: '^[0-9a-f]{64}$' };
// A new field of the metadata must be named here too.
const metadataFields = {
  actor: closedObject({ id: text, kind: text, roles: { type: 'array', items: text }, tenant: text }),
  causationId: text,
  command: text,
  comment: text,
  commandHash: text,
  commandId: text,
  correlationId: text,
  hash,
  policy: closedObject({ name: text, hash }),
  previousHash: hash,
  recordedAt: { type: 'string', format: 'date-time' },
  release: text,
  schema: { type: 'integer', minimum: 1 },
  traceparent: { type: 'string', pattern: '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$' },
} satisfies Record<keyof EventMetadata, JsonSchema>;

const ajv = new Ajv2020({
  // Strict mode refuses the keywords that are only for readers.
  strict: false,
  // One error is enough to refuse the event.
  allErrors: false,
  // The one format of events: a form whose order as text is its order in time.
  formats: { 'date-time': isInstant },
});
const optional = [
  'command',
  'comment',
  'hash',
  'previousHash',
  'release',
  'traceparent',
] satisfies (keyof EventMetadata)[];
const metadataIsSound = ajv.compile(closedObject(metadataFields, optional));
const validators = new Map<string, ValidateFunction | undefined>();

/** Compiled when the first event of its type is written: most ledgers never write half of them. */
function validatorOf(name: string): ValidateFunction | undefined {
  if (!validators.has(name)) {
    const found = eventSchemas().get(name);
    validators.set(name, found && ajv.compile(closed(found.schema) as object));
  }
  return validators.get(name);
}

function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const { examples, ...schema } = Object.fromEntries(Object.entries(value).map(([name, each]) => [name, closed(each)]));
  return {
    ...schema,
    ...(schema['type'] === 'object' && schema['properties']
      ? { additionalProperties: schema['additionalProperties'] ?? false }
      : {}),
    // The published schemas list the words that this release knows as examples.
    ...(schema['type'] === 'string' && Array.isArray(examples) ? { enum: examples as unknown } : {}),
  };
}

function closedObject(properties: Readonly<Record<string, JsonSchema>>, optional: readonly string[] = []) {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false };
}

const day =
  '(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-9]))';
const instant = new RegExp(`^\\d{4}-${day}T(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d\\.\\d{3}Z$`);

function isInstant(value: string): boolean {
  if (!instant.test(value)) return false;
  // Date costs more than all the rest, so only leap days are checked with it.
  return !value.startsWith('02-29', 5) || new Date(value).toISOString() === value;
}

function faultIn(part: string, { errors }: ValidateFunction): EventFault {
  const {
    instancePath,
    params,
    message = 'is not what the schema says',
  } = errors![0] as ErrorObject<string, { readonly additionalProperty?: string; readonly missingProperty?: string }>;
  const field = params.additionalProperty ?? params.missingProperty;
  const last = field === undefined ? '' : `/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  return { pointer: `${part}${instancePath}${last}`, message };
}
