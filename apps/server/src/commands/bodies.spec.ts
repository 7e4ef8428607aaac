import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { fieldsOfClass, validated, type FieldFacts, type FieldsClass } from '#http';
import { ServerHealth } from '../health/server-health.js';
import type { ServedLedger } from '../served-ledger.js';
import { commandSchemas } from '../contract/schemas.js';
import { ServerModule } from '../server.module.js';
import { commandNames, commandRoutes } from './command-routes.js';

/** Every class that judges a body or a query, as the routes declare them. */
const classes = [
  ...new Set(
    (ServerModule.serving({} as ServedLedger, new ServerHealth(), { viewLagSeconds: 1 }).controllers ?? []).flatMap(
      (controller) => {
        const prototype = controller.prototype as object;
        return Object.getOwnPropertyNames(prototype).flatMap((method) =>
          ((Reflect.getMetadata('design:paramtypes', prototype, method) ?? []) as FieldsClass[]).filter(
            (type) => typeof type === 'function' && fieldsOfClass(type).size > 0,
          ),
        );
      },
    ),
  ),
];

const guid = fc.uuid().chain((id) => fc.constantFrom(id, id.toUpperCase()));
const junk = fc.oneof(
  fc.constantFrom<unknown>(null, '', ' ', 'x', 0, -0, 1, -1, 1.5, 1e21, true, false, 'true', [], [[]], {}, { a: 1 }),
  fc.constantFrom('2026-02-30T00:00:00Z', '2026-11-22T16:00:00+14:00', 'a\0', '\ud800', 'EUR', 'P1Y', 'x'.repeat(300)),
  fc.string(),
  fc.jsonValue({ maxDepth: 2 }),
);

interface Documented {
  readonly items?: { readonly example: string };
  readonly enum?: readonly string[];
  readonly example?: unknown;
  readonly minItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** What the field takes. */
function good({ kind }: FieldFacts): fc.Arbitrary<unknown> {
  const schema = kind.schema as Documented;
  const item = kind.item ?? (kind.list && kind.nested ? { ...kind, list: false } : undefined);
  if (item) {
    const key = (value: unknown) => JSON.stringify(value).toLowerCase();
    return fc.uniqueArray(good({ kind: item, optional: false }), {
      minLength: schema.minItems ?? 0,
      maxLength: 3,
      selector: key,
    });
  }
  if (kind.nested) return goodData(kind.nested);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.items) return fc.array(fc.constant(schema.items.example), { minLength: 1, maxLength: 3 }).map(String);
  // In a query everything is text.
  const spelt = (value: unknown) => (kind.accepts(value) ? value : String(value));
  switch (kind.name) {
    case 'guid':
      return guid;
    case 'itemId':
      return fc.oneof(guid, fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/));
    case 'time':
      return fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) => date.toISOString());
    case 'whole':
      return fc.maxSafeNat().map((n) => spelt(schema.minimum! + (n % (schema.maximum! - schema.minimum! + 1))));
    case 'flag':
      return fc.boolean().map(spelt);
    case 'text':
      return fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter(kind.accepts);
    default:
      return fc.constant(schema.example);
  }
}

function goodData(type: FieldsClass): fc.Arbitrary<Record<string, unknown>> {
  const facts = [...fieldsOfClass(type)];
  return fc.record(Object.fromEntries(facts.map(([name, fact]) => [name, good(fact)])), {
    requiredKeys: facts.filter(([, { optional }]) => !optional).map(([name]) => name),
  });
}

/** With something else in one of its places, at any depth. */
function withChange(data: unknown, value: unknown, at: number): unknown {
  if (typeof data !== 'object' || data === null) return value;
  const names = Object.keys(data);
  if (names.length === 0) return value;
  const name = names[at % names.length]!;
  const copy = (Array.isArray(data) ? [...(data as unknown[])] : { ...data }) as Record<string, unknown>;
  copy[name] = withChange(copy[name], value, Math.floor(at / names.length));
  return copy;
}

