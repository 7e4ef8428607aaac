import { join, resolve } from 'node:path';
import { defaultPolicy, policies, type Policy, type SalesRegions } from '#customer-relationship';
import { eventLogOf, eventLogVariables, type EventLog } from '#event-log';
import { fieldsOfClass, Matching, OneOf, Optional, WholeText, type FieldsClass } from '#http';
import {
  badConfiguration,
  logFormats,
  logLevels,
  misspeltVariables,
  StartupFailure,
  type LogFormat,
  type LogLevel,
} from '#program';
import type { TelemetrySettings } from '#telemetry';
import { identityOf, IssuerVariables, type IdentitySettings } from './issuer-settings.js';
import { faultsOfLimits, limitsOf, LimitVariables, type Limits } from './limit-settings.js';
import { path } from './paths.js';
import { pastViewsOf, PastViewVariables, type PastViewsBounds } from './past-view-settings.js';
import { valuesOf } from './settings.js';
import { salesRegionsOf, SalesRegionVariables } from './sales-region-settings.js';
import { telemetryOf, TelemetryVariables } from './telemetry-settings.js';
import { timekeeperOf, TimeVariables, type TimekeeperBounds } from './time-settings.js';
import { faultsOfWeb, webOf, WebVariables, type WebSettings } from './web-settings.js';

class ServerVariables {
  @Optional(WholeText(0, 65535)) PORT?: number;
  @Optional(Matching(/^[A-Za-z0-9.:-]{1,255}$/, 'a host name or an address', '127.0.0.1')) HOST?: string;
  @Optional(Matching(path, 'a path, at most 4096 characters', './data')) DATA_DIR?: string;
  @Optional(Matching(path, 'a path, at most 4096 characters', './data/keys')) KEYS_DIR?: string;
  @Optional(Matching(path, 'a path, at most 4096 characters', './partners.json')) PARTNERS_FILE?: string;
  @Optional(OneOf(Object.keys(policies))) POLICY?: string;
  @Optional(OneOf(logLevels)) LOG_LEVEL?: LogLevel;
  @Optional(OneOf(logFormats)) LOG_FORMAT?: LogFormat;
  @Optional(WholeText(0, 65535)) METRICS_PORT?: number;
  @Optional(Matching(/^[A-Za-z0-9.:-]{1,255}$/, 'a host name or an address', '127.0.0.1')) METRICS_HOST?: string;
  @Optional(WholeText(1, 86_400)) VIEW_LAG_LIMIT_SECONDS?: number;
  @Optional(OneOf(['thread', 'off'])) PROJECTOR?: 'thread' | 'off';
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
  /** Who issues tokens; absent: the server's own key verifies them. */
  readonly identity?: IdentitySettings;
  /** The longest time that a token may be good for. */
  readonly tokenLifetimeMaxSeconds: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Absent: no metrics. */
  readonly metricsPort?: number;
  /** The host of the metrics: this machine alone unless set, whatever the server's own host is. */
  readonly metricsHost: string;
  readonly viewLagLimitSeconds: number;
  /** How far the clock may jump forward while the server runs, and still be trusted. */
  readonly clockJumpMaxSeconds: number;
  readonly projector: 'thread' | 'off';
  /** Absent: this server records nothing that time brings about. */
  readonly timekeeper?: TimekeeperBounds;
  readonly pastViews: PastViewsBounds;
  readonly limits: Limits;
  readonly web: WebSettings;
  /** Absent: nothing is exported. */
  readonly telemetry?: TelemetrySettings;
}

/** The classes of variables, one for each concern. */
const concerns = [
  ServerVariables,
  SalesRegionVariables,
  IssuerVariables,
  LimitVariables,
  PastViewVariables,
  TimeVariables,
  WebVariables,
  TelemetryVariables,
] as const;

type Environment = ServerVariables &
  SalesRegionVariables &
  IssuerVariables &
  LimitVariables &
  PastViewVariables &
  TimeVariables &
  WebVariables &
  TelemetryVariables;

