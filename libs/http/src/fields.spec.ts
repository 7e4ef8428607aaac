import { describe, expect, it } from '@jest/globals';
import { Matches, validateSync } from 'class-validator';
import {
  Flag,
  FlagText,
  Guid,
  instantOf,
  ItemId,
  ListOf,
  ListText,
  MoneyAmount,
  Nested,
  OneOf,
  Optional,
  PrincipalId,
  Text,
  Time,
  Whole,
  WholeText,
  type Field,
} from './fields.js';
import { formerFormOf, validated } from './validated.js';

/** A class with one field, and what becomes of a value in it. */
function fieldOf(field: Field) {
  class Fields {
    @field value!: unknown;
  }
  return (value: unknown) => {
    const data = value === undefined ? {} : { value };
    const verdict = validated(Fields, data);
    return verdict.errors
      ? verdict.errors.map(({ pointer, detail }) => `${pointer} ${detail}`)
      : (verdict.value as { value?: unknown }).value;
  };
}

const guid = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';
const accepted: [string, Field, unknown, unknown][] = [
  ['text', Text(5), 'a b', 'a b'],
  ['text, kept as it is', Text(5), ' a ', ' a '],
  ['text of as many characters, not code units', Text(2), '😀😀', '😀😀'],
  ['lines where they are allowed', Text(5, { lines: true }), 'a\n\tb', 'a\n\tb'],
  ['lines as Windows and old machines end them', Text(7, { lines: true }), 'a\r\nb\rc\r\r\n', 'a\nb\nc\n\n'],
  ['as much text with longer line ends', Text(3, { lines: true }), 'a\r\nb', 'a\nb'],
  ['text with a byte order mark before it', Text(5), '\ufeffabcde', 'abcde'],
  ['text between invisible characters', Text(5), '\u200babcde\u2060\u200b', 'abcde'],
  ['text with invisible characters in it, as it was written', Text(5), 'a\u200bb', 'a\u200bb'],
  ['null where nothing would do', Optional(Text(5)), null, undefined],
  ['a GUID in any case', Guid(), guid.toUpperCase(), guid],
  ['an id', ItemId(), 'Sub_1.a-B', 'Sub_1.a-B'],
  ['an id that is a GUID', ItemId(), guid.toUpperCase(), guid],
  ['a principal', PrincipalId(), 'user@contoso', 'user@contoso'],
  ['a word', OneOf(['a', 'b']), 'b', 'b'],
  ['a whole number', Whole(0, 5), 5, 5],
  ['minus zero, which is zero', Whole(0, 5), -0, 0],
  ['a flag', Flag(), false, false],
  ['a time', Time(), '2026-11-22T16:00:00Z', '2026-11-22T16:00:00.000Z'],
  ['a time elsewhere', Time(), '2026-11-22T01:00:00.1234+02:00', '2026-11-21T23:00:00.123Z'],
  ['a time of any precision, cut off', Time(), `2026-11-22T16:00:00.${'9'.repeat(60)}Z`, '2026-11-22T16:00:00.999Z'],
  ['a time before 1970, cut off likewise', Time(), '1969-12-31T23:59:59.9999Z', '1969-12-31T23:59:59.999Z'],
  ['a leap second, which stays in its day', Time(), '2016-12-31T23:59:60Z', '2016-12-31T23:59:59.999Z'],
  ['a part of a leap second', Time(), '2016-12-31t23:59:60.25z', '2016-12-31T23:59:59.999Z'],
  ['a leap second elsewhere', Time(), '2016-12-31T15:59:60-08:00', '2016-12-31T23:59:59.999Z'],
  ['29 February of a leap year', Time(), '2024-02-29t00:00:00z', '2024-02-29T00:00:00.000Z'],
  ['money', MoneyAmount(), { minorUnits: 0, currency: 'EUR' }, { minorUnits: 0, currency: 'EUR' }],
  [
    'money in a currency that is younger',
    MoneyAmount(),
    { minorUnits: 1, currency: 'XCG' },
    { minorUnits: 1, currency: 'XCG' },
  ],
  ['a list', ListOf(Guid(), 1, 2), [guid.toUpperCase()], [guid]],
  ['a list in a query', ListText(Guid(), 2), `${guid.toUpperCase()},${guid}`, [guid]],
  ['nothing where it is optional', Optional(Text(5)), undefined, undefined],
  ['a number in a query', WholeText(1, 200), '200', 200],
  ['a flag in a query', FlagText(), 'true', true],
];
const refused: [string, Field, unknown][] = [
  ['no text', Text(5), ''],
  ['blank text', Text(5), ' \u00a0 '],
  ['too much text', Text(5), 'abcdef'],
  ['a number for text', Text(5), 5],
  ['a null character', Text(5), 'a\0b'],
  ['a line break', Text(5), 'a\nb'],
  ['a line separator', Text(5), 'a\u2028b'],
  ['an escape where lines are allowed', Text(5, { lines: true }), 'a\u001bb'],
  ['half a character', Text(5), 'a\ud800'],
  ['null', Text(5), null],
  ['a zero-width space for a name', Text(5), '\u200b'],
  ['marks on nothing', Text(5), '\u0301\u0308'],
  ['spaces between invisible characters', Text(5), '\ufeff \u2800'],
  ['invisible lines', Text(5, { lines: true }), '\u200b\r\n\u200b'],
  ['a line end of Windows in a name', Text(5), 'a\r\nb'],
  ['boxed text', Text(5), Object('abc')],
  ['a boxed number', Whole(0, 5), Object(5)],
  ['no number', Whole(0, 5), NaN],
  ['a number beyond all', Whole(0, 5), Number('1e400')],
  ['a number that is not exact any more', Whole(0, Number.MAX_SAFE_INTEGER), 2 ** 53],
  ['nothing', Text(5), undefined],
  ['half a GUID', Guid(), guid.slice(1)],
  ['a GUID in braces', Guid(), `{${guid}}`],
  ['an id with a slash', ItemId(), 'a/b'],
  ['an id that starts with a dot', ItemId(), '.a'],
  ['an id that is too long', ItemId(), 'a'.repeat(65)],
  ['an id with a line break after it', ItemId(), 'a\n'],
  ['an unknown word', OneOf(['a', 'b']), 'c'],
  ['a word of every object', OneOf(['a', 'b']), 'constructor'],
  ['a fraction', Whole(0, 5), 1.5],
  ['a number as text', Whole(0, 5), '5'],
  ['a number beyond the bound', Whole(0, 5), 6],
  ['text for a flag', Flag(), 'true'],
  ['a date', Time(), '2026-11-22'],
  ['a time without a zone', Time(), '2026-11-22T16:00:00'],
  ['30 February', Time(), '2026-02-30T00:00:00Z'],
  ['29 February of another year', Time(), '2026-02-29T00:00:00Z'],
  ['24 o’clock', Time(), '2026-11-22T24:00:00Z'],
  ['a leap second in the middle of a day', Time(), '2026-11-22T12:30:60Z'],
  ['a leap second elsewhere that is none in UTC', Time(), '2016-12-31T23:59:60+01:00'],
  ['a second 61', Time(), '2016-12-31T23:59:61Z'],
  ['a fraction without digits', Time(), '2026-11-22T16:00:00.Z'],
  ['a time beyond the years of four digits', Time(), '9999-12-31T23:59:59-01:00'],
  ['milliseconds since 1970', Time(), 1_795_365_632_000],
  ['money in a currency of no such form', MoneyAmount(), { minorUnits: 1, currency: 'eur' }],
  ['money in a currency that is none', MoneyAmount(), { minorUnits: 1, currency: 'ZZZ' }],
  ['money in a currency that has gone', MoneyAmount(), { minorUnits: 1, currency: 'DEM' }],
  ['money in a currency that has gone lately', MoneyAmount(), { minorUnits: 1, currency: 'HRK' }],
  ['money in no currency', MoneyAmount(), { minorUnits: 1, currency: 'XXX' }],
  ['half a minor unit', MoneyAmount(), { minorUnits: 0.5, currency: 'EUR' }],
  ['money with something else', MoneyAmount(), { minorUnits: 1, currency: 'EUR', rate: 2 }],
  ['a list for an object', MoneyAmount(), [{ minorUnits: 1, currency: 'EUR' }]],
  ['text for an object', MoneyAmount(), 'EUR 1'],
  ['boxed text for an object', MoneyAmount(), Object('EUR')],
  ['an empty list for an object', MoneyAmount(), []],
  ['a list with a hole', ListOf(Guid(), 1, 2), Object.assign([guid], { length: 2 })],
  ['null in a list', ListOf(Guid(), 1, 2), [null]],
  ['a list in a list', ListOf(Guid(), 1, 2), [[guid]]],
  ['too short a list', ListOf(Guid(), 1, 2), []],
  ['the same twice, in other case', ListOf(Guid(), 1, 2), [guid, guid.toUpperCase()]],
  ['an object for a list', ListOf(Guid(), 1, 2), { 0: guid, length: 1 }],
  ['one wrong item', ListOf(Guid(), 1, 2), [guid, 'x']],
  ['a number in a query that is not one', WholeText(1, 200), '1e2'],
  ['a number in a query with a zero before it', WholeText(1, 200), '01'],
];

