import { roles, type Role } from '#customer-relationship';
import { base64url, decodeJwt, decodeProtectedHeader, errors, UnsecuredJWT, type JWTPayload } from 'jose';
import { isGuid } from './fields.js';
import { tokenTypes, type ClaimSign, type NamedIssuer, type RoleGrant, type TrustedIssuer } from './issuer.js';
import { Problem } from './problem.js';

/** What a token says, in order but for its signature. */
export interface Claims {
  readonly issuer: TrustedIssuer;
  readonly mayUseKeyOf: NamedIssuer['mayUseKeyOf'];
  readonly alg: string;
  readonly kid: string | undefined;
  /** In lower case. */
  readonly tenant: string;
  readonly payload: JWTPayload;
}

export interface TokenBounds {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly lifetimeMaxSeconds: number;
}

const clockToleranceSeconds = 5;

/** Judges everything of a token for which no key is needed. @throws Problem 401 */
export function claimsOf(
  token: string,
  issuerOf: (iss: string) => NamedIssuer | undefined,
  { now, lifetimeMaxSeconds }: TokenBounds,
): Claims {
  const { header, unproven } = partsOf(token);
  const named = typeof unproven.iss === 'string' ? issuerOf(unproven.iss) : undefined;
  if (!named) throw invalidToken('iss');
  const { issuer, mayUseKeyOf } = named;

  const { alg, kid, typ } = header;
  // No extension is known here (RFC 7515, 4.1.11).
  if (Object.hasOwn(header, 'crit')) throw invalidToken('crit');
  if (!isTokenType(typ, issuer.types)) throw invalidToken('typ');
  if (typeof alg !== 'string' || !issuer.algorithms.includes(alg)) throw invalidToken('alg');
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > 256)) throw invalidToken('kid');

  const payload = inTime(token, issuer.audiences, now);
  requireShortLife(payload, now, lifetimeMaxSeconds);
  requireNoIdToken(payload);
  return { issuer, mayUseKeyOf, alg, kid, tenant: tenantOf(payload, named), payload };
}

function partsOf(token: string) {
  try {
    const header: Readonly<Record<string, unknown>> = decodeProtectedHeader(token);
    return { header, unproven: decodeJwt(token) };
  } catch {
    throw invalidToken('malformed');
  }
}

