import { beforeAll, describe, expect, it } from '@jest/globals';
import { generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey } from 'jose';
import { timeOfDay } from '../../../test/wall-clock.js';
import { actorIds } from './actor-id.js';
import type { TrustedIssuer } from './issuer.js';
import { KeysUnavailable, ownKey, type KeySet } from './key-set.js';
import { Problem } from './problem.js';
import { tokenVerifier, type TokenVerifierOptions } from './token-verifier.js';

const tenant = 'a1a1a1a1-0001-4000-8000-000000000001';
const claims = {
  tid: tenant,
  oid: 'D4E5F6A7-0001-4000-8000-000000000001',
  roles: ['GlobalAdmin', 'Cook'],
  scp: 'Ledger.Access',
};
let key: CryptoKey;
let signing: CryptoKey;
let stranger: CryptoKey;

beforeAll(async () => {
  ({ publicKey: key, privateKey: signing } = await generateKeyPair('Ed25519'));
  ({ privateKey: stranger } = await generateKeyPair('Ed25519'));
});

const ofActor = actorIds(Buffer.alloc(32));

const issuerOf = (more: Partial<TrustedIssuer> = {}): TrustedIssuer => ({
  names: ['issuer'],
  keys: ownKey(key),
  audiences: ['ledger'],
  algorithms: ['EdDSA'],
  ...more,
});
const verifier = (issuer: Partial<TrustedIssuer> = {}, options: Partial<TokenVerifierOptions> = {}) =>
  tokenVerifier({ issuers: [issuerOf(issuer)], actorId: ofActor, ...options });

