import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { badRequest, Problem } from './problem.js';

/** Fields that the server acts on and that may stand once. Node would use the first, a proxy before it perhaps the last. */
const single = new Map(
  [
    'Host',
    'Authorization',
    'Content-Type',
    'Content-Length',
    'Idempotency-Key',
    'Ledger-Position',
    'Last-Event-ID',
    'Origin',
    'Access-Control-Request-Method',
  ].map((name) => [name.toLowerCase(), name]),
);

// RFC 9112, 3.2, and RFC 3986, 3.2.2: a name or an address, and a port. It may be empty.
const hostForm = /^(?:\[([\da-f:.]+)\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::\d*)?$/i;

/**
 * Checks the fields on which the meaning of a request depends, as RFC 9110 and 9112 require. Made for one server: it
 * remembers the last valid host.
 */
export function fieldChecks(): (request: IncomingMessage) => void {
  let known: string | undefined;

  /** @throws Problem 400, 501 */
  return (request) => {
    const { headers, rawHeaders, httpVersionMinor } = request;
    // Node has made one name of those that stand more than once.
    if (Object.keys(headers).length * 2 !== rawHeaders.length) requireOnce(rawHeaders);
    const { host, 'transfer-encoding': coding } = headers;
    if (host !== known) {
      if (host === undefined) {
        // Node would refuse it without a problem. HTTP/1.0 had no such field.
        if (httpVersionMinor !== 0) throw badRequest('InvalidHeader', 'Host', 'is required');
      } else {
        const [form, address] = hostForm.exec(host) ?? [];
        if (form === undefined || (address !== undefined && !isIPv6(address)))
          throw badRequest('InvalidHeader', 'Host', 'must be a name or an address, and may have a port');
        known = host;
      }
    }
    if (coding !== undefined) {
      // RFC 9112, 6.1: where such a body ends is not certain.
      if (httpVersionMinor === 0) throw badRequest('InvalidHeader', 'Transfer-Encoding', 'is not part of HTTP/1.0');
      if (coding.toLowerCase() !== 'chunked') throw new Problem('TransferCodingNotImplemented');
    }
  };
}

/** @throws Problem 400 for a field that may stand once and does not */
function requireOnce(rawHeaders: readonly string[]): void {
  const met = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    if (met.has(name) && single.has(name)) throw badRequest('InvalidHeader', single.get(name)!, 'must stand once');
    met.add(name);
  }
}