/** Good data, and good data with one thing about it changed: a value, a field too few, a field too many. */
function dataOf(type: FieldsClass): fc.Arbitrary<object> {
  const names = [...fieldsOfClass(type).keys()];
  const name = fc.constantFrom(...names);
  const changed = fc.tuple(goodData(type), name, junk).map(([data, at, value]) => ({ ...data, [at]: value }));
  const changedWithin = fc
    .tuple(goodData(type), junk, fc.nat())
    .map(([data, value, at]) => withChange(data, value, at) as object);
  const lacking = fc.tuple(goodData(type), name).map(([data, at]) => {
    const { [at]: _, ...rest } = data;
    return rest;
  });
  const strangeName = fc.constantFrom(
    'toString',
    '__proto__',
    'x',
    'constructor',
    '',
    ...names.map((known) => known.toUpperCase()),
  );
  const strange = fc
    .tuple(goodData(type), strangeName, junk)
    .map(([data, at, value]) => Object.defineProperty({ ...data }, at, { value, enumerable: true }));
  return fc.oneof(
    goodData(type),
    changed,
    changedWithin,
    lacking,
    strange,
    junk.map((value) => value as object),
  );
}

describe('the classes of bodies and queries', () => {
  it('are found at the routes', () => {
    const names = classes.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['PurchaseSoftwareBody', 'CommentedBody', 'listItemsParameters']));
    expect(names.length).toBeGreaterThan(30);
    // Two of one name would be one schema in the document.
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(classes.map((type) => [type.name, type] as const))('%s: refuses by naming places, or takes', (_, type) => {
    fc.assert(
      fc.property(dataOf(type), (data) => {
        const { value, errors } = validated(type, data);
        if (errors) for (const { detail } of errors) expect(detail).toMatch(/^(must be |is )/);
        else for (const name of Object.keys(value)) expect(fieldsOfClass(type).has(name)).toBe(true);
      }),
      { numRuns: 50 },
    );
    fc.assert(
      fc.property(goodData(type), (data) => {
        expect(validated(type, data).errors).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });
});

// The published schemas are made from the same words as the judge, and read by another program: what is taken and does
// not fit them would stand in the log for ever.
describe('what is taken of a command', () => {
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  const commands = commandNames.map((command) => [command, commandRoutes[command].body] as const);

  it.each(commands)('%s fits its published schema, with no field that it does not name', (command, body) => {
    const fits: ValidateFunction = ajv.compile(closed(commandSchemas().get(command)!.schema) as object);
    let taken = 0;
    fc.assert(
      fc.property(dataOf(body), (data) => {
        const { value } = validated(body, data);
        if (!value) return;
        taken++;
        expect([fits(JSON.parse(JSON.stringify(value))), fits.errors]).toEqual([true, null]);
      }),
      { numRuns: 150 },
    );
    // A property of refusals alone would say nothing of what is let through.
    expect(taken).toBeGreaterThan(10);
  });

  it.each([
    ['contoso.example', true],
    ['contoso.xn--p1ai', true],
    ['xn--e1afmkfd.XN--P1AI', true],
    ['contoso.xn--', false],
    ['contoso.xn--p1ai-', false],
    ['contoso.123', false],
    ['contoso', false],
    ['', true],
    [' ', false],
  ])('has "%s" for a domain: %s', (domain, isDomain) => {
    const { body } = commandRoutes.UpdateCustomerProfile;
    expect(validated(body, { domain }).errors === undefined).toBe(isDomain);
  });

  const lists = commands.flatMap(([command, body]) =>
    [...fieldsOfClass(body)]
      .filter(([, { kind }]) => kind.list && kind.nested)
      .map(([name]) => [command, name, body] as const),
  );

  it('has lists of objects here and there', () => {
    expect(lists.map(([command, name]) => `${command}.${name}`)).toContain('PurchaseSoftware.lineItems');
  });

  it.each(lists)('%s has objects in %s, and no lists', (_, name, body) => {
    fc.assert(
      fc.property(goodData(body), fc.constantFrom<unknown>([], [[]], [{}], null, 'x', 0, true), (data, item) => {
        const { errors } = validated(body, { ...data, [name]: [item] });
        expect(errors).toEqual([{ pointer: `/${name}/0`, detail: 'must be an object' }]);
      }),
      { numRuns: 30 },
    );
  });
});

function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const schema = Object.fromEntries(Object.entries(value).map(([name, each]) => [name, closed(each)]));
  return schema['type'] === 'object' && schema['properties'] ? { ...schema, additionalProperties: false } : schema;
}
