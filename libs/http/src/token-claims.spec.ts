import { describe, expect, it } from '@jest/globals';
import { SignJWT, type JWTPayload } from 'jose';
import { issuersByName, type ClaimSign, type RoleGrant, type TrustedIssuer } from './issuer.js';
import { Problem } from './problem.js';
import { claimsOf, grantedRoles, isPerson } from './token-claims.js';

const tenant = 'a1a1a1a1-0001-4000-8000-000000000001';
const other = 'b2b2b2b2-0001-4000-8000-000000000001';
const now = Date.parse('2026-11-30T12:00:00Z');
const seconds = now / 1000;
const v2 = 'https://login.example/{tenantid}/v2.0';
const v1 = 'https://sts.example/{tenantid}/';
/** Nothing here asks for a key. */
const keys = { known: () => Promise.reject(new Error('asked')), renew: () => Promise.reject(new Error('asked')) };
const issuer: TrustedIssuer = { names: [v2, v1], keys, audiences: ['ledger'], algorithms: ['HS256'] };

const filled = (name: string, tid: string) => name.replace('{tenantid}', tid);
const whole = { tid: tenant, aud: 'ledger', iat: seconds, exp: seconds + 3600 };

function token(payload: object = {}, header: object = {}) {
  return new SignJWT({ iss: filled(v2, tenant), ...whole, ...payload })
    .setProtectedHeader({ alg: 'HS256', ...header })
    .sign(Buffer.alloc(32));
}

async function judged(payload: object = {}, header: object = {}, more: Partial<TrustedIssuer> = {}) {
  const issuerOf = issuersByName([{ ...issuer, ...more }]);
  try {
    return claimsOf(await token(payload, header), issuerOf, { now, lifetimeMaxSeconds: 86_400 }).tenant;
  } catch (error) {
    if (error instanceof Problem) return error.members['reason'];
    throw error;
  }
}

describe('an issuer with a tenant in its name', () => {
  it.each([
    [filled(v2, tenant), tenant],
    [filled(v1, tenant), tenant],
    [filled(v2, tenant.toUpperCase()), tenant],
    [filled(v2, tenant), tenant.toUpperCase()],
  ])('is taken as %s with the tid %s', async (iss, tid) => {
    expect(await judged({ iss, tid })).toBe(tenant);
  });

  it.each([
    [filled(v2, other), tenant, 'tid'],
    [filled(v1, other), tenant, 'tid'],
    [filled(v2, tenant), undefined, 'tid'],
    [filled(v2, tenant), 'contoso', 'tid'],
    [filled(v2, tenant), [tenant], 'tid'],
    [filled(v2, 'contoso'), 'contoso', 'iss'],
    [filled(v2, 'common'), tenant, 'iss'],
    [v2, tenant, 'iss'],
    [`${filled(v2, tenant)}/`, tenant, 'iss'],
    [filled(v1, tenant).slice(0, -1), tenant, 'iss'],
    [filled(v2, `${tenant}/v2.0/${tenant}`), tenant, 'iss'],
    [filled(v2, tenant).toUpperCase(), tenant, 'iss'],
    [filled(v2, tenant).replace('https', 'http'), tenant, 'iss'],
    [`https://login.example/${tenant}/`, tenant, 'iss'],
    [` ${filled(v2, tenant)}`, tenant, 'iss'],
    [[filled(v2, tenant)], tenant, 'iss'],
    [undefined, tenant, 'iss'],
    ['constructor', tenant, 'iss'],
  ])('is refused as %s with the tid %s', async (iss, tid, reason) => {
    expect(await judged({ iss, tid })).toBe(reason);
  });

  it('speaks for some tenants only, if they are named', async () => {
    expect(await judged({}, {}, { tenants: new Set([tenant]) })).toBe(tenant);
    expect(await judged({}, {}, { tenants: new Set([other]) })).toBe('tid');
  });

  it('gives way to one that names the tenant, in whatever case', () => {
    const own = { ...issuer, names: [filled(v2, tenant)] };
    const issuerOf = issuersByName([issuer, own]);
    expect(issuerOf(filled(v2, tenant))?.issuer).toBe(own);
    expect(issuerOf(filled(v2, tenant.toUpperCase()))?.issuer).toBe(own);
    expect(issuerOf(filled(v2, other))?.issuer).toBe(issuer);
    expect(issuerOf(filled(v1, tenant))?.issuer).toBe(issuer);
  });

  it.each([
    [filled(v2, tenant), v2, true],
    [filled(v1, tenant), v2, true],
    [filled(v2, tenant), filled(v2, tenant), true],
    [filled(v1, tenant), filled(v2, tenant), true],
    [filled(v2, tenant), filled(v2, other), false],
    [filled(v1, tenant), filled(v2, other), false],
    [filled(v2, tenant), 'https://login.example/{tenantid}', false],
    [filled(v2, tenant), 'https://elsewhere.example/{tenantid}/v2.0', false],
    [filled(v2, tenant), '', false],
  ])('has a token of %s proven by a key of %s: %s', (iss, keyIssuer, may) => {
    expect(issuersByName([issuer])(iss)!.mayUseKeyOf(keyIssuer, tenant)).toBe(may);
  });

  it('that names its tenant in full takes the keys of all its names for that tenant, and of no other', () => {
    const issuerOf = issuersByName([
      { ...issuer, names: [v1, v2].flatMap((name) => [filled(name, tenant), filled(name, other)]) },
    ]);
    const { mayUseKeyOf } = issuerOf(filled(v1, tenant))!;
    expect([v2, filled(v2, tenant), v1].map((keyIssuer) => mayUseKeyOf(keyIssuer, tenant))).toEqual([true, true, true]);
    expect(mayUseKeyOf(filled(v2, other), tenant)).toBe(false);
  });

  it('without a tenant has only keys of its own name', () => {
    const issuerOf = issuersByName([{ ...issuer, names: ['https://one.example', 'https://two.example'] }]);
    expect(issuerOf('https://one.example')!.mayUseKeyOf('https://one.example', tenant)).toBe(true);
    expect(issuerOf('https://one.example')!.mayUseKeyOf('https://two.example', tenant)).toBe(false);
  });
});

