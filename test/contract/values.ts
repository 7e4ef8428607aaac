import fc from 'fast-check';
import { resolvedIn } from './document.js';
import type { Json, Schema } from './schema-changes.js';

// JSON by its schema: what a schema admits, and what it almost admits.

/** Takes a value of an arbitrary, by the seed. */
export type Draw = <T>(arbitrary: fc.Arbitrary<T>) => T;

/** True once in this many calls, on average. */
export function oneIn(draw: Draw, times: number): boolean {
  return draw(fc.integer({ min: 1, max: times })) === times;
}

export function pick<T>(draw: Draw, from: readonly T[]): T {
  return from[draw(fc.nat(from.length - 1))]!;
}

/** A value for a property, in place of what its schema alone would give; undefined to leave that to the schema. */
export type Meaning = (name: string) => Json | undefined;

const noMeaning: Meaning = () => undefined;

/** A value that the schema admits. Optional fields are there or not. */
export function validValue(draw: Draw, given: Schema, meaning: Meaning = noMeaning): Json {
  const schema = resolvedIn(given as Schema | { $ref: string }) as Schema;
  const any = (schema['oneOf'] ?? schema['anyOf']) as readonly Schema[] | undefined;
  if (any) return validValue(draw, pick(draw, any), meaning);
  const all = schema['allOf'] as readonly Schema[] | undefined;
  if (all) return validValue(draw, all[0]!, meaning);
  if (schema['const'] !== undefined) return schema['const'];
  const words = schema['enum'] as readonly Json[] | undefined;
  if (words) return pick(draw, words);
  const type = [schema['type']].flat()[0];
  switch (type) {
    case 'object':
      return validObject(draw, schema, meaning);
    case 'array': {
      const [min, max] = [numberOf(schema['minItems'], 0), numberOf(schema['maxItems'], 5)];
      const length = draw(fc.integer({ min, max: Math.min(max, min + 3) }));
      const items = Array.from({ length }, () => validValue(draw, schema['items'] as Schema, meaning));
      return schema['uniqueItems'] === true ? distinct(items) : items;
    }
    case 'integer':
    case 'number':
      return draw(
        fc.oneof(
          fc.integer({ min: numberOf(schema['minimum'], 0), max: Math.min(numberOf(schema['maximum'], 100), 100) }),
          fc.constantFrom(numberOf(schema['minimum'], 0), numberOf(schema['maximum'], 100)),
        ),
      );
    case 'boolean':
      return draw(fc.boolean());
    case 'null':
      return null;
    default:
      return validText(draw, schema);
  }
}

function validObject(draw: Draw, schema: Schema, meaning: Meaning): Json {
  const required = new Set((schema['required'] ?? []) as readonly string[]);
  const made: Record<string, Json> = {};
  for (const [name, field] of Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)) {
    if (!required.has(name) && !oneIn(draw, 3)) continue;
    made[name] = meaning(name) ?? validValue(draw, field, meaning);
  }
  return made;
}

