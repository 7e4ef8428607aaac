import type { Role } from '#customer-relationship';
import { compactVerify, errors } from 'jose';
import type { ActorId } from './actor-id.js';
import { issuersByName, type TrustedIssuer } from './issuer.js';
import { KeysUnavailable, type IssuerKey } from './key-set.js';
import { Problem } from './problem.js';
import { claimsOf, grantedRoles, invalidToken, isPerson, type Claims } from './token-claims.js';

/** The user or app of a token. The path decides whether it acts for a partner or a customer. */
export interface Caller {
  readonly id: string;
  readonly tenant: string;
  readonly roles: readonly Role[];
  /** The token is not proven to be a person's ({@link isPerson}), so it counts as an app's. */
  readonly app: boolean;
  /** When the token ends, in milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface TokenVerifierOptions {
  readonly issuers: readonly TrustedIssuer[];
  /** The id under which the ledger knows a user or app of a token. */
  readonly actorId: ActorId;
  /** The longest time that a token may be good for. */
  readonly lifetimeMaxSeconds?: number;
  /** How many verified tokens are kept. */
  readonly cached?: number;
  /** Reports a token that says that it names too few of its caller's values in a claim that gives roles. */
  readonly onTruncated?: (claim: string, tenant: string) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

export interface TokenVerifier {
  /**
   * The caller that an `Authorization` header names; at once for a token that was verified within the last minute.
   * `beforeUnknown` is called before a token is verified for the first time, and may refuse it.
   * @throws Problem 401; 503 when the issuer's keys cannot be fetched
   */
  readonly verify: (authorization: string | undefined, beforeUnknown?: () => void) => Caller | Promise<Caller>;
  /** How many tokens are kept now. */
  readonly cached: () => number;
}

/** How long a verified token is trusted before its signature is checked again, so that a withdrawn key takes effect soon. */
const believedForMs = 60_000;
/** Far more than Entra makes of a person in 200 groups, and less than all headers together may have. */
const longestToken = 14 * 1024;
/** What the tokens that are kept may take together, in characters. */
const keptCharacters = 32 * 1024 * 1024;

export function tokenVerifier({
  issuers,
  actorId,
  lifetimeMaxSeconds = 86_400,
  cached = 10_000,
  onTruncated = () => undefined,
  now = Date.now,
}: TokenVerifierOptions): TokenVerifier {
  const believed = new Map<string, { readonly caller: Caller; readonly until: number }>();
  let characters = 0;
  const issuerOf = issuersByName(issuers);

  async function check(token: string, before: () => void): Promise<Caller> {
    before();
    // All that can be judged without a key comes first: nobody has to be asked for one because of a token that is refused anyway.
    const claims = claimsOf(token, issuerOf, { now: now(), lifetimeMaxSeconds });
    const truncated: string[] = [];
    const caller = callerOf(claims, actorId, (claim) => truncated.push(claim));
    await prove(token, claims);
    for (const claim of truncated) onTruncated(claim, caller.tenant);
    return caller;
  }

  function believe(authorization: string, caller: Caller): Caller {
    forget(authorization);
    believed.set(authorization, { caller, until: Math.min(caller.expiresAt, now() + believedForMs) });
    characters += authorization.length;
    while (believed.size > cached || characters > keptCharacters) forget(believed.keys().next().value!);
    return caller;
  }

  function forget(authorization: string): void {
    if (believed.delete(authorization)) characters -= authorization.length;
  }

  return {
    verify(authorization, beforeUnknown = () => undefined) {
      // Looked up by the whole header, so that a known token is not parsed.
      const known = authorization === undefined ? undefined : believed.get(authorization);
      if (known && now() < known.until) return known.caller;
      const token = bearerToken(authorization);
      const before = known ? () => undefined : beforeUnknown;
      return check(token, before).then((caller) => believe(authorization!, caller));
    },
    cached: () => believed.size,
  };
}

function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined)
    throw new Problem('Unauthenticated', {}, { 'WWW-Authenticate': 'Bearer realm="reseller-ledger"' });
  const match = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization);
  if (!match || match[1]!.length > longestToken) throw invalidToken('malformed');
  return match[1]!;
}

function callerOf({ payload, tenant, issuer }: Claims, actorId: ActorId, onTruncated: (claim: string) => void): Caller {
  const { oid, sub, exp } = payload;
  const id = oid ?? sub;
  if (typeof id !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(id)) throw invalidToken(oid === undefined ? 'sub' : 'oid');
  return {
    // It is stored for ever with every event, so it must tell no name or address.
    id: actorId(id),
    tenant,
    roles: grantedRoles(payload, issuer.grants, onTruncated),
    app: !isPerson(payload, issuer),
    expiresAt: exp! * 1000,
  };
}

/** How many keys are tried for one token. */
const mostTried = 16;

/** @throws Problem 401 if no key of the token's own issuer has signed it, 503 if that cannot be known now */
async function prove(token: string, claims: Claims): Promise<void> {
  const { issuer, kid } = claims;
  try {
    const keys = await issuer.keys.known();
    if (await isSigned(token, claims, keys)) return;
    // Its key may be newer than those that are known, unless it names one of them.
    const isKnown = kid !== undefined && keys.some((key) => key.hasId(kid));
    if (!isKnown && (await issuer.keys.renew()) && (await isSigned(token, claims, await issuer.keys.known()))) return;
  } catch (error) {
    if (!(error instanceof KeysUnavailable)) throw error;
    throw new Problem(
      'AuthenticationUnavailable',
      { outcome: 'none' },
      { 'Retry-After': String(error.retryAfterSeconds) },
    );
  }
  throw invalidToken('signature');
}

async function isSigned(
  token: string,
  { kid, alg, tenant, mayUseKeyOf }: Claims,
  keys: readonly IssuerKey[],
): Promise<boolean> {
  const candidates = keys.filter(
    (key) => key.hasId(kid) && (key.issuer === undefined || mayUseKeyOf(key.issuer, tenant)),
  );
  for (const key of candidates.slice(0, mostTried)) if (await isSignedBy(token, alg, key)) return true;
  return false;
}

async function isSignedBy(token: string, alg: string, key: IssuerKey): Promise<boolean> {
  try {
    await compactVerify(token, await key.forAlgorithm(alg), { algorithms: [alg] });
    return true;
  } catch (error) {
    // The library reports a key that is too weak as a TypeError, and one that is none as a DOMException of the platform.
    if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException) return false;
    throw error;
  }
}
