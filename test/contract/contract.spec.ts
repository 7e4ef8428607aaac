import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { generatedContract, type GeneratedContract, type SchemaFile } from './generated-contract.js';
import { hashOf, objections, outdated, readSchemas, type CheckedIn } from './schema-files.js';
import type { Schema } from './schema-changes.js';
import { faultsOfEvent } from './strict-events.js';

const checkedIn = readSchemas(resolve('schemas'));

describe('the schemas of events and commands', () => {
  let generated: GeneratedContract;
  beforeAll(async () => {
    generated = await generatedContract();
  });

  it('are those of the code; else: npm run openapi', () => {
    expect(objections(checkedIn, generated.schemas)).toEqual([]);
    expect(outdated(checkedIn, generated.schemas)).toEqual([]);
  });

  it('go with openapi.json, which is that of the code; else: npm run openapi', () => {
    const document: unknown = JSON.parse(JSON.stringify(generated.document));
    expect(document).toEqual(JSON.parse(readFileSync(resolve('openapi.json'), 'utf8')));
  });

  it('can be read by a strict reader of JSON Schema, each by its id', () => {
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: false });
    addFormats.default(ajv);
    for (const [path, schema] of checkedIn.files) {
      ajv.addSchema(schema);
      const id = `urn:reseller-ledger:schemas:${path.replace(/\.json$/, '').replace(/[/.]/g, ':')}`;
      expect(schema['$id']).toBe(id);
      expect(ajv.getSchema(id)).toBeDefined();
    }
  });
});

describe('the example of an event as production wrote it', () => {
  const examples = [
    'libs/customer-relationship/src/event-examples.json',
    'libs/customer-relationship/src/journal-examples.json',
    'apps/server/src/security-journal/security-journal-examples.json',
    'apps/server/src/timekeeper/timekeeper-examples.json',
  ].flatMap((path) => JSON.parse(readFileSync(resolve(path), 'utf8')) as readonly Recorded[]);
  interface Recorded {
    readonly type: string;
    readonly data: unknown;
    readonly metadata: { readonly schema: number };
  }

  it.each(examples.map((example) => [`${example.type}, schema ${example.metadata.schema}`, example] as const))(
    'is what its schema says: %s',
    (_, { type, data, metadata }) => {
      expect(faultsOfEvent({ type, schema: metadata.schema, data })).toBe('');
    },
  );

  it('would be refused with another field, without one, or with one of another form', () => {
    const { type, data } = examples.find((example) => example.type === 'SubscriptionSuspended')!;
    const { reason: _, ...rest } = data as Record<string, unknown>;
    const faultsWith = (changed: object) => faultsOfEvent({ type, schema: 1, data: changed });
    expect(faultsWith({ ...rest, reason: 'fraud', more: true })).toMatch('additional properties');
    expect(faultsWith(rest)).toMatch('reason');
    expect(faultsWith({ ...rest, reason: 'whim' })).toMatch('allowed values');
    expect(faultsWith({ ...rest, reason: 'fraud', suspendedAt: 'yesterday' })).toMatch('date-time');
    expect(faultsOfEvent({ type, schema: 7, data })).toMatch('no schema');
  });
});

describe('schemas that are taken in place of others', () => {
  const file = (path: string, properties: Record<string, Schema>): SchemaFile => ({
    path,
    schema: { type: 'object', properties },
  });
  const text = { type: 'string' };
  const before = [
    file('events/Seen.1.json', { at: text }),
    file('events/Seen.2.json', { seenAt: text }),
    file('commands/See.json', { what: text }),
  ];
  const written = (files: readonly SchemaFile[]): CheckedIn => ({
    files: new Map(files.map(({ path, schema }) => [path, schema])),
    lock: Object.fromEntries(files.map(({ path, schema }) => [path, hashOf(schema)])),
  });
  const now = before.slice(1);

  it('are welcome when there is more in them, or when an event has its next number', () => {
    const more = [file('events/Seen.2.json', { seenAt: text, by: text }), file('commands/See.json', { what: text })];
    expect(objections(written(before), now)).toEqual([]);
    expect(objections(written(before), more)).toEqual([]);
    expect(outdated(written(before), more)).toEqual(['events/Seen.2.json']);
    const next = [file('events/Seen.3.json', {}), file('commands/See.json', { what: text })];
    expect(objections(written(before), next)).toEqual([]);
  });

  it('are refused when a field has gone, by file and field, with what to do', () => {
    const less = [file('events/Seen.2.json', {}), file('commands/See.json', {})];
    expect(objections(written(before), less)).toEqual([
      {
        path: 'events/Seen.2.json',
        what: expect.stringMatching(/^\/seenAt is gone\. Give the event the next schema number/),
      },
      {
        path: 'commands/See.json',
        what: expect.stringMatching(/^\/what is gone\. Take both the old and the new form/),
      },
    ]);
  });

  it('are refused when an event or a command has gone', () => {
    expect(objections(written(now), [])).toEqual([
      { path: 'events/Seen.2.json', what: expect.stringMatching(/^the event is gone, but not from the log/) },
      { path: 'commands/See.json', what: expect.stringMatching(/^the command is gone/) },
    ]);
  });

  it('are refused after one was edited by hand, or removed, older numbers too', () => {
    const edited = { ...written(before), files: written([file('events/Seen.1.json', {}), ...now]).files };
    expect(objections(edited, now)).toEqual([
      { path: 'events/Seen.1.json', what: expect.stringMatching(/^edited by hand\. Restore it/) },
    ]);
    const missing = { ...written(before), files: written(now).files };
    expect(objections(missing, now)).toEqual([{ path: 'events/Seen.1.json', what: expect.stringMatching(/^missing/) }]);
  });
});