describe('the header of a token', () => {
  it.each(['JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt', 'application/jwt', undefined])(
    'may have the type %s',
    async (typ) => {
      expect(await judged({}, { typ })).toBe(tenant);
    },
  );

  it.each(['JOSE', 'ID', '', 'dpop+jwt', 'logout+jwt', 'text/jwt', 'secevent+jwt', 'at+jwt;v=1', ['JWT'], 1, null])(
    'may not have the type %j',
    async (typ) => {
      expect(await judged({}, { typ })).toBe('typ');
    },
  );

  it('must have a type of its issuer, if those are named', async () => {
    const types = ['at+jwt'];
    expect(await judged({}, { typ: 'at+jwt' }, { types })).toBe(tenant);
    expect(await judged({}, { typ: 'JWT' }, { types })).toBe('typ');
    expect(await judged({}, {}, { types })).toBe('typ');
  });

  it('must have an algorithm of its issuer, and no extension', async () => {
    expect(await judged({}, {}, { algorithms: ['RS256'] })).toBe('alg');
    const parts = (await token()).split('.');
    for (const header of [
      { alg: 'HS256', crit: ['b64'], b64: true },
      { alg: 'HS256', crit: [] },
    ]) {
      const forged = [Buffer.from(JSON.stringify(header)).toString('base64url'), ...parts.slice(1)].join('.');
      expect(() => claimsOf(forged, issuersByName([issuer]), { now, lifetimeMaxSeconds: 86_400 })).toThrow(
        expect.objectContaining({ members: { reason: 'crit' } }),
      );
    }
  });

  it.each(['', 'k'.repeat(257), 1, null, ['k']])('may not have the key id %j', async (kid) => {
    expect(await judged({}, { kid })).toBe('kid');
  });
});

