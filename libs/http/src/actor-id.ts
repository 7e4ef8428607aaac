import { createHmac, type BinaryLike, type KeyObject } from 'node:crypto';
import { isGuid } from './fields.js';

/** The id under which the ledger knows whom a token or a body names. */
export type ActorId = (named: string) => string;

/**
 * Ids of people stand in events for ever, in the log of requests and in denials. An issuer may name its users by address or
 * name, and no form tells `ada.lovelace` from an opaque id. So only a GUID stays as it is; everything else becomes a GUID
 * made from it, of the version for own algorithms (RFC 9562, 5.8). The key keeps a list of addresses from being tried.
 * The same id gives the same GUID in every server that has the key, in any case (rule V5a), and a GUID gives itself.
 */
export function actorIds(key: BinaryLike | KeyObject): ActorId {
  return (named) => {
    const id = named.toLowerCase();
    if (isGuid(id)) return id;
    const bytes = createHmac('sha256', key).update(id).digest();
    bytes[6] = (bytes[6]! & 0x0f) | 0x80;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    return bytes.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  };
}
