import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Problem } from './problem.js';
import { parseJsonBody } from './strict-json.js';

const parse = (text: string | Buffer) => parseJsonBody(Buffer.from(text), 4);
const refusal = (text: string | Buffer) => {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof Problem) return { status: error.status, detail: error.members.errors?.[0]?.detail };
    throw error;
  }
  return undefined;
};

describe('a body', () => {
  it('is one JSON object; no body at all is an empty one', () => {
    expect(parse('{"a":[1,{"b":"}\\"{"}]}')).toEqual({ a: [1, { b: '}"{' }] });
    expect(parse('')).toEqual({});
    expect(parse('\ufeff{"a":1}')).toEqual({ a: 1 });
    expect(parse('\ufeff')).toEqual({});
  });

  it.each([
    '[]',
    '"text"',
    '1',
    'null',
    'true',
    '{',
    '{"a":1,}',
    "{'a':1}",
    '{"a":1}{}',
    '\ufeff\ufeff{}',
    '{}\ufeff',
    '{"a":NaN}',
    '\0',
  ])('is not %j', (text) => {
    expect(refusal(text)).toMatchObject({ status: 400 });
  });

  it('is UTF-8, not something that is made into it', () => {
    expect(refusal(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))?.detail).toBe('The body is not UTF-8');
  });

  it('says each thing once in an object', () => {
    expect(refusal('{"a":1,"a":2}')?.detail).toBe('The body has a field twice in one object: "a"');
    // The same name, spelt otherwise.
    expect(refusal('{"a":1,"\\u0061":2}')?.detail).toBe('The body has a field twice in one object: "a"');
    expect(refusal('{"a":{"b":1,"b":1}}')).toBeDefined();
    expect(parse('{"a":{"b":1},"c":{"b":"a"},"d":["a","a"]}')).toEqual({ a: { b: 1 }, c: { b: 'a' }, d: ['a', 'a'] });
  });

  it.each(['__proto__', 'constructor', 'toString', '\\u005f_proto__'])(
    'has no field %s, which every object has',
    (name) => {
      expect(refusal(`{"${name}":{}}`)).toMatchObject({ status: 400 });
      expect(refusal(`{"a":[{"${name}" : 1}]}`)).toMatchObject({ status: 400 });
    },
  );

  it('is no deeper than it may be', () => {
    expect(parse('{"a":[[[]]]}')).toEqual({ a: [[[]]] });
    expect(refusal('{"a":[[[[]]]]}')?.detail).toBe('The body is nested deeper than 4 levels');
    expect(refusal(`{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`)).toMatchObject({ status: 400 });
  });

  it('reads as JSON.parse reads it, whatever is in it', () => {
    const bodies = fc
      .dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }))
      .filter(
        (body) =>
          !/__proto__|constructor|toString|valueOf|toLocaleString|hasOwnProperty|isPrototypeOf|propertyIsEnumerable|__(define|lookup)/.test(
            JSON.stringify(body),
          ),
      );
    fc.assert(
      fc.property(bodies, fc.constantFrom(undefined, 1, '\t'), (body, space) => {
        const text = JSON.stringify(body, null, space);
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });
});