const ownVariables = concerns.flatMap((concern) => [...fieldsOfClass(concern as FieldsClass).keys()]);

/** Every variable that the server reads. */
export const variables = [...ownVariables, ...eventLogVariables];

/**
 * The configuration that an environment asks for.
 * @throws StartupFailure with one line for every fault
 */
export function configuration(env: Readonly<Record<string, string | undefined>>): Configuration {
  // An empty variable counts as not set. Only an empty METRICS_PORT has a meaning: no metrics.
  const given: Readonly<Record<string, string | undefined>> = Object.fromEntries(
    ownVariables.flatMap((name) => (env[name] && !isOfKubernetes(name, env[name]) ? [[name, env[name]]] : [])),
  );
  const { value, faults } = environmentOf(given);
  const dataDirectory = resolve(given['DATA_DIR'] ?? './data');
  const { log, faults: faultsOfTheLog, notices } = eventLogOf(env, dataDirectory);
  const misspelt = misspeltVariables(env, variables);
  faults.push(...misspelt.faults, ...faultsOfTheLog);
  faults.push(...faultsOfWeb(given));
  if (log.store === 'kurrentdb' && !given['KEYS_DIR'])
    faults.push(
      'KEYS_DIR must be set with EVENT_STORE=kurrentdb: the directory of the secrets that all servers of the ledger share; npm run keys -- --make DIR makes them, once',
    );
  const host = given['HOST'] ?? '127.0.0.1';
  const policy = policies[given['POLICY'] ?? defaultPolicy.name] ?? defaultPolicy;
  const identity = identityOf(given, host);
  const salesRegions = salesRegionsOf(given, policy);
  const telemetry = telemetryOf(value, given);
  faults.push(...identity.faults, ...faultsOfLimits(given), ...salesRegions.faults, ...telemetry.faults);
  if (faults.length > 0)
    throw new StartupFailure(
      `The configuration is not right:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
      badConfiguration,
    );

  const timekeeper = timekeeperOf(value);
  return {
    port: value.PORT ?? 3000,
    host,
    dataDirectory,
    keysDirectory: value.KEYS_DIR === undefined ? join(dataDirectory, 'keys') : resolve(value.KEYS_DIR),
    log,
    notices: [...misspelt.notices, ...notices],
    partnersFile: resolve(value.PARTNERS_FILE ?? './partners.json'),
    policy,
    salesRegions: salesRegions.settings,
    ...(identity.settings ? { identity: identity.settings } : {}),
    tokenLifetimeMaxSeconds: value.JWT_LIFETIME_MAX_SECONDS ?? 86_400,
    logLevel: value.LOG_LEVEL ?? 'info',
    logFormat: value.LOG_FORMAT ?? 'auto',
    metricsHost: value.METRICS_HOST ?? '127.0.0.1',
    ...(env['METRICS_PORT'] === '' ? {} : { metricsPort: value.METRICS_PORT ?? 9464 }),
    viewLagLimitSeconds: value.VIEW_LAG_LIMIT_SECONDS ?? 10,
    clockJumpMaxSeconds: value.CLOCK_JUMP_MAX_SECONDS ?? 86_400,
    projector: value.PROJECTOR ?? 'thread',
    ...(timekeeper ? { timekeeper } : {}),
    pastViews: pastViewsOf(value),
    limits: limitsOf(value),
    web: webOf(value),
    ...(telemetry.settings ? { telemetry: telemetry.settings } : {}),
  };
}

/** Kubernetes sets METRICS_PORT to `tcp://…` in every pod beside a service that is called metrics. */
function isOfKubernetes(name: string, value: string): boolean {
  return name === 'METRICS_PORT' && /^(tcp|udp|sctp):\/\//.test(value);
}

/** The variables in their forms, without those that have a fault. */
function environmentOf(given: Readonly<Record<string, string | undefined>>) {
  const faults: string[] = [];
  const value: Environment = {};
  for (const concern of concerns as readonly FieldsClass[]) {
    const read = valuesOf(concern, given);
    Object.assign(value, read.value);
    faults.push(...read.faults);
  }
  return { value, faults };
}