const times = fc
  .date({ min: new Date('2000-01-01T00:00:00Z'), max: new Date('2030-01-01T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString());

function withOffset(time: string): string {
  return time.replace('.000Z', '+02:00').replace(/\.\d+Z$/, '-11:30');
}

function validText(draw: Draw, schema: Schema): string {
  if (schema['format'] === 'uuid')
    return draw(
      fc.oneof(
        fc.uuid(),
        fc.uuid().map((id) => id.toUpperCase()),
      ),
    );
  if (schema['format'] === 'date') return draw(times).slice(0, 10);
  if (schema['format'] === 'date-time') return draw(fc.oneof(times, times.map(withOffset)));
  const [min, max] = [numberOf(schema['minLength'], 0), numberOf(schema['maxLength'], 40)];
  const text = draw(fc.oneof(plainText(min, max), wideText(min, max)));
  const pattern = schema['pattern'];
  if (typeof pattern !== 'string') return text;
  const matching = new RegExp(pattern, 'u');
  if (matching.test(text)) return text;
  // Generators of texts do not look ahead.
  const near = fc.stringMatching(new RegExp(pattern.replace(/\(\?=[^)]*\)/, ''), 'u'));
  const longest = numberOf(schema['maxLength'], Infinity);
  return draw(near.filter((each) => matching.test(each) && [...each].length <= longest));
}

function plainText(min: number, max: number): fc.Arbitrary<string> {
  return fc.string({ minLength: min, maxLength: Math.min(max, min + 20), unit: 'grapheme-ascii' });
}

/** Up to the bound, in any script. */
function wideText(min: number, max: number): fc.Arbitrary<string> {
  return fc.oneof(
    fc.string({ minLength: min, maxLength: Math.min(max, min + 40), unit: 'binary' }),
    fc.constant('é'.repeat(max)),
    fc.constant('𠀋'.repeat(max)),
  );
}

/** Something else where the value has its place, so that the whole is no longer what it was. */
export function mutated(draw: Draw, value: Json, schema: Schema): Json {
  const paths = pathsIn(value);
  const path = pick(draw, paths);
  return changedAt(value, path, (at) => odd(draw, at, schema));
}

const oddTexts = [
  '',
  ' ',
  '\u0000',
  'a\u0007b',
  '\u2028',
  '-',
  '../..',
  'x'.repeat(65),
  'x'.repeat(5000),
  '2026-02-30T00:00:00Z',
  '2026-11-22',
  '99999-01-01T00:00:00Z',
  '9999-12-31T23:59:59-23:59',
  '00000000-0000-0000-0000-000000000000',
  'toString',
  'null',
  '𝒳'.repeat(1001),
];
const oddNumbers = [-1, 0, 0.5, 1e15, 2 ** 53, -0, 1e300, Number.MAX_SAFE_INTEGER];

function odd(draw: Draw, value: Json, schema: Schema): Json | undefined {
  const kinds: (() => Json | undefined)[] = [
    () => undefined,
    () => null,
    () => pick(draw, oddTexts),
    () => pick(draw, oddNumbers),
    () => draw(fc.boolean()),
    () => [],
    () => [value],
    () => ({}),
    () => ({ ...(isObject(value) ? value : {}), [pick(draw, oddNames)]: pick(draw, ['x', 1, null]) }),
    () => (Array.isArray(value) ? [...(value as Json[]), ...(value as Json[])] : validValue(draw, schema)),
    () => deep(draw(fc.integer({ min: 2, max: 40 }))),
    () => draw(fc.jsonValue()) as Json,
  ];
  return pick(draw, kinds)();
}

const oddNames = ['unknown', '__proto__', 'constructor', 'toString', '', 'Name', 'dryRun', 'comment'];

function deep(levels: number): Json {
  return levels === 0 ? 'bottom' : { a: deep(levels - 1) };
}

type Path = readonly (string | number)[];

function pathsIn(value: Json): Path[] {
  if (Array.isArray(value))
    return [[], ...(value as Json[]).flatMap((each, index) => pathsIn(each).map((path) => [index, ...path]))];
  if (isObject(value))
    return [[], ...Object.entries(value).flatMap(([name, each]) => pathsIn(each).map((path) => [name, ...path]))];
  return [[]];
}

function changedAt(value: Json, [first, ...rest]: Path, change: (at: Json) => Json | undefined): Json {
  if (first === undefined) return change(value) ?? null;
  const entries = Object.entries(value as Record<string, Json>);
  const changed = entries.flatMap(([name, each]): [string, Json][] => {
    if (name !== String(first)) return [[name, each]];
    if (rest.length > 0) return [[name, changedAt(each, rest, change)]];
    const other = change(each);
    return other === undefined ? [] : [[name, other]];
  });
  return Array.isArray(value) ? changed.map(([, each]) => each) : withOwn(changed);
}

/** As data that came as JSON has them: `__proto__` is a field like any other. */
function withOwn(entries: readonly (readonly [string, Json])[]): Json {
  const made = {} as Record<string, Json>;
  for (const [name, value] of entries)
    Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true });
  return made;
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function distinct(items: readonly Json[]): Json[] {
  return [...new Map(items.map((item) => [JSON.stringify(item).toLowerCase(), item])).values()];
}

function numberOf(value: Json | undefined, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
