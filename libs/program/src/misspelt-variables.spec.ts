import { expect, it } from '@jest/globals';
import { misspeltVariables } from './misspelt-variables.js';

const known = [
  'PORT',
  'HOST',
  'POLICY',
  'PROJECTOR',
  'DATA_DIR',
  'KEYS_DIR',
  'LOG_LEVEL',
  'JWKS_URL',
  'JWT_ISSUER',
  'RATE_LIMIT',
  'METRICS_PORT',
  'EVENT_STORE',
  'TRUSTED_PROXIES',
  'LEDGER_EVENT_STORE_URL',
  'PUBLIC_PATH',
  'OTEL_SERVICE_NAME',
];
const found = (name: string) => misspeltVariables({ [name]: 'secret' }, known);

it.each([
  ['JWT_ISUER', 'JWT_ISSUER'],
  ['JWT_ISSUERS', 'JWT_ISSUER'],
  ['JWT_ISSUER_URL', 'JWT_ISSUER'],
  ['jwt_issuer', 'JWT_ISSUER'],
  ['JWKS_URI', 'JWKS_URL'],
  ['RATE_LIMT', 'RATE_LIMIT'],
  ['RATELIMIT', 'RATE_LIMIT'],
  ['KEY_DIR', 'KEYS_DIR'],
  ['POLCIY', 'POLICY'],
  ['METRIC_PORT', 'METRICS_PORT'],
  ['EVENTSTORE', 'EVENT_STORE'],
  ['LEDGER_EVENT_STORE_URI', 'LEDGER_EVENT_STORE_URL'],
  ['LEDGEREVENTSTOREURL', 'LEDGER_EVENT_STORE_URL'],
  ['ledgerEventStoreUrl', 'LEDGER_EVENT_STORE_URL'],
  ['LEDGER-EVENT-STORE-URL', 'LEDGER_EVENT_STORE_URL'],
  ['TRUSTED_PROXY', 'TRUSTED_PROXIES'],
])('%s was meant to be %s', (name, meant) => {
  expect(found(name)).toEqual({ faults: [`${name} is not known: did you mean ${meant}?`], notices: [] });
});

it('JWT_SECRET is refused, and was meant to be none of ours', () => {
  expect(found('JWT_SECRET')).toEqual({ faults: ['JWT_SECRET is not known'], notices: [] });
});

it.each([
  ['LOGLEVEL', /^LOGLEVEL is not known: did you mean LOG_LEVEL\?$/],
  ['LEDGER_URL', /^LEDGER_URL is not known$/],
  ['EVENT_STORE_URL', /^EVENT_STORE_URL is not known/],
])('%s may be the variable of another program', (name, notice) => {
  expect(found(name)).toEqual({ faults: [], notices: [expect.stringMatching(notice)] });
});

it.each([
  ...['HOSTS', 'SORT', 'HOSTNAME', 'PROJECT', 'DATABASE_URL', 'PATH', 'LOGNAME', 'TERM', 'EVENTSTORE_CLUSTER_SIZE'],
  ...['npm_config_loglevel', 'OTEL_SERVICE_NAME', 'NODE_OPTIONS', 'XDG_DATA_DIRS', 'KUBERNETES_PORT', 'REPORT'],
  ...['URL', 'STORE', 'SERVICE_NAME'],
  ...[
    'LEDGER_PORT',
    'LEDGER_SERVICE_HOST',
    'LEDGER_PORT_3000_TCP',
    'LEDGER_PORT_3000_TCP_ADDR',
    'JWT_SERVICE_PORT_HTTP',
  ],
  ...known,
])('%s is none of our business, or right', (name) => {
  expect(found(name)).toEqual({ faults: [], notices: [] });
});

it('an empty variable is not set', () => {
  expect(misspeltVariables({ JWT_ISUER: '' }, known)).toEqual({ faults: [], notices: [] });
});
