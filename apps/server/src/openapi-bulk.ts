import { mostItems } from './commands/bulk-items.js';
import { commandNames, commandRoutes } from './commands/command-routes.js';

// The document of a bulk: a form for each command, from the same declarations as the commands' own routes.

type Json = Record<string, unknown>;

const guid = { type: 'string', format: 'uuid', example: '6f9619ff-8b86-4d01-b42d-00cf4fc964ff' };
const itemId = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$', example: 'item-0001' };
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const componentOf = (command: string) => `BulkOf${command}`;

/** The components of a bulk's body; `bodies` are those of the commands. */
export function bulkSchemas(bodies: Readonly<Record<string, Json>>): Record<string, Json> {
  const items = commandNames.map((command) => {
    const { path, body, needsIfMatch } = commandRoutes[command];
    const ids = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name!);
    const needsBody = Array.isArray(bodies[body.name]?.['required']);
    return [
      componentOf(command),
      {
        type: 'object',
        properties: {
          command: { type: 'string', const: command },
          customerId: guid,
          partnerId: { ...guid, description: 'Named by people of the customer, and by nobody else.' },
          ...Object.fromEntries(ids.map((id) => [id, itemId])),
          idempotencyKey: {
            type: 'string',
            minLength: 1,
            maxLength: 255,
            description: 'Required unless dryRun: what the Idempotency-Key field is to the command alone.',
          },
          ifMatch: {
            type: 'string',
            example: '"7.1"',
            description: `What the If-Match field is to the command alone${needsIfMatch ? ': required unless dryRun' : ''}.`,
          },
          body: ref(body.name),
        },
        required: ['command', 'customerId', ...ids, ...(needsBody ? ['body'] : [])],
        additionalProperties: false,
      },
    ] as const;
  });
  return {
    ...Object.fromEntries(items),
    BulkBody: {
      type: 'object',
      properties: {
        items: {
          type: 'array',
          minItems: 1,
          maxItems: mostItems,
          items: {
            oneOf: items.map(([name]) => ref(name)),
            discriminator: {
              propertyName: 'command',
              mapping: Object.fromEntries(
                commandNames.map((command) => [command, `#/components/schemas/${componentOf(command)}`]),
              ),
            },
          },
        },
      },
      required: ['items'],
      additionalProperties: false,
    },
    BulkItemAnswer: {
      type: 'object',
      properties: {
        index: { type: 'integer', minimum: 0, description: 'Of the item in the request.' },
        status: { type: 'integer', minimum: 200, maximum: 599 },
        headers: {
          type: 'object',
          additionalProperties: { type: 'string' },
          description:
            'ETag, Location, Ledger-Position, Idempotent-Replayed, Retry-After and others, as the command alone would bring them.',
        },
        body: { anyOf: [ref('CommandAnswer'), ref('Problem')] },
      },
      required: ['index', 'status', 'headers', 'body'],
    },
    BulkAnswer: {
      type: 'object',
      properties: {
        items: { type: 'array', items: ref('BulkItemAnswer'), description: 'In the order of the request.' },
      },
      required: ['items'],
    },
  };
}

export const bulkBody: Json = { required: true, content: { 'application/json': { schema: ref('BulkBody') } } };

export const bulkAnswer: Json = {
  description:
    'Taken: each command is decided and answered as if it had come alone, and status, headers and body of each are what its own route would have answered. ' +
    'Commands of one relationship follow each other in the given order; one that is refused does not keep back the next. ' +
    'Once the answers have 8 MiB, what has not begun is answered with 429 and can be sent again under its key. ' +
    'As application/x-ndjson answers come as they are there, one on each line; items without an answer have not been begun or are lost, and can be sent again under their keys.',
  content: {
    'application/json': { schema: ref('BulkAnswer') },
    'application/x-ndjson': {
      schema: { type: 'string', description: 'A BulkItemAnswer (components/schemas/BulkItemAnswer) on every line.' },
    },
  },
};
