import { validateSync } from 'class-validator';
import { fieldsOfClass, hasOtherDecorators, type FieldsClass, type Kind } from './fields.js';
import type { FieldError } from './problem.js';

/** The result for untrusted data: the normalised plain value, or every error. */
export type Validated<T> =
  | { readonly value: T; readonly errors?: undefined }
  | { readonly value?: undefined; readonly errors: readonly FieldError[] };

/**
 * Checks data against a class of fields, and builds a new object of the accepted fields. Where a class has other
 * decorators of class-validator too, both must accept. An optional field that is null is absent.
 */
export function validated<T extends object>(fields: FieldsClass<T>, data: unknown): Validated<T> {
  const reading: Reading = { errors: [], asBefore: false, differs: false };
  const value = objectOf(fields, data, '', reading);
  if (reading.errors.length > 0) return { errors: reading.errors };
  if (reading.differs)
    formerForms.set(value, objectOf(fields, data, '', { errors: [], asBefore: true, differs: false }));
  return { value: value as T };
}

const formerForms = new WeakMap<object, object>();

/**
 * The value that earlier releases made of the same data, where it differs. The fingerprint of a command that one of
 * them recorded is of that value.
 */
export function formerFormOf(value: object): object | undefined {
  return formerForms.get(value);
}

interface Reading {
  readonly errors: FieldError[];
  /** Builds the form that earlier releases gave the value. */
  readonly asBefore: boolean;
  /** Whether earlier releases gave it another form. */
  differs: boolean;
}

type Plain = Readonly<Record<string, unknown>>;

function objectOf(fields: FieldsClass, data: unknown, at: string, reading: Reading): object {
  const value: Record<string, unknown> = {};
  if (!isObject(data)) {
    reading.errors.push({ pointer: at, detail: 'must be an object' });
    return value;
  }
  const facts = fieldsOfClass(fields);
  for (const name of Object.keys(data))
    if (!facts.has(name)) reading.errors.push({ pointer: `${at}/${escaped(name)}`, detail: 'is not known here' });
  for (const [name, { kind, optional }] of facts) {
    const given = Object.hasOwn(data, name) ? data[name] : undefined;
    if (given === undefined || (given === null && optional)) {
      if (!optional) reading.errors.push({ pointer: `${at}/${name}`, detail: 'is required' });
    } else if (kind.accepts(given)) value[name] = valueOf(kind, given, `${at}/${name}`, reading);
    else reading.errors.push({ pointer: `${at}/${name}`, detail: kind.message });
  }
  if (reading.errors.length === 0 && hasOtherDecorators(fields))
    reading.errors.push(...refusedBesides(fields, value, at));
  return value;
}

/** The faults that class-validator finds, for a class that has its decorators. */
function refusedBesides(fields: FieldsClass, value: object, at: string): FieldError[] {
  const instance = Object.assign(Object.create(fields.prototype as object) as object, value);
  // Nested objects are plain: their own class has checked them.
  return validateSync(instance, { forbidUnknownValues: false }).map(({ property, constraints = {} }) => ({
    pointer: `${at}/${escaped(property)}`,
    detail: Object.values(constraints)[0] ?? 'is not valid',
  }));
}

/** The normal form of an accepted value. */
function valueOf(kind: Kind, given: unknown, at: string, reading: Reading): unknown {
  const { nested, item, normalise } = kind;
  // Array.from, because map would skip holes.
  if (nested && kind.list)
    return Array.from(given as unknown[], (each, index) => objectOf(nested, each, `${at}/${index}`, reading));
  if (nested) return objectOf(nested, given, at, reading);
  if (item) return Array.from(given as unknown[], (each, index) => valueOf(item, each, `${at}/${index}`, reading));
  const normal = normalise ? normalise(given as never) : given;
  if (!kind.wasKeptAsIs || normal === given) return normal;
  reading.differs = true;
  return reading.asBefore ? given : normal;
}

/** RFC 6901. */
function escaped(name: string): string {
  return name.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1');
}

/** An object in the sense of JSON: not a list, and not an object that stands for text, a number or a time. */
function isObject(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && Object.prototype.toString.call(value) === '[object Object]';
}
