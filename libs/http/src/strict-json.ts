import { isUtf8 } from 'node:buffer';
import { Problem } from './problem.js';

/**
 * Parses a request body: well-formed UTF-8, one JSON object, at most `maxDepth` levels, no name twice in an object
 * (RFC 7493: readers differ on what the second one means), and no name that every JavaScript object already has,
 * such as `__proto__`. A byte order mark before it is skipped (RFC 8259, 8.1). An empty body is an empty object.
 * @throws Problem 400
 */
export function parseJsonBody(bytes: Buffer, maxDepth: number): object {
  const text = textOf(bytes);
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed('The body is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed('The body must be a JSON object');
  const fault = unsafeNames(text, maxDepth);
  if (fault) throw malformed(`The body ${fault.detail}`);
  return value;
}

function textOf(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw malformed('The body is not UTF-8');
  const text = bytes.toString();
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const [openObject, closeObject, openArray, closeArray] = [0x7b, 0x7d, 0x5b, 0x5d];

/**
 * The first thing that `JSON.parse` accepts but readers treat differently, and where it starts: a name twice in one
 * object, a name that every JavaScript object already has, or too deep nesting. One pass over text that is known to be
 * JSON.
 */
export function unsafeNames(
  text: string,
  maxDepth: number,
): { readonly detail: string; readonly at: number } | undefined {
  const names: (Set<string> | undefined)[] = [];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === openObject || code === openArray) {
      if (names.length === maxDepth) return { detail: `is nested deeper than ${maxDepth} levels`, at: i };
      names.push(code === openObject ? new Set() : undefined);
    } else if (code === closeObject || code === closeArray) {
      names.pop();
    } else if (code === quote) {
      const start = i;
      let escaped = false;
      for (i++; text.charCodeAt(i) !== quote; i++) {
        if (text.charCodeAt(i) === backslash) {
          escaped = true;
          i++;
        }
      }
      const inObject = names.at(-1);
      if (inObject && isName(text, i + 1)) {
        const name = escaped ? (JSON.parse(text.slice(start, i + 1)) as string) : text.slice(start + 1, i);
        if (name in Object.prototype)
          return { detail: `has a field that is not allowed: ${shortened(name)}`, at: start };
        if (inObject.has(name)) return { detail: `has a field twice in one object: ${shortened(name)}`, at: start };
        inObject.add(name);
      }
    }
  }
  return undefined;
}

function shortened(name: string): string {
  return JSON.stringify(name.slice(0, 100));
}

function isName(text: string, after: number): boolean {
  for (let i = after; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === colon) return true;
    if (code !== 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) return false;
  }
  return false;
}

function malformed(detail: string): Problem {
  return new Problem('MalformedBody', { errors: [{ pointer: '', detail }] });
}