describe('a field takes', () => {
  it.each(accepted)('%s', (_, field, value, normalised) => {
    expect(fieldOf(field)(value)).toEqual(normalised);
  });

  it.each(accepted)('%s, as class-validator does', (_, field, value) => {
    class Fields {
      @field value!: unknown;
    }
    expect(validateSync(Object.assign(new Fields(), { value }), { forbidUnknownValues: false })).toEqual([]);
  });
});

describe('a field refuses', () => {
  it.each(refused)('%s', (_, field, value) => {
    expect(fieldOf(field)(value)).toEqual([expect.stringMatching(/^\/value/)]);
  });
});

describe('a class of fields', () => {
  class Line {
    @ItemId() id!: string;
    @Optional(Whole(1, 9)) quantity?: number;
  }
  class Order {
    @Text(10) name!: string;
    @ListOf(Nested(Line), 1, 2) lines!: Line[];
    @Optional(Nested(Line)) extra?: Line;
  }
  class Gift extends Order {
    @Flag() wrapped!: boolean;
  }
  const order = { name: 'x', lines: [{ id: 'a', quantity: 1 }, { id: 'b' }] };

  it('takes what fits, with the fields of the class that it extends', () => {
    expect(validated(Order, order)).toEqual({ value: order });
    expect(validated(Gift, { ...order, wrapped: true })).toEqual({ value: { ...order, wrapped: true } });
  });

  it('names every fault at its place', () => {
    const verdict = validated(Gift, { name: '', lines: [{ id: '' }, 5], extra: { id: 'a', 'b/c': 1 }, colour: 'red' });
    expect(verdict.errors?.map(({ pointer }) => pointer).sort()).toEqual([
      '/colour',
      '/extra/b~1c',
      '/lines/0/id',
      '/lines/1',
      '/name',
      '/wrapped',
    ]);
    expect(verdict.errors).toContainEqual({ pointer: '/colour', detail: 'is not known here' });
    expect(verdict.errors).toContainEqual({ pointer: '/wrapped', detail: 'is required' });
  });

  it.each<[what: string, item: unknown]>([
    ['a list', []],
    ['a list of lists', [[]]],
    ['a list of what it should be', [{ id: 'a' }]],
    ['null', null],
    ['text', 'a'],
    ['boxed text', Object('')],
    ['a time', new Date(0)],
    ['a map', new Map()],
  ])('has objects in a list of objects, not %s', (_, item) => {
    const errors = [{ pointer: '/lines/0', detail: 'must be an object' }];
    expect(validated(Order, { name: 'x', lines: [item] }).errors).toEqual(errors);
  });

  it('has no holes in a list of objects', () => {
    expect(validated(Order, { name: 'x', lines: Object.assign([{ id: 'a' }], { length: 2 }) }).errors).toEqual([
      { pointer: '/lines/1', detail: 'must be an object' },
    ]);
  });

  it('takes null as absent in optional fields, at any depth, and in no others', () => {
    const given = { name: 'x', lines: [{ id: 'a', quantity: null }], extra: null };
    expect(validated(Order, given)).toEqual({ value: { name: 'x', lines: [{ id: 'a' }] } });
    expect(
      validated(Order, { ...given, name: null, lines: [{ id: null }] }).errors?.map(({ pointer }) => pointer),
    ).toEqual(['/name', '/lines/0/id']);
    expect(validated(Order, { ...given, colour: null }).errors).toEqual([
      { pointer: '/colour', detail: 'is not known here' },
    ]);
  });

  it('with other decorators of class-validator is judged by them as well, at any depth', () => {
    class Coloured {
      @Text(10) @Matches(/^(red|blue)$/, { message: 'must be red or blue' }) colour!: string;
    }
    class Painted {
      @Text(10) name!: string;
      @ListOf(Nested(Coloured), 1, 2) parts!: Coloured[];
    }
    const painted = (colour: string) => validated(Painted, { name: 'x', parts: [{ colour: 'red' }, { colour }] });
    expect(painted('blue').value).toEqual({ name: 'x', parts: [{ colour: 'red' }, { colour: 'blue' }] });
    expect(painted('green').errors).toEqual([{ pointer: '/parts/1/colour', detail: 'must be red or blue' }]);
  });

  it('does not accept a property that has only decorators of class-validator', () => {
    class Undocumented {
      @Matches(/./) colour!: string;
    }
    expect(validated(Undocumented, { colour: 'red' }).errors).toEqual([
      { pointer: '/colour', detail: 'is not known here' },
    ]);
  });

  it('remembers the form of earlier releases, where it differed', () => {
    const before = { name: '\u200bx\ufeff', lines: [{ id: 'a' }] };
    const { value } = validated(Order, before);
    expect(value).toEqual({ name: 'x', lines: [{ id: 'a' }] });
    expect(formerFormOf(value!)).toEqual(before);
    expect(formerFormOf(validated(Order, order).value!)).toBeUndefined();
  });

  it.each(['toString', 'constructor', '__proto__'])('does not know %s, although every object has it', (name) => {
    const data = JSON.parse(`{"name":"x","lines":[{"id":"a"}],"${name}":1}`) as object;
    expect(validated(Order, data).errors).toEqual([{ pointer: `/${name}`, detail: 'is not known here' }]);
    const below = JSON.parse(`{"name":"x","lines":[{"id":"a","${name}":1}]}`) as object;
    expect(validated(Order, below).errors).toEqual([{ pointer: `/lines/0/${name}`, detail: 'is not known here' }]);
  });

  it('may have no field at all, and then takes nothing', () => {
    class Nothing {}
    expect(validated(Nothing, {})).toEqual({ value: {} });
    expect(validated(Nothing, { a: 1 }).errors).toEqual([{ pointer: '/a', detail: 'is not known here' }]);
  });

  it.each([[null], [undefined], [5], ['x'], [[]]])('is an object, not %j', (data) => {
    expect(validated(Order, data).errors).toEqual([{ pointer: '', detail: 'must be an object' }]);
  });
});

describe('an instant', () => {
  it('sorts as text as it does in time', () => {
    const times = [
      '2026-11-22T16:00:00Z',
      '2026-11-22T16:00:00.5Z',
      '2026-11-22T17:00:00+02:00',
      '0001-01-01T00:00:00Z',
    ];
    const instants = times.map((time) => instantOf(time)!);
    expect([...instants].sort()).toEqual([...instants].sort((a, b) => Date.parse(a) - Date.parse(b)));
  });
});
