import { isVisible, withoutInvisibleEnds } from '#customer-relationship';
import { ApiProperty } from '@nestjs/swagger';
import { getMetadataStorage, ValidateBy, ValidateIf, ValidateNested } from 'class-validator';
import { currencies } from './currencies.js';

// The vocabulary of request bodies and queries. Each decorator declares a field for class-validator and for the OpenAPI
// document alike. Requests are judged by the same functions in validated.ts, without the cost of class-validator.

export type FieldsClass<T extends object = object> = abstract new () => T;

/** A JSON Schema, as far as fields need one. */
type FieldSchema = Readonly<Record<string, unknown>>;

export interface Kind {
  readonly name: string;
  readonly accepts: (value: unknown) => boolean;
  /** What is expected, as the end of a sentence about the field. */
  readonly message: string;
  readonly schema: FieldSchema;
  /** Gives values of one meaning one spelling. It is called with accepted values only. */
  readonly normalise?: (value: never) => unknown;
  /** Earlier releases did not normalise it: they made fingerprints of commands from the text as the caller wrote it. */
  readonly wasKeptAsIs?: boolean;
  /** The class of the object, or of each item of the list. */
  readonly nested?: FieldsClass;
  readonly list?: boolean;
  /** The kind of each item in a list of values. */
  readonly item?: Kind;
}

/** A property decorator that can be made optional or into a list. */
export type Field = PropertyDecorator & { readonly kind: Kind };

export interface FieldFacts {
  readonly kind: Kind;
  readonly optional: boolean;
}

const fieldsOf = new WeakMap<object, Map<string, FieldFacts>>();
const known = new WeakMap<FieldsClass, ReadonlyMap<string, FieldFacts>>();

/** The fields of a class with those of the classes that it extends, in order of declaration. */
export function fieldsOfClass(fields: FieldsClass): ReadonlyMap<string, FieldFacts> {
  let facts = known.get(fields);
  if (!facts) known.set(fields, (facts = declaredIn(fields)));
  return facts;
}

function declaredIn(fields: FieldsClass): ReadonlyMap<string, FieldFacts> {
  const chain: Map<string, FieldFacts>[] = [];
  for (let at: object | null = fields.prototype as object; at; at = Object.getPrototypeOf(at) as object | null) {
    const own = fieldsOf.get(at);
    if (own) chain.unshift(own);
  }
  return new Map(chain.flatMap((own) => [...own]));
}

/** Marks what these decorators have registered with class-validator. */
const ofThisVocabulary = { context: Symbol('of this vocabulary') };
const judgedBesides = new WeakMap<FieldsClass, boolean>();

/** Whether a class has other decorators of class-validator besides these: then class-validator must judge it too. */
export function hasOtherDecorators(fields: FieldsClass): boolean {
  let has = judgedBesides.get(fields);
  if (has === undefined) {
    const all = getMetadataStorage().getTargetValidationMetadatas(fields, '', false, false);
    judgedBesides.set(fields, (has = all.some(({ context }) => context !== ofThisVocabulary.context)));
  }
  return has;
}

function field(kind: Kind, optional = false): Field {
  const decorate = (target: object, property: string | symbol) => {
    const own = fieldsOf.get(target) ?? new Map<string, FieldFacts>();
    fieldsOf.set(target, own.set(String(property), { kind, optional }));
    if (optional) ValidateIf((_, value) => value !== undefined && value !== null, ofThisVocabulary)(target, property);
    const validator = { validate: kind.accepts, defaultMessage: () => kind.message };
    ValidateBy({ name: kind.name, validator }, ofThisVocabulary)(target, property);
    if (kind.nested) ValidateNested(ofThisVocabulary)(target, property);
    ApiProperty({ ...documented(kind), required: !optional })(target, property);
  };
  return Object.assign(decorate, { kind });
}

function documented({ schema, nested, list }: Kind): object {
  return nested ? { ...schema, type: nested, isArray: list ?? false } : schema;
}

/** The field may be absent; null counts as absent. */
export function Optional({ kind }: Field): Field {
  return field(kind, true);
}

/** `min` to `max` items, all different. */
export function ListOf({ kind: item }: Field, min: number, max: number): Field {
  const bounded = (value: unknown): value is unknown[] =>
    Array.isArray(value) && value.length >= min && value.length <= max;
  const plural = `must be a list of ${min} to ${max} items`;
  if (item.nested)
    return field({
      name: 'list',
      accepts: bounded,
      message: plural,
      schema: { minItems: min, maxItems: max },
      nested: item.nested,
      list: true,
    });
  return field({
    name: 'list',
    // Array.from, because `every` would skip holes.
    accepts: (value) => bounded(value) && Array.from(value).every(item.accepts) && allDifferent(value, item),
    message: `${plural}, all different, of which each ${item.message}`,
    schema: { type: 'array', items: item.schema, minItems: min, maxItems: max, uniqueItems: true },
    list: true,
    item,
  });
}

