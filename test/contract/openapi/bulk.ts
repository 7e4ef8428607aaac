import { mostItems } from '../../../apps/server/src/commands/bulk-items.js';
import { commandNames, commandRoutes } from '../../../apps/server/src/commands/command-routes.js';
import { ref, type Json } from './json.js';

// The document of a bulk: a form for each command, from the same declarations as the commands' own routes.

const guid = { type: 'string', format: 'uuid', example: '6f9619ff-8b86-4d01-b42d-00cf4fc964ff' };
const itemId = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$', example: 'item-0001' };
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
            example: '"7.1.kZ3pX0aT9q"',
            description: `What the If-Match field is to the command alone${needsIfMatch ? ': required unless dryRun' : ''}.`,
          },
          ifNoneMatch: {
            type: 'string',
            example: '*',
            description: 'What the If-None-Match field is to the command alone.',
          },
          body: ref('schemas', body.name),
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
            oneOf: items.map(([name]) => ref('schemas', name)),
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
  };
}

export const bulkBody: Json = {
  required: true,
  content: {
    'application/json': {
      schema: ref('schemas', 'BulkBody'),
      // Without keys, which are new for every call.
      example: {
        items: [
          {
            command: 'RequestResellerRelationship',
            customerId: guid.example,
            body: { customer: { name: 'Contoso' }, market: 'US' },
          },
        ],
      },
    },
  },
};
