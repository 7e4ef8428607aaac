import {
  getMetadataStorage,
  validateSync,
  ValidationTypes,
  type ValidationArguments,
  type ValidationError,
} from 'class-validator';
import { fieldsOfClass, type FieldFacts, type FieldsClass } from './fields.js';
import type { FieldError } from './problem.js';

/** What became of untrusted data: the normalised plain value, or every error. */
export type Validated<T> =
  | { readonly value: T; readonly errors?: undefined }
  | { readonly value?: undefined; readonly errors: readonly FieldError[] };

/**
 * Judges data by a class of fields. Class-validator is the judge; the compiled form, which calls the same validator
 * functions without class-validator's grouping, errors and copies, only spares it the data that is plainly good.
 */
export function validated<T extends object>(fields: FieldsClass<T>, data: unknown): Validated<T> {
  const accepted = compiled(fields)(data);
  return accepted ? { value: accepted as T } : judged(fields, data);
}

/** Class-validator's own verdict, without the compiled form. */
export function judged<T extends object>(fields: FieldsClass<T>, data: unknown): Validated<T> {
  if (!isObject(data)) return { errors: [{ pointer: '', detail: 'must be an object' }] };
  const inherited = inheritedNames(data);
  if (inherited.length > 0) return { errors: inherited };
  // Class-validator refuses to judge by a class that it has never heard of.
  if (fieldsOfClass(fields).size === 0) {
    const unknown = Object.keys(data).map((name) => ({ pointer: `/${escaped(name)}`, detail: notKnown }));
    return unknown.length > 0 ? { errors: unknown } : { value: {} as T };
  }
  const errors = validateSync(instanceOf(fields, data), { whitelist: true, forbidNonWhitelisted: true });
  return errors.length > 0 ? { errors: fieldErrors(errors) } : { value: normalised(fields, data) as T };
}

const notKnown = 'is not known here';

type Plain = Readonly<Record<string, unknown>>;
/** The normalised copy, or undefined where it is not plain that everything is good. */
type Accept = (data: unknown) => object | undefined;

const compiledOf = new WeakMap<FieldsClass, Accept>();

/** The compiled form of a class; made once, from class-validator's metadata. */
export function compiled(fields: FieldsClass): Accept {
  let accept = compiledOf.get(fields);
  if (!accept) compiledOf.set(fields, (accept = compile(fields)));
  return accept;
}

interface Step {
  readonly name: string;
  readonly facts: FieldFacts;
  readonly applies: readonly ((object: unknown, value: unknown) => boolean)[];
  readonly checks: readonly ((value: unknown, object: unknown) => unknown)[];
  readonly nested: Accept | undefined;
}

function compile(fields: FieldsClass): Accept {
  const storage = getMetadataStorage();
  const metadata = storage.groupByPropertyName(storage.getTargetValidationMetadatas(fields, '', false, false));
  const facts = fieldsOfClass(fields);
  // A property that some other decorator has put there is class-validator's affair alone.
  if (Object.keys(metadata).some((name) => !facts.has(name))) return () => undefined;

  const steps: Step[] = [];
  for (const [name, of] of facts) {
    const applies: Step['applies'][number][] = [];
    const checks: Step['checks'][number][] = [];
    for (const { type, constraints, constraintCls, each, validateIf } of metadata[name] ?? []) {
      if (each || validateIf) return () => undefined;
      if (type === ValidationTypes.CONDITIONAL_VALIDATION)
        applies.push((constraints as [(object: unknown, value: unknown) => boolean])[0]);
      else if (type === ValidationTypes.CUSTOM_VALIDATION)
        for (const { instance, async } of storage.getTargetValidatorConstraints(constraintCls)) {
          if (async) return () => undefined;
          checks.push((value, object) =>
            instance.validate(value, {
              value,
              object: object as object,
              property: name,
              targetName: fields.name,
              constraints,
            } satisfies ValidationArguments),
          );
        }
      else if (type !== ValidationTypes.NESTED_VALIDATION || !of.kind.nested) return () => undefined;
    }
    steps.push({ name, facts: of, applies, checks, nested: of.kind.nested && lazily(of.kind.nested) });
  }

  return (data) => {
    if (!isObject(data)) return undefined;
    const accepted: Record<string, unknown> = {};
    let taken = 0;
    for (const { name, facts, applies, checks, nested } of steps) {
      const present = Object.hasOwn(data, name);
      const value = present ? data[name] : undefined;
      if (present) taken++;
      if (!applies.every((applies) => applies(data, value))) {
        // A field that is not judged must not be carried along.
        if (present) return undefined;
        continue;
      }
      // A promise is not true: what validates later is not for here.
      if (!checks.every((check) => check(value, data) === true)) return undefined;
      if (!nested) accepted[name] = normalisedValue(facts, value);
      else if (facts.kind.list) {
        const items = (value as unknown[]).map(nested);
        if (items.includes(undefined)) return undefined;
        accepted[name] = items;
      } else if (!(accepted[name] = nested(value))) return undefined;
    }
    return Object.keys(data).length === taken ? accepted : undefined;
  };
}

