import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { embeddedKey, signToken } from '#http';
import { eventually } from '../eventually.js';
import { startServer, type ServerProcess } from '../server-process.js';
import { northwind, partners } from './running-server.js';

describe('a server that trusts an identity provider', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ledger-jwks-'));
  const dataDirectory = join(directory, 'data');
  let provider: Server;
  let keys: object[] = [];
  let down = false;
  let signing: CryptoKey;
  let server: ServerProcess;

  const token = (by: CryptoKey, kid: string, alg = 'ES256', claims: object = { scp: 'Ledger.Access' }) =>
    new SignJWT({ tid: northwind, oid: 'user-1', roles: ['GlobalAdmin'], ...claims })
      .setProtectedHeader({ alg, kid })
      .setIssuer('https://login.example/tenant')
      .setAudience('api://ledger')
      .setExpirationTime('5m')
      .sign(by);
  const ask = async (as: string) => {
    const response = await fetch(`${server.url}/v1/customers`, { headers: { authorization: `Bearer ${as}` } });
    return { status: response.status, body: (await response.json()) as any };
  };

  beforeAll(async () => {
    const pair = await generateKeyPair('ES256');
    signing = pair.privateKey;
    keys = [{ ...(await exportJWK(pair.publicKey)), kid: 'first', alg: 'ES256', use: 'sig' }];
    provider = createServer((_, response) => {
      if (down) response.writeHead(503).end();
      else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }));
    }).listen(0, '127.0.0.1');
    await once(provider, 'listening');
    server = await startServer({
      dataDirectory,
      partners,
      env: {
        JWKS_URL: `http://127.0.0.1:${(provider.address() as AddressInfo).port}/keys`,
        JWT_ISSUER: 'https://login.example/tenant',
        JWT_AUDIENCE: 'api://ledger',
        JWT_ALGORITHMS: 'ES256',
      },
    });
  });
  afterAll(async () => {
    await server.stop();
    provider.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('cannot verify while the provider is away, and says that it is not the caller’s fault', async () => {
    down = true;
    expect(await ask(await token(signing, 'first'))).toMatchObject({
      status: 503,
      body: { code: 'AuthenticationUnavailable', outcome: 'none', retryable: true },
    });
    down = false;
  });

  it('takes its tokens soon after it is back', async () => {
    await eventually('a token that is taken', async () => (await ask(await token(signing, 'first'))).status === 200);
  });

  // As Entra issues them: idtyp only on request, scp for a person who has signed in.
  it.each([
    ['a person, v1', { ver: '1.0', appid: 'portal', appidacr: '1', scp: 'Ledger.Access' }, 'RelationshipNotFound'],
    ['a person, v2', { ver: '2.0', azp: 'portal', azpacr: '1', scp: 'Ledger.Access' }, 'RelationshipNotFound'],
    ['a person, with idtyp', { ver: '2.0', azp: 'portal', scp: 'a b', idtyp: 'user' }, 'RelationshipNotFound'],
    ['an app, v1', { ver: '1.0', appid: 'portal', appidacr: '1' }, 'UserContextRequired'],
    ['an app, v2', { ver: '2.0', azp: 'portal', azpacr: '2' }, 'UserContextRequired'],
    ['an app, with idtyp', { ver: '2.0', azp: 'portal', idtyp: 'app' }, 'UserContextRequired'],
    ['both at once', { ver: '2.0', azp: 'portal', scp: 'Ledger.Access', idtyp: 'app' }, 'UserContextRequired'],
  ])('R5: lets a person remove a relationship, and no app: %s', async (_, claims, code) => {
    const path = `/v1/customers/${randomUUID()}/reseller-relationship/remove`;
    const response = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await token(signing, 'first', 'ES256', claims)}`,
        'idempotency-key': randomUUID(),
        'if-match': '*',
      },
    });
    expect(await response.json()).toMatchObject({ code });
  });

  it('takes none of its own key any more', async () => {
    const own = await embeddedKey(join(dataDirectory, 'keys', 'token-key.json'));
    const claims = { tenant: northwind, id: 'user-1', roles: ['GlobalAdmin'], app: false, minutes: 5 };
    expect(await ask(await signToken(own.signing, claims))).toMatchObject({
      status: 401,
      body: { code: 'InvalidToken' },
    });
  });

  it('takes none of a key that the provider does not name, nor of an algorithm that it does not expect', async () => {
    const stranger = await generateKeyPair('ES256');
    const other = await generateKeyPair('RS256');
    expect(await ask(await token(stranger.privateKey, 'second'))).toMatchObject({
      status: 401,
      body: { code: 'InvalidToken' },
    });
    expect(await ask(await token(stranger.privateKey, 'first'))).toMatchObject({
      status: 401,
      body: { code: 'InvalidToken' },
    });
    expect(await ask(await token(other.privateKey, 'first', 'RS256'))).toMatchObject({
      status: 401,
      body: { code: 'InvalidToken' },
    });
  });

  it('believes a verified token for a while when the provider is away', async () => {
    const known = await token(signing, 'first');
    expect((await ask(known)).status).toBe(200);
    down = true;
    expect((await ask(known)).status).toBe(200);
    down = false;
  });
});