/** RFC 7515, 4.1.9: without case, and `application/` may stand before it. Tokens that name no type are as old as JWT itself. */
function isTokenType(typ: unknown, types: readonly string[] | undefined): boolean {
  if (typ === undefined) return types === undefined;
  if (typeof typ !== 'string') return false;
  const named = typ.toLowerCase().replace(/^application\//, '');
  return (types ?? tokenTypes).some((type) => type.toLowerCase() === named);
}

const unsecured = base64url.encode(JSON.stringify({ alg: 'none' }));

/** The claims of a token that is meant for one of the audiences, has begun and has not ended. */
function inTime(token: string, audiences: readonly string[], now: number): JWTPayload {
  try {
    // The library judges claims after the signature, for which a key is needed. So it is given the claims alone.
    return UnsecuredJWT.decode(`${unsecured}.${token.split('.')[1]!}.`, {
      audience: [...audiences],
      requiredClaims: ['exp', 'tid'],
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(now),
    }).payload;
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw invalidToken('expired');
    if (error instanceof errors.JWTClaimValidationFailed) throw invalidToken(error.claim);
    throw invalidToken('malformed');
  }
}

/** A stolen token must not be good for ever. */
function requireShortLife({ exp, iat }: JWTPayload, now: number, lifetimeMaxSeconds: number): void {
  const seconds = now / 1000 + clockToleranceSeconds;
  if (iat !== undefined && iat > seconds) throw invalidToken('iat');
  if (exp! > seconds + lifetimeMaxSeconds || exp! - (iat ?? exp!) > lifetimeMaxSeconds) throw invalidToken('lifetime');
}

/** Claims that only ID tokens have: OpenID Connect Core 1.0, 2 and 3.3.2.11. */
const ofIdTokens = ['nonce', 'at_hash', 'c_hash'];
/** What Keycloak calls, in a claim `typ`, tokens that are no access tokens. */
const otherTypes: ReadonlySet<unknown> = new Set(['ID', 'Refresh', 'Offline', 'Logout']);

/** An ID token is for the program that a person signs in to. Where that shares its registration with this server, only this tells. */
function requireNoIdToken(payload: JWTPayload): void {
  for (const name of ofIdTokens) if (Object.hasOwn(payload, name)) throw invalidToken(name);
  if (otherTypes.has(payload['typ'])) throw invalidToken('typ');
}

function tenantOf({ tid }: JWTPayload, { issuer, tenant }: NamedIssuer): string {
  if (!isGuid(tid)) throw invalidToken('tid');
  const lower = tid.toLowerCase();
  // The issuer vouches for its own tenants only.
  if ((tenant !== undefined && tenant !== lower) || issuer.tenants?.has(lower) === false) throw invalidToken('tid');
  return lower;
}

const scp: readonly ClaimSign[] = [{ name: 'scp' }];

/**
 * Rule R5, and it fails closed: a caller that is not proven to be a person is an app. Entra puts `scp`, the delegated
 * permissions, into every token that a person has signed in for and into no other; it adds `idtyp` only where the
 * application asks for it. A token with `scp` and another `idtyp` contradicts itself.
 */
export function isPerson(
  payload: JWTPayload,
  { personSigns = scp, appSigns = [] }: Pick<TrustedIssuer, 'personSigns' | 'appSigns'> = {},
): boolean {
  if (appSigns.some((sign) => showsApp(payload, sign))) return false;
  const { idtyp } = payload;
  if (idtyp !== undefined) return idtyp === 'user';
  return personSigns.some((sign) => showsPerson(payload, sign));
}

function showsPerson(payload: JWTPayload, { name, value }: ClaimSign): boolean {
  const claim = own(payload, name);
  return typeof claim === 'string' && (value === undefined ? claim.trim() !== '' : claim === value);
}

/** The sign of an app need not be well formed. */
function showsApp(payload: JWTPayload, { name, value }: ClaimSign): boolean {
  const claim = own(payload, name);
  return claim !== undefined && (value === undefined || [claim].flat().includes(value));
}

/** Own properties only: every object has a `constructor`, for example. */
function own(payload: JWTPayload, name: string): unknown {
  return Object.hasOwn(payload, name) ? payload[name] : undefined;
}

/** The roles of a caller, in the order of {@link roles}. What is not known grants nothing. */
export function grantedRoles(
  payload: JWTPayload,
  grants: readonly RoleGrant[] | undefined,
  onTruncated: (claim: string) => void,
): readonly Role[] {
  if (!grants) {
    const named = valuesOf(payload, 'roles');
    return roles.filter((role) => named.includes(role));
  }
  const truncated = new Set(grants.map(({ claim }) => claim).filter((claim) => isTruncated(payload, claim)));
  for (const claim of truncated) onTruncated(claim);
  const held = new Set(
    grants
      .filter(
        ({ claim, value }) => !truncated.has(claim) && valuesOf(payload, claim).some((each) => isSame(each, value)),
      )
      .flatMap((grant) => grant.roles),
  );
  return roles.filter((role) => held.has(role));
}

function valuesOf(payload: JWTPayload, claim: string): readonly unknown[] {
  const values = own(payload, claim);
  return Array.isArray(values) ? values : [];
}

function isSame(one: unknown, other: string): boolean {
  return one === other || (isGuid(one) && one.toLowerCase() === other.toLowerCase());
}

/** Entra leaves out the groups of who is in too many of them, and names a place where they can be asked for (OpenID Connect Core 1.0, 5.6.2). */
function isTruncated(payload: JWTPayload, claim: string): boolean {
  const names = own(payload, '_claim_names');
  if (typeof names === 'object' && names !== null && Object.hasOwn(names, claim)) return true;
  return claim === 'groups' && own(payload, 'hasgroups') !== undefined;
}

export function invalidToken(reason: string): Problem {
  return new Problem(
    'InvalidToken',
    { reason },
    { 'WWW-Authenticate': `Bearer realm="reseller-ledger", error="invalid_token", error_description="${reason}"` },
  );
}