describe('the time of a token', () => {
  it.each([
    [{ exp: seconds + 86_400 }, tenant],
    [{ exp: seconds + 86_406, iat: undefined }, 'lifetime'],
    [{ exp: seconds + 86_400, iat: seconds - 1 }, 'lifetime'],
    [{ exp: seconds + 86_400, iat: undefined }, tenant],
    [{ exp: 1e300, iat: undefined }, 'lifetime'],
    [{ iat: seconds + 5 }, tenant],
    [{ iat: seconds + 6 }, 'iat'],
    [{ iat: 'now' }, 'iat'],
    [{ nbf: seconds + 6 }, 'nbf'],
    [{ nbf: 'now' }, 'nbf'],
    [{ exp: seconds - 5 }, 'expired'],
    [{ exp: undefined }, 'exp'],
    [{ exp: String(seconds + 60) }, 'exp'],
  ])('%j is judged', async (claims, verdict) => {
    expect(await judged(claims)).toBe(verdict);
  });
});

describe('a token of another kind', () => {
  it.each([
    [{ nonce: 'n' }, 'nonce'],
    [{ at_hash: 'h' }, 'at_hash'],
    [{ c_hash: 'h' }, 'c_hash'],
    [{ typ: 'ID' }, 'typ'],
    [{ typ: 'Refresh' }, 'typ'],
    [{ typ: 'Offline' }, 'typ'],
    [{ typ: 'Logout' }, 'typ'],
    [{ typ: 'Bearer' }, tenant],
    [{ aud: ['another', 'ledger'] }, tenant],
    [{ aud: ['another'] }, 'aud'],
    [{ aud: 'ledger2' }, 'aud'],
    [{ aud: undefined }, 'aud'],
  ])('%j is told apart', async (claims, verdict) => {
    expect(await judged(claims)).toBe(verdict);
  });
});

describe('R5: a person', () => {
  it.each<{ claims: JWTPayload; sign?: ClaimSign }>([
    { claims: { scp: 'Ledger.Access' } },
    { claims: { scp: 'Ledger.Access', ver: '1.0', appid: 'portal', appidacr: '1' } },
    { claims: { scp: 'Ledger.Access', ver: '2.0', azp: 'portal', azpacr: '1' } },
    { claims: { idtyp: 'user' } },
    { claims: { idtyp: 'user', scp: 'Ledger.Access' } },
    { claims: { scope: 'openid' }, sign: { name: 'scope' } },
    { claims: { token_use: 'user' }, sign: { name: 'token_use', value: 'user' } },
    { claims: { idtyp: 'user' }, sign: { name: 'scope' } },
  ])('is who has $claims', ({ claims, sign }) => {
    expect(isPerson(claims, sign ? { personSigns: [sign] } : {})).toBe(true);
  });

  it.each<{ claims: JWTPayload; sign?: ClaimSign }>([
    { claims: {} },
    {
      claims: {
        roles: ['GlobalAdmin'],
        oid: 'x',
        sub: 'y',
        upn: 'jane@contoso.example',
        ver: '2.0',
        azp: 'portal',
        azpacr: '1',
      },
    },
    { claims: { idtyp: 'app' } },
    { claims: { idtyp: 'app', scp: 'Ledger.Access' } },
    { claims: { idtyp: 'device', scp: 'Ledger.Access' } },
    { claims: { idtyp: 'User', scp: 'Ledger.Access' } },
    { claims: { idtyp: '', scp: 'Ledger.Access' } },
    { claims: { idtyp: null, scp: 'Ledger.Access' } },
    { claims: { idtyp: ['user'], scp: 'Ledger.Access' } },
    { claims: { idtyp: ['user'] } },
    { claims: { scp: '' } },
    { claims: { scp: ' ' } },
    { claims: { scp: ['Ledger.Access'] } },
    { claims: { scp: { Ledger: 'Access' } } },
    { claims: { scp: true } },
    { claims: { scp: 1 } },
    { claims: { scp: null } },
    { claims: { scope: 'Ledger.Access' } },
    { claims: { SCP: 'Ledger.Access' } },
    { claims: { scp: 'Ledger.Access' }, sign: { name: 'scope' } },
    { claims: { scope: 'openid', idtyp: 'app' }, sign: { name: 'scope' } },
    { claims: { token_use: 'client' }, sign: { name: 'token_use', value: 'user' } },
    { claims: { token_use: ['user'] }, sign: { name: 'token_use', value: 'user' } },
    { claims: {}, sign: { name: 'constructor' } },
  ])('is not who has $claims', ({ claims, sign }) => {
    expect(isPerson(claims, sign ? { personSigns: [sign] } : {})).toBe(false);
  });

  it('is whoever one of several signs shows, unless one shows an app', () => {
    const personSigns = [{ name: 'scope' }, { name: 'kind', value: 'user' }];
    const appSigns = [{ name: 'client_id' }, { name: 'gty', value: 'client-credentials' }];
    const shows = (payload: JWTPayload) => isPerson(payload, { personSigns, appSigns });
    expect(shows({ kind: 'user' })).toBe(true);
    expect(shows({ scope: 'a' })).toBe(true);
    expect(shows({ scp: 'a' })).toBe(false);
    expect(shows({ scope: 'a', gty: 'password' })).toBe(true);
    for (const sign of [
      { client_id: 'x' },
      { client_id: '' },
      { client_id: null },
      { gty: 'client-credentials' },
      { gty: ['client-credentials', 'refresh'] },
    ])
      for (const person of [{ scope: 'a' }, { kind: 'user' }, { idtyp: 'user' }])
        expect(shows({ ...person, ...sign })).toBe(false);
  });
});

