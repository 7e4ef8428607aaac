import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { roles } from '#customer-relationship';
import { StartupFailure } from '#program';
import { configuration } from './configuration.js';
import { issuersIn, shownIssuers } from './identity-file.js';

const directory = mkdtempSync(join(tmpdir(), 'ledger-identity-'));
const file = join(directory, 'identity.json');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function read(content: unknown) {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return issuersIn({ file });
}

function faults(content: unknown): string {
  try {
    read(content);
  } catch (error) {
    if (error instanceof StartupFailure) return error.message;
    throw error;
  }
  throw new Error('It did not fail');
}

const one = { issuers: ['https://login.example'], jwksUrl: 'https://login.example/keys', audiences: ['ledger'] };
const template = { ...one, issuers: ['https://login.example/{tenantid}/v2.0'] };
const tenant = 'A1A1A1A1-0001-4000-8000-000000000001';

describe('the identity file', () => {
  it('names an issuer with what it does not say', () => {
    expect(read([one])).toEqual([
      {
        names: one.issuers,
        jwksUrl: new URL(one.jwksUrl),
        audiences: ['ledger'],
        algorithms: ['RS256'],
        personSigns: [{ name: 'scp' }],
        appSigns: [],
      },
    ]);
    expect(shownIssuers({ file })).toBe('https://login.example');
  });

  it('names tenants in lower case, signs, types, and what gives roles', () => {
    const grants = [
      { claim: 'roles', roles: ['Auditor', 'GlobalAdmin'] },
      { claim: 'groups', value: 'x', roles: ['SalesAgent'] },
    ];
    const more = { tenants: [tenant], person: ['kind=person'], app: ['client_id'], types: ['at+jwt'], roles: grants };
    expect(read([{ ...one, ...more }])).toMatchObject([
      {
        tenants: new Set([tenant.toLowerCase()]),
        personSigns: [{ name: 'kind', value: 'person' }],
        appSigns: [{ name: 'client_id' }],
        types: ['at+jwt'],
        grants: [
          { claim: 'roles', value: 'Auditor', roles: ['Auditor'] },
          { claim: 'roles', value: 'GlobalAdmin', roles: ['GlobalAdmin'] },
          { claim: 'groups', value: 'x', roles: ['SalesAgent'] },
        ],
      },
    ]);
  });

  it.each<[unknown, RegExp]>([
    ['{', /not JSON/],
    [[], /at least one issuer/],
    [{}, /at least one issuer/],
    ['[{"issuers":["a"],"issuers":["b"]}]', /a field twice.*line 1/],
    [[{}], /\/0\/issuers is required[\s\S]*\/0\/jwksUrl is required[\s\S]*\/0\/audiences is required/],
    [[{ ...one, jwksUri: 'x' }], /\/0\/jwksUri is not known here/],
    [[{ ...one, jwksUrl: 'http://login.example/keys' }], /\/0\/jwksUrl must be https/],
    [[{ ...one, jwksUrl: 'https://[x/' }], /\/0\/jwksUrl must be a URL/],
    [[{ ...one, algorithms: ['HS256'] }], /\/0\/algorithms must be a list/],
    [[{ ...one, algorithms: ['none'] }], /\/0\/algorithms must be a list/],
    [[{ ...one, tenants: [] }], /\/0\/tenants must be a list/],
    [[{ ...one, types: ['ID'] }], /\/0\/types must be a list/],
    [[{ ...one, person: ['a b'] }], /\/0\/person must be a list/],
    [[{ ...one, roles: [{ claim: 'roles', roles: ['Cook'] }] }], /\/0\/roles\/0\/roles must be a list/],
    [[{ ...one, issuers: ['https://login.example/{TenantId}/'] }], /\/0\/issuers\/0 may hold \{tenantid\} once/],
    [[{ ...one, issuers: ['https://login.example/x{tenantid}/'] }], /\/0\/issuers\/0 may hold/],
    [[{ ...one, issuers: ['https://{tenantid}/v2.0'] }], /\/0\/issuers\/0 may hold/],
    [[{ ...one, issuers: ['https://login.example/{tenantid}/{tenantid}'] }], /\/0\/issuers\/0 may hold/],
    [[{ ...one, issuers: ['https://login.example/?t={tenantid}'] }], /\/0\/issuers\/0 may hold/],
    [[template, { ...one, tenants: [tenant] }, template], /\/2\/issuers\/0 is named before, in \/0\/issuers\/0/],
    [[template, one], /\/1\/tenants is required, because \/issuers\/0 holds no \{tenantid\}/],
    [
      [{ ...one, roles: [{ claim: 'wids', value: 'Admin', roles: ['Auditor'] }] }],
      /\/0\/roles\/0\/value must be a GUID/,
    ],
    [[{ ...one, roles: [{ claim: 'wids', roles: ['Auditor'] }] }], /\/0\/roles\/0\/value must be a GUID/],
    [
      [{ ...one, roles: [{ claim: 'wids', value: 'B79FBF4D-3ef9-4689-8143-76b194e85509', roles: ['Auditor'] }] }],
      /\/0\/roles\/0\/value is in the tokens of everybody/,
    ],
  ])('is refused as %j', (content, message) => {
    expect(faults(content)).toMatch(message);
    expect(faults(content)).toContain(`${file} is not right (set IDENTITY_FILE to use another)`);
  });

  it('that is missing is named', () => {
    expect(() => issuersIn({ file: join(directory, 'none.json') })).toThrow(/The identity file .*none\.json/);
  });
});

describe('docs/identity.md', () => {
  const text = readFileSync('docs/identity.md', 'utf8');
  const block = (name: string) =>
    new RegExp(`<!-- ${name} -->\\n\\n\`\`\`\\w+\\n([\\s\\S]*?)\\n\`\`\``).exec(text)?.[1] ?? '';

  it.each(['identity file: entra', 'identity file: keycloak'])('shows a file that is right: %s', (name) => {
    expect(read(block(name)).length).toBeGreaterThan(0);
  });

  it('shows variables that say the same as the file', () => {
    const lines = block('variables: entra')
      .split('\n')
      .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]);
    const { identity } = configuration(Object.fromEntries(lines));
    const [byFile] = read(block('identity file: entra'));
    const { grants, ...same } = byFile!;
    expect(identity).toEqual({ issuers: [same] });
    expect(grants).toContainEqual({
      claim: 'wids',
      value: '62e90394-69f5-4237-9190-012177145e10',
      roles: ['CustomerGlobalAdmin'],
    });
  });

  it('shows app roles that the ledger knows, and claims that it reads', () => {
    const appRoles = JSON.parse(block('app roles')) as { readonly id: string; readonly value: string }[];
    expect(appRoles.map(({ value }) => value).filter((value) => !(roles as readonly string[]).includes(value))).toEqual(
      [],
    );
    expect(new Set(appRoles.map(({ id }) => id)).size).toBe(appRoles.length);
    const optional = JSON.parse(block('optional claims')) as {
      readonly accessToken: readonly { readonly name: string }[];
    };
    expect(optional.accessToken.map(({ name }) => name)).toEqual(['idtyp', 'acct']);
  });

  it('has a row for every field of the file', () => {
    const named = [...text.matchAll(/^\| `(\w+)`\s+\|/gm)].map(([, name]) => name);
    expect(named).toEqual(
      expect.arrayContaining([
        'issuers',
        'jwksUrl',
        'audiences',
        'algorithms',
        'tenants',
        'types',
        'person',
        'app',
        'roles',
      ]),
    );
  });
});
