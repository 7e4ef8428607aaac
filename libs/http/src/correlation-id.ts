import { randomUUID } from 'node:crypto';

const correlation = /^[A-Za-z0-9._-]{1,64}$/;

/** The sender's correlation id if it is 1 to 64 of `[A-Za-z0-9._-]`, else a new one. */
export function correlationId(header: string | string[] | undefined): string {
  return typeof header === 'string' && correlation.test(header) ? header : randomUUID();
}
