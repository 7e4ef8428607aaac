import { randomBytes, randomUUID } from 'node:crypto';

const correlation = /^[A-Za-z0-9._-]{1,64}$/;

/** The sender's correlation id if it is 1 to 64 of `[A-Za-z0-9._-]`, else a new one. */
export function correlationId(header: string | string[] | undefined): string {
  return typeof header === 'string' && correlation.test(header) ? header : randomUUID();
}

export interface Trace {
  readonly traceId: string;
  /** The `traceparent` of this server's part: same trace, a span of its own. */
  readonly traceparent: string;
}

const traceparent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Continues the caller's trace (W3C Trace Context); undefined if there is none, or it must be ignored. */
export function traceOf(header: string | string[] | undefined): Trace | undefined {
  const match = typeof header === 'string' ? traceparent.exec(header) : null;
  if (!match) return undefined;
  const [, version, traceId = '', parentId = '', flags, more] = match;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined;
  return { traceId, traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-${flags}` };
}
