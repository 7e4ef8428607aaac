import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK } from 'jose';
import { embeddedKey } from '#http';
import { eventually } from '../eventually.js';
import {
  appClaims,
  appUri,
  clientId,
  entraNames,
  globalAdministrator,
  guestClaims,
  keycloakClaims,
  keycloakName,
  newSigner,
  personClaims,
  startIssuer,
  tokenOf,
  type Signer,
  type TestIssuer,
} from '../issuer/test-issuer.js';
import { answerTo } from './raw-socket.js';
import { newCustomer, northwind, pairPath, rheinwolke, runServer, type RunningServer } from './running-server.js';

const keycloakTenant = rheinwolke;
const admins = 'c0ffee00-0001-4000-8000-000000000001';
const directoryReader = '88d8e3e3-8f55-4a1e-953a-9b9898b8876b';

describe('a server that trusts Entra for all tenants, and Keycloak for one', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ledger-issuers-'));
  const file = join(directory, 'identity.json');
  let entra: Signer;
  /** In the keys that all tenants have in common, but of one tenant only. */
  let consumers: Signer;
  let keycloak: Signer;
  let encryption: Signer;
  let rotated: Signer;
  let entraKeys: Signer[];
  let issuer: TestIssuer;
  let server: RunningServer;
  const customer = newCustomer();
  const path = `/v1/customers/${customer}`;
  const theirPath = pairPath(northwind, customer);

  beforeAll(async () => {
    const common = { issuer: entraNames[0] };
    entra = await newSigner('shared', common);
    consumers = await newSigner('consumers', {
      issuer: entraNames[0]!.replace('{tenantid}', '9188040d-6c67-4c5b-b112-36a304b66dad'),
    });
    encryption = await newSigner('encryption', { ...common, use: 'enc' });
    rotated = await newSigner('rotated', common);
    // The same key id as Entra's.
    keycloak = await newSigner('shared');
    entraKeys = [entra, consumers, encryption];
    issuer = await startIssuer({
      entra: () => entraKeys.map(({ jwk }) => jwk),
      keycloak: () => [keycloak.jwk],
    });
    writeFileSync(
      file,
      JSON.stringify([
        {
          issuers: entraNames,
          jwksUrl: issuer.keysAt('entra'),
          audiences: [appUri, clientId],
          roles: [
            { claim: 'roles', roles: ['GlobalAdmin', 'AdminAgent', 'Auditor'] },
            { claim: 'groups', value: admins, roles: ['SalesAgent'] },
            { claim: 'wids', value: globalAdministrator, roles: ['CustomerGlobalAdmin'] },
          ],
        },
        {
          issuers: [keycloakName('rheinwolke')],
          jwksUrl: issuer.keysAt('keycloak'),
          audiences: ['reseller-ledger'],
          tenants: [keycloakTenant],
          person: ['kind=person'],
          app: ['client_id'],
        },
      ]),
    );
    server = await runServer({
      dataDirectory: join(directory, 'data'),
      env: { IDENTITY_FILE: file, TRUSTED_PROXIES: '127.0.0.1', FAILED_TOKEN_LIMIT: '5' },
    });
  });
  afterAll(async () => {
    await server.stop();
    await issuer.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Every caller comes from an address of its own, unless one is named. */
  let addresses = 0;
  const from = (address = `192.0.2.${++addresses % 250}`) => ({ 'x-forwarded-for': address });
  const ask = async (token: string, headers = from()) => {
    const { status, code, body } = await server.get('/v1/customers', { as: token, headers });
    return status === 401 ? `401 ${body.reason}` : code === undefined ? String(status) : `${status} ${code}`;
  };
  const admin = (more: object = {}, version: 1 | 2 = 2) =>
    personClaims({ tenant: northwind, appRoles: ['GlobalAdmin', 'AdminAgent'], more }, version);
  const theirAdmin = (version: 1 | 2 = 2) => personClaims({ tenant: customer, wids: [globalAdministrator] }, version);
  const send = async (to: string, claims: object, body: object = {}) =>
    server.post(to, body, {
      as: await tokenOf(entra, claims),
      headers: { ...from(), ...(to.endsWith('/remove') ? { 'if-match': '*' } : {}) },
    });

  it('lets a partner request, the customer accept and approve, and the partner remove', async () => {
    const request = { customer: { name: 'Contoso' }, market: 'US' };
    expect((await send(`${path}/reseller-relationship/request`, admin({}, 1), request)).status).toBe(200);

    // Nobody accepts for the customer but its own Global administrator in person.
    const accept = `${theirPath}/reseller-relationship/accept`;
    const refused = async (claims: object) => (await send(accept, claims)).code;
    const program = { tenant: customer, appRoles: ['CustomerGlobalAdmin'], wids: [globalAdministrator] };
    expect(await refused(appClaims(program))).toBe('UserContextRequired');
    expect(await refused(appClaims(program, 1))).toBe('UserContextRequired');
    expect(await refused(appClaims({ ...program, more: { scp: 'Ledger.Access' } }))).toBe('UserContextRequired');
    expect(await refused(appClaims({ ...program, more: { idtyp: undefined } }))).toBe('UserContextRequired');
    expect(await refused(personClaims({ tenant: customer }))).toBe('PartnerUnknown');
    expect(await refused(guestClaims({ tenant: customer }, northwind))).toBe('PartnerUnknown');
    // The names of roles are values of `roles` for the partner's people alone: what its admin may give makes nobody a partner.
    expect(await refused(personClaims({ tenant: customer, appRoles: ['GlobalAdmin', 'AdminAgent'] }))).toBe(
      'PartnerUnknown',
    );
    expect(await refused(personClaims({ tenant: customer, appRoles: ['CustomerGlobalAdmin'] }))).toBe('PartnerUnknown');
    expect(await refused(personClaims({ tenant: newCustomer(), wids: [globalAdministrator] }))).toBe(
      'RelationshipNotFound',
    );
    expect((await send(accept, theirAdmin(1))).status).toBe(200);

    expect((await send(`${path}/agreement/confirm`, admin())).status).toBe(200);
    const grant = { grantId: 'gdap-1', name: 'Contoso readers', roles: [directoryReader], durationDays: 180 };
    expect((await send(`${path}/delegated-admin`, admin(), grant)).status).toBe(201);
    expect((await send(`${path}/delegated-admin/gdap-1/lock`, admin())).status).toBe(200);
    const approve = `${theirPath}/delegated-admin/gdap-1/approve`;
    expect((await send(approve, appClaims(program))).code).toBe('UserContextRequired');
    // A guest whom the tenant has made its Global administrator is one.
    const approved = await send(approve, guestClaims({ tenant: customer, wids: [globalAdministrator] }, northwind));
    expect(approved.body.events).toEqual(['DelegatedAdminApproved', 'DelegatedAdminActivated']);

    const remove = `${path}/reseller-relationship/remove`;
    const partnersApp = appClaims({ tenant: northwind, appRoles: ['GlobalAdmin', 'AdminAgent'] });
    expect((await send(remove, partnersApp)).code).toBe('UserContextRequired');
    expect((await send(remove, theirAdmin())).code).not.toBeUndefined();
    expect((await send(remove, admin())).status).toBe(200);
  });

  it('takes Keycloak’s people and programs by the signs that it was told', async () => {
    const person = keycloakClaims('rheinwolke', { tenant: keycloakTenant, appRoles: ['GlobalAdmin', 'AdminAgent'] });
    const remove = async (claims: object) => {
      const to = `/v1/customers/${newCustomer()}/reseller-relationship/remove`;
      const as = await tokenOf(keycloak, claims);
      return (await server.post(to, {}, { as, headers: { ...from(), 'if-match': '*' } })).code;
    };
    expect(await remove(person)).toBe('RelationshipNotFound');
    expect(await remove({ ...person, client_id: 'nightly' })).toBe('UserContextRequired');
    expect(await remove({ ...person, kind: undefined })).toBe('UserContextRequired');
    expect(await ask(await tokenOf(keycloak, person))).toBe('200');
  });

  it('gives roles by group, and none where the token does not carry all groups', async () => {
    const sales = (more: object) => personClaims({ tenant: northwind, ...more });
    expect(await ask(await tokenOf(entra, sales({ groups: [admins.toUpperCase()] })))).toBe('200');
    expect(await ask(await tokenOf(entra, sales({ groups: [randomUUID()] })))).toBe('403 RoleNotAllowed');
    const overage = {
      _claim_names: { groups: 'src1' },
      _claim_sources: { src1: { endpoint: 'https://graph.example' } },
    };
    expect(await ask(await tokenOf(entra, sales({ more: overage })))).toBe('403 RoleNotAllowed');
    await eventually('a warning', () => server.output().includes('does not carry all its groups'));
  });

  it.each<[string, (now: number) => object, string]>([
    ['of another tenant than it says', () => admin({ tid: rheinwolke }), '401 tid'],
    ['of an issuer in another form', () => admin({ iss: `https://login.microsoftonline.com/${northwind}` }), '401 iss'],
    ['of a sovereign cloud', () => admin({ iss: `https://login.microsoftonline.us/${northwind}/v2.0` }), '401 iss'],
    ['of Keycloak, by Entra’s key', () => keycloakClaims('rheinwolke', { tenant: keycloakTenant }), '401 signature'],
    ['for another server', () => admin({ aud: '00000003-0000-0000-c000-000000000000' }), '401 aud'],
    ['that has ended', (now) => admin({ iat: now - 4_000, exp: now - 60 }), '401 expired'],
    ['that has not begun', (now) => admin({ nbf: now + 600 }), '401 nbf'],
    ['that lives for a week', (now) => admin({ exp: now + 7 * 86_400 }), '401 lifetime'],
    ['that is for signing in', () => admin({ nonce: 'n' }), '401 nonce'],
  ])('takes no token %s', async (_, claims, expected) => {
    const { iat } = admin() as { readonly iat: number };
    expect(await ask(await tokenOf(entra, claims(iat)))).toBe(expected);
  });

  it('has a token proven by keys of its own issuer and tenant alone', async () => {
    expect(await ask(await tokenOf(keycloak, admin()))).toBe('401 signature');
    expect(await ask(await tokenOf(consumers, admin()))).toBe('401 signature');
    expect(await ask(await tokenOf(encryption, admin()))).toBe('401 signature');
    expect(await ask(await tokenOf(entra, admin(), { kid: undefined }))).toBe('200');
    expect(await ask(await tokenOf(keycloak, admin(), { kid: undefined }))).toBe('401 signature');
    const own = await embeddedKey(join(server.store.keysDirectory, 'token-key.json'));
    const ownSigner = {
      kid: 'shared',
      signing: own.signing,
      jwk: { ...(await exportJWK(own.verification)), alg: 'EdDSA' },
    };
    expect(await ask(await tokenOf(ownSigner, admin()))).toBe('401 alg');
    const other = keycloakClaims('rheinwolke', { tenant: northwind, appRoles: ['GlobalAdmin'] });
    expect(await ask(await tokenOf(keycloak, other))).toBe('401 tid');
    expect(await ask(await tokenOf(entra, admin(), { typ: 'logout+jwt' }))).toBe('401 typ');
  });

  it('takes no request with two tokens, however they are sent', async () => {
    const token = await tokenOf(entra, admin());
    const headers = { ...from(), authorization: `Bearer ${token}, Bearer ${token}` };
    expect((await server.get('/v1/customers', { as: null, headers })).code).toBe('InvalidToken');
    const field = `Authorization: Bearer ${token}\r\n`;
    const answered = (fields: string) =>
      answerTo(server.port, `GET /v1/customers HTTP/1.1\r\nHost: ledger\r\nConnection: close\r\n${fields}\r\n`);
    expect(await answered(field)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await answered(field + field)).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('does not ask for keys because of every token that names one it does not know', async () => {
    const before = issuer.fetches('entra');
    const stranger = await newSigner();
    const tokens = await Promise.all(
      Array.from({ length: 40 }, () => tokenOf(stranger, admin(), { kid: randomUUID() })),
    );
    expect(new Set(await Promise.all(tokens.map((token) => ask(token))))).toEqual(new Set(['401 signature']));
    expect(issuer.fetches('entra') - before).toBeLessThan(10);
  });

  it('finds a new key soon', async () => {
    entraKeys = [rotated];
    const token = await tokenOf(rotated, admin());
    await eventually('a token of the new key', async () => (await ask(token)) === '200');
    expect(await ask(await tokenOf(entra, admin()))).toBe('401 signature');
  });

  it('counts what it cannot verify against the address, and asks an issuer that is away seldom', async () => {
    const away = await runServer({
      env: { IDENTITY_FILE: file, TRUSTED_PROXIES: '127.0.0.1', FAILED_TOKEN_LIMIT: '5' },
    });
    issuer.instead = (response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    const answers: string[] = [];
    for (let i = 0; i < 12; i++) {
      const as = await tokenOf(entra, admin());
      const { status, code } = await away.get('/v1/customers', { as, headers: from('198.51.100.1') });
      answers.push(`${status} ${code}`);
    }
    const unavailable = answers.filter((each) => each === '503 AuthenticationUnavailable');
    expect([unavailable.length, answers.at(-1)]).toEqual([5, '429 TooManyRequests']);
    // What is wrong whoever has signed it is refused and counted all the same.
    for (let i = 0; i < 6; i++) {
      const as = await tokenOf(entra, admin({ aud: 'another' }));
      const { status } = await away.get('/v1/customers', { as, headers: from('198.51.100.2') });
      expect(status).toBe(i < 5 ? 401 : 429);
    }
    await eventually('a warning', () =>
      away.output().includes('keys of the token issuer could not be fetched: it answers with status 302'),
    );
    issuer.instead = undefined;
    const late = await tokenOf(rotated, admin());
    await eventually('a token that is taken', async () => {
      const { status } = await away.get('/v1/customers', { as: late, headers: from() });
      return status === 200;
    });
    await away.end();
  });
});
