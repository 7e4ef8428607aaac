import { resolve } from 'node:path';
import {
  faultOfIssuerName,
  FlagText,
  Matching,
  Optional,
  Text,
  WholeText,
  type ClaimSign,
  type TrustedIssuer,
} from '#http';
import { shown } from '#event-log';
import { path } from './paths.js';
import type { Given, Settled } from './settings.js';

/** Signatures with a public key only. A shared secret in a JWKS would not be secret, and `none` is not a signature. */
export const algorithms = [
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
/** A claim, or `claim=value`. */
const sign = /^[\w.:/-]{1,200}(=[\x21-\x7e]{1,200})?$/;

const url = /^https?:\/\/[^\s/?#]+[^\s]*$/;

/** Where an issuer's keys are. */
export const JwksUrl = () => Matching(url, 'a URL of http or https', 'https://login.example/keys');

/** What shows a person, or an app. */
export const Sign = (whose: string) =>
  Matching(sign, `a claim, or a claim=value, that tokens of ${whose} carry and no others`, 'token_use=user');

export class IssuerVariables {
  @Optional(JwksUrl()) JWKS_URL?: string;
  @Optional(Text(4000)) JWT_ISSUER?: string;
  @Optional(Text(4000)) JWT_AUDIENCE?: string;
  @Optional(
    Matching(
      new RegExp(`^(${algorithms.join('|')})(,(${algorithms.join('|')}))*$`),
      `a list with commas of ${algorithms.join(', ')}`,
      'RS256',
    ),
  )
  JWT_ALGORITHMS?: string;
  @Optional(Sign('people')) JWT_PERSON_CLAIM?: string;
  @Optional(Sign('apps')) JWT_APP_CLAIM?: string;
  @Optional(WholeText(60, 315_360_000)) JWT_LIFETIME_MAX_SECONDS?: number;
  @Optional(Matching(path, 'a path, at most 4096 characters', './identity.json')) IDENTITY_FILE?: string;
  @Optional(FlagText()) ALLOW_EMBEDDED_KEY?: boolean;
}

/** An issuer whose tokens are taken. */
export type IssuerSettings = Omit<TrustedIssuer, 'keys'> & { readonly jwksUrl: URL };

/** The issuers of tokens, or the file that names them. */
export type IdentitySettings = { readonly issuers: readonly IssuerSettings[] } | { readonly file: string };

/** Absent: the server's own key verifies tokens, which is enough only where no other machine can reach the server. */
export function identityOf(given: Given<IssuerVariables>, host: string): Settled<IdentitySettings | undefined> {
  const { JWKS_URL, JWT_ISSUER, JWT_AUDIENCE, JWT_ALGORITHMS = 'RS256', IDENTITY_FILE } = given;
  const { JWT_PERSON_CLAIM = 'scp', JWT_APP_CLAIM } = given;
  const faults: string[] = [];
  const ofOneIssuer = { JWKS_URL, JWT_ISSUER, JWT_AUDIENCE, ...optional(given) };
  const set = Object.entries(ofOneIssuer).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (IDENTITY_FILE && set.length > 0)
    faults.push(`IDENTITY_FILE names the issuers, so ${set.join(' and ')} must not be set: say it in the file`);
  const names = listOf(JWT_ISSUER);
  if (JWKS_URL && (names.length === 0 || listOf(JWT_AUDIENCE).length === 0))
    faults.push('JWT_ISSUER and JWT_AUDIENCE must be set with JWKS_URL, so that tokens meant for others are refused');
  const wrongUrl = JWKS_URL && faultOfJwksUrl(JWKS_URL);
  if (wrongUrl) faults.push(`JWKS_URL ${wrongUrl}`);
  for (const name of names) {
    const fault = faultOfIssuerName(name);
    if (fault) faults.push(`JWT_ISSUER ${fault}`);
  }
  if (!JWKS_URL && !IDENTITY_FILE && set.length > 0)
    faults.push(
      'JWKS_URL must be set with JWT_ISSUER, JWT_AUDIENCE, JWT_ALGORITHMS, JWT_PERSON_CLAIM and JWT_APP_CLAIM, which have no meaning without it',
    );
  if (!JWKS_URL && !IDENTITY_FILE && !isLoopback(host) && given.ALLOW_EMBEDDED_KEY !== 'true')
    faults.push(
      `HOST ${shown(host)} can be reached from other machines, where the server's own key is not enough: set JWKS_URL, JWT_ISSUER and JWT_AUDIENCE, or IDENTITY_FILE, or ALLOW_EMBEDDED_KEY=true if you know who can reach it`,
    );
  if (faults.length > 0) return { settings: undefined, faults };
  if (IDENTITY_FILE) return { settings: { file: resolve(IDENTITY_FILE) }, faults };
  if (!JWKS_URL || !URL.canParse(JWKS_URL)) return { settings: undefined, faults };
  const issuer = {
    names,
    jwksUrl: new URL(JWKS_URL),
    audiences: listOf(JWT_AUDIENCE),
    algorithms: JWT_ALGORITHMS.split(','),
    personSigns: [signOf(JWT_PERSON_CLAIM)],
    appSigns: JWT_APP_CLAIM === undefined ? [] : [signOf(JWT_APP_CLAIM)],
  };
  return { settings: { issuers: [issuer] }, faults };
}

const optional = ({ JWT_ALGORITHMS, JWT_PERSON_CLAIM, JWT_APP_CLAIM }: Given<IssuerVariables>) => ({
  JWT_ALGORITHMS,
  JWT_PERSON_CLAIM,
  JWT_APP_CLAIM,
});

/** The values of a list with commas. */
function listOf(text = ''): readonly string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

/** What is wrong with the address of an issuer's keys, as the end of a sentence about it; undefined if nothing is. */
export function faultOfJwksUrl(text: string): string | undefined {
  // A fault of the form is named with the field.
  if (!url.test(text)) return undefined;
  if (!URL.canParse(text)) return 'must be a URL of http or https';
  const { protocol, hostname, username, password } = new URL(text);
  if (/[{}]/.test(text)) return 'must hold no braces: the keys of all tenants are at one address';
  if (username || password) return 'must hold no user name and no password: public keys need none';
  if (protocol !== 'https:' && !isLoopback(hostname))
    return 'must be https: anyone who can change the keys in transit can make any token';
  return undefined;
}

/** `claim` or `claim=value`. */
export function signOf(text: string): ClaimSign {
  const [name, ...value] = text.split('=');
  return { name: name!, ...(value.length > 0 ? { value: value.join('=') } : {}) };
}

/** Whether only this machine reaches what listens there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}
