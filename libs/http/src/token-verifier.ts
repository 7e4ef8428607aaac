import { roles, type Role } from '#customer-relationship';
import { errors, jwtVerify, type CryptoKey, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import type { ActorId } from './actor-id.js';
import { isGuid } from './fields.js';
import { Problem } from './problem.js';

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
  readonly key: CryptoKey | JWTVerifyGetKey;
  readonly issuer: string;
  readonly audience: string;
  /** The only accepted algorithms, whatever the token's header says. */
  readonly algorithms: readonly string[];
  /** The claim that proves a person instead of `scp`, for an issuer other than Entra. */
  readonly personClaim?: PersonClaim;
  /** The id under which the ledger knows a user or app of a token. */
  readonly actorId: ActorId;
  /** How many verified tokens are kept. */
  readonly cached?: number;
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

/** A claim that the issuer puts only into tokens of people; with any text unless a value is given. */
export interface PersonClaim {
  readonly name: string;
  readonly value?: string;
}

/** How long a verified token is trusted before its signature is checked again, so that a withdrawn key takes effect soon. */
const believedForMs = 60_000;
const clockToleranceSeconds = 5;

export function tokenVerifier({
  key,
  issuer,
  audience,
  algorithms,
  personClaim,
  actorId,
  cached = 10_000,
  now = Date.now,
}: TokenVerifierOptions): TokenVerifier {
  const believed = new Map<string, { readonly caller: Caller; readonly until: number }>();
  const getKey = typeof key === 'function' ? key : () => key;

  async function check(token: string, before: () => void): Promise<Caller> {
    before();
    const { payload } = await jwtVerify(token, getKey, {
      issuer,
      audience,
      algorithms: [...algorithms],
      requiredClaims: ['exp', 'tid'],
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(now()),
    }).catch((error: unknown) => {
      throw refusalOf(error);
    });
    return callerOf(payload, personClaim, actorId);
  }

  function believe(authorization: string, caller: Caller): Caller {
    believed.delete(authorization);
    believed.set(authorization, { caller, until: Math.min(caller.expiresAt, now() + believedForMs) });
    if (believed.size > cached) believed.delete(believed.keys().next().value!);
    return caller;
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
  if (!match) throw invalidToken('malformed');
  return match[1]!;
}

/**
 * Rule R5, and it fails closed: a caller that is not proven to be a person is an app. Entra puts `scp`, the delegated
 * permissions, into every token that a person has signed in for and into no other; it adds `idtyp` only where the
 * application asks for it. A token with `scp` and another `idtyp` contradicts itself.
 */
export function isPerson(payload: JWTPayload, { name, value }: PersonClaim = { name: 'scp' }): boolean {
  const { idtyp } = payload;
  if (idtyp !== undefined) return idtyp === 'user';
  // Own properties only: every object has a `constructor`, for example.
  const sign = Object.hasOwn(payload, name) ? payload[name] : undefined;
  return typeof sign === 'string' && (value === undefined ? sign.trim() !== '' : sign === value);
}

function callerOf(payload: JWTPayload, personClaim: PersonClaim | undefined, actorId: ActorId): Caller {
  const { tid, oid, sub, roles: claimed, exp } = payload;
  if (!isGuid(tid)) throw invalidToken('tid');
  const id = oid ?? sub;
  if (typeof id !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(id)) throw invalidToken(oid === undefined ? 'sub' : 'oid');
  const named = Array.isArray(claimed) ? claimed : [];
  return {
    // It is stored for ever with every event, so it must tell no name or address.
    id: actorId(id),
    tenant: tid.toLowerCase(),
    roles: roles.filter((role) => named.includes(role)),
    app: !isPerson(payload, personClaim),
    expiresAt: exp! * 1000,
  };
}

function refusalOf(error: unknown): Problem {
  if (error instanceof errors.JWTExpired) return invalidToken('expired');
  if (error instanceof errors.JWTClaimValidationFailed) return invalidToken(error.claim);
  if (error instanceof errors.JWKSNoMatchingKey) return invalidToken('signature');
  // Not the caller's fault: the issuer could not be asked for its keys.
  const unreachable = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid;
  if (unreachable || !(error instanceof errors.JOSEError) || error.code === 'ERR_JOSE_GENERIC')
    return new Problem('AuthenticationUnavailable', { outcome: 'none' }, { 'Retry-After': '5' });
  return invalidToken('signature');
}

function invalidToken(reason: string): Problem {
  return new Problem(
    'InvalidToken',
    { reason },
    { 'WWW-Authenticate': `Bearer realm="reseller-ledger", error="invalid_token", error_description="${reason}"` },
  );
}
