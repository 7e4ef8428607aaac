import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { configuration, variables } from './configuration.js';
import { eventLogVariables, requireEventLog } from '#event-log';
import type { SupportContact } from '#customer-relationship';
import { partnersIn } from './partners-file.js';
import { StartupFailure } from '#program';

const failure = (attempt: () => unknown) => {
  try {
    attempt();
  } catch (error) {
    if (error instanceof StartupFailure) return error;
    throw error;
  }
  throw new Error('It did not fail');
};

const issuer = { JWKS_URL: 'https://login.example/keys', JWT_ISSUER: 'https://login.example', JWT_AUDIENCE: 'ledger' };

describe('a configuration', () => {
  it('is complete without a variable: this machine only, tokens of the server’s own key', () => {
    expect(configuration({})).toMatchObject({
      port: 3000,
      host: '127.0.0.1',
      dataDirectory: resolve('data'),
      keysDirectory: resolve('data/keys'),
      log: { store: 'sqlite', eventsFile: resolve('data/events.sqlite') },
      partnersFile: resolve('partners.json'),
      policy: { name: 'partner-center-2026-11' },
      salesRegions: {},
      logLevel: 'info',
      logFormat: 'auto',
      metricsPort: 9464,
      metricsHost: '127.0.0.1',
      viewLagLimitSeconds: 10,
      projector: 'thread',
      timekeeper: { rate: 100, leaseSeconds: 300 },
      limits: {
        body: 65_536,
        liveStreams: 100,
        requests: 60_000,
        windowSeconds: 60,
        failedTokens: 600,
        requestsOfAddress: 1_000,
        connectionsOfAddress: 2_000,
        inHandMiB: 64,
        clientTimeoutSeconds: 30,
        trustedProxies: [],
      },
      web: { docs: true, publicPath: '', origins: [] },
    });
    expect(configuration({}).identity).toBeUndefined();
    expect(configuration({}).tokenLifetimeMaxSeconds).toBe(86_400);
  });

  it('follows what is set', () => {
    const set = configuration({
      ...issuer,
      HOST: '0.0.0.0',
      PORT: '0',
      POLICY: 'partner-center-later',
      JWT_ALGORITHMS: 'ES256,RS256',
      PROJECTOR: 'off',
      DOCS: 'off',
      PUBLIC_PATH: '/tools/ledger',
      CORS_ORIGINS: 'https://app.example,http://localhost:5173',
      RATE_LIMIT: '0',
      TRUSTED_PROXIES: '10.0.0.7,2001:db8::/32',
    });
    expect(set.web).toEqual({
      docs: false,
      publicPath: '/tools/ledger',
      origins: ['https://app.example', 'http://localhost:5173'],
    });
    expect(set.limits).toMatchObject({ requests: 0, trustedProxies: ['10.0.0.7', '2001:db8::/32'] });
    expect(set).toMatchObject({ host: '0.0.0.0', port: 0, policy: { name: 'partner-center-later' }, projector: 'off' });
    expect(configuration({ TIMEKEEPER_RATE: '7', TIMEKEEPER_LEASE_SECONDS: '60' }).timekeeper).toEqual({
      rate: 7,
      leaseSeconds: 60,
    });
    expect('timekeeper' in configuration({ TIMEKEEPER: 'off' })).toBe(false);
    expect(set.identity).toEqual({
      issuers: [
        {
          names: [issuer.JWT_ISSUER],
          jwksUrl: new URL(issuer.JWKS_URL),
          audiences: ['ledger'],
          algorithms: ['ES256', 'RS256'],
          personSigns: [{ name: 'scp' }],
          appSigns: [],
        },
      ],
    });
  });

  const issuerIn = (env: Record<string, string>) => {
    const { identity } = configuration({ ...issuer, ...env });
    return identity && 'issuers' in identity ? identity.issuers[0] : undefined;
  };

  it.each([
    ['scope', { name: 'scope' }],
    ['token_use=user', { name: 'token_use', value: 'user' }],
    ['https://login.example/kind=a=b', { name: 'https://login.example/kind', value: 'a=b' }],
  ])('may name %s as what shows a person, or an app', (text, sign) => {
    expect(issuerIn({ JWT_PERSON_CLAIM: text })).toMatchObject({ personSigns: [sign], appSigns: [] });
    expect(issuerIn({ JWT_APP_CLAIM: text })).toMatchObject({ personSigns: [{ name: 'scp' }], appSigns: [sign] });
  });

  it('may name several issuers that share their keys, and a template of them', () => {
    const names = ['https://login.microsoftonline.com/{tenantid}/v2.0', 'https://sts.windows.net/{tenantid}/'];
    const set = issuerIn({ JWT_ISSUER: names.join(', '), JWT_AUDIENCE: 'api://ledger,ledger' });
    expect(set).toMatchObject({ names, audiences: ['api://ledger', 'ledger'] });
  });

  it('puts countries into other sales regions', () => {
    expect(configuration({ SALES_REGIONS: 'Europe=XK, MD; Gulf=AE' }).salesRegions).toEqual({
      Europe: ['XK', 'MD'],
      Gulf: ['AE'],
    });
  });

  it('takes an empty variable for one that is not set, but no metrics for an empty port of theirs', () => {
    expect(configuration(Object.fromEntries(variables.map((name) => [name, ''])))).toEqual({
      ...configuration({}),
      metricsPort: undefined,
    });
    expect('metricsPort' in configuration({ METRICS_PORT: '' })).toBe(false);
  });

  it('notices a variable that may be meant for it', () => {
    expect(configuration({ LEDGER_URL: 'http://127.0.0.1:3000' }).notices).toEqual(['LEDGER_URL is not known']);
  });

  it.each(variables)('lets a tool, which reads the log alone, run where %s is set', (name) => {
    const run = () => requireEventLog({ [name]: 'set' }, './data', () => undefined);
    // Its own it may find fault with.
    if (eventLogVariables.some((each) => each === name)) expect(run).not.toThrow(/is not known/);
    else expect(run()).toMatchObject({ store: 'sqlite' });
  });

  it('takes METRICS_PORT of a Kubernetes service for one that is not set', () => {
    expect(configuration({ METRICS_PORT: 'tcp://10.0.0.1:9090' })).toEqual(configuration({}));
  });

  it('takes no notice of what machines and other programs set', () => {
    const names = [
      ...'PATH HOME USER SHELL LANG TERM PWD HOSTNAME TZ TMPDIR DISPLAY EDITOR PAGER NODE_ENV NODE_OPTIONS NODE_PATH'.split(
        ' ',
      ),
      ...'NAME KEY FILE FORMAT URL SIZE STORE LIMIT TIMEOUT INTERVAL PROTOCOL HEADERS ISSUER ORIGINS PREFIX'.split(' '),
      ...'SERVICE_NAME BASE_PATH PUBLIC_URL DATABASE_URL AZURE_CLIENT_ID HTTP_PROXY DOCKER_HOST INVOCATION_ID PATHEXT'.split(
        ' ',
      ),
    ];
    expect(configuration(Object.fromEntries(names.map((name) => [name, 'set']))).notices).toEqual([]);
  });

  it.each<[Record<string, string>, RegExp]>([
    [{ PORT: 'eighty' }, /^ {2}PORT must be a whole number from 0 to 65535, but is "eighty"$/m],
    [{ PORT: '65536' }, /PORT must be a whole number from 0 to 65535, but is "65536"/],
    [
      { POLICY: 'partner-center-1999' },
      /POLICY must be one of partner-center-2026-11, partner-center-2026-11-later, partner-center-2020-06, partner-center-later, but is "partner-center-1999"/,
    ],
    [{ SALES_REGIONS: 'Europe' }, /SALES_REGIONS must be regions with their countries, such as Europe=/],
    [{ SALES_REGIONS: 'Europe=xk' }, /SALES_REGIONS must be regions/],
    [{ SALES_REGIONS: 'Europe=' }, /SALES_REGIONS must be regions/],
    [{ SALES_REGIONS: ' =XK' }, /SALES_REGIONS must name every region before its =/],
    [{ SALES_REGIONS: 'Europe=XK;Europe=MD' }, /SALES_REGIONS must name "Europe" once, with all its countries/],
    [{ SALES_REGIONS: 'Europe=XK;Gulf=AE,XK' }, /SALES_REGIONS must put XK into one region/],
    [
      { SALES_REGIONS: 'Europe=XK', POLICY: 'partner-center-later' },
      /SALES_REGIONS has no meaning with POLICY=partner-center-later, under which a partner sells in its own country/,
    ],
    [{ LOG_LEVEL: 'loud' }, /LOG_LEVEL must be one of fatal, .*but is "loud"/],
    [{ LOG_FORMAT: 'xml' }, /LOG_FORMAT must be one of auto, json, pretty, but is "xml"/],
    [{ PROJECTOR: 'yes' }, /PROJECTOR must be one of thread, off/],
    [{ TIMEKEEPER: 'yes' }, /TIMEKEEPER must be one of on, off/],
    [{ TIMEKEEPER_RATE: '0' }, /TIMEKEEPER_RATE must be a whole number from 1/],
    [{ TIMEKEEPER_LEASE_SECONDS: '0' }, /TIMEKEEPER_LEASE_SECONDS must be a whole number from 1/],
    [{ VIEW_LAG_LIMIT_SECONDS: '0' }, /VIEW_LAG_LIMIT_SECONDS must be a whole number from 1/],
    [{ METRICS_PORT: 'none' }, /METRICS_PORT must be a whole number/],
    [{ BODY_LIMIT_BYTES: '1' }, /BODY_LIMIT_BYTES must be a whole number from 1024/],
    [{ RATE_LIMIT: '-1' }, /RATE_LIMIT must be a whole number from 0/],
    [{ ADDRESS_REQUESTS: '-1' }, /ADDRESS_REQUESTS must be a whole number from 0/],
    [{ ADDRESS_CONNECTIONS: 'many' }, /ADDRESS_CONNECTIONS must be a whole number from 0/],
    [{ IN_HAND_MIB: '1' }, /IN_HAND_MIB must be a whole number from 4/],
    [{ RATE_LIMIT_WINDOW_SECONDS: '0' }, /RATE_LIMIT_WINDOW_SECONDS must be a whole number from 1 to 3600/],
    [{ FAILED_TOKEN_LIMIT: 'many' }, /FAILED_TOKEN_LIMIT must be a whole number/],
    [{ CLIENT_TIMEOUT_SECONDS: '0' }, /CLIENT_TIMEOUT_SECONDS must be a whole number from 1/],
    [{ PUBLIC_PATH: 'ledger' }, /PUBLIC_PATH must be a path such as \/ledger, without a slash at its end/],
    [{ PUBLIC_PATH: '/ledger/' }, /PUBLIC_PATH must be a path such as \/ledger, without a slash at its end/],
    [{ PUBLIC_PATH: '//ledger' }, /PUBLIC_PATH must be a path such as \/ledger, without a slash at its end/],
    [
      { PUBLIC_PATH: 'https://x.example/ledger' },
      /PUBLIC_PATH must be a path such as \/ledger, without a slash at its end/,
    ],
    [{ PUBLIC_PATH: '/a/../ledger' }, /PUBLIC_PATH must be a path as it is sent, but has "\.\." in it/],
    [{ PUBLIC_PATH: '/v1/ledger' }, /PUBLIC_PATH must not start with \/v1/],
    [{ CORS_ORIGINS: '*' }, /CORS_ORIGINS must be origins .* but number 1 is none/],
    [{ CORS_ORIGINS: 'null' }, /CORS_ORIGINS must be origins .* but number 1 is none/],
    [{ CORS_ORIGINS: 'https://a.example, https://b.example' }, /CORS_ORIGINS must be origins with commas/],
    [{ CORS_ORIGINS: 'https://a.example,https://b.example/' }, /CORS_ORIGINS must be .* but number 2 is none/],
    [{ CORS_ORIGINS: 'https://a.example:443' }, /CORS_ORIGINS must be .* is none/],
    [{ CORS_ORIGINS: 'https://A.example' }, /CORS_ORIGINS must be .* is none/],
    [{ CORS_ORIGINS: 'chrome-extension://abc' }, /CORS_ORIGINS must be .* is none/],
    [{ TRUSTED_PROXIES: 'everybody' }, /TRUSTED_PROXIES must be addresses or networks with commas/],
    [{ TRUSTED_PROXIES: '10.0.0.0/8,10.0.0.256' }, /TRUSTED_PROXIES must be .* but "10\.0\.0\.256" is none/],
    [{ TRUSTED_PROXIES: '::ffff:10.0.0.0/8' }, /TRUSTED_PROXIES must be .* but "::ffff:10\.0\.0\.0\/8" is none/],
    [{ TRUSTED_PROXIES: '::ffff:10.0.0.0/129' }, /TRUSTED_PROXIES must be .* but "::ffff:10\.0\.0\.0\/129" is none/],
    [{ TRUSTED_PROXIES: '10.0.0.0/33' }, /TRUSTED_PROXIES must be .* but "10\.0\.0\.0\/33" is none/],
    [{ ALLOW_EMBEDDED_KEY: 'yes' }, /ALLOW_EMBEDDED_KEY must be true or false/],
    [{ JWKS_URL: 'login.example' }, /JWKS_URL must be a URL/],
    [{ ...issuer, JWKS_URL: 'http://login.example/keys' }, /JWKS_URL must be https/],
    [{ JWKS_URL: issuer.JWKS_URL }, /JWT_ISSUER and JWT_AUDIENCE must be set/],
    [{ JWT_ISSUER: 'https://login.example' }, /JWKS_URL must be set/],
    [{ ...issuer, JWT_ALGORITHMS: 'HS256' }, /JWT_ALGORITHMS must be a list/],
    [{ ...issuer, JWT_ALGORITHMS: 'none' }, /JWT_ALGORITHMS must be a list/],
    [{ ...issuer, JWT_PERSON_CLAIM: 'token use' }, /JWT_PERSON_CLAIM must be a claim/],
    [{ JWT_PERSON_CLAIM: 'scope' }, /JWKS_URL must be set/],
    [{ JWT_APP_CLAIM: 'client' }, /JWKS_URL must be set/],
    [{ ...issuer, JWT_APP_CLAIM: 'a b' }, /JWT_APP_CLAIM must be a claim/],
    [{ ...issuer, JWT_ISSUER: 'https://{tenantid}.login.example/' }, /JWT_ISSUER may hold \{tenantid\} once/],
    [{ ...issuer, JWT_ISSUER: 'https://login.example/{tenantId}/' }, /JWT_ISSUER may hold \{tenantid\} once/],
    [{ ...issuer, JWT_ISSUER: ' , ' }, /JWT_ISSUER and JWT_AUDIENCE must be set/],
    [{ ...issuer, JWKS_URL: 'https://[x/keys' }, /JWKS_URL must be a URL/],
    [{ ...issuer, JWKS_URL: 'https://me:hidden-word@login.example/keys' }, /JWKS_URL must hold no user name/],
    [{ ...issuer, JWKS_URL: 'https://login.example/{tenantid}/keys' }, /JWKS_URL must hold no braces/],
    [{ JWT_LIFETIME_MAX_SECONDS: '0' }, /JWT_LIFETIME_MAX_SECONDS must be a whole number from 60/],
    [{ ...issuer, IDENTITY_FILE: './x.json' }, /IDENTITY_FILE names the issuers, so JWKS_URL and JWT_ISSUER and/],
    [{ HOST: '0.0.0.0' }, /HOST "0\.0\.0\.0" can be reached from other machines, .*set JWKS_URL/],
    [{ JWT_ISUER: 'https://login.example' }, /^ {2}JWT_ISUER is not known: did you mean JWT_ISSUER\?$/m],
    [{ HOST: 'ledger.example' }, /HOST "ledger\.example" can be reached/],
  ])('is refused with %j', (env, message) => {
    const { exitCode, message: said } = failure(() => configuration(env));
    expect([exitCode, said]).toEqual([78, expect.stringMatching(message)]);
  });

  it('may have its log in a database, with secrets that its servers share', () => {
    const set = { EVENT_STORE: 'kurrentdb', LEDGER_EVENT_STORE_URL: 'esdb://db:2113', KEYS_DIR: '/run/keys' };
    expect(configuration(set)).toMatchObject({
      keysDirectory: '/run/keys',
      log: { store: 'kurrentdb', url: 'esdb://db:2113', streamPrefix: 'ResellerLedger.', allowInsecure: false },
    });
    expect(configuration({ KEYS_DIR: '/run/keys' })).toMatchObject({
      keysDirectory: '/run/keys',
      log: { store: 'sqlite' },
    });
    expect(failure(() => configuration({ ...set, KEYS_DIR: '' })).message).toMatch(
      /KEYS_DIR must be set with EVENT_STORE=kurrentdb.*npm run keys -- --make DIR/,
    );
  });

  it('reports every fault of the log with its own, and never what may be a password', () => {
    const { message } = failure(() =>
      configuration({ PORT: 'x', EVENT_STORE: 'kurrentdb', LEDGER_EVENT_STORE_URL: 'http://u:hidden-word@db' }),
    );
    expect(message).toMatch(/PORT must[\s\S]*LEDGER_EVENT_STORE_URL must begin[\s\S]*KEYS_DIR must be set/);
    expect(message).not.toContain('hidden-word');
  });

  it.each(variables)('never shows a connection string that was put into %s', (name) => {
    const { message } = failure(() => configuration({ PORT: 'x', [name]: 'esdb://admin:hidden-word@db:2113' }));
    if (!['JWT_ISSUER', 'JWT_AUDIENCE', 'LEDGER_EVENT_STORE_URL'].includes(name))
      expect(message).toMatch(RegExp(`${name} must`));
    expect(message).not.toContain('hidden-word');
  });

  it('may leave the machine with the server’s own key if it is allowed to', () => {
    expect(configuration({ HOST: '0.0.0.0', ALLOW_EMBEDDED_KEY: 'true' }).host).toBe('0.0.0.0');
    expect(configuration({ HOST: 'localhost' }).host).toBe('localhost');
    expect(configuration({ HOST: '::1' }).host).toBe('::1');
  });

  it('may have its keys from this machine without TLS', () => {
    expect(issuerIn({ JWKS_URL: 'http://127.0.0.1:8080/keys' })?.jwksUrl.port).toBe('8080');
    expect(issuerIn({ JWKS_URL: 'http://[::1]:8080/keys' })?.jwksUrl.port).toBe('8080');
  });
});

