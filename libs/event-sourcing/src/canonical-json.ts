/**
 * The canonical form of a JSON value (RFC 8785, JSON Canonicalization Scheme): members sorted by UTF-16 code units, no
 * white space, numbers as ECMAScript writes them. Members that are `undefined` are left out, as JSON does.
 * @throws TypeError for what JSON cannot carry (NaN, infinities, bigint, functions, dates, lone surrogates).
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw new TypeError('A lone surrogate has no canonical JSON');
      return JSON.stringify(value);
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

function canonicalObject(object: Record<string, unknown>): string {
  let text = '{';
  // Array.prototype.sort without a comparison sorts by UTF-16 code units, which is what the RFC asks for.
  for (const key of Object.keys(object).sort()) {
    const member = object[key];
    if (member === undefined) continue;
    text += `${text.length > 1 ? ',' : ''}${canonicalJson(key)}:${canonicalJson(member)}`;
  }
  return `${text}}`;
}
