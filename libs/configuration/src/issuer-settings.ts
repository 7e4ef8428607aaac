import { FlagText, Matching, Optional, Text, type PersonClaim } from '#http';
import { shown } from '#event-log';
import type { Given, Settled } from './settings.js';

/** Signatures with a public key only. A shared secret in a JWKS would not be secret, and `none` is not a signature. */
const algorithms = [
  'EdDSA',
  'Ed25519',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
];
const url = /^https?:\/\/[^\s/?#]+[^\s]*$/;

export class IssuerVariables {
  @Optional(Matching(url, 'a URL of http or https', 'https://login.example/keys')) JWKS_URL?: string;
  @Optional(Text(500)) JWT_ISSUER?: string;
  @Optional(Text(500)) JWT_AUDIENCE?: string;
  @Optional(
    Matching(
      new RegExp(`^(${algorithms.join('|')})(,(${algorithms.join('|')}))*$`),
      `a list with commas of ${algorithms.join(', ')}`,
      'RS256',
    ),
  )
  JWT_ALGORITHMS?: string;
  @Optional(
    Matching(
      /^[\w.:/-]{1,200}(=[\x21-\x7e]{1,200})?$/,
      'a claim, or a claim=value, that tokens of people carry and no others',
      'token_use=user',
    ),
  )
  JWT_PERSON_CLAIM?: string;
  @Optional(FlagText()) ALLOW_EMBEDDED_KEY?: boolean;
}

/** The issuer of tokens. */
export interface IssuerSettings {
  readonly jwksUrl: URL;
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  readonly personClaim: PersonClaim;
}

/** Absent: the server's own key verifies tokens, which is enough only where no other machine can reach the server. */
export function issuerOf(given: Given<IssuerVariables>, host: string): Settled<IssuerSettings | undefined> {
  const { JWKS_URL, JWT_ISSUER, JWT_AUDIENCE, JWT_ALGORITHMS = 'RS256', JWT_PERSON_CLAIM = 'scp' } = given;
  const faults: string[] = [];
  const jwt = [JWT_ISSUER, JWT_AUDIENCE];
  if (JWKS_URL && jwt.includes(undefined))
    faults.push('JWT_ISSUER and JWT_AUDIENCE must be set with JWKS_URL, so that tokens meant for others are refused');
  if (JWKS_URL && URL.canParse(JWKS_URL)) {
    const { protocol, hostname } = new URL(JWKS_URL);
    if (protocol !== 'https:' && !isLoopback(hostname))
      faults.push('JWKS_URL must be https: anyone who can change the keys in transit can make any token');
  }
  if (!JWKS_URL && (jwt.some(Boolean) || given.JWT_ALGORITHMS || given.JWT_PERSON_CLAIM))
    faults.push(
      'JWKS_URL must be set with JWT_ISSUER, JWT_AUDIENCE, JWT_ALGORITHMS and JWT_PERSON_CLAIM, which have no meaning without it',
    );
  if (!JWKS_URL && !isLoopback(host) && given.ALLOW_EMBEDDED_KEY !== 'true')
    faults.push(
      `HOST ${shown(host)} can be reached from other machines, where the server's own key is not enough: set JWKS_URL, JWT_ISSUER and JWT_AUDIENCE, or ALLOW_EMBEDDED_KEY=true if you know who can reach it`,
    );
  if (!JWKS_URL || faults.length > 0 || !URL.canParse(JWKS_URL)) return { settings: undefined, faults };
  const settings = {
    jwksUrl: new URL(JWKS_URL),
    issuer: JWT_ISSUER!,
    audience: JWT_AUDIENCE!,
    algorithms: JWT_ALGORITHMS.split(','),
    personClaim: personClaimOf(JWT_PERSON_CLAIM),
  };
  return { settings, faults };
}

/** `claim` or `claim=value`. */
function personClaimOf(text: string): PersonClaim {
  const [name, ...value] = text.split('=');
  return { name: name!, ...(value.length > 0 ? { value: value.join('=') } : {}) };
}

/** Whether only this machine reaches what listens there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}