function allDifferent(values: readonly unknown[], item: Kind): boolean {
  if (values.length < 2) return true;
  return (
    new Set(values.map((value) => (item.normalise ? item.normalise(value as never) : value))).size === values.length
  );
}

/** An object with the fields of a class. */
export function Nested(nested: FieldsClass): Field {
  return field({
    name: 'object',
    accepts: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    message: 'must be an object',
    schema: {},
    nested,
  });
}

// eslint-disable-next-line no-control-regex -- control characters are what it refuses
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
// eslint-disable-next-line no-control-regex -- control characters are what it refuses
const controlButLines = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

// The same rules for JSON Schema, in the syntax that regular expressions of all languages share. They do not check for
// lone surrogates. The document says in words that text of only invisible characters is blank.
const without = (characters: string) => `^[^${characters}]*[^\\s${characters}][^${characters}]*$`;
const textInOneLine = without('\\x00-\\x1f\\x7f-\\x9f\u2028\u2029');
const textWithLines = without('\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f');

/**
 * Text of 1 to `max` characters that is not blank: well-formed Unicode without control characters. It is kept as
 * written, except that invisible characters at its ends are removed and CRLF and CR become line feeds.
 */
export function Text(max: number, { lines = false }: { readonly lines?: boolean } = {}): Field {
  const forbidden = lines ? controlButLines : control;
  const normalise = (value: string) => {
    const kept = withoutInvisibleEnds(value);
    return lines && kept.includes('\r') ? kept.replace(/\r\n?/g, '\n') : kept;
  };
  return field({
    name: 'text',
    accepts(value) {
      if (typeof value !== 'string' || forbidden.test(value) || !value.isWellFormed()) return false;
      const kept = normalise(value);
      return kept.length <= 2 * max && (kept.length <= max || [...kept].length <= max) && isVisible(kept);
    },
    normalise,
    wasKeptAsIs: true,
    message: `must be text of 1 to ${max} characters, not blank, without control characters`,
    schema: { type: 'string', minLength: 1, maxLength: max, pattern: lines ? textWithLines : textInOneLine },
  });
}

const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const lowerCaseGuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isGuid(value: unknown): value is string {
  return typeof value === 'string' && guid.test(value);
}

/** A GUID in any case; lower-cased. */
export function Guid(): Field {
  return field({
    name: 'guid',
    accepts: isGuid,
    message: 'must be a GUID',
    schema: { type: 'string', format: 'uuid', example: '6f9619ff-8b86-4d01-b42d-00cf4fc964ff' },
    normalise: (value: string) => value.toLowerCase(),
  });
}

const itemId = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export function isItemId(value: unknown): value is string {
  return typeof value === 'string' && itemId.test(value);
}

/** Ids are compared as they are; only GUIDs are lower-cased, as their case has no meaning. */
export function normalItemId(id: string): string {
  return guid.test(id) && !lowerCaseGuid.test(id) ? id.toLowerCase() : id;
}

/** An id of 1 to 64 letters, digits, dots, dashes and underscores; one that looks like a GUID is lower-cased. */
export function ItemId(example = 'sub-0001'): Field {
  return field({
    name: 'itemId',
    accepts: isItemId,
    message: 'must be an id of 1 to 64 letters, digits, ".", "_" or "-", starting with a letter or digit',
    schema: { type: 'string', pattern: itemId.source, example },
    normalise: normalItemId,
  });
}

const principalId = /^[\x21-\x7e]{1,128}$/;

/** The id of a person or program: 1 to 128 visible ASCII characters; a GUID is lower-cased, as in tokens. */
export function PrincipalId(): Field {
  return field({
    name: 'principalId',
    accepts: (value) => typeof value === 'string' && principalId.test(value),
    message: 'must be the id of a user or app: 1 to 128 visible ASCII characters',
    schema: { type: 'string', pattern: principalId.source, example: '5f1e9a3c-1d5b-4a6e-9b7f-2c3d4e5f6a7b' },
    normalise: normalItemId,
  });
}

/** One of a list of words. Enumerations in answers are open to new words; those in requests are closed. */
export function OneOf(words: readonly string[]): Field {
  const known = new Set<unknown>(words);
  return field({
    name: 'oneOf',
    accepts: (value) => known.has(value),
    message: `must be one of ${words.join(', ')}`,
    schema: { type: 'string', enum: [...words] },
  });
}

/** Text that a pattern describes; `what` ends the sentence "must be". */
export function Matching(pattern: RegExp, what: string, example: string): Field {
  return field({
    name: 'matching',
    accepts: (value) => typeof value === 'string' && pattern.test(value),
    message: `must be ${what}`,
    schema: { type: 'string', pattern: pattern.source, example },
  });
}

/** A whole number from `min` to `max`, both inclusive. */
export function Whole(min: number, max: number): Field {
  return field({
    name: 'whole',
    accepts: (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
    message: `must be a whole number from ${min} to ${max}`,
    schema: { type: 'integer', minimum: min, maximum: max },
    // JSON has -0; canonical JSON does not.
    normalise: (value: number) => value + 0,
  });
}

export function Flag(): Field {
  return field({
    name: 'flag',
    accepts: (value) => typeof value === 'boolean',
    message: 'must be true or false',
    schema: { type: 'boolean' },
  });
}

const rfc3339 =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(\d{2}))T((?:[01]\d|2[0-3]):[0-5]\d):([0-5]\d|60)(?:\.(\d+))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i;