function token(
  payload: object = claims,
  { by = signing, issuer = 'issuer', audience = 'ledger', expires = '10 minutes', notBefore = '' } = {},
) {
  const jwt = new SignJWT({ ...payload })
    .setProtectedHeader({ alg: 'EdDSA' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject('subject');
  if (expires) jwt.setExpirationTime(expires);
  if (notBefore) jwt.setNotBefore(notBefore);
  return jwt.sign(by);
}

async function refusal(authorization: string | undefined, issuer: Partial<TrustedIssuer> = {}) {
  try {
    await verifier(issuer).verify(authorization);
  } catch (error) {
    if (error instanceof Problem) return { code: error.code, reason: error.members['reason'], headers: error.headers };
    throw error;
  }
  return undefined;
}

describe('a token', () => {
  it('identifies the caller: known roles only, GUIDs in lower case', async () => {
    expect(await verifier().verify(`Bearer ${await token()}`)).toEqual({
      id: claims.oid.toLowerCase(),
      tenant,
      roles: ['GlobalAdmin'],
      app: false,
      expiresAt: expect.any(Number),
    });
  });

  it('may be refused before it is verified for the first time; a known one never is', async () => {
    let now = timeOfDay().getTime();
    const asked: string[] = [];
    const spent = (name: string) => () => {
      asked.push(name);
      throw new Problem('TooManyRequests');
    };
    const one = verifier({}, { now: () => now });
    const known = `Bearer ${await token()}`;
    await one.verify(known);
    expect(one.verify(known, spent('believed'))).toMatchObject({ tenant });
    // Verified again after a minute, yet known.
    now += 61_000;
    expect(await one.verify(known, spent('known'))).toMatchObject({ tenant });
    await expect(one.verify(`Bearer ${await token({ ...claims, oid: 'new' })}`, spent('new'))).rejects.toThrow(
      'TooManyRequests',
    );
    await expect(one.verify('Bearer a.b.c', spent('bad'))).rejects.toThrow('TooManyRequests');
    // What is plainly no token costs nothing.
    expect(() => one.verify('Bearer no-token', spent('none'))).toThrow('InvalidToken');
    expect(asked).toEqual(['new', 'bad']);
  });

  it('of a program says so, and has its subject for an id where it has no object id', async () => {
    const caller = await verifier().verify(`bearer ${await token({ tid: tenant.toUpperCase(), idtyp: 'app' })}`);
    expect(caller).toEqual({ id: ofActor('subject'), tenant, roles: [], app: true, expiresAt: expect.any(Number) });
  });

  it.each([
    ['expired', () => token(claims, { expires: '1 minute ago' }), 'expired'],
    ['not valid yet', () => token(claims, { notBefore: '1 minute' }), 'nbf'],
    ['without an end', () => token(claims, { expires: '' }), 'exp'],
    ['of another issuer', () => token(claims, { issuer: 'somebody' }), 'iss'],
    ['for another server', () => token(claims, { audience: 'another' }), 'aud'],
    ['signed by another key', () => token(claims, { by: stranger }), 'signature'],
    ['without a tenant', () => token({ oid: 'x' }), 'tid'],
    ['whose tenant is no GUID', () => token({ ...claims, tid: 'contoso' }), 'tid'],
    ['whose id is no identifier', () => token({ ...claims, oid: 'Jane Doe' }), 'oid'],
    [
      'without a signature',
      async () => new UnsecuredJWT(claims).setIssuer('issuer').setAudience('ledger').setExpirationTime('1h').encode(),
      'malformed',
    ],
  ])('%s is refused', async (_, make, reason) => {
    const refused = await refusal(`Bearer ${await make()}`);
    expect(refused).toMatchObject({ code: 'InvalidToken', reason });
    expect(refused!.headers['WWW-Authenticate']).toContain('error="invalid_token"');
  });

  it('whose algorithm is not on the list is refused, whatever its key', async () => {
    expect(await refusal(`Bearer ${await token()}`, { algorithms: ['RS256'] })).toMatchObject({ code: 'InvalidToken' });
  });

  it.each(['', 'Basic abc', 'Bearer', 'Bearer a.b', 'Bearer a.b.c d', 'a.b.c'])(
    'is not found in %j',
    async (header) => {
      expect(await refusal(header)).toMatchObject({ code: 'InvalidToken' });
    },
  );

  it('that is missing is asked for', async () => {
    expect(await refusal(undefined)).toMatchObject({ code: 'Unauthenticated' });
  });

  it('is not refused as invalid when the keys cannot be fetched', async () => {
    const unavailable = () => Promise.reject(new KeysUnavailable(7));
    for (const keys of [
      { known: unavailable, renew: unavailable },
      { known: () => Promise.resolve([]), renew: unavailable },
    ])
      expect(await refusal(`Bearer ${await token()}`, { keys })).toMatchObject({
        code: 'AuthenticationUnavailable',
        headers: { 'Retry-After': '7' },
      });
  });

  it('is judged without its key as far as possible', async () => {
    let asked = 0;
    const keys: KeySet = {
      known() {
        asked++;
        return Promise.reject(new KeysUnavailable(7));
      },
      renew: () => Promise.resolve(false),
    };
    for (const bad of [
      await token(claims, { expires: '1 minute ago' }),
      await token(claims, { issuer: 'somebody' }),
      await token(claims, { audience: 'another' }),
      await token({ ...claims, tid: 'contoso' }),
      await token({ ...claims, oid: 'Jane Doe' }),
    ])
      expect(await refusal(`Bearer ${bad}`, { keys })).toMatchObject({ code: 'InvalidToken' });
    expect(asked).toBe(0);
    // Anything else is a bug here, and no fault of the token.
    await expect(
      verifier({ keys: { ...keys, known: () => Promise.reject(new RangeError('bug')) } }).verify(
        `Bearer ${await token()}`,
      ),
    ).rejects.toThrow('bug');
  });
});

describe('a verified token', () => {
  it('is believed for a minute, and then verified again', async () => {
    let verifications = 0;
    let now = timeOfDay().getTime();
    const counted: KeySet = {
      ...ownKey(key),
      known() {
        verifications++;
        return ownKey(key).known();
      },
    };
    const { verify } = verifier({ keys: counted }, { now: () => now });
    const header = `Bearer ${await token()}`;
    await verify(header);
    now += 59_999;
    expect(verify(header)).toMatchObject({ tenant });
    expect(verifications).toBe(1);
    now += 2;
    await verify(header);
    expect(verifications).toBe(2);
  });

  it('is not believed beyond its end', async () => {
    let now = timeOfDay().getTime();
    const { verify } = verifier({}, { now: () => now });
    const header = `Bearer ${await token(claims, { expires: '10 seconds' })}`;
    await verify(header);
    // The tolerance for clocks that differ is five seconds.
    now += 16_000;
    await expect(verify(header)).rejects.toThrow('InvalidToken');
  });

  it('is forgotten when too many others came', async () => {
    const { verify, cached } = verifier({}, { cached: 2 });
    const first = `Bearer ${await token()}`;
    await verify(first);
    for (const id of ['a', 'b']) await verify(`Bearer ${await token({ ...claims, oid: id })}`);
    expect(cached()).toBe(2);
    expect(verify(first)).toBeInstanceOf(Promise);
  });
});
