import { defaultPolicy, policies, type Policy, type SalesRegions } from '#customer-relationship';
import {
  fieldsOfClass,
  FlagText,
  validated,
  Matching,
  OneOf,
  Optional,
  Text,
  WholeText,
  type PersonClaim,
} from '#http';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { eventLogOf, eventLogVariables, shown, type EventLog } from '#event-log';
import { badConfiguration, StartupFailure } from '#program';

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const;
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
/** Not a URL: it would become a path on this machine, be created there, and be shown with any password in it. */
const path = /^(?![\w+.-]+:\/\/)\P{Cc}{1,4096}$/u;
const network = /^[\da-fA-F.:]+(\/\d{1,3})?(,[\da-fA-F.:]+(\/\d{1,3})?)*$/;
/** `Europe=XK,MD;Gulf=AE,SA`: regions by name, each with codes of ISO 3166-1. */
const salesRegionsForm = /^ *[^=;,]+=( *[A-Z]{2} *,)* *[A-Z]{2} *(;[^=;,]+=( *[A-Z]{2} *,)* *[A-Z]{2} *)*$/;
const url = /^https?:\/\/[^\s/?#]+[^\s]*$/;

class Environment {
  @Optional(WholeText(0, 65535)) PORT?: number;
  @Optional(Matching(/^[A-Za-z0-9.:-]{1,255}$/, 'a host name or an address', '127.0.0.1')) HOST?: string;
  @Optional(Matching(path, 'a path, at most 4096 characters', './data')) DATA_DIR?: string;
  @Optional(Matching(path, 'a path, at most 4096 characters', './data/keys')) KEYS_DIR?: string;
  @Optional(Matching(path, 'a path, at most 4096 characters', './partners.json')) PARTNERS_FILE?: string;
  @Optional(OneOf(Object.keys(policies))) POLICY?: string;
  @Optional(
    Matching(
      salesRegionsForm,
      'regions with their countries, such as Europe=XK,MD;Gulf=AE,SA',
      'Europe=XK,MD;Gulf=AE,SA',
    ),
  )
  SALES_REGIONS?: string;
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
  @Optional(OneOf(levels)) LOG_LEVEL?: (typeof levels)[number];
  @Optional(WholeText(0, 65535)) METRICS_PORT?: number;
  @Optional(WholeText(1, 86_400)) VIEW_LAG_LIMIT_SECONDS?: number;
  @Optional(WholeText(60, 31_536_000)) CLOCK_JUMP_MAX_SECONDS?: number;
  @Optional(OneOf(['thread', 'off'])) PROJECTOR?: 'thread' | 'off';
  @Optional(OneOf(['on', 'off'])) TIMEKEEPER?: 'on' | 'off';
  @Optional(WholeText(1, 10_000)) TIMEKEEPER_RATE?: number;
  @Optional(WholeText(1, 86_400)) TIMEKEEPER_LEASE_SECONDS?: number;
  @Optional(WholeText(1024, 1_048_576)) BODY_LIMIT_BYTES?: number;
  @Optional(WholeText(1, 10_000)) MAX_LIVE_STREAMS?: number;
  @Optional(WholeText(1, 64)) AS_OF_AT_ONCE?: number;
  @Optional(WholeText(0, 10_000)) AS_OF_WAITING?: number;
  @Optional(WholeText(1, 10_000)) AS_OF_KEPT?: number;
  @Optional(WholeText(1, 1_048_576)) AS_OF_KEPT_MIB?: number;
  @Optional(WholeText(0, 1_048_576)) AS_OF_FREE_MIB?: number;
  @Optional(WholeText(1, 86_400)) AS_OF_IDLE_SECONDS?: number;
  @Optional(WholeText(0, 1_000_000_000)) RATE_LIMIT?: number;
  @Optional(WholeText(1, 3600)) RATE_LIMIT_WINDOW_SECONDS?: number;
  @Optional(WholeText(0, 1_000_000_000)) FAILED_TOKEN_LIMIT?: number;
  @Optional(WholeText(1, 3600)) CLIENT_TIMEOUT_SECONDS?: number;
  @Optional(Matching(network, 'addresses or networks with commas', '10.0.0.7,10.1.0.0/16')) TRUSTED_PROXIES?: string;
}

export interface Configuration {
  readonly port: number;
  readonly host: string;
  readonly dataDirectory: string;
  /** The secrets of the ledger. All servers of a log in a database share them. */
  readonly keysDirectory: string;
  readonly log: EventLog;
  /** What an operator should change at some time. */
  readonly notices: readonly string[];
  readonly partnersFile: string;
  readonly policy: Policy;
  /** Countries that this ledger puts into another sales region than the policy does. */
  readonly salesRegions: SalesRegions;
  /** The issuer of tokens; absent: the server's own key verifies them. */
  readonly issuer?: {
    readonly jwksUrl: URL;
    readonly issuer: string;
    readonly audience: string;
    readonly algorithms: readonly string[];
    readonly personClaim: PersonClaim;
  };
  readonly logLevel: (typeof levels)[number];
  /** Absent: no metrics. */
  readonly metricsPort?: number;
  readonly viewLagLimitSeconds: number;
  /** How far the clock may jump forward while the server runs, and still be trusted. */
  readonly clockJumpMaxSeconds: number;
  readonly projector: 'thread' | 'off';
  /** Absent: this server records nothing that time brings about. */
  readonly timekeeper?: TimekeeperBounds;
  readonly bodyLimit: number;
  /** Streams of the history that may be open at once. */
  readonly liveStreams: number;
  readonly pastViews: PastViewsBounds;
  readonly limits: Limits;
}

export interface TimekeeperBounds {
  /** Commands a second at most. */
  readonly rate: number;
  /** How long one of several servers keeps time before another may, where it has not said that it stops. */
  readonly leaseSeconds: number;
}

/** How many views of the past may be kept and projected at once. */
export interface PastViewsBounds {
  /** Views that are projected at the same time. */
  readonly atOnce: number;
  /** Views that wait for their turn; at most half of them for one partner. */
  readonly waiting: number;
  /** Views that are kept for more pages and questions, and their total size. */
  readonly kept: number;
  readonly keptBytes: number;
  /** What is left free on the disk: the log is on it too, and questions about the past must not stop commands. */
  readonly freeBytes: number;
  /** How long an unused view is kept, in seconds. */
  readonly idleSeconds: number;
}

/** How much one client may ask for, and how slowly. */
export interface Limits {
  /** The requests of one caller in a window; 0: any number. */
  readonly requests: number;
  readonly windowSeconds: number;
  /** The refused tokens of one remote address in a window; 0: any number. */
  readonly failedTokens: number;
  /** How long a client may take to send a whole request, and to take any part of an answer. */
  readonly clientTimeoutSeconds: number;
  /** The proxies whose X-Forwarded-For is trusted. */
  readonly trustedProxies: readonly string[];
}

const ownVariables = [...fieldsOfClass(Environment).keys()];

/** Every variable that the server reads. */
export const variables = [...ownVariables, ...eventLogVariables];

/**
 * The configuration that an environment asks for.
 * @throws StartupFailure with one line for every fault
 */
export function configuration(env: Readonly<Record<string, string | undefined>>): Configuration {
  // An empty variable counts as not set. Only an empty METRICS_PORT has a meaning: no metrics.
  const given = Object.fromEntries(ownVariables.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
  const { value, errors } = validated(Environment, given);
  const faults = (errors ?? []).map(
    ({ pointer, detail }) => `${pointer.slice(1)} ${detail}, but is ${shown(env[pointer.slice(1)] ?? '')}`,
  );
  const dataDirectory = resolve(given['DATA_DIR'] ?? './data');
  const { log, faults: faultsOfTheLog, notices } = eventLogOf(env, dataDirectory);
  faults.push(...faultsOfTheLog);
  if (log.store === 'kurrentdb' && !given['KEYS_DIR'])
    faults.push(
      'KEYS_DIR must be set with EVENT_STORE=kurrentdb: the directory of the secrets that all servers of the ledger share; npm run keys -- --make DIR makes them, once',
    );
  const jwt = [given['JWT_ISSUER'], given['JWT_AUDIENCE']];
  if (given['JWKS_URL'] && jwt.includes(undefined))
    faults.push('JWT_ISSUER and JWT_AUDIENCE must be set with JWKS_URL, so that tokens meant for others are refused');
  if (given['JWKS_URL'] && URL.canParse(given['JWKS_URL'])) {
    const { protocol, hostname } = new URL(given['JWKS_URL']);
    if (protocol !== 'https:' && !isLoopback(hostname))
      faults.push('JWKS_URL must be https: anyone who can change the keys in transit can make any token');
  }
  if (!given['JWKS_URL'] && (jwt.some(Boolean) || given['JWT_ALGORITHMS'] || given['JWT_PERSON_CLAIM']))
    faults.push(
      'JWKS_URL must be set with JWT_ISSUER, JWT_AUDIENCE, JWT_ALGORITHMS and JWT_PERSON_CLAIM, which have no meaning without it',
    );
  const host = given['HOST'] ?? '127.0.0.1';
  if (!given['JWKS_URL'] && !isLoopback(host) && given['ALLOW_EMBEDDED_KEY'] !== 'true')
    faults.push(
      `HOST ${shown(host)} can be reached from other machines, where the server's own key is not enough: set JWKS_URL, JWT_ISSUER and JWT_AUDIENCE, or ALLOW_EMBEDDED_KEY=true if you know who can reach it`,
    );
  const trustedProxies = given['TRUSTED_PROXIES']?.split(',') ?? [];
  const noNetwork = trustedProxies.find((proxy) => !isNetwork(proxy));
  if (noNetwork !== undefined && network.test(given['TRUSTED_PROXIES']!))
    faults.push(`TRUSTED_PROXIES must be addresses or networks with commas, but ${JSON.stringify(noNetwork)} is none`);
  const policy = policies[given['POLICY'] ?? defaultPolicy.name] ?? defaultPolicy;
  const { salesRegions, faults: faultsOfRegions } = salesRegionsOf(given['SALES_REGIONS'] ?? '');
  faults.push(...faultsOfRegions);
  if (given['SALES_REGIONS'] && !policy.salesRegions)
    faults.push(
      `SALES_REGIONS has no meaning with POLICY=${policy.name}, under which a partner sells in its own country`,
    );
  if (!value || faults.length > 0)
    throw new StartupFailure(
      `The configuration is not right:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
      badConfiguration,
    );

  const {
    JWKS_URL,
    JWT_ISSUER,
    JWT_AUDIENCE,
    JWT_ALGORITHMS = 'RS256',
    JWT_PERSON_CLAIM = 'scp',
    METRICS_PORT = 9464,
  } = value;
  return {
    port: value.PORT ?? 3000,
    host,
    dataDirectory,
    keysDirectory: value.KEYS_DIR === undefined ? join(dataDirectory, 'keys') : resolve(value.KEYS_DIR),
    log,
    notices,
    partnersFile: resolve(value.PARTNERS_FILE ?? './partners.json'),
    policy,
    salesRegions,
    ...(JWKS_URL === undefined
      ? {}
      : {
          issuer: {
            jwksUrl: new URL(JWKS_URL),
            issuer: JWT_ISSUER!,
            audience: JWT_AUDIENCE!,
            algorithms: JWT_ALGORITHMS.split(','),
            personClaim: personClaimOf(JWT_PERSON_CLAIM),
          },
        }),
    logLevel: value.LOG_LEVEL ?? 'info',
    ...(env['METRICS_PORT'] === '' ? {} : { metricsPort: METRICS_PORT }),
    viewLagLimitSeconds: value.VIEW_LAG_LIMIT_SECONDS ?? 10,
    clockJumpMaxSeconds: value.CLOCK_JUMP_MAX_SECONDS ?? 86_400,
    projector: value.PROJECTOR ?? 'thread',
    ...(value.TIMEKEEPER === 'off'
      ? {}
      : {
          timekeeper: {
            rate: value.TIMEKEEPER_RATE ?? 100,
            leaseSeconds: value.TIMEKEEPER_LEASE_SECONDS ?? 300,
          },
        }),
    bodyLimit: value.BODY_LIMIT_BYTES ?? 64 * 1024,
    liveStreams: value.MAX_LIVE_STREAMS ?? 100,
    pastViews: {
      atOnce: value.AS_OF_AT_ONCE ?? 2,
      waiting: value.AS_OF_WAITING ?? 20,
      kept: value.AS_OF_KEPT ?? 20,
      keptBytes: (value.AS_OF_KEPT_MIB ?? 2_048) * 1024 * 1024,
      freeBytes: (value.AS_OF_FREE_MIB ?? 256) * 1024 * 1024,
      idleSeconds: value.AS_OF_IDLE_SECONDS ?? 600,
    },
    limits: {
      requests: value.RATE_LIMIT ?? 60_000,
      windowSeconds: value.RATE_LIMIT_WINDOW_SECONDS ?? 60,
      failedTokens: value.FAILED_TOKEN_LIMIT ?? 600,
      clientTimeoutSeconds: value.CLIENT_TIMEOUT_SECONDS ?? 30,
      trustedProxies,
    },
  };
}

/** `claim` or `claim=value`. */
function personClaimOf(text: string): PersonClaim {
  const [name, ...value] = text.split('=');
  return { name: name!, ...(value.length > 0 ? { value: value.join('=') } : {}) };
}

/** Regions that name a shipped one add to it; a country belongs to one region. */
function salesRegionsOf(text: string): { readonly salesRegions: SalesRegions; readonly faults: readonly string[] } {
  const regions = new Map<string, string[]>();
  const faults: string[] = [];
  const taken = new Set<string>();
  for (const part of salesRegionsForm.test(text) ? text.split(';') : []) {
    const [name = '', countries = ''] = part.split('=').map((side) => side.trim());
    if (name === '') faults.push('SALES_REGIONS must name every region before its =');
    if (regions.has(name)) faults.push(`SALES_REGIONS must name ${shown(name)} once, with all its countries`);
    const codes = countries.split(',').map((code) => code.trim());
    for (const code of codes) {
      if (taken.has(code)) faults.push(`SALES_REGIONS must put ${code} into one region`);
      taken.add(code);
    }
    regions.set(name, codes);
  }
  return { salesRegions: Object.fromEntries(regions), faults };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

function isNetwork(text: string): boolean {
  const [address = '', bits] = text.split('/');
  const version = isIP(address);
  return version > 0 && (bits === undefined || Number(bits) <= (version === 4 ? 32 : 128));
}