/**
 * The instant that RFC 3339 text names, in UTC with milliseconds; undefined if it names none. Finer fractions are cut
 * off. A leap second (23:59:60 in UTC) becomes the last millisecond of its day, so that it stays in its day and month.
 */
export function instantOf(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined;
  const match = rfc3339.exec(text);
  if (!match) return undefined;
  const [, date, day, minute, second, fraction = '', zone] = match;
  // Date would take 30 February for 2 March.
  if (new Date(`${date}T00:00:00Z`).getUTCDate() !== Number(day)) return undefined;
  const isLeap = second === '60';
  const seconds = isLeap ? '59.999' : `${second}.${fraction.slice(0, 3).padEnd(3, '0')}`;
  const instant = new Date(`${date}T${minute}:${seconds}${zone!.toUpperCase()}`).toISOString();
  if (isLeap && !instant.endsWith('T23:59:59.999Z')) return undefined;
  // An offset can lead outside the years 0000 to 9999, where the text does not sort as the time does.
  return instant.length === 24 ? instant : undefined;
}

/** A time as RFC 3339 text; normalised to UTC with milliseconds. */
export function Time(): Field {
  return field({
    name: 'time',
    accepts: (value) => instantOf(value) !== undefined,
    message: 'must be a time such as 2026-11-22T16:00:00Z (RFC 3339)',
    schema: { type: 'string', format: 'date-time', example: '2026-11-22T16:00:00.000Z' },
    normalise: (value: string) => instantOf(value),
  });
}

const fullDate = /^\d{4}-(?:0[1-9]|1[0-2])-\d{2}$/;

/** Whether text is a date of the calendar, by RFC 3339. */
export function isDate(text: unknown): text is string {
  return typeof text === 'string' && fullDate.test(text) && instantOf(`${text}T00:00:00Z`) !== undefined;
}

/** A time as {@link Time}, or a date, which is kept as it is: what it means depends on the day on which it is asked. */
export function TimeOrDate(): Field {
  return field({
    name: 'timeOrDate',
    accepts: (value) => isDate(value) || instantOf(value) !== undefined,
    message: 'must be a time such as 2026-11-22T16:00:00Z or a date such as 2026-11-22 (RFC 3339)',
    schema: {
      // Generators of clients that do not know a choice of formats take the type.
      type: 'string',
      anyOf: [
        { type: 'string', format: 'date-time' },
        { type: 'string', format: 'date' },
      ],
      example: '2026-11-22T16:00:00.000Z',
    },
    normalise: (value: string) => (isDate(value) ? value : instantOf(value)),
  });
}

/** The code of a currency in force by ISO 4217. */
function Currency(): Field {
  return field({
    name: 'currency',
    accepts: (value) => currencies.has(value as string),
    message: 'must be the code of a currency in force by ISO 4217, such as EUR',
    // No enum of all codes: the document would change whenever ISO 4217 does.
    schema: { type: 'string', pattern: '^[A-Z]{3}$', example: 'EUR' },
  });
}

class MoneyFields {
  @Whole(0, 1_000_000_000_000) minorUnits!: number;
  @Currency() currency!: string;
}

/** An amount in integer minor units with its currency. */
export function MoneyAmount(): Field {
  return Nested(MoneyFields);
}

/** A whole number in a query, where everything is text. */
export function WholeText(min: number, max: number): Field {
  return field({
    name: 'whole',
    accepts: (value) =>
      typeof value === 'string' && /^(0|[1-9]\d{0,15})$/.test(value) && Number(value) >= min && Number(value) <= max,
    message: `must be a whole number from ${min} to ${max}`,
    schema: { type: 'integer', minimum: min, maximum: max },
    normalise: Number,
  });
}

/** A flag in a query, where everything is text. */
export function FlagText(): Field {
  return field({
    name: 'flag',
    accepts: (value) => value === 'true' || value === 'false',
    message: 'must be true or false',
    schema: { type: 'boolean' },
    normalise: (value: string) => value === 'true',
  });
}

/** A list in a query: the name is repeated, or values are separated by commas. Duplicates are removed. */
export function ListText({ kind: item }: Field, max: number): Field {
  const values = (value: unknown): readonly unknown[] =>
    [value].flat().flatMap((each) => (typeof each === 'string' ? each.split(',') : [each]));
  return field({
    name: 'list',
    accepts: (value) => values(value).length <= max && values(value).every(item.accepts),
    message: `must be 1 to ${max} values with commas, of which each ${item.message}`,
    schema: { type: 'array', items: item.schema, minItems: 1, maxItems: max },
    normalise: (value: unknown) => [
      ...new Set(values(value).map((each) => (item.normalise ? item.normalise(each as never) : each))),
    ],
  });
}