describe('the roles of a caller', () => {
  const globalAdministrator = '62e90394-69f5-4237-9190-012177145e10';
  const grants: readonly RoleGrant[] = [
    { claim: 'wids', value: globalAdministrator, roles: ['CustomerGlobalAdmin'] },
    { claim: 'groups', value: 'AAAAAAAA-0000-4000-8000-000000000001', roles: ['SalesAgent', 'AdminAgent'] },
    { claim: 'roles', value: 'Ledger.Audit', roles: ['Auditor'] },
  ];
  const granted = (payload: object, given: readonly RoleGrant[] | undefined = grants) => {
    const truncated: string[] = [];
    return [...grantedRoles(payload as JWTPayload, given, (claim) => truncated.push(claim)), ...truncated];
  };

  it.each([
    [{ wids: [globalAdministrator] }, ['CustomerGlobalAdmin']],
    [{ wids: [globalAdministrator.toUpperCase()] }, ['CustomerGlobalAdmin']],
    [{ groups: ['aaaaaaaa-0000-4000-8000-000000000001'] }, ['AdminAgent', 'SalesAgent']],
    [{ roles: ['Ledger.Audit', 'Ledger.Cook'] }, ['Auditor']],
    [{ roles: ['ledger.audit'] }, []],
    [{ roles: ['GlobalAdmin'] }, []],
    [{ roles: 'Ledger.Audit' }, []],
    [{ roles: { 0: 'Ledger.Audit' } }, []],
    [{ groups: [globalAdministrator] }, []],
    [{ wids: [null, 1, [globalAdministrator]] }, []],
    [{}, []],
  ])('are those that the values of %j give', (payload, expected) => {
    expect(granted(payload)).toEqual(expected);
  });

  it('are the names in roles where nothing gives others', () => {
    expect(granted({ roles: ['AdminAgent', 'GlobalAdmin', 'Cook'], wids: [globalAdministrator] }, [])).toEqual([]);
    expect(grantedRoles({ roles: ['AdminAgent', 'GlobalAdmin', 'Cook'] }, undefined, () => undefined)).toEqual([
      'GlobalAdmin',
      'AdminAgent',
    ]);
  });

  it.each([
    { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://graph.example' } } },
    { hasgroups: true },
    { hasgroups: 'true' },
    { groups: ['aaaaaaaa-0000-4000-8000-000000000001'], _claim_names: { groups: 'src1' } },
  ])('are none by group where the token does not carry all groups, and that is reported: %j', (payload) => {
    expect(granted({ ...payload, roles: ['Ledger.Audit'] })).toEqual(['Auditor', 'groups']);
  });
});
