/**
 * The canonical form of a JSON value (RFC 8785, JSON Canonicalization Scheme): members sorted by UTF-16 code units, no
 * white space, numbers as ECMAScript writes them. Members that are `undefined` are left out, as JSON does.
 * @throws TypeError for what JSON cannot carry (NaN, infinities, bigint, functions, dates, lone surrogates).
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return canonicalString(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`${value} has no canonical JSON`);
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      // Array.from turns holes into `undefined`, which is refused below; `map` would skip them and write `[,]`.
      if (Array.isArray(value)) return `[${Array.from(value, (item: unknown) => canonicalJson(item)).join(',')}]`;
      // A Date would hash as {} and be stored as a string: the chain would never verify again.
      if (typeof (value as { toJSON?: unknown }).toJSON === 'function')
        throw new TypeError('A value with toJSON has no canonical JSON of its own');
      return canonicalObject(value as Record<string, unknown>);
    default:
      throw new TypeError(`A ${typeof value} has no canonical JSON`);
  }
}

/** Most strings are identifiers, names and times: nothing in them needs escaping. */
const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function canonicalString(value: string): string {
  if (plain.test(value)) return `"${value}"`;
  if (!value.isWellFormed()) throw new TypeError('A lone surrogate has no canonical JSON');
  return JSON.stringify(value);
}

function canonicalObject(object: Record<string, unknown>): string {
  let text = '{';
  for (const { key, written } of membersInOrder(Object.keys(object))) {
    const member = object[key];
    if (member === undefined) continue;
    text += `${text.length > 1 ? ',' : ''}${written}${canonicalJson(member)}`;
  }
  return `${text}}`;
}

interface Member {
  readonly key: string;
  /** The key as it is written, with its colon. */
  readonly written: string;
}

/** Sequences of keys that were met, as a tree of keys: sorting costs most of the hash of an event, and shapes recur. */
interface Shape {
  readonly next: Map<string, Shape>;
  members: readonly Member[] | undefined;
}

// Keys may be anybody's: what was learned is forgotten before it takes much memory.
const mostShapes = 10_000;
let shapes = 0;
let noKeys = newShape();

function newShape(): Shape {
  return { next: new Map(), members: undefined };
}

function membersInOrder(keys: readonly string[]): readonly Member[] {
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
  // Sorting without a comparison is by UTF-16 code units, which is what the RFC asks for.
  return (shape.members ??= keys.toSorted().map((key) => ({ key, written: `${canonicalString(key)}:` })));
}