function lazily(fields: FieldsClass): Accept {
  return (data) => compiled(fields)(data);
}

/** The instances that class-validator asks for. */
function instanceOf(fields: FieldsClass, data: Plain): object {
  const instance = new (fields as unknown as new () => object)();
  const facts = fieldsOfClass(fields);
  for (const [name, value] of Object.entries(data)) {
    const nested = facts.get(name)?.kind.nested;
    const made = !nested
      ? value
      : Array.isArray(value)
        ? value.map((item: unknown) => (isObject(item) ? instanceOf(nested, item) : item))
        : isObject(value)
          ? instanceOf(nested, value)
          : value;
    // Defined, not assigned: assigning to __proto__ would change what the instance is.
    Object.defineProperty(instance, name, { value: made, enumerable: true, configurable: true, writable: true });
  }
  return instance;
}

function normalised(fields: FieldsClass, data: Plain): object {
  const value: Record<string, unknown> = {};
  for (const [name, facts] of fieldsOfClass(fields))
    if (Object.hasOwn(data, name) && data[name] !== undefined) value[name] = normalisedValue(facts, data[name]);
  return value;
}

function normalisedValue({ kind }: FieldFacts, value: unknown): unknown {
  const { nested, item, normalise } = kind;
  if (nested)
    return Array.isArray(value)
      ? value.map((each) => normalised(nested, each as Plain))
      : normalised(nested, value as Plain);
  if (item) return (value as unknown[]).map((each) => (item.normalise ? item.normalise(each as never) : each));
  return normalise ? normalise(value as never) : value;
}

function fieldErrors(errors: readonly ValidationError[], above = ''): FieldError[] {
  return errors.flatMap(({ property, constraints = {}, children = [] }) => {
    // Class-validator names no property for a value that it knows nothing of.
    const pointer = property === undefined ? above : `${above}/${escaped(property)}`;
    const details = Object.entries(constraints).map(([constraint, detail]) =>
      constraint === ValidationTypes.WHITELIST ? notKnown : detail,
    );
    const own = details[0] === undefined ? [] : [{ pointer, detail: details[0] }];
    return own.length > 0 ? own : fieldErrors(children, pointer);
  });
}

/** RFC 6901. */
function escaped(name: string): string {
  return name.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Class-validator's whitelist is a plain object, so it lets through whatever every object has, such as `toString`. */
function inheritedNames(data: object, above = ''): FieldError[] {
  return Object.entries(data).flatMap(([name, value]: [string, unknown]) =>
    name in Object.prototype
      ? [{ pointer: `${above}/${escaped(name)}`, detail: notKnown }]
      : typeof value === 'object' && value !== null
        ? inheritedNames(value, `${above}/${escaped(name)}`)
        : [],
  );
}

function isObject(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