describe('the partners', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'partners-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));
  const sample = [...partnersIn(resolve('partners.json')).values()];
  const [reseller, other] = sample[2]!.resellers as readonly [SupportContact, SupportContact];
  const upper = (text: string) => text.toUpperCase();
  const inFile = (text: string) => {
    const file = join(directory, 'partners.json');
    writeFileSync(file, text);
    return partnersIn(file);
  };

  it('of the sample are of every type, with resellers under providers', () => {
    expect(new Set(sample.map(({ type }) => type)).size).toBe(3);
    expect(sample.filter(({ standing }) => standing === 'restricted')).toHaveLength(1);
    expect(sample.filter(({ type, resellers }) => type === 'indirectProvider' && resellers.length > 0)).toHaveLength(2);
  });

  it('may stand in a file that starts with a byte order mark', () => {
    expect(inFile(`\uFEFF${JSON.stringify(sample)}`).size).toBe(sample.length);
  });

  it('may share a reseller, which may be a partner too', () => {
    const providers = sample.filter(({ type }) => type === 'indirectProvider');
    const both = providers.map((provider) => ({ ...provider, resellers: [reseller] }));
    expect(inFile(JSON.stringify([...both, { ...sample[0], ...reseller }])).size).toBe(both.length + 1);
  });

  it('are found by their tenant in lower case', () => {
    const [first] = sample;
    expect([...inFile(JSON.stringify([{ ...first, tenantId: first!.tenantId.toUpperCase() }])).keys()]).toEqual([
      first!.tenantId,
    ]);
  });

  it.each([
    ['[]', /must be a list of at least one partner/],
    ['{}', /must be a list of at least one partner/],
    ['{', /it is not JSON/],
    ['[5]', /\/0 must be an object/],
    [JSON.stringify([{ ...sample[0], tenantId: 'x' }]), /\/0\/tenantId must be a GUID/],
    [
      JSON.stringify([{ ...sample[0], market: 'USA', standing: 'fine' }]),
      /\/0\/market must be a country[\s\S]*\/0\/standing must be one of/,
    ],
    [
      JSON.stringify([sample[2], { ...sample[1], tenantId: sample[2]!.tenantId.toUpperCase() }]),
      /\/1\/tenantId is that of another partner/,
    ],
    [
      JSON.stringify([sample[0], { ...sample[1], name: ` ${sample[0]!.name.toUpperCase()}` }]),
      /\/1\/name is that of another partner, \/0$/,
    ],
    [
      JSON.stringify([sample[0], { ...sample[1], partnerId: sample[0]!.partnerId }]),
      /\/1\/partnerId is that of another partner, \/0$/,
    ],
    [
      JSON.stringify([
        sample[0],
        { ...sample[2], resellers: [reseller, { ...other, tenantId: upper(reseller.tenantId) }] },
      ]),
      /\/1\/resellers\/1\/tenantId is that of another reseller of this partner, \/1\/resellers\/0$/,
    ],
    [
      JSON.stringify([
        { ...sample[2], resellers: [reseller, { ...other, name: reseller.name, partnerId: reseller.partnerId }] },
      ]),
      /\/0\/resellers\/1\/partnerId is that of another reseller[^]*\/0\/resellers\/1\/name is that of another reseller/,
    ],
    [
      JSON.stringify([{ ...sample[2], resellers: [{ ...reseller, tenantId: upper(sample[2]!.tenantId) }] }]),
      /\/0\/resellers\/0\/tenantId is that of the partner itself, which cannot be its own reseller$/,
    ],
    [
      JSON.stringify([{ ...sample[0], tenantId: '00000000-0000-0000-0000-000000000000' }]),
      /\/0\/tenantId is a placeholder/,
    ],
    [
      JSON.stringify([
        { ...sample[2], resellers: [{ ...reseller, tenantId: 'FFFFFFFF-ffff-ffff-ffff-ffffffffffff' }] },
      ]),
      /\/0\/resellers\/0\/tenantId is a placeholder/,
    ],
    [JSON.stringify([{ ...sample[0], market: 'UK' }]), /\/0\/market must be a country .*GB, not UK/],
    [JSON.stringify([{ ...sample[0], markets: ['US'] }]), /\/0\/markets /],
    ['[\n  {\n    "name": "One",\n    "name": "Two"\n  }\n]', /it has a field twice in one object: "name" \(line 4\)/],
    [JSON.stringify([{ ...sample[2], resellers: [{ tenantId: 'x' }] }]), /\/0\/resellers\/0\/tenantId must be a GUID/],
  ])('are refused as %s', (text, message) => {
    const { exitCode, message: said } = failure(() => inFile(text));
    expect([exitCode, said]).toEqual([78, expect.stringMatching(message)]);
  });
});
