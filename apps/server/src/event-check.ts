import { sealer, type EventCheck, type EventFault, type EventMetadata } from '#event-sourcing';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { eventSchemas } from './contract/schemas.js';

// Readers must accept fields and words that come later, so the published schemas are open. An event that is
// written has neither: here they are closed, and nothing that they do not name comes into the log.

/**
 * What is wrong with an event by the closed form of its schema, of the number that it carries. So an event that was
 * copied from another log is judged by what was promised when it was made; it is not lifted first.
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
// A field that is new in the metadata must be named here too.
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
} satisfies Record<keyof EventMetadata, JsonSchema>;

const ajv = new Ajv2020({
  // Descriptions and the identifiers of definitions are for readers.
  strict: false,
  // One is enough to refuse it.
  allErrors: false,
  // The one format of events: what compares as text as it does as a time.
  formats: { 'date-time': isInstant },
});
const metadataIsSound = ajv.compile(
  closedObject(metadataFields, [
    'command',
    'comment',
    'hash',
    'previousHash',
    'release',
  ] satisfies (keyof EventMetadata)[]),
);
const validators = new Map<string, ValidateFunction | undefined>();

/** Compiled when the first event of its kind is written: most ledgers never write half of them. */
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
    // The published schemas give the words that this release knows as examples.
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
  // To ask Date costs more than all the rest, so it is asked for leap days alone.
  return !value.startsWith('02-29', 5) || new Date(value).toISOString() === value;
}

function faultIn(part: string, { errors }: ValidateFunction): EventFault {
  const { instancePath, params, message = 'is not what the schema says' } = errors![0] as ErrorObject<string, Params>;
  const field = params.additionalProperty ?? params.missingProperty;
  const last = field === undefined ? '' : `/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  return { pointer: `${part}${instancePath}${last}`, message };
}

interface Params {
  readonly additionalProperty?: string;
  readonly missingProperty?: string;
}
