import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { breakingChanges, widenedPatterns, type Json, type Schema } from './schema-changes.js';

const text = { type: 'string' };
const whole = { type: 'integer' };
const object = (properties: Record<string, Json>, ...required: string[]): Schema => ({
  type: 'object',
  properties,
  ...(required.length > 0 ? { required } : {}),
});
const closed = (schema: Schema): Schema => ({ ...schema, additionalProperties: false });

type Row = readonly [what: string, before: Schema, after: Schema, changes?: readonly string[]];

const survived: Row[] = [
  ['a word about it', object({ a: text }), { ...object({ a: { ...text, description: 'New.' } }), title: 'T' }],
  ['a new optional field', object({ a: text }, 'a'), object({ a: text, b: whole }, 'a')],
  ['a new optional field within', object({ a: object({}) }), object({ a: object({ b: text }) })],
  ['fields in another order', object({ a: text, b: whole }, 'a', 'b'), object({ b: whole, a: text }, 'b', 'a')],
];
const broken: Row[] = [
  ['a field that is gone', object({ a: text, b: text }), object({ a: text }), ['/b is gone']],
  ['a field with another name', object({ a: text }), object({ b: text }), ['/a is gone']],
  ['another type', object({ a: text }), object({ a: whole }), ['/a is "integer" now, not "string"']],
  [
    'null besides',
    object({ a: text }),
    object({ a: { type: ['string', 'null'] } }),
    ['/a is ["string","null"] now, not "string"'],
  ],
  ['any type', object({ a: text }), object({ a: {} }), ['/a is nothing now, not "string"']],
  [
    'another type of items',
    { type: 'array', items: text },
    { type: 'array', items: whole },
    ['/[] is "integer" now, not "string"'],
  ],
  ['items of any kind', { type: 'array', items: text }, { type: 'array' }, ['The whole has other items']],
  ['a field within that is gone', object({ a: object({ b: text }) }), object({ a: object({}) }), ['/a/b is gone']],
  ['no further fields', object({}), closed(object({})), ['The whole refuses further fields now']],
  [
    'a map of other values',
    { type: 'object', additionalProperties: text },
    { type: 'object', additionalProperties: whole },
    ['/* is "integer" now, not "string"'],
  ],
  [
    'a map of anything',
    { type: 'object', additionalProperties: text },
    { type: 'object' },
    ['The whole has further fields of another form'],
  ],
  [
    'what is not compared',
    object({}),
    { ...object({}), if: true },
    ['The whole uses if, which cannot be compared yet'],
  ],
];

describe('a change of an event', () => {
  it.each<Row>([
    ...survived,
    ['a new word', { ...text, examples: ['a'] }, { ...text, examples: ['b', 'a'] }],
    ['further fields', closed(object({})), object({})],
  ])('is none that breaks anything: %s', (_, before, after) => {
    expect(breakingChanges('event', before, after)).toEqual([]);
  });

  it.each<Row>([
    ...broken,
    [
      'a new required field',
      object({}),
      object({ a: text }, 'a'),
      ['/a is new and required, but events in the log lack it'],
    ],
    [
      'a required field',
      object({ a: text }),
      object({ a: text }, 'a'),
      ['/a is now required, but events in the log may lack it'],
    ],
    [
      'an optional field',
      object({ a: text }, 'a'),
      object({ a: text }),
      ['/a is now optional, but readers count on it'],
    ],
    ['a word less', { ...text, examples: ['a', 'b'] }, { ...text, examples: ['a'] }, ['The whole no longer names "b"']],
    [
      'a word less of closed ones',
      { ...text, enum: ['a', 'b'] },
      { ...text, enum: ['a'] },
      ['The whole no longer names "b"'],
    ],
    [
      'another format',
      { ...text, format: 'date-time' },
      text,
      ['The whole has another format: "date-time" is now nothing'],
    ],
    ['another bound', whole, { ...whole, minimum: 1 }, ['The whole has another minimum: nothing is now 1']],
  ])('breaks with %s', (_, before, after, changes) => {
    expect(breakingChanges('event', before, after)).toEqual(changes);
  });
});

