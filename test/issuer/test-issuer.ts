import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { timeOfDay } from '../wall-clock.js';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

// An issuer of tokens in the shapes of Microsoft Entra ID and Keycloak, for tests and for trying the server by hand. What it
// signs is good nowhere else. Its names are those that the server must be told; its keys are at addresses of this machine.

/** The template of the role Global Administrator in every directory of Entra. */
export const globalAdministrator = '62e90394-69f5-4237-9190-012177145e10';
/** What Entra puts into `wids` of everybody. */
const everybody = 'b79fbf4d-3ef9-4689-8143-76b194e85509';

/** As the server has to be told. */
export const entraNames = ['https://login.microsoftonline.com/{tenantid}/v2.0', 'https://sts.windows.net/{tenantid}/'];
export const keycloakName = (realm: string) => `https://keycloak.example/realms/${realm}`;

export const clientId = '7d1f0c52-0001-4000-8000-00000000000a';
export const appUri = 'api://reseller-ledger';

export interface Signer {
  readonly kid: string;
  readonly signing: CryptoKey;
  readonly jwk: JWK;
}

export async function newSigner(kid: string = randomUUID(), more: object = {}, alg = 'RS256'): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg);
  const jwk = { ...(await exportJWK(publicKey)), kid, use: 'sig', ...more };
  return { kid, signing: privateKey, jwk };
}

export interface TestIssuer {
  /** Where the keys of a set are. */
  readonly keysAt: (set: string) => string;
  /** How often the keys of a set were fetched. */
  readonly fetches: (set: string) => number;
  /** What is answered instead of keys, until it is undefined again. */
  instead: ((response: ServerResponse, request: IncomingMessage) => void) | undefined;
  readonly close: () => Promise<void>;
}

/** Serves each set of keys, as it is at the time, under `/NAME/keys`. */
export async function startIssuer(sets: Readonly<Record<string, () => readonly JWK[]>>, port = 0): Promise<TestIssuer> {
  const fetched = new Map<string, number>();
  const server = createServer((request, response) => {
    const name = /^\/([\w-]+)\/keys$/.exec(request.url ?? '')?.[1] ?? '';
    fetched.set(name, (fetched.get(name) ?? 0) + 1);
    if (issuer.instead) return issuer.instead(response, request);
    const keys = sets[name]?.();
    if (!keys) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }));
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: chosen } = server.address() as AddressInfo;
  const issuer: TestIssuer = {
    keysAt: (set) => `http://127.0.0.1:${chosen}/${set}/keys`,
    fetches: (set) => fetched.get(set) ?? 0,
    instead: undefined,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return issuer;
}

export interface Person {
  /** The tenant in which the person has signed in. */
  readonly tenant: string;
  readonly oid?: string;
  readonly appRoles?: readonly string[];
  /** Templates of roles in the directory. */
  readonly wids?: readonly string[];
  readonly groups?: readonly string[];
  /** Any other claim, or another value; undefined takes one away. */
  readonly more?: object;
}

const entra = (tenant: string, version: 1 | 2, more: object) => {
  const now = Math.floor(timeOfDay().getTime() / 1000);
  const [v2 = '', v1 = ''] = entraNames.map((name) => name.replace('{tenantid}', tenant));
  return {
    aud: version === 1 ? appUri : clientId,
    iss: version === 1 ? v1 : v2,
    iat: now,
    nbf: now,
    exp: now + 4_000,
    aio: 'AXQAi/8TAAAA',
    rh: '0.AAAA',
    uti: randomUUID(),
    sub: randomUUID(),
    tid: tenant,
    ver: `${version}.0`,
    ...(version === 1 ? { appid: clientId, appidacr: '1' } : { azp: clientId, azpacr: '1' }),
    ...more,
  };
};

/** What Entra says of somebody who has signed in. */
export const personClaims = (person: Person, version: 1 | 2 = 2): object =>
  entra(person.tenant, version, {
    oid: person.oid ?? randomUUID(),
    scp: 'Ledger.Access',
    acct: 0,
    name: 'Jane Doe',
    wids: [...(person.wids ?? []), everybody],
    ...(person.appRoles ? { roles: person.appRoles } : {}),
    ...(person.groups ? { groups: person.groups } : {}),
    ...person.more,
  });

/** What Entra says of a guest: the tenant is the one that was visited, and so are the roles. */
export const guestClaims = (person: Person, home: string, version: 1 | 2 = 2): object =>
  personClaims({ ...person, more: { acct: 1, idp: `https://sts.windows.net/${home}/`, ...person.more } }, version);

/** What Entra says of a program with a secret of its own. */
export const appClaims = (
  { tenant, oid = randomUUID(), appRoles = [], wids = [], more = {} }: Person,
  version: 1 | 2 = 2,
): object => entra(tenant, version, { oid, sub: oid, roles: appRoles, wids, idtyp: 'app', ...more });

/** What Keycloak says of a user, with the mappers that docs/identity.md names. */
export const keycloakClaims = (
  realm: string,
  { tenant, oid = randomUUID(), appRoles = [], more = {} }: Person,
): object => {
  const now = Math.floor(timeOfDay().getTime() / 1000);
  return {
    exp: now + 300,
    iat: now,
    jti: `onrtac:${randomUUID()}`,
    iss: keycloakName(realm),
    aud: ['reseller-ledger', 'account'],
    sub: oid,
    typ: 'Bearer',
    azp: 'portal',
    sid: randomUUID(),
    acr: '1',
    scope: 'email profile',
    preferred_username: 'jane',
    tid: tenant,
    roles: appRoles,
    kind: 'person',
    ...more,
  };
};

/** A token with these claims; `header` may say something else than the truth. */
export function tokenOf({ kid, signing, jwk }: Signer, claims: object, header: object = {}): Promise<string> {
  const alg = jwk.alg ?? (jwk.kty === 'RSA' ? 'RS256' : 'ES256');
  return new SignJWT({ ...claims }).setProtectedHeader({ typ: 'JWT', alg, kid, ...header }).sign(signing);
}
