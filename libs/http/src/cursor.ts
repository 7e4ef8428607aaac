import { createHmac, timingSafeEqual } from 'node:crypto';
import { Problem } from './problem.js';

/**
 * Cursors of one list under one query: opaque to callers, and valid only if this ledger made them. They hold the sort
 * values of the last row (keyset), never an offset.
 */
export interface Cursors {
  readonly write: (query: string, values: readonly unknown[]) => string;
  /** @throws Problem 400 for anything that was not made for this query */
  readonly read: (query: string, cursor: string) => unknown[];
}

const macBytes = 12;

/** Cursors signed with a secret; the query (list, filters, sort) is part of the signature, not of the cursor. */
export function cursors(secret: Buffer): Cursors {
  const mac = (query: string, values: Buffer) =>
    createHmac('sha256', secret)
      .update('cursor\0')
      .update(query)
      .update('\0')
      .update(values)
      .digest()
      .subarray(0, macBytes);
  return {
    write(query, values) {
      const json = Buffer.from(JSON.stringify(values));
      return Buffer.concat([mac(query, json), json]).toString('base64url');
    },
    read(query, cursor) {
      const bytes = /^[A-Za-z0-9_-]{1,4096}$/.test(cursor) ? Buffer.from(cursor, 'base64url') : Buffer.alloc(0);
      const json = bytes.subarray(macBytes);
      if (bytes.length <= macBytes || !timingSafeEqual(bytes.subarray(0, macBytes), mac(query, json)))
        throw new Problem('InvalidCursor');
      return JSON.parse(json.toString()) as unknown[];
    },
  };
}
