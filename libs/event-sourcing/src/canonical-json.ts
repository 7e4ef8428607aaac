/**
 * The canonical form of a JSON value (RFC 8785, JSON Canonicalization Scheme): members sorted by UTF-16 code units, no
 * white space, numbers as ECMAScript writes them. Members that are `undefined` are left out, as JSON does.
 * @throws TypeError for what JSON cannot carry (NaN, infinities, bigint, functions, dates, lone surrogates).
 */
export function canonicalJson(value: unknown): string {
  strings = '';
  const text = written(value, false);
  return plain.test(strings) ? text : written(value, true);
}

/**
 * All strings of a value, one after the other: most are identifiers, names and times, in which nothing needs escaping, and
 * to look once at all of them takes half the time of looking at each.
 */
let strings = '';
const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function written(value: unknown, careful: boolean): string {
  switch (typeof value) {
    case 'string':
      if (careful) return escaped(value);
      strings += value;
      return `"${value}"`;
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`${value} has no canonical JSON`);
      return `${value}`;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return writtenList(value, careful);
      // A Date would hash as {} and be stored as a string: the chain would never verify again.
      if (typeof (value as { toJSON?: unknown }).toJSON === 'function')
        throw new TypeError('A value with toJSON has no canonical JSON of its own');
      return writtenObject(value as Record<string, unknown>, careful);
    default:
      throw new TypeError(`A ${typeof value} has no canonical JSON`);
  }
}

function escaped(text: string): string {
  if (!text.isWellFormed()) throw new TypeError('A lone surrogate has no canonical JSON');
  return JSON.stringify(text);
}

// Loops over indexes: this is most of what the hash of an event costs.

function writtenList(list: readonly unknown[], careful: boolean): string {
  let text = '[';
  // Holes too, which are refused as `undefined`.
  for (let index = 0; index < list.length; index++) {
    if (index > 0) text += ',';
    text += written(list[index], careful);
  }
  return `${text}]`;
}

function writtenObject(object: Record<string, unknown>, careful: boolean): string {
  const { keys, starts } = membersInOrder(Object.keys(object));
  let text = '';
  for (let index = 0; index < keys.length; index++) {
    const member = object[keys[index]!];
    if (member === undefined) continue;
    text += text === '' ? starts[index]! : `,${starts[index]!}`;
    text += written(member, careful);
  }
  return `{${text}}`;
}

interface Members {
  readonly keys: readonly string[];
  /** The keys as they are written, with their colons. */
  readonly starts: readonly string[];
}

/** Sequences of keys that were met, as a tree of keys: sorting costs most of the hash of an event, and shapes recur. */
interface Shape {
  readonly next: Map<string, Shape>;
  members: Members | undefined;
}

// Keys may come from any caller: what was learned is forgotten before it takes much memory.
const mostShapes = 10_000;
let shapes = 0;
let noKeys = newShape();

function newShape(): Shape {
  return { next: new Map(), members: undefined };
}

function membersInOrder(keys: readonly string[]): Members {
  if (shapes > mostShapes) {
    shapes = 0;
    noKeys = newShape();
  }
  let shape = noKeys;
  for (const key of keys) {
    let next = shape.next.get(key);
    if (!next) {
      next = newShape();
      shape.next.set(key, next);
      shapes++;
    }
    shape = next;
  }
  if (shape.members) return shape.members;
  // Sorting without a comparison is by UTF-16 code units, which is what the RFC asks for.
  const sorted = keys.toSorted();
  shape.members = { keys: sorted, starts: sorted.map((key) => `${escaped(key)}:`) };
  return shape.members;
}