describe('a change of a command', () => {
  it.each<Row>([
    ...survived,
    ['a field that need not be sent any more', object({ a: text }, 'a'), object({ a: text })],
    ['a new word', { ...text, enum: ['a'] }, { ...text, enum: ['b', 'a'] }],
    ['any word', { ...text, enum: ['a'] }, text],
    ['longer texts', { ...text, minLength: 2, maxLength: 3 }, { ...text, minLength: 1, maxLength: 4 }],
    ['no bounds', { ...whole, minimum: 1, maximum: 9 }, whole],
    ['no pattern', { ...text, pattern: '^a$' }, text],
    ['other examples', { ...text, examples: ['a'] }, { ...text, examples: ['b'] }],
  ])('is none that breaks anything: %s', (_, before, after) => {
    expect(breakingChanges('command', before, after)).toEqual([]);
  });

  it.each<Row>([
    ...broken,
    [
      'a new required field',
      object({}),
      object({ a: text }, 'a'),
      ['/a is new and required, but senders do not know it'],
    ],
    [
      'a required field',
      object({ a: text }),
      object({ a: text }, 'a'),
      ['/a is now required, but senders may leave it out'],
    ],
    ['a word less', { ...text, enum: ['a', 'b'] }, { ...text, enum: ['b'] }, ['The whole no longer takes "a"']],
    ['some words only', text, { ...text, enum: ['a'] }, ['The whole takes only some words now']],
    [
      'shorter texts',
      { ...text, maxLength: 4 },
      { ...text, maxLength: 3 },
      ['The whole has a lower maxLength: 4 is now 3'],
    ],
    ['a length at least', text, { ...text, minLength: 1 }, ['The whole has a higher minLength: nothing is now 1']],
    [
      'a higher minimum',
      { ...whole, minimum: 0 },
      { ...whole, minimum: 1 },
      ['The whole has a higher minimum: 0 is now 1'],
    ],
    [
      'fewer items',
      { type: 'array', items: text },
      { type: 'array', items: text, maxItems: 9 },
      ['The whole has a lower maxItems: nothing is now 9'],
    ],
    [
      'another pattern',
      { ...text, pattern: '^a$' },
      { ...text, pattern: '^b$' },
      ['The whole asks for another pattern: "^a$" is now "^b$"'],
    ],
    [
      'items that differ',
      { type: 'array', items: text },
      { type: 'array', items: text, uniqueItems: true },
      ['The whole asks for another uniqueItems: nothing is now true'],
    ],
  ])('breaks with %s', (_, before, after, changes) => {
    expect(breakingChanges('command', before, after)).toEqual(changes);
  });
});

describe('schemas of any form', () => {
  const leaf = fc.constantFrom<Schema>(text, whole, { type: 'boolean' }, { ...text, examples: ['a', 'b'] });
  const anySchema = fc.letrec<{ schema: Schema; object: Schema }>((tie) => ({
    schema: fc.oneof({ maxDepth: 3 }, leaf, tie('object')),
    object: fc
      .dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.tuple(tie('schema'), fc.boolean()), { minKeys: 1 })
      .map((fields) =>
        object(
          Object.fromEntries(Object.entries(fields).map(([name, [schema]]) => [name, schema])),
          ...Object.entries(fields).flatMap(([name, [, required]]) => (required ? [name] : [])),
        ),
      ),
  })).object;

  it('break no reader by staying as they are', () => {
    fc.assert(
      fc.property(anySchema, (schema) => {
        expect(breakingChanges('event', schema, structuredClone(schema))).toEqual([]);
        expect(breakingChanges('command', schema, structuredClone(schema))).toEqual([]);
      }),
    );
  });

  it('break readers and senders by the loss of any field at any depth', () => {
    fc.assert(
      fc.property(anySchema, fc.nat(), (schema, pick) => {
        const paths = pathsOf(schema);
        const path = paths[pick % paths.length]!;
        const lost = without(schema, path);
        expect(breakingChanges('event', schema, lost)).toContain(`/${path.join('/')} is gone`);
        expect(breakingChanges('command', schema, lost)).toContain(`/${path.join('/')} is gone`);
      }),
    );
  });

  function pathsOf(schema: Schema): string[][] {
    const properties = (schema['properties'] ?? {}) as Record<string, Schema>;
    return Object.entries(properties).flatMap(([name, each]) => [
      [name],
      ...pathsOf(each).map((path) => [name, ...path]),
    ]);
  }

  function without(schema: Schema, [name, ...rest]: readonly string[]): Schema {
    const { [name!]: field, ...others } = schema['properties'] as Record<string, Schema>;
    if (rest.length > 0) return { ...schema, properties: { ...others, [name!]: without(field!, rest) } };
    const required = ((schema['required'] ?? []) as string[]).filter((each) => each !== name);
    return { ...schema, properties: others, required };
  }
});

describe('a pattern that was widened', () => {
  it.each(widenedPatterns.map(([before, after]) => [before, after] as const))('takes what %s took', (before, after) => {
    const [then, now] = [new RegExp(before, 'u'), new RegExp(after, 'u')];
    // Generators of texts do not look ahead.
    const near = fc.stringMatching(new RegExp(before.replace(/\(\?=[^)]*\)/, ''), 'u'));
    fc.assert(fc.property(near, (text) => !then.test(text) || now.test(text)));
    expect(breakingChanges('command', { type: 'string', pattern: before }, { type: 'string', pattern: after })).toEqual(
      [],
    );
    expect(
      breakingChanges('command', { type: 'string', pattern: after }, { type: 'string', pattern: before }),
    ).not.toEqual([]);
  });
});
