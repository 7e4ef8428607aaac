import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compiled, fieldsOfClass, judged, type FieldFacts, type FieldsClass } from '#http';
import { Condition } from '../condition.js';
import type { Ledger } from '../ledger.js';
import { ServerModule } from '../server.module.js';

/** Every class that judges a body or a query, as the routes declare them. */
const classes = [
  ...new Set(
    (ServerModule.serving({} as Ledger, new Condition(), { viewLagSeconds: 1 }).controllers ?? []).flatMap(
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

/** Good data, and good data with one thing about it changed: a value, a field too few, a field too many. */
function dataOf(type: FieldsClass): fc.Arbitrary<object> {
  const names = [...fieldsOfClass(type).keys()];
  const name = fc.constantFrom(...names);
  const changed = fc.tuple(goodData(type), name, junk).map(([data, at, value]) => ({ ...data, [at]: value }));
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
    lacking,
    strange,
    junk.map((value) => value as object),
  );
}

describe('the classes of bodies and queries', () => {
  it('are found at the routes', () => {
    const names = classes.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['PurchaseSoftwareBody', 'CommentedBody', 'PartnerItemParameters']));
    expect(names.length).toBeGreaterThan(30);
    // Two of one name would be one schema in the document.
    expect(new Set(names).size).toBe(names.length);
  });

  // The compiled form is a second opinion on the way of every command, so it may never be another one.
  it.each(classes.map((type) => [type.name, type] as const))(
    '%s: the compiled form and class-validator say the same',
    (_, type) => {
      let taken = 0;
      fc.assert(
        fc.property(dataOf(type), (data) => {
          const { value } = judged(type, data);
          expect(compiled(type)(data)).toEqual(value);
          if (value) taken++;
        }),
        { numRuns: 150 },
      );
      // A property of refusals alone would say nothing of what is let through.
      expect(taken).toBeGreaterThan(10);
    },
  );
});
