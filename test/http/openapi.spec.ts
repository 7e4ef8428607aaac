import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { problemTexts } from '#http';
import { bodyOf, openapi, resolveRef } from './contract.js';
import { establish, globalAdminOf, runServer, type RunningServer } from './running-server.js';

const operations = Object.entries(openapi['paths'] as Record<string, Record<string, any>>).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    path,
    method,
    operation,
    name: `${method.toUpperCase()} ${path}`,
  })),
);
const commands = operations.filter(({ method, path }) => method === 'post' && path !== '/v1/commands');
const schemas = openapi['components'].schemas as Record<string, any>;
const resolved = (value: any): any => (value.$ref === undefined ? value : resolveRef(value.$ref));

describe('the document', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await runServer();
  });
  afterAll(() => server.end());

  it('that is checked in is that of the running server (npm run openapi)', async () => {
    const live: unknown = await (await fetch(`${server.url}/openapi.json`)).json();
    expect(live).toEqual(openapi);
  });

  it('is of OpenAPI 3.1, whose schemas are JSON Schema', () => {
    expect(openapi['openapi']).toBe('3.1.0');
    expect(JSON.stringify(openapi)).not.toMatch(/"nullable":|"exclusive(Minimum|Maximum)":(true|false)/);
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    ajv.addSchema(openapi, 'openapi');
    for (const name of Object.keys(schemas))
      expect(() => ajv.compile({ $ref: `openapi#/components/schemas/${name}` })).not.toThrow();
  });

  it('leads every reference somewhere', () => {
    const refs = new Set([...JSON.stringify(openapi).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!));
    expect(refs.size).toBeGreaterThan(50);
    for (const ref of refs)
      expect([ref, ref.split('/').reduce((at: any, part) => at?.[part], openapi)]).toEqual([ref, expect.anything()]);
    const used = [...refs].filter((ref) => ref.startsWith('components/schemas/')).map((ref) => ref.split('/')[2]);
    expect(Object.keys(schemas).filter((name) => !used.includes(name))).toEqual([]);
  });

  it('has no empty schema, and no body that takes what it does not name', () => {
    for (const [name, schema] of Object.entries(schemas)) {
      const says = schema.properties ? Object.keys(schema.properties).length : schema.items ? 1 : 0;
      expect([name, says > 0]).toEqual([name, true]);
    }
    const closed = (ref: string): void => {
      const schema = schemas[ref.split('/').at(-1)!];
      expect([ref, schema.additionalProperties]).toEqual([ref, false]);
      for (const [, below] of JSON.stringify(schema).matchAll(/"\$ref":"([^"]+)"/g)) closed(below!);
    };
    for (const { operation } of commands) closed(bodyOf(operation)['schema'].$ref);
  });

  it('describes every route that there is', async () => {
    // Addresses of the document, asked without a token: whatever is a route knows the address, and asks for one.
    for (const { name, path, method } of operations.filter(({ path }) => path.startsWith('/v1/'))) {
      const { status } = await fetch(`${server.url}${path.replace(/\{\w+\}/g, 'x')}`, { method: method.toUpperCase() });
      expect([name, status]).toEqual([name, 401]);
    }
    expect(operations.length).toBeGreaterThan(110);
  });

  it('gives each operation a name of its own, and says of each what can go wrong', () => {
    const ids = operations.map(({ operation }) => operation.operationId as string);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^[a-z][A-Za-z]+$/.test(id))).toEqual([]);
    for (const { operation, name, path } of operations) {
      const statuses = Object.keys(operation.responses);
      expect([name, statuses.some((status) => /^2/.test(status))]).toEqual([name, true]);
      // What a sender may do is decided for each item of a bulk.
      const denied = path === '/v1/commands' ? [] : ['403'];
      for (const status of ['400', '401', ...denied, '500', '503'])
        if (path.startsWith('/v1/')) expect([name, statuses]).toEqual([name, expect.arrayContaining([status])]);
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
      expect(
        operation.parameters
          .map(resolved)
          .filter((parameter: any) => parameter.in === 'path')
          .map((parameter: any) => parameter.name),
      ).toEqual(inPath);
    }
    for (const { operation, name } of commands)
      expect([name, Object.keys(operation.responses)]).toEqual([
        name,
        expect.arrayContaining(['404', '409', '412', '413', '415', '422']),
      ]);
  });

  it('explains every problem that it names', () => {
    const codes = Object.values(openapi['components'].responses as Record<string, any>).flatMap(
      (response) => (response['x-problem-codes'] ?? []) as string[],
    );
    expect(codes.filter((code) => !(code in problemTexts))).toEqual([]);
    // Of a method that an address does not have, and of another protocol: no operation answers so.
    const unnamed = Object.keys(problemTexts).filter((code) => !codes.includes(code));
    expect(unnamed.toSorted()).toEqual(['MethodNotAllowed', 'VersionNotSupported']);
  });

  it('fills no parameter that may be left out', () => {
    for (const { name, operation } of operations)
      for (const parameter of operation.parameters.map(resolved))
        if (parameter.required !== true)
          expect([name, parameter.name, JSON.stringify(parameter)]).toEqual([
            name,
            parameter.name,
            expect.not.stringMatching(/"(examples?|default)":/),
          ]);
  });

  it('has examples that go together: with what is required alone, every operation is taken', async () => {
    const inPath = (operation: any): Record<string, string> =>
      Object.fromEntries(
        operation.parameters
          .map(resolved)
          .filter(({ required }: any) => required === true)
          .map(({ name, schema }: any) => [name, String(schema.example ?? schema.enum[0])]),
      );
    const { customerId } = inPath(commands[0]!.operation);
    await establish(server, customerId);
    for (const { name, method, path, operation } of operations) {
      const given = inPath(operation);
      const address = path.replace(/\{(\w+)\}/g, (_, part: string) => given[part]!);
      const as = operation.operationId.endsWith('OfPartner') ? globalAdminOf(customerId!) : {};
      // The commands of a bulk have their own keys, new for every call, or none for a dry run.
      const isBulk = path === '/v1/commands';
      const { status, body } = await server.send(isBulk ? `${address}?dryRun=true` : address, {
        method: method.toUpperCase(),
        as,
        ...(isBulk ? { key: null } : {}),
        ...(operation.requestBody ? { body: bodyOf(operation).example } : {}),
        ...(path.endsWith('/remove') ? { headers: { 'if-match': '"0"' } } : {}),
      });
      // Whatever the ledger says to it: it has been read.
      expect([name, [400, 415, 428, 500].includes(status) ? body : 'read']).toEqual([name, 'read']);
    }
  });
});
