import { parametersForm } from './field-values.js';
import { badRequest, Problem } from './problem.js';

const visible = /^[\x21-\x7e]{1,255}$/;
// A string of RFC 8941: printable ASCII in quotes, with only the quote and the backslash escaped. No parameter of it is known.
const structured = new RegExp(String.raw`^"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"${parametersForm}$`);

/**
 * The key of a command from its `Idempotency-Key` header: 1 to 255 visible ASCII characters, bare or as a string of
 * RFC 8941, so that `abc` and `"abc"` are one key.
 * @throws Problem 400
 */
export function idempotencyKey(header: string | string[] | undefined): string {
  if (header === undefined || header === '') throw new Problem('IdempotencyKeyMissing');
  const quoted = typeof header === 'string' ? structured.exec(header) : null;
  const key = quoted ? quoted[1]!.replace(/\\(["\\])/g, '$1') : header;
  // Without this check, a string with a missing end quote would be a valid bare key.
  if (typeof key !== 'string' || !visible.test(key) || (!quoted && key.startsWith('"')))
    throw badRequest('InvalidHeader', 'Idempotency-Key', 'must be 1 to 255 visible ASCII characters');
  return key;
}
